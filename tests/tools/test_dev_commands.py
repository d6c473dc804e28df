"""Developers' generators and comparisons: functions of their seed, and able to see a difference."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spikesim.engines import Naive
from spikesim.errors import EngineError
from spikesim.network.file import digest
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d
from spikesim.tools.dev import brian2_test, emulator_test, fuzz, random_networks, random_projections
from spikesim.window import Window

pytestmark = pytest.mark.core


@pytest.mark.parametrize("seed", range(8))
def test_a_network_is_a_function_of_its_seed(seed: int) -> None:
    one, two = random_networks.example(seed), random_networks.example(seed)
    assert digest(one.network) == digest(two.network)
    assert digest(one.network) != digest(random_networks.example(seed + 4).network)
    for name, given in one.inputs.items():
        other = two.inputs[name]
        assert (given == other) if not isinstance(given, np.ndarray) else (given == other).all()
    kind = random_networks.KINDS[seed % 4]
    assert (one.steps is not None) is (kind == "endless")
    assert (one.labels is not None and one.learn) or kind != "layered"
    if one.steps is not None:
        with pytest.raises(EngineError):
            one.play("windowed")


def test_engines_agree_and_a_difference_is_seen() -> None:
    for seed in range(4):
        assert fuzz.compare(random_networks.example(seed), Counter()) == []
    drawn = random_networks.example(3)
    truth, _ = drawn.play("naive")
    names = drawn.network.order
    assert fuzz.difference(truth, truth, names) is None
    name = drawn.moving[0]
    spikes = truth.spikes[name]
    silent = from_raster(np.zeros((len(spikes), spikes.T, spikes.n), np.int8))
    other = replace(truth, spikes={**truth.spikes, name: silent})
    if len(spikes.times):
        assert fuzz.difference(truth, other, names) == f"spikes of {name}"
    moved = replace(truth, v={**truth.v, name: truth.v[name] + 1})
    assert fuzz.difference(truth, moved, names) == f"membranes of {name}"
    counted = replace(truth, counts={**truth.counts, name: truth.counts[name] + 1})
    assert fuzz.difference(truth, counted, names) == f"counts of {name}"
    assert fuzz.difference(truth, replace(truth, v={}), names) == "what was recorded"


def drawing(seed: int = 1, window: Window | None = None) -> Any:
    return random_projections.Draw(np.random.default_rng(seed), 6, 3, window=window)


def test_convolutions_are_drawn_that_fit_both_shapes() -> None:
    """Every (kernel, stride, padding) that is drawn leads from the one size to the other."""
    d = drawing()
    for size in range(1, 8):
        for out in range(1, 8):
            found = random_projections._along(d, size, out)
            if found is None:
                continue
            k, stride, padding = found
            w = np.zeros((1, 1, k, 1))
            assert Conv2d("a", "b", w, (1, size, 1), (stride, 1), (padding, 0)).out_shape == (1, out, 1)
    assert random_projections._along(d, 1, 40) is None


def test_a_draw_counts_and_chooses_within_its_limits() -> None:
    d = drawing()
    assert {d.count(2, 4) for _ in range(60)} == {2, 3, 4}
    assert {d.one_of("x", "y") for _ in range(40)} == {"x", "y"}
    assert not d.chance(0.0) and d.chance(1.0)
    assert 0 <= d.bits <= 12 and d.clock(0.0) is None and d.clock(1.0) in range(5)
    assert drawing(1).bits == drawing(1).bits


@pytest.mark.parametrize("seed", range(3))
def test_a_case_for_chips_is_quantised_and_can_be_without_bias(seed: int) -> None:
    one = emulator_test.case(seed)
    assert digest(one.network) == digest(emulator_test.case(seed).network) and one.bits in (4, 6, 8)
    assert not emulator_test.case(seed, "brian2-loihi").biased
    found = emulator_test.played(one, ())
    assert found.differences == () and found.seed == seed
    spikes = Naive(one.network).run(one.inputs, record=one.moving).spikes
    assert found.spikes == sum(len(s.times) for s in spikes.values())


def test_spikes_that_one_has_and_the_other_has_not_are_counted() -> None:
    raster = np.zeros((2, 3, 2), np.int8)
    raster[0, 1, 0] = raster[1, 2, 1] = 1
    a: Any = type("A", (), {"spikes": {"x": from_raster(raster)}})
    raster[1, 0, 0] = 1
    b: Any = type("B", (), {"spikes": {"x": from_raster(raster)}})
    assert brian2_test._apart(a, a, "x") == 0 and brian2_test._apart(a, b, "x") == 1
