"""STDP in Brian2's order: two neurons by hand, readable and compiled steps, interrupted runs."""

from __future__ import annotations

import numpy as np
import pytest

from spikesim import connect, from_raster, simulate
from spikesim.errors import DeclarationError
from spikesim.learning import Brian2STDP
from spikesim.network import Network
from spikesim.neurons import LIF, Source
from spikesim.synapses import Dense, OneToOne

pytestmark = pytest.mark.core
KEPT = float(np.exp(-1 / 10))


@pytest.mark.parametrize("engine", ["naive", "stepped"])
def test_a_pair_by_hand(engine: str) -> None:
    """The target fires in steps 2 and 6; spikes arrive in steps 3 and 5 (Brian2's 2 and 4)."""
    rule = Brian2STDP(0.1, 0.05, 10.0, 10.0, (0.0, 1.0))
    net = Network(
        {"in": Source(1), "teach": Source(1), "out": LIF(1, 100.0)},
        [
            connect.from_coordinates("in", "out", [0], [0], [0.5], n_pre=1, delay=1, plastic=rule, name="w"),
            OneToOne("teach", "out", 200.0),
        ],
    )
    spikes, taught = np.zeros((8, 1), int), np.zeros((8, 1), int)
    spikes[[2, 4]], taught[[2, 6]] = 1, 1

    def after(steps: int) -> float:
        inputs = {"in": from_raster(spikes[:steps]), "teach": from_raster(taught[:steps])}
        return float(simulate(net, inputs, steps=steps, record="out", engine=engine).state.weights["w"][0])

    together = 0.5 + 0.1  # arrived and fired in one step of Brian2: the arrival is first, and y was 0
    assert after(3) == 0.5
    assert after(4) == pytest.approx(together, rel=1e-12)
    # the arrival of step 5 is two steps after the spike of step 3 (late by one, as the arrival is)
    earlier = together - 0.05 * KEPT**2
    assert after(6) == pytest.approx(earlier, rel=1e-12)
    # the spike of step 6 acts in step 7: x has decayed for four and for two steps
    assert after(8) == pytest.approx(earlier + 0.1 * (KEPT**4 + KEPT**2), rel=1e-12)


def test_readable_and_compiled_steps_and_interruptions() -> None:
    draw = np.random.default_rng(5)
    rule = Brian2STDP(0.05, 0.06, 8.0, 12.0, (0.0, 1.0), "nearest")
    network = Network(
        {"in": Source(6), "out": LIF(4, 1.0, v_decay=0.1)},
        [Dense("in", "out", draw.uniform(0, 1, (6, 4)), 1, rule, name="w")],
    )
    raster = (draw.random((120, 6)) < 0.2).astype(int)
    naive, stepped = (
        simulate(network, {"in": from_raster(raster)}, steps=120, record="out", engine=engine)
        for engine in ("naive", "stepped")
    )
    assert naive.spikes == stepped.spikes
    np.testing.assert_array_equal(naive.state.weights["w"], stepped.state.weights["w"])
    first = simulate(network, {"in": from_raster(raster[:50])}, steps=50)
    rest = simulate(network, {"in": from_raster(raster[50:])}, steps=70, state=first.state)
    np.testing.assert_array_equal(rest.state.weights["w"], stepped.state.weights["w"])
    assert np.abs(stepped.state.weights["w"] - network.weights("w").ravel()).max() > 0.1
    with pytest.raises(DeclarationError, match="Brian2STDP: tau_plus"):
        Brian2STDP(0.1, 0.1, tau_plus=0.0)
