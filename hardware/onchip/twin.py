"""The twin of a learner on a chip: the same trials and updates as integers, at the speed of compiled code."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError, DeclarationError, unknown
from spikesim.hardware.onchip.kernels import ERRORS, LOST, SATURATED, SHIFT, trials
from spikesim.hardware.onchip.learner import WEIGHTS, Ints, Learner
from spikesim.spikes import Spikes

Rounding = Literal["stochastic", "nearest"]
ROUNDINGS = ("stochastic", "nearest")
LAVA_SEED = 2  # of the numbers for rounding, in Lava's learning connections


class Learnt(NamedTuple):
    """What a batch of trials gave.

    Attributes:
        predictions: int64 (B,), by the output's counts in the first phase; ties by its membrane.
        counts: int32 (B, 2, L + 1, n): spikes by trial, phase, layer (the input is 0) and neuron, filled up
            with zeros.
    """

    predictions: Ints
    counts: npt.NDArray[np.int32]


class Twin:
    """A learner's weights, changed by training.

    Args:
        learner: the learner.
        rounding: of fixed point: "stochastic" rounds up where the fraction exceeds a random number, one for
            all synapses and a trial, from the generator that Lava's learning connections use; "nearest".
        seed: of these numbers; Lava's by default.

    Attributes:
        weights: int64 or int32 (n_pre, n) of each layer, in units of its weights.
        saturated: layer -> what of it saturated, and how often.
        changes: layer -> weight changes, those cut at a limit, and those that rounding undid.

    Raises:
        DeclarationError: an unknown rounding.
    """

    def __init__(self, learner: Learner, rounding: Rounding = "stochastic", seed: int = LAVA_SEED) -> None:
        if rounding not in ROUNDINGS:
            raise DeclarationError(f"on-chip learning: {unknown('rounding', rounding, ROUNDINGS)}")
        self.learner = learner
        self.rounding = rounding
        self.etas = [layer.eta for layer in learner.layers]
        kind = np.int64 if learner.arithmetic == "float" else np.int32
        self.weights = tuple(np.array(layer.w, kind) for layer in learner.layers)
        fixed = (
            np.zeros((learner.above(k).n, layer.n), kind) if layer.feedback is None else layer.feedback
            for k, layer in enumerate(learner.layers[:-1])
        )
        self._fb = (*(b.astype(kind) for b in fixed), np.zeros((1, 1), kind))
        self._seen = np.zeros((len(learner.layers) + 1, ERRORS + 1), np.int64)
        self._lost = np.zeros((len(learner.layers) + 1, len(LOST)), np.int64)
        self._draws = np.random.default_rng(seed)
        self._draws.random()  # drawn when a connection is built, and not used

    @property
    def saturated(self) -> dict[str, dict[str, int]]:
        """Layer -> weights, traces, membranes and currents that reached their limit; how often."""
        rows = zip(self.learner.layers, self._seen[1:].tolist(), strict=True)
        return {layer.name: dict(zip(SATURATED, row, strict=False)) for layer, row in rows}

    @property
    def changes(self) -> dict[str, dict[str, int]]:
        """Layer -> changes of single weights in fixed point, and how many a limit or rounding took away."""
        rows = zip(self.learner.layers, self._lost[1:].tolist(), strict=True)
        return {layer.name: dict(zip(LOST, row, strict=True)) for layer, row in rows}

    @property
    def at_limits(self) -> dict[str, int]:
        """Layer -> weights that are the smallest or the largest of fixed point, now; 0 in floating point."""
        fixed = self.learner.arithmetic == "fixed"
        rows = zip(self.learner.layers, self.weights, strict=True)
        return {layer.name: int(np.isin(w, WEIGHTS).sum()) if fixed else 0 for layer, w in rows}

    @property
    def error_spikes(self) -> list[int]:
        """Spikes of the error neurons of each layer, since the beginning."""
        found: list[int] = self._seen[1:, ERRORS].tolist()
        return found

    def train(self, spikes: Spikes, labels: npt.NDArray[np.int64]) -> Learnt:
        """Learn from trials one after the other.

        Args:
            spikes: the input of one phase; `learner.active` steps.
            labels: int64 (B,), the classes.

        Raises:
            DataError: inputs or labels that do not fit.
        """
        self.learner.check(spikes, labels)
        return self._run(spikes, np.array(labels, np.int64), True)  # a copy: writable

    def classify(self, spikes: Spikes) -> Learnt:
        """Run the first phase of trials without learning.

        Raises:
            DataError: inputs that do not fit.
        """
        self.learner.check(spikes, None)
        return self._run(spikes, np.zeros(len(spikes), np.int64), False)

    def _draw(self, trials: int) -> npt.NDArray[np.float64]:
        """A number for each trial; one is drawn at each epoch, and that at the end of the trial is used."""
        if self.rounding == "nearest":
            return np.full(trials, 0.5)
        return self._draws.random((trials, 2))[:, 1].copy()

    def _run(self, spikes: Spikes, labels: Ints, learning: bool) -> Learnt:
        one, B = self.learner, len(spikes)
        if not B:
            raise DataError("on-chip learning: no trials were given; at least one is needed")
        fixed = one.arithmetic == "fixed"
        kind = self.weights[0].dtype
        sizes, most, L = one.sizes, max(one.sizes), len(one.layers)
        shift = SHIFT if fixed else 0

        def by_layer(values: list[int]) -> npt.NDArray[np.signedinteger]:
            return np.array([0, *values], kind)

        numbers = (
            one.half,
            fixed,
            one.feedback == "dfa",
            one.gate,
            kind.type(one.loss),
            sizes,
            by_layer([(layer.theta - 1) << shift for layer in one.layers]),
            by_layer([layer.inject for layer in one.layers]),
            by_layer([(layer.theta_error - 1) << shift for layer in one.layers]),
        )
        etas = [0, *self.etas] if fixed else [0, *(1 << eta for eta in self.etas)]
        draws = self._draw(B) if learning and fixed else np.zeros(B)
        rule = (one.feedback == "symmetric", one.h_pre == "all", np.array(etas, np.int64), draws)
        counts = np.zeros((B, 2, L + 1, most), np.int32)
        membranes = np.zeros((B, sizes[-1]), kind)
        given = (spikes.offsets, spikes.times, spikes.neurons)
        kept = (counts, membranes, self._seen, self._lost)
        trials(learning, self.weights, self._fb, numbers, rule, one.label, given, labels, kept)
        score = counts[:, 0, L, : sizes[-1]] * 2.0**40 + membranes.astype(np.float64)
        return Learnt(score.argmax(1), counts)
