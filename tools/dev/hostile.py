"""Damaged and hostile files, given to every reader of files in a process of its own.

    python -m spikesim.tools.dev.hostile --files 600 --save

Each reader (NIR, netx, saved networks, checkpoints) gets that many files, made from a sound one by all kinds
of `spikesim.tools.dev.hostile_files` in turn. A file passes when it is refused with a reason, or read: as it
was written, where it is checksummed. It fails when the process dies, hangs, grows, shows a traceback,
returns bytes of another file, or, checksummed, other numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.errors import SpikesimError
from spikesim.files.measured_table import Table, save_table
from spikesim.tools.dev.hostile_files import names, spoil, write_secret
from spikesim.tools.dev.hostile_readers import READERS

PLACE = Path(__file__).resolve().parents[2] / "models" / "results" / "hardware" / "nir_hostile.json"
SECONDS = 10.0  # of the processor, for a file
PATIENCE = 300.0  # of the clock
GROWTH = 512 << 20
FAILED = ("crash", "hang", "traceback", "foreign", "memory", "silent")


@dataclass
class Worker:
    """A process that reads, started anew after it has died."""

    reader: str
    sound: Path
    process: subprocess.Popen[str] | None = None

    def ask(self, path: Path) -> dict[str, Any]:
        """What came of a file: the reader's own words, or "crash" or "hang"."""
        if self.process is None or self.process.poll() is not None:
            self._start()
        assert self.process is not None
        found = self._line(path, SECONDS)
        if found is None:
            died = self.process.poll()
            self.stop()
            return {"what": "hang" if died is None else "crash", "said": f"status {died}", "grown": 0}
        return found

    def _start(self) -> None:
        command = [sys.executable, "-m", "spikesim.tools.dev.hostile_readers", self.reader]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        if self._line(self.sound, 120) is None:
            self.stop()
            raise SpikesimError(f"the reader {self.reader} does not read its own sound file")

    def _line(self, path: Path, seconds: float) -> dict[str, Any] | None:
        assert self.process is not None and self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(f"{path}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        begun, ended = self._worked(), time.monotonic() + PATIENCE
        while not select.select([self.process.stdout], [], [], 0.5)[0]:
            if self._worked() - begun > seconds or time.monotonic() > ended:
                return None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            return None
        found: dict[str, Any] = json.loads(line)
        return found

    def _worked(self) -> float:
        """Seconds of processor time: a busy machine makes nobody hang."""
        assert self.process is not None
        try:
            told = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return 0.0
        fields = told.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@dataclass
class Tally:
    """What came of the files of one reader.

    Attributes:
        counts: outcome -> files.
        faults: (kind, seed, what the reader said) of those that fail.
        grown: bytes by which the reader's process grew at most.
    """

    counts: Counter[str] = field(default_factory=Counter)
    by_kind: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[tuple[str, int, str]] = field(default_factory=list)
    grown: int = 0


def attack(reader: str, files: int, seed: int = 1, keep: Path | None = None) -> Tally:
    """Give a reader so many hostile files, all kinds in turn.

    Args:
        reader: in `hostile_readers.READERS`.
        files: how many.
        seed: file k is a function of (seed, k).
        keep: a folder for the files that fail.
    """
    tally, kinds = Tally(), names()
    with tempfile.TemporaryDirectory() as folder:
        sound, secret = Path(folder) / "sound", Path(folder) / "secret"
        READERS[reader].write(sound)
        write_secret(secret)
        worker = Worker(reader, sound)
        try:
            for k in range(files):
                kind = kinds[k % len(kinds)]
                path = Path(folder) / f"{k}"
                shutil.copy(sound, path)
                spoil(path, kind, np.random.default_rng([seed, k]), secret)
                found = worker.ask(path)
                _count(tally, READERS[reader].checksummed, kind, k, found)
                if tally.faults and tally.faults[-1][1] == k and keep is not None:
                    keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, keep / f"{reader}-{k}")
                path.unlink()
        finally:
            worker.stop()
    return tally


def _count(tally: Tally, checksummed: bool, kind: str, k: int, found: dict[str, Any]) -> None:
    what = found["what"]
    if what == "changed" and checksummed:
        what = "silent"
    if found.get("grown", 0) - tally.grown > 0:
        if found["grown"] > GROWTH and tally.grown <= GROWTH:
            what = "memory"
        tally.grown = found["grown"]
    tally.counts[what] += 1
    tally.by_kind.setdefault(kind, Counter())[what] += 1
    if what in FAILED:
        tally.faults.append((kind, k, f"{what}: {found['said']}"))


def table(tallies: dict[str, Tally], files: int, seed: int) -> Table:
    """Readers, and what came of their files."""
    columns = ("reader", "files", "refused", "read, equal", "read, other numbers", *FAILED, "memory, MB")
    rows = []
    for name, tally in tallies.items():
        c = tally.counts
        told = [c["refused"], c["same"], c["changed"], *(c[what] for what in FAILED)]
        rows.append((READERS[name].title, sum(c.values()), *told, round(tally.grown / 1e6)))
    return Table(
        "Damaged and hostile files, each reader in a process of its own",
        columns,
        tuple(rows),
        f"python -m spikesim.tools.dev.hostile --files {files} --seed {seed} --save",
        f"Kinds in turn: {', '.join(names())}. A process has {SECONDS:g} s of the processor a file; "
        f"'memory, MB' is what it grew by at most, and counts as failed above {GROWTH >> 20} MB. "
        "'read, other numbers' can be in files without a checksum, where a flipped bit of a weight is "
        "another weight; 'silent' is that in a file of ours with one.",
        {"files": files, "seed": seed, "readers": list(tallies)},
        {name: {kind: dict(c) for kind, c in tally.by_kind.items()} for name, tally in tallies.items()},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 where a file fails."""
    parser = argparse.ArgumentParser(prog="python -m spikesim.tools.dev.hostile", description=attack.__doc__)
    parser.add_argument("--files", type=int, default=600, help="for each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", default=",".join(READERS))
    parser.add_argument("--keep", type=Path, help="a folder for the files that fail")
    parser.add_argument("--save", action="store_true", help="write the table to models/results")
    options = parser.parse_args(arguments)
    chosen = [name.strip() for name in options.readers.split(",")]
    tallies = {name: attack(name, options.files, options.seed, options.keep) for name in chosen}
    made = table(tallies, options.files, options.seed)
    print(made.markdown())
    for name, tally in tallies.items():
        for kind, k, said in tally.faults:
            print(f"{name}, file {k} ({kind}): {said}")
    if options.save:
        save_table(made, PLACE)
    return 1 if any(tally.faults for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
