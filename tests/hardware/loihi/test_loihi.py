"""Loihi's arithmetic: steps by hand, a naive twin, equality with the engines, overflows, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesim.engines import Naive
from spikesim.errors import DataError, EngineError
from spikesim.hardware.limits import LimitError, saturation
from spikesim.hardware.loihi.emulator import Loihi, OverflowOnChip
from spikesim.hardware.loihi.integer_network import IntegerNetwork, IntegerPopulation, reach, shifted
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse
from spikesim.tools.dev.emulator_test import case
from spikesim.verification.verify import compare
from spikesim.window import Window

pytestmark = pytest.mark.core


def one_layer(w: object, T: int = 8, neuron: object = None, **fields: object) -> Network:
    """in => p with weights in counts of a grid of 0 bits."""
    matrix = np.atleast_2d(np.array(w, float))
    neuron = neuron or IF(matrix.shape[1], 7.0, 0, **fields)  # type: ignore[arg-type]
    populations = {"in": Source(matrix.shape[0]), "p": neuron}
    return Network(populations, (Dense("in", "p", matrix, 1),), Window(T), Readout("p"))


def twin(chip: IntegerNetwork, trains: dict[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The chip's step in plain Python, on matrices: population -> spikes and membranes (T, n) in units."""
    spikes = {name: np.zeros((chip.T, p.n), int) for name, p in chip.populations.items()}
    spikes |= {name: train.astype(int) for name, train in trains.items()}
    traces = {name: np.zeros((chip.T, p.n), int) for name, p in chip.populations.items()}
    state = {
        name: [[int(p.u_start[j]), int(p.v_start[j]), 0] for j in range(0 if p.source else p.n)]
        for name, p in chip.populations.items()
    }
    matrices = {p.name: chip.matrix(p).astype(int) for p in chip.projections}
    for now in range(chip.steps):
        for name, p in chip.populations.items():
            t = now - p.start
            if p.source or not 0 <= t < chip.T:
                continue
            total = np.zeros(p.n, int)
            for link in chip.projections:
                sent = now - link.delay - chip.populations[link.pre].start
                if link.post == name and 0 <= sent < chip.T:
                    total += shifted(spikes[link.pre][sent] @ matrices[link.name], link.weight_exp)
            for j in range(p.n):
                spikes[name][t, j], traces[name][t, j] = _step(p, j, state[name][j], int(total[j]))
    return {
        name: (spikes[name], traces[name]) for name in chip.populations if not chip.populations[name].source
    }


