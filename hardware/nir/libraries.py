"""Libraries that read NIR: the settings with which each runs a graph, and how its Python is called."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikesim.hardware.neurons import leaks
from spikesim.network.scheduling import is_source
from spikesim.neurons import LIF

SCRIPT = Path(__file__).resolve().parent / "peers" / "nir_peers.py"
GRAPHS = SCRIPT.with_name("library_graphs.py")
PEERS = ("norse", "spikingjelly", "snntorch", "sinabs")
SECONDS = 900


@dataclass(frozen=True)
class Setting:
    """Settings of a library for running a graph of ours.

    Attributes:
        peer: the library.
        said: the settings, for the table.
        dt: given to the library's reader.
        plain: the library as it comes.
        leaky: neurons without a leak are written with one of 1e-14 a step, in steps of 1e-4.
    """

    peer: str
    said: str
    dt: float = 1.0
    plain: bool = True
    leaky: bool = False


SETTINGS = (
    Setting("norse", "from_nir(dt=1)"),
    Setting("spikingjelly", "import_from_nir(dt=1), nirtorch 2.6"),
    Setting("snntorch", "as it comes"),
    Setting("snntorch", "graph with LIF, tau = 1e10, r = tau / 1e-4", 1e-4, leaky=True),
    Setting("sinabs", "as it comes"),
    Setting("sinabs", "SingleSpike, MembraneReset, min_v_mem=None", plain=False),
)


def leaking(population: Any) -> Any:
    """The same neurons with a leak too small for float32; sources and neurons that leak are not changed."""
    if is_source(population) or leaks(population):
        return population
    return LIF(population.n, population.theta, None, 1.0, 1e-14, bias=population.bias)


def call(python: str, *arguments: str, script: Path = SCRIPT) -> str:
    """Run a script in a library's Python; returns its last message if it failed, else ""."""
    try:
        done = subprocess.run(
            [python, str(script), *arguments], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"{type(problem).__name__}: {problem}"[:200]
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return "" if done.returncode == 0 else (lines or ["no word"])[-1][:200]
