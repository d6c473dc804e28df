"""scikit-learn's own checks of an estimator; none is expected to fail."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator

from spikesim.estimators import EMSTDPClassifier, HopfieldClassifier, LocalRuleClassifier

SMALL: dict[str, Any] = {
    "emstdp": EMSTDPClassifier((16,), T=20, epochs=8, learning_rate=0.4),
    "local rule": LocalRuleClassifier((16, 8), epochs=40, learning_rate=0.02),
    "astdp": HopfieldClassifier("astdp", (16,), epochs=10),
    "mstdp": HopfieldClassifier("mstdp", (16,), epochs=10, settings={"test_iterations": 12, "test_tail": 4}),
}
NEEDS_PANDAS = "check_dataframe_column_names_consistency"  # the only one that scikit-learn may leave out


@pytest.mark.parametrize("name", SMALL)
def test_scikit_learn_finds_no_fault(name: str) -> None:
    found = check_estimator(SMALL[name], on_skip=None, on_fail=None)
    assert len(found) >= 50
    assert {
        entry["check_name"]: str(entry["exception"]) for entry in found if entry["status"] == "failed"
    } == {}
    others = {entry["check_name"] for entry in found if entry["status"] != "passed"}
    assert others <= {NEEDS_PANDAS}
    assert not any(entry["expected_to_fail"] for entry in found)