def _step(p: IntegerPopulation, j: int, state: list[int], arrived: int) -> tuple[int, int]:
    u, v, refractory_left = state
    u = int(np.sign(u)) * (abs(u) * (4096 - int(p.du[j])) // 4096) + arrived * 64
    u = u - 2**24 if u > 2**23 else u + 2**24 if u <= -(2**23) else u
    state[0] = u
    if refractory_left:
        state[2] -= 1
        return 0, v
    v = int(np.sign(v)) * (abs(v) * (4096 - int(p.dv[j])) // 4096) + u + int(p.bias[j])
    v = max(min(v, 2**23 - 1), 1 - 2**23)
    fired = v > int(p.vth[j]) * 64
    state[1] = 0 if fired else v
    state[2] = int(p.refractory[j]) if fired else 0
    return int(fired), state[1]


def rasters(found: object, name: str) -> np.ndarray:
    """int (B, T, n) of a recording."""
    spikes = found.spikes[name]  # type: ignore[attr-defined]
    return np.stack([spikes.raster(b) for b in range(len(spikes))]).astype(int)


def test_eight_steps_by_hand() -> None:
    """theta 7, w 3, bias 1: v = 4, 8 -> fires, 1, 5, 9 -> fires, 1, 2, 3."""
    train = np.array([[1, 1, 0, 1, 1, 0, 0, 0]]).T
    emulator = Loihi(one_layer([[3]], bias=1.0))
    found = emulator.run({"in": from_raster(train)}, record=["p"])
    assert rasters(found, "p")[0, :, 0].tolist() == [0, 1, 0, 0, 1, 0, 0, 0]
    assert found.v["p"][0, :, 0].tolist() == [4, 0, 1, 5, 0, 1, 2, 3]
    chip = emulator.chip.populations["p"]
    assert tuple(map(int, (chip.vth[0], chip.bias[0], chip.du[0], chip.dv[0], chip.start))) == (
        6,
        64,
        4096,
        0,
        1,
    )


def test_a_leak_by_hand() -> None:
    """du = 1/2, dv = 1/4, 64 units a weight: u = 64, 32, 16, 8; v = 64, 48 + 32, 60 + 16, 57 + 8."""
    neuron = LIF(1, 100 + 1 / 64, 6, u_decay=0.5, v_decay=0.25)
    network = one_layer([[1]], 4, neuron)
    found = Loihi(network).run({"in": from_raster(np.array([[1, 0, 0, 0]]).T)}, record=["p"])
    assert found.v["p"][0, :, 0].tolist() == [64, 80, 76, 65]


@pytest.mark.parametrize("seed", range(20))
def test_random_networks_equal_engine_and_twin(seed: int) -> None:
    """Every kind of neuron and projection, quantised: 0 differing spikes and membranes."""
    drawn = case(seed)
    emulator = Loihi(drawn.network)
    found = emulator.run(drawn.inputs, record=drawn.moving)
    assert compare(found, Naive(drawn.network).run(drawn.inputs, record=drawn.moving), drawn.moving) is None
    by_hand = twin(emulator.chip, {"in": drawn.inputs["in"].raster(1)})
    for name, (spikes, v) in by_hand.items():
        assert (rasters(found, name)[1] == spikes).all()
        assert (found.v[name][1] == v // emulator.chip.populations[name].scale).all()


def test_the_cases_fire_and_are_of_every_kind() -> None:
    """What the equality is worth: spikes, leaks, biases, recurrence, every projection, parameters, bits."""
    cases = [case(seed) for seed in range(20)]
    links = [link for c in cases for link in c.network.projections]
    assert {type(link) for link in links} == {Dense, OneToOne, Sparse, Conv2d}
    assert any(link.pre == link.post for link in links)
    assert {type(c.network.populations["p0"]) for c in cases} == {IF, LIF}
    assert any(c.biased for c in cases)
    assert {c.bits for c in cases} == {8, 6, 4}
    differing = {name for c in cases for name in c.differing}
    assert differing >= {"theta", "bias", "u_decay", "v_decay", "refractory", "v_start", "u_start"}
    assert sum(int(Naive(c.network).run(c.inputs).counts["p0"].sum()) for c in cases) > 1000


@pytest.mark.parametrize("forward_delay", [0, 2])
def test_delays_of_zero_are_retimed(forward_delay: int) -> None:
    """Layers within a step, as EMSTDP has them, take a step each on the chip; nothing else changes."""
    config = Emstdp(sizes=(12, 9, 7, 4), T=20, grid=7, clip=127 / 128, forward_delay=forward_delay)
    network = build(config, 3).inference()
    emulator = Loihi(network)
    assert [p.delay for p in emulator.chip.projections] == [max(forward_delay, 1)] * 3
    assert emulator.chip.layered
    keep = ("hid1", "hid2", "out")
    inputs = {"in": from_raster(np.random.default_rng(1).random((4, 20, 12)) < 0.5)}
    found, truth = emulator.run(inputs, record=keep), Naive(network).run(inputs, record=keep)
    assert compare(found, truth, keep) is None
    assert (found.predictions == truth.predictions).all()
    assert truth.counts["hid2"].sum() > 20
    assert all((found.counts[name] == truth.counts[name]).all() for name in network.populations)


def loop(back: int) -> Network:
    """in -> p -> q -> p: no delay, no delay, then `back` steps."""
    populations = {"in": Source(3), "p": IF(3, 2.0, 0, offset=0), "q": IF(3, 1.0, 0)}
    eye = np.eye(3)
    links = (Dense("in", "p", 2 * eye), Dense("p", "q", eye), Dense("q", "p", eye[::-1].copy(), back))
    return Network(populations, links, Window(9), Readout("q"))


def test_a_loop_is_retimed_where_it_has_the_room() -> None:
    """Two projections need two steps; with one there is none to give, and it is said."""
    inputs = {"in": from_raster(np.random.default_rng(2).random((3, 9, 3)) < 0.3)}
    truth = Naive(loop(2)).run(inputs, record=("p", "q"))
    assert compare(Loihi(loop(2)).run(inputs, record=("p", "q")), truth, ("p", "q")) is None
    assert truth.counts["q"].sum() > 0
    with pytest.raises(EngineError, match="each projection of the cycle delay=1"):
        Loihi(loop(1))


def test_u_wraps_in_chip_mode_and_stops_in_strict() -> None:
    """600 spikes of 255 are 153,000 weights, beyond 2**17 = 131,072: u becomes 153,000 * 64 - 2**24."""
    network = one_layer(np.full((600, 2), 255.0), 3, IF(2, 100000.0, 0))
    inputs = {"in": from_raster(np.ones((1, 3, 600)))}
    with pytest.raises(OverflowOnChip, match=r"trial 0, step 0, p\[0\]: the current u reaches 9792000"):
        Loihi(network).run(inputs)
    emulator = Loihi(network, mode="chip")
    found = emulator.run(inputs, record=["p"])
    assert emulator.events["wraps"] == {"p": 6}
    assert found.v["p"][0, 0].tolist() == [(9792000 - 2**24) // 64] * 2
    spikes, v = twin(emulator.chip, {"in": np.ones((3, 600))})["p"]
    assert (rasters(found, "p")[0] == spikes).all() and (found.v["p"][0] == v // 64).all()
    assert [r.may_wrap for r in reach(emulator.chip)] == [2]


def test_v_saturates_in_chip_mode_and_stops_in_strict() -> None:
    """100 spikes of -255 bring -25,500 counts a step; 2**17 are passed in the sixth."""
    network = one_layer(np.full((100, 1), -255.0), 9)
    inputs = {"in": from_raster(np.ones((1, 9, 100)))}
    with pytest.raises(OverflowOnChip, match=r"step 5, p\[0\]: the membrane v reaches -9792000"):
        Loihi(network).run(inputs)
    emulator = Loihi(network, mode="chip")
    found = emulator.run(inputs, record=["p"])
    assert emulator.events["saturations"] == {"p": 4}
    assert found.v["p"][0, 4:, 0].tolist() == [-127500, *[-(2**17)] * 4]
    assert [r.may_saturate for r in reach(emulator.chip)] == [1]


def test_a_declared_saturation_is_equal_to_the_engine() -> None:
    """With the saturation as its floor a network does what the chip does, coming up again included."""
    w = np.concatenate([np.full((200, 1), -128.0), np.full((120, 1), 125.0)])
    network = one_layer(w, 30)
    p = network.populations["p"]
    network = replace(network, populations={**network.populations, "p": replace(p, floor=saturation(p))})
    raster = np.zeros((1, 30, 320))
    raster[0, :10, :200] = 1
    raster[0, 10:, 200:] = 1
    inputs = {"in": from_raster(raster)}
    found, truth = Loihi(network).run(inputs, record=["p"]), Naive(network).run(inputs, record=["p"])
    assert compare(found, truth, ("p",)) is None
    assert truth.v["p"].min() == -(2**17) and truth.counts["p"].sum() > 3


def test_the_unit_that_a_saturation_leaves_is_watched() -> None:
    """The engine's v climbs to theta - 1 = 0 exactly; the chip's is one unit above, and would fire."""
    low = np.array([[-32640.0]] * 4 + [[0.0]] * 5)
    high = np.array([[0.0]] * 4 + [[32640.0]] * 4 + [[512.0]])
    p = IF(1, 1.0, 0, floor=-(2.0**17))
    assert p.floor == saturation(p)
    links = (Dense("in", "p", low, 1, name="low"), Dense("in", "p", high, 1, name="high"))
    network = Network({"in": Source(9), "p": p}, links, Window(3))
    raster = np.zeros((1, 3, 9))
    raster[0, :2, :4] = raster[0, 2, 4:] = 1
    with pytest.raises(OverflowOnChip, match="kept a 64th of a count"):
        Loihi(network).run({"in": from_raster(raster)})
    assert Loihi(network, mode="chip").run({"in": from_raster(raster)}).counts["p"].sum() == 1
    assert Naive(network).run({"in": from_raster(raster)}).counts["p"].sum() == 0


def test_refractory_neurons_rest() -> None:
    """After a spike v stays for two steps, as the engine has it."""
    network = one_layer([[8]], 8, IF(1, 7.0, 0, refractory=2))
    inputs = {"in": from_raster(np.ones((1, 8, 1)))}
    found = Loihi(network).run(inputs, record=["p"])
    assert rasters(found, "p")[0, :, 0].tolist() == [1, 0, 0, 1, 0, 0, 1, 0]
    assert compare(found, Naive(network).run(inputs, record=["p"]), ("p",)) is None


def test_weights_are_clipped_in_chip_mode_only() -> None:
    """300 is beyond 255; both signs have 8 bits together, and 301 - (-1) needs more."""
    with pytest.raises(LimitError, match=r"in->p: weights need 9 bits and a sign .* the chip has 7"):
        Loihi(one_layer([[301, -1]]))
    emulator = Loihi(one_layer([[301, -1]]), mode="chip")
    assert emulator.events["clips"] == {"in->p": 1}
    found = emulator.run({"in": from_raster(np.ones((1, 8, 1)))}, record=["p"])
    assert found.v["p"][0, :, 1].tolist() == [-k for k in range(1, 9)]


def test_a_batch_in_pieces_is_the_batch() -> None:
    """Presentations do not hear each other; none at all is fine."""
    drawn = case(5, presentations=4)
    whole = Loihi(drawn.network).run(drawn.inputs, record=drawn.moving)
    for b in range(4):
        part = Loihi(drawn.network).run({"in": drawn.inputs["in"][b : b + 1]}, record=drawn.moving)
        for name in drawn.moving:
            assert (part.v[name][0] == whole.v[name][b]).all()
    assert len(Loihi(drawn.network).run({"in": drawn.inputs["in"][:0]}).predictions) == 0


def test_refusals() -> None:
    """Each names what it was given and the way out."""
    network = one_layer([[3]])
    with pytest.raises(EngineError, match="Did you mean 'strict'"):
        Loihi(network, mode="strikt")  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="learn with an engine"):
        Loihi(network).run({"in": from_raster(np.ones((8, 1)))}, learn=True)
    with pytest.raises(DataError, match="unknown population 'q'"):
        Loihi(network).run({"in": from_raster(np.ones((8, 1)))}, record=["q"])
    with pytest.raises(DataError, match="sources"):
        Loihi(network).run({})
    with pytest.raises(LimitError, match=r"replay = True.*network.inference\(\).*more"):
        Loihi(build(Emstdp(sizes=(4, 3, 2), T=10, grid=7, clip=0.9), 1))


def test_starts_by_hand() -> None:
    """v = 3 and a current of 2 that halves: v = 3 + 1, 4 + 0.5 cut to 4, then input 3: fires at 7."""
    neuron = LIF(1, 6 + 1 / 64, 6, u_decay=0.5, v_start=3.0, u_start=2.0)
    network = one_layer([[3]], 4, neuron)
    inputs = {"in": from_raster(np.array([[0, 0, 1, 0]]).T)}
    found = Loihi(network).run(inputs, record=["p"])
    assert (found.v["p"][0, :, 0] / 64).tolist() == [4.0, 4.5, 0.0, 1.625]
    assert compare(found, Naive(network).run(inputs, record=["p"]), ("p",)) is None
    with pytest.raises(LimitError, match=r"p\[0\]: v_start = -16777216 units of v; the chip holds 24 bits"):
        Loihi(one_layer([[3]], 4, replace(neuron, v_start=-(2.0**18))))


def test_more_different_parameters_than_profiles_are_refused() -> None:
    """128 cores hold 16 thresholds each: 2,049 do not fit, and 2,048 do."""
    for n in (2048, 2049):
        network = one_layer(np.ones((1, n)), 2, IF(n, tuple(k + 1.0 for k in range(n)), 0))
        if n == 2048:
            Loihi(network)
            continue
        with pytest.raises(
            LimitError, match=r"cores for different parameters = 129; the range is 1 \.\. 128"
        ):
            Loihi(network)
