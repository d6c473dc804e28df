"""EMSTDP network construction: error-modulated STDP (Shrestha, Fang, Wu, Qiu, "Approximating back-propagation
for a biologically plausible local learning rule in spiking neural networks", ICONS 2019).

`build` wires fig. 4(b) (symmetric weights) or fig. 4(c) (feedback alignment, direct feedback alignment) as a
`Network`:

    in ==> hid1 ==> ... ==> out                  plastic, dense, eqs. 1 and 12
    target --(+w_L)--> err_out <--(-w_L)-- out   the loss circuit of section 3.4
    err_out ==> err_n ==> ... ==> err1           transposed (SW) or fixed (FA); from err_out to each (DFA)
    err_i --(gamma theta_i)--> hid_i             one to one, eq. 13

The populations are named in, hid1, hid2, ..., out, target, err1, err2, ..., err_out. With a bias, the last
neuron of in, hid1, hid2, ... fires in every step, and its error neuron never.

Values that are used as declared (w_loss, theta_loss) must be on the grid. Values that are derived from sizes
and factors (thresholds, floors, injections, the fixed feedback) are rounded to the grid, and refused if all
of them round to 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import spikesim.grid as grids
from spikesim import rng
from spikesim.errors import DeclarationError
from spikesim.learning import CountRule
from spikesim.models.emstdp.config import DECAY_BITS, Emstdp, of_layer
from spikesim.network import Network, Projection, Readout
from spikesim.neurons import IF, ErrorIF, Source, Target
from spikesim.rng import Stream
from spikesim.synapses import Dense, OneToOne, Transpose
from spikesim.window import Window


def build(config: Emstdp, seed: int = 1) -> Network:
    """Build the network of fig. 4(b) or 4(c).

    Thresholds, floors, injections and the fixed feedback are rounded to the grid.

    Args:
        config: the configuration.
        seed: of the initial weights and the fixed feedback.

    Raises:
        DeclarationError: the grid is too fine for the fan-in (sums would not be exact), or so coarse that a
            derived value rounds to 0.
    """
    names = ["in", *(f"hid{i + 1}" for i in range(len(config.sizes) - 2)), "out"]
    populations: dict[str, object] = {"in": Source(_neurons(config, 0), replay=config.replay)}
    projections: list[Projection] = []
    for layer, name in enumerate(names[1:], 1):
        populations[name] = _forward_population(config, layer)
        projections.append(_forward_projection(config, names[layer - 1], name, layer, seed))
    populations |= _error_populations(config, names)
    projections += [*_loss_circuit(config), *_feedback(config, names, seed), *_injections(config, names)]
    return Network(populations, tuple(projections), Window.halved(config.T), Readout("out", "first"))


def _derived(values: npt.ArrayLike, bits: int, what: str) -> npt.NDArray[np.float64]:
    """Derived values rounded to a grid; refused if they are not all 0 but all round to 0."""
    found = grids.rounded(values, bits)
    if np.any(values) and not found.any():
        raise DeclarationError(
            f"Emstdp: {what} of at most {np.abs(values).max():.3g} rounds to 0 with grid = {bits} "
            f"(a spacing of 2**-{bits}); take a finer grid, or a larger factor"
        )
    return found


def _sigma(config: Emstdp, layer: int) -> float:
    """Standard deviation of the weights into a layer: sqrt(scale / n_previous), section 4."""
    return float(np.sqrt(config.init_scale / config.sizes[layer - 1]))


def _theta(config: Emstdp, layer: int) -> float:
    """Threshold of a layer: n_previous * sigma * beta (section 4), rounded to the grid."""
    beta = config.beta_out if layer == len(config.sizes) - 1 else config.beta_hidden
    exact = config.sizes[layer - 1] * _sigma(config, layer) * beta
    return float(_derived(exact, of_layer(config.grid, layer), f"the threshold of layer {layer}"))


def _neurons(config: Emstdp, layer: int) -> int:
    """Number of neurons of a layer, with that of the bias."""
    return config.sizes[layer] + (config.bias and layer < len(config.sizes) - 1)


def _forward_population(config: Emstdp, layer: int) -> IF:
    theta, bits = _theta(config, layer), of_layer(config.grid, layer)
    floor = None
    if config.floor is not None:
        floor = float(_derived(-config.floor * theta, bits, f"the floor of layer {layer}"))
    resets = ("start", "split") if config.reset_at_split else ("start",)
    n = _neurons(config, layer)
    bias: float | tuple[float, ...] = 0.0
    if n > config.sizes[layer]:
        bias = (*(0.0,) * (n - 1), theta)
    return IF(n, theta, bits, bias=bias, floor=floor, reset=config.reset, reset_at=resets)


def _forward_projection(config: Emstdp, pre: str, post: str, layer: int, seed: int) -> Dense:
    shape = (config.sizes[layer - 1], config.sizes[layer])
    w = rng.normal(seed, Stream.WEIGHTS, shape, index=layer) * _sigma(config, layer)
    w = np.pad(w, [(0, _neurons(config, k) - config.sizes[k]) for k in (layer - 1, layer)])
    plain = config.eta * _theta(config, layer) / (config.T / 2) ** 2
    eta = plain if config.step == "plain" else config.eta
    last = layer == len(config.sizes) - 1
    if not last:
        eta *= of_layer(config.eta_hidden, layer)
    clip = float(of_layer(config.clip, layer))
    read = config.update == "error" or (config.update == "error_hidden" and not last)
    error = _error_of(post) if read else None
    ceiling = config.T // 2 if config.bounded else None
    every = round(2.0**-DECAY_BITS / config.decay) if config.decay else None
    rule = CountRule(
        eta, config.h_pre, (-clip, clip), config.step, error, ceiling, every, decay_bits=DECAY_BITS
    )
    masters = np.clip(grids.snap(w, grids.MASTER_BITS), *rule.clip_master())
    return Dense(pre, post, masters * 2.0**-grids.MASTER_BITS, config.forward_delay, rule)


def _error_of(name: str) -> str:
    """The error population of a layer."""
    return "err_out" if name == "out" else f"err{name[3:]}"


def _error_populations(config: Emstdp, names: list[str]) -> dict[str, object]:
    """Loss neurons, target neurons, and an error neuron for each hidden one; active in the second phase."""
    theta, bits = float(config.theta_loss), of_layer(config.grid, len(names) - 1)
    found: dict[str, object] = {
        "target": Target(config.sizes[-1], config.target_rate),
        "err_out": ErrorIF(
            config.sizes[-1], theta, bits, config.error_form, active_in="second", reset=config.error_reset
        ),
    }
    for layer in range(len(names) - 2, 0, -1):
        source = len(names) - 1 if config.feedback == "dfa" else layer + 1
        sigma, bits = _sigma(config, layer + 1), of_layer(config.grid, layer + 1)
        exact = config.sizes[source] * sigma * of_layer(config.beta_error, layer)
        theta = float(_derived(exact, bits, f"the threshold of err{layer}"))
        thetas = (*(theta,) * config.sizes[layer], _unreached(config, layer)) if config.bias else theta
        gate = names[layer] if config.gate else None
        found[f"err{layer}"] = ErrorIF(
            _neurons(config, layer),
            thetas,
            bits,
            config.error_form,
            active_in="second",
            gate_by=gate,
            reset=config.error_reset,
            gate_below=config.T // 2 if config.gate_upper else None,
        )
    return found


def _unreached(config: Emstdp, layer: int) -> float:
    """A threshold that the error neuron of a bias never reaches: above all its input in a phase."""
    bits = of_layer(config.grid, layer + 1)
    largest = np.ceil(of_layer(config.clip, layer + 1) * 2.0**bits) * _neurons(config, layer + 1)
    return float((largest * (config.T // 2) + 1) * 2.0**-bits)


def _loss_circuit(config: Emstdp) -> list[Projection]:
    """Projections of fig. 4(b): the target excites and the output inhibits the loss neurons (section 3.4)."""
    w, delay = float(config.w_loss), config.forward_delay
    return [OneToOne("target", "err_out", w, delay), OneToOne("out", "err_out", -w, delay)]


def _feedback(config: Emstdp, names: list[str], seed: int) -> list[Projection]:
    """Projections to the error neurons of the layer below: transposed, or fixed and random (section 3.5)."""
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
        if config.b_centred:
            draw = draw - draw.mean(axis=0)
        exact = draw * _sigma(config, layer + 1) * config.b_scale
        b = _derived(exact, of_layer(config.grid, layer + 1), f"the feedback to err{layer}")
        added = 0 if pre == "err_out" else _neurons(config, layer + 1) - n_pre
        b = np.pad(b, ((0, added), (0, _neurons(config, layer) - config.sizes[layer])))
        found.append(Dense(pre, f"err{layer}", b, config.error_delay))
    return found


def _injections(config: Emstdp, names: list[str]) -> list[Projection]:
    """One-to-one projections with weight gamma * theta_i from each error neuron to its partner (eq. 13)."""
    found: list[Projection] = []
    for layer, name in enumerate(names[1:], 1):
        bits = of_layer(config.grid, layer)
        gamma = of_layer(config.gamma, layer)
        w = float(_derived(gamma * _theta(config, layer), bits, f"the injection into {name}"))
        if w:
            found.append(OneToOne(_error_of(name), name, w, config.error_delay))
    return found
