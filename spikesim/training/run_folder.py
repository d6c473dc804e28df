"""The folder of a training run: configuration, metrics, checkpoints, result and figures."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import types
from pathlib import Path
from typing import Any, BinaryIO

from spikesim.errors import CheckpointError, DeclarationError, SpikesimError
from spikesim.files.atomic import json_bytes, lock_file, read_json, sha256_bytes, write_bytes, write_failure
from spikesim.files.checkpoint import Checkpoint, load, save
from spikesim.files.provenance import provenance
from spikesim.files.regular import read_regular

log = logging.getLogger(__name__)

FORMAT = 1
KIND = "training"
KEEP = 2
MAX_METRICS = 1 << 30  # bytes of metrics.jsonl
CONFIG, METRICS, RESULT, CHECKPOINTS, LOCK = (
    "config.json",
    "metrics.jsonl",
    "result.json",
    "checkpoints",
    ".lock",
)
STEP_NAME = re.compile(r"step-(\d{12})\.h5")
TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}\.tmp")


class RunFolder:
    """A training run on disk, opened with `create` or `open`. A context manager, closed on exit.

    Files: config.json with `config` and `provenance`; metrics.jsonl with one record per line; checkpoints/
    with the last two checkpoints; result.json, once the run is complete.

    Reading needs no lock. The first write (in `create`, immediately) takes an exclusive lock for this object,
    held until `close` or the end of the process, however it ends.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock_handle: BinaryIO | None = None
        self._metrics_handle: BinaryIO | None = None
        self._damaged: set[int] = set()

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], config: dict[str, Any], *, overwrite: bool = False
    ) -> RunFolder:
        """Start a run in `path`, which is created if missing. `config` must be JSON-serialisable.

        All problems of the folder are found here, before any work: raises DeclarationError if it holds
        another run (`overwrite` deletes the files of that run, and nothing else) or foreign files with the
        names used here; SpikesimError if it cannot be written or another process is writing to it.
        """
        record = {"format": FORMAT, "config": config, "provenance": provenance()}
        json_bytes(config, what="the configuration['config']", error=DeclarationError)
        record["sha256"] = _own_digest(record)
        text = json_bytes(record, what="the configuration", indent=2, error=DeclarationError)
        run = cls(Path(path))
        _refuse_foreign(run.root, overwrite)
        try:
            (run.root / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise SpikesimError(write_failure(run.root, "the run folder", problem)) from problem
        run.claim()
        try:
            _refuse_foreign(run.root, overwrite)  # again, now that nobody else can write
            run._clear()
            write_bytes(run.root / CONFIG, text + b"\n", what="the configuration")
        except BaseException:
            run.close()
            raise
        return run

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> RunFolder:
        """Open the run in `path`, to read or to resume it. Raises CheckpointError if there is none."""
        run = cls(Path(path))
        run._read_config()
        return run

    def __getstate__(self) -> dict[str, Any]:
        """What a copy, or another process, is given: the place, without open files and without the lock."""
        return self.__dict__ | {"_lock_handle": None, "_metrics_handle": None}

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and release the lock. The object can still read."""
        for handle in (self._metrics_handle, self._lock_handle):
            if handle is not None:
                handle.close()
        self._metrics_handle = self._lock_handle = None

    def claim(self) -> None:
        """Take the lock now, before any work. Raises SpikesimError if another process holds it."""
        if self._lock_handle is None:
            self._lock_handle = lock_file(self.root / LOCK)
            for folder in (self.root, self.root / CHECKPOINTS):  # temporary files of a killed process
                for leftover in folder.iterdir() if folder.is_dir() else ():
                    if TEMPORARY.fullmatch(leftover.name):
                        leftover.unlink(missing_ok=True)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration at the start of the run, as read from JSON (tuples are lists)."""
        config: dict[str, Any] = self._read_config()["config"]
        return config

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions, commit and processor at the start of the run."""
        found: dict[str, Any] = self._read_config()["provenance"]
        return found

    def path(self, name: str) -> Path:
        """Path of a figure or another file of the run; `name` is a plain file name.

        Raises DeclarationError for a name with a folder, or one that the run folder itself uses.
        """
        if name in ("", ".", "..", CONFIG, METRICS, RESULT, CHECKPOINTS, LOCK) or name != os.path.basename(
            name
        ):
            raise DeclarationError(
                f"{name!r} is not a valid file name in a run folder; use a plain name such as 'raster.png'."
            )
        return self.root / name

    # metrics

    def append_metrics(self, record: dict[str, Any]) -> None:
        """Append one record as a line. It is handed to the operating system, so it survives the process."""
        line = json_bytes(record, what="the metrics", error=SpikesimError) + b"\n"
        self.claim()
        try:
            if self._metrics_handle is None:
                self._repair_metrics()  # refuses what is no regular file
                self._metrics_handle = open(self.root / METRICS, "ab", 0)  # noqa: SIM115 - until close
            start = os.fstat(self._metrics_handle.fileno()).st_size
            if self._metrics_handle.write(line) != len(line):
                os.ftruncate(self._metrics_handle.fileno(), start)  # remove the partial line
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as problem:
            raise SpikesimError(
                write_failure(self.root / METRICS, "the metrics", problem, len(line))
            ) from problem

    def metrics(self) -> list[dict[str, Any]]:
        """All records. An incomplete last line (after a crash) is skipped; other damage is an error."""
        records, _, torn = self._scan_metrics()
        if torn:
            log.warning("the last line of %s is incomplete after a crash and is skipped", self.root / METRICS)
        return records

    def truncate_metrics(self, *, epoch: float | None = None, samples: float | None = None) -> int:
        """Remove the records after `epoch` or `samples`, so that a resumed run writes no record twice.

        Cuts at the first record whose value exceeds the given limit. Returns the number of removed records.
        """
        limits = {key: limit for key, limit in (("epoch", epoch), ("samples", samples)) if limit is not None}
        self.claim()
        records = self.metrics()
        late = (any(r[key] > limit for key, limit in limits.items() if key in r) for r in records)
        keep = next((i for i, is_late in enumerate(late) if is_late), len(records))
        if self._metrics_handle is not None:
            self._metrics_handle.close()
            self._metrics_handle = None
        text = b"".join(json_bytes(record, what="the metrics") + b"\n" for record in records[:keep])
        write_bytes(self.root / METRICS, text, what="the metrics")
        return len(records) - keep

    def _scan_metrics(self) -> tuple[list[dict[str, Any]], int, bool]:
        """(records, their size in bytes, whether an incomplete line follows)."""
        path = self.root / METRICS
        try:
            way = "Move it away, or restore it from a copy."
            lines = read_regular(path, limit=MAX_METRICS, way_out=way).splitlines(keepends=True)
        except FileNotFoundError:
            return [], 0, False
        except OSError as problem:
            raise CheckpointError(
                f"{path} cannot be read ({problem.strerror}). Change its permissions."
            ) from problem
        records: list[dict[str, Any]] = []
        sound = 0
        for number, line in enumerate(lines, start=1):
            record = _record(line)
            if record is None:
                if number < len(lines):
                    raise CheckpointError(
                        f"{path}: line {number} is damaged. Delete that line to continue without it."
                    )
                return records, sound, True
            records.append(record)
            sound += len(line)
        return records, sound, False

    def _repair_metrics(self) -> None:
        _, sound, torn = self._scan_metrics()
        if torn:
            log.warning("the last line of %s is incomplete after a crash and is removed", self.root / METRICS)
            os.truncate(self.root / METRICS, sound)

    # checkpoints and result

    def save_checkpoint(self, arrays: dict[str, Any], meta: dict[str, Any], step: int) -> str:
        """Save a checkpoint for `step` (>= 0) and return its SHA-256.

        The previous checkpoint is kept and all others are deleted, including those of later steps: after a
        fallback to an older checkpoint they belong to an abandoned course.
        """
        if not 0 <= step < 10**12:
            raise DeclarationError(f"checkpoint: step = {step}; must lie between 0 and {10**12 - 1:,}.")
        self.claim()
        digest = save(self._checkpoint_path(step), KIND, arrays, meta)
        self._damaged.discard(step)
        sound = [s for s in self.steps() if s <= step and s not in self._damaged]
        for old in set(self.steps()) - set(sound[-KEEP:]):
            self._checkpoint_path(old).unlink(missing_ok=True)
        return digest

    def steps(self) -> list[int]:
        """Steps that have a checkpoint file, ascending."""
        folder = self.root / CHECKPOINTS
        matches = (STEP_NAME.fullmatch(p.name) for p in folder.iterdir()) if folder.is_dir() else ()
        return sorted(int(match[1]) for match in matches if match)

    def latest(self) -> Checkpoint | None:
        """The newest intact checkpoint, or None if there is no checkpoint.

        Damaged newer ones are skipped with a logged warning. Raises CheckpointError if all are damaged.
        """
        problems: list[str] = []
        for step in reversed(self.steps()):
            try:
                found = load(self._checkpoint_path(step), KIND)
            except CheckpointError as problem:
                problems.append(str(problem))
                self._damaged.add(step)
                continue
            for text in problems:
                log.warning("%s Continuing from step %d.", text, step)
            return found
        if problems:
            raise CheckpointError(f"{self.root}: all checkpoints are damaged: {' '.join(problems)}")
        return None

    def save_result(self, result: dict[str, Any]) -> None:
        """Write result.json atomically."""
        text = json_bytes(result | {"sha256": _own_digest(result)}, what="the result", indent=2)
        self.claim()
        write_bytes(self.root / RESULT, text + b"\n", what="the result")

    def result(self) -> dict[str, Any] | None:
        """The saved result, or None before the run is complete.

        Raises CheckpointError if it is damaged, or was changed after it was written.
        """
        path = self.root / RESULT
        if not os.path.lexists(path):
            return None
        record = read_json(path, "Delete it and evaluate the run again.")
        if not _unchanged(record):
            raise CheckpointError(
                f"{path} was changed after it was written (its SHA-256 differs), so its figures cannot be "
                f"trusted; network and weights have digests of their own. Delete it and evaluate the run."
            )
        return record

    # internals

    def _checkpoint_path(self, step: int) -> Path:
        return self.root / CHECKPOINTS / f"step-{step:012d}.h5"

    def _read_config(self) -> dict[str, Any]:
        path = self.root / CONFIG
        if not os.path.lexists(path):
            raise CheckpointError(f"no run in {self.root}: {CONFIG} is missing. Give the folder of a run.")
        record = read_json(path, "Restore it from a copy, or start the run again.")
        number = record.get("format")
        if isinstance(number, int) and number > FORMAT:
            raise CheckpointError(
                f"{path} has format {number}; this version of spikesim reads up to {FORMAT}. Update spikesim."
            )
        if number != FORMAT or not all(isinstance(record.get(key), dict) for key in ("config", "provenance")):
            raise CheckpointError(
                f"{path} is not the configuration of a spikesim run. Give the folder of a run."
            )
        if not _unchanged(record):
            raise CheckpointError(
                f"{path} was changed after the run was started (its SHA-256 differs), so its settings cannot "
                f"be trusted; the network in {self.root} and the weights in its checkpoints have digests of "
                f"their own. Restore it from a copy, or start a new run."
            )
        return record

    def _clear(self) -> None:
        """Delete the files of an earlier run; the configuration last, since without it there is no run."""
        had_run = (self.root / CONFIG).exists()
        pictures = [*self.root.glob("*.png"), *self.root.glob("*.svg")] if had_run else []
        checkpoints = [self._checkpoint_path(step) for step in self.steps()]
        for old in (*checkpoints, *pictures, self.root / METRICS, self.root / RESULT, self.root / CONFIG):
            old.unlink(missing_ok=True)


def _refuse_foreign(root: Path, overwrite: bool) -> None:
    """Refuse a folder that holds a run (unless `overwrite`) or foreign files named like those of a run."""
    if root.exists() and not root.is_dir():
        raise DeclarationError(f"{root} is a file, but a run needs a folder. Choose another name.")
    if (root / CONFIG).exists():
        try:
            RunFolder.open(root)
        except CheckpointError as problem:
            raise DeclarationError(f"{root} cannot be overwritten: {problem}") from problem
        if not overwrite:
            raise DeclarationError(
                f"{root} already holds a run. Resume that run, choose another folder, or replace it: "
                f"in Python spikesim.resume({str(root)!r}, dataset), out=..., overwrite=True; "
                f"on the command line spikesim train --resume {root}, --out FOLDER, --overwrite"
            )
        return
    taken = [name for name in (METRICS, RESULT) if (root / name).exists()]
    if taken:
        raise DeclarationError(f"{root} holds {', '.join(taken)}, but no run. Choose another folder.")


def _own_digest(record: dict[str, Any]) -> str:
    """SHA-256 of all other entries of a record, as one JSON text."""
    whole = {k: v for k, v in record.items() if k != "sha256"}
    return sha256_bytes(json_bytes(whole, what="the record", error=DeclarationError))


def _unchanged(record: dict[str, Any]) -> bool:
    """Take the digest out of a record that was read; whether it is its own. None: of version 0.1.0."""
    return record.pop("sha256", None) in (None, _own_digest(record))


def _record(line: bytes) -> dict[str, Any] | None:
    """The record of a complete line; None for an incomplete or damaged one."""
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
