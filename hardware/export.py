"""Export of a network: quantise, write, read back with the target's own programs, run, compare all spikes."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spikesim.engines import engine
from spikesim.errors import DeclarationError, EngineError, MissingExtraError
from spikesim.hardware import limits
from spikesim.hardware.quantise import quantise
from spikesim.hardware.quantise_report import Quantised
from spikesim.hardware.targets import ExportTarget, Reader, target, without_floors
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.spikes import Spikes
from spikesim.training.run_folder import CONFIG
from spikesim.verification.verify import Difference, compare


@dataclass(frozen=True)
class ReaderCheck:
    """Comparison of an exported file, run by one program, with the engine.

    Attributes:
        reader: the program.
        presentations: number of trials.
        spikes: number of spikes of the engine, in all populations.
        spikes_differ: number of spikes that only one of the two has.
        membranes: number of membrane values compared: every neuron, every step.
        membranes_differ: number of unequal ones.
        difference: the first difference; None where all is equal.
        seconds: to load, start and run.
    """

    reader: str
    presentations: int
    spikes: int
    spikes_differ: int
    membranes: int
    membranes_differ: int
    difference: Difference | None
    seconds: float


@dataclass(frozen=True)
class Exported:
    """An exported file and its verification.

    Attributes:
        target: its name.
        path: the file; if a reader differs, it keeps the name unproved-NAME, beside the requested one.
        network: as written.
        quantised: report of the quantisation; None where there was none.
        checks: one for each reader.
        missing: reader -> why it was skipped.
        notes: what other readers may interpret differently, each in a sentence.
    """

    target: str
    path: Path
    network: Network
    quantised: Quantised | None
    checks: tuple[ReaderCheck, ...]
    missing: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether at least one program ran the file, and none of them differs."""
        return bool(self.checks) and all(check.difference is None for check in self.checks)


def export(
    network: Network,
    to: str | ExportTarget,
    path: str | os.PathLike[str],
    inputs: Mapping[str, Spikes],
    bits: int | None = None,
    **measure: Any,
) -> Exported:
    """Write a network for a target, and compare the file with the engine, spike by spike.

    Args:
        network: as trained; its teaching populations are left out.
        to: a target, or its name.
        path: of the file.
        inputs: source -> Spikes, the trials to compare.
        bits: of a weight; None for 8 where the target needs integers, else for no quantisation.
        measure: split, encoder, seed, threads: also measure the accuracy before and after quantisation.

    Raises:
        DeclarationError: an unknown target, `path` is another kind of file, or a network without a Source.
        LimitError, EngineError: what the target cannot hold.
        SpikesimError: the file cannot be written.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> layers = {"in": ss.Source(2), "out": ss.IF(2, theta=1.0)}
        >>> network = ss.Network(layers, [ss.Dense("in", "out", np.eye(2))], window=ss.Window(T=4))
        >>> spikes = ss.from_raster(np.ones((1, 4, 2)))
        >>> ss.export(network, "nir", "net.nir", {"in": spikes}).equal
        True
    """
    chosen = to if isinstance(to, ExportTarget) else target(to)
    path = Path(path)
    check_place(path, chosen.suffixes)
    if not network.sources:
        raise DeclarationError(
            "export: the network has no Source; trials are given by their input, and without any nothing can "
            "be verified. Add a Source, which no projection need leave"
        )
    quantised, ready = None, network.inference()
    if bits is not None or limits.hardware_limits(chosen.hardware).quantised:
        quantised = quantise(network, chosen.hardware, 8 if bits is None else bits, **measure)
        ready = quantised.network
    draft = path.with_name(f"unproved-{path.name}")
    try:
        notes = chosen.notes(chosen.write(ready, draft))
        checks, missing = _checks(chosen, draft, ready, inputs)
        equal = all(check.difference is None for check in checks)
        if equal:
            os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    place = path if equal else draft
    return Exported(chosen.name, place, ready, quantised, checks, missing, notes)


def check_place(path: Path, suffixes: tuple[str, ...]) -> None:
    """Refuse to overwrite what is no exported network: a run's own files, or another kind of file.

    Args:
        path: where the export goes.
        suffixes: of files that an export may replace in a run's folder.

    Raises:
        DeclarationError: it would.
    """
    if path.exists() and (path.parent / CONFIG).exists() and path.suffix not in suffixes:
        raise DeclarationError(f"{path} is a file of the run in {path.parent}; choose another name")
    if path.is_dir() or (path.exists() and not h5py.is_hdf5(path)):
        what = "a folder" if path.is_dir() else "no file of a network"
        raise DeclarationError(f"{path} exists, and is {what}; choose another name, or move it away")


def _checks(
    chosen: ExportTarget, path: Path, network: Network, inputs: Mapping[str, Spikes]
) -> tuple[tuple[ReaderCheck, ...], dict[str, str]]:
    """The comparison with every available reader, and why the others were skipped."""
    checks, missing = [], {}
    for reader in chosen.readers:
        if why := reader.refuses(network):
            missing[reader.name] = why
            continue
        try:
            checks.append(_check(reader, path, network, inputs))
        except MissingExtraError as problem:
            missing[reader.name] = str(problem)
    if not checks:
        whys = "; ".join(f"{name}: {said}" for name, said in missing.items())
        raise EngineError(f"{chosen.title}: no program that reads the file is installed here: {whys}")
    return tuple(checks), missing


def _check(reader: Reader, path: Path, network: Network, inputs: Mapping[str, Spikes]) -> ReaderCheck:
    begun = time.perf_counter()
    declared = network if reader.saturates else without_floors(network)
    moving = tuple(name for name in declared.order if not is_source(declared.populations[name]))
    found = reader.open(path, network).run(inputs, record=moving)
    seconds = time.perf_counter() - begun
    wanted = engine(declared).run(inputs, record=moving)
    return ReaderCheck(
        reader.name,
        len(next(iter(inputs.values()))),
        sum(len(wanted.spikes[name].times) for name in moving),
        sum(_unlike(wanted.spikes[name], found.spikes[name]) for name in moving),
        sum(wanted.v[name].size for name in moving),
        sum(int((wanted.v[name] != found.v[name]).sum()) for name in moving),
        compare(wanted, found, moving),
        seconds,
    )


def _unlike(a: Spikes, b: Spikes) -> int:
    """Number of events (trial, step, neuron, sign) that only one of the two has."""

    def events(spikes: Spikes) -> np.ndarray:
        owner = np.repeat(np.arange(len(spikes)), np.diff(spikes.offsets))
        place = (owner * spikes.T + spikes.times) * spikes.n + spikes.neurons
        return 2 * place + (0 if spikes.signs is None else spikes.signs < 0)

    return len(np.setxor1d(events(a), events(b), assume_unique=True))
