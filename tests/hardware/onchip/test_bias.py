"""Inputs by bias: intervals by hand, phases that start anew, and refusals."""

from __future__ import annotations

import numpy as np
import onchip_nets
import pytest

from spikesim.encoders import Regular
from spikesim.errors import DataError, DeclarationError
from spikesim.hardware.onchip.bias import THETA, Biases, DrivenByBias
from spikesim.hardware.onchip.compare import compare_learning
from spikesim.hardware.onchip.course import Course
from spikesim.hardware.onchip.twin import Twin


def test_intervals_by_hand() -> None:
    # 4095 / 1365 = 3: at steps 2, 5, 8; one less than 1365 needs 4 steps; 2048 needs 2, 4095 fires always
    given = Biases(np.array([[4095, 2048, 1365, 1364, 1, 0]]))
    raster = given.spikes(9).raster()
    wanted = [range(9), (1, 3, 5, 7), (2, 5, 8), (3, 7), (), ()]
    for i, steps in enumerate(wanted):
        assert np.flatnonzero(raster[:, i]).tolist() == list(steps)


def test_a_neuron_that_is_reset_to_zero_in_floating_point() -> None:
    x = np.random.default_rng(0).random((20, 30)).astype(np.float32)
    given = DrivenByBias(0.8).biases(x)
    v, raster = np.zeros(x.shape), []
    for _ in range(25):
        v = v + given.values / THETA
        raster.append(v > 1 - 1e-9)
        v[raster[-1]] = 0.0
    spikes = DrivenByBias(0.8).encode(x, np.arange(20), 25)
    assert (onchip_nets.rasters(spikes) == np.array(raster).transpose(1, 0, 2)).all()
    assert (spikes.counts() <= Regular(0.8).encode(x, np.arange(20), 25).counts() + 1).all()


def test_the_twin_learns_from_biases() -> None:
    one = onchip_nets.small("fixed")
    x = np.random.default_rng(0).random((30, one.n_in)).astype(np.float32)
    twin = Twin(one)
    split = onchip_nets.split(x, np.arange(30) % 3)
    online = Course(DrivenByBias(0.7)).train(twin, split)
    assert len(online) == 1
    assert any((w != layer.w).any() for w, layer in zip(twin.weights, one.layers, strict=True))


def test_refusals() -> None:
    with pytest.raises(DataError, match=r"trial 1, input 0: a bias of 4096; .* 0 \.\. 4095"):
        Biases(np.array([[0], [4096]]))
    with pytest.raises(DataError, match="a bias of -1"):
        Biases(np.array([[-1]]))
    with pytest.raises(DataError, match=r"type float64; integers \(B, n\) are needed"):
        Biases(np.array([[0.5]]))
    with pytest.raises(DeclarationError, match=r"scale = 1\.5"):
        DrivenByBias(1.5)
    with pytest.raises(DataError, match="is not in"):
        DrivenByBias().biases(np.full((1, 2), 1.5, np.float32))
    one = onchip_nets.small("fixed")
    with pytest.raises(DataError, match="trials of 3 inputs"):
        compare_learning(one, Biases(np.zeros((2, 3), int)), np.array([0, 1]))
