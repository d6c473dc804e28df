"""Accuracy against T: every pair is measured once, from a network that was trained with its T."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spikesim.models.emstdp import build, encoder, windows
from spikesim.models.emstdp.presets import preset
from spikesim.models.emstdp.windows import Data, draw_windows, measure_windows, windows_table
from spikesim.training.train import train

DIGITS = preset("emstdp-digits")
SMALL = replace(
    DIGITS, samples=200, epochs=1, split="fit", model=replace(DIGITS.model, sizes=(64, 20, 10), average=0)
)


def test_every_pair_is_measured_and_no_pair_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Data] = []
    data = measure_windows(SMALL, (16, 32), (8, 32), (1, 2), done=lambda d: kept.append(dict(d)))
    assert [len(d) for d in kept] == [1, 2, 3, 4]
    assert set(data) == {"16, 1", "16, 2", "32, 1", "32, 2"}
    model, dataset = replace(SMALL.model, T=16), SMALL.load()
    run = train(build(model, 2), dataset, encoder(model), replace(SMALL, model=model).training(2))
    assert data["16, 2"] == {str(t): 100 * run.evaluate(dataset, "validation", T=t).accuracy for t in (8, 32)}
    monkeypatch.setattr(windows, "train", lambda *_given: pytest.fail("measured again"))
    assert measure_windows(SMALL, (16, 32), (8,), (1, 2), known=data) == data


def test_the_learning_rate_follows_T() -> None:
    """eta is in units of theta / (T / 2)**2: with twice the steps, a quarter."""
    rates = [build(replace(SMALL.model, T=T)).plastic[0].plastic.eta for T in (32, 64)]
    assert rates[0] == pytest.approx(4 * rates[1])


def test_table_and_figure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    data = {"20, 1": {"20": 90.0, "40": 92.0}, "20, 2": {"20": 91.0, "40": 92.0}, "40, 1": {"40": 95.0}}
    table = windows_table(SMALL, data, "spikesim emstdp windows")
    # mean of 90 and 91: 90.5, s = sqrt(.5) = .71
    assert table.rows == ((20, "90.50 ± 0.71", "92.00 ± 0.00"), (40, None, "95.00"))
    assert table.columns == ("Training T", "test T = 20", "test T = 40")
    draw_windows(data, tmp_path / "windows.png")
    assert (tmp_path / "windows.png").read_bytes().startswith(b"\x89PNG")
