"""Connections without sizes: they are made when the sizes of their populations are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.errors import DeclarationError
from spikesim.rng import derived_seed
from spikesim.synapses import Dense, Sparse, connect
from spikesim.synapses.unsized import SEED, Unsized, completed, sizes_optional

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


@sizes_optional
def drawn(pre: str, post: str, n: int, seed: int | None = None, name: str = "") -> Any:
    """One weight, which is the seed."""
    return Dense(pre, post, np.full((n, n), float(seed or 0)), name=name)


def seed_of(p: Any) -> int:
    return int(p.w[0, 0])


def test_a_seed_that_is_not_given_is_that_of_the_name() -> None:
    for name in ("", "x"):
        key = name or "a->b"
        later = drawn("a", "b", name=name)
        assert later.seeded == key
        assert seed_of(later.sized(2, 2)) == derived_seed(SEED, "projection", key)
        assert seed_of(later.sized(2, 2, 7)) == derived_seed(7, "projection", key)
        now = drawn("a", "b", 2, name=name)
        assert seed_of(now) == derived_seed(SEED, "projection", key)
        assert seed_of(completed(now, 7)) == derived_seed(7, "projection", key)
    given = drawn("a", "b", 2, seed=5)
    assert seed_of(given) == 5 == seed_of(drawn("a", "b", seed=5).sized(2, 2, 7))
    assert completed(given, 7) is given and completed(None, 7) is None


def test_what_a_network_has_taken_is_drawn_no_more() -> None:
    now = connect.fixed_probability("a", "b", 20, 20, 0.3, 1.0)
    for seed in (SEED, 7):
        taken = completed(now, seed)
        assert isinstance(taken, Sparse) and completed(taken, 9) is taken
        assert np.array_equal(taken.indices, now.indices) == (seed == SEED)
    assert isinstance(completed(now, 8), Sparse), "the one that was drawn is as it was"


def test_matrices_and_lists_draw_by_their_name_too() -> None:
    late = [
        connect.from_coordinates(
            "a", "b", [0, 1] * 50, [0, 1] * 50, 1.0, n_pre=2, delays=connect.steps(0, 9), name=n
        )
        for n in ("x", "y")
    ]
    assert not np.array_equal(late[0].delays, late[1].delays)
    assert connect.from_coordinates("a", "b", [1, 0], [0, 1], [1.0, 2.0], n_pre=2).w.tolist() == [2.0, 1.0]
