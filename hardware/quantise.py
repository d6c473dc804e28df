"""A network on a chip's grid: weights of few bits times a power of two; thresholds, biases, decays to match.

For each projection the step 2**-k is searched that leaves the least sum of squared errors, rounding and
clipping together:

    q = clip(floor(w 2**k + 1/2), -2**(bits-1), 2**(bits-1) - 1),    w' = q 2**-k

among the steps with which the threshold can be held and no current can wrap. A population's grid is the
finest of the steps into it (coarser projections have an exponent of their own on the chip), and finer where a
bias needs it: where its rounding, added up over a window, would reach half a step of the weights. Thresholds
go to the nearest number that the chip can hold, and up where weights and bias stay as they are, which leaves
the spikes as they are. Where neurons leak, the grid is 6 bits finer than the weights, since the chip cuts off
fractions of 1/64 (see `spikesim.hardware.loihi.compile`).

A membrane of 24 bits saturates: far below the threshold, in neurons that much inhibition reaches. Where the
sum of a neuron's weights over a window lets it come there, the new network declares the saturation as its
floor, so that it does what the chip does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid as grids
from spikesim.errors import DeclarationError
from spikesim.hardware.limits import Hardware, LimitError, check, hardware_limits, leaks, saturation
from spikesim.hardware.quantise_report import PopulationError, ProjectionError, Quantised, accuracies
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.neurons import Source
from spikesim.synapses import OneToOne

FINEST = grids.MASTER_BITS
LEAK_BITS = 6  # the chip's fraction of u and v, below a weight's last bit
UNITY = 4096
DECAYS = ("u_decay", "v_decay")
Reals = npt.NDArray[np.float64]


def quantise(
    network: Network,
    hardware: str | Hardware = "loihi1",
    bits: int = 8,
    *,
    masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
    T: int | None = None,
    **measure: Any,
) -> Quantised:
    """The network that classifies, on a chip's grid, and what that cost.

    Args:
        network: any; its teaching populations are left out (`network.inference()`). It stays as it is.
        hardware: the target: "loihi1", "loihi2", "lava", "netx", "nir", ...
        bits: of a weight with its sign, 2 .. 8 (24 where the target computes in floating point).
        masters: plastic weights; the declared ones where None.
        T: steps of a presentation; the window's where None.
        measure: split and encoder, to measure the accuracy before and after; seed, threads, progress and
            engine as in `spikesim.training.evaluate.evaluate`.

    Raises:
        DeclarationError: bits out of range, an unknown target or argument.
        LimitError: what the target cannot hold on any grid: another neuron model, a floor, a threshold out of
            range.
    """
    chip = hardware_limits(hardware)
    _check_bits(bits, chip)
    plain = network if masters is None else network.with_masters(masters)
    forward = plain.inference(T)
    finest = {name: _finest(forward, name, chip) for name in forward.populations}
    steps = _steps(forward, bits, finest, joint=_one_step(chip))
    populations: dict[str, Any] = {}
    for name, population in forward.populations.items():
        into = [steps[p.name] for p in forward.incoming(name) if np.any(forward.weights(p.name))]
        exact = all(_kept(forward.weights(p.name), steps[p.name], bits) for p in forward.incoming(name))
        populations[name] = _population(population, into, finest[name], chip, forward.window.T, exact)
    projections = tuple(_projection(forward, p, steps[p.name], bits) for p in forward.projections)
    made = _floored(replace(forward, populations=populations, projections=projections), chip)
    check(made, chip)
    errors = tuple(_weight_error(forward, p, steps[p.name], bits) for p in forward.projections)
    changed = tuple(
        _population_error(name, forward.populations[name], p)
        for name, p in made.populations.items()
        if not isinstance(p, Source)
    )
    before, after, samples = accuracies(forward, made, **measure)
    return Quantised(made, chip.name, bits, errors, changed, before, after, samples)


def _check_bits(bits: int, chip: Hardware) -> None:
    most = 8 if chip.quantised else 24
    if not grids.whole(bits, 2) or bits > most:
        raise DeclarationError(
            f"quantise: bits = {bits!r}; a weight of {chip.title} has 2 .. {most} bits with its sign"
        )


def _one_step(chip: Hardware) -> bool:
    limit = chip.limit("weight_exponent")
    return limit is not None and limit.low is not None and limit.low == limit.high


def rounded(w: npt.ArrayLike, step: int, bits: int) -> Reals:
    """Weights as integers of so many bits times 2**-step; half goes up, what is beyond is clipped."""
    counts = np.floor(np.asarray(w, np.float64) * 2.0**step + 0.5)
    return np.clip(counts, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) * 2.0**-step


def _steps(network: Network, bits: int, finest: Mapping[str, int], joint: bool) -> dict[str, int]:
    """The step's exponent of each projection; joint: one for all into a population."""
    found: dict[str, int] = {}
    for name in network.populations:
        into = network.incoming(name)
        weights = [np.ravel(network.weights(p.name)) for p in into]
        if joint and weights:
            weights = [np.concatenate(weights)] * len(into)
        found |= {p.name: _step(w, bits, finest[name]) for p, w in zip(into, weights, strict=True)}
    return found


