"""`spikesim datasets`: list the datasets, download them, describe one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from spikesim import datasets
from spikesim.errors import SpikesimError
from spikesim.tools.commands import event_files

app = typer.Typer(help="List, download and describe datasets.", no_args_is_help=True)
app.add_typer(event_files.app, name="events")

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("list")
def list_datasets(as_json: AsJson = False) -> None:
    """List all datasets: samples, shape, classes, and whether the files are on this machine."""
    rows = [_summary(name) for name in datasets.names()]
    if as_json:
        print(json.dumps({"cache": str(datasets.cache_folder()), "datasets": rows}, indent=2))
        return
    table = Table(title=f"Datasets (cache: {datasets.cache_folder()})", title_justify="left")
    for heading in ("name", "train", "test", "shape", "classes", "here", "size"):
        table.add_column(
            heading, justify="right" if heading in ("train", "test", "classes", "size") else "left"
        )
    for row in rows:
        table.add_row(
            row["name"],
            f"{row['train']:,}",
            f"{row['test']:,}",
            " x ".join(str(n) for n in row["shape"]),
            str(row["classes"]),
            row["here"],
            f"{row['bytes'] / 1e6:.1f} MB" if row["bytes"] else "",
        )
    Console().print(table)


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Names from `spikesim datasets list`.", metavar="NAME")],
    given: Annotated[
        Path | None,
        typer.Option("--from", help="Read the files from this file or folder instead of downloading them."),
    ] = None,
) -> None:
    """Download datasets into the cache and replace damaged files; intact files are not downloaded again."""
    with _explained():
        for name in names:
            datasets.about(name)  # check all names before downloading anything
        for name in names:
            with _shown_progress() as progress:
                folder = datasets.fetch(name, progress, given)
            where = (
                "bundled with scikit-learn, no download needed" if folder is None else f"verified in {folder}"
            )
            print(f"{name}: {where}")


@app.command()
def info(
    name: Annotated[str, typer.Argument(help="A name from `spikesim datasets list`.")],
    as_json: AsJson = False,
) -> None:
    """Describe one dataset: source, licence, splits with class counts, path. Downloads nothing."""
    with _explained():
        about = datasets.about(name)
        facts: dict[str, Any] = _summary(about.name) | {
            "title": about.title,
            "url": about.url,
            "license": about.license,
            "citation": about.citation,
            "path": str(about.collection.folder()) if about.collection.files else None,
        }
        if facts["here"] != "no":
            facts |= _contents(datasets.load(about.name))
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        _print_info(facts)


def _summary(name: str) -> dict[str, Any]:
    about = datasets.about(name)
    files = about.collection
    here = "bundled" if not files.files else "yes" if files.present() else "no"
    return {
        "name": name,
        "train": about.samples[0],
        "test": about.samples[1],
        "shape": list(about.shape),
        "classes": about.classes,
        "here": here,
        "bytes": files.size(),
    }


def _contents(dataset: datasets.Dataset) -> dict[str, Any]:
    """Class names, number of samples of each class in each split, and the notes."""
    splits = (dataset.fit, dataset.validation, dataset.train, dataset.test)
    counts = {s.name: np.bincount(s.y, minlength=len(dataset.classes)).tolist() for s in splits}
    return {"class_names": list(dataset.classes), "counts": counts, "notes": list(dataset.notes)}


def _print_info(facts: dict[str, Any]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    shape = " x ".join(str(n) for n in facts["shape"])
    for label, value in (
        ("name", f"{facts['name']}: {facts['title']}"),
        (
            "samples",
            f"{facts['train']:,} to train, {facts['test']:,} to test; {shape}; {facts['classes']} classes",
        ),
        ("source", facts["url"]),
        ("license", facts["license"]),
        ("cite", facts["citation"]),
        ("path", facts["path"] or "bundled with scikit-learn"),
    ):
        console.print(f"{label:<10}{value}", markup=False)
    if "counts" not in facts:
        console.print(f"not downloaded yet; run: spikesim datasets fetch {facts['name']}", markup=False)
        return
    for note in facts["notes"]:
        console.print(f"{'note':<10}{note}", markup=False)
    table = Table("class", *facts["counts"])
    for i, name in enumerate(facts["class_names"]):
        table.add_row(name, *(str(counts[i]) for counts in facts["counts"].values()))
    table.add_section()
    table.add_row("all", *(str(sum(counts)) for counts in facts["counts"].values()))
    console.print(table)


@contextmanager
def _explained() -> Iterator[None]:
    """Print a SpikesimError without a traceback and exit with status 1."""
    try:
        yield
    except SpikesimError as error:
        Console(stderr=True, soft_wrap=True).print(f"Error: {error}", markup=False, highlight=False)
        raise typer.Exit(1) from error


@contextmanager
def _shown_progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield a progress callback that draws one bar per download on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    tasks: dict[str, Any] = {}
    bars = Progress(*columns, console=Console(stderr=True))

    def report(what: str, done: int, total: int | None) -> None:
        bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(what.rpartition("/")[2], total=total)
        bars.update(tasks[what], completed=done, total=total)

    try:
        yield report
    finally:
        if tasks:
            bars.stop()
