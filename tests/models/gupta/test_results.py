"""Tables of Gupta (2020): at small size on bundled digits, and the committed ones, partly measured again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import checkout
import numpy as np
import pytest
from typer.testing import CliRunner

from spikesim import datasets
from spikesim.files.measured_table import Table, load_table, save_table
from spikesim.models import gupta
from spikesim.models.claims import COLUMNS, rows
from spikesim.models.gupta.accuracy import iris_pairs, mnist_pairs
from spikesim.models.gupta.quick import quick
from spikesim.models.gupta.robustness import ATTACKS, robustness
from spikesim.models.gupta.singularity import singularity
from spikesim.models.gupta.spiking_accuracy import spiking_pairs
from spikesim.models.gupta.summary import spread
from spikesim.models.gupta.ten_classes import ten_classes
from spikesim.tools.cli import app

RESULTS = checkout.RESULTS / "gupta"
NAMES = ("pairs", "iris", "robustness", "spiking", "classes", "singularity")
DIGITS = replace(gupta.AMENDED, sizes=(64, 16, 8, 1), rate=3e-3, batch=20, epochs=10)
ONE_PAIR = ((0, 2),)


def quiet(_: str) -> None:
    """Ignore the message."""


def kept(table: Table, folder: Path) -> Table:
    """Write a table to a file and read it back."""
    save_table(table, folder / "table.json")
    return load_table(folder / "table.json")


def test_pairs_in_small(tmp_path: Path) -> None:
    forms = {"amended": DIGITS, "backprop": replace(DIGITS, learning="backprop")}
    made = mnist_pairs(datasets.digits(), (1, 2), ONE_PAIR, epochs=10, forms=forms, say=quiet)
    table = kept(made, tmp_path)
    assert table.columns == ("Pair", "amended (%)", "backprop (%)")
    curves = table.data["0v2"]["amended"]
    assert len(curves) == 2 and curves[0]["epoch"] == list(range(1, 11))
    assert curves[0]["test"][-1] >= 95 and curves[0]["train"][-1] >= 95
    assert table.rows[0][:2] == ("0v2", spread([curve["test"][-1] for curve in curves]))


def test_robustness_in_small(tmp_path: Path) -> None:
    forms = {"amended": DIGITS, "backprop": replace(DIGITS, learning="backprop")}
    table = kept(robustness(datasets.digits(), (1,), ONE_PAIR, forms, quiet), tmp_path)
    assert [row[0] for row in table.rows] == [f"0v2, {what}" for what in ATTACKS]
    for name in forms:
        values = table.data["0v2"][name][0]
        assert values == sorted(values, reverse=True) or values[-1] >= values[-2] - 5
        assert values[0] >= 95
    gains = [row[-1] for row in table.rows]
    first = table.data["0v2"]
    assert gains[0] == pytest.approx(first["amended"][0][0] - first["backprop"][0][0], abs=0.01)


def test_the_singularity_in_small(tmp_path: Path) -> None:
    settings = ((1e-9, None), (1e-2, None), (1e-9, 1.0))
    made = singularity(datasets.digits(), (1,), ONE_PAIR, 10, quiet, DIGITS, settings)
    literal, amended, clipped = kept(made, tmp_path).rows
    assert literal[0] == "eps = 1e-09" and clipped[0] == "eps = 1e-09, clip = 1"
    assert literal[2] > 1e3 > 30 > amended[2] > clipped[2] == 1.0  # type: ignore[operator]


def test_spikes_and_classes_in_small(tmp_path: Path) -> None:
    digits = datasets.digits()
    base = gupta.SpikingGupta(rates=DIGITS)
    table = kept(spiking_pairs(digits, (1, 2), ONE_PAIR, 20, 4, quiet, base), tmp_path)
    assert len(table.data["0v2"]["T = 20"]) == 2 and len(table.data["0v2"]["T = 20, literal eps"]) == 1
    assert min(table.data["0v2"]["T = 20"]) >= 90
    networks = {"one layer": ("one", replace(DIGITS, sizes=(64, 10)))}
    table = kept(ten_classes(digits, (1,), 10, quiet, networks), tmp_path)
    assert table.data["one layer"]["rule"][0] >= 80 and table.data["one layer"]["backprop"][0] >= 80


def test_iris_in_small(tmp_path: Path) -> None:
    forms = {"amended": gupta.IRIS_AMENDED}
    table = kept(iris_pairs(1, folds=2, epochs=30, forms=forms, say=quiet), tmp_path)
    assert [row[0] for row in table.rows] == ["0v1", "0v2", "1v2"]
    assert table.data["0v1"]["amended"][0]["epoch"][-1] == 30


def test_a_cell_names_the_worst_seed_where_seeds_disagree() -> None:
    assert spread([99.0, 99.1]) == "99.05 ± 0.07"
    assert spread([99.0, 50.0]) == "74.50 ± 34.65 (worst 50.00)"
    assert spread([98.0]) == "98.00"


@pytest.mark.parametrize("name", NAMES)
def test_committed_tables_load_and_name_a_command_that_exists(name: str) -> None:
    table = load_table(RESULTS / f"{name}.json")
    words = table.command.split()
    assert words[:3] == ["spikesim", "gupta", name]
    assert CliRunner().invoke(app, [*words[1:3], "--help"]).exit_code == 0
    assert table.rows and table.data and table.provenance["commit"]


def ends(table: Table, pair: str, form: str) -> list[float]:
    """Final test accuracy of each seed."""
    return [run["test"][-1] for run in table.data[pair][form]]


def test_what_the_committed_tables_show() -> None:
    pairs, iris = load_table(RESULTS / "pairs.json"), load_table(RESULTS / "iris.json")
    least = {"0v1": 99.8, "0v2": 98.8, "0v3": 99.5, "0v4": 99.6, "0v5": 98.5}
    for pair, floor in least.items():
        assert len(ends(pairs, pair, "amended")) == 5 and np.mean(ends(pairs, pair, "amended")) >= floor
    for pair, floor in {"0v1": 99.0, "0v2": 99.0, "1v2": 92.0}.items():
        assert np.mean(ends(iris, pair, "amended")) >= floor
    spikes = load_table(RESULTS / "spiking.json")
    for pair, floor in {"0v1": 99.5, "0v2": 97.5, "0v3": 99.0, "0v5": 98.0}.items():
        assert np.mean(spikes.data[pair]["T = 20"]) >= floor
    attacked = {str(row[0]): row[-1] for row in load_table(RESULTS / "robustness.json").rows}
    for pair in ("0v2", "0v5"):
        assert float(attacked[f"{pair}, FGSM 12/255"] or 0) >= 3
    classes = load_table(RESULTS / "classes.json")
    assert max(np.mean(row["rule"]) for row in classes.data.values()) >= 89.5


@pytest.mark.data
def test_part_of_a_committed_table_comes_back() -> None:
    data = datasets.mnist()
    learn, test = gupta.pair(data.train, 0, 2), gupta.pair(data.test, 0, 2)
    curve = gupta.train(gupta.AMENDED, learn.x, learn.y, 1, {"test": (test.x, test.y)}, epochs=2).curve
    committed = load_table(RESULTS / "pairs.json").data["0v2"]["amended"][0]["test"][:2]
    assert [record["test"] for record in curve] == pytest.approx(committed, abs=0.1)  # two of 2,012 digits


def test_figures_are_drawn_from_the_tables(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in NAMES:
        shutil.copy(RESULTS / f"{name}.json", tmp_path)
    done = CliRunner().invoke(app, ["gupta", "figures", "--results", str(tmp_path)])
    assert done.exit_code == 0, done.output
    drawn = {path.name: path for path in tmp_path.glob("*.png")}
    assert set(drawn) == {path.name for path in RESULTS.glob("*.png")}
    for path in drawn.values():
        assert path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_size < 150_000


@pytest.mark.data
@pytest.mark.slow
def test_quick_gives_every_claim() -> None:
    claims = quick()
    assert all(len(row) == len(COLUMNS) for row in rows(claims))
    by_name = {claim.what: claim for claim in claims}
    assert len(by_name) == len(claims) == 14
    for claim in claims:
        if claim.what.startswith("MNIST 0v") and claim.unit == "%":
            assert claim.amended is not None and claim.amended >= 95
        if claim.unit == "points":
            assert claim.amended is not None and claim.amended > 0
