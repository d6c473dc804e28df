"""`spikesim growth` and `spikesim endurance`: time and memory by network size and by duration."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from spikesim.engines import Stepped, simulate
from spikesim.files.measured_table import Table, save_table
from spikesim.network import Network
from spikesim.neurons import LIF, PoissonSource
from spikesim.recording.file import RecordingFile
from spikesim.recording.monitor import Monitor
from spikesim.synapses import PoissonInput, connect
from spikesim.tools.commands.display import Display

Save = Annotated[Path | None, typer.Option(help="Write the table to this JSON file.")]
K = 100  # incoming synapses per neuron
SMALLEST = 200_000  # least number of neurons for the measurement of memory
RATE = 0.01  # Poisson events per step; each makes its neuron fire at once


def growth(
    sizes: Annotated[
        str, typer.Option(help="Numbers of neurons, separated by commas.")
    ] = "10000,100000,1000000",
    steps: Annotated[int, typer.Option(min=1, help="Number of steps to time.")] = 200,
    save: Save = None,
) -> None:
    """Time per synaptic event and memory per synapse in random networks (100 synapses per neuron).

    Runs on one thread.
    """
    display, rows = Display(), []
    for n in (int(size) for size in sizes.split(",")):
        rows.append(_grown(n, steps))
        display.say(f"{n:,} neurons: {rows[-1][3]:.2f} ns per event, {rows[-1][4]:.2f} bytes per synapse")
    table = Table(
        "Random networks of 100 synapses per neuron, one thread",
        ("neurons", "synapses", "events", "ns an event", "bytes a synapse", "seconds to build"),
        tuple(rows),
        f"spikesim growth --sizes {sizes} --steps {steps}",
        "An event is one spike at one synapse; the time is that of the whole run, including neurons and "
        "input. Every synapse has its own weight (float32). Bytes: growth of the process's memory, network "
        "and engine.",
        {"sizes": sizes, "steps": steps, "synapses_a_neuron": K},
    )
    display.say("\n" + table.markdown())
    if save is not None:
        save_table(table, save)


def _grown(n: int, steps: int) -> tuple[Any, ...]:
    _run(_random(1000), 2)  # compiles
    copies = max(1, SMALLEST // n)  # enough neurons that fixed costs of the process do not matter
    before, begun = _memory(), time.perf_counter()
    networks = [_random(n) for _ in range(copies)]
    built = (time.perf_counter() - begun) / copies
    engines = [Stepped(network) for network in networks]
    held = (_memory() - before) / len(engines)
    seconds, events = _run(networks[0], steps, simulate(networks[0], steps=1).state)
    return n, n * K, events, seconds / events * 1e9, held / (n * K), built


def _random(n: int) -> Network:
    drawn = connect.uniform(-0.001, 0.001)
    synapses = connect.fixed_in_degree(
        "a", "a", n, n, K, lambda count, seed: drawn(count, seed).astype(np.float32), delay=1, seed=1
    )
    drive = PoissonInput("a", RATE, 2.0, seed=2)
    return Network({"a": LIF(n, theta=1.0, v_decay=0.05)}, (synapses,), drives=(drive,))


def _run(network: Network, steps: int, state: Any = None) -> tuple[float, int]:
    begun = time.perf_counter()
    found = simulate(network, steps=steps, state=state)
    return time.perf_counter() - begun, found.events


def endurance(
    minutes: Annotated[float, typer.Option(min=0.1, help="Simulated time in minutes (dt = 1 ms).")] = 60.0,
    neurons: Annotated[int, typer.Option(min=1, help="Number of sources and of neurons.")] = 1000,
    rate: Annotated[float, typer.Option(min=0.0, help="Rate of the sources in Hz.")] = 10.0,
    save: Save = None,
) -> None:
    """Record every spike of a long run to disk and measure how much the memory grows."""
    display = Display()
    network = Network(
        {"in": PoissonSource(neurons, rate / 1000, seed=1), "out": LIF(neurons, theta=1.0, v_decay=0.1)},
        (connect.one_to_one("in", "out", neurons, 1.5, delay=1),),
    )
    steps = round(minutes * 60_000)
    monitors = [Monitor("in"), Monitor("out")]
    with tempfile.TemporaryDirectory() as folder:
        warm = simulate(network, record=monitors, steps=min(steps, 60_000), to=Path(folder) / "warm.h5")
        before, begun = _peak(), time.perf_counter()
        simulate(network, record=monitors, steps=steps, to=Path(folder) / "long.h5", state=warm.state)
        seconds, grown = time.perf_counter() - begun, _peak() - before
        size = (Path(folder) / "long.h5").stat().st_size
        kept = RecordingFile(Path(folder) / "long.h5")
        spikes = sum(len(kept.series(monitor).t) for monitor in monitors)
    table = Table(
        f"{minutes:g} minutes of {neurons:,} neurons at {rate:g} Hz, every spike recorded",
        ("spikes", "seconds", "memory grew by (MB)", "file (MB)", "bytes a spike on disk"),
        ((spikes, seconds, grown / 1e6, size / 1e6, size / max(1, spikes)),),
        f"spikesim endurance --minutes {minutes:g} --neurons {neurons} --rate {rate:g}",
        "Sources and neurons are recorded. Memory: growth of the process's peak from minute 1 to the end.",
        {"minutes": minutes, "neurons": neurons, "rate": rate},
    )
    display.say(table.markdown())
    if save is not None:
        save_table(table, save)


def _memory() -> int:
    """Resident memory of the process in bytes; the peak, if the system does not report the present value."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return _peak()
    return pages * resource.getpagesize()


def _peak() -> int:
    """Peak resident memory of the process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
