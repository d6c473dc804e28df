"""A trained mSTDP network as a continuous, spiking and rate-coded `spikesim.Network` for the engines.

A neuron integrates the filtered spikes of the others, its state s changes as in the rate network, and it
fires regularly with rho(s) = sigmoid4(s) spikes per step:

    filter      x(t) = x(t-1) + (I(t) - I0 - x(t-1)) / tau
    state       s(t) = s(t-1) + epsilon (rho'(s(t-1)) (x(t) + b) - s(t-1))
    rate        a(t) = a(t-1) + rho(s(t))
    fire        a spike where a(t) >= 1, and a(t) = a(t) - 1

I0 is the input when all rates equal the centre c of the network, I0_i = sum_j W_ji c_j: x is then the
filtered sum of W_ji (rate_j - c_j), and x = 0 is the resting state from which the rate network starts. If
spike densities equal the rates, the fixed points are those of the rate network for any tau and epsilon; which
of them is reached may depend on both.
Inputs are held: pixels are regular spike trains with the rate of the held state.
Differs from the paper, which has rates only, and no filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import tanh
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from spikesim import Network, simulate
from spikesim._jit import kernel
from spikesim.errors import DataError, DeclarationError
from spikesim.hopfield.activation import sigmoid4
from spikesim.hopfield.mstdp.network import Net
from spikesim.hopfield.mstdp.network import scaled as as_states
from spikesim.hopfield.mstdp.states import Float32, check_images
from spikesim.neurons import Source
from spikesim.neurons.description import NeuronModel, Parameter, Variable
from spikesim.neurons.population import (
    BIAS,
    LIMIT,
    MEMBRANE,
    Advance,
    Ints,
    NeuronState,
    Numbers,
    Values,
    check,
    register,
)
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import Dense
from spikesim.window import Phase, Window

Floats = npt.NDArray[np.float64]
INPUTS, HIDDEN, OUTPUTS = "inputs", "hidden", "outputs"
_GOLDEN = (5**0.5 - 1) / 2


def phases(n: int) -> Floats:
    """Initial values of n accumulators, float64 (n,) in [0, 1): multiples of the golden section modulo 1.

    Neurons of equal rate thus fire spread over the interval, and not all in one step.
    """
    return np.arange(n) * _GOLDEN % 1.0


@register
@dataclass(frozen=True)
class HopfieldNeuron:
    """Neurons of a continuous Hopfield network that send their rates as spikes; real-valued, without a grid.

    The state is float64 (n,) each: "v" is s, "x" the filtered input, "a" the accumulator of the rate.
    Initially s = 0, x = 0 and a = `phases(n)`. The other fields are those of `Neuron`.

    Attributes:
        tau: time constant of the filter in steps, >= 1; 1 is no filter.
        epsilon: step size of s, in (0, 2].
        mean_input: I0, a number or n numbers.
        theta: threshold of the accumulator; must be 1, so that rates are in spikes per step.

    Raises:
        DeclarationError: a field is out of range, or grid, floor or theta is given.
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        "x += (I - I0 - x) / tau; s += epsilon (4 q (1 - q) (x + bias) - s), q = sigmoid(4 s); "
        "a += sigmoid(4 s); spike at a >= 1, then a -= 1",
        parameters=(
            Parameter("tau", "steps", low=1.0, per_neuron=False),
            Parameter("epsilon", "1", high=2.0, positive=True, per_neuron=False),
            BIAS,
            Parameter("mean_input", "weight"),
        ),
        state=(MEMBRANE, Variable("x", "weight", "filtered input"), Variable("a", "1", "accumulated rate")),
    )
    limit: ClassVar[float] = LIMIT

    n: int
    tau: float
    epsilon: float = 0.3
    bias: Values = 0.0
    mean_input: Values = 0.0
    theta: float = 1.0
    grid: int | None = None
    floor: float | None = None
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        check(self)
        if self.grid is not None or self.floor is not None or self.theta != 1.0:
            raise DeclarationError(
                f"HopfieldNeuron: grid = {self.grid!r}, floor = {self.floor!r}, theta = {self.theta!r}; the "
                "neuron uses real numbers and fires at 1: leave grid and floor None, and theta 1.0"
            )

    @cached_property
    def _columns(self) -> tuple[Floats, Floats]:
        """bias and mean_input as arrays, float64 (n,) each."""
        bias, mean = (np.broadcast_to(np.asarray(a, float), self.n) for a in (self.bias, self.mean_input))
        return bias.copy(), mean.copy()

    def initial_state(self) -> NeuronState:
        """Initial state: s and x are 0, accumulators are spread over [0, 1)."""
        return {"v": np.zeros(self.n), "x": np.zeros(self.n), "a": phases(self.n)}

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step; returns the new state, and the spikes, int64 (n,)."""
        bias, mean = self._columns
        s = state["v"]
        x = state["x"] + (current - mean - state["x"]) / self.tau
        q = sigmoid4(s)
        s = s + self.epsilon * (4 * q * (1 - q) * (x + bias) - s)
        a = state["a"] + sigmoid4(s)
        fired = a >= 1
        return {"v": s, "x": x, "a": a - fired}, fired.astype(np.int64)

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`. May differ from `step` in last bits of tanh."""
        bias, mean = self._columns
        tau, epsilon = float(self.tau), float(self.epsilon)

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            v, x, a = state["v"], state["x"], state["a"]
            return _advance(v, x, a, bias, mean, tau, epsilon, current, closed, fired, signs)

        return advance


