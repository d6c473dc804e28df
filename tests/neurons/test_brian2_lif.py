"""Brian2's neuron and its list of spikes, as models of ours: eight steps by hand, without Brian2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim import simulate
from spikesim.errors import DeclarationError
from spikesim.network import Network
from spikesim.neurons.brian2_lif import Brian2LIF, SpikeList
from spikesim.synapses import CurrentInput

pytestmark = pytest.mark.core


def driven(population: Any, currents: list[float], engine: str) -> tuple[list[float], list[int]]:
    network = Network({"a": population}, (), drives=(CurrentInput("a"),))
    found = simulate(
        network, {"->a": np.array(currents)[:, None]}, steps=len(currents), record="a", engine=engine
    )
    return found.v["a"][0, :, 0].tolist(), found.spikes["a"].raster()[:, 0].tolist()


@pytest.mark.parametrize("engine", ["naive", "stepped"])
def test_what_arrives_in_the_step_after_a_spike_is_lost(engine: str) -> None:
    # v = (v + I) / 2 + 1/4, spike at v > 1, then v = 0 and the next input is lost
    # 1: .5+.25=.75  2: (2.75)/2+.25=1.625 -> 0  5: lost, .25  1: .625+.25=.875  1.5: 1.1875+.25 -> 0  ...
    v, s = driven(Brian2LIF(1, 1.0, 0.5, 0.25), [1, 2, 5, 1, 1.5, 9, 0, 1.5], engine)
    assert v == [0.75, 0.0, 0.25, 0.875, 0.0, 0.25, 0.375, 1.1875 - 1.1875]
    assert s == [0, 1, 0, 0, 1, 0, 0, 1]


@pytest.mark.parametrize("engine", ["naive", "stepped"])
def test_a_threshold_that_is_met_and_a_rest(engine: str) -> None:
    strict, met = Brian2LIF(1, 1.0, 1.0), Brian2LIF(1, 1.0, 1.0, strict=False)
    assert driven(strict, [1, 0, 1], engine)[1] == [0, 0, 1]
    assert driven(met, [1, 0, 1], engine)[1] == [1, 0, 1]
    # two steps of rest: held at 0.5, deaf
    resting = Brian2LIF(1, 1.0, 1.0, v_reset=0.5, refractory=2, held=True)
    v, s = driven(resting, [2, 9, 9, 9, 0.25], engine)
    assert s[0] == 1 and s[1:3] == [0, 0] and v[:3] == [0.5, 0.5, 0.5]


def test_a_list_of_spikes_begins_again_after_its_period() -> None:
    once = SpikeList(3, (0, 2, 2), (1, 0, 2))
    assert [once.fired(t).tolist() for t in range(4)] == [[1], [], [0, 2], []]
    again = SpikeList(3, (0, 2, 2), (1, 0, 2), period=3)
    assert [again.fired(t).tolist() for t in (3, 4, 5)] == [[1], [], [0, 2]]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SpikeList(2, (0, 1), (0,)), "2 steps for 1"),
        (lambda: SpikeList(2, (1, 0), (0, 1)), "ascend"),
        (lambda: SpikeList(2, (0,), (2,)), r"0 \.\. 1 are needed"),
        (lambda: SpikeList(2, (5,), (0,), period=5), "period = 5"),
        (lambda: Brian2LIF(1, 1.0, 1.0, reset="zero"), "reset = 'zero'"),
        (lambda: Brian2LIF(1, 1.0, 1.0, active_in="second"), "need trials"),
    ],
)
def test_what_cannot_be_is_refused(make: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        make()
