"""Classes one after another on a chip: what is forgotten, with and without rehearsal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikesim.datasets.dataset import Dataset, Split
from spikesim.hardware.onchip.course import Course
from spikesim.hardware.onchip.learner import Learner
from spikesim.hardware.onchip.twin import Twin
from spikesim.plotting.curves import Curve, Panel, panels

STAGES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("0-4", (0, 1, 2, 3, 4)),
    ("5-8", (5, 6, 7, 8)),
    ("9, from 100 examples", (9,)),
)
FEW = 100  # examples of the last class
REHEARSED = 10  # one in so many samples of earlier classes is repeated
PIECES = 4  # measurements in a stage
COLUMNS = ("learnt", "rehearsal", "trials", "0-4 %", "5-8 %", "9 %", "all seen %")


@dataclass(frozen=True)
class Measured:
    """Accuracies after a part of a stage.

    Attributes:
        stage: its name.
        rehearsal: whether earlier classes were repeated.
        trials: learnt since the beginning.
        of: accuracy on the classes of each stage, in [0, 1].
        seen: on all classes seen so far.
        last: the stage ends here.
    """

    stage: str
    rehearsal: bool
    trials: int
    of: tuple[float, ...]
    seen: float
    last: bool

    def cells(self) -> tuple[Any, ...]:
        """A row of the table."""
        shown = [round(100 * value, 1) for value in (*self.of, self.seen)]
        return (self.stage, "yes" if self.rehearsal else "no", self.trials, *shown)


def incremental(
    learner: Learner,
    course: Course,
    data: Dataset,
    per_class: int,
    measured: int,
    say: Callable[[str], None] = lambda text: None,
) -> list[Measured]:
    """Learn the stages one after another, without and with rehearsal, and measure on validation samples.

    Args:
        learner: the learner.
        course: the encoder and the seed; every part of a stage is one pass over its samples.
        data: its parts for fitting and for validation are used.
        per_class: samples of a class.
        measured: validation samples.
        say: told of every stage.
    """
    validation = data.validation.take(measured)
    found = []
    for rehearsal in (False, True):
        twin, trials = Twin(learner), 0
        for number, (name, classes) in enumerate(STAGES):
            rows = _rows(data.fit, classes, FEW if len(classes) == 1 else per_class)
            earlier = [c for _, some in STAGES[:number] for c in some]
            if rehearsal and earlier:
                again = FEW if len(classes) == 1 else -(-per_class // REHEARSED)
                rows = np.concatenate([rows, _rows(data.fit, earlier, again)])
            rows = np.random.default_rng(number).permutation(rows)
            for k, piece in enumerate(np.array_split(rows, PIECES)):
                course.train(twin, data.fit.select(piece), first=PIECES * number + k)
                trials += len(piece)
                found.append(_measured(twin, course, validation, number, rehearsal, trials, k == PIECES - 1))
            say(f"{name}, rehearsal {rehearsal}: {found[-1].cells()[3:]}")
    return found


def _measured(
    twin: Twin, course: Course, split: Split, number: int, rehearsal: bool, trials: int, last: bool
) -> Measured:
    guesses, y = course.predictions(twin, split), split.y
    right = guesses == y
    of = tuple(float(right[np.isin(y, classes)].mean()) for _, classes in STAGES)
    seen = np.isin(y, [c for _, classes in STAGES[: number + 1] for c in classes])
    return Measured(STAGES[number][0], rehearsal, trials, of, float(right[seen].mean()), last)


def _rows(split: Split, classes: Sequence[int], each: int) -> Any:
    return np.concatenate([np.flatnonzero(split.y == c)[:each] for c in classes])


def draw(found: Sequence[Measured], path: Path) -> None:
    """Accuracy over trials, without and with rehearsal, one curve for the classes of each stage."""
    panels([[_panel(found, rehearsal) for rehearsal in (False, True)]], path)


def _panel(found: Sequence[Measured], rehearsal: bool) -> Panel:
    mine = [row for row in found if row.rehearsal == rehearsal]
    trials = [row.trials for row in mine]
    curves = [
        Curve(name, trials, [100 * row.of[number] for row in mine], number)
        for number, (name, _) in enumerate(STAGES)
    ]
    ends = [row.trials for row in mine if row.last]
    title = "with rehearsal" if rehearsal else "without rehearsal"
    return Panel(title, "trials", "accuracy (%)", curves, (0, 100), ends)
