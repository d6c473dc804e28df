"""Dynamics of a continuous Hopfield network: inference with momentum, and free, pushed and held neurons.

With rates rho_j = rho(s_j), one simultaneous iteration of all neurons i is (mSTDP, eqs. 1, 2, 8, 11, 12)

    R_i = rho'(s_i) (sum_j W_ji rho_j + b_i)      pressure of the network
    v_i <- m v_i + (R_i - s_i)                    velocity, with inertia m
    s_i <- s_i + epsilon v_i + beta (d_i - s_i)   beta > 0 for visible neurons that are pushed to their data d

A held neuron stays at its data: s_i = d_i. Differs from the paper: there, neurons are pushed and never held.
Weights may be multiplied by a centred rate, rho_j - c_j; the centre c is 0 in the paper.

mSTDP: "Momentum spike-timing dependent plasticity" (Algorithm 1 and sections 2.1 to 2.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from spikesim._jit import kernel
from spikesim.errors import DeclarationError
from spikesim.hopfield.activation import rate, rates
from spikesim.hopfield.mstdp.pending_updates import Pending
from spikesim.hopfield.mstdp.states import Float32, UnitLayout, Weights

Clamp = Literal["free", "pushed", "held"]
CLAMPS = ("free", "pushed", "held")
_HELD = np.float32(-1.0)
_ONE, _FOUR, _ZERO = np.float32(1.0), np.float32(4.0), np.float32(0.0)

IterationCallback = Callable[[int, Float32], None]


@dataclass(frozen=True)
class Phase:
    """A number of iterations under one condition.

    Attributes:
        iterations: number of iterations.
        epsilon: step size, in [0, 2].
        momentum: inertia m, in [0, 0.999].
        inputs: visible inputs are "free", "pushed" towards their data, or "held" at their data.
        outputs: the same for visible outputs.
        beta: strength of the push, in [0, 1].

    Raises:
        DeclarationError: a value out of its range.
    """

    iterations: int
    epsilon: float
    momentum: float = 0.0
    inputs: Clamp = "free"
    outputs: Clamp = "free"
    beta: float = 0.0

    def __post_init__(self) -> None:
        if int(self.iterations) != self.iterations or self.iterations < 0:
            raise DeclarationError(f"Phase: iterations = {self.iterations!r}; a whole number >= 0 is needed")
        for name, low, high in (("epsilon", 0.0, 2.0), ("momentum", 0.0, 0.999), ("beta", 0.0, 1.0)):
            if not low <= getattr(self, name) <= high:
                raise DeclarationError(
                    f"Phase: {name} = {getattr(self, name)!r} is out of range; it must be in "
                    f"[{low:g}, {high:g}]"
                )
        for name in ("inputs", "outputs"):
            if getattr(self, name) not in CLAMPS:
                raise DeclarationError(f"Phase: {name} = {getattr(self, name)!r}; known: {', '.join(CLAMPS)}")

    def clamp(self, layout: UnitLayout) -> Float32:
        """Strength of the push on each visible neuron, float32 (visible,): beta, 0 if free, -1 if held."""
        strength = {"free": 0.0, "pushed": self.beta, "held": float(_HELD)}
        found = np.empty(layout.n_visible, np.float32)
        found[layout.inputs] = strength[self.inputs]
        found[layout.outputs] = strength[self.outputs]
        return found


@dataclass(frozen=True, eq=False)
class States:
    """States s and velocities v, float32 (batch, neurons) each, changed in place."""

    s: Float32
    v: Float32

    @staticmethod
    def zeros(batch: int, layout: UnitLayout) -> States:
        """States and velocities of 0."""
        return States(np.zeros((batch, layout.n), np.float32), np.zeros((batch, layout.n), np.float32))

    @staticmethod
    def at(s: Float32) -> States:
        """The given states with velocities of 0."""
        return States(np.ascontiguousarray(s, np.float32), np.zeros_like(s, np.float32))


@kernel
def advance(s, v, rho, drive, bias, target, clamp, epsilon, m, rho_next):  # type: ignore[no-untyped-def]
    """One iteration of all given columns, float32 (batch, columns), of which the first are visible.

    Reads the rates `rho` of s and the weighted sums `drive`; `target` (batch, visible) and `clamp` (visible,)
    belong to the visible columns. Writes s, v, the new rates `rho_next`, and the force R - s into `drive`.
    Short loops over one row at a time stay in the cache and vectorise; one loop over all arrays would not.
    """
    n_visible = target.shape[1]
    for b in range(s.shape[0]):
        row_s, row_v, row_rho, row_drive, row_next = s[b], v[b], rho[b], drive[b], rho_next[b]
        row_target = target[b]
        for i in range(row_s.size):
            q = row_rho[i]
            row_drive[i] = _FOUR * q * (_ONE - q) * (row_drive[i] + bias[i]) - row_s[i]
        for i in range(row_s.size):
            row_v[i] = m * row_v[i] + row_drive[i]
        for i in range(n_visible):
            pull = clamp[i] * (row_target[i] - row_s[i])
            if clamp[i] < _ZERO:  # held: the state already equals the data
                row_v[i] = _ZERO
                pull = _ZERO
            row_s[i] = row_s[i] + pull
        for i in range(row_s.size):
            row_s[i] = row_s[i] + epsilon * row_v[i]
        for i in range(row_s.size):
            row_next[i] = rate(row_s[i])


@kernel
def signals(rho, rho_next, force, clamp, smoothing, signal):  # type: ignore[no-untyped-def]
    """Postsynaptic factor of the rule: signal[...] = d rho_i - smoothing (R_i - s_i) rho'_i; 0 if held.

    Arrays are float32 (batch, columns); `force` is R - s before the step, `clamp` (visible,) belongs to the
    visible columns.
    """
    for b in range(rho.shape[0]):
        row_rho, row_next, row_force, row_signal = rho[b], rho_next[b], force[b], signal[b]
        for i in range(row_rho.size):
            q = row_rho[i]
            row_signal[i] = row_next[i] - q - smoothing * row_force[i] * (_FOUR * q * (_ONE - q))
        for i in range(clamp.size):
            if clamp[i] < _ZERO:
                row_signal[i] = _ZERO


def relax(
    weights: Weights,
    layout: UnitLayout,
    states: States,
    target: Float32,
    phase: Phase,
    *,
    centre: Float32 | None = None,
    pending: Pending | None = None,
    watch: IterationCallback | None = None,
    tail: int = 1,
) -> Float32:
    """Run a phase; states change in place.

    Held inputs are constant, so that their contribution is computed once per phase. With `pending`, the rule
    acts on every iteration; if it is immediate, updates that are still pending contribute to the drive.

    Args:
        weights: weights and biases; only `pending` changes them, when it is flushed.
        layout: positions of the neurons.
        states: (batch, neurons).
        target: data of the visible neurons, float32 (batch, visible); finite even if nothing is clamped.
        phase: the condition.
        centre: c, float32 (neurons,); None for 0.
        pending: receives rates and signals of each iteration; None for no learning.
        watch: called as watch(t, s) after iteration t.
        tail: number of last iterations over which output rates are averaged.

    Returns:
        Mean rates of the visible outputs, float32 (batch, outputs).
    """
    for part, how in ((layout.inputs, phase.inputs), (layout.outputs, phase.outputs)):
        if how == "held":
            states.s[:, part] = target[:, part]
            states.v[:, part] = 0.0
    shortened = phase.inputs == "held" and (pending is None or not pending.immediate)
    first = layout.n_in if shortened else 0
    run = _Columns(weights, layout, states, centre, first)
    if pending is not None:
        pending.start(phase.iterations, len(states.s), run.constant)
    clamp, wanted = phase.clamp(layout)[first:], np.ascontiguousarray(target[:, first:])
    mean = np.zeros((len(states.s), layout.n_out), np.float32)
    tail = min(max(tail, 1), max(phase.iterations, 1))
    step = (np.float32(phase.epsilon), np.float32(phase.momentum))
    for t in range(phase.iterations):
        seen = run.seen(pending)
        run.drive_from(seen)
        if pending is not None and pending.immediate:
            pending.correct(seen, run.drive)
        advance(run.s, run.v, run.rho, run.drive, run.bias, wanted, clamp, *step, run.rho_next)
        if pending is not None:
            slot = pending.signal_slot()
            signals(run.rho, run.rho_next, run.drive, clamp, np.float32(pending.smoothing), slot)
            pending.took()
        run.rho, run.rho_next = run.rho_next, run.rho
        if t >= phase.iterations - tail:
            mean += run.output_rates() / np.float32(tail)
        if watch is not None:
            watch(t, run.whole())
    run.whole()
    return mean if phase.iterations else run.output_rates().copy()


class _Columns:
    """Columns from `first` on during a phase: compact arrays, and the drive by the constant columns."""

    def __init__(
        self, weights: Weights, layout: UnitLayout, states: States, centre: Float32 | None, first: int
    ) -> None:
        self.weights, self.layout, self.states, self.first = weights, layout, states, first
        self.s, self.v = (np.ascontiguousarray(a[:, first:]) for a in (states.s, states.v))
        self.bias = weights.bias[first:]
        self.centre = None if centre is None else centre[first:]
        self.rho, self.rho_next, self.drive = (np.empty_like(self.s) for _ in range(3))
        self._seen = np.empty_like(self.s)
        rates(self.s, self.rho)
        self.constant: Float32 | None = None
        self.constant_drive: Float32 | None = None
        if first:
            held = np.ascontiguousarray(states.s[:, :first])
            self.constant = np.empty_like(held)
            rates(held, self.constant)
            if centre is not None:
                self.constant -= centre[:first]
            self.constant_drive = self.constant @ weights.to_hidden[:first]

    def seen(self, pending: Pending | None) -> Float32:
        """Rates minus the centre, (batch, columns); written into the slot of `pending`, if given."""
        if pending is None and self.centre is None:
            return self.rho
        out = self._seen if pending is None else pending.pre_slot()
        np.subtract(self.rho, np.float32(0.0) if self.centre is None else self.centre, out=out)
        return out

    def drive_from(self, seen: Float32) -> None:
        """Compute drive = weighted sums of the centred rates `seen`."""
        first, n_visible = self.first, self.layout.n_visible - self.first
        rows = self.weights.to_hidden.shape[0] - first
        np.matmul(seen[:, :rows], self.weights.to_hidden[first:], out=self.drive[:, n_visible:])
        if self.constant_drive is not None:
            self.drive[:, n_visible:] += self.constant_drive
        np.matmul(seen[:, n_visible:], self.weights.to_visible[:, first:], out=self.drive[:, :n_visible])

    def output_rates(self) -> Float32:
        """Rates of the visible outputs, (batch, outputs)."""
        return self.rho[:, self.layout.n_in - self.first : self.layout.n_visible - self.first]

    def whole(self) -> Float32:
        """Copy the columns back; returns all states, (batch, neurons)."""
        self.states.s[:, self.first :] = self.s
        self.states.v[:, self.first :] = self.v
        return self.states.s
