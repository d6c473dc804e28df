"""`spikesim inference`: time per digit, compared with PyTorch and the libraries on top of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer

from spikesim.engines import Windowed
from spikesim.errors import EngineError
from spikesim.files.atomic import read_json
from spikesim.files.measured_table import Table, save_table
from spikesim.hardware.nir.libraries import call
from spikesim.models.emstdp import build, encoder
from spikesim.models.emstdp.presets import preset
from spikesim.network import Network
from spikesim.spikes import Spikes
from spikesim.tools.commands.display import Display

SCRIPT = Path(__file__).resolve().parents[1] / "peers" / "inference_torch.py"
ALONE = 16  # digits that are run one by one


def inference(
    python: Annotated[
        list[str],
        typer.Option(
            help="Python interpreter that has PyTorch, and perhaps snnTorch, spikingjelly, norse. Repeatable."
        ),
    ],
    T: Annotated[int, typer.Option("--T", min=2, help="Time steps of a digit.")] = 200,
    digits: Annotated[int, typer.Option(min=64, help="Number of digits.")] = 256,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the median is reported.")] = 7,
    learn: Annotated[int, typer.Option(min=0, max=50_000, help="Samples learnt before.")] = 5000,
    save: Annotated[Path | None, typer.Option(help="Write the table to this JSON file.")] = None,
) -> None:
    """Run MNIST digits through 784-500-10 on one thread, in batches and one by one; compare with PyTorch.

    All programs get the same weights and input spikes, and must find the same spike counts.
    """
    display = Display()
    model = replace(preset("emstdp-mnist-500").model, T=2 * (T // 2), reset="zero", floor=None, bias=False)
    network, masters, spikes = _trained(model, learn, digits, T)
    engine = Windowed(network, masters)
    expected = engine.run({"in": spikes}).counts["out"].sum(axis=1)
    single = [spikes[k] for k in range(ALONE)]
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "network.npz"
        _write(given, network, engine, spikes, rounds)
        ours: dict[str, list[float]] = {"batch": [], "alone": []}
        found: dict[str, Any] = {}
        for k, interpreter in enumerate([*python, ""]):  # ours before, between and after
            _time(engine, spikes, single, rounds, ours)
            if interpreter:
                out = Path(folder) / f"{k}.json"
                if said := call(interpreter, str(given), str(out), script=SCRIPT):
                    raise EngineError(f"inference: {interpreter}: {said}")
                found |= read_json(out, "It was written by the other program; run the command again.")
    rows = [("spikesim", median(ours["batch"]), median(ours["alone"]), "")]
    for name, times in found.items():
        same = np.array_equal(times["counts"], expected)
        result = "equal" if same else "other spike counts"
        rows.append((name, median(times["batch"]), median(times["alone"]), result))
    table = _table(rows, T, digits, learn)
    display.say("\n" + table.markdown())
    if other := [name for name, *_, result in rows if result not in ("", "equal")]:
        raise EngineError(f"inference: {', '.join(other)} found other spike counts; times do not compare")
    if save is not None:
        save_table(table, save)


def _trained(model: Any, learn: int, digits: int, T: int) -> tuple[Network, Any, Spikes]:
    """A network for inference, its weights after some training, and spikes of test digits."""
    experiment = replace(preset("emstdp-mnist-500"), model=model)
    data, network, coder = experiment.load(), build(model, seed=1), encoder(model)
    trained, window = Windowed(network), network.window
    steps = window.boundary if model.replay else window.T
    for first in range(0, learn, 500):
        part = data.train.select(np.arange(first, min(first + 500, learn, len(data.train))))
        trained.run({"in": coder.encode(part.x, part.index, steps, 1)}, part.y, learn=True)
    test = data.test.select(np.arange(digits))
    return network.inference(T), trained.masters, coder.encode(test.x, test.index, T, 1)


def _write(path: Path, network: Network, engine: Windowed, spikes: Spikes, rounds: int) -> None:
    """What the other programs need, in counts of the grid."""
    layers = [name for name in network.order if name != "in"]
    w = [network.propagating(p.name, engine.masters).astype(np.float32) for p in network.projections]
    theta = [float(network.populations[name].theta * 2 ** network.populations[name].grid) for name in layers]
    raster = np.stack([spikes.raster(b) for b in range(len(spikes))]).astype(np.uint8)
    np.savez(path, w1=w[0], w2=w[1], theta1=theta[0], theta2=theta[1], spikes=raster, rounds=rounds)


def _time(
    engine: Windowed, spikes: Spikes, single: Sequence[Spikes], rounds: int, found: dict[str, list[float]]
) -> None:
    for _ in range(rounds):
        begun = time.perf_counter()
        engine.run({"in": spikes})
        found["batch"].append((time.perf_counter() - begun) / len(spikes) * 1e3)
        begun = time.perf_counter()
        for one in single:
            engine.run({"in": one})
        found["alone"].append((time.perf_counter() - begun) / len(single) * 1e3)


def _table(rows: list[tuple[Any, ...]], T: int, digits: int, learn: int) -> Table:
    batch, alone = rows[0][1], rows[0][2]
    shown = [
        (name, round(b, 3), round(b / batch, 1), round(a, 3), round(a / alone, 1), same)
        for name, b, a, same in rows
    ]
    return Table(
        f"Inference of 784-500-10 with T = {T} on one thread: {digits} MNIST digits",
        ("Program", "Batches of 64 (ms a digit)", "to ours", "One by one (ms)", "to ours ", "Spike counts"),
        tuple(shown),
        f"spikesim inference --T {T} --python PYTHON",
        f"The network has learnt {learn} digits; neurons go back to 0. All get the same float32 weights and "
        "the same spikes; encoding is not counted. Medians of rounds, ours before and after each of the "
        "others.",
        {"T": T, "digits": digits, "learn": learn},
    )
