"""Networks of every kind of projection, split by all parameters and joined again; refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lava_nets
import numpy as np
import pytest

from spikesim.engines import Naive
from spikesim.errors import DataError, EngineError
from spikesim.hardware.limits import LimitError
from spikesim.hardware.neurons import PARAMETERS
from spikesim.hardware.split import Joined, split
from spikesim.network import Network, Readout
from spikesim.neurons import IF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Dense
from spikesim.verification.verify import compare
from spikesim.window import Window

pytestmark = pytest.mark.core
ALL = PARAMETERS


def varied(network: Network, seed: int = 1, kinds: int = 3) -> Network:
    """The same with up to `kinds` thresholds, starts and refractory times in each population."""
    rs = np.random.default_rng(seed)
    populations = dict(network.populations)
    for name, p in network.populations.items():
        if name not in network.sources:
            group, step = rs.integers(0, kinds, p.n), 2.0**-p.grid
            theta = tuple(float(p.theta + k * 7 * step) for k in group)
            start = tuple(float(k * 3 * step) for k in group)
            populations[name] = replace(p, theta=theta, v_start=start, refractory=tuple(map(int, group)))
    return replace(network, populations=populations)


@pytest.mark.parametrize("make", [lava_nets.every_projection, lava_nets.recurrent])
def test_the_network_of_parts_plays_the_same(make: Any) -> None:
    """Every kind of projection, cut; recurrent ones too, with delays synapse by synapse."""
    network = varied(make(2))
    made, parts = split("here", network, ALL)
    assert all(len(listed) > 1 for listed in parts.values()) and parts.keys() == set(network.order) - {"in"}
    for name, listed in parts.items():
        neurons = np.concatenate([chosen for _, chosen in listed])
        assert sorted(neurons.tolist()) == list(range(network.populations[name].n))
        for part, _ in listed:
            assert not made.populations[part].linear().differing(ALL)
    inputs = {
        name: lava_nets.spikes(np.random.default_rng(3), 4, network.window.T, network.populations[name].n)
        for name in network.sources
    }
    record = tuple(network.populations)
    wanted = Naive(network).run(inputs, record=record)
    found = Joined(network, parts, Naive(made)).run(inputs, record=record)
    assert compare(wanted, found, tuple(parts)) is None
    assert sum(len(wanted.spikes[name].times) for name in parts) > 30
    assert found.predictions.tolist() == wanted.predictions.tolist()
    for name in network.populations:
        assert found.counts[name].tolist() == wanted.counts[name].tolist()
        assert found.spikes[name] == wanted.spikes[name]


def test_what_does_not_differ_stays() -> None:
    network = lava_nets.chain(1)
    made, parts = split("here", network, ("theta", "u_decay", "v_decay"))
    assert made is network and parts == {}


def test_too_many_parts_are_refused_with_the_limit() -> None:
    theta = tuple(float(k + 1) for k in range(70))
    network = Network(
        {"in": Source(1), "p": IF(70, theta, 0)}, (Dense("in", "p", np.ones((1, 70))),), Window(4)
    )
    with pytest.raises(LimitError, match=r"here: p: theta take 70 different values over 70 .* 64 processes"):
        split("here", network, ("theta",))
    assert len(split("here", network, ("theta",), most=70)[1]["p"]) == 70


def test_joined_refuses_what_players_refuse() -> None:
    network = Network(
        {"in": Source(2), "p": IF(2, (1.0, 2.0), 0)}, (Dense("in", "p", np.eye(2)),), Window(3), Readout("p")
    )
    made, parts = split("here", network, ("theta",))
    player = Joined(network, parts, Naive(made))
    inputs = {"in": from_raster(np.ones((1, 3, 2)))}
    with pytest.raises(EngineError, match="learn with an engine"):
        player.run(inputs, learn=True)
    with pytest.raises(DataError, match=r"unknown population 'p\[0\]'"):
        player.run(inputs, record=("p[0]",))
    assert player.run(inputs).predictions.tolist() == Naive(network).run(inputs).predictions.tolist()
    assert player.run({"in": inputs["in"][:0]}, record=("p",)).counts["p"].shape == (0, 2, 2)
