"""Error neurons that are reset by subtraction: by hand, and the count as the sum of the input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.errors import DeclarationError
from spikesim.neurons import ErrorIF

pytestmark = pytest.mark.core
FORMS = pytest.mark.parametrize("form", ["ternary", "pair"])


def trace(population: ErrorIF, inputs: list[int]) -> tuple[list[Any], list[int]]:
    """Membranes and spikes of one neuron, by `step` and by the compiled step, which agree."""
    state, other = population.initial_state(), population.initial_state()
    advance, fired, signs = population.compiled(), np.zeros(1, np.int32), np.zeros(1, np.int8)
    v, s = [], []
    for x in inputs:
        state, spikes = population.step(state, np.array([x]))
        k = advance(other, np.array([x * 2.0**-population.grid]), np.zeros(0, np.bool_), fired, signs)
        assert np.array_equal(state["v"], other["v"])
        assert (int(signs[0]) if k else 0) == spikes[0]
        v.append(state["v"].reshape(-1).tolist())
        s.append(int(spikes[0]))
    return v, s


def test_ternary_by_hand() -> None:
    # theta = 4 counts; 9 = 2 * 4 + 1 leaves 5, which fires again without input, and leaves 1
    v, s = trace(ErrorIF(1, theta=1.0, grid=2, reset="subtract"), [3, 6, 0, 0, -9, 0, -1])
    assert v == [[3], [5], [1], [1], [-4], [0], [-1]]
    assert s == [0, 1, 1, 0, -1, -1, 0]


def test_pair_by_hand() -> None:
    v, s = trace(ErrorIF(1, theta=1.0, grid=2, form="pair", reset="subtract"), [9, 0, 0, -9, 0])
    assert v == [[5, -9], [1, -9], [1, -9], [-8, 0], [-8, 0]]
    assert s == [1, 1, 0, 0, 0]


@FORMS
def test_the_count_is_the_sum_of_the_input_to_within_one(form: Any) -> None:
    rs = np.random.default_rng(3)
    for _ in range(20):
        inputs = rs.integers(0, 4, 60).tolist()  # of one sign, below the threshold of 4
        _, s = trace(ErrorIF(1, theta=1.0, grid=2, form=form, reset="subtract"), inputs)
        assert sum(s) == sum(inputs) // 4
    # reset to zero loses what exceeds the threshold
    _, s = trace(ErrorIF(1, theta=1.0, grid=2, form=form), [3] * 20)
    assert sum(s) == 10 < 60 // 4


@FORMS
def test_an_unknown_reset_is_refused(form: Any) -> None:
    with pytest.raises(DeclarationError, match=r"ErrorIF: reset = 'half'; known: 'zero', 'subtract'"):
        ErrorIF(1, theta=1.0, form=form, reset="half")  # type: ignore[arg-type]
