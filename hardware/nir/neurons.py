"""NIR's neurons in steps of dt, by a convention of what the file does not specify.

A spike is a current of 1 over a step (gain = "step"), so that forward Euler, as in snnTorch, spikingjelly and
norse, gives, with the input x from the linear nodes,

IF          v += r dt x                              u_decay = 1, v_decay = 0
LIF         v += dt/tau (v_leak - v + r x)           u_decay = 1, v_decay = dt/tau
CubaLIF     u += dt/tau_syn (w_in x - u)             u_decay = dt/tau_syn
            v += dt/tau_mem (v_leak - v + r u)       v_decay = dt/tau_mem
Threshold   v = x                                    u_decay = 1, v_decay = 1

Factors of x go into the weights, v_decay v_leak is the bias. With leak = "exponential" a decay is
1 - exp(-dt/tau) instead of dt/tau (sinabs). With gain = "impulse" a spike is a Dirac: it adds r x at once (of
a CubaLIF w_in r x), whatever dt and tau are (norse's IF).

All numbers are computed in float64 from those of the file; a float32 of the file is that number.

A neuron fires at v > v_threshold (NIR), or at v >= v_threshold (fires = ">=", as spikingjelly and sinabs do),
then v = v_reset; or as the convention's `reset` and `reset_delay` say.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import exp, prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spikesim.hardware.nir.broadcast import spread
from spikesim.hardware.nir.conventions import Convention, check_unscaled
from spikesim.hardware.nir.nodes import ANALOG, ROUNDING_64, NirError, Node, alike

Reals = npt.NDArray[np.float64]
Shape = tuple[int, ...]
DENOMINATOR = 4096
FLOAT32 = float(np.finfo(np.float32).max)
MOST_FRACTIONS = 1 << 16  # different numbers of a node that are looked at


@dataclass(frozen=True, eq=False)
class Dynamics:
    """A spiking node in steps.

    All numbers are float64 (1,), or (n,) where they differ from neuron to neuron.

    Attributes:
        threshold: v_threshold as the file has it.
        u_decay, v_decay: parts lost in a step.
        v_reset: where a spike leaves the membrane.
        v_start: where a membrane starts.
        gain: factor of what comes in.
        bias: added to the membrane in every step.
        notes: numbers that were not taken as the file has them, or that are nearly simple.
    """

    threshold: Reals
    u_decay: Reals
    v_decay: Reals
    v_reset: Reals
    v_start: Reals
    gain: Reals
    bias: Reals
    notes: tuple[str, ...]


def dynamics(node: Node, shape: Shape, dt: float, convention: Convention) -> Dynamics:
    """The dynamics of a spiking node in steps of dt.

    Raises:
        NirError: parameters of another number than the neurons, or out of range.
    """
    read = _Parameters(node, shape, dt, convention)
    one, none, never = np.ones(1), np.zeros(1), np.full(1, np.inf)
    if node.kind == "Threshold":
        return Dynamics(read.each("threshold"), one, one, none, none, one, none, ())
    if node.kind == "Output":  # the sum of what comes in
        return Dynamics(never, one, one, none, none, one, none, ())
    kind = alike(node.kind)
    decays = {
        "IF": lambda: (one, none),
        "LIF": lambda: (one, read.decay("tau", "v_decay")),
        "CubaLIF": lambda: (read.decay("tau_syn", "u_decay"), read.decay("tau_mem", "v_decay")),
    }[kind]()
    gain = _gain(read, convention.gain_of(node.kind), decays)
    leak = none if kind == "IF" else read.each("v_leak")
    reset = none if node.kind in ANALOG else read.each("v_reset")
    starts = {"zero": none, "v_leak": reset if kind == "IF" else leak, "v_reset": reset}
    start = starts[convention.start]
    threshold = never if node.kind in ANALOG else read.each("v_threshold")
    return Dynamics(threshold, *decays, reset, start, gain, decays[1] * leak, tuple(read.notes))


def _gain(read: _Parameters, gain: str, decays: tuple[Reals, Reals]) -> Reals:
    """The factor of the input of a node that is not a Threshold, (1,) or (n,)."""
    kind, dt = alike(read.node.kind), read.dt
    r = read.each("r")
    w = r * read.each("w_in") if kind == "CubaLIF" else r
    if gain == "impulse":
        return w
    keys: tuple[str, ...]
    if kind == "IF":
        what, keys, factor = "r dt", ("r",), r * dt
    elif kind == "LIF" and gain != "weight" and (r == 1).all():
        return decays[1]
    elif kind == "LIF":
        what, keys, factor = "r dt/tau", ("r", "tau"), r * decays[1]
    elif gain == "current":
        what, keys, factor = "w_in r dt/tau_mem", ("w_in", "r", "tau_mem"), w * decays[1]
    else:
        keys = ("w_in", "tau_syn", "r", "tau_mem")
        what, factor = "w_in dt/tau_syn r dt/tau_mem", w * decays[0] * decays[1]
    if gain == "weight":
        for value in np.unique(factor).tolist():
            check_unscaled(read.node, what, value)
        return np.ones(1)
    return read.simple(what, factor, *keys)


class _Parameters:
    """Checked access to the parameters of one node."""

    def __init__(self, node: Node, shape: Shape, dt: float, convention: Convention) -> None:
        self.node, self.shape, self.dt, self.convention = node, shape, dt, convention
        self.notes: list[str] = []

    def each(self, key: str) -> Reals:
        """One number, or one for each neuron, (1,) or (n,); in the file also one for each channel."""
        array = self.node.array(key)
        values = spread(array, self.shape)
        if values is None:
            raise NirError(
                f"{self.node.name} ({self.node.kind}): {array.size} values of {key} for {prod(self.shape)} "
                "neurons"
            )
        same = values.size and (values == values[0]).all()
        return values[:1] if same else values

    def decay(self, key: str, own: str) -> Reals:
        """The fraction lost in a step by a time constant, (1,) or (n,); as a file of ours states it as `own`,
        where that is this time constant.
        """
        tau = self.each(key)
        if not (tau > 0).all():
            wrong = tau[~(tau > 0)][0]
            raise NirError(
                f"{self.node.name} ({self.node.kind}): {key} = {wrong:g}; a time constant is positive"
            )
        ratio = self.dt / tau
        if self.convention.leak == "exponential":
            return self._rounded(np.array([1 - exp(-r) for r in ratio.tolist()]))
        if (told := self._told(own, key, tau)) is not None:
            return told
        if (beyond := ratio > 1 + self.node.rounding(key)).any():
            k = int(np.argmax(beyond))
            raise NirError(
                f"{self.node.name} ({self.node.kind}): {key} = {tau[k]:g} is {1 / ratio[k]:.3g} steps of dt "
                f"= {self.dt:g}; Euler's decay dt/tau = {ratio[k]:.3g} is beyond 1. Give the dt that the "
                "file was made for (snnTorch and spikingjelly: 1e-4, norse: 1e-3), or leak = "
                "'exponential'"
            )
        return self._rounded(np.minimum(self.simple(f"dt/{key}", ratio, key), 1.0))

    def _told(self, own: str, key: str, tau: Reals) -> Reals | None:
        """The decay of a file of ours; None where it states none that gives its time constant."""
        value = stated(self.node, own)
        decay = np.ravel(np.asarray(0.0 if value is None else value, np.float64))
        if value is None or decay.size not in (1, prod(self.shape)) or not (decay > 0).all():
            return None
        written = (self.dt / decay).astype(self.node.values[key].dtype).astype(np.float64)
        return decay if written.shape in (tau.shape, (1,)) and (written == tau).all() else None

    def _rounded(self, decay: Reals) -> Reals:
        """A decay as the library computes it, which holds it, or what it keeps, as a float32."""
        if self.convention.rounded == "kept":
            return 1 - (1 - decay).astype(np.float32).astype(np.float64)
        return decay.astype(np.float32).astype(np.float64) if self.convention.rounded == "decay" else decay

    def simple(self, what: str, values: Reals, *keys: str) -> Reals:
        """Values; those within the rounding of these operations in float64, or with `simplify` of float32
        fields, of a fraction with a small denominator are taken as that fraction.
        """
        if not np.isfinite(values).all():
            raise NirError(f"{self.node.name} ({self.node.kind}): {what} is beyond float64")
        different, where = np.unique(values, return_inverse=True)
        if len(different) > MOST_FRACTIONS:
            if self.convention.simplify:
                self.notes.append(
                    f"{self.node.name}: {what} takes {len(different):,} values; none of them is looked at "
                    "for a simple fraction that float32 has rounded"
                )
            return values
        rounding = self.node.rounding(*keys) if self.convention.simplify else ROUNDING_64
        found = np.array([_simple(v, rounding) for v in different])[where].reshape(values.shape)
        if (np.abs(found - values) > ROUNDING_64 * np.abs(values)).any():
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
