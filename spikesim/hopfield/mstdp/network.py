"""mSTDP: a continuous Hopfield network that learns from the trajectory between its fixed points.

A trial consists of cycles of a clamped phase, in which the rule acts at each iteration, and a free phase
(mSTDP, Algorithm 1). Inputs and labels are both visible neurons, so that one network can classify (inputs
clamped), generate (labels clamped) and dream (nothing clamped).

`Mstdp()` is the configuration of the paper. Values that the paper leaves open, and changes to it, are fields;
the description of a change begins "Differs from the paper:", and `amendments` lists the changes in use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from spikesim.errors import DeclarationError, unknown
from spikesim.hopfield.activation import sigmoid4
from spikesim.hopfield.divergence import check_states
from spikesim.hopfield.mstdp.pending_updates import Pending
from spikesim.hopfield.mstdp.relaxation import Clamp, Phase, States, relax
from spikesim.hopfield.mstdp.rule import MstdpRule
from spikesim.hopfield.mstdp.states import Float32, UnitLayout, Weights, initial_states, initial_weights


@dataclass(frozen=True)
class Mstdp:
    """Configuration of an mSTDP network; the defaults are those of the paper (section 3).

    Attributes:
        n_in, n_out, n_hidden: number of input, output and hidden neurons.
        lateral: whether hidden neurons are connected to each other.
        alpha: learning rate.
        epsilon: step size of an iteration.
        beta: strength of the push of clamped neurons towards their data.
        momentum: inertia in clamped phases; it is 0 in free phases.
        iterations: iterations of a clamped phase.
        free_iterations: iterations of a free phase (the paper: the same 32).
        cycles: number of clamped and free phases of a trial.
        init: bound of the uniform initial weights and biases, or factor of Xavier's bound.
        smoothing: strength of the smoothing term (eq. 16); 0 is eq. 7. See `MstdpRule`.
        test_cycles: number of clamped and free phases that classify a sample.
        low, high: states that encode data 0 and 1. The paper does not print them.
        batch: Differs from the paper: samples per batch, each with separate states.
        centre: Differs from the paper: weights are multiplied by rates minus 1/2 ("half"), or by rates minus
            the mean in the training data for inputs and minus 1/2 for the others ("mean").
        held: Differs from the paper: "inputs" holds inputs at their data in all phases, so that a free phase
            frees only the labels, as a test does; "outputs" holds the labels instead, as generation does;
            "alternate" holds inputs in even cycles and labels in odd ones.
        generating_gain: Differs from the paper: while labels are held, weights into hidden neurons are fixed,
            except those from labels, whose alpha has this factor.
        decoder_init: Differs from the paper: factor of the initial weights from hidden neurons to inputs.
        label_init: Differs from the paper: factor of the initial weights from labels to hidden neurons.
        restart: Differs from the paper: states return to rest before each "sample" or "cycle". At rest, rates
            equal the centre; without a centre, states are 0.
        free_first: Differs from the paper: a cycle begins with its free phase.
        learn_first: Differs from the paper if False: no learning in the first clamped phase of a trial.
        immediate: Differs from the paper if False: the updates of a phase are applied at its end.
        hidden_gain, feedback_gain, decay: Differs from the paper: see `MstdpRule`.
        schedule: Differs from the paper if "linear": alpha falls to 0 over the training.
        averaging: Differs from the paper: tests use a running mean of the weights, with this factor per
            batch; 0 for no averaging.
        xavier: Differs from the paper: `init` is a factor of Xavier's bound.
        mirrored: Differs from the paper: the weights of both directions are initially equal; they learn
            independently.
        test_iterations: iterations of a test in which inputs (or labels) are held.
        test_tail: number of last iterations over which label rates are averaged; 1 is the last one alone.
        limit: largest |state|; beyond it the training has diverged.

    Raises:
        DeclarationError: a field is out of range; the message contains the range.
    """

    n_in: int = 784
    n_out: int = 10
    n_hidden: int = 2048
    lateral: bool = True
    alpha: float = 0.001
    epsilon: float = 0.2
    beta: float = 0.8
    momentum: float = 0.4
    iterations: int = 32
    free_iterations: int = 32
    cycles: int = 10
    init: float = 0.1
    smoothing: float = 0.2
    test_cycles: int = 3
    low: float = 0.0
    high: float = 1.0
    batch: int = 1
    centre: Literal["none", "half", "mean"] = "none"
    held: Literal["none", "inputs", "outputs", "alternate"] = "none"
    generating_gain: float = 1.0
    decoder_init: float = 1.0
    label_init: float = 1.0
    restart: Literal["never", "sample", "cycle"] = "never"
    free_first: bool = False
    learn_first: bool = True
    immediate: bool = True
    hidden_gain: float = 1.0
    feedback_gain: float = 1.0
    decay: float = 0.0
    schedule: Literal["constant", "linear"] = "constant"
    averaging: float = 0.0
    xavier: bool = False
    mirrored: bool = False
    test_iterations: int = 64
    test_tail: int = 1
    limit: float = 50.0

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise DeclarationError(f"Mstdp: {unknown(name, getattr(self, name), known)}")
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise DeclarationError(
                    f"Mstdp: {name} = {getattr(self, name)!r} is out of range; it must be in "
                    f"[{low:g}, {high:g}]"
                )
        if not self.low < self.high:
            raise DeclarationError(f"Mstdp: low = {self.low} is not below high = {self.high}")
        self.layout  # noqa: B018 - checks the sizes
        self.rule  # noqa: B018 - checks the learning rates

    @property
    def layout(self) -> UnitLayout:
        """Positions of the neurons."""
        return UnitLayout(self.n_in, self.n_out, self.n_hidden)

    @property
    def rule(self) -> MstdpRule:
        """Parameters of the learning rule."""
        return MstdpRule(
            self.alpha, self.smoothing, self.hidden_gain, self.feedback_gain, self.decay, self.immediate
        )

    def clamped(self, inputs: Clamp = "pushed", outputs: Clamp = "pushed") -> Phase:
        """A clamped phase with the given condition of inputs and outputs."""
        return Phase(self.iterations, self.epsilon, self.momentum, inputs, outputs, self.beta)

    def free(self, inputs: Clamp = "free", outputs: Clamp = "free") -> Phase:
        """A free phase with the given condition of inputs and outputs."""
        return Phase(self.free_iterations, self.epsilon, 0.0, inputs, outputs, 0.0)


_CHOICES = {
    "centre": ("none", "half", "mean"),
    "held": ("none", "inputs", "outputs", "alternate"),
    "restart": ("never", "sample", "cycle"),
    "schedule": ("constant", "linear"),
}
_RANGES = {
    "epsilon": (0.0, 2.0),
    "beta": (0.0, 1.0),
    "momentum": (0.0, 0.999),
    "iterations": (1, 100_000),
    "free_iterations": (0, 100_000),
    "cycles": (1, 100_000),
    "test_cycles": (1, 100_000),
    "test_iterations": (1, 100_000),
    "test_tail": (1, 100_000),
    "batch": (1, 100_000),
    "init": (0.0, 100.0),
    "generating_gain": (0.0, 1e6),
    "decoder_init": (0.0, 100.0),
    "label_init": (0.0, 100.0),
    "averaging": (0.0, 1.0),
    "limit": (1.0, 1e6),
    "low": (-10.0, 10.0),
    "high": (-10.0, 10.0),
}
# Sizes, and the length of a test: these are no amendments.
_NEUTRAL = ("n_in", "n_out", "n_hidden", "limit", "test_cycles", "test_iterations")


def amendments(config: Mstdp) -> tuple[str, ...]:
    """Differences from the paper's configuration as "name = value", in the order of the fields."""
    paper, changed = Mstdp(), []
    for field in fields(Mstdp):
        value: Any = getattr(config, field.name)
        if field.name not in _NEUTRAL and value != getattr(paper, field.name):
            changed.append(f"{field.name} = {value}")
    return tuple(changed)


