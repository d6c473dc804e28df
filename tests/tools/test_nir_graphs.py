"""The generator of NIR graphs, and the test of our reader on them, quick: seeds of a fixed range."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim.hardware.nir import Convention, read_nir
from spikesim.tools.dev import nir_compare, nir_neurons, nir_nodes, nir_test
from spikesim.tools.dev.nir_graphs import Graph, drawn
from spikesim.tools.dev.nir_nesting import nested
from spikesim.tools.dev.nir_recurrence import clear
from spikesim.tools.dev.nir_structure import flattened, kind

nir = pytest.importorskip("nir")

KINDS = (
    *(
        "Input",
        "Output",
        "Affine",
        "Linear",
        "Scale",
        "Conv1d",
        "Conv2d",
        "AvgPool2d",
        "SumPool2d",
        "Flatten",
    ),
    *("Delay", "Threshold", "I", "IF", "LI", "LIF", "CubaLI", "CubaLIF"),
)


@pytest.fixture(scope="module")
def graphs() -> list[Graph]:
    return [drawn(seed) for seed in range(60)]


def test_every_kind_of_node_and_every_feature_is_drawn(graphs: list[Graph]) -> None:
    seen: Counter[str] = Counter()
    for g in graphs:
        nodes, edges = flattened(g.graph)
        seen.update({kind(node) for node in nodes.values()})
        seen["nested"] += any(kind(node) == "NIRGraph" for node in g.graph.nodes.values())
        seen["batch"] += g.batch > 0
        seen["deep"] += len(nodes) > 15
        seen["inputs"] += len(g.inputs) > 1
        seen["outputs"] += sum(kind(node) == "Output" for node in g.graph.nodes.values()) > 1
        seen["join"] += max(Counter(b for _, b in edges).values()) > 1
        for node in nodes.values():
            if kind(node) in ("LIF", "CubaLIF", "IF"):
                each = np.unique(node.v_threshold).size
                seen["heterogeneous"] += each > 1
                seen["low threshold"] += bool(np.any(node.v_threshold <= 0))
                seen["reset"] += bool(np.any(node.v_reset != 0))
            seen["groups"] += kind(node) == "Conv2d" and node.groups > 1
    assert not [name for name in KINDS if not seen[name]]
    features = (
        "nested",
        "batch",
        "deep",
        "inputs",
        "outputs",
        "join",
        "heterogeneous",
        "low threshold",
        "reset",
    )
    assert min(seen[name] for name in (*features, "groups")) >= 2


def test_a_graph_is_a_function_of_its_seed_and_spikes(graphs: list[Graph]) -> None:
    for g in graphs[:6]:
        again = drawn(g.seed)
        assert g.graph.edges == again.graph.edges
        for name, x in g.inputs.items():
            assert np.array_equal(x, again.inputs[name])
        one, two = g.play(0), again.play(0)
        assert all(np.array_equal(one.outputs[name], two.outputs[name]) for name in one.outputs)
    assert all(g.play(0).total for g in graphs)


def test_numbers_of_few_bits_are_exact_in_float64_in_nearly_all_graphs(graphs: list[Graph]) -> None:
    """Time constants of four steps, one behind the other, can need more bits."""
    exact = [g for g in graphs if g.exact]
    assert sum(nir_compare.decided(g, [g.play(0)]) for g in exact) >= 0.9 * len(exact)
    assert any(g.play(0).nearest == 0 for g in exact)


def test_the_package_nir_reads_back_what_is_played(graphs: list[Graph], tmp_path: Path) -> None:
    plain = [g for g in graphs if not any(kind(node) == "NIRGraph" for node in g.graph.nodes.values())]
    for g in plain[:12]:  # it checks the shapes in nested graphs, and knows neither groups nor broadcasting
        path = tmp_path / f"{g.seed}.nir"
        nir.write(path, g.graph)
        back = replace(g, graph=nir.read(path, type_check=False))
        one, two = g.play(0), back.play(0)
        assert all(np.array_equal(one.outputs[name], two.outputs[name]) for name in one.outputs)


def test_our_reader_agrees_with_the_interpreter_or_refuses_in_words() -> None:
    found = nir_test.run(25, 1, say=lambda line: None)
    assert [o.message for mine in found.values() for o in mine if o.what in nir_compare.FAILURES] == []
    assert sum(o.compared.get("spikes", 0) for o in found["one run"]) > 1000
    made = nir_test.table(found, 1)
    assert made.rows[2][:3] == ("one run", "all", 25)
    assert made.rows[5][:3] == ("trials", "all", 25)
    assert "% refused" in made.notes


def test_a_difference_is_seen(graphs: list[Graph], tmp_path: Path) -> None:
    """One spike more in what the interpreter says, and one number in a file of another weight."""
    for g in graphs:
        path = tmp_path / "one.nir"
        if nir_compare.compared(g, path).what != "equal":
            continue
        imported = read_nir(path, Convention(dt=g.dt))
        recording = nir_compare.played_here(g, imported, 1)
        truth = [g.play(0)]
        assert nir_compare.difference(g, truth, imported, recording)[0] == ""
        name = next(n for n in truth[0].outputs if n in g.graph.nodes)
        x = truth[0].outputs[name].copy()
        x.flat[0] += 1
        wrong = replace(truth[0], outputs={**truth[0].outputs, name: x})
        said = nir_compare.difference(g, [wrong], imported, recording)[0]
        assert said.startswith(f"Output {name}: 1 of ")
        break
    else:
        pytest.fail("no graph is equal")


def test_refusals_are_grouped_without_names_and_numbers() -> None:
    one = nir_test.reason("nodes/a_3: net.4 (Output) gets 12 numbers of 'x'. Do this.")
    two = nir_test.reason("nodes/b: out (Output) gets 1,300 numbers of 'yy'. Do that.")
    assert nir_test.reason("a cycle of zero delay: b -> c; give") == "a cycle of zero delay"
    assert nir_test.reason("a (LIF): LIF: v = -2.5e-3 of neuron 4 is low: why") == "v = N is low"
    assert one == two == "Output gets N numbers of ..."


@pytest.mark.parametrize("what", ["IF", "LIF", "CubaLIF", "LI", "CubaLI", "I", "Threshold"])
def test_neurons_hold_parameters_of_one_shape_and_thresholds_in_reach(what: str) -> None:
    """Free membranes of a channel each: 0 to 3 and 0 to 6."""
    free = np.arange(4.0)[:, None, None] * np.array([1.0, 2.0])[:, None] * np.ones((2, 3))
    low = 0
    for seed in range(40):
        draw = nir_nodes.Draw(np.random.default_rng(seed), seed % 2 == 0, 0.5, 0)
        made = nir_neurons.cell(draw, (2, 3), what)
        node = made.node(**nir_neurons.levels(draw, made, free))
        shapes = {
            np.shape(value) for name, value in vars(node).items() if "type" not in name and name != "metadata"
        }
        assert len(shapes) == 1
        assert np.broadcast_shapes(*shapes, (2, 3)) == (2, 3)
        threshold = np.asarray(getattr(node, "v_threshold", getattr(node, "threshold", 0.0)))
        assert np.all(threshold <= free.max())
        low += bool(np.any(threshold <= 0))
    assert low < 20 or what in ("LI", "CubaLI", "I")


def test_cycles_that_can_be_closed_in_two_ways_are_seen() -> None:
    """Two neurons in a ring that an input enters at both."""
    one = np.ones(1, np.float32)
    nodes: dict[str, Any] = {"in": nir.Input({"input": np.array([1])})}
    nodes |= {name: nir.IF(one, one) for name in "ab"}
    ring = [("in", "a"), ("a", "b"), ("b", "a")]
    given = {"in": np.ones((1, 1))}
    assert clear(nir.NIRGraph(nodes, ring, type_check=False), 1.0, given)
    assert not clear(nir.NIRGraph(nodes, [*ring, ("in", "b")], type_check=False), 1.0, given)


def test_a_part_in_a_graph_of_its_own_keeps_all_nodes() -> None:
    draw = nir_nodes.Draw(np.random.default_rng(1), True, 1.0, 0)
    names = ["in", "a", "b", "c", "out"]
    nodes = {n: nir.Scale(np.ones(2)) for n in "abc"}
    nodes = {"in": nir.Input({"input": np.array([2])}), **nodes, "out": nir.Output({"output": np.array([2])})}
    edges = [(names[k], names[k + 1]) for k in range(4)]
    outside, kept = nested(draw, nodes, edges, dict.fromkeys(names, (2,)), "part")
    flat, _ = flattened(nir.NIRGraph(outside, kept, type_check=False))
    assert sum(kind(node) == "Scale" for node in flat.values()) == 3
    assert len(flat) > 5
