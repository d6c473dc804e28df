"""The dynamics of a continuous Hopfield network: momentum inference, free, pushed and held neurons.

With rates rho_j = rho(s_j), one iteration for every neuron i at once is (mSTDP, eqs. 1, 2, 8, 11, 12)

    R_i = rho'(s_i) (sum_j W_ji rho_j + b_i)      pressure of the network
    v_i <- m v_i + (R_i - s_i)                    velocity, with inertia m
    s_i <- s_i + epsilon v_i + beta (d_i - s_i)   beta > 0 for visible neurons that are pushed to their data d

A held neuron stays at its data: s_i = d_i. Differs from the paper: it pushes, and never holds.
Weights may be seen by a centred rate, rho_j - c_j; the centre c is 0 in the paper.

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
from spikesim.hopfield.lowrank import Pending
from spikesim.hopfield.states import Float32, Layout, Weights

Clamp = Literal["free", "pushed", "held"]
CLAMPS = ("free", "pushed", "held")
_HELD = np.float32(-1.0)
_ONE, _FOUR, _ZERO = np.float32(1.0), np.float32(4.0), np.float32(0.0)

Watch = Callable[[int, Float32], None]


@dataclass(frozen=True)
class Phase:
    """A run of iterations under one condition.

    Attributes:
        iterations: how many.
        epsilon: size of a step.
        momentum: inertia m, in [0, 1).
        inputs: whether visible inputs are free, pushed to their data, or held at it.
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
            raise DeclarationError(f"Phase: iterations = {self.iterations!r}; 0 or more are needed")
        for name, low, high in (("epsilon", 0.0, 2.0), ("momentum", 0.0, 0.999), ("beta", 0.0, 1.0)):
            if not low <= getattr(self, name) <= high:
                raise DeclarationError(
                    f"Phase: {name} = {getattr(self, name)!r}; it has to lie in [{low:g}, {high:g}]"
                )
        for name in ("inputs", "outputs"):
            if getattr(self, name) not in CLAMPS:
                raise DeclarationError(f"Phase: {name} = {getattr(self, name)!r}; known: {', '.join(CLAMPS)}")

    def clamp(self, layout: Layout) -> Float32:
        """For each visible neuron beta, 0 where it is free, -1 where it is held; float32 (visible,)."""
        strength = {"free": 0.0, "pushed": self.beta, "held": float(_HELD)}
        found = np.empty(layout.n_visible, np.float32)
        found[layout.inputs] = strength[self.inputs]
        found[layout.outputs] = strength[self.outputs]
        return found


@dataclass(frozen=True, eq=False)
class States:
    """States s and velocities v, float32 (batch, neurons), changed in place."""

    s: Float32
    v: Float32

    @staticmethod
    def zeros(batch: int, layout: Layout) -> States:
        """States at rest."""
        return States(np.zeros((batch, layout.n), np.float32), np.zeros((batch, layout.n), np.float32))

    @staticmethod
    def at(s: Float32) -> States:
        """The given states, without velocity."""
        return States(np.ascontiguousarray(s, np.float32), np.zeros_like(s, np.float32))


@kernel
def advance(s, v, rho, drive, bias, target, clamp, first, epsilon, m, smoothing, rho_next, signal):  # type: ignore[no-untyped-def]
    """One iteration of the neurons from column `first` on.

    Reads rates `rho` of s and the weighted sums `drive`, all float32 (batch, neurons); `target` and `clamp`
    are those of the visible neurons. Writes s, v, the new rates `rho_next`, and `signal`, which the rule
    learns from: d rho_i - smoothing (R_i - s_i) rho'_i, and 0 where a neuron is held.
    """
    n_visible = target.shape[1]
    for b in range(s.shape[0]):
        for i in range(first, n_visible):
            q = rho[b, i]
            slope = _FOUR * q * (_ONE - q)
            force = slope * (drive[b, i] + bias[i]) - s[b, i]
            velocity = m * v[b, i] + force
            held = clamp[i] < _ZERO
            moved = s[b, i] + epsilon * velocity + clamp[i] * (target[b, i] - s[b, i])
            new = target[b, i] if held else moved
            after = rate(new)
            v[b, i] = _ZERO if held else velocity
            s[b, i] = new
            rho_next[b, i] = after
            signal[b, i] = _ZERO if held else after - q - smoothing * force * slope
        for i in range(n_visible, s.shape[1]):
            q = rho[b, i]
            slope = _FOUR * q * (_ONE - q)
            force = slope * (drive[b, i] + bias[i]) - s[b, i]
            velocity = m * v[b, i] + force
            new = s[b, i] + epsilon * velocity
            after = rate(new)
            v[b, i] = velocity
            s[b, i] = new
            rho_next[b, i] = after
            signal[b, i] = after - q - smoothing * force * slope


