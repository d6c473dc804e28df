"""The NumPy interpreter of NIR: numbers by hand, node by node."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from spikesim.tools.dev.nir_interpreter import Interpreter, Played
from spikesim.tools.dev.nir_linear import convolution, flat, matmul, pooling
from spikesim.tools.dev.nir_structure import NotPlayable

nir = pytest.importorskip("nir")


def line(*nodes: Any, shape: tuple[int, ...] = (1,)) -> Any:
    """A graph of nodes behind each other: in, 0, 1, ..., out."""
    names = ["in", *(str(k) for k in range(len(nodes))), "out"]
    ends = nir.Input({"input": np.array(shape)}), nir.Output({"output": np.array(shape)})
    made = dict(zip(names, (ends[0], *nodes, ends[1]), strict=True))
    return nir.NIRGraph(made, list(pairwise(names)), type_check=False)


def play(graph: Any, x: Any, dt: float = 1.0) -> Played:
    given = np.asarray(x, float)
    return Interpreter(graph, dt, {"in": given[:, None] if given.ndim == 1 else given}).play()


def one(*values: float) -> Any:
    return np.array(values, np.float32)


def test_a_leaky_neuron_by_hand() -> None:
    """v += (0.25 - v + 2 x) / 2, fires above 1, to -0.5: 1.125; 0.875 of -0.5 + (0.25 + 0.5 + 2) / 2."""
    lif = nir.LIF(tau=one(2), r=one(2), v_leak=one(0.25), v_threshold=one(1), v_reset=one(-0.5))
    found = play(line(lif), [1, 1, 1, 0])
    assert found.membranes["0"][:, 0].tolist() == [-0.5, 0.875, -0.5, -0.125]
    assert found.outputs["out"][:, 0].tolist() == [1, 0, 1, 0]
    assert found.total == 2
    assert found.nearest == pytest.approx(0.125 / 2)


def test_a_membrane_on_the_threshold_does_not_fire() -> None:
    """dt = 1/2, r = 2: v = 1 after a spike, which is no more than the threshold."""
    found = play(line(nir.IF(one(2), one(1))), [1, 0, 1], dt=0.5)
    assert found.membranes["0"][:, 0].tolist() == [1, 1, 0]
    assert found.outputs["out"][:, 0].tolist() == [0, 0, 1]
    assert found.nearest == 0


def test_a_current_that_lasts_acts_in_its_own_step() -> None:
    """i = 0.75 x, then halves: 0.75, 0.375; v += i / 4 - v / 4."""
    given = {"tau_syn": one(2), "tau_mem": one(4), "r": one(1), "v_leak": one(0), "w_in": one(1.5)}
    found = play(line(nir.CubaLI(**given)), [1, 0])
    assert found.outputs["out"][:, 0].tolist() == [0.1875, 0.234375]
    fires = play(line(nir.CubaLIF(**given, v_threshold=one(0.2), v_reset=one(-1))), [1, 0])
    assert fires.outputs["out"][:, 0].tolist() == [0, 1]
    assert fires.membranes["0"][:, 0].tolist() == [0.1875, -1]


def test_integrators_send_membranes_and_thresholds_spikes() -> None:
    assert play(line(nir.I(one(3))), [1, 1], dt=0.5).outputs["out"][:, 0].tolist() == [1.5, 3]
    leaky = nir.LI(tau=one(2), r=one(1), v_leak=one(1))
    assert play(line(leaky), [1, 0]).outputs["out"][:, 0].tolist() == [1, 1]
    assert play(line(leaky, nir.Threshold(one(0.75))), [0, 1]).outputs["out"][:, 0].tolist() == [0, 1]


def test_delays_hold_back_constants_too() -> None:
    affine, late = nir.Affine(np.eye(2), one(1, 2)), nir.Delay(one(0, 1.5))
    found = play(line(affine, late, shape=(2,)), np.ones((3, 2)), dt=1.0)
    assert found.outputs["out"].tolist() == [[2, 0], [2, 0], [2, 3]]


def test_joins_add_and_parameters_broadcast() -> None:
    nodes = {
        "in": nir.Input({"input": np.array([2, 1, 2])}),
        "a": nir.Scale(np.array([2.0, 3.0]).reshape(2, 1, 1)),
        "b": nir.Flatten({"input": np.array([2, 1, 2])}, 0, -1),
        "c": nir.Flatten({"input": np.array([2, 1, 2])}, 0, 2),
        "out": nir.Output({"output": np.array([4])}),
    }
    edges = [("in", "a"), ("a", "b"), ("in", "c"), ("b", "out"), ("c", "out")]
    found = play(nir.NIRGraph(nodes, edges, type_check=False), np.ones((1, 2, 1, 2)))
    assert found.outputs["out"].tolist() == [[3, 3, 4, 4]]


def test_a_cycle_closes_with_the_spikes_of_the_step_before_and_its_constants_at_once() -> None:
    """The neuron gets x + 0.25 + half its spike of the step before: 1.25 fires; 0.75; 1 is not above 1.

    A path with a delay of a step is no later than that.
    """
    nodes = {
        "in": nir.Input({"input": np.array([1])}),
        "cell": nir.IF(one(1), one(1)),
        "back": nir.Affine(np.full((1, 1), 0.5), one(0.25)),
        "out": nir.Output({"output": np.array([1])}),
    }
    edges = [("in", "cell"), ("cell", "back"), ("back", "cell"), ("cell", "out")]
    graph = nir.NIRGraph(nodes, edges, type_check=False)
    assert Interpreter(graph, 1.0, {"in": np.ones((1, 1))}).closing == {("cell", "cell")}
    found = play(graph, [1, 0, 0])
    assert found.membranes["cell"][:, 0].tolist() == [0, 0.75, 1]
    assert found.outputs["out"][:, 0].tolist() == [1, 0, 0]
    delayed = {**nodes, "late": nir.Delay(one(1)), "back": nir.Linear(np.ones((1, 1)))}
    edges = [("in", "cell"), ("cell", "late"), ("late", "back"), ("back", "cell"), ("cell", "out")]
    graph = nir.NIRGraph(delayed, edges, type_check=False)
    assert Interpreter(graph, 1.0, {"in": np.ones((1, 1))}).closing == set()
    assert play(graph, [1, 1, 0]).membranes["cell"][:, 0].tolist() == [1, 0, 1]


def test_a_nested_graph_is_as_its_nodes() -> None:
    inner = line(nir.Linear(np.full((1, 1), 2.0)), nir.IF(one(1), one(1)))
    flat_one = line(nir.Linear(np.full((1, 1), 2.0)), nir.IF(one(1), one(1)))
    x = [1, 0, 1]
    nested = play(line(inner), x)
    assert np.array_equal(nested.outputs["out"], play(flat_one, x).outputs["out"])
    assert list(nested.spikes) == ["0.1"]


def test_convolutions_and_pools_by_hand() -> None:
    x = np.arange(1.0, 6).reshape(1, 5)
    w = np.array([[[1.0, 10.0]]])
    assert convolution(x, w, 0, 1, 0, 1, 1).tolist() == [[21, 32, 43, 54]]
    assert convolution(x, w, 0.5, 2, "valid", 2, 1).tolist() == [[31.5, 53.5]]
    assert convolution(x, w, 0, 1, "same", 1, 1).tolist() == [[21, 32, 43, 54, 5]]
    assert convolution(x, w, 0, 2, 1, 1, 1).tolist() == [[10, 32, 54]]
    both = convolution(np.stack([x[0], -x[0]]), np.concatenate([w, 2 * w]), [0, 1], 3, 0, 1, 2)
    assert both.tolist() == [[21, 54], [-41, -107]]
    square = np.arange(12.0).reshape(1, 3, 4)
    assert pooling(square, (2, 3), 1, (0, 0), False).tolist() == [[[18, 24], [42, 48]]]
    assert pooling(square, 2, 2, 1, True).tolist() == [[[0, 0.75, 0.75], [3, 7.5, 4.5]]]
    two = convolution(square, np.ones((1, 1, 2, 1)), [1], (1, 2), (0, 1), (2, 1), 1)
    assert two.tolist() == [[[1, 11, 15]]]
    assert matmul(np.array([1.0, 2]), np.array([[1.0, 1], [0, 3]]), 1).tolist() == [4, 7]
    assert flat(square, 1, -1).shape == (1, 12)
    assert flat(square, 0, -2).shape == (3, 4)


@pytest.mark.parametrize("edges", [[("in", "0"), ("0", "gone")], [("in", "0"), ("0", "1"), ("1", "0")]])
def test_what_cannot_be_played_is_said(edges: list[tuple[str, str]]) -> None:
    graph = line(nir.Scale(one(1)), nir.Scale(one(2)))
    graph.edges = [*edges, ("1", "out")]
    with pytest.raises(NotPlayable):
        play(graph, [1, 1])
