"""Compiler of a `Network` on a grid to Loihi's integers, exactly: with the same spikes and membranes.

Weights. A count of the grid is 64 units of u (`scale`), one bit of Loihi's synaptic input. A projection's
weights w (in counts) are written as W << weight_exp with the largest exponent that keeps all of them whole.
W of mixed signs has to be even, so that w in [-128, 127] becomes W = 2 w with weight_exp = -1. Thresholds:
the network fires at v >= theta, the chip at v > vth << 6; since membranes are multiples of 64, both are the
same with vth = theta - 1. The bias b is b << 6. (W = 2 w with weight_exp = 0 and vth = 2 theta - 1 is exact
as well, with half of the headroom.)

Leaks. The chip truncates u and v, not counts; so with a leak in any neuron of a population a count has to be
one unit: weights are multiples of 64 counts there, and theta = 64 vth + 1.

Floors. v saturates at -2**23 + 1 units. A network that declares this as its floor (`limits.saturation`, as
`quantise` does) is equal there too: its membrane is at -2**17 counts, and the chip's one unit above, from
then on; they differ only where such a neuron rises to exactly theta - 1, which strict mode detects.

Time. On the chip every projection takes at least one step. Each population has its own clock, and a network
of zero delays is retimed: each population starts as many steps later as its longest path needs, and delays
are adapted. A spike arrives at the same step of the receiver's window as before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid as grids
from spikesim.errors import EngineError
from spikesim.hardware.limits import LAVA_FIXED, LimitError, check, hardware_limits
from spikesim.hardware.loihi.integer_network import (
    SHIFT,
    TOP,
    UNITY,
    IntegerNetwork,
    IntegerPopulation,
    IntegerProjection,
    Ints,
    Kind,
    SignMode,
    reach,
)
from spikesim.hardware.neurons import counts, normal_form
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse

CHIP = "loihi1"


def compile_network(
    network: Network,
    masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
    *,
    clip: bool = False,
) -> IntegerNetwork:
    """Compile a network on a grid to the chip's integers.

    Args:
        network: for inference (`network.inference()`), on a grid; see `quantise` for others.
        masters: plastic weights; None for the declared ones.
        clip: clip and floor weights that do not fit, as the chip does, and count them; else they are refused.

    Raises:
        EngineError: a neuron model without a normal form; a cycle with less delay than projections.
        LimitError: a number or a reset that the chip cannot hold; names limit, value, layer and way out.
    """
    check(network, CHIP)
    kept = network.masters() if masters is None else masters
    starts, delays = retimed(network)
    _check_retimed(network, delays)
    populations = {name: _population(network, name, starts[name]) for name in network.populations}
    projections: list[IntegerProjection] = []
    for p in network.projections:
        projections += _projection(network, p, kept, delays[p.name], populations[p.post].scale, clip)
    return IntegerNetwork(network, MappingProxyType(populations), tuple(projections))


def retimed(network: Network) -> tuple[dict[str, int], dict[str, int]]:
    """population -> the step at which its window starts on the chip; projection -> its delay there, >= 1.

    If all declared delays are at least 1, both are as declared.

    Raises:
        EngineError: a cycle with less delay than projections.
    """
    if all(p.delay >= 1 for p in network.projections):
        return dict(network.offsets), {p.name: p.delay for p in network.projections}
    # A spike of its own step t arrives at own step t - early of the other: that has to stay as it is.
    early = {p.name: network.offsets[p.post] - network.offsets[p.pre] - p.delay for p in network.projections}
    start = dict.fromkeys(network.populations, 0)
    for _ in range(len(start) + 1):
        moved = False
        for p in network.projections:
            least = start[p.pre] + early[p.name] + 1
            if start[p.post] < least:
                start[p.post], moved = least, True
        if not moved:
            break
    else:
        raise EngineError(
            "loihi: every projection takes at least one step on the chip, and a cycle of this network has "
            "less delay than projections; give each projection of the cycle delay=1 or more"
        )
    return start, {p.name: start[p.post] - start[p.pre] - early[p.name] for p in network.projections}


def _check_retimed(network: Network, delays: Mapping[str, int]) -> None:
    """Check that the chip holds the delays that retiming has lengthened; the declared ones were checked.

    Raises:
        LimitError: it does not; names the projection, and its declared delay.
    """
    limit = hardware_limits(CHIP).limits["delay"]
    for p in network.projections:
        late = delays[p.name] + p.longest_delay - p.delay
        if not limit.holds(late):
            raise LimitError(
                f"{p.name}: delay = {late} on the chip ({p.longest_delay} as declared), where layers that "
                f"follow each other within a step take a step each; the range is {limit} ({limit.source}). "
                f"Declare delays of 1 or more along the longer path, or a shorter delay here"
            )


def check_currents(chip: IntegerNetwork) -> None:
    """Check that no current can wrap, for programs that would not notice.

    Raises:
        LimitError: one could; names the population, the largest current and the limit.
    """
    for bound in reach(chip):
        if bound.may_wrap:
            raise LimitError(
                f"{bound.population}: the current of {bound.may_wrap} neurons can reach {bound.u_high} (or "
                f"{bound.u_low}) units, and u wraps beyond 24 bits, 2**23 = {2**23}. Quantise with fewer "
                f"bits, or take fewer inputs"
            )


def check_begins(where: str, network: Network) -> None:
    """Check that no population begins after spikes have arrived, for programs whose neurons never pause.

    Raises:
        EngineError: one does, by its declared offset; names it, the projection and the steps.
    """
    for p in network.projections:
        early = network.offsets[p.post] - network.offsets[p.pre] - p.delay
        if early > 0:
            raise EngineError(
                f"{where}: {p.post} begins {early} steps after the first spikes of {p.name} arrive, by its "
                f"declared offset; {where} never pauses, and spikes of before would arrive in its "
                f"window. Declare no offset, or a longer delay"
            )


def _population(network: Network, name: str, start: int) -> IntegerPopulation:
    p = network.populations[name]
    if is_source(p):
        return IntegerPopulation(name, p.n, start)
    neuron = normal_form("loihi", name, p)
    theta = counts(neuron.theta, p.grid)
    if neuron.leaks and ((theta - 1) % 64).any():
        k = int(np.argmax((theta - 1) % 64 != 0))
        near = round((int(theta[k]) - 1) / 64) * 64 + 1
        raise LimitError(
            f"{name}[{k}]: theta = {theta[k]} counts of 2**-{p.grid}; with a leak the chip's thresholds are "
            f"64 k + 1 counts (17 bits, shifted left by 6, and v has to exceed them). The nearest is {near}; "
            f"spikesim.hardware.quantise takes it"
        )
    scale = 1 if neuron.leaks else 64
    mantissa, exponent = _bias(name, counts(neuron.bias, p.grid) * scale)
    return IntegerPopulation(
        name,
        p.n,
        start,
        source=False,
        scale=scale,
        bias_exp=exponent,
        vth=(theta - 1) // 64 if neuron.leaks else theta - 1,
        du=np.rint(neuron.u_decay * UNITY).astype(np.int64),
        dv=np.rint(neuron.v_decay * UNITY).astype(np.int64),
        bias_mant=mantissa,
        refractory=neuron.refractory,
        floored=np.isfinite(neuron.floor),  # `check` has passed no other floor than the chip's own saturation
        v_start=_start(name, "v_start", counts(neuron.v_start, p.grid) * scale),
        u_start=_start(name, "u_start", counts(neuron.u_start, p.grid) * scale),
    )


def _start(name: str, what: str, units: Ints) -> Ints:
    """A start in units of v, when 24 bits hold it."""
    far = np.abs(units) >= TOP
    if far.any():
        k = int(np.argmax(far))
        raise LimitError(
            f"{name}[{k}]: {what} = {units[k]} units of v; the chip holds 24 bits, up to 2**23 - 1 = "
            f"{TOP - 1} ({LAVA_FIXED.limits['membrane'].source}). Start nearer to 0, or take a coarser grid"
        )
    return units


def _bias(name: str, units: Ints) -> tuple[Ints, int]:
    """Mantissa and exponent of a population's bias; exponent 6, that of weights, where possible."""
    limits = LAVA_FIXED.limits["bias_mantissa"]
    for exponent in (6, 0, 1, 2, 3, 4, 5, 7):
        mantissa = units >> exponent
        if ((mantissa << exponent) == units).all() and all(limits.holds(int(m)) for m in _ends(mantissa)):
            return mantissa, exponent
    far = int(units[np.argmax(np.abs(units))])
    raise LimitError(
        f"{name}: bias = {far} units of v; a bias is a mantissa of {limits} times 2**0 .. 2**7 "
        f"({limits.source}). Take a smaller bias, or a coarser grid (spikesim.hardware.quantise)"
    )


