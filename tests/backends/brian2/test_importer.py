"""Brian2's own networks, read: they spike here as they spike there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from spikesim.backends.brian2.backend import Brian2
from spikesim.backends.brian2.importer import from_brian2, read_brian2
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
    assert from_brian2([cells, given]).populations["cells"].loses_input  # before it runs
    read = both(parts, schedule=order)
    assert not read.populations["cells"].loses_input


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


def _summed() -> list[Any]:
    cells = b2.NeuronGroup(2, "dv/dt = (x - v)/ms : 1\nx : 1", threshold="v > 1", reset="v = 0")
    synapses = b2.Synapses(cells, cells, "x_post = v_pre - v_post : 1 (summed)")
    synapses.connect()
    return [cells, synapses]


def _event() -> list[Any]:
    cells = b2.NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0", events={"low": "v < -1"})
    return [cells]


def _onto_spikes() -> list[Any]:
    given = generator(2, 1)
    synapses = b2.Synapses(given, given, "w : 1", on_pre="w += 1")
    synapses.connect()
    return [given, synapses]


REFUSED = [
    (
        lambda: [b2.NeuronGroup(2, "dv/dt = v**2/ms : 1", threshold="v>1", reset="v=0", method="euler")],
        r"v\*\*2 in 'dv/dt = v\*\*2/ms' is not supported; .* linear in the variables",
    ),
    (lambda: [leaky(2, method="no_such")], "method='no_such'"),
    (lambda: [leaky(2, threshold="abs(v) > th")], r"Abs\(v\) in"),
    (lambda: [leaky(2, reset="v = v_rest + rand()*mV")], r"rand\(\)"),
    (lambda: [leaky(2, refractory="v > th")], "refractory condition"),
    (lambda: [leaky(2, namespace={"tau": 1 * ms, "v_rest": 0 * mV})], "'th' in 'v > th', which has no value"),
    (lambda: _synapses(on_pre="I_pre += 1*mV"), "I_pre"),
    (lambda: _synapses(on_pre="v_post += 0.1*v_post"), "not a constant of the object"),
    (lambda: _synapses(on_pre="v_post = 3*mV"), r"use statements X_post \+= w"),
    (lambda: _synapses(on_pre="v_post += 1*mV", on_post="v_post += 1*mV"), "on_post"),
    (lambda: _synapses(on_pre="v_post += rand()*mV"), "the function rand"),
    (
        lambda: _synapses(model="dx/dt = (1 - x)/ms : 1 (event-driven)", on_pre="v_post += 1*mV"),
        "use constant weights",
    ),
    (_summed, "the summed variable x_post = v_pre - v_post"),
    (_event, "the event 'low', v < -1"),
    (_onto_spikes, "one on_pre and one on_post are read"),
    (lambda: _with(b2.PoissonGroup(2, rates="10*Hz")), "rates='10"),
    (lambda: _with(b2.NetworkOperation(lambda: None)), "a NetworkOperation .* Python code that runs"),
    (lambda: [b2.PoissonInput(leaky(2), "v", 5, 10 * Hz, 1 * mV)], "not among the objects"),
    (lambda: _with(b2.PoissonGroup(2, rates=10 * Hz, dt=1 * ms)), "one dt for all"),
    (lambda: _with(b2.Synapses(generator(1, 1), leaky(2), on_pre="v += 1*mV")), "call connect"),
    (_run_regularly, "run_regularly.*'v \\+= 1"),
    (_moved, "in the slot 'end'"),
    (lambda: _synapses(on_pre="v_post += 1*mV")[1:], "not among the objects"),
    (list, "no objects"),
    (lambda: 3, "a Brian2 Network, or a list"),
]


SYNAPTIC = """
dv/dt = (v_rest - v + I + ge + gi)/tau : volt (unless refractory)
dge/dt = -ge/(5*ms) : volt
dgi/dt = -gi/(12*ms) : volt
I : volt (constant)
"""
ADAPTIVE = """
dv/dt = (v_rest - v + I + x - ad)/tau : volt
dx/dt = (y - x)/(2*ms) : volt
dy/dt = -y/(2*ms) : volt
dad/dt = -ad/(60*ms) : volt
dvt/dt = (th - vt)/(20*ms) : volt
I : volt (constant)
"""


def several(equations: str, **options: Any) -> Any:
    """Neurons of several variables; each with a current of its own."""
    group = b2.NeuronGroup(20, equations, **({"name": "cells", "namespace": dict(NAMES)} | options))
    group.I = np.linspace(17, 30, 20) * mV
    group.v = np.linspace(-70, -52, 20) * mV
    return group


def onto(pre: Any, post: Any, seed: int, low: float, high: float, variable: str) -> Any:
    """Random synapses onto a variable, with delays of their own."""
    synapses = wired(pre, post, seed, low, high, f"{pre.name}_{variable}")
    made = b2.Synapses(pre, post, "w : volt", on_pre=f"{variable}_post += w", name=f"onto_{variable}_{seed}")
    made.connect(i=np.asarray(synapses.i), j=np.asarray(synapses.j))
    made.w, made.delay = synapses.w[:], synapses.delay[:]
    return made


@pytest.mark.parametrize("method", ["exact", "euler", "exponential_euler"])
@pytest.mark.parametrize("order", [None, ["start", "groups", "thresholds", "resets", "synapses", "end"]])
def test_two_synaptic_currents(method: str, order: Any) -> None:
    refractory = "(1 + 0.1*i)*ms"
    cells = several(SYNAPTIC, threshold="v > th", reset="v = -65*mV", refractory=refractory, method=method)
    given = generator(12, 8)
    parts = [cells, given, onto(given, cells, 2, 0, 6, "ge"), onto(cells, cells, 3, -4, 1, "gi")]
    read = both([*parts, onto(given, cells, 4, 0, 2, "v")], schedule=order)
    assert read.populations["cells"].variables == ("v", "ge", "gi")


def test_alpha_synapses_and_adaptation() -> None:
    reset = "v = -65*mV; ad += 1*mV; vt += 2*mV"
    cells = several(ADAPTIVE, threshold="v > vt", reset=reset, method="exact")
    cells.vt = -50 * mV
    given = generator(12, 8)
    read = both([cells, given, onto(given, cells, 2, 0, 30, "y"), onto(cells, cells, 3, -2, 1, "v")])
    assert set(read.populations["cells"].variables) == {"v", "x", "y", "ad", "vt"}


def test_currents_from_a_table() -> None:
    wave = b2.TimedArray((6 + np.sin(np.arange(90) / 9) * 6) * mV, dt=0.7 * ms)
    each = b2.TimedArray(np.random.default_rng(1).uniform(-3, 3, (30, 20)) * mV, dt=0.25 * ms)
    equations = "dv/dt = (v_rest - v + I + 0.7*wave(t) + each(t, i))/tau : volt (unless refractory)\n"
    cells = several(
        equations + "I : volt (constant)",
        threshold="v > th",
        reset="v = -65*mV",
        refractory=1 * ms,
        method="euler",
        namespace={**NAMES, "wave": wave, "each": each},
    )
    read = both([cells, generator(12, 8)])
    assert {drive.hold for drive in read.drives} == {7, 1}


def test_a_group_that_never_fires_is_read() -> None:
    cells = b2.NeuronGroup(2, "dv/dt = (3 - v)/(10*ms) : 1", method="exact", name="cells")
    found = simulate(from_brian2([cells]), steps=50, record="cells")
    assert not len(found.spikes["cells"].times)
    np.testing.assert_allclose(found.v["cells"][0, :, 0], 3 * (1 - np.exp(-np.arange(1, 51) * 0.01)))


def test_names_of_the_caller_and_notes() -> None:
    level = 0.3
    given, cells = (
        generator(3, 1),
        b2.NeuronGroup(3, "v : 1\nc : 1", threshold="v > 1", reset="v = 0; c += 1"),
    )
    synapses = b2.Synapses(given, cells, on_pre="v += level; c += 1", name="s")
    synapses.connect()
    noise = b2.PoissonGroup(2, 10 * Hz, name="noise")
    parts = [given, cells, synapses, noise]
    assert from_brian2(parts).named["s"].w.tolist() == [level] * 9
    found = read_brian2(parts)
    assert found.dt == 1e-4 and found.network.named["s"].n_synapses == 9
    assert any(
        "noise: its random numbers are those of a seeded PoissonSource" in note for note in found.notes
    )
    assert any(note.startswith("s: c of") and "does not influence its spikes" in note for note in found.notes)


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
