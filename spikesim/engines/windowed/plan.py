"""Plans: the networks that the windowed engine supports, as flat arrays for its kernels.

Supported structure: one source; a chain of dense or convolutional IF layers; error populations of the second
phase, each either a loss (one-to-one from a target and from a layer) or fed by another error population,
densely or by a transpose; one-to-one injections back into layers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.engines.windowed import phases
from spikesim.errors import EngineError
from spikesim.network import Network
from spikesim.neurons import IF, ErrorIF, Source, Target
from spikesim.synapses import Conv2d, Dense, OneToOne

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Table = npt.NDArray[np.void]
NO_FLOOR, NO_CEILING = -(2**31), 2**31 - 1
NEURON = ("bias", "theta", "floor", "v_start")  # rows of Plan.neurons
BIAS, THETA, FLOOR, V_START = range(4)
ROWS = len(NEURON)
NARROW = 16  # neurons up to which the rows of weights into a layer are padded to one length


LAYER = np.dtype(
    [
        ("n", np.int64),
        ("start", np.int64),  # first neuron of a layer in the flat arrays of layers 1 .. L
        ("w_start", np.int64),  # first weight of the projection into a layer in the flat weights
        ("padded", np.int64),  # first padded weight of a narrow layer after the first, or -1
        ("subtract", np.int32),
        ("reset_split", np.int32),
        ("delay", np.int64),
        ("offset", np.int64),
        ("inject_from", np.int64),  # error population that injects, or -1
        ("inject_w", np.int32),
        ("inject_delay", np.int64),
        ("entries", np.int64),  # number of its own weights; those of a convolution act in two orders
        ("conv", np.int64),  # 1: the projection into it is a Conv2d with the sizes below
        ("channels", np.int64),
        ("rows", np.int64),
        ("columns", np.int64),
        ("out_channels", np.int64),
        ("out_rows", np.int64),
        ("out_columns", np.int64),
        ("high", np.int64),  # rows and columns of the kernel
        ("wide", np.int64),
        ("stride_rows", np.int64),
        ("stride_columns", np.int64),
        ("pad_rows", np.int64),
        ("pad_columns", np.int64),
        ("groups", np.int64),
    ]
)
ERROR = np.dtype(
    [
        ("n", np.int64),
        ("start", np.int64),
        ("pair", np.int32),
        ("subtract", np.int32),
        ("offset", np.int64),
        ("gate", np.int64),  # layer whose first phase opens the gate, or -1
        ("gate_below", np.int32),  # the count that closes it again
        ("source", np.int64),  # error population that feeds it, or -1 for a loss
        ("delay", np.int64),  # of the dense projection
        ("b_start", np.int64),  # first weight in the flat fixed feedback
        ("transposed", np.int64),  # layer whose incoming weights are transposed, or -1
        ("layer", np.int64),  # the layer that a loss reads
        ("w_target", np.int32),
        ("w_layer", np.int32),
        ("d_target", np.int64),
        ("d_layer", np.int64),
    ]
)


class Plan(NamedTuple):
    """Everything that the kernels need of a network except its weights."""

    layers: npt.NDArray[np.void]  # LAYER, over layers 0 .. L; layer 0 is the source
    errors: npt.NDArray[np.void]  # ERROR, in the order of a step
    # int32 (4 N,), the rows of NEURON behind each other, each over the neurons of layers 1 .. L and the error
    # neurons. One array, because a kernel counts the references to each array of its plan at every call.
    neurons: I32
    T: int
    split: int
    steps: int
    replay: bool
    slots: int  # of the ring buffers of spikes in transit; a power of two above the longest delay
    target_offset: int
    target_train: npt.NDArray[np.int8]
    readout: int  # layer of the readout
    read_end: int  # end of the readout's span
    read_first: int  # first and last phase of that span
    read_last: int
    repeats: bool  # without error spikes the second phase repeats the first, spike for spike
    loss: int  # the error population that decides whether it does
    open: bool  # it does in any case: no error spikes reach the layers
    ahead: int  # first steps of all layers that no error spike can reach: simulated layer after layer
    begin: int  # the step from which on spikes are then in transit that the simulation step by step needs


class Compiled(NamedTuple):
    """A plan, and the names of its populations and projections."""

    plan: Plan
    layers: tuple[str, ...]  # layer 0 is the source
    errors: tuple[str, ...]
    incoming: tuple[str, ...]  # projection into layer l, "" for the source
    feedback: npt.NDArray[np.float32]


# The roles of populations and kinds of projections in this engine; others are refused.
ROLES: dict[type, str] = {Source: "source", IF: "layer", ErrorIF: "error", Target: "target"}
KINDS: dict[type, str] = {Dense: "dense", Conv2d: "convolution", OneToOne: "one to one"}
LINKS = ("dense", "convolution")  # between layers


def _role(network: Network, name: str) -> str | None:
    return ROLES.get(type(network.populations[name]))


def _kind(projection: Any) -> str | None:
    return KINDS.get(type(projection))


def compile_plan(network: Network) -> Compiled:
    """The plan of a network for the windowed engine.

    Raises:
        EngineError: an unsupported structure; names the part, and the engine that supports it.
    """
    if network.window.endless:
        raise EngineError(
            "windowed: this network is continuous, and this engine runs trials only; use engine='stepped'"
        )
    chain, incoming = _chain(network)
    for name in chain[1:]:
        if np.any(np.asarray(network.populations[name].refractory)):
            raise _refused(name, "its neurons are refractory")
    errors = tuple(n for n in network.order if _role(network, n) == "error")
    targets = [n for n in network.populations if _role(network, n) == "target"]
    known = {*chain, *errors, *targets}
    for name in network.populations.keys() - known:
        raise _refused(name, "it is not part of the chain of layers or of the error pathway")
    error_arrays, feedback = _errors(network, chain, errors, incoming)
    layers = _layers(network, chain, errors, incoming)
    delays = [p.delay for p in network.projections]
    if len(targets) > 1:
        raise _refused(targets[1], "it is a second target; one is supported")
    window = network.window
    train = np.zeros(window.T, np.int8)
    if targets:
        train[window.boundary :] = network.populations[targets[0]].train(window.T - window.boundary)
    readout, span = (len(chain) - 1, (0, window.T)) if network.readout is None else _readout(network, chain)
    replay = network.populations[chain[0]].replay
    repeats, loss, open_ = phases.repetition(window, replay, layers, error_arrays, span[1])
    ahead = phases.steps_ahead(layers, error_arrays, window.T, window.boundary, span[1], repeats)
    slots = 1 << max(delays, default=0).bit_length()
    first_errors = window.boundary + error_arrays["offset"].min(initial=window.T)
    plan = Plan(
        layers,
        error_arrays,
        np.concatenate([_flat(network, (*chain[1:], *errors), key) for key in NEURON]),
        window.T,
        window.boundary,
        network.steps,
        replay,
        slots,
        network.offsets[targets[0]] if targets else 0,
        train,
        readout,
        span[1],
        0 if span[0] < window.boundary else 1,
        1 if span[1] > window.boundary else 0,
        repeats,
        loss,
        open_,
        ahead,
        max(0, min(ahead + int(layers["offset"][1]), int(first_errors)) - slots),
    )
    return Compiled(plan, chain, errors, incoming, feedback)


def _refused(name: str, why: str) -> EngineError:
    return EngineError(
        f"windowed: {name}: {why}. This engine supports a chain of dense or convolutional IF layers with an "
        f"error pathway; use engine='stepped', which supports any network"
    )


def _readout(network: Network, chain: tuple[str, ...]) -> tuple[int, tuple[int, int]]:
    assert network.readout is not None
    name = network.readout.population
    if name not in chain[1:]:
        raise _refused(name, "the readout must be a layer")
    return chain.index(name), network.window.span(network.readout.span)


def _chain(network: Network) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The source and the chain of layers after it, with the projection into each."""
    if len(network.sources) != 1:
        raise _refused("sources", f"one source is needed, not {len(network.sources)}")
    chain, incoming = [network.sources[0]], [""]
    while True:
        links = [p for p in network.projections if _kind(p) in LINKS and p.pre == chain[-1]]
        forward = [p for p in links if _role(network, p.post) == "layer"]
        if not forward:
            break
        if len(forward) > 1:
            several = " and ".join(p.post for p in forward)
            raise _refused(chain[-1], f"it projects to {several}; a chain continues to one layer")
        link = forward[0]
        if link.post in chain or link.follows is not None:
            raise _refused(link.name, "it is recurrent, or a transpose between layers")
        chain.append(link.post)
        incoming.append(link.name)
    if len(chain) == 1:
        raise _refused(chain[0], "it has no dense or convolutional projection to a layer of IF neurons")
    source, first = chain[0], chain[1]
    arrival = network.offsets[source] + network.named[incoming[1]].delay
    if network.offsets[first] != arrival:
        raise _refused(
            first, f"its window begins at step {network.offsets[first]}, and its input arrives at {arrival}"
        )
    return tuple(chain), tuple(incoming)