def _ends(values: Ints) -> tuple[int, int]:
    return int(values.min(initial=0)), int(values.max(initial=0))


def _projection(
    network: Network, p: Any, masters: Mapping[str, Any], delay: int, scale: int, clip: bool
) -> list[IntegerProjection]:
    kind, units = declared_counts(network, p, masters)
    weights, exponent, mode, clipped = chip_weights(units * scale, p.name, clip)
    if kind != "sparse":
        return [
            IntegerProjection(p.name, p.pre, p.post, kind, weights, exponent, mode, delay, p, clipped=clipped)
        ]
    found = []
    for name, late, w, indptr, indices in by_delay(p, weights, delay):
        found.append(
            IntegerProjection(name, p.pre, p.post, kind, w, exponent, mode, late, p, indptr, indices, clipped)
        )
        clipped = 0
    return found


def by_delay(p: Any, w: npt.NDArray[Any], delay: int) -> Iterator[tuple[str, int, Any, Ints, Any]]:
    """The synapses of each delay of a sparse projection: name, delay, weights, indptr, indices.

    Args:
        p: a Sparse.
        w: its weights, as `Network.weights` gives them or of another type.
        delay: steps of a synapse without an extra delay.
    """
    each, rows = np.broadcast_to(w, p.indices.shape), p.rows
    for extra in np.unique(p.late):
        mine = p.late == extra
        ends = np.cumsum(np.bincount(rows[mine], minlength=len(p.indptr) - 1))
        name = p.name if not p.late.any() else f"{p.name}+{extra}"
        indptr = np.concatenate([np.zeros(1, np.int64), ends])
        yield name, delay + int(extra), each[mine], indptr, p.indices[mine]


