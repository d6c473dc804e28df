"""Projections as Brian2 Synapses; plastic ones are updated between trials.

A spike is sent directly after the reset of its population, and arrives after Brian2's delay. A population
later in the order receives it in the same step. One that has already been updated receives it in the next
step, so Brian2's delay is one step shorter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.backends.brian2.inputs import Outside
from spikesim.backends.brian2.populations import LEARN, SEND, SLOT, Clockwork, drives
from spikesim.errors import EngineError
from spikesim.learning import CountRule
from spikesim.network import Masters, Network
from spikesim.network.scheduling import is_source
from spikesim.neurons.population import scaled
from spikesim.synapses.delivery import Edges

MASTERS = 2**32  # above the range of master weights
FLOAT64_EXACT = 2**53  # sums and products of integers below this are exact in float64
_COUNTS = {"first": "h_first_pre", "second": "h_second_pre", "all": "(h_first_pre + h_second_pre)"}
_PLASTIC = """
w : 1
master : 1
total : 1
cut : 1
"""
# Eq. 12, in counts of the master grid: the count products of a batch, the clip, and the acting weight.
_LEARN = """
total += {h_pre} * (h_second_post - h_first_post)
moved = master + due(t) * eta * total
inside = clip(moved, low, high)
cut += due(t) * int(moved != inside)
master += due(t) * (inside - master)
total = (1 - due(t)) * total
w = floor(master * coarse + 0.5)
"""


def projections(
    clocks: Clockwork, groups: Mapping[str, Any], masters: Masters, weights: Mapping[str, Any]
) -> dict[str, Any]:
    """A Synapses object for each projection; a transpose reads the weights of the transposed projection.

    Args:
        clocks: the clocks of the run.
        groups: population -> its group.
        masters: the plastic weights on the master grid.
        weights: projection -> its current weights, in the unit of the threshold.
    """
    net, found = clocks.network, {}
    following = {p.name: p.follows for p in net.projections if p.follows is not None}
    learning = {p.name for p in net.plastic}
    for p in net.projections:
        if following.get(p.name) in learning:
            continue
        e = p.edges(weights[p.name])
        if not len(e.pre):
            continue
        model = _PLASTIC if p.name in learning else "w : 1 (constant)"
        synapses = found[p.name] = _synapses(clocks, groups, p, model, e)
        bits = net.populations[p.post].grid
        synapses.w = scaled(e.w, bits).astype(np.float64)
        if p.name in learning:
            synapses.master = masters[p.name].ravel().astype(np.float64)
    for p in net.projections:
        if following.get(p.name) in learning:
            found[p.name] = _transposed(clocks, groups, p, found[following[p.name]])
    return found


def _transposed(clocks: Clockwork, groups: Mapping[str, Any], p: Any, forward: Any) -> Any:
    """The Synapses of a transpose: synapse (a, b) reads the current weight of the forward synapse (b, a)."""
    n_pre, n_post = clocks.network.shape(p)
    e = p.edges(np.zeros((n_pre, n_post)))
    synapses = _synapses(clocks, groups, p, "mirror : integer (constant)", e)
    synapses.mirror = np.arange(n_pre * n_post).reshape(n_post, n_pre).T.ravel()
    synapses.variables.add_reference("w", forward, "w", index="mirror")
    return synapses


def _synapses(clocks: Clockwork, groups: Mapping[str, Any], p: Any, model: str, e: Edges) -> Any:
    b2, net = clocks.b2, clocks.network
    late = net.order.index(p.post) <= net.order.index(p.pre)
    events = {"spike": "+="} if is_source(net.populations[p.pre]) else {"plus": "+=", "minus": "-="}
    events = {event: sign for event, sign in events.items() if event in groups[p.pre].events}
    uniform = bool((e.delay == e.delay[0]).all())
    first = int(e.delay.flat[0]) - late
    post = net.populations[p.post]
    drive = drives(post)[post.description.receptor(p.receptor)]
    synapses = b2.Synapses(
        groups[p.pre],
        groups[p.post],
        model,
        on_pre={event: f"{drive}_post {sign} w" for event, sign in events.items()},
        on_event={event: event for event in events},
        delay=dict.fromkeys(events, first * b2.second) if uniform else None,
        namespace={},
        clock=clocks.step,
        name=f"projection_{net.projections.index(p)}",
    )
    synapses.connect(i=e.pre, j=e.post)
    for event in events:
        pathway = getattr(synapses, event)
        pathway.when, pathway.order = SLOT, clocks.order(p.pre, SEND)
        if not uniform:
            pathway.delay = (e.delay - late) * b2.second
    return synapses


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
    synapses: Mapping[str, Any],
    due: npt.NDArray[np.float64],
    factor: float,
    outside: Outside,
) -> None:
    """Add the weight updates of plastic projections to a run; call `check_rules` before.

    Args:
        clocks: the clocks of the run.
        synapses: projection -> its Synapses.
        due: float64 (B + 1,), 1 at the borders at which the weights change.
        factor: factor of the learning rate schedule.
        outside: the external spikes, counted before the run.
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
        synapses[p.name].namespace.update(values)
        code = _LEARN.format(h_pre=h_pre)
        synapses[p.name].run_regularly(code, clock=clocks.border, when=SLOT, order=LEARN)
