"""What a network of EMSTDP is made from: what the paper prints, and what it leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import spikesim.grid as grids
from spikesim.encoders import Encoder, Poisson, Regular
from spikesim.errors import DeclarationError
from spikesim.training.config import Training
from spikesim.window import Span, Window


@dataclass(frozen=True)
class Emstdp:
    """A configuration of EMSTDP; every choice that the paper leaves open is a field.

    Defaults are the amended rule; `models.emstdp.presets` has the literal one and every row of table 2.
    Amendments are marked "Differs from the paper:".

    Attributes:
        sizes: neurons of the input, the hidden layers and the output.
        feedback: "symmetric" (SW), "fa" or "dfa" (section 3.5).
        error_form: "ternary" (eq. 9) or "pair" (two IF neurons, as stock hardware processes have them).
        T: steps of a presentation, even (section 4.2: 200).
        forward_delay: steps of each forward projection. Differs from the authors' code, where every hop acts
            one step later: the equations have none.
        error_delay: steps of each projection that leaves an error neuron, at least 1.
        replay: Differs from the paper: the second phase repeats the first phase's input spikes.
        reset_at_split: Differs from the paper: membranes are cleared between the phases.
        target_rate: spikes a step of the true class's target (section 3.4: 0.2).
        theta_loss: threshold of the loss neurons (section 3.4: 5, for a rate of 0.2), on the grid.
        w_loss: weight of the loss circuit (section 3.4: 1), on the grid.
        gate: error neurons act only where their neuron has fired in the first phase (the h' of eq. 5).
        gamma: injection in units of the threshold (eq. 13).
        eta: step size in units of theta / (T / 2)**2, or the weight of a normalised step.
        eta_decay: the step size is multiplied by it after each epoch.
        h_pre: span in which presynaptic spikes are counted (algorithm 1: "all"; the authors' code: "first").
        step: "plain" (eq. 12), or "normalised" (the authors' code).
        clip: range of the plastic weights; one for all layers, or one for each, from the first hidden to the
            output.
        init_scale: variance of the initial weights, times the fan-in (section 4).
        beta_hidden, beta_out: thresholds n * sigma * beta of hidden and output layers (section 4).
        beta_error: thresholds of the hidden error neurons, n * sigma * beta with the n and sigma of their
            feedback.
        eta_hidden: factor of the step size of all but the output's weights.
        b_scale: Differs from the paper, which does not say how the fixed feedback (FA, DFA) is drawn: its
            standard deviation in units of that of the forward weights into the layer above; thresholds do not
            follow it.
        floor: the lowest membrane of hidden and output neurons in units of -theta; None for none.
        grid: bits of the propagation grid; one for all layers, or one for each. Error neurons have the grid
            of the layer whose weights reach them.
        coding: "poisson" (section 4.2), "shared" (the authors' code), or "regular" (their chip version).
        batch: presentations whose updates are summed; 1 is online.
    """

    sizes: tuple[int, ...] = (784, 500, 10)
    feedback: Literal["symmetric", "fa", "dfa"] = "symmetric"
    error_form: Literal["ternary", "pair"] = "ternary"
    T: int = 100
    forward_delay: int = 0
    error_delay: int = 1
    replay: bool = True
    reset_at_split: bool = True
    target_rate: float = 0.3
    theta_loss: float = 2.0
    w_loss: float = 1.0
    gate: bool = False
    gamma: float = 1.0
    eta: float = 0.1
    eta_decay: float = 0.85
    h_pre: Span = "first"
    step: Literal["plain", "normalised"] = "plain"
    clip: float | tuple[float, ...] = 1.0
    init_scale: float = 3.0
    beta_hidden: float = 0.125
    beta_out: float = 0.05
    beta_error: float | tuple[float, ...] = 0.25
    eta_hidden: float = 1.0
    b_scale: float = 1.0
    floor: float | None = None
    grid: int | tuple[int, ...] = 12
    coding: Literal["poisson", "shared", "regular"] = "poisson"
    batch: int = 1

    def __post_init__(self) -> None:
        if len(self.sizes) < 2:
            raise DeclarationError(
                f"Emstdp: sizes = {self.sizes}; at least an input and an output are needed"
            )
        for layer, n in enumerate(self.sizes):
            if int(n) != n or n < 1:
                raise DeclarationError(f"Emstdp: sizes[{layer}] = {n!r}; a layer has at least one neuron")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise DeclarationError(
                    f"Emstdp: {name} = {getattr(self, name)!r}; known: {', '.join(map(repr, known))}"
                )
        for name, (low, high) in _RANGES.items():
            if any(not low <= value <= high for value in _each(getattr(self, name))):
                raise DeclarationError(
                    f"Emstdp: {name} = {getattr(self, name)!r}; it has to lie in [{low}, {high}]"
                )
        self._check_layers()
        Window.halved(self.T)

    def _check_layers(self) -> None:
        """As many values as there are layers, and grids that hold the loss circuit."""
        hidden = len(self.sizes) - 2
        for name, n in (("clip", hidden + 1), ("grid", hidden + 1), ("beta_error", hidden)):
            given = getattr(self, name)
            if isinstance(given, tuple) and len(given) != n:
                kind = "hidden layers" if n == hidden else "layers, hidden and output"
                raise DeclarationError(
                    f"Emstdp: {name} = {given}; {n} values are needed ({kind}), or one for all"
                )
        for bits in _each(self.grid):
            grids.check_bits(bits, "Emstdp")
            for name in ("theta_loss", "w_loss"):
                grids.on_grid(getattr(self, name), bits, f"Emstdp: {name} with grid = {bits}")


Value = TypeVar("Value", int, float)


def of_layer(value: Value | tuple[Value, ...], layer: int) -> Value:
    """The value of a layer, counted from 1: its own, or the one for all."""
    return value[layer - 1] if isinstance(value, tuple) else value


def _each(value: Value | tuple[Value, ...]) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


_CHOICES = {
    "feedback": ("symmetric", "fa", "dfa"),
    "error_form": ("ternary", "pair"),
    "step": ("plain", "normalised"),
    "coding": ("poisson", "shared", "regular"),
}
_RANGES = {
    "target_rate": (1e-3, 1.0),
    "theta_loss": (1e-3, 1e4),
    "w_loss": (1e-3, 1e4),
    "gamma": (0.0, 1e3),
    "eta": (0.0, 1e3),
    "eta_decay": (1e-3, 1.0),
    "clip": (1e-3, 7.99),
    "init_scale": (1e-6, 1e3),
    "beta_hidden": (1e-6, 1e3),
    "beta_out": (1e-6, 1e3),
    "beta_error": (1e-6, 1e3),
    "eta_hidden": (0.0, 1e3),
    "b_scale": (1e-6, 1e3),
    "forward_delay": (0, 100),
    "error_delay": (1, 100),
    "batch": (1, 100_000),
}


def encoder(config: Emstdp) -> Encoder:
    """The encoder of a configuration."""
    return Regular() if config.coding == "regular" else Poisson(shared=config.coding == "shared")


def training(config: Emstdp, epochs: int, seed: int = 1) -> Training:
    """The settings of a training that a configuration asks for: its batch and its schedule."""
    return Training(epochs=epochs, batch=config.batch, eta_decay=config.eta_decay, seed=seed)
