"""What holds for every EMSTDP network: silence, blocked errors, permutations, split runs, idle neurons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import random_nets
from hypothesis import given
from hypothesis import strategies as st

from spikesim.engines import Naive, Windowed
from spikesim.models.emstdp import Emstdp, build, encoder
from spikesim.network import Network
from spikesim.spikes import Spikes
from spikesim.synapses import Dense

pytestmark = pytest.mark.core

ENGINES = st.sampled_from([Naive, Windowed])
SEEDS = st.integers(0, 2**32)
CONFIGS = st.builds(
    Emstdp,
    sizes=st.lists(st.integers(2, 7), min_size=2, max_size=4).map(tuple),
    T=st.integers(2, 8).map(lambda half: 2 * half),
    feedback=st.sampled_from(["symmetric", "fa", "dfa"]),
    error_form=st.sampled_from(["ternary", "pair"]),
    forward_delay=st.integers(0, 2),
    error_delay=st.integers(1, 2),
    gate=st.booleans(),
    target_rate=st.floats(0.2, 1.0),
    theta_loss=st.sampled_from([1.0, 2.0]),
    beta_hidden=st.floats(0.1, 0.5),
    beta_out=st.floats(0.1, 0.5),
    beta_error=st.floats(0.05, 0.5),
    h_pre=st.sampled_from(["first", "second", "all"]),
    eta=st.floats(0.1, 1.0),
)


def shown(config: Emstdp, seed: int, n: int = 5) -> tuple[dict[str, Spikes], Any]:
    """Random input for a configuration, and labels."""
    rs = np.random.default_rng(seed)
    x = rs.random((n, config.sizes[0])).astype(np.float32)
    T = config.T // 2 if config.replay else config.T
    return {"in": encoder(config).encode(x, np.arange(n), T, seed)}, rs.integers(0, config.sizes[-1], n)


def masters_equal(a: Any, b: Any) -> bool:
    """Both hold the same projections with the same weights."""
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@given(CONFIGS, SEEDS, ENGINES)
def test_silence_stays_silent(config: Emstdp, seed: int, run_with: Any) -> None:
    net = build(replace(config, h_pre="first"), seed)
    dark = np.zeros((5, config.sizes[0]), np.float32)
    quiet = encoder(config).encode(dark, np.arange(5), config.T // 2, 1)
    running = run_with(net)
    found = running.run({"in": quiet}, shown(config, seed)[1], learn=True)
    assert all(not counts[:, 0].any() for counts in found.counts.values())
    assert masters_equal(running.masters, net.masters())
    longer = encoder(config).encode(dark, np.arange(5), config.T, 1)
    assert all(not c.any() for c in run_with(net.inference()).run({"in": longer}).counts.values())


@given(CONFIGS, SEEDS, ENGINES)
def test_blocked_errors_change_nothing(config: Emstdp, seed: int, run_with: Any) -> None:
    net = build(replace(config, gamma=0.0), seed)  # replayed and reset, as by default
    inputs, labels = shown(config, seed)
    running = run_with(net)
    found = running.run(inputs, labels, learn=True)
    for name in ("in", *(n for n in net.populations if n.startswith("hid")), "out"):
        assert np.array_equal(found.counts[name][:, 0], found.counts[name][:, 1])
    assert masters_equal(running.masters, net.masters())
    assert found.clipped == dict.fromkeys(running.masters, 0)


def test_blocked_errors_are_not_a_silent_network() -> None:
    moved, heard = 0, 0
    for seed in range(10):
        config = Emstdp(sizes=(8, 6, 5, 3), T=20, theta_loss=1.0, forward_delay=seed % 2, beta_hidden=0.3)
        inputs, labels = shown(config, seed)
        blocked = Naive(build(replace(config, gamma=0.0), seed)).run(inputs, labels, learn=True)
        heard += int(np.abs(blocked.counts["err_out"]).sum()) * int(blocked.counts["out"].any())
        free = Naive(build(config, seed))
        free.run(inputs, labels, learn=True)
        moved += not masters_equal(free.masters, free.network.masters())
    assert heard > 20
    assert moved == 10


def permuted(net: Network, order: Any) -> Network:
    """The same network with the neurons of hid1 (and their error neurons) in another order."""
    links = []
    for p in net.projections:
        if isinstance(p, Dense) and isinstance(p.w, np.ndarray):
            w = p.w[:, order] if p.post in ("hid1", "err1") else p.w
            w = w[order] if p.pre in ("hid1", "err1") else w
            links.append(replace(p, w=w))
        else:
            links.append(p)
    return replace(net, projections=tuple(links))


@given(CONFIGS.filter(lambda c: len(c.sizes) > 2), SEEDS, ENGINES, st.randoms(use_true_random=False))
def test_permuting_hidden_neurons_permutes_the_result(
    config: Emstdp, seed: int, run_with: Any, random: Any
) -> None:
    order = list(range(config.sizes[1]))
    random.shuffle(order)
    net = build(config, seed)
    inputs, labels = shown(config, seed)
    plain, other = run_with(net), run_with(permuted(net, order))
    a = plain.run(inputs, labels, record=("hid1", "err1"), learn=True)
    b = other.run(inputs, labels, record=("hid1", "err1"), learn=True)
    for name in ("hid1", "err1"):
        assert np.array_equal(a.v[name][..., order], b.v[name])
        for k in range(5):
            assert np.array_equal(a.spikes[name].raster(k)[:, order], b.spikes[name].raster(k))
    assert np.array_equal(a.counts["out"], b.counts["out"])
    assert np.array_equal(a.predictions, b.predictions)
    learnt = permuted(net.with_masters(plain.masters), order).masters()
    assert masters_equal(learnt, other.masters)


@given(st.integers(0, 2**31), st.integers(0, 7), ENGINES)
def test_a_run_split_in_two_equals_the_run(seed: int, cut: int, run_with: Any) -> None:
    case = random_nets.case(seed)
    batch = case.config.batch
    cut = cut // batch * batch  # whole batches
    whole, parts = run_with(case.network), run_with(case.network)
    full = whole.run({"in": case.spikes}, case.labels, learn=True, batch=batch)
    pieces = [
        parts.run({"in": case.spikes[rows]}, case.labels[rows], learn=True, batch=batch, learnt=learnt)
        for rows, learnt in ((slice(cut), 0), (slice(cut, None), cut))
    ]
    assert masters_equal(whole.masters, parts.masters)
    assert masters_equal(whole.squares, parts.squares)
    assert np.array_equal(np.concatenate([p.predictions for p in pieces]), full.predictions)
    assert all(
        np.array_equal(np.concatenate([p.counts[n] for p in pieces]), c) for n, c in full.counts.items()
    )
    assert {n: sum(p.clipped[n] for p in pieces) for n in full.clipped} == full.clipped


@given(st.integers(0, 2**31), ENGINES)
def test_an_engine_goes_on_from_given_weights(seed: int, run_with: Any) -> None:
    case = random_nets.case(seed)
    options: dict[str, Any] = {"learn": True, "batch": case.config.batch}
    first = run_with(case.network)
    first.run({"in": case.spikes}, case.labels, **options)
    restored = run_with(case.network, first.masters, first.squares)
    declared = run_with(case.network.with_masters(first.masters))
    a = first.run({"in": case.spikes}, case.labels, **options)
    b = restored.run({"in": case.spikes}, case.labels, **options)
    assert masters_equal(first.masters, restored.masters)
    assert all(np.array_equal(a.counts[n], b.counts[n]) for n in a.counts)
    if not first.squares:
        declared.run({"in": case.spikes}, case.labels, **options)
        assert masters_equal(first.masters, declared.masters)


def with_an_idle_neuron(net: Network) -> Network:
    """One more neuron in hid1, and its error neuron, without a weight from or to anything that matters."""
    populations = {
        name: replace(p, n=p.n + 1) if name in ("hid1", "err1") else p for name, p in net.populations.items()
    }
    links = []
    for p in net.projections:
        if isinstance(p, Dense) and isinstance(p.w, np.ndarray):
            rows, columns = (int(end in ("hid1", "err1")) for end in (p.pre, p.post))
            links.append(replace(p, w=np.pad(p.w, ((0, rows), (0, columns)))))
        else:
            links.append(p)
    return replace(net, populations=populations, projections=tuple(links))


@given(CONFIGS.filter(lambda c: len(c.sizes) > 2), SEEDS, ENGINES)
def test_a_neuron_without_synapses_changes_nothing(config: Emstdp, seed: int, run_with: Any) -> None:
    net = build(config, seed)
    more = with_an_idle_neuron(net)
    inputs, labels = shown(config, seed)
    plain, other = run_with(net), run_with(more)
    a = plain.run(inputs, labels, learn=True)
    b = other.run(inputs, labels, learn=True)
    assert not b.counts["hid1"][..., -1].any() and not b.counts["err1"][..., -1].any()
    for name in a.counts:
        assert np.array_equal(a.counts[name], b.counts[name][..., : net.populations[name].n])
    assert masters_equal(with_an_idle_neuron(net.with_masters(plain.masters)).masters(), other.masters)
