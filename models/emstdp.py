"""EMSTDP: error-modulated STDP (Shrestha, Fang, Wu, Qiu, "Approximating back-propagation for a biologically
plausible local learning rule in spiking neural networks", ICONS 2019).

`build` wires fig. 4(b) (symmetric weights) or fig. 4(c) (feedback alignment, direct feedback alignment) as a
`Network`:

    in ==> hid1 ==> ... ==> out                  plastic, dense, eq. 1 and 12
    target --(+w_L)--> err_out <--(-w_L)-- out   the loss circuit of section 3.4
    err_out ==> err_n ==> ... ==> err1           transposed (SW) or fixed (FA); from err_out to each (DFA)
    err_i --(gamma theta_i)--> hid_i             one to one, eq. 13

Populations are called in, hid1, hid2, ..., out, target, err1, err2, ..., err_out.

Declared values that propagate as they are (w_loss, theta_loss) have to lie on the grid. What is derived from
sizes and factors (thresholds, floors, injections, the fixed feedback) is rounded to it, and refused where
nothing is left of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

import spikesim.grid as grids
from spikesim import rng
from spikesim.encoders import Encoder, Poisson, Regular
from spikesim.errors import DeclarationError
from spikesim.learning import CountRule
from spikesim.network import Network, Projection, Readout
from spikesim.neurons import IF, ErrorIF, Source, Target
from spikesim.rng import Stream
from spikesim.settings import Training
from spikesim.synapses import Dense, OneToOne, Transpose
from spikesim.window import Span, Window


@dataclass(frozen=True)
class Emstdp:
    """A configuration of EMSTDP; every choice that the paper leaves open is a field.

    Defaults are the amended rule; `models.presets` has the literal one and every row of table 2. Amendments
    are marked "Differs from the paper:".

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
        clip: range of the plastic weights.
        init_scale: variance of the initial weights, times the fan-in (section 4).
        beta_hidden, beta_out: thresholds n * sigma * beta of hidden and output layers (section 4).
        beta_error: thresholds of the hidden error neurons, n * sigma * beta with the n and sigma of their
            feedback.
        eta_hidden: factor of the step size of all but the output's weights.
        b_scale: Differs from the paper, which does not say how the fixed feedback (FA, DFA) is drawn: its
            standard deviation in units of that of the forward weights into the layer above; thresholds do not
            follow it.
        floor: the lowest membrane of hidden and output neurons in units of -theta; None for none.
        grid: bits of the propagation grid.
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
    clip: float = 1.0
    init_scale: float = 3.0
    beta_hidden: float = 0.125
    beta_out: float = 0.05
    beta_error: float | tuple[float, ...] = 0.25
    eta_hidden: float = 1.0
    b_scale: float = 1.0
    floor: float | None = None
    grid: int = 12
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
            if not low <= getattr(self, name) <= high:
                raise DeclarationError(
                    f"Emstdp: {name} = {getattr(self, name)!r}; it has to lie in [{low}, {high}]"
                )
        if isinstance(self.beta_error, tuple) and len(self.beta_error) != len(self.sizes) - 2:
            raise DeclarationError(
                f"Emstdp: beta_error has {len(self.beta_error)} values for {len(self.sizes) - 2} hidden"
            )
        for beta in self.beta_error if isinstance(self.beta_error, tuple) else (self.beta_error,):
            if not 1e-6 <= beta <= 1e3:
                raise DeclarationError(
                    f"Emstdp: beta_error = {self.beta_error!r}; it has to lie in [1e-06, 1000.0]"
                )
        Window.halved(self.T)
        grids.check_bits(self.grid, "Emstdp")
        for name in ("theta_loss", "w_loss"):
            grids.on_grid(getattr(self, name), self.grid, f"Emstdp: {name} with grid = {self.grid}")


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


def build(config: Emstdp, seed: int = 1) -> Network:
    """The network of fig. 4(b) or 4(c), with its initial weights drawn from `seed`.

    Thresholds, floors, injections and the fixed feedback are rounded to the grid.

    Raises:
        DeclarationError: the grid is too fine for the fan-in, or so coarse that one of these vanishes.
    """
    names = ["in", *(f"hid{i + 1}" for i in range(len(config.sizes) - 2)), "out"]
    populations: dict[str, object] = {"in": Source(config.sizes[0], replay=config.replay)}
    projections: list[Projection] = []
    for layer, name in enumerate(names[1:], 1):
        populations[name] = _forward_population(config, layer)
        projections.append(_forward_projection(config, names[layer - 1], name, layer, seed))
    populations |= _error_populations(config, names)
    projections += [*_loss_circuit(config), *_feedback(config, names, seed), *_injections(config, names)]
    return Network(populations, tuple(projections), Window.halved(config.T), Readout("out", "first"))


