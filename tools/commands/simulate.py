"""`spikesim simulate`: run a network: a NIR graph, a saved network, a netx file or a trained run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from spikesim.engines import simulate as play
from spikesim.errors import DataError, DeclarationError, unknown
from spikesim.files.atomic import atomic_write
from spikesim.files.npz import read_npz
from spikesim.hardware.nir.conventions import CONVENTIONS, shown
from spikesim.hardware.nir.read import Imported, read_nir
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.neurons import PoissonSource
from spikesim.recording import Recording
from spikesim.recording.monitor import SpikesOf
from spikesim.spikes import Spikes, from_events, from_raster
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.given import HELP, NAMES, WHAT, kind_of, opened
from spikesim.window import Window

MOST_BYTES = 1 << 30
EVENTS = ".events"


def simulate(
    file: Annotated[Path, typer.Argument(help=HELP, metavar=WHAT)],
    steps: Annotated[int, typer.Option(min=1, max=10_000_000, help="Number of time steps.")] = 200,
    given: Annotated[
        str,
        typer.Option("--input", help="Spikes as .npz, or 'poisson RATE' in spikes per step and neuron."),
    ] = "poisson 0.05",
    dt: Annotated[
        float | None, typer.Option(help="Time step in the file's unit of time (often 1e-4).")
    ] = None,
    like: Annotated[
        str, typer.Option(help="Convention of the graph, one of " + ", ".join(CONVENTIONS) + ".")
    ] = "nir",
    fires: Annotated[str | None, typer.Option(help="Threshold comparison: '>' (NIR) or '>='.")] = None,
    leak: Annotated[str | None, typer.Option(help="Leak per step: euler or exponential.")] = None,
    gain: Annotated[
        str | None,
        typer.Option(help="Effect of an input spike: step, impulse, current, weight, norse or sinabs."),
    ] = None,
    reset: Annotated[
        str | None,
        typer.Option(help="Reset in the spike's step: value (to v_reset), subtract (the threshold) or none."),
    ] = None,
    reset_delay: Annotated[
        int | None, typer.Option(help="Steps between a spike and its reset: 0 or 1.", show_default=False)
    ] = None,
    overshoot: Annotated[
        str | None,
        typer.Option(help="Membranes above the threshold after a subtraction: keep or refuse (an error)."),
    ] = None,
    start: Annotated[str | None, typer.Option(help="Initial membranes: zero, v_leak or v_reset.")] = None,
    rounded: Annotated[
        str | None, typer.Option(help="What the library has as a float32: file (nothing), kept or decay.")
    ] = None,
    fractions: Annotated[
        bool, typer.Option(help="Take float32 decays and gains as fractions that they may have been.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the Poisson input.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Write all spikes, and membranes that are outputs, to this .npz file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run a network and print the spikes of each population, and the membranes that are outputs.

    The options from --dt to --fractions say how a NIR graph is meant; other networks have one meaning.
    """
    if like not in CONVENTIONS:
        raise DeclarationError(unknown("convention", like, CONVENTIONS))
    told: dict[str, Any] = {"dt": dt, "fires": fires, "leak": leak, "gain": gain, "reset": reset}
    if reset is not None and reset_delay is None and CONVENTIONS[like].reset_delay:
        # A reset that is named is one in the step of the spike, and not the library's own.
        reset_delay, overshoot = 0, overshoot or "keep"
    told |= {"reset_delay": reset_delay, "overshoot": overshoot, "start": start}
    told |= {"rounded": rounded, "simplify": fractions or None}
    told = {name: value for name, value in told.items() if value is not None}
    if kind_of(file) == "nir":
        made = read_nir(file, replace(CONVENTIONS[like], **told))
        made = replace(made, network=replace(made.network, window=Window.without_end(), readout=None))
    elif told or like != "nir":
        raise DeclarationError(
            f"simulate: {file} is {NAMES[kind_of(file)]}, whose neurons have one meaning; --like, --dt and "
            f"the options on leaks, gains and resets are for NIR files, so leave them out"
        )
    else:
        made = _as_graph(opened(file, "simulate", data=False).network, file)
    inputs, notes = _inputs(made, given, steps, seed)
    made = replace(made, notes=(*made.notes, *notes))
    cells = [name for name, p in made.network.populations.items() if not is_source(p)]
    recorded = [name if name in made.membranes else SpikesOf(name) for name in cells]
    played = play(made.network, inputs, steps=steps, record=recorded)
    found, membranes = played.spikes, _membranes(made, played)
    rows = [_row(made, name, spikes, steps) for name, spikes in {**inputs, **found}.items()]
    for row in rows:
        if row["population"] in membranes:
            v = membranes[row["population"]]
            row["membrane"] = {"least": float(v.min()), "largest": float(v.max()), "mean": float(v.mean())}
    if out is not None:
        save(out, {**inputs, **found}, steps, membranes)
    if as_json:
        found_json = {"dt": made.dt, "steps": steps, "populations": rows, "notes": made.notes}
        found_json |= {"outputs": made.results()}
        print(json.dumps({**found_json, "convention": shown(made.convention)}, indent=2))
        return
    _show(Display(False), made, rows, steps)


