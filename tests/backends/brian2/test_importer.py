"""Brian2's own networks, read: they spike here as they spike there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from spikesim.backends.brian2.backend import Brian2
from spikesim.backends.brian2.importer import from_brian2
from spikesim.engines import simulate
from spikesim.errors import DeclarationError
from spikesim.network import Network
from spikesim.network.file import load_network, save_network

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]

ms, mV, Hz = b2.ms, b2.mV, b2.Hz
LEAKY = "dv/dt = (v_rest - v + I)/tau : volt"
NAMES = {"tau": 10 * ms, "v_rest": -70 * mV, "th": -50 * mV}


@pytest.fixture(autouse=True, scope="module")
def _numpy() -> Iterator[None]:
    """Brian2's own runs without compiling."""
    before, b2.prefs["codegen.target"] = b2.prefs["codegen.target"], "numpy"
    yield
    b2.prefs["codegen.target"] = before


def generator(n: int, seed: int, steps: int = 300, rate: float = 0.05, period: Any = 0 * ms) -> Any:
    """Random spikes."""
    times, neurons = np.nonzero(np.random.default_rng(seed).random((steps, n)) < rate)
    return b2.SpikeGeneratorGroup(n, neurons, times * 0.1 * ms, period=period, name="given")


def leaky(n: int, flag: str = "", **options: Any) -> Any:
    """Brian2's usual neuron, with a current of its own each; below its threshold without input."""
    settings = {
        "threshold": "v > th",
        "reset": "v = -65*mV",
        "method": "exact",
        "namespace": dict(NAMES),
        "name": "cells",
    }
    group = b2.NeuronGroup(n, f"{LEAKY}{flag}\nI : volt (constant)", **(settings | options))
    group.I = np.linspace(15, 19.5, n) * mV
    group.v = np.linspace(-70, -52, n) * mV
    return group


def wired(pre: Any, post: Any, seed: int, low: float, high: float, name: str, delay: Any = None) -> Any:
    """Random synapses with weights and delays of their own."""
    draw = np.random.default_rng(seed)
    i, j = np.nonzero(draw.random((len(pre), len(post))) < 0.4)
    synapses = b2.Synapses(pre, post, "w : volt", on_pre="v_post += w", name=name)
    synapses.connect(i=i, j=j)
    synapses.w = draw.uniform(low, high, len(i)) * mV
    synapses.delay = draw.integers(0, 30, len(i)) * 0.1 * ms if delay is None else delay
    return synapses


def both(parts: list[Any], steps: int = 600, schedule: Any = None) -> Network:
    """Brian2's own run and the read network's have the same spikes, and membranes but for rounding."""
    net = b2.Network(*parts)
    if schedule:
        net.schedule = schedule
    read = from_brian2(net)
    cells = next(part for part in parts if isinstance(part, b2.NeuronGroup))
    seen, v = b2.SpikeMonitor(cells), b2.StateMonitor(cells, "v", record=True, when="start")
    net.add(seen, v)
    found = simulate(read, steps=steps, record="cells")
    net.run(steps * 0.1 * ms)
    raster = np.zeros((steps, len(cells)), np.int8)
    np.add.at(raster, (np.rint(np.asarray(seen.t / (0.1 * ms))).astype(int), np.asarray(seen.i)), 1)
    np.testing.assert_array_equal(found.spikes["cells"].raster(), raster)
    assert raster.sum() > 100
    # Brian2's membrane at the start of a step holds what arrived in the step before, ours does not yet.
    arrived = np.asarray(v.v / b2.volt).T[1:] - found.v["cells"][0, :-1]
    assert (np.abs(arrived) < 1e-12).mean() > 0.3
    assert simulate(read, steps=steps, record="cells", engine="naive").spikes == found.spikes
    return read


@pytest.mark.parametrize("flag", ["", " (unless refractory)"])
@pytest.mark.parametrize("refractory", [False, 0.1 * ms, 1 * ms, "tau/20"])
def test_leaky_neurons_recurrent_with_delays(flag: str, refractory: Any) -> None:
    if flag and refractory is False:
        flag = ""  # Brian2 warns of a flag that means nothing
    cells, given = leaky(20, flag, refractory=refractory), generator(12, 1)
    recurrent = wired(cells, cells, 3, -2, 2, "recurrent")
    both([cells, given, wired(given, cells, 2, 0, 6, "input"), recurrent])


@pytest.mark.parametrize(
    "options",
    [
        {"reset": "v -= 12*mV"},
        {"reset": "v = v - 3*mV", "refractory": 2 * ms},
        {"reset": "", "refractory": 2 * ms},
        {"method": "euler", "threshold": "v >= th"},
        {"method": "linear", "threshold": "-50*mV < v", "reset": "v = v_rest + 3*mV"},
    ],
)
def test_resets_thresholds_and_methods(options: Any) -> None:
    cells, given = leaky(20, **options), generator(12, 4, period=20 * ms, steps=200)
    parts = [cells, given, wired(given, cells, 2, 0, 6, "input", 0.5 * ms)]
    both([*parts, wired(cells, cells, 5, -2, 2, "recurrent", 0 * ms)])


def test_resets_before_synapses() -> None:
    cells, given = leaky(20), generator(12, 6)
    parts = [cells, given, wired(given, cells, 2, 0, 6, "input"), wired(cells, cells, 5, -2, 2, "recurrent")]
    order = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    read = both(parts, schedule=order)
    assert not read.populations["cells"].loses_input
    assert from_brian2([cells, given]).populations["cells"].loses_input


