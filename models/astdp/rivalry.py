"""Figs. 3 and 4: binocular rivalry and adaptation, in a network of 4 input and 8 hidden neurons.

The network learns four one-hot patterns. If two of them are clamped at once, it alternates between them as
long as fake targets move it from one state to the other (section 3.2.2). When a pattern is replaced by
another one, inertia carries neurons beyond their new resting state (section 3.2.2, "neural adaptation").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.files.measured_table import Table
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.toy_network import Small, small

Float64 = npt.NDArray[np.float64]
N, HIDDEN = 4, 8
EPOCHS, ITERATIONS, LONG = 300, 160, 2500
MARGIN, SMOOTH = 0.1, 5

# The paper prints k = 50, t_c = 0.25 and no other number for this experiment.
RIVALRY = Astdp(
    sizes=(N, HIDDEN),
    dz="after",
    output=False,
    batch=1,
    free=0,
    alpha=0.007,
    fake="square",
    fake_average=0.02,
    inertia=0.5,
)
VARIANTS = {
    "P = k dz^2 / dz_m (eq. 18)": RIVALRY,
    "|dz| > u k dz_m (the listing)": replace(RIVALRY, fake="listing"),
    "the listing with k = 1": replace(RIVALRY, fake="listing", fake_k=1.0),
    "eq. 18, no inertia": replace(RIVALRY, inertia=1.0),
    "eq. 18, t_c = 0.5": replace(RIVALRY, fake_target=0.5),
    "no fake targets": replace(RIVALRY, fake="none"),
}


def pattern(config: Astdp, *ones: int) -> Float64:
    """Target states with the given inputs on, float64 (neurons,); unused for hidden neurons."""
    found = np.zeros(sum(config.sizes))
    found[:N] = config.low
    found[list(ones)] = config.high
    return found


def pulls(config: Astdp) -> Float64:
    """Mask of the neurons at which data pull, float64 (neurons,): 1 for inputs, 0 for hidden neurons."""
    return np.r_[np.ones(N), np.zeros(sum(config.sizes) - N)]


def trained(config: Astdp, seed: int, epochs: int = EPOCHS) -> Small:
    """Train a network on the four patterns in turn, `ITERATIONS` iterations each."""
    net = small(config, seed)
    for n in range(N * epochs):
        net.run(pattern(config, n % N), pulls(config), ITERATIONS, config.alpha)
    return net


def recalled(net: Small) -> float:
    """Fraction of the patterns whose input neuron has the largest state at the end of a trial."""
    right = 0
    for i in range(N):
        trace = net.run(pattern(net.config, i), pulls(net.config), ITERATIONS, 0.0, traced=True)
        right += int(trace[-40:, 0, :N].mean(axis=0).argmax() == i)
    return right / N


def rivalry(net: Small, steps: int = LONG) -> Float64:
    """States while the first two patterns are clamped together, float64 (steps, network, neuron)."""
    return net.run(pattern(net.config, 0, 1), pulls(net.config), steps, 0.0, traced=True)


def switches(trace: Float64) -> int:
    """Number of times that the dominant one of the two inputs changes.

    A change is a crossing of the difference s_0 - s_1 of the first network, as a running mean over `SMOOTH`
    steps, from above +MARGIN to below -MARGIN or back. Smaller fluctuations are not counted.
    """
    difference = np.convolve(trace[:, 0, 0] - trace[:, 0, 1], np.ones(SMOOTH) / SMOOTH, "valid")
    leads = np.sign(difference) * (np.abs(difference) > MARGIN)
    leads = leads[leads != 0]
    return int(np.count_nonzero(np.diff(leads)))


def overshoot(net: Small, steps: int = ITERATIONS, repeats: int = 20) -> tuple[float, float, Float64]:
    """Overshoot of an input neuron beyond its resting state when its pattern is switched on and off.

    Two patterns alternate; traces are averaged over the repeats, to average out single fake targets.

    Returns:
        The overshoot after switching on and after switching off, as fractions of the distance between the two
        resting states, and the mean trace after switching on, float64 (steps, network, neuron).
    """
    net.run(pattern(net.config, 0), pulls(net.config), steps, 0.0)
    rise, fall = [], []
    for _ in range(repeats):
        rise.append(net.run(pattern(net.config, 1), pulls(net.config), steps, 0.0, traced=True))
        fall.append(net.run(pattern(net.config, 0), pulls(net.config), steps, 0.0, traced=True))
    up, down = np.mean(rise, axis=0), np.mean(fall, axis=0)
    return _beyond(down[:, 0, 1], up[:, 0, 1]), _beyond(up[:, 0, 1], down[:, 0, 1]), up


def _beyond(before: Float64, after: Float64) -> float:
    """Overshoot of `after` beyond its resting state (the mean of its last half), relative to the distance."""
    rest, start = after[len(after) // 2 :].mean(), before[len(before) // 2 :].mean()
    way = rest - start
    return max(float(((after[: len(after) // 2] - rest) * np.sign(way)).max() / abs(way)), 0.0)


def rivalry_table(seeds: Sequence[int], epochs: int = EPOCHS) -> Table:
    """Table of switches within 2,500 iterations by seed, for each form of the fake target."""
    rows, data = [], {}
    for name, config in VARIANTS.items():
        nets = [trained(config, seed, epochs) for seed in seeds]
        right = [recalled(net) for net in nets]
        counts = [switches(rivalry(net)) for net in nets]
        listed = ", ".join(map(str, counts))
        rows.append(
            (name, listed, float(np.median(counts)), sum(n > 0 for n in counts), 100 * float(np.mean(right)))
        )
        data[name] = {"switches": counts, "recalled": right}
    return Table(
        "aSTDP, fig. 3: binocular rivalry, switches within 2,500 iterations",
        ("Fake targets", "Switches by seed", "Median", "Seeds that switch", "Patterns recalled (%)"),
        tuple(rows),
        f"spikesim astdp rivalry --seeds {len(seeds)}",
        f"4 inputs, 8 hidden neurons, {epochs} passes of {ITERATIONS} iterations, alpha "
        f"{RIVALRY.alpha}, inputs of -1/2 and +1/2. A switch: the difference of the two inputs crosses "
        "from beyond 0.1 to beyond -0.1 or back, as a running mean over 5 steps. The paper shows a "
        "picture and no count.",
        data=data,
    )


def adaptation_table(seeds: Sequence[int], epochs: int = EPOCHS) -> Table:
    """Table of overshoots with and without fake targets and inertia, for the same trained networks."""
    kinds: dict[str, dict[str, Any]] = {
        "inertia and fake targets": {},
        "inertia alone": {"fake": "none"},
        "fake targets alone": {"inertia": 1.0},
        "neither": {"fake": "none", "inertia": 1.0},
    }
    rows, data = [], {}
    nets = [trained(RIVALRY, seed, epochs) for seed in seeds]
    for name, changed in kinds.items():
        ups, downs = [], []
        for net in nets:
            twin = small(replace(RIVALRY, **changed), net.seed)
            twin.w[...], twin.b[...] = net.w, net.b
            up, down, _ = overshoot(twin)
            ups.append(up)
            downs.append(down)
        rows.append((name, 100 * float(np.mean(ups)), 100 * float(np.mean(downs)), 100 * float(np.std(ups))))
        data[name] = {"up": ups, "down": downs}
    return Table(
        "aSTDP, fig. 4: overshoot of an input neuron when its pattern comes and goes, in % of its way",
        ("Inference with", "Switched on", "Switched off", "Spread (on)"),
        tuple(rows),
        f"spikesim astdp adaptation --seeds {len(seeds)}",
        "Mean over seeds, each the mean of 20 repeats; the way is the distance between the two "
        "resting states. The paper shows a picture and no number.",
        data=data,
    )
