"""How pictures are written: whole or not at all, in our style whatever the user's is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spikesim.errors import DeclarationError, MissingExtraError
from spikesim.plotting.style import FORMATS, SERIES, STYLE, picture

matplotlib = pytest.importorskip("matplotlib", reason="needs the extra plot (matplotlib)")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_suffix_chooses_the_format(tmp_path: Path, suffix: str) -> None:
    with picture(tmp_path / f"a.{suffix}", (2, 1)) as figure:
        figure.subplots().plot([0, 1])
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert (tmp_path / f"a.{suffix}").read_bytes().startswith(begins[suffix])


def test_a_drawing_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), picture(tmp_path / "a.png", (2, 1)):
        raise ZeroDivisionError
    with pytest.raises(DeclarationError, match="bmp"), picture(tmp_path / "a.bmp", (2, 1)):
        pass
    assert not list(tmp_path.iterdir())


def test_the_users_settings_come_back_and_do_not_act(tmp_path: Path) -> None:
    with matplotlib.rc_context({"axes.spines.top": True, "font.size": 33.0}):
        with picture(tmp_path / "a.png", (2, 1)) as figure:
            assert matplotlib.rcParams["font.size"] == STYLE["font.size"]
            assert not figure.subplots().spines["top"].get_visible()
        assert matplotlib.rcParams["font.size"] == 33.0
    assert len(set(SERIES)) == len(SERIES)


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match="plot"), picture(tmp_path / "a.png", (2, 1)):
        pass
