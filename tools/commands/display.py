"""What a command shows: progress on standard error while it works, results on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from spikesim.training import Standing


class Display:
    """Progress bars and results, for people or (as_json) for programs."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = Console(stderr=as_json, highlight=False, soft_wrap=True)
        self._errors = Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """A line for people."""
        self.console.print(text, markup=False)

    @contextmanager
    def training(self, title: str) -> Iterator[Callable[[Standing], None]]:
        """A bar with accuracy, rate and time left; a line for every epoch."""
        self._errors.print("Compiling the kernels takes about half a minute the first time.", style="dim")
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[accuracy]}  {task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._errors,
        ) as bar:
            task = bar.add_task(title, total=None, accuracy="", rate="")
            told = -1

            def show(standing: Standing) -> None:
                nonlocal told
                total = standing.per_epoch * standing.epochs
                now = standing.epoch * standing.per_epoch + standing.done
                fields = {"accuracy": bar.tasks[0].fields["accuracy"], "rate": f"{standing.rate:,.0f}/s"}
                if standing.done:
                    fields["accuracy"] = f"{100 * standing.accuracy:.2f} %"
                elif standing.epoch > told:
                    told = standing.epoch
                    held = standing.validation
                    extra = "" if held is None else f", validation {100 * held:.2f} %"
                    shown = fields["accuracy"]
                    bar.console.print(
                        f"epoch {standing.epoch}/{standing.epochs}: training {shown}{extra}", style="dim"
                    )
                bar.update(task, total=total, completed=now, **fields)

            yield show

    @contextmanager
    def evaluating(self, split: str) -> Iterator[Callable[[int, int], None]]:
        """A bar over the samples of a split."""
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._errors,
        ) as bar:
            task = bar.add_task(f"evaluating: {split}", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def result(self, result: dict[str, Any], split: str, paper: float | None) -> None:
        """A result: a small table, or JSON."""
        if self.as_json:
            print(json.dumps(result, indent=2))
            return
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        accuracy = f"{100 * result[f'{split}_accuracy']:.2f} %"
        table.add_row(f"[bold]{split} accuracy", f"[bold green]{accuracy}")
        if paper is not None:
            table.add_row("the paper's", f"{100 * paper:.1f} %")
        if result.get("train_accuracy") is not None:
            table.add_row("training accuracy (online)", f"{100 * result['train_accuracy']:.2f} %")
        if result.get("seconds"):
            table.add_row("training time", f"{result['seconds']:.0f} s")
        if result.get("spikes"):
            spikes = ", ".join(f"{name} {n:,.0f}" for name, n in result["spikes"].items())
            table.add_row("spikes a sample", spikes)
        table.add_row("weights (SHA-256)", result["weights_sha256"][:16])
        if "folder" in result:
            table.add_row("run", result["folder"])
        for picture in result.get("pictures", []):
            table.add_row("picture", picture)
        self.console.print(table)
