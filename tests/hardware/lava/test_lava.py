"""Lava plays what the engine plays: every spike and every membrane, and it always ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from typing import Any

import lava_nets
import numpy as np
import pytest

from spikesim.engines import Naive
from spikesim.errors import CheckpointError, DataError, DeclarationError, EngineError, MissingExtraError
from spikesim.files import checkpoint
from spikesim.hardware.lava import install
from spikesim.hardware.lava.backend import lava_fixed, lava_float
from spikesim.hardware.lava.file import load_lava, read_lava, save_lava
from spikesim.hardware.lava.fixed import fixed
from spikesim.hardware.lava.floating import floating
from spikesim.hardware.lava.network import LavaNetwork
from spikesim.hardware.lava.session import Session
from spikesim.hardware.limits import LimitError
from spikesim.hardware.loihi.brian2_loihi import Brian2Loihi
from spikesim.hardware.loihi.emulator import Loihi, OverflowOnChip
from spikesim.network import Network
from spikesim.network.file import digest
from spikesim.neurons import IF, LIF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Dense
from spikesim.verification.verify import compare
from spikesim.window import Window

GRID = lava_nets.GRID
lava = pytest.importorskip("lava.magma", reason="needs the extra lava, on Python 3.10")


def moving(network: Network) -> tuple[str, ...]:
    return tuple(name for name in network.order if name not in network.sources)


def unlike(network: Network, make: Any, B: int = 4, seed: int = 0) -> tuple[Any, int]:
    """The first difference between Lava and the engine, and how many spikes were compared."""
    inputs = {
        name: lava_nets.spikes(np.random.default_rng(seed), B, network.window.T, network.populations[name].n)
        for name in network.sources
    }
    names = moving(network)
    wanted = Naive(network).run(inputs, record=names)
    found = make(network).run(inputs, record=names)
    spikes = sum(len(wanted.spikes[name].times) for name in names)
    assert {n: c.tolist() for n, c in found.counts.items()} == {
        n: c.tolist() for n, c in wanted.counts.items()
    }
    return compare(wanted, found, names), spikes


def children() -> list[Any]:
    return [child for child in multiprocessing.active_children() if child.name.startswith("SystemProcess")]


@pytest.mark.parametrize(("make", "delay"), [(lava_fixed, 0), (lava_float, 1), (lava_fixed, 2)])
def test_every_kind_of_projection_in_one_run_of_four_presentations(make: Any, delay: int) -> None:
    difference, spikes = unlike(lava_nets.every_projection(delay + 1, delay), make)
    assert difference is None
    assert spikes > 300
    assert not children()


@pytest.mark.parametrize(
    ("make", "form"), [(lava_fixed, "ternary"), (lava_float, "ternary"), (lava_fixed, "pair")]
)
def test_error_neurons_send_both_signs(make: Any, form: str) -> None:
    network = lava_nets.errors(1 if form == "ternary" else 2, form)
    difference, spikes = unlike(network, make)
    assert difference is None
    assert spikes > 50


def test_a_leak_in_integers_is_lavas_fixed_point() -> None:
    network = lava_nets.leaky(1)
    difference, spikes = unlike(network, lava_fixed)
    assert difference is None
    assert spikes > 100
    with pytest.raises(EngineError, match=r"leak in integers.*lava-fixed"):
        floating(network)


def test_a_leak_in_real_numbers_agrees_to_rounding() -> None:
    network = lava_nets.leaky(3)
    real = {
        name: replace(p, grid=None, theta=p.theta + 0.123, u_decay=0.3, v_decay=0.1)
        if isinstance(p, LIF)
        else p
        for name, p in network.populations.items()
    }
    network = replace(network, populations=real)
    inputs = {"in": lava_nets.spikes(np.random.default_rng(2), 3, 15, 8)}
    wanted = Naive(network).run(inputs, record=("hid", "out"))
    found = lava_float(network).run(inputs, record=("hid", "out"))
    assert found.spikes["hid"] == wanted.spikes["hid"]
    assert len(wanted.spikes["hid"].times) > 50
    np.testing.assert_allclose(found.v["hid"], wanted.v["hid"], rtol=1e-12, atol=1e-12)
    with pytest.raises(LimitError, match="grid = None"):
        fixed(network)


def test_spikes_that_outlive_a_presentation_get_a_run_for_each() -> None:
    network = lava_nets.recurrent(1)
    assert not fixed(network).drained
    difference, spikes = unlike(network, lava_fixed, B=2)
    assert difference is None
    assert spikes > 20


def neuron_by_neuron(network: Network, seed: int, **changes: Any) -> Network:
    """The same with two or three thresholds in each population, and starts and biases of each neuron."""
    rs = np.random.default_rng(seed)
    populations = dict(network.populations)
    for name in moving(network):
        p, step = network.populations[name], 64 * 2.0**-GRID
        theta = tuple((p.theta + rs.integers(0, 3, p.n) * step).tolist())
        start = tuple((rs.integers(-20, 40, p.n) * 2.0**-GRID).tolist())
        populations[name] = replace(p, theta=theta, v_start=start, **changes)
    return replace(network, populations=populations)


@pytest.mark.parametrize("make", [lava_fixed, lava_float])
def test_thresholds_and_starts_of_each_neuron(make: Any) -> None:
    """Populations are split by thresholds, and every trial is set to its start, in one run."""
    difference, spikes = unlike(neuron_by_neuron(lava_nets.chain(1), 1), make)
    assert difference is None
    assert spikes > 100
    assert not children()


def test_leaks_and_currents_of_each_neuron() -> None:
    """Two pairs of decays, and currents that a trial starts with, in Loihi's integers."""
    network = lava_nets.leaky(1)
    hid = network.populations["hid"]
    pairs = np.array([[1234, 321], [4096, 77]])[np.arange(7) % 2] / 4096
    start = tuple(float(k) for k in range(7))
    hid = replace(hid, u_decay=pairs[:, 0], v_decay=pairs[:, 1], u_start=start, v_start=start)
    network = replace(network, populations={**network.populations, "hid": hid})
    difference, spikes = unlike(network, lava_fixed)
    assert difference is None
    assert spikes > 100


