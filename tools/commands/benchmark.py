"""`spikesim benchmark`: time of training and inference per sample, compared with the matrix product alone."""

from __future__ import annotations

import json
import time
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from spikesim.encoders import Encoder
from spikesim.engines import Windowed
from spikesim.errors import DataError
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
    _report(experiment.name, found, window.T, libraries, as_json)


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


def _report(
    name: str, found: dict[str, list[float]], T: int, libraries: list[Product], as_json: bool
) -> None:
    middle = {job: median(times) for job, times in found.items()}
    training = middle["encode"] + middle["train"]
    record = {
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
    if as_json:
        print(json.dumps(record, indent=2))
        return
    table = Table(title=f"{name}, T={T}, one thread, ms per sample", title_justify="left")
    for heading in ("", "median", "min", "max"):
        table.add_column(heading, justify="left" if heading == "" else "right")
    for job, times in found.items():
        table.add_row(job, *(f"{v:.4f}" for v in (middle[job], min(times), max(times))))
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"training (encode + train): {training:.3f} ms; {record['training_over_product']:.2f} times the "
        f"matrix product of the spikes presented"
    )
    console.print(
        f"inference: {middle['inference']:.3f} ms; {record['inference_over_product']:.2f} times the matrix "
        f"product of all steps"
    )
    speeds = (f"{p.library} ({p.kernel or 'kernel not known'}) {p.gflops:.0f} GFLOP/s" for p in libraries)
    console.print(f"products, tried before: {'; '.join(speeds)}; the first was used")
