"""A continuous simulation as one trial, for backends that run trials only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spikesim.errors import DeclarationError, EngineError
from spikesim.network import Network
from spikesim.neurons import Source
from spikesim.spikes import Spikes, from_raster


def one_trial(network: Network, steps: int, inputs: Mapping[str, Any]) -> tuple[Network, dict[str, Spikes]]:
    """The first steps of a continuous network as a trial, and its inputs.

    Generators become given spikes; a network without any source gets one that is silent and not heard, since
    trials are counted by their input.

    Args:
        network: a continuous one.
        steps: of the simulation, from step 0.
        inputs: source -> Spikes of these steps.

    Raises:
        EngineError: external currents or Poisson input, which trials do not have.
    """
    if network.drives:
        drive = network.drives[0]
        raise EngineError(
            f"{drive.name}: a {type(drive).__name__}, and this backend runs trials, which have no external "
            f"currents. Verify with 'naive', 'stepped' or 'brian2'; or give the input as spikes of a Source"
        )
    made = {k: p for k, p in network.populations.items() if p.description.role == "generator"}
    sources = {k: Source(p.n) if k in made else p for k, p in network.populations.items()}
    given = {**inputs, **{name: _sent(p, steps) for name, p in made.items()}}
    if not given:
        name = "_".join(["silence", *sources])  # longer than any name that is taken
        sources[name], given[name] = Source(1), from_raster(np.zeros((1, steps, 1), np.int8))
    try:
        trial = replace(network, populations=sources).inference(steps)
    except DeclarationError as problem:
        raise EngineError(f"this network has no form with trials: {problem}") from problem
    return trial, given


def _sent(generator: Any, steps: int) -> Spikes:
    """The spikes of a generator in its first steps."""
    raster = np.zeros((1, steps, generator.n), np.int8)
    for t in range(steps):
        raster[0, t, generator.fired(t)] = 1
    return from_raster(raster)
