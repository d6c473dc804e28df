"""A learner without the host: many trials in one run, equal to the twin, and no process left behind."""

from __future__ import annotations

import multiprocessing
from typing import Any

import numpy as np
import onchip_nets
import pytest

from spikesim.errors import DeclarationError, EngineError
from spikesim.hardware.onchip.compare import compare_learning
from spikesim.hardware.onchip.device import check_no_host, train_on_device
from spikesim.hardware.onchip.host import train_with_host
from spikesim.hardware.onchip.lava import train_in_lava
from spikesim.hardware.onchip.learnt_in_lava import INPUT, Counts
from spikesim.hardware.onchip.twin import Twin

DEEP: Any = {"sizes": (10, 8, 6, 4)}
CASES: list[Any] = [
    ("float", "spikes", {"feedback": "fa"}),
    ("fixed", "bias", {"feedback": "fa", "gate": True}),
    pytest.param("float", "bias", {"feedback": "dfa", "h_pre": "all", **DEEP}, marks=pytest.mark.slow),
    pytest.param("fixed", "spikes", {"feedback": "dfa", "gate": True, **DEEP}, marks=pytest.mark.slow),
]


def children() -> list[Any]:
    return [child for child in multiprocessing.active_children() if child.name.startswith("SystemProcess")]


def needs_lava() -> None:
    pytest.importorskip("lava.magma", reason="needs the extra lava, on Python 3.10")


@pytest.mark.parametrize(("arithmetic", "inputs", "changes"), CASES)
def test_weights_are_equal_after_one_run(arithmetic: Any, inputs: str, changes: Any) -> None:
    needs_lava()
    one = onchip_nets.small(arithmetic, **changes)
    given, labels = (onchip_nets.biases if inputs == "bias" else onchip_nets.trials)(one, 12)
    verdict = compare_learning(one, given, labels, "device")
    assert verdict.equal, str(verdict)
    assert verdict.changed > 10
    assert verdict.error_spikes > 50
    assert (verdict.construction, verdict.inputs) == ("device", inputs)
    assert "without the host" in str(verdict)
    assert verdict.counts == 24 * sum(one.sizes[inputs == "spikes" :])
    assert not children()


def test_the_host_writes_biases() -> None:
    needs_lava()
    one = onchip_nets.small("fixed")
    given, labels = onchip_nets.biases(one, 4)
    verdict = compare_learning(one, given, labels, "host")
    assert verdict.equal, str(verdict)
    assert verdict.inputs == "bias"
    assert train_with_host is not train_on_device


def test_traces_that_are_not_cleared_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_lava()
    from spikesim.hardware.onchip.processes import learning

    one = onchip_nets.small("float")
    given, labels = onchip_nets.trials(one, 4)
    monkeypatch.setattr(learning, "clear", lambda model: None)
    verdict = compare_learning(one, given, labels, "device")
    assert not verdict.equal
    assert verdict.weights_differ > 0


def test_sources_and_counters_by_hand() -> None:
    needs_lava()
    from spikesim.hardware.lava.session import Session
    from spikesim.hardware.onchip.processes.counter import PhaseCounter
    from spikesim.hardware.onchip.processes.sources import Teacher, TrialBiases, TrialSpikes

    events = {"times": np.array([0, 2, 1]), "neurons": np.array([1, 0, 1]), "offsets": np.array([0, 2, 3])}
    train = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 1]])
    sources = [
        TrialSpikes(**events, n=2, half=3),
        TrialBiases(biases=np.array([[5, 3], [0, 2]]), theta=5, half=3, active=2),
        Teacher(labels=np.array([1, 0]), train=train, n_out=2),
    ]
    wanted = (
        [[1, 1], [1, 1], [0, 1], [0, 1]],
        [[2, 1], [2, 1], [0, 0], [0, 0]],
        [[0, 2, 1], [0, 0, 2], [2, 0, 1], [0, 0, 2]],
    )
    for source, rows in zip(sources, wanted, strict=True):
        with Session() as session:
            counter = PhaseCounter(n=len(rows[0]), phases=4, half=3)
            source.s_out.connect(counter.s_in)
            session.start(source, "fixed_pt")
            session.run(12)
            assert counter.counts.get().tolist() == rows


def test_a_process_that_fails_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_lava()
    from spikesim.hardware.onchip.processes import sources

    honest = sources.PyTeacher.run_spk

    def fails(model: Any) -> None:
        if model.time_step == 40:
            raise ArithmeticError("the teacher is ill")
        honest(model)

    monkeypatch.setattr(sources.PyTeacher, "run_spk", fails)
    one = onchip_nets.small()
    with pytest.raises(EngineError, match=r"during the run: ArithmeticError.'the teacher is ill'"):
        train_in_lava(one, *onchip_nets.trials(one, 8), "device")
    assert not children()


def test_symmetric_feedback_needs_the_host() -> None:
    one = onchip_nets.small(feedback="symmetric")
    given, labels = onchip_nets.trials(one, 2)
    for call in (train_in_lava, compare_learning):
        with pytest.raises(EngineError, match=r"transport the weights.*Take feedback = 'fa' or 'dfa'"):
            call(one, given, labels, "device")
    check_no_host(onchip_nets.small(feedback="fa"))
    wrong: Any = "cloud"
    with pytest.raises(DeclarationError, match=r"unknown construction 'cloud'.*device"):
        train_in_lava(one, given, labels, wrong)


def test_counts_by_phase() -> None:
    one = onchip_nets.small()  # 8-10-3
    spikes, labels = onchip_nets.trials(one, 2)
    known, counted = Counts(one, spikes), Counts(one, onchip_nets.biases(one, 2)[0])
    assert (known.counts == Twin(one).train(spikes, labels).counts)[:, :, 0].all()
    sent = {("s", layer.name, 0): np.ones(layer.n) for layer in one.layers}
    errors = {("s", f"error:{layer.name}", 0): np.arange(2 * layer.n) for layer in one.layers}
    counted.add(3, {INPUT: np.full(8, 2), **sent, **errors})
    assert counted.counts[1, 1].sum(1).tolist() == [16, 10, 3]
    assert counted.errors[1].sum(1).tolist() == [0, -100, -9]
