"""A model of one's own in Brian2: refused by name, and run once it has an entry in the table."""

from __future__ import annotations

import numpy as np
import pytest
from own_models import Tiring

from spikesim.backends.brian2.neuron_models import TRANSLATIONS, Brian2Model
from spikesim.errors import EngineError
from spikesim.network import Network
from spikesim.neurons import PoissonSource
from spikesim.neurons.population import scaled
from spikesim.synapses import Dense
from spikesim.verification.verify import verify


@pytest.mark.brian2
def test_brian2_runs_a_model_of_ones_own_once_it_has_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Network(
        {"in": PoissonSource(6, 0.3), "own": Tiring(5, 1.0, bias=0.125)},
        (Dense("in", "own", np.random.default_rng(1).integers(0, 128, (6, 5)) / 256, delay=1),),
    )
    with pytest.raises(
        EngineError, match=r"own is a Tiring, a model without a translation; brian2 supports .*IF, LIF"
    ):
        verify(net, {}, a="stepped", b="brian2", steps=50)

    def tiring(population: Tiring) -> Brian2Model:
        code = "a = (1 - act) * a + act * clip(a - 1, 0, 1e300)\nv = v + act * (drive + bias)"
        event = ("act > 0 and v >= theta + a", "v = 0\na += rise")
        values = {key: scaled(getattr(population, key), population.grid) for key in ("theta", "rise")}
        return Brian2Model({"v": ("v",), "a": ("a",)}, (), code, {"plus": event}, values, "abs(v)")

    monkeypatch.setitem(TRANSLATIONS, Tiring, tiring)
    verdict = verify(net, {}, a="stepped", b="brian2", steps=100)
    assert verdict.equal, verdict.difference
    assert verify(net, {}, a="naive", b="stepped", steps=100).equal
