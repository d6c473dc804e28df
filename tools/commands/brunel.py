"""`spikesim brunel`: Brunel's balanced random network, compared with Brian2 (cpp_standalone) and NEST."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from spikesim.engines import simulate
from spikesim.errors import EngineError
from spikesim.files.measured_table import Table, save_table
from spikesim.models.brunel import Brunel, build, irregularity
from spikesim.network import Network
from spikesim.recording.monitor import Monitor
from spikesim.tools.commands.display import Display

PEERS = Path(__file__).resolve().parents[1] / "peers"
SKIP = 100.0  # ms of the initial transient, excluded from the statistics


def brunel(
    neurons: Annotated[
        int, typer.Option(min=10, help="Number of neurons; four fifths of them are excitatory.")
    ] = 10_000,
    inputs: Annotated[int, typer.Option(min=5, help="Incoming synapses per neuron.")] = 1000,
    ms: Annotated[float, typer.Option(min=1.0, help="Simulated time in ms.")] = 1000.0,
    rounds: Annotated[int, typer.Option(min=1, help="Runs of spikesim; the fastest is reported.")] = 3,
    brian2: Annotated[bool, typer.Option(help="Also run Brian2 (needs the extra brian2).")] = True,
    nest: Annotated[
        str,
        typer.Option(help="Python interpreter that has NEST (pip install nest-simulator). Default: no NEST."),
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 1,
    save: Annotated[Path | None, typer.Option(help="Write the table to this JSON file.")] = None,
) -> None:
    """Simulate Brunel's network (delay 1.5 ms, dt 0.1 ms) on one thread; compare time, rate and CV."""
    display = Display()
    config = Brunel(neurons=neurons, inputs=inputs)
    network = build(config, seed)
    rows = [_ours(network, config, ms, rounds)]
    display.say(_line(rows[-1]))
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "network.npz"
        _write(given, network, config, ms, seed)
        for name, python in (("brian2", sys.executable if brian2 else ""), ("nest", nest)):
            if python:
                rows.append(_peer(name, python, given, config, ms))
                display.say(_line(rows[-1]))
    table = Table(
        f"Brunel's network: {neurons:,} neurons, {inputs:,} synapses each, {ms:g} ms, one thread",
        ("Program", "seconds", "ns an event", "rate (Hz)", "CV"),
        tuple(rows),
        f"spikesim brunel --neurons {neurons} --inputs {inputs} --ms {ms:g}"
        + (" --nest PYTHON" if nest else ""),
        "Seconds: simulation only, without building the network and compiling. All programs have the same "
        "synapses and each its own noise. Rate and CV (neurons with at least three spikes) exclude the first "
        "100 ms.",
        {"neurons": neurons, "inputs": inputs, "ms": ms, "seed": seed},
    )
    display.say("\n" + table.markdown())
    if save is not None:
        save_table(table, save)


def _ours(network: Network, config: Brunel, ms: float, rounds: int) -> tuple[Any, ...]:
    steps, monitors = config.steps(ms), [Monitor("exc"), Monitor("inh")]
    simulate(network, steps=2, record=monitors)  # compiles
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        found = simulate(network, steps=steps, record=monitors)
        seconds.append(time.perf_counter() - begun)
    exc, inh = (found.monitors[monitor] for monitor in monitors)
    times = np.concatenate([exc.t, inh.t]) * config.dt
    ids = np.concatenate([exc.neurons, inh.neurons + network.populations["exc"].n])
    return ("spikesim", *_figures(min(seconds), times, ids, config, ms))


def _figures(seconds: float, times: Any, neurons: Any, config: Brunel, ms: float) -> tuple[Any, ...]:
    """Seconds, nanoseconds per synaptic event (one spike at one synapse), rate in Hz, and CV."""
    kept = times > SKIP if ms > 2 * SKIP else times >= 0
    span = (ms - (SKIP if ms > 2 * SKIP else 0)) / 1000
    rate, cv = irregularity(times[kept], neurons[kept], config.neurons, span)
    return seconds, seconds / max(1, len(times) * config.inputs) * 1e9, rate, cv


def _write(path: Path, network: Network, config: Brunel, ms: float, seed: int) -> None:
    """Write the network for the other simulators, numbering the excitatory neurons first."""
    shift = {"exc": 0, "inh": network.populations["exc"].n}
    arrays: dict[str, Any] = {}
    for kind in ("exc", "inh"):
        mine = [p for p in network.projections if p.pre == kind]
        arrays[f"i_{kind}"] = np.concatenate([p.rows for p in mine]).astype(np.int32) + shift[kind]  # type: ignore[attr-defined]
        arrays[f"j_{kind}"] = np.concatenate([p.indices + np.int32(shift[p.post]) for p in mine])  # type: ignore[attr-defined]
        arrays[f"n_{kind}"] = network.populations[kind].n
    values = {
        name: getattr(config, name)
        for name in ("J", "g", "tau", "theta", "reset", "refractory", "delay", "dt")
    }
    np.savez(path, **arrays, **values, drive=config.drive, ms=ms, seed=seed)


def _peer(name: str, python: str, given: Path, config: Brunel, ms: float) -> tuple[Any, ...]:
    """Run another simulator in a separate process, because it keeps global state."""
    out = given.with_name(f"{name}.npz")
    done = subprocess.run(
        [python, str(PEERS / f"brunel_{name}.py"), str(given), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not out.exists():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EngineError(
            f"{name}: the run failed ({last}). Install {name}, or skip it with --no-brian2 or without --nest"
        )
    found = np.load(out, allow_pickle=False)
    figures = _figures(float(found["seconds"]), found["times"], found["neurons"], config, ms)
    return (f"{name} {found['version']}", *figures)


def _line(row: tuple[Any, ...]) -> str:
    return f"{row[0]}: {row[1]:.2f} s, {row[2]:.2f} ns per event, {row[3]:.2f} Hz, CV {row[4]:.3f}"
