"""Equations of Brian2 as the step of a neuron, against solutions by hand and SciPy's matrix exponential."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from spikesim.backends.brian2.reading.equations import Step, step_of
from spikesim.backends.brian2.reading.populations import cells_of, plain_number
from spikesim.errors import DeclarationError
from spikesim.neurons.brian2_lif import Brian2LIF
from spikesim.neurons.brian2_linear import Brian2Linear

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]
MS = 1e-3
CURRENT = "dv/dt = (g + 2 - v)/(20*ms) : 1 (unless refractory)\ndg/dt = -g/(5*ms) : 1"


def step(equations: str = "dv/dt = (2 - v)/(10*ms) : 1", namespace: Any = None, **options: Any) -> Step:
    settings = {"threshold": "v > 1", "reset": "v = 0", "method": "exact", "dt": 1 * b2.ms} | options
    group = b2.NeuronGroup(2, equations, **settings)
    return step_of(group, namespace or {}, MS)


@pytest.mark.parametrize(
    ("equations", "method", "kept", "bias"),
    [
        ("dv/dt = (2 - v)/(10*ms) : 1", "exact", np.exp(-0.1), 2 * (1 - np.exp(-0.1))),
        ("dv/dt = (2 - v)/(10*ms) : 1", "exponential_euler", np.exp(-0.1), 2 * (1 - np.exp(-0.1))),
        ("dv/dt = (2 - v)/(10*ms) : 1", "euler", 0.9, 0.2),
        ("dv/dt = (2 - v)/(10*ms) : 1", "rk2", 1 - 0.1 + 0.005, 0.2 - 0.01),
        ("dv/dt = 3/second : 1", "euler", 1.0, 3 * MS),
        (
            "dv/dt = 3/second : 1",
            ("exact", "euler"),
            1.0,
            3 * MS,
        ),  # exact has no solution: Brian2 takes euler
        ("v : 1", "exact", 1.0, 0.0),
    ],
)
def test_what_a_step_keeps_and_adds(equations: str, method: Any, kept: float, bias: float) -> None:
    model = cells_of(step(equations, method=method), False, True).population
    assert isinstance(model, Brian2LIF)
    assert (model.kept, model.bias) == (pytest.approx(kept, rel=1e-14), pytest.approx(bias, rel=1e-13))


def test_systems_are_solved_exactly() -> None:
    a = np.array([[-1 / 20, 1 / 20], [0, -1 / 5]])
    model = cells_of(step(CURRENT, refractory=3 * b2.ms), True, True).population
    assert isinstance(model, Brian2Linear) and model.variables == ("v", "g")
    np.testing.assert_allclose(model.kept, expm(a), rtol=1e-13)
    np.testing.assert_allclose(model.bias, [2 * (1 - np.exp(-1 / 20)), 0], rtol=1e-13)
    np.testing.assert_allclose(model.kept_refractory, [[1, 0], [0, np.exp(-1 / 5)]], rtol=1e-13)
    assert (model.held, model.refractory, model.reset) == ((True, False), 2, ((0, 0), (0, 1)))
    alpha = "dv/dt = (x - v)/(10*ms) : 1\ndx/dt = (y - x)/(2*ms) : 1\ndy/dt = -y/(2*ms) : 1"
    model = cells_of(step(alpha), True, True).population
    a = np.array([[-0.1, 0.1, 0], [0, -0.5, 0.5], [0, 0, -0.5]])
    np.testing.assert_allclose(model.kept, expm(a), rtol=1e-12, atol=1e-15)


def test_other_methods_of_a_system() -> None:
    euler = cells_of(step(CURRENT, method="euler"), True, True).population
    np.testing.assert_allclose(euler.kept, [[1 - 1 / 20, 1 / 20], [0, 1 - 1 / 5]], rtol=1e-14)
    each = cells_of(step(CURRENT, method="exponential_euler"), True, True).population
    m, g = np.exp(-1 / 20), np.exp(-1 / 5)
    np.testing.assert_allclose(each.kept, [[m, 1 - m], [0, g]], rtol=1e-13)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"reset": "v = 0.25"}, ("value", 0.25)),
        ({"reset": "v -= 0.5"}, ("subtract", 0.5)),
        ({"reset": "v = v - 0.5"}, ("subtract", 0.5)),
        ({"reset": "v = 3; v -= 0.5"}, ("value", 2.5)),
        ({"reset": ""}, ("subtract", 0.0)),
    ],
)
def test_resets(options: dict[str, Any], expected: tuple[str, float]) -> None:
    model = cells_of(step(**options), False, True).population
    assert (model.reset, model.v_reset) == expected


def test_resets_of_several_variables() -> None:
    found = step(CURRENT, reset="g += 0.5*v; v = g/2 + 1; g *= 3")
    model = cells_of(found, True, True).population
    assert model.reset == ((0.25, 0.5), (1.5, 3.0)) and model.reset_bias == (1.0, 0.0)
    assert cells_of(step(reset="v *= 0.5"), True, True).population.reset == ((0.5,),)


def test_thresholds() -> None:
    for threshold, strict in (("v > 1", True), ("v >= 1", False), ("1 < v", True), ("2*v > 2", True)):
        found = step(threshold=threshold)
        assert (found.theta, found.strict) == (1.0, strict)
    rising = "dv/dt = -v/(10*ms) : 1\ndvt/dt = (1 - vt)/(15*ms) : 1"
    found = step(rising, threshold="v > vt + 0.5", reset="v = 0; vt += 3")
    assert (found.variables, found.theta) == (("v", "vt"), 0.5)
    assert {name: plain_number(slope) for name, slope in found.raised.items()} == {"vt": 1.0}
    assert step(threshold="v > 1 and not_refractory", refractory=2 * b2.ms).theta == 1.0
    assert step(threshold=None, reset=None).theta is None
    each = step("dv/dt = -v/(10*ms) : 1\nvt : 1", threshold="v > vt + i")
    assert np.asarray(each.theta).tolist() == [0.0, 1.0]


def test_refractory_times() -> None:
    assert step().refractory is None and step(refractory=5 * b2.ms).refractory == 5
    model = cells_of(step(refractory=5 * b2.ms), False, True).population
    assert (model.refractory, model.held) == (4, False)  # the step of the spike itself is one of Brian2's
    each = step(refractory="(2 + i*1.5)*ms")
    assert cells_of(each, False, True).population.refractory == (1, 2)


def test_only_what_decides_spikes_is_read() -> None:
    seen = "dv/dt = (2 - v)/(10*ms) : 1\ndc/dt = v**2/ms : 1\nn : 1"
    assert step(seen, reset="v = 0; n += 1", method="euler").variables == ("v",)


@pytest.mark.parametrize(
    ("equations", "options", "said"),
    [
        ("dv/dt = -v**2/ms : 1", {"method": "euler"}, r"v\*\*2 in 'dv/dt = -v\*\*2/ms'.* linear in the var"),
        (
            "dv/dt = g*(2 - v)/ms : 1\ndg/dt = -g/ms : 1",
            {"method": "euler"},
            "the product of g and v in 'dv/dt",
        ),
        ("dv/dt = -v/ms : 1", {"method": "exact", "threshold": "v > 1 and v < 3"}, r"the threshold"),
        ("dv/dt = -v/ms : 1", {"threshold": "abs(v) > 1"}, r"Abs\(v\)"),
        ("dv/dt = -v/ms : 1", {"threshold": "v < 1"}, "the threshold 'v < 1'"),
        ("dv/dt = -v/ms : 1", {"threshold": "t > 1*ms"}, "'t' in 't > 1"),
        ("dv/dt = -v/ms : 1", {"refractory": "v > 0"}, r"the refractory condition"),
        ("dv/dt = -v/ms : 1", {"refractory": "rand()*ms"}, r"the function rand"),
        ("dv/dt = -v/ms : 1", {"reset": "v = rand()"}, r"the function rand"),
        ("dv/dt = -v/ms : 1", {"reset": "v = v**2"}, r"v\*\*2 in"),
        ("dv/dt = -v*sin(t/ms)/ms : 1", {"method": "euler"}, "'t' in .*changes with time"),
        ("dv/dt = -v/ms : 1", {"method": "no_such"}, "method='no_such'"),
        ("dv/dt = -v : 1", {}, "whose equations Brian2 refuses"),
        ("dv/dt = -v/nothing : 1", {}, "could not be resolved"),
        ("dv/dt = -v/ms + xi*ms**-0.5 : 1", {"method": "euler"}, r"the noise xi in dv/dt = -v/ms \+ xi"),
        ("dv/dt = -v/ms : 1", {"dtype": np.float32}, "the variable v of float32"),
    ],
)
def test_what_is_outside_of_the_subset_is_named(equations: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said) as caught:
        step(equations, **options)
    assert str(caught.value).startswith("from_brian2: neurongroup")