def _step(w: Reals, bits: int, finest: int) -> int:
    """The step with the least squared error; of equal ones the coarsest, which leaves most room."""
    return min(range(finest + 1), key=lambda step: float(np.square(w - rounded(w, step, bits)).sum()))


def _extra(p: Any, chip: Hardware) -> int:
    """Bits of the grid below the weights' last."""
    return LEAK_BITS if chip.quantised and leaks(p) else 0


def _finest(network: Network, name: str, chip: Hardware) -> int:
    """The finest step with which a population's threshold can be held, and its current cannot wrap.

    Raises:
        LimitError: there is none.
    """
    p = network.populations[name]
    if is_source(p):
        return FINEST
    steps, limit, wrap = FINEST - _extra(p, chip), chip.limit("threshold"), chip.limit("current")
    if limit is None or limit.high is None or wrap is None or wrap.high is None:
        return steps
    reach, synapses = _reach(network, name)
    while steps >= 0 and p.theta * 2.0**steps > limit.high + 1:
        steps -= 1
    # A weight is 64 units of u, and rounding may add half a step to each.
    while (
        steps >= 0 and (reach * 2.0**steps + synapses / 2) * _lasting(p, network.window.T) * 64 >= wrap.high
    ):
        steps -= 1
    if steps < 0:
        raise LimitError(
            f"{name}: theta = {p.theta}, and the input of a step reaches {reach:.6g}; {chip.title} holds "
            f"thresholds of {limit} ({limit.source}) in steps of the weights, and 2**17 of them as a "
            f"current. Scale weights, bias and threshold down together: the spikes stay the same"
        )
    return steps


def _reach(network: Network, name: str) -> tuple[float, int]:
    """The largest sum of absolute weights into a neuron, and of how many synapses."""
    total = np.zeros((2, network.populations[name].n))
    for link in network.incoming(name):
        for _, matrix in link.pieces(network.weights(link.name)):
            total[0, : matrix.shape[1]] += np.abs(matrix).sum(axis=0)
            total[1, : matrix.shape[1]] += np.count_nonzero(matrix, axis=0)
    return float(total[0].max()), int(total[1].max())


