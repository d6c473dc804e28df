"""Rounding compared with rational numbers; numeric bounds at their exact limits, with remedies."""

from __future__ import annotations

import naive_twins
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim import grid
from spikesim.errors import DeclarationError

pytestmark = pytest.mark.core
BITS = st.integers(0, grid.MASTER_BITS)


@given(st.integers(-(2**46), 2**46), BITS)
def test_snap_is_the_nearest_grid_point_and_half_goes_up(numerator: int, bits: int) -> None:
    value = numerator * 2.0**-40
    assert int(grid.snap(value, bits)) == naive_twins.snapped(value, bits)
    assert abs(float(grid.rounded(value, bits)) - value) <= 2.0 ** -(bits + 1)


def test_halves_go_up() -> None:
    assert grid.snap([-1.5, -0.5, 0.5, 1.5], 0).tolist() == [-1, 0, 1, 2]


@given(st.integers(-(2**31), 2**31 - 1), BITS)
def test_what_propagates_is_the_snapped_master(master: int, bits: int) -> None:
    found = int(grid.propagating(np.array([master], np.int32), bits)[0])
    assert found == naive_twins.snapped(master / 2**grid.MASTER_BITS, bits)


@given(st.lists(st.integers(-(2**30), 2**30), min_size=1), BITS)
def test_numbers_on_the_grid_are_taken_as_they_are(counts: list[int], bits: int) -> None:
    assert grid.on_grid(np.array(counts) * 2.0**-bits, bits, "w").tolist() == counts


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.1, r"w: 0\.1 lies 0\.025 off the grid of 2\*\*-3; .*rounded\(values, 3\)"),
        (float("nan"), "w: holds nan; finite"),
        (float("-inf"), "w: holds -inf; finite"),
        (1e300, r"w: 1e\+300 is beyond 2\*\*53 steps of 2\*\*-3"),
    ],
)
def test_what_does_not_lie_on_the_grid_is_refused(value: float, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        grid.on_grid([0.5, value], 3, "w")


@pytest.mark.parametrize("bits", [-1, 29, 2.5, "12", None])
def test_a_grid_has_whole_bits_up_to_the_master_grid(bits: object) -> None:
    with pytest.raises(DeclarationError, match=r"IF: grid = .* <= 28"):
        grid.check_bits(bits, "IF")  # type: ignore[arg-type]


def test_the_current_stays_below_2_to_the_24() -> None:
    grid.prove_current(2**24 - 1, "hid", 12)
    with pytest.raises(DeclarationError) as refusal:
        grid.prove_current(2**26, "hid", 12)
    said = str(refusal.value)
    assert "hid" in said and str(2**26) in said and str(2**24) in said
    assert "(9 bits or fewer)" in said  # 2**26 / 2**3 = 2**23 < 2**24, and 2**26 / 2**2 = 2**24 is not
    grid.prove_current(2**26 >> 3, "hid", 9)


def test_the_membrane_stays_below_2_to_the_31() -> None:
    grid.prove_membrane(2**20, 2**11 - 1, 1, "hid", 12)
    with pytest.raises(
        DeclarationError, match=r"hid: .* in 2048 time steps, .*\(11 bits or fewer\).*shorter window"
    ):
        grid.prove_membrane(2**20, 2**11, 1, "hid", 12)
    with pytest.raises(DeclarationError, match="membrane can reach"):
        grid.prove_membrane(1, 1, 2**31 - 1, "hid", 12)