@kernel
def _advance(v, x, a, bias, mean, tau, epsilon, current, closed, fired, signs):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(v.size):
        arrived = current[j]
        current[j] = 0.0
        if closed.size and closed[j]:
            continue
        y = x[j] + (arrived - mean[j] - x[j]) / tau
        q = 0.5 + 0.5 * tanh(2 * v[j])
        s = v[j] + epsilon * (4 * q * (1 - q) * (y + bias[j]) - v[j])
        if not (abs(s) < LIMIT and abs(y) < LIMIT):
            return -1 - j
        v[j], x[j] = s, y
        a[j] += 0.5 + 0.5 * tanh(2 * s)
        if a[j] >= 1:
            a[j] -= 1
            fired[count] = j
            signs[count] = 1
            count += 1
    return count


def network(net: Net, tau: float, epsilon: float | None = None) -> Network:
    """Declare the network for `simulate`: inputs held, hidden neurons and outputs free, no learning.

    Args:
        net: a trained network; its weights are copied. Feedback to the inputs is omitted, as they are held.
        tau: time constant of the filters, in steps.
        epsilon: step size of the states; None for that of the network.

    Returns:
        Populations "inputs" (Source), "hidden" and "outputs" (HopfieldNeuron); projections of delay 1.
    """
    layout, weights = net.config.layout, net.weights
    down, up = weights.to_hidden.astype(np.float64), weights.to_visible.astype(np.float64)
    links = [
        Dense(INPUTS, HIDDEN, down[layout.inputs], 1),
        Dense(OUTPUTS, HIDDEN, down[layout.outputs], 1),
        Dense(HIDDEN, OUTPUTS, up[:, layout.outputs], 1),
    ]
    if weights.lateral:
        links.append(Dense(HIDDEN, HIDDEN, down[layout.hidden], 1))
    centre = np.zeros(layout.n) if net.centre is None else net.centre.astype(np.float64)
    step = net.config.epsilon if epsilon is None else epsilon
    hidden, outputs = centre[: len(down)] @ down, centre[layout.hidden] @ up[:, layout.outputs]
    return Network(
        {
            INPUTS: Source(layout.n_in),
            HIDDEN: _neurons(tau, step, weights.bias[layout.hidden], hidden),
            OUTPUTS: _neurons(tau, step, weights.bias[layout.outputs], outputs),
        },
        tuple(links),
        Window.without_end(),
    )


def _neurons(tau: float, epsilon: float, bias: npt.NDArray[np.float32], mean: Floats) -> HopfieldNeuron:
    return HopfieldNeuron(len(mean), tau, epsilon, tuple(map(float, bias)), tuple(map(float, mean)))


def regular(rates: npt.ArrayLike, steps: int, first: int = 0) -> Spikes:
    """Regular spike trains: a spike at step t if floor(t r + phase) < floor((t + 1) r + phase).

    Args:
        rates: spikes per step in [0, 1], (n,).
        steps: number of steps.
        first: number of the first step, so that a train can be continued.

    Raises:
        DataError: a rate outside [0, 1].
    """
    r = np.asarray(rates, np.float64)
    if bad := r[~((r >= 0) & (r <= 1))].tolist():
        raise DataError(f"regular: a rate is {bad[0]}; rates must be in [0, 1] spikes per step")
    reached = np.floor(np.arange(first, first + steps + 1)[:, None] * r + phases(len(r)))
    return from_raster(np.diff(reached, axis=0).astype(np.int8))


@dataclass(frozen=True, eq=False)
class Answers:
    """Results of the network on an engine.

    Attributes:
        rates: spikes per step of the label neurons during readout, float64 (samples, n_out).
        classes: the class of each image, int64 (samples,).
        states: final s of inputs, outputs and hidden neurons, float32 (samples, neurons).
    """

    rates: Floats
    classes: npt.NDArray[np.int64]
    states: Float32


def answer(
    net: Net,
    x: npt.ArrayLike,
    tau: float,
    *,
    settle: int,
    read: int = 128,
    epsilon: float | None = None,
    engine: str = "stepped",
) -> Answers:
    """Classify images on an engine, each from rest.

    The class is the label neuron with the most spikes in the last `read` steps; ties are broken by the final
    state, as in a `Readout`.

    Args:
        net: a trained network.
        x: images in [0, 1], (samples, n_in).
        tau: time constant of the filters, in steps.
        settle: steps before the readout.
        read: steps of the readout.
        epsilon: step size of the states; None for that of the network.
        engine: "stepped" or "naive".

    Raises:
        DataError: images of another size, or values outside [0, 1].
        DeclarationError: tau or epsilon out of range.
    """
    images = check_images(x, net.config.n_in, "mSTDP on the engines")
    held = as_states(net.config, images)
    declared = network(net, tau, epsilon)
    found, ends = np.empty((len(held), net.config.n_out)), []
    classes = np.empty(len(held), np.int64)
    for k, r in enumerate(sigmoid4(held).astype(np.float64)):
        begun = simulate(declared, {INPUTS: regular(r, settle)}, engine=engine, steps=settle)
        given = {INPUTS: regular(r, read, settle)}
        run = simulate(declared, given, engine=engine, steps=read, state=begun.state)
        assert run.state is not None
        counts, state = run.counts[OUTPUTS][0].sum(axis=0), run.state.populations
        found[k] = counts / read
        classes[k] = np.lexsort((state[OUTPUTS]["v"], counts))[-1]
        ends.append(np.concatenate([held[k], state[OUTPUTS]["v"], state[HIDDEN]["v"]]))
    return Answers(found, classes, np.array(ends, np.float32))
