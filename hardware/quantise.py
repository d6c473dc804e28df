"""Quantisation to a chip's grid: weights of few bits times a power of two, and parameters that fit.

For each projection, the step 2**-k with the least sum of squared errors (rounding and clipping) is chosen

    q = clip(floor(w 2**k + 1/2), -2**(bits-1), 2**(bits-1) - 1),    w' = q 2**-k

among the steps with which the thresholds can be held and no current can wrap. A population's grid is the
finest of the steps into it (coarser projections have an exponent of their own on the chip), and finer where a
bias needs it: where its rounding error, summed over a window, would reach half a step of the weights. All
parameters are rounded neuron by neuron to the nearest number that the chip can hold; thresholds are rounded
up where nothing else changes, which leaves the spikes unchanged. With a leak, the grid is 6 bits finer than
the weights, since the chip truncates to 1/64 (see `spikesim.hardware.loihi.compile`).

A membrane of 24 bits saturates far below the threshold, in neurons with strong inhibition. Where a neuron's
weights could bring it there within a window, the new network declares the saturation as its floor, so that
the engine does the same as the chip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid as grids
from spikesim.errors import DeclarationError
from spikesim.hardware.limits import Hardware, LimitError, check, hardware_limits, saturation
from spikesim.hardware.neurons import integrating, leaks, normal_forms
from spikesim.hardware.quantise_report import PopulationError, ProjectionError, Quantised, accuracies
from spikesim.network import Network
from spikesim.network.scheduling import is_source
from spikesim.neurons.description import LinearNeuron, Parameter

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
    """Quantise a network for inference on a chip.

    Args:
        network: any; its teaching populations are left out (`network.inference()`). It is not changed.
        hardware: "loihi1", "loihi2", "lava", "netx", "nir", ...
        bits: of a weight with its sign, 2 .. 8 (24 where the target computes in floating point).
        masters: plastic weights; None for the declared ones.
        T: steps of a trial; None for the window's.
        measure: split and encoder, to measure the accuracy before and after; seed, threads, progress and
            engine as in `spikesim.training.evaluate.evaluate`.

    Returns:
        The new network, with a report of what changed.

    Raises:
        DeclarationError: bits out of range, an unknown target or argument.
        EngineError: a neuron model without a normal form.
        LimitError: what the target cannot hold on any grid: a floor, a reset, a threshold out of range.

    Examples:
        >>> import spikesim as ss
        >>> from spikesim.models import emstdp
        >>> network = emstdp.build(emstdp.Emstdp(sizes=(4, 20, 3), T=64))
        >>> report = ss.quantise(network, "loihi1", bits=8)
        >>> sorted(report.network.populations)
        ['hid1', 'in', 'out']
    """
    chip = hardware_limits(hardware)
    _check_bits(bits, chip)
    plain = network if masters is None else network.with_masters(masters)
    forward = plain.inference(T)
    normal_forms(f"quantise for {chip.title}", forward)
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
        if not is_source(p)
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
    """Weights rounded (half up) and clipped to integers of `bits` bits times 2**-step."""
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
    """The step with the least squared error; the coarsest of equal ones, which leaves most headroom."""
    return min(range(finest + 1), key=lambda step: float(np.square(w - rounded(w, step, bits)).sum()))


def _extra(p: Any, chip: Hardware) -> int:
    """Number of bits by which the grid is finer than the weights."""
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
    neuron: LinearNeuron = p.linear()
    reach, synapses = _reach(network, name)
    lasting, theta = int(_lasting(neuron, network.window.T).max()), float(neuron.theta.max())
    start = float(np.abs(neuron.u_start).max())
    while steps >= 0 and theta * 2.0**steps > limit.high + 1:
        steps -= 1
    # A weight is 64 units of u, and rounding may add half a step to each.
    while (
        steps >= 0 and ((reach * 2.0**steps + synapses / 2) * lasting + start * 2.0**steps) * 64 >= wrap.high
    ):
        steps -= 1
    if steps < 0:
        raise LimitError(
            f"{name}: theta = {theta}, and the input of a step reaches {reach:.6g}; {chip.title} holds "
            f"thresholds of {limit} ({limit.source}) in steps of the weights, and 2**17 of them as a "
            f"current. Scale weights, bias and threshold down together: the spikes stay the same"
        )
    return steps


def _reach(network: Network, name: str) -> tuple[float, int]:
    """The largest sum of absolute weights into a neuron, and the largest number of synapses."""
    n = network.populations[name].n
    total = np.zeros((2, n))
    for link in network.incoming(name):
        _, post, w, _ = link.edges(network.weights(link.name))
        total[0] += np.bincount(post, np.abs(w), n)
        total[1] += np.bincount(post, w != 0, n)
    return float(total[0].max()), int(total[1].max())


def _lasting(neuron: LinearNeuron, T: int) -> npt.NDArray[np.int64]:
    """Number of steps whose input a current can hold at once, int64 (n,): all T without a decay."""
    decay = np.rint(neuron.u_decay * UNITY).astype(np.int64)
    return np.minimum(np.where(decay == 0, T, -(-UNITY // np.maximum(decay, 1))), T)


def _kept(w: Reals, step: int, bits: int) -> bool:
    """Whether weights are already multiples of the step, and in range."""
    return bool((rounded(w, step, bits) == w).all())


def _population(p: Any, into: list[int], finest: int, chip: Hardware, T: int, exact: bool) -> Any:
    """A population on its new grid, every parameter neuron by neuron as the chip can hold it.

    Args:
        p: the population.
        into: exponents of the steps of the projections into it.
        finest: exponent of the finest step, as `_finest` gives it.
        chip: the target.
        T: steps of a trial.
        exact: whether its weights stay as they are.
    """
    if is_source(p):
        return p
    extra = _extra(p, chip)
    weights = max(into, default=min(p.grid - extra if p.grid is not None else finest, finest))
    steps = weights if _one_step(chip) else min(_for_bias(p, weights, extra, T), finest)
    bits = steps + extra
    values = {q.name: np.asarray(getattr(p, q.name), np.float64) for q in _numbers(p)}
    made = {q.name: _fitted(values[q.name], q, bits, extra, chip) for q in _numbers(p)}
    # Sums of unchanged numbers pass a threshold between two of them where they reach the next one.
    sums = [name for name in made if name != "theta"]
    if exact and not extra and all((made[name] == values[name]).all() for name in sums):
        made["theta"] = np.ceil(values["theta"] * 2.0**bits) * 2.0**-bits
    return replace(p, grid=bits, **{name: _plain(value) for name, value in made.items()})


def _numbers(p: Any) -> list[Parameter]:
    """The declared parameters of a population that are real numbers, one for all neurons or one for each."""
    return [q for q in p.description.parameters if not q.whole and getattr(p, q.name) is not None]


def _fitted(values: Reals, parameter: Parameter, bits: int, extra: int, chip: Hardware) -> Reals:
    """Values of a parameter, each as near as the chip can hold it."""
    if parameter.name == "theta":
        return _theta(values, bits, extra)
    if parameter.name == "bias":
        return _bias(values, bits, extra, chip)
    if parameter.unit == "1/step":
        return np.rint(values * UNITY) / UNITY if chip.quantised else values
    return np.asarray(grids.rounded(values, bits), np.float64)


def _plain(values: Reals) -> Any:
    """A number, or a tuple of n numbers."""
    return tuple(values.tolist()) if values.ndim else float(values)


def _projection(network: Network, p: Any, step: int, bits: int) -> Any:
    """A projection with its weights rounded, fixed."""
    w = network.weights(p.name)
    made = rounded(w, step, bits)
    if w.any() and not made.any():
        raise LimitError(
            f"{p.name}: weights of at most {np.abs(w).max():.3g} are rounded to steps of 2**-{step}, the "
            f"finest with which the threshold of {p.post} can be held, and nothing is left of them"
        )
    return p.fixed(made)


def _floored(network: Network, chip: Hardware) -> Network:
    """The network with the chip's saturation as a floor, where a membrane can come so low."""
    if chip.limit("membrane") is None:
        return network
    populations = dict(network.populations)
    for name, p in integrating(network).items():
        bounded = p.description.parameter("floor") is None or p.floor is not None
        if not bounded and _lowest(network, name) < saturation(p):
            populations[name] = replace(p, floor=saturation(p))
    return replace(network, populations=populations)


