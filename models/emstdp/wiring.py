"""EMSTDP network construction: error-modulated STDP (Shrestha, Fang, Wu, Qiu, "Approximating back-propagation
for a biologically plausible local learning rule in spiking neural networks", ICONS 2019).

`build` wires fig. 4(b) (symmetric weights) or fig. 4(c) (feedback alignment, direct feedback alignment) as a
`Network`:

    in ==> hid1 ==> ... ==> out                  plastic, dense, eqs. 1 and 12; convolutions before hid1
    target --(+w_L)--> err_out <--(-w_L)-- out   the loss circuit of section 3.4
    err_out ==> err_n ==> ... ==> err1           transposed (SW) or fixed (FA); from err_out to each (DFA)
    err_i --(gamma theta_i)--> hid_i             one to one, eq. 13

The populations are named in, conv1, ..., hid1, hid2, ..., out, target, err_conv1, ..., err1, err2, ...,
err_out. Layers with fixed kernels have no error neurons. With a bias, the last neuron of in, hid1, hid2, ...
fires in every step, and its error neuron never.

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
from spikesim.models.emstdp.kernels import stored_kernels
from spikesim.models.emstdp.layers import layers_of
from spikesim.network import Network, Projection, Readout
from spikesim.neurons import IF, ErrorIF, Source, Target
from spikesim.rng import Stream
from spikesim.synapses import Conv2d, Dense, OneToOne, Transpose
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
    layers = layers_of(config)
    populations: dict[str, object] = {"in": Source(_neurons(config, 0), replay=config.replay)}
    projections: list[Projection] = []
    given = stored_kernels(config.kernels, layers) if config.kernels not in ("learned", "random") else {}
    for k, layer in enumerate(layers[1:], 1):
        populations[layer.name] = _forward_population(config, k)
        projections.append(_forward_projection(config, k, seed, given.get(layer.name)))
    populations |= _error_populations(config)
    projections += [*_loss_circuit(config), *_feedback(config, seed), *_injections(config)]
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
    """Standard deviation of the weights into a layer: sqrt(scale / n_previous), section 4; n_previous is the
    fan-in of a convolution.
    """
    return float(np.sqrt(config.init_scale / layers_of(config)[layer].fan_in))


def _theta(config: Emstdp, layer: int) -> float:
    """Threshold of a layer: n_previous * sigma * beta (section 4), rounded to the grid."""
    layers = layers_of(config)
    beta = config.beta_out if layer == len(layers) - 1 else config.beta_hidden
    exact = layers[layer].fan_in * _sigma(config, layer) * beta
    return float(_derived(exact, of_layer(config.grid, layer), f"the threshold of layer {layer}"))


def _neurons(config: Emstdp, layer: int) -> int:
    """Number of neurons of a layer, with that of the bias."""
    layers = layers_of(config)
    return layers[layer].n + (config.bias and layer < len(layers) - 1)


def _forward_population(config: Emstdp, layer: int) -> IF:
    theta, bits = _theta(config, layer), of_layer(config.grid, layer)
    floor = None
    if config.floor is not None:
        floor = float(_derived(-config.floor * theta, bits, f"the floor of layer {layer}"))
    resets = ("start", "split") if config.reset_at_split else ("start",)
    n = _neurons(config, layer)
    bias: float | tuple[float, ...] = 0.0
    if n > layers_of(config)[layer].n:
        bias = (*(0.0,) * (n - 1), theta)
    return IF(n, theta, bits, bias=bias, floor=floor, reset=config.reset, reset_at=resets)


def _forward_projection(
    config: Emstdp, layer: int, seed: int, kernels: npt.NDArray[np.float64] | None
) -> Dense | Conv2d:
    """The projection into a layer; `kernels` are those of a pretrained convolution, in any scale."""
    before, post = layers_of(config)[layer - 1 : layer + 1]
    sigma, bits = _sigma(config, layer), of_layer(config.grid, layer)
    w = rng.normal(seed, Stream.WEIGHTS, post.kernel or (before.n, post.n), index=layer) * sigma
    if kernels is not None:
        w = kernels * (sigma / kernels.std())
    rule: CountRule | None = None
    if post.kernel and config.kernels != "learned":
        w = _derived(w, bits, f"the kernels of {post.name}")
    else:
        rule = _rule(config, layer)
        w = np.clip(grids.snap(w, grids.MASTER_BITS), *rule.clip_master()) * 2.0**-grids.MASTER_BITS
    if not post.kernel:
        w = np.pad(w, [(0, _neurons(config, k) - layers_of(config)[k].n) for k in (layer - 1, layer)])
        return Dense(before.name, post.name, w, config.forward_delay, rule)
    return Conv2d(
        before.name, post.name, w, before.shape, post.stride, post.padding, delay=config.forward_delay,
        plastic=rule,
    )  # fmt: skip


def _rule(config: Emstdp, layer: int) -> CountRule:
    """The rule of the weights into a layer."""
    plain = config.eta * _theta(config, layer) / (config.T / 2) ** 2
    eta = plain if config.step == "plain" else config.eta
    last = layer == len(layers_of(config)) - 1
    if not last:
        eta *= of_layer(config.eta_hidden, layer)
    clip = float(of_layer(config.clip, layer))
    read = config.update == "error" or (config.update == "error_hidden" and not last)
    error = layers_of(config)[layer].error if read else None
    ceiling = config.T // 2 if config.bounded else None
    every = round(2.0**-DECAY_BITS / config.decay) if config.decay else None
    return CountRule(
        eta, config.h_pre, (-clip, clip), config.step, error, ceiling, every, decay_bits=DECAY_BITS
    )


def _taught(config: Emstdp) -> list[int]:
    """The hidden layers that have error neurons, from the last one: those whose weights learn."""
    fixed = 0 if config.kernels == "learned" else len(config.conv)
    return list(range(len(layers_of(config)) - 2, fixed, -1))


def _error_populations(config: Emstdp) -> dict[str, object]:
    """Loss neurons, target neurons, and an error neuron for each hidden one; active in the second phase."""
    layers = layers_of(config)
    theta, bits = float(config.theta_loss), of_layer(config.grid, len(layers) - 1)
    found: dict[str, object] = {
        "target": Target(config.sizes[-1], config.target_rate),
        "err_out": ErrorIF(
            config.sizes[-1], theta, bits, config.error_form, active_in="second", reset=config.error_reset
        ),
    }
    for layer in _taught(config):
        fan = config.sizes[-1] if config.feedback == "dfa" else layers[layer + 1].fan_back
        sigma, bits = _sigma(config, layer + 1), of_layer(config.grid, layer + 1)
        exact = fan * sigma * of_layer(config.beta_error, layer)
        theta = float(_derived(exact, bits, f"the threshold of {layers[layer].error}"))
        n = layers[layer].n
        thetas = (*(theta,) * n, _unreached(config, layer)) if config.bias else theta
        gate = layers[layer].name if config.gate else None
        found[layers[layer].error] = ErrorIF(
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


def _feedback(config: Emstdp, seed: int) -> list[Projection]:
    """Projections to the error neurons of the layer below: transposed, or fixed and random (section 3.5)."""
    found: list[Projection] = []
    layers = layers_of(config)
    for layer in _taught(config):
        here = layers[layer]
        above = layers[-1] if config.feedback == "dfa" else layers[layer + 1]
        if config.feedback == "symmetric":
            followed = Transpose(f"{here.name}->{above.name}")
            found.append(Dense(above.error, here.error, followed, config.error_delay))
            continue
        draw = rng.normal(seed, Stream.FEEDBACK, (above.n, here.n), index=layer)
        if config.b_centred:
            draw = draw - draw.mean(axis=0)
        exact = draw * _sigma(config, layer + 1) * config.b_scale
        b = _derived(exact, of_layer(config.grid, layer + 1), f"the feedback to {here.error}")
        added = _neurons(config, layers.index(above)) - above.n
        b = np.pad(b, ((0, added), (0, _neurons(config, layer) - here.n)))
        found.append(Dense(above.error, here.error, b, config.error_delay))
    return found


def _injections(config: Emstdp) -> list[Projection]:
    """One-to-one projections with weight gamma * theta_i from each error neuron to its partner (eq. 13)."""
    found: list[Projection] = []
    layers = layers_of(config)
    for layer in sorted([*_taught(config), len(layers) - 1]):
        name = layers[layer].name
        bits = of_layer(config.grid, layer)
        gamma = of_layer(config.gamma, layer)
        w = float(_derived(gamma * _theta(config, layer), bits, f"the injection into {name}"))
        if w:
            found.append(OneToOne(layers[layer].error, name, w, config.error_delay))
    return found
