"""Brian2's equations as numbers: the exact and the Euler solution of a step; what is not read is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.backends.brian2.parse_equations import Names, neurons, statements, timesteps
from spikesim.errors import DeclarationError

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]
MS = 1e-3


def group(equations: str = "dv/dt = (2 - v)/(10*ms) : 1", **options: Any) -> Any:
    return b2.NeuronGroup(
        2, equations, **{"threshold": "v > 1", "reset": "v = 0", "method": "exact"} | options
    )


@pytest.mark.parametrize(
    ("equations", "method", "kept", "bias"),
    [
        ("dv/dt = (2 - v)/(10*ms) : 1", "exact", np.exp(-0.1), 2 * (1 - np.exp(-0.1))),
        ("dv/dt = (2 - v)/(10*ms) : 1", "euler", 0.9, 0.2),
        ("dv/dt = 3/second : 1", "exact", 1.0, 3 * MS),
        ("v : 1", "exact", 1.0, 0.0),
    ],
)
def test_what_a_step_keeps_and_adds(equations: str, method: str, kept: float, bias: float) -> None:
    name, model = neurons(group(equations, method=method), {}, MS, False)
    assert name == "v"
    assert (model.kept, model.bias) == (pytest.approx(kept, rel=1e-14), pytest.approx(bias, rel=1e-14))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"reset": "v = 0.25"}, ("value", 0.25)),
        ({"reset": "v -= 0.5"}, ("subtract", 0.5)),
        ({"reset": "v = v - 0.5"}, ("subtract", 0.5)),
        ({"reset": ""}, ("subtract", 0.0)),
    ],
)
def test_resets(options: dict[str, Any], expected: tuple[str, float]) -> None:
    model = neurons(group(**options), {}, MS, False)[1]
    assert (model.reset, model.v_reset) == expected


def test_thresholds_and_refractory_times() -> None:
    for threshold, strict in (("v > 1", True), ("v >= 1", False), ("1 < v", True)):
        model = neurons(group(threshold=threshold), {}, MS, False)[1]
        assert (model.theta, model.strict) == (1.0, strict)
    model = neurons(group(refractory=5 * b2.ms), {}, MS, False)[1]
    assert (model.refractory, model.held) == (4, False)  # the step of the spike itself is one of Brian2's
    assert timesteps(np.array([0.0, 0.9995, 1.0, 1.5, 2.0]) * MS, MS).tolist() == [0, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("equations", "options", "said"),
    [
        ("dv/dt = -v**2/ms : 1", {"method": "euler"}, r"a right side that is linear in v is needed"),
        ("dv/dt = -v/ms : 1\ndw/dt = -w/ms : 1", {}, r"second differential equation dw/dt"),
        ("dv/dt = -v/ms : 1", {"method": "rk4"}, r"method='rk4'"),
        ("dv/dt = -v/ms : 1", {"threshold": "v > 1 and v < 3"}, r"the threshold"),
        ("dv/dt = -v/ms : 1", {"reset": "v = 0; v += 1"}, r"the reset"),
        ("dv/dt = -v/ms : 1", {"refractory": "v > 0"}, r"the refractory condition"),
        ("dv/dt = -v*sin(t/ms)/ms : 1", {"method": "euler"}, r"calculate its value|not a constant of"),
    ],
)
def test_what_is_outside_of_the_subset_is_named(equations: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said) as caught:
        neurons(group(equations, **options), {}, MS, False)
    assert str(caught.value).startswith("from_brian2: neurongroup")


def test_constants_are_looked_up_and_never_run_as_code() -> None:
    names = Names(group(), {"x": 3 * b2.ms})
    assert names.value(names.tree("2*x + exp(0)"), "here") == pytest.approx(1 + 6 * MS)
    with pytest.raises(DeclarationError, match="no value here"):
        names.value(names.tree("unknown"), "here")
    assert statements("g", "v = 0; # nothing\nw += 2*v") == [("v", "=", "0"), ("w", "+=", "2*v")]
