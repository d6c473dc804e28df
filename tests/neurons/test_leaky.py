"""The leaky neuron and refractory times: steps by hand, Loihi's decay, naive = stepped where a neuron
rests.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from spikesim.engines import simulate
from spikesim.errors import DeclarationError, EngineError
from spikesim.network import Network
from spikesim.neurons import IF, LIF
from spikesim.synapses import CurrentInput

pytestmark = pytest.mark.core
ENGINES = ("naive", "stepped")


def driven(population: Any, currents: Any, name: str) -> tuple[list[Any], list[int]]:
    """Membranes and spikes of one neuron under a sequence of currents, in the units of theta."""
    net = Network({"a": population}, (), drives=(CurrentInput("a"),))
    given = {"->a": np.array(currents, np.float64)[:, None]}
    found = simulate(net, given, steps=len(currents), record="a", engine=name)
    return found.v["a"][0, :, 0].tolist(), found.spikes["a"].raster()[:, 0].tolist()


@pytest.mark.parametrize("name", ENGINES)
def test_real_numbers_by_hand(name: str) -> None:
    # du = 1/2, dv = 1/4, b = 1/8: u = u/2 + I;  v = 3/4 v + u + 1/8
    population = LIF(1, theta=2.0, u_decay=0.5, v_decay=0.25, bias=0.125)
    # u: 1     .5      1.25     .625    -1.6875  .15625  .078125  2.0390625
    # v: 1.125 1.46875 2.4765625 -> 0   .75     -1.0     -.46875  -.1484375  2.052734375 -> 0
    v, s = driven(population, [1, 0, 1, 0, -2, 1, 0, 2], name)
    assert v == [1.125, 1.46875, 0, 0.75, -1.0, -0.46875, -0.1484375, 0]
    assert s == [0, 0, 1, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("name", ENGINES)
def test_integers_by_hand(name: str) -> None:
    # grid of 0 bits: whole numbers; du = 2048/4096, dv = 1024/4096; decays are cut off towards zero
    population = LIF(1, theta=9.0, grid=0, u_decay=0.5, v_decay=0.25)
    # u: 5  2   4+1=5     2+0=2      -7+1=-6      -3     -1      0+12=12
    # v: 5  3+2=5  3+5=8  6+2=8      6-6=0        0-3=-3   -2-1=-3   -2+12=10 -> 0
    v, s = driven(population, [5, 0, 4, 0, -7, 0, 0, 12], name)
    assert v == [5, 5, 8, 8, 0, -3, -3, 0]
    assert s == [0, 0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("name", ENGINES)
def test_reset_floor_and_rest_by_hand(name: str) -> None:
    # no leak of v, no current: v += I; to -1 after a spike; rests 2 steps, where what arrives is lost
    population = LIF(1, theta=3.0, grid=0, v_reset=-1.0, floor=-2.0, refractory=2)
    # v: 2  2+2=4 -> -1  rests  rests  -1+1=0  0-5 -> -2  -2+4=2  2+1=3 -> -1
    v, s = driven(population, [2, 2, 9, 9, 1, -5, 4, 1], name)
    assert v == [2, -1, -1, -1, 0, -2, 2, -1]
    assert s == [0, 1, 0, 0, 0, 0, 0, 1]
    # by subtraction: 2  4 -> 1  1+3=4, but it rests  ...
    v, s = driven(replace(population, reset="subtract"), [2, 2, 9, 9, 1, -5, 4, 1], name)
    assert v == [2, 1, 1, 1, 2, -2, 2, 0]
    assert s == [0, 1, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("name", ENGINES)
def test_the_current_goes_on_while_the_membrane_rests(name: str) -> None:
    # u = u/2 + I: 4 2 1 .5 .25; v: 4 -> 0, rests one step, then 0 + 1, 1.5, 1.75
    v, s = driven(LIF(1, 4.0, u_decay=0.5, refractory=1), [4, 0, 0, 0, 0], name)
    assert v == [0, 0, 1, 1.5, 1.75]
    assert s == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("name", ENGINES)
def test_an_if_neuron_rests(name: str) -> None:
    # v: 2  4 -> 0  rests  rests  3  5 -> 0  rests  rests   (theta = 4)
    v, s = driven(IF(1, 4.0, 0, refractory=2), [2, 2, 7, 7, 3, 2, 9, 9], name)
    assert v == [2, 0, 0, 0, 3, 0, 0, 0]
    assert s == [0, 1, 0, 0, 0, 1, 0, 0]


def loihi(x: int, decay: int) -> int:
    """(1 - decay / 4096) x, cut off towards zero, in rational numbers."""
    exact = Fraction(x) * (4096 - decay) / 4096
    return exact.__floor__() if exact >= 0 else exact.__ceil__()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("u_decay", "v_decay"), [(4096, 0), (0, 4096), (1, 4095), (137, 2048), (3000, 5)])
def test_decay_is_loihi_s(u_decay: int, v_decay: int, name: str) -> None:
    rs = np.random.default_rng([u_decay, v_decay])
    currents = rs.integers(-900, 1000, 60)
    population = LIF(1, 4000.0, 0, u_decay / 4096, v_decay / 4096, floor=-3000.0)
    u, v, membranes, spikes = 0, 0, [], []
    for current in currents.tolist():
        u = loihi(u, u_decay) + current
        v = max(loihi(v, v_decay) + u, -3000)
        spikes.append(int(v >= 4000))
        v = 0 if v >= 4000 else v
        membranes.append(v)
    assert driven(population, currents, name) == (membranes, spikes)


def test_real_numbers_stay_within_rounding_of_both_engines() -> None:
    rs = np.random.default_rng(1)
    population = LIF(1, 1.0, u_decay=0.13, v_decay=0.07, bias=0.01, refractory=1)
    currents = rs.normal(0.02, 0.1, 300)
    a, b = (driven(population, currents, name) for name in ENGINES)
    assert a[1] == b[1] and sum(a[1]) > 3
    np.testing.assert_allclose(a[0], b[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
def test_a_membrane_that_leaves_the_exact_range_is_named(name: str) -> None:
    for population, step, bits in (
        (IF(2, 2.0**52, 0, bias=(0.0, -(2.0**50))), 7, 53),  # after 8 times 2**50
        (LIF(2, 2.0**40, 0, bias=(0.0, -(2.0**39))), 3, 41),  # 2**53 / 4096
        (LIF(2, 1e300, bias=(0.0, -1e15)), 9, 53),
    ):
        said = rf"a: step {step}: the membrane of neuron 1 has left the range of \+-2\*\*{bits}"
        with pytest.raises(EngineError, match=said):
            simulate(Network({"a": population}, ()), steps=20, engine=name)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: LIF(1, 1.0, u_decay=1.5), r"u_decay = 1\.5; a finite number in \[0, 1\] is needed"),
        (lambda: LIF(1, 1.0, v_decay=-0.1), r"v_decay = -0\.1"),
        (lambda: LIF(1, 1.0, v_decay=float("nan")), "v_decay = nan"),
        (lambda: LIF(1, 1.0, 4, v_decay=0.1), r"not a multiple of 1/4096.*nearest is 410/4096"),
        (lambda: LIF(1, 1.0, 4, v_reset=0.3), "v_reset: 0.3 lies"),
        (lambda: LIF(1, 1.0, v_reset=1.0), "not below theta"),
        (lambda: LIF(1, 1.0, refractory=-1), "refractory = -1"),
        (lambda: LIF(1, 1.0, refractory=1.5), r"refractory = 1\.5"),  # type: ignore[arg-type]
        (lambda: LIF(1, 1.0, reset="zero"), "reset = 'zero'; known: 'value', 'subtract', 'none'"),  # type: ignore[arg-type]
        (lambda: LIF(2, 1.0, bias=(1.0, 2.0, 3.0)), r"bias has the shape \(3,\) for 2 neurons"),
        (lambda: LIF(1, 1.0, 29), "grid = 29 bits"),
        (lambda: IF(1, 1.0, refractory=-2), "refractory = -2"),
        (lambda: IF(1, 1.0, None), "IF: grid = None; this model needs a grid"),  # type: ignore[arg-type]
    ],
)
def test_what_is_refused(make: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        make()


def late(currents: Any, theta: float, kept: float) -> tuple[list[float], list[int]]:
    """snnTorch's Leaky from its documentation: U = beta U + I - (U before > threshold) threshold."""
    v, membranes, spikes = 0.0, [], []
    for current in currents:
        v = kept * v + current - theta * (v >= theta)
        membranes.append(v)
        spikes.append(int(v >= theta))
    return membranes, spikes