def _lasting(p: Any, T: int) -> int:
    """How many steps' input a current can hold at once: all T without a decay."""
    decay = round(getattr(p, "u_decay", 1.0) * UNITY)
    return T if decay == 0 else min(T, -(-UNITY // decay))


def _kept(w: Reals, step: int, bits: int) -> bool:
    """Whether weights are multiples of the step already, and in range."""
    return bool((rounded(w, step, bits) == w).all())


def _population(p: Any, into: list[int], finest: int, chip: Hardware, T: int, exact: bool) -> Any:
    """A population on its new grid: threshold, bias and decays to what the chip can hold; `exact` weights."""
    if is_source(p):
        return p
    extra = _extra(p, chip)
    weights = max(into, default=min(p.grid - extra if p.grid is not None else finest, finest))
    steps = weights if _one_step(chip) else min(_for_bias(p, weights, extra, T), finest)
    bits = steps + extra
    bias = _bias(p, bits, extra, chip)
    # Sums of unchanged numbers pass a threshold between two of them where they reach the next one.
    up = exact and not extra and bool(np.all(np.asarray(bias) == np.asarray(p.bias)))
    theta = float(np.ceil(p.theta * 2.0**bits) * 2.0**-bits) if up else _theta(p.theta, bits, extra)
    return replace(p, grid=bits, theta=theta, bias=bias, **_decays(p, chip))


def _projection(network: Network, p: Any, step: int, bits: int) -> Any:
    """A projection with its weights rounded, fixed."""
    w = network.weights(p.name)
    made = rounded(w, step, bits)
    if w.any() and not made.any():
        raise LimitError(
            f"{p.name}: weights of at most {np.abs(w).max():.3g} are rounded to steps of 2**-{step}, the "
            f"finest with which the threshold of {p.post} can be held, and nothing is left of them"
        )
    fixed = {"plastic": None} if getattr(p, "plastic", None) is not None else {}
    return replace(p, w=float(made.flat[0]) if isinstance(p, OneToOne) else made, **fixed)


def _floored(network: Network, chip: Hardware) -> Network:
    """The network with the chip's saturation as a floor, where a membrane can come so low."""
    if chip.limit("membrane") is None:
        return network
    populations = dict(network.populations)
    for name, p in network.populations.items():
        if not isinstance(p, Source) and p.floor is None and _lowest(network, name) < saturation(p):
            populations[name] = replace(p, floor=saturation(p))
    return replace(network, populations=populations)


def _lowest(network: Network, name: str) -> float:
    """The least membrane that a population's weights and bias can bring in a window without a leak."""
    p = network.populations[name]
    least = np.zeros(p.n)
    for link in network.incoming(name):
        for _, matrix in link.pieces(network.weights(link.name)):
            least[: matrix.shape[1]] += np.minimum(matrix, 0).sum(axis=0)
    T = network.window.T
    return float((np.minimum(least * _lasting(p, T) + p.bias, 0) * T).min())


def _for_bias(p: Any, weights: int, extra: int, T: int) -> int:
    """A step (and `extra` bits) on which a window's rounding of the bias is below half a weight's step."""
    bias, steps = np.asarray(p.bias, np.float64), weights
    while steps + extra < FINEST and _off(bias, steps + extra) * T > 2.0 ** -(weights + 1):
        steps += 1
    return steps


def _off(values: Reals, bits: int) -> float:
    return float(np.abs(values - grids.rounded(values, bits)).max())


def _theta(theta: float, bits: int, extra: int) -> float:
    """The nearest threshold on the grid, at least one step; 64 k + 1 counts where something leaks."""
    if not extra:
        return max(float(grids.rounded(theta, bits)), 2.0**-bits)
    k = max(round((theta * 2.0**bits - 1) / 2**extra), 0)
    return (k * 2**extra + 1) * 2.0**-bits


def _bias(p: Any, bits: int, extra: int, chip: Hardware) -> Any:
    """The nearest bias that a mantissa of 13 bits and an exponent of 3 can hold."""
    bias = np.asarray(p.bias, np.float64)
    counts = np.floor(bias * 2.0**bits + 0.5)
    mantissa, exponent = chip.limit("bias_mantissa"), chip.limit("bias_exponent")
    if mantissa is not None and exponent is not None:
        assert mantissa.high is not None and exponent.high is not None
        units = 1 if extra else 64  # of v in a count
        for power in range(exponent.high + 1):
            grain = max(2**power // units, 1)
            fitted = np.floor(bias * 2.0**bits / grain + 0.5) * grain
            if np.abs(fitted).max() * units / 2**power <= mantissa.high:
                counts = fitted
                break
        # A bias beyond is left as it is, and refused by the compiler with its limit.
    made = counts * 2.0**-bits
    return tuple(made.tolist()) if made.ndim else float(made)


def _decays(p: Any, chip: Hardware) -> dict[str, float]:
    known = {f.name for f in fields(p)}
    if not chip.quantised:
        return {}
    return {d: round(getattr(p, d) * UNITY) / UNITY for d in DECAYS if d in known}


def _weight_error(network: Network, p: Any, step: int, bits: int) -> ProjectionError:
    w = np.ravel(network.weights(p.name))
    made = rounded(w, step, bits)
    off = np.abs(made - w)
    ends = (-(2 ** (bits - 1)) - 0.5) * 2.0**-step, (2 ** (bits - 1) - 0.5) * 2.0**-step
    size = float(np.sqrt(np.square(w).mean())) if w.size else 0.0
    rms = float(np.sqrt(np.square(off).mean())) if w.size else 0.0
    return ProjectionError(
        p.name,
        w.size,
        step,
        float(off.max(initial=0)),
        rms,
        rms / size if size else 0.0,
        int(((w < ends[0]) | (w >= ends[1])).sum()),
        int(((made == 0) & (w != 0)).sum()),
    )


def _population_error(name: str, before: Any, after: Any) -> PopulationError:
    bias = np.abs(np.asarray(after.bias) - np.asarray(before.bias)).max()
    decays = (abs(getattr(after, d) - getattr(before, d)) for d in DECAYS if hasattr(after, d))
    floor = None if after.floor == before.floor else after.floor
    decay = float(max(decays, default=0.0))
    return PopulationError(name, after.grid, before.theta, after.theta, float(bias), decay, floor)
