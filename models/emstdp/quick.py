"""Quick reproduction of EMSTDP: one short training of the literal and of the amended configuration."""

from __future__ import annotations

from dataclasses import replace

from spikesim.models.claims import Claim
from spikesim.models.emstdp import build, encoder
from spikesim.models.emstdp.experiment import Experiment
from spikesim.models.emstdp.presets import preset
from spikesim.training.train import train

SAMPLES = 20_000


def quick(seed: int = 1) -> list[Claim]:
    """Measure the first row of table 2 after one pass over 20,000 digits.

    The paper makes 200 passes over 10,000 random digits.

    Args:
        seed: of weights, order and spikes.
    """
    literal, amended = preset("emstdp-mnist-500-literal"), preset("emstdp-mnist-500")
    amended = replace(
        amended, model=replace(amended.model, dropout_in=0.0, dropout=0.0)
    )  # it needs more passes
    return [
        Claim(
            source="Shrestha 2019, table 2",
            what="784-500-10, symmetric weights, MNIST, test accuracy",
            unit="%",
            paper=97.0,
            literal=_accuracy(literal, seed),
            amended=_accuracy(amended, seed),
            amendments="replay, reset at the split, a target rate that can be reached, resets by "
            "subtraction, weights change by error counts, no injection, linear schedule",
            note=f"one pass over {SAMPLES:,} digits; the full runs are in the README's table",
        )
    ]


def _accuracy(experiment: Experiment, seed: int) -> float:
    """Test accuracy in % after one epoch on SAMPLES digits."""
    short = replace(experiment, epochs=1, samples=SAMPLES)
    dataset = short.load()
    network, coder, length = build(short.model, seed), encoder(short.model), short.training(seed)
    run = train(network, dataset, coder, length, progress=False)
    return 100 * run.evaluate(dataset).accuracy
