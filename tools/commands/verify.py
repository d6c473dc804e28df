"""`spikesim verify`: run a network on two simulators and compare every spike."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from spikesim.datasets.dataset import Dataset
from spikesim.errors import DeclarationError, EngineError, MissingExtraError
from spikesim.hardware.onchip.compare import LearningVerdict
from spikesim.hardware.quantise import quantise
from spikesim.hardware.targets import without_floors
from spikesim.network import Network
from spikesim.network.scheduling import is_target
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.given import HELP, WHAT, opened
from spikesim.tools.commands.trials import encoded, random_input
from spikesim.tools.commands.verify_learning import NAMES, is_learning, verify_learning
from spikesim.training.evaluate import check_fits, trial_steps
from spikesim.training.run import Run
from spikesim.verification import registry
from spikesim.verification.verify import Verdict
from spikesim.verification.verify import verify as compare

NO_FLOOR = ("lava-float", "nir")


def verify(
    what: Annotated[Path, typer.Argument(help=HELP, metavar=WHAT)],
    against: Annotated[
        str,
        typer.Option(help="Backends to test, separated by commas; `--against list` prints all of them."),
    ] = "naive",
    engine: Annotated[
        str, typer.Option(help="Reference backend. Default: windowed for a run, stepped for a network.")
    ] = "",
    samples: Annotated[
        int, typer.Option(min=1, help="Number of trials: test samples of a run, random input otherwise.")
    ] = 10,
    bits: Annotated[
        int | None,
        typer.Option(min=2, help="Quantise for Loihi first; needed for loihi, lava-fixed and netx."),
    ] = None,
    learn: Annotated[bool, typer.Option(help="Train on both backends and compare the weights too.")] = False,
    steps: Annotated[
        int,
        typer.Option(min=1, help="Steps of a network without end; backends that run trials get them as one."),
    ] = 1000,
    rate: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Random input of a network: spikes per step and source neuron."),
    ] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random input.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare every spike, membrane and weight of two simulators; the exit status is 1 if any differs."""
    display = Display(as_json)
    if against == "list":
        display.say("\n".join(sorted((*registry.names(), *NAMES))))
        return
    if learn and bits is not None:
        raise EngineError(
            f"verify: --learn trains on both backends, and --bits {bits} quantises the network, which then "
            f"does not learn; leave out one of the two"
        )
    given = opened(what, "verify")
    network, trained = given.network, None
    if given.run is not None and given.experiment is not None:
        run, dataset = trained = given.run, given.experiment.load()

        def compared(name: str) -> Verdict:
            return play(run, dataset, samples, name, learn, engine or "windowed", bits)
    else:
        if bits is not None:
            trial = steps if network.window.endless else None
            network = quantise(network, "loihi1", bits, T=trial).network

        def compared(name: str) -> Verdict:
            return _random(network, name, engine, samples, steps, rate, seed, learn)

    def on(name: str) -> Verdict | LearningVerdict:
        if is_learning(name):
            return verify_learning(given.network, trained, name, samples, rate, seed, learn, display)
        return compared(name)

    verdicts = _verdicts(on, [name.strip() for name in against.split(",")], display)
    if as_json:
        print(json.dumps([verdict.describe() for verdict in verdicts], indent=2))
    if not all(verdict.equal for verdict in verdicts):
        raise typer.Exit(1)


def _verdicts(
    on: Callable[[str], Verdict | LearningVerdict], names: Sequence[str], display: Display
) -> list[Verdict | LearningVerdict]:
    """The verdict on each backend that is installed, told as it comes.

    Raises:
        EngineError: none is installed.
    """
    verdicts, missing = [], []
    for name in names:
        try:
            verdicts.append(on(name))
            display.say(str(verdicts[-1]))
        except MissingExtraError as problem:
            missing.append(name)
            display.say(f"{name}: skipped ({problem})")
    if not verdicts:
        raise EngineError(f"nothing was compared: none of {', '.join(missing)} is installed")
    return verdicts


def play(
    run: Run,
    dataset: Dataset,
    samples: int,
    against: str,
    learn: bool,
    engine: str = "windowed",
    bits: int | None = None,
) -> Verdict:
    """Run the first test samples through a trained network on two backends and compare them.

    Targets are included if both backends can train. Otherwise, or if `bits` quantises the network, only the
    inference network is compared.
    """
    network, split = run.trained(), dataset.test.take(samples)
    check_fits(network, split, run.encoder)
    labels: Any = split.y
    if bits is not None or not (registry.trains(engine) and registry.trains(against)):
        if learn and bits is not None:
            raise EngineError("a quantised network does not learn; leave out the bits, or the learning")
        if learn:
            fixed = next(name for name in (engine, against) if not registry.trains(name))
            raise EngineError(f"{fixed} does not train, so only inference can be verified; leave out --learn")
        T = trial_steps(split, None)
        network = network.inference(T) if bits is None else quantise(network, "loihi1", bits, T=T).network
        labels = None
    network = _endless(network, against)
    inputs = encoded(network, split, run.encoder, run.training.seed)
    return compare(network, inputs, labels, engine, against, learn)


def _endless(network: Network, against: str) -> Network:
    """The network without the 24-bit floors of a chip, for a backend whose membranes do not saturate."""
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
    """Compare two backends on random input spikes, with random labels if the network has a target."""
    network = _endless(network, against)
    inputs = random_input(network, samples, rate, seed, steps)
    if any(drive.given for drive in network.drives):
        raise DeclarationError(
            "verify: this network has external current inputs, which are not stored in its file; use "
            "spikesim.verify from Python and pass the currents"
        )
    classes = [p.n for p in network.populations.values() if is_target(p)]
    rs = np.random.default_rng([seed, 1])  # apart from the input
    labels = rs.integers(0, min(classes), samples) if classes else None
    signals = {p.plastic.signal: rs.normal(size=steps) for p in network.online if p.plastic.signal}
    return compare(
        network,
        inputs,
        labels,
        engine or "stepped",
        against,
        learn,
        steps if network.window.endless else None,
        signals or None,
    )
