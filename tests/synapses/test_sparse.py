"""Single synapses: loops over them, delays one by one, equal weights, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.engines import simulate
from spikesim.errors import DeclarationError
from spikesim.network import Network
from spikesim.neurons import IF, LIF, ErrorIF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Dense, Sparse

pytestmark = pytest.mark.core


def drawn(seed: int, n_pre: int = 6, n_post: int = 5, most: int = 4) -> tuple[Any, ...]:
    """indptr, indices, weights in quarters, delays; neurons without synapses, several between two."""
    rs = np.random.default_rng(seed)
    indptr = np.concatenate([[0], np.cumsum(rs.integers(0, 2 * n_post, n_pre))])
    n = int(indptr[-1])
    return indptr, rs.integers(0, n_post, n), rs.integers(-4, 9, n) / 4, rs.integers(0, most, n)


def arrivals(indptr: Any, indices: Any, w: Any, delays: Any, raster: Any, n_post: int, delay: int) -> Any:
    """What arrives, (T, n_post), synapse by synapse."""
    T, found = len(raster), np.zeros((len(raster), n_post))
    for i in range(len(indptr) - 1):
        for k in range(indptr[i], indptr[i + 1]):
            for t in range(T):
                late = t + delay + int(delays[k])
                if late < T:
                    found[late, indices[k]] += raster[t, i] * (w[k] if np.ndim(w) else w)
    return found


@pytest.mark.parametrize("name", ["naive", "stepped"])
@pytest.mark.parametrize("kind", ["one", "float32", "float64"])
@pytest.mark.parametrize("late", [False, True])
def test_what_arrives_is_a_loop_over_synapses(name: str, kind: str, late: bool) -> None:
    for seed in range(4):
        indptr, indices, w, delays = drawn(seed)
        weights: Any = 0.75 if kind == "one" else w.astype(kind)
        delays = delays if late else 0 * delays
        raster = (np.random.default_rng([seed, 1]).random((15, 6)) < 0.4).astype(np.int8)
        # A threshold out of reach: the membrane's changes are what arrives.
        net = Network(
            {"in": Source(6), "a": IF(5, 1024.0, 2)},
            (Sparse("in", "a", indptr, indices, weights, 2, delays if late else None),),
        )
        found = simulate(net, {"in": from_raster(raster[None])}, steps=15, record="a", engine=name)
        expected = arrivals(indptr, indices, weights, delays, raster, 5, 2)
        assert np.array_equal(np.diff(found.v["a"][0] / 4, axis=0, prepend=0), expected)
        assert expected.any()
        if name == "stepped":  # every spike goes through its own synapses, those that arrive in time
            sent = sum(
                int(raster[t, i]) * (t + 2 + int(delays[k]) < 15)
                for i in range(6) for k in range(indptr[i], indptr[i + 1]) for t in range(15)
            )  # fmt: skip
            assert found.events == sent


@pytest.mark.parametrize("name", ["naive", "stepped"])
def test_signed_spikes_go_through_synapses(name: str) -> None:
    indptr, indices, w, delays = drawn(7, 3, 4)
    net = Network(
        {"in": Source(3), "e": ErrorIF(3, 1.0, 2), "a": IF(4, 1024.0, 2)},
        (
            Dense("in", "e", -2 * np.eye(3)),
            Sparse("e", "a", indptr, indices, w, 0, delays),
        ),
    )
    raster = (np.random.default_rng(3).random((12, 3)) < 0.4).astype(np.int8)
    found = simulate(net, {"in": from_raster(raster[None])}, steps=12, record=("a", "e"), engine=name)
    assert np.array_equal(found.spikes["e"].raster(), -raster)
    expected = arrivals(indptr, indices, w, delays, -raster, 4, 0)
    assert np.array_equal(np.diff(found.v["a"][0] / 4, axis=0, prepend=0), expected)


def test_types_are_kept_and_arrays_frozen() -> None:
    p = Sparse("a", "b", [0, 2], [0, 1], np.ones(2, np.float32), delays=[0, 3])
    assert (p.indptr.dtype, p.indices.dtype) == (np.int64, np.int32)
    assert p.delays is not None and p.delays.dtype == np.uint16
    assert p.w.dtype == np.float32 and p.n_synapses == 2  # type: ignore[union-attr]
    assert p.rows.tolist() == [0, 0]
    with pytest.raises(ValueError, match="read-only"):
        p.indices[0] = 1
    indices = np.zeros(2, np.int32)
    assert np.shares_memory(Sparse("a", "b", [0, 2], indices, 1.0).indices, indices)  # nothing is copied
    assert Sparse("a", "b", [0, 2], indices, [1, 2]).w.dtype == np.float64  # type: ignore[union-attr]


def test_no_synapses_at_all() -> None:
    net = Network({"in": Source(2), "a": IF(3, 1.0, 2)}, (Sparse("in", "a", [0, 0, 0], [], 1.0),))
    for name in ("naive", "stepped"):
        found = simulate(net, {"in": from_raster(np.ones((1, 4, 2), np.int8))}, steps=4, engine=name)
        assert not found.counts["a"].any()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"indptr": [1, 2]}, "indptr must begin with 0"),
        ({"indptr": [0, 2, 1]}, "not decrease"),
        ({"indptr": []}, "indptr must begin with 0"),
        ({"indptr": [0, 3]}, "indptr ends with 3; 2 is needed, the number of indices"),
        ({"indptr": [0, 1.5]}, "indptr has dtype float64"),
        ({"indices": [0, -1]}, "synapse 1 goes to neuron -1; neurons are numbered from 0"),
        ({"indices": [0.0, 1.0]}, "indices has dtype float64"),
        ({"indices": [[0, 1]]}, "a list of integers"),
        ({"indices": [0, 2**31]}, "indices from 0 to 2147483648"),
        ({"w": [1.0]}, r"weights of the shape \(1,\) for 2 synapses"),
        ({"w": [1.0, 2.0j]}, "weights of dtype complex128; real numbers"),
        ({"delay": -1}, "delay = -1"),
        ({"delays": [0]}, "1 delays for 2 synapses"),
        ({"delays": [0, -1]}, "delays from -1 to 0"),
        ({"delays": [0, 2**16]}, "65536"),
        ({"delays": [0, 0.5]}, "delays has dtype float64"),
    ],
)
def test_what_is_refused(change: dict[str, Any], said: str) -> None:
    fields: dict[str, Any] = {
        "indptr": [0, 2],
        "indices": [0, 1],
        "w": [1.0, 2.0],
        "delays": None,
        "delay": 0,
    }
    with pytest.raises(DeclarationError, match=f"a->b: .*{said}"):
        Sparse("a", "b", **(fields | change))


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (Sparse("in", "a", [0, 1], [0], 1.0), "rows for 1 presynaptic neurons; in has 2"),
        (
            Sparse("in", "a", [0, 1, 2], [0, 3], 1.0),
            r"synapse 1 goes to neuron 3; a has 3 neurons \(0 .. 2\)",
        ),
        (Sparse("in", "a", [0, 1, 2], [0, 1], [0.25, 0.3]), "w: 0.3 lies .* off the grid"),
        (Sparse("in", "a", [0, 1, 2], [0, 1], [0.25, float("nan")]), "w: holds nan"),
        (Sparse("a", "a", [0, 1, 1, 1], [0], 1.0), "a cycle of zero delay: a -> a"),
        (Sparse("a", "in", [0, 1, 1, 1], [0], 1.0), "'in' is a Source, which only sends"),
        (Sparse("in", "b", [0, 1, 2], [0, 1], 2.0**60), "b: .*beyond 2\\*\\*53 steps|leave|reach"),
    ],
)
def test_networks_refuse_what_does_not_fit(p: Sparse, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Network({"in": Source(2), "a": IF(3, 1.0, 2), "b": LIF(3, 1.0, 2)}, (p,))


def test_sums_that_leave_the_exact_range_are_refused() -> None:
    n = 4096
    p = Sparse("in", "a", np.arange(n + 1), np.zeros(n, np.int32), 2.0**41)
    with pytest.raises(DeclarationError, match="a: a sum can reach 9007199254740992 steps"):
        Network({"in": Source(n), "a": IF(1, 1.0, 0)}, (p,))


def test_float32_weights_between_two_neurons_are_added_up_in_float64() -> None:
    """On every engine: 0.1f + 0.2f + 0.7f by hand in float64, which float32 sums miss by 1e-8."""
    w = np.array([0.1, 0.2, 0.7], np.float32)
    net = Network(
        {"in": Source(1), "a": LIF(1, theta=9.0, v_decay=1.0)},
        (Sparse("in", "a", np.array([0, 3]), np.zeros(3, np.int32), w),),
    )
    exact = float(w[0]) + float(w[1]) + float(w[2])
    assert exact != float(w[0] + w[1] + w[2])
    for name in ("naive", "stepped"):
        found = simulate(net, {"in": from_raster(np.ones((1, 1, 1)))}, engine=name, steps=1, record="a")
        assert found.v["a"][0, 0, 0] == exact
