"""Parts shared by pair-based rules: parameter checks and traces.

A trace decays by a factor of exp(-1 / tau) per step; a spike adds 1 to it (all pairs count), or sets it to 1
(only the nearest spike counts; Morrison, Diesmann & Gerstner 2008, "Phenomenological models of synaptic
plasticity based on spike timing", section 4.1.2).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

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


def check(rule: Any) -> None:
    """Check the parameters shared by pair-based rules: amplitudes, time constants, pairing, clip range.

    Raises:
        DeclarationError: names the field, its value and the allowed range.
    """
    kind = type(rule).__name__
    plain_fields(rule)
    for name in ("a_plus", "a_minus"):
        if not np.isfinite(getattr(rule, name)):
            raise DeclarationError(f"{kind}: {name} = {getattr(rule, name)!r}; a finite amplitude is needed")
    for name in ("tau_plus", "tau_minus", "tau_e"):
        tau = getattr(rule, name, 1.0)
        if not (np.isfinite(tau) and tau > 0):
            raise DeclarationError(f"{kind}: {name} = {tau!r}; a time constant > 0, in steps, is needed")
    if rule.pairing not in PAIRINGS:
        raise DeclarationError(f"{kind}: {unknown('pairing', rule.pairing, PAIRINGS)}")
    low, high = rule.clip
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise DeclarationError(f"{kind}: clip = {rule.clip!r}; finite numbers low < high are needed")


def amounts(rule: Any) -> Amounts:
    """The kernel parameters of a rule with exponential traces."""
    kept = (float(np.exp(-1.0 / rule.tau_plus)), float(np.exp(-1.0 / rule.tau_minus)))
    return Amounts(
        float(rule.a_plus), float(rule.a_minus), *kept, rule.pairing == "nearest", *map(float, rule.clip)
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
