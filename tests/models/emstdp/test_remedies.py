"""A bias and the gate's upper end: what they build, by hand, and equal on every engine."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spikesim import datasets
from spikesim.engines import Naive, Stepped, Windowed
from spikesim.errors import DeclarationError
from spikesim.models.emstdp import Emstdp, build, encoder, training
from spikesim.network import Network, Readout
from spikesim.neurons import IF, ErrorIF, Source, Target
from spikesim.spikes import from_raster
from spikesim.synapses import Dense, OneToOne, Transpose
from spikesim.training.train import train
from spikesim.window import Window

pytestmark = pytest.mark.core
NOT_COMPILED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
ENGINES = (Naive, Stepped, Windowed)
CONFIG = Emstdp(sizes=(6, 9, 5, 3), T=20, beta_error=0.05, beta_hidden=0.1, eta=0.5, gate=True)
LABELS = np.arange(12) % 3
X = np.random.default_rng(3).random((12, 6)).astype(np.float32)


def played(config: Emstdp, kind: Any, **options: Any) -> tuple[Any, Any]:
    network = build(config, seed=2)
    given = encoder(config).encode(X, np.arange(12), config.T // 2 if config.replay else config.T, 1)
    running = kind(network)
    names = [name for name in network.populations if name != "in"]
    return running.run({"in": given}, LABELS, names, True, **options), running.masters


def test_a_gate_with_an_upper_end_by_hand() -> None:
    # Three hidden neurons fire in 0, 2 and 4 of the 4 steps of the first phase; each error neuron gets the
    # loss of output 0: one spike a step in the second phase, one step late.
    def network(below: int | None) -> Network:
        return Network(
            {
                "in": Source(3, replay=True),
                "hid": IF(3, 1.0, 4),
                "out": IF(1, 8.0, 4),
                "target": Target(1, 1.0),
                "err_out": ErrorIF(1, 1.0, 4, active_in="second"),
                "err": ErrorIF(3, 1.0, 4, active_in="second", gate_by="hid", gate_below=below),
            },
            (
                Dense("in", "hid", np.eye(3)),
                Dense("hid", "out", np.ones((3, 1))),
                OneToOne("target", "err_out", 1.0),
                OneToOne("out", "err_out", -1.0),
                Dense("err_out", "err", Transpose("hid->out"), delay=1),
            ),
            Window.halved(8),
            Readout("out", "first"),
        )

    raster = np.zeros((1, 4, 3), np.int8)
    raster[0, :2, 1] = raster[0, :, 2] = 1
    for below, expected in ((None, [0, 3, 3]), (5, [0, 3, 3]), (4, [0, 3, 0]), (2, [0, 0, 0])):
        for kind in ENGINES:
            found = kind(network(below)).run({"in": from_raster(raster)}, np.array([0]))
            assert found.counts["hid"][0, 0].tolist() == [0, 2, 4]
            assert found.counts["err"][0, 1].tolist() == expected
    assert network(3).inference().populations["hid"].n == 3


@pytest.mark.parametrize("feedback", ["symmetric", "fa", "dfa"])
def test_the_upper_end_closes_gates_of_neurons_that_fire_in_every_step(feedback: Any) -> None:
    config = replace(CONFIG, gate_upper=True, bias=True, beta_hidden=0.02, feedback=feedback)
    found, _ = played(config, Windowed)
    full = found.counts["hid1"][:, 0] == 10
    assert full[:, :9].any() and (~full[:, :9]).any()
    assert not found.counts["err1"][:, 1][full].any()
    without, _ = played(replace(config, gate_upper=False), Windowed)
    assert without.counts["err1"][:, 1][without.counts["hid1"][:, 0] == 10].any()


def test_a_bias_is_a_neuron_that_fires_in_every_step() -> None:
    config, plain = replace(CONFIG, bias=True, clip=2.0), replace(CONFIG, clip=2.0)
    network, other = build(config, seed=2), build(plain, seed=2)
    assert [network.populations[name].n for name in ("in", "hid1", "hid2", "out")] == [7, 10, 6, 3]
    for p in other.plastic:
        w = network.weights(p.name)
        assert np.array_equal(w[: p.w.shape[0], : p.w.shape[1]], other.weights(p.name))
        assert not w[p.w.shape[0] :].any() and not w[:, p.w.shape[1] :].any()
    a, masters = played(config, Windowed)
    b, _ = played(plain, Windowed)
    assert np.array_equal(a.counts["in"][:, :, :6], b.counts["in"])
    for name, n in (("in", 6), ("hid1", 9), ("hid2", 5)):
        assert (a.counts[name][:, :, n] == 10).all()
    assert not any(a.counts[name][:, :, -1].any() for name in ("err1", "err2"))
    assert all(masters[name][-1].any() for name in masters)  # the bias has learned
    assert not any(masters[name][:, -1].any() for name in ("in->hid1", "hid1->hid2"))


@pytest.mark.parametrize("feedback", ["symmetric", "fa", "dfa"])
@pytest.mark.parametrize(
    "changes",
    [
        {"gate_upper": True},
        {"error_form": "pair", "reset": "subtract", "error_reset": "subtract", "floor": 1.0},
        {"update": "error", "gamma": 0.0, "decay": 2.0**-10 / 5, "gate_upper": True, "coding": "regular"},
        {"replay": False, "reset_at_split": False, "forward_delay": 2, "gate": False, "coding": "shared"},
    ],
)
def test_engines_agree(feedback: Any, changes: dict[str, Any]) -> None:
    config = replace(CONFIG, bias=True, feedback=feedback, **changes)
    (truth, weights), *others = (played(config, kind) for kind in ENGINES)
    for found, masters in others:
        assert all(np.array_equal(found.counts[name], h) for name, h in truth.counts.items())
        assert all(np.array_equal(found.v[name], v) for name, v in truth.v.items())
        assert all(np.array_equal(masters[name], m) for name, m in weights.items())


def test_a_network_with_everything_learns_digits_and_is_evaluated() -> None:
    config = Emstdp(
        sizes=(64, 40, 10),
        gate=True,
        gate_upper=True,
        bias=True,
        decay=1e-5,
        reset="subtract",
        error_reset="subtract",
        update="error",
        gamma=0.0,
        eta=0.2,
        schedule="linear",
        dropout_in=0.02,
        dropout=0.02,
    )
    data, steps = datasets.digits(), replace(training(config, 5), split="fit")
    if NOT_COMPILED:  # the same code on few samples, which cannot learn the digits
        steps = replace(steps, epochs=1, samples=30)
        data = replace(data, validation_rows=data.validation_rows[:30], fit_rows=np.arange(200, 260))
    run = train(build(config), data, encoder(config), steps)
    assert NOT_COMPILED or run.metrics[-1]["validation_accuracy"] > 0.8
    assert run.trained().inference().populations["in"].n == 65


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: replace(CONFIG, gate=False, gate_upper=True), "gate_upper .* needs gate = True"),
        (lambda: replace(CONFIG, bias=True, coding="recorded"), "bias = True with coding = 'recorded'"),
        (lambda: ErrorIF(3, 1.0, gate_by="a", gate_below=1), "gate_below = 1; a whole number of spikes >= 2"),
        (lambda: ErrorIF(3, 1.0, gate_below=4), "gate_below = 4 is the upper end .* gate_by is None"),
    ],
)
def test_what_is_refused(wrong: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        wrong()
