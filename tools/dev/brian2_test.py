"""Our engines against Brian2: random networks, training, online learning, and a trained network in C++.

    python -m spikesim.tools.dev.brian2_test networks --networks 200 --save
    python -m spikesim.tools.dev.brian2_test training --save
    python -m spikesim.tools.dev.brian2_test learning --networks 100 --save
    python -m spikesim.tools.dev.brian2_test standalone RUN --save

A network of a seed is that of `spikesim.tools.dev.random_networks`, or of `random_learning` where it learns
in every step. Exit status 1 where something differs.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.backends.brian2.backend import Brian2
from spikesim.datasets import mnist
from spikesim.engines import Naive, Stepped, Windowed
from spikesim.errors import SpikesimError
from spikesim.files.measured_table import Table, save_table
from spikesim.learning import CountRule
from spikesim.models.emstdp import Emstdp, build, encoder
from spikesim.recording import Recording
from spikesim.tools.commands.given import experiment_of
from spikesim.tools.dev import compare_learning
from spikesim.tools.dev.fuzz import difference
from spikesim.tools.dev.random_learning import KINDS, learning
from spikesim.tools.dev.random_networks import Example, example
from spikesim.training.run import Run

RESULTS = Path("models/results/brian2")
MODULE = "python -m spikesim.tools.dev.brian2_test"


def play(drawn: Example, made: type[Any]) -> tuple[Recording, Any]:
    """A random network on Brian2 or the naive engine, everything recorded, and its weights at the end.

    Normalised steps promise equality among our own engines only: such networks do not learn here.
    """
    running, record = made(drawn.network), tuple(drawn.network.populations)
    if drawn.steps is not None:
        return running.advance(drawn.steps, drawn.inputs, {}, record), {}
    rules = [p.plastic for p in drawn.network.plastic]
    exact = all(isinstance(rule, CountRule) and rule.step == "plain" for rule in rules)
    found = running.run(
        drawn.inputs,
        drawn.labels,
        record,
        drawn.learn and exact,
        drawn.batch,
        silent=drawn.silent,
        learnt=drawn.learnt,
    )
    return found, running.masters


def compare(drawn: Example, seen: Counter[str]) -> str | None:
    """What differs between Brian2 and the naive engine; None: nothing. Counts what was compared."""
    (truth, weights), (found, learnt) = play(drawn, Naive), play(drawn, Brian2)
    seen["networks"] += 1
    seen["neurons"] += sum(p.n for p in drawn.network.populations.values())
    seen["spikes"] += sum(len(spikes.times) for spikes in truth.spikes.values())
    seen["membranes"] += sum(v.size for v in truth.v.values())
    seen["weights"] += sum(w.size for w in weights.values())
    if any(not np.array_equal(w, learnt[name]) for name, w in weights.items()):
        return "weights"
    return difference(truth, found, tuple(drawn.network.populations))


def networks(first: int, count: int) -> tuple[Table, list[str]]:
    """Random networks on Brian2's numpy target, beside the naive engine."""
    seen: dict[str, Counter[str]] = {}
    problems = []
    for seed in range(first, first + count):
        drawn = example(seed)
        kind = "endless" if drawn.steps is not None else "with EMSTDP" if drawn.learn else "presented"
        try:
            problem = compare(drawn, seen.setdefault(kind, Counter()))
        except SpikesimError as refused:
            problem = f"refused: {refused}"
        if problem:
            problems.append(f"seed {seed}: {problem}")
            seen[kind]["differing"] += 1
        if (seed - first) % 10 == 9:
            print(f"{seed - first + 1} networks, {len(problems)} differ", flush=True)
    keys = ("networks", "neurons", "spikes", "membranes", "weights", "differing")
    rows = [(kind, *(seen[kind][key] for key in keys)) for kind in sorted(seen)]
    rows.append(("all", *(sum(by[key] for by in seen.values()) for key in keys)))
    command = f"{MODULE} networks --first {first} --networks {count} --save"
    title = "Random networks on Brian2 (numpy) and on the naive engine: everything recorded, and weights"
    note = "Learnt weights are compared where rules have a plain step; the others do not learn here."
    return Table(title, ("kind", *keys), tuple(rows), command, note, data={"problems": problems}), problems


