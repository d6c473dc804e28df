"""Figures that a command draws for a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_runs

from spikesim import datasets, plotting
from spikesim.encoders import Poisson
from spikesim.grid import MASTER_BITS
from spikesim.models.emstdp import Emstdp, build, encoder, training
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


@pytest.mark.parametrize("kernels", ["learned", "random"])
def test_the_kernels_of_a_convolution_are_drawn(
    kernels: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Emstdp(sizes=(64, 6, 10), conv=((3, 3, 1),), kernels=kernels, T=8, update="error", gamma=0.0)
    data = datasets.digits()
    few = replace(training(config, 1), samples=4)
    run = train(build(config), data, encoder(config), few, out=tmp_path / "run")
    drawn: list[tuple[Any, ...]] = []
    monkeypatch.setattr(plotting, "weight_fields", lambda *given, **_more: drawn.append(given))
    draw_run(run, data, run.evaluate(data), print)
    ((fields, shape, _path),) = drawn
    assert fields.shape == (9, 3) and shape == (3, 3)
    kernel = np.asarray(run.network.named["in->conv1"].w)
    if kernels == "learned":
        kernel = run.masters["in->conv1"] * 2.0**-MASTER_BITS
    np.testing.assert_array_equal(fields[:, 1], kernel[1].ravel())
