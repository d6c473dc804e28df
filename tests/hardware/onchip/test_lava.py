"""Lava trains what the twin trains, bit for bit, and leaves no process behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onchip_nets
import pytest

from spikesim.errors import DataError
from spikesim.hardware.onchip import graph
from spikesim.hardware.onchip.compare import compare_learning
from spikesim.hardware.onchip.lava import train_in_lava

lava = pytest.importorskip("lava.magma", reason="needs the extra lava, on Python 3.10")

CASES: list[Any] = [
    ("float", {"feedback": "fa"}),
    ("fixed", {"feedback": "symmetric"}),
    pytest.param("float", {"feedback": "symmetric", "h_pre": "all"}, marks=pytest.mark.slow),
    pytest.param("fixed", {"feedback": "fa", "h_pre": "all"}, marks=pytest.mark.slow),
    pytest.param("float", {"feedback": "fa", "sizes": (10, 8, 6, 4)}, marks=pytest.mark.slow),
    pytest.param("fixed", {"feedback": "dfa", "sizes": (10, 8, 6, 4), "gate": True}, marks=pytest.mark.slow),
]


def children() -> list[Any]:
    return [child for child in multiprocessing.active_children() if child.name.startswith("SystemProcess")]


@pytest.mark.parametrize(("arithmetic", "changes"), CASES)
def test_weights_are_equal_after_training(arithmetic: Any, changes: Any) -> None:
    one = onchip_nets.small(arithmetic, **changes)
    spikes, labels = onchip_nets.trials(one, 12)
    verdict = compare_learning(one, spikes, labels)
    assert verdict.equal, str(verdict)
    assert verdict.weights == sum(layer.w.size for layer in one.layers)
    assert verdict.changed > 10
    assert verdict.error_spikes > 50
    assert not children()


def test_the_first_difference_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    one = onchip_nets.small("float")
    spikes, labels = onchip_nets.trials(one, 4)
    honest = graph.rule
    monkeypatch.setattr(graph, "rule", lambda a, b: (honest(a, b)[0].replace("u1*x1*y2", "u1*x1*y1"), 1))
    verdict = compare_learning(one, spikes, labels)
    assert not verdict.equal
    assert "trial 1" in str(verdict)
    assert verdict.weights_differ > 0


def test_bad_labels_start_no_process() -> None:
    one = onchip_nets.small("float")
    spikes, _ = onchip_nets.trials(one, 2)
    with pytest.raises(DataError, match="label 7 of trial 1"):
        train_in_lava(one, spikes, np.array([0, 7]))
    assert not children()


LONG = """
import onchip_nets
from spikesim.hardware.onchip.lava import train_in_lava
one = onchip_nets.small()
train_in_lava(one, *onchip_nets.trials(one, 500), {construction!r})
"""


def group(number: int) -> set[int]:
    """The living processes of a process group."""
    found = set()
    for name in os.listdir("/proc"):
        try:
            stat = Path(f"/proc/{name}/stat").read_text() if name.isdigit() else ""
        except OSError:
            continue
        state = stat.rpartition(")")[2].split()
        if state and int(state[2]) == number and state[0] != "Z":
            found.add(int(name))
    return found


def wait_for(condition: Any, seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc; the kernel's signal is Linux's")
@pytest.mark.parametrize(
    ("number", "construction"),
    [
        (signal.SIGKILL, "host"),
        (signal.SIGINT, "host"),
        (signal.SIGTERM, "host"),
        (signal.SIGKILL, "device"),
        (signal.SIGINT, "device"),
    ],
)
def test_no_process_outlives_its_parent(number: signal.Signals, construction: str) -> None:
    place = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    segments = set(os.listdir("/dev/shm"))
    parent = subprocess.Popen(
        [sys.executable, "-c", LONG.format(construction=construction)],
        env=place, start_new_session=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert wait_for(lambda: len(group(parent.pid)) > 19), "Lava did not start"
        time.sleep(0.5)
        parent.send_signal(number)
        parent.wait(30)
        assert wait_for(lambda: not group(parent.pid), 20), group(parent.pid)
        assert wait_for(lambda: not set(os.listdir("/dev/shm")) - segments, 20)
    finally:
        for left in group(parent.pid):
            os.kill(left, signal.SIGKILL)
        parent.wait()
