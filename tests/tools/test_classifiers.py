"""The table of cross-validated classifiers: its rows and folds, with fast stand-ins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from spikesim.files.measured_table import load_table
from spikesim.tools.dev import classifiers


def test_the_table_holds_every_fold_of_every_classifier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def two(data: str, seed: int) -> dict[str, Any]:
        return {"neighbours": KNeighborsClassifier(), "logistic": LogisticRegression(max_iter=500)}

    monkeypatch.setattr(classifiers, "classifiers", two)
    out = tmp_path / "table.json"
    assert classifiers.main(["--only", "iris", "--repeats", "2", "--out", str(out)]) == 0
    found = load_table(out)
    assert [row[0] for row in found.rows] == ["neighbours", "logistic"]
    assert found.columns == ("Classifier", "Iris (%)")
    for name, shown in found.rows:
        values = found.data["iris"][name]
        assert len(values) == 10 and shown == classifiers.spread(values)
        assert sum(values) / 10 > 90
    assert "| neighbours |" in capsys.readouterr().out


def test_the_classifiers_are_ours_and_two_of_scikit_learn() -> None:
    found = classifiers.classifiers("digits", 3)
    assert sum(name.startswith("scikit-learn") for name in found) == 2 and len(found) == 9
    given = [made for name, made in found.items() if not name.startswith("scikit-learn")]
    own = [getattr(made, "estimator", made) for made in given]
    assert all(made.scaling == "global" and made.random_state == 3 for made in own)
    assert classifiers.spread([1.0, 2.0]) == "1.50 ± 0.71"
