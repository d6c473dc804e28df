"""Commands on networks and runs: verify, export, simulate, NIR's table, the demo, pictures of a run."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import small_runs
from typer.testing import CliRunner

from spikesim.encoders import Poisson
from spikesim.engines import simulate as play
from spikesim.errors import CheckpointError, DataError, DeclarationError, MissingExtraError
from spikesim.hardware.limits import saturation
from spikesim.network import Network
from spikesim.network.file import save_network
from spikesim.neurons import IF, LIF, PoissonSource, Source
from spikesim.spikes import from_raster
from spikesim.synapses import CurrentInput, Dense, PoissonInput
from spikesim.tools import pictures
from spikesim.tools.cli import app
from spikesim.tools.commands import demo, export, nir_table, simulate, verify
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.trials import random_input
from spikesim.training.config import Training
from spikesim.training.train import train
from spikesim.window import Window


def invoke(*arguments: object) -> Any:
    """A command's result; what it raises is raised."""
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def pair(window: Window | None = None) -> Network:
    """Three inputs and two neurons on a grid."""
    w = np.array([[0.5, 0.25], [0.75, -0.5], [0.25, 1.0]])
    populations = {"in": Source(3), "a": IF(2, 1.0, grid=4)}
    return Network(populations, (Dense("in", "a", w),), window or Window(12))


# verify


def test_a_saved_network_is_verified_on_random_spikes(tmp_path: Path) -> None:
    save_network(pair(), tmp_path / "a.h5")
    said = invoke("verify", tmp_path / "a.h5", "--engine", "stepped", "--samples", 3, "--json", "--rate", 0.5)
    (verdict,) = json.loads(said.stdout)
    assert said.exit_code == 0 and verdict["equal"] is True
    again = verify._random(pair(), "naive", "", 3, 100, 0.5, 1, False)
    assert again.equal and again.describe()["equal"]


def test_a_difference_is_exit_status_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_network(pair(), tmp_path / "a.h5")
    other: Any = SimpleNamespace(equal=False, describe=lambda: {"equal": False})
    monkeypatch.setattr(verify, "compare", lambda *_given: other)
    assert invoke("verify", tmp_path / "a.h5", "--against", "naive").exit_code == 1


def test_currents_are_not_in_a_file_and_cannot_be_verified_from_one() -> None:
    driven = Network({"a": LIF(2, 1.0)}, (), drives=(CurrentInput("a"),))
    with pytest.raises(DeclarationError, match="currents"):
        verify._random(driven, "naive", "", 1, 10, 0.1, 1, False)


def test_a_chips_floor_is_taken_off_for_programs_that_have_none() -> None:
    limit = saturation(IF(1, 1.0, grid=4))
    populations = {
        "in": Source(1),
        "chip": IF(1, 1.0, grid=4, floor=limit),
        "own": IF(1, 1.0, grid=4, floor=-2.0),
    }
    network = Network(populations, (), Window(4))
    found = verify._endless(network, "lava-float").populations
    assert found["chip"].floor is None and found["own"].floor == -2.0, "a declared floor stays"
    assert verify._endless(network, "naive").populations["chip"].floor == limit


# export


def test_a_network_without_data_is_shown_random_spikes(tmp_path: Path) -> None:
    save_network(pair(), tmp_path / "a.h5")
    found = export.read(tmp_path / "a.h5", 5, None)
    spikes = found.inputs(5)["in"]
    assert spikes == random_input(found.network, 5, export.RATE, found.seed, 12)["in"]
    assert (len(spikes), spikes.T, spikes.n) == (5, 12, 3)
    assert export.read(tmp_path / "a.h5", 5, 30).network.window.T == 30


def continuous(**more: Any) -> Network:
    """Two sources and a loop, without end."""
    w = np.array([[2.0, 1.0], [3.0, -2.0]])
    populations = {"in": Source(2), "more": Source(2), "a": IF(2, 4.0, grid=0)}
    links = (Dense("in", "a", w, 1), Dense("more", "a", w, 2), Dense("a", "a", -w, 1))
    return Network(populations, links, Window.without_end(), **more)


@pytest.mark.parametrize("to", ["nir", "lava"])
def test_two_sources_and_a_loop_without_end_are_exported_as_trials(tmp_path: Path, to: str) -> None:
    pytest.importorskip("nir")
    pytest.importorskip("lava.magma")
    save_network(continuous(), tmp_path / "a.h5")
    said = invoke(
        *("export", tmp_path / "a.h5", "--to", to, "--out", tmp_path / f"b.{to}", "--samples", 2),
        *("--T", 20, "--json"),
    )
    found = json.loads(said.stdout)
    assert said.exit_code == 0 and found["equal"] and (tmp_path / f"b.{to}").exists()
    assert all(check["spikes"] > 5 and check["presentations"] == 2 for check in found["checks"])


