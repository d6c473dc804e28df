"""The study of depth with tiny networks: its cells, that it continues, its table and figure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spikesim.datasets import digits
from spikesim.errors import CheckpointError, DataError, DeclarationError
from spikesim.models.emstdp import Emstdp, depth
from spikesim.models.emstdp.depth import Study, gradient_steps, run_study, settings, table
from spikesim.models.emstdp.depth_figure import draw_depth
from spikesim.models.emstdp.learner import Learner

TINY = Study(width=20, depths=(1, 2), feedbacks=("symmetric", "dfa"), points=(0, 60), measured=50)


def test_a_study_is_kept_and_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    said: list[str] = []
    cells = run_study(digits(), TINY, tmp_path / "cells", said.append)
    assert len(cells) == len(said) == 2 * 2 * 2
    for cell in cells:
        assert [record["samples"] for record in cell["records"]] == [0, 60]
        for record in cell["records"]:
            sizes = {len(record[key]) for key in ("activity", "silent", "angles")}
            assert sizes == {cell["depth"] + 1}
            assert all(0 <= share <= 1 for key in ("activity", "silent") for share in record[key])
            assert 0 <= record["accuracy"] <= 1
        assert cell["provenance"]["commit"] is not None or "spikesim" in cell["provenance"]
    monkeypatch.setattr(depth, "measure_cell", lambda *_: pytest.fail("a finished cell runs again"))
    assert run_study(digits(), TINY, tmp_path / "cells", said.append) == cells
    made = table(cells, TINY, "digits", "spikesim depth")
    assert len(made.rows) == 8 and made.rows[0][:3] == ("remedied", "SW", 1)
    draw_depth(cells, tmp_path / "depth.png")
    assert (tmp_path / "depth.png").read_bytes().startswith(b"\x89PNG")


def test_cells_of_another_study_are_refused(tmp_path: Path) -> None:
    small = Study(width=10, depths=(1,), feedbacks=("dfa",), rules=("paper",), points=(0, 5), measured=10)
    (cell,) = run_study(digits(), small, tmp_path, lambda _: None)
    path = tmp_path / "digits-paper-dfa-1.json"
    assert json.loads(path.read_text())["records"] == cell["records"]
    other = Study(width=11, depths=(1,), feedbacks=("dfa",), rules=("paper",), points=(0, 5), measured=10)
    with pytest.raises(DataError, match=r"digits-paper-dfa-1\.json holds a measurement with other settings"):
        run_study(digits(), other, tmp_path, lambda _: None)
    path.write_text("{")
    with pytest.raises(CheckpointError, match="the measurement then runs again"):
        run_study(digits(), small, tmp_path, lambda _: None)
    with pytest.raises(DataError, match="2000 fit samples are needed"):
        run_study(digits(), Study(points=(0, 2000)), tmp_path, lambda _: None)
    with pytest.raises(DataError, match="no cells"):
        draw_depth([], tmp_path / "x.png")


def test_the_steps_follow_the_gradient() -> None:
    """Equal wide layers: a layer's step is that above it times theta_error / theta."""
    config = settings("remedied", "symmetric", (200, 200, 200, 200, 10))
    steps = gradient_steps(config)
    assert steps[0] / steps[1] == pytest.approx(0.04 / 0.05, rel=1e-2)
    assert steps[1] / steps[2] == pytest.approx(0.04 / 0.05, rel=1e-2)
    assert settings("paper", "symmetric", (64, 9, 10)).gamma == 1.0
    np.testing.assert_allclose(gradient_steps(config, 2.0), 2 * np.array(steps), rtol=1e-2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rules": ("literal",)}, "known: remedied, paper"),
        ({"feedbacks": ()}, "known: symmetric, fa, dfa"),
        ({"depths": (0,)}, "hidden layers >= 1"),
        ({"width": 0}, "width = 0; it must be at least 1"),
        ({"rules": ("paper",), "feedbacks": ("fa",)}, "not with fa"),
        ({"points": (5, 5)}, "rising numbers of samples"),
        ({"points": (5,)}, "at least two rising"),
    ],
)
def test_a_wrong_study_is_refused(wrong: dict, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Study(**wrong)


def test_weights_decay_as_if_all_trials_were_learnt_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Emstdp(sizes=(64, 8, 10), T=16, eta=0.3, decay=2.0**-11)  # in every second trial
    samples = digits().fit.take(10)
    found = []
    for chunk in (500, 3):
        monkeypatch.setattr("spikesim.models.emstdp.learner.CHUNK", chunk)
        learner = Learner(config)
        learner.learn(samples)
        found.append(learner.masters)
    for name, masters in found[0].items():
        np.testing.assert_array_equal(masters, found[1][name])
