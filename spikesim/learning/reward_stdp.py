"""Reward-modulated STDP, a three-factor rule: spike pairs change an eligibility trace, reward the weights.

Izhikevich 2007, "Solving the distal reward problem through linkage of STDP and dopamine signaling". In a
step, with R the reward, s_i the spikes arriving from neuron i and s_j the spikes of neuron j:

    decay      x_i <- exp(-1/tau_plus) x_i    y_j <- exp(-1/tau_minus) y_j
               e_ij <- exp(-1/tau_e) e_ij
    arrivals   e_ij <- e_ij - a_minus y_j     where s_i;   then x_i <- x_i + 1
    firing     e_ij <- e_ij + a_plus x_i      where s_j;   then y_j <- y_j + 1
    reward     w_ij <- clip(w_ij + eta R e_ij)

Differs from the paper: the reward signal acts directly, whereas Izhikevich's dopamine decays with its own
time constant; for that, filter the signal beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesim._jit import kernel
from spikesim.errors import DeclarationError
from spikesim.learning import pairs
from spikesim.learning.online import Act, Layout, Numbers, Traces, register_rule
from spikesim.learning.pairs import Pairing


@register_rule
@dataclass(frozen=True)
class RewardSTDP:
    """Reward-modulated STDP; an online rule for projections onto populations without a grid.

    The stepped engine updates an eligibility trace only when it is needed; `when` is the step of its value.
    The decay over n steps is one power, so engines agree to rounding (weights to 1e-12 in tests, over
    hundreds of steps), not to the last bit. A step with reward updates all synapses, one without only those
    of neurons that have fired.

    Attributes:
        a_plus, a_minus: change of the eligibility by a pair of distance 0.
        eta: weight change per unit of reward and eligibility.
        tau_plus, tau_minus, tau_e: time constants in steps, > 0.
        clip: range of the weights; initial weights must be inside it.
        pairing: "all" pairs of spikes, or each spike with the "nearest" earlier one.
        signal: name of the reward in `signals`.

    Raises:
        DeclarationError: a field is out of range.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> from spikesim import connect
        >>> rule = ss.RewardSTDP(a_plus=0.1, a_minus=0.1, signal="reward")
        >>> network = ss.Network(
        ...     {"in": ss.Source(1), "out": ss.LIF(1, theta=0.5)},
        ...     [connect.all_to_all("in", "out", w=np.array([0.5]), plastic=rule)],
        ... )
        >>> once, reward = ss.from_events([0], [0], T=5, n=1), np.array([0, 0, 0, 1.0, 0])
        >>> recording = ss.simulate(network, {"in": once}, steps=5, signals={"reward": reward})
        >>> recording.state.weights["in->out"].round(4)
        array([0.5985])
    """

    a_plus: float
    a_minus: float
    eta: float = 1.0
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    tau_e: float = 200.0
    clip: tuple[float, float] = (0.0, 1.0)
    pairing: Pairing = "all"
    signal: str = "reward"

    def __post_init__(self) -> None:
        pairs.check(self)
        taus = {"tau_plus": self.tau_plus, "tau_minus": self.tau_minus, "tau_e": self.tau_e}
        pairs.check_time_constants("RewardSTDP", **taus)
        if not np.isfinite(self.eta):
            raise DeclarationError(f"RewardSTDP: eta = {self.eta!r}; a finite learning rate is needed")
        if not self.signal:
            raise DeclarationError(
                "RewardSTDP: signal = ''; the name of the reward signal is needed, for example 'reward'"
            )

    @property
    def _kept(self) -> float:
        return float(np.exp(-1.0 / self.tau_e))

    def start(self, layout: Layout) -> Traces:
        """x (n_pre,), y (n_post,), e (n_synapses,) float64, when int64 (n_synapses,), now int64 (1,): 0."""
        n = len(layout.post)
        more = {"e": np.zeros(n), "when": np.zeros(n, np.int64), "now": np.zeros(1, np.int64)}
        return pairs.initial_traces(layout) | more

    def step(
        self, w: Numbers, traces: Traces, pre: Numbers, post: Numbers, layout: Layout, signal: float
    ) -> tuple[Numbers, Traces]:
        """See `OnlineRule`."""
        p = pairs.amounts(self)
        now = traces["now"] + 1
        x, y = traces["x"] * p.x_kept, traces["y"] * p.y_kept
        e = traces["e"] * self._kept ** (
            now - traces["when"]
        )  # one step, but for a state of the stepped engine
        e = e - np.where(pre[layout.pre] != 0, p.a_minus * y[layout.post], 0.0)
        x = pairs.after_spikes(x, pre != 0, p.nearest)
        e = e + np.where(post[layout.post] != 0, p.a_plus * x[layout.pre], 0.0)
        y = pairs.after_spikes(y, post != 0, p.nearest)
        if signal != 0.0:
            w = np.clip(w + self.eta * signal * e, p.low, p.high)
        return w, {"x": x, "y": y, "e": e, "when": np.broadcast_to(now, e.shape).copy(), "now": now}

    def compiled(self, layout: Layout) -> Act:
        """The same step, event by event, with equal results up to rounding; see `OnlineRule`."""
        p, kept = pairs.amounts(self), self._kept

        def act(w, traces, pre, post, signal):  # type: ignore[no-untyped-def]
            traces["now"][0] += 1
            now, eligible = traces["now"][0], (traces["e"], traces["when"], kept)
            _collect(p, layout, now, eligible, traces["x"], traces["y"], pre, post)
            if signal != 0.0:
                _reward(p, now, eligible, self.eta * signal, w)

        return act


@kernel
def _collect(p, layout, now, eligible, x, y, pre, post):  # type: ignore[no-untyped-def]
    e, when, kept = eligible
    for i in range(x.size):
        x[i] *= p.x_kept
    for j in range(y.size):
        y[j] *= p.y_kept
    for k in range(pre.size):
        for m in range(layout.rows[pre[k]], layout.rows[pre[k] + 1]):
            e[m] = e[m] * kept ** (now - when[m]) - p.a_minus * y[layout.post[m]]
            when[m] = now
    pairs.mark(x, pre, p.nearest)
    for k in range(post.size):
        for c in range(layout.columns[post[k]], layout.columns[post[k] + 1]):
            m = layout.places[c]
            e[m] = e[m] * kept ** (now - when[m]) + p.a_plus * x[layout.pre[m]]
            when[m] = now
    pairs.mark(y, post, p.nearest)


@kernel
def _reward(p, now, eligible, amount, w):  # type: ignore[no-untyped-def]
    e, when, kept = eligible
    for m in range(w.size):
        e[m] *= kept ** (now - when[m])
        when[m] = now
        w[m] = min(max(w[m] + amount * e[m], p.low), p.high)
