"""Checks of the inputs of a run, before its first trial; the same for every engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError, DeclarationError, unknown
from spikesim.grid import whole
from spikesim.learning.counts import NEVER, CountRule
from spikesim.network import Network
from spikesim.network.scheduling import is_source, is_target
from spikesim.recording.monitor import SpikesOf
from spikesim.spikes import Spikes
from spikesim.synapses import Conv2d


def check_run(
    network: Network,
    inputs: Mapping[str, Spikes],
    labels: npt.ArrayLike | None,
    learn: bool,
    batch: int,
    factor: float,
    learnt: int = 0,
) -> tuple[int, npt.NDArray[np.int64]]:
    """The number of trials B and their labels, int64 (B,); zeros if the network has no targets.

    Raises:
        DataError: spikes or labels that do not fit the network.
        DeclarationError: learning without two phases, a batch below 1, sums that leave the exact range, or a
            batch that is longer than the period of weight decay.
    """
    B = _check_inputs(network, inputs)
    classes = _check_labels(network, labels, B)
    if not whole(batch, 1):
        raise DeclarationError(f"batch = {batch!r}; a whole number of trials, at least 1, is needed")
    if not (whole(learnt, 0) and learnt < NEVER):
        raise DeclarationError(f"learnt = {learnt!r}; a whole number of trials >= 0 is needed")
    if learn:
        _check_learning(network, batch, factor)
    return B, classes


def check_silent(
    network: Network, silent: Mapping[str, npt.ArrayLike] | None, B: int
) -> dict[str, npt.NDArray[np.bool_]]:
    """The neurons that take no part in each trial: population -> bool (B, n).

    Raises:
        DataError: an unknown name, a source, or another shape or type.
    """
    found = {}
    for name, given in (silent or {}).items():
        if name not in network.populations:
            raise DataError(f"silent: {unknown('population', name, network.populations)}")
        population, mask = network.populations[name], np.asarray(given)
        if is_source(population):
            raise DataError(f"silent: {name!r} is a source; leave its spikes out of `inputs` instead")
        if mask.dtype != np.bool_ or mask.shape != (B, population.n):
            raise DataError(
                f"silent: {name}: {mask.dtype} {mask.shape}; bool ({B}, {population.n}) is needed, for "
                f"trials and neurons"
            )
        found[name] = np.ascontiguousarray(mask)
    return found


def with_membranes(record: Iterable[str], populations: Mapping[str, Any]) -> list[str]:
    """The recorded populations that have a membrane and whose membrane is recorded, too."""
    return [n for n in record if not isinstance(n, SpikesOf) and not is_source(populations[n])]


def check_recorded(record: tuple[str, ...], known: Mapping[str, object]) -> None:
    """Check the names of the populations to be recorded.

    Raises:
        DataError: an unknown name; lists the known ones.
    """
    for name in record:
        if name not in known:
            raise DataError(f"record: {unknown('population', name, known)}")


def _check_inputs(network: Network, inputs: Mapping[str, Spikes]) -> int:
    if set(inputs) != set(network.sources):
        raise DataError(f"spikes for {sorted(inputs)}; the network has the sources {sorted(network.sources)}")
    B = len(next(iter(inputs.values()), ()))
    for name, spikes in inputs.items():
        source, window = network.populations[name], network.window
        wanted = (B, window.boundary if source.replay else window.T, source.n)
        if (len(spikes), spikes.T, spikes.n) != wanted:
            raise DataError(
                f"{name}: {len(spikes)} trials of {spikes.T} steps and {spikes.n} neurons; "
                f"{wanted[0]} of {wanted[1]} steps and {wanted[2]} neurons are needed"
            )
        if spikes.signs is not None:
            raise DataError(f"{name}: these spikes have signs; a source needs spikes of +1 only")
    return B


def _check_labels(network: Network, labels: npt.ArrayLike | None, B: int) -> npt.NDArray[np.int64]:
    targets = {name: p.n for name, p in network.populations.items() if is_target(p)}
    if labels is None:
        if targets and B:
            raise DataError(
                f"{', '.join(targets)}: no labels. A target needs the class of every trial: give labels, or "
                f"use network.inference(), which has no target"
            )
        return np.zeros(B, np.int64)
    classes = np.asarray(labels)
    if classes.shape != (B,) or not (np.issubdtype(classes.dtype, np.integer) or B == 0):
        raise DataError(f"labels: {classes.dtype} {classes.shape}; {B} integers are needed")
    for name, n in targets.items():
        wrong = (classes < 0) | (classes >= n)
        if wrong.any():
            b = int(np.argmax(wrong))
            raise DataError(f"trial {b}: label {classes[b]}; {name} has the classes 0 .. {n - 1}")
    return np.ascontiguousarray(classes, np.int64)


def _check_learning(network: Network, batch: int, factor: float) -> None:
    T = network.window.T
    if network.plastic and network.window.split is None:
        raise DeclarationError(
            "learn=True: the count rule compares two phases, and the window has no split; "
            "declare Window.halved(T), or run with learn=False"
        )
    for p in network.plastic:
        places = p.places if isinstance(p, Conv2d) else 1
        if p.plastic.exceeds(T, batch * places, factor):
            shared = f" at {places} places" if places > 1 else ""
            raise DeclarationError(
                f"{p.name}: {p.plastic!r} times {factor:.4g}, over {T} steps and a batch of {batch}{shared}, "
                f"exceeds the exact range of the sums; use a smaller learning rate, window or batch"
            )
        if isinstance(p.plastic, CountRule) and 0 < p.plastic.decay_period(factor) < batch:
            raise DeclarationError(
                f"{p.name}: weights decay every {p.plastic.decay_period(factor)} trials, and are updated "
                f"every {batch} (batch); they decay in an update, once at most. Use a smaller batch, or a "
                f"longer period with a larger share (smaller decay_bits)"
            )
