"""NIR's neurons in steps of dt, and the conventions that a file does not specify.

NIR is in continuous time, and a file does not contain dt. A spike is a current of 1 over a step ("step"), so
that forward Euler, as in snnTorch, spikingjelly and norse, gives, with the input x from the linear nodes,

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
from math import exp, isfinite, prod
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.hardware.nir.nodes import NirError, Node

Reals = npt.NDArray[np.float64]
Shape = tuple[int, ...]
DENOMINATOR = 4096
FLOAT32 = float(np.finfo(np.float32).max)
MOST_FRACTIONS = 1 << 16  # different numbers of a node that are looked at


@dataclass(frozen=True)
class Convention:
    """What a NIR file does not specify; the defaults are NIR's definition, with the libraries' Euler steps.

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


# Conventions of each library's files and neurons.
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

    All numbers are float64 (1,), or (n,) where they differ from neuron to neuron.

    Attributes:
        threshold: v_threshold as the file has it.
        u_decay, v_decay: parts lost in a step.
        v_reset: where a spike leaves the membrane.
        gain: factor of what comes in.
        bias: added to the membrane in every step.
        notes: numbers that were taken as simple fractions.
    """

    threshold: Reals
    u_decay: Reals
    v_decay: Reals
    v_reset: Reals
    gain: Reals
    bias: Reals
    notes: tuple[str, ...]


def dynamics(node: Node, shape: Shape, dt: float, convention: Convention) -> Dynamics:
    """The dynamics of a spiking node in steps of dt.

    Raises:
        NirError: parameters of another number than the neurons, or out of range.
    """
    read = _Parameters(node, shape, dt, convention)
    impulse, one, none = convention.gain == "impulse", np.ones(1), np.zeros(1)
    gain = bias = none
    decays = (one, one)
    if node.kind == "Threshold":
        return Dynamics(read.each("threshold"), one, one, none, one, bias, ())
    if node.kind == "IF":
        decays = (one, none)
        gain = read.simple("r", read.each("r") * (1.0 if impulse else dt), "r")
    elif node.kind == "LIF":
        decays = (one, read.decay("tau"))
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
    reset = read.each("v_reset") if "v_reset" in node.values else none
    return Dynamics(read.each("v_threshold"), *decays, reset, gain, bias, tuple(read.notes))


def is_per_channel(shape: Shape) -> bool:
    """Whether a parameter of this shape is one for each channel."""
    return len(shape) == 3 and shape[1:] == (1, 1)


class _Parameters:
    """Checked access to the parameters of one node."""

    def __init__(self, node: Node, shape: Shape, dt: float, convention: Convention) -> None:
        self.node, self.shape, self.dt, self.convention = node, shape, dt, convention
        self.notes: list[str] = []

    def each(self, key: str) -> Reals:
        """One number, or one for each neuron, (1,) or (n,); one for each channel is (C, 1, 1) in the file."""
        array, n = self.node.array(key), prod(self.shape)
        values = array.reshape(-1)
        if is_per_channel(array.shape) and len(self.shape) == 3 and len(array) == self.shape[0]:
            values = np.repeat(values, prod(self.shape[1:]))
        if values.size not in (1, n):
            raise NirError(
                f"{self.node.name} ({self.node.kind}): {values.size} values of {key} for {n} neurons"
            )
        same = values.size and (values == values[0]).all()
        return values[:1] if same else values

    def decay(self, key: str) -> Reals:
        """The fraction lost in a step by a time constant, (1,) or (n,)."""
        tau = self.each(key)
        if not (tau > 0).all():
            wrong = tau[~(tau > 0)][0]
            raise NirError(
                f"{self.node.name} ({self.node.kind}): {key} = {wrong:g}; a time constant is positive"
            )
        ratio = self.dt / tau
        if self.convention.leak == "exponential":
            return np.array([1 - exp(-r) for r in ratio.tolist()])
        if (beyond := ratio > 1 + self.node.rounding(key)).any():
            k = int(np.argmax(beyond))
            raise NirError(
                f"{self.node.name} ({self.node.kind}): {key} = {tau[k]:g} is {1 / ratio[k]:.3g} steps of dt "
                f"= {self.dt:g}; Euler's decay dt/tau = {ratio[k]:.3g} is beyond 1. Give the dt that the "
                "file was made for (snnTorch and spikingjelly: 1e-4, norse: 1e-3), or leak = "
                "'exponential'"
            )
        return np.minimum(self.simple(f"dt/{key}", ratio, key), 1.0)

    def simple(self, what: str, values: Reals, *keys: str) -> Reals:
        """Values, replaced by simple fractions where only the rounding of fields differs; with a note."""
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
    """The theta for which v >= theta is equivalent to NIR's rule, on a grid of 2**-bits, or in float64.

    >>> fires_from(1.0, 2, ">"), fires_from(1.125, 2, ">"), fires_from(1.0, 2, ">=")
    (1.25, 1.25, 1.0)
    """
    if bits is None:
        return threshold if fires == ">=" else float(np.nextafter(threshold, np.inf))
    counts = threshold * 2.0**bits
    return float(np.ceil(counts) if fires == ">=" else np.floor(counts) + 1) * 2.0**-bits


def written_threshold(theta: float, bits: int | None) -> float:
    """The threshold that readers with ">" and with ">=" interpret alike: theta minus half a step of its grid;
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
    """A number, or an array (n,), in the metadata of a node of ours; None where it is absent."""
    value = node.metadata.get(key)
    if isinstance(value, np.ndarray):
        usable = value.ndim == 1 and value.dtype.kind in "iuf" and value.size > 0
        return value.astype(np.float64) if usable and (np.abs(value) <= FLOAT32).all() else None
    return value if isinstance(value, int | float) and abs(value) <= FLOAT32 else None
