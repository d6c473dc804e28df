"""NIR graphs of others, read as networks: against a twin that steps through the nodes one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikesim as ss
from spikesim.errors import DeclarationError
from spikesim.hardware.nir.conventions import CONVENTIONS, Convention
from spikesim.hardware.nir.neurons import fires_from, written_threshold
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.read import read, read_nir

nir = pytest.importorskip("nir")
DT = 1e-4


def pooled(x: np.ndarray, w: np.ndarray, stride: Any, padding: Any, dilation: Any, groups: int) -> np.ndarray:
    """A cross-correlation of (C, H, W) with (O, C / groups, h, w), place by place."""
    (sy, sx), (py, px), (dy, dx) = (np.broadcast_to(v, 2) for v in (stride, padding, dilation))
    x = np.pad(x, ((0, 0), (py, py), (px, px)))
    h, v = dy * (w.shape[2] - 1) + 1, dx * (w.shape[3] - 1) + 1
    rows, columns = (x.shape[1] - h) // sy + 1, (x.shape[2] - v) // sx + 1
    out = np.zeros((w.shape[0], rows, columns))
    for o in range(w.shape[0]):
        first = o // (w.shape[0] // groups) * w.shape[1]
        for r in range(rows):
            for c in range(columns):
                seen = x[first : first + w.shape[1], r * sy : r * sy + h : dy, c * sx : c * sx + v : dx]
                out[o, r, c] = (seen * w[o]).sum()
    return out


class Twin:
    """A NIR graph (one level) run as its equations stand, in forward Euler; loops take the step before."""

    def __init__(self, graph: Any, dt: float) -> None:
        self.nodes, self.edges, self.dt = graph.nodes, graph.edges, dt
        self.state: dict[str, dict[str, np.ndarray]] = {n: {} for n in self.nodes}
        self.past: dict[str, list[np.ndarray]] = {n: [] for n in self.nodes}

    def run(self, given: Mapping[str, np.ndarray], order: list[str]) -> dict[str, np.ndarray]:
        """All that each node of `order` sends, (T, ...)."""
        T = len(next(iter(given.values())))
        sent: dict[str, list[np.ndarray]] = {n: [] for n in order}
        for t in range(T):
            for name in order:
                node = self.nodes[name]
                if name in given:
                    value = given[name][t].astype(float).reshape(node.output_type["output"])
                else:
                    heard = []
                    for a in [a for a, b in self.edges if b == name]:
                        if len(sent[a]) > t:
                            heard.append(sent[a][t])
                        elif t:  # a loop: what it sent a step ago
                            heard.append(sent[a][t - 1])
                    value = self.send(name, node, sum(heard[1:], heard[0]) if heard else None)
                sent[name].append(value)
        return {name: np.array(values) for name, values in sent.items()}

    def send(self, name: str, node: Any, x: Any) -> np.ndarray:
        """What a node sends for what it hears."""
        kind = type(node).__name__
        if kind in ("Affine", "Linear"):
            return node.weight @ x + (node.bias if kind == "Affine" else 0.0)
        if kind == "Conv2d":
            out = pooled(x, node.weight, node.stride, node.padding, node.dilation, int(node.groups))
            return out + node.bias[:, None, None]
        if kind == "Conv1d":
            w = node.weight[:, :, None]
            places = [(1, int(node.stride)), (0, int(node.padding)), (1, int(node.dilation))]
            return pooled(x[:, None], w, *places, int(node.groups))[:, 0] + node.bias[:, None]
        if kind in ("SumPool2d", "AvgPool2d"):
            w = np.ones((len(x), 1, *node.kernel_size)) / (1 if kind[0] == "S" else np.prod(node.kernel_size))
            return pooled(x, w, node.stride, node.padding, 1, len(x))
        if kind == "Flatten":
            return x.reshape(-1)
        if kind == "Scale":
            return x * node.scale
        if kind == "Delay":
            return self.late(name, node, x)
        return x if kind == "Output" else self.neuron(name, node, kind, x)

    def late(self, name: str, node: Any, x: np.ndarray) -> np.ndarray:
        """Element by element what came so many steps ago."""
        past = self.past[name]
        past.append(x)
        steps = np.rint(np.broadcast_to(node.delay, x.shape) / self.dt).astype(int)
        out = np.zeros(x.shape)
        for place in np.ndindex(*x.shape):
            if steps[place] < len(past):
                out[place] = past[-1 - steps[place]][place]
        return out

    def neuron(self, name: str, node: Any, kind: str, x: Any) -> np.ndarray:
        """A step of the node's differential equations, its spikes, its reset."""
        if kind == "Threshold":
            return (x > node.threshold).astype(float)
        state = self.state[name]
        v = state.get("v", np.zeros(node.v_threshold.shape))
        x = np.zeros(v.shape) if x is None else np.asarray(x).reshape(v.shape)
        if kind == "IF":
            v = v + self.dt * node.r * x
        elif kind == "LIF":
            v = v + self.dt / node.tau * (node.v_leak - v + node.r * x)
        else:
            u = state.get("u", np.zeros(v.shape))
            state["u"] = u = u + self.dt / node.tau_syn * (node.w_in * x - u)
            v = v + self.dt / node.tau_mem * (node.v_leak - v + node.r * u)
        fired = v > node.v_threshold
        state["v"] = np.where(fired, node.v_reset, v)
        return fired.astype(float)