def _as_graph(network: Network, file: Path) -> Imported:
    """A network that is played without trials, in the form of one that was read from a NIR graph.

    Raises:
        DeclarationError: it needs currents that its file does not hold.
    """
    if not network.window.endless:
        network = network.inference()
        fixed = tuple(p.fixed(network.weights(p.name)) if p.plastic else p for p in network.projections)
        network = replace(network, projections=fixed, window=Window.without_end(), readout=None)
    if any(drive.given for drive in network.drives):
        raise DeclarationError(
            f"simulate: {file} has external current inputs, which are not stored with a network; use "
            f"spikesim.simulate from Python and pass the currents"
        )
    inputs = {name: name for name in network.sources}
    return Imported(network, inputs, {}, {}, 1.0, "", ())


def _membranes(made: Imported, played: Recording) -> dict[str, Any]:
    """The membranes of populations whose membranes are results, float64 (steps, n), in the graph's unit."""
    return {name: played.membrane(name, made.network)[0] for name in made.membranes}


def _row(made: Imported, name: str, spikes: Spikes, steps: int) -> dict[str, Any]:
    population = made.network.populations[name]
    count = len(spikes.times)
    return {
        "population": name,
        "model": type(population).__name__,
        "neurons": population.n,
        "shape": list(made.shapes.get(name, (population.n,))),
        "spikes": count,
        "spikes per neuron and step": count / (population.n * steps),
        "output": any(name in heard for heard in made.outputs.values()),
    }


def _show(display: Display, made: Imported, rows: list[dict[str, Any]], steps: int) -> None:
    written = f" of dt = {made.dt:g}, written by nir {made.version or '(unknown)'}" if made.outputs else ""
    table = Table(title=f"{steps} steps{written}")
    for column in ("population", "model", "neurons", "shape", "spikes", "spikes per neuron and step"):
        table.add_column(column, justify="left" if column in ("population", "model") else "right")
    for row in rows:
        shape = " x ".join(str(n) for n in row["shape"])
        name = f"{row['population']} (output)" if row["output"] else row["population"]
        rate = f"{row['spikes per neuron and step']:.4f}"
        table.add_row(Text(name), row["model"], f"{row['neurons']:,}", shape, f"{row['spikes']:,}", rate)
    display.console.print(table)
    for said in made.results():
        display.say(f"output {said}")
    for row in rows:
        if (v := row.get("membrane")) is not None:
            said = f"from {v['least']:g} to {v['largest']:g}, mean {v['mean']:g}"
            display.say(f"membranes of {row['population']}: {said}")
    for note in made.notes:
        display.say(f"note: {note}")


def _inputs(made: Imported, given: str, steps: int, seed: int) -> tuple[dict[str, Spikes], list[str]]:
    """Spikes of every Input node, Poisson or read from a file; and notes on what was filled up."""
    sizes = {name: made.network.populations[name].n for name in made.inputs.values()}
    if given.startswith("poisson"):
        rate = _rate(given)
        if not 0 <= rate <= 1:
            raise DeclarationError(
                f"--input {given!r}: {rate:g} spikes per step and neuron; a rate lies in 0 .. 1"
            )
        return {name: _poisson(n, rate, seed + k, steps) for k, (name, n) in enumerate(sizes.items())}, []
    loaded = load(Path(given))
    if len(sizes) == 1 and "spikes" in loaded and "spikes" not in sizes:
        loaded = {next(iter(sizes)): loaded["spikes"]}
    if missing := [name for name in sizes if name not in loaded]:
        raise DataError(
            f"--input {given}: {unknown('input', missing[0], loaded)}; the file needs one entry for each "
            f"input of the network: {', '.join(sizes)}"
        )
    short = [
        f"{given}: {name} has {len(loaded[name])} steps; the other {steps - len(loaded[name])} of {steps} "
        f"(--steps) have no input"
        for name in sizes
        if not isinstance(loaded[name], tuple) and len(loaded[name]) < steps
    ]
    return {name: _fitted(loaded[name], name, n, steps, given) for name, n in sizes.items()}, short


