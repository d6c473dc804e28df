"""Weight decay as a shift: values by hand, the period, equal weights on every engine, also when cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim import grid
from spikesim.engines import Naive, Stepped, Windowed
from spikesim.engines.windowed.weight_update import decay_weights
from spikesim.errors import DeclarationError
from spikesim.learning.counts import CountRule, decayed
from spikesim.models.emstdp import Emstdp, build
from spikesim.spikes import from_raster

pytestmark = pytest.mark.core
CONFIG = Emstdp(sizes=(6, 9, 5, 3), T=20, gate=True, beta_error=0.1, eta=0.3, decay=2.0**-10 / 3)
LABELS = np.arange(11) % 3
RASTER = (np.random.default_rng(2).random((11, 10, 6)) < 0.5).astype(np.int8)


def spikes() -> Any:
    return from_raster(RASTER)


def test_a_decay_by_hand() -> None:
    # 2**-2: 11 >> 2 = 2, and the same for -11; below 4 nothing is lost
    given = np.array([11, -11, 3, -3, 4, -4, 0, 2**31 - 1], np.int32)
    assert decayed(given, 2).tolist() == [9, -9, 3, -3, 3, -3, 0, 2**31 - 1 - (2**29 - 1)]


@given(st.lists(st.integers(-(2**31) + 1, 2**31 - 1), min_size=1, max_size=6), st.integers(1, 28))
def test_the_kernel_equals_exact_division(masters: list[int], bits: int) -> None:
    exact = [m - (abs(m) // 2**bits) * (1 if m > 0 else -1) for m in masters]
    flat, w = np.array([7, *masters], np.int32), np.zeros(len(masters) + 1, np.float32)
    decay_weights(w, flat, 1, len(masters), bits, 16)
    assert flat.tolist() == [7, *exact]
    assert w[0] == 0
    assert np.array_equal(w[1:], grid.propagating(np.array(exact, np.int32), grid.MASTER_BITS - 16))
    assert decayed(np.array(masters, np.int32), bits).tolist() == exact


def test_the_period_follows_the_learning_rate() -> None:
    rule = CountRule(0.1, decay_every=10)
    assert [rule.decay_period(f) for f in (1.0, 0.5, 0.3, 2.0, 1e-300, 0.0)] == [10, 20, 33, 5, 0, 0]
    assert [rule.decays(n, n + 1) for n in (8, 9, 10, 19)] == [False, True, False, True]
    assert rule.decays(9, 21) and not rule.decays(10, 19) and not rule.decays(0, 19, 0.5)
    assert CountRule(0.1).decay_period() == 0


@pytest.mark.parametrize("kind", [Naive, Stepped, Windowed])
def test_a_constant_weight_decays_in_every_third_trial(kind: Any) -> None:
    network = build(replace(CONFIG, eta=0.0))
    running = kind(network)
    running.run({"in": spikes()}, LABELS, learn=True)
    for name, m in network.masters().items():
        for _ in range(11 // 3):
            m = m - np.sign(m) * (np.abs(m) // 1024)
        assert np.array_equal(running.masters[name], m)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_engines_agree_however_the_trials_are_cut(batch: int) -> None:
    network, whole = build(CONFIG), {}
    for kind in (Naive, Stepped, Windowed):
        running = kind(network)
        running.run({"in": spikes()}, LABELS, learn=True, batch=batch, learnt=5)
        cut = kind(network)
        for first in range(0, 11, 2 * batch):
            part = slice(first, first + 2 * batch)
            cut.run(
                {"in": from_raster(RASTER[part])}, LABELS[part], learn=True, batch=batch, learnt=5 + first
            )
        whole[kind] = running.masters
        assert all(np.array_equal(cut.masters[k], m) for k, m in running.masters.items())
    for kind in (Stepped, Windowed):
        assert all(np.array_equal(whole[kind][k], m) for k, m in whole[Naive].items())
    without, plain = build(replace(CONFIG, decay=0.0)), Windowed(build(replace(CONFIG, decay=0.0)))
    plain.run({"in": spikes()}, LABELS, learn=True, batch=batch)
    assert without.plastic[0].plastic.decay_every is None
    assert any((plain.masters[k] != m).any() for k, m in whole[Naive].items())


def test_threads_and_normalised_steps() -> None:
    network = build(replace(CONFIG, step="normalised", eta=1e-3, batch=3))
    found = []
    for running in (Windowed(network, threads=1), Windowed(network, threads=2), Naive(network)):
        running.run({"in": spikes()}, LABELS, learn=True, batch=3, factor=0.8)
        found.append(running.masters)
    assert all(np.array_equal(found[0][k], other[k]) for other in found[1:] for k in found[0])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: CountRule(0.1, decay_every=0), "decay_every = 0; a whole number of trials >= 1"),
        (lambda: CountRule(0.1, decay_bits=29), r"decay_bits = 29; a whole number, 1 \.\. 28"),
        (lambda: CountRule(0.1, clip=(0.5, 1.0), decay_every=3), r"clip = \(0.5, 1.0\) does not contain 0"),
        (lambda: replace(CONFIG, decay=0.01), r"decay = 0.01 is out of range; .*\[0.0, 0.0009765625\]"),
        (lambda: replace(CONFIG, batch=4), r"decay \* batch must be <= 0.0009765625"),
    ],
)
def test_what_is_refused(wrong: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        wrong()


@pytest.mark.parametrize("kind", [Naive, Stepped, Windowed])
def test_what_a_run_refuses(kind: Any) -> None:
    run = kind(build(CONFIG)).run
    with pytest.raises(DeclarationError, match=r"in->hid1: weights decay every 3 trials, .* every 4 "):
        run({"in": spikes()}, LABELS, learn=True, batch=4)
    with pytest.raises(DeclarationError, match=r"learnt = -1; a whole number of trials >= 0"):
        run({"in": spikes()}, LABELS, learn=True, learnt=-1)
