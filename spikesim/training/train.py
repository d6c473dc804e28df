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
from spikesim.training.config import Standing, Training
from spikesim.training.evaluate import check_fits, evaluate
from spikesim.training.run import NETWORK, Run, fingerprint, other_data
from spikesim.training.run_folder import CHECKPOINTS, CONFIG, LOCK, RunFolder

CHUNK = 500  # presentations between looks at the clock and at Ctrl-C
CHECKPOINT_SECONDS = 20.0
Progress = Callable[[Standing], None]


def train(
    network: Network,
    dataset: Dataset,
    encoder: Encoder,
    training: Training,
    out: str | os.PathLike[str] | None = None,
    threads: int = 1,
    progress: Progress | None = None,
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
    standing = Standing(per_epoch=per_epoch, epochs=training.epochs)
    run = Run(network, training, encoder, network.masters(), None, False, engine=engines.engine_name(running))
    if out is None:
        _try_out(run, split, standing, progress)
        return _go_on(run, running, dataset, split, standing, threads, progress)
    config = {
        "training": asdict(training),
        "encoder": describe_encoder(encoder),
        "data": fingerprint(dataset),
        "network": digest(network),
        "engine": run.engine,
    }
    if overwrite:  # nothing is deleted for a run that cannot be
        _try_out(run, split, standing, progress)
    new = not os.path.lexists(out)
    run.folder = RunFolder.create(out, config | (notes or {}), overwrite=overwrite)
    try:
        if not overwrite:
            _try_out(run, split, standing, progress)
        run.save_network()
        return _go_on(run, running, dataset, split, standing, threads, progress)
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
    progress: Progress | None = None,
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
        before = Standing(per_epoch=run.training.samples or len(split), epochs=run.training.epochs)
        before = run.standing or before
        standing = _extended(before, epochs)
        folder.truncate_metrics(epoch=standing.epoch)
        run.metrics = folder.metrics()
        running = engines.engine(run.network, run.masters, run.squares, run.engine, threads)
        run.engine = engines.engine_name(running)
        _try_out(run, split, standing, progress)
        if standing.epochs != before.epochs:  # so that the next one to resume goes to the same end
            _save(run, running, standing)
        return _go_on(run, running, dataset, split, standing, threads, progress)


def _extended(standing: Standing, epochs: int | None) -> Standing:
    """Where a training stands, with another end.

    Raises:
        DeclarationError: an end that it has passed.
    """
    if epochs is None:
        return standing
    least = standing.epoch + (standing.done > 0)
    if epochs < least:
        part = f" and a part of epoch {least}" if standing.done else ""
        raise DeclarationError(
            f"resume: epochs = {epochs}, and {standing.epoch} of {standing.epochs} are done{part}; "
            f"{least} or more are needed, or none given, to go on to {standing.epochs}"
        )
    return replace(standing, epochs=epochs)


def _go_on(
    run: Run,
    running: Engine,
    dataset: Dataset,
    split: Split,
    standing: Standing,
    threads: int,
    progress: Progress | None,
) -> Run:
    """From where it stands to the last epoch, or to Ctrl-C."""
    saved = time.monotonic()
    with _stop_signal() as stopped:
        while not standing.finished and not stopped.is_set():
            order = rng.permutation(run.training.seed, len(split), standing.epoch)[: standing.per_epoch]
            for rows in _chunks(order, standing.done, run.training.batch):
                _learn(run, running, split, rows, standing)
                if progress is not None:
                    progress(standing)
                late = time.monotonic() - saved > CHECKPOINT_SECONDS
                if stopped.is_set() or (late and standing.done < len(order)):
                    _save(run, running, standing)
                    saved = time.monotonic()
                if stopped.is_set():
                    break
            if standing.done == len(order):
                _close_epoch(run, dataset, running, standing, threads)
                _save(run, running, standing)
                saved = time.monotonic()
                if progress is not None:
                    progress(standing)
    run.masters = {name: m.copy() for name, m in running.masters.items()}
    run.squares = {name: r.copy() for name, r in running.squares.items()}
    run.finished = standing.finished
    run.standing = standing
    return run


def _chunks(order: npt.NDArray[np.int64], done: int, batch: int) -> Iterator[npt.NDArray[np.int64]]:
    """The rest of an epoch's order in pieces of whole batches."""
    size = max(1, CHUNK // batch) * batch
    for first in range(done, len(order), size):
        yield order[first : first + size]


def _try_out(run: Run, split: Split, standing: Standing, progress: Progress | None) -> None:
    """Say that the work begins, and learn one sample on an engine that is thrown away.

    So the kernels are compiled before any time is counted, and what the engine refuses (a step size that
    leaves its integers) is refused before anything is kept.
    """
    if progress is not None:
        progress(standing)
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


def _learn(run: Run, running: Engine, split: Split, rows: npt.NDArray[np.int64], standing: Standing) -> None:
    """Present and learn one chunk, and count."""
    begun = time.monotonic()
    found = _present(run, running, split, rows, standing.epoch)
    standing.done += len(rows)
    standing.right += int((found.predictions == split.y[rows]).sum())
    for name, counts in found.counts.items():
        standing.spikes[name] = standing.spikes.get(name, 0) + int(np.abs(counts).sum())
    for name, n in found.clipped.items():
        standing.clipped[name] = standing.clipped.get(name, 0) + n
    took = time.monotonic() - begun
    standing.seconds += took
    standing.rate = len(rows) / max(took, 1e-9)


def _close_epoch(run: Run, dataset: Dataset, running: Engine, standing: Standing, threads: int) -> None:
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
        standing.validation = measured.accuracy
    record = {
        "epoch": standing.epoch + 1,
        "samples": (standing.epoch + 1) * standing.per_epoch,
        "train_accuracy": standing.accuracy,
        "eta_factor": run.training.factor(standing.epoch),
        "seconds": round(standing.seconds, 3),
        "spikes": {name: n / standing.per_epoch for name, n in standing.spikes.items()},
        "clipped": dict(standing.clipped),
    }
    if standing.validation is not None:
        record["validation_accuracy"] = standing.validation
    run.metrics.append(record)
    if run.folder is not None:
        run.folder.append_metrics(record)
    standing.epoch, standing.done, standing.right = standing.epoch + 1, 0, 0
    standing.spikes, standing.clipped = {}, {}


def _save(run: Run, running: Engine, standing: Standing) -> None:
    """A checkpoint: weights, running squares, and where the training stands."""
    if run.folder is None:
        return
    arrays: dict[str, Any] = {f"masters/{name}": m for name, m in running.masters.items()}
    arrays |= {f"squares/{name}": r for name, r in running.squares.items()}
    step = standing.epoch * standing.per_epoch + standing.done
    run.folder.save_checkpoint(arrays, {"standing": asdict(standing), **run.belongs()}, step)


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
