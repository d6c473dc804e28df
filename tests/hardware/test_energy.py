"""What is counted is exact; what is modelled is the sum of published costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.engines import Naive
from spikesim.errors import DataError
from spikesim.hardware.energy import DAVIES_2018, LayerEnergy, cores_of, work
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network
from spikesim.neurons import IF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Dense
from spikesim.synapses.connect import from_coordinates
from spikesim.tools.dev.emulator_test import case
from spikesim.window import Window

pytestmark = pytest.mark.core


def test_counts_by_hand() -> None:
    """Two inputs on three neurons, one weight 0: four steps, counted on paper."""
    w = np.array([[2.0, 0.0, 1.0], [2.0, 1.0, 1.0]])
    network = Network({"in": Source(2), "p": IF(3, 3.0, 0)}, (Dense("in", "p", w),), Window(4))
    found = work(network, {"in": from_raster([[1, 0], [1, 1], [0, 0], [0, 1]])})
    source, p = found.layers
    assert (source.spikes, source.messages, source.synapses) == (4, 4, 0)
    assert p.synapses == 2 * 2 + 2 * 3  # two spikes of the first input, two of the second
    # p0: 2, 6 fires, 0, 2. p1: 0, 1, 1, 2. p2: 1, 3 fires, 0, 1. Input: p0, p2 in steps 0, 1, 3; p1 in 1, 3.
    assert (p.spikes, p.active, p.inactive) == (2, 8, 4)
    assert (p.neurons, p.cores, p.learnt) == (3, 1, 0)
    assert p.energy() == pytest.approx((10 * 23.6 + 8 * 81 + 4 * 52) / 1000)
    assert p.time() == pytest.approx((10 * 3.5 + 8 * 8.4 + 4 * 5.3) / 1000)
    assert found.energy() == pytest.approx(p.energy() + 4 * 1.7 / 1000)
    least, most = found.time()
    assert least == pytest.approx(p.time() + 4 * 0.113)
    assert most == pytest.approx(p.time() + 4 * 2.1 / 1000 + 4 * 0.465)


@pytest.mark.parametrize("seed", range(8))
def test_counts_are_those_of_plain_loops(seed: int) -> None:
    """Networks of every kind of projection, with delays and loops: synapse by synapse."""
    drawn = case(seed)
    network, B = drawn.network, len(drawn.inputs["in"])
    truth = Naive(network).run(drawn.inputs, record=tuple(network.populations))
    expected = {name: [0, 0] for name in network.populations}
    for p in network.projections:
        for _, matrix in p.pieces(network.weights(p.name)):
            for b in range(B):
                for i in np.argwhere(truth.spikes[p.pre].raster(b)):
                    expected[p.post][0] += int(np.count_nonzero(matrix[i[1]]))
    for name in network.populations:
        expected[name][1] = sum(int(truth.spikes[name].raster(b).sum()) for b in range(B))
    for layer in work(network, drawn.inputs).layers:
        assert layer.synapses * B == pytest.approx(expected[layer.name][0])
        assert layer.spikes * B == pytest.approx(expected[layer.name][1])
        if layer.name != "in":
            assert layer.active + layer.inactive == pytest.approx(layer.neurons * network.window.T)


@pytest.mark.parametrize("form", ["ternary", "pair"])
def test_training(form: Any) -> None:
    """Error neurons live in the second phase, a pair has two channels, -1 is a spike, updates are real."""
    network = build(Emstdp(sizes=(12, 8, 4), T=20, error_form=form, beta_hidden=0.05, beta_error=0.05), 1)
    rs = np.random.default_rng(2)
    inputs, labels = {"in": from_raster(rs.random((5, 10, 12)) < 0.5)}, rs.integers(0, 4, 5)
    found = {layer.name: layer for layer in work(network, inputs, labels).layers}
    channels = 2 if form == "pair" else 1
    assert found["err1"].neurons == 8 * channels
    assert found["err1"].active + found["err1"].inactive == 8 * channels * 10
    assert found["hid1"].active + found["hid1"].inactive == 8 * 20
    truth = Naive(network).run(inputs, labels, record=("err_out",))
    unsigned = sum(int(np.abs(truth.spikes["err_out"].raster(b)).sum()) for b in range(5))
    assert found["err_out"].spikes * 5 == pytest.approx(unsigned) and unsigned > 5
    changed = 0
    for b in range(5):
        learning = Naive(network)
        before = {name: m.copy() for name, m in learning.masters.items()}
        learning.run({"in": inputs["in"][b : b + 1]}, labels[b : b + 1], learn=True)
        changed += sum(int((learning.masters[name] != m).sum()) for name, m in before.items())
    assert sum(layer.learnt for layer in found.values()) * 5 == pytest.approx(changed) and changed > 10


def test_cores() -> None:
    """1024 neurons and 2**20 bits of synapses of 8 bits a core."""
    w = np.ones((784, 500))
    network = Network({"in": Source(784), "p": IF(500, 5.0, 0)}, (Dense("in", "p", w),), Window(2))
    assert cores_of(network) == {"in": 1, "p": 3}
    assert cores_of(Network({"in": Source(1), "p": IF(1025, 5.0, 0)}, (), Window(2)))["p"] == 2


def test_costs_are_published_ones() -> None:
    """Every cost is positive and has its source; layers side by side share the time."""
    assert "IEEE Micro" in DAVIES_2018.source and "silicon" in DAVIES_2018.source
    one, two = (LayerEnergy("x", 10, cores, synapses=100.0) for cores in (1, 2))
    assert one.energy() == two.energy() and one.time() == 2 * two.time()


def test_nothing_shown_is_nothing_counted() -> None:
    """It is said, not divided by."""
    network = Network({"in": Source(2), "p": IF(3, 3.0, 0)}, (), Window(4))
    with pytest.raises(DataError, match="no trials"):
        work(network, {"in": from_raster(np.zeros((0, 4, 2)))})


def test_every_synapse_of_a_pair_is_an_operation() -> None:
    """Three synapses from input 0 to p0, of which two cancel and one has the weight 0; two delays.

    Input 0 fires in steps 0 and 2: at delay 1 it passes two synapses (the third has no weight), at delay 2
    one; p's clock begins a step after that of the input.
    """
    link = from_coordinates(
        *("in", "p", [0, 0, 0, 0], [0, 0, 0, 1], np.array([2.0, -2.0, 0.0, 1.0])),
        n_pre=2,
        delay=1,
        delays=np.array([0, 0, 0, 1]),
    )
    network = Network({"in": Source(2), "p": IF(2, 3.0, 0)}, (link,), Window(5))
    _, p = work(network, {"in": from_raster([[1, 0], [0, 1], [1, 0], [0, 0], [0, 0]])}).layers
    assert p.synapses == 2 * (2 + 1)
    assert p.active == 4, "p0 where its two arrive, p1 a step later; a sum of 0 is an arrival, too"
