"""The windowed engine's plan and kernels, each beside a line of numpy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spikesim.engines.windowed.buffers import make_buffers
from spikesim.engines.windowed.input_layer import count_inputs, input_currents, make_input_buffers
from spikesim.engines.windowed.neurons import (
    add_columns,
    add_padded,
    add_rows,
    add_signed_rows,
    integrate_and_fire,
    list_fired,
    pad_rows,
    winner,
)
from spikesim.engines.windowed.plan import BIAS, FLOOR, NARROW, NO_FLOOR, THETA, compile_plan
from spikesim.engines.windowed.weight_update import add_increments, update_row
from spikesim.errors import EngineError
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network
from spikesim.neurons import IF, LIF, Source
from spikesim.synapses import Dense, OneToOne
from spikesim.window import Window

pytestmark = pytest.mark.core
RS = np.random.default_rng(1)


def test_a_plan_lays_layers_and_weights_behind_each_other() -> None:
    compiled = compile_plan(build(Emstdp(sizes=(5, 4, 3), T=8, error_form="pair"), seed=1))
    layers, errors = compiled.plan.layers, compiled.plan.errors
    assert compiled.layers[0] == "in" and layers["n"].tolist() == [5, 4, 3]
    assert layers["start"].tolist() == [0, 0, 4] and layers["w_start"].tolist() == [0, 0, 20]
    assert errors["n"].tolist() == [3, 4] and errors["pair"].tolist() == [1, 1]
    assert (compiled.plan.T, compiled.plan.split, compiled.plan.readout) == (8, 4, 2)
    assert compiled.plan.slots & (compiled.plan.slots - 1) == 0, "a power of two"
    buffers, _ = make_buffers(compiled.plan)
    assert buffers.v.size == 7 + 2 * 7 and buffers.k.size == 5 * compiled.plan.slots
    theta = build(Emstdp(sizes=(5, 4, 3), T=8, error_form="pair"), seed=1).populations["out"].theta
    assert compiled.plan.neurons.reshape(4, -1)[THETA, 4:7].tolist() == [theta * 2**12] * 3
    assert layers["padded"].tolist() == [-1, -1, 0] and buffers.padded.size == 4 * NARROW


def test_the_steps_ahead_end_where_an_error_spike_can_arrive() -> None:
    assert compile_plan(build(Emstdp(sizes=(5, 4, 3), T=8), seed=1)).plan.ahead == 4
    inference = build(Emstdp(sizes=(5, 4, 3), T=8), seed=1).inference()
    assert compile_plan(inference).plan.ahead == inference.window.T


def test_narrow_layers_are_added_by_padded_rows() -> None:
    w = RS.integers(-9, 9, (7, 3)).astype(np.float32)
    layers = np.array(
        [(0, 0, -1), (7, 0, -1), (3, 2, 1)], [(k, np.int64) for k in ("n", "w_start", "padded")]
    )
    padded = np.zeros(1 + 7 * NARROW, np.float32)
    _plainly(pad_rows)(SimpleNamespace(layers=layers.view(np.recarray)), np.append([8, 8], w), padded)
    idx, current = np.array([1, 0, 6, 2, 5, 3, 2], np.int32), np.ones(NARROW, np.float32)
    add_padded(current, padded, 1, idx, 1, 6)
    np.testing.assert_array_equal(current, np.append(1 + w[idx[1:]].sum(axis=0), np.ones(NARROW - 3)))


def test_what_is_no_chain_is_refused_with_the_way_out() -> None:
    source, dense = Source(2), Dense("in", "a", np.eye(2))
    for populations, projections, window, said in (
        ({"in": source, "a": LIF(2, 1.0)}, (dense,), Window(4), "in"),
        ({"in": source, "a": IF(2, 1.0, grid=4, refractory=1)}, (dense,), Window(4), "refractory"),
        ({"in": source, "a": IF(2, 1.0, grid=4)}, (OneToOne("in", "a", 1.0),), Window(4), "dense"),
        ({"in": source, "in2": source, "a": IF(2, 1.0, grid=4)}, (dense,), Window(4), "one source"),
        ({"in": source, "a": IF(2, 1.0, grid=4)}, (dense,), Window.without_end(), "is continuous"),
    ):
        with pytest.raises(EngineError, match=said):
            compile_plan(Network(populations, projections, window))  # type: ignore[arg-type]


def test_the_input_table_gives_the_matrix_product() -> None:
    """Any input, whole blocks of columns or not: raster @ w, exactly."""
    for n, m, T in ((3, 5, 4), (37, 70, 9), (64, 128, 3)):
        raster = (RS.random((T, n)) < 0.4).astype(np.int32)
        w = RS.integers(-50, 50, (n, m)).astype(np.float32)
        times, neurons = (a.astype(np.int32) for a in np.nonzero(raster))
        layers = np.array([(n,), (m,)], [("n", np.int64)]).view(np.recarray)
        plan = _plan(T, T, False, layers)
        buffers, h = make_input_buffers(T, n, m), np.zeros((2, n), np.int32)
        _plainly(count_inputs)(plan, times, neurons, h)
        np.testing.assert_array_equal(h, [raster.sum(axis=0), np.zeros(n)])
        _plainly(input_currents)(plan, w.ravel(), times, neurons, h, buffers)
        np.testing.assert_array_equal(buffers.currents[:, :m], raster @ w)


def _plan(T: int, split: int, replay: bool, layers: Any) -> Any:
    return SimpleNamespace(T=T, split=split, replay=replay, layers=layers)


def _plainly(function: Any) -> Any:
    """A kernel as Python reads it: the plan here is no tuple that numba knows."""
    return getattr(function, "py_func", function)


def test_rows_and_columns_are_added_with_their_signs() -> None:
    w = RS.integers(-9, 9, (7, 6)).astype(np.float32)
    idx, sign = np.array([0, 6, 2, 5, 3, 2], np.int32), np.array([1, -1, 1, 1, -1, 1], np.float32)
    current = np.ones(6, np.float32)
    add_signed_rows(current, 6, w.ravel(), 0, idx, sign, 1, 5)
    np.testing.assert_array_equal(current, 1 + sign[1:] @ w[idx[1:]])
    current = np.ones(6, np.float32)
    add_rows(current, 6, w.ravel(), 0, idx, 1, 5)
    np.testing.assert_array_equal(current, 1 + w[idx[1:]].sum(axis=0))
    current = np.zeros(7, np.float32)
    columns = np.array([0, 5, 2], np.int32)
    add_columns(current, 7, w.ravel(), 0, 6, columns, sign[:3], 0, 3)
    np.testing.assert_array_equal(current, w[:, columns] @ sign[:3])


@pytest.mark.parametrize("subtract", [0, 1])
def test_neurons_integrate_fire_and_are_listed(subtract: int) -> None:
    """The neurons 3 .. 52 of 60, each with parameters of its own; currents and spikes amid larger arrays."""
    n, first = 50, 3
    v, current = RS.integers(-20, 20, 60).astype(np.int32), RS.integers(-20, 20, 70).astype(np.float32)
    parameters = np.zeros((4, 60), np.int32)
    parameters[BIAS] = RS.integers(-3, 3, 60)
    parameters[THETA], parameters[FLOOR] = RS.integers(5, 15, 60), -12
    before, mine = v.copy(), slice(first, first + n)
    x = np.maximum(v[mine] + current[7:57].astype(np.int32) + parameters[BIAS, mine], -12)
    spikes = x >= parameters[THETA, mine]
    fired = np.zeros(64, np.uint8)
    integrate_and_fire(v, first, n, current, 7, parameters.ravel(), subtract, fired)
    np.testing.assert_array_equal(fired[:50], spikes)
    np.testing.assert_array_equal(
        v[mine], np.where(spikes, x - parameters[THETA, mine] if subtract else 0, x)
    )
    np.testing.assert_array_equal(np.delete(v, np.arange(60)[mine]), np.delete(before, np.arange(60)[mine]))
    idx = np.zeros(n + 5, np.int32)
    k = list_fired(fired, fired.view(np.uint64), n, idx, 5)
    np.testing.assert_array_equal(idx[5 : 5 + k], np.flatnonzero(spikes))
    assert NO_FLOOR == -(2**31)


def test_the_winner_has_most_spikes_then_the_higher_membrane_then_the_lower_index() -> None:
    for counts, v, chosen in (([1, 3, 2], [9, 0, 9], 1), ([3, 1, 3], [0, 9, 1], 2), ([2, 2], [5, 5], 0)):
        both = np.array([np.append(9, counts), np.append(9, counts)])  # of two phases, after another neuron
        n = len(counts)
        assert (
            winner(both, 0, 1, np.append(99, v), 1, n) == winner(both, 1, 1, np.append(99, v), 1, n) == chosen
        )
    assert winner(np.array([[2, 0], [0, 1]]), 1, 1, np.zeros(2), 0, 2) == 1, "the second phase alone"
    assert winner(np.array([[2, 0], [0, 1]]), 0, 1, np.zeros(2), 0, 2) == 0


def test_a_row_is_updated_clipped_and_rounded() -> None:
    """master + step dh, clipped to +-100; what propagates is it over 16, rounded half up; two are cut."""
    master = np.array([0, 90, -95, 7], np.int32)
    w = np.zeros(4, np.float32)
    cut = update_row(w, master, np.array([1, 2, -1, 0], np.int32), np.int32(8), -100, 100, 4)
    assert master.tolist() == [8, 100, -100, 7] and cut == 2
    assert w.tolist() == [np.floor(m / 16 + 0.5) for m in (8, 100, -100, 7)]
    moved = np.array([[5, -300], [0, 1]], np.int64)
    flat, w = np.array([99, 0, 3, 4], np.int32), np.zeros(4, np.float32)
    assert add_increments(w, flat, 0, moved, -100, 100, 4) == 2
    assert flat.tolist() == [100, -100, 3, 5] and w.tolist() == [6, -6, 0, 0]
