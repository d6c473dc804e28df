"""Commands that measure: what they count, how they say it, and what they keep as data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from spikesim.datasets import digits
from spikesim.errors import DeclarationError, EngineError, MissingExtraError, SpikesimError
from spikesim.files.measured_table import Table, load_table
from spikesim.models.brunel import Brunel, build
from spikesim.models.emstdp.dynamics import related
from spikesim.spikes import from_raster
from spikesim.tools.cli import app
from spikesim.tools.commands import (
    astdp,
    benchmark,
    brunel,
    datasets,
    dynamics,
    energy,
    gupta,
    mstdp,
    quantise,
    scaling,
)
from spikesim.tools.commands.display import Display
from spikesim.tools.matrix_product import Product, tried


def invoke(*arguments: object) -> Any:
    """A command's result; what it raises is raised."""
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


# benchmark


def test_the_bare_product_is_over_the_active_inputs_alone() -> None:
    raster = np.zeros((2, 4, 3), np.int8)
    raster[0, :, 1] = [1, 0, 1, 1]
    raster[1, 2, [0, 2]] = 1
    w = np.arange(6).reshape(3, 2)
    products = benchmark._products(from_raster(raster), w)
    benchmark._multiply(tried(4, 2, 2, rounds=1)[0].multiply, products)
    assert [dense.shape for dense, _, _ in products] == [(4, 1), (4, 2)]
    for b, (_, _, out) in enumerate(products):
        np.testing.assert_array_equal(out, raster[b] @ w)