def _layers(
    network: Network, chain: tuple[str, ...], errors: tuple[str, ...], incoming: tuple[str, ...]
) -> npt.NDArray[np.void]:
    rows: list[dict[str, Any]] = [_source_row(network.populations[chain[0]], network.offsets[chain[0]])]
    for name, link in zip(chain[1:], incoming[1:], strict=True):
        population = network.populations[name]
        if population.active_in is not None or population.gate_by is not None:
            raise _refused(name, "it has a gate or is active in one phase only; a layer must not be")
        others = [p for p in network.incoming(name) if p.name != link]
        if len(others) > 1 or any(
            _kind(p) != "one to one" or p.pre not in errors or p.delay < 1 for p in others
        ):
            raise _refused(
                name,
                "a layer has one other input at most: a one-to-one injection of error spikes, delay >= 1",
            )
        bits = population.grid
        rows.append(
            {
                "n": population.n,
                "subtract": population.reset == "subtract",
                "reset_split": "split" in population.reset_at,
                "delay": network.named[link].delay,
                "offset": network.offsets[name],
                "inject_from": errors.index(others[0].pre) if others else -1,
                "inject_w": grid.snap(others[0].w, bits) if others else 0,
                "inject_delay": others[0].delay if others else 0,
                "entries": int(np.prod(network.shape(network.named[link]))),
                **_convolution(network.named[link]),
            }
        )
    table = _table(rows, LAYER)
    sizes, stored = table["n"], table["entries"] * (1 + table["conv"])
    table["start"][1:] = np.cumsum(sizes[1:]) - sizes[1:]
    table["w_start"][1:] = np.cumsum(stored)[:-1]
    narrow = (sizes <= NARROW) & (table["conv"] == 0)
    narrow[:2] = False
    before = np.concatenate([[0], sizes[:-1]]) * NARROW * narrow
    table["padded"] = np.where(narrow, np.cumsum(before) - before, -1)
    return table


