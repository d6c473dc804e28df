"""Several synapses of a pair, parts apart, sources unheard: Lava plays what the engine plays."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from spikesim import connect
from spikesim.engines import Naive
from spikesim.errors import EngineError
from spikesim.hardware.lava.backend import lava_fixed, lava_float
from spikesim.hardware.lava.file import graph_digest
from spikesim.hardware.lava.fixed import fixed
from spikesim.hardware.lava.floating import floating
from spikesim.hardware.lava.multapses import single_synapses
from spikesim.hardware.loihi.brian2_loihi import Brian2Loihi
from spikesim.hardware.loihi.compile import compile_network
from spikesim.network import Network
from spikesim.neurons import IF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Dense
from spikesim.verification.verify import compare
from spikesim.window import Window

lava = pytest.importorskip("lava.magma", reason="needs the extra lava, on Python 3.10")


def sparse(i: list[int], j: list[int], w: list[float], theta: float = 190.0, **more: Any) -> Network:
    """Three inputs and two neurons, with these synapses."""
    link = connect.from_coordinates("in", "a", i, j, np.array(w), n_pre=3, delay=1, **more)
    return Network({"in": Source(3), "a": IF(2, theta, 0)}, (link,), Window(12))


def unlike(network: Network, make: Any) -> Any:
    """The first difference from the naive engine on random spikes; some neuron of each population fires."""
    rs = np.random.default_rng(1)
    inputs = {
        name: from_raster(
            (rs.random((2, network.window.T, network.populations[name].n)) < 0.7).astype(np.int8)
        )
        for name in network.sources
    }
    names = tuple(name for name in network.order if name not in network.sources)
    truth = Naive(network).run(inputs, record=names)
    assert all(len(truth.spikes[name].times) for name in names)
    return compare(truth, make(network).run(inputs, record=names), names)


@pytest.mark.parametrize(
    ("w", "processes"),
    [([3.0, 4.0, 1.0], 1), ([100.0, 100.0, -1.0], 2), ([100.0, -100.0, 127.0], 1), ([201.0, 200.0, 50.0], 2)],
    ids=["the sum fits", "the sum does not fit", "the sum is 0", "one sign, does not fit"],
)
def test_synapses_of_a_pair_are_one_weight_or_several_processes(w: list[float], processes: int) -> None:
    """By hand: what reaches neuron 0 from input 0 is w[0] + w[1], whatever the number of processes."""
    network = sparse([0, 0, 1], [0, 0, 1], w, theta=50.0) if w[2] != -1 else sparse([0, 0, 2], [0, 0, 0], w)
    (projection,) = compile_network(network).projections
    found = list(single_synapses(projection, 2))
    assert len(found) == processes
    total = np.zeros((3, 2))
    for p in found:
        assert p.indptr is not None and p.indices is not None
        for row, (first, end) in enumerate(pairwise(p.indptr)):
            assert len(set(p.indices[first:end])) == end - first, "no pair twice"
            for k in range(first, end):
                total[row, p.indices[k]] += p.weights[k] * 2.0**p.weight_exp
    wanted = np.zeros((3, 2))
    wanted[0, 0] = w[0] + w[1]
    wanted[(1, 1) if w[2] != -1 else (2, 0)] = w[2]
    np.testing.assert_array_equal(total, wanted)


@pytest.mark.parametrize("make", [lava_fixed, lava_float, Brian2Loihi])
def test_a_sum_beyond_8_bits_is_not_cut(make: Any) -> None:
    assert unlike(sparse([0, 0, 1, 2], [0, 0, 1, 0], [100.0, 100.0, 100.0, -1.0], 90.0), make) is None


def test_weights_of_one_delay_keep_the_range_of_mixed_signs() -> None:
    """-128 is -256 on the chip, which Lava would cut to -255 if it took the sign mode from that process."""
    network = sparse([0, 1, 2], [0, 0, 1], [-128.0, 127.0, 127.0], 120.0, delays=np.array([1, 0, 0]))
    links = {link.name: link for link in fixed(network).links}
    assert links["in->a+1"].mixed and not links["in->a+0"].mixed
    assert unlike(network, lava_fixed) is None


def apart() -> Network:
    """Two parts, neurons without synapses, and a source that nobody hears."""
    populations = {
        "in": Source(2),
        "a": IF(2, 3.0, 0),
        "other": Source(2),
        "b": IF(2, 2.0, 0),
        "alone": IF(3, 4.0, 0, bias=1.0),
        "unheard": Source(2),
    }
    links = (Dense("in", "a", np.array([[1.0, 2.0], [2.0, 1.0]]), 1), Dense("other", "b", np.eye(2), 1))
    return Network(populations, links, Window(8))


@pytest.mark.parametrize("make", [lava_fixed, lava_float])
def test_parts_that_nothing_ties_together_run(make: Any) -> None:
    network = apart()
    ties = [link for link in floating(network).links if link.name.startswith("tie:")]
    assert [(link.pre, link.post, link.weights.nnz) for link in ties] == [("a", "b", 0), ("a", "alone", 0)]
    assert unlike(network, make) is None


def test_a_network_of_one_part_has_no_ties() -> None:
    """Its digest is as it was, so that older files are read."""
    network = sparse([0, 1], [0, 1], [100.0, 100.0])
    assert [link.name for link in fixed(network).links] == ["in->a"]
    assert graph_digest(fixed(network)) == "343a97d030775e929c170acf640fc7eec95f005cd0bff2a6aa773d431b38ed77"


@pytest.mark.parametrize("delay", [1, 63])
def test_brian2_loihi_takes_every_delay_of_the_chip(delay: int) -> None:
    links = (Dense("in", "a", np.full((3, 2), 5.0), delay), Dense("a", "a", np.zeros((2, 2)), 1, name="none"))
    network = Network({"in": Source(3), "a": IF(2, 8.0, 0, offset=delay)}, links, Window(12))
    assert unlike(network, Brian2Loihi) is None


def test_brian2_loihi_refuses_a_window_that_begins_after_its_input() -> None:
    network = Network(
        {"in": Source(3), "a": IF(2, 8.0, 0, offset=4)}, (Dense("in", "a", np.ones((3, 2)), 1),), Window(12)
    )
    with pytest.raises(EngineError, match="a begins 3 steps after the first spikes of in->a arrive"):
        Brian2Loihi(network)
