"""Figs. 3 and 4: binocular rivalry and adaptation, in a network of 4 input and 8 hidden neurons.

The network learns four one-hot patterns. Shown two of them at once, it goes back and forth between them as
long as fake targets throw it out of one state into the other (section 3.2.2). When a pattern is replaced by
another one, inertia carries neurons beyond where they come to rest (section 3.2.2, "neural adaptation").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from spikesim.hopfield.astdp import Astdp
from spikesim.hopfield.astdp_small import Small, small
from spikesim.tables import Table

Float64 = npt.NDArray[np.float64]
N, HIDDEN = 4, 8
EPOCHS, ITERATIONS, LONG = 300, 160, 2500
MARGIN, SMOOTH = 0.1, 5

# The paper prints k = 50, t_c = 0.25 and no other number for this experiment.
RIVALRY = Astdp(
    sizes=(N, HIDDEN),
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
    """Target states with the given inputs on: float64 (neurons,); hidden neurons have none."""
    found = np.zeros(sum(config.sizes))
    found[:N] = config.low
    found[list(ones)] = config.high
    return found


def pulls(config: Astdp) -> Float64:
    """Where data pull: at the input neurons."""
    return np.r_[np.ones(N), np.zeros(sum(config.sizes) - N)]


def trained(config: Astdp, seed: int, epochs: int = EPOCHS) -> Small:
    """A network that has learnt the four patterns, one after another, `ITERATIONS` each."""
    net = small(config, seed)
    for n in range(N * epochs):
        net.run(pattern(config, n % N), pulls(config), ITERATIONS, config.alpha)
    return net


def recalled(net: Small) -> float:
    """Share of the patterns whose input neuron is the largest one at the end of a presentation."""
    right = 0
    for i in range(N):
        trace = net.run(pattern(net.config, i), pulls(net.config), ITERATIONS, 0.0, traced=True)
        right += int(trace[-40:, 0, :N].mean(axis=0).argmax() == i)
    return right / N


def rivalry(net: Small, steps: int = LONG) -> Float64:
    """States while the first two patterns are shown together, (steps, network, neuron)."""
    return net.run(pattern(net.config, 0, 1), pulls(net.config), steps, 0.0, traced=True)


def switches(trace: Float64) -> int:
    """How often the leading one of the two inputs changes.

    The difference s_0 - s_1 of the first network, a running mean over `SMOOTH` steps, has to cross from beyond
    +MARGIN to beyond -MARGIN, or back: small noise does not count.
    """
    difference = np.convolve(trace[:, 0, 0] - trace[:, 0, 1], np.ones(SMOOTH) / SMOOTH, "valid")
    leads = np.sign(difference) * (np.abs(difference) > MARGIN)
    leads = leads[leads != 0]
    return int(np.count_nonzero(np.diff(leads)))


def overshoot(net: Small, steps: int = ITERATIONS) -> tuple[float, float, Float64]:
    """How far neurons go beyond their resting state after a pattern is replaced by the next.

    Returns:
        The largest overshoot of an input or hidden neuron that rises and of one that falls, in shares of the
        way that it goes (neurons that go less than 0.1 do not count), and the trace (steps, network, neuron).
    """
    net.run(pattern(net.config, 0), pulls(net.config), 4 * steps, 0.0)
    start = net.s[0].copy()
    trace = net.run(pattern(net.config, 1), pulls(net.config), steps, 0.0, traced=True)
    states = trace[:, 0]
    rest = states[-steps // 4 :].mean(axis=0)
    way = rest - start
    best = {1: 0.0, -1: 0.0}
    for i in np.flatnonzero(np.abs(way) > 0.1):
        sign = 1 if way[i] > 0 else -1
        best[sign] = max(best[sign], float((sign * (states[:, i] - rest[i])).max() / abs(way[i])))
    return best[1], best[-1], trace


def rivalry_table(seeds: Sequence[int], epochs: int = EPOCHS) -> Table:
    """Switches within 2,500 iterations by seed, for the forms of the fake target."""
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
        f"4 inputs, 8 hidden neurons, {epochs} passes of {ITERATIONS} iterations, alpha {RIVALRY.alpha}, inputs of "
        "-1/2 and +1/2. A switch: the difference of the two inputs crosses from beyond 0.1 to beyond -0.1 or "
        "back, as a running mean over 5 steps. The paper shows a picture and no count.",
        data=data,
    )


def adaptation_table(seeds: Sequence[int], epochs: int = EPOCHS) -> Table:
    """Overshoot with and without fake targets and inertia; all four act on one and the same trained network."""
    kinds = {
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
        "aSTDP, fig. 4: overshoot after a pattern is replaced, largest neuron, in % of its way",
        ("Inference with", "Neurons that rise", "Neurons that fall", "Spread (rise)"),
        tuple(rows),
        f"spikesim astdp adaptation --seeds {len(seeds)}",
        "Mean over seeds; the way of a neuron is the distance between its two resting states. The paper shows a "
        "picture and no number.",
        data=data,
    )
