"""Random networks on every engine that runs them; the first difference is an error.

    python -m spikesim.tools.dev.fuzz --networks 2000 --save
    python -m spikesim.tools.dev.fuzz --learning --networks 500 --save

Networks are functions of their seed: see `spikesim.tools.dev.random_networks` and, for --learning (rules
that act in every step), `spikesim.tools.dev.random_learning`. Compared are all spikes, membranes and counts,
classes, learnt weights, clips, and where a run stands at its end; a run without end is played once more in
two pieces on two engines, and has to end where the whole run ends.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.engines import Naive, Stepped
from spikesim.errors import EngineError, SpikesimError
from spikesim.files.measured_table import Cell, Table, save_table
from spikesim.neurons.description import uniform
from spikesim.recording import Recording
from spikesim.recording import state as states
from spikesim.spikes import Spikes, from_raster
from spikesim.tools.dev import compare_learning
from spikesim.tools.dev.random_learning import learning
from spikesim.tools.dev.random_networks import KINDS, Example, example

RESULT = Path("models/results/engines/fuzz.json")
LEARNING = Path("models/results/engines/fuzz_learning.json")
COLUMNS = ("kind", "networks", "engines", "neurons", "synapses", "spikes", "membranes", "differing")
ENGINES = {
    "endless": "naive, stepped; in two pieces",
    "presented": "naive, stepped",
    "layered": "naive, stepped, windowed",
}


def difference(a: Recording, b: Recording, names: Sequence[str]) -> str | None:
    """What differs between two recordings of everything, in a word and the population's name; None:
    nothing.
    """
    if a.counts.keys() != b.counts.keys() or a.v.keys() != b.v.keys() or a.spikes.keys() != b.spikes.keys():
        return "what was recorded"
    for name in names:
        if a.spikes[name] != b.spikes[name]:
            return f"spikes of {name}"
        if name in a.v and not np.array_equal(a.v[name], b.v[name]):
            return f"membranes of {name}"
        if not np.array_equal(a.counts[name], b.counts[name]):
            return f"counts of {name}"
    if not np.array_equal(a.predictions, b.predictions):
        return "predictions"
    if a.clipped != b.clipped:
        return "clips"
    if (a.state is None) != (b.state is None) or (a.state and b.state and not states.same(a.state, b.state)):
        return "the state at the end"
    return None


def compare(drawn: Example, seen: Counter[str]) -> list[str]:
    """What differs between the engines that run a network; notes in `seen` what was compared."""
    names = drawn.network.order
    truth, masters = drawn.play("naive")
    found = []
    others = ["stepped", "windowed"] if drawn.steps is None else ["stepped"]
    for name in others:
        try:
            recording, learnt = drawn.play(name)
        except EngineError:
            if name != "windowed":  # which runs layered networks only
                raise
            continue
        seen[f"on {name}"] += 1
        what = difference(truth, recording, names) or _weights(masters, learnt)
        found += [f"{name}: {what}"] if what else []
    if drawn.steps is not None:
        what = split(drawn, truth)
        found += [f"in two pieces: {what}"] if what else []
    _count(drawn, truth, seen)
    return found


def _weights(a: Mapping[str, Any], b: Mapping[str, Any]) -> str | None:
    for name, masters in a.items():
        if not np.array_equal(masters, b[name]):
            return f"weights of {name}"
    return None


def split(drawn: Example, whole: Recording) -> str | None:
    """What differs when a run is cut in two, one piece on each engine; None for nothing."""
    assert drawn.steps is not None
    cut = 1 + drawn.seed % (drawn.steps - 1)
    record, state = tuple(drawn.network.populations), None
    kinds: tuple[type[Naive] | type[Stepped], ...] = (
        (Naive, Stepped) if drawn.seed % 4 == 0 else (Stepped, Naive)
    )
    for kind, first, last in zip(kinds, (0, cut), (cut, drawn.steps), strict=True):
        inputs = {name: _piece(given, first, last, drawn.steps) for name, given in drawn.inputs.items()}
        part = kind(drawn.network).advance(last - first, inputs, {}, record, state)
        for name, spikes in part.spikes.items():
            if not np.array_equal(spikes.raster(), whole.spikes[name].raster()[first:last]):
                return f"spikes of {name}"
        state = part.state
    assert state is not None and whole.state is not None
    return None if states.same(state, whole.state) else "the state at the end"


def _piece(given: Any, first: int, last: int, steps: int) -> Any:
    """What is given in the steps first <= t < last."""
    if isinstance(given, Spikes):
        return from_raster(given.raster()[None, first:last])
    return given[first:last] if given.ndim == 2 and len(given) == steps else given


def _count(drawn: Example, truth: Recording, seen: Counter[str]) -> None:
    """Note how much was compared, so that equality is not that of silent networks."""
    network = drawn.network
    seen["networks"] += 1
    seen["neurons"] += sum(network.populations[name].n for name in drawn.moving)
    seen["synapses"] += sum(int(np.size(network.weights(p.name))) for p in network.projections)
    seen["membranes"] += sum(v.size for v in truth.v.values())
    for name, p in network.populations.items():
        spikes = truth.spikes[name]
        seen["spikes"] += spikes.times.size if name in drawn.moving else 0
        seen["negative spikes"] += 0 if spikes.signs is None else int((spikes.signs < 0).sum())
        seen[type(p).__name__] += 1
        values = {q.name: np.asarray(getattr(p, q.name)) for q in p.description.parameters}
        seen["neuron by neuron"] += not all(uniform(value) for value in values.values())
        seen["refractory"] += bool(np.any(values.get("refractory", 0)))
        seen["gates"] += p.gate_by is not None
        seen["gates with an upper end"] += getattr(p, "gate_below", None) is not None
        seen["silent"] += name in drawn.silent
    for q in network.projections:
        seen[type(q).__name__] += 1
        seen["weights that decay"] += getattr(q.plastic, "decay_every", None) is not None
        seen["synapses with delays"] += q.longest_delay > q.delay
        seen["receptors"] += q.receptor is not None
        seen["recurrent"] += q.pre == q.post
    seen["Poisson drives"] += sum(not drive.given for drive in network.drives)
    seen["currents"] += sum(drive.given for drive in network.drives)
    seen["learning"] += bool(network.plastic) and drawn.learn
    seen["clips"] += sum(truth.clipped.values())


def run(first: int, networks: int, largest: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """Compare the networks of the seeds from `first` on: what was seen by kind, and what differed."""
    seen = {kind: Counter[str]() for kind in dict.fromkeys(KINDS)}
    wrong: list[str] = []
    begun = time.perf_counter()
    for k, seed in enumerate(range(first, first + networks)):
        kind = KINDS[seed % 4]
        found = compare(example(seed, largest), seen[kind])
        seen[kind]["differing"] += bool(found)
        for what in found:
            wrong.append(f"seed {seed} ({kind}): {what}")
            print(wrong[-1], flush=True)
        if (k + 1) % 100 == 0:
            print(f"{k + 1} networks, {len(wrong)} differ, {time.perf_counter() - begun:.0f} s", flush=True)
    return seen, wrong


def table(seen: Mapping[str, Counter[str]], first: int, networks: int, largest: int) -> Table:
    """What a run has compared."""
    rows: list[tuple[Cell, ...]] = [
        (
            kind,
            c["networks"],
            ENGINES[kind],
            c["neurons"],
            c["synapses"],
            c["spikes"],
            c["membranes"],
            c["differing"],
        )
        for kind, c in seen.items()
    ]
    total = sum(seen.values(), Counter[str]())
    sums = (total[key] for key in ("neurons", "synapses", "spikes", "membranes", "differing"))
    rows.append(("all", total["networks"], "", *sums))
    others = {key: n for key, n in sorted(total.items()) if key not in COLUMNS}
    return Table(
        title="Random networks on the engines: every spike, membrane, count, class and weight is compared",
        columns=COLUMNS,
        rows=tuple(rows),
        command="python -m spikesim.tools.dev.fuzz "
        f"--networks {networks} --first {first} --largest {largest}",
        notes="Spikes and membranes of the populations that integrate. Among them: "
        + ", ".join(f"{key} {n:,}" for key, n in others.items())
        + ".",
        config={"networks": networks, "first": first, "largest": largest},
        data={kind: dict(counter) for kind, counter in seen.items()},
    )


def run_learning(first: int, networks: int, largest: int) -> tuple[compare_learning.Seen, list[str]]:
    """Compare networks that learn in every step on naive and stepped, whole and in two pieces."""
    seen, wrong = compare_learning.Seen(), []
    for seed in range(first, first + networks):
        drawn = learning(seed, largest)
        truth, found = (compare_learning.run(drawn, made) for made in (Naive, Stepped))
        order = (Naive, Stepped) if seed % 2 else (Stepped, Naive)
        pieces = compare_learning.in_two_pieces(drawn, order)
        compare_learning.count(drawn, truth, {"stepped": found, "two pieces": pieces}, seen)
        for how, other in (("stepped", found), ("in two pieces", pieces)):
            what = compare_learning.difference(drawn, truth, other)
            wrong += [f"seed {seed} ({drawn.kind}): {how}: {what}"] if what else []
    return seen, wrong


def learning_table(seen: compare_learning.Seen, wrong: list[str], options: argparse.Namespace) -> Table:
    """What a run of --learning has compared, by rule."""
    rows: list[tuple[Cell, ...]] = []
    for rule, by in sorted(seen.counts.items()):
        gaps = [seen.gaps[f"{rule} on {how}"] for how in ("stepped", "two pieces")]
        differing = by["differing on stepped"] + by["differing on two pieces"]
        changed = seen.moved[rule] / by["synapses"]
        rows.append((rule, by["projections"], by["synapses"], by["changes"], changed, *gaps, differing))
    n = seen.networks
    command = f"python -m spikesim.tools.dev.fuzz --learning --networks {options.networks}"
    return Table(
        title="Random networks with online rules: naive and stepped, and a run in two pieces, one on each",
        columns=(
            "rule",
            "projections",
            "weights",
            "changes",
            "mean change",
            "gap on stepped",
            "gap in two pieces",
            "differing",
        ),
        rows=tuple(rows),
        command=f"{command} --first {options.first} --largest {options.largest} --save",
        notes=f"{n['networks']} networks, {n['spikes']:,} spikes of neurons; {len(wrong)} comparisons differ "
        f"in a spike, weight, membrane or trace. Learning changes the spikes of "
        f"{n['networks whose spikes learning changes']} networks. Gaps of weights are relative to the larger "
        f"end of the clip range; SquareSTDP has to be equal, others to {compare_learning.TOLERANCE:.0e}.",
        config={"networks": options.networks, "first": options.first, "largest": options.largest},
        data={rule: dict(by) for rule, by in seen.counts.items()} | {"networks": dict(n), "wrong": wrong},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when nothing differs, 1 when something does, 2 on an error."""
    parser = argparse.ArgumentParser(prog="python -m spikesim.tools.dev.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--largest", type=int, default=8, help="neurons of a population")
    parser.add_argument("--learning", action="store_true", help="networks that learn in every step")
    parser.add_argument("--save", action="store_true", help=f"write the table to {RESULT.parent}")
    options = parser.parse_args(arguments)
    try:
        if options.learning:
            learned, wrong = run_learning(options.first, options.networks, options.largest)
            found = learning_table(learned, wrong, options)
        else:
            seen, wrong = run(options.first, options.networks, options.largest)
            found = table(seen, options.first, options.networks, options.largest)
        print(found.markdown(), *wrong, sep="\n")
        if options.save:
            save_table(found, LEARNING if options.learning else RESULT)
    except SpikesimError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
