"""Figures: atomic writing, contents, and refusal of invalid arguments."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim import plotting
from spikesim.errors import DataError, DeclarationError, MissingExtraError, SpikesimError
from spikesim.recording import Recording
from spikesim.spikes import from_raster

matplotlib = pytest.importorskip("matplotlib", reason="needs the extra plot (matplotlib)")

METRICS = [
    {"epoch": e, "train_accuracy": 1 - 0.5**e, "validation_accuracy": 0.9 - 0.5**e} for e in range(1, 6)
]
TIMES, NEURONS = np.array([0, 3, 7, 9]), np.array([1, 0, 2, 1])
SIGNS = np.array([1, -1, 1, -1])
PICTURES: dict[str, Callable[[Path], None]] = {
    "curve": lambda path: plotting.learning_curve(METRICS, path),
    "raster": lambda path: plotting.raster(
        [("input", TIMES, NEURONS, 784), ("error", TIMES, NEURONS, 3, SIGNS), ("none", [], [], 1)],
        10,
        path,
        title="Sample 0",
        phases=(5,),
    ),
    "confusion": lambda path: plotting.confusion(np.diag([5, 0, 2]), ["a", "b", "a long name"], path),
    "confusion, many": lambda path: plotting.confusion(np.ones((25, 25), np.int64), range(25), path),
    "fields": lambda path: plotting.weight_fields(np.arange(48.0).reshape(12, 4) - 20, (3, 4), path, n=3),
    "membranes": lambda path: plotting.membranes({"v": [0.0, 1, 2], "w": [1, 1]}, path, theta=2.0),
    "comparison": lambda path: _compared(path),
    "clouds": lambda path: plotting.clouds([plotting.Cloud("t", [0, 1], [0, 1], "x", "y", ([0], [1]))], path),
    "fields, silent": lambda path: plotting.weight_fields(np.zeros((4, 2)), (2, 2), path),
}


def _compared(path: Path) -> None:
    raster = np.zeros((2, 9, 200), np.int8)
    raster[:, [1, 5, 7], [3, 150, 60]] = 1
    a = from_raster(raster)
    raster[1, 5, 150] = -1
    b = from_raster(raster)
    assert plotting.comparison(a, b, path, presentation=1, names=("left", "right")) == 5
    assert plotting.comparison(a, b, path, presentation=0) is None


def _recording() -> Recording:
    spikes = from_raster(np.eye(10, dtype=np.int8))
    return Recording({}, np.zeros(0, np.int64), {"in": spikes})


def test_a_recording_is_drawn_as_its_error_says(tmp_path: Path) -> None:
    s = _recording().spikes["in"]
    plotting.raster([("in", s.times, s.neurons, s.n)], s.T, tmp_path / "a.png")
    plotting.raster(_recording(), path=tmp_path / "b.png")
    plotting.raster({"in": s}, path=str(tmp_path / "c.png"))
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b == c
    plotting.raster(s, path=tmp_path / "d.png", title="unnamed")
    assert (tmp_path / "d.png").exists()


def test_the_name_of_version_0_1_still_works() -> None:
    with pytest.warns(DeprecationWarning, match="now SpikeTrain"):
        assert plotting.Train is plotting.SpikeTrain
    with pytest.raises(AttributeError, match="no attribute 'Trains'"):
        plotting.Trains  # noqa: B018


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures created during the test."""
    from matplotlib import figure

    made: list[Any] = []

    class Watched(figure.Figure):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(figure, "Figure", Watched)
    return made


@pytest.mark.parametrize("what", PICTURES)
@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_picture_is_written_whole_in_each_format(
    tmp_path: Path, what: str, suffix: str, start: bytes
) -> None:
    path = tmp_path / f"picture.{suffix}"
    PICTURES[what](path)
    assert path.read_bytes().startswith(start)
    assert os.listdir(tmp_path) == [path.name]


def test_a_picture_has_ink(tmp_path: Path) -> None:
    from matplotlib.image import imread

    for what, draw in PICTURES.items():
        draw(tmp_path / "a.png")
        pixels = imread(tmp_path / "a.png")
        assert min(pixels.shape[:2]) > 150, what
        assert 0.005 < (pixels[:, :, :3].min(axis=2) < 0.9).mean() < 0.9, what


