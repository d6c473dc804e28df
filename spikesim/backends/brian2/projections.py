"""Projections as Brian2 Synapses; plastic ones are updated between trials.

A spike is sent directly after the reset of its population, and arrives after Brian2's delay. A population
later in the order receives it in the same step. One that has already been updated receives it in the next
step, so Brian2's delay is one step shorter. Where the weights learn in every step, such a spike is delivered
at the beginning of the step in which it acts: after the learning of the step before.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from spikesim.backends.brian2.learning import Brian2Rule, signal_of
from spikesim.backends.brian2.populations import DELIVER, SEND, SLOT, Clockwork, drives
from spikesim.engines.external_inputs import ExternalInputs
from spikesim.network import Masters
from spikesim.network.scheduling import is_source
from spikesim.neurons.population import scaled
from spikesim.synapses import Conv2d
from spikesim.synapses.delivery import Edges

FORGET, ARRIVE, FIRE, REWARD = 0, 1, 2, 3  # the order of online learning in a step, after all populations
_PLASTIC = """
w : 1
master : 1
total : 1
cut : 1
"""


def projections(
    clocks: Clockwork,
    groups: Mapping[str, Any],
    masters: Masters,
    weights: Mapping[str, Any],
    rules: Mapping[str, Brian2Rule] = MappingProxyType({}),
) -> dict[str, Any]:
    """A Synapses object for each projection; a transpose reads the weights of the transposed projection.

    Args:
        clocks: the clocks of the run.
        groups: population -> its group.
        masters: the plastic weights on the master grid.
        weights: projection -> its current weights, in the unit of the threshold.
        rules: projection -> the translation of its online rule; missing ones have constant weights.
    """
    net, found = clocks.network, {}
    following = {p.name: p.follows for p in net.projections if p.follows is not None}
    learns = {p.name for p in net.plastic if not isinstance(p, Conv2d)}  # kernels are constant here
    learning = learns | set(rules)
    for p in net.projections:
        if following.get(p.name) in learning:
            continue
        e = p.edges(weights[p.name])
        if not len(e.pre):
            continue
        model = _PLASTIC if p.name in learns else "w : 1 (constant)"
        synapses = found[p.name] = _synapses(clocks, groups, p, model, e, rules.get(p.name))
        bits = net.populations[p.post].grid
        synapses.w = scaled(e.w, bits).astype(np.float64)
        if p.name in learns:
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


class _Pathway(NamedTuple):
    """A pathway of Synapses: the side and event that start it, its statements, delay and order in a step."""

    side: str
    event: str
    code: str
    delay: int
    order: int


def _synapses(
    clocks: Clockwork, groups: Mapping[str, Any], p: Any, model: str, e: Edges, rule: Brian2Rule | None = None
) -> Any:
    b2, net = clocks.b2, clocks.network
    pathways = _deliveries(clocks, groups, p, int(e.delay.min()))
    if rule is not None:
        model = f"w : 1\n{rule.equations}"
        pathways |= _learning(clocks, groups, p, rule)
    uniform = bool((e.delay == e.delay[0]).all())
    by_side = {
        side: {name: pathway for name, pathway in pathways.items() if pathway.side == side}
        for side in ("pre", "post")
    }
    synapses = b2.Synapses(
        groups[p.pre],
        groups[p.post],
        model,
        on_pre={name: pathway.code for name, pathway in by_side["pre"].items()},
        on_post={name: pathway.code for name, pathway in by_side["post"].items()} or None,
        on_event={name: pathway.event for name, pathway in pathways.items()},
        delay={name: way.delay * b2.second for name, way in pathways.items()} if uniform else None,
        namespace={},
        clock=clocks.step,
        name=f"projection_{net.projections.index(p)}",
    )
    synapses.connect(i=e.pre, j=e.post)
    for name, pathway in pathways.items():
        made = getattr(synapses, name)
        made.when, made.order = SLOT, pathway.order
        if not uniform:
            made.delay = (e.delay - e.delay.min() + pathway.delay) * b2.second
    return synapses


def _events(clocks: Clockwork, groups: Mapping[str, Any], name: str) -> dict[str, str]:
    """The events of a population's spikes, and the sign with which each delivers a weight."""
    source = is_source(clocks.network.populations[name])
    signs = {"spike": "+="} if source else {"plus": "+=", "minus": "-="}
    return {event: sign for event, sign in signs.items() if event in groups[name].events}


def _deliveries(clocks: Clockwork, groups: Mapping[str, Any], p: Any, shortest: int) -> dict[str, _Pathway]:
    """The pathways that deliver spikes: one for each event of the presynaptic population."""
    net = clocks.network
    late = net.order.index(p.post) <= net.order.index(p.pre)
    learns = any(q.name in (p.name, p.follows) for q in net.online)
    order = DELIVER if late and learns else clocks.order(p.pre, SEND)
    post = net.populations[p.post]
    drive = drives(post)[post.description.receptor(p.receptor)]
    return {
        event: _Pathway("pre", event, f"{drive}_post {sign} w", shortest - late, order)
        for event, sign in _events(clocks, groups, p.pre).items()
    }


def _learning(clocks: Clockwork, groups: Mapping[str, Any], p: Any, rule: Brian2Rule) -> dict[str, _Pathway]:
    """The pathways of an online rule; the sign of a spike is ignored."""
    found = {}
    acts = (("pre", p.pre, "arrive", rule.arrive, p.delay), ("post", p.post, "fire", rule.fire, rule.late))
    for (side, name, what, code, delay), left, order in zip(acts, rule.left, (ARRIVE, FIRE), strict=True):
        for event in _events(clocks, groups, name):
            found[f"{what}_{event}"] = _Pathway(side, event, code, delay, clocks.after(order))
            if rule.leave is not None:
                gone = _Pathway(side, event, left, delay + rule.leave, clocks.after(FORGET))
                found[f"leave_{side}_{event}"] = gone
    return found


def learn_online(
    clocks: Clockwork,
    synapses: Mapping[str, Any],
    rules: Mapping[str, Brian2Rule],
    external: ExternalInputs,
) -> None:
    """Add the numbers, signals and statements of every step of online rules to a run.

    Args:
        clocks: the clocks of the run.
        synapses: projection -> its Synapses.
        rules: projection -> the translation of its rule.
        external: has the signals.
    """
    b2 = clocks.b2
    for name, rule in rules.items():
        if name not in synapses:
            continue  # without synapses
        made = synapses[name]
        made.namespace.update(rule.values)
        if rule.signal:
            values = signal_of(rule, external)
            made.namespace["signal"] = b2.TimedArray(values, dt=1 * b2.second, name=f"signal_of_{made.name}")
        if rule.every:
            made.run_regularly(rule.every, clock=clocks.step, when=SLOT, order=clocks.after(REWARD))