def training(samples: int) -> tuple[Table, list[str]]:
    """EMSTDP 784-100-10 on Brian2 and on the windowed engine: the same weights."""
    split = mnist().train.take(samples)
    rows, problems, configs = [], [], {}
    for feedback in ("symmetric", "fa", "dfa"):
        config = Emstdp(sizes=(784, 100, 10), feedback=feedback)
        network = build(config, seed=1)
        spikes = encoder(config).encode(split.x, split.index, config.T // 2, 1)
        ours, theirs = Windowed(network), Brian2(network)
        a = ours.run({"in": spikes}, split.y, learn=True)
        b = theirs.run({"in": spikes}, split.y, learn=True)
        moved = sum(int((w != network.masters()[name]).sum()) for name, w in ours.masters.items())
        wrong = sum(int((w != theirs.masters[name]).sum()) for name, w in ours.masters.items())
        counts = sum(int((a.counts[name] != b.counts[name]).sum()) for name in a.counts)
        if wrong or counts or a.clipped != b.clipped:
            problems.append(f"{feedback}: {wrong} weights, {counts} counts")
        size = sum(w.size for w in ours.masters.values())
        rows.append((feedback, samples, size, moved, wrong, counts, round(theirs.seconds, 1)))
        configs[feedback] = asdict(config)
        print(rows[-1], flush=True)
    columns = ("feedback", "samples", "weights", "changed", "differing", "counts differing", "Brian2 seconds")
    title = "EMSTDP training, 784-100-10, MNIST: Brian2 (numpy) and the windowed engine, weight for weight"
    command = f"{MODULE} training --samples {samples} --save"
    note = "With one hidden layer feedback alignment (fa) and its direct form (dfa) are one network."
    return Table(title, columns, tuple(rows), command, note, configs), problems


def online(first: int, count: int) -> tuple[Table, list[str]]:
    """Random networks that learn in every step on Brian2's numpy target, beside the engine stepped."""
    seen, problems = compare_learning.Seen(), []
    for seed in range(first, first + count):
        drawn = learning(seed)
        try:
            truth, found = (compare_learning.run(drawn, made) for made in (Stepped, Brian2))
        except SpikesimError as refused:
            problems.append(f"seed {seed}: refused: {refused}")
            continue
        compare_learning.count(drawn, truth, {"Brian2": found}, seen)
        problem = compare_learning.difference(drawn, truth, found)
        problems += [f"seed {seed}: {problem}"] if problem else []
        if (seed - first) % 10 == 9:
            print(f"{seed - first + 1} networks, {len(problems)} differ", flush=True)
    rows = []
    for rule, by in sorted(seen.counts.items()):
        size, gap = by["synapses"], seen.gaps[f"{rule} on Brian2"]
        exact = rule.startswith("SquareSTDP")
        what = "equal" if exact else f"{compare_learning.TOLERANCE:.0e} of the clip range"
        changed = seen.moved[rule] / size
        equal, wrong = by["equal on Brian2"], by["differing on Brian2"]
        rows.append((rule, by["projections"], size, by["changes"], changed, what, equal, gap, wrong))
    columns = (
        "rule",
        "projections",
        "weights",
        "changes",
        "mean change",
        "promised",
        "equal bits",
        "largest gap",
        "differing",
    )
    n = seen.networks
    note = (
        f"{n['networks']} networks of {len(KINDS)} kinds, {n['steps']:,} steps, {n['spikes']:,} spikes of "
        f"neurons; {len(problems)} networks differ in a spike, weight, membrane or trace. Learning changes "
        f"the spikes of {n['networks whose spikes learning changes']} networks. Changes: of a weight in a "
        f"step. Mean change: from the first to the last step, in the unit of the threshold. Gap: relative to "
        f"the larger end of the clip range. Between two spikes Brian2's traces decay by one exponential, "
        f"ours by a factor in every step."
    )
    command = f"{MODULE} learning --first {first} --networks {count} --save"
    title = "Random networks with online rules: learned weights on Brian2 (numpy) and on the engine stepped"
    data = {"problems": problems, "networks": dict(n)} | {k: dict(by) for k, by in seen.counts.items()}
    return Table(title, columns, tuple(rows), command, note, data=data), problems


def standalone(folder: Path, samples: int, T: int) -> tuple[Table, list[str]]:
    """A trained network on test digits: Brian2's C++ program and the windowed engine."""
    run = Run.open(folder)
    experiment = experiment_of(folder)
    split = experiment.load().test.take(samples)
    network = run.trained().inference(T)
    inputs = {"in": run.encoder.encode(split.x, split.index, T, run.training.seed)}
    moving = tuple(name for name in network.order if name != "in")
    ours, theirs = Windowed(network), Brian2(network, code="cpp_standalone")
    ours.run(inputs)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        ours.run(inputs)
        times.append((time.perf_counter() - begun) / samples * 1e3)
    a = ours.run(inputs, record=moving)
    begun = time.perf_counter()
    b = theirs.run(inputs, record=moving)
    whole = time.perf_counter() - begun
    spikes = sum(len(a.spikes[name].times) for name in moving)
    apart = sum(_apart(a, b, name) for name in moving)
    membranes = sum(int((a.v[name] != b.v[name]).sum()) for name in moving)
    problems = [f"{apart} spikes, {membranes} membranes"] if apart or membranes else []
    ms = theirs.seconds / samples * 1e3
    sizes = "-".join(str(p.n) for p in network.populations.values())
    rows = (
        ("Brian2 cpp_standalone", spikes, apart, membranes, ms, whole - theirs.seconds),
        ("windowed", spikes, 0, 0, float(np.median(times)), 0.0),
    )
    columns = (
        "program",
        "spikes",
        "differing",
        "membranes",
        "ms a sample",
        "building, s",
    )
    title = (
        f"A trained {sizes} on {samples} test digits, T = {T}: Brian2's C++ program and the windowed engine"
    )
    note = (
        f"{experiment.name}, one thread; Brian2 records spikes and membranes of both layers while it is "
        f"timed, the windowed engine counts only (median of 5; {min(times):.3g} to {max(times):.3g} ms). "
        f"Predictions equal: {bool(np.array_equal(a.predictions, b.predictions))}."
    )
    command = f"{MODULE} standalone RUN --samples {samples} --steps {T} --save"
    made = {"preset": experiment.name, "RUN": f"spikesim train {experiment.name} --out RUN"}
    return Table(title, columns, rows, command, note, made, {"windowed_ms": times}), problems


def _apart(a: Recording, b: Recording, name: str) -> int:
    """Spikes that one recording has and the other has not."""
    return sum(
        int((a.spikes[name].raster(k) != b.spikes[name].raster(k)).sum()) for k in range(len(a.spikes[name]))
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 where something differs."""
    parser = argparse.ArgumentParser(prog=MODULE, description="Our engines against Brian2.")
    parser.add_argument("what", choices=("networks", "training", "learning", "standalone"))
    parser.add_argument("run", nargs="?", type=Path, help="of standalone: the folder of a run")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--networks", type=int, default=None, help="200; of learning 100")
    parser.add_argument("--samples", type=int, default=None)
    parser.add_argument("--steps", type=int, default=200, help="of a presentation, in standalone")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS}/WHAT.json")
    given = parser.parse_args(arguments)
    gc.freeze()  # Brian2 collects garbage before every run; what is imported needs no second look
    if given.what == "networks":
        table, problems = networks(given.first, given.networks or 200)
    elif given.what == "learning":
        table, problems = online(given.first, given.networks or 100)
    elif given.what == "training":
        table, problems = training(given.samples or 50)
    elif given.run is None:
        parser.error("standalone needs the folder of a run: spikesim train emstdp-mnist-500 --out RUN")
    else:
        table, problems = standalone(given.run, given.samples or 100, given.steps)
    print(table.markdown())
    for problem in problems:
        print(problem)
    if given.save:
        save_table(table, RESULTS / f"{given.what}.json")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
