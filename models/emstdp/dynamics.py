"""Figures of the EMSTDP paper on dynamics (Shrestha 2019): figs. 2, 3 and 5.

    fig. 2(a), 3(a)   spike counts against the accumulated input: a staircase, and its two-channel form
                      (eqs. 4, 9)
    fig. 2(b), 3(b)   hidden layers of the spiking network and of an ANN with the same weights: correlation
    fig. 5            weight change of EMSTDP (eq. 12) against STDP with a square window of 10 ms: correlation

All figures are simulated by the engines from declared networks. Values that the paper leaves open (sizes,
rates, ranges) are arguments.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.datasets.dataset import Dataset
from spikesim.engines import engine, simulate
from spikesim.learning import SquareSTDP
from spikesim.models.emstdp import build, encoder
from spikesim.models.emstdp.presets import SW_DEEP
from spikesim.network import Network
from spikesim.neurons import IF, ErrorIF, Source
from spikesim.rng import Stream
from spikesim.spikes import from_raster
from spikesim.synapses import CurrentInput, OneToOne, Sparse

Reals = npt.NDArray[np.float64]
BITS = 12
WINDOW = 10  # section 4.1: 10 ms, at a step of 1 ms


class Relation(NamedTuple):
    """Two quantities that the paper compares, and their correlation.

    Attributes:
        x, y: float64 (points,).
        r: Pearson correlation.
    """

    x: Reals
    y: Reals
    r: float


def related(x: Any, y: Any) -> Relation:
    """The relation of two quantities of equal size, flattened to float64."""
    x, y = np.asarray(x, np.float64).ravel(), np.asarray(y, np.float64).ravel()
    return Relation(x, y, float(np.corrcoef(x, y)[0, 1]))


def forward_activation(reset: str, neurons: int = 400, T: int = 100, most: float = 10.0) -> Relation:
    """Spike counts against the accumulated input u / theta from 0 to `most`: fig. 2(a).

    Args:
        reset: "zero" (the paper), or "subtract".
        neurons: number of points of the curve.
        T: steps over which the input is distributed, in random parts.
        most: largest u / theta.
    """
    u, parts = _drive(neurons, T, np.linspace(0, most, neurons))
    network = Network({"a": IF(neurons, 1.0, BITS, reset=reset)}, (), drives=(CurrentInput("a"),))  # type: ignore[arg-type]
    return related(u, simulate(network, {"->a": parts}, steps=T).counts["a"][0, 0])


def error_activation(form: str, neurons: int = 400, T: int = 100, most: float = 10.0) -> Relation:
    """Signed spike counts of two-channel neurons against the input from -most to +most: fig. 3(a).

    Args:
        form: "ternary" (eq. 9) or "pair".
        neurons, T, most: as in `forward_activation`.
    """
    u, parts = _drive(neurons, T, np.linspace(-most, most, neurons))
    network = Network({"e": ErrorIF(neurons, 1.0, BITS, form)}, (), drives=(CurrentInput("e"),))  # type: ignore[arg-type]
    return related(u, simulate(network, {"->e": parts}, steps=T).counts["e"][0, 0])


def _drive(neurons: int, T: int, u: Reals) -> tuple[Reals, Reals]:
    """Random inputs on the grid: their sums (neurons,), which are close to u, and the inputs (T, neurons)."""
    parts = np.random.default_rng(1).random((T, neurons))
    parts = grid.rounded(parts / parts.sum(axis=0) * u, BITS)
    return parts.sum(axis=0), parts


def forward_layers(dataset: Dataset, samples: int = 20, T: int = 200, seed: int = 1) -> list[Relation]:
    """Spike counts and ANN activations of each hidden layer of 784-500-500-10: fig. 2(b).

    The ANN has the same initial weights and the same input counts. Its activation is eq. 4 without the
    brackets: u / theta for u >= theta, else 0.
    """
    config = replace(SW_DEEP, T=T)
    network = build(config, seed).inference()
    split = dataset.test.take(samples)
    spikes = encoder(config).encode(split.x, split.index, T, seed, stream=Stream.TEST)
    counts = engine(network).run({"in": spikes}).counts
    activity: Reals = counts["in"].sum(axis=1).astype(np.float64)
    found = []
    for name, post in (("in->hid1", "hid1"), ("hid1->hid2", "hid2")):
        u = activity @ network.weights(name) / network.populations[post].theta
        activity = np.where(u >= 1, u, 0.0)
        found.append(related(counts[post].sum(axis=1), activity))
    return found


def backward_layers(dataset: Dataset, samples: int = 20, T: int = 200, seed: int = 1) -> list[Relation]:
    """Signed error spikes of the second phase and ANN errors of each hidden layer: fig. 3(b).

    The output error of the ANN is the count of the target minus the activation of its output, over half of T.
    It is propagated back through the transposed weights (eq. 8) and divided by the threshold of each layer
    (eq. 9 without the brackets).
    """
    config = replace(SW_DEEP, T=T)
    network = build(config, seed)
    split = dataset.test.take(samples)
    spikes = encoder(config).encode(split.x, split.index, T // 2, seed, stream=Stream.TEST)
    counts = engine(network).run({"in": spikes}, split.y).counts
    activity: Reals = counts["in"][:, 0].astype(np.float64)
    for name, post in (("in->hid1", "hid1"), ("hid1->hid2", "hid2"), ("hid2->out", "out")):
        u = activity @ network.weights(name) / network.populations[post].theta
        activity = np.where(u >= 1, u, 0.0)
    wanted = np.eye(config.sizes[-1])[split.y] * counts["target"][:, 1].max()
    error = (wanted - activity) / network.populations["err_out"].theta
    found = []
    for name, post in (("hid2->out", "err2"), ("hid1->hid2", "err1")):
        error = error @ network.weights(name).T / network.populations[post].theta
        found.append(related(counts[post][:, 1], error))
    return found


def stdp_changes(pairs: int = 500, T: int = 200, seed: int = 1) -> Relation:
    """Weight changes of eq. 12, (h_hat - h) h_pre, and of STDP with a square window, for each pair: fig. 5.

    A pair is one presynaptic neuron (Poisson, with a random rate) and one postsynaptic neuron with a random
    bias, connected by a synapse of random weight. h is the postsynaptic spike count without the presynaptic
    spikes, h_hat the count with them. The STDP rule of fig. 5 is applied to the same two spike trains.
    """
    rs = np.random.default_rng(seed)
    pre = rs.random((T, pairs)) < rs.uniform(0.0, 0.3, pairs)
    bias = grid.rounded(rs.uniform(0.0, 0.2, pairs), BITS)
    strength = grid.rounded(rs.uniform(-0.5, 0.5, pairs), BITS)
    post = IF(pairs, 1.0, BITS, bias=tuple(bias.tolist()))
    synapses = _paired("pre", "post", strength)
    network = Network({"pre": Source(pairs), "post": post}, (synapses,))
    given = from_raster(pre.astype(np.int8))
    silent = from_raster(np.zeros((T, pairs), np.int8))
    h = simulate(network, {"pre": silent}, steps=T).counts["post"][0, 0]
    driven = simulate(network, {"pre": given}, record="post", steps=T)
    h_hat, h_pre = driven.counts["post"][0, 0], driven.counts["pre"][0, 0]
    dw = _read_by_stdp(pre, driven.spikes["post"].raster().astype(np.int8))
    return related((h_hat - h) * h_pre, dw)


def _read_by_stdp(pre: npt.NDArray[Any], post: npt.NDArray[Any]) -> Reals:
    """Weight changes by the square window for given spike trains (T, pairs), in units of its amplitude.

    The postsynaptic neurons repeat the given trains; the plastic synapses are too weak to change them.
    """
    T, pairs = pre.shape
    unit = 2.0**-20
    rule = SquareSTDP(unit, unit, WINDOW, clip=(-0.5, 0.5))
    network = Network(
        {"pre": Source(pairs), "given": Source(pairs), "post": IF(pairs, 4.0, 20)},
        (
            OneToOne("given", "post", 8.0),
            _paired("pre", "post", np.zeros(pairs), rule),
        ),
    )
    inputs = {"pre": from_raster(pre.astype(np.int8)), "given": from_raster(post)}
    found = simulate(network, inputs, steps=T)
    assert np.array_equal(found.counts["post"][0, 0], post.sum(axis=0)), "the trains were not repeated"
    assert found.state is not None
    return found.state.weights["pre->post"] / unit


def _paired(pre: str, post: str, w: Reals, rule: Any = None) -> Sparse:
    """A sparse one-to-one projection with a separate weight for each pair."""
    n = len(w)
    return Sparse(pre, post, np.arange(n + 1), np.arange(n, dtype=np.int32), w, plastic=rule)
