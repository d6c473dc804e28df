"""Agreement of the mSTDP network on the stepped engine with the rate network, against tau: 8x8 digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from spikesim.datasets import Dataset, Split
from spikesim.files.measured_table import Table
from spikesim.hopfield.mstdp.network import Net, targets
from spikesim.hopfield.mstdp.relaxation import Phase, States, relax
from spikesim.hopfield.mstdp.states import Float32
from spikesim.hopfield.mstdp.tasks import label_rates
from spikesim.hopfield.mstdp.training import begin, train
from spikesim.models.log import Log
from spikesim.models.mstdp.engine_form import answer
from spikesim.models.mstdp.runs import settings, spread
from spikesim.models.mstdp.spiking_agreement import DIGITS

COLUMNS = (
    "States move by",
    "tau",
    "Steps",
    "Same class as rates (%)",
    "Same fixed point (%)",
    "RMS of label rates",
    "RMS, rates from where it ended",
    "Test (%)",
)
FAST, SLOW = (4, 16, 64, 128), (1, 2, 4, 8)
# For states that are slower than their filters, 8 tau steps count as one iteration of the rate network.
SLOWNESS = 8
SAME = 0.1  # label rates that differ by less belong to the same fixed point


def engine_agreement(
    data: Dataset,
    seeds: Sequence[int] = (1, 2),
    epochs: int = 10,
    samples: int = 120,
    fast: Sequence[int] = FAST,
    slow: Sequence[int] = SLOW,
    say: Log = print,
) -> Table:
    """Table of the agreement of spikes on the stepped engine with rates, for networks trained with rates.

    Args:
        data: the 8x8 digits.
        seeds: of the networks.
        epochs: of the training with rates.
        samples: number of test images, taken from the end.
        fast: values of tau for states that change as fast as in the rate network.
        slow: values of tau for states that are slower than their filters.
        say: receives a message after every value of tau.
    """
    x, y, test = data.train.x, data.train.y, data.test
    test = replace(test, x=test.x[-samples:], y=test.y[-samples:], index=test.index[-samples:])
    nets = [train(begin(DIGITS, x, seed=s, epochs=epochs), x, y).tested() for s in seeds]
    by_rates = [label_rates(net, test.x) for net in nets]
    right = [100.0 * float((r.argmax(1) == test.y).mean()) for r in by_rates]
    rows: list[tuple[Any, ...]] = [("rates", None, None, None, None, None, None, spread(right))]
    record: list[dict[str, Any]] = []
    kinds = [("epsilon", tau, DIGITS.epsilon, 200 + 8 * tau) for tau in fast]
    for tau in slow:
        iteration = SLOWNESS * tau
        settle = DIGITS.test_iterations * iteration
        kinds.append((f"epsilon / ({SLOWNESS} tau)", tau, DIGITS.epsilon / iteration, settle))
    for name, tau, epsilon, settle in kinds:
        measured = [
            _measure(net, test, rates, tau, epsilon, settle)
            for net, rates in zip(nets, by_rates, strict=True)
        ]
        m = {key: [seed[key] for seed in measured] for key in measured[0]}
        deviations = (round(float(np.mean(m[key])), 4) for key in ("rms", "rms_rates_from_end"))
        rows.append(
            (name, tau, settle + 128, spread(m["same"]), spread(m["fixed"]), *deviations, spread(m["test"]))
        )
        record.append({"epsilon": epsilon, "tau": tau, **m})
        say(f"{name}, tau = {tau}: same class {spread(m['same'])} %, test {spread(m['test'])} %")
    return Table(
        title="mSTDP on the stepped engine: 8x8 digits, agreement with the rate network",
        columns=COLUMNS,
        rows=tuple(rows),
        command="spikesim mstdp table engine",
        notes=_notes(samples, seeds),
        config=settings(DIGITS),
        data={"seeds": list(seeds), "rates": right, "rows": record},
    )


def _measure(
    net: Net, test: Split, rates: Float32, tau: int, epsilon: float, settle: int
) -> dict[str, float]:
    """Measure one network at one tau: agreement with its rates, and distance from their fixed point."""
    found = answer(net, test.x, tau, settle=settle, epsilon=epsilon)
    off = np.abs(found.rates - rates).max(axis=1)
    from_end = rates_from(net, test.x, found.states)
    return {
        "same": 100.0 * float((found.classes == rates.argmax(1)).mean()),
        "fixed": 100.0 * float((off < SAME).mean()),
        "rms": float(np.sqrt(((found.rates - rates) ** 2).mean())),
        "rms_rates_from_end": float(np.sqrt(((found.rates - from_end) ** 2).mean())),
        "test": 100.0 * float((found.classes == test.y).mean()),
    }


def rates_from(net: Net, x: Float32, states: Float32) -> Float32:
    """Label rates of the rate network after settling from given states, inputs held, (samples, n_out)."""
    config = net.config
    phase = Phase(2 * config.test_iterations, config.epsilon, 0.0, "held", "free")
    start, target = States.at(states.copy()), targets(config, x, None, len(x))
    return relax(net.weights, config.layout, start, target, phase, centre=net.centre)


def _notes(samples: int, seeds: Sequence[int]) -> str:
    return (
        f"64 hidden neurons, inputs held, one network without end, each image from rest; the last {samples} "
        "test images; tau and epsilon chosen on others, the settling time lengthened once after a look at "
        f"these; read in the last 128 steps. epsilon = {DIGITS.epsilon:g}; tau in steps. Mean ± standard "
        f"deviation over seeds {', '.join(map(str, seeds))}. Same fixed point: all label rates within "
        f"{SAME:g}. The last RMS is against the rate network begun where the spiking one ended: where it is "
        "small beside the other, images that disagree lie at other fixed points of the same network. Filters "
        "that lag change the way there; states slower than filters keep closer to it."
    )
