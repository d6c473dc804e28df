"""Configuration of an EMSTDP network: the printed values, and fields for the values that the paper omits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import spikesim.grid as grids
from spikesim.encoders import Encoder, Poisson, Recorded, Regular
from spikesim.errors import DeclarationError
from spikesim.files.plain_values import plain_fields
from spikesim.models.emstdp.layers import layers_of
from spikesim.training.config import Training
from spikesim.window import Span, Window

FEEDBACKS = {"symmetric": "SW", "fa": "FA", "dfa": "DFA"}  # as the paper abbreviates them
DECAY_BITS = 10  # a decay takes 2**-10 of a weight


@dataclass(frozen=True)
class Emstdp:
    """Configuration of an EMSTDP network; every choice that the paper leaves open is a field.

    The defaults are the amended rule; `models.emstdp.presets` holds the literal one and every row of table 2.
    Amendments are marked "Differs from the paper:".

    Attributes:
        sizes: number of neurons of the input, of each dense hidden layer and of the output.
        feedback: "symmetric" (SW), "fa" or "dfa" (section 3.5).
        error_form: "ternary" (eq. 9), or "pair" (two IF neurons, as standard hardware processes provide).
        T: steps of a trial, an even number (section 4.2: 200).
        forward_delay: delay of each forward projection in steps. Differs from the authors' code, where each
            projection acts one step later: the equations have no delay.
        error_delay: delay in steps of each projection that leaves an error neuron, at least 1.
        replay: Differs from the paper: the second phase repeats the input spikes of the first phase.
        reset_at_split: Differs from the paper: membranes are reset between the phases.
        target_rate: rate of the target neuron of the true class, in spikes per step (section 3.4: 0.2).
        theta_loss: threshold of the loss neurons (section 3.4: 5, for a rate of 0.2), on the grid.
        w_loss: weight of the loss circuit (section 3.4: 1), on the grid.
        gate: an error neuron is active only if its partner has fired in the first phase (the h' of eq. 5).
        gate_upper: Differs from the paper: the gate also closes if the partner has fired in every step of the
            first phase, so that it cannot fire more.
        gamma: weight of the injection in units of the threshold (eq. 13); one value for all layers, or one
            for each, from the first hidden layer to the output. 0: no injection.
        reset: Differs from the paper with "subtract": a spike of a hidden or output neuron leaves what
            exceeds the threshold.
        error_reset: Differs from the paper with "subtract": the same for loss and error neurons.
        update: Differs from the paper with "error": the signed counts of the error neurons (eqs. 5 to 10)
            take the place of the change of the neuron's own count (eq. 12) in the layers' updates;
            "error_hidden" in hidden layers only.
        bounded: Differs from the paper: a count that is to rise by more than it can is changed by what it
            can.
        eta: learning rate in units of theta / (T / 2)**2 ("plain"), or weight change of a normalised step.
        eta_decay: factor of the learning rate after each epoch.
        schedule: Differs from the paper: further factor of the learning rate over the training: "constant",
            "linear" or "cosine", see `Training`.
        average: Differs from the paper: last epochs whose weights are averaged.
        dropout_in, dropout: Differs from the paper: probability that an input or a hidden neuron takes no
            part in a training trial; `dropout`: one value for all hidden layers, or one for each.
        h_pre: span in which presynaptic spikes are counted (algorithm 1: "all"; the authors' code: "first").
        step: "plain" (eq. 12), or "normalised" (the authors' code).
        clip: bound of the absolute plastic weights; one value for all layers, or one for each, from the first
            hidden layer to the output.
        init_scale: variance of the initial weights times the fan-in (section 4).
        beta_hidden, beta_out: beta in the thresholds n * sigma * beta of hidden and output layers
            (section 4).
        beta_error: beta in the thresholds n * sigma * beta of the hidden error neurons, with n and sigma of
            their feedback; one value for all hidden layers, or one for each.
        eta_hidden: factor of the learning rate of all weights except those into the output; one value for all
            hidden layers, or one for each.
        decay: Differs from the paper: share of a weight that is lost per trial at the full learning rate, at
            most 2**-10: a shift by 10 bits every 2**-10 / decay trials, see `CountRule`; it follows the
            schedule of the learning rate. 0: none.
        bias: Differs from the paper: the input and each hidden layer have one more neuron, the last, that
            fires in every step. Its weights start at 0 and learn as the others; dropout includes it.
        b_centred: Differs from the paper: the mean over the sources of the fixed feedback of each neuron is
            0.
        b_scale: Differs from the paper, which does not say how the fixed feedback (FA, DFA) is drawn:
            standard deviation of the feedback in units of that of the forward weights into the layer above.
            Thresholds do not depend on it.
        floor: lower bound of the membrane of hidden and output neurons, in units of -theta; None for no
            bound.
        grid: fractional bits of the propagation grid; one value for all layers, or one for each. Error
            neurons use the grid of the layer whose weights reach them.
        coding: "poisson" (section 4.2), "shared" (the authors' code), or "regular" (their chip version).
            Differs from the paper: "recorded", for data that are spikes already (event cameras).
        batch: trials whose updates are summed; 1 is online learning.
        conv: Differs from the paper (from the authors' chip version): convolutional layers between the input
            and the first dense layer, each (channels, kernel, stride) or (channels, kernel, stride, padding).
            They count as hidden layers, before the dense ones. With feedback "symmetric" or "dfa".
        image: (channels, rows, columns) of the input of the first convolution; () for a square of one
            channel.
        kernels: "learned": by EMSTDP, each kernel entry by the sum over its places; "random": fixed at their
            initial values; else fixed after pretraining: the name of kernels of the package, see
            `models.emstdp.kernels`, or the path of an .npz file with arrays conv1, conv2, ....

    Raises:
        DeclarationError: a field is out of range or off the grid, or has values for another number of layers.
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
    gamma: float | tuple[float, ...] = 1.0
    eta: float = 0.1
    eta_decay: float = 0.85
    h_pre: Span = "first"
    step: Literal["plain", "normalised"] = "plain"
    clip: float | tuple[float, ...] = 1.0
    init_scale: float = 3.0
    beta_hidden: float = 0.125
    beta_out: float = 0.05
    beta_error: float | tuple[float, ...] = 0.25
    eta_hidden: float | tuple[float, ...] = 1.0
    b_scale: float = 1.0
    floor: float | None = None
    grid: int | tuple[int, ...] = 12
    coding: Literal["poisson", "shared", "regular", "recorded"] = "poisson"
    batch: int = 1
    reset: Literal["zero", "subtract"] = "zero"
    error_reset: Literal["zero", "subtract"] = "zero"
    update: Literal["change", "error", "error_hidden"] = "change"
    bounded: bool = False
    b_centred: bool = False
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    average: int = 0
    dropout_in: float = 0.0
    dropout: float | tuple[float, ...] = 0.0
    decay: float = 0.0
    gate_upper: bool = False
    bias: bool = False
    conv: tuple[tuple[int, ...], ...] = ()
    image: tuple[int, ...] = ()
    kernels: str = "learned"

    def __post_init__(self) -> None:
        plain_fields(self)
        if len(self.sizes) < 2:
            raise DeclarationError(
                f"Emstdp: sizes = {self.sizes}; at least an input and an output layer are needed"
            )
        for layer, n in enumerate(self.sizes):
            if int(n) != n or n < 1:
                raise DeclarationError(f"Emstdp: sizes[{layer}] = {n!r}; a whole number >= 1 is needed")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise DeclarationError(
                    f"Emstdp: {name} = {getattr(self, name)!r}; known: {', '.join(map(repr, known))}"
                )
        for name, (low, high) in _RANGES.items():
            if any(not low <= value <= high for value in _each(getattr(self, name))):
                raise DeclarationError(
                    f"Emstdp: {name} = {getattr(self, name)!r} is out of range; it must be in [{low}, {high}]"
                )
        self._check_convolutions()
        self._check_layers()
        if self.gate_upper and not self.gate:
            raise DeclarationError("Emstdp: gate_upper is the upper end of the gate; it needs gate = True")
        if self.bias and self.coding == "recorded":
            raise DeclarationError(
                "Emstdp: bias = True with coding = 'recorded'; an encoder of intensities adds the input that "
                "fires in every step: add it to the recordings, or use bias = False"
            )
        if self.decay * self.batch * 2**DECAY_BITS > 1:
            raise DeclarationError(
                f"Emstdp: decay = {self.decay!r} with batch = {self.batch}; weights decay by "
                f"2**-{DECAY_BITS} in an update, once at most: decay * batch must be <= {2.0**-DECAY_BITS}"
            )
        Window.halved(self.T)

    def _check_convolutions(self) -> None:
        """Check the choices of convolutional networks; `layers_of` checks their sizes."""
        if not self.conv and (self.image or self.kernels != "learned"):
            raise DeclarationError(
                f"Emstdp: image = {self.image}, kernels = {self.kernels!r} without conv; declare the "
                f"convolutional layers, for example conv=((16, 5, 2),)"
            )
        if self.conv and self.bias:
            raise DeclarationError(
                "Emstdp: bias = True with conv: the neuron of a bias has no place in an image; use bias = "
                "False"
            )
        if self.conv and self.feedback == "fa" and self.kernels == "learned":
            raise DeclarationError(
                "Emstdp: feedback = 'fa' with kernels that learn: random feedback through a convolution is "
                "not supported; use feedback='symmetric' or 'dfa', or fixed kernels"
            )

    def _check_layers(self) -> None:
        """Check the number of values by layer, and that the loss circuit is on the grid of each layer."""
        hidden = len(layers_of(self)) - 2
        for name, n in (
            ("clip", hidden + 1),
            ("grid", hidden + 1),
            ("gamma", hidden + 1),
            ("beta_error", hidden),
            ("eta_hidden", hidden),
            ("dropout", hidden),
        ):
            given = getattr(self, name)
            if isinstance(given, tuple) and len(given) != n:
                kind = "hidden layers" if n == hidden else "layers, hidden and output"
                raise DeclarationError(
                    f"Emstdp: {name} = {given} has {len(given)} values; {n} values are needed ({kind}), or "
                    "one number for all layers"
                )
        for bits in _each(self.grid):
            grids.check_bits(bits, "Emstdp")
            for name in ("theta_loss", "w_loss"):
                grids.on_grid(getattr(self, name), bits, f"Emstdp: {name} with grid = {bits}")


Value = TypeVar("Value", int, float)


def of_layer(value: Value | tuple[Value, ...], layer: int) -> Value:
    """The value of a layer (counted from 1): its entry in a tuple, or the one value for all layers."""
    return value[layer - 1] if isinstance(value, tuple) else value


def _each(value: Value | tuple[Value, ...]) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


_CHOICES = {
    "feedback": tuple(FEEDBACKS),
    "error_form": ("ternary", "pair"),
    "step": ("plain", "normalised"),
    "coding": ("poisson", "shared", "regular", "recorded"),
    "reset": ("zero", "subtract"),
    "error_reset": ("zero", "subtract"),
    "update": ("change", "error", "error_hidden"),
    "schedule": ("constant", "linear", "cosine"),
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
    "average": (0, 100_000),
    "dropout_in": (0.0, 0.99),
    "dropout": (0.0, 0.99),
    "decay": (0.0, 2.0**-DECAY_BITS),
}


def encoder(config: Emstdp) -> Encoder:
    """The input encoder of a configuration."""
    if config.coding == "recorded":
        return Recorded()
    if config.coding == "regular":
        return Regular(bias=config.bias)
    return Poisson(shared=config.coding == "shared", bias=config.bias)


def training(config: Emstdp, epochs: int, seed: int = 1) -> Training:
    """The training configuration with the batch, schedule, averaging and dropout of a model configuration."""
    dropout = {"in": config.dropout_in}
    hidden = layers_of(config)[1:-1]
    dropout |= {layer.name: of_layer(config.dropout, k) for k, layer in enumerate(hidden, 1)}
    return Training(
        epochs=epochs,
        batch=config.batch,
        eta_decay=config.eta_decay,
        seed=seed,
        schedule=config.schedule,
        average=config.average,
        dropout={name: p for name, p in dropout.items() if p},
    )
