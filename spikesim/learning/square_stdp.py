"""STDP with a square window: the basic two-factor rule of Shrestha 2019, section 4.1 and fig. 5.

    dw_ij = +a_plus    for every arrival from i and spike of j with 0 <= t_j - t_i <= window
    dw_ij = -a_minus   for every arrival from i and spike of j with 0 <  t_i - t_j <= window

applied at the second spike of a pair. In a step, arrivals act first, with the spikes of j in the previous
`window` steps; then firing acts, with the arrivals of this step and of the previous `window` steps; each sum
is clipped. The paper's window is 10 ms, that is 10 steps of 1 ms; it states neither the amplitudes nor the
ends of the window.

With amplitudes and a clip range on the grid of `post`, the weights stay on it, and learning is exact; the
rule then also supports populations with a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikesim import grid
from spikesim._jit import inline, kernel
from spikesim.errors import DeclarationError
from spikesim.learning import pairs
from spikesim.learning.online import Act, Layout, Numbers, Traces, register_rule
from spikesim.learning.pairs import Amounts, Pairing


@register_rule
@dataclass(frozen=True)
class SquareSTDP:
    """STDP with a square window; an online rule.

    Attributes:
        a_plus, a_minus: weight change of a pair inside the window.
        window: length in steps, at least 1.
        clip: range of the weights; initial weights must be inside it.
        pairing: "all" pairs in the window, or each spike with the "nearest" earlier one.

    Raises:
        DeclarationError: a field is out of range.

    Examples:
        >>> import numpy as np
        >>> import spikesim as ss
        >>> from spikesim import connect
        >>> rule = ss.SquareSTDP(a_plus=0.125, a_minus=0.125, window=5)
        >>> network = ss.Network(
        ...     {"in": ss.Source(1), "out": ss.IF(1, theta=0.5)},
        ...     [connect.all_to_all("in", "out", w=np.array([0.5]), plastic=rule)],
        ... )
        >>> once = ss.from_events([0], [0], T=5, n=1)
        >>> ss.simulate(network, {"in": once}, steps=5).state.weights["in->out"]
        array([0.625])
    """

    a_plus: float
    a_minus: float
    window: int = 10
    clip: tuple[float, float] = (0.0, 1.0)
    pairing: Pairing = "all"
    signal: str = ""

    def __post_init__(self) -> None:
        pairs.check(self)
        if not grid.whole(self.window, 1):
            raise DeclarationError(
                f"SquareSTDP: window = {self.window!r}; a whole number of steps >= 1 is needed"
            )

    def check_grid(self, bits: int, where: str) -> None:
        """Check that weights on the grid of 2**-bits stay on it; see `OnlineRule`.

        Raises:
            DeclarationError: an amplitude or an end of the clip range is off the grid.
        """
        for name in ("a_plus", "a_minus", "clip"):
            grid.on_grid(getattr(self, name), bits, f"{where}: {type(self).__name__}: {name}")

    def start(self, layout: Layout) -> Traces:
        """Ring buffers of the spikes of the last window + 1 steps and their sums; row `at` is this step.

        arrivals int8 (window + 1, n_pre) and arrived int32 (n_pre,); spikes int8 (window + 1, n_post) and
        spiked int32 (n_post,); at int64 (1,).
        """
        n_pre, n_post = len(layout.rows) - 1, len(layout.columns) - 1
        return {
            "arrivals": np.zeros((self.window + 1, n_pre), np.int8),
            "arrived": np.zeros(n_pre, np.int32),
            "spikes": np.zeros((self.window + 1, n_post), np.int8),
            "spiked": np.zeros(n_post, np.int32),
            "at": np.zeros(1, np.int64),
        }

    def step(
        self, w: Numbers, traces: Traces, pre: Numbers, post: Numbers, layout: Layout, signal: float
    ) -> tuple[Numbers, Traces]:
        """See `OnlineRule`."""
        p = self._amounts
        now = (traces["at"] + 1) % (self.window + 1)
        arrivals, spikes = traces["arrivals"].copy(), traces["spikes"].copy()
        arrivals[now], spikes[now] = 0, 0  # spikes of window + 1 steps ago leave the window
        came, fired = pre[layout.pre] != 0, post[layout.post] != 0
        before = self._paired(spikes)
        w = np.where(came, np.clip(w - p.a_minus * before[layout.post], p.low, p.high), w)
        arrivals[now] = pre != 0
        w = np.where(fired, np.clip(w + p.a_plus * self._paired(arrivals)[layout.pre], p.low, p.high), w)
        spikes[now] = post != 0
        counts = {
            "arrived": arrivals.sum(axis=0, dtype=np.int32),
            "spiked": spikes.sum(axis=0, dtype=np.int32),
        }
        return w, {"arrivals": arrivals, "spikes": spikes, "at": now, **counts}

    def _paired(self, rows: Numbers) -> Numbers:
        """The number of spikes of each neuron that a spike of this step is paired with."""
        counts = rows.sum(axis=0, dtype=np.int32)
        return np.minimum(counts, 1) if self.pairing == "nearest" else counts

    @property
    def _amounts(self) -> Amounts:
        return Amounts(
            float(self.a_plus),
            float(self.a_minus),
            0.0,
            0.0,
            self.pairing == "nearest",
            *map(float, self.clip),
        )

    def compiled(self, layout: Layout) -> Act:
        """The same step, event by event, with equal results; see `OnlineRule`."""
        p = self._amounts

        def act(w, traces, pre, post, signal):  # type: ignore[no-untyped-def]
            came, fired = (traces["arrivals"], traces["arrived"]), (traces["spikes"], traces["spiked"])
            _act(p, layout, w, came, fired, traces["at"], pre, post)

        return act


@inline
def _forget(rows, counts, now):  # type: ignore[no-untyped-def]
    for i in range(counts.size):
        counts[i] -= rows[now, i]
        rows[now, i] = 0


@inline
def _note(rows, counts, now, fired):  # type: ignore[no-untyped-def]
    for k in range(fired.size):
        rows[now, fired[k]] = 1
        counts[fired[k]] += 1


@kernel
def _act(p, layout, w, came, fired, at, pre, post):  # type: ignore[no-untyped-def]
    arrivals, arrived = came
    spikes, spiked = fired
    at[0] = (at[0] + 1) % arrivals.shape[0]
    _forget(arrivals, arrived, at[0])
    _forget(spikes, spiked, at[0])
    for k in range(pre.size):
        for m in range(layout.rows[pre[k]], layout.rows[pre[k] + 1]):
            count = spiked[layout.post[m]]
            w[m] = min(max(w[m] - p.a_minus * (min(count, 1) if p.nearest else count), p.low), p.high)
    _note(arrivals, arrived, at[0], pre)
    for k in range(post.size):
        for c in range(layout.columns[post[k]], layout.columns[post[k] + 1]):
            m = layout.places[c]
            count = arrived[layout.pre[m]]
            w[m] = min(max(w[m] + p.a_plus * (min(count, 1) if p.nearest else count), p.low), p.high)
    _note(spikes, spiked, at[0], post)
