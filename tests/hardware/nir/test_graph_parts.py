"""NIR's reader in parts: operations beside numpy, shapes, paths, and how a path becomes a projection."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate2d

from spikesim.hardware.nir.batch_axis import batch_size, without_batch
from spikesim.hardware.nir.fold_paths import projection
from spikesim.hardware.nir.linear_ops import Diagonal, Kernel, Late, LinearPath, Matrix
from spikesim.hardware.nir.nodes import Graph, NirError, Node
from spikesim.hardware.nir.parse_convolution import kernel_of, pool_of
from spikesim.hardware.nir.parse_linear import out_shape, parse_linear, rounded_delay
from spikesim.hardware.nir.shapes import infer_shapes
from spikesim.hardware.nir.trace_paths import trace_paths
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse

RS = np.random.default_rng(1)


def node(kind: str, name: str = "", **values: Any) -> Node:
    """A node of a kind; numbers become arrays, as a file has them."""
    arrays = {k: v if isinstance(v, str) else np.asarray(v, np.float64) for k, v in values.items()}
    return Node(kind, name or kind.lower(), arrays)


def chain(*nodes: Node, more: tuple[tuple[str, str], ...] = ()) -> Graph:
    """Nodes one behind the other."""
    edges = tuple((a.name, b.name) for a, b in pairwise(nodes))
    return Graph({n.name: n for n in nodes}, (*edges, *more), "1.0.8", {})


def neurons(name: str, n: int) -> Node:
    return node("IF", name, r=np.ones(n), v_threshold=np.ones(n))


# operations


def test_a_kernel_written_out_is_the_convolution() -> None:
    for groups, stride, padding in ((1, (1, 1), (0, 0)), (2, (2, 1), (1, 0)), (1, (1, 2), (2, 1))):
        w = RS.normal(size=(4, 2 // groups, 3, 2))
        kernel = Kernel(w, (2, 5, 6), stride, padding, groups)
        p = Conv2d("a", "b", w, (2, 5, 6), stride, padding, groups)
        assert kernel.out_shape == p.out_shape
        ((_, matrix),) = p.pieces(w)
        np.testing.assert_allclose(kernel.matrix().toarray(), matrix.T, rtol=0, atol=1e-15)
        x = RS.normal(size=60)
        np.testing.assert_allclose(kernel.on(x), matrix.T @ x, rtol=0, atol=1e-12)
        assert kernel.synapses() >= kernel.matrix().nnz


def test_factors_behind_an_operation_are_taken_into_it() -> None:
    w, s = RS.normal(size=(3, 4)), np.array([1.0, 2.0, -1.0])
    np.testing.assert_array_equal(Matrix(w).scaled(s).w, s[:, None] * w)  # type: ignore[union-attr]
    kernel = Kernel(RS.normal(size=(2, 1, 1, 1)), (1, 2, 2), (1, 1), (0, 0), 1)
    by_channel = np.repeat([2.0, 3.0], 4)
    scaled = kernel.scaled(by_channel)
    assert scaled is not None
    np.testing.assert_allclose(scaled.matrix().toarray(), by_channel[:, None] * kernel.matrix().toarray())
    assert kernel.scaled(np.arange(8.0)) is None, "a factor for each place is no kernel"
    assert Diagonal(s).scaled(s).s.tolist() == [1.0, 4.0, 1.0]  # type: ignore[union-attr]


def test_the_earliest_arrival_over_a_path() -> None:
    late = Late(np.array([3, 1, 5]))
    assert LinearPath("a", "b", (late,)).earliest() == 1
    only_last = Matrix(np.array([[0.0, 0.0, 1.0]]))
    assert LinearPath("a", "b", (late, only_last)).earliest() == 5
    assert LinearPath("a", "b", (late, late)).earliest() == 2
    assert LinearPath("a", "b", ()).earliest() == 0


# nodes


def test_nodes_become_operations_and_biases() -> None:
    w, b = RS.normal(size=(3, 4)), np.arange(3.0)
    (op,), bias = parse_linear(node("Affine", weight=w, bias=b), (4,), 1.0)
    assert isinstance(op, Matrix) and bias is not None
    np.testing.assert_array_equal(op.w, w)
    np.testing.assert_array_equal(bias, b)
    (pool,), nothing = parse_linear(node("AvgPool2d", kernel_size=2, stride=2, padding=0), (3, 4, 4), 1.0)
    assert isinstance(pool, Kernel) and nothing is None
    np.testing.assert_allclose(pool.on(np.ones(48)), np.ones(12))
    (delay,), _ = parse_linear(node("Delay", delay=[0.002, 0.0]), (2,), 0.001)
    assert isinstance(delay, Late) and delay.steps.tolist() == [2, 0]
    assert parse_linear(node("Flatten", start_dim=0, end_dim=-1), (2, 3), 1.0) == ((), None)


@pytest.mark.parametrize(
    ("made", "shape", "said"),
    [
        (node("Linear", weight=np.ones((3, 4))), (5,), "4 inputs"),
        (node("Linear", weight=np.ones(4)), (4,), "a matrix"),
        (node("Scale", scale=np.ones(3)), (4,), r"scale of the shape \(3,\) for an input of \(4,\)"),
        (node("SumPool2d", kernel_size=9, stride=1, padding=0), (1, 4, 4), "sumpool2d"),
    ],
)
def test_nodes_that_do_not_fit_their_input_are_named(made: Node, shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(NirError, match=said):
        out_shape(made, shape)


def test_a_delay_is_the_nearest_number_of_steps_and_one_that_would_vanish_is_refused() -> None:
    between = node("Delay", delay=[0.003, 0.0049, 0.008])
    (late,), _ = parse_linear(between, (3,), 0.002)
    assert isinstance(late, Late) and late.steps.tolist() == [2, 2, 4]
    assert "a delay of 1.5 steps of dt = 0.002 is taken as 2" in rounded_delay(between, 0.002)
    assert rounded_delay(node("Delay", delay=[0.004, 0.0]), 0.002) == ""
    for delay in (0.0009, -0.002, 1e6):
        with pytest.raises(NirError, match=r"steps of dt = 0\.002; 0, or 1 to 65,535 steps"):
            parse_linear(node("Delay", delay=delay), (1,), 0.002)


# graphs


def test_shapes_are_followed_along_the_edges() -> None:
    conv = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": np.zeros(2)}
    graph = chain(
        node("Input", "in", shape=(1, 4, 4)),
        node("Conv2d", "conv", weight=np.ones((2, 1, 2, 2)), **conv),
        node("IF", "hid", r=1.0, v_threshold=1.0),
        node("Flatten", "flat", start_dim=0, end_dim=-1),
        node("Linear", "lin", weight=np.ones((3, 18))),
        neurons("out", 3),
        node("Output", "output", shape=3),
    )
    laid = infer_shapes(graph)
    assert laid.shapes["conv"] == laid.shapes["hid"] == (2, 3, 3), "one parameter for all takes the input's"
    assert laid.shapes["flat"] == (18,) and laid.shapes["out"] == (3,)
    assert laid.populations == ("in", "hid", "out")
    assert [n for n in laid.order if n != "output"] == ["conv", "flat", "lin"]


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (chain(node("Output", "o", shape=1)), "neither Input nor neurons"),
        (chain(neurons("a", 2), node("Input", "in", shape=2)), "enters an Input"),
        (chain(node("Input", "in", shape=2), neurons("a", 3)), r"a \(IF\) receives"),
        (chain(node("Input", "in", shape=2), node("Linear", "l", weight=np.eye(2)), more=(("l", "l"),)), "l"),
    ],
)
def test_graphs_that_have_no_layout_are_refused(graph: Graph, said: str) -> None:
    with pytest.raises(NirError, match=said):
        infer_shapes(graph)


def test_paths_are_followed_with_their_constants() -> None:
    """Two ways from in to a: straight, and through a matrix with a bias; the bias arrives in every step."""
    w = RS.normal(size=(2, 2))
    graph = chain(
        node("Input", "in", shape=2),
        node("Affine", "aff", weight=w, bias=[1.0, 2.0]),
        neurons("a", 2),
        more=(("in", "a"),),
    )
    paths = trace_paths(infer_shapes(graph), 1.0)
    assert [len(p.steps) for p in paths.into["a"]] in ([1, 0], [0, 1])
    assert list(paths.constants["a"]) == [0]
    np.testing.assert_array_equal(paths.constants["a"][0], [1.0, 2.0])
    assert paths.late == frozenset()
    loop = chain(node("Input", "in", shape=2), neurons("a", 2), neurons("b", 2), more=(("b", "a"),))
    assert trace_paths(infer_shapes(loop), 1.0).late == {("b", "a")}, "the edge that closes the cycle"


# projections


def folded(*steps: Any, gain: float = 1.0, late: bool = False, n: tuple[int, int] = (4, 3)) -> Any:
    return projection(LinearPath("a", "b", steps), np.array([gain]), *n, late)


def test_a_path_of_one_operation_stays_what_it_is() -> None:
    w = RS.normal(size=(3, 4))
    dense = folded(Late(np.full(4, 2)), Matrix(w), gain=2.0)
    assert isinstance(dense, Dense) and dense.delay == 2
    np.testing.assert_allclose(dense.w, 2 * w.T)
    assert isinstance(folded(Kernel(np.ones((1, 1, 2, 2)), (1, 2, 2), (1, 1), (0, 0), 1), n=(4, 1)), Conv2d)
    one = folded(Diagonal(np.full(4, 0.5)), n=(4, 4))
    assert isinstance(one, OneToOne) and one.w == 0.5
    assert folded(n=(4, 4), late=True).delay == 1, "what would close a cycle of zero delay comes a step later"


def test_longer_paths_are_multiplied_out_synapse_by_synapse() -> None:
    first, second, late = RS.normal(size=(5, 4)), RS.normal(size=(3, 5)), np.array([0, 0, 2, 2, 7])
    found = folded(Matrix(first), Late(late), Matrix(second))
    assert isinstance(found, Sparse)
    e = found.edges(np.asarray(found.w))
    for delay in (0, 2, 7):
        expected = second[:, late == delay] @ first[late == delay]
        got = np.zeros((4, 3))
        mine = e.delay == delay
        np.add.at(got, (e.pre[mine], e.post[mine]), e.w[mine])
        np.testing.assert_allclose(got, expected.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("padding", ["same", "valid", 2])
@pytest.mark.parametrize("size", [(2, 3), (3, 4), (1, 1)])
def test_a_kernel_is_scipys_correlation(padding: Any, size: tuple[int, int]) -> None:
    """Two groups of two channels into one each, dilations of 2 and 3; "same" keeps the shape."""
    w, x = RS.normal(size=(2, 2, *size)), RS.normal(size=(4, 9, 11))
    fields = {"stride": 1, "dilation": np.array([2, 3]), "groups": 2, "bias": np.zeros(2)}
    found = kernel_of(node("Conv2d", weight=w, padding=padding, **fields), (4, 9, 11))
    wide = np.zeros((2, 2, 2 * size[0] - 1, 3 * size[1] - 2))
    wide[:, :, ::2, ::3] = w
    rows, columns = (n - 1 for n in wide.shape[2:])
    front = {"same": (rows // 2, columns // 2), "valid": (0, 0), 2: (2, 2)}[padding]
    back = (rows - front[0], columns - front[1]) if padding == "same" else front
    padded = np.pad(x, ((0, 0), (front[0], back[0]), (front[1], back[1])))
    wanted = [sum(correlate2d(padded[2 * o + c], wide[o, c], "valid") for c in range(2)) for o in range(2)]
    assert found.out_shape == np.shape(wanted)
    np.testing.assert_allclose(found.on(x.reshape(-1)).reshape(found.out_shape), wanted, atol=1e-12)


def test_a_pool_counts_the_places_of_its_padding() -> None:
    x = RS.normal(size=(2, 5, 4))
    pool = pool_of(node("AvgPool2d", kernel_size=np.array([2, 3]), stride=1, padding=1), (2, 5, 4))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    wanted = [correlate2d(channel, np.full((2, 3), 1 / 6), "valid") for channel in padded]
    np.testing.assert_allclose(pool.on(x.reshape(-1)).reshape(pool.out_shape), wanted, atol=1e-12)


def test_the_batch_axis_of_a_writer_is_left_out() -> None:
    """A batch of 16 in Input, Flatten and Output, which the weights of the convolution do not know."""
    conv = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": np.zeros(2)}
    graph = chain(
        node("Input", "in", shape=(16, 1, 4, 4)),
        node("Conv2d", "conv", weight=np.ones((2, 1, 2, 2)), **conv),
        node("IF", "hid", r=1.0, v_threshold=1.0),
        node("Flatten", "flat", start_dim=1, end_dim=-1),
        node("Output", "output", shape=(16, 18)),
    )
    with pytest.raises(NirError, match=r"an input of the shape \(16, 1, 4, 4\)"):
        infer_shapes(graph)
    assert batch_size(graph) == 16
    laid = infer_shapes(without_batch(graph, 16))
    assert laid.shapes["hid"] == (2, 3, 3) and laid.shapes["output"] == (18,)
    assert batch_size(chain(node("Input", "in", shape=5), neurons("a", 5))) is None
