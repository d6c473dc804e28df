"""The windowed engine's plan and kernels, each beside a line of numpy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spikesim.engines.windowed.buffers import make_buffers
from spikesim.engines.windowed.input_layer import count_inputs, input_currents, make_input_buffers
from spikesim.engines.windowed.kernels import parameters
from spikesim.engines.windowed.neurons import add_columns, add_rows, integrate_and_fire, list_fired, winner
from spikesim.engines.windowed.plan import NO_FLOOR, THETA, compile_plan
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
    assert parameters(compiled.plan, THETA, layers[2]).tolist() == [theta * 2**12] * 3


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
    add_rows(current, 6, w.ravel(), 0, idx, sign, 1, 5)
    np.testing.assert_array_equal(current, 1 + sign[1:] @ w[idx[1:]])
    current = np.zeros(7, np.float32)
    columns = np.array([0, 5, 2], np.int32)
    add_columns(current, 7, w.ravel(), 0, 6, columns, sign[:3], 0, 3)
    np.testing.assert_array_equal(current, w[:, columns] @ sign[:3])


@pytest.mark.parametrize("subtract", [0, 1])
@pytest.mark.parametrize("own", [False, True])
def test_integrate_and_fire_by_neuron(subtract: int, own: bool) -> None:
    n = 50
    v, bias = RS.integers(-20, 20, n).astype(np.int32), RS.integers(-3, 3, n).astype(np.int32)
    current, fired = RS.integers(-20, 20, n).astype(np.float32), np.zeros(n, np.uint8)
    theta: Any = RS.integers(5, 15, n).astype(np.int32) if own else np.int32(10)
    floor: Any = np.full(n, -12, np.int32) if own else np.int32(-12)
    x = np.maximum(v + current.astype(np.int32) + bias, floor)
    spikes = x >= theta
    integrate_and_fire(v, current, bias, theta, floor, subtract, fired)
    np.testing.assert_array_equal(fired, spikes)
    np.testing.assert_array_equal(v, np.where(spikes, x - theta if subtract else 0, x))
    count, idx = np.zeros(n, np.int32), np.zeros(n + 1, np.int32)
    k = list_fired(fired, n, count, idx)
    np.testing.assert_array_equal(idx[:k], np.flatnonzero(spikes))
    np.testing.assert_array_equal(count, spikes)
    assert NO_FLOOR == -(2**31)


def test_the_winner_has_most_spikes_then_the_higher_membrane_then_the_lower_index() -> None:
    assert winner(np.array([1, 3, 2]), np.array([9, 0, 9])) == 1
    assert winner(np.array([3, 1, 3]), np.array([0, 9, 1])) == 2
    assert winner(np.array([2, 2]), np.array([5, 5])) == 0


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
