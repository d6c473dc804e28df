"""Training loop with checkpoints; a resumed run equals an uninterrupted one, bit for bit."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import engines, rng
from spikesim.datasets.dataset import Dataset, Split
from spikesim.encoders import Encoder, describe_encoder
from spikesim.engines import Engine
from spikesim.errors import CheckpointError, DeclarationError
from spikesim.grid import whole
from spikesim.network import Masters, Network
from spikesim.network.file import digest
from spikesim.recording import Recording
from spikesim.training.argument_checks import expect, expect_encoder
from spikesim.training.callbacks import EpochCallback, EpochReport, check_callback, wants_to_stop
from spikesim.training.config import Training, TrainingProgress, extended
from spikesim.training.dropout import masks, training_network, without
from spikesim.training.evaluate import check_fits, evaluate
from spikesim.training.progress_bar import ProgressCallback, Shown, showing
from spikesim.training.run import NETWORK, Run, fingerprint, other_data
from spikesim.training.run_folder import CHECKPOINTS, CONFIG, LOCK, RunFolder
from spikesim.training.stop_signal import stop_signal

CHUNK = 500  # trials between checks of the clock and of Ctrl-C
CHECKPOINT_SECONDS = 20.0


def train(
    network: Network,
    dataset: Dataset,
    encoder: Encoder,
    training: Training,
    out: str | os.PathLike[str] | None = None,
    threads: int = 1,
    progress: Shown = None,
    notes: dict[str, Any] | None = None,
    overwrite: bool = False,
    engine: str | None = None,
    callback: EpochCallback | None = None,
) -> Run:
    """Train a network on a dataset.

    Args:
        network: a network with plastic projections, one source and a readout.
        dataset: the data to learn.
        encoder: turns intensities into spikes.
        training: epochs, sample order, batch size and learning-rate schedule. For an EMSTDP network use
            `spikesim.models.emstdp.training(config, epochs=5)`, which takes batch and schedule from its
            configuration.
        out: new run folder for metrics and checkpoints; None keeps everything in memory.
        threads: number of threads that share a batch; they never change a result.
        progress: a function, called at the start, then after every chunk of trials and every epoch; True for
            a bar, False for nothing, None for a bar if standard error is a terminal.
        notes: entries to store in the run's configuration (a preset's name, a dataset's options).
        overwrite: replace an existing run in `out`.
        engine: "naive" or "windowed"; None selects windowed if it supports the network. Stored with the run.
        callback: called with an `EpochReport` after every epoch, once its checkpoint is written; True stops
            the training. See `spikesim.training.callbacks` for examples.

    Returns:
        The run. After Ctrl-C, or if the callback has stopped it, it is saved and `run.finished` is False;
        `resume` continues it. An exception of the callback is passed on: a run with a folder resumes from the
        end of the epoch, to the weights of an uninterrupted one; of a run in memory the exception's attribute
        `run` is what was learnt.

    Raises:
        DataError: data that does not fit the network.
        DeclarationError: a folder that holds another run, or invalid settings.
        EngineError: threads < 1, an unknown engine, or one that does not support the network.

    Examples:
        >>> import spikesim as ss
        >>> from spikesim.models import emstdp as e
        >>> a, iris = e.Emstdp(sizes=(4, 20, 3), T=64), ss.datasets.iris()
        >>> ss.train(e.build(a), iris, e.encoder(a), e.training(a, epochs=2)).finished
        True
    """
    expect("train", Network, network=network)
    expect("train", Dataset, dataset=dataset)
    expect_encoder("train", encoder)
    expect("train", Training, training=training)
    check_callback("train", callback)
    split = dataset.split(training.split)
    check_fits(network, split, encoder)
    if not network.plastic:
        raise DeclarationError("the network has no plastic projection, so there is nothing to train")
    per_epoch = len(split) if training.samples is None else training.samples
    if per_epoch > len(split):
        raise DeclarationError(
            f"Training: samples = {per_epoch} per epoch, but the split {split.name!r} has {len(split)}"
        )
    running = engines.engine(training_network(network, training.dropout), name=engine, threads=threads)
    progress_made = TrainingProgress(per_epoch=per_epoch, epochs=training.epochs)
    run = Run(network, training, encoder, network.masters(), None, False, engine=engines.engine_name(running))
    with showing(progress) as shown:
        if out is None:
            _try_out(run, split, progress_made, shown)
            return _go_on(run, running, dataset, split, progress_made, threads, shown, callback)
        config = {
            "training": asdict(training),
            "encoder": describe_encoder(encoder),
            "data": fingerprint(dataset),
            "network": digest(network),
            "engine": run.engine,
        }
        if overwrite:  # delete nothing before the new run is known to work
            _try_out(run, split, progress_made, shown)
        new = not os.path.lexists(out)
        run.folder = RunFolder.create(out, config | (notes or {}), overwrite=overwrite)
        try:
            if not overwrite:
                _try_out(run, split, progress_made, shown)
            run.save_network()
            return _go_on(run, running, dataset, split, progress_made, threads, shown, callback)
        except BaseException:
            _forget(run.folder, new)
            raise
        finally:
            run.folder.close()


def _forget(folder: RunFolder, new: bool) -> None:
    """Remove a run folder without a checkpoint, so that the next attempt can reuse it."""
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
    progress: Shown = None,
    epochs: int | None = None,
    engine: str | None = None,
    callback: EpochCallback | None = None,
) -> Run:
    """Resume a run from its last checkpoint; the result equals an uninterrupted run, bit for bit.

    Args:
        out: folder of the run.
        dataset: the same data as before.
        threads, progress: as in `train`.
        epochs: new total number of epochs, stored with the run; None keeps the present one.
        engine: as in `train`; None selects the run's own.
        callback: as in `train`.

    Returns:
        The run, as from `train`.

    Raises:
        CheckpointError: no run, damaged files, or other data than at the start of the run.
        DeclarationError: epochs is not a whole number >= 1, or less than the completed epochs.
        EngineError: as in `train`.

    Examples:
        >>> import spikesim as ss
        >>> from spikesim.models import emstdp as e
        >>> a, iris = e.Emstdp(sizes=(4, 20, 3), T=64), ss.datasets.iris()
        >>> run = ss.train(e.build(a), iris, e.encoder(a), e.training(a, epochs=1), out="run")
        >>> ss.resume("run", iris, epochs=2).progress.epoch
        2
    """
    expect("resume", Dataset, dataset=dataset)
    if not isinstance(out, str | os.PathLike):
        raise DeclarationError(
            f"resume: out is of type {type(out).__name__}; must be a run folder, for example 'runs/mine'"
        )
    check_callback("resume", callback)
    if epochs is not None and not whole(epochs, 1):
        raise DeclarationError(f"resume: epochs = {epochs!r}; must be a whole number >= 1")
    folder = RunFolder.open(out)
    with folder, showing(progress) as shown:
        folder.claim()
        run = Run.open(out)
        run.folder = folder
        run.engine = engine or run.engine
        if now := other_data(folder.config["data"], dataset):
            raise CheckpointError(
                f"{out}: this run was started with other data ({folder.config['data']}, now {now}); "
                f"resume it with the same data, or start a new run"
            )
        split = dataset.split(run.training.split)
        before = TrainingProgress(per_epoch=run.training.samples or len(split), epochs=run.training.epochs)
        before = run.progress or before
        progress_made = extended(run.training, before, epochs)
        folder.truncate_metrics(epoch=progress_made.epoch)
        run.metrics = folder.metrics()
        network = training_network(run.network, run.training.dropout)
        running = engines.engine(network, run.masters, run.squares, run.engine, threads)
        run.engine = engines.engine_name(running)
        _try_out(run, split, progress_made, shown)
        if progress_made.epochs != before.epochs:  # store the new number of epochs for the next resume
            _save(run, running, progress_made)
        return _go_on(run, running, dataset, split, progress_made, threads, shown, callback)


def _go_on(
    run: Run,
    running: Engine,
    dataset: Dataset,
    split: Split,
    progress_made: TrainingProgress,
    threads: int,
    progress: ProgressCallback | None,
    callback: EpochCallback | None,
) -> Run:
    """Train from the present progress to the last epoch, or until Ctrl-C or the callback ends it."""
    saved, result = time.monotonic(), run.masters if progress_made.finished else None
    ended = False
    with stop_signal() as stopped:
        while not (progress_made.finished or stopped.is_set() or ended):
            order = rng.permutation(run.training.seed, len(split), progress_made.epoch)[
                : progress_made.per_epoch
            ]
            for rows in _chunks(order, progress_made.done, run.training.batch):
                _learn(run, running, split, rows, progress_made)
                if progress is not None:
                    progress(progress_made)
                late = time.monotonic() - saved > CHECKPOINT_SECONDS
                if stopped.is_set() or (late and progress_made.done < len(order)):
                    _save(run, running, progress_made)
                    saved = time.monotonic()
                if stopped.is_set():
                    break
            if progress_made.done == len(order):
                result = _close_epoch(run, dataset, running, progress_made, threads)
                _save(run, running, progress_made, result)
                saved = time.monotonic()
                if progress is not None:
                    progress(progress_made)
                if callback is not None:
                    ended = _ask(callback, run, running, progress_made, result)
    return _settled(run, running, progress_made, result)


def _settled(run: Run, running: Engine, progress_made: TrainingProgress, result: Masters | None) -> Run:
    """The run with the weights and the progress of this moment; copies, which the engine does not change."""
    masters = result if result is not None and progress_made.finished else running.masters
    run.masters = {name: m.copy() for name, m in masters.items()}
    run.squares = {name: r.copy() for name, r in running.squares.items()}
    run.finished = progress_made.finished
    run.progress = progress_made
    return run


def _ask(
    callback: EpochCallback, run: Run, running: Engine, progress_made: TrainingProgress, result: Masters
) -> bool:
    """Report the end of an epoch; returns whether the callback ends the training.

    An exception is passed on with the run as its attribute `run`: one in memory has no other copy.
    """
    masters = {name: m.copy() for name, m in result.items()}
    try:
        return wants_to_stop(callback(EpochReport(run.metrics[-1], progress_made.epochs, masters)))
    except BaseException as problem:
        problem.__dict__["run"] = _settled(run, running, progress_made, result)
        raise


def _chunks(order: npt.NDArray[np.int64], done: int, batch: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the remaining samples of an epoch in chunks of whole batches."""
    size = max(1, CHUNK // batch) * batch
    for first in range(done, len(order), size):
        yield order[first : first + size]


def _try_out(
    run: Run, split: Split, progress_made: TrainingProgress, progress: ProgressCallback | None
) -> None:
    """Report the start, and learn one sample on a temporary engine.

    This compiles the kernels before any timing, and raises the engine's errors (for example a learning rate
    that overflows its integers) before anything is saved.
    """
    if progress is not None:
        progress(progress_made)
    network = training_network(run.network, run.training.dropout)
    first = TrainingProgress(per_epoch=progress_made.per_epoch)
    _present(run, engines.engine(network, name=run.engine), split, np.arange(1), first)


def _present(
    run: Run, running: Engine, split: Split, rows: npt.NDArray[np.int64], progress_made: TrainingProgress
) -> Recording:
    """Encode samples, run their trials and learn from them."""
    epoch, share = progress_made.epoch, progress_made.done / progress_made.per_epoch
    training, source = run.training, run.network.sources[0]
    window = run.network.window
    T = window.boundary if run.network.populations[source].replay else window.T
    spikes = run.encoder.encode(split.x[rows], split.index[rows], T, training.seed, epoch)
    silent = masks(run.network, training.dropout, training.seed, epoch, split.index[rows])
    if source in silent:
        spikes = without(spikes, silent.pop(source))
    factor = training.factor(epoch, share)
    return running.run(
        {source: spikes},
        split.y[rows],
        learn=True,
        batch=training.batch,
        factor=factor,
        silent=silent,
        learnt=epoch * progress_made.per_epoch + progress_made.done,
    )


def _learn(
    run: Run, running: Engine, split: Split, rows: npt.NDArray[np.int64], progress_made: TrainingProgress
) -> None:
    """Learn one chunk of samples and add its counts to the progress."""
    begun = time.monotonic()
    found = _present(run, running, split, rows, progress_made)
    progress_made.done += len(rows)
    progress_made.right += int((found.predictions == split.y[rows]).sum())
    for name, counts in found.counts.items():
        progress_made.spikes[name] = progress_made.spikes.get(name, 0) + int(np.abs(counts).sum())
    for name, n in found.clipped.items():
        progress_made.clipped[name] = progress_made.clipped.get(name, 0) + n
    took = time.monotonic() - begun
    progress_made.seconds += took
    progress_made.rate = len(rows) / max(took, 1e-9)


def _close_epoch(
    run: Run, dataset: Dataset, running: Engine, progress_made: TrainingProgress, threads: int
) -> Masters:
    """Measure the epoch, write its record, and start the next one; returns the weights that count."""
    result = run.add_to_average(running.masters, progress_made.epoch)
    if run.training.split == "fit":
        seed = run.training.seed
        measured = evaluate(
            run.network,
            dataset.validation,
            run.encoder,
            seed,
            result,
            threads=threads,
            engine=run.engine,
        )
        progress_made.validation = measured.accuracy
    record = {
        "epoch": progress_made.epoch + 1,
        "samples": (progress_made.epoch + 1) * progress_made.per_epoch,
        "train_accuracy": progress_made.accuracy,
        "eta_factor": run.training.factor(progress_made.epoch),
        "seconds": round(progress_made.seconds, 3),
        "spikes": {name: n / progress_made.per_epoch for name, n in progress_made.spikes.items()},
        "clipped": dict(progress_made.clipped),
    }
    if progress_made.validation is not None:
        record["validation_accuracy"] = progress_made.validation
    run.metrics.append(record)
    if run.folder is not None:
        run.folder.append_metrics(record)
    progress_made.epoch, progress_made.done, progress_made.right = progress_made.epoch + 1, 0, 0
    progress_made.spikes, progress_made.clipped = {}, {}
    return result


def _save(run: Run, running: Engine, progress_made: TrainingProgress, result: Masters | None = None) -> None:
    """Save a checkpoint: weights (those that count, if the run is finished), running squares and progress."""
    if run.folder is None:
        return
    masters = result if result is not None and progress_made.finished else running.masters
    arrays: dict[str, Any] = {f"masters/{name}": m for name, m in masters.items()}
    arrays |= {f"sums/{name}": s for name, s in run.sums.items()}
    arrays |= {f"squares/{name}": r for name, r in running.squares.items()}
    step = progress_made.epoch * progress_made.per_epoch + progress_made.done
    # "standing": the key of the progress in checkpoints since version 0.1.0
    meta = {"standing": asdict(progress_made), **run.belongs(), **run.measured()}
    run.folder.save_checkpoint(arrays, meta, step)