def test_neurons_without_an_equation_and_subgroups() -> None:
    cells = b2.NeuronGroup(10, "v : 1", threshold="v > 1", reset="v = 0", name="cells")
    given = generator(12, 7, rate=0.1)
    there = b2.Synapses(given, cells[4:], on_pre="v += 0.3*scale", name="there", namespace={"scale": 1.1})
    there.connect()
    back = b2.Synapses(cells[4:], cells[:4], on_pre="v_post -= -0.4", delay=0.3 * ms, name="back")
    back.connect(p=1)
    read = both([cells, given, there, back])
    assert read.named["there"].n_synapses == 12 * 6 and read.named["back"].delay == 4
    assert np.unique(read.named["there"].indices).tolist() == [4, 5, 6, 7, 8, 9]


def test_read_networks_run_on_every_engine_and_in_files(tmp_path: Any) -> None:
    cells = leaky(8, " (unless refractory)", refractory=1 * ms)
    noise = b2.PoissonGroup(10, rates=np.linspace(100, 900, 10) * Hz, name="noise")
    read = from_brian2(
        [cells, noise, wired(noise, cells, 1, 0, 8, "input"), wired(cells, cells, 2, -2, 2, "r")]
    )
    assert read.populations["noise"].rate == pytest.approx(np.linspace(0.01, 0.09, 10))
    expected = simulate(read, steps=200, record="cells")
    found = Brian2(read).advance(200, {}, {}, ("cells",))
    assert found.spikes == expected.spikes and len(expected.spikes["cells"].times) > 30
    np.testing.assert_allclose(found.v["cells"], expected.v["cells"], rtol=0, atol=1e-13)
    save_network(read, tmp_path / "read.h5")
    again = simulate(load_network(tmp_path / "read.h5"), steps=200, record="cells")
    assert again.spikes == expected.spikes


def _synapses(**options: Any) -> list[Any]:
    cells, given = leaky(2), generator(2, 1)
    synapses = b2.Synapses(given, cells, **options)
    synapses.connect()
    return [cells, given, synapses]


def _with(thing: Any) -> list[Any]:
    return [leaky(2), thing]


def _run_regularly() -> list[Any]:
    cells = leaky(2)
    cells.run_regularly("v += 1*mV")
    return [cells]


def _moved() -> list[Any]:
    cells = leaky(2)
    cells.thresholder["spike"].when = "end"
    return [cells]


TWO = "dv/dt = (g - v)/tau : volt\ndg/dt = -g/tau : volt"
REFUSED = [
    (
        lambda: [b2.NeuronGroup(2, TWO, threshold="v>th", reset="v=0*mV", namespace=NAMES)],
        "second differential",
    ),
    (
        lambda: [b2.NeuronGroup(2, "dv/dt = v**2/ms : 1", threshold="v>1", reset="v=0", method="euler")],
        r"dv/dt = v\*\*2/ms is not supported; .* linear in v is needed",
    ),
    (lambda: [leaky(2, method="rk4")], "method='rk4'"),
    (lambda: [leaky(2, threshold="v > th + I")], "differs from neuron to neuron"),
    (lambda: [leaky(2, threshold="abs(v) > th")], "the threshold"),
    (lambda: [leaky(2, reset="v = v_rest; I = 0*mV")], "use one statement"),
    (lambda: [leaky(2, reset="v = v_rest + rand()*mV")], r"rand\(\)"),
    (lambda: [leaky(2, refractory="v > th")], "refractory condition"),
    (lambda: [leaky(2, namespace={"tau": 1 * ms, "v_rest": 0 * mV})], "'th' in 'v > th', which has no value"),
    (lambda: _synapses(on_pre="v_post += 1*mV\nv_post += 1*mV"), "use one statement: v_post"),
    (lambda: _synapses(on_pre="I_post += 1*mV"), "on_pre"),
    (lambda: _synapses(on_pre="v_post += 0.1*v_post"), "not a constant of the object"),
    (lambda: _synapses(on_pre="v_post += 1*mV", on_post="v_post += 1*mV"), "on_post"),
    (
        lambda: _synapses(model="dx/dt = -x/ms : 1 (event-driven)", on_pre="v_post += 1*mV"),
        "use constant weights",
    ),
    (lambda: _with(b2.PoissonGroup(2, rates="10*Hz")), "rates='10"),
    (lambda: _with(b2.NetworkOperation(lambda: None)), "a NetworkOperation .* Python code that runs"),
    (lambda: _with(b2.NeuronGroup(2, "v : 1")), "without a threshold"),
    (lambda: _with(b2.PoissonInput(leaky(2), "v", 5, 10 * Hz, 1 * mV)), "use a PoissonGroup with Synapses"),
    (lambda: _with(b2.PoissonGroup(2, rates=10 * Hz, dt=1 * ms)), "one dt for all"),
    (_run_regularly, "run_regularly"),
    (_moved, "in the slot 'end'"),
    (lambda: _synapses(on_pre="v_post += 1*mV")[1:], "not among the objects"),
]


@pytest.mark.parametrize(("make", "said"), REFUSED)
def test_what_is_outside_of_the_subset_is_refused_by_name(make: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        from_brian2(make())


def test_a_network_that_has_run_or_is_ordered_otherwise_is_refused() -> None:
    net = b2.Network(leaky(2))
    net.schedule = ["start", "synapses", "groups", "thresholds", "resets", "end"]
    with pytest.raises(DeclarationError, match="the schedule"):
        from_brian2(net)
    net.schedule = None
    net.run(1 * ms)
    with pytest.raises(DeclarationError, match="has run for 1"):
        from_brian2(net)
