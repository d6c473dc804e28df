"""Quantisation: the best step, the ranges, what is reported, what stays exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim.datasets.dataset import Split
from spikesim.encoders import Poisson
from spikesim.engines import Naive
from spikesim.errors import DeclarationError
from spikesim.hardware.limits import LimitError, saturation
from spikesim.hardware.loihi.emulator import Loihi
from spikesim.hardware.loihi.integer_network import reach
from spikesim.hardware.quantise import quantise, rounded
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse
from spikesim.verification.verify import compare
from spikesim.window import Window

pytestmark = pytest.mark.core
DECAYS, STARTS = ("u_decay", "v_decay"), ("v_start", "u_start")


def layer(w: Any, neuron: Any, T: int = 10) -> Network:
    """in => p."""
    matrix = np.array(w, float)
    return Network(
        {"in": Source(len(matrix)), "p": neuron}, (Dense("in", "p", matrix, 1),), Window(T), Readout("p")
    )


def test_a_step_by_hand() -> None:
    """Of 0.9, 0.3 and -0.02 with 4 bits: 1/8 clips 0.9 to 7/8 and leaves 0.25, 0; 1/4 leaves 1, 0.25, 0."""
    found = quantise(layer([[0.9], [0.3], [-0.02]], LIF(1, 1.0)), bits=4)
    (weights,), (population,) = found.projections, found.populations
    assert (weights.step, weights.clipped, weights.zeroed, weights.weights) == (3, 0, 1, 3)
    assert found.network.named["in->p"].w[:, 0].tolist() == [0.875, 0.25, 0.0]  # type: ignore[attr-defined]
    assert weights.largest == pytest.approx(0.05)
    assert weights.rms == pytest.approx(np.sqrt((0.025**2 + 0.05**2 + 0.02**2) / 3))
    assert (population.grid, population.theta) == (3, 1.0)


@given(st.lists(st.integers(-3000, 3000), min_size=1, max_size=30), st.sampled_from([2, 4, 6, 8]))
def test_no_other_power_of_two_is_better(weights: list[int], bits: int) -> None:
    """Brute force over all steps; the weights are integers of so many bits; the original stays."""
    w = np.array(weights)[:, None] / 1000
    network = layer(w, LIF(1, 2.0))
    found = quantise(network, bits=bits)
    made, step = found.network.named["in->p"].w, found.projections[0].step  # type: ignore[attr-defined]
    counts = made * 2.0**step
    assert (counts == np.round(counts)).all()
    assert counts.min() >= -(2 ** (bits - 1)) and counts.max() < 2 ** (bits - 1)
    errors = [np.square(w - rounded(w, k, bits)).sum() for k in range(17)]
    assert np.square(w - made).sum() <= min(errors)
    assert (network.named["in->p"].w == w).all()  # type: ignore[attr-defined]


def test_what_is_on_the_grid_stays() -> None:
    """A network that was trained at 8 bits loses nothing: the same numbers, and nothing clipped or zeroed."""
    network = build(Emstdp(sizes=(20, 15, 5), grid=7, clip=127 / 128, T=20), 2)
    found = quantise(network)
    forward = network.inference()
    for p in found.network.projections:
        assert (p.w == forward.weights(p.name)).all()  # type: ignore[attr-defined]
        assert p.plastic is None  # type: ignore[attr-defined]
    assert all(p.largest == 0 and p.clipped == 0 and p.zeroed == 0 for p in found.projections)
    assert len(found.rows()) == 2 and len(found.rows()[0]) == len(found.COLUMNS)


def test_weights_on_a_coarser_grid_keep_their_spikes() -> None:
    """Weights of whole quarters, a threshold of 1 + 1/4096: v reaches it where it reaches 1.25."""
    rs = np.random.default_rng(7)
    network = layer(rs.integers(-20, 40, (6, 5)) / 4, IF(5, 1 + 2.0**-12, 12))
    made = quantise(network).network
    assert made.populations["p"].theta == 1.25
    inputs = {"in": from_raster(rs.random((9, 10, 6)) < 0.4)}
    found, truth = (Naive(net).run(inputs, record=("p",)).spikes["p"] for net in (made, network))
    assert found == truth and len(truth.times) > 50


@pytest.mark.parametrize("target", ["loihi1", "loihi2", "lava", "netx"])
@pytest.mark.parametrize("bits", [8, 5, 2])
def test_what_is_made_runs_on_the_chip(target: str, bits: int) -> None:
    """Emulated exactly, from 12-bit weights."""
    network = build(Emstdp(sizes=(20, 15, 5), T=20, beta_hidden=0.05), 2)
    made = quantise(network, target, bits, T=30).network
    assert made.window.T == 30
    inputs = {"in": from_raster(np.random.default_rng(3).random((3, 30, 20)) < 0.5)}
    found, truth = (
        Loihi(made).run(inputs, record=("hid1", "out")),
        Naive(made).run(inputs, record=("hid1", "out")),
    )
    assert compare(found, truth, ("hid1", "out")) is None
    assert truth.counts["hid1"].sum() > 0


def test_each_projection_has_a_step_of_its_own() -> None:
    """One of 100 times the other: both keep their bits; netx has one step, and says what that costs."""
    rs = np.random.default_rng(4)
    small, large = rs.normal(0, 0.01, (5, 3)), rs.normal(0, 1, (5, 3))
    links = (Dense("in", "p", small, 1, name="small"), Dense("in", "p", large, 1, name="large"))
    network = Network({"in": Source(5), "p": LIF(3, 2.0)}, links, Window(5))
    found = {p.name: p for p in quantise(network).projections}
    assert found["small"].step - found["large"].step >= 6
    assert found["small"].relative < 0.02 and found["large"].relative < 0.02
    joint = {p.name: p for p in quantise(network, "netx").projections}
    assert joint["small"].step == joint["large"].step and joint["small"].relative > 0.2


def test_leaky_neurons_go_to_the_chips_fractions() -> None:
    """6 bits below the weights, theta = 64 k + 1 counts, decays of 1/4096; what moved is reported."""
    neuron = LIF(2, 1.0, u_decay=0.3, v_decay=0.1, bias=(0.01, -0.002))
    found = quantise(layer([[0.5, -0.25], [0.125, 0.3]], neuron))
    p, (report,) = found.network.populations["p"], found.populations
    step = found.projections[0].step
    assert p.grid == step + 6 and (p.theta * 2**p.grid - 1) % 64 == 0
    assert p.u_decay * 4096 == 1229 and p.v_decay * 4096 == 410
    assert abs(p.theta - 1) <= 2.0**-step and report.decay == pytest.approx(410 / 4096 - 0.1)
    assert np.abs(np.array(p.bias) - neuron.bias).max() == report.bias <= 2.0**-p.grid
    inputs = {"in": from_raster(np.random.default_rng(3).random((3, 10, 2)) < 0.5)}
    found_, truth = (program(found.network).run(inputs, record=("p",)) for program in (Loihi, Naive))
    assert compare(found_, truth, ("p",)) is None


def test_parameters_are_rounded_neuron_by_neuron() -> None:
    """Thresholds, biases, decays and starts; the report gives the largest change of each."""
    rs = np.random.default_rng(8)
    neuron = LIF(
        4,
        rs.uniform(0.5, 2, 4),
        u_decay=rs.uniform(0.1, 1, 4),
        v_decay=rs.uniform(0.1, 0.5, 4),
        bias=rs.uniform(-0.1, 0.1, 4),
        v_start=rs.uniform(-1, 0.5, 4),
        u_start=rs.uniform(-0.5, 0.5, 4),
        refractory=(0, 1, 2, 3),
    )
    found = quantise(layer(rs.normal(0.2, 0.3, (5, 4)), neuron, 12))
    p, (report,) = found.network.populations["p"], found.populations
    before, after = neuron.linear(), p.linear()
    assert ((after.theta * 2**p.grid - 1) % 64 == 0).all()
    moved = np.abs(after.theta - before.theta)
    assert abs(report.theta - report.theta_before) == moved.max() <= 2.0 ** -(p.grid - 5)
    assert report.bias == np.abs(after.bias - before.bias).max() <= 2.0**-p.grid
    assert report.decay == max(np.abs(getattr(after, d) - getattr(before, d)).max() for d in DECAYS)
    assert report.start == max(np.abs(getattr(after, d) - getattr(before, d)).max() for d in STARTS)
    assert (after.refractory == before.refractory).all()
    inputs = {"in": from_raster(np.random.default_rng(3).random((3, 12, 5)) < 0.5)}
    found_, truth = (program(found.network).run(inputs, record=("p",)) for program in (Loihi, Naive))
    assert compare(found_, truth, ("p",)) is None and truth.counts["p"].sum() > 5


def test_a_bias_brings_a_finer_grid() -> None:
    """A bias of 1/1000 of the weights' step would add up to nothing, or to a spike too many, in 100 steps."""
    found = quantise(layer([[0.75], [0.5]], IF(1, 2.0, 20, bias=float(rounded(0.003, 20, 24))), 100))
    p = found.network.populations["p"]
    assert found.projections[0].step == 2
    assert p.grid > 2 and abs(p.bias - 0.003) * 100 <= 2.0**-3
    assert (p.theta, found.network.named["in->p"].w[:, 0].tolist()) == (2.0, [0.75, 0.5])  # type: ignore[attr-defined]


