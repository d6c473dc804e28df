"""The membrane before a reset: what a recording does not hold, made anew from the declaration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikesim.engines.naive.engine import Naive
from spikesim.network import Network


def membrane_before(
    network: Network,
    population: str,
    neuron: int,
    presentation: int,
    step: int,
    inputs: Mapping[str, Any],
    labels: Any,
    steps: int | None = None,
    signals: Mapping[str, Any] | None = None,
    learn: bool = False,
) -> tuple[float, float] | None:
    """A neuron's membrane in a step, after integration and before a reset, and the threshold that acted.

    Both in counts of the grid, or real. Of a pair of error neurons the channel that is nearer to firing. None
    for a model of one's own without the method `decision`.

    Args:
        network, inputs, labels, steps, signals, learn: as the programs were given them.
        population, neuron, presentation, step: where.
    """
    model = network.populations[population]
    if not hasattr(model, "decision"):
        return None
    caught: list[tuple[Any, Any]] = []

    def told(name: str, t: int, state: Any, current: Any) -> None:
        if (name, t) == (population, step):
            caught.append((dict(state), current.copy()))

    engine = Naive(network, told=told)
    if network.window.endless:
        assert steps is not None
        engine.advance(steps, inputs, signals or {}, (), None, learn)
    else:
        alone = slice(presentation, presentation + 1)
        engine.run(
            {name: spikes[alone] for name, spikes in inputs.items()},
            None if labels is None else np.asarray(labels)[alone],
        )
    state, current = caught[0]
    v, theta = (np.atleast_2d(x)[:, neuron] for x in model.decision(state, current))
    k = int(np.argmax(np.abs(v) - theta)) if len(v) == 1 else int(np.argmax(v - theta))
    return float(v[k]), float(theta[k])
