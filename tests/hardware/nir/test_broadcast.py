"""Parameters and factors of NIR nodes that spread over the axes of what comes in, and graphs in graphs."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikesim as ss
from spikesim.hardware.nir.broadcast import joined, partial, spread, spreads
from spikesim.hardware.nir.conventions import Convention
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.read import Imported, read_nir

nir = pytest.importorskip("nir")
RS = np.random.default_rng(4)


def test_values_spread_by_numpys_rules() -> None:
    values = RS.normal(size=(2, 1, 1))
    for own in (values, values[None], values * np.ones((2, 3, 4))):
        np.testing.assert_array_equal(spread(own, (2, 3, 4)), (values * np.ones((2, 3, 4))).reshape(-1))
    row = np.arange(4.0)
    np.testing.assert_array_equal(spread(row, (2, 3, 4)), np.tile(row, 6))
    np.testing.assert_array_equal(spread(np.arange(6.0), (2, 3)), np.arange(6.0))  # in order: no axis has 6
    assert spread(np.array(2.0), (2, 3)).tolist() == [2.0]  # type: ignore[union-attr]
    assert spread(np.arange(5.0), (2, 3)) is None and not spreads((5,), (2, 3))
    assert spreads((1, 2, 1), (2, 3)) and not spreads((3, 1), (2, 3))
    assert joined([(2, 1), (1, 3), ()]) == (2, 3) and joined([(2,), (3,)]) == (3,)
    assert partial((2, 1)) and not partial((1,)) and not partial((2, 3))


def made(folder: Path, nodes: dict[str, Any], edges: list[tuple[str, str]]) -> Imported:
    nir.write(folder / "a.nir", nir.NIRGraph(nodes, edges, type_check=False), compression=None)
    return read_nir(folder / "a.nir", Convention(dt=1.0))


def played(found: Imported, given: np.ndarray, name: str) -> np.ndarray:
    """Spikes, or the membranes of a result, (steps, n)."""
    inputs = {"i": ss.from_raster(given.reshape(len(given), -1).astype(np.int8))}
    kept = ss.simulate(found.network, inputs, steps=len(given), record=[name])
    return kept.v[name][0] if name in found.membranes else kept.spikes[name].raster()


def chain(**nodes: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    names = list(nodes)
    return nodes, list(itertools.pairwise(names))


@pytest.mark.parametrize("batch", [False, True])
def test_parameters_for_each_channel_or_row(tmp_path: Path, batch: bool) -> None:
    """v += x; a threshold for each channel, of any sign, a reset for each row."""
    threshold, reset = np.array([0.5, -0.25, 2.5]).reshape(3, 1, 1), np.array([-1.0, -2.0]).reshape(1, 2, 1)
    one = np.ones((1, 1, 1))
    fields = {"r": one, "v_threshold": threshold, "v_reset": reset}
    if batch:
        fields = {key: value[None] for key, value in fields.items()}
    cell = nir.IF(r=np.ones(1), v_threshold=np.ones(1), v_reset=np.zeros(1))
    for key, value in fields.items():
        setattr(cell, key, value)
    shape = (1, 3, 2, 4) if batch else (3, 2, 4)
    nodes, edges = chain(i=nir.Input(np.array(shape)), n=cell, o=nir.Output(np.array(shape)))
    found = made(tmp_path, nodes, edges)
    given = RS.random((30, 3, 2, 4)) < 0.4
    v, wanted = np.zeros((3, 2, 4)), []
    for x in given:
        v = v + x
        fired = v > threshold
        v = np.where(fired, np.broadcast_to(reset, v.shape), v)
        wanted.append(fired.reshape(-1))
    np.testing.assert_array_equal(played(found, given, "n"), wanted)
    assert np.sum(wanted) > 100


@pytest.mark.parametrize("shape", [(3, 1, 1), (4,), (1, 2, 4), (24,), (1, 3, 2, 4), ()])
def test_a_scale_of_any_shape_that_broadcasts(tmp_path: Path, shape: tuple[int, ...]) -> None:
    s = RS.normal(size=shape)
    nodes, edges = chain(
        i=nir.Input(np.array([3, 2, 4])), s=nir.Scale(np.array(s)), o=nir.Output(np.array([3, 2, 4]))
    )
    given = RS.random((20, 3, 2, 4)) < 0.5
    factor = s.reshape(3, 2, 4) if shape == (24,) else s
    wanted = (given * factor).reshape(20, -1)
    np.testing.assert_array_equal(played(made(tmp_path, nodes, edges), given, "o"), wanted)


def test_a_scale_and_a_delay_of_more_elements_repeat_what_comes_in(tmp_path: Path) -> None:
    s, late = RS.normal(size=(2, 3)), np.array([0.0, 2.0, 5.0])
    nodes, edges = chain(
        i=nir.Input(np.array([2, 1])),
        d=nir.Delay(np.broadcast_to(late, (2, 3)).copy()),
        s=nir.Scale(s),
        o=nir.Output(np.array([2, 3])),
    )
    given = (RS.random((20, 2, 1)) < 0.5).astype(float)
    wanted = np.zeros((20, 2, 3))
    for k, d in enumerate(late.astype(int)):
        wanted[d:, :, k] = given[: 20 - d, :, 0] * s[:, k]
    np.testing.assert_array_equal(played(made(tmp_path, nodes, edges), given, "o"), wanted.reshape(20, -1))


def test_weights_of_three_axes_are_a_matrix_for_each_place(tmp_path: Path) -> None:
    w, b = RS.integers(-8, 8, (5, 3, 2)) / 8, RS.integers(-8, 8, (5, 3)) / 8
    nodes, edges = chain(i=nir.Input(np.array([5, 2])), w=nir.Affine(w, b), o=nir.Output(np.array([5, 3])))
    given = (RS.random((20, 5, 2)) < 0.5).astype(float)
    wanted = np.einsum("boi,tbi->tbo", w, given) + b
    np.testing.assert_array_equal(played(made(tmp_path, nodes, edges), given, "o"), wanted.reshape(20, -1))


def test_what_does_not_broadcast_is_named(tmp_path: Path) -> None:
    nodes, edges = chain(
        i=nir.Input(np.array([3, 2])), s=nir.Scale(np.ones((2, 2))), o=nir.Output(np.array([3, 2]))
    )
    with pytest.raises(NirError, match=r"s \(Scale\): scale of the shape \(2, 2\) for an input of \(3, 2\)"):
        made(tmp_path, nodes, edges)


@pytest.mark.parametrize("depth", [1, 12, 40])
def test_graphs_in_graphs(tmp_path: Path, depth: int) -> None:
    """Each graph halves what comes in: 2 ** -depth arrives."""
    inner: Any = nir.Scale(np.full(2, 1.0))
    for _ in range(depth):
        parts = {"input": nir.Input(np.array([2])), "s": nir.Scale(np.full(2, 0.5)), "g": inner}
        parts["output"] = nir.Output(np.array([2]))
        edges = [("input", "s"), ("s", "g"), ("g", "output")]
        inner = nir.NIRGraph(parts, edges, type_check=False)
    nodes, edges = chain(i=nir.Input(np.array([2])), g=inner, o=nir.Output(np.array([2])))
    given = np.eye(2)
    np.testing.assert_array_equal(played(made(tmp_path, nodes, edges), given, "o"), given * 2.0**-depth)


def test_several_inputs_and_outputs_and_a_skip(tmp_path: Path) -> None:
    """n hears both inputs, m hears n and the first input; both are outputs."""
    w = RS.integers(-8, 16, (2, 3, 2)) / 16
    cell = lambda: nir.IF(r=np.ones(3), v_threshold=np.full(3, 0.75))  # noqa: E731
    nodes = {"i": nir.Input(np.array([2])), "j": nir.Input(np.array([2])), "n": cell(), "m": cell()}
    nodes |= {"a": nir.Linear(w[0]), "b": nir.Linear(w[1]), "p": nir.Output(np.array([3]))}
    nodes |= {"q": nir.Output(np.array([3]))}
    edges = [("i", "a"), ("j", "b"), ("a", "n"), ("b", "n"), ("n", "m"), ("a", "m"), ("n", "p"), ("m", "q")]
    found = made(tmp_path, nodes, edges)
    assert found.outputs == {"p": ("n",), "q": ("m",)} and set(found.inputs) == {"i", "j"}
    x, y = (RS.random((2, 40, 2)) < 0.4).astype(np.int8)
    inputs = {"i": ss.from_raster(x), "j": ss.from_raster(y)}
    kept = ss.simulate(found.network, inputs, steps=40, record=["n", "m"]).spikes
    v = np.zeros((2, 3))
    for t in range(40):
        v[0] += w[0] @ x[t] + w[1] @ y[t]
        first = v[0] > 0.75
        v[1] += first + w[0] @ x[t]
        second = v[1] > 0.75
        v[0][first] = v[1][second] = 0
        assert kept["n"].raster()[t].tolist() == first.astype(int).tolist()
        assert kept["m"].raster()[t].tolist() == second.astype(int).tolist()
    assert len(kept["m"].times) > 20
