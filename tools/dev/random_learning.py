"""Random networks that learn in every step, a function of a seed, with their inputs and reward.

    drawn = learning(7)        its rules are those of KINDS[7 % 6]

Several projections with rules of their own parameters, dense and sparse, in every direction (several from one
population, onto itself, back), with delays; transposes that follow them; fixed projections of every kind,
receptors, sources, generators and drives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.learning import STDP, Brian2STDP, RewardSTDP, SquareSTDP
from spikesim.network import Network
from spikesim.neurons import LIF, AdaptiveLIF, TwoCurrentLIF
from spikesim.neurons.decay import DECAY_UNIT
from spikesim.synapses import Dense, Sparse
from spikesim.tools.dev.random_networks import drives_of, sender, spikes
from spikesim.tools.dev.random_parameters import heterogeneous
from spikesim.tools.dev.random_projections import Draw, connect, on_grid, scale_of

STEPS = 120
KINDS = ("STDP", "RewardSTDP", "SquareSTDP", "SquareSTDP on a grid", "Brian2STDP", "several rules")


@dataclass(frozen=True)
class Learning:
    """A network that learns in every step, and what it is given.

    Attributes:
        seed: of which it is a function.
        kind: one of KINDS.
        network: the declaration.
        inputs: source -> Spikes, CurrentInput -> float64, as `simulate` takes them.
        signals: name -> float64 (steps,).
        steps: number of steps.
    """

    seed: int
    kind: str
    network: Network
    inputs: dict[str, Any] = field(repr=False)
    signals: dict[str, npt.NDArray[np.float64]] = field(repr=False)
    steps: int = STEPS

    @property
    def exact(self) -> bool:
        """Whether all numbers are on a grid, so that every simulator gives the same bits."""
        return self.kind == "SquareSTDP on a grid"


def learning(seed: int, largest: int = 8, longest_delay: int = 3, steps: int = STEPS) -> Learning:
    """The network of a seed; populations of up to `largest` neurons."""
    d, kind = Draw(np.random.default_rng([seed, 14]), largest, longest_delay), KINDS[seed % len(KINDS)]
    bits = d.count(6, 12) if kind == "SquareSTDP on a grid" else None
    for k in range(d.count(1, 2)):
        d.populations[f"s{k}"] = sender(d)
    for k in range(d.count(2, 4)):
        _add(d, f"p{k}", kind, bits)
    drives, currents = drives_of(d, steps)
    network = Network(d.shuffled(), tuple(d.projections), drives=drives)
    inputs = {name: spikes(d, 1, steps, d.populations[name].n) for name in network.sources}
    names = {p.plastic.signal for p in network.online} - {""}
    signals = {
        name: np.where(d.rs.random(steps) < 0.3, d.rs.normal(size=steps), 0.0) for name in sorted(names)
    }
    return Learning(seed, kind, network, {**inputs, **currents}, signals, steps)


def _add(d: Draw, name: str, kind: str, bits: int | None) -> None:
    """A population, with projections that learn from those before and back, and fixed ones."""
    before = tuple(d.populations)
    n = d.count(2, d.largest)
    d.shapes[name] = (1, 1, n)
    d.populations[name] = _neurons(d, n, bits)
    for pre in dict.fromkeys((d.one_of(*before), *(p for p in before if d.chance(0.4)))):
        _learns(d, pre, name, kind, d.count(0, d.longest_delay))
    if d.chance(0.4):
        _learns(d, name, name, kind, d.count(1, d.longest_delay))
    for earlier in before:
        if earlier in d.shapes and d.chance(0.3):
            _learns(d, name, earlier, kind, d.count(1, d.longest_delay))
        if earlier in d.shapes and d.chance(0.3):
            connect(d, name, earlier, d.count(1, d.longest_delay))  # often a transpose
    if d.chance(0.5):
        connect(d, d.one_of(*before), name, d.count(0, d.longest_delay))


def _neurons(d: Draw, n: int, bits: int | None) -> Any:
    """Leaky, adaptive neurons, or neurons with two receptors; half of them with parameters of their own."""
    theta = float(on_grid(d.rs.uniform(0.7, 1.5), bits))
    common: dict[str, Any] = {"n": n, "theta": theta, "grid": bits, "v_decay": _decay(d, bits, 0.02, 0.5)}
    common["bias"] = float(on_grid(d.rs.uniform(0, 0.2) * theta, bits)) if d.chance(0.5) else 0.0
    common["floor"] = float(on_grid(-2 * theta, bits)) if d.chance(0.5) else None
    common["refractory"] = d.count(1, 2) if d.chance(0.3) else 0
    model = d.count(0, 3)
    if model == 0:
        jump = float(on_grid(d.rs.uniform(0.1, 0.5) * theta, bits))
        made: Any = AdaptiveLIF(**common, a_jump=jump, a_decay=_decay(d, bits, 0.05, 0.5))
    elif model == 1:
        made = TwoCurrentLIF(**common, exc_decay=_decay(d, bits, 0.3, 1), inh_decay=_decay(d, bits, 0.3, 1))
    else:
        reset = d.one_of("value", "subtract")
        made = LIF(**common, u_decay=d.one_of(1.0, _decay(d, bits, 0.3, 1)), reset=reset)
    return heterogeneous(made, d.rs) if d.chance(0.5) else made


def _decay(d: Draw, bits: int | None, low: float, high: float) -> float:
    decay = d.rs.uniform(low, high)
    return float(decay if bits is None else np.ceil(decay * DECAY_UNIT) / DECAY_UNIT)


def _learns(d: Draw, pre: str, post: str, kind: str, delay: int) -> None:
    """A projection that learns, dense or sparse, from weak to strong enough to drive a neuron."""
    population = d.populations[post]
    n_pre, n_post = d.populations[pre].n, population.n
    options: dict[str, Any] = {"delay": delay, "name": f"{pre}->{post} {len(d.projections)}"}
    if receptors := population.description.receptors:
        options["receptor"] = d.one_of(None, *receptors)
    scale = scale_of(population) / np.sqrt(n_pre)
    dense = d.chance(0.6)
    counts = np.full(n_pre, n_post) if dense else d.rs.integers(0, n_post + 1, n_pre)
    low = -0.3 if d.chance(0.3) else 0.1
    w = on_grid(d.rs.uniform(low, 1.2, int(counts.sum())) * scale, population.grid)
    rule = _rule(d, kind, population.grid, scale, w)
    if dense:
        d.projections.append(Dense(pre, post, w.reshape(n_pre, n_post), plastic=rule, **options))
        return
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    indices = d.rs.integers(0, n_post, len(w)).astype(np.int32)  # two between the same neurons among them
    d.projections.append(Sparse(pre, post, indptr, indices, w, plastic=rule, **options))


def _rule(d: Draw, kind: str, bits: int | None, scale: float, w: npt.NDArray[np.float64]) -> Any:
    """A rule of the kind, whose clip range holds the weights and stops some of them."""
    step = 0.0 if bits is None else 2.0**-bits
    plus, minus = (max(float(on_grid(a * scale, bits)), step) for a in d.rs.uniform(0.01, 0.2, 2))
    signs = -1.0 if d.chance(0.15) else 1.0
    ends = (min(w.min(initial=0), 0) - step, max(w.max(initial=scale), scale) * d.rs.uniform(1, 1.5) + step)
    low, high = (float(x) for x in on_grid(ends, bits))
    common: dict[str, Any] = {
        "a_plus": plus * signs,
        "a_minus": minus * signs,
        "clip": (low, high),
        "pairing": d.one_of("all", "nearest"),
    }
    taus: dict[str, Any] = {"tau_plus": d.rs.uniform(2, 30), "tau_minus": d.rs.uniform(2, 30)}
    chosen = d.one_of("STDP", "RewardSTDP", "SquareSTDP", "Brian2STDP") if kind == "several rules" else kind
    if chosen == "STDP":
        return STDP(**common, **taus)
    if chosen == "Brian2STDP":
        return Brian2STDP(**common, **taus)
    if chosen == "RewardSTDP":
        return RewardSTDP(**common, **taus, eta=d.rs.uniform(0.2, 1), tau_e=d.rs.uniform(5, 80))
    return SquareSTDP(**common, window=d.count(1, 12))
