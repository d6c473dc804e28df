"""Units that Brian2 refuses when a network runs are refused when it is read; so are parts that are off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

b2 = pytest.importorskip("brian2")

import spikesim as ss  # noqa: E402
from spikesim.backends.brian2.importer import from_brian2  # noqa: E402
from spikesim.backends.brian2.reading import units  # noqa: E402
from spikesim.errors import DeclarationError  # noqa: E402

pytestmark = pytest.mark.brian2
ms, volt, mV = b2.ms, b2.volt, b2.mV


def group(**changes: Any) -> Any:
    given = {"threshold": "v > 1", "reset": "v = 0", "method": "exact"} | changes
    made = b2.NeuronGroup(4, "dv/dt = (I - v)/(5*ms) : 1\nI : 1", **given)
    made.I = "1.5 + 0.3*i"
    return made


def in_volts(**changes: Any) -> Any:
    given = {"threshold": "v > -50*mV", "reset": "v = -65*mV", "method": "exact"} | changes
    return b2.NeuronGroup(1, "dv/dt = -v/(5*ms) : volt\nk : 1\nref : second", **given)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threshold": "v > -50"}, "'v > -50', whose units do not fit"),
        ({"reset": "v = -65"}, "'v = -65', whose units do not fit"),
        ({"refractory": "k"}, "'k', which is no time"),
        ({"refractory": "ref/ms"}, "'ref/ms', which is no time"),
    ],
)
def test_units_of_a_group(changes: dict[str, str], said: str) -> None:
    assert in_volts(refractory="ref") is not None
    from_brian2([in_volts(refractory="ref")])
    with pytest.raises(DeclarationError, match=said):
        from_brian2([in_volts(**changes)])
    assert units.check_time is not None


def test_units_of_synapses() -> None:
    made = group()
    synapses = b2.Synapses(made, made, "w : volt", on_pre="v_post += w")
    synapses.connect()
    with pytest.raises(DeclarationError, match=r"'v_post \+= w', whose units do not fit"):
        from_brian2([made, synapses])


def test_a_boolean_parameter_is_no_refractory_time() -> None:
    made = b2.NeuronGroup(
        2, "dv/dt = -v/(5*ms) : 1\nb : boolean", threshold="v > 1", refractory="b", method="exact"
    )
    with pytest.raises(DeclarationError, match="the refractory condition 'b'"):
        from_brian2([made])


@pytest.mark.parametrize("part", ["state_updater", "thresholder", "resetter", "pathway"])
def test_parts_that_are_switched_off(part: str) -> None:
    made = group()
    synapses = b2.Synapses(made, made, on_pre="v_post += 0.1")
    synapses.connect()
    found = {
        "state_updater": made.state_updater,
        "thresholder": made.thresholder["spike"],
        "resetter": made.resetter["spike"],
        "pathway": synapses.pre,
    }[part]
    found.active = False
    with pytest.raises(DeclarationError, match="which is inactive"):
        from_brian2([made, synapses])


def test_objects_that_have_been_simulated_are_refused_in_a_list_too() -> None:
    made = group()
    b2.Network(made).run(3 * ms)
    with pytest.raises(DeclarationError, match=r"has been simulated, up to 0\.00\d+ s by its clock"):
        from_brian2([made])
    from_brian2([group()])  # a new object, on a clock that has gone on


def test_a_list_has_the_schedule_of_the_magic_network() -> None:
    made = group()
    synapses = b2.Synapses(made, made, on_pre="v_post += 0.2")
    synapses.connect()
    before = b2.magic_network.schedule
    try:
        b2.magic_network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
        other = from_brian2([made, synapses])
    finally:
        b2.magic_network.schedule = before
    net = b2.Network(made, synapses)
    net.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    record = b2.SpikeMonitor(made)
    net.add(record)
    found = ss.simulate(other, steps=300, record=[made.name]).spikes[made.name]
    net.run(30 * ms)
    mine = np.zeros((300, 4), int)
    mine[np.round(np.asarray(record.t / b2.second) / 1e-4).astype(int), np.asarray(record.i)] = 1
    assert mine.sum() > 50
    assert np.array_equal(found.raster(), mine)


def test_thresholds_on_either_side_and_three_statements() -> None:
    raster = []
    for threshold in ("v > 1", "-v < -1", "1 - v < 0", "0 > 1 - v"):
        made = group(threshold=threshold, name="same")
        raster.append(ss.simulate(from_brian2([made]), steps=300, record=["same"]).spikes["same"].raster())
    assert raster[0].sum() > 10
    assert all(np.array_equal(raster[0], other) for other in raster[1:])
    made = group()
    synapses = b2.Synapses(made, made, on_pre="v_post += 0.1\nv_post += 0.03\nv_post += 0.02*i")
    synapses.connect()
    assert len(from_brian2([made, synapses]).projections) == 3


def test_stdp_with_its_pathways_in_another_order() -> None:
    made = group()
    synapses = b2.Synapses(
        made,
        made,
        "w : 1\nda/dt = -a/(20*ms) : 1 (event-driven)\ndb/dt = -b/(20*ms) : 1 (event-driven)",
        on_pre="v_post += w\na += 0.1\nw = clip(w + b, 0, 1)",
        on_post="b -= 0.11\nw = clip(w + a, 0, 1)",
    )
    synapses.connect()
    from_brian2([made, synapses])
    synapses.pre.order = 5
    with pytest.raises(DeclarationError, match="another order than Brian2's own"):
        from_brian2([made, synapses])
