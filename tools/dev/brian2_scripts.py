"""Brian2 scripts as users write them: read, run by both programs, and compared spike for spike.

    python -m spikesim.tools.dev.brian2_scripts             all scripts of tests/backends/brian2/scripts
    python -m spikesim.tools.dev.brian2_scripts cuba --save

A script is not changed: its `run` is caught, the network is read just before, and then Brian2 runs it (numpy
target) with monitors on all groups. The random numbers of a run are Brian2's own: spikes of a PoissonGroup
are recorded and given to the read network as those of a Source, and so are the numbers of a PoissonInput, as
a current. Exit status 1 where something read is not equal, or an exception is not ours.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2.importer import from_brian2
from spikesim.engines import simulate
from spikesim.errors import SpikesimError
from spikesim.files.measured_table import Table, save_table
from spikesim.network import Network
from spikesim.neurons import PoissonSource, Source
from spikesim.spikes import from_raster
from spikesim.synapses import CurrentInput, PoissonInput

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests" / "backends" / "brian2" / "scripts"
RESULT = "brian2/scripts"
MODULE = "python -m spikesim.tools.dev.brian2_scripts"
BEFORE = "Before `Brian2Linear` and its reader: 5 equal, 27 refused, 0 wrong."
EQUAL, REFUSED, WRONG, RAW = "equal", "refused", "wrong", "exception"
WEIGHTS = 1e-9  # of learned weights, relative to the largest


@dataclass(frozen=True)
class Result:
    """What became of a script.

    Attributes:
        name: of the script.
        outcome: EQUAL, REFUSED, WRONG or RAW.
        detail: the refusal, or what differs.
        spikes: spikes of neurons in Brian2.
        gap: largest difference of a learned weight, relative to the largest weight; None without learning.
    """

    name: str
    outcome: str
    detail: str = ""
    spikes: int = 0
    gap: float | None = None


class Done(Exception):
    """Ends a script after its first run."""


def result_of(name: str) -> Result:
    """Run one script, and compare."""
    import brian2 as b2

    b2.start_scope()
    b2.defaultclock.dt = 0.1 * b2.ms
    found: list[Result] = []

    def caught(duration: Any, *_: Any, namespace: Any = None, level: int = 0, **__: Any) -> None:
        from brian2.core.namespace import get_local_namespace

        names = get_local_namespace(level + 1) if namespace is None else namespace
        found.append(_compared(b2, name, b2.collect(level + 1), names, duration))
        raise Done

    target = b2.prefs["codegen.target"]
    b2.prefs["codegen.target"] = "numpy"
    try:
        with mock.patch.object(b2, "run", caught):
            runpy.run_path(str(SCRIPTS / f"{name}.py"))
    except Done:
        return found[0]
    finally:
        b2.prefs["codegen.target"] = target
    raise AssertionError(f"{name}: the script runs nothing")


def _compared(b2: Any, name: str, objects: Any, names: Mapping[str, Any], duration: Any) -> Result:
    """Read the network of a script, run it in both programs, and compare."""
    parts = [thing for thing in objects if not _records(b2, thing)]
    try:
        network = from_brian2(parts, namespace=names)
    except SpikesimError as refusal:
        return Result(name, REFUSED, str(refusal))
    except Exception as problem:  # noqa: BLE001 - a raw exception is one of the outcomes
        return Result(name, RAW, f"{type(problem).__name__}: {problem}")
    steps = round(float(duration) / float(b2.defaultclock.dt_))
    groups = [part for part in parts if isinstance(part, b2.NeuronGroup | b2.PoissonGroup)]
    seen = {group.name: b2.SpikeMonitor(group) for group in groups if group.events}
    awake = {
        group.name: b2.StateMonitor(group, "not_refractory", record=True, when="before_synapses")
        for group in groups
        if "not_refractory" in group.variables and any(drive.post == group.name for drive in network.drives)
    }
    with _numbers(network) as drawn:
        running = b2.Network(*parts, *seen.values(), *awake.values())
        running.run((steps - 1) * b2.defaultclock.dt, namespace=dict(names))
        weights = {p.name: _weights(parts, p.name) for p in network.online}
        running.run(b2.defaultclock.dt, namespace=dict(names))
    truth = {key: _raster(monitor, network.populations[key].n, steps) for key, monitor in seen.items()}
    receiving = {key: np.asarray(monitor.not_refractory).T.astype(bool) for key, monitor in awake.items()}
    network, inputs = _with_brian2s_numbers(network, truth, drawn, receiving)
    cells = [part.name for part in groups if isinstance(part, b2.NeuronGroup)]
    ours = simulate(network, inputs, steps=steps, record=cells)
    apart = {key: int((ours.spikes[key].raster() != truth[key]).sum()) for key in cells if key in truth}
    spikes = sum(int(truth[key].sum()) for key in cells if key in truth)
    gap = _gap(network, ours, weights)
    if any(apart.values()) or (gap or 0.0) > WEIGHTS:
        return Result(name, WRONG, f"differing spikes {apart}, weights {gap}", spikes, gap)
    return Result(name, EQUAL, "", spikes, gap)


def _records(b2: Any, thing: Any) -> bool:
    return isinstance(thing, b2.EventMonitor | b2.StateMonitor | b2.PopulationRateMonitor)


def _raster(monitor: Any, n: int, steps: int) -> npt.NDArray[np.int8]:
    """Spikes of a monitor, (steps, n)."""
    raster = np.zeros((steps, n), np.int8)
    at = np.rint(np.asarray(monitor.t / monitor.clock.dt)).astype(int)
    np.add.at(raster, (at, np.asarray(monitor.i)), 1)
    return raster


@contextmanager
def _numbers(network: Network) -> Iterator[list[Any]]:
    """The random numbers that Brian2's PoissonInputs draw while it runs, in order: steps times inputs."""
    drawn: list[Any] = []
    if not any(isinstance(drive, PoissonInput) for drive in network.drives):
        yield drawn
        return
    binomial, normal = np.random.binomial, np.random.normal

    def kept(draw: Any) -> Any:
        def recorded(*arguments: Any, **options: Any) -> Any:
            values = draw(*arguments, **options)
            if np.size(values) > 1:  # Brian2 draws single numbers, too, to look at units
                drawn.append(np.array(values, np.float64))
            return values

        return recorded

    with mock.patch("numpy.random.binomial", kept(binomial)), mock.patch("numpy.random.normal", kept(normal)):
        yield drawn


