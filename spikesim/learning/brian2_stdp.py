"""STDP of imported Brian2 networks: spike-timing-dependent plasticity in Brian2's order of a step.

Brian2's synapses act after the thresholds of a step: a spike that arrives in step t of Brian2 acts on the
target, and on the weight, after the target has fired in step t. Here it is received at the beginning of step
t + 1 (see `spikesim.neurons.brian2_lif`); for the pairs to be those of Brian2, a postsynaptic spike reaches
the synapse one step late, too. In a step, with s_i the arrivals and z_j the spikes of the step before:

    decay      x_i <- exp(-1/tau_plus) x_i        y_j <- exp(-1/tau_minus) y_j
    arrivals   w_ij <- clip(w_ij - a_minus y_j)   where s_i;   then x_i <- x_i + 1
    firing     w_ij <- clip(w_ij + a_plus x_i)    where z_j;   then y_j <- y_j + 1

The current of an arrival is that of the weight before its change. After n steps the weights are those of
Brian2 after n - 1: what arrives in the last step changes them in the next.

Source: the STDP example of Brian2's documentation, after Song, Miller & Abbott 2000.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spikesim.learning import pairs
from spikesim.learning.online import Act, Layout, Numbers, Traces, register_rule
from spikesim.learning.pairs import Pairing
from spikesim.learning.stdp import STDP


@register_rule
@dataclass(frozen=True)
class Brian2STDP:
    """Pair-based STDP in Brian2's order of a step; an online rule for populations without a grid.

    Attributes:
        a_plus, a_minus, tau_plus, tau_minus, clip, pairing: as in `STDP`.

    Raises:
        DeclarationError: a field is out of range.
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
        pairs.check_time_constants("Brian2STDP", tau_plus=self.tau_plus, tau_minus=self.tau_minus)

    @cached_property
    def _rule(self) -> STDP:
        return STDP(self.a_plus, self.a_minus, self.tau_plus, self.tau_minus, self.clip, self.pairing)

    def start(self, layout: Layout) -> Traces:
        """x float64 (n_pre,), y and `fired`, the spikes of the step before, float64 (n_post,): 0."""
        return {**self._rule.start(layout), "fired": np.zeros(len(layout.columns) - 1)}

    def step(
        self, w: Numbers, traces: Traces, pre: Numbers, post: Numbers, layout: Layout, signal: float
    ) -> tuple[Numbers, Traces]:
        """See `OnlineRule`."""
        w, after = self._rule.step(w, traces, pre, traces["fired"], layout, signal)
        return w, {**after, "fired": (post != 0).astype(np.float64)}

    def compiled(self, layout: Layout) -> Act:
        """The same step, event by event, with equal results; see `OnlineRule`."""
        learn = self._rule.compiled(layout)

        def act(w, traces, pre, post, signal):  # type: ignore[no-untyped-def]
            fired = traces["fired"]
            learn(w, traces, pre, np.flatnonzero(fired).astype(np.int32), signal)
            fired[:] = 0.0
            fired[post] = 1.0

        return act
