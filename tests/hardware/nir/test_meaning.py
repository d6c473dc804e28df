"""What a NIR graph means does not hang on its names, on a grid, or on how a loop's delay is written."""

from __future__ import annotations

from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikesim as ss
from spikesim.hardware.nir import Convention, NirError, read_nir, write

nir = pytest.importorskip("nir")


def cells(n: int, threshold: float = 1.0, **fields: Any) -> Any:
    return nir.IF(r=np.ones(n), v_threshold=np.full(n, threshold), **fields)


def linear(*rows: list[float]) -> Any:
    return nir.Linear(np.array(rows, np.float32))


def read(folder: Path, nodes: dict[str, Any], edges: list[tuple[str, str]], **convention: Any) -> Any:
    path = folder / "graph.nir"
    nir.write(path, nir.NIRGraph(nodes, edges, type_check=False), compression=None)
    return read_nir(path, Convention(dt=1.0, **convention))


def chained(**nodes: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    ends = {"i": nir.Input(np.array([1])), **nodes, "o": nir.Output(np.array([1]))}
    return ends, list(pairwise(ends))


def times(made: Any, name: str, given: np.ndarray, source: str = "i") -> list[tuple[int, int]]:
    """Steps and neurons that fire."""
    found = ss.simulate(made.network, {source: ss.from_raster(given)}, steps=len(given), record=[name])
    spikes = found.spikes[name]
    return list(zip(spikes.times.tolist(), spikes.neurons.tolist(), strict=True))


@pytest.mark.parametrize("fires", [">", ">="])
@pytest.mark.parametrize("threshold", [0.5, 0.5037])
def test_a_reset_by_subtraction_takes_v_threshold_away(tmp_path: Path, fires: Any, threshold: float) -> None:
    """And not the next number of the grid on which the weights lie. The membrane, by hand, grows by 0.25."""
    made = read(tmp_path, *chained(w=linear([0.25]), n=cells(1, threshold)), fires=fires, reset="subtract")
    v, wanted = 0.0, []
    for t in range(60):
        v += 0.25
        if v > threshold or (fires == ">=" and v == threshold):
            wanted.append((t, 0))
            v -= threshold
    assert times(made, "n", np.ones((60, 1), np.int8)) == wanted
    assert isinstance(made.network.populations["n"], ss.IF) == (fires == ">=" and threshold == 0.5)


def test_delays_of_a_loop_that_add_up_to_a_step_are_a_step(tmp_path: Path) -> None:
    nodes = {"i": nir.Input(np.array([2])), "n": cells(2, 0.5), "o": nir.Output(np.array([2]))}
    nodes |= {"d": nir.Delay(np.array([0.0, 1.0])), "e": nir.Delay(np.array([1.0, 0.0]))}
    edges = [("i", "n"), ("n", "d"), ("d", "e"), ("e", "n"), ("n", "o")]
    made = read(tmp_path, nodes, edges)
    given = np.zeros((6, 2), np.int8)
    given[0] = 1
    assert [note[:8] for note in made.notes] == ["assumed,"]
    assert times(made, "n", given) == [(t, j) for t in range(6) for j in range(2)]


def test_only_what_has_no_delay_is_late_in_a_loop(tmp_path: Path) -> None:
    nodes = {"i": nir.Input(np.array([2])), "n": cells(2, 0.5), "o": nir.Output(np.array([2]))}
    nodes["d"] = nir.Delay(np.array([0.0, 3.0]))
    made = read(tmp_path, nodes, [("i", "n"), ("n", "d"), ("d", "n"), ("n", "o")])
    given = np.zeros((6, 2), np.int8)
    given[0] = 1
    assert "its spikes arrive a step later" in made.notes[0]
    assert times(made, "n", given) == [(0, 0), (0, 1), (1, 0), (2, 0), (3, 0), (3, 1), (4, 0), (5, 0)]


@pytest.mark.parametrize("source", ["constant", "self", "n_2", "i"])
def test_no_name_is_in_the_way_of_ours(tmp_path: Path, source: str) -> None:
    """The reader has names of its own, for a bias's source and while it proves a grid."""
    full = np.ones(1)
    cuba = nir.CubaLIF(4 * full, 4 * full, 4 * full, 0 * full, 0.1 * full, w_in=4 * full)
    nodes = {source: nir.Input(np.array([2])), "w": nir.Affine(np.ones((1, 2)) / 2, np.array([0.125]))}
    nodes |= {"c": cuba, "v": linear([0.5, 0.25]), "n": cells(1), "o": nir.Output(np.array([1]))}
    edges = [(source, "w"), ("w", "c"), (source, "v"), ("v", "n"), ("c", "o"), ("n", "o")]
    made = read(tmp_path, nodes, edges)
    given = (np.random.default_rng(1).random((30, 2)) < 0.4).astype(np.int8)
    assert made.network.populations[source] == ss.Source(2)
    assert isinstance(made.network.populations["n"], ss.IF)
    assert len(times(made, "c", given, source)) > len(times(made, "n", given, source)) > 0


def test_two_paths_and_a_name_with_a_number(tmp_path: Path) -> None:
    nodes = {"i": nir.Input(np.array([1])), "b": cells(1, 1.5), "b#2": cells(1, 0.5)}
    nodes |= {"s": linear([1.0]), "t": linear([0.75]), "o": nir.Output(np.array([1]))}
    edges = [("i", "s"), ("i", "t"), ("s", "b"), ("t", "b"), ("i", "b#2"), ("b", "o"), ("b#2", "o")]
    made = read(tmp_path, nodes, edges)
    assert len({p.name for p in made.network.projections}) == 3
    assert times(made, "b", np.ones((2, 1), np.int8)) == [(0, 0), (1, 0)]


def test_which_edge_of_a_ring_is_late_is_said_by_the_order_of_edges(tmp_path: Path) -> None:
    given = (np.random.default_rng(2).random((20, 1)) < 0.5).astype(np.int8)
    seen = set()
    for names in permutations("abc"):
        first, second, third = names
        nodes: dict[str, Any] = {"i": nir.Input(np.array([1])), "o": nir.Output(np.array([1]))}
        nodes |= {first: cells(1, 0.5), second: cells(1, 1.5), third: cells(1, 0.5)}
        ring = [(first, second), (second, third), (third, first)]
        made = read(tmp_path, nodes, [("i", first), ("i", second), *ring, (third, "o")])
        seen.add(tuple(times(made, third, given)))
    assert len(seen) == 1 and seen != {()}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("simplify", [False, True])
def test_a_fraction_replaces_a_float32_where_the_caller_asks(
    tmp_path: Path, dtype: Any, simplify: bool
) -> None:
    """A number of the file is that number; what float32 may have rounded is a fraction on request only."""
    kept = 1 / 3 if simplify and dtype is np.float32 else float(dtype(1 / 3 + 1e-8))
    node = nir.LIF(tau=np.ones(1, dtype), r=np.array([1 / 3 + 1e-8], dtype), v_leak=0 * np.ones(1, dtype),
                   v_threshold=np.ones(1, dtype))  # fmt: skip
    made = read(tmp_path, *chained(n=node), simplify=simplify)
    assert made.network.weights("i->n").tolist() == [kept]
    assert any("is taken as 1/3" in note for note in made.notes) == (kept == 1 / 3)


REFUSED: dict[str, dict[str, Any]] = {
    "beyond 2\\*\\*53": {"w": nir.Linear(np.array([[2**53 + 1]])), "n": cells(1)},
    "a delay of 0.4 steps": {"d": nir.Delay(np.array([0.4])), "n": cells(1)},
    "beyond float64": {
        "w": linear([1e30]),
        "n": nir.IF(r=np.full(1, 1.7e308), v_threshold=np.ones(1)),
    },
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_would_be_rounded_or_overflow_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(NirError, match=said):
        read(tmp_path, *chained(**REFUSED[said]))


def test_neurons_of_another_shape_are_no_vector(tmp_path: Path) -> None:
    nodes = {"i": nir.Input(np.array([3, 2])), "o": nir.Output(np.array([2, 3]))}
    nodes["n"] = nir.IF(r=np.ones((2, 3)), v_threshold=np.ones((2, 3)))
    with pytest.raises(NirError, match=r"n \(IF\) receives \(3, 2\) from i; \(2, 3\) is needed"):
        read(tmp_path, nodes, [("i", "n"), ("n", "o")])


def test_paths_that_double_and_kernels_that_unfold_are_refused_at_once(tmp_path: Path) -> None:
    nodes: dict[str, Any] = {"i": nir.Input(np.array([1]))}
    edges, heard = [], ["i"]
    for k in range(12):
        pair = [f"a{k}", f"b{k}"]
        nodes |= {name: nir.Scale(np.ones(1)) for name in pair}
        edges += [(a, b) for a in heard for b in pair]
        heard = pair
    for k in range(8):
        nodes[f"n{k}"] = cells(1)
        edges += [(a, f"n{k}") for a in heard]
    with pytest.raises(NirError, match="paths lead from population to population; 4,096 are read"):
        read(tmp_path, nodes, edges)
    conv = nir.Conv2d((5, 5), np.ones((1, 1, 3, 3)), 1, "same", 2000, 1, np.zeros(1))
    nodes = {"i": nir.Input(np.array([1, 5, 5])), "c": conv, "n": nir.IF(np.ones(1), np.ones(1))}
    with pytest.raises(NirError, match=r"kernels over \(4001, 4001\); 4,194,304 weights are made"):
        read(tmp_path, nodes, [("i", "c"), ("c", "n")])


def test_a_layer_that_hears_itself_has_an_output_and_what_hears_nothing_is_refused(tmp_path: Path) -> None:
    w = np.ones((2, 2)) / 2
    populations: dict[str, Any] = {"in": ss.Source(2), "n": ss.IF(2, 1.0, 4)}
    links = [ss.Dense("in", "n", w), ss.Dense("n", "n", w, delay=1)]
    write(ss.Network(populations, links), tmp_path / "a.nir")
    assert read_nir(tmp_path / "a.nir").outputs == {"output": ("n",)}
    nir.read(str(tmp_path / "a.nir"))
    with pytest.raises(NirError, match="no population is a Source"):
        write(ss.Network({"n": ss.IF(2, 1.0, 4)}, links[1:]), tmp_path / "b.nir")
    with pytest.raises(NirError, match="m: nothing leads to it"):
        write(ss.Network({**populations, "m": ss.IF(1, 1.0, 4)}, links), tmp_path / "b.nir")
