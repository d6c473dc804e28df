"""Kill trainings at random moments, resume them, and compare their weights with an uninterrupted run's.

    python -m spikesim.tools.dev.kill_test --times 20

Each training is `spikesim train` in a process of its own, ended by SIGKILL: nothing is tidied up. The killed
runs save a checkpoint after every hundred presentations, so that most ends fall inside an epoch; the run that
they are compared with saves at its own pace.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spikesim.errors import SpikesimError
from spikesim.training.run import NETWORK
from spikesim.training.run_folder import CHECKPOINTS, RESULT, RunFolder

# The pictures of a run come after its last checkpoint, and take longer than to train on the digits.
PLAIN = (
    "import spikesim.tools.commands.train as c; c.draw_run = lambda *_: []; "
    "from spikesim.tools.cli import main; main()"
)
OFTEN = f"import spikesim.training.train as t; t.CHUNK, t.CHECKPOINT_SECONDS = 100, -1.0; {PLAIN}"


@dataclass(frozen=True)
class Trial:
    """One killed and resumed training.

    Attributes:
        second: after the start of training at which it was killed.
        step: presentations of the checkpoint that it went on from; 0 where there was none yet.
        weights: SHA-256 of its weights in the end.
    """

    second: float
    step: int
    weights: str


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    """`spikesim ARGUMENTS --json` in a process of its own."""
    command = [sys.executable, "-c", code, *arguments, "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def weights(process: subprocess.Popen[str]) -> str:
    """The SHA-256 that a training prints in the end.

    Raises:
        SpikesimError: it failed; with what it said.
    """
    said, complaint = process.communicate()
    if process.returncode != 0:
        raise SpikesimError(f"a training ended with status {process.returncode}: {complaint[-2000:]}")
    found: str = json.loads(said)["weights_sha256"]
    return found


def uninterrupted(train: Sequence[str], folder: Path) -> tuple[str, float]:
    """The weights of a training that nobody kills, and the seconds from its first file to the last."""
    digest = weights(start(PLAIN, "train", *train, "--out", str(folder)))
    saved = max(path.stat().st_mtime for path in (folder / CHECKPOINTS).iterdir())
    return digest, saved - (folder / NETWORK).stat().st_mtime


def killed(train: Sequence[str], folder: Path, second: float) -> Trial | None:
    """A training that is killed some seconds after its first file, and resumed; None if that was late."""
    process = start(OFTEN, "train", *train, "--out", str(folder))
    while not (folder / NETWORK).exists() and process.poll() is None:
        time.sleep(0.002)
    time.sleep(second)
    process.kill()
    process.communicate()
    if process.returncode == 0 or (folder / RESULT).exists():
        return None
    steps = RunFolder.open(folder).steps()
    again = start(PLAIN, "train", "--resume", str(folder))
    return Trial(second, steps[-1] if steps else 0, weights(again))


def trials(train: Sequence[str], work: Path, times: int, span: float, seed: int) -> Iterator[Trial]:
    """So many killed and resumed trainings, at moments drawn from `span` seconds."""
    moments = random.Random(seed)
    done = attempt = 0
    while done < times:
        attempt += 1
        if attempt > 3 * times + 5:
            raise SpikesimError(
                f"only {done} of {attempt} trainings could be killed in time: give more --epochs"
            )
        trial = killed(train, work / f"killed-{attempt}", moments.uniform(0, span))
        if trial is not None:
            done += 1
            yield trial


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when all weights are equal, 1 when some differ, 2 on an error."""
    parser = argparse.ArgumentParser(prog="python -m spikesim.tools.dev.kill_test", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", nargs="?", default="emstdp-digits", help="preset or .toml file")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="sets")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    options = parser.parse_args(arguments)
    train = [options.what, "--epochs", str(options.epochs)]
    train += [part for text in options.sets for part in ("--set", text)]
    try:
        with tempfile.TemporaryDirectory(prefix="spikesim-kill-") as work:
            return _report(train, Path(work), options.times, options.seed)
    except SpikesimError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2


def _report(train: Sequence[str], work: Path, times: int, seed: int) -> int:
    reference, span = uninterrupted(train, work / "uninterrupted")
    print(f"uninterrupted, {span:.2f} s: {reference}", flush=True)
    equal = 0
    for trial in trials(train, work, times, span, seed):
        same = trial.weights == reference
        equal += same
        print(
            f"killed at {trial.second:.2f} s, resumed from presentation {trial.step:>6}: {trial.weights} "
            f"{'equal' if same else 'DIFFERENT'}",
            flush=True,
        )
    print(f"equal: {equal} of {times}")
    return 0 if equal == times else 1


if __name__ == "__main__":
    sys.exit(main())