def test_spikes_that_outlive_a_trial_start_it_at_other_than_zero_too() -> None:
    difference, spikes = unlike(neuron_by_neuron(lava_nets.recurrent(1), 2), lava_fixed, B=2)
    assert difference is None
    assert spikes > 10


def test_processes_that_reset_themselves_start_at_zero(tmp_path: Any) -> None:
    """A saved network of other starts is played by the backend, and not built on."""
    network, path = neuron_by_neuron(lava_nets.chain(1), 1), tmp_path / "net.h5"
    save_lava(network, path)
    assert digest(read_lava(path)[0]) == digest(network)
    with pytest.raises(EngineError, match=r"hid\[0\] start at other than 0 .*lava_fixed or lava_float"):
        load_lava(path)
    thresholds = neuron_by_neuron(lava_nets.chain(1), 1)
    populations = {n: p if n == "in" else replace(p, v_start=0.0) for n, p in thresholds.populations.items()}
    built = LavaNetwork(replace(thresholds, populations=populations))
    assert {"hid[0]", "hid[1]"} <= built.neurons.keys()


def saturating() -> Network:
    """Weights so large, and a window so long, that membranes leave 24 bits."""
    rs = np.random.default_rng(5)
    populations = {"in": Source(200), "out": IF(3, 2.0, 0)}
    w = rs.integers(-127, 100, (200, 3)).astype(float)
    return Network(populations, (Dense("in", "out", w),), Window(120))


