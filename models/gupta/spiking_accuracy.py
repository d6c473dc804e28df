"""Test accuracy of the spiking form on pairs of MNIST classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from spikesim.datasets.dataset import Dataset
from spikesim.files.measured_table import Cell, Table
from spikesim.models.gupta.config import MNIST_PAIRS
from spikesim.models.gupta.data import pair
from spikesim.models.gupta.spiking import SpikingGupta, train_spiking
from spikesim.models.gupta.summary import SPREAD, rounded, spread
from spikesim.models.log import Log
from spikesim.rates.gupta_rule import PRINTED_EPS

DEFAULT = SpikingGupta()


def spiking_forms(base: SpikingGupta, T: int, epochs: int) -> dict[str, SpikingGupta]:
    """Configurations by column: the amended and the printed eps at T steps."""
    amended = replace(base, T=T, rates=replace(base.rates, epochs=epochs))
    literal = replace(amended, rates=replace(amended.rates, eps=PRINTED_EPS))
    return {f"T = {T}": amended, f"T = {T}, literal eps": literal}


def spiking_pairs(
    data: Dataset,
    seeds: Sequence[int],
    pairs: Sequence[tuple[int, int]] = MNIST_PAIRS,
    T: int = 20,
    epochs: int = 5,
    say: Log = print,
    base: SpikingGupta = DEFAULT,
) -> Table:
    """Table of test accuracies of the spiking form; the test uses new input spikes.

    Args:
        data: networks learn `train`, and are tested once on `test`.
        seeds: of weights, order and spikes.
        pairs: pairs of classes.
        T: steps of a trial.
        epochs: passes over the data.
        say: receives a message after every pair and form.
        base: the amended configuration.
    """
    rows: list[tuple[Cell, ...]] = []
    values: dict[str, Any] = {}
    forms = spiking_forms(base, T, epochs)
    for a, b in pairs:
        learn, test = pair(data.train, a, b), pair(data.test, a, b)
        found = {
            name: [train_spiking(config, learn, seed).accuracy(test) for seed in _seeds(name, seeds)]
            for name, config in forms.items()
        }
        for name, runs in found.items():
            say(f"{a}v{b}, spiking, {name}: {spread(runs)} %")
        rows.append((f"{a}v{b}", *(spread(runs) for runs in found.values())))
        values[f"{a}v{b}"] = {name: rounded(runs) for name, runs in found.items()}
    return Table(
        "Gupta's rule on spike counts: two digits, 784-32-16-1 integrate-and-fire neurons, test accuracy",
        ("Pair", *(f"{name} (%)" for name in forms)),
        tuple(rows),
        f"spikesim gupta spiking --seeds {len(seeds)} --steps {T} --epochs {epochs}",
        f"{SPREAD} The paper has no spikes. Poisson input, counts / T as x and p, eps = 1e-2 unless literal "
        f"(1e-9): counts meet x = 2p exactly, and the printed eps then decides alone. Run by the windowed "
        f"engine; membranes start at 0. The literal form runs on the first seed.",
        {"seeds": list(seeds), "epochs": epochs, "forms": {n: asdict(c) for n, c in forms.items()}},
        values,
    )


def _seeds(name: str, seeds: Sequence[int]) -> Sequence[int]:
    """The seeds of a form: the first one alone for the literal form, which fails with any seed."""
    return seeds[:1] if "literal" in name else seeds
