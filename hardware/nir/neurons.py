"""What NIR's neurons are in steps of dt, and the conventions that files leave open.

NIR is in continuous time, and a file does not hold dt. A spike is a current of 1 that lasts a step ("step"),
so that forward Euler, as snnTorch, spikingjelly and norse compute it, gives, with what the linear nodes bring
as x,

IF          v += r dt x                              u_decay = 1, v_decay = 0
LIF         v += dt/tau (v_leak - v + r x)           u_decay = 1, v_decay = dt/tau
CubaLIF     u += dt/tau_syn (w_in x - u)             u_decay = dt/tau_syn
            v += dt/tau_mem (v_leak - v + r u)       v_decay = dt/tau_mem
Threshold   v = x                                    u_decay = 1, v_decay = 1

Factors of x go into the weights, v_decay v_leak is the bias. With leak = "exponential" a decay is
1 - exp(-dt/tau) instead of dt/tau (sinabs). With gain = "impulse" a spike is a Dirac: it adds r x at once (of
a CubaLIF w_in r x), whatever dt and tau are (sinabs, norse's IF).

A neuron fires at v > v_threshold (NIR), or at v >= v_threshold (fires = ">=", as spikingjelly and sinabs do),
then v = v_reset; or v -= v_threshold (reset = "subtract"), which a file cannot say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import exp, isfinite
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.hardware.nir.nodes import NirError, Node

Reals = npt.NDArray[np.float64]
DENOMINATOR = 4096
FLOAT32 = float(np.finfo(np.float32).max)
MOST_FRACTIONS = 1 << 16  # different numbers of a node that are looked at


@dataclass(frozen=True)
class Convention:
    """What a NIR file leaves open; the defaults are NIR's own words and the libraries' Euler.

    Attributes:
        dt: length of a step in the file's unit of time; None takes the one that a file of ours states, else 1
            (the unit is a step).
        fires: at v ">" v_threshold, or ">=".
        leak: a step's decay is dt/tau ("euler") or 1 - exp(-dt/tau) ("exponential").
        gain: a spike is a current of 1 over a "step", or an "impulse"; or it adds w_in to the "current" of a
            CubaLIF, unscaled by its time constant (norse's LIFCell), and is else as with "step".
        reset: to the "value" v_reset, or by "subtract"-ing v_threshold.

    Raises:
        DeclarationError: a field is out of range.
    """

    dt: float | None = None
    fires: Literal[">", ">="] = ">"
    leak: Literal["euler", "exponential"] = "euler"
    gain: Literal["step", "impulse", "current"] = "step"
    reset: Literal["value", "subtract"] = "value"

    def __post_init__(self) -> None:
        if self.dt is not None and not (isfinite(self.dt) and self.dt > 0):
            raise DeclarationError(f"Convention: dt = {self.dt!r}; a positive number is needed")
        known = {
            "fires": (">", ">="),
            "leak": ("euler", "exponential"),
            "gain": ("step", "impulse", "current"),
            "reset": ("value", "subtract"),
        }
        for key, values in known.items():
            if getattr(self, key) not in values:
                raise DeclarationError(
                    f"Convention: {key} = {getattr(self, key)!r}; known: {', '.join(values)}"
                )


# What each library writes, and how its own neurons behave.
CONVENTIONS: Mapping[str, Convention] = MappingProxyType(
    {
        "nir": Convention(),
        "snntorch": Convention(dt=1e-4),
        "spikingjelly": Convention(dt=1e-4, fires=">="),
        "norse": Convention(dt=1e-3),
        "norse-cuba": Convention(dt=1e-3, gain="current"),
        "norse-if": Convention(dt=1e-3, gain="impulse"),
        "sinabs": Convention(dt=1.0, fires=">=", leak="exponential", gain="impulse", reset="subtract"),
    }
)


@dataclass(frozen=True, eq=False)
class Dynamics:
    """A spiking node in steps.

    Attributes:
        threshold: v_threshold as the file has it.
        u_decay, v_decay: parts lost in a step.
        v_reset: where a spike leaves the membrane.
        gain: factor of what comes in, float64 (1,) or (n,).
        bias: added to the membrane in every step, float64 (1,) or (n,).
        notes: numbers that were taken as simple fractions.
    """

    threshold: float
    u_decay: float
    v_decay: float
    v_reset: float
    gain: Reals
    bias: Reals
    notes: tuple[str, ...]


def dynamics(node: Node, n: int, dt: float, convention: Convention) -> Dynamics:
    """What a spiking node of n neurons does in a step.

    Raises:
        NirError: parameters that differ from neuron to neuron where a population here has one, or that are
            out of range.
    """
    read = _Parameters(node, n, dt, convention)
    impulse, decays = convention.gain == "impulse", (1.0, 1.0)
    gain = bias = np.zeros(1)
    if node.kind == "Threshold":
        return Dynamics(read.one("threshold"), 1.0, 1.0, 0.0, np.ones(1), bias, ())
    if node.kind == "IF":
        decays = (1.0, 0.0)
        gain = read.simple("r", read.each("r") * (1.0 if impulse else dt), "r")
    elif node.kind == "LIF":
        decays = (1.0, read.decay("tau"))
        gain = read.each("r") if impulse else read.simple("r dt/tau", read.each("r") * decays[1], "r", "tau")
    else:
        decays = (read.decay("tau_syn"), read.decay("tau_mem"))
        gain = read.each("r") * read.each("w_in")
        if convention.gain == "step":
            gain = gain * decays[0] * decays[1]
            gain = read.simple("w_in dt/tau_syn r dt/tau_mem", gain, "w_in", "tau_syn", "r", "tau_mem")
        elif convention.gain == "current":
            gain = read.simple("w_in r dt/tau_mem", gain * decays[1], "w_in", "r", "tau_mem")
    if node.kind != "IF":
        bias = decays[1] * read.each("v_leak")
    return Dynamics(
        read.one("v_threshold"), decays[0], decays[1], read.one("v_reset", 0.0), gain, bias, tuple(read.notes)
    )


class _Parameters:
    """The parameters of one node, checked."""

    def __init__(self, node: Node, n: int, dt: float, convention: Convention) -> None:
        self.node, self.n, self.dt, self.convention = node, n, dt, convention
        self.notes: list[str] = []

    def each(self, key: str) -> Reals:
        """One number, or one for each neuron, (1,) or (n,)."""
        values = self.node.array(key).reshape(-1)
        if values.size not in (1, self.n):
            raise NirError(
                f"{self.node.name} ({self.node.kind}): {values.size} values of {key} for {self.n} neurons"
            )
        same = values.size and (values == values[0]).all()
        return values[:1] if same else values

    def one(self, key: str, absent: float | None = None) -> float:
        """A parameter that a population here has once."""
        if absent is not None and key not in self.node.values:
            return absent
        values = self.each(key)
        if values.size != 1:
            raise NirError(
                f"{self.node.name} ({self.node.kind}): {key} takes {len(np.unique(values)):,} values, from "
                f"{values.min():g} to {values.max():g}; the neurons of a population here share one. Split "
                f"the node"
            )
        return float(values[0])

    def decay(self, key: str) -> float:
        """The part that a time constant loses in a step."""
        tau = self.one(key)
        if not tau > 0:
            raise NirError(
                f"{self.node.name} ({self.node.kind}): {key} = {tau:g}; a time constant is positive"
            )
        ratio = self.dt / tau
        if self.convention.leak == "exponential":
            return 1 - exp(-ratio)
        if ratio > 1 + self.node.rounding(key):
            raise NirError(
                f"{self.node.name} ({self.node.kind}): {key} = {tau:g} is {1 / ratio:.3g} steps of dt "
                f"= {self.dt:g}; Euler's decay dt/tau = {ratio:.3g} is beyond 1. Give the dt that the "
                "file was made for (snnTorch and spikingjelly: 1e-4, norse: 1e-3), or leak = "
                "'exponential'"
            )
        return float(min(self.simple(f"dt/{key}", np.array([ratio]), key)[0], 1.0))

    def simple(self, what: str, values: Reals, *keys: str) -> Reals:
        """Values that are a simple fraction but for the rounding of their fields, as that fraction; noted."""
        if not np.isfinite(values).all():
            raise NirError(f"{self.node.name} ({self.node.kind}): {what} is beyond float64")
        different, where = np.unique(values, return_inverse=True)
        if len(different) > MOST_FRACTIONS:
            self.notes.append(
                f"{self.node.name}: {what} takes {len(different):,} values; none of them is looked at for a "
                f"simple fraction that float32 has rounded"
            )
            return values
        rounding = self.node.rounding(*keys)
        found = np.array([_simple(v, rounding) for v in different])[where].reshape(values.shape)
        if (found != values).any():
            k = int(np.argmax(found != values))
            self.notes.append(
                f"{self.node.name}: {what} = {values[k]!r} is taken as "
                f"{Fraction(found[k]).limit_denominator(DENOMINATOR)}"
            )
        return found


def _simple(value: float, rounding: float) -> float:
    near = Fraction(value).limit_denominator(DENOMINATOR)
    return float(near) if near and abs(float(near) - value) <= rounding * abs(value) else value


def fires_from(threshold: float, bits: int | None, fires: Literal[">", ">="]) -> float:
    """The theta at which v >= theta is what NIR's rule says, on a grid of 2**-bits, or in float64.

    >>> fires_from(1.0, 2, ">"), fires_from(1.125, 2, ">"), fires_from(1.0, 2, ">=")
    (1.25, 1.25, 1.0)
    """
    if bits is None:
        return threshold if fires == ">=" else float(np.nextafter(threshold, np.inf))
    counts = threshold * 2.0**bits
    return float(np.ceil(counts) if fires == ">=" else np.floor(counts) + 1) * 2.0**-bits


def written_threshold(theta: float, bits: int | None) -> float:
    """The threshold that readers with ">" and with ">=" take alike: theta minus half a step of its grid;
    without a grid, the float32 just below theta.

    >>> written_threshold(1.25, 2)
    1.125
    """
    if bits is not None:
        return theta - 2.0 ** -(bits + 1)
    below = np.float32(theta)
    if not float(below) < theta:
        below = np.nextafter(below, np.float32(-np.inf))
    return float(below)


def stated(node: Node, key: str) -> Any:
    """A number that our own writer has added to a node, or None."""
    value = node.metadata.get(key)
    return value if isinstance(value, int | float) and abs(value) <= FLOAT32 else None
