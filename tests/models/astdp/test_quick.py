"""Quick reproduction of aSTDP: toy experiments in full, the others with stubs of what they call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spikesim.datasets import digits
from spikesim.models.astdp import quick
from spikesim.models.astdp.presets import SUPERVISED, TABLE_2


@pytest.mark.slow
def test_the_toy_experiments_give_their_claims() -> None:
    window, order, switches, overshoot = quick._toys(seed=1)
    assert (window.paper, window.literal, window.amended) == (1.0, 0.0, 1.0)
    assert order.amended is not None and order.amended > 0
    assert switches.literal is not None and switches.literal >= 1
    assert overshoot.literal is not None and overshoot.literal > 0


def test_depth_is_measured_for_one_two_and_three_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def measure(config: Any, _data: Any, total: int, seed: int) -> Any:
        seen.append((config.sizes, total, seed))
        return SimpleNamespace(test=90.0 + len(config.sizes), net=len(config.sizes))

    monkeypatch.setattr(quick, "measure", measure)
    monkeypatch.setattr(quick, "steps_to_stable", lambda net, _x: np.array([10.0 * net]))
    claims = quick._depth(digits(), seed=5)
    assert [sizes for sizes, _, _ in seen] == [(784, *[128] * n, 10) for n in (1, 2, 3)]
    assert {(total, seed) for _, total, seed in seen} == {(15_000, 5)}
    assert [claim.amended for claim in claims] == [93.0, 30.0, 94.0, 40.0, 95.0, 50.0]
    assert [claim.paper for claim in claims[::2]] == [TABLE_2[n][1] for n in (1, 2, 3)]
    assert SUPERVISED.sizes[0] == 784, "the preset itself is for MNIST"
