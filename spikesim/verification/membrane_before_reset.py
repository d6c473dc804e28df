"""The membrane before a reset, which a recording does not contain: recomputed with the naive engine."""

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
    """A neuron's membrane in a step, after integration and before the reset, and the threshold in force.

    Both are in counts of 2**-grid; without a grid, in the unit of the threshold. For a pair of error neurons,
    the channel that is closer to firing. None for a custom model without the method `decision`.

    Args:
        network, inputs, labels, steps, signals, learn: as for the run.
        population, neuron, presentation, step: population, neuron, trial and step.
    """
    model = network.populations[population]
    if not hasattr(model, "decision"):
        return None
    captured: list[tuple[Any, Any]] = []

    def capture(name: str, t: int, state: Any, current: Any) -> None:
        if (name, t) == (population, step):
            captured.append((dict(state), current.copy()))

    engine = Naive(network, observer=capture)
    if network.window.endless:
        assert steps is not None
        engine.advance(steps, inputs, signals or {}, (), None, learn)
    else:
        alone = slice(presentation, presentation + 1)
        engine.run(
            {name: spikes[alone] for name, spikes in inputs.items()},
            None if labels is None else np.asarray(labels)[alone],
        )
    state, current = captured[0]
    v, theta = (np.atleast_2d(x)[:, neuron] for x in model.decision(state, current))
    k = int(np.argmax(np.abs(v) - theta)) if len(v) == 1 else int(np.argmax(v - theta))
    return float(v[k]), float(theta[k])
