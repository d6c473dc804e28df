"""The rate network that makes kernels: its gradients against finite differences, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesim import datasets
from spikesim.models.emstdp import Emstdp, build
from spikesim.models.emstdp.pretrain import accuracy, descent, forward, pretrain, rate_network
from spikesim.tools.dev import pretrain as command

pytestmark = pytest.mark.core
CONFIG = Emstdp(sizes=(36, 5, 3), conv=((3, 3, 1, 1), (4, 2, 2)))


def loss(net, x, y) -> float:  # type: ignore[no-untyped-def]
    return float(-np.log(forward(net, x)[-1][np.arange(len(y)), y]).mean())


def test_gradients_are_those_of_finite_differences() -> None:
    rs = np.random.default_rng(2)
    net = rate_network(CONFIG, seed=1)
    x, y = rs.random((4, 36)), rs.integers(0, 3, 4)
    found, moved = descent(net, x, y), 0
    for w, g in zip(net.w, found, strict=True):
        for k in rs.integers(0, w.size, 12):
            at = np.unravel_index(k, w.shape)
            kept = w[at]
            w[at] = kept + 1e-6
            above = loss(net, x, y)
            w[at] = kept - 1e-6
            slope = (above - loss(net, x, y)) / 2e-6
            w[at] = kept
            assert g[at] == pytest.approx(-slope, abs=1e-7)
            moved += abs(slope) > 1e-3
    assert moved > 10


def test_the_convolutions_are_those_of_the_network() -> None:
    """The first layer's rates are the currents of a spike of every input, cut at 0."""
    net = rate_network(CONFIG, seed=1)
    network = build(replace(CONFIG, kernels="random", grid=12))
    link = network.named["in->conv1"]
    ((_, matrix),) = link.pieces(net.w[0])  # type: ignore[attr-defined]
    x = np.random.default_rng(3).random((2, 36))
    np.testing.assert_allclose(forward(net, x)[1], np.maximum(x @ matrix, 0), atol=1e-12)


def test_it_learns_the_digits() -> None:
    data = datasets.load("digits")
    config = Emstdp(sizes=(64, 20, 10), conv=((4, 3, 1),))
    net = pretrain(config, data.split("fit"), images=800, epochs=6, rate=5e-3)
    assert accuracy(net, data.validation) > 0.8 > 0.3 > accuracy(rate_network(config, 1), data.validation)
    assert {name: w.shape for name, w in net.kernels().items()} == {"conv1": (4, 1, 3, 3)}


def test_a_preset_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["emstdp-mnist-konv", "--out", "x"]) == 1
    assert "emstdp-mnist-konv" in capsys.readouterr().err
