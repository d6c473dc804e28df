"""Parts shared by pair-based rules: parameter checks and traces.

A trace decays by a factor of exp(-1 / tau) per step; a spike adds 1 to it (all pairs count), or sets it to 1
(only the nearest spike counts; Morrison, Diesmann & Gerstner 2008, "Phenomenological models of synaptic
plasticity based on spike timing", section 4.1.2).
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

import numpy as np

from spikesim._jit import inline
from spikesim.errors import DeclarationError, unknown
from spikesim.files.plain_values import plain_fields
from spikesim.learning.online import Layout, Numbers, Traces

Pairing = Literal["all", "nearest"]
PAIRINGS = ("all", "nearest")


class Amounts(NamedTuple):
    """The parameters of a rule for its kernel; `x_kept` is the factor by which a trace decays in a step."""

    a_plus: float
    a_minus: float
    x_kept: float
    y_kept: float
    nearest: bool
    low: float
    high: float


class PairRule(Protocol):
    """What every pair-based rule declares: amplitudes, clip range, pairing."""

    @property
    def a_plus(self) -> float:
        """Change by a pair whose arrival is the earlier spike."""
        ...

    @property
    def a_minus(self) -> float:
        """Change, with the sign turned, by a pair whose arrival is the later spike."""
        ...

    @property
    def clip(self) -> tuple[float, float]:
        """Range of the weights."""
        ...

    @property
    def pairing(self) -> Pairing:
        """Which pairs count."""
        ...


class TraceRule(PairRule, Protocol):
    """A pair-based rule with exponential traces."""

    @property
    def tau_plus(self) -> float:
        """Time constant of the trace of arrivals, in steps."""
        ...

    @property
    def tau_minus(self) -> float:
        """Time constant of the trace of the neuron's spikes, in steps."""
        ...


def check(rule: PairRule) -> None:
    """Check the parameters shared by pair-based rules: amplitudes, pairing, clip range.

    Raises:
        DeclarationError: names the field, its value and the allowed range.
    """
    kind = type(rule).__name__
    plain_fields(rule)
    for name, amplitude in (("a_plus", rule.a_plus), ("a_minus", rule.a_minus)):
        if not np.isfinite(amplitude):
            raise DeclarationError(f"{kind}: {name} = {amplitude!r}; a finite amplitude is needed")
    if rule.pairing not in PAIRINGS:
        raise DeclarationError(f"{kind}: {unknown('pairing', rule.pairing, PAIRINGS)}")
    low, high = rule.clip
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise DeclarationError(f"{kind}: clip = {rule.clip!r}; finite numbers low < high are needed")


def check_time_constants(kind: str, **taus: float) -> None:
    """Check the time constants of a rule.

    Args:
        kind: name of the rule.
        taus: time constants in steps, by the names of their fields.

    Raises:
        DeclarationError: names the field and its value.
    """
    for name, tau in taus.items():
        if not (np.isfinite(tau) and tau > 0):
            raise DeclarationError(f"{kind}: {name} = {tau!r}; a time constant > 0, in steps, is needed")


def amounts(rule: TraceRule) -> Amounts:
    """The kernel parameters of a rule with exponential traces."""
    kept = (float(np.exp(-1.0 / rule.tau_plus)), float(np.exp(-1.0 / rule.tau_minus)))
    low, high = rule.clip
    return Amounts(
        float(rule.a_plus), float(rule.a_minus), *kept, rule.pairing == "nearest", float(low), float(high)
    )


def initial_traces(layout: Layout) -> Traces:
    """The initial traces x, float64 (n_pre,), and y, float64 (n_post,): 0."""
    return {"x": np.zeros(len(layout.rows) - 1), "y": np.zeros(len(layout.columns) - 1)}


def after_spikes(trace: Numbers, fired: Numbers, nearest: bool) -> Numbers:
    """A trace after the spikes of a step: the reference implementation."""
    return np.where(fired, 1.0 if nearest else trace + 1.0, trace)


@inline
def mark(trace, fired, nearest):  # type: ignore[no-untyped-def]
    """`after_spikes` in place, for the neurons `fired`."""
    for k in range(fired.size):
        trace[fired[k]] = 1.0 if nearest else trace[fired[k]] + 1.0
