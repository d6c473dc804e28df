"""LIF with thresholds of zero and below: neurons that fire at rest, and who refuses them."""

from __future__ import annotations

import numpy as np
import pytest

import spikesim as ss
from spikesim.errors import DeclarationError
from spikesim.hardware import limits


@pytest.mark.parametrize("engine", ["naive", "stepped"])
def test_a_threshold_of_zero_or_less_fires_at_rest(engine: str) -> None:
    """theta -1, 0 and 1; input -3 in step 1: v = 0 fires; -3 and -1.5 do not, then -.75 does above -1."""
    net = ss.Network(
        {"in": ss.Source(1), "n": ss.LIF(3, [-1.0, 0.0, 1.0], v_decay=0.5, tonic=True)},
        (ss.Dense("in", "n", np.full((1, 3), -3.0)),),
    )
    spikes = ss.from_raster(np.array([[0], [1], [0], [0], [0]], np.int8))
    found = ss.simulate(net, {"in": spikes}, steps=5, record=["n"], engine=engine)
    assert found.spikes["n"].raster().T.tolist() == [[1, 0, 0, 1, 1], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert found.v["n"][0, :, 0].tolist() == [0.0, -3.0, -1.5, 0.0, 0.0]


def test_a_threshold_of_zero_or_less_is_refused_where_it_cannot_be() -> None:
    with pytest.raises(
        DeclarationError, match=r"theta = -1\.0; a positive number is needed, or tonic = True"
    ):
        ss.LIF(2, [1.0, -1.0])
    with pytest.raises(DeclarationError, match="tonic = True with reset = 'subtract'"):
        ss.LIF(2, [1.0, -1.0], reset="subtract", tonic=True)
    with pytest.raises(DeclarationError, match=r"is not below theta = 1\.0"):
        ss.LIF(2, [1.0, 1.0], v_reset=1.0)
    net = ss.Network(
        {"in": ss.Source(1), "n": ss.LIF(2, [64.0, -64.0], 0, tonic=True)},
        (ss.Dense("in", "n", np.ones((1, 2)), delay=1),),
        ss.Window(4),
    )
    for target in ("lava-fixed", "loihi1", "netx"):
        with pytest.raises(limits.LimitError, match=r"threshold = -65|theta"):
            limits.check(net, target)


def test_a_reset_above_the_threshold_fires_on_until_the_leak_ends_it() -> None:
    """v halves a step, theta 1, v_reset 3: 4 (spike: 3), 1.5 (spike: 3), 1.5, ...; input -1 in step 3: .5"""
    net = ss.Network(
        {"in": ss.Source(2), "n": ss.LIF(1, 1.0, v_decay=0.5, v_reset=3.0, tonic=True)},
        (ss.Dense("in", "n", np.array([[4.0], [-1.0]])),),
    )
    spikes = ss.from_raster(np.array([[1, 0], [0, 0], [0, 0], [0, 1], [0, 0]], np.int8))
    found = ss.simulate(net, {"in": spikes}, steps=5, record=["n"])
    assert found.v["n"][0, :, 0].tolist() == [3.0, 3.0, 3.0, 0.5, 0.25]
    assert found.spikes["n"].times.tolist() == [0, 1, 2]