def test_the_users_settings_are_neither_used_nor_changed(tmp_path: Path) -> None:
    from matplotlib.image import imread

    PICTURES["curve"](tmp_path / "plain.png")
    with matplotlib.rc_context({"axes.facecolor": "black", "savefig.dpi": 31, "font.size": 30}):
        before = dict(matplotlib.rcParams)
        PICTURES["curve"](tmp_path / "set.png")
        assert dict(matplotlib.rcParams) == before
    plain, with_settings = (imread(tmp_path / name) for name in ("plain.png", "set.png"))
    assert plain.shape == with_settings.shape
    assert np.abs(plain - with_settings).mean() < 0.002  # the layout's last bit may differ from call to call


def test_pyplot_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # an import of it would fail
    for draw in PICTURES.values():
        draw(tmp_path / "a.png")


def test_the_curve_shows_every_accuracy_in_per_cent(tmp_path: Path, figures: list[Any]) -> None:
    metrics = [*METRICS, {"epoch": 6, "train_accuracy": 0.99}, {"samples": 3}]
    plotting.learning_curve(metrics, tmp_path / "a.png")
    (axes,) = figures[0].axes
    train, validation = axes.lines
    np.testing.assert_allclose(train.get_xdata(), [1, 2, 3, 4, 5, 6])
    np.testing.assert_allclose(train.get_ydata()[[0, 5]], [50, 99])
    np.testing.assert_allclose(validation.get_xdata(), [1, 2, 3, 4, 5])
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["train, last 99.00 %", "validation, last 86.88 %"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "accuracy (%)")


def test_the_curve_goes_over_samples_where_there_is_no_epoch(tmp_path: Path, figures: list[Any]) -> None:
    plotting.learning_curve([{"samples": 500, "accuracy": 0.5}], tmp_path / "a.png")
    assert figures[0].axes[0].get_xlabel() == "samples seen"


def test_the_raster_has_a_tick_at_each_spike(tmp_path: Path, figures: list[Any]) -> None:
    PICTURES["raster"](tmp_path / "a.png")
    drawn = figures[0].axes

    def ticks(collection: Any) -> list[tuple[int, int]]:
        return [(int(s[0, 0]), round(s[:, 1].mean())) for s in collection.get_segments()]

    assert ticks(drawn[0].collections[0]) == [(0, 1), (3, 0), (7, 2), (9, 1)]
    assert ticks(drawn[1].collections[0]) == [(0, 1), (7, 2)]  # positive
    assert ticks(drawn[1].collections[1]) == [(3, 0), (9, 1)]  # negative
    assert len(drawn[2].collections) == 0
    assert [axes.get_ylabel().split("\n")[0] for axes in drawn] == ["input", "error", "none"]
    assert drawn[2].get_xlim() == (-0.5, 9.5)


def test_the_raster_has_a_time_axis_in_ms(tmp_path: Path, figures: list[Any]) -> None:
    spikes = from_raster(np.eye(50, 4, dtype=np.int8))
    plotting.raster(spikes, path=tmp_path / "steps.png")
    plotting.raster(spikes, path=tmp_path / "ms.png", dt=0.1)
    steps, ms = (figure.axes[0] for figure in figures)
    assert steps.get_xlabel() == "time (steps)" and ms.get_xlabel() == "time (ms)"
    assert steps.get_xlim() == ms.get_xlim(), "the spikes are where they were"
    places = ms.get_xticks().tolist()
    assert [label.get_text() for label in ms.get_xticklabels()] == [f"{0.1 * t:g}" for t in places]
    assert places[-1] == 50 and len(places) >= 4
    with pytest.raises(DataError, match="raster: dt = 0; the length of a step in ms"):
        plotting.raster(spikes, path=tmp_path / "none.png", dt=0)


