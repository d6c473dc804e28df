"""Functions that make sparse projections: against pure-Python twins, scipy, statistics; sizes and
refusals.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from naive_twins import philox

from spikesim.engines import simulate
from spikesim.errors import DeclarationError
from spikesim.learning import STDP
from spikesim.network import Network
from spikesim.neurons import IF, LIF, PoissonSource
from spikesim.rng import Stream
from spikesim.synapses import Sparse, connect
from spikesim.synapses.connect_kernels import log

pytestmark = pytest.mark.core
NOT_COMPILED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
TAG = int(Stream.CONNECT) * 2**24 + 1


def rows(p: Sparse) -> list[list[int]]:
    """The postsynaptic neurons of every presynaptic one."""
    return [p.indices[a:b].tolist() for a, b in zip(p.indptr[:-1], p.indptr[1:], strict=True)]


def matrix(p: Sparse, n_post: int) -> Any:
    """The summed weights, (n_pre, n_post)."""
    full = np.zeros((len(p.indptr) - 1, n_post))
    np.add.at(full, (p.rows, p.indices), np.broadcast_to(p.w, p.indices.shape))
    return full


def words(seed: int, neuron: int, k: int) -> tuple[int, ...]:
    return philox((neuron, k, 0, TAG), (seed, 0))


def test_the_logarithm_is_one() -> None:
    xs = [1.0, 0.5, 2.0, 2.0**-53, 0.7071067811865476, 1e-300, 3.7, *np.random.default_rng(1).random(500)]
    for x in xs:
        assert abs(log(float(x)) - math.log(x)) <= 4e-16 * max(1.0, abs(math.log(x))), x


@pytest.mark.parametrize("alone", [False, True])
def test_fixed_probability_is_its_twin(alone: bool) -> None:
    n_pre, n_post, p, seed = (15, 15, 0.3, 7) if alone else (15, 11, 0.3, 7)
    found = connect.fixed_probability(
        "a", "a" if alone else "b", n_pre, n_post, p, 1.0, seed=seed, self_connections=not alone
    )
    for i, row in enumerate(rows(found)):
        expected, place, k = [], -1, 0
        while True:
            four = words(seed, i, k // 2)
            high, low = four[2 * (k % 2)], four[2 * (k % 2) + 1]
            place += 1 + math.floor(
                math.log(((high >> 5) * 2**26 + (low >> 6) + 1) / 2**53) / math.log(1 - p)
            )
            k += 1
            if place >= n_post - alone:
                break
            expected.append(place + 1 if alone and place >= i else place)
        assert row == expected
    assert not alone or all(i not in row for i, row in enumerate(rows(found)))


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(
    ("k", "multapses"), [(3, True), (20, True), (3, False), (8, False), (9, False), (0, True)]
)
def test_fixed_in_degree_is_its_twin(k: int, multapses: bool, alone: bool) -> None:
    n_pre, n_post, seed = (10, 10, 9) if alone else (9, 13, 9)
    width = n_pre - alone
    found = connect.fixed_in_degree(
        *("aa" if alone else "ab"),
        n_pre,
        n_post,
        k,
        1.0,
        seed=seed,
        self_connections=not alone,
        multapses=multapses,
    )
    expected: list[list[int]] = [[] for _ in range(n_pre)]
    for j in range(n_post):
        drawn: list[int] = []
        leaves_out = not multapses and 2 * k > width
        m = 0
        while len(drawn) < (width - k if leaves_out else k):
            four = words(seed, j, m // 2)
            i = width * (four[2 * (m % 2)] * 2**32 + four[2 * (m % 2) + 1]) >> 64
            m += 1
            if multapses or i not in drawn:
                drawn.append(i)
        for i in [i for i in range(width) if i not in drawn] if leaves_out else drawn:
            expected[i + 1 if alone and i >= j else i].append(j)
    assert rows(found) == expected
    degrees = np.bincount(found.indices, minlength=n_post)
    assert (degrees == k).all()
    if not multapses:
        assert all(len(set(row)) == len(row) for row in rows(found))


def test_how_many_synapses_there_are() -> None:
    n, p = (60 if NOT_COMPILED else 400), 0.05
    counts = np.array(
        [connect.fixed_probability("a", "a", n, n, p, 1.0, seed=s).n_synapses for s in range(20)]
    )
    spread = math.sqrt(n * n * p * (1 - p))
    assert abs(counts.mean() - n * n * p) < 4 * spread / math.sqrt(20)
    assert 0.5 * spread < counts.std() < 1.7 * spread
    into = np.bincount(connect.fixed_probability("a", "a", n, n, p, 1.0).indices, minlength=n)
    near = 5 * math.sqrt(2 / n)
    assert abs(into.var() / (n * p * (1 - p)) - 1) < near  # as binomial as the rows
    out = np.diff(connect.fixed_in_degree("a", "a", n, n, 50, 1.0).indptr)
    assert abs(out.var() / (50 * (1 - 1 / n)) - 1) < near


def test_the_ends_of_probability() -> None:
    assert connect.fixed_probability("a", "b", 3, 4, 0.0, 1.0).n_synapses == 0
    assert rows(connect.fixed_probability("a", "b", 3, 4, 1.0, 1.0)) == [[0, 1, 2, 3]] * 3
    assert connect.fixed_probability("a", "b", 300, 400, 1e-17, 1.0).n_synapses == 0
    some = [
        connect.fixed_probability("a", "b", 50, 2 * 10**7, 1e-8, 1.0, seed=s).n_synapses for s in range(30)
    ]
    assert 180 < sum(some) < 430  # 300 are expected


def test_a_seed_is_a_projection_and_no_other() -> None:
    one, again = (
        connect.fixed_probability("a", "b", 50, 50, 0.2, connect.normal(0, 1), seed=4) for _ in range(2)
    )
    assert np.array_equal(one.indices, again.indices) and np.array_equal(one.w, again.w)
    other = connect.fixed_probability("a", "b", 50, 50, 0.2, 1.0, seed=5)
    assert rows(one) != rows(other)


def test_all_to_all_and_one_to_one() -> None:
    assert rows(connect.all_to_all("a", "b", 2, 3, 0.5)) == [[0, 1, 2], [0, 1, 2]]
    assert rows(connect.all_to_all("a", "a", 3, 3, 0.5, self_connections=False)) == [[1, 2], [0, 2], [0, 1]]
    assert rows(connect.one_to_one("a", "b", 3, [1.0, 2.0, 3.0])) == [[0], [1], [2]]
    assert connect.one_to_one("a", "b", 3, [1.0, 2.0, 3.0], name="x").name == "x"


def test_coordinates_in_any_order() -> None:
    rs = np.random.default_rng(3)
    i, j, w = rs.integers(0, 6, 40), rs.integers(0, 5, 40), rs.normal(size=40)
    late = rs.integers(0, 4, 40)
    found = connect.from_coordinates("a", "b", i, j, w, n_pre=6, delay=1, delays=late)
    full = np.zeros((6, 5))
    np.add.at(full, (i, j), w)
    assert np.allclose(matrix(found, 5), full, rtol=0, atol=1e-12)
    expected = [(int(a), int(b), float(c), int(d)) for a, b, c, d in zip(i, j, w, late, strict=True)]
    assert found.delays is not None
    given = zip(found.rows, found.indices, found.w, found.delays, strict=True)  # type: ignore[arg-type]
    assert [(int(a), int(b), float(c), int(d)) for a, b, c, d in given] == sorted(
        expected, key=lambda e: e[0]
    )
    assert rows(connect.from_coordinates("a", "b", [], [], 1.0, n_pre=2)) == [[], []]


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, bool])
def test_scipy_matrices(kind: Any) -> None:
    m = scipy.sparse.random(7, 5, 0.4, format="coo", random_state=1)
    m = scipy.sparse.coo_array((np.ceil(m.data * 9).astype(kind), (m.row, m.col)), m.shape)
    found = connect.from_scipy("a", "b", m, delay=2)
    assert np.array_equal(matrix(found, 5), m.toarray())
    assert found.w.dtype == (np.float32 if kind is np.float32 else np.float64)  # type: ignore[union-attr]
    assert found.delay == 2


def test_drawn_weights_and_delays() -> None:
    n = 3000 if NOT_COMPILED else 300_000  # more than one chunk of 2**18
    near = 6 / math.sqrt(n)
    even = connect.uniform(-1.0, 3.0)(n, 5)
    assert even.min() >= -1 and even.max() < 3 and abs(even.mean() - 1) < near
    assert abs(even.var() - 16 / 12) < 2 * near
    bell = connect.normal(0.5, 0.25, bits=6, kind=np.float32)(n, 5)
    assert bell.dtype == np.float32 and np.array_equal(bell * 64, np.round(bell * 64))
    assert abs(bell.mean() - 0.5) < near and abs(bell.std() - 0.25) < near
    late = connect.steps(2, 5)(n, 5)
    assert late.dtype == np.uint16
    assert np.abs(np.bincount(late, minlength=6) / n - [0, 0, 0.25, 0.25, 0.25, 0.25]).max() < near
    first, second = even[: n // 2], even[n // 2 :]
    assert not np.array_equal(first[:1000], even[2**18 : 2**18 + 1000])  # chunks are not one another
    assert abs(np.corrcoef(first, second)[0, 1]) < near


@pytest.mark.parametrize(
    ("w", "most"), [(0.5, 4), (connect.normal(0, 1, kind=np.float32), 8), (connect.normal(0, 1), 12)]
)
def test_bytes_a_synapse(w: Any, most: int) -> None:
    found = connect.fixed_in_degree("a", "b", 200, 200, 100, w)
    arrays = [found.indices, np.asarray(found.w)]
    assert sum(a.nbytes for a in arrays) <= most * found.n_synapses + 8
    assert (
        found.indices.base is None or found.indices.base.nbytes == found.indices.nbytes
    )  # keeps no more alive


def test_networks_run_on_what_is_made() -> None:
    net = Network(
        {"in": PoissonSource(20, 0.2), "a": IF(30, 1.0, 8), "b": LIF(30, 1.0, v_decay=0.1)},
        (
            connect.fixed_in_degree(
                "in", "a", 20, 30, 5, connect.normal(0.3, 0.1, bits=8), delays=connect.steps(0, 3)
            ),
            connect.fixed_probability("a", "a", 30, 30, 0.1, -0.25, delay=1, self_connections=False),
            connect.all_to_all("a", "b", 30, 30, connect.uniform(0, 0.1), plastic=STDP(0.01, 0.01)),
        ),
    )
    a, b = (simulate(net, steps=60, engine=name, record=("a", "b")) for name in ("naive", "stepped"))
    assert a.counts["a"].sum() > 50 and a.counts["b"].sum() > 50
    assert a.spikes == b.spikes
    assert np.array_equal(a.v["a"], b.v["a"])


def test_one_weight_for_all_becomes_one_for_each_where_a_rule_changes_them() -> None:
    rule = STDP(0.01, 0.01)
    made = [
        connect.fixed_probability("a", "b", 30, 30, 0.1, 0.5, plastic=rule),
        connect.from_coordinates("a", "b", [0, 1], [1, 1], 0.5, n_pre=30, plastic=rule),
        connect.all_to_all("a", "b", 30, 30, 0.5, plastic=rule),
    ]
    for projection in made:
        assert np.array_equal(projection.w, np.full(projection.n_synapses, 0.5))
    assert np.ndim(connect.all_to_all("a", "b", 30, 30, 0.5).w) == 0, "4 bytes a synapse where none learns"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: connect.fixed_probability("a", "b", 3, 3, 1.5, 1.0), "p = 1.5"),
        (lambda: connect.fixed_probability("a", "b", 3, 3, math.nan, 1.0), "p = nan"),
        (lambda: connect.fixed_probability("a", "b", 0, 3, 0.5, 1.0), "0 neurons of 'a'"),
        (
            lambda: connect.fixed_probability("a", "b", 3, 3, 0.5, 1.0, self_connections=False),
            "one population",
        ),
        (lambda: connect.fixed_probability("a", "b", 3, 3, 0.5, 1.0, seed=-1), "seed = -1"),
        (lambda: connect.fixed_probability("a", "b", 3, 3, 0.5, 1.0, delay=-1), "delay = -1"),
        (lambda: connect.fixed_in_degree("a", "b", 3, 3, -1, 1.0), "k = -1"),
        (lambda: connect.fixed_in_degree("a", "a", 1, 1, 1, 1.0, self_connections=False), "k = 1"),
        (
            lambda: connect.fixed_in_degree("a", "b", 3, 3, 4, 1.0, multapses=False),
            "k = 4 synapses per neuron exceed its 3 possible partners",
        ),
        (
            lambda: connect.all_to_all("a", "b", 2, 2, [1.0, 2.0]),
            r"weights of the shape \(2,\) for 4 synapses",
        ),
        (lambda: connect.one_to_one("a", "b", 0, 1.0), "0 n; a whole number"),
        (
            lambda: connect.from_coordinates("a", "b", [0, 1], [0], 1.0, n_pre=2),
            "i has 2 entries and j has 1",
        ),
        (lambda: connect.from_coordinates("a", "b", [0, 2], [0, 0], 1.0, n_pre=2), r"i\[1\] = 2.*0 to 1"),
        (lambda: connect.from_coordinates("a", "b", [0, 1], [0, -1], 1.0, n_pre=2), r"j\[1\] = -1"),
        (lambda: connect.from_coordinates("a", "b", [0.5], [0], 1.0, n_pre=2), "list of integers"),
        (lambda: connect.from_coordinates("a", "b", [0], [0], [1.0, 2.0], n_pre=2), "weights of"),
        (lambda: connect.from_scipy("a", "b", np.eye(2)), "ndarray; a scipy.sparse matrix"),
        (lambda: connect.from_scipy("a", "b", scipy.sparse.eye(2, dtype=complex)), "complex128"),
        (lambda: connect.steps(3, 2), "steps"),
        (lambda: connect.steps(0, 2**16), "steps"),
    ],
)
def test_what_is_refused(make: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        make()
