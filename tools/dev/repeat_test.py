"""Train again in fresh processes, with one and two threads, and compare the weights.

    python -m spikesim.tools.dev.repeat_test

For batches of 1 and of 10: two processes with one thread and two with two threads, one digest; another seed,
another digest.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from spikesim.errors import SpikesimError
from spikesim.tools.dev.kill_test import PLAIN, start, weights

BATCHES = (1, 10)
THREADS = (1, 2, 1, 2)


def repeated(what: str, epochs: int, batch: int, work: Path) -> tuple[list[str], str]:
    """The digests of a seed by the thread counts in THREADS, and that of another seed."""

    def train(name: str, threads: int, seed: int) -> str:
        more = ("--epochs", str(epochs), "--set", f"batch={batch}", "--threads", str(threads))
        out = str(work / f"{name}-{batch}")
        return weights(start(PLAIN, "train", what, *more, "--seed", str(seed), "--out", out))

    found = [train(f"process-{k}", threads, 1) for k, threads in enumerate(THREADS)]
    return found, train("other", 1, 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when equal seeds give equal weights and others others, 1 when not, 2 on an error."""
    parser = argparse.ArgumentParser(prog="python -m spikesim.tools.dev.repeat_test", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", nargs="?", default="emstdp-digits", help="preset or .toml file")
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args(arguments)
    sound = True
    try:
        with tempfile.TemporaryDirectory(prefix="spikesim-repeat-") as work:
            for batch in BATCHES:
                found, other = repeated(options.what, options.epochs, batch, Path(work))
                for threads, digest in zip(THREADS, found, strict=True):
                    print(f"batch {batch:>2}, seed 1, threads {threads}: {digest}", flush=True)
                print(f"batch {batch:>2}, seed 2, threads 1: {other}", flush=True)
                sound &= len(set(found)) == 1 and other not in found
    except SpikesimError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    print("equal for a seed, different between seeds" if sound else "NOT as promised")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
