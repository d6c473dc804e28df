"""Figures that a command draws for a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import small_runs

from spikesim import plotting
from spikesim.encoders import Poisson
from spikesim.tools.pictures import draw_run
from spikesim.training.config import Training
from spikesim.training.train import train

pytest.importorskip("matplotlib", reason="needs the extra plot (matplotlib)")


def test_the_confusion_matrix_says_its_accuracy_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    titles: list[str] = []
    plain = Axes.set_title

    def noted(self: Axes, label: str, *given: Any, **more: Any) -> Any:
        titles.append(label)
        return plain(self, label, *given, **more)

    data = small_runs.data()
    run = train(small_runs.network(), data, Poisson(), Training(), out=tmp_path / "run")
    found = run.evaluate(data)
    monkeypatch.setattr(Axes, "set_title", noted)
    for name in ("learning_curve", "raster", "weight_fields"):
        monkeypatch.setattr(plotting, name, lambda *_given, **_more: None)
    draw_run(run, data, found, print)
    (title,) = (text for text in titles if "correct" in text)
    assert title == f"small (test): {100 * found.accuracy:.2f} % of {len(found.labels)} correct"