def _convolution(link: Any) -> dict[str, Any]:
    """The sizes of a convolution; nothing for another projection."""
    if not isinstance(link, Conv2d):
        return {}
    assert isinstance(link.stride, tuple) and isinstance(link.padding, tuple)
    sizes = dict(zip(("channels", "rows", "columns"), link.shape, strict=True))
    sizes |= dict(zip(("out_channels", "out_rows", "out_columns"), link.out_shape, strict=True))
    sizes |= dict(zip(("high", "wide"), link.w.shape[2:], strict=True))
    sizes |= dict(zip(("stride_rows", "stride_columns"), link.stride, strict=True))
    sizes |= dict(zip(("pad_rows", "pad_columns"), link.padding, strict=True))
    return {"entries": link.w.size, "conv": 1, "groups": link.groups, **sizes}


def _flat(network: Network, names: tuple[str, ...], key: str) -> I32:
    """A parameter of all neurons of several populations, concatenated, in grid counts, int32.

    A floor below the range of int32 is the lowest int32, which no membrane reaches.
    """
    found = [np.zeros(0, np.int64)]
    for name in names:
        population = network.populations[name]
        values = np.maximum(getattr(population.linear(), key), NO_FLOOR)
        found.append(np.maximum(grid.snap(values, population.grid), NO_FLOOR))
    return np.concatenate(found).astype(np.int32)


