"""`spikesim benchmark`: time of training and inference per sample, compared with the matrix product alone."""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table as RichTable
from threadpoolctl import threadpool_limits

from spikesim.encoders import Encoder
from spikesim.engines import Windowed
from spikesim.errors import DataError
from spikesim.files.measured_table import Table, load_table, save_table
from spikesim.files.provenance import provenance
from spikesim.models.emstdp import build, encoder
from spikesim.models.emstdp.experiment import parse_settings, with_settings
from spikesim.models.emstdp.presets import preset
from spikesim.tools.matrix_product import Multiply, Product, tried
from spikesim.training.evaluate import check_fits


def benchmark(
    name: Annotated[str, typer.Argument(help="Name of a preset.", metavar="PRESET")] = "emstdp-mnist-500",
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="Override a setting. Repeatable.", metavar="KEY=VALUE")
    ] = None,
    samples: Annotated[int, typer.Option(min=10, help="Training samples per round.")] = 500,
    rounds: Annotated[
        int, typer.Option(min=1, help="Number of rounds, interleaved; the median is reported.")
    ] = 7,
    warm: Annotated[
        int, typer.Option(min=0, help="Samples learnt before timing, so that the activity is typical.")
    ] = 5000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    save: Annotated[
        Path | None, typer.Option(help="Add the figures to the table in this JSON file.", metavar="FILE")
    ] = None,
) -> None:
    """Time training and inference on one thread, in ms per sample, without compilation.

    The yardstick is the matrix product of the same input spikes, without the inputs that are silent, and the
    same weights, in float32 on the fastest BLAS that is installed: for training of the spikes that are
    presented (half of them are replayed), for inference of all steps.
    """
    experiment = with_settings(preset(name), parse_settings(sets or []))
    split = experiment.load().train
    network = build(experiment.model, seed=1)
    check_fits(network, split, encoder(experiment.model))
    if samples > len(split):
        raise DataError(f"--samples {samples}: {split.name} of {experiment.dataset} has {len(split)} samples")
    trained = Windowed(network)
    coder, window = encoder(experiment.model), network.window
    T = window.boundary if experiment.model.replay else window.T
    _learn(trained, coder, split, 0, warm, T)
    forward = network.inference()
    inference = Windowed(forward, trained.masters)
    x, index, y = split.x[:samples], split.index[:samples], split.y[:samples]
    spikes, long = coder.encode(x, index, T, 1), coder.encode(x, index, window.T, 1)
    masters = trained.masters[next(iter(trained.masters))]
    short, full = _products(spikes, masters), _products(long, masters)
    found: dict[str, list[float]] = {}
    with threadpool_limits(1):
        libraries = tried(T, 150, masters.shape[1])
        best = libraries[0].multiply
        jobs = {
            "encode": lambda: coder.encode(x, index, T, 1),
            "train": lambda: trained.run({"in": spikes}, y, learn=True),
            "product, training": lambda: _multiply(best, short),
            "encode, inference": lambda: coder.encode(x, index, window.T, 1),
            "inference": lambda: inference.run({"in": long}),
            "product, inference": lambda: _multiply(best, full),
        }
        for job, work in jobs.items():
            work()
            found[job] = []
        for _ in range(rounds):
            for job, work in jobs.items():
                begun = time.perf_counter()
                work()
                found[job].append((time.perf_counter() - begun) / samples * 1e3)
    record = _record(experiment.name, found, window.T, libraries)
    _report(record, libraries, as_json)
    if save is not None:
        _add(record, save)


def _learn(running: Windowed, coder: Encoder, split: Any, first: int, last: int, T: int) -> None:
    for k in range(first, last, 500):
        rows = np.arange(k, min(k + 500, last)) % len(split)
        running.run({"in": coder.encode(split.x[rows], split.index[rows], T, 1)}, split.y[rows], learn=True)


