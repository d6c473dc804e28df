"""Populations split into parts of equal parameters, for targets that hold one number for all neurons.

A process of Lava has one threshold and one pair of decays, a group of brian2-loihi a refractory time too.
A population whose neurons differ in these becomes several, each of the neurons that agree; its projections
are cut accordingly, synapse by synapse, so that the network of parts has the same spikes and membranes.
`Joined` plays it, and puts the parts together again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines import Runner
from spikesim.engines.inference_only import check_playing, played
from spikesim.hardware.limits import LimitError
from spikesim.hardware.neurons import integrating, normal_form
from spikesim.network import Network
from spikesim.recording import Recording
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import Dense, Sparse

Ints = npt.NDArray[np.int64]
Parts = Mapping[str, tuple[tuple[str, Ints], ...]]
MOST_PARTS = 64  # of a population; each part is a process of its own, with connections of its own


def split(
    where: str, network: Network, parameters: Sequence[str], most: int = MOST_PARTS
) -> tuple[Network, Parts]:
    """A network whose populations have one value of each of these parameters.

    Args:
        where: the target, for messages.
        network: for inference; it stays as it is.
        parameters: of the normal form (see `spikesim.hardware.neurons.PARAMETERS`).
        most: parts of a population.

    Returns:
        The network, without a readout where that was split; and population -> (name of a part, its neurons,
        int64), for those that were split. A part is called NAME[K].

    Raises:
        EngineError: a model without a normal form.
        LimitError: a population of more different values than `most`; a gate by a population that is split.
    """
    parts = {
        name: found
        for name, p in integrating(network).items()
        if len(found := _parts(where, name, p, parameters, most)) > 1
    }
    if not parts:
        return network, {}
    for name, p in network.populations.items():
        if p.gate_by is not None and {name, p.gate_by} & parts.keys():
            raise LimitError(
                f"{where}: {name} has gate_by = {p.gate_by!r}, and this target has no gates; use "
                f"network.inference(), which leaves them out"
            )
    populations: dict[str, Any] = {}
    for name, p in network.populations.items():
        for part, neurons in parts.get(name, ((name, None),)):
            populations[part] = p if neurons is None else _chosen(p, neurons, network.offsets[name])
    projections: list[Any] = []
    for p in network.projections:
        projections += _cut(network, p, parts) if {p.pre, p.post} & parts.keys() else [p]
    readout = network.readout
    if readout is not None and readout.population in parts:
        readout = None
    return replace(network, populations=populations, projections=tuple(projections), readout=readout), parts


def _parts(
    where: str, name: str, p: Any, parameters: Sequence[str], most: int
) -> tuple[tuple[str, Ints], ...]:
    """The parts of a population, in the order of their first neurons."""
    neuron = normal_form(where, name, p)
    differing = neuron.differing(parameters)
    if not differing:
        return ((name, np.arange(p.n)),)
    rows = np.stack([getattr(neuron, parameter) for parameter in differing], axis=1)
    _, first, group = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    if len(first) > most:
        raise LimitError(
            f"{where}: {name}: {', '.join(differing)} take {len(first)} different values over {p.n} neurons; "
            f"a process holds one, and a population is split into {most} processes at most. Round them to "
            f"fewer values, or run the Loihi emulator (loihi), which holds one for each neuron"
        )
    groups = [np.flatnonzero(group.reshape(-1) == g) for g in np.argsort(first)]
    return tuple((f"{name}[{k}]", neurons) for k, neurons in enumerate(groups))


def _chosen(p: Any, neurons: Ints, offset: int) -> Any:
    """Some neurons of a population, with their parameters and its clock."""
    values = {q.name: getattr(p, q.name) for q in p.description.parameters}
    mine = {name: tuple(np.asarray(v)[neurons].tolist()) for name, v in values.items() if np.ndim(v)}
    return replace(p, n=len(neurons), offset=offset, **mine)


def _cut(network: Network, p: Any, parts: Parts) -> Iterator[Any]:
    """The synapses of a projection between each pair of parts that has any."""
    n_pre, n_post = network.shape(p)
    pres = parts.get(p.pre, ((p.pre, np.arange(n_pre)),))
    posts = parts.get(p.post, ((p.post, np.arange(n_post)),))
    w = network.weights(p.name)
    cut = _KINDS.get(type(p), _synapses)
    for pre, rows in pres:
        for post, columns in posts:
            made = cut(p, w, rows, columns, (n_pre, n_post))
            if made is not None:
                yield replace(made, pre=pre, post=post, name=f"{p.name}:{pre}->{post}")


def _block(p: Any, w: Any, rows: Ints, columns: Ints, shape: tuple[int, int]) -> Dense | None:
    """Rows and columns of a matrix."""
    block = w[np.ix_(rows, columns)]
    return Dense(p.pre, p.post, block, p.delay) if block.any() else None


def _synapses(p: Any, w: Any, rows: Ints, columns: Ints, shape: tuple[int, int]) -> Sparse | None:
    """Synapses between some neurons, of a projection of any kind."""
    pre, post, each, delay = p.edges(w)
    row, column = (np.full(n, -1, np.int64) for n in shape)
    row[rows], column[columns] = np.arange(len(rows)), np.arange(len(columns))
    mine = (row[pre] >= 0) & (column[post] >= 0)
    if not mine.any():
        return None
    order = np.argsort(row[pre[mine]], kind="stable")
    counts = np.bincount(row[pre[mine]], minlength=len(rows))
    late = (delay[mine] - p.delay)[order]
    return Sparse(
        p.pre,
        p.post,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        column[post[mine]][order].astype(np.int32),
        np.asarray(each[mine][order], np.float64),
        p.delay,
        late.astype(np.uint16) if late.any() else None,
    )


_KINDS: dict[type, Callable[..., Any]] = {Dense: _block}


class Joined:
    """Plays a network through the network of its parts; a backend like others.

    Attributes:
        network: the whole one.
        parts: see `split`.
        player: plays the network of parts.
    """

    def __init__(self, network: Network, parts: Parts, player: Runner) -> None:
        self.network, self.parts, self.player = network, parts, player

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
    ) -> Recording:
        """Play a batch of trials; arguments, result and errors as for the engines."""
        refusal = "a network of parts plays what was learnt; learn with an engine (learn=False here)"
        _, keep = check_playing(self.network, inputs, labels, record, learn, batch, factor, refusal)
        readout = () if self.network.readout is None else (self.network.readout.population,)
        wanted = dict.fromkeys((*keep, *readout))
        inner = [part for name in wanted for part in self._of(name)]
        found = self.player.run(inputs, labels, inner)
        spikes = {name: self._spikes(name, found) for name in wanted}
        v = {name: self._joined(name, found.v) for name in wanted if name not in self.network.sources}
        counts = {name: self._joined(name, found.counts) for name in self.network.populations}
        return replace(played(self.network, spikes, v, keep), counts=counts)

    def _of(self, name: str) -> tuple[str, ...]:
        return tuple(part for part, _ in self.parts.get(name, ((name, None),)))

    def _joined(self, name: str, values: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """Arrays of parts as one; neurons are on the last axis."""
        if name not in self.parts:
            return values[name]
        first = values[self.parts[name][0][0]]
        made = np.zeros((*first.shape[:-1], self.network.populations[name].n), first.dtype)
        for part, neurons in self.parts[name]:
            made[..., neurons] = values[part]
        return made

    def _spikes(self, name: str, found: Recording) -> Spikes:
        if name not in self.parts:
            return found.spikes[name]
        B = len(found.spikes[self.parts[name][0][0]])
        made = np.zeros((B, self.network.window.T, self.network.populations[name].n), np.int8)
        for part, neurons in self.parts[name]:
            for b in range(B):
                made[b][:, neurons] = found.spikes[part].raster(b)
        return from_raster(made)
