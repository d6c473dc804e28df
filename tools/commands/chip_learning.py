"""`spikesim chip-learning ...`: the learner on a chip, measured."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from spikesim import datasets
from spikesim.encoders import Regular
from spikesim.files.measured_table import Table
from spikesim.hardware.onchip.bias import DrivenByBias
from spikesim.hardware.onchip.compare import compare_learning
from spikesim.hardware.onchip.continual import COLUMNS as STAGES
from spikesim.hardware.onchip.continual import draw, incremental
from spikesim.hardware.onchip.cost import taken, update_cost
from spikesim.hardware.onchip.course import Course
from spikesim.hardware.onchip.declare import learner
from spikesim.hardware.onchip.lava import CONSTRUCTIONS
from spikesim.hardware.onchip.learner import WEIGHTS, Learner
from spikesim.hardware.onchip.twin import ROUNDINGS, Twin
from spikesim.models.emstdp import Emstdp, build
from spikesim.models.emstdp.cells import measured_once
from spikesim.models.emstdp.layers import title
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.measured import Results, keep_table, names, whole_numbers

app = typer.Typer(
    help="EMSTDP as a learner on a chip: against Lava, on MNIST, class by class, and its cost.",
    no_args_is_help=True,
)
RESULTS = Path("models/results/hardware")
Cells = Annotated[Path, typer.Option(help="Folder of finished measurements; they are not repeated.")]
# Chosen on validation samples.
CHIP = Emstdp(
    sizes=(784, 100, 10),
    error_form="pair",
    h_pre="second",
    T=126,
    grid=8,
    clip=1.0,
    gate=True,
    target_rate=0.3,
    theta_loss=1.0,
    gamma=0.5,
    beta_hidden=0.18,
    beta_out=0.05,
    beta_error=0.25,
)
ETA = (-4, -3)  # exponents of the learning rates, in units of a weight
SCALE = 0.5  # spikes per step of a white pixel
SMALL = replace(CHIP, T=32, grid=6, clip=3.98, target_rate=0.5, beta_hidden=0.1, beta_out=0.1, eta=0.5)
COMPARED: tuple[tuple[tuple[int, ...], tuple[str, ...], int], ...] = (
    ((8, 10, 3), ("symmetric", "fa", "dfa"), 200),
    ((20, 16, 12, 4), ("fa", "dfa"), 100),
    ((100, 50, 10), ("symmetric", "fa", "dfa"), 50),
    ((784, 100, 10), ("symmetric", "fa", "dfa"), 20),
)
PUBLISHED = (
    ("DAC 2021, on Loihi (published)", 8400.0, 20.0),
    ("Renner 2024, on Loihi (published)", 590.0, 1.5),
    ("CLP-SNN, on Loihi 2 (published)", 50.0, 0.33),
)


def chip_learner(sizes: tuple[int, ...], feedback: Any, seed: int) -> Learner:
    """The learner of the MNIST figures."""
    config = replace(
        CHIP, sizes=sizes, feedback=feedback, b_centred=feedback != "symmetric", b_scale=0.5, eta=1.0
    )
    one = learner(build(config, seed), "fixed", nearest_eta=True)
    etas = (*(ETA[0],) * (len(one.layers) - 1), ETA[1])
    return replace(
        one, layers=tuple(replace(layer, eta=e) for layer, e in zip(one.layers, etas, strict=True))
    )


@app.command()
def compare(
    arithmetics: Annotated[str, typer.Option(help="Of float, fixed.")] = "float,fixed",
    largest: Annotated[int, typer.Option(min=1, help="Inputs of the largest network.")] = 784,
    constructions: Annotated[str, typer.Option(help="Of host, device (without the host).")] = "host",
    inputs: Annotated[str, typer.Option(help="Of spikes, bias.")] = "spikes",
    results: Results = RESULTS,
    cells: Cells = Path("runs/chip-learning"),
) -> None:
    """Train in Lava and in the twin, and compare all weights (half an hour; Python 3.10).

    With other constructions or inputs than those of the first table, a second one sets them side by side.
    Symmetric feedback, which needs the host, is then left out; inputs by bias are compared with FA.
    """
    display, rows = Display(), []
    ways = [
        (chosen, way)
        for way in names("--inputs", inputs, ("spikes", "bias"))
        for chosen in names("--constructions", constructions, CONSTRUCTIONS)
    ]
    plain = ways == [("host", "spikes")]
    for arithmetic in names("--arithmetics", arithmetics, ("float", "fixed")):
        for sizes, kinds, trials in COMPARED:
            for feedback in kinds if sizes[0] <= largest else ():
                for construction, way in ways:
                    if not plain and (feedback == "symmetric" or (way, feedback) == ("bias", "dfa")):
                        continue
                    found = _found(cells, sizes, feedback, arithmetic, trials, construction, way)
                    name, each = "-".join(map(str, sizes)), found["seconds"] / trials
                    display.say(f"{name} {feedback} {arithmetic} {construction} {way}: "
                                f"{found['difference'] or 'equal'}")  # fmt: skip
                    of = () if plain else (way, construction)
                    speed = (round(each, 2),) if plain else (round(1 / each, 2),)
                    rows.append((name, feedback, arithmetic, *of, trials, found["weights"], found["changed"],
                                 found["weights_differ"], found["counts"], found["counts_differ"],
                                 found["processes"], *speed))  # fmt: skip
    columns = (
        "network", "feedback", "Lava", *(() if plain else ("inputs", "construction")), "trials", "weights",
        "changed by learning", "weights that differ", "spike counts", "counts that differ", "processes",
        "s a trial" if plain else "trials a second",
    )  # fmt: skip
    more = "" if plain else f" --constructions {constructions} --inputs {inputs}"
    table = Table(
        "Learning in Lava's processes, and in the compiled twin: weights after training"
        if plain
        else "Learning in Lava with and without the host: weights against the twin's, and trials a second",
        columns,
        tuple(rows),
        f"spikesim chip-learning compare --arithmetics {arithmetics} --largest {largest}{more}",
        "Integers in both: a weight of floating point is a whole number of 2**-28. T = 32 and random inputs; "
        "784-100-10: MNIST digits, T = 64. Of one hidden layer, FA and DFA are the same network.",
    )
    keep_table(table, results / ("chip_learning.json" if plain else "chip_constructions.json"))


def _found(
    cells: Path,
    sizes: tuple[int, ...],
    feedback: str,
    arithmetic: str,
    trials: int,
    construction: str,
    inputs: str,
) -> dict[str, Any]:
    """One comparison, measured or read."""
    settings = {"sizes": list(sizes), "feedback": feedback, "trials": trials, "of": arithmetic}
    name = f"{'-'.join(map(str, sizes))}-{feedback}-{arithmetic}"
    if (construction, inputs) != ("host", "spikes"):
        settings |= {"construction": construction, "inputs": inputs}
        name += f"-{construction}-{inputs}"
    return measured_once(cells / f"{name}.json", settings, lambda: _compared(settings))


def _compared(settings: dict[str, Any]) -> dict[str, Any]:
    """One comparison, as a cell."""
    sizes, trials = tuple(settings["sizes"]), settings["trials"]
    digits = sizes[0] == 784
    config = replace(replace(CHIP, T=64) if digits else SMALL, sizes=sizes, feedback=settings["feedback"])
    if digits and settings["of"] == "float":
        config = replace(config, eta=0.3)
    elif digits:
        config = replace(config, b_scale=0.5)  # of 8 bits
    one = learner(build(config, 1), settings["of"], nearest_eta=True)
    rs = np.random.default_rng(1)
    x, y = rs.random((trials, sizes[0])).astype(np.float32), rs.integers(0, sizes[-1], trials)
    scale = 0.7
    if digits:
        split, scale = datasets.mnist().fit.take(trials), SCALE
        x, y = split.x, split.y
    given: Any = Regular(scale).encode(x, np.arange(trials), one.active)
    if settings.get("inputs") == "bias":
        given = DrivenByBias(scale).biases(x)
    return compare_learning(one, given, y, settings.get("construction", "host")).describe()


@app.command()
def accuracy(
    hidden: Annotated[int, typer.Option(min=1, help="Hidden neurons.")] = 100,
    feedback: Annotated[str, typer.Option(help="symmetric, fa or dfa.")] = "symmetric",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the 60,000 digits.")] = 6,
    seeds: Annotated[str, typer.Option(help="Seeds of the runs.", metavar="N,...")] = "1,2,3",
    rounding: Annotated[str, typer.Option(help="stochastic or nearest.")] = "stochastic",
    inputs: Annotated[str, typer.Option(help="spikes (regular) or bias.")] = "spikes",
    results: Results = RESULTS,
    cells: Cells = Path("runs/chip-learning"),
) -> None:
    """Train MNIST with the fixed-point twin, and read the test set once (minutes)."""
    display, rows = Display(), []
    sizes = (784, hidden, 10)
    names("--rounding", rounding, ROUNDINGS)
    by_bias = names("--inputs", inputs, ("spikes", "bias")) == ("bias",)
    encoder: Any = DrivenByBias(SCALE) if by_bias else Regular(SCALE)
    course = Course(encoder, epochs=epochs, halved=tuple(range(max(1, epochs // 2), epochs)))
    saturated: dict[str, Any] = {}
    name = f"{hidden}-{feedback}-{rounding}" + ("-bias" if by_bias else "")
    for seed in whole_numbers("--seeds", seeds):
        settings = {"sizes": list(sizes), "feedback": feedback, "seed": seed, "rounding": rounding,
                    "halved": list(course.halved), "epochs": epochs, "eta": list(ETA),
                    "chip": asdict(CHIP), **({"inputs": inputs} if by_bias else {})}  # fmt: skip
        path = cells / f"mnist-{name}-{epochs}-{seed}.json"
        found = measured_once(path, settings, lambda s=settings: _trained(s, course))  # type: ignore[misc]
        display.say(f"seed {seed}: {100 * found['test']:.2f} %")
        rows.append((title(replace(CHIP, sizes=sizes)), feedback, rounding, seed,
                     round(100 * found["train"], 2), round(100 * found["test"], 2)))  # fmt: skip
        saturated[str(seed)] = {key: found.get(key) for key in ("saturated", "changes", "at_limits")}
    table = Table(
        f"MNIST by the fixed-point twin, {'-'.join(map(str, sizes))}, weights of 8 bits and a sign",
        ("network", "feedback", "rounding", "seed", "train (online) %", "test %"),
        tuple(rows),
        f"spikesim chip-learning accuracy --hidden {hidden} --feedback {feedback} --epochs {epochs} --seeds "
        f"{seeds} --rounding {rounding}" + (" --inputs bias" if by_bias else ""),
        f"Mean {np.mean([row[-1] for row in rows]):.2f} %. Settings chosen on validation samples; the test "
        f"digits were read once, at the end. T = {CHIP.T}; published: DAC 2021 94.7 % (convolutional, "
        f"on Loihi), its successor 96.3 %.",
        {"emstdp": asdict(replace(CHIP, sizes=sizes)), "eta": list(ETA), "scale": SCALE},
        {"saturation": saturated},
    )
    name = name.replace("-", "_")
    keep_table(table, results / f"chip_mnist_{name}.json")
    keep_table(saturation(saturated, sizes, table.command), results / f"chip_saturation_{name}.json")


def saturation(found: dict[str, Any], sizes: tuple[int, ...], command: str) -> Table:
    """What saturated in trainings, by layer.

    Args:
        found: seed -> {"saturated", "changes", "at_limits"} of a twin; None for what was not measured.
        sizes: of the network.
        command: that measured it.
    """
    rows: list[tuple[Any, ...]] = []
    for seed, of in found.items():
        for k, (layer, seen) in enumerate(of["saturated"].items()):
            at_limits, changes = of["at_limits"], (of["changes"] or {}).get(layer)
            share = None if at_limits is None else 100 * at_limits[layer] / (sizes[k] * sizes[k + 1])
            lost = [None if changes is None else 100 * changes[what] / max(1, changes["changes"])
                    for what in ("cut", "rounded_away")]  # fmt: skip
            rows.append((int(seed), layer, share, *lost, seen["trace_x"], seen["trace_y"], seen["membrane"],
                         seen["current"]))  # fmt: skip
    columns = (
        "seed", "layer", "weights at a limit, at the end %", "changes cut at a limit %",
        "changes that rounding undid %", "presynaptic traces at 127", "postsynaptic traces at 127",
        "membranes at their end", "currents that wrapped",
    )  # fmt: skip
    notes = (
        f"Limits of a weight: {WEIGHTS[0]} and {WEIGHTS[1]}. A change is that of one weight in one trial, "
        f"before rounding, other than zero; traces, membranes and currents are counted over all trials."
    )
    return Table("What saturates in the learning engine, by layer", columns, tuple(rows), command, notes)


def _trained(settings: dict[str, Any], course: Course) -> dict[str, Any]:
    """One training, as a cell."""
    data = datasets.mnist()
    course = replace(course, seed=settings["seed"])
    one = chip_learner(tuple(settings["sizes"]), settings["feedback"], settings["seed"])
    twin = Twin(one, settings["rounding"], settings["seed"] + 1)
    online = course.train(twin, data.train, Display().say)
    return {
        "train": online[-1],
        "test": course.accuracy(twin, data.test),
        "saturated": twin.saturated,
        "changes": twin.changes,
        "at_limits": twin.at_limits,
        "updates": len(online) * len(data.train.y),
    }


@app.command()
def continual(
    hidden: Annotated[int, typer.Option(min=1, help="Hidden neurons.")] = 100,
    per_class: Annotated[int, typer.Option(min=1, help="Samples of a class.")] = 2000,
    measured: Annotated[int, typer.Option(min=1, help="Validation samples.")] = 2000,
    results: Results = RESULTS,
) -> None:
    """Learn digits 0-4, then 5-8, then 9 from 100 examples, with and without rehearsal (a minute)."""
    course = Course(Regular(SCALE))
    one = chip_learner((784, hidden, 10), "symmetric", 1)
    found = incremental(one, course, datasets.mnist(), per_class, measured, Display().say)
    table = Table(
        f"New classes one after another, learner of 784-{hidden}-10 in fixed point",
        STAGES,
        tuple(row.cells() for row in found if row.last),
        f"spikesim chip-learning continual --hidden {hidden} --per-class {per_class} --measured {measured}",
        "Validation digits, accuracy in %; rehearsal: a tenth of the samples of each class seen before, and "
        "100 of each beside the 100 of the last. The text on the authors' continual EMSTDP that is available "
        "here gives no figure to compare.",
        {"eta": list(ETA), "scale": SCALE, "emstdp": asdict(CHIP)},
        {"course": [asdict(row) for row in found]},
    )
    keep_table(table, results / "chip_continual.json")
    draw(found, results / "chip_continual.png")


@app.command()
def cost(results: Results = RESULTS) -> None:
    """Compartments, synapses and cores of Loihi that learners take, and a modelled cost of an update."""
    data = datasets.mnist().fit.take(200)
    rows: list[tuple[Any, ...]] = []
    for sizes in ((784, 100, 10), (784, 500, 10)):
        for feedback in ("symmetric", "dfa"):
            one = chip_learner(sizes, feedback, 1)
            twin = Twin(one)
            spikes = Regular(SCALE).encode(data.x, data.index, one.active)
            learnt = twin.train(spikes, data.y)
            need = taken(one)
            made = update_cost(one, learnt, [n / len(data.y) for n in twin.error_spikes])
            rows.append(("-".join(map(str, sizes)), feedback, need.compartments, need.plastic, need.fixed,
                         need.axons, need.cores["loihi1"], need.cores["loihi2"], round(made.energy, 1),
                         round(made.time, 3)))  # fmt: skip
    rows += [(name, *(None,) * 7, energy, time) for name, energy, time in PUBLISHED]
    columns = ("learner", "feedback", "compartments", "plastic synapses", "fixed synapses", "axons",
               "cores, Loihi 1", "cores, Loihi 2", "uJ an update", "ms an update")  # fmt: skip
    table = Table(
        "A learner on Loihi: what it takes, and a training trial",
        columns,
        tuple(rows),
        "spikesim chip-learning cost",
        "Modelled, not measured: cores from published limits at least; energy and time from counted "
        "operations and the costs of Davies 2018, without idle power and without the host's steps between "
        "trials. The published figures are of other networks, measured on chips: no like for like.",
    )
    keep_table(table, results / "chip_cost.json")