def test_the_emulator_and_lava_saturate_alike(caplog: pytest.LogCaptureFixture) -> None:
    network = saturating()
    inputs = {"in": from_raster(np.random.default_rng(1).random((2, 120, 200)) < 0.9)}
    emulator = Loihi(network, mode="chip")
    wanted = emulator.run(inputs, record=("out",))
    found = lava_fixed(network, mode="chip").run(inputs, record=("out",))
    assert compare(wanted, found, ("out",)) is None
    with pytest.raises(OverflowOnChip, match=r"membrane of out saturates .* mode='chip'"):
        lava_fixed(network).run(inputs, record=("out",))
    with pytest.raises(OverflowOnChip, match="brian2-loihi does not"):
        Brian2Loihi(network).run(inputs, record=("out",))
    assert emulator.events["saturations"]["out"] > 0
    assert found.v["out"].min() == -(2**17)
    assert "membrane of out saturates" in caplog.text


def test_a_current_that_could_wrap_is_refused() -> None:
    network = Network(
        {"in": Source(1200), "out": IF(1, 2.0, 0)},
        (Dense("in", "out", np.full((1200, 1), 127.0)),),
        Window(5),
    )
    with pytest.raises(LimitError, match=r"out: the current of 1 neurons can reach .* wraps beyond 24 bits"):
        fixed(network)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reset": "subtract"}, "reset = 'subtract'"),
        ({"floor": -1.0}, "floor = -1.0"),
        ({"refractory": 2}, "refractory = 2"),
    ],
)
def test_what_lava_does_not_do_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    network = lava_nets.chain(1)
    populations = {**network.populations, "hid": replace(network.populations["hid"], **change)}
    with pytest.raises(EngineError, match=f"Lava: hid has {said}"):
        floating(replace(network, populations=populations))


def test_a_loop_without_room_for_lavas_steps_is_refused() -> None:
    w = np.eye(2)
    populations = {"in": Source(2), "a": IF(2, 1.0, 0, offset=0), "b": IF(2, 1.0, 0)}
    loop = (Dense("in", "a", w), Dense("a", "b", w), Dense("b", "a", w, 1))
    with pytest.raises(EngineError, match="cycle"):
        floating(Network(populations, loop, Window(4)))


def test_a_declared_offset_that_skips_input_is_refused() -> None:
    populations = {"in": Source(2), "a": IF(2, 1.0, 0, offset=3)}
    with pytest.raises(EngineError, match="a begins 3 steps after the first spikes of in->a arrive"):
        floating(Network(populations, (Dense("in", "a", np.eye(2)),), Window(4)))


def test_learning_and_other_inputs_are_refused() -> None:
    network = lava_nets.chain(1)
    player = lava_fixed(network)
    inputs = {"in": lava_nets.spikes(np.random.default_rng(0), 1, 10, 60)}
    with pytest.raises(EngineError, match="learn with an engine"):
        player.run(inputs, learn=True)
    with pytest.raises(DataError, match="unknown population 'hidden'"):
        player.run(inputs, record=("hidden",))


def test_hardware_that_is_not_there_is_refused() -> None:
    with pytest.raises(EngineError, match=r"lava-loihi.*not installed"):
        lava_fixed(lava_nets.chain(1), hardware=True)


def test_on_other_pythons_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(install.sys, "version_info", (3, 12, 1))
    with pytest.raises(MissingExtraError, match=r"exists for Python 3\.10 alone, and this is Python 3\.12"):
        lava_fixed(lava_nets.chain(1))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_program_that_has_started_processes_before(method: str) -> None:
    program = f"""
import multiprocessing
multiprocessing.set_start_method({method!r})
from spikesim.hardware.lava.install import require
require()
import lava.magma.runtime.message_infrastructure.multiprocessing
print(multiprocessing.get_start_method())
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if method == "fork":
        assert said.stdout == "fork\n", said.stderr
    else:
        assert "has told multiprocessing to spawn them" in said.stderr


def test_a_network_can_be_built_on() -> None:
    """Lava's own processes as source and sink, without a backend."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer

    network = lava_nets.chain(4)
    raster = np.random.default_rng(3).random((10, 60)) < 0.3
    built = LavaNetwork(network, "fixed")
    built.connect("in", RingBuffer(data=raster.T.astype(np.int32)).s_out)
    steps = built.graph.starts["out"] + 9
    sink = Sink(shape=(4,), buffer=steps)
    ((port, sign),) = built.spikes("out")
    port.connect(sink.a_in)
    try:
        built.root.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        found = sink.data.get()
    finally:
        built.root.stop()
    wanted = Naive(network).run({"in": from_raster(raster)}, record=("out",)).spikes["out"].raster()
    assert wanted.any()
    assert sign == 1
    np.testing.assert_array_equal(found[:, built.graph.starts["out"] - 1 :].T, wanted)