def _table(rows: list[dict[str, Any]], kind: np.dtype[np.void]) -> npt.NDArray[np.void]:
    """Rows of named values as a record array, so that kernels read row.name, compiled or not."""
    assert kind.names is not None
    table = np.array([tuple(int(row.get(name, 0)) for name in kind.names) for row in rows], kind)
    return table.view(np.recarray)


def _source_row(source: Source, offset: int) -> dict[str, Any]:
    return {"n": source.n, "inject_from": -1, "offset": offset}


def _errors(
    network: Network, chain: tuple[str, ...], errors: tuple[str, ...], incoming: tuple[str, ...]
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.float32]]:
    rows: list[dict[str, Any]] = []
    fixed: list[npt.NDArray[np.float32]] = []
    for name in errors:
        population = network.populations[name]
        if population.active_in != "second":
            raise _refused(name, "an error population is active in the second phase only")
        if population.gate_by is not None and population.gate_by not in chain[1:]:
            raise _refused(name, f"its gate {population.gate_by!r} is not a layer")
        row = {
            "source": -1,
            "transposed": -1,
            "n": population.n,
            "pair": population.form == "pair",
            "subtract": population.reset == "subtract",
            "offset": network.offsets[name],
            "gate": -1 if population.gate_by is None else chain.index(population.gate_by),
            "gate_below": min(NO_CEILING, population.gate_below or NO_CEILING),
        }
        links = network.incoming(name)
        if len(links) == 1 and _kind(links[0]) == "dense" and links[0].pre in errors:
            row |= _fed(network, links[0], errors, incoming, fixed)
        else:
            row |= _loss(network, name, chain)
        rows.append(row)
    table = _table(rows, ERROR)
    table["start"] = np.cumsum(table["n"]) - table["n"]
    return table, np.concatenate([np.zeros(0, np.float32), *fixed])


def _fed(
    network: Network, link: Any, errors: tuple[str, ...], incoming: tuple[str, ...], fixed: list[Any]
) -> dict[str, Any]:
    """The row of an error population fed by another one."""
    if link.plastic is not None:
        raise _refused(link.name, "feedback must be fixed or a transpose")
    row = {"source": errors.index(link.pre), "delay": link.delay}
    if link.follows is not None:
        if link.follows not in incoming:
            raise _refused(
                link.name, f"transposes {link.follows!r}, which is not a projection between layers"
            )
        return row | {"transposed": incoming.index(link.follows)}
    row["b_start"] = sum(b.size for b in fixed)
    fixed.append(grid.snap(link.w, network.populations[link.post].grid).astype(np.float32).ravel())
    return row


def _loss(network: Network, name: str, chain: tuple[str, ...]) -> dict[str, Any]:
    """The row of a loss: one-to-one from a target and from a layer."""
    links = network.incoming(name)
    target = [p for p in links if _role(network, p.pre) == "target"]
    layer = [p for p in links if p.pre in chain[1:]]
    plain = all(_kind(p) == "one to one" for p in links)
    if not (plain and len(links) == 2 and len(target) == len(layer) == 1):
        why = "its inputs are neither one dense projection of errors nor a target and a layer, one-to-one"
        raise _refused(name, why)
    bits = network.populations[name].grid
    return {
        "layer": chain.index(layer[0].pre),
        "w_target": grid.snap(target[0].w, bits),
        "w_layer": grid.snap(layer[0].w, bits),
        "d_target": target[0].delay,
        "d_layer": layer[0].delay,
    }
