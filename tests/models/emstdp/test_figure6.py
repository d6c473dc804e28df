"""Figure 6: curves from stored records, their mean and range, and the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim.errors import DataError
from spikesim.models.emstdp.figure6 import LABELS, curves, draw_figure_6

pytest.importorskip("matplotlib")


def run(*accuracies: float, tested: bool = True) -> dict[str, Any]:
    return {
        "metrics": [
            {"epoch": k, "train_accuracy": a - 0.1} | ({"test_accuracy": a} if tested else {})
            for k, a in enumerate(accuracies, 1)
        ]
    }


STORED = {
    "bp-mnist-500-500": {"runs": [run(0.9, 0.92), run(0.94, 0.96)]},
    "emstdp-mnist-500-500": {"runs": [run(0.8, 0.9, 0.95), run(0.82, 0.92)]},
    "emstdp-mnist-500-500-dfa": {"runs": [run(0.7, 0.8, tested=False)]},
    "bp-mnist-500": {"runs": [run(0.1, 0.2)]},  # of another row
}


def test_curves_have_mean_and_range_over_the_runs() -> None:
    bp, sw = curves(STORED, "test_accuracy")
    assert (bp.rule, sw.rule) == ("bp", "sw")
    assert np.allclose(bp.mean, [92, 94])
    assert np.allclose(bp.low, [90, 92])
    assert np.allclose(bp.high, [94, 96])
    assert sw.epochs.tolist() == [1, 2]  # the epochs that both runs have
    assert [curve.rule for curve in curves(STORED, "train_accuracy")] == ["bp", "sw", "dfa"]


def test_the_figure_says_which_curves_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "figure6.png"
    assert draw_figure_6(STORED, path) == [LABELS[rule] for rule in ("mlp-sw", "mlp-dfa", "dfa", "fa")]
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="no run of the row mnist-500-500 is stored; run spikesim reproduce"):
        draw_figure_6({"bp-mnist-500": STORED["bp-mnist-500"]}, path)
