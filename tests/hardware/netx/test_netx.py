"""netx files: written with h5py alone, read back, played by lava-dl's reader, and refused where hostile."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import lava_nets
import numpy as np
import pytest

from spikesim.engines import Naive
from spikesim.errors import DeclarationError, MissingExtraError, SpikesimError
from spikesim.files.untrusted_hdf5 import FileRefused
from spikesim.hardware.limits import LimitError
from spikesim.hardware.netx import torch_stubs
from spikesim.hardware.netx.player import NetxBackend, netx_player
from spikesim.hardware.netx.read import load_netx
from spikesim.hardware.netx.write import layers, save_netx
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, Source
from spikesim.synapses import Conv2d, Dense, OneToOne
from spikesim.verification.verify import compare
from spikesim.window import Window


def networks() -> dict[str, Network]:
    return {
        "dense": lava_nets.chain(1),
        "convolutions": lava_nets.chain(2, convolutions=True),
        "leaky": lava_nets.leaky(1, bias=2.0),
    }


def inputs(network: Network, B: int = 3) -> dict[str, Any]:
    n = network.populations["in"].n
    return {"in": lava_nets.spikes(np.random.default_rng(1), B, network.window.T, n)}


@pytest.mark.parametrize("name", networks())
def test_what_is_written_is_read_back_as_the_same_network(name: str, tmp_path: Path) -> None:
    network = networks()[name]
    save_netx(network, tmp_path / "a.net")
    found = load_netx(tmp_path / "a.net")
    wanted = Naive(network).run(inputs(network), record=network.populations)
    played = Naive(found).run(inputs(network), record=found.populations)
    for there, here in zip(network.populations, found.populations, strict=True):
        assert played.spikes[here] == wanted.spikes[there]
    assert len(wanted.spikes["out"].times) > 10
    assert found.window == network.window


def test_the_same_network_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.net", "b.net"):
        save_netx(lava_nets.chain(1), tmp_path / name)
    assert (tmp_path / "a.net").read_bytes() == (tmp_path / "b.net").read_bytes()


def test_weights_beyond_8_bits_fit_by_what_they_have_in_common() -> None:
    hid, out = layers(lava_nets.chain(1))
    assert (np.abs(out.weight) < 64).all()  # they were multiples of 4 counts
    assert (out.unit, hid.unit) == (16.0, 64.0)


def test_the_thresholds_are_one_below(tmp_path: Path) -> None:
    """theta = 5 and 7 counts; a common factor of 2 makes 7 / 2 be reached at 4."""
    populations = {"in": Source(1), "hid": IF(1, 5.0, 0), "out": IF(1, 7.0, 0)}
    projections = (Dense("in", "hid", np.array([[3.0]])), Dense("hid", "out", np.array([[2.0]])))
    save_netx(Network(populations, projections, Window(4)), tmp_path / "a.net")
    with h5py.File(tmp_path / "a.net") as file:
        assert [int(file[f"layer/{k}/neuron/vThMant"][()]) for k in range(2)] == [4, 3]
        assert [int(file[f"layer/{k}/weight"][0, 0]) for k in range(2)] == [3, 1]
        assert int(file["layer/0/neuron/iDecay"][()]) == 4096


def changed(network: Network, name: str, **fields: Any) -> Network:
    return replace(
        network, populations={**network.populations, name: replace(network.populations[name], **fields)}
    )


def one_layer(w: list[list[float]], bias: float = 0.0) -> Network:
    n_pre, n_post = len(w), len(w[0])
    populations = {"in": Source(n_pre), "out": IF(n_post, 5.0, 0, bias=bias)}
    return Network(populations, (Dense("in", "out", np.array(w)),), Window(4))


def beside() -> Network:
    populations = {"in": Source(2), "a": IF(2, 1.0, 0), "b": IF(2, 1.0, 0)}
    return Network(
        populations, (Dense("in", "a", np.eye(2)), OneToOne("a", "b", 1.0)), Window(4), Readout("b")
    )


def fork() -> Network:
    w = np.eye(2)
    populations = {"in": Source(2), "a": IF(2, 1.0, 0), "b": IF(2, 1.0, 0)}
    return Network(populations, (Dense("in", "a", w), Dense("in", "b", w)), Window(4))


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (lambda: one_layer([[0.0]]), "all weights are 0"),
        (lambda: one_layer([[-64.0], [-3.0]]), "a power of two, which lava-dl's reader shifts"),
        (lambda: one_layer([[201.0], [-3.0]]), "weights need 8 bits and a sign"),
        (lambda: one_layer([[236.0], [-140.0]], 1.0), "weights from -140 to 236; netx holds -128 .. 127"),
        (beside, "a OneToOne; netx holds dense and convolutional layers"),
        (fork, "in: .* lead there and in->a, in->b away"),
        (lambda: changed(lava_nets.chain(1), "hid", reset="subtract"), "reset = 'subtract'"),
        (lambda: lava_nets.leaky(1), "a bias of 2 units of v; netx holds multiples of 64"),
        (lambda: lava_nets.errors(1, "ternary"), "ErrorIF"),
        (
            lambda: changed(lava_nets.chain(1), "hid", theta=tuple(0.5 + k / 64 for k in range(7))),
            r"hid: theta = 0.5 .. 0.59375, neuron by neuron; netx \(lava-dl\) holds one number a layer",
        ),
        (
            lambda: changed(lava_nets.leaky(1), "hid", v_decay=tuple((k + 1) / 4096 for k in range(7))),
            "hid: v_decay = .*, neuron by neuron",
        ),
        (
            lambda: changed(lava_nets.chain(1), "hid", v_start=0.25),
            "hid: v_start = 0.25; a trial begins with 0",
        ),
    ],
)
def test_what_the_format_cannot_hold_is_refused(network: Callable[[], Network], said: str) -> None:
    with pytest.raises(LimitError, match=said):
        layers(network())


Change = Callable[[h5py.File], None]


def put(name: str, value: Any) -> Change:
    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file[name] = value

    return change


def nan(file: h5py.File) -> None:
    file["layer/0/weight"][0, 0] = np.nan


def bomb(file: h5py.File) -> None:
    del file["layer/0/weight"]
    file["layer/0"].create_dataset("weight", (10**6, 10**6), "f4", chunks=(1000, 1000))


def outside(file: h5py.File) -> None:
    del file["layer/0/weight"]
    file["layer/0/weight"] = h5py.ExternalLink("/etc/hostname", "/x")


def virtual(file: h5py.File) -> None:
    del file["layer/0/weight"]
    layout = h5py.VirtualLayout((7, 60), "f4")
    layout[:] = h5py.VirtualSource("/tmp/elsewhere.h5", "x", (7, 60))
    file["layer/0"].create_virtual_dataset("weight", layout)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (nan, "nan"),
        (bomb, "claims 4,000,000,000,000 bytes"),
        (outside, "a link to elsewhere"),
        (virtual, "virtual"),
        (put("layer/0/weight", np.full((7, 60), 0.5, "f4")), "holds 0.5; netx keeps whole numbers"),
        (put("layer/0/weight", np.ones((7, 60, 2), "f4")), "has the shape"),
        (put("layer/1/weight", np.ones((4, 8), "f4")), "has weights for 8 inputs behind a layer"),
        (put("layer/0/shape", np.array([8])), "is .8,., and the weights make .7,."),
        (put("layer/0/type", np.array([b"pool"])), "unknown type 'pool'"),
        (put("layer/0/delay", np.ones(60)), "layer/0/delay is not understood"),
        (put("layer/0/neuron/type", np.array([b"RF_PHASE"])), "CUBA and LOIHI are known"),
        (put("layer/0/neuron/iDecay", np.array(0)), "whole numbers from 1 to 4096"),
        (put("layer/0/neuron/vThMant", np.array(2**17)), "whole numbers from 0 to 131071"),
        (put("layer/0/neuron/refDelay", np.array(3)), "refractory times and graded spikes are not read"),
        (put("layer/0/neuron/vDecay", np.array([0, 5])), "is .0, 5.; one number is needed"),
        (put("simulation/tSample", np.array([5, 6])), "is .5, 6.; one number is needed"),
        (put("layer/7/type", np.array([b"dense"])), "no group of layers 0, 1, 2"),
        (put("other", np.array(1)), "other is unknown to netx"),
    ],
)
def test_files_that_are_hostile_or_not_understood_are_refused(
    change: Change, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.net"
    save_netx(lava_nets.chain(1), path)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(FileRefused, match=said):
        load_netx(path)


def test_damage_is_refused_or_changes_numbers_alone(tmp_path: Path) -> None:
    """Flipped bits and cut files: never a crash, and never anything but a network or a refusal."""
    path, hurt = tmp_path / "a.net", tmp_path / "b.net"
    save_netx(lava_nets.chain(1), path)
    whole, rs, refused = path.read_bytes(), np.random.default_rng(0), 0
    for k in range(60):
        data = bytearray(whole)
        if k % 3 == 0:
            data = data[: int(rs.integers(len(data)))]
        else:
            for place in rs.integers(0, len(data), 8):
                data[place] ^= 1 << int(rs.integers(8))
        hurt.write_bytes(bytes(data))
        try:
            found = load_netx(hurt)
        except SpikesimError:
            refused += 1
        else:
            assert [p.n for p in found.populations.values()] == [60, 7, 4]
    assert refused > 30


@pytest.mark.parametrize(
    "change",
    [put("layer/0/shape", np.array([2, 50_000, 50_000])), put("layer/1/padding", np.array([9_000, 9_000]))],
)
def test_giant_layers_are_refused_before_memory_is_taken(change: Change, tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    save_netx(lava_nets.chain(2, convolutions=True), path)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(FileRefused, match="neurons; up to 1,048,576 are read"):
        load_netx(path)


def test_steps_are_asked_for_where_the_file_says_none(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    save_netx(lava_nets.chain(1), path)
    with h5py.File(path, "r+") as file:
        del file["simulation"]
    assert load_netx(path, T=12).window.T == 12
    with pytest.raises(DeclarationError, match="says no tSample; give T"):
        load_netx(path)


def test_an_input_layer_with_neurons_is_left_out_on_request(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    save_netx(lava_nets.chain(2, convolutions=True), path)
    with h5py.File(path, "r+") as file:
        file.copy("layer/1/neuron", "layer/0/neuron")
        file["layer/0/bias"] = np.array(1.0)
    with pytest.raises(FileRefused, match="skip_input=True"):
        load_netx(path)
    found = load_netx(path, skip_input=True)
    assert isinstance(found.projections[0], Conv2d)
    assert found.projections[0].shape == (2, 5, 6)


def test_a_bias_for_each_channel_is_spread(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    save_netx(lava_nets.chain(2, convolutions=True), path)
    with h5py.File(path, "r+") as file:
        put("layer/1/bias", np.array([1.0, 2.0, 3.0], "f4"))(file)
    found = load_netx(path).populations["layer1"]
    assert found.bias == tuple(np.repeat([1.0, 2.0, 3.0], found.n // 3))


def test_a_leak_is_read_in_loihis_units(tmp_path: Path) -> None:
    save_netx(lava_nets.leaky(1, bias=2.0), tmp_path / "a.net")
    found = load_netx(tmp_path / "a.net").populations["layer1"]
    assert isinstance(found, LIF)
    assert (found.theta, found.u_decay, found.v_decay) == (40 + 1 / 64, 1234 / 4096, 321 / 4096)


def test_without_lava_dl_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lava.magma", reason="needs the extra lava, on Python 3.10")
    monkeypatch.setattr(torch_stubs, "_place", lambda: None)
    with pytest.raises(MissingExtraError, match=r"pip install --no-deps lava-dl==0\.6\.0"):
        NetxBackend(lava_nets.chain(1))


def needs_lava_dl() -> None:
    pytest.importorskip("lava.magma", reason="needs the extra lava, on Python 3.10")
    try:
        found = importlib.util.find_spec("lava.lib.dl.netx")
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip("needs lava-dl: pip install --no-deps lava-dl==0.6.0")


@pytest.mark.parametrize("name", networks())
def test_lava_dls_reader_plays_what_the_engine_plays(name: str) -> None:
    needs_lava_dl()
    network = networks()[name]
    moving = tuple(k for k in network.populations if k != "in")
    wanted = Naive(network).run(inputs(network), record=moving)
    found = NetxBackend(network).run(inputs(network), record=moving)
    assert compare(wanted, found, moving) is None
    assert found.predictions.tolist() == wanted.predictions.tolist()


def test_a_changed_weight_in_the_file_is_found(tmp_path: Path) -> None:
    """What runs is the file, not the declaration beside it."""
    needs_lava_dl()
    network, path = lava_nets.chain(1), tmp_path / "a.net"
    save_netx(network, path)
    with h5py.File(path, "r+") as file:
        file["layer/0/weight"][0] = -file["layer/0/weight"][0]
    wanted = Naive(network).run(inputs(network), record=("hid",))
    found = netx_player(path, network).run(inputs(network), record=("hid",))
    difference = compare(wanted, found, ("hid",))
    assert difference is not None
    assert (difference.population, difference.neuron) == ("hid", (0,))