def full(n: Any, value: float) -> np.ndarray:
    return np.full(n, value)


def lif(n: Any, steps: float = 8, threshold: float = 1.0, **more: float) -> Any:
    tau = full(n, steps * DT)
    leak, reset = full(n, more.get("leak", 0.0)), full(n, more.get("reset", 0.0))
    return nir.LIF(tau=tau, r=tau / DT, v_leak=leak, v_threshold=full(n, threshold), v_reset=reset)


def cuba(n: Any, syn: float = 4, mem: float = 8, threshold: float = 1.0) -> Any:
    return nir.CubaLIF(
        tau_syn=full(n, syn * DT),
        tau_mem=full(n, mem * DT),
        r=full(n, mem),
        v_leak=full(n, 0.0),
        v_threshold=full(n, threshold),
        w_in=full(n, syn),
    )


def fires(n: Any, threshold: float = 1.0) -> Any:
    return nir.IF(r=full(n, 1 / DT), v_threshold=full(n, threshold))


def weights(rng: np.random.Generator, *shape: int, bits: int = 6) -> np.ndarray:
    """On a grid, so that sums in any order are one."""
    return (rng.integers(-(2**bits), 2**bits, shape) / 2**bits).astype(np.float32)


def saved(graph: Any, folder: Path) -> Path:
    path = folder / "graph.nir"
    nir.write(path, graph, compression=None)  # its default folds no scalars
    return path


def compare(graph: Any, folder: Path, order: list[str], steps: int = 60, rate: float = 0.3) -> Any:
    """Every spike of every population, here and from the twin; spikes there are."""
    made = read_nir(saved(graph, folder), Convention(dt=DT))
    rng = np.random.default_rng(7)
    sources = {name: p.n for name, p in made.network.populations.items() if isinstance(p, ss.Source)}
    given = {name: (rng.random((steps, n)) < rate).astype(np.int8) for name, n in sources.items()}
    cells = [n for n, p in made.network.populations.items() if hasattr(p, "theta")]
    inputs = {name: ss.from_raster(raster) for name, raster in given.items()}
    found = ss.simulate(made.network, inputs, steps=steps, record=cells)
    wanted = Twin(graph, DT).run(given, order)
    for name in cells:
        np.testing.assert_array_equal(found.spikes[name].raster(), wanted[name].reshape(steps, -1), name)
        assert len(found.spikes[name].times), f"{name} is silent: nothing was compared"
    return made


def chain(*nodes: Any) -> tuple[Any, list[str]]:
    """A graph of nodes one after the other, and their names in order."""
    names = [f"n{k}_{type(node).__name__}" for k, node in enumerate(nodes)]
    edges = list(pairwise(names))
    graph = nir.NIRGraph(dict(zip(names, nodes, strict=True)), edges, type_check=False)
    return graph, names


