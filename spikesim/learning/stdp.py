"""Pair-based spike-timing-dependent plasticity with exponential traces.

Song, Miller & Abbott 2000, "Competitive Hebbian learning through spike-timing-dependent synaptic plasticity",
in the formulation with traces of Morrison, Diesmann & Gerstner 2008. In a step, with s_i the spikes arriving
from neuron i and s_j the spikes of neuron j:

    decay      x_i <- exp(-1/tau_plus) x_i        y_j <- exp(-1/tau_minus) y_j
    arrivals   w_ij <- clip(w_ij - a_minus y_j)   where s_i;   then x_i <- x_i + 1
    firing     w_ij <- clip(w_ij + a_plus x_i)    where s_j;   then y_j <- y_j + 1

A spike that arrives in the step in which the neuron fires counts as earlier, because it may have caused the
spike. A pair of distance d (post after arrival) contributes a_plus exp(-d/tau_plus), d >= 0; in the reverse
order -a_minus exp(-d/tau_minus), d >= 1. The sign of a spike is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesim._jit import kernel
from spikesim.learning import pairs
from spikesim.learning.online import Act, Layout, Numbers, Traces, register_rule
from spikesim.learning.pairs import Pairing


@register_rule
@dataclass(frozen=True)
class STDP:
    """Pair-based STDP; an online rule for projections onto populations without a grid.

    Attributes:
        a_plus, a_minus: weight change of a pair of distance 0.
        tau_plus, tau_minus: time constants in steps, > 0.
        clip: range of the weights; initial weights must be inside it.
        pairing: "all" pairs of spikes, or each spike with the "nearest" earlier one.

    Raises:
        DeclarationError: a field is out of range.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> from spikesim import connect
        >>> rule = ss.STDP(a_plus=0.1, a_minus=0.12, tau_plus=10.0, tau_minus=10.0)
        >>> network = ss.Network(
        ...     {"in": ss.Source(1), "out": ss.LIF(1, theta=0.5)},
        ...     [connect.all_to_all("in", "out", w=np.array([0.5]), plastic=rule)],
        ... )
        >>> once = ss.from_events([0], [0], T=5, n=1)  # it fires the neuron: 0.5 + a_plus
        >>> ss.simulate(network, {"in": once}, steps=5).state.weights["in->out"]
        array([0.6])
    """

    a_plus: float
    a_minus: float
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    clip: tuple[float, float] = (0.0, 1.0)
    pairing: Pairing = "all"
    signal: str = ""

    def __post_init__(self) -> None:
        pairs.check(self)
        pairs.check_time_constants("STDP", tau_plus=self.tau_plus, tau_minus=self.tau_minus)

    def start(self, layout: Layout) -> Traces:
        """x float64 (n_pre,) and y float64 (n_post,): 0."""
        return pairs.initial_traces(layout)

    def step(
        self, w: Numbers, traces: Traces, pre: Numbers, post: Numbers, layout: Layout, signal: float
    ) -> tuple[Numbers, Traces]:
        """See `OnlineRule`."""
        p = pairs.amounts(self)
        x, y = traces["x"] * p.x_kept, traces["y"] * p.y_kept
        arrived, fired = pre[layout.pre] != 0, post[layout.post] != 0
        w = np.where(arrived, np.clip(w - p.a_minus * y[layout.post], p.low, p.high), w)
        x = pairs.after_spikes(x, pre != 0, p.nearest)
        w = np.where(fired, np.clip(w + p.a_plus * x[layout.pre], p.low, p.high), w)
        y = pairs.after_spikes(y, post != 0, p.nearest)
        return w, {"x": x, "y": y}

    def compiled(self, layout: Layout) -> Act:
        """The same step, event by event, with equal results; see `OnlineRule`."""
        p = pairs.amounts(self)

        def act(w, traces, pre, post, signal):  # type: ignore[no-untyped-def]
            _act(p, layout, w, traces["x"], traces["y"], pre, post)

        return act


@kernel
def _act(p, layout, w, x, y, pre, post):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        x[i] *= p.x_kept
    for j in range(y.size):
        y[j] *= p.y_kept
    for k in range(pre.size):
        for m in range(layout.rows[pre[k]], layout.rows[pre[k] + 1]):
            w[m] = min(max(w[m] - p.a_minus * y[layout.post[m]], p.low), p.high)
    pairs.mark(x, pre, p.nearest)
    for k in range(post.size):
        for c in range(layout.columns[post[k]], layout.columns[post[k] + 1]):
            m = layout.places[c]
            w[m] = min(max(w[m] + p.a_plus * x[layout.pre[m]], p.low), p.high)
    pairs.mark(y, post, p.nearest)
