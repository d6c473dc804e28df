"""`spikesim verify`: a run or a network, played on two programs, spike by spike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from spikesim.datasets.dataset import Dataset
from spikesim.errors import DeclarationError, EngineError, MissingExtraError
from spikesim.hardware.quantise import quantise
from spikesim.hardware.targets import without_floors
from spikesim.network import Network
from spikesim.network.file import load_network
from spikesim.neurons import Source, Target
from spikesim.spikes import from_raster
from spikesim.synapses import CurrentInput
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.train import experiment_of
from spikesim.training.evaluate import check_fits
from spikesim.training.run import Run
from spikesim.verification import registry
from spikesim.verification.verify import Verdict
from spikesim.verification.verify import verify as compare

NO_FLOOR = ("lava-float", "nir")


def verify(
    what: Annotated[Path, typer.Argument(help="A run folder, or a saved network.", metavar="RUN|NETWORK")],
    against: Annotated[
        str, typer.Option(help="Programs, separated by commas; `--against list` names them.")
    ] = "naive",
    engine: Annotated[str, typer.Option(help="The program that they are compared with.")] = "",
    samples: Annotated[int, typer.Option(min=1, help="Presentations: test samples of a run.")] = 10,
    bits: Annotated[
        int | None, typer.Option(min=2, help="Quantise for Loihi first, as loihi, lava-fixed and netx need.")
    ] = None,
    learn: Annotated[bool, typer.Option(help="Let both learn, and compare the weights too.")] = False,
    steps: Annotated[int, typer.Option(min=1, help="Steps of a network that runs without end.")] = 1000,
    rate: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Of the random spikes that a network's sources are given.")
    ] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Of these random spikes.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")] = False,
) -> None:
    """Compare every spike, membrane and weight of programs; exit status 1 where one differs."""
    display = Display(as_json)
    if against == "list":
        display.say("\n".join(registry.names()))
        return
    others = [name.strip() for name in against.split(",")]
    if what.is_dir():
        run, dataset = Run.open(what), experiment_of(what).load()

        def compared(name: str) -> Verdict:
            return play(run, dataset, samples, name, learn, engine or "windowed", bits)
    else:
        network = load_network(what)
        if bits is not None:
            network = quantise(network, "loihi1", bits).network

        def compared(name: str) -> Verdict:
            return _random(network, name, engine, samples, steps, rate, seed, learn)

    verdicts, missing = [], {}
    for name in others:
        try:
            verdicts.append(compared(name))
            display.say(str(verdicts[-1]))
        except MissingExtraError as problem:
            missing[name] = str(problem)
            display.say(f"{name}: not asked. {problem}")
    if as_json:
        print(json.dumps([verdict.describe() for verdict in verdicts], indent=2))
    if missing and not verdicts:
        raise EngineError(f"none of {', '.join(missing)} is installed here")
    if not all(verdict.equal for verdict in verdicts):
        raise typer.Exit(1)


def play(
    run: Run,
    dataset: Dataset,
    samples: int,
    against: str,
    learn: bool,
    engine: str = "windowed",
    bits: int | None = None,
) -> Verdict:
    """Present the first test samples to what a run has learnt, on two programs.

    With their targets where both programs teach; else, or where it is quantised, to the network that
    classifies.
    """
    network, split = run.trained(), dataset.test.take(samples)
    check_fits(network, split)
    labels: Any = split.y
    if bits is not None or not (registry.trains(engine) and registry.trains(against)):
        if learn:
            raise EngineError(f"{against} does not learn here; verify without --learn")
        network = network.inference() if bits is None else quantise(network, "loihi1", bits).network
        labels = None
    network = _endless(network, against)
    source = network.sources[0]
    T = network.window.boundary if network.populations[source].replay else network.window.T
    spikes = run.encoder.encode(split.x, split.index, T, run.training.seed)
    return compare(network, {source: spikes}, labels, engine, against, learn)


def _endless(network: Network, against: str) -> Network:
    """The network without the floor of a chip's 24 bits, for a program whose membranes have no such end."""
    return without_floors(network) if against.partition(":")[0] in NO_FLOOR else network


def _random(
    network: Network,
    against: str,
    engine: str,
    samples: int,
    steps: int,
    rate: float,
    seed: int,
    learn: bool,
) -> Verdict:
    """Random spikes on two programs; random labels where there is a target."""
    network = _endless(network, against)
    rs, window = np.random.default_rng(seed), network.window
    inputs: dict[str, Any] = {}
    for name in network.sources:
        p: Source = network.populations[name]
        shape = (
            (1, steps, p.n) if window.endless else (samples, window.boundary if p.replay else window.T, p.n)
        )
        inputs[name] = from_raster((rs.random(shape) < rate).astype(np.int8))
    if any(isinstance(drive, CurrentInput) for drive in network.drives):
        raise DeclarationError(
            "verify: this network is given currents, which a file does not hold; use spikesim.verify "
            "from Python"
        )
    classes = [p.n for p in network.populations.values() if isinstance(p, Target)]
    labels = rs.integers(0, min(classes), samples) if classes else None
    signals = {p.plastic.signal: rs.normal(size=steps) for p in network.online if p.plastic.signal}
    return compare(
        network,
        inputs,
        labels,
        engine or "stepped",
        against,
        learn,
        steps if window.endless else None,
        signals or None,
    )
