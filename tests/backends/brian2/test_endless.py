"""Networks without presentations on Brian2: every event in its place, equal spike for spike."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest

from spikesim import grid
from spikesim.backends.brian2.backend import Brian2
from spikesim.engines.naive.engine import Naive
from spikesim.errors import DataError, EngineError
from spikesim.network import Network
from spikesim.neurons import IF, LIF, ErrorIF, PoissonSource, RegularSource, Source
from spikesim.recording import Recording
from spikesim.recording.state import same
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, CurrentInput, Dense, OneToOne, PoissonInput, Sparse
from spikesim.tools.dev import brian2_test, random_networks
from spikesim.window import Window

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]

STEPS = 40


def network(seed: int, real: bool = False) -> Network:
    """Everything that a network without presentations can hold, drawn: recurrent, with delays of 0 to 4."""
    draw = np.random.default_rng([seed, 11])
    bits = None if real else int(draw.integers(2, 8))

    def number(low: float, high: float, size: Any = None) -> Any:
        x = draw.uniform(low, high, size)
        return x if bits is None else grid.rounded(x, bits)

    def common() -> dict[str, Any]:
        return {
            "theta": float(number(0.8, 2.0)),
            "grid": bits,
            "bias": tuple(number(0, 0.3, 9).tolist()),
            "floor": [None, -float(number(0.5, 1.0))][draw.integers(2)],
            "refractory": int(draw.integers(3)),
        }

    def leaky() -> LIF:
        u, v = (draw.integers(0, 4097) / 4096, draw.integers(0, 2049) / 4096)
        reset = ["value", "subtract"][draw.integers(2)]
        return LIF(9, u_decay=u, v_decay=v, reset=reset, v_reset=float(number(-0.5, 0.5)), **common())

    def whole() -> Any:
        return leaky() if real else IF(9, reset=["zero", "subtract"][draw.integers(2)], **common())

    populations: dict[str, Any] = {
        "given": Source(9),
        "poisson": PoissonSource(9, 0.2, seed=seed + 1),
        "regular": RegularSource(9, 4, tuple(draw.integers(0, 4, 9).tolist())),
        "a": whole(),
        "b": leaky(),
        "c": whole(),
    }
    if not real:
        for form in ("ternary", "pair"):
            populations[form] = ErrorIF(9, float(number(0.5, 1.0)), bits, form)  # type: ignore[arg-type]
    names, projections = list(populations), []
    for pre, post in itertools.product(names, names[3:]):
        if draw.random() < 0.4:
            continue
        least = int(names.index(pre) >= names.index(post))
        delay, kind = int(draw.integers(least, 4)), draw.integers(4)
        if kind == 0:
            projections.append(Dense(pre, post, number(-0.5, 0.6, (9, 9)), delay))
        elif kind == 1:
            projections.append(OneToOne(pre, post, float(number(-1, 1.5)), delay))
        elif kind == 2:
            w = number(-1, 1, (1, 1, 3, 3))
            projections.append(Conv2d(pre, post, w, (1, 3, 3), padding=1, delay=delay))
        else:
            sizes = draw.integers(0, 6, 9)
            indptr = np.concatenate([[0], np.cumsum(sizes)])
            w = [number(-1, 1, int(indptr[-1])), float(number(-1, 1))][draw.integers(2)]
            delays = [None, draw.integers(0, 3, indptr[-1])][draw.integers(2)]
            indices = draw.integers(0, 9, indptr[-1])
            projections.append(Sparse(pre, post, indptr, indices, w, delay, delays))
    drives = (
        CurrentInput("a", "current"),
        PoissonInput("b", 0.7, float(number(0.1, 0.5)), seed=seed, name="noise"),
    )
    return Network(populations, tuple(projections), drives=drives)


def given(net: Network, seed: int, steps: int = STEPS) -> dict[str, Any]:
    draw = np.random.default_rng([seed, 12])
    bits = net.populations["a"].grid
    current = draw.uniform(-0.2, 0.3, (steps, 9))
    return {
        "given": from_raster((draw.random((steps, 9)) < 0.3).astype(np.int8)),
        "current": current if bits is None else grid.rounded(current, bits),
    }


def assert_same(expected: Recording, found: Recording, exact: bool = True) -> None:
    assert expected.spikes.keys() == found.spikes.keys() and expected.v.keys() == found.v.keys()
    for name, spikes in expected.spikes.items():
        assert found.spikes[name] == spikes, name
        np.testing.assert_array_equal(found.counts[name], expected.counts[name], name)
    for name, v in expected.v.items():
        assert found.v[name].dtype == v.dtype
        if exact:
            np.testing.assert_array_equal(found.v[name], v, name)
        np.testing.assert_allclose(found.v[name], v, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_any_network_without_presentations(seed: int) -> None:
    net = network(seed)
    inputs = given(net, seed)
    expected = Naive(net).advance(STEPS, inputs, {}, net.populations)
    found = Brian2(net).advance(STEPS, inputs, {}, net.populations)
    assert_same(expected, found)
    assert expected.state is not None and found.state is not None and same(expected.state, found.state)
    assert sum(len(s.times) for s in expected.spikes.values()) > 300


@pytest.mark.parametrize("seed", range(12))
def test_what_the_long_run_draws(seed: int) -> None:
    seen: Counter[str] = Counter()
    assert brian2_test.compare(random_networks.example(seed), seen) is None
    assert seen["neurons"] > 1 and seen["membranes"] > 0


@pytest.mark.parametrize("seed", range(6, 8))
def test_real_numbers_agree_but_for_rounding(seed: int) -> None:
    net = network(seed, real=True)
    inputs = given(net, seed)
    expected = Naive(net).advance(STEPS, inputs, {}, net.populations)
    assert_same(expected, Brian2(net).advance(STEPS, inputs, {}, net.populations), exact=False)
    assert sum(len(s.times) for s in expected.spikes.values()) > 200


def test_a_run_goes_on_from_where_it_stopped_here_or_elsewhere() -> None:
    net, parts = network(9), (1, 17, STEPS - 18)  # shorter and longer than what is under way
    assert max(p.delay for p in net.projections) > 1
    whole, inputs = Naive(net).advance(STEPS, given(net, 9), {}), given(net, 9)
    state, t = None, 0
    for k, steps in enumerate(parts):
        rows = slice(t, t + steps)
        mine = {"given": from_raster(inputs["given"].raster()[rows]), "current": inputs["current"][rows]}
        program = (Brian2, Naive, Brian2)[k](net)
        state, t = program.advance(steps, mine, {}, (), state).state, t + steps
    assert state is not None and whole.state is not None and same(state, whole.state)
    assert any(recent.any() for recent in state.recent.values())


def test_what_runs_away_or_does_not_fit_is_refused() -> None:
    runs = Network(
        {"a": IF(2, 1.0, 0, bias=2.0**52, reset="subtract")},
        (OneToOne("a", "a", 1.0, 1),),
        Window.without_end(),
    )
    with pytest.raises(EngineError, match=r"a: a membrane or current has left the range of \+-2\*\*53"):
        Brian2(runs).advance(4, {}, {})
    net = network(0)
    with pytest.raises(EngineError, match="is continuous"):
        Brian2(net).run({})
    with pytest.raises(DataError, match="inputs for"):
        Brian2(net).advance(4, {}, {})
    with pytest.raises(DataError, match="another network"):
        Brian2(net).advance(4, given(net, 0, 4), {}, state=Naive(runs).advance(1, {}, {}).state)


def little() -> Network:
    """A generator, a leaky population on a grid and its recurrence: few things to compile."""
    populations = {"poisson": PoissonSource(5, 0.4), "a": LIF(5, 1.0, 4, 0.5, 0.125, refractory=1)}
    w = grid.rounded(np.random.default_rng(1).uniform(-0.5, 1, (5, 5)), 4)
    return Network(populations, (Dense("poisson", "a", w, 1), Dense("a", "a", w.T, 2)))


@pytest.mark.slow
@pytest.mark.parametrize("code", ["cython", "cpp_standalone"])
def test_compiled_code_gives_the_same(code: str) -> None:
    net = little()
    inputs: dict[str, Any] = {}
    device = b2.get_device()
    flags, dt = list(b2.prefs["codegen.cpp.extra_compile_args_gcc"]), b2.defaultclock.dt
    begun = Naive(net).advance(STEPS, inputs, {}).state
    expected = Naive(net).advance(STEPS, inputs, {}, net.populations, begun)
    found = Brian2(net, code=code).advance(STEPS, inputs, {}, net.populations, begun)  # type: ignore[arg-type]
    assert_same(expected, found)
    assert found.state is not None and expected.state is not None and same(found.state, expected.state)
    assert b2.get_device() is device and b2.defaultclock.dt == dt
    assert b2.prefs["codegen.cpp.extra_compile_args_gcc"] == flags
