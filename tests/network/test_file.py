"""A network as a file: what is saved comes back whole, and what is no network is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_nets import case
from small_runs import network

from spikesim.engines import engine
from spikesim.errors import CheckpointError
from spikesim.files import checkpoint
from spikesim.network import Network
from spikesim.network.file import KIND, describe, digest, load_network, restore, save_network

pytestmark = pytest.mark.core


def same(a: Network, b: Network) -> None:
    """Every field is equal, and of the same type."""
    assert dict(a.populations) == dict(b.populations)
    assert list(a.populations) == list(b.populations)
    assert (a.window, a.readout, a.order, dict(a.offsets)) == (b.window, b.readout, b.order, dict(b.offsets))
    assert [type(p) for p in a.projections] == [type(p) for p in b.projections]
    for mine, theirs in zip(a.projections, b.projections, strict=True):
        for field in type(mine).__dataclass_fields__:
            left, right = getattr(mine, field), getattr(theirs, field)
            if isinstance(left, np.ndarray):
                assert left.dtype == right.dtype
                assert (left == right).all()
            else:
                assert left == right


@given(seed=st.integers(0, 10**6))
def test_describing_and_restoring_is_the_identity(seed: int) -> None:
    net = case(seed, presentations=1).network
    arrays, declaration = describe(net)
    again = restore(arrays, json.loads(json.dumps(declaration)))
    same(net, again)
    assert digest(again) == digest(net)


@pytest.mark.parametrize("seed", range(12))
def test_a_loaded_network_is_the_saved_one_and_behaves_alike(seed: int, tmp_path: Path) -> None:
    chosen = case(seed)
    said = save_network(chosen.network, tmp_path / "net.h5")
    assert save_network(load_network(tmp_path / "net.h5"), tmp_path / "again.h5") == said
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "net.h5").read_bytes()
    loaded = load_network(tmp_path / "net.h5")
    same(chosen.network, loaded)
    found = []
    for net in (chosen.network, loaded):
        running = engine(net, name="naive")
        recording = running.run({"in": chosen.spikes}, chosen.labels, record=["out"], learn=True)
        found.append(
            (recording.predictions.tolist(), recording.spikes["out"].times.tolist(), running.masters)
        )
    assert found[0][:2] == found[1][:2]
    for name, masters in found[0][2].items():
        assert (masters == found[1][2][name]).all()


def test_equal_networks_have_one_digest_and_others_another() -> None:
    plain = digest(network())
    assert digest(network()) == plain
    others = [
        network(seed=2),
        network(theta_loss=3.0),
        network(eta=0.6),
        network(T=22),
        network(gate=True),
        network(forward_delay=1),
        network(replay=False),
        network(clip=0.9375),
    ]
    assert len({plain, *map(digest, others)}) == len(others) + 1


# refusals


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    save_network(network(), path)
    whole = path.read_bytes()
    rs = np.random.default_rng(3)
    for place in rs.integers(0, len(whole), 20):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rs.integers(8))
        path.write_bytes(changed)
        with pytest.raises(CheckpointError, match=r"net\.h5"):
            load_network(path)
    for length in (0, 10, 511, 512, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="damaged"):
            load_network(path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    arrays, declaration = describe(network())
    checkpoint.save(tmp_path / "net.h5", "training", arrays, declaration)
    with pytest.raises(CheckpointError, match="kind 'training'; kind 'network' is needed"):
        load_network(tmp_path / "net.h5")
    (tmp_path / "text.h5").write_text("no network at all")
    with pytest.raises(CheckpointError, match="does not begin with the header of a spikesim checkpoint"):
        load_network(tmp_path / "text.h5")
    with pytest.raises(CheckpointError, match="does not exist"):
        load_network(tmp_path / "none.h5")


Change = Callable[[dict[str, Any], dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda a, d: d["populations"][1].update(type="LIFF"), "unknown neuron model 'LIFF'"),
        (lambda a, d: d["populations"][1].update(tau=3.0), "IF: unknown field 'tau'"),
        (lambda a, d: d["populations"][1].update(theta=-1.0), "theta"),
        (lambda a, d: d["populations"][1].pop("theta"), "theta"),
        (lambda a, d: d["populations"][1].pop("type"), "type"),
        (lambda a, d: d.update(populations=[1, 2]), "TypeError"),
        (lambda a, d: d.update(projections=3), "TypeError"),
        (lambda a, d: d.update(window=[1, 2]), "Window"),
        (lambda a, d: d["projections"].insert(0, "Dense"), "Error"),
        (lambda a, d: d["projections"][0].update(type="Sparce"), "unknown projection 'Sparce'"),
        (lambda a, d: d["projections"][0]["plastic"].update(clip=[1.0]), "ValueError"),
        (lambda a, d: d["projections"][0]["plastic"].update(rate=1.0), "rate"),
        (lambda a, d: d["projections"][0].update(post="hidden"), "hidden"),
        (lambda a, d: d["window"].update(split=400), "split"),
        (lambda a, d: d.pop("window"), "window"),
        (lambda a, d: d["readout"].update(population="nowhere"), "nowhere"),
        (lambda a, d: a.pop("w/0"), "missing a required argument: 'w'"),
        (lambda a, d: a.update({"w/0": a["w/0"][:, :-1].copy()}), r"\(12, 7\)"),
        (lambda a, d: a.update({"w/0": a["w/0"] * np.nan}), "nan"),
    ],
)
def test_a_whole_file_that_holds_no_sound_network_is_refused(
    spoil: Change, words: str, tmp_path: Path
) -> None:
    arrays, declaration = describe(network())
    declaration = json.loads(json.dumps(declaration))
    spoil(arrays, declaration)
    checkpoint.save(tmp_path / "net.h5", KIND, arrays, declaration)
    with pytest.raises(CheckpointError, match=rf"net\.h5 is undamaged, but not a valid network.*{words}"):
        load_network(tmp_path / "net.h5")
