"""Resets of the leaky neuron in Brian2: one step late, and none; what Brian2 cannot do is refused."""

from __future__ import annotations

import numpy as np
import pytest

from spikesim.backends.brian2.backend import Brian2
from spikesim.backends.brian2.neuron_models import translated
from spikesim.engines.naive.engine import Naive
from spikesim.errors import EngineError
from spikesim.network import Network
from spikesim.neurons import LIF
from spikesim.synapses import CurrentInput

pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]
STEPS = 80


@pytest.mark.parametrize(
    "population",
    [
        LIF(3, (1.0, 1.5, 2.0), u_decay=0.5, v_decay=0.25, reset="subtract", reset_delay=1),
        LIF(3, 4.0, 0, u_decay=0.5, v_decay=0.25, floor=-3.0, reset="subtract", reset_delay=1),
        LIF(3, 1.0, u_decay=0.5, v_decay=0.25, reset="none", refractory=1),
        LIF(3, 1.0, v_decay=0.5, v_reset=2.0, reset="none"),
    ],
    ids=["late", "late on a grid", "none, refractory", "none"],
)
def test_resets_are_those_of_the_naive_engine(population: LIF) -> None:
    net = Network({"a": population}, (), drives=(CurrentInput("a"),))
    unit = 1 if population.grid is not None else 4
    given = {"->a": np.random.default_rng(2).integers(-4, 6, (STEPS, 3)) / unit}
    expected = Naive(net).advance(STEPS, given, {}, ["a"])
    found = Brian2(net).advance(STEPS, given, {}, ["a"])
    assert found.spikes["a"] == expected.spikes["a"] and len(expected.spikes["a"].times) > 20
    np.testing.assert_array_equal(found.v["a"], expected.v["a"])


def test_a_run_that_may_stop_is_refused() -> None:
    with pytest.raises(EngineError, match=r"overshoot = 'refuse'.*overshoot = 'keep'"):
        translated("a", LIF(1, 1.0, reset="subtract", overshoot="refuse"))