def _derived(values: npt.ArrayLike, config: Emstdp, what: str) -> npt.NDArray[np.float64]:
    """Derived numbers rounded to the grid; refused where all of them vanish and were not 0."""
    found = grids.rounded(values, config.grid)
    if np.any(values) and not found.any():
        raise DeclarationError(
            f"Emstdp: {what} of at most {np.abs(values).max():.3g} rounds to 0 with grid = {config.grid}, "
            f"steps of 2**-{config.grid}; take a finer grid, or a larger factor"
        )
    return found


def _sigma(config: Emstdp, layer: int) -> float:
    """Standard deviation of the weights into a layer: sqrt(scale / n_previous), section 4."""
    return float(np.sqrt(config.init_scale / config.sizes[layer - 1]))


def _theta(config: Emstdp, layer: int) -> float:
    """Threshold of a layer: n_previous * sigma * beta, section 4, on the grid."""
    beta = config.beta_out if layer == len(config.sizes) - 1 else config.beta_hidden
    exact = config.sizes[layer - 1] * _sigma(config, layer) * beta
    return float(_derived(exact, config, f"the threshold of layer {layer}"))


def _forward_population(config: Emstdp, layer: int) -> IF:
    theta = _theta(config, layer)
    floor = None
    if config.floor is not None:
        floor = float(_derived(-config.floor * theta, config, f"the floor of layer {layer}"))
    resets = ("start", "split") if config.reset_at_split else ("start",)
    return IF(config.sizes[layer], theta, config.grid, floor=floor, reset_at=resets)


def _forward_projection(config: Emstdp, pre: str, post: str, layer: int, seed: int) -> Dense:
    shape = (config.sizes[layer - 1], config.sizes[layer])
    w = rng.normal(seed, Stream.WEIGHTS, shape, index=layer) * _sigma(config, layer)
    plain = config.eta * _theta(config, layer) / (config.T / 2) ** 2
    eta = plain if config.step == "plain" else config.eta
    if layer < len(config.sizes) - 1:
        eta *= config.eta_hidden
    clip = float(config.clip)
    rule = CountRule(eta, config.h_pre, (-clip, clip), config.step)
    masters = np.clip(grids.snap(w, grids.MASTER_BITS), *rule.clip_master())
    return Dense(pre, post, masters * 2.0**-grids.MASTER_BITS, config.forward_delay, rule)


def _error_populations(config: Emstdp, names: list[str]) -> dict[str, object]:
    """Loss neurons, target, and an error neuron for each hidden neuron; all live in the second phase."""
    theta = float(config.theta_loss)
    found: dict[str, object] = {
        "target": Target(config.sizes[-1], config.target_rate),
        "err_out": ErrorIF(config.sizes[-1], theta, config.grid, config.error_form, active_in="second"),
    }
    for layer in range(len(names) - 2, 0, -1):
        source = len(names) - 1 if config.feedback == "dfa" else layer + 1
        sigma = _sigma(config, layer + 1)
        exact = config.sizes[source] * sigma * _beta_error(config, layer)
        theta = float(_derived(exact, config, f"the threshold of err{layer}"))
        gate = names[layer] if config.gate else None
        found[f"err{layer}"] = ErrorIF(
            config.sizes[layer], theta, config.grid, config.error_form, active_in="second", gate_by=gate
        )
    return found


def _beta_error(config: Emstdp, layer: int) -> float:
    return config.beta_error[layer - 1] if isinstance(config.beta_error, tuple) else config.beta_error


def _loss_circuit(config: Emstdp) -> list[Projection]:
    """Fig. 4(b): the target excites, the output inhibits the loss neurons (section 3.4)."""
    w, delay = float(config.w_loss), config.forward_delay
    return [OneToOne("target", "err_out", w, delay), OneToOne("out", "err_out", -w, delay)]


def _feedback(config: Emstdp, names: list[str], seed: int) -> list[Projection]:
    """Error neurons to the error neurons below: transposed, or fixed and random (section 3.5)."""
    found: list[Projection] = []
    for layer in range(len(names) - 2, 0, -1):
        above = names[layer + 1]
        chained = "err_out" if above == "out" else f"err{layer + 1}"
        pre = "err_out" if config.feedback == "dfa" else chained
        n_pre = config.sizes[-1] if pre == "err_out" else config.sizes[layer + 1]
        if config.feedback == "symmetric":
            found.append(Dense(pre, f"err{layer}", Transpose(f"{names[layer]}->{above}"), config.error_delay))
            continue
        draw = rng.normal(seed, Stream.FEEDBACK, (n_pre, config.sizes[layer]), index=layer)
        exact = draw * _sigma(config, layer + 1) * config.b_scale
        b = _derived(exact, config, f"the feedback to err{layer}")
        found.append(Dense(pre, f"err{layer}", b, config.error_delay))
    return found


def _injections(config: Emstdp, names: list[str]) -> list[Projection]:
    """gamma * theta_i from each error neuron to its partner (eq. 13)."""
    found: list[Projection] = []
    for layer, name in enumerate(names[1:], 1):
        w = float(_derived(config.gamma * _theta(config, layer), config, f"the injection into {name}"))
        found.append(OneToOne("err_out" if name == "out" else f"err{name[3:]}", name, w, config.error_delay))
    return found
