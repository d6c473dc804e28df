"""A training run: the network, its trained weights, and its folder."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim._renamed import renamed_attribute
from spikesim._values import equal, equal_fields, lines, listed, sized
from spikesim.datasets.dataset import Dataset
from spikesim.encoders import Encoder, restore_encoder
from spikesim.errors import CheckpointError
from spikesim.files.atomic import json_bytes, sha256_bytes
from spikesim.files.checkpoint import Checkpoint, digest_arrays
from spikesim.network import Masters, Network
from spikesim.network.file import digest, digest_in_file, load_network, save_network
from spikesim.spikes import Spikes
from spikesim.training.argument_checks import expect
from spikesim.training.config import Training, TrainingProgress
from spikesim.training.evaluate import Evaluation, evaluate
from spikesim.training.predict import answers
from spikesim.training.run_folder import RunFolder

NETWORK = "network.h5"
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Run:
    """A training run, as returned by `train` and `resume` and read by `Run.open`.

    Attributes:
        network: the network as declared, with its initial weights.
        training: the training configuration.
        encoder: encoder of the input spikes.
        masters: trained weights, projection -> int32 (n_pre, n_post) on the master grid.
        folder: folder of the run; None for a run in memory.
        finished: whether all epochs are complete.
        metrics: one record per epoch.
        progress: progress of the training; None before the first checkpoint.
        squares: running mean squares of normalised steps, projection -> float64 (n_pre, n_post).
        engine: name of the training engine; None for a folder of a version that did not record it.
        sums: sums of the weights of the epochs that are averaged, projection -> int64 (n_pre, n_post).

    Examples:
        >>> import spikesim as ss
        >>> from spikesim.models import emstdp
        >>> config, iris = emstdp.Emstdp(sizes=(4, 20, 3), T=64), ss.datasets.iris()
        >>> training = emstdp.training(config, epochs=2)
        >>> run = ss.train(emstdp.build(config), iris, emstdp.encoder(config), training, out="folder")
        >>> ss.Run.open("folder").weights_sha256 == run.weights_sha256
        True
        >>> run.trained().projections[0].w.shape
        (4, 20)
    """

    network: Network
    training: Training
    encoder: Encoder
    masters: Masters
    folder: RunFolder | None
    finished: bool
    metrics: list[dict[str, Any]] = field(default_factory=list)
    progress: TrainingProgress | None = None
    squares: dict[str, npt.NDArray[np.float64]] | None = None
    engine: str | None = None
    sums: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    standing = renamed_attribute("Run", "standing", "progress")

    def __eq__(self, other: object) -> bool:
        """Whether network, settings, weights and results are equal: all but folder, engine and seconds."""
        if not isinstance(other, Run):
            return NotImplemented
        timed = ("folder", "engine", "metrics", "progress")
        return equal_fields(self, other, timed) and equal(_untimed(self), _untimed(other))

    def __repr__(self) -> str:
        """A few lines: how far it is, what it has learnt, where it lies."""
        done = self.progress.epoch if self.progress else 0
        epochs = self.progress.epochs if self.progress else self.training.epochs
        last = self.metrics[-1] if self.metrics else {}
        kinds = ("train_accuracy", "validation_accuracy")
        rows = {
            "accuracy": listed(
                f"{k.partition('_')[0]} {100 * last[k]:.2f} %"
                for k in kinds
                if isinstance(last.get(k), float | int)
            ),
            "weights": listed(sized(self.masters)),
            "populations": listed(f"{name} {p.n}" for name, p in self.network.populations.items()),
            "encoder": type(self.encoder).__name__,
            "folder": "in memory" if self.folder is None else str(self.folder.root),
        }
        state = "finished" if self.finished else "not finished"
        return lines(f"Run, {state}: {done} of {epochs} epochs", rows)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Run:
        """Read a run from its folder, with the weights of its newest intact checkpoint.

        Raises:
            CheckpointError: the folder holds no run, or its files are damaged or of another version.
        """
        folder = RunFolder.open(path)
        config = folder.config
        try:
            training = Training(**config["training"])
            encoder = restore_encoder(config["encoder"])
        except (KeyError, TypeError) as problem:
            raise CheckpointError(
                f"{path}: config.json does not describe a training ({problem!r}); "
                f"restore it from a copy, or start a new run"
            ) from problem
        if not folder.path(NETWORK).exists():
            raise CheckpointError(
                f"{path}: {NETWORK} is missing, so this run was never started; start it again with overwrite"
            )
        network = load_network(folder.path(NETWORK))
        if config.get("network") not in (digest(network), digest_in_file(folder.path(NETWORK))):
            raise CheckpointError(
                f"{path}: {NETWORK} is not the network recorded in config.json; "
                f"restore the original files, or start a new run"
            )
        run = cls(network, training, encoder, network.masters(), folder, False, folder.metrics())
        run.engine = config.get("engine")
        found = folder.latest()
        if found is not None:
            run._take(found)
            run._compare_metrics(found)
            try:
                run.progress = TrainingProgress(**found.meta["standing"])
                run.finished = run.progress.finished
            except (KeyError, TypeError) as problem:
                raise CheckpointError(
                    f"{path}: the checkpoint holds no valid training progress ({problem!r}); "
                    f"it was written by another version of spikesim: start a new run"
                ) from problem
        return run

    def _take(self, found: Checkpoint) -> None:
        """Take over the weights of a checkpoint after checking that it belongs to this run."""
        assert self.folder is not None
        groups: dict[str, dict[str, Any]] = {"masters": {}, "squares": {}, "sums": {}}
        for name, array in found.arrays.items():
            group, _, projection = name.partition("/")
            groups.setdefault(group, {})[projection] = array
        declared = {n: (m.shape, m.dtype) for n, m in self.network.masters().items()}
        given = {n: (m.shape, m.dtype) for n, m in groups["masters"].items()}
        changed = [name for name, value in self.belongs().items() if found.meta.get(name) != value]
        if declared != given or changed:
            names = {"config": "config.json", "network": NETWORK}
            only = " or ".join(names[key] for key in changed or names)
            raise CheckpointError(
                f"{self.folder.root}: the checkpoint belongs to another network or configuration than "
                f"{NETWORK} and config.json: {only} was changed or exchanged later. Its weights "
                f"are intact; restore the original files, or start a new run"
            )
        self.masters, self.squares, self.sums = groups["masters"], groups["squares"], groups["sums"]

    def measured(self) -> dict[str, Any]:
        """The number of records in the metrics and their SHA-256, which every checkpoint stores."""
        return {"metrics": [len(self.metrics), _digest_of(self.metrics)]}

    def _compare_metrics(self, found: Checkpoint) -> None:
        """Log a warning if the metrics are not those that the checkpoint names."""
        assert self.folder is not None
        recorded = found.meta.get("metrics")  # None in checkpoints of version 0.1.0
        if not (isinstance(recorded, list) and len(recorded) == 2 and isinstance(recorded[0], int)):
            return
        count, digest_then = recorded
        if len(self.metrics) < count or _digest_of(self.metrics[:count]) != digest_then:
            log.warning(
                "%s/metrics.jsonl is not what the checkpoint of this run names (%d records with another "
                "SHA-256), so its figures cannot be trusted. Network, configuration and weights are intact.",
                self.folder.root,
                count,
            )

    def belongs(self) -> dict[str, str]:
        """SHA-256 digests of the network and the configuration, which every checkpoint of the run stores."""
        assert self.folder is not None
        config = sha256_bytes(json_bytes(self.folder.config, what="the configuration"))
        return {"network": self.folder.config["network"], "config": config}

    def add_to_average(self, masters: Masters, epoch: int) -> Masters:
        """The weights that count after an epoch: the mean of the last ones, or just `masters`.

        The sum is exact, and the mean is rounded to the master grid (half rounds up).

        Args:
            masters: the weights at the end of the epoch.
            epoch: its number, from 0.
        """
        n = epoch - (self.training.epochs - self.training.average) + 1
        if not self.training.average or n < 1:
            return masters
        for name, m in masters.items():
            self.sums[name] = self.sums.get(name, 0) + m.astype(np.int64)
        return {name: ((2 * s + n) // (2 * n)).astype(np.int32) for name, s in self.sums.items()}

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the trained weights, in hex."""
        return digest_arrays(self.masters)

    def trained(self) -> Network:
        """The network with its trained weights."""
        return self.network.with_masters(self.masters)

    def evaluate(
        self,
        dataset: Dataset,
        split: str = "test",
        T: int | None = None,
        threads: int = 1,
        progress: Any = None,
        engine: str | None = None,
    ) -> Evaluation:
        """Classify a split of a dataset with the trained weights; see `spikesim.training.evaluate.evaluate`.

        `split` is "test", "validation", "train" or "fit". Without `engine`, that of the training is used.
        """
        expect("Run.evaluate", Dataset, dataset=dataset)
        return evaluate(
            self.network,
            dataset.split(split),
            self.encoder,
            self.training.seed,
            self.masters,
            T,
            threads,
            progress,
            engine or self.engine,
        )

    def predict(
        self, x: Any, T: int | None = None, threads: int = 1, engine: str | None = None
    ) -> npt.NDArray[np.int64]:
        """The class of each sample with the trained weights, int64 (B,).

        The samples of a test set in their order get the predictions of `evaluate`.

        Args:
            x: intensities in [0, 1], (B, ...) numbers in anything that NumPy makes an array of, with as many
                values per sample as the network has inputs; or `Spikes` of B trials.
            T, threads, engine: as in `evaluate`.

        Raises:
            DataError: samples that do not fit the network, or values outside [0, 1].
            DeclarationError: an invalid T.
            EngineError: as in `evaluate`.
        """
        seed, chosen = self.training.seed, engine or self.engine
        found = answers(self.network, x, self.encoder, seed, self.masters, T, threads, chosen)
        return found.predictions

    def save_network(self) -> None:
        """Write the declared network to the run folder."""
        assert self.folder is not None
        save_network(self.network, self.folder.path(NETWORK))