KINDS: dict[type[Any], Kind] = {Dense: "dense", OneToOne: "one_to_one", Sparse: "sparse", Conv2d: "conv"}


def declared_counts(network: Network, p: Any, masters: Mapping[str, Any]) -> tuple[Kind, Ints]:
    """The kind of a projection, and its weights in counts of the postsynaptic grid, as declared.

    Raises:
        LimitError: a kind of projection that is not in `KINDS`.
        DeclarationError: weights off the grid (those that another rule than a trial rule changes can be).
    """
    kind = KINDS.get(type(p))
    if kind is None:
        known = ", ".join(kind.__name__ for kind in KINDS)
        raise LimitError(
            f"{p.name}: projection = {type(p).__name__}; Loihi and Lava have {known} of fixed weights here. "
            f"Declare it as Sparse, from its edges(); or add it to spikesim.hardware.loihi.compile.KINDS"
        )
    w = np.float64(p.w) if kind == "one_to_one" else network.weights(p.name, masters)
    return kind, grids.on_grid(w, network.populations[p.post].grid, f"{p.name}: w")


def sign_mode(weights: npt.NDArray[Any]) -> SignMode:
    """The sign mode of a weight array; all zeros are excitatory, as in Lava."""
    if weights.min(initial=0) >= 0:
        return "excitatory"
    return "inhibitory" if weights.max(initial=0) <= 0 else "mixed"


def chip_weights(
    units: Ints, where: str, clip: bool = False
) -> tuple[npt.NDArray[np.int32], int, SignMode, int]:
    """Weights W, exponent and sign mode with (W << (weight_exp + 6)) = units, and the number clipped.

    Args:
        units: of u, any shape.
        where: the projection's name, for the message.
        clip: clip and floor what does not fit, as the chip does, and count it.

    Raises:
        LimitError: units that are no multiples of 64, or need more than 8 bits.
    """
    mode = sign_mode(units)
    beside = int((units & 63).astype(bool).sum())
    if beside and not clip:
        raise LimitError(
            f"{where}: {beside} weights are no multiples of 64 units of u, as on the chip (it shifts "
            f"input left by 6); with a leak that is 64 counts of the grid. spikesim.hardware.quantise helps"
        )
    whole = units >> SHIFT
    anything = int(np.bitwise_or.reduce(np.abs(whole), axis=None)) if whole.size else 0
    zeros = (anything & -anything).bit_length() - 1 if anything else 0
    mixed = int(mode == "mixed")
    exponent = min(zeros - mixed, 7) if anything else 0
    weights = whole << -exponent if exponent < 0 else whole >> exponent
    low, high = (-256 * mixed if mode != "inhibitory" else -255), (0 if mode == "inhibitory" else 255 - mixed)
    outside = (weights < low) | (weights > high)
    if outside.any() and not clip:
        bits = int(np.abs(whole).max() >> zeros).bit_length()
        raise LimitError(
            f"{where}: weights need {bits} bits{' and a sign' if mixed else ''} from their common step to "
            f"the largest; the chip has {8 - mixed}. Quantise them: "
            f"spikesim.hardware.quantise.quantise(network, {CHIP!r}, bits=8); --bits 8 in a command"
        )
    return np.clip(weights, low, high).astype(np.int32), exponent, mode, int(outside.sum()) + beside
