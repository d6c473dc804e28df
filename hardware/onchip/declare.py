"""A learner on a chip from the declaration of an EMSTDP network (`Network`)."""

from __future__ import annotations

from dataclasses import replace
from math import frexp, gcd, log2
from typing import Any

import numpy as np

from spikesim import grid
from spikesim.errors import DeclarationError, EngineError, unknown
from spikesim.hardware.limits import LimitError
from spikesim.hardware.onchip.capacity import check_chips
from spikesim.hardware.onchip.learner import Arithmetic, Feedback, Ints, Layer, Learner
from spikesim.learning import CountRule
from spikesim.network import Network
from spikesim.network.scheduling import is_target
from spikesim.neurons import IF, ErrorIF
from spikesim.synapses import Dense, OneToOne

ARITHMETICS = ("float", "fixed")
MANTISSA = 127  # the largest weight of both signs


def learner(network: Network, arithmetic: Arithmetic = "fixed", nearest_eta: bool = False) -> Learner:
    """The learner that trains a network on the chip.

    The network's populations, weights, thresholds, feedback and learning rates are taken; its delays are not:
    on the chip every spike acts one step later, see `Learner`. In "fixed" a count of a layer's grid is one
    unit of the chip's weights.

    Args:
        network: an EMSTDP network of dense layers with pairs of error neurons, as `models.emstdp.build`
            makes it with error_form="pair" and h_pre="second" or "all".
        arithmetic: "float" or "fixed", of Lava.
        nearest_eta: take the nearest learning rate that the chip expresses, with a note; else it is refused.

    Raises:
        DeclarationError: an unknown arithmetic.
        EngineError: a part that the graph does not have, with the way out.
        LimitError: numbers beyond the chip's.
    """
    if arithmetic not in ARITHMETICS:
        raise DeclarationError(f"on-chip learning: {unknown('arithmetic', arithmetic, ARITHMETICS)}")
    if network.window.split is None or network.window.boundary * 2 != network.window.T:
        raise EngineError("on-chip learning: the window needs two equal phases: Window.halved(T)")
    chain = _chain(network)
    rules = {_rule(p) for p in chain}
    if len(rules) > 1:
        raise EngineError(
            f"on-chip learning: the layers count presynaptic spikes in {sorted(rules)}; one span is needed"
        )
    errors = [_error_of(network, p.post) for p in chain]
    kind = _feedback_kind(network, errors)
    notes: list[str] = []
    layers = tuple(
        _layer(network, chain, errors, k, kind, arithmetic, nearest_eta, notes) for k in range(len(chain))
    )
    target, loss = _loss(network, errors[-1])
    last = network.populations[errors[-1]]
    bits = grid.MASTER_BITS if arithmetic == "float" else last.grid
    weight, theta = (_counts(value, bits, errors[-1]) for value in (loss, last.theta))
    common = gcd(weight, theta) if arithmetic == "fixed" else 1
    layers = (*layers[:-1], _with_error(layers[-1], theta // common))
    gates = {network.populations[name].gate_by is not None for name in errors[:-1]}
    if len(gates) > 1:
        raise EngineError("on-chip learning: some hidden layers have a gate and some not; take one for all")
    half, hops = network.window.T // 2, len(chain)
    label = network.populations[target].train(max(0, half - 2 * hops - 1))
    span: Any = rules.pop()
    made = Learner(
        arithmetic, network.window.T, layers, kind, gates == {True}, span, weight // common, label,
    )  # fmt: skip
    if arithmetic == "fixed":
        notes += check_chips(made)
    return replace(made, notes=tuple(notes))


def _chain(network: Network) -> list[Dense]:
    """The plastic projections from the input to the output, in order."""
    if len(network.sources) != 1:
        raise EngineError(f"on-chip learning: sources {network.sources}; one input is needed")
    if network.online:
        raise EngineError("on-chip learning: an online rule; CountRule (EMSTDP) is needed")
    found: list[Dense] = []
    at = network.sources[0]
    while following := [p for p in network.projections if p.pre == at and not _teaches(network, p)]:
        p = following[0]
        if len(following) > 1 or not isinstance(p, Dense) or not isinstance(p.plastic, CountRule):
            names = ", ".join(p.name for p in following)
            raise EngineError(
                f"on-chip learning: from {at} lead {names}; each layer needs one Dense projection with a "
                f"CountRule into the next"
            )
        found.append(p)
        at = p.post
        _check_population(network, at)
    if not found or len(found) != len(network.plastic):
        raise EngineError("on-chip learning: the plastic projections are no chain of layers from the input")
    return found


def _teaches(network: Network, p: Any) -> bool:
    return isinstance(network.populations[p.post], ErrorIF)


def _check_population(network: Network, name: str) -> None:
    p = network.populations[name]
    if not isinstance(p, IF):
        raise EngineError(f"on-chip learning: {name} is a {type(p).__name__}; an IF is needed")
    wrong = {
        "reset": (p.reset, "zero"),
        "floor": (p.floor, None),
        "bias": (float(np.abs(p.bias).max()), 0.0),
        "reset_at": (tuple(p.reset_at), ("start", "split")),
    }
    for what, (value, needed) in wrong.items():
        if value != needed:
            raise EngineError(f"on-chip learning: {name} has {what} = {value}; {needed} is needed")


def _rule(p: Dense) -> str:
    rule = p.plastic
    assert isinstance(rule, CountRule)
    needed = {  # what -> (its value in eq. 12, the setting of Emstdp that gives it)
        "step": ("plain", "step='plain'"),
        "error": (None, "update='change'"),
        "ceiling": (None, "bounded=False"),
        "decay_every": (None, "decay=0"),
    }
    for what, (value, setting) in needed.items():
        if getattr(rule, what) != value:
            raise EngineError(
                f"on-chip learning: {p.name} has {what} = {getattr(rule, what)!r}; the chip's rule is "
                f"eq. 12, with {what} = {value!r}: train a network with {setting}"
            )
    if rule.pre == "first":
        raise EngineError(
            f"on-chip learning: {p.name} counts presynaptic spikes in the first phase; when the chip learns, "
            f"its trace holds those of the second phase or of both. Take h_pre='second' or 'all'"
        )
    return rule.pre


def _error_of(network: Network, name: str) -> str:
    """The error population of a layer: the one that it injects from, or that of the loss circuit."""
    found = {p.pre for p in network.incoming(name) if isinstance(network.populations[p.pre], ErrorIF)}
    if len(found) != 1:
        raise EngineError(
            f"on-chip learning: {name} receives from the error populations {sorted(found)}; one that injects "
            f"(gamma > 0) is needed, since the chip's rule reads the change that it causes"
        )
    (error,) = found
    p = network.populations[error]
    needed = {  # what -> (what the graph has, the setting of Emstdp that gives it)
        "form": ("pair", "error_form='pair'"),
        "reset": ("zero", "error_reset='zero'"),
        "gate_below": (None, "gate_below=None"),
    }
    for what, (value, setting) in needed.items():
        if getattr(p, what) != value:
            raise EngineError(
                f"on-chip learning: {error} has {what} = {getattr(p, what)!r}; error neurons are pairs that "
                f"reset to zero, without gate_below: train a network with {setting}"
            )
    return error


def _feedback_kind(network: Network, errors: list[str]) -> Feedback:
    if len(errors) == 1:
        return "fa"
    (p,) = (p for p in network.incoming(errors[0]))
    if p.follows is not None:
        return "symmetric"
    return "dfa" if len(errors) > 2 and p.pre == errors[-1] else "fa"


def _loss(network: Network, error: str) -> tuple[str, float]:
    """The target population, and the weight of the loss circuit."""
    found = {p.pre: p for p in network.incoming(error) if isinstance(p, OneToOne)}
    targets = [name for name in found if is_target(network.populations[name])]
    if len(targets) != 1 or len(found) != 2 or sum(p.w for p in found.values()) != 0:
        raise EngineError(
            f"on-chip learning: {error} is fed by {sorted(found)}; a target and the output with opposite "
            f"weights are needed"
        )
    return targets[0], float(found[targets[0]].w)


def _layer(
    network: Network,
    chain: list[Dense],
    errors: list[str],
    k: int,
    kind: Feedback,
    arithmetic: Arithmetic,
    nearest_eta: bool,
    notes: list[str],
) -> Layer:
    p, name, error = chain[k], chain[k].post, errors[k]
    cells = network.populations[name]
    bits = grid.MASTER_BITS if arithmetic == "float" else cells.grid
    w = network.masters()[p.name].astype(np.int64)
    inject = next(q.w for q in network.incoming(name) if q.pre == error)
    injected = _counts(inject, bits, name)
    if arithmetic == "fixed":
        w = _even(grid.propagating(network.masters()[p.name], bits), name, notes)
        injected = _expressed(injected, name, notes)
    feedback: Ints | None = None
    above_bits = grid.MASTER_BITS if arithmetic == "float" else network.populations[error].grid
    if k < len(chain) - 1 and kind != "symmetric":
        (back,) = network.incoming(error)
        feedback = grid.on_grid(back.declared(*network.shape(back)), above_bits, back.name)
    theta_error = network.populations[error].theta
    rule: Any = p.plastic
    return Layer(
        name,
        cells.n,
        w,
        _counts(cells.theta, bits, name),
        injected,
        _exponent(rule.eta * 2.0**bits, bits, p.name, nearest_eta, notes),
        2.0**-bits,
        _counts(theta_error, above_bits, error),
        feedback,
    )


def _with_error(layer: Layer, theta: int) -> Layer:
    return Layer(
        layer.name, layer.n, layer.w, layer.theta, layer.inject, layer.eta, layer.unit, theta, None
    )  # fmt: skip


def _counts(value: Any, bits: int, where: str) -> int:
    values = np.unique(grid.on_grid(value, bits, where))
    if len(values) != 1:
        raise EngineError(f"on-chip learning: {where} has several thresholds; one is needed")
    return int(values[0])


def _even(w: Ints, name: str, notes: list[str]) -> Ints:
    """Initial weights as Lava's fixed point starts: mixed signs are even."""
    even = w // 2 * 2
    lost = int((even != w).sum())
    if lost:
        notes.append(f"{name}: {lost} of {w.size} initial weights are odd and lose half a step of 8 bits")
    return even


def _expressed(count: int, name: str, notes: list[str]) -> int:
    """The nearest weight m * 2**x with m <= 127 and x >= 0: both signs have to be held."""
    x = 0
    while round(count / 2**x) > MANTISSA:
        x += 1
    found = max(1, round(count / 2**x)) << x
    if found != count:
        notes.append(f"{name}: the injection of {count} counts becomes {found}, of 7 bits and an exponent")
    return found


def _exponent(eta: float, bits: int, name: str, nearest: bool, notes: list[str]) -> int:
    """The exponent of a learning rate in units of weights."""
    if eta <= 0:
        raise EngineError(
            f"on-chip learning: {name} has eta = 0; a layer that does not learn is not supported"
        )
    mantissa, exponent = frexp(eta)
    if mantissa == 0.5:
        return exponent - 1
    low, unit = exponent - 1, 2.0**-bits
    below, above = (unit * 2.0**k for k in (low, low + 1))
    if not nearest:
        ratios = [value / (eta * unit) for value in (below, above)]
        raise LimitError(
            f"on-chip learning: {name}: eta = {eta * unit:.6g}; the chip's learning rates are powers of two "
            f"(an exponent): the nearest are {below:.6g} and {above:.6g}. Take one of them (the declared eta "
            f"times {ratios[0]:.6g} or {ratios[1]:.6g}), or nearest_eta=True"
        )
    taken = low + (log2(eta) - low > 0.5)
    notes.append(f"{name}: eta = {eta * unit:.6g} becomes {unit * 2.0**taken:.6g}")
    return taken
