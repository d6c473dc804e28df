"""Projections in Brian2's words: one Synapses each; a plastic one learns by itself between presentations.

A spike is handed on directly after its population's reset, and arrives after Brian2's delay. A population
that comes later in the order meets it in its turn of that very step. One that had its turn already meets it
in the next step, hence one step less of Brian2's delay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.backends.brian2_groups import LEARN, SEND, SLOT, Clockwork
from spikesim.errors import EngineError
from spikesim.network import Masters, Network, Projection
from spikesim.synapses import Dense, OneToOne, Transpose

MASTERS = 2**32  # more than a master weight's reach
FLOAT64_EXACT = 2**53  # sums and products of integers below this are exact in float64
_SIGNS = {"plus": "+=", "minus": "-="}
_COUNTS = {"first": "h_first_pre", "second": "h_second_pre", "all": "(h_first_pre + h_second_pre)"}
_PLASTIC = """
w : 1
master : 1
total : 1
cut : 1
"""
# Eq. 12, in counts of the master grid: the count products of a batch, the clip, and what propagates.
_LEARN = """
total += {h_pre} * (h_second_post - h_first_post)
moved = master + due(t) * eta * total
inside = clip(moved, low, high)
cut += due(t) * int(moved != inside)
master += due(t) * (inside - master)
total = (1 - due(t)) * total
w = floor(master * coarse + 0.5)
"""


def projections(clocks: Clockwork, groups: Mapping[str, Any], masters: Masters) -> dict[str, Any]:
    """A Synapses for each projection: a transpose reads the weights of the projection that it follows.

    Args:
        clocks: of the run.
        groups: a NeuronGroup for each population.
        masters: the plastic weights on the master grid.
    """
    net = clocks.network
    transposed = [p for p in net.projections if isinstance(p, Dense) and isinstance(p.w, Transpose)]
    found = {p.name: _declared(clocks, groups, p, masters) for p in net.projections if p not in transposed}
    for p in transposed:
        assert isinstance(p.w, Transpose)
        found[p.name] = _transposed(clocks, groups, p, found[p.w.of])
    return found


def _declared(clocks: Clockwork, groups: Mapping[str, Any], p: Projection, masters: Masters) -> Any:
    net = clocks.network
    if isinstance(p, OneToOne):
        synapses = _synapses(clocks, groups, p, "w : 1 (constant)")
        each = np.arange(net.populations[p.post].n)
        synapses.connect(i=each, j=each)
        synapses.w = float(grid.snap(p.w, net.populations[p.post].grid))
        return synapses
    synapses = _synapses(clocks, groups, p, "w : 1 (constant)" if p.plastic is None else _PLASTIC)
    _all_to_all(synapses, net.shape(p))
    synapses.w = net.propagating(p.name, masters).ravel().astype(np.float64)
    if p.plastic is not None:
        synapses.master = masters[p.name].ravel().astype(np.float64)
    return synapses


def _transposed(clocks: Clockwork, groups: Mapping[str, Any], p: Dense, forward: Any) -> Any:
    """Synapse (a, b) reads the weight of the forward synapse (b, a), whenever it is used."""
    n_pre, n_post = clocks.network.shape(p)
    synapses = _synapses(clocks, groups, p, "mirror : integer (constant)")
    _all_to_all(synapses, (n_pre, n_post))
    synapses.mirror = np.arange(n_pre * n_post).reshape(n_post, n_pre).T.ravel()
    synapses.variables.add_reference("w", forward, "w", index="mirror")
    return synapses


def _all_to_all(synapses: Any, shape: tuple[int, int]) -> None:
    """Connect in the order of a matrix's rows."""
    pre, post = np.indices(shape)
    synapses.connect(i=pre.ravel(), j=post.ravel())


def _synapses(clocks: Clockwork, groups: Mapping[str, Any], p: Projection, model: str) -> Any:
    b2, net = clocks.b2, clocks.network
    late = net.order.index(p.post) <= net.order.index(p.pre)
    events = list(groups[p.pre].events)
    synapses = b2.Synapses(
        groups[p.pre],
        groups[p.post],
        model,
        on_pre={event: f"drive_post {_SIGNS[event]} w" for event in events},
        on_event={event: event for event in events},
        delay=dict.fromkeys(events, (p.delay - late) * b2.second),
        namespace={},
        clock=clocks.step,
        name=f"projection_{net.projections.index(p)}",
    )
    for event in events:
        pathway = getattr(synapses, event)
        pathway.when, pathway.order = SLOT, clocks.order(p.pre, SEND)
    return synapses


def check_rules(net: Network, batch: int, factor: float) -> None:
    """Refuse what Brian2 cannot learn bit for bit.

    Raises:
        EngineError: a normalised step, or a step that could leave the exact range of float64.
    """
    for p in net.plastic:
        rule = p.plastic
        assert rule is not None
        if rule.step != "plain":
            raise EngineError(
                f"brian2: {p.name} learns by a {rule.step} step, whose roots and divisions each program "
                f"rounds in its own order; it promises equality among spikesim's own engines only. "
                f"Take step='plain', or the engine 'naive'"
            )
        first, last = net.window.span(rule.pre)
        reach = rule.eta_master(factor) * batch * (last - first) * net.window.T + MASTERS
        if reach >= FLOAT64_EXACT:
            raise EngineError(
                f"brian2: an update of {p.name} can reach {reach} counts of the master grid, and float64 is "
                f"exact below 2**53. Ways out: a smaller eta ({rule.eta * factor:.4g} with the schedule's "
                f"factor) or batch ({batch}), a shorter window ({net.window.T} steps)"
            )


def teach(
    clocks: Clockwork, synapses: Mapping[str, Any], due: npt.NDArray[np.float64], factor: float
) -> None:
    """Let the plastic projections learn by themselves. What `check_rules` refuses would be inexact.

    Args:
        clocks: of the run.
        synapses: by projection.
        due: float64 (B + 1,), 1 at the borders at which the weights change.
        factor: of the step size's schedule.
    """
    net, b2 = clocks.network, clocks.b2
    when = b2.TimedArray(due, dt=clocks.length * b2.second, name="due_at_border")
    for p in net.plastic:
        rule = p.plastic
        assert rule is not None
        low, high = rule.clip_master()
        values = {"low": float(low), "high": float(high), "eta": float(rule.eta_master(factor)), "due": when}
        values["coarse"] = 2.0 ** (net.populations[p.post].grid - grid.MASTER_BITS)
        synapses[p.name].namespace.update(values)
        code = _LEARN.format(h_pre=_COUNTS[rule.pre])
        synapses[p.name].run_regularly(code, clock=clocks.border, when=SLOT, order=LEARN)
