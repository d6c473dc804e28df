"""Small networks for hardware tests: random, on the chip's grid, with every kind of projection."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, ErrorIF, Source
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse
from spikesim.window import Window

GRID = 6
STEP = 2.0**-GRID


def weights(rs: np.random.Generator, *shape: int, low: int = -40, high: int = 60) -> np.ndarray:
    """Whole counts of the grid."""
    return rs.integers(low, high + 1, shape) * STEP


def spikes(rs: np.random.Generator, B: int, T: int, n: int, rate: float = 0.25) -> Spikes:
    """Random input."""
    return from_raster(rs.random((B, T, n)) < rate)


def neurons(rs: np.random.Generator, n: int, biased: bool = True) -> IF:
    """Integrate-and-fire neurons with biases of both signs."""
    bias = tuple((rs.integers(-4, 9, n) * STEP).tolist()) if biased else 0.0
    return IF(n, int(rs.integers(40, 120)) * STEP, GRID, bias=bias)


def every_projection(seed: int, delay: int = 0) -> Network:
    """in => conv => sparse => dense, and one-to-one beside, each with a delay."""
    rs = np.random.default_rng(seed)
    conv = Conv2d(
        "in", "conv", weights(rs, 3, 2, 2, 3), (2, 5, 6), stride=(1, 2), padding=(1, 0), delay=delay
    )
    n = int(np.prod(conv.out_shape))
    indptr = np.arange(n + 1) * 4
    indices = np.concatenate([rs.choice(9, 4, replace=False) for _ in range(n)]).astype(np.int32)
    populations = {
        "in": Source(60),
        "conv": neurons(rs, n),
        "sparse": neurons(rs, 9),
        "beside": neurons(rs, 9, biased=False),
        "out": neurons(rs, 4),
    }
    projections = (
        conv,
        Sparse("conv", "sparse", indptr, indices, weights(rs, len(indices)), delay=delay),
        OneToOne("sparse", "beside", 50 * STEP, delay),
        Dense("sparse", "out", weights(rs, 9, 4), 2 * delay),
        Dense("beside", "out", weights(rs, 9, 4, low=0), delay),
    )
    return Network(populations, projections, Window(9), Readout("out"))


def chain(seed: int, convolutions: bool = False) -> Network:
    """Layers one behind the other; the last has weights of more than 8 bits with a common factor."""
    rs = np.random.default_rng(seed)
    populations: dict[str, Any] = {"in": Source(60)}
    projections: list[Any] = []
    pre, n = "in", 60
    if convolutions:
        first = Conv2d("in", "conv1", weights(rs, 3, 2, 2, 3), (2, 5, 6), stride=(1, 2), padding=(1, 0))
        second = Conv2d("conv1", "conv2", weights(rs, 4, 3, 2, 1), first.out_shape, padding=(0, 1))
        for conv in (first, second):
            n = int(np.prod(conv.out_shape))
            populations[conv.post] = neurons(rs, n)
            projections.append(conv)
        pre = "conv2"
    populations |= {"hid": neurons(rs, 7), "out": neurons(rs, 4, biased=False)}
    projections += [
        Dense(pre, "hid", weights(rs, n, 7)),
        Dense("hid", "out", 4 * weights(rs, 7, 4, low=-32, high=31)),
    ]
    return Network(populations, tuple(projections), Window(10), Readout("out"))


def errors(seed: int, form: Any) -> Network:
    """Error neurons between integrate-and-fire neurons: signed spikes arrive, and go on."""
    rs = np.random.default_rng(seed)
    populations = {
        "in": Source(7),
        "hid": neurons(rs, 6),
        "err": ErrorIF(5, 60 * STEP, GRID, form),
        "err2": ErrorIF(4, 50 * STEP, GRID, form),
        "out": neurons(rs, 3),
    }
    projections = (
        Dense("in", "hid", weights(rs, 7, 6)),
        Dense("hid", "err", weights(rs, 6, 5, low=-60)),
        Dense("err", "err2", weights(rs, 5, 4, low=-60)),
        Dense("err2", "out", weights(rs, 4, 3, low=-60)),
    )
    return Network(populations, projections, Window(12), Readout("out"))


def leaky(seed: int, bias: float = 2 * STEP) -> Network:
    """Leaky neurons in Loihi's integers: whole weights, thresholds of 64 k + 1 counts."""
    rs = np.random.default_rng(seed)
    populations = {
        "in": Source(8),
        "hid": LIF(7, 40 + STEP, GRID, u_decay=1234 / 4096, v_decay=321 / 4096, bias=bias),
        "out": LIF(3, 60 + STEP, GRID, u_decay=1.0, v_decay=100 / 4096),
    }
    projections = (
        Dense("in", "hid", rs.integers(-20, 30, (8, 7)).astype(float)),
        Dense("hid", "out", rs.integers(-20, 60, (7, 3)).astype(float)),
    )
    return Network(populations, projections, Window(15), Readout("out"))


def recurrent(seed: int, biased: bool = True) -> Network:
    """A layer that listens to itself, two steps later, and to the input; then delays synapse by synapse."""
    rs = np.random.default_rng(seed)
    hid = neurons(rs, 6, biased)
    populations = {
        "in": Source(5),
        "hid": IF(6, hid.theta, GRID, bias=hid.bias, offset=1),
        "out": neurons(rs, 3),
    }
    rows = np.arange(7) * 3
    late = rs.integers(0, 3, 18).astype(np.uint16)
    targets = np.concatenate([rs.choice(3, 3, replace=False) for _ in range(6)]).astype(np.int32)
    projections = (
        Dense("in", "hid", weights(rs, 5, 6), 1),
        Dense("hid", "hid", weights(rs, 6, 6), 2),
        Sparse("hid", "out", rows, targets, weights(rs, 18), 1, late),
    )
    return Network(populations, projections, Window(8), Readout("out"))
