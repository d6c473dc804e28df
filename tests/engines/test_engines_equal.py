"""naive and windowed agree in spikes, membranes, counts, classes and weights, over random networks."""

from __future__ import annotations

import os
from collections import Counter
from functools import cache

import numpy as np
import pytest
import random_nets
import random_structures
from random_nets import same

from spikesim.engines.naive.engine import Naive
from spikesim.engines.windowed.engine import Windowed
from spikesim.recording import Recording

NOT_COMPILED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
PER_CHUNK = 4 if NOT_COMPILED else 25
CHUNKS = 10
LARGEST = 15 if NOT_COMPILED else 150  # tables take blocks of 64 columns and four groups of four inputs
SEEN = (
    "weights moved",
    "positive errors",
    "negative errors",
    "clips",
    "ties",
    "inputs",
    "membranes",
    "online",
    *(() if NOT_COMPILED else ("several blocks",)),
)


def compare(seed: int, seen: Counter[str]) -> None:
    """Learn one case on both engines; the windowed one twice, since it records on another path."""
    case = random_nets.case(seed, largest=LARGEST)
    names = tuple(case.network.populations)
    options = {"learn": True, "batch": case.config.batch, "factor": 0.5 if seed % 2 else 1.0}
    engines = [Naive(case.network), *(Windowed(case.network, threads=case.threads) for _ in range(2))]
    for turn, rows in enumerate((slice(0, 4), slice(4, None))):  # the second run begins with learnt weights
        inputs, labels = {"in": case.spikes[rows]}, case.labels[rows]
        record = names if turn == 0 else names[1:2]
        full, recorded = (e.run(inputs, labels, record=record, **options) for e in engines[:2])  # type: ignore[attr-defined]
        bare = engines[2].run(inputs, labels, **options)  # type: ignore[arg-type]
        same(full, recorded)
        same(Recording(full.counts, full.predictions, clipped=full.clipped), bare)
        tally(seen, full, case)
    for engine in engines[1:]:
        assert engine.masters.keys() == engines[0].masters.keys()
        for name, expected in engines[0].masters.items():
            assert np.array_equal(engine.masters[name], expected), name
    start = case.network.masters()
    seen["several blocks"] += len([n for n in case.config.sizes if n > 64]) > 1
    seen["weights moved"] += sum(int((engines[0].masters[n] != m).sum()) for n, m in start.items())
    seen["online"] += case.config.batch == 1 and case.config.step == "plain"


def tally(seen: Counter[str], found: Recording, case: random_nets.Case) -> None:
    """Note what happened, so that equality is not that of silent networks."""
    for name, spikes in found.spikes.items():
        values = spikes.signs if spikes.signs is not None else np.ones(spikes.times.size)
        seen["positive errors"] += int((values > 0).sum()) * name.startswith("err")
        seen["negative errors"] += int((values < 0).sum()) * name.startswith("err")
        seen["inputs"] += spikes.times.size * (name == "in")
    seen["clips"] += sum(found.clipped.values())
    readout = case.network.readout
    assert readout is not None
    spans = {"first": slice(0, 1), "second": slice(1, 2), "all": slice(0, 2)}
    read = found.counts[readout.population][:, spans[readout.span]].sum(axis=1)
    seen["ties"] += int(((read == read.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())
    seen["membranes"] += sum(int(np.count_nonzero(v)) for v in found.v.values())


@cache
def chunk(k: int) -> Counter[str]:
    """What was seen while the cases of a chunk were compared."""
    seen: Counter[str] = Counter()
    for seed in range(k * 25, k * 25 + PER_CHUNK):
        try:
            compare(seed, seen)
        except AssertionError as difference:
            raise AssertionError(
                f"seed {seed}: {difference}\n{random_nets.case(seed, largest=LARGEST).config}"
            ) from difference
    return seen


@pytest.mark.core
@pytest.mark.parametrize("k", range(CHUNKS))
def test_engines_are_equal(k: int) -> None:
    assert chunk(k)["inputs"] > 0


@pytest.mark.core
def test_the_networks_were_not_silent() -> None:
    seen = sum((chunk(k) for k in range(CHUNKS)), Counter[str]())
    assert {what: seen[what] for what in SEEN if seen[what] < 10} == {}


def compare_structure(seed: int, seen: Counter[str]) -> None:
    """Learn one structure on both engines, recorded and bare."""
    drawn = random_structures.structure(seed, LARGEST)
    network, names = drawn.network, tuple(drawn.network.populations)
    naive, recorded, bare = Naive(network), Windowed(network, threads=drawn.threads), Windowed(network)
    for rows in (slice(0, 3), slice(3, None)):
        given = {"in": drawn.spikes[rows]}, drawn.labels[rows]
        full = naive.run(*given, record=names, learn=True, batch=drawn.batch)
        same(full, recorded.run(*given, record=names, learn=True, batch=drawn.batch))
        short = Recording(full.counts, full.predictions, clipped=full.clipped)
        same(short, bare.run(*given, learn=True, batch=drawn.batch))
        errors = [full.counts[name] for name in names if name.startswith("e")]
        seen["errors"] += sum(int(np.abs(h).sum()) for h in errors)
        seen["clips"] += sum(full.clipped.values())
    for running in (recorded, bare):
        assert running.masters.keys() == naive.masters.keys()
        for name, expected in naive.masters.items():
            assert np.array_equal(running.masters[name], expected), name
    learnt = any((naive.masters[name] != m).any() for name, m in network.masters().items())
    repeats = bare._compiled.plan.repeats
    clocks = any(p.offset is not None for p in network.populations.values())
    seen["it may repeat"] += learnt and repeats
    seen["it never repeats"] += learnt and not repeats
    seen["declared clocks, repeated"] += learnt and repeats and clocks
    seen["an even split"] += 2 * network.window.boundary == network.window.T
    seen["an uneven split"] += 2 * network.window.boundary != network.window.T
    seen["gates"] += any(getattr(p, "gate_by", None) is not None for p in network.populations.values())
    seen["several blocks"] += len([p for p in network.populations.values() if p.n > 64]) > 1


@pytest.mark.core
def test_engines_are_equal_over_any_structure() -> None:
    seen = Counter[str]()
    for seed in range(40 if NOT_COMPILED else 400):
        try:
            compare_structure(seed, seen)
        except AssertionError as difference:
            network = random_structures.structure(seed, LARGEST).network
            raise AssertionError(
                f"seed {seed}: {difference}\n{network.populations}\n{network.projections}"
            ) from difference
    unseen = {what for what, times in seen.items() if times == 0}
    assert unseen <= ({"several blocks"} if NOT_COMPILED else set())
