"""What a command was given: a run's folder, a saved network, a NIR file or a netx file, told by its contents.

Every command that takes one takes the others too, or says in one sentence which command does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py

from spikesim.errors import CheckpointError, DeclarationError, SpikesimError
from spikesim.files import checkpoint
from spikesim.files.hdf5_rules import FileRefused, damage_refused
from spikesim.files.regular import open_regular
from spikesim.hardware.lava.file import read_lava
from spikesim.hardware.netx.read import load_netx
from spikesim.hardware.nir.read import read_nir
from spikesim.models.emstdp.experiment import Experiment, restore
from spikesim.network import Network
from spikesim.network.file import load_network
from spikesim.training.run import Run
from spikesim.training.run_folder import RunFolder

WHAT = "RUN|NETWORK.h5|FILE.nir|FILE.net"
HELP = "A run folder, a saved network (.h5), a NIR file or a netx file (.net)."
NAMES: Mapping[str, str] = {
    "run": "a run folder",
    "network": "a saved network",
    "nir": "a NIR file",
    "netx": "a netx file",
    "recording": "a recording",
    "state": "a saved state",
    "training": "a checkpoint of a run",
    "events": "an event file",
    "lava": "a file for Lava",
}
OTHERS: Mapping[str, str] = {  # what can be done with files that are no networks
    "recording": "read it with spikesim.RecordingFile",
    "state": "continue from it with spikesim.simulate(..., state=spikesim.State.load(path))",
    "training": "give the folder of its run",
    "events": "train on it: `spikesim train` with dataset = its path",
}

WANTED = "Give a run folder, a network saved by spikesim.save_network, a NIR file or a netx file"


@dataclass(frozen=True)
class Given:
    """A network with what belongs to it.

    Attributes:
        path: the file or folder.
        kind: "run", "network", "nir", "netx" or "lava".
        network: trained, where it is of a run.
        run, experiment: of a run; else None.
        notes: what was assumed in reading it, each in a sentence.
    """

    path: Path
    kind: str
    network: Network
    run: Run | None = None
    experiment: Experiment | None = None
    notes: tuple[str, ...] = ()


def kind_of(path: Path) -> str:
    """What a path holds: a key of NAMES.

    Raises:
        CheckpointError: there is nothing, or nothing that spikesim writes or reads.
    """
    if path.is_dir():
        return "run"
    try:
        with open_regular(path) as handle:
            ours = handle.read(len(checkpoint.MAGIC)) == checkpoint.MAGIC
            handle.seek(0)
            with damage_refused(path), h5py.File(handle, "r") as file:
                kind = checkpoint.text_attribute(file, path, "kind") if ours else _told_by(file)
    except FileNotFoundError as problem:
        raise CheckpointError(f"{path}: there is no such file or folder. {WANTED}") from problem
    except PermissionError as problem:
        raise CheckpointError(f"{path}: no permission to read it. Change its permissions") from problem
    except FileRefused as problem:
        said = f"{path} is neither a run folder nor a network ({problem.reason}). {WANTED}"
        raise CheckpointError(said) from problem
    if kind not in NAMES:
        raise CheckpointError(f"{path} is of the kind {kind!r}, which is no network. {WANTED}")
    return kind


def _told_by(file: h5py.File) -> str:
    """The kind of a file that is no checkpoint: by its own word, or by the names at its top."""
    said = file.attrs.get("kind", b"")
    said = said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)
    if said.startswith("spikesim "):
        return {"spikesim events": "events", "spikesim recording": "recording"}.get(said, said[:60])
    top = set(file)
    return next((kind for name, kind in (("node", "nir"), ("layer", "netx")) if name in top), "HDF5")


def opened(path: Path, command: str, T: int | None = None, data: bool = True) -> Given:
    """The network that a path holds.

    Args:
        path: a run folder or a file.
        command: that was called, for messages.
        T: steps of a trial, for netx files; None for the file's own.
        data: the command needs the experiment of a run, which names its data.

    Raises:
        CheckpointError, FileRefused: it cannot be read, or is damaged.
        DeclarationError: it is a file of another kind; says what takes it.
    """
    kind = kind_of(path)
    if kind == "run":
        run = Run.open(path)
        return Given(path, kind, run.trained(), run, experiment_of(path) if data else None)
    if kind == "network":
        return Given(path, kind, load_network(path))
    if kind == "nir":
        found = read_nir(path)
        return Given(path, kind, found.network, notes=found.notes)
    if kind == "netx":
        return Given(path, kind, load_netx(path, T))
    if kind == "lava":
        return Given(path, kind, read_lava(path)[0])
    raise DeclarationError(f"{command}: {path} is {NAMES[kind]}, and no network: {OTHERS[kind]}")


def experiment_of(folder: Path) -> Experiment:
    """The experiment of a run folder.

    Raises:
        CheckpointError: not a run, or a run that was not started from the command line.
    """
    config = RunFolder.open(folder).config
    if "experiment" not in config:
        raise CheckpointError(
            f"{folder}: this run was started from Python, so its dataset is not known; "
            f"use spikesim.resume and Run.evaluate, and pass the dataset"
        )
    try:
        return restore(config["experiment"])
    except (SpikesimError, TypeError, AttributeError) as problem:
        raise CheckpointError(
            f"{folder}: config.json does not hold a valid experiment of this version of spikesim ({problem})"
        ) from problem


def run_of(path: Path, command: str, instead: str) -> tuple[Run, Experiment]:
    """The run in a folder, for a command that needs its data.

    Raises:
        CheckpointError: no run, or a damaged one.
        DeclarationError: a file; says which command takes it.
    """
    kind = kind_of(path)
    if kind == "run":
        return Run.open(path), experiment_of(path)
    raise DeclarationError(
        f"{command}: {path} is {NAMES[kind]}, which comes without data and encoder, so it has no accuracy; "
        f"give the folder of its run, or {instead}"
    )
