"""What online rules have learned in a Brian2 run: weights, traces of the rules, weights over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2.learning import Brian2Rule
from spikesim.backends.brian2.monitors import Seen
from spikesim.engines.monitors import Collector
from spikesim.errors import EngineError
from spikesim.learning.online import Layout, Traces
from spikesim.network import Network
from spikesim.recording.monitor import Monitor, Series
from spikesim.recording.state import State

Reals = npt.NDArray[np.float64]


def check_learning(rules: Mapping[str, Brian2Rule], state: State | None, monitors: Iterable[Monitor]) -> None:
    """Check that learning starts at step 0, and that monitors are those of its weights.

    Args:
        rules: projection -> the translation of its rule; empty for a run without learning.
        state: the state to start from.
        monitors: what is recorded beside populations.

    Raises:
        EngineError: learning from a state, or a monitor of something else.
    """
    if rules and state is not None:
        raise EngineError(
            f"brian2: learning ({', '.join(rules)}) starts at step 0, and a state of step {state.t} was "
            f"given; spikes in transit and traces cannot be handed to Brian2's pathways. Ways out: simulate "
            f"from step 0 on (without state=), use learn=False (constant weights), or the engine 'stepped'"
        )
    for monitor in monitors:
        if monitor.what != "weights" or monitor.name not in rules:
            raise EngineError(
                f"brian2: Monitor({monitor.name!r}, {monitor.what!r}): brian2 records populations by name, "
                f"and the weights of projections that learn in every step; use the engine 'stepped'"
            )


class Learned:
    """The results of the online rules of a run.

    Args:
        network: the network.
        rules: projection -> the translation of its rule.
        synapses: the Synapses of the run; a projection without synapses has none.
        seen: the monitors of the run.
        steps: number of steps.
    """

    def __init__(
        self,
        network: Network,
        rules: Mapping[str, Brian2Rule],
        synapses: Mapping[str, Any],
        seen: Seen,
        steps: int,
    ) -> None:
        self.network, self.rules, self.seen, self.steps = network, rules, seen, steps
        self._made = rules.keys() & synapses.keys()

    def weights(self) -> dict[str, Reals]:
        """Projection -> float64 (n_synapses,) after the last step, in the unit of the threshold."""
        return {
            name: self.seen.learned(name, "w") * self._unit(name) if name in self._made else np.zeros(0)
            for name in self.rules
        }

    def traces(self) -> dict[str, Traces]:
        """Projection -> the variables of its rule after the last step, in the form of the rule.

        Exponential traces are Brian2's. Spikes in a window, and the traces of neurons without synapses, which
        Brian2 does not hold, are those that the rule makes from Brian2's spikes.
        """
        return {p.name: self._traces(p) for p in self.network.online if p.name in self.rules}

    def series(self, monitors: Iterable[Monitor]) -> dict[Monitor, Series]:
        """The recorded weights of monitors, in the unit of the threshold."""
        found = {}
        for monitor in monitors:
            collector, name, w = Collector(self.network, monitor), monitor.name, np.zeros((self.steps, 0))
            if name in self._made:
                w = self.seen.weights(name, self.steps) * self._unit(name)
            for t, row in enumerate(w):
                collector.observe(t, {}, {}, {name: row})
            found[monitor] = collector.drain()
        return found

    def _unit(self, name: str) -> float:
        """The unit of a projection's weights in Brian2: one count of the grid, or 1."""
        bits = self.network.populations[self.network.named[name].post].grid
        return 1.0 if bits is None else 2.0**-bits

    def _traces(self, p: Any) -> Traces:
        n_pre, n_post = self.network.shape(p)
        layout, nobody = (
            p.layout(n_pre, n_post),
            Layout.of(np.zeros(n_pre + 1, int), np.zeros(0, np.int32), n_post),
        )
        pre, post = (np.abs(self.seen.spikes(name, 1).raster()) for name in (p.pre, p.post))
        traces, w = p.plastic.start(nobody), np.zeros(0)
        for t in range(self.steps):
            arrived = pre[t - p.delay] if t >= p.delay else np.zeros_like(pre[t])
            w, traces = p.plastic.step(w, traces, arrived, post[t], nobody, 0.0)
        n = len(layout.post)
        owners = {"pre": layout.pre, "post": layout.post, "": np.arange(n)}
        for name, fading in self.rules[p.name].fading.items():
            trace = traces[name].copy() if fading.side else np.zeros(n)
            if p.name in self._made:  # from the last event of each synapse to the last step
                last = self.seen.learned(p.name, "lastupdate")
                kept = np.exp((last - self.steps) / fading.tau)
                trace[owners[fading.side]] = self.seen.learned(p.name, fading.variable) * kept
            traces[name] = trace
            if fading.when:
                traces[fading.when] = np.full(n, self.steps, np.int64)
        return traces