def relax(
    weights: Weights,
    layout: Layout,
    states: States,
    target: Float32,
    phase: Phase,
    *,
    centre: Float32 | None = None,
    pending: Pending | None = None,
    watch: Watch | None = None,
    tail: int = 1,
) -> Float32:
    """Run a phase; states change in place.

    Held inputs are constant, so what they drive is one product a phase. With `pending`, every iteration is
    learned from; what is pending already takes part in the drive when the rule acts at each iteration.

    Args:
        weights: the parameters; only `pending` changes them, when it is flushed.
        layout: who is where.
        states: (batch, neurons).
        target: data of the visible neurons, float32 (batch, visible); finite also where nothing is clamped.
        phase: the condition.
        centre: c, float32 (neurons,); None for 0.
        pending: takes rates and signals of each iteration; None to learn nothing.
        watch: called as watch(t, s) after iteration t.
        tail: last iterations whose output rates are averaged.

    Returns:
        Mean rates of the visible outputs, float32 (batch, outputs).
    """
    s, v = states.s, states.v
    clamp = phase.clamp(layout)
    first, rows, n_visible = 0, weights.to_hidden.shape[0], layout.n_visible
    for part, how in ((layout.inputs, phase.inputs), (layout.outputs, phase.outputs)):
        if how == "held":
            s[:, part] = target[:, part]
            v[:, part] = 0.0
    rho, rho_next, drive = np.empty_like(s), np.empty_like(s), np.empty_like(s)
    signal = np.zeros_like(s)
    rates(s, rho)
    rho_next[...] = rho
    seen = _seen(rho, centre)
    held_drive: Float32 | None = None
    if phase.inputs == "held" and (pending is None or not pending.immediate):
        first = layout.n_in
        held_drive = seen[:, :first] @ weights.to_hidden[:first]
    mean = np.zeros((s.shape[0], layout.n_out), np.float32)
    tail = min(max(tail, 1), max(phase.iterations, 1))
    step = (np.float32(phase.epsilon), np.float32(phase.momentum))
    smoothing = np.float32(pending.smoothing if pending is not None else 0.0)
    for t in range(phase.iterations):
        hidden_drive = seen[:, first:rows] @ weights.to_hidden[first:]
        drive[:, n_visible:] = hidden_drive if held_drive is None else hidden_drive + held_drive
        drive[:, first:n_visible] = seen[:, n_visible:] @ weights.to_visible[:, first:]
        if pending is not None and pending.immediate:
            pending.correct(seen, drive)
        advance(s, v, rho, drive, weights.bias, target, clamp, first, *step, smoothing, rho_next, signal)
        if pending is not None:
            pending.add(seen, signal, first)
        rho, rho_next = rho_next, rho
        seen = _seen(rho, centre)
        if t >= phase.iterations - tail:
            mean += rho[:, layout.outputs] / np.float32(tail)
        if watch is not None:
            watch(t, s)
    return mean if phase.iterations else rho[:, layout.outputs].copy()


def _seen(rho: Float32, centre: Float32 | None) -> Float32:
    """Rates as the weights see them."""
    return rho if centre is None else rho - centre