@pytest.mark.parametrize("name", ENGINES)
def test_a_reset_one_step_late_by_hand(name: str) -> None:
    # v = v/2 + I - 2 [v before >= 2]
    # v: 3   1.5-2=-.5   -.25+3=2.75   1.375+2-2=1.375   .6875+2=2.6875   1.34375-2   -.328125   -.1640625
    population = LIF(1, 2.0, v_decay=0.5, reset="subtract", reset_delay=1)
    v, s = driven(population, [3, 0, 3, 2, 2, 0, 0, 0], name)
    assert v == [3, -0.5, 2.75, 1.375, 2.6875, -0.65625, -0.328125, -0.1640625]
    assert s == [1, 0, 1, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("name", ENGINES)
def test_a_reset_one_step_late_for_many_steps(name: str) -> None:
    currents = np.random.default_rng(4).integers(-8, 20, 200) / 16
    population = LIF(1, 1.0, v_decay=0.125, reset="subtract", reset_delay=1)
    v, s = driven(population, currents, name)
    wanted = late(currents.tolist(), 1.0, 0.875)
    assert s == wanted[1] and sum(s) > 30
    np.testing.assert_allclose(v, wanted[0], rtol=0, atol=1e-12)
    assert s != driven(replace(population, reset_delay=0), currents, name)[1]


@pytest.mark.parametrize("name", ENGINES)
def test_the_floor_holds_after_a_late_subtraction(name: str) -> None:
    # grid of 0 bits, v = v/2 (towards zero) + I: 5  2-4=-2 -> -1  0+6=6  3+0-4=-1
    population = LIF(1, 4.0, 0, v_decay=0.5, floor=-1.0, reset="subtract", reset_delay=1)
    assert driven(population, [5, 0, 6, 0], name) == ([5, -1, 6, -1], [1, 0, 1, 0])


@pytest.mark.parametrize("name", ENGINES)
def test_no_reset_by_hand(name: str) -> None:
    # v = v/2 + I; fires in every step with v >= 1: 2  1  .5  1.25  .625
    v, s = driven(LIF(1, 1.0, v_decay=0.5, v_reset=3.0, reset="none"), [2, 0, 0, 1, 0], name)
    assert v == [2, 1, 0.5, 1.25, 0.625]
    assert s == [1, 1, 0, 1, 0]
    # with a refractory time of one step: 2  rests  1+0  rests  .5+1
    v, s = driven(LIF(1, 1.0, v_decay=0.5, reset="none", refractory=1), [2, 0, 0, 1, 1], name)
    assert v == [2, 2, 1, 1, 1.5] and s == [1, 0, 1, 0, 1]


@pytest.mark.parametrize("name", ENGINES)
def test_a_second_spike_in_a_step_is_refused(name: str) -> None:
    # v: 1.5 -> .5   .5+1=1.5 -> .5   .5+1.5=2: one threshold leaves 1, and a second spike would be due
    one = LIF(2, (1.0, 9.0), reset="subtract", overshoot="refuse")
    net = Network({"quiet": LIF(1, 9.0), "a": one}, (), drives=(CurrentInput("a"),))
    given = {"->a": np.array([[1.5, 0], [1.0, 0], [1.0, 0]])}
    found = simulate(net, given, steps=3, record="a", engine=name)
    assert found.spikes["a"].raster()[:, 0].tolist() == [1, 1, 1]
    given["->a"][2, 0] = 1.5
    with pytest.raises(EngineError, match=r"a: step 2: neuron 0 is still at or above its threshold.*keep"):
        simulate(net, given, steps=3, engine=name)
    kept = replace(net, populations={**net.populations, "a": replace(one, overshoot="keep")})
    assert simulate(kept, given, steps=3, record="a", engine=name).v["a"][0, 2, 0] == 1.0


def test_the_decision_of_a_late_reset_is_taken_after_the_subtraction() -> None:
    population = LIF(1, 2.0, v_decay=0.5, reset="subtract", reset_delay=1)
    v, theta = population.decision({"v": np.array([3.0]), "u": np.zeros(1)}, np.array([1.0]))
    assert (v.tolist(), theta.tolist()) == ([0.5], [2.0])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reset_delay": 2}, "reset_delay = 2; known: 0, 1"),
        ({"reset_delay": True}, "reset_delay = True"),
        ({"reset_delay": 1}, "what comes late is a subtraction.*refractory = 1"),
        ({"reset_delay": 1, "reset": "none"}, "reset_delay = 1 with reset = 'none'"),
        ({"reset_delay": 1, "reset": "subtract", "refractory": 2}, "with a refractory time"),
        ({"overshoot": "stop"}, "overshoot = 'stop'; known: 'keep', 'refuse'"),
        ({"overshoot": "refuse"}, "needs reset = 'subtract'"),
        ({"overshoot": "refuse", "reset": "subtract", "reset_delay": 1}, "needs reset = 'subtract'"),
    ],
)
def test_resets_that_do_not_go_together_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        LIF(1, 1.0, **fields)