@dataclass(frozen=True, eq=False)
class Net:
    """An mSTDP network, whose weights and states change in place.

    Attributes:
        config: the configuration.
        weights: weights and biases.
        states: states of the samples of a batch; in the paper they carry over from sample to sample.
        centre: subtracted from the rates that weights are multiplied by, float32 (neurons,); None for 0.
    """

    config: Mstdp
    weights: Weights
    states: States
    centre: Float32 | None


def initial(config: Mstdp, seed: int, mean_input: Float32 | None = None) -> Net:
    """Create a network with random weights and states.

    Args:
        config: the configuration.
        seed: of all random numbers.
        mean_input: mean rates of the inputs, (n_in,), for centre = "mean".

    Raises:
        DeclarationError: centre = "mean" without mean_input.
    """
    layout = config.layout
    weights = initial_weights(
        layout,
        seed,
        lateral=config.lateral,
        bound=config.init,
        scale="xavier" if config.xavier else "uniform",
        mirrored=config.mirrored,
    )
    weights.to_visible[:, layout.inputs] *= np.float32(config.decoder_init)
    weights.to_hidden[layout.outputs] *= np.float32(config.label_init)
    centre = None
    if config.centre != "none":
        centre = np.full(layout.n, 0.5, np.float32)
    if config.centre == "mean":
        if mean_input is None:
            raise DeclarationError("Mstdp: centre = 'mean' needs the mean rates of the inputs: mean_input")
        assert centre is not None
        centre[layout.inputs] = mean_input
    if config.restart == "never":
        states = States.at(initial_states(layout, config.batch, seed))
    else:
        states = at_rest(layout, centre, config.batch)
    return Net(config, weights, states, centre)