def test_a_benchmark_reports_medians_and_their_ratio(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = {"encode": [1.0, 3.0, 2.0], "train": [4.0], "product, training": [2.0]}
    found |= {"encode, inference": [9.0], "inference": [5.0], "product, inference": [4.0]}
    libraries = [Product("numpy", "openblas", 90.04, lambda a, b, out: None)]
    record = benchmark._record("a preset", found, 10, libraries)
    benchmark._report(record, libraries, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["ms_a_sample"]["encode"] == {"median": 2.0, "min": 1.0, "max": 3.0}
    assert (said["training_ms"], said["training_over_product"]) == (6.0, 3.0)
    assert said["inference_over_product"] == 1.25
    assert said["products"] == [{"library": "numpy", "kernel": "openblas", "gflops": 90.0}]
    for preset in ("a preset", "another", "a preset"):
        benchmark._add({**record, "preset": preset}, tmp_path / "table.json")
    rows = load_table(tmp_path / "table.json").rows
    assert rows == (
        ("a preset, T = 10", 6.0, 3.0, 5.0, 1.25, 90.0),
        ("another, T = 10", 6.0, 3.0, 5.0, 1.25, 90.0),
    )


# brunel


def test_brunels_figures_leave_the_beginning_out() -> None:
    """300 ms, of which the last 200 count: neuron 0 fires every 20 ms, which is 50 Hz and a CV of 0."""
    config = Brunel(neurons=10, inputs=5)
    times = np.arange(0.0, 300.0, 20.0)
    seconds, ns, rate, cv = brunel._figures(0.5, times, np.zeros(len(times), np.int64), config, 300.0)
    assert (seconds, ns) == (0.5, pytest.approx(0.5 / (15 * 5) * 1e9))
    assert rate == pytest.approx(9 / 10 / 0.2) and cv == pytest.approx(0.0)
    assert "0.50 s" in brunel._line(("spikesim", seconds, ns, rate, cv))


def test_the_peers_get_the_same_synapses(tmp_path: Path) -> None:
    config = Brunel(neurons=20, inputs=5)
    network = build(config, 3)
    brunel._write(tmp_path / "n.npz", network, config, 100.0, 3)
    with np.load(tmp_path / "n.npz") as given:
        assert (given["n_exc"], given["n_inh"]) == (16, 4)
        for kind, inputs in (("exc", 4), ("inh", 1)):
            i, j = given[f"i_{kind}"], given[f"j_{kind}"]
            assert np.bincount(j, minlength=20).tolist() == [inputs] * 20
            assert ((i < 16) if kind == "exc" else (i >= 16)).all(), "excitatory neurons first"
        assert float(given["drive"]) == config.drive


def test_a_peer_that_fails_is_named_with_its_last_word(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"nest: .*No module named 'nest'"):
        brunel._peer("nest", sys.executable, tmp_path / "none.npz", Brunel(), 10.0)


# growth, endurance


def test_growth_counts_events_and_keeps_its_table(tmp_path: Path) -> None:
    said = invoke("growth", "--sizes", "300,600", "--steps", 20, "--save", tmp_path / "a.json")
    assert said.exit_code == 0
    rows = load_table(tmp_path / "a.json").rows
    assert [tuple(row[:2]) for row in rows] == [(300, 300 * scaling.K), (600, 600 * scaling.K)]
    assert all(row[2] > 0 and row[3] > 0 for row in rows)


def test_endurance_finds_on_disk_what_was_fired(tmp_path: Path) -> None:
    said = invoke("endurance", "--minutes", 0.1, "--neurons", 50, "--rate", 20, "--save", tmp_path / "a.json")
    assert said.exit_code == 0
    ((spikes, seconds, _, size, each),) = load_table(tmp_path / "a.json").rows
    assert spikes == pytest.approx(2 * 50 * 20 * 6, rel=0.1), "sources and the neurons that repeat them"
    assert seconds > 0 and each == pytest.approx(size * 1e6 / spikes)


# dynamics


def test_the_dynamics_of_emstdp_are_drawn_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    x = np.linspace(0, 4, 9)
    one = related(x, np.floor(x))
    monkeypatch.setattr(dynamics.datasets, "mnist", digits)
    for name, made in (
        ("forward_activation", one),
        ("error_activation", one),
        ("stdp_changes", one),
        ("forward_layers", [one, related(x, x)]),
        ("backward_layers", [one, related(x, -x)]),
    ):
        monkeypatch.setattr(dynamics.figures, name, lambda *_given, _made=made, **_more: _made)
    assert invoke("dynamics", "--out", tmp_path, "--samples", 2).exit_code == 0
    rows = load_table(tmp_path / "dynamics.json").rows
    assert len(rows) == 4 + 4 + 1
    assert all(row[4] == 0.0 for row in rows[:4]), "a staircase lies on itself"
    by_layer = {(row[0], row[1]): row[2] for row in rows}
    assert by_layer["2(b)", "hidden layer 2"] == pytest.approx(1.0)
    assert by_layer["3(b)", "error layer 1"] == pytest.approx(-1.0), "errors run backwards"
    assert all((tmp_path / f"figure{k}.png").read_bytes().startswith(b"\x89PNG") for k in (2, 3, 5))
    assert dynamics._spread([1.0, 3.0]) == (2.0, pytest.approx(np.sqrt(2)))


# gupta, mstdp, astdp


TABLE = Table("t", ("a",), ((1,),), "c")


@pytest.mark.parametrize(
    ("command", "name", "file"),
    [
        (("pairs", "--seeds", "2", "--epochs", "3"), "mnist_pairs", "pairs"),
        (("iris", "--seeds", "2"), "iris_pairs", "iris"),
        (("robustness", "--seeds", "2"), "measure_robustness", "robustness"),
        (("singularity", "--seeds", "2"), "measure_singularity", "singularity"),
        (("classes", "--seeds", "2"), "ten_classes", "classes"),
        (("spiking", "--seeds", "2", "--steps", "7"), "spiking_pairs", "spiking"),
    ],
)
def test_guptas_commands_measure_what_they_are_asked_and_keep_it(
    command: tuple[str, ...], name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def measured(*given: Any, **more: Any) -> Table:
        seen.append(({*map(str, given)}, more))
        return TABLE

    monkeypatch.setattr(gupta.datasets, "mnist", lambda: "mnist")
    monkeypatch.setattr(gupta, name, measured)
    assert invoke("gupta", *command, "--results", tmp_path).exit_code == 0
    assert load_table(tmp_path / f"{file}.json").title == "t"
    ((given, more),) = seen
    assert given >= ({"2"} if command[0] == "iris" else {"mnist", "[1, 2]"})
    if "--epochs" in command:
        assert more["epochs"] == 3
    if "--steps" in command:
        assert more["T"] == 7


def test_mstdps_tables_are_made_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def made(what: str) -> Any:
        return lambda *_given, **_more: asked.append(what) or TABLE

    monkeypatch.setattr(mstdp.datasets, "mnist", lambda: "mnist")
    for attribute in ("search_table", "spiking_agreement", "engine_agreement", "classify_mnist"):
        monkeypatch.setattr(mstdp, attribute, made(attribute))
    for attribute in ("generation_table", "literal_up", "amended_down"):
        monkeypatch.setattr(mstdp, attribute, made(attribute))
    for name in mstdp.TABLES:
        assert invoke("mstdp", "table", name, "--results", tmp_path, "--runs", tmp_path / "r").exit_code == 0
        assert load_table(tmp_path / f"{name}.json").title == "t"
    assert len(asked) == len(mstdp.TABLES) == len(set(asked))
    with pytest.raises(DeclarationError, match="classification"):
        invoke("mstdp", "table", "classifikation")


def test_mstdps_training_says_how_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(config: Any, *_splits: Any, **more: Any) -> Any:
        seen.update(more, hidden=config.n_hidden)
        return SimpleNamespace(test=91.234, train=95.0, note="")

    monkeypatch.setattr(mstdp.datasets, "mnist", digits)
    monkeypatch.setattr(mstdp, "run", run)
    out = tmp_path / "new" / "a.h5"
    said = invoke("mstdp", "train", "--out", out, "--hidden", 7, "--epochs", 2, "--seed", 3, "--samples", 50)
    assert "91.23" in said.output and out.parent.is_dir()
    assert (seen["hidden"], seen["epochs"], seen["seed"], seen["samples"]) == (7, 2, 3, 50)
    assert seen["save_to"] == out


def test_astdps_commands_know_their_names(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="supervised"):
        CliRunner().invoke(astdp.app, ["train", "supervized"], catch_exceptions=False)
    assert len(astdp._dataset("digits").train) == 1438
    done = CliRunner().invoke(astdp.app, ["window", "--results", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0 and load_table(tmp_path / "window.json").rows


# quantise, energy


def test_a_row_of_accuracies_is_over_seeds_and_its_loss_against_the_same_seed() -> None:
    base = {1: 0.90, 2: 0.96}
    what, seeds, mean, lowest, highest, loss, largest = quantise._row("6 bits", {2: 0.93, 1: 0.89}, base)
    assert (what, seeds) == ("6 bits", "1,2")
    assert (mean, lowest, highest) == (pytest.approx(91.0), pytest.approx(89.0), pytest.approx(93.0))
    assert (loss, largest) == (pytest.approx(2.0), pytest.approx(3.0))
    assert quantise._widths("8,6,4") == [8, 6, 4]
    with pytest.raises(DeclarationError, match="8,six"):
        quantise._widths("8,six")


def test_the_estimate_of_sanafe_can_be_left_out_or_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing: Any = None
    assert energy._estimate(nothing, nothing, 0, Display(False)) is None

    def missing(*_given: Any) -> None:
        raise MissingExtraError("sanafe", "loihi")

    monkeypatch.setattr(energy, "sanafe_estimate", missing)
    assert energy._estimate(nothing, {}, 1, Display(False)) is None
    said = capsys.readouterr()
    assert "sanafe" in (said.out + said.err).lower()
    assert len(energy.COLUMNS) == 10 and energy.COLUMNS[0] == "layer"


# datasets


def test_every_dataset_is_listed_and_described_without_a_download() -> None:
    listed = json.loads(invoke("datasets", "list", "--json").stdout)["datasets"]
    assert {row["name"] for row in listed} >= {"mnist", "fashion-mnist", "iris", "digits", "auslan"}
    found = json.loads(invoke("datasets", "info", "digits", "--json").stdout)
    assert found["here"] == "bundled" and sum(found["counts"]["train"]) == found["train"] == 1438
    contents = datasets._contents(digits())
    assert {name: sum(counts) for name, counts in contents["counts"].items()} == {
        "fit": 1150,
        "validation": 288,
        "train": 1438,
        "test": 359,
    }
    assert CliRunner().invoke(app, ["datasets", "info", "digitz"]).exit_code == 1
    assert issubclass(DeclarationError, SpikesimError)
