"""Console output of the commands: progress on standard error, results on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from spikesim.engines.windowed import kernels
from spikesim.engines.windowed.kernels import learn_online
from spikesim.training.config import TrainingProgress


class Display:
    """Progress bars and results, as text or (as_json) as JSON, or (quiet) not at all."""

    def __init__(self, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.console = Console(stderr=as_json, highlight=False, soft_wrap=True, quiet=quiet)
        self._errors = Console(stderr=True, highlight=False, quiet=quiet)

    def say(self, text: str) -> None:
        """Print a line of text: to standard output, or to standard error if the result is JSON."""
        self.console.print(text, markup=False)

    @contextmanager
    def training(self, title: str) -> Iterator[Callable[[TrainingProgress], None]]:
        """Show a title at the start, a bar with accuracy, rate and time left, and a line per epoch."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TextColumn("{task.fields[accuracy]}  {task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with _late(Progress(*columns, console=self._errors)) as bar:
            task = bar.add_task("", start=False, total=None, accuracy="", rate="")
            begun, accuracy = False, ""

            def show(progress: TrainingProgress) -> None:
                nonlocal begun, accuracy
                if not begun:
                    begun = True
                    self._errors.print(title, style="bold", markup=False)
                    self._announce_compiling()
                    return
                if progress.done:
                    accuracy = f"{100 * progress.accuracy:.2f} %"
                else:  # an epoch has ended
                    held = progress.validation
                    extra = "" if held is None else f", validation {100 * held:.2f} %"
                    self._errors.print(
                        f"epoch {progress.epoch}/{progress.epochs}: training {accuracy}{extra}", style="dim"
                    )
                bar.update(
                    task,
                    description=f"epoch {min(progress.epoch + 1, progress.epochs)}/{progress.epochs}",
                    total=progress.per_epoch * progress.epochs,
                    completed=progress.epoch * progress.per_epoch + progress.done,
                    accuracy=accuracy,
                    rate=f"{progress.rate:,.0f}/s",
                )
                bar.start()
                bar.start_task(task)

            yield show

    @contextmanager
    def evaluating(self, split: str) -> Iterator[Callable[[int, int], None]]:
        """Show a progress bar over the samples of a split."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with _late(Progress(*columns, console=self._errors)) as bar:
            task = bar.add_task(f"evaluating: {split}", total=None)

            def show(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)
                bar.start()

            yield show

    def _announce_compiling(self) -> None:
        """Announce the compilation of the kernels, unless the disk cache holds them."""
        path = getattr(getattr(learn_online, "stats", None), "cache_path", "")
        if path == "":
            return  # the compiler is switched off
        source = Path(kernels.__file__)
        kept = Path(path).glob(f"{source.stem}.{learn_online.__name__}-*.nbi") if path else ()
        if not any(index.stat().st_mtime >= source.stat().st_mtime for index in kept):
            self._errors.print(
                "Compiling the kernels first: about half a minute"
                + (", once on this machine." if path else "; they are not cached (SPIKESIM_JIT_CACHE=0)."),
                style="dim",
            )

    def result(self, result: dict[str, Any], split: str, paper: float | None) -> None:
        """Print a result as a small table or as JSON."""
        if self.as_json:
            print(json.dumps(result, indent=2))
            return
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        accuracy = f"{100 * result[f'{split}_accuracy']:.2f} %"
        table.add_row(f"[bold]{split} accuracy", f"[bold green]{accuracy}")
        if paper is not None:
            table.add_row("accuracy in the paper", f"{100 * paper:.1f} %")
        if result.get("train_accuracy") is not None:
            table.add_row("training accuracy (online)", f"{100 * result['train_accuracy']:.2f} %")
        if result.get("seconds"):
            table.add_row("training time", f"{result['seconds']:.1f} s")
        if result.get("spikes"):
            spikes = ", ".join(f"{name} {n:,.0f}" for name, n in result["spikes"].items())
            table.add_row("spikes per sample", spikes)
        table.add_row("weights (SHA-256)", result["weights_sha256"][:16])
        if "folder" in result:
            table.add_row("run", result["folder"])
        for picture in result.get("pictures", []):
            table.add_row("picture", picture)
        self.console.print(table)


@contextmanager
def _late(bar: Progress) -> Iterator[Progress]:
    """A progress bar that is started by its user, so that errors before the first update print no empty bar.

    It is stopped on exit in any case.
    """
    try:
        yield bar
    finally:
        if bar.live.is_started:
            bar.stop()