def _digest_of(records: list[dict[str, Any]]) -> str:
    return sha256_bytes(json_bytes(records, what="the metrics"))


def _untimed(run: Run) -> list[Any]:
    """Metrics and progress of a run without the seconds that they took."""
    records = [{k: v for k, v in record.items() if k != "seconds"} for record in run.metrics]
    return [records, None if run.progress is None else replace(run.progress, seconds=0.0, rate=0.0)]


def fingerprint(dataset: Dataset) -> dict[str, Any]:
    """Identity of a dataset: name, sizes, SHA-256 of all labels and samples and of the rows of its splits.

    A resumed run compares it with the one recorded at the start.
    """
    assert dataset.fit_rows is not None
    return _sizes(dataset) | {
        "sha256": _sha256(*(a for part in (dataset.train, dataset.test) for a in (part.y, *_arrays(part.x)))),
        "splits_sha256": _sha256(dataset.validation_rows, dataset.fit_rows),
    }


def other_data(began: dict[str, Any], dataset: Dataset) -> dict[str, Any] | None:
    """The dataset's fingerprint if it differs from the recorded one, `began`; else None."""
    now = fingerprint(dataset)
    recorded = isinstance(dataset.train.x, Spikes)
    if "splits_sha256" not in began and not recorded:  # older folders hash the labels and every 97th sample
        parts = (dataset.train, dataset.test)
        now = _sizes(dataset) | {"sha256": _sha256(*(a for part in parts for a in (part.y, part.x[::97])))}
    return None if now == began else now


def _arrays(x: npt.NDArray[np.float32] | Spikes) -> tuple[npt.NDArray[Any], ...]:
    """The arrays that hold a split's samples."""
    if isinstance(x, Spikes):
        return x.times, x.neurons, x.offsets, np.array([x.T, x.n], np.int64)
    return (x,)


def _sizes(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "train": len(dataset.train),
        "test": len(dataset.test),
        "features": int(dataset.train.x.shape[1]),
    }


def _sha256(*arrays: npt.NDArray[Any]) -> str:
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array).reshape(-1).data)
    return sha.hexdigest()