def test_names_and_shapes_are_checked_when_one_builds_on() -> None:
    built = LavaNetwork(lava_nets.chain(4), "float")
    with pytest.raises(DeclarationError, match="unknown source 'input'"):
        built.connect("input", built.neurons["out"].s_out)
    with pytest.raises(DeclarationError, match=r"has the shape \(4,\); \(60,\) is needed"):
        built.connect("in", built.neurons["out"].s_out)
    with pytest.raises(DeclarationError, match="unknown population 'in'"):
        built.spikes("in")
    with pytest.raises(DeclarationError, match="unknown arithmetic of Lava 'exact'"):
        LavaNetwork(lava_nets.chain(4), "exact")  # type: ignore[arg-type]


def test_a_saved_network_makes_the_same_processes(tmp_path: Any) -> None:
    network, path = lava_nets.every_projection(3, 1), tmp_path / "net.h5"
    assert save_lava(network, path, "fixed") == save_lava(network, tmp_path / "again.h5", "fixed")
    found, arithmetic = read_lava(path)
    assert (digest(found), arithmetic) == (digest(network), "fixed")
    loaded = load_lava(path)
    assert set(loaded.connections) == set(LavaNetwork(network).connections)


def test_a_saved_network_that_makes_other_numbers_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "net.h5"
    save_lava(lava_nets.chain(1), path)
    found = checkpoint.load(path, "lava")
    checkpoint.save(path, "lava", found.arrays, found.meta | {"graph": "0" * 64})
    with pytest.raises(CheckpointError, match="other numbers than the one that wrote it"):
        read_lava(path)
    checkpoint.save(path, "lava", found.arrays, found.meta | {"arithmetic": "exact"})
    with pytest.raises(CheckpointError, match="makes no Lava network of it"):
        read_lava(path)


def started(network: Network) -> tuple[Session, Any]:
    """A session that is about to run a network, forever."""
    session = Session()
    built = LavaNetwork(network, "fixed")
    built.connect("in", session.inject("in", 60))
    for name in ("hid", "out"):
        session.extract(("s", name, 0), built.spikes(name)[0][0])
    session.watch(("v", "out", 0), built.neurons["out"].v)
    session.start(built.root, "fixed_pt")
    return session, built


def forever() -> Any:
    while True:
        yield np.zeros(60)


def play(session: Session, steps: int, at: int, what: Any) -> None:
    """Run a started session, and do something after a step of it."""
    with session:
        for t, _ in enumerate(session.stream({"in": forever()}, steps)):
            if t == at:
                what()


def test_a_process_of_lava_that_dies_ends_the_run() -> None:
    session, built = started(lava_nets.chain(1))
    actors = built.root.runtime._messaging_infrastructure.actors
    with pytest.raises(EngineError, match="one of its processes has ended"):
        play(session, 10_000, 3, actors[0].kill)
    assert not children()


def test_an_error_of_the_caller_leaves_nothing_behind() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    session, _ = started(lava_nets.chain(1))
    with pytest.raises(ZeroDivisionError):
        play(session, 10_000, 4, fail)
    assert not children()


@pytest.mark.parametrize(
    ("number", "end"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_control_c_and_termination_leave_nothing_behind(number: int, end: type[BaseException]) -> None:
    usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    before = signal.signal(number, usual)  # Brian2, or who started the tests, may have set another one
    try:
        session, _ = started(lava_nets.chain(1))
        timer = threading.Timer(0.5, os.kill, (os.getpid(), number))
        with pytest.raises(end):
            play(session, 10_000_000, 0, timer.start)
        timer.join()
        assert not children()
        assert signal.getsignal(number) is usual
    finally:
        signal.signal(number, before)
