"""The table of exits: a sample of its cells, that it sees every kind of failure, and that it is fresh."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from spikesim.engines import Naive
from spikesim.errors import EngineError, MissingExtraError
from spikesim.files.measured_table import load_table, save_table
from spikesim.neurons.population import MODELS
from spikesim.tools.dev import exits_table
from spikesim.tools.dev.exit_cases import Case, integrate
from spikesim.tools.dev.exit_features import FEATURES
from spikesim.tools.dev.exits import ALL, EXITS, NOT_HERE, Exit, command, differs, moving, played

FAST = [each for each in EXITS if not each.slow and each.name not in ("windowed", "verify")]
SAMPLE = list(FEATURES)[::5]


@pytest.mark.parametrize("feature", SAMPLE)
def test_a_cell_is_equal_or_refused_in_words(feature: str) -> None:
    for exit_ in FAST:
        found = exits_table.cell(FEATURES[feature], exit_)
        assert found.outcome != exits_table.FAILED, f"{feature}, {exit_.name}: {found.said}"
        assert found.outcome != exits_table.REFUSED or len(found.said) > 20


def outcome(play: Callable[[Case, Path], str]) -> exits_table.Cell:
    return exits_table.cell(integrate, Exit("own", play))


def test_every_kind_of_failure_is_seen() -> None:
    def raw(case: Case, folder: Path) -> str:
        return str(case.network.populations["nobody"])

    def litters(case: Case, folder: Path) -> str:
        (folder / "left.h5").write_text("half", encoding="utf-8")
        raise EngineError("no")

    def refuses(case: Case, folder: Path) -> str:
        raise EngineError("what, where, and the way out")

    def missing(case: Case, folder: Path) -> str:
        raise MissingExtraError("lava", "lava")

    assert outcome(raw).outcome == exits_table.FAILED and "KeyError" in outcome(raw).said
    assert outcome(litters).outcome == exits_table.FAILED and "left left.h5" in outcome(litters).said
    assert outcome(lambda case, folder: "2 spikes differ").outcome == exits_table.FAILED
    assert outcome(refuses).outcome == exits_table.REFUSED
    assert outcome(missing).outcome == exits_table.MISSING
    assert outcome(lambda case, folder: NOT_HERE).outcome == NOT_HERE
    assert outcome(lambda case, folder: "").outcome == exits_table.EQUAL


def test_a_difference_is_a_difference() -> None:
    case = integrate()
    truth = played(case)
    assert differs(case, truth, played(case)) == ""
    lower = integrate(theta=7.0).network.populations["a"]
    other = replace(case.network, populations={**case.network.populations, "a": lower})
    assert "a[" in differs(case, truth, Naive(other).run(case.inputs, record=moving(other)))


def test_a_command_that_ends_with_1_has_failed(tmp_path: Path) -> None:
    said = command(lambda folder: ["verify", str(folder / "net.h5"), "--samples", "0"], integrate(), tmp_path)
    assert said.startswith("exit status 2")


def test_the_command_ends_with_1_where_a_cell_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exits_table.main(["--feature", "IF, bias", "--exit", "energy"]) == 0
    assert "cells equal (every spike and membrane), R: 0 refused" in capsys.readouterr().out
    lies = {"energy": exits_table.Cell(exits_table.FAILED, "a spike differs")}
    monkeypatch.setattr(exits_table, "ProcessPoolExecutor", lambda jobs: ThreadPoolExecutor(1))
    monkeypatch.setattr(exits_table, "cells_of", lambda feature, exits: lies)
    assert exits_table.main(["--feature", "IF, start by neuron", "--exit", "energy"]) == 1
    assert "IF, start by neuron | energy | FAILED: a spike differs" in capsys.readouterr().out


def test_what_a_saved_table_lacks_is_added(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = load_table(exits_table.RESULT)
    without = [row for row in full.rows if row[0] != "IF, bias"]
    path = tmp_path / "exits.json"
    save_table(replace(full, rows=tuple(without)), path)
    asked: list[str] = []

    def cells_of(feature: str, exits: tuple[str, ...]) -> dict[str, exits_table.Cell]:
        asked.append(feature)
        return {name: exits_table.Cell(exits_table.EQUAL) for name in exits}

    monkeypatch.setattr(exits_table, "RESULT", path)
    monkeypatch.setattr(exits_table, "ProcessPoolExecutor", lambda jobs: ThreadPoolExecutor(1))
    monkeypatch.setattr(exits_table, "cells_of", cells_of)
    assert exits_table.main(["--add"]) == 0
    assert asked == ["IF, bias"]
    made = load_table(path)
    assert [row[0] for row in made.rows[:-1]] == list(FEATURES)
    assert next(row for row in made.rows if row[0] == "IF") == next(
        row for row in full.rows if row[0] == "IF"
    )
    assert made.data["LIF without a reset"] == full.data["LIF without a reset"]
    assert f"Added to {len(FEATURES) - 1} features of an earlier run" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        exits_table.main(["--add", "--fast"])


def test_every_feature_fires_and_is_named_once() -> None:
    """A network that is silent would be equal everywhere."""
    silent = []
    for name, make in FEATURES.items():
        case = make()
        found = played(case)
        kinds = case.network.populations
        neurons = [n for n in moving(case.network) if kinds[n].description.spikes != "none"]
        if neurons and not all(len(found.spikes[n].times) for n in neurons):
            silent.append(name)
    assert silent == ["no source"], "without input there are no trials"


def test_every_model_has_a_row() -> None:
    used: set[str] = set()
    for make in FEATURES.values():
        used |= {type(p).__name__ for p in make().network.populations.values()}
    ours = {name for name, model in MODELS.items() if model.__module__.startswith("spikesim.neurons")}
    assert ours <= used, f"without a row in exit_features.FEATURES: {sorted(ours - used)}"


def test_the_saved_table_is_of_all_features_and_exits_and_has_no_failure() -> None:
    table = load_table(exits_table.RESULT)
    assert table.columns[1:] == tuple(ALL), "run: python -m spikesim.tools.dev.exits_table --save"
    assert [row[0] for row in table.rows[:-1]] == list(FEATURES), "the table is older than its features"
    cells = {cell for row in table.rows[:-1] for cell in row[1:]}
    assert cells == {"=", "R", "–"}
    words = table.data["a model of one's own"]
    for name in ("Brian2", "Loihi", "Lava, float", "Lava's file", "netx", "NIR", "quantise", "energy"):
        assert "a Stepwise, a model without a translation" in words[name]