@pytest.mark.parametrize("against", ["loihi", "nir:nir-spikesim"])
def test_a_network_without_end_is_verified_where_only_trials_run(tmp_path: Path, against: str) -> None:
    save_network(continuous(), tmp_path / "a.h5")
    (verdict,) = json.loads(
        invoke("verify", tmp_path / "a.h5", "--against", against, "--steps", 90, "--json").stdout
    )
    assert verdict["equal"] and verdict["spikes"] > 5 and verdict["learning"] == "none"
    command = ("verify", tmp_path / "a.h5", "--against", against, "--steps", 60, "--bits", 4)
    assert invoke(*command).exit_code == 0


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    save_network(Network({"a": IF(2, 1.0, grid=4, bias=0.5)}, (), Window(8)), tmp_path / "none.h5")
    with pytest.raises(DeclarationError, match="no Source"):
        invoke("export", tmp_path / "none.h5", "--to", "lava", "--out", tmp_path / "b.h5")
    noisy = continuous(drives=(PoissonInput("a", 1.0, 1.0),))
    save_network(noisy, tmp_path / "noisy.h5")
    with pytest.raises(DeclarationError, match="poisson->a: a PoissonInput, and trials have neither"):
        invoke("export", tmp_path / "noisy.h5", "--to", "nir", "--T", 9, "--out", tmp_path / "b.nir")
    assert not list(tmp_path.glob("*b.*"))
    save_network(pair(Window.without_end()), tmp_path / "endless.h5")
    with pytest.raises(DataError, match="--T"):
        export.read(tmp_path / "endless.h5", 1, None)
    with pytest.raises(CheckpointError):
        export.read(tmp_path / "absent.h5", 1, None)


# simulate


def test_spikes_are_saved_and_read_back_as_events(tmp_path: Path) -> None:
    raster = (np.random.default_rng(1).random((20, 4)) < 0.3).astype(np.int8)
    simulate.save(tmp_path / "a.npz", {"in": from_raster(raster)}, 20)
    times, neurons = simulate.load(tmp_path / "a.npz")["in"]
    again = np.zeros_like(raster)
    again[times, neurons] = 1
    np.testing.assert_array_equal(again, raster)
    with pytest.raises(DataError, match=r"none\.npz"):
        simulate.load(tmp_path / "none.npz")


def test_poisson_input_is_the_generator_of_the_seed() -> None:
    found = simulate._poisson(5, 0.3, 7, 40)
    network = Network({"p": PoissonSource(5, 0.3, 7), "a": LIF(5, 1.0)}, (Dense("p", "a", np.eye(5), 1),))
    assert found == play(network, steps=40, record="p").spikes["p"]


def test_a_raster_that_ends_early_goes_on_in_silence() -> None:
    spikes = simulate._fitted(np.ones((2, 3), np.uint8), "in", 3, 5, "x.npz")
    assert spikes.raster().sum(axis=1).tolist() == [3, 3, 0, 0, 0]
    with pytest.raises(DataError, match="in"):
        simulate._fitted(np.ones((6, 3), np.uint8), "in", 3, 5, "x.npz")


# NIR's table


def test_every_library_has_a_convention_for_what_it_exports() -> None:
    assert set(nir_table.THEIRS) == {"norse", "snntorch", "spikingjelly", "sinabs"}
    for peer, conventions in nir_table.THEIRS.items():
        assert set(conventions) <= set(nir_table.KINDS), peer


def test_a_library_that_fails_has_a_row_that_says_so(tmp_path: Path) -> None:
    row = nir_table._made(tmp_path, "norse", "lif", "no such module")
    assert row[0] == "norse" and row[-1] == "fails: no such module"
    (tmp_path / "norse-lif.txt").write_text("cannot\nmore", encoding="utf-8")
    assert nir_table._made(tmp_path, "norse", "lif", "")[-1].endswith(": cannot")


# demo


def test_the_demo_is_only_sound_if_every_reader_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exportable = SimpleNamespace(network=None, inputs=lambda _n: {})
    monkeypatch.setattr(demo.export, "read", lambda *_given: exportable)

    def written(differing: str, missing: str = "") -> Any:
        def write(_network: Any, to: str, path: Path, _inputs: Any) -> Any:
            if to == missing:
                raise MissingExtraError("nir", "nir")
            difference = "a spike" if to == differing else None
            check = SimpleNamespace(difference=difference, reader="r", spikes=1, membranes=1)
            return SimpleNamespace(checks=[check], equal=difference is None)

        return write

    for differing, missing, sound in (
        ("", "", True),
        ("netx", "", False),
        ("nir", "", False),
        ("", "nir", True),
    ):
        monkeypatch.setattr(demo, "write", written(differing, missing))
        assert demo._export(tmp_path, Display()) is sound
        said = "".join(capsys.readouterr())
        assert ("DIFFERENT" in said) is (not sound)


# pictures of a run


def test_a_plain_list_of_features_is_one_row_of_a_picture() -> None:
    assert pictures._rectangle((28, 28)) == (28, 28)
    assert pictures._rectangle((12,)) == (1, 12)
    assert pictures._rectangle((3, 4, 5)) == (12, 5)
    data = small_runs.data()
    assert pictures._classes(data, 5) == (*data.classes, "3", "4") and len(data.classes) == 3


def test_a_run_is_drawn_into_its_folder(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    data = small_runs.data(60)
    run = train(small_runs.network(), data, Poisson(), Training(epochs=1), out=tmp_path / "run")
    said: list[str] = []
    made = pictures.draw_run(run, data, run.evaluate(data), said.append)
    assert len(made) == 6 and not said
    assert all(Path(path).parent == tmp_path / "run" for path in made)
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in made)


def test_without_matplotlib_a_run_has_no_pictures_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = small_runs.data(60)
    run = train(small_runs.network(), data, Poisson(), Training(epochs=1), out=tmp_path / "run")

    def missing(*_given: Any, **_more: Any) -> None:
        raise MissingExtraError("matplotlib", "plot")

    monkeypatch.setattr(pictures, "draw_network", missing)
    said: list[str] = []
    assert pictures.draw_run(run, data, run.evaluate(data), said.append) == []
    assert len(said) == 1 and "plot" in said[0]
