"""Brunel's network: numbers of the paper, the wiring, and statistics of spike trains with known values."""

from __future__ import annotations

import numpy as np
import pytest

from spikesim import simulate
from spikesim.errors import DeclarationError
from spikesim.models.brunel import Brunel, build, irregularity, statistics

pytestmark = pytest.mark.core
SMALL = Brunel(neurons=100, inputs=20, J=0.5)


def test_the_drive_is_eta_times_what_a_lone_neuron_needs() -> None:
    """nu_thr C_E = theta / (J tau) = 20 / (0.1 * 20) = 10 spikes per ms; twice, in steps of 0.1 ms: 2."""
    assert Brunel().drive == pytest.approx(2.0)
    assert Brunel(eta=1.0, J=0.2).drive == pytest.approx(0.5)
    assert (Brunel().steps(1.5), Brunel().steps(2.0)) == (15, 20)


def test_every_neuron_has_its_inputs_of_either_kind() -> None:
    """80 excitatory, 20 inhibitory; each neuron has 16 inputs of 0.5 mV and 4 of -2.5 mV, delay 15 steps."""
    network = build(SMALL)
    assert {name: p.n for name, p in network.populations.items()} == {"exc": 80, "inh": 20}
    for p in network.projections:
        inputs, weight = (16, 0.5) if p.pre == "exc" else (4, -2.5)
        w = network.weights(p.name)
        e = p.edges(w)
        degree = np.bincount(e.post, minlength=network.populations[p.post].n)
        assert (degree == inputs).all(), p.name
        assert (e.w == weight).all() and (e.delay == 15).all(), p.name
    assert {drive.post for drive in network.drives} == {"exc", "inh"}


def test_a_seed_decides_the_synapses() -> None:
    def targets(seed: int) -> list[int]:
        network = build(SMALL, seed)
        return [int(j) for p in network.projections for j in p.edges(network.weights(p.name)).post]

    assert targets(1) == targets(1) != targets(2)


def test_rate_and_irregularity_by_hand() -> None:
    """A regular train has CV 0; intervals 1 and 3: mean 2, deviation 1, CV 1/2; two spikes are ignored."""
    times = np.array([0, 10, 20, 30, 0, 1, 4, 7, 8], np.int32)
    neurons = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2], np.int32)
    rate, cv = irregularity(times, neurons, 4, seconds=2.0)
    assert rate == pytest.approx(9 / 4 / 2)
    assert cv == pytest.approx((0 + 0.5) / 2)
    assert np.isnan(irregularity(times[:2], neurons[:2], 4, 1.0)[1])


def test_a_driven_network_fires_irregularly() -> None:
    found = simulate(build(SMALL), steps=3000, record="exc")
    rate, cv = statistics(found, SMALL)
    assert 1 < rate < 200 and 0.2 < cv < 2
    later, _ = statistics(found, SMALL, skip_ms=200.0)
    assert later == pytest.approx(rate, rel=0.5)


@pytest.mark.parametrize("wrong", [{"neurons": 12}, {"neurons": 5}, {"inputs": 7}, {"inputs": 0}])
def test_four_fifths_have_to_be_whole(wrong: dict[str, int]) -> None:
    with pytest.raises(DeclarationError, match="multiples of 5"):
        Brunel(**{"neurons": 100, "inputs": 10, **wrong})