def test_large_thresholds_make_the_step_coarser() -> None:
    """17 bits hold 131,072 steps of the weights; the step follows, and below 2**0 there is none."""
    found = quantise(layer([[0.05], [0.07]], LIF(1, 1000.0)))
    assert found.projections[0].step == 7 and found.network.populations["p"].theta == 1000.0
    with pytest.raises(LimitError, match=r"in->p: .*at most 0.001 .* nothing is left"):
        quantise(layer([[0.001], [0.0007]], LIF(1, 1000.0)))
    with pytest.raises(LimitError, match=r"p: theta = 1000000.0, .*0 .. 131071.* Scale weights"):
        quantise(layer([[1.0]], LIF(1, 1e6)))


def test_currents_that_could_wrap_make_the_step_coarser() -> None:
    """A current that lasts 100 steps holds 100 inputs: 2**17 steps of the weights, and no more."""
    neuron = LIF(1, 20.0, u_decay=0.01, v_decay=0.5)
    found = quantise(layer(np.full((40, 1), 0.71), neuron, 200))
    assert [r.may_wrap for r in reach(Loihi(found.network).chip)] == [0]
    assert found.projections[0].step == 5 < quantise(layer([[0.71]], neuron, 200)).projections[0].step
    with pytest.raises(LimitError, match=r"input of a step reaches 2e\+07"):
        quantise(layer(np.full((2, 1), 1e7), LIF(1, 2e4)))


