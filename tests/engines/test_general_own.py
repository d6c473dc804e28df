"""One's own neuron and one's own rule, each in one file: this one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from own_models import Tiring

from spikesim.engines import simulate
from spikesim.errors import CheckpointError, DeclarationError
from spikesim.learning import RULES, register_rule
from spikesim.learning.online import Layout
from spikesim.network import Network
from spikesim.network.file import digest, load_network, save_network
from spikesim.neurons import (
    LIF,
    MODELS,
    ErrorIF,
    NeuronModel,
    PoissonSource,
)
from spikesim.recording.state import same
from spikesim.synapses import Dense

pytestmark = pytest.mark.core


@register_rule
@dataclass(frozen=True)
class Together:
    """w += eta where an arrival and a spike meet in a step, at most `meetings` times a synapse."""

    eta: float = 0.0625
    meetings: int = 2
    signal: str = ""

    def start(self, layout: Layout) -> dict[str, Any]:
        return {"met": np.zeros(len(layout.post), np.int64)}

    def step(self, w: Any, traces: Any, pre: Any, post: Any, layout: Layout, signal: float) -> Any:
        meet = pre[layout.pre] * post[layout.post] * (traces["met"] < self.meetings)
        return w + self.eta * meet, {"met": traces["met"] + meet}


def network(**more: Any) -> Network:
    rs = np.random.default_rng(1)
    return Network(
        {
            "in": PoissonSource(6, 0.3, seed=1),
            "own": Tiring(5, 1.0, bias=0.125),
            "signed": ErrorIF(5, 0.5, 8),
            "out": LIF(4, 0.5, v_decay=0.1, bias=0.0625),
        },
        (
            Dense("in", "own", rs.integers(0, 128, (6, 5)) / 256),
            Dense("own", "own", -rs.integers(0, 64, (5, 5)) / 256, delay=1, name="inside"),
            Dense("own", "signed", rs.integers(-128, 64, (5, 5)) / 256),
            Dense("own", "out", rs.integers(0, 128, (5, 4)) / 256, 1, Together()),
            Dense("signed", "out", rs.integers(0, 128, (5, 4)) / 256, 0, Together(0.125), **more),
        ),
    )


def test_they_run_on_both_engines_and_go_on() -> None:
    net = network()
    a, b = (simulate(net, steps=80, engine=name, record=("own", "out")) for name in ("naive", "stepped"))
    assert a.counts["own"].sum() > 30 and a.counts["out"].sum() > 30
    assert (a.counts["signed"] < 0).any()
    assert a.spikes == b.spikes and np.array_equal(a.v["own"], b.v["own"])
    assert a.state is not None and b.state is not None
    for name in ("own->out", "signed->out"):
        assert np.array_equal(a.state.weights[name], b.state.weights[name])
        assert np.array_equal(a.state.traces[name]["met"], b.state.traces[name]["met"])
        assert a.state.traces[name]["met"].max() == 2  # and no more
    half = simulate(net, steps=30, engine="stepped")
    rest = simulate(net, steps=50, engine="stepped", state=half.state)
    assert rest.state is not None and same(rest.state, b.state)


def test_they_come_back_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    save_network(net, tmp_path / "net.h5")
    back = load_network(tmp_path / "net.h5")
    assert digest(back) == digest(net)
    assert isinstance(back.populations["own"], Tiring)
    assert back.projections[3].plastic == Together()  # type: ignore[attr-defined]
    monkeypatch.delitem(RULES, "Together")
    with pytest.raises(
        CheckpointError, match=r"unknown rule 'Together'.*import the module that has its @register_rule"
    ):
        load_network(tmp_path / "net.h5")
    monkeypatch.delitem(MODELS, "Tiring")
    with pytest.raises(
        CheckpointError, match=r"unknown neuron model 'Tiring'.*import the module that has its @register"
    ):
        load_network(tmp_path / "net.h5")


@dataclass(frozen=True)
class Half:
    """Something that integrates, but is no neuron model yet."""

    description: ClassVar[NeuronModel] = NeuronModel("half")
    n: int = 2
    theta: float = 1.0


@pytest.mark.parametrize(
    ("population", "said"),
    [
        (Half(), "a: Half has no grid, reset_at, .*initial_state, step; every population needs n, grid"),
        (LIF, r"a: the class LIF; an instance is needed, for example LIF\(100, ...\)"),
        (100, "a: 100 is not a population; use one of .*ErrorIF, .*IF, LIF"),
        ("IF", "a: 'IF' is not a population"),
    ],
)
def test_what_is_no_population_is_refused(population: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Network({"a": population}, ())
