"""The membrane before a reset: what a recording does not hold, made anew from the declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spikesim.engines.naive.engine import Naive
from spikesim.network import Network
from spikesim.neurons.population import scaled


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
) -> tuple[float, float]:
    """A neuron's membrane at a step, after it has integrated and before it may fire; and its threshold.

    Both in counts of the grid, or real. Of a pair of error neurons the channel that is nearer to firing.

    Args:
        network, inputs, labels, steps, signals, learn: as the programs were given them.
        population, neuron, presentation, step: where.
    """
    model = network.populations[population]
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
    # The same step with a threshold that nothing reaches.
    silent = replace(model, theta=2.0 ** (50 - (model.grid or 0)))
    v = np.atleast_2d(silent.step(state, current)[0]["v"])[:, neuron]
    return float(v[np.argmax(np.abs(v))] if len(v) == 1 else v.max()), float(scaled(model.theta, model.grid))