def at_rest(layout: UnitLayout, centre: Float32 | None, batch: int) -> States:
    """States at rest: s = logit(c) / 4, so that rates equal the centre c; 0 without a centre."""
    states = States.zeros(batch, layout)
    if centre is not None:
        states.s[...] = np.log(centre / (1 - centre)) / 4
    return states


def scaled(config: Mstdp, x: Float32) -> Float32:
    """Convert data in [0, 1] to states in [low, high], float32."""
    return (np.float32(config.low) + np.float32(config.high - config.low) * x).astype(np.float32)


def mean_rates(config: Mstdp, x: Float32) -> Float32:
    """Mean rates of the inputs over training images x, float32 (n_in,)."""
    return sigmoid4(scaled(config, x)).mean(0).astype(np.float32)


def targets(config: Mstdp, x: Float32 | None, labels: np.ndarray | None, batch: int) -> Float32:
    """Data of the visible neurons as states, float32 (batch, visible); `low` if x or labels are None."""
    found = np.full((batch, config.layout.n_visible), config.low, np.float32)
    if x is not None:
        found[:, config.layout.inputs] = scaled(config, x)
    if labels is not None:
        found[np.arange(batch), config.n_in + labels] = config.high
    return found


def schedule_of(config: Mstdp) -> Iterator[tuple[Phase, bool]]:
    """The phases of one trial in order, each with whether the rule acts in it (Algorithm 1)."""
    for cycle in range(config.cycles):
        held: dict[str, Clamp] = {}
        if config.held == "inputs" or (config.held == "alternate" and cycle % 2 == 0):
            held = {"inputs": "held"}
        elif config.held in ("outputs", "alternate"):
            held = {"outputs": "held"}
        clamped = config.clamped(**held)
        learns = config.learn_first or cycle > 0
        order = [(clamped, learns), (config.free(**held), False)]
        yield from reversed(order) if config.free_first else order


def present(net: Net, x: Float32, labels: np.ndarray, alpha: float, step: int = 0) -> None:
    """Run one trial of a batch with learning.

    Args:
        net: changed in place.
        x: images in [0, 1], float32 (batch, n_in).
        labels: int (batch,).
        alpha: the current learning rate.
        step: number of this trial, for messages.

    Raises:
        DivergenceError: a state beyond the limit.
    """
    config, layout = net.config, net.config.layout
    target = targets(config, x, labels, len(x))
    pending = Pending(net.weights, layout, config.rule, alpha)
    for k, (phase, learns) in enumerate(schedule_of(config)):
        if (config.restart == "cycle" and k % 2 == 0) or (config.restart == "sample" and k == 0):
            rest = at_rest(layout, net.centre, len(x))
            net.states.s[...], net.states.v[...] = rest.s, rest.v
        pending.generating = config.generating_gain if phase.outputs == "held" else None
        relax(
            net.weights,
            layout,
            net.states,
            target,
            phase,
            centre=net.centre,
            pending=pending if learns else None,
        )
        check_states(net.states.s, config.limit, "mSTDP", step)
        pending.flush()