def test_an_mlp_of_if_and_lif(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    graph, order = chain(
        nir.Input(np.array([9])),
        nir.Affine(weights(rng, 8, 9), weights(rng, 8) / 4),
        fires(8),
        nir.Linear(weights(rng, 7, 8)),
        lif(7, 4, 0.7, leak=0.3, reset=-0.5),
        nir.Affine(weights(rng, 6, 7), weights(rng, 6) / 4 + 0.5),
        nir.Threshold(full(6, 0.4)),
        nir.Output(np.array([6])),
    )
    made = compare(graph, tmp_path, order)
    assert isinstance(made.network.populations["n2_IF"], ss.IF)
    assert made.network.populations["n2_IF"].grid <= 8
    assert made.network.populations["n4_LIF"].v_reset == -0.5
    assert made.outputs == {"n7_Output": ("n6_Threshold",)}


def test_a_current_that_lasts_with_and_without_bias(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    graph, order = chain(
        nir.Input(np.array([9])),
        nir.Affine(weights(rng, 8, 9), weights(rng, 8) / 4 + 0.125),
        cuba(8, 4, 8, 2.0),
        nir.Linear(weights(rng, 5, 8) * 2),
        cuba(5, 2, 4, 1.5),
        nir.Output(np.array([5])),
    )
    made = compare(graph, tmp_path, order)
    assert "constant" in made.network.populations  # a bias on a current is a source of its own
    given = ss.from_raster((np.random.default_rng(3).random((60, 9)) < 0.3).astype(np.int8))
    once = ss.simulate(made.network, {order[0]: given}, steps=60, record=[order[4]]).spikes[order[4]]
    trials = read(saved(graph, tmp_path), Convention(dt=DT), T=60)  # where no population generates spikes
    assert ss.simulate(trials, {order[0]: given}, record=[order[4]]).spikes[order[4]] == once


def test_convolutions_pools_and_factors(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    graph, order = chain(
        nir.Input(np.array([2, 9, 8])),
        nir.Conv2d((9, 8), weights(rng, 4, 1, 3, 2), (2, 1), (1, 1), (1, 2), 2, weights(rng, 4) / 8),
        fires((4, 5, 8)),
        nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 1])),
        nir.Scale(weights(rng, 4, 2, 5) + 1),
        nir.Conv2d((2, 5), weights(rng, 3, 4, 2, 2), 1, "same", 1, 1, weights(rng, 3) / 8),
        fires((3, 2, 5)),
        nir.AvgPool2d(np.array([2, 2]), np.array([1, 1]), np.array([0, 0])),
        nir.Flatten(np.array([3, 1, 4]), 0, -1),
        nir.Affine(weights(rng, 6, 12) * 2, weights(rng, 6)),
        lif(6),
        nir.Output(np.array([6])),
    )
    # The twin has no word for "same": an even kernel is padded after its last row and column.
    twin_kernel = np.pad(graph.nodes[order[5]].weight, ((0, 0), (0, 0), (1, 0), (1, 0)))
    path = saved(graph, tmp_path)
    made = read_nir(path, Convention(dt=DT))
    graph.nodes[order[5]].weight, graph.nodes[order[5]].padding = twin_kernel, (1, 1)
    given = (np.random.default_rng(5).random((40, 144)) < 0.3).astype(np.int8)
    cells = [n for n, p in made.network.populations.items() if hasattr(p, "theta")]
    source = made.network.sources[0]
    found = ss.simulate(made.network, {source: ss.from_raster(given)}, steps=40, record=cells)
    wanted = Twin(graph, DT).run({source: given}, order)
    for name in cells:
        np.testing.assert_array_equal(found.spikes[name].raster(), wanted[name].reshape(40, -1), name)
        assert len(found.spikes[name].times)
    kinds = sorted(type(p).__name__ for p in made.network.projections)
    assert kinds == ["Conv2d", "Sparse", "Sparse"]
    assert made.shapes[order[6]] == (3, 2, 5)


