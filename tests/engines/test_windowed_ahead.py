"""Steps that are simulated layer after layer, beside the same trials step after step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.engines.windowed.ahead import run_ahead
from spikesim.engines.windowed.buffers import make_buffers
from spikesim.engines.windowed.engine import Windowed
from spikesim.engines.windowed.input_layer import count_inputs, input_currents
from spikesim.engines.windowed.kernels import present_many, reset
from spikesim.engines.windowed.neurons import pad_rows
from spikesim.engines.windowed.plan import compile_plan
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network
from spikesim.spikes import from_raster

pytestmark = pytest.mark.core
TRIALS = 12
NETWORKS = {
    "symmetric feedback": build(Emstdp(sizes=(9, 12, 20, 4), T=16, eta=0.5), seed=3),
    "direct feedback, gates": build(Emstdp(sizes=(9, 12, 20, 4), T=16, feedback="dfa", gate=True), seed=3),
    "no error reaches a layer": build(Emstdp(sizes=(9, 12, 4), T=16, gamma=0.0, update="error"), seed=3),
    "one layer": build(Emstdp(sizes=(9, 4), T=16), seed=3),
    "inference": build(Emstdp(sizes=(9, 12, 20, 4), T=16, reset="subtract"), seed=3).inference(),
}


def presented(network: Network, **changes: int) -> dict[str, Any]:
    """Counts and classes of trials that are always the same; `changes` are fields of the plan."""
    rs = np.random.default_rng(4)
    engine = Windowed(network)
    plan = engine._compiled.plan._replace(**changes)
    spikes = from_raster((rs.random((TRIALS, network.window.T, 9)) < 0.4).astype(np.int8))
    n, e = int(plan.layers["n"][1:].sum()), int(plan.errors["n"].sum())
    shapes = ((TRIALS, 2, 9), (TRIALS, 2, n), (TRIALS, e))
    counts = tuple(np.zeros(shape, np.int32) for shape in shapes)
    classes = np.zeros(TRIALS, np.int64)
    silent = np.zeros((TRIALS, n), np.uint8)
    silent[::2] = rs.random((len(silent[::2]), n)) < 0.2
    present_many(
        plan, engine._w, engine._compiled.feedback, (spikes.times, spikes.neurons, spikes.offsets),
        np.arange(TRIALS) % 4, silent, 0, TRIALS, counts, classes,
        (np.zeros((1, 0, n + e), np.int8), np.zeros((1, 0, n + 2 * e), np.int32)), make_buffers(plan),
    )  # fmt: skip
    return {"in": counts[0], "layers": counts[1], "errors": counts[2], "classes": classes}


@pytest.mark.parametrize("name", NETWORKS)
def test_layer_after_layer_equals_step_after_step(name: str) -> None:
    network = NETWORKS[name]
    assert compile_plan(network).plan.ahead > 0
    found = []
    for changes in ({}, {"ahead": 0, "begin": 0}):
        found.append(presented(network, **changes))
    assert found[0]["layers"].sum() > 100
    if name != "inference":
        assert np.abs(found[0]["errors"]).sum() > 0
    for part, expected in found[1].items():
        np.testing.assert_array_equal(found[0][part], expected, part)


def test_the_spikes_of_each_step_are_kept_for_the_next_layer() -> None:
    """Beside numpy, step by step: the first layer of a network whose membranes go back to zero."""
    network = NETWORKS["inference"]
    engine = Windowed(network)
    plan, w = engine._compiled.plan, engine._w
    raster = (np.random.default_rng(5).random((plan.T, 9)) < 0.5).astype(np.int8)
    times, neurons = (a.astype(np.int32) for a in np.nonzero(raster))
    buffers, inputs = make_buffers(plan)
    h, h_in, none = np.zeros((2, 36), np.int32), np.zeros((2, 9), np.int32), np.zeros(0, np.uint8)
    reset(plan, h, np.zeros(0, np.int32), buffers)
    count_inputs(plan, times, neurons, h_in)
    input_currents(plan, w, times, neurons, h_in, inputs)
    pad_rows(plan, w, buffers.padded)
    run_ahead(plan, w, none, h, buffers, inputs.currents)
    theta = int(plan.neurons.reshape(4, -1)[1, 0])
    v, first = np.zeros(12, np.int64), plan.ahead + 1
    for t in range(plan.T):
        v += raster[t].astype(np.int64) @ w[: 9 * 12].reshape(9, 12).astype(np.int64)
        fired = v >= theta
        v -= fired * theta
        kept = buffers.early[buffers.ends[first + t] : buffers.ends[first + t + 1]]
        np.testing.assert_array_equal(kept, np.flatnonzero(fired), f"step {t}")
    np.testing.assert_array_equal(buffers.v[:12], v)
