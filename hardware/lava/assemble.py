"""Populations and projections as processes: the part that floating and fixed point share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from spikesim.errors import EngineError
from spikesim.hardware.lava.graph import Arithmetic, Cells, Convolution, LavaGraph, Link
from spikesim.hardware.lava.ties import ties
from spikesim.hardware.loihi.compile import check_begins, retimed
from spikesim.hardware.neurons import normal_form, shown
from spikesim.network import Network
from spikesim.network.scheduling import is_input, is_source
from spikesim.neurons.description import LinearNeuron
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse

NO_RESET = "Lava's LIF, and Loihi's, resets to zero"


class Wiring(NamedTuple):
    """A projection with the weights and the delay that its process gets.

    Attributes:
        name: of the process.
        declared: the projection.
        weights: in the declared shape: (n_pre, n_post), (), (n_synapses,) or (out, in, rows, columns).
        delay: steps, at least 1.
        exponent: of the weights.
        indptr, indices: of a sparse one.
        mixed: weights of one sign have the range of mixed signs.
    """

    name: str
    declared: Any
    weights: Any
    delay: int
    exponent: int = 0
    indptr: Any = None
    indices: Any = None
    mixed: bool = False


def clocks(network: Network) -> tuple[dict[str, int], dict[str, int]]:
    """population -> the Lava step of its own step 0, and projection -> its delay in Lava, at least 1.

    Raises:
        EngineError: a cycle with less delay than projections; or a population that starts after its input (a
            declared offset), which Lava cannot do, since it never pauses between trials.
    """
    check_begins("Lava", network)
    starts, delays = retimed(network)
    return {name: 1 + start for name, start in starts.items()}, delays


def assemble(
    network: Network,
    arithmetic: Arithmetic,
    cells: Mapping[str, Cells],
    wirings: Iterable[Wiring],
    starts: Mapping[str, int],
) -> LavaGraph:
    """The graph of populations (a Cells each, of the population's name) and projections."""
    parts: dict[str, tuple[tuple[str, int], ...]] = {}
    processes: dict[str, Cells] = {}
    for name, cell in cells.items():
        pair = normal_form("Lava", name, network.populations[name]).form == "pair"
        parts[name] = ((f"{name}+", 1), (f"{name}-", -1)) if pair else ((name, 1),)
        processes |= {part: replace(cell, name=part) for part, _ in parts[name]}
    links: list[Link] = []
    drained = True
    for wiring in wirings:
        p = wiring.declared
        drained = drained and starts[p.pre] + wiring.delay == starts[p.post]
        links += _links(network, wiring, parts, processes)
    links += ties(processes, links)
    sources = {name: p.n for name, p in network.populations.items() if is_source(p)}
    return LavaGraph(arithmetic, sources, dict(starts), processes, tuple(links), parts, drained)


def check_supported(network: Network, floors: bool = False) -> None:
    """Check that stock processes can run a network.

    Args:
        network: for inference.
        floors: floors are allowed here and checked elsewhere (fixed point saturates).

    Raises:
        EngineError: they cannot; names the population, the value, and the way out.
    """
    if network.window.split is not None:
        raise EngineError("Lava: the window has two phases; export network.inference(), which has one")
    if network.window.endless:
        raise EngineError(
            "Lava: the network is continuous (without trials); export network.inference(T), whose trials "
            "equal its first T steps, or declare it with Window(T)"
        )
    if network.drives:
        drive = network.drives[0]
        raise EngineError(f"Lava: {drive.post} has a {type(drive).__name__}; feed it through a Source")
    for name, p in network.populations.items():
        if not is_source(p):
            _check_neuron(name, p, normal_form("Lava", name, p), floors)
        elif not is_input(p):
            raise EngineError(
                f"Lava: {name} is a {type(p).__name__}; make a Source of it, and give its spikes"
            )
        elif p.replay:
            raise EngineError(f"Lava: {name} replays its spikes; export network.inference()")
    for projection in network.projections:
        if type(projection) not in SHAPES:
            known = ", ".join(kind.__name__ for kind in SHAPES)
            raise EngineError(
                f"Lava: {projection.name} is a {type(projection).__name__}; {known} have a process. Declare "
                f"it as Sparse, from its edges(); or add it to spikesim.hardware.lava.assemble.SHAPES"
            )


def _check_neuron(name: str, p: Any, neuron: LinearNeuron, floors: bool) -> None:
    floor = neuron.floor[np.isfinite(neuron.floor)]
    other = neuron.subtract or not neuron.resets
    wrong = [
        ("reset", neuron.reset_shown if other else "", f"{NO_RESET}; train with that reset"),
        ("v_reset", shown(neuron.v_reset) if neuron.v_reset.any() else "", f"{NO_RESET}; take v_reset=0"),
        (
            "floor",
            shown(floor) if len(floor) and not floors else "",
            "Lava's LIF has no floor; train with floor=None, or take off the one that quantise declares for "
            "saturation (spikesim.hardware.targets.without_floors)",
        ),
        (
            "refractory",
            shown(neuron.refractory) if neuron.refractory.any() else "",
            "Lava's LIF and LIFReset have no refractory time; take 0",
        ),
        ("gate_by", p.gate_by or "", "export network.inference(), which has no gates"),
        ("active_in", p.active_in or "", "export network.inference(), which has one phase"),
    ]
    for field, value, why in wrong:
        if value:
            raise EngineError(f"Lava: {name} has {field} = {value}; {why}")


def _links(network: Network, wiring: Wiring, parts: Any, cells: Mapping[str, Cells]) -> list[Link]:
    """The processes of a projection: one for each pair of processes that it connects."""
    p = wiring.declared
    n_pre, n_post = network.populations[p.pre].n, network.populations[p.post].n
    weights, convolution = _shaped(wiring, n_pre, n_post)
    found = []
    for pre, sign_pre in parts.get(p.pre, ((p.pre, 1),)):
        for post, sign_post in parts[p.post]:
            name = wiring.name if (pre, post) == (p.pre, p.post) else f"{wiring.name}:{pre}->{post}"
            w = weights if sign_pre * sign_post > 0 else -weights
            graded = pre in cells and cells[pre].ternary
            options = (wiring.delay, wiring.exponent, graded, convolution, wiring.mixed)
            found.append(Link(name, pre, post, w, *options))
    return found


def _shaped(wiring: Wiring, n_pre: int, n_post: int) -> tuple[Any, Convolution | None]:
    """Weights (n_post, n_pre), dense or CSR, or a kernel with its geometry."""
    return SHAPES[type(wiring.declared)](wiring, n_pre, n_post)


def _matrix(wiring: Wiring, n_pre: int, n_post: int) -> tuple[Any, None]:
    return np.ascontiguousarray(np.asarray(wiring.weights).T), None


def _sparse(wiring: Wiring, n_pre: int, n_post: int) -> tuple[Any, None]:
    rows = np.repeat(np.arange(n_pre), np.diff(wiring.indptr))
    return _csr(wiring.weights, rows, wiring.indices, n_pre, n_post), None


def _one_to_one(wiring: Wiring, n_pre: int, n_post: int) -> tuple[Any, None]:
    own = np.arange(n_post)
    return _csr(wiring.weights, own, own, n_pre, n_post), None


def _convolution(wiring: Wiring, n_pre: int, n_post: int) -> tuple[Any, Convolution | None]:
    p, w = wiring.declared, np.asarray(wiring.weights)
    if wiring.delay > 1:  # Conv has no delays
        pre, post, each, _ = p.edges(w)
        return _csr(each, pre, post, n_pre, n_post), None
    return w, Convolution(p.shape, p.out_shape, p.stride, p.padding, p.groups)


def _csr(w: Any, pre: Any, post: Any, n_pre: int, n_post: int) -> Any:
    """A scipy CSR matrix (n_post, n_pre); several synapses between two neurons add up."""
    from scipy.sparse import csr_matrix

    return csr_matrix((np.broadcast_to(w, post.shape), (post, pre)), shape=(n_post, n_pre))


# Kind of projection -> (wiring, n_pre, n_post) -> weights, and the geometry of a convolution.
SHAPES: dict[type, Callable[[Wiring, int, int], tuple[Any, Convolution | None]]] = {
    Dense: _matrix,
    OneToOne: _one_to_one,
    Sparse: _sparse,
    Conv2d: _convolution,
}
