"""`spikesim export`: a file, the proof that it is the same, and what happens where it is not."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import lava_nets
import numpy as np
import pytest
import small_runs
from typer.testing import CliRunner

from spikesim.engines import Naive, engine
from spikesim.errors import DeclarationError, EngineError, MissingExtraError
from spikesim.files.measured_table import load_table
from spikesim.hardware import targets
from spikesim.hardware.export import export
from spikesim.hardware.limits import saturation
from spikesim.hardware.nir import read_nir
from spikesim.hardware.targets import ExportTarget, Reader, target, without_floors
from spikesim.network import Network, Readout
from spikesim.network.file import load_network, save_network
from spikesim.neurons import IF, Source
from spikesim.recording import Recording
from spikesim.spikes import Spikes
from spikesim.synapses import Dense
from spikesim.tools.cli import app
from spikesim.tools.commands import export as command
from spikesim.training.run_folder import CONFIG
from spikesim.window import Window


def played(network: Network, B: int = 3) -> dict[str, Spikes]:
    n = network.populations["in"].n
    return {"in": lava_nets.spikes(np.random.default_rng(7), B, network.window.T, n)}


def plain(readers: tuple[Reader, ...], hardware: str = "nir") -> ExportTarget:
    """A target that is our own file of a network."""
    return ExportTarget("plain", "Plain", hardware, save_network, readers)


def engine_of(path: Path, network: Network) -> Any:
    return engine(load_network(path))


class Wrong:
    """An engine that leaves out one spike, or changes one membrane."""

    def __init__(self, network: Network, what: str) -> None:
        self._engine, self._what = Naive(network), what

    def run(self, inputs: Mapping[str, Spikes], labels: Any = None, record: Iterable[str] = ()) -> Recording:
        found = self._engine.run(inputs, labels, record)
        if self._what == "membrane":
            found.v["out"][1, 2, 0] += 1
            return found
        s = found.spikes["hid"]
        offsets = s.offsets - (np.arange(len(s.offsets)) > 0)
        found.spikes["hid"] = Spikes(s.times[1:], s.neurons[1:], offsets, s.T, s.n)
        return found


def test_every_target_is_known_and_has_a_reader_of_its_own() -> None:
    assert {"lava", "netx"} <= targets.TARGETS.keys()
    for name in ("lava", "netx"):
        assert target(name).name == name
        assert target(name).readers
    with pytest.raises(DeclarationError, match=r"unknown export target 'lawa'\. Did you mean 'lava'"):
        target("lawa")


def test_equal_is_said_with_what_was_compared(tmp_path: Path) -> None:
    network = lava_nets.chain(1)
    found = export(network, plain((Reader("engine", engine_of),)), str(tmp_path / "a.h5"), played(network))
    (check,) = found.checks
    assert found.equal
    assert (check.presentations, check.spikes_differ, check.membranes_differ) == (3, 0, 0)
    assert check.membranes == 3 * 10 * (7 + 4)
    wanted = Naive(network).run(played(network), record=("hid", "out"))
    assert check.spikes == sum(len(s.times) for s in wanted.spikes.values()) > 100


@pytest.mark.parametrize("what", ["spike", "membrane"])
def test_one_difference_is_found_and_counted(what: str, tmp_path: Path) -> None:
    network = lava_nets.chain(1)
    reader = Reader("wrong", lambda path, net: Wrong(load_network(path), what))
    found = export(network, plain((reader,)), tmp_path / "a.h5", played(network))
    (check,) = found.checks
    assert not found.equal
    assert (check.spikes_differ, check.membranes_differ) == ((1, 0) if what == "spike" else (0, 1))
    assert check.difference is not None
    assert check.difference.what == what
    if what == "membrane":
        assert (check.difference.presentation, check.difference.step, check.difference.neuron) == (1, 2, (0,))


def test_a_reader_that_is_not_installed_is_told_and_one_is_needed(tmp_path: Path) -> None:
    def absent(path: Path, network: Network) -> Any:
        raise MissingExtraError("Lava", "lava")

    network = lava_nets.chain(1)
    readers = (Reader("absent", absent), Reader("engine", engine_of))
    found = export(network, plain(readers), tmp_path / "a.h5", played(network))
    assert found.equal
    assert found.missing == {"absent": "Lava is not installed. Install it with: pip install 'spikesim[lava]'"}
    with pytest.raises(
        EngineError, match="no program that reads the file is installed here: absent: Lava is"
    ):
        export(network, plain(readers[:1]), tmp_path / "b.h5", played(network))
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]  # nothing that was not proved
    picky = (Reader("picky", absent, refuses=lambda net: "it has no such neurons"), readers[1])
    found = export(network, plain(picky), tmp_path / "a.h5", played(network))
    assert found.equal and found.missing == {"picky": "it has no such neurons"}


def test_what_differs_does_not_stand_where_it_was_asked_for(tmp_path: Path) -> None:
    network, path = lava_nets.chain(1), tmp_path / "a.h5"
    export(network, plain((Reader("engine", engine_of),)), path, played(network))
    before = path.read_bytes()
    reader = Reader("wrong", lambda path, net: Wrong(load_network(path), "spike"))
    found = export(network, plain((reader,)), path, played(network))
    assert found.path == tmp_path / "unproved-a.h5" and found.path.exists()
    assert path.read_bytes() == before


def test_a_file_of_another_kind_and_a_runs_own_are_not_replaced(tmp_path: Path) -> None:
    network, chosen = lava_nets.chain(1), plain((Reader("engine", engine_of),))
    (tmp_path / "notes.txt").write_text("mine")
    run = tmp_path / "run"
    run.mkdir()
    (run / CONFIG).write_text("{}")
    export(network, "nir", run / "a.nir", played(network))
    export(network, "nir", run / "a.nir", played(network))
    (run / "final.h5").write_bytes((run / "a.nir").read_bytes())
    for path, said in (
        (tmp_path / "notes.txt", "is no file of a network"),
        (tmp_path / "run", "is a folder"),
        (run / "final.h5", "is a file of the run in"),
    ):
        with pytest.raises(DeclarationError, match=said):
            export(network, chosen, path, played(network))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_netx_takes_populations_in_any_order(tmp_path: Path) -> None:
    network = lava_nets.chain(1)
    turned = replace(network, populations=dict(reversed(network.populations.items())))
    found = export(turned, "netx", tmp_path / "a.net", played(network))
    assert found.equal and "netx-spikesim" in {check.reader for check in found.checks}


def test_a_recurrent_network_of_presentations_goes_to_nir_with_its_clocks(tmp_path: Path) -> None:
    w = np.random.default_rng(3).integers(-4, 8, (6, 5)) / 8
    populations: dict[str, Any] = {"in": Source(6), "a": IF(5, 1.0, 3, offset=1, floor=-(2.0**14))}
    links = (Dense("in", "a", w, delay=1), Dense("a", "a", np.eye(5) / 4, delay=2))
    network = Network(populations, links, Window(20), Readout("a"))
    assert network.populations["a"].floor == saturation(network.populations["a"])  # as quantise declares it
    found = export(network, "nir", tmp_path / "a.nir", played(network))
    assert found.equal and {check.reader for check in found.checks} == {"nir", "nir-spikesim"}
    assert read_nir(tmp_path / "a.nir").network.offsets["a"] == 1


def test_a_floor_of_24_bits_is_lifted_for_readers_that_do_not_saturate(tmp_path: Path) -> None:
    network = lava_nets.chain(1)
    hid = network.populations["hid"]
    floored = replace(
        network, populations={**network.populations, "hid": replace(hid, floor=saturation(hid))}
    )
    assert without_floors(floored).populations["hid"].floor is None
    reader = Reader("free", lambda path, net: engine(without_floors(load_network(path))), saturates=False)
    assert export(floored, plain((reader,)), tmp_path / "a.h5", played(network)).equal


def test_a_network_beside_the_grid_is_quantised_and_the_cost_is_told(tmp_path: Path) -> None:
    network = small_runs.network(grid=12)
    spikes = played(network.inference())
    found = export(network, "netx", tmp_path / "a.net", spikes, bits=6)
    assert found.equal
    assert "netx-spikesim" in {check.reader for check in found.checks}
    assert found.quantised is not None
    assert found.quantised.bits == 6
    assert all(p.rms > 0 for p in found.quantised.projections)
    assert set(found.network.populations) == {"in", "hid1", "out"}


def test_a_format_of_real_numbers_is_quantised_where_bits_are_asked_for(tmp_path: Path) -> None:
    network = small_runs.network(grid=12).inference()
    assert export(network, "nir", tmp_path / "a.nir", played(network)).quantised is None
    found = export(network, "nir", tmp_path / "b.nir", played(network), bits=4)
    assert found.equal and found.quantised is not None and found.quantised.bits == 4
    w = found.network.weights(found.network.projections[0].name)
    assert len(np.unique(w)) <= 16


@pytest.fixture
def trained(tmp_path: Path) -> Callable[..., Path]:
    """A saved network of 64 inputs."""

    def make() -> Path:
        path = tmp_path / "net.h5"
        save_network(lava_nets.chain(1), path)
        return path

    return make


def test_the_command_prints_a_report_and_keeps_a_table(trained: Callable[..., Path], tmp_path: Path) -> None:
    table, out = tmp_path / "t.json", tmp_path / "a.net"
    arguments = ["export", str(trained()), "--to", "netx", "--out", str(out), "--samples", "2"]
    said = CliRunner().invoke(app, [*arguments, "--table", str(table)])
    assert said.exit_code == 0, said.output
    assert "0 and 0 differ" in said.output
    assert "in->hid" in said.output
    again = CliRunner().invoke(app, [*arguments, "--table", str(table)])
    assert again.exit_code == 0
    kept = load_table(table)
    mine = [row for row in kept.rows if row[2] == "netx-spikesim"]
    assert [row[:6] for row in mine] == [("60-7-4, T=10", "netx", "netx-spikesim", 2, mine[0][4], 0)]
    assert mine[0][4] > 20
    assert [record["equal"] for record in kept.data.values()] == [True]


def test_the_command_says_the_same_to_programs(trained: Callable[..., Path], tmp_path: Path) -> None:
    arguments = ["export", str(trained()), "--to", "netx", "--out", str(tmp_path / "a.net"), "--json"]
    said = json.loads(CliRunner().invoke(app, [*arguments, "--samples", "2"]).stdout)
    assert said["equal"] is True
    assert [layer["layer"] for layer in said["layers"]] == ["in->hid", "hid->out"]
    assert {check["spikes_differ"] for check in said["checks"]} == {0}


def test_the_command_ends_with_1_where_something_differs(
    trained: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = plain((Reader("wrong", lambda path, net: Wrong(load_network(path), "spike")),), "netx")
    monkeypatch.setattr(command, "target", lambda name: wrong)
    arguments = ["export", str(trained()), "--to", "netx", "--out", str(tmp_path / "a"), "--samples", "2"]
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 1
    assert "1 and 0 differ" in said.output
    assert "first difference:" in said.output


def test_leaky_neurons_go_to_lava_and_floating_point_is_not_asked(tmp_path: Path) -> None:
    if importlib.util.find_spec("lava") is None:
        pytest.skip("needs the extra lava, on Python 3.10")
    network = lava_nets.leaky(1)
    found = export(network, "lava", tmp_path / "a.h5", played(network))
    assert found.equal and {check.reader for check in found.checks} == {"lava-fixed", "loihi"}
    assert "a leak in Loihi's integers" in found.missing["lava-float"]


def test_lava_is_one_door(tmp_path: Path) -> None:
    """Fixed and floating point, and the emulator, of a network that was trained on a fine grid."""
    if importlib.util.find_spec("lava") is None:
        pytest.skip("needs the extra lava, on Python 3.10")
    network = small_runs.network(grid=12)
    found = export(network, "lava", tmp_path / "a.h5", played(network.inference(), B=4))
    assert found.equal
    assert {check.reader: check.spikes_differ for check in found.checks} == {
        "lava-fixed": 0,
        "lava-float": 0,
        "loihi": 0,
    }
    assert all(check.spikes > 20 for check in found.checks)
