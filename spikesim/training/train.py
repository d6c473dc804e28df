"""Training: present, learn, measure, with checkpoints; a stopped run goes on as if it had never stopped."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import engines, rng
from spikesim.datasets.dataset import Dataset, Split
from spikesim.encoders import Encoder, describe_encoder
from spikesim.engines import Engine
from spikesim.errors import CheckpointError, DeclarationError
from spikesim.grid import whole
from spikesim.network import Network
from spikesim.network.file import digest
from spikesim.recording import Recording
from spikesim.training.argument_checks import expect, expect_encoder
from spikesim.training.config import Training, TrainingProgress
from spikesim.training.evaluate import check_fits, evaluate
from spikesim.training.run import NETWORK, Run, fingerprint, other_data
from spikesim.training.run_folder import CHECKPOINTS, CONFIG, LOCK, RunFolder

CHUNK = 500  # presentations between looks at the clock and at Ctrl-C
CHECKPOINT_SECONDS = 20.0
ProgressCallback = Callable[[TrainingProgress], None]


def train(
    network: Network,
    dataset: Dataset,
    encoder: Encoder,
    training: Training,
    out: str | os.PathLike[str] | None = None,
    threads: int = 1,
    progress: ProgressCallback | None = None,
    notes: dict[str, Any] | None = None,
    overwrite: bool = False,
    engine: str | None = None,
) -> Run:
    """Train a network on a dataset.

    Args:
        network: with plastic projections, one source and a readout.
        dataset: what to learn.
        encoder: makes spikes of the intensities.
        training: epochs, order, schedule.
        out: a new run folder for metrics and checkpoints; None keeps everything in memory.
        threads: workers that share a batch; they never change a result.
        progress: called when the work begins, then after every chunk of presentations and every epoch.
        notes: kept in the run's configuration (a preset's name, a dataset's options).
        overwrite: replace a run that is in `out`.
        engine: "naive" or "windowed"; None takes windowed where it runs the network. Kept with the run.

    Returns:
        The run; interrupted by Ctrl-C, it is saved and `run.finished` is False.

    Raises:
        DataError: data that does not fit the network.
        DeclarationError: a folder that holds another run, or settings that cannot be.
        EngineError: threads < 1, an unknown engine, or one that does not run the network.
    """
    expect("train", Network, network=network)
    expect("train", Dataset, dataset=dataset)
    expect_encoder("train", encoder)
    expect("train", Training, training=training)
    split = dataset.split(training.split)
    check_fits(network, split)
    if not network.plastic:
        raise DeclarationError("the network has no plastic projection: there is nothing to train")
    per_epoch = len(split) if training.samples is None else training.samples
    if per_epoch > len(split):
        raise DeclarationError(
            f"samples = {per_epoch} of an epoch, and the split {split.name!r} has {len(split)}"
        )
    running = engines.engine(network, name=engine, threads=threads)
    reached = TrainingProgress(per_epoch=per_epoch, epochs=training.epochs)
    run = Run(network, training, encoder, network.masters(), None, False, engine=engines.engine_name(running))
    if out is None:
        _try_out(run, split, reached, progress)
        return _go_on(run, running, dataset, split, reached, threads, progress)
    config = {
        "training": asdict(training),
        "encoder": describe_encoder(encoder),
        "data": fingerprint(dataset),
        "network": digest(network),
        "engine": run.engine,
    }
    if overwrite:  # nothing is deleted for a run that cannot be
        _try_out(run, split, reached, progress)
    new = not os.path.lexists(out)
    run.folder = RunFolder.create(out, config | (notes or {}), overwrite=overwrite)
    try:
        if not overwrite:
            _try_out(run, split, reached, progress)
        run.save_network()
        return _go_on(run, running, dataset, split, reached, threads, progress)
    except BaseException:
        _forget(run.folder, new)
        raise
    finally:
        run.folder.close()


def _forget(folder: RunFolder, new: bool) -> None:
    """What failed before its first checkpoint is no run: it must not be in the way of the next try."""
    if folder.steps():
        return
    with suppress(OSError):
        for name in (NETWORK, CONFIG):
            (folder.root / name).unlink(missing_ok=True)
        if new:
            (folder.root / LOCK).unlink(missing_ok=True)
            (folder.root / CHECKPOINTS).rmdir()
            folder.root.rmdir()


def resume(
    out: str | os.PathLike[str],
    dataset: Dataset,
    threads: int = 1,
    progress: ProgressCallback | None = None,
    epochs: int | None = None,
    engine: str | None = None,
) -> Run:
    """Go on with a run from its last checkpoint; equal, bit for bit, to a run that was never interrupted.

    Args:
        out: the run's folder.
        dataset: the same data as before.
        threads, progress: as in `train`.
        epochs: train to this epoch instead of the one that the run was to reach; kept from now on.
        engine: as in `train`; None takes the run's.

    Raises:
        CheckpointError: no run there, damaged files, or other data than the run began with.
        DeclarationError: epochs is not a whole number >= 1, or fewer than are done.
        EngineError: as in `train`.
    """
    expect("resume", Dataset, dataset=dataset)
    if not isinstance(out, str | os.PathLike):
        raise DeclarationError(
            f"resume: out is of type {type(out).__name__}; the folder of a run is needed, as 'runs/mine'"
        )
    if epochs is not None and not whole(epochs, 1):
        raise DeclarationError(f"resume: epochs = {epochs!r}; a whole number >= 1 is needed")
    folder = RunFolder.open(out)
    with folder:
        folder.claim()
        run = Run.open(out)
        run.folder = folder
        run.engine = engine or run.engine
        if now := other_data(folder.config["data"], dataset):
            raise CheckpointError(
                f"{out}: this run began with other data ({folder.config['data']}, now {now}); "
                f"resume it with the same, or begin a new run"
            )
        split = dataset.split(run.training.split)
        before = TrainingProgress(per_epoch=run.training.samples or len(split), epochs=run.training.epochs)
        before = run.progress or before
        reached = _extended(before, epochs)
        folder.truncate_metrics(epoch=reached.epoch)
        run.metrics = folder.metrics()
        running = engines.engine(run.network, run.masters, run.squares, run.engine, threads)
        run.engine = engines.engine_name(running)
        _try_out(run, split, reached, progress)
        if reached.epochs != before.epochs:  # so that the next one to resume goes to the same end
            _save(run, running, reached)
        return _go_on(run, running, dataset, split, reached, threads, progress)


def _extended(reached: TrainingProgress, epochs: int | None) -> TrainingProgress:
    """Where a training stands, with another end.

    Raises:
        DeclarationError: an end that it has passed.
    """
    if epochs is None:
        return reached
    least = reached.epoch + (reached.done > 0)
    if epochs < least:
        part = f" and a part of epoch {least}" if reached.done else ""
        raise DeclarationError(
            f"resume: epochs = {epochs}, and {reached.epoch} of {reached.epochs} are done{part}; "
            f"{least} or more are needed, or none given, to go on to {reached.epochs}"
        )
    return replace(reached, epochs=epochs)


def _go_on(
    run: Run,
    running: Engine,
    dataset: Dataset,
    split: Split,
    reached: TrainingProgress,
    threads: int,
    progress: ProgressCallback | None,
) -> Run:
    """From where it stands to the last epoch, or to Ctrl-C."""
    saved = time.monotonic()
    with _stop_signal() as stopped:
        while not reached.finished and not stopped.is_set():
            order = rng.permutation(run.training.seed, len(split), reached.epoch)[: reached.per_epoch]
            for rows in _chunks(order, reached.done, run.training.batch):
                _learn(run, running, split, rows, reached)
                if progress is not None:
                    progress(reached)
                late = time.monotonic() - saved > CHECKPOINT_SECONDS
                if stopped.is_set() or (late and reached.done < len(order)):
                    _save(run, running, reached)
                    saved = time.monotonic()
                if stopped.is_set():
                    break
            if reached.done == len(order):
                _close_epoch(run, dataset, running, reached, threads)
                _save(run, running, reached)
                saved = time.monotonic()
                if progress is not None:
                    progress(reached)
    run.masters = {name: m.copy() for name, m in running.masters.items()}
    run.squares = {name: r.copy() for name, r in running.squares.items()}
    run.finished = reached.finished
    run.progress = reached
    return run


def _chunks(order: npt.NDArray[np.int64], done: int, batch: int) -> Iterator[npt.NDArray[np.int64]]:
    """The rest of an epoch's order in pieces of whole batches."""
    size = max(1, CHUNK // batch) * batch
    for first in range(done, len(order), size):
        yield order[first : first + size]


def _try_out(run: Run, split: Split, reached: TrainingProgress, progress: ProgressCallback | None) -> None:
    """Say that the work begins, and learn one sample on an engine that is thrown away.

    So the kernels are compiled before any time is counted, and what the engine refuses (a step size that
    leaves its integers) is refused before anything is kept.
    """
    if progress is not None:
        progress(reached)
    _present(run, engines.engine(run.network, name=run.engine), split, np.arange(1), epoch=0)


def _present(run: Run, running: Engine, split: Split, rows: npt.NDArray[np.int64], epoch: int) -> Recording:
    """Encode some samples, present them, and learn."""
    training, source = run.training, run.network.sources[0]
    window = run.network.window
    T = window.boundary if run.network.populations[source].replay else window.T
    spikes = run.encoder.encode(split.x[rows], split.index[rows], T, training.seed, epoch)
    return running.run(
        {source: spikes}, split.y[rows], learn=True, batch=training.batch, factor=training.factor(epoch)
    )


def _learn(
    run: Run, running: Engine, split: Split, rows: npt.NDArray[np.int64], reached: TrainingProgress
) -> None:
    """Present and learn one chunk, and count."""
    begun = time.monotonic()
    found = _present(run, running, split, rows, reached.epoch)
    reached.done += len(rows)
    reached.right += int((found.predictions == split.y[rows]).sum())
    for name, counts in found.counts.items():
        reached.spikes[name] = reached.spikes.get(name, 0) + int(np.abs(counts).sum())
    for name, n in found.clipped.items():
        reached.clipped[name] = reached.clipped.get(name, 0) + n
    took = time.monotonic() - begun
    reached.seconds += took
    reached.rate = len(rows) / max(took, 1e-9)


def _close_epoch(
    run: Run, dataset: Dataset, running: Engine, reached: TrainingProgress, threads: int
) -> None:
    """Measure, write the record of the epoch, and begin the next."""
    if run.training.split == "fit":
        seed = run.training.seed
        measured = evaluate(
            run.network,
            dataset.validation,
            run.encoder,
            seed,
            running.masters,
            threads=threads,
            engine=run.engine,
        )
        reached.validation = measured.accuracy
    record = {
        "epoch": reached.epoch + 1,
        "samples": (reached.epoch + 1) * reached.per_epoch,
        "train_accuracy": reached.accuracy,
        "eta_factor": run.training.factor(reached.epoch),
        "seconds": round(reached.seconds, 3),
        "spikes": {name: n / reached.per_epoch for name, n in reached.spikes.items()},
        "clipped": dict(reached.clipped),
    }
    if reached.validation is not None:
        record["validation_accuracy"] = reached.validation
    run.metrics.append(record)
    if run.folder is not None:
        run.folder.append_metrics(record)
    reached.epoch, reached.done, reached.right = reached.epoch + 1, 0, 0
    reached.spikes, reached.clipped = {}, {}


def _save(run: Run, running: Engine, reached: TrainingProgress) -> None:
    """A checkpoint: weights, running squares, and where the training stands."""
    if run.folder is None:
        return
    arrays: dict[str, Any] = {f"masters/{name}": m for name, m in running.masters.items()}
    arrays |= {f"squares/{name}": r for name, r in running.squares.items()}
    step = reached.epoch * reached.per_epoch + reached.done
    run.folder.save_checkpoint(arrays, {"standing": asdict(reached), **run.belongs()}, step)


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets: a training ends between two chunks; a second one interrupts."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(number: int, _frame: Any) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