def _products(spikes: Any, masters: Any) -> list[Any]:
    """Operands for each sample: raster of its active inputs, their weight rows, output array; float32."""
    w = masters.astype(np.float32)
    found = []
    for b in range(len(spikes)):
        raster = spikes.raster(b)
        active = np.flatnonzero(raster.any(axis=0))
        dense = np.ascontiguousarray(raster[:, active], np.float32)
        found.append(
            (dense, np.ascontiguousarray(w[active]), np.empty((len(raster), w.shape[1]), np.float32))
        )
    return found


def _multiply(multiply: Multiply, products: list[Any]) -> None:
    for dense, rows, out in products:
        multiply(dense, rows, out)


def _record(name: str, found: dict[str, list[float]], T: int, libraries: list[Product]) -> dict[str, Any]:
    middle = {job: median(times) for job, times in found.items()}
    training = middle["encode"] + middle["train"]
    return {
        "preset": name,
        "T": T,
        "ms_a_sample": {
            job: {"median": middle[job], "min": min(t), "max": max(t)} for job, t in found.items()
        },
        "training_ms": training,
        "training_over_product": training / middle["product, training"],
        "inference_over_product": middle["inference"] / middle["product, inference"],
        "products": [
            {"library": p.library, "kernel": p.kernel, "gflops": round(p.gflops, 1)} for p in libraries
        ],
        "provenance": provenance(),
    }


def _add(record: dict[str, Any], path: Path) -> None:
    """Add a measurement to the table in a file; it replaces an older one of the same network."""
    kept = dict(load_table(path).data["measurements"]) if path.exists() else {}
    kept[f"{record['preset']}, T = {record['T']}"] = record
    rows = []
    for name, each in kept.items():
        times = {job: t["median"] for job, t in each["ms_a_sample"].items()}
        rows.append(
            (
                name,
                round(each["training_ms"], 3),
                round(each["training_over_product"], 2),
                round(times["inference"], 3),
                round(each["inference_over_product"], 2),
                max(product["gflops"] for product in each["products"]),
            )
        )
    save_table(
        Table(
            title="Training and inference of EMSTDP beside the bare matrix product, one thread",
            columns=(
                "Network",
                "Training (ms a sample)",
                "over the product",
                "Inference (ms a sample)",
                "over its product",
                "Product (GFLOP/s)",
            ),
            rows=tuple(rows),
            command="spikesim benchmark PRESET --save FILE",
            notes="Medians of several rounds in turns, without compilation. The product: float32, of the "
            "input spikes without silent inputs and the same weights, on the fastest BLAS installed; for "
            "training of the spikes presented (half of the steps are replayed), with encoding on our side.",
            data={"measurements": kept},
        ),
        path,
    )


def _report(record: dict[str, Any], libraries: list[Product], as_json: bool) -> None:
    if as_json:
        print(json.dumps(record, indent=2))
        return
    table = RichTable(
        title=f"{record['preset']}, T={record['T']}, one thread, ms per sample", title_justify="left"
    )
    for heading in ("", "median", "min", "max"):
        table.add_column(heading, justify="left" if heading == "" else "right")
    for job, times in record["ms_a_sample"].items():
        table.add_row(job, *(f"{times[which]:.4f}" for which in ("median", "min", "max")))
    console = Console(highlight=False)
    console.print(table)
    middle = record["ms_a_sample"]["inference"]["median"]
    for what, ms, over, steps in (
        ("training (encode + train)", record["training_ms"], record["training_over_product"], "presented"),
        ("inference", middle, record["inference_over_product"], "of all steps"),
    ):
        console.print(f"{what}: {ms:.3f} ms; {over:.2f} times the matrix product of the spikes {steps}")
    speeds = (f"{p.library} ({p.kernel or 'kernel not known'}) {p.gflops:.0f} GFLOP/s" for p in libraries)
    console.print(f"products, tried before: {'; '.join(speeds)}; the first was used")
