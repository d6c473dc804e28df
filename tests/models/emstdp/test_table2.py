"""Table 2: which runs a row needs, and the table of those that are stored."""

from __future__ import annotations

from typing import Any

import pytest

from spikesim.errors import DeclarationError
from spikesim.models.emstdp import build
from spikesim.models.emstdp.baselines import BASELINES
from spikesim.models.emstdp.config import Emstdp
from spikesim.models.emstdp.presets import PRESETS
from spikesim.models.emstdp.table2 import COLUMNS, ROWS, RULES, chosen, missing, needed, table
from spikesim.network.file import digest


def result(*accuracies: float) -> dict[str, Any]:
    return {"runs": [{"seed": k, "test_accuracy": a} for k, a in enumerate(accuracies, 1)]}


def test_every_row_has_its_rules() -> None:
    assert ROWS["mnist-500"].names("literal") == ("emstdp-mnist-500-literal",)
    assert ROWS["mnist-500-500"].names("literal") == ()
    assert ROWS["mnist-500"].names("fa") == ROWS["mnist-500"].names("dfa") == ("emstdp-mnist-500-dfa",)
    assert ROWS["mnist-500-500"].names("fa") == ("emstdp-mnist-500-500-fa",)
    assert ROWS["auslan"].names("mlp-dfa") == (
        "mlp-auslan-dfa",
        "mlp-auslan-dfa-split2",
        "mlp-auslan-dfa-split3",
    )
    names = needed(tuple(ROWS), RULES)
    assert set(names) <= {*PRESETS, *BASELINES}
    assert set(BASELINES) <= set(names)
    assert len(names) == (6 + 1) + 6 + 6 + 3 * 6 - 1  # literal has one row; FA of one hidden layer is DFA
    for name in (n for n in names if "split" in n and n in PRESETS):
        first = PRESETS[name.partition("-split")[0]]
        assert PRESETS[name].model == first.model
        assert dict(PRESETS[name].options) == {**first.options, "split_seed": int(name[-1])}


def test_with_one_hidden_layer_fa_is_dfa() -> None:
    fa, dfa = (build(Emstdp((20, 12, 4), feedback=kind), 3) for kind in ("fa", "dfa"))  # type: ignore[arg-type]
    assert digest(fa) == digest(dfa)
    deep = [build(Emstdp((20, 12, 12, 4), feedback=kind), 3) for kind in ("fa", "dfa")]  # type: ignore[arg-type]
    assert digest(deep[0]) != digest(deep[1])


def test_the_table_has_mean_spread_and_number_of_runs() -> None:
    stored = {
        "emstdp-mnist-500": result(0.975, 0.977, 0.976),
        "emstdp-mnist-500-literal": result(0.9722),
        "mlp-mnist-500": result(0.98, 0.98),
        "bp-mnist-500-500": result(0.98),
        "emstdp-auslan": result(0.96),
        "emstdp-auslan-split2": result(0.98),
    }
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in table(stored).rows]
    assert len(rows) == 4 * 4
    by = {(row["Data"], row["Network"], row["Rule"]): row for row in rows}
    sw = by["MNIST", "784-500-10", "SW"]
    # mean of 97.5, 97.7, 97.6 is 97.6; the deviations are -.1, .1, 0, so s = sqrt(.02 / 2) = .1
    assert sw["EMSTDP"] == "97.60 ± 0.10 (3)"
    assert (sw["Paper: spikes"], sw["Difference"], sw["As printed"]) == ("97.0", "+0.60", "97.22 (1)")
    assert (sw["Paper: MLP"], sw["MLP"]) == (None, "98.00 ± 0.00 (2)")
    assert by["MNIST", "784-500-500-10", "BP"]["Paper: MLP"] == "98.2"
    assert by["MNIST", "784-500-500-10", "BP"]["MLP"] == "98.00 (1)"
    assert by["MNIST", "784-500-500-10", "DFA"]["EMSTDP"] == "missing"
    assert by["MNIST", "784-500-500-10", "FA"]["Paper: spikes"] is None
    assert by["MNIST", "784-500-500-10", "FA"]["MLP"] is None
    # 96 and 98: mean 97, s = sqrt(2) = 1.41
    auslan = by["Auslan", "45x22-150-150-50", "SW"]
    assert (auslan["EMSTDP"], auslan["Difference"]) == ("97.00 ± 1.41 (2; 2 of 3 splits)", "-0.50")
    assert "| MNIST | 784-500-10 | SW | – | 98.00 ± 0.00 (2) |" in table(stored).markdown()
    assert all(
        row["EMSTDP"] in (None, "missing")
        for row in [dict(zip(COLUMNS, r, strict=True)) for r in table({}).rows]
    )


def test_missing_runs_are_listed() -> None:
    stored = {"a": result(0.5, 0.6)}
    assert missing(stored, ["a", "b"], [2, 3]) == [("a", 3), ("b", 2), ("b", 3)]


def test_names_are_chosen_once_and_unknown_ones_named() -> None:
    assert chosen([], ROWS, "row") == tuple(ROWS)
    assert chosen(["auslan", "mnist-500", "auslan"], ROWS, "row") == ("auslan", "mnist-500")
    with pytest.raises(DeclarationError, match=r"unknown row 'mnist-50'\. Did you mean 'mnist-500'"):
        chosen(["mnist-50"], ROWS, "row")
