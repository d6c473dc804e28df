"""A presentation's steps and phases, worked out by hand."""

from __future__ import annotations

import pytest

from spikesim.errors import DeclarationError
from spikesim.window import Window

pytestmark = pytest.mark.core


def test_the_phases_of_a_halved_window() -> None:
    window = Window.halved(6)
    assert (window.T, window.split, window.boundary) == (6, 3, 3)
    assert [window.phase(t) for t in range(6)] == ["first"] * 3 + ["second"] * 3
    assert [window.span(s) for s in ("first", "second", "all")] == [(0, 3), (3, 6), (0, 6)]  # type: ignore[arg-type]
    whole = Window(4)
    assert whole.boundary == 4 and whole.span("second") == (4, 4)
    assert {whole.phase(t) for t in range(4)} == {"first"}


def test_time_without_end_has_no_phases() -> None:
    window = Window.without_end()
    assert (window.T, window.split, window.endless) == (1, None, True)
    with pytest.raises(DeclarationError, match=r"Write Window\.without_end"):
        Window(2, None, True)


@pytest.mark.parametrize("wrong", [(0, None), (2.5, None), (4, 0), (4, 4), (4, 1.5)])
def test_what_is_no_window_is_refused(wrong: tuple[int, int | None]) -> None:
    with pytest.raises(DeclarationError, match="Window: "):
        Window(*wrong)


@pytest.mark.parametrize("T", [0, 1, 5, 2.0])
def test_only_an_even_number_of_steps_is_halved(T: int) -> None:
    with pytest.raises(DeclarationError, match="cannot be halved"):
        Window.halved(T)
