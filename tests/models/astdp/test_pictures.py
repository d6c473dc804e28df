"""Plots of aSTDP: digits in rows, an ablation with a diverged run, and the error without matplotlib."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from spikesim.errors import MissingExtraError
from spikesim.files.measured_table import Table, save_table
from spikesim.models.astdp import pictures

matplotlib = pytest.importorskip("matplotlib", reason="needs the extra plot (matplotlib)")


def test_digits_stand_in_rows_dark_on_light(tmp_path: Path) -> None:
    from matplotlib.image import imread

    images = np.zeros((7, 784), np.float32)
    images[1] = 1.0  # the second of the first row; the seventh fills no row of three and is left out
    path = pictures.draw_digits(images, tmp_path / "new" / "digits.png", columns=3)
    ink = 1 - imread(path)[..., :3].mean(axis=2)
    rows, columns = np.nonzero(ink > 0.5)
    height, width = ink.shape
    assert rows.max() < 0.55 * height, "upper row"
    assert width / 3 * 0.9 < columns.min() and columns.max() < 2 * width / 3 * 1.1, "middle column"


def test_the_ablation_shows_what_diverged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple(
        (form, name, value) for form in ("literal", "amended") for name, value in (("a", 90.0), ("b", None))
    )
    save_table(Table("t", ("from", "what", "accuracy"), rows, "c"), tmp_path / "ablation.json")
    from matplotlib.axes import Axes

    written: list[str] = []
    plain = Axes.text

    def text(self: Axes, x: float, y: float, s: str, **options: object) -> object:
        written.append(s)
        return plain(self, x, y, s, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Axes, "text", text)
    draw = pictures._ablation(tmp_path / "ablation.json")
    path = pictures._picture(tmp_path / "ablation.png", (3, 3), draw)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert sorted(written) == ["90.0", "90.0", "diverged", "diverged"]


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match="plot"):
        pictures.draw_digits(np.zeros((1, 784), np.float32), tmp_path / "x.png", 1)
    assert not (tmp_path / "x.png").exists()