def test_the_saturation_becomes_a_floor_where_it_can_be_reached() -> None:
    """100 inputs of -127 over 20 steps pass 2**17 counts; over 10 they do not."""
    network = layer(np.full((100, 1), -127 / 128), IF(1, 5.0, 7), 20)
    made = quantise(network)
    p = made.network.populations["p"]
    assert p.floor == saturation(p) == made.populations[0].floor
    assert quantise(network, T=10).network.populations["p"].floor is None
    assert quantise(network, "nir").network.populations["p"].floor is None


def test_every_kind_of_projection() -> None:
    """Sparse, convolutional and one-to-one weights are rounded where they stand."""
    rs = np.random.default_rng(5)
    conv = Conv2d("in", "a", rs.normal(0, 1, (2, 1, 2, 2)), (1, 3, 3), delay=1)
    sparse = Sparse("a", "b", np.arange(9) * 2, rs.integers(0, 4, 16), rs.normal(0, 1, 16), 1)
    populations = {"in": Source(9), "a": LIF(8, 1.0), "b": LIF(4, 1.0), "c": LIF(4, 1.0)}
    network = Network(populations, (conv, sparse, OneToOne("b", "c", 0.7, 1)), Window(6))
    found = quantise(network, bits=6)
    for p, report in zip(found.network.projections, found.projections, strict=True):
        before = network.weights(p.name)
        assert (
            np.abs(found.network.weights(p.name) - before).max()
            == report.largest
            <= np.abs(before).max() / 16
        )
    assert isinstance(found.network.named["b->c"].w, float)  # type: ignore[attr-defined]


def test_accuracy_before_and_after() -> None:
    """The same spikes for both; split and encoder belong together."""
    network = build(Emstdp(sizes=(9, 8, 3), T=20), 2)
    rs = np.random.default_rng(6)
    split = Split("test", rs.random((40, 9)).astype(np.float32), rs.integers(0, 3, 40), np.arange(40))
    found = quantise(network, bits=8, split=split, encoder=Poisson(), seed=3, engine="naive")
    assert found.samples == 40 and found.before is not None and found.after is not None
    assert 0 <= found.before <= 1 and abs(found.before - found.after) <= 0.25
    assert quantise(network).before is None
    with pytest.raises(DeclarationError, match="belong together"):
        quantise(network, split=split)


@pytest.mark.parametrize("bits", [1, 9, 2.5, True])
def test_bits_out_of_range(bits: Any) -> None:
    """2 to 8 with the sign; 24 where floating point computes."""
    with pytest.raises(DeclarationError, match=f"bits = {bits}"):
        quantise(layer([[1.0]], LIF(1, 1.0)), bits=bits)
    assert quantise(layer([[0.1]], LIF(1, 1.0)), "nir", 24).projections[0].largest < 1e-7


def test_what_no_grid_helps_is_refused() -> None:
    """A floor of one's own, a reset by subtraction."""
    with pytest.raises(LimitError, match="subtract"):
        quantise(layer([[1.0]], IF(1, 1.0, 4, reset="subtract")))
    with pytest.raises(LimitError, match="floor"):
        quantise(layer([[1.0]], IF(1, 1.0, 4, floor=-1.0)))
