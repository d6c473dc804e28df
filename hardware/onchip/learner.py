"""EMSTDP as a learner on a chip: layers, error neurons and learning rules as plain integers.

Time of a trial: two phases of P = T / 2 steps, each a learning epoch, on one clock for all neurons. A spike
acts one step later. With L layers of weights the input is silent in the last L steps of a phase, so that
every spike has arrived when the phase ends:

    steps 1 .. P - L            of each phase: input spikes
    steps 2 .. P - L            of the second phase: error neurons may fire
    steps 2 + L ..              of the second phase: label spikes, in time with the output's spikes

Membranes are reset where a phase begins. Without error spikes both phases are equal, and no weight changes.

    dw = eta h_pre (h[second] - h[first])  =  2 eta x1 y2 - eta x1 y1
    x1 = h_pre (second phase, or all),  y1 = h[first] + h[second],  y2 = h[second]

Weights, thresholds and injections of a layer are integers in units of `unit`. "float" is Lava's floating
point: the unit is 2**-28, and nothing saturates. "fixed" is the arithmetic of the chip's learning engine as
Lava's fixed point has it: weights -256 .. 255, traces of 7 bits, an accumulator of 15 bits and sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError
from spikesim.hardware.limits import LimitError
from spikesim.spikes import Spikes

Arithmetic = Literal["float", "fixed"]
Feedback = Literal["symmetric", "fa", "dfa"]
HPre = Literal["second", "all"]
Ints = npt.NDArray[np.int64]

EPOCH = 63  # steps of a learning epoch: 6 bits
TRACE = 127  # a trace: 7 bits
WEIGHTS = (-256, 255)  # as Lava's fixed point learns them: 8 bits and a sign
THRESHOLD = 2**17 - 1
EXPONENTS = (-7, 8)  # of eta in units of a weight; the larger product has one more, and 9 is the limit


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer of neurons, the weights into it, and its error neurons.

    Attributes:
        name: of the population.
        n: neurons.
        w: int64 (n_pre, n), initial weights.
        theta: threshold.
        inject: weight of the injection by its error neurons; 0 for none.
        eta: exponent of the learning rate, a power of two in units of weights.
        unit: value of one count of a weight.
        theta_error: threshold of the error neurons, in units of the feedback.
        feedback: int64 (n_above, n), fixed feedback onto its error neurons; None for the output, and where
            the host transports the weights above ("symmetric").
    """

    name: str
    n: int
    w: Ints
    theta: int
    inject: int
    eta: int
    unit: float
    theta_error: int
    feedback: Ints | None = None


