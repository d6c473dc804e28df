"""The objects of a Brian2 network: which are read, their order and step, and what changes in a run."""

from __future__ import annotations

from typing import Any

import pytest

from spikesim.backends.brian2.reading.objects import (
    changing,
    check_group,
    check_when,
    listed,
    step_length,
    synapses_before_resets,
)
from spikesim.errors import DeclarationError

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]


def cells(name: str = "cells", **options: Any) -> Any:
    settings = {"threshold": "v > 1", "reset": "v = 0; x += 1"} | options
    return b2.NeuronGroup(2, "dv/dt = -v/ms : 1\nx : 1\ny : 1", name=name, **settings)


def test_monitors_are_left_out_and_names_sorted() -> None:
    a, b = cells("b"), cells("a")
    assert [thing.name for thing in listed(b2, [a, b2.SpikeMonitor(a), b])] == ["a", "b"]
    assert listed(b2, b2.Network(a, b2.StateMonitor(a, "v", record=True))) == [a]
    for make, said in (
        (lambda: [a[:1]], "give the whole group"),
        (lambda: ["text"], "a str is not supported"),
        (lambda: "text", "a Brian2 Network, or a list"),
    ):
        with pytest.raises(DeclarationError, match=said):
            listed(b2, make())
    a.active = False
    with pytest.raises(DeclarationError, match="an inactive NeuronGroup"):
        listed(b2, [a])


def test_order_and_step() -> None:
    network = b2.Network(cells())
    assert synapses_before_resets(b2, network) and synapses_before_resets(b2, [])
    network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    assert not synapses_before_resets(b2, network)
    assert step_length([cells("c", dt=0.2 * b2.ms)]) == pytest.approx(2e-4)
    with pytest.raises(DeclarationError, match="one dt for all groups"):
        step_length([cells("d", dt=0.2 * b2.ms), cells("e")])
    with pytest.raises(DeclarationError, match="no objects"):
        step_length([])


def test_parts_of_groups() -> None:
    group = cells(refractory=2 * b2.ms)
    check_group(group)
    check_when(group, group.thresholder["spike"], "thresholds")
    group.run_regularly("y = 1")
    with pytest.raises(DeclarationError, match=r"cells: cells_run_regularly .*'y = 1' is not supported"):
        check_group(group)
    with pytest.raises(DeclarationError, match="in the slot"):
        check_when(group, group.thresholder["spike"], "start")


def test_what_changes_in_a_run() -> None:
    group = cells()
    synapses = b2.Synapses(group, group, "w : 1", on_pre="y_post += w; w *= 2", name="s")
    noise = b2.PoissonInput(group, "x", 2, 3 * b2.Hz, 1)
    moving, written = changing(b2, [group, synapses, noise])
    assert written == {("cells", "y"), ("cells", "x"), ("s", "w")}
    assert moving - written == {
        ("cells", name) for name in ("v", "t", "t_in_timesteps", "lastspike", "not_refractory")
    }
