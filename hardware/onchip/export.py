"""A trained network as a folder that learns on in Lava.

    network.h5       the network with its weights
    settings.json    the arithmetic, and the encoder of the inputs
    learn.py         python learn.py samples.npz: x, intensities (B, n) in [0, 1], and y (B,), the classes;
                     writes learnt.h5, the network with what Lava has learnt; with the word "device" after the
                     samples all of them are learnt in one run, without the host

Weights that learning has left between two steps of the chip are rounded, which `learner` notes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.encoders import Encoder, Regular, describe_encoder, restore_encoder
from spikesim.errors import CheckpointError, DataError, DeclarationError, SpikesimError
from spikesim.files.atomic import json_bytes, read_json, write_bytes, write_failure
from spikesim.files.npz import read_npz
from spikesim.hardware.onchip.compare import LearningVerdict, compare_learning
from spikesim.hardware.onchip.declare import learner
from spikesim.hardware.onchip.lava import Construction, train_in_lava
from spikesim.hardware.onchip.learner import Arithmetic, Ints, Learner
from spikesim.network import Network
from spikesim.network.file import load_network, save_network
from spikesim.spikes import Spikes

NETWORK, SETTINGS, SCRIPT, LEARNT = "network.h5", "settings.json", "learn.py", "learnt.h5"
TEXT = '''"""Learn on in Lava: python learn.py samples.npz [device]

samples.npz holds x, intensities (B, n) in [0, 1], and y, the classes (B,). device: without the host.
"""

import sys
from pathlib import Path

from spikesim.errors import SpikesimError
from spikesim.hardware.onchip.export import learn_file

if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    try:
        print(learn_file(Path(__file__).parent, *sys.argv[1:]))
    except SpikesimError as problem:
        sys.exit(f"error: {problem}")
'''


def export_learner(
    network: Network,
    folder: Path,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int64],
    arithmetic: Arithmetic = "fixed",
    encoder: Encoder | None = None,
) -> tuple[Learner, LearningVerdict]:
    """Write the folder, and verify it: its network learns the samples in Lava and in the twin.

    Args:
        network: as trained, with its teaching populations.
        folder: a new or an empty one.
        x, y: samples to verify with.
        arithmetic: "fixed" or "float", of Lava.
        encoder: of the inputs; Regular() by default.

    Raises:
        DeclarationError: the folder holds files.
        EngineError, LimitError: what the graph, or the chip, cannot hold; nothing is written.
        MissingExtraError: Lava is not installed.
        SpikesimError: a file cannot be written.
    """
    encoder = Regular() if encoder is None else encoder
    learner(network, arithmetic, nearest_eta=True)  # refuses before anything is written
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DeclarationError(f"{folder} exists and is no empty folder; choose another name")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as problem:
        raise SpikesimError(write_failure(folder, "the learner", problem)) from problem
    save_network(network, folder / NETWORK)
    settings = {"arithmetic": arithmetic, "encoder": describe_encoder(encoder)}
    write_bytes(folder / SETTINGS, json_bytes(settings, what="the settings", indent=1), what="the settings")
    write_bytes(folder / SCRIPT, TEXT.encode(), what="the script")
    one, spikes = _opened(folder, x)
    return one, compare_learning(one, spikes, y)


def learn_file(folder: Path, samples: str, construction: Construction = "host") -> str:
    """Learn the samples of an .npz file, x and y; see `learn_on`.

    Raises:
        DataError: a file without x or y, or as in `learn_on`.
    """
    found = read_npz(samples)
    missing = [name for name in ("x", "y") if name not in found]
    if missing:
        raise DataError(
            f"{samples} holds {', '.join(sorted(found)) or 'nothing'}, and no {' and no '.join(missing)}; x, "
            f"intensities (B, n) in [0, 1], and y, the classes (B,), are needed"
        )
    return learn_on(folder, found["x"], found["y"], construction)


def learn_on(
    folder: Path, x: npt.NDArray[np.float32], y: npt.NDArray[np.int64], construction: Construction = "host"
) -> str:
    """Learn samples in Lava from the weights of a folder, and write the network that results.

    Args:
        folder: as written by `export_learner`.
        x, y: samples.
        construction: as in `train_in_lava`.

    Returns:
        What was learnt, in a sentence.

    Raises:
        CheckpointError: the folder's files are damaged.
        DataError: samples that do not fit.
        EngineError: the construction cannot hold the learner.
    """
    one, spikes = _opened(folder, x)
    found = train_in_lava(one, spikes, np.asarray(y), construction)
    network = with_weights(load_network(folder / NETWORK), one, found.weights)
    save_network(network, folder / LEARNT)
    changed = sum(int((w != layer.w).sum()) for w, layer in zip(found.weights, one.layers, strict=True))
    return f"{len(spikes)} trials learnt in {found.seconds:.1f} s, {changed} weights changed: {LEARNT}"


def _opened(folder: Path, x: npt.NDArray[np.float32]) -> tuple[Learner, Spikes]:
    settings = read_json(folder / SETTINGS, "Export the learner again.")
    try:
        arithmetic, encoder = settings["arithmetic"], restore_encoder(settings["encoder"])
    except (KeyError, TypeError) as problem:
        raise CheckpointError(f"{folder / SETTINGS} is damaged: {problem!r}; export it again") from problem
    one = learner(load_network(folder / NETWORK), arithmetic, nearest_eta=True)
    return one, encoder.encode(np.asarray(x, np.float32), np.arange(len(x)), one.active, 0)


def with_weights(network: Network, one: Learner, weights: Sequence[Ints]) -> Network:
    """The network with weights that a learner of it has learnt, in its units."""
    masters = {}
    for layer, w in zip(one.layers, weights, strict=True):
        (p,) = (p for p in network.plastic if p.post == layer.name)
        masters[p.name] = (w * round(layer.unit * 2**grid.MASTER_BITS)).astype(np.int32)
    return network.with_masters(masters)
