"""Tables 3 and 4: accuracy in the order of patterns of the training, and in another order.

There are eight one-hot patterns, each both input and output. In the training of network81 a pattern is
followed by the next one, in that of network83 by the third one after it. Both are tested in both orders, with
clamped inputs and 160, 80 or fewer iterations per pattern. States are never reset, so that transitions
between patterns are learned as well: a network should settle faster in its own order.

Differs from the paper: half of a trial is the free phase of algorithm 2 (otherwise outputs learn little from
inputs), neurons send rho - 1/2, eps_l is 0.5, and there are no fake targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spikesim.files.measured_table import Table
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.toy_network import Small, small
from spikesim.models.astdp.presets import TABLE_3, TABLE_4

N, HIDDEN = 8, 16
EPOCHS, PASSES = 400, 10
ORDERS = {"81": 1, "83": 3}

LITERAL = Astdp(sizes=(N, HIDDEN, N), dz="after", batch=1, free=0, clamped=160, alpha=0.0027)
AMENDED = replace(LITERAL, free=80, clamped=80, centred=True, eps_l=0.5, fake="none")
VARIANTS = {
    "amended": AMENDED,
    "amended, fake targets": replace(AMENDED, fake="listing", fake_average=0.02),
    "amended, not centred": replace(AMENDED, centred=False),
    "amended, eps as printed": replace(AMENDED, eps_l=0.4),
    "amended, no free phase": replace(AMENDED, free=0, clamped=160),
    "literal": LITERAL,
}


def states(config: Astdp, i: int) -> npt.NDArray[np.float64]:
    """Target states of pattern i for inputs and outputs, float64 (neurons,); unused for hidden neurons."""
    found = np.full(sum(config.sizes), config.low)
    found[[i, i - N]] = config.high
    return found


def trained(config: Astdp, order: str, seed: int, epochs: int = EPOCHS) -> Small:
    """Train a network on the patterns in an order, "81" or "83", for `epochs` rounds."""
    net, i = small(config, seed), 0
    inputs = np.r_[np.ones(N), np.zeros(HIDDEN + N)]
    both = np.r_[np.ones(N), np.zeros(HIDDEN), np.ones(N)]
    for _ in range(N * epochs):
        if config.free:
            net.run(states(config, i), inputs, config.free, config.alpha)
        net.run(states(config, i), both, config.clamped, config.alpha)
        i = (i + ORDERS[order]) % N
    return net


def accuracy(net: Small, order: str, iterations: int, passes: int = PASSES) -> float:
    """Percentage of patterns whose output neuron has the largest state after `iterations` per pattern."""
    inputs = np.r_[np.ones(N), np.zeros(HIDDEN + N)]
    i, right = 0, 0
    for n in range(N * (passes + 1)):
        net.run(states(net.config, i), inputs, iterations, 0.0)
        right += int(n >= N and net.s[0, -N:].argmax() == i)
        i = (i + ORDERS[order]) % N
    return 100 * right / (N * passes)


def compare(
    config: Astdp, seed: int, iterations: Sequence[int] = (160, 80, 40), epochs: int = EPOCHS
) -> dict[str, list[float]]:
    """Accuracies in % by "network order" (such as "81 83"), one value for each number of iterations."""
    nets = {order: trained(config, order, seed, epochs) for order in ORDERS}
    return {
        f"{name} {order}": [accuracy(net, order, n) for n in iterations]
        for name, net in nets.items()
        for order in ORDERS
    }


def gain(found: dict[str, list[float]], k: int) -> float:
    """Own order minus other order in points, mean of both networks, for the k-th number of iterations."""
    own = found["81 81"][k] + found["83 83"][k]
    return (own - found["81 83"][k] - found["83 81"][k]) / 2


def order_table(seeds: Sequence[int], epochs: int = EPOCHS) -> Table:
    """Table of own order, other order and their difference for every variant: tables 3 and 4."""
    rows: list[tuple[str, int, float, float, float, float]] = []
    data = {}
    rows += [("paper", 160, *_own_other(TABLE_3), 0.0), ("paper", 80, *_own_other(TABLE_4), 0.0)]
    for name, config in VARIANTS.items():
        runs = [compare(config, seed, epochs=epochs) for seed in seeds]
        data[name] = {key: [run[key] for run in runs] for key in runs[0]}
        for k, n in enumerate((160, 80, 40)):
            own = float(np.mean([(r["81 81"][k] + r["83 83"][k]) / 2 for r in runs]))
            gains = [gain(r, k) for r in runs]
            rows.append(
                (name, n, own, own - float(np.mean(gains)), float(np.mean(gains)), float(np.std(gains)))
            )
    return Table(
        "aSTDP, tables 3 and 4: accuracy (%) in the order of the training and in the other one",
        ("System", "Iterations", "Own order", "Other order", "Difference", "Spread"),
        tuple(rows),
        f"spikesim astdp order --seeds {len(seeds)}",
        f"Mean of network81 and network83 over {len(seeds)} seeds; {epochs} rounds of training, "
        f"{PASSES} of testing, {HIDDEN} hidden neurons, alpha {LITERAL.alpha}, states of -1/2 and +1/2 "
        "(the paper prints none of these).",
        data=data,
    )


def _own_other(table: dict[tuple[str, str], float]) -> tuple[float, float, float]:
    own = (table["81", "81"] + table["83", "83"]) / 2
    other = (table["81", "83"] + table["83", "81"]) / 2
    return own, other, own - other
