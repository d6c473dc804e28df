"""Tasks of a trained mSTDP network: classification, generation from labels, dreaming, and a step response."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from spikesim.hopfield.activation import sigmoid4
from spikesim.hopfield.mstdp.network import Mstdp, Net, at_rest, targets
from spikesim.hopfield.mstdp.relaxation import Phase, States, relax
from spikesim.hopfield.mstdp.states import Float32, check_images, check_labels, initial_states

CHUNK = 256


def label_rates(net: Net, x: npt.ArrayLike) -> Float32:
    """Rates of the label neurons with inputs clamped, float32 (samples, n_out).

    As printed (section 2.6): `test_cycles` clamped and free phases in which inputs are pushed towards their
    data and labels are free; rates are read at the end of the last clamped phase. If the configuration holds
    neurons, inputs are held for `test_iterations` instead. States start at rest, so that the result for a
    sample does not depend on other samples.

    Raises:
        DataError: images of another size, or values outside [0, 1].
    """
    images = check_images(x, net.config.n_in, "mSTDP test")
    return np.concatenate([_label_rates(net, chunk) for chunk in _chunks(images)])


def classify(net: Net, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Class of each image, int64 (samples,): the label neuron with the highest rate."""
    return label_rates(net, x).argmax(1)


def accuracy(net: Net, x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Classification accuracy in percent.

    Raises:
        DataError: images or labels out of range.
    """
    found = classify(net, x)
    labels = check_labels(y, len(found), net.config.n_out, "mSTDP test")
    return 100.0 * float((found == labels).mean())


def generate(net: Net, labels: npt.ArrayLike, seed: int, start: float = 1.0) -> Float32:
    """Generate images from labels, float32 (samples, n_in) in [0, 1]; section 3.2.

    States start at random values, U(-start, start) around rest; labels are clamped and inputs free. As
    printed, clamped and free phases alternate, and the images are read at the end of the last clamped phase.
    If the configuration holds neurons, labels are held for `test_iterations` instead.

    Args:
        net: the network.
        labels: the label of each image.
        seed: of the random states.
        start: bound of the random states.

    Raises:
        DataError: labels out of range.
    """
    config, layout = net.config, net.config.layout
    wanted = check_labels(labels, len(np.asarray(labels)), config.n_out, "mSTDP generation")
    states = at_rest(layout, net.centre, len(wanted))
    states.s[...] += initial_states(layout, len(wanted), seed, start)
    target = targets(config, None, wanted, len(wanted))
    for phase in _test_phases(config, labels_known=True):
        relax(net.weights, layout, states, target, phase, centre=net.centre)
    return pixels(config, states.s)


def pixels(config: Mstdp, s: Float32) -> Float32:
    """Convert states of the inputs to images, float32 (samples, n_in): the inverse of `scaled`, clipped."""
    unit = (s[:, : config.n_in] - config.low) / (config.high - config.low)
    return np.clip(unit, 0.0, 1.0).astype(np.float32)


def dream(net: Net, samples: int, seed: int, start: float = 1.0) -> Float32:
    """States after free phases from random states U(-start, start), float32 (samples, neurons); fig. 1(a)."""
    config, layout = net.config, net.config.layout
    states = States.at(initial_states(layout, samples, seed, start))
    nothing = targets(config, None, None, samples)
    for _ in range(config.test_cycles):
        relax(net.weights, layout, states, nothing, config.free(), centre=net.centre)
    return states.s


def fixed_points(net: Net, x: npt.ArrayLike, y: npt.ArrayLike, seed: int) -> tuple[Float32, Float32, Float32]:
    """States of fig. 1: at a free fixed point, and after the first and the second clamped phase.

    Raises:
        DataError: images or labels out of range.
    """
    config, layout = net.config, net.config.layout
    images = check_images(x, config.n_in, "mSTDP fixed points")
    labels = check_labels(y, len(images), config.n_out, "mSTDP fixed points")
    target = targets(config, images, labels, len(images))
    free = dream(net, len(images), seed)
    states = States.at(free.copy())
    relax(net.weights, layout, states, target, config.clamped(), centre=net.centre)
    first = states.s.copy()
    relax(net.weights, layout, states, target, config.free(), centre=net.centre)
    relax(net.weights, layout, states, target, config.clamped(), centre=net.centre)
    return free, first, states.s


def response(net: Net, x: npt.ArrayLike, steps: tuple[int, int, int], momentum: float) -> Float32:
    """Rates of all neurons while an image is switched on and off, float32 (sum of steps, neurons); fig. 2.

    The neuron of the figure overshoots when the image is switched on, and undershoots when it is switched
    off. Before and after the image, inputs are pushed towards an empty image.

    Args:
        net: the network.
        x: images; the first one is used.
        steps: iterations before, during and after the image.
        momentum: inertia in all iterations.

    Raises:
        DataError: an image of another size or out of range.
    """
    config, layout = net.config, net.config.layout
    image = check_images(x, config.n_in, "mSTDP response")[:1]
    states = States.zeros(1, layout)
    seen: list[Float32] = []
    for count, shown in zip(steps, (np.zeros_like(image), image, np.zeros_like(image)), strict=True):
        phase = Phase(count, config.epsilon, momentum, "pushed", "free", config.beta)
        relax(
            net.weights,
            layout,
            states,
            targets(config, shown, None, 1),
            phase,
            centre=net.centre,
            watch=lambda _, s: seen.append(sigmoid4(s[0]).astype(np.float32)),
        )
    return np.stack(seen)


def _test_phases(config: Mstdp, *, labels_known: bool) -> Iterator[Phase]:
    """The phases of a test: images are clamped to predict labels, or labels to generate images."""
    if config.held != "none":
        known = {"outputs": "held"} if labels_known else {"inputs": "held"}
        yield Phase(config.test_iterations, config.epsilon, 0.0, **known)  # type: ignore[arg-type]
        return
    for cycle in range(config.test_cycles):
        if labels_known:
            yield config.clamped("free", "pushed")
        else:
            yield config.clamped("pushed", "free")
        if cycle < config.test_cycles - 1:  # the result is read at the end of a clamped phase
            yield config.free()


def _label_rates(net: Net, images: Float32) -> Float32:
    config, layout = net.config, net.config.layout
    states = at_rest(layout, net.centre, len(images))
    target = targets(config, images, None, len(images))
    rates = np.zeros((len(images), config.n_out), np.float32)
    for phase in _test_phases(config, labels_known=False):
        rates = relax(net.weights, layout, states, target, phase, centre=net.centre, tail=config.test_tail)
    return rates


def _chunks(x: Float32) -> Iterator[Float32]:
    for k in range(0, len(x), CHUNK):
        yield x[k : k + CHUNK]
