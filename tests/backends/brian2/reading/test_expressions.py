"""Expressions of Brian2 as numbers: constants, what is linear in variables, and what is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.backends.brian2.reading.expressions import Affine, Expressions, statements, timesteps
from spikesim.errors import DeclarationError

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]
MS = 1e-3


def expressions(**namespace: Any) -> Expressions:
    group = b2.NeuronGroup(
        3, "dv/dt = -v/(10*ms) : 1\nx : 1\nhalf = x/2 : 1\nm : integer", threshold="v > 1", reset="v = 0"
    )
    group.x, group.m = [1, 2, 4], [2, 0, 1]
    return Expressions(group, namespace, {(group.name, "v")})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("2*y + exp(0)", 7 * MS - MS + 1),
        ("x*2 - i", [2, 3, 6]),
        ("half", [0.5, 1, 2]),
        ("int(x > 1 and i < 2)*5", [0, 5, 0]),
        ("int(not x > 1 or i == 2)", [1, 0, 1]),
        ("clip(x, 1.5, 3)", [1.5, 2, 3]),
        ("sqrt(x)/abs(-2)", [0.5, np.sqrt(2) / 2, 1]),
        ("x % 3 + x // 3", [1, 2, 2]),
        ("ceil(1.2) + floor(-1.2) + sign(-3)", -1),
        ("sin(0) + cos(0) + log(e) + 0*pi", 2),
        ("1/3", 1 / 3),
        ("-x**2", [-1, -4, -16]),
    ],
)
def test_constants(code: str, expected: Any) -> None:
    assert expressions(y=3 * b2.ms).constant(code, code) == pytest.approx(np.array(expected), rel=1e-15)


def test_what_is_linear_in_variables() -> None:
    found = expressions(y=3.0).affine(
        "(x*(v - 1) + y*w)/2 - v", "", {n: Affine(0.0, {n: 1.0}) for n in ("v", "w")}
    )
    assert found.constant == pytest.approx([-0.5, -1, -2])
    assert found.slopes["v"] == pytest.approx([-0.5, 0, 1]) and found.slopes["w"] == 1.5
    assert found.varies and not Affine(1.0, {"v": 0.0}).varies


def test_calls_of_timed_arrays() -> None:
    wave = b2.TimedArray(np.arange(8.0).reshape(4, 2), dt=1 * b2.ms)
    reader = expressions(wave=wave, user=b2.check_units(x=1, result=1)(lambda x: x))
    found = reader.affine("2*wave(t, m//2) - 3", "")
    assert found.constant == -3 and list(found.slopes.values()) == [2.0]
    (call,) = reader.timed.values()
    assert call.array is wave and call.columns.tolist() == [1, 0, 0]
    for code, said in (
        ("wave(t, m)", "columns from 0 to 2"),
        ("wave(t - 1*ms, i)", "call wave with the time of the step"),
        ("user(x)", "the function user"),
    ):
        with pytest.raises(DeclarationError, match=said):
            reader.affine(code, code)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("unknown + 1", "'unknown' in 'unknown \\+ 1', which has no value here"),
        ("v + 1", "'v' in 'v \\+ 1', which is not a constant of the object"),
        ("sin(2*pi*t/ms)", "'t' in .*, which changes with time"),
        ("x + xi", "the noise 'xi'"),
        ("rand()*x", r"the function rand in 'rand\(\)\*x'"),
        ("x +", "the expression 'x \\+' is not supported; Brian2's parser says"),
        ("1j*x", "is not supported"),
    ],
)
def test_what_has_no_constant_value_is_named(code: str, said: str) -> None:
    with pytest.raises(DeclarationError, match=said) as caught:
        expressions().constant(code, code)
    assert str(caught.value).startswith("from_brian2: neurongroup")


def test_what_is_not_linear_is_named() -> None:
    given = {n: Affine(0.0, {n: 1.0}) for n in ("v", "g")}
    for code, said in (
        ("g*(2 - v)", "the product of g and v in 'dv'.*a synaptic conductance"),
        ("v**2", r"v\*\*2 in 'dv'.*linear in the variables"),
        ("exp(v)", r"exp\(v\) in"),
        ("1/v", "1/v in"),
        ("int(v > 1)", "v > 1 in"),
    ):
        with pytest.raises(DeclarationError, match=said):
            expressions().affine(code, "dv", given)


def test_statements_and_steps() -> None:
    assert statements("g", "v = 0; # nothing\nw += 2*v # more") == [("v", "=", "0"), ("w", "+=", "2*v")]
    with pytest.raises(DeclarationError, match="the statement"):
        statements("g", "v")
    assert timesteps(np.array([0.0, 0.9995, 1.0, 1.5, 2.0]) * MS, MS).tolist() == [0, 1, 1, 1, 2]
