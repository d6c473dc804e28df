"""Translations of online rules to Brian2: one table.

A rule becomes statements of the pathways of the `Synapses` that also deliver its spikes, with the variables
of the rule once per synapse. In a step they run after all populations, in this order:

    leave     on both sides: a spike of window + 1 steps ago leaves a square window
    arrive    on_pre: a spike arrives, `delay` steps after it was sent
    fire      on_post: the neuron has fired
    every     in every step: the weights follow the eligibility, times the reward

The statements may use w, the weight in the numbers of the population (counts of its grid, or real numbers).
Traces decay by Brian2's own event-driven equations: over n steps by one exponential, where the rule
multiplies n factors. Both are rounded, so that weights agree to TOLERANCE; rules without exponentials agree
bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.engines.external_inputs import ExternalInputs
from spikesim.errors import EngineError
from spikesim.learning import STDP, Brian2STDP, RewardSTDP, SquareSTDP
from spikesim.learning.pairs import PairRule, TraceRule
from spikesim.network import Network
from spikesim.neurons.population import scaled

# Largest difference of learned weights, relative to the larger end of their clip range. With u = 2**-53, a
# trace after n steps has a relative error below 2 n u, so that with a spike in every step a trace of time
# constant tau is off by less than 2 tau**2 u, and a weight after k changes of amplitude a by less than
# k u (2 a tau**2 + 1): 1e-12 for 200 changes with a = .05, tau = 20. Errors of rounding rarely all add up.
TOLERANCE = 1e-12


class Fading(NamedTuple):
    """A variable of a rule that decays exponentially between spikes.

    Attributes:
        variable: its name in Brian2.
        side: the neuron that owns it: "pre", "post", or "" for a variable of each synapse.
        tau: its time constant, in steps.
        when: the variable of the rule that holds the step of its value; "" for none.
    """

    variable: str
    side: str
    tau: float
    when: str = ""


class Brian2Rule(NamedTuple):
    """The translation of an online rule to Brian2.

    Attributes:
        equations: the variables of a synapse beside w.
        arrive, fire: statements at the arrival of a presynaptic spike, and at a spike of the neuron.
        values: the numbers used in the statements, by name.
        late: steps from a spike of the neuron to `fire`.
        leave: steps after which a spike leaves a window; None without a window.
        left: with a window, the statements with which an arrival and a spike leave it.
        every: statements of every step, which may use signal(t); "" for none.
        signal: name of the external signal; "" for none.
        fading: name in the rule -> a variable that decays exponentially.
        exact: whether weights are equal bit for bit.
    """

    equations: str
    arrive: str
    fire: str
    values: Mapping[str, float]
    late: int = 0
    leave: int | None = None
    left: tuple[str, str] = ("", "")
    every: str = ""
    signal: str = ""
    fading: Mapping[str, Fading] = {}
    exact: bool = False

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables from which the traces after a run are made."""
        names = tuple(fading.variable for fading in self.fading.values())
        return (*names, "lastupdate") if names else ()


def _amounts(rule: PairRule, bits: int | None) -> dict[str, float]:
    """Amplitudes and clip range, in the numbers of the population."""
    names = {"a_plus": rule.a_plus, "a_minus": rule.a_minus, "low": rule.clip[0], "high": rule.clip[1]}
    return {name: float(scaled(value, bits)) for name, value in names.items()}


def _after(trace: str, pairing: str) -> str:
    """A trace after a spike: all pairs count, or the nearest one only."""
    return f"{trace} = 1" if pairing == "nearest" else f"{trace} = {trace} + 1"


def _decays(**taus: float) -> tuple[str, dict[str, float]]:
    """Event-driven equations of exponential traces, and the numbers in them."""
    lines = (f"d{name}/dt = -{name} / (tau_{name} * second) : 1 (event-driven)" for name in taus)
    return "\n".join(lines), {f"tau_{name}": float(tau) for name, tau in taus.items()}


def _pairs(rule: TraceRule) -> dict[str, Fading]:
    return {"x": Fading("x", "pre", rule.tau_plus), "y": Fading("y", "post", rule.tau_minus)}


def _stdp(rule: TraceRule, bits: int | None) -> Brian2Rule:
    equations, taus = _decays(x=rule.tau_plus, y=rule.tau_minus)
    return Brian2Rule(
        equations,
        f"w = clip(w - a_minus * y, low, high)\n{_after('x', rule.pairing)}",
        f"w = clip(w + a_plus * x, low, high)\n{_after('y', rule.pairing)}",
        _amounts(rule, bits) | taus,
        fading=_pairs(rule),
    )


def _stdp_of_brian2(rule: Brian2STDP, bits: int | None) -> Brian2Rule:
    """A spike of the neuron reaches the synapse one step late; see `spikesim.learning.brian2_stdp`."""
    return _stdp(rule, bits)._replace(late=1)


def _reward_stdp(rule: RewardSTDP, bits: int | None) -> Brian2Rule:
    equations, taus = _decays(x=rule.tau_plus, y=rule.tau_minus, eligible=rule.tau_e)
    return Brian2Rule(
        equations,
        f"eligible = eligible - a_minus * y\n{_after('x', rule.pairing)}",
        f"eligible = eligible + a_plus * x\n{_after('y', rule.pairing)}",
        _amounts(rule, bits) | taus | {"eta": float(rule.eta)},
        every="now = eligible * exp((lastupdate - t) / (tau_eligible * second))\n"
        "w = clip(w + eta * signal(t) * now, low, high)",
        signal=rule.signal,
        fading=_pairs(rule) | {"e": Fading("eligible", "", rule.tau_e, "when")},
    )


def _square_stdp(rule: SquareSTDP, bits: int | None) -> Brian2Rule:
    count = "clip({0}, 0, 1)" if rule.pairing == "nearest" else "{0}"
    return Brian2Rule(
        "arrived : 1\nspiked : 1",
        f"w = clip(w - a_minus * {count.format('spiked')}, low, high)\narrived = arrived + 1",
        f"w = clip(w + a_plus * {count.format('arrived')}, low, high)\nspiked = spiked + 1",
        _amounts(rule, bits),
        leave=rule.window + 1,
        left=("arrived = arrived - 1", "spiked = spiked - 1"),
        exact=True,
    )


TRANSLATIONS: dict[type, Callable[[Any, int | None], Brian2Rule]] = {
    STDP: _stdp,
    SquareSTDP: _square_stdp,
    RewardSTDP: _reward_stdp,
    Brian2STDP: _stdp_of_brian2,
}


def translated(network: Network) -> dict[str, Brian2Rule]:
    """The translations of all online rules: projection -> its rule.

    Raises:
        EngineError: a rule has no translation.
    """
    found = {}
    for p in network.online:
        translate = TRANSLATIONS.get(type(p.plastic))
        if translate is None:
            known = ", ".join(sorted(kind.__name__ for kind in TRANSLATIONS))
            raise EngineError(
                f"brian2: {p.name} learns by {type(p.plastic).__name__}, a rule without a translation; "
                f"brian2 supports {known}. A translation is an entry of "
                f"spikesim.backends.brian2.learning.TRANSLATIONS. Use learn=False (constant weights), or the "
                f"engine 'stepped' or 'naive', which support every registered rule"
            )
        found[p.name] = translate(p.plastic, network.populations[p.post].grid)
    return found


def signal_of(rule: Brian2Rule, external: ExternalInputs) -> npt.NDArray[np.float64]:
    """The signal of a rule in every step of the run and at its two borders, float64 (steps + 2,)."""
    values = np.zeros(external.steps + 2)
    values[1:-1] = external.signals[rule.signal]
    return values
