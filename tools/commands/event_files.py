"""`spikesim datasets events`: describe an event file, or make one from recordings of other formats."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from spikesim.datasets.events import EventFile, Events, events_from_array, join_events, save_events
from spikesim.datasets.events.nmnist_file import SENSOR_SIZE, read_nmnist
from spikesim.errors import DataError

app = typer.Typer(help="Event cameras: describe and make event files.", no_args_is_help=True)


@app.command()
def info(
    file: Annotated[Path, typer.Argument(help="An event file.", metavar="FILE")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Describe an event file: sensor, recordings, events, durations, labels. Reads and verifies all of it."""
    opened = EventFile(file)
    width, height, polarities = opened.sensor_size
    durations, on = _durations_and_on(opened)
    labels = opened.labels
    counts = None if labels is None else np.bincount(labels, minlength=len(opened.classes)).tolist()
    number = int(opened.offsets[-1])
    facts: dict[str, Any] = {
        "file": str(file),
        "sensor": [width, height, polarities],
        "recordings": len(opened),
        "events": number,
        "on": on,
        "longest_us": int(durations.max(initial=0)),
        "mean_us": round(float(durations.mean()), 1) if len(durations) else 0.0,
        "classes": list(opened.classes),
        "recordings_of_class": counts,
        "source": opened.source,
        "sha256": opened.digest,
    }
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    print(f"sensor      {width} x {height}, {polarities} {'polarities' if polarities > 1 else 'polarity'}")
    print(f"recordings  {len(opened):,}, of up to {facts['longest_us']:,} us (mean {facts['mean_us']:,} us)")
    share = f", {100 * on / number:.1f} % on" if number and polarities > 1 else ""
    print(f"events      {number:,}{share}")
    if counts is not None:
        print("classes     " + ", ".join(f"{c}: {k}" for c, k in zip(opened.classes, counts, strict=True)))
    if opened.source:
        print(f"source      {opened.source}")
    print(f"sha256      {opened.digest}, verified")


@app.command()
def convert(
    files: Annotated[
        list[Path],
        typer.Argument(help="Recordings: .npy (a structured array) or .bin (N-MNIST).", metavar="FILE..."),
    ],
    out: Annotated[Path, typer.Option(help="The event file to write.")],
    sensor: Annotated[
        str | None,
        typer.Option(
            help="Width x height in pixels, for example 128x128; or infer. Default for .bin: 34x34."
        ),
    ] = None,
    unit: Annotated[
        str, typer.Option(help="Unit of the times of .npy files: ns, us, ms, s, or step.")
    ] = "us",
    sort: Annotated[
        bool, typer.Option("--sort", help="Sort events by time where they run backwards.")
    ] = False,
    label_by_folder: Annotated[
        bool, typer.Option("--label-by-folder", help="The class of a file is the name of its folder.")
    ] = False,
) -> None:
    """Write recordings to one checksummed event file, in the order of the names."""
    size = _sensor(sensor)
    parts = [_recording(path, size, unit, sort) for path in files]
    if size == "infer":
        parts = _on_one_sensor(parts)
    if label_by_folder:
        names = sorted({path.resolve().parent.name for path in files})
        labels = [names.index(path.resolve().parent.name) for path in files]
        found = join_events(parts, labels, names)
    else:
        found = join_events(parts)
    digest = save_events(out, found, source=f"{len(files)} files, such as {files[0].name}")
    print(f"{out}: {len(found):,} recordings, {len(found.t):,} events, sha256 {digest}")


def _durations_and_on(opened: EventFile) -> tuple[NDArray[np.int64], int]:
    """Microseconds from the first to the last event of each recording, and the number of on events."""
    some = np.diff(opened.offsets) > 0
    ends = opened.offsets[:-1][some], opened.offsets[1:][some] - 1
    times, on = [np.zeros(len(rows), np.int64) for rows in ends], 0
    for first, columns in opened.blocks():
        on += int(columns["p"].sum())
        for rows, found in zip(ends, times, strict=True):
            here = (rows >= first) & (rows < first + len(columns["t"]))
            found[here] = columns["t"][rows[here] - first]
    durations = np.zeros(len(opened), np.int64)
    durations[some] = times[1] - times[0]
    return durations, on


def _sensor(text: str | None) -> Any:
    """(width, height), "infer", or None for the default of the format."""
    if text is None or text == "infer":
        return text
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None:
        raise DataError(f"--sensor {text}: write width x height in pixels, for example 128x128, or infer")
    return int(match[1]), int(match[2])


def _recording(path: Path, size: Any, unit: str, sort: bool) -> Events:
    if path.suffix == ".bin":
        return read_nmnist(path, SENSOR_SIZE if size is None else size, sort=sort)
    if path.suffix != ".npy":
        raise DataError(f"{path}: {path.suffix or 'no'} format; .npy and .bin (N-MNIST) are read")
    if size is None:
        raise DataError(
            f"{path}: the size of the sensor is not in a .npy file; give --sensor, such as 128x128"
        )
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as problem:
        raise DataError(
            f"{path} cannot be read as a .npy file without Python objects: {problem}"
        ) from problem
    return events_from_array(array, size, unit=unit, sort=sort, where=str(path))


def _on_one_sensor(parts: list[Events]) -> list[Events]:
    """The recordings on the smallest sensor that has the pixels of all."""
    width, height = (max(part.sensor_size[k] for part in parts) for k in range(2))
    return [Events(part.x, part.y, part.p, part.t, part.offsets, (width, height, 2)) for part in parts]
