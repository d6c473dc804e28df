"""mSTDP with spikes: counts by hand, agreement with rates for long windows, and learning from spikes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spikesim.datasets import digits
from spikesim.errors import DeclarationError
from spikesim.hopfield.mstdp.tasks import label_rates
from spikesim.hopfield.mstdp.training import begin, train
from spikesim.models.mstdp.config import AMENDED
from spikesim.models.mstdp.spiking import Spiking, fire, label_rates_spiking, train_spiking

SMALL = replace(AMENDED, n_in=64, n_hidden=48, batch=20)


def _digits(samples: int) -> tuple[np.ndarray, np.ndarray]:
    data = digits()
    return data.train.x[:samples], data.train.y[:samples]


@pytest.mark.parametrize("coding", ["regular", "poisson"])
def test_spikes_settle_where_rates_do(coding: str) -> None:
    """Label rates from counts approach those of the rate network as the window becomes longer."""
    x, y = _digits(600)
    net = train(begin(replace(SMALL, hidden_gain=60.0), x, epochs=2), x, y).tested()
    rates = label_rates(net, x[:40])
    errors = []
    for steps in (2, 32, 512):
        found, _, spikes = label_rates_spiking(net, x[:40], Spiking(steps, coding))  # type: ignore[arg-type]
        errors.append(float(np.sqrt(((found - rates) ** 2).mean())))
        assert 0.1 < spikes / steps < 0.9
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.05


def test_regular_spikes_are_counted_by_hand() -> None:
    """rho = 5/16 from v = 1/2 over 8 steps: 1/2 + 8 * 5/16 = 3: three spikes, and a membrane of 0."""
    rho, membrane = np.full((1, 1), 0.3125, np.float32), np.full((1, 1), 0.5, np.float32)
    counts = np.empty_like(rho)
    fire(rho, membrane, 8, counts)
    assert counts[0, 0] == 3.0 and membrane[0, 0] == 0.0


def test_spikes_alone_teach_digits() -> None:
    """The rule on counts of 16 steps: far above chance, equal for equal seeds; others are refused."""
    x, y = _digits(600)
    config = replace(SMALL, hidden_gain=60.0)
    net, again = (train_spiking(begin(config, x).net, x, y, Spiking(16), epochs=n, seed=1) for n in (2, 2))
    np.testing.assert_array_equal(net.weights.to_hidden, again.weights.to_hidden)
    found, _, _ = label_rates_spiking(net, x, Spiking(16))
    assert (found.argmax(1) == y).mean() > 0.5
    with pytest.raises(DeclarationError, match="take immediate = False"):
        train_spiking(begin(replace(config, immediate=True), x).net, x, y, Spiking(16), epochs=1, seed=1)
    with pytest.raises(DeclarationError, match="unknown coding 'rate'"):
        Spiking(16, "rate")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="T = 0"):
        Spiking(0)
