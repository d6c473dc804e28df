"""What every kind of projection offers: its single synapses, its matrices and its deliveries agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.errors import DeclarationError
from spikesim.network import Network
from spikesim.neurons import IF, LIF, Source
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse
from spikesim.synapses.delivery import Projection, check_delay
from spikesim.window import Window

pytestmark = pytest.mark.core
RS = np.random.default_rng(1)
KINDS: dict[str, tuple[int, int, Any]] = {
    "dense": (3, 4, Dense("in", "a", RS.random((3, 4)), delay=1)),
    "one to one": (3, 3, OneToOne("in", "a", 0.5, delay=2)),
    "sparse, delays of their own": (
        3,
        4,
        Sparse(
            "in",
            "a",
            np.array([0, 2, 2, 3]),
            np.array([1, 3, 1], np.int32),
            np.array([0.5, 0.25, 0.75]),
            delay=1,
            delays=np.array([0, 2, 1], np.uint16),
        ),
    ),
    "sparse, two synapses between two neurons": (
        2,
        2,
        Sparse("in", "a", np.array([0, 2, 3]), np.array([1, 1, 0], np.int32), np.array([0.5, 0.25, 0.75])),
    ),
    "convolution": (9, 8, Conv2d("in", "a", RS.random((2, 1, 2, 2)), (1, 3, 3))),
}


def declared(kind: str) -> tuple[Network, Any, Any]:
    n_pre, n_post, p = KINDS[kind]
    post: Any = LIF(n_post, 1.0)
    window = Window.without_end()
    if isinstance(p, Conv2d):
        post, window = IF(n_post, 1.0, grid=12), Window(4)
        p = Conv2d("in", "a", np.round(np.asarray(p.w) * 2**12) / 2**12, (1, 3, 3))
    network = Network({"in": Source(n_pre), "a": post}, (p,), window)
    return network, p, network.weights(p.name)


@pytest.mark.parametrize("kind", KINDS)
def test_single_synapses_are_those_of_the_matrices(kind: str) -> None:
    """Summed by delay, the synapses are the matrices: each (from, to, weight, delay), and no other."""
    network, p, w = declared(kind)
    e = p.edges(w)
    assert len(e.pre) == len(e.post) == len(e.w) == len(e.delay)
    assert (np.diff(e.pre) >= 0).all(), "sorted by presynaptic neuron"
    found: dict[int, Any] = {}
    for i, j, weight, delay in zip(e.pre, e.post, e.w, e.delay, strict=True):
        found.setdefault(int(delay), np.zeros(network.shape(p)))[i, j] += weight
    expected: dict[int, Any] = {}
    for delay, matrix in p.pieces(w):
        expected[delay] = expected.get(delay, 0) + np.asarray(matrix, np.float64)
    assert found.keys() == {delay for delay, matrix in expected.items() if matrix.any()}
    for delay, matrix in found.items():
        np.testing.assert_array_equal(matrix, expected[delay])
    assert p.longest_delay == max(found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_delivery_adds_what_the_synapses_bring(kind: str) -> None:
    """Signed spikes of some neurons: a delivery adds its delay's rows, and counts what it went through."""
    network, p, w = declared(kind)
    n_pre, n_post = network.shape(p)
    fired = np.arange(0, n_pre, 2, dtype=np.int32)
    signs = np.where(np.arange(len(fired)) % 2, -1, 1).astype(np.int8)
    sent = np.zeros(n_pre)
    sent[fired] = signs
    arrived: dict[int, Any] = {}
    events = 0
    for delay, deliver in p.deliveries(w):
        events += deliver(fired, signs, arrived.setdefault(delay, np.zeros(n_post)))
    e = p.edges(w)
    for delay, current in arrived.items():
        mine = e.delay == delay
        expected = np.zeros(n_post)
        np.add.at(expected, e.post[mine], sent[e.pre[mine]] * e.w[mine])
        np.testing.assert_allclose(current, expected, rtol=0, atol=1e-12)
    assert events == int(np.isin(e.pre, fired).sum())


def test_the_interface_names_what_readers_ask_for() -> None:
    assert {"pieces", "deliveries", "edges", "fixed"} <= set(dir(Projection))


@pytest.mark.parametrize("wrong", [-1, 0.5, "1", None])
def test_a_delay_is_a_number_of_steps(wrong: Any) -> None:
    check_delay("p", 0)
    with pytest.raises(DeclarationError, match=r"p: delay = .*a whole number of steps"):
        check_delay("p", wrong)
