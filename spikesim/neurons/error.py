"""The two-channel error neuron (Shrestha 2019, section 3.2 and eq. 9), in two declared forms.

ternary  one membrane:    v += I;  s = +1 where v >= theta, -1 where v <= -theta;  v = 0 where s != 0
pair     two IF neurons:  v+ += I, v- -= I;  s+ where v+ >= theta, s- where v- >= theta;  each is reset by its
                          own spike;  s = s+ - s-

With reset = "subtract" a spike leaves what exceeds the threshold: v -= s theta, and for a pair v+ -= s+
theta, v- -= s- theta. The count of spikes is then the sum of the input in units of theta, to within one.

The two forms are different models. A pair can be built from the standard processes of neuromorphic hardware.
The channels of a pair cannot fire in the same step: v+ + v- starts at 0 and is changed by resets only,
downwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from spikesim._jit import at, kernel
from spikesim.errors import DeclarationError
from spikesim.files.field_versions import SINCE
from spikesim.grid import whole
from spikesim.neurons.description import NeuronModel
from spikesim.neurons.population import (
    BIAS,
    FLOOR,
    LIMIT,
    MEMBRANE,
    THETA,
    Advance,
    Ints,
    LinearNeuron,
    NeuronState,
    Numbers,
    Values,
    check,
    check_grid,
    each,
    for_kernel,
    register,
    scaled,
)
from spikesim.window import Phase


@register
@dataclass(frozen=True)
class ErrorIF:
    """A population of n error neurons with spikes of -1, 0 and +1; fields as in `Neuron`.

    Attributes:
        theta: threshold (> 0), in the unit of weights; one number, or one per neuron.
        form: "ternary" or "pair", see above.
        bias, floor: 0 and None; an error neuron has neither (section 3.2).
        reset: to "zero" (the paper), or by "subtract"-ing the threshold from what fired.
        gate_below: with `gate_by`: a gate is open only while the count of the partner's spikes in the first
            phase is below this number; the length of that phase closes the gates of neurons that fire in
            every step, which no error can make fire more. None for no upper end.

    Raises:
        DeclarationError: a field is out of range, or off the grid; gate_below without gate_by.

    Examples:
        >>> import spikesim as ss
        >>> cells = {"in": ss.Source(1), "err": ss.ErrorIF(2, theta=1.0)}
        >>> network = ss.Network(cells, [ss.Dense("in", "err", [[0.5, -0.5]])])
        >>> spikes = ss.from_raster([[1], [1], [1], [1]])
        >>> ss.simulate(network, {"in": spikes}, steps=4, record="spikes").spikes["err"].raster()
        array([[ 0,  0],
               [ 1, -1],
               [ 0,  0],
               [ 1, -1]], dtype=int8)
    """

    description: ClassVar[NeuronModel] = NeuronModel(
        equations="ternary: v += I; s = +1 at v >= theta, -1 at v <= -theta; v = 0 where s. pair: two "
        "membranes, +I and -I, each with its own spike and reset; or v - s theta instead of 0",
        parameters=(THETA, BIAS, FLOOR),
        state=(MEMBRANE,),
        spikes="signed",
        leaky=False,
    )
    limit: ClassVar[float] = LIMIT

    n: int
    theta: Values
    grid: int = 12
    form: Literal["ternary", "pair"] = "ternary"
    bias: Values = 0.0
    floor: Values | None = None
    reset_at: tuple[str, ...] = ("start",)
    active_in: Phase | None = None
    gate_by: str | None = None
    offset: int | None = None
    reset: Literal["zero", "subtract"] = field(default="zero", metadata={SINCE: "0.2"})
    gate_below: int | None = field(default=None, metadata={SINCE: "0.2"})

    def __post_init__(self) -> None:
        check(self)
        check_grid(self)
        if self.form not in ("ternary", "pair"):
            raise DeclarationError(f"ErrorIF: form = {self.form!r}; known: 'ternary', 'pair'")
        if self.reset not in ("zero", "subtract"):
            raise DeclarationError(f"ErrorIF: reset = {self.reset!r}; known: 'zero', 'subtract'")
        if self.gate_below is not None and not whole(self.gate_below, 2):
            raise DeclarationError(
                f"ErrorIF: gate_below = {self.gate_below!r}; a whole number of spikes >= 2, or None, is "
                f"needed (a partner with 0 spikes closes its gate anyway)"
            )
        if self.gate_below is not None and self.gate_by is None:
            raise DeclarationError(
                f"ErrorIF: gate_below = {self.gate_below} is the upper end of a gate, and gate_by is None; "
                f"name the population whose counts open the gates"
            )
        if self.floor is not None or np.any(np.asarray(self.bias) != 0):
            raise DeclarationError("ErrorIF: an error neuron has neither bias nor floor (section 3.2)")

    def linear(self) -> LinearNeuron:
        """The normal form; see `LinearNeuron`."""
        zero = np.zeros(self.n)
        return LinearNeuron(
            theta=each(self.theta, self.n),
            bias=zero,
            u_decay=np.ones(self.n),
            v_decay=zero,
            v_reset=zero,
            floor=each(None, self.n),
            refractory=np.zeros(self.n, np.int64),
            v_start=zero,
            u_start=zero,
            subtract=self.reset == "subtract",
            form=self.form,
        )

    @cached_property
    def _theta(self) -> Numbers:
        return scaled(self.theta, self.grid)

    def initial_state(self) -> NeuronState:
        """v int64 (n,), or (2, n) for a pair."""
        return {"v": np.zeros(self.n if self.form == "ternary" else (2, self.n), np.int64)}

    def decision(self, state: NeuronState, current: Numbers) -> tuple[Numbers, Numbers]:
        """See `Neuron`; int64 (n,), or (2, n) for a pair."""
        v = state["v"] + (current if self.form == "ternary" else np.stack([current, -current]))
        return v, np.broadcast_to(self._theta, v.shape)

    def step(self, state: NeuronState, current: Numbers) -> tuple[NeuronState, Ints]:
        """One step in grid counts: the membrane, and the spikes int64 (n,) of -1, 0 and +1."""
        v, theta = self.decision(state, current)
        if self.form == "ternary":
            s = (v >= theta).astype(np.int64) - (v <= -theta)
            return {"v": self._after(v, s, theta)}, s
        fired = v >= theta
        return {"v": self._after(v, fired, theta)}, fired[0].astype(np.int64) - fired[1]

    def _after(self, v: Numbers, s: Numbers, theta: Numbers) -> Numbers:
        """The membranes after the spikes s of -1, 0 and +1."""
        return v - s * theta if self.reset == "subtract" else np.where(s != 0, 0, v)

    def compiled(self) -> Advance:
        """The same step in place; see `Neuron`."""
        (theta,), scale = for_kernel(self.n, self._theta.astype(np.float64)), 2.0**self.grid
        kernel_ = _advance_ternary if self.form == "ternary" else _advance_pair
        subtract = self.reset == "subtract"

        def advance(state, current, closed, fired, signs):  # type: ignore[no-untyped-def]
            return kernel_(theta, scale, subtract, state["v"], current, closed, fired, signs)

        return advance


@kernel
def _advance_ternary(theta, scale, subtract, v, current, closed, fired, signs):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(v.size):
        arrived = current[j] * scale
        current[j] = 0.0
        if closed.size and closed[j]:
            continue
        x = v[j] + arrived
        if not abs(x) < LIMIT:
            return -1 - j
        if abs(x) >= at(theta, j):
            fired[count] = j
            signs[count] = 1 if x > 0 else -1
            x = x - signs[count] * at(theta, j) if subtract else 0.0
            count += 1
        v[j] = np.int64(x)
    return count


@kernel
def _advance_pair(theta, scale, subtract, v, current, closed, fired, signs):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(v.shape[1]):
        arrived = current[j] * scale
        current[j] = 0.0
        if closed.size and closed[j]:
            continue
        sign = 0
        for channel in range(2):
            x = v[channel, j] + (arrived if channel == 0 else -arrived)
            if not abs(x) < LIMIT:
                return -1 - j
            if x >= at(theta, j):
                x = x - at(theta, j) if subtract else 0.0
                sign += 1 - 2 * channel
            v[channel, j] = np.int64(x)
        if sign:
            fired[count] = j
            signs[count] = sign
            count += 1
    return count
