"""Connections without sizes: they are made when the sizes of their populations are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.errors import DeclarationError
from spikesim.synapses import Dense
from spikesim.synapses.unsized import Unsized, sizes_optional

pytestmark = pytest.mark.core


@sizes_optional
def full(pre: str, post: str, n_pre: int, n_post: int, w: float, delay: int = 0) -> Any:
    """All to all, of one weight."""
    return Dense(pre, post, np.full((n_pre, n_post), w), delay)


@sizes_optional
def same(pre: str, post: str, n: int, w: float = 1.0) -> Any:
    """Each to its own."""
    return Dense(pre, post, w * np.eye(n))


def test_with_sizes_it_is_made_at_once_and_without_when_they_are_known() -> None:
    now = full("a", "b", 2, 3, 0.5, delay=1)
    later = full("a", "b", 0.5, delay=1)
    assert isinstance(now, Dense) and isinstance(later, Unsized)
    assert (later.pre, later.post, later.needs) == ("a", "b", ("n_pre", "n_post"))
    made = later.sized(2, 3)
    assert made.delay == now.delay == 1
    np.testing.assert_array_equal(made.w, now.w)


def test_one_to_one_needs_equal_sizes() -> None:
    later = same("a", "b")
    assert later.needs == ("n",) and later.sized(3, 3).w.shape == (3, 3)
    with pytest.raises(DeclarationError, match="a has 3 neurons, b has 4"):
        later.sized(3, 4)


def test_arguments_that_fit_neither_way_are_an_error_of_the_call() -> None:
    with pytest.raises(TypeError):
        full("a")
    with pytest.raises(TypeError):
        full("a", "b", n_pre=2)
