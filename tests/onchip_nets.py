"""Small learners on a chip, and trials for them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from spikesim.encoders import Regular
from spikesim.hardware.onchip.bias import Biases, DrivenByBias
from spikesim.hardware.onchip.declare import learner
from spikesim.hardware.onchip.learner import Learner
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network
from spikesim.spikes import Spikes

SMALL = Emstdp(
    sizes=(8, 10, 3),
    feedback="fa",
    error_form="pair",
    T=32,
    h_pre="second",
    grid=6,
    clip=4.0 - 2**-6,
    eta=0.5,
    target_rate=0.5,
    theta_loss=1.0,
    beta_hidden=0.1,
    beta_out=0.1,
    beta_error=0.1,
)


def network(**changes: Any) -> Network:
    return build(replace(SMALL, **changes), 1)


def small(arithmetic: Any = "float", **changes: Any) -> Learner:
    return learner(network(**changes), arithmetic, nearest_eta=True)


def trials(one: Learner, B: int, seed: int = 0) -> tuple[Spikes, Any]:
    rs = np.random.default_rng(seed)
    x = rs.random((B, one.n_in)).astype(np.float32)
    return Regular(0.7).encode(x, np.arange(B), one.active), rs.integers(0, one.layers[-1].n, B)


def rasters(spikes: Spikes) -> Any:
    return np.array([spikes.raster(b) for b in range(len(spikes))])


def biases(one: Learner, B: int, seed: int = 0) -> tuple[Biases, Any]:
    rs = np.random.default_rng(seed)
    x = rs.random((B, one.n_in)).astype(np.float32)
    return DrivenByBias(0.7).biases(x), rs.integers(0, one.layers[-1].n, B)


def split(x: Any, y: Any) -> Any:
    return SimpleNamespace(x=x, y=y, index=np.arange(len(y)))
