"""`Brian2Linear` in Brian2: the same numbers as on our engines, for every field of the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from spikesim import TimedInput, simulate
from spikesim.backends.brian2.backend import Brian2
from spikesim.backends.brian2.linear_model import parts_of
from spikesim.network import Network
from spikesim.neurons import PoissonSource
from spikesim.neurons.brian2_linear import Brian2Linear
from spikesim.synapses import Dense

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]
N = 5


@pytest.fixture(autouse=True, scope="module")
def _numpy() -> Iterator[None]:
    """Brian2's own runs without compiling."""
    before, b2.prefs["codegen.target"] = b2.prefs["codegen.target"], "numpy"
    yield
    b2.prefs["codegen.target"] = before


def population(draw: Any, resting: bool, each: bool, **options: Any) -> Brian2Linear:
    """Three variables with random numbers, for all neurons or for each."""

    def numbers(low: float, high: float, *shape: int) -> Any:
        return draw.uniform(low, high, (N, *shape) if each else shape)

    more: dict[str, Any] = {"refractory": draw.integers(0, 4, N)}
    if resting:
        more |= {"kept_refractory": numbers(-0.4, 0.6, 3, 3), "bias_refractory": numbers(0, 0.1, 3)}
        more |= {"gain_refractory": numbers(0, 0.5, 3, 2), "held": (True, False, True)}
    raised = numbers(-0.1, 0.3, 3)
    raised[..., 0] = 0
    return Brian2Linear(
        N,
        ("v", "g", "a"),
        numbers(-0.4, 0.6, 3, 3),
        numbers(0, 0.2, 3),
        numbers(0, 0.5, 3),
        draw.uniform(0.2, 0.3, N),
        raised,
        numbers(-0.3, 0.3, 3, 3),
        numbers(-0.2, 0.1, 3),
        ("I", "J"),
        numbers(0, 0.5, 3, 2),
        **more,
        **options,
    )


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("resting", [False, True])
@pytest.mark.parametrize("options", [{}, {"resets_last": False, "strict": False}])
def test_the_same_numbers_as_here(each: bool, resting: bool, options: dict[str, Any]) -> None:
    draw = np.random.default_rng(11)
    cells = population(draw, resting, each, **options)
    wires = [
        Dense("in", "a", draw.uniform(-0.3, 0.6, (4, N)), 1, receptor=r, name=r) for r in ("v", "g", "a")
    ]
    drives = [TimedInput("a", draw.uniform(0, 1, (6, N)), 9, r, r) for r in ("I", "J")]
    network = Network({"in": PoissonSource(4, 0.3, 3), "a": cells}, wires, drives=drives)
    ours, theirs = simulate(network, steps=80, record="a"), Brian2(network).advance(80, {}, {}, ("a",))
    assert ours.spikes == theirs.spikes and len(ours.spikes["a"].times) > 20
    np.testing.assert_allclose(ours.v["a"], theirs.v["a"], rtol=0, atol=1e-12)


def test_numbers_that_are_0_are_left_out() -> None:
    cells = Brian2Linear(
        1, ("v", "g"), ((0.5, 0), (0, 1)), (0, 0), (0, 0), None, (0, 0), ((0, 0), (0, 1)), (0, 0)
    )
    parts = parts_of(cells)
    assert sorted(parts["values"]) == ["kept_0_0", "kept_1_1", "pause", "reset_1_1"]
    assert parts["events"]["plus"][0] == "open < 0"
    assert parts["state"]["v"] == ("x_0",) and parts["state"]["g"] == ("x_1",)
