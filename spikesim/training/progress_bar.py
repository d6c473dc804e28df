"""The bar that a training shows in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from spikesim.errors import DeclarationError
from spikesim.training.config import TrainingProgress

ProgressCallback = Callable[[TrainingProgress], None]
Shown = ProgressCallback | bool | None


@contextmanager
def showing(progress: Shown, stream: TextIO | None = None) -> Iterator[ProgressCallback | None]:
    """Yield the function that is told the progress of a training; None if nobody is.

    Args:
        progress: a function of the progress, which is used as it is; True for a bar; False for nothing; None
            for a bar if the stream is a terminal that a person looks at.
        stream: where the bar is drawn; None for standard error.

    Raises:
        DeclarationError: progress is of another type.
    """
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise DeclarationError(
            f"progress is of type {type(progress).__name__}; must be a function of the progress, True (a "
            f"bar), False (nothing), or None (a bar in a terminal)"
        )
    if callable(progress):
        yield progress
        return
    out = sys.stderr if stream is None else stream
    if progress is False or (progress is None and not out.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[accuracy]}  {task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(file=out, highlight=False))
    task = bar.add_task("", start=False, total=None, accuracy="", rate="")
    last = ""

    def show(now: TrainingProgress) -> None:
        nonlocal last
        if now.done or now.epoch:
            last = f"{100 * now.accuracy:.2f} %" if now.done else last
            bar.update(
                task,
                description=f"epoch {min(now.epoch + 1, now.epochs)}/{now.epochs}",
                total=now.per_epoch * now.epochs,
                completed=now.epoch * now.per_epoch + now.done,
                accuracy=last,
                rate=f"{now.rate:,.0f}/s",
            )
            bar.start()
            bar.start_task(task)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
