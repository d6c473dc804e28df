"""The naive engine: readable loops that follow the equations, in integers; the reference for the others.

A step of a population reads like its timing diagram: deliver, integrate, fire, reset; then rules learn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.engines.count_updates import learn_from_counts
from spikesim.engines.external_inputs import (
    ExternalInputs,
    beginning,
    check_endless,
    check_state,
    check_trials,
)
from spikesim.engines.initial_weights import starting_masters, starting_squares
from spikesim.engines.input_checks import check_recorded, check_run, check_silent, with_membranes
from spikesim.engines.naive.step import StepLoop, StepObserver
from spikesim.engines.source_spikes import source_train, target_train
from spikesim.network import Network
from spikesim.network.scheduling import is_input, is_target
from spikesim.recording import Recording, winner
from spikesim.recording.state import State
from spikesim.spikes import Spikes, from_raster

Ints = npt.NDArray[np.int64]


class Naive:
    """Simulates any `Network`; holds its plastic weights.

    Attributes:
        network: the declaration.
        masters: projection -> int32 (n_pre, n_post), the plastic weights on the master grid; learning changes
            them.
        squares: projection -> float64 (n_pre, n_post), the running mean squares of normalised steps; empty
            for plain ones.

    Args:
        network: the declaration.
        masters: initial plastic weights; None for the declared ones.
        squares: initial running mean squares; None for zeros.
        observer: called before each step of a population with its name, the step, its state and its input
            current.
    """

    trains = True

    def __init__(
        self,
        network: Network,
        masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
        squares: Mapping[str, npt.NDArray[np.float64]] | None = None,
        observer: StepObserver | None = None,
    ) -> None:
        self.network, self._observer = network, observer
        self.masters = starting_masters(network, masters)
        self.squares = starting_squares(network, squares)

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
        silent: Mapping[str, npt.NDArray[np.bool_]] | None = None,
        learnt: int = 0,
    ) -> Recording:
        """Simulate a batch of trials, one after another.

        Args:
            inputs: source -> Spikes of B trials (as long as the first phase if the source replays).
            labels: int64 (B,), the classes for the targets.
            record: names of populations whose spikes and membranes are recorded.
            learn: change the weights after every `batch` trials.
            batch: number of trials whose count products are summed before the weights change.
            factor: factor of the learning rate schedule.
            silent: population -> bool (B, n), neurons that take no part in a trial: they keep their initial
                state and do not fire.
            learnt: trials that the network has learnt before, from which the time of weight decay follows.
        """
        net, recorded = self.network, tuple(record)
        check_trials(net)
        B, classes = check_run(net, inputs, labels, learn, batch, factor, learnt)
        masks = check_silent(net, silent, B)
        check_recorded(recorded, net.populations)
        counts: dict[str, Ints] = {k: np.zeros((B, 2, p.n), np.int64) for k, p in net.populations.items()}
        rasters, membranes = self._empty(recorded, B)
        predictions = np.zeros(B if net.readout else 0, np.int64)
        clipped = dict.fromkeys(self.masters, 0)
        loop = StepLoop(net, self.masters, observer=self._observer)
        for b in range(B):
            trains = {name: self._train(name, inputs, classes, b) for name in net.populations}
            spikes, v = loop.trial(trains, {name: mask[b] for name, mask in masks.items()})
            for name, s in spikes.items():
                for phase, span in enumerate(("first", "second")):
                    counts[name][b, phase] = s[slice(*net.window.span(span))].sum(axis=0)  # type: ignore[arg-type]
            for name in recorded:
                rasters[name][b] = spikes[name]
                if name in membranes:
                    membranes[name][b] = v[name]
            if net.readout:
                first, last = net.window.span(net.readout.span)
                name = net.readout.population
                predictions[b] = winner(spikes[name][first:last].sum(axis=0), v[name][last - 1])
            if learn and ((b + 1) % batch == 0 or b + 1 == B):
                first = b // batch * batch
                batch_counts = {name: c[first : b + 1] for name, c in counts.items()}
                done = (learnt + first, learnt + b + 1)
                learn_from_counts(net, self.masters, self.squares, batch_counts, factor, clipped, done)
                loop = StepLoop(net, self.masters, observer=self._observer)
        found = {name: from_raster(raster) for name, raster in rasters.items()}
        return Recording(counts, predictions, found, membranes, clipped)

    def advance(
        self,
        steps: int,
        inputs: Mapping[str, Any],
        signals: Mapping[str, Any],
        record: Iterable[str] = (),
        state: State | None = None,
        learn: bool = True,
    ) -> Recording:
        """Simulate a continuous network for a number of steps, from step 0 or from a state.

        Args:
            steps: number of steps.
            inputs: source -> Spikes of one trial of `steps` steps; CurrentInput -> float64 (steps, n) or
                (n,), in the unit of the threshold.
            signals: name -> float64 (steps,), for rules that read one.
            record: names of populations whose spikes and membranes are recorded.
            state: the state to continue from; None starts at step 0.
            learn: apply the online rules.
        """
        net, recorded = self.network, tuple(record)
        check_endless(net)
        check_recorded(recorded, net.populations)
        start = beginning(net) if state is None else check_state(net, state)
        loop = StepLoop(net, self.masters, start, self._observer)
        spikes, v, after = loop.advance(ExternalInputs(net, steps, inputs, signals, start.t), learn)
        counts = {name: np.stack([s.sum(axis=0), 0 * s[0]])[None] for name, s in spikes.items()}
        return Recording(
            counts,
            np.zeros(0, np.int64),
            {name: from_raster(spikes[name]) for name in recorded},
            {name: v[name][None] for name in with_membranes(recorded, net.populations) if name in v},
            state=after,
        )

    def _empty(self, recorded: Iterable[str], B: int) -> tuple[dict[str, Ints], dict[str, Any]]:
        """Empty rasters (B, T, n) and membranes (B, T, ...) of the recorded populations."""
        populations, T = {name: self.network.populations[name] for name in recorded}, self.network.window.T
        rasters = {name: np.zeros((B, T, p.n), np.int64) for name, p in populations.items()}
        moving = with_membranes(recorded, populations)
        start = {name: populations[name].initial_state()["v"] for name in moving}
        return rasters, {name: np.zeros((B, T, *v.shape), v.dtype) for name, v in start.items()}

    def _train(self, name: str, inputs: Mapping[str, Spikes], labels: Any, b: int) -> Ints | None:
        """The spike train (T, n) of a source or target in its own window; None for neurons."""
        population, window = self.network.populations[name], self.network.window
        if is_input(population):
            return source_train(population, window, inputs[name], b)
        if is_target(population):
            return target_train(population, window, labels[b])
        return None