@dataclass(frozen=True, eq=False)
class Learner:
    """A learner; see the module for its timing.

    Attributes:
        arithmetic: "float" or "fixed".
        T: steps of a trial.
        layers: from the first hidden layer to the output.
        feedback: "symmetric" (transported by the host between trials), "fa" or "dfa".
        gate: an error neuron acts only if its partner has fired in the first phase (eq. 5).
        h_pre: span in which presynaptic spikes are counted.
        loss: weight of label and output onto the output's error neurons.
        label: int64, spikes of the true class in the steps in which labels are sent.
        notes: what differs from the declared network, each in a sentence.

    Raises:
        LimitError: the chip cannot hold it: which limit, which layer, and the way out.
    """

    arithmetic: Arithmetic
    T: int
    layers: tuple[Layer, ...]
    feedback: Feedback
    gate: bool
    h_pre: HPre
    loss: int
    label: Ints
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_time(self.T, len(self.layers))
        if self.arithmetic == "fixed":
            for layer in self.layers:
                _check_layer(layer)

    @property
    def half(self) -> int:
        """Steps of a phase, which is a learning epoch."""
        return self.T // 2

    @property
    def active(self) -> int:
        """Steps of a phase in which the input may fire."""
        return self.half - len(self.layers)

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return int(self.layers[0].w.shape[0])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of the input and of each layer."""
        return (self.n_in, *(layer.n for layer in self.layers))

    def above(self, k: int) -> Layer:
        """The layer whose error neurons reach those of layers[k]."""
        return self.layers[-1] if self.feedback == "dfa" else self.layers[k + 1]

    def check(self, spikes: Spikes, labels: npt.NDArray[Any] | None) -> None:
        """Check trials against the learner.

        Raises:
            DataError: other inputs, other steps, or labels beyond the outputs.
        """
        if (spikes.n, spikes.T) != (self.n_in, self.active):
            raise DataError(
                f"on-chip learning: trials of {spikes.n} inputs and {spikes.T} steps; {self.n_in} inputs and "
                f"{self.active} steps are needed: a phase has {self.half}, and the last {len(self.layers)} "
                f"are silent, one for each layer of weights"
            )
        if labels is None:
            return
        n = self.layers[-1].n
        given = np.asarray(labels)
        if given.shape != (len(spikes),) or given.dtype.kind not in "iu":
            raise DataError(
                f"on-chip learning: labels of shape {given.shape} and type {given.dtype}; integers of shape "
                f"({len(spikes)},), one for each trial, are needed"
            )
        wrong = np.flatnonzero((given < 0) | (given >= n))
        if len(wrong):
            raise DataError(
                f"on-chip learning: label {given[wrong[0]]} of trial {wrong[0]}; the learner has {n} "
                f"outputs, so labels are 0 .. {n - 1}. Declare a larger output layer, or leave these trials "
                f"out"
            )


def _check_time(T: int, hops: int) -> None:
    least = 2 * hops + 2
    if T % 2 or least > T // 2:
        raise LimitError(
            f"on-chip learning: T = {T} with {hops} layers of weights; a trial has two equal phases of at "
            f"least {least} steps, in which spikes pass all layers and back. Take an even T >= "
            f"{4 * hops + 4}"
        )
    if T // 2 > EPOCH:
        raise LimitError(
            f"on-chip learning: T = {T}; a phase of {T // 2} steps is a learning epoch, which has at most "
            f"{EPOCH} steps on the chip (6 bits). Take T <= {2 * EPOCH}"
        )


def _check_layer(layer: Layer) -> None:
    high = WEIGHTS[1] // 2
    for value, bounds, what, way in (
        (int(layer.w.min(initial=0)), WEIGHTS, "a weight", way_of_weights(layer)),
        (int(layer.w.max(initial=0)), WEIGHTS, "a weight", way_of_weights(layer)),
        (layer.theta, (1, THRESHOLD), "the threshold", "Take a coarser grid, or a smaller beta"),
        (
            layer.theta_error,
            (1, THRESHOLD),
            "the threshold of the error neurons",
            "Take a coarser grid, or a smaller beta_error",
        ),
    ):
        if not bounds[0] <= value <= bounds[1]:
            raise LimitError(
                f"on-chip learning: layer {layer.name}: {what} is {value} in units of {layer.unit:.4g}; "
                f"the chip holds {bounds[0]} .. {bounds[1]}. {way}"
            )
    if not EXPONENTS[0] <= layer.eta <= EXPONENTS[1]:
        raise LimitError(
            f"on-chip learning: layer {layer.name}: eta = {layer.unit * 2.0**layer.eta:.6g}; the exponent of "
            f"eta is {layer.eta} in units of a weight, and the chip holds {EXPONENTS[0]} .. {EXPONENTS[1]}. "
            f"{nearest(layer.eta, layer.unit)}"
        )
    if layer.feedback is not None and np.abs(layer.feedback).max(initial=0) > high:
        raise LimitError(
            f"on-chip learning: layer {layer.name}: a feedback weight of {np.abs(layer.feedback).max()} "
            f"counts; both signs have 8 bits, -{high} .. {high}. Take a coarser grid for the "
            f"layer above, or a smaller b_scale"
        )


def way_of_weights(layer: Layer) -> str:
    """The way out of weights beyond the chip's: how much coarser the grid has to be."""
    bits, largest = 0, int(np.abs(layer.w).max(initial=0))
    while largest >> bits > WEIGHTS[1]:
        bits += 1
    return f"Take a coarser grid for this layer: {bits} bits less, or smaller initial weights (init_scale)"


def nearest(exponent: int, unit: float) -> str:
    """The way out of a learning rate beyond the exponents: the nearest that they express."""
    low, high = EXPONENTS
    bound = low if exponent < low else high
    return (
        f"The nearest learning rate is 2**{bound} of it, eta = {unit * 2.0**bound:.6g}: the declared one "
        f"times {2.0 ** (bound - exponent):.6g}"
    )
