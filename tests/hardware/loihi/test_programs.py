"""The emulator against other programs' Loihi: Lava's fixed-point processes, brian2-loihi, SANA-FE."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.errors import EngineError
from spikesim.hardware.limits import LimitError
from spikesim.hardware.loihi.emulator import Loihi
from spikesim.hardware.quantise import quantise
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Dense
from spikesim.tools.dev.emulator_test import case, played
from spikesim.window import Window


@pytest.mark.parametrize("seed", range(100, 106))
def test_random_networks_in_lava(seed: int) -> None:
    """Every spike and membrane equal; more of them: python -m spikesim.tools.dev.emulator_test."""
    pytest.importorskip("lava.proc.lif.process", reason="lava-nc is not installed")
    found = played(case(seed, "lava-fixed", presentations=2), ("lava-fixed",))
    assert found.differences == () and found.spikes > 0


@pytest.mark.brian2
@pytest.mark.parametrize("seed", range(100, 103))
def test_random_networks_in_brian2_loihi(seed: int) -> None:
    """The same in another emulator, which was compared with the chip by its authors."""
    pytest.importorskip("brian2_loihi", reason="brian2-loihi is not installed")
    found = played(case(seed, "brian2-loihi", presentations=1), ("brian2-loihi",))
    assert found.differences == ()


@pytest.mark.brian2
def test_brian2_loihi_has_no_bias() -> None:
    """Said with the way out, before the package is asked for."""
    from spikesim.hardware.loihi.brian2_loihi import Brian2Loihi

    network = Network({"in": Source(1), "p": IF(1, 5.0, 0, bias=1.0)}, (), Window(2))
    with pytest.raises(LimitError, match=r"brian2-loihi has no bias.*lava-fixed"):
        Brian2Loihi(network)


def lava_by_hand(matrix: np.ndarray, exponent: int, spikes: np.ndarray, **lif: Any) -> tuple[Any, Any]:
    """Spikes and membranes (T, n) of Lava's own Dense and LIF in fixed point."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.dense.process import Dense as LavaDense
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Ring
    from lava.proc.lif.process import LIF as LavaLIF
    from lava.proc.monitor.process import Monitor

    T = len(spikes) + 1  # what a source sends in a step arrives in the next
    given = np.pad(spikes.T, ((0, 0), (0, 1)))
    source, dense = Ring(data=given.astype(int)), LavaDense(weights=matrix.T, weight_exp=exponent)
    cells, sink, watch = (
        LavaLIF(shape=(matrix.shape[1],), **lif),
        Sink(shape=(matrix.shape[1],), buffer=T),
        Monitor(),
    )
    source.s_out.connect(dense.s_in)
    dense.a_out.connect(cells.a_in)
    cells.s_out.connect(sink.a_in)
    watch.probe(cells.v, T)
    try:
        cells.run(condition=RunSteps(num_steps=T), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        fired, v = sink.data.get().T, watch.get_data()[cells.name]["v"]
    finally:
        cells.stop()
    return fired[1:], v[1:]


@pytest.mark.parametrize(("n_in", "low"), [(600, 255), (700, -255)])
def test_overflows_are_lavas(n_in: int, low: int) -> None:
    """u wraps, v saturates at either end, and neurons fire, or do not, for that: in both the same."""
    pytest.importorskip("lava.proc.lif.process", reason="lava-nc is not installed")
    rs = np.random.default_rng(n_in)
    w = np.full((n_in, 3), low, float)
    w[:, 1:] = np.sign(low) * rs.integers(0, 256, (n_in, 2))
    neuron = LIF(3, 100000 + 1 / 64, 6, u_decay=0.75, v_decay=1 / 16)
    network = Network({"in": Source(n_in), "p": neuron}, (Dense("in", "p", w, 1),), Window(25), Readout("p"))
    spikes = rs.random((25, n_in)) < rs.random((25, 1))
    emulator = Loihi(network, mode="chip")
    found = emulator.run({"in": from_raster(spikes)}, record=["p"])
    assert emulator.events["wraps"]["p"] > 0 and emulator.events["saturations"]["p"] > 0
    (link,), p = emulator.chip.projections, emulator.chip.populations["p"]
    decays = {"du": int(p.du[0]) - 1, "dv": int(p.dv[0])}
    fired, v = lava_by_hand(link.weights, link.weight_exp, spikes, vth=int(p.vth[0]), bias_mant=0, **decays)
    assert (found.spikes["p"].raster() == fired).all()
    assert (found.v["p"][0] == v).all()


def test_sanafe_counts_the_same_spikes() -> None:
    """Its Loihi plays the same network: as many spikes as the emulator, and an energy for each part."""
    pytest.importorskip("sanafe", reason="sanafe is not installed")
    from spikesim.hardware.energy_sanafe import sanafe_estimate

    network = quantise(build(Emstdp(sizes=(12, 8, 4), T=20, beta_hidden=0.05), 1)).network
    inputs = {"in": from_raster(np.random.default_rng(2).random((2, 20, 12)) < 0.5)}
    found = sanafe_estimate(network, inputs)
    assert found.spikes == found.expected > 0
    assert found.energy["total"] == pytest.approx(sum(v for k, v in found.energy.items() if k != "total"))
    assert found.time > 0
    leaky = Network({"in": Source(12), "p": LIF(2, 1 + 1 / 64, 6, v_decay=0.5)}, (), Window(20))
    with pytest.raises(EngineError, match="p leaks"):
        sanafe_estimate(leaky, inputs)