def test_one_dimension(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    graph, order = chain(
        nir.Input(np.array([2, 12])),
        nir.Conv1d(12, weights(rng, 4, 1, 3), 2, 1, 2, 2, weights(rng, 4) / 8),
        fires((4, 5)),
        nir.Output(np.array([4, 5])),
    )
    assert type(compare(graph, tmp_path, order).network.projections[0]).__name__ == "Conv2d"


def test_delays_alike_and_unlike(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    graph, order = chain(
        nir.Input(np.array([6])),
        nir.Delay(full(6, 3 * DT)),
        nir.Linear(weights(rng, 5, 6)),
        nir.Delay(rng.integers(0, 4, 5) * DT),
        lif(5, 4, 0.5),
        nir.Delay(rng.integers(0, 3, 5) * DT),
        nir.Linear(weights(rng, 4, 5)),
        fires(4, 0.5),
        nir.Output(np.array([4])),
    )
    made = compare(graph, tmp_path, order)
    first, second = made.network.projections
    assert first.delay == 3 and first.delays.max() == 3
    assert second.delays is not None
    graph.nodes[order[1]].delay[:] = 2.5 * DT
    rounded = read_nir(saved(graph, tmp_path), Convention(dt=DT))
    assert rounded.network.projections[0].delay == 3
    assert any("2.5 steps of dt = 0.0001 is taken as 3" in note for note in rounded.notes)


def test_a_recurrent_layer_and_two_branches(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    nodes = {
        "in": nir.Input(np.array([6])),
        "up": nir.Linear(weights(rng, 5, 6)),
        "a": lif(5, 4, 0.5),
        "rec": nir.Affine(weights(rng, 5, 5), weights(rng, 5) / 8),
        "b": nir.Linear(weights(rng, 5, 6)),
        "skip": nir.Scale(weights(rng, 5)),
        "c": cuba(5, 2, 4, 0.5),
        "back": nir.Linear(weights(rng, 5, 5)),
        "out": nir.Output(np.array([5])),
    }
    edges = [("in", "up"), ("up", "a"), ("a", "rec"), ("rec", "a"), ("in", "b"), ("b", "c")]
    edges += [("a", "skip"), ("skip", "c"), ("c", "back"), ("back", "a"), ("c", "out")]
    graph = nir.NIRGraph(nodes, edges, type_check=False)
    # A bias in a loop is there from the first step on, when no spike has come round yet.
    nodes["rec"].bias[:] = 0
    made = compare(graph, tmp_path, ["in", "up", "a", "rec", "b", "skip", "c", "back", "out"])
    late = {(p.pre, p.post): p.delay for p in made.network.projections}
    assert late == {("in", "a"): 0, ("a", "a"): 1, ("c", "a"): 1, ("in", "c"): 0, ("a", "c"): 0}
    assert any("c -> a closes a cycle" in note for note in made.notes)


def test_graphs_in_graphs(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    w, rec = weights(rng, 5, 6), weights(rng, 5, 5)
    inner = nir.NIRGraph(
        {
            "input": nir.Input(np.array([5])),
            "lif": lif(5, 4, 0.5),
            "w_rec": nir.Linear(rec),
            "output": nir.Output(np.array([5])),
        },
        [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
        type_check=False,
    )
    nodes = {
        "in": nir.Input(np.array([6])),
        "fc": nir.Linear(w),
        "rnn": inner,
        "out": nir.Output(np.array([5])),
    }
    edges = [("in", "fc"), ("fc", "rnn"), ("rnn", "out")]
    made = read_nir(saved(nir.NIRGraph(nodes, edges, type_check=False), tmp_path), Convention(dt=DT))
    assert made.outputs == {"out": ("rnn.lif",)}
    flat = {"in": nodes["in"], "fc": nodes["fc"], "rnn.lif": inner.nodes["lif"], "rec": nir.Linear(rec)}
    edges = [("in", "fc"), ("fc", "rnn.lif"), ("rnn.lif", "rec"), ("rec", "rnn.lif")]
    given = (rng.random((50, 6)) < 0.4).astype(np.int8)
    found = ss.simulate(made.network, {"in": ss.from_raster(given)}, steps=50, record="rnn.lif")
    twin = Twin(nir.NIRGraph(flat, edges, type_check=False), DT)
    wanted = twin.run({"in": given}, ["in", "fc", "rnn.lif", "rec"])["rnn.lif"]
    np.testing.assert_array_equal(found.spikes["rnn.lif"].raster(), wanted)
    assert wanted.any()


def test_scalar_parameters_take_the_size_of_what_comes_in(tmp_path: Path) -> None:
    w = weights(np.random.default_rng(9), 5, 6)
    graph, order = chain(nir.Input(np.array([6])), nir.Linear(w), lif(()), nir.Output(np.array([5])))
    assert read(saved(graph, tmp_path), Convention(dt=DT)).populations[order[2]].n == 5


def test_a_beta_of_snntorch_is_the_float32_that_it_was(tmp_path: Path) -> None:
    """Its export writes tau = dt / (1 - beta) and r = tau / dt, in float32; dt/tau is another number."""
    beta = np.float32(0.9)
    tau = np.float32(1e-4) / (np.float32(1) - beta)
    node = nir.LIF(
        tau=np.full(3, tau), r=np.full(3, tau / np.float32(1e-4)), v_leak=np.zeros(3), v_threshold=np.ones(3)
    )
    graph, order = chain(nir.Input(np.array([3])), node, nir.Output(np.array([3])))
    made = read_nir(saved(graph, tmp_path), CONVENTIONS["snntorch"])
    assert made.network.populations[order[1]].v_decay == 1 - float(beta) != 1e-4 / float(tau)
    assert [(type(p).__name__, p.w) for p in made.network.projections] == [("OneToOne", 1.0)]
    node.r[:] *= 2
    with pytest.raises(NirError, match=r"r dt/tau = 2, and gain = 'weight'"):
        read(saved(graph, tmp_path), CONVENTIONS["snntorch"])


@pytest.mark.parametrize(
    ("rule", "first"), [(">", [0, 0, 1]), (">=", [0, 1, 0])], ids=["above", "at the threshold"]
)
def test_at_the_threshold(tmp_path: Path, rule: Any, first: list[int]) -> None:
    """A membrane of 0.5, 1.0 meets the threshold of 1.0 in step 1; above it is in step 2."""
    graph, order = chain(
        nir.Input(np.array([1])), nir.Scale(np.array([0.5])), fires(1), nir.Output(np.array([1]))
    )
    network = read(saved(graph, tmp_path), Convention(dt=DT, fires=rule))
    given = ss.from_raster(np.ones((3, 1), np.int8))
    found = ss.simulate(network, {order[0]: given}, steps=3, record=order[2])
    assert found.spikes[order[2]].raster()[:, 0].tolist() == first


def test_conventions_of_leak_gain_and_reset(tmp_path: Path) -> None:
    """As sinabs: v = alpha v + (1 - alpha) x, alpha = exp(-1/tau) as a float32, or v = alpha v + x without
    norm_input; reset by subtraction; by hand, with tau = 2.
    """
    node = nir.LIF(tau=np.array([2.0]), r=np.ones(1), v_leak=np.zeros(1), v_threshold=np.array([1.5]))
    graph, order = chain(nir.Input(np.array([1])), node, nir.Output(np.array([1])))
    alpha = float(np.exp(np.float32(-0.5)))
    given = ss.from_raster(np.ones((9, 1), np.int8))
    for gain, factor, threshold in (("impulse", 1.0, 1.5), ("step", 1 - alpha, 0.75)):
        node.v_threshold[:] = threshold
        network = read(saved(graph, tmp_path), replace(CONVENTIONS["sinabs"], gain=gain))  # type: ignore[arg-type]
        found = ss.simulate(network, {order[0]: given}, steps=9, record=order[1])
        v, wanted = 0.0, []
        for _ in range(9):
            v = alpha * v + factor
            wanted.append(v >= threshold)
            v -= threshold * wanted[-1]
        assert found.spikes[order[1]].raster()[:, 0].tolist() == wanted and 1 < sum(wanted) < 8


REFUSED = {
    "tau = 0.0008 is 0.0008 steps of dt = 1": lambda n: n.update(lif=lif(4)),
    "weights for 6 inputs, and .5,. comes in": lambda n: n.update({"in": nir.Input(np.array([5]))}),
    "2,097,152 values a node": lambda n: n.update({"in": nir.Input(np.array([2**40]))}),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, said: str) -> None:
    nodes: dict[str, Any] = {
        "in": nir.Input(np.array([6])),
        "fc": nir.Linear(np.ones((4, 6), np.float32)),
        "lif": nir.IF(r=full(4, 1.0), v_threshold=full(4, 1.0)),
        "out": nir.Output(np.array([4])),
    }
    REFUSED[said](nodes)
    names = [n for n in ("in", "fc", "lif", "out") if n in nodes]
    graph = nir.NIRGraph(nodes, list(pairwise(names)), type_check=False)
    with pytest.raises((NirError, DeclarationError), match=said):
        read(saved(graph, tmp_path))


def test_a_loop_without_neurons_is_refused(tmp_path: Path) -> None:
    nodes = {
        "in": nir.Input(np.array([2])),
        "a": nir.Linear(np.eye(2)),
        "b": nir.Linear(np.eye(2)),
        "n": fires(2),
    }
    edges = [("in", "a"), ("a", "b"), ("b", "a"), ("b", "n")]
    with pytest.raises(NirError, match="a cycle of linear nodes"):
        read(saved(nir.NIRGraph(nodes, edges, type_check=False), tmp_path))


def test_an_unknown_node_field_or_end_names_the_near_ones(tmp_path: Path) -> None:
    import h5py

    graph, _ = chain(nir.Input(np.array([2])), fires(2), nir.Output(np.array([2])))
    for change, said in (
        (
            lambda g: g["n1_IF"].__delitem__("type") or g["n1_IF"].__setitem__("type", "IFF"),
            "Did you mean 'IF'",
        ),
        (lambda g: g["n1_IF"].move("v_threshold", "v_treshold"), "the field 'v_threshold' is missing"),
        (lambda g: g["n1_IF"].__setitem__("v_rest", 1.0), "unknown field 'v_rest'"),
        (lambda g: g.move("n1_IF", "n2"), "an edge names unknown node 'n1_IF'"),
    ):
        path = saved(graph, tmp_path)
        with h5py.File(path, "r+") as file:
            change(file["node/nodes"])
        with pytest.raises(NirError, match=said):
            read(path)


def test_the_convention_is_checked() -> None:
    with pytest.raises(DeclarationError, match="dt = 0"):
        Convention(dt=0)
    with pytest.raises(DeclarationError, match="known: >, >="):
        Convention(fires=">>")  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", [0, 3, 12])
def test_a_threshold_half_a_step_below_means_the_same_to_both_rules(bits: int) -> None:
    for counts in range(1, 50):
        theta = counts * 2.0**-bits
        written = written_threshold(theta, bits)
        assert np.float32(written) == written
        for rule in (">", ">="):
            assert fires_from(written, bits, rule) == theta  # type: ignore[arg-type]
    assert fires_from(written_threshold(0.1, None), None, ">") <= 0.1


def test_a_current_as_norse_computes_it(tmp_path: Path) -> None:
    """A spike adds w_in to the current, whatever tau_syn is: by hand, decays of 1/2 and 1/4."""
    node = cuba(1, 2, 4, 0.3)
    node.r[:], node.w_in[:] = 1.0, 1.0
    graph, order = chain(nir.Input(np.array([1])), node, nir.Output(np.array([1])))
    convention = Convention(dt=DT, gain="current")
    given = np.ones((12, 1), np.int8)
    network = read(saved(graph, tmp_path), convention)
    found = ss.simulate(network, {order[0]: ss.from_raster(given)}, steps=12, record=order[1])
    u = v = 0.0
    wanted = []
    for _ in range(12):
        u += -0.5 * u + 1.0
        v += 0.25 * (u - v)
        wanted.append(int(v > 0.3))
        v *= 1 - wanted[-1]
    assert found.spikes[order[1]].raster()[:, 0].tolist() == wanted
    assert 0 < sum(wanted) < 12
