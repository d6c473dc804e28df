"""Tables and plots of mSTDP: their configurations, and the claims in the committed tables."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import checkout
import numpy as np
import pytest

from spikesim.datasets import digits
from spikesim.errors import DeclarationError
from spikesim.files.measured_table import load_table, save_table
from spikesim.hopfield.mstdp.network import amendments
from spikesim.hopfield.mstdp.training import begin, train
from spikesim.models.mstdp import classification
from spikesim.models.mstdp.ablation import STEPS_DOWN, STEPS_UP, halved
from spikesim.models.mstdp.classification import ROWS, MstdpRow, chosen, classify_mnist, named
from spikesim.models.mstdp.config import AMENDED, HALF_RANGE, IN_BATCHES, LITERAL, sized
from spikesim.models.mstdp.generation import within
from spikesim.models.mstdp.runs import run, spread
from spikesim.models.mstdp.search import search_table

RESULTS = checkout.RESULTS / "mstdp"
SMALL = replace(AMENDED, n_in=64, n_hidden=16, batch=20, iterations=4, free_iterations=8)


@pytest.mark.core
def test_steps_of_the_ladders_are_configurations() -> None:
    """Every row of both ablations is a valid configuration with existing fields."""
    config = LITERAL
    for _, changes in STEPS_UP:
        config = replace(config, **changes)
    assert config.centre == "half" and not config.lateral
    assert all(replace(AMENDED, **changes) != AMENDED for _, changes in STEPS_DOWN[1:])
    assert sized(named("literal"), 5).n_hidden == 5
    with pytest.raises(DeclarationError, match="unknown configuration 'amend'"):
        named("amend")


def test_rows_are_chosen_by_configuration_and_seed() -> None:
    assert chosen(None, None) == ROWS
    assert [(row.config, row.seeds) for row in chosen(["near", "half-range"], [7])] == [
        ("half-range", (7,)),
        ("near", (7,)),
    ]
    with pytest.raises(DeclarationError, match="Did you mean 'near'"):
        chosen(["nera"], None)
    assert amendments(HALF_RANGE) == ("alpha = 0.032", "low = -0.5", "high = 0.5", "batch = 32")
    assert IN_BATCHES.alpha == pytest.approx(32 * LITERAL.alpha)


def test_a_table_is_extended_run_by_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(classification.CONFIGS, "near", SMALL)
    row, path = MstdpRow("near", 16, 1, 100, (2,)), tmp_path / "classification.json"
    for seeds in ((2,), (1,)):
        found = classify_mnist(digits(), path, tmp_path, [replace(row, seeds=seeds)], say=lambda _: None)
        save_table(found, path)
    kept = load_table(path).data["rows"]["near, 16 hidden"]
    assert kept["seeds"] == [1, 2] and len(kept["runs"]) == 2
    assert found.rows[1][0] == "near" and found.rows[1][-1] == "1, 2"
    (tmp_path / "new").mkdir()
    again = classify_mnist(digits(), path, tmp_path / "new", [replace(row, samples=120)], say=lambda _: None)
    assert again.data["rows"]["near, 16 hidden"]["seeds"] == [2], "another length begins anew"


def test_a_run_goes_on_from_its_file_and_refuses_another(tmp_path: Path) -> None:
    """An interrupted and resumed run equals an uninterrupted one; other settings are refused."""
    data, path = digits(), tmp_path / "run.h5"
    part = {"seed": 2, "epochs": 2, "samples": 200}
    whole = run(SMALL, data.fit, data.validation, **part)
    run(SMALL, data.fit, data.validation, save_to=path, until=7, **part)
    again = run(SMALL, data.fit, data.validation, save_to=path, **part)
    assert again.presented == whole.presented == 400
    assert again.test == pytest.approx(whole.test, abs=0.5)
    with pytest.raises(DeclarationError, match="another configuration"):
        run(replace(SMALL, alpha=0.5), data.fit, data.validation, save_to=path, **part)
    diverged = run(replace(SMALL, alpha=9e5), data.fit, data.validation, **part)
    assert np.isnan(diverged.test) and "diverged at trial" in diverged.note
    assert json.loads(json.dumps(diverged.record()))["test"] is None


def test_the_search_table_shows_the_best_first(tmp_path: Path) -> None:
    """Two trials, sorted by accuracy; the data contain all of them."""
    trials = [{"validation": v, "seconds": 1.0, "config": asdict(AMENDED)} for v in (50.0, 90.0)]
    path = tmp_path / "trials.json"
    path.write_text(json.dumps({"samples": 10, "epochs": 1, "seed": 1, "trials": trials}))
    table = search_table(path, best=1)
    assert table.rows[0][0] == 90.0 and len(table.rows) == 1
    assert len(table.data["trials"]) == 2


def test_figures_of_spread() -> None:
    """Two images of a label that differ by 1 in each pixel have a standard deviation of 1/2."""
    images = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [0.5, 0.5]])
    assert within(images, np.array([0, 0, 1, 1])) == pytest.approx(np.sqrt((0.25 + 0.0) / 2))
    assert spread([96.0, 98.0]) == "97.00 ± 1.41" and spread([96.0]) == "96.00"
    data = digits().fit
    big = replace(data, x=np.ascontiguousarray(np.tile(data.x[:, :1], (1, 784))))
    np.testing.assert_allclose(halved(big).x, big.x[:, :196], atol=1e-6)


def test_pictures_are_drawn(tmp_path: Path) -> None:
    """Figs. 1, 2 and 3 of a small network, as PNG."""
    pytest.importorskip("matplotlib")
    from spikesim.models.mstdp.figures import STEPS, draw_figures, draw_generated, overshoot

    data = digits()
    net = train(begin(SMALL, data.fit.x[:400], epochs=2), data.fit.x[:400], data.fit.y[:400]).tested()
    made = draw_figures(net, data.test, tmp_path)
    made.append(draw_generated(data.test.x[:100], np.repeat(np.arange(10), 10), tmp_path / "fig3.png"))
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in made)
    rates = np.full((sum(STEPS), 1), 0.2)
    rates[STEPS[0] : STEPS[0] + STEPS[1]] = 0.6
    rates[STEPS[0] + 3] = 0.75
    assert overshoot(rates)[0] == pytest.approx(0.15)


@pytest.mark.core
def test_committed_tables_hold_what_is_claimed() -> None:
    """The tables can be read, contain their command, and the classification reaches the paper's figures."""
    for name in ("classification", "generation", "amended-down", "literal-up", "spiking", "search"):
        table = load_table(RESULTS / f"{name}.json")
        assert table.command.startswith("spikesim mstdp "), name
        assert table.rows, name
    rows = load_table(RESULTS / "classification.json").data["rows"]
    runs = rows["amended, 512 hidden"]["runs"]
    assert min(r["test"] for r in runs) >= 96.0
    assert min(r["train"] for r in runs) >= 99.9
