"""EMSTDP's CountRule in Brian2: weights are updated between trials, from the counts of the populations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.backends.brian2.inputs import Outside
from spikesim.backends.brian2.populations import LEARN, SLOT, Clockwork
from spikesim.errors import EngineError
from spikesim.learning import CountRule
from spikesim.network import Network
from spikesim.synapses import Conv2d

MASTERS = 2**32  # above the range of master weights
FLOAT64_EXACT = 2**53  # sums and products of integers below this are exact in float64
_COUNTS = {"first": "h_first_pre", "second": "h_second_pre", "all": "(h_first_pre + h_second_pre)"}
# Eq. 12, in counts of the master grid: the count products of a batch, the clip, and the acting weight.
_LEARN = """
total += {h_pre} * {h_post}
moved = master + due(t) * eta * total
inside = clip(moved, low, high)
cut += due(t) * int(moved != inside)
master += due(t) * (inside - master){decay}
total = (1 - due(t)) * total
w = floor(master * coarse + 0.5)
"""


# Weight decay, after the update.
_DECAY = "\nmaster -= decays(t) * sign(master) * floor(abs(master) * lost)"


def check_rules(net: Network, batch: int, factor: float) -> None:
    """Check that Brian2 can learn with equal results, bit for bit.

    Raises:
        EngineError: a normalised step, or a step that could leave the exact range of float64.
    """
    for p in net.plastic:
        rule = p.plastic
        if type(rule) is not CountRule:
            raise EngineError(
                f"brian2: {p.name} learns by {type(rule).__name__}; only CountRule has a translation. Use "
                f"the engine 'stepped' or 'naive', which support every rule"
            )
        if isinstance(p, Conv2d):
            raise EngineError(
                f"brian2: {p.name} is a Conv2d that learns: a kernel entry changes by a sum over all its "
                f"places, and Brian2's synapses each have a weight of their own. Use the engine 'windowed', "
                f"'stepped' or 'naive', or learn=False"
            )
        if rule.step != "plain":
            raise EngineError(
                f"brian2: {p.name} learns by a {rule.step} step, whose roots and divisions are rounded "
                f"differently by other simulators; equal results are guaranteed for spikesim's engines only. "
                f"Use step='plain', or the engine 'naive'"
            )
        first, last = net.window.span(rule.pre)
        reach = rule.eta_master(factor) * batch * (last - first) * net.window.T + MASTERS
        if reach >= FLOAT64_EXACT:
            raise EngineError(
                f"brian2: an update of {p.name} can reach {reach} counts of the master grid; float64 is "
                f"exact below 2**53. Ways out: a smaller eta ({rule.eta * factor:.4g} with the factor of the "
                f"schedule) or batch ({batch}), a shorter window ({net.window.T} steps)"
            )


def teach(
    clocks: Clockwork,
    groups: Mapping[str, Any],
    synapses: Mapping[str, Any],
    due: npt.NDArray[np.float64],
    factor: float,
    outside: Outside,
    learnt: int,
) -> None:
    """Add the weight updates of plastic projections to a run; call `check_rules` before.

    Args:
        clocks: the clocks of the run.
        groups: population -> its group.
        synapses: projection -> its Synapses.
        due: float64 (B + 1,), 1 at the borders at which the weights change.
        factor: factor of the learning rate schedule.
        outside: the external spikes, counted before the run.
        learnt: trials learnt before the run.
    """
    net, b2, length = clocks.network, clocks.b2, clocks.length * clocks.b2.second
    when = b2.TimedArray(due, dt=length, name="due_at_border")
    for p in net.plastic:
        rule = p.plastic
        low, high = rule.clip_master()
        values = {"low": float(low), "high": float(high), "eta": float(rule.eta_master(factor)), "due": when}
        bits = net.populations[p.post].grid
        values["coarse"] = 2.0 ** (bits - grid.MASTER_BITS)
        h_pre = _COUNTS[rule.pre]
        if p.pre in outside.events:
            h_pre = "h_given(t, i)"
            counts = outside.presynaptic(p.pre, rule.pre)
            values["h_given"] = b2.TimedArray(counts, dt=length, name=f"h_given_{net.projections.index(p)}")
        h_post = "(h_second_post - h_first_post)"
        if rule.error is not None:
            # the error neuron of a postsynaptic neuron has its index
            synapses[p.name].variables.add_reference(
                "h_error", groups[rule.error], "h_second", index="_postsynaptic_idx"
            )
            h_post = "h_error"
        if rule.ceiling is not None:
            values["ceiling"] = float(rule.ceiling)
            h_post = f"clip({h_post}, -1e300, ceiling - h_first_post)"
        decay = ""
        if rule.decay_every is not None:
            decay, values["lost"] = _DECAY, 2.0**-rule.decay_bits
            along = _decays(rule, due, factor, learnt)
            values["decays"] = b2.TimedArray(along, dt=length, name=f"decays_{net.projections.index(p)}")
        synapses[p.name].namespace.update(values)
        code = _LEARN.format(h_pre=h_pre, h_post=h_post, decay=decay)
        synapses[p.name].run_regularly(code, clock=clocks.border, when=SLOT, order=LEARN)


def _decays(
    rule: CountRule, due: npt.NDArray[np.float64], factor: float, learnt: int
) -> npt.NDArray[np.float64]:
    """1 at the borders at which weights decay, float64 (B + 1,)."""
    found, before = np.zeros_like(due), 0
    for border in np.flatnonzero(due):
        found[border] = rule.decays(learnt + before, learnt + int(border), factor)
        before = int(border)
    return found
