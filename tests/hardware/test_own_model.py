"""A model of one's own at every exit: refused by name before anything is written, or run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_models import Tiring

from spikesim.engines import Naive
from spikesim.errors import EngineError
from spikesim.hardware.energy import work
from spikesim.hardware.export import export
from spikesim.hardware.lava.backend import lava_fixed, lava_float
from spikesim.hardware.lava.file import save_lava
from spikesim.hardware.lava.floating import floating
from spikesim.hardware.limits import HARDWARE, check, exceeded
from spikesim.hardware.loihi.brian2_loihi import Brian2Loihi
from spikesim.hardware.loihi.emulator import Loihi
from spikesim.hardware.netx.player import NetxBackend
from spikesim.hardware.netx.write import save_netx
from spikesim.hardware.nir.external_simulators import NirProgram
from spikesim.hardware.nir.write import write
from spikesim.hardware.quantise import quantise
from spikesim.hardware.targets import TARGETS
from spikesim.network import Network, Readout
from spikesim.neurons import IF, AdaptiveLIF, Source, TwoCurrentLIF
from spikesim.neurons.description import LinearNeuron
from spikesim.neurons.population import MODELS, register
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import Dense
from spikesim.verification.verify import compare
from spikesim.window import Window


def network(neuron: Any) -> Network:
    w = np.random.default_rng(1).integers(0, 120, (6, neuron.n)) / 256
    return Network({"in": Source(6), "own": neuron}, (Dense("in", "own", w, 1),), Window(20), Readout("own"))


def given() -> dict[str, Spikes]:
    return {"in": from_raster(np.random.default_rng(2).random((3, 20, 6)) < 0.4)}


EXITS: dict[str, Callable[[Network, Path], Any]] = {
    "lava-float": lambda net, path: lava_float(net),
    "lava-fixed": lambda net, path: lava_fixed(net),
    "lava file": save_lava,
    "lava file of floats": lambda net, path: save_lava(net, path, "float"),
    "loihi": lambda net, path: Loihi(net),
    "brian2-loihi": lambda net, path: Brian2Loihi(net),
    "netx": lambda net, path: NetxBackend(net),
    "netx file": save_netx,
    "nir file": write,
    "nir reader": lambda net, path: NirProgram(net, "nir-spikesim").run(given()),
    "energy": lambda net, path: work(net, given()),
    **{f"quantise {chip}": lambda net, path, chip=chip: quantise(net, chip) for chip in HARDWARE},
    **{f"check {chip}": lambda net, path, chip=chip: check(net, chip) for chip in HARDWARE},
    **{f"export {to}": lambda net, path, to=to: export(net, to, path, given()) for to in TARGETS},
}


@pytest.mark.parametrize(
    "neuron",
    [Tiring(5, 1.0), AdaptiveLIF(5, 1.0, 8), TwoCurrentLIF(5, 1.0, 8)],
    ids=lambda p: type(p).__name__,
)
@pytest.mark.parametrize("exit_", EXITS)
def test_a_model_without_a_normal_form_is_refused_by_name(exit_: str, neuron: Any, tmp_path: Path) -> None:
    """With what is known, and the way in; no file is left."""
    kind = type(neuron).__name__
    said = rf"own is an? {kind}, a model without a translation; .* supports ErrorIF, IF, LIF.*linear\(\)"
    with pytest.raises(EngineError, match=said):
        EXITS[exit_](network(neuron), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_it_is_among_the_limits_that_a_network_exceeds() -> None:
    """`exceeded` lists it with the others; `check` raises the one refusal."""
    (found,) = exceeded(network(Tiring(5, 1.0)), "loihi1")
    assert (found.limit, found.value, found.where) == ("neuron model", "Tiring", "own")


@dataclass(frozen=True)
class Wrapped:
    """An IF by another name, which offers its normal form."""

    description = IF.description
    limit = IF.limit
    n: int
    theta: Any
    grid: int = 8
    bias: Any = 0.0
    floor: Any = None
    refractory: Any = 0
    v_start: Any = 0.0
    reset_at: tuple[str, ...] = ("start",)
    active_in: Any = None
    gate_by: str | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        self._inner()

    def _inner(self) -> IF:
        return IF(self.n, self.theta, self.grid, self.bias, self.floor, v_start=self.v_start)

    def linear(self) -> LinearNeuron:
        return self._inner().linear()

    def initial_state(self) -> Any:
        return self._inner().initial_state()

    def decision(self, state: Any, current: Any) -> Any:
        return self._inner().decision(state, current)

    def step(self, state: Any, current: Any) -> Any:
        return self._inner().step(state, current)


def test_a_model_with_a_normal_form_goes_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("spikesim.neurons.population.MODELS", dict(MODELS))
    register(Wrapped)
    made = quantise(network(Wrapped(5, (1.0, 0.5, 0.75, 2.0, 0.25), bias=2.0**-8)), "loihi1").network
    assert type(made.populations["own"]) is Wrapped
    truth = Naive(made).run(given(), record=("own",))
    assert truth.counts["own"].sum() > 20
    assert compare(truth, Loihi(made).run(given(), record=("own",)), ("own",)) is None
    assert sum(cells.n for cells in floating(made).cells.values()) == 5
    assert write(made, tmp_path / "a.nir").names["own"] == "own"
    assert work(made, given()).layers[-1].spikes > 0