def _lowest(network: Network, name: str) -> float:
    """The least membrane that a population's weights and bias can bring in a window without a leak."""
    neuron: LinearNeuron = network.populations[name].linear()
    least = np.zeros(len(neuron.theta))
    for link in network.incoming(name):
        for _, matrix in link.pieces(network.weights(link.name)):
            least[: matrix.shape[1]] += np.minimum(matrix, 0).sum(axis=0)
    T = network.window.T
    brought = np.minimum(least * _lasting(neuron, T) + np.minimum(neuron.u_start, 0) + neuron.bias, 0) * T
    return float((brought + np.minimum(neuron.v_start, 0)).min())


def _for_bias(p: Any, weights: int, extra: int, T: int) -> int:
    """A step (and `extra` bits) on which a window's rounding of the bias is below half a weight's step."""
    bias, steps = p.linear().bias, weights
    while steps + extra < FINEST and _off(bias, steps + extra) * T > 2.0 ** -(weights + 1):
        steps += 1
    return steps


def _off(values: Reals, bits: int) -> float:
    return float(np.abs(values - grids.rounded(values, bits)).max())


def _theta(theta: Reals, bits: int, extra: int) -> Reals:
    """The nearest thresholds on the grid, at least one step; 64 k + 1 counts where something leaks."""
    if not extra:
        return np.maximum(np.asarray(grids.rounded(theta, bits), np.float64), 2.0**-bits)
    k = np.maximum(np.rint((theta * 2.0**bits - 1) / 2**extra), 0)
    return (k * 2**extra + 1) * 2.0**-bits


def _bias(bias: Reals, bits: int, extra: int, chip: Hardware) -> Reals:
    """The nearest biases that mantissas of 13 bits and one exponent of 3 bits can hold."""
    made = np.floor(bias * 2.0**bits + 0.5)
    mantissa, exponent = chip.limit("bias_mantissa"), chip.limit("bias_exponent")
    if mantissa is not None and exponent is not None:
        assert mantissa.high is not None and exponent.high is not None
        units = 1 if extra else 64  # of v in a count
        for power in range(exponent.high + 1):
            grain = max(2**power // units, 1)
            fitted = np.floor(bias * 2.0**bits / grain + 0.5) * grain
            if np.abs(fitted).max() * units / 2**power <= mantissa.high:
                made = fitted
                break
        # A bias beyond is left as it is, and refused by the compiler with its limit.
    return made * 2.0**-bits


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
    """The largest change of each parameter over the neurons."""
    old, new = before.linear(), after.linear()
    k = int(np.argmax(np.abs(new.theta - old.theta)))

    def largest(*names: str) -> float:
        return max(float(np.abs(getattr(new, x) - getattr(old, x)).max()) for x in names)

    return PopulationError(
        name,
        after.grid,
        float(old.theta[k]),
        float(new.theta[k]),
        largest("bias"),
        largest(*DECAYS),
        None if (new.floor == old.floor).all() else float(new.floor.min()),
        largest("v_start", "u_start", "v_reset"),
    )