def _rate(given: str) -> float:
    try:
        return float(given[len("poisson") :].lstrip(" :="))
    except ValueError as problem:
        raise DeclarationError(
            f"--input {given!r}: the rate is no number; expected 'poisson RATE', for example 'poisson 0.05'"
        ) from problem


def _poisson(n: int, rate: float, seed: int, steps: int) -> Spikes:
    source = PoissonSource(n, rate, seed)
    fired = [source.fired(t) for t in range(steps)]
    times = np.repeat(np.arange(steps, dtype=np.int32), [len(f) for f in fired])
    offsets = np.array([0, len(times)], np.int64)
    return Spikes(times, np.concatenate(fired).astype(np.int32), offsets, steps, n)


def _fitted(value: Any, name: str, n: int, steps: int, given: str) -> Spikes:
    """One entry of a file as `Spikes` of `steps` steps; behind a shorter raster there is silence."""
    if isinstance(value, tuple):
        times, neurons = value
        late = times >= steps
        if late.any():
            raise DataError(
                f"{given}: {name} has a spike in step {times[late][0]}; only {steps} steps are run (--steps)"
            )
        with _in(given, f"{name}{EVENTS}"):
            return from_events(times, neurons, steps, n)
    flat = value.reshape(len(value), -1)
    if flat.shape[1] != n or len(flat) > steps:
        raise DataError(
            f"{given}: {name} has shape {value.shape}; expected up to {steps} steps (--steps) of {n} neurons"
        )
    with _in(given, name):
        return from_raster(np.concatenate([flat, np.zeros((steps - len(flat), n), flat.dtype)]))


@contextmanager
def _in(given: str, entry: str) -> Iterator[None]:
    """Add file and entry to the message of an error in the spikes.

    Raises:
        DataError: as the body does.
    """
    try:
        yield
    except DataError as problem:
        raise DataError(f"--input {given}: {entry}: {problem}") from problem


def load(path: Path) -> dict[str, Any]:
    """Read spikes from an .npz file.

    Returns:
        By name, a raster (T, ...); or, for an entry NAME.events of shape (k, 2), a pair of int64 arrays
        (steps, neurons) under NAME.

    Raises:
        DataError: the file is missing, damaged or too large.
    """
    arrays = read_npz(path, limit=MOST_BYTES, way_out="Write it with numpy.savez")
    made: dict[str, Any] = {}
    for name, array in arrays.items():
        if name.endswith(EVENTS):
            if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
                raise DataError(
                    f"{path}: {name} is {array.dtype} {array.shape}; expected integers of shape (k, 2)"
                )
            made[name[: -len(EVENTS)]] = (array[:, 0].astype(np.int64), array[:, 1].astype(np.int64))
        elif array.ndim >= 2 and array.size and array.dtype.kind in "biuf":
            made[name] = array
        elif array.ndim:
            raise DataError(
                f"{path}: {name} is {array.dtype} {array.shape}; expected numbers of shape (steps, ...)"
            )
    return made


def save(
    path: Path, spikes: Mapping[str, Spikes], steps: int, membranes: Mapping[str, Any] | None = None
) -> None:
    """Write spikes to an .npz file: NAME.events int32 (k, 2), rows of (step, neuron) in order; membranes as
    NAME.v float64 (steps, n); and `steps`.

    Raises:
        SpikesimError: the file cannot be written.
    """
    arrays: dict[str, Any] = {
        f"{name}{EVENTS}": np.stack([s.times, s.neurons], axis=1) for name, s in spikes.items()
    }
    arrays |= {f"{name}.v": v for name, v in (membranes or {}).items()}
    with atomic_write(path, what="the spikes") as handle:
        np.savez_compressed(handle, steps=np.array(steps), **arrays)