def test_the_confusion_matrix_shows_counts_and_shares(tmp_path: Path, figures: list[Any]) -> None:
    plotting.confusion(np.array([[3, 1], [0, 4]]), "ab", tmp_path / "a.png", title="Test")
    axes = figures[0].axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[75, 25], [0, 100]])
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    assert counts == {(0, 0): "3", (1, 0): "1", (1, 1): "4"}  # (column, row)
    assert axes.get_title(loc="left") == "Test: 87.50 % of 8 correct"


def test_the_fields_are_those_of_largest_norm_on_one_scale(tmp_path: Path, figures: list[Any]) -> None:
    w = np.zeros((6, 4))
    w[2, 1], w[4, 3] = 2, -5
    plotting.weight_fields(w, (2, 3), tmp_path / "a.png", n=2)
    first, second = (axes for axes in figures[0].axes if axes.images and axes.get_title())
    assert (first.get_title(), second.get_title()) == ("3", "1")
    np.testing.assert_array_equal(first.images[0].get_array(), [[0, 0, 0], [0, -5, 0]])
    low, high = first.images[0].get_clim()
    assert low == -high
    assert second.images[0].get_clim() == (low, high)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda p: plotting.learning_curve([], p), "no record of the metrics"),
        (lambda p: plotting.learning_curve([{"epoch": 1}], p), "no record of the metrics"),
        (lambda p: plotting.raster([], 10, p), "at least one population"),
        (lambda p: plotting.raster([("a", [1], [1, 2], 3)], 10, p), "arrays of the same length"),
        (
            lambda p: plotting.raster([("a", [10], [1], 3)], 10, p),
            "'a' has spikes in steps 10 to 10, outside 0 to 9",
        ),
        (lambda p: plotting.raster([("a", [1], [3], 3)], 10, p), "of neurons 3 to 3, outside 0 to 2"),
        (lambda p: plotting.raster(3, 10, p), "type int; expected a Recording, Spikes, a mapping"),  # type: ignore[arg-type]
        (lambda p: plotting.raster({"a": 3}, 10, p), "'a' is of type int; expected a Recording"),  # type: ignore[dict-item]
        (lambda p: plotting.raster(_recording(), path=p, trial=1), "trial = 1; 'in' has 1, numbered from 0"),
        (lambda p: plotting.raster(_recording()), "path is missing; give the file to draw"),
        (lambda p: plotting.raster([("a", [1], [1], 3)], path=p), "T is missing; tuples do not say"),
        (lambda p: plotting.raster(replace(_recording(), spikes={}), path=p), "the recording has no spikes"),
        (
            lambda p: plotting.raster([("a", [1], [1])], 10, p),
            "a tuple of 3 entries; expected a Recording, Spikes",
        ),
        (lambda p: plotting.raster([("a", [], [], 0)], 10, p), "T = 10 and n = 0; both must be at least 1"),
        (
            lambda p: plotting.confusion(np.eye(3, dtype=int), "ab", p),
            r"\(3, 3\); for 2 classes a \(2, 2\) array",
        ),
        (lambda p: plotting.confusion(np.eye(2), "ab", p), "float64"),
        (lambda p: plotting.confusion(-np.eye(2, dtype=int), "ab", p), "array of integer counts >= 0"),
        (lambda p: plotting.weight_fields(np.zeros((5, 2)), (2, 2), p), "the first dimension must be 4"),
        (lambda p: plotting.weight_fields(np.full((4, 2), np.nan), (2, 2), p), "NaN or infinity"),
        (lambda p: plotting.weight_fields(np.zeros((4, 2)), (2, 2), p, n=0), "n=0"),
        (
            lambda p: PICTURES["curve"](p.with_suffix(".pgn")),
            "unknown picture format 'pgn'. Did you mean 'png'",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, draw: Callable[[Path], None], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        draw(tmp_path / "a.png")
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpikesimError, match=r"the picture could not be written to .*nowhere"):
        PICTURES["curve"](tmp_path / "nowhere" / "a.png")


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    for what, draw in PICTURES.items():
        with pytest.raises(MissingExtraError, match=r"pip install 'spikesim\[plot\]'"):
            draw(tmp_path / "a.png")
        assert not (tmp_path / "a.png").exists(), what