def _with_brian2s_numbers(
    network: Network, truth: Mapping[str, Any], drawn: list[Any], receiving: Mapping[str, Any]
) -> tuple[Network, dict[str, Any]]:
    """The network with the random numbers of Brian2's run as inputs."""
    populations, drives = dict(network.populations), []
    inputs: dict[str, Any] = {}
    for name, population in network.populations.items():
        if isinstance(population, PoissonSource):
            populations[name] = Source(population.n)
            inputs[name] = from_raster(truth[name].astype(int))
    random = [drive for drive in network.drives if isinstance(drive, PoissonInput)]
    for drive in network.drives:
        if not isinstance(drive, PoissonInput):
            drives.append(drive)
            continue
        current = np.zeros((len(next(iter(truth.values()))), network.populations[drive.post].n))
        for t, values in enumerate(drawn[random.index(drive) :: len(random)][: len(current) - 1]):
            # Numbers are drawn for the neurons that receive them; what Brian2 adds after the thresholds of a
            # step acts in the next.
            whole = values.size == current.shape[1]
            current[t + 1, slice(None) if whole else receiving[drive.post][t]] = values * drive.w
        drives.append(CurrentInput(drive.post, drive.name, drive.receptor))
        inputs[drive.name] = current
    return replace(network, populations=populations, drives=tuple(drives)), inputs


def _weights(parts: Any, name: str) -> Any:
    """The synapses and weights of Brian2 for a projection of a rule: pre, post, delay and weight of each."""
    synapses = next(part for part in parts if name == part.name or name.startswith(f"{part.name}_delay_"))
    delays = np.asarray(synapses.pre.variables["delay"].get_value(), np.float64) / float(synapses.clock.dt_)
    i, j, w = (np.array(each[:]) for each in (synapses.i, synapses.j, synapses.w))
    return i, j, np.broadcast_to(np.floor(delays + 0.5).astype(int), i.shape), w


def _gap(network: Network, ours: Any, weights: Mapping[str, Any]) -> float | None:
    """The largest difference of learned weights, relative to the largest; None without learning."""
    gaps = []
    for p in network.online:
        i, j, delays, w = weights[p.name]
        mine = delays == p.longest_delay - 1
        order = np.argsort(i[mine], kind="stable")
        edges = p.edges(ours.state.weights[p.name])
        if not np.array_equal(edges.post, j[mine][order]):
            return float("inf")
        gaps.append(float(np.abs(edges.w - w[mine][order]).max() / np.abs(w).max()))
    return max(gaps) if gaps else None


def measured(names: Sequence[str]) -> tuple[Table, list[Result]]:
    """All scripts, as a table."""
    results = []
    for name in names:
        results.append(result_of(name))
        print(f"{name}: {results[-1].outcome} {results[-1].detail:.160}", flush=True)
    counts = Counter(result.outcome for result in results)
    rows = [
        (
            result.name.replace("_", " "),
            result.outcome,
            result.spikes if result.outcome != REFUSED else "",
            _reason(result.detail)
            if result.detail
            else ""
            if result.gap is None
            else f"weights to {result.gap:.0e}",
        )
        for result in results
    ]
    columns = ("script", "outcome", "spikes", "what is refused, or how close learned weights are")
    note = (
        f"{len(results)} scripts: {counts[EQUAL]} equal, {counts[REFUSED]} refused in words, "
        f"{counts[WRONG] + counts[RAW]} wrong. Equal: every spike of every neuron. Random numbers of a run "
        f"are Brian2's, given to both. {BEFORE}"
    )
    title = "Brian2 scripts as users write them: read, and compared with Brian2's own run"
    return Table(
        title, columns, tuple(rows), f"{MODULE} --save", note, data={"counts": dict(counts)}
    ), results


def _reason(refusal: str) -> str:
    """The construct that a refusal names."""
    text = refusal.removeprefix("from_brian2: ").split(" is not supported;")[0]
    return text.split(": ", 1)[-1].replace("|", "\\|").replace("\n", " ")[:90]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 where something is wrong."""
    known = sorted(path.stem for path in SCRIPTS.glob("*.py"))
    parser = argparse.ArgumentParser(prog=MODULE, description="Brian2 scripts, read and compared.")
    parser.add_argument("scripts", nargs="*", choices=[*known, []], help="all, if none is named")
    parser.add_argument("--save", action="store_true", help=f"write models/results/{RESULT}.json")
    given = parser.parse_args(arguments)
    table, results = measured(given.scripts or known)
    print(table.markdown())
    if given.save:
        save_table(table, ROOT / "models" / "results" / f"{RESULT}.json")
    return int(any(result.outcome in (WRONG, RAW) for result in results))


if __name__ == "__main__":
    sys.exit(main())
