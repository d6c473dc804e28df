"""Angle between EMSTDP's weight update and the gradient of the rate network with the same weights, by layer.

The rate network (Shrestha 2019, sections 3.1 and 3.2), for layer i with weights w_i and threshold theta_i:

    u_i = h_(i-1) w_i
    h_i = f(u_i / theta_i),   f(x) = min(max(x - shift, 0), T / 2)
    L   = 1/2 sum over samples |h_target - h_out|**2

h_0 are the spike counts of the input in the first phase, and h_target is the count of the target neurons.
f is the staircase of eq. 4 without its steps: the line through the middle of each step (shift = 1/2), with
the largest count of a phase as its upper end. f' is 1 between the ends, and 0 outside (eq. 5). The gradient
is computed in float64 by the chain rule; nothing of it comes from the error neurons.

The update of EMSTDP is what its rule adds to the weights for the same samples (eq. 12, or its form with
error counts), summed over them. The angle of a layer is that between the update and -dL/dw, both taken as
vectors of all weights of the layer: 0 degrees is the steepest descent, from 90 degrees on the loss does not
fall.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.datasets.dataset import Split
from spikesim.errors import DataError, DeclarationError
from spikesim.models.emstdp.learner import Learner
from spikesim.network import Network

Reals = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SHIFT = 0.5


class RateNetwork(NamedTuple):
    """The rate network of a spiking one.

    Attributes:
        weights: float64 (n_pre, n_post) of each layer, in the unit of the thresholds.
        thetas: threshold of each layer.
        ceiling: the largest activity, T / 2.
        shift: the input in units of theta at which the activity begins to rise.
    """

    weights: Sequence[Reals]
    thetas: Sequence[float]
    ceiling: float
    shift: float = SHIFT

    def activities(self, x: Reals) -> list[Reals]:
        """Activities of all layers, float64 (samples, n), the input first.

        Args:
            x: float64 (samples, n), spike counts of the input.
        """
        found = [x]
        for w, theta in zip(self.weights, self.thetas, strict=True):
            found.append(np.clip(found[-1] @ w / theta - self.shift, 0.0, self.ceiling))
        return found

    def loss(self, x: Reals, wanted: Reals) -> float:
        """L, see the module.

        Args:
            x: float64 (samples, n), spike counts of the input.
            wanted: float64 (samples, classes), counts of the target neurons.
        """
        return float(0.5 * ((wanted - self.activities(x)[-1]) ** 2).sum())

    def gradients(self, x: Reals, wanted: Reals) -> list[Reals]:
        """dL/dw of each layer, float64 (n_pre, n_post); arguments as in `loss`."""
        h = self.activities(x)
        found: list[Reals] = []
        error = h[-1] - wanted  # dL/dh
        for layer in range(len(self.weights), 0, -1):
            inside = (h[layer] > 0) & (h[layer] < self.ceiling)
            slope = error * inside / self.thetas[layer - 1]  # dL/du
            found.append(h[layer - 1].T @ slope)
            error = slope @ self.weights[layer - 1].T
        return found[::-1]


def layers_of(network: Network) -> list[str]:
    """The plastic projections of an EMSTDP network, from the input to the output."""
    return [p.name for p in network.plastic]


def rate_network(learner: Learner, shift: float = SHIFT) -> RateNetwork:
    """The rate network with the present weights and the thresholds of a spiking one.

    Args:
        learner: the spiking network.
        shift: see `RateNetwork`.

    Raises:
        DeclarationError: a network with bias neurons or convolutions, which the rate network does not have.
    """
    config = learner.config
    if config.bias or config.conv:
        raise DeclarationError(
            f"angles: bias = {config.bias}, conv = {config.conv}; the rate network has neither bias neurons "
            f"nor convolutions: use bias = False, conv = ()"
        )
    network = learner.network
    names = layers_of(network)
    weights = [network.weights(name, learner.masters) for name in names]
    thetas = [network.populations[network.named[name].post].theta for name in names]
    return RateNetwork(weights, thetas, float(network.window.boundary), shift)


def updates(network: Network, counts: dict[str, Ints]) -> list[Reals]:
    """What the rule of each layer adds to its weights for a batch of trials, before clipping.

    Args:
        network: the network.
        counts: population -> int64 (samples, 2, n), the spike counts of the trials by phase.

    Returns:
        float64 (n_pre, n_post) of each layer, in counts of the master grid.
    """
    found = []
    for name in layers_of(network):
        p = network.named[name]
        rule = p.plastic
        error = None if rule.error is None else counts[rule.error]
        memory = rule.memory((counts[p.pre].shape[2], counts[p.post].shape[2]))
        found.append(rule.increments(counts[p.pre], counts[p.post], error, 1.0, memory).astype(np.float64))
    return found


def angle(a: npt.ArrayLike, b: npt.ArrayLike) -> float | None:
    """Angle between two arrays of equal shape, taken as vectors, in degrees; None if one of them is 0.

    Raises:
        DataError: the shapes differ.
    """
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.shape != y.shape:
        raise DataError(f"angle: arrays of shapes {x.shape} and {y.shape}; equal shapes are needed")
    lengths = float(np.linalg.norm(x) * np.linalg.norm(y))
    if lengths == 0:
        return None
    return float(np.degrees(np.arccos(np.clip((x * y).sum() / lengths, -1.0, 1.0))))


def layer_angles(learner: Learner, counts: dict[str, Ints], shift: float = SHIFT) -> list[float | None]:
    """The angle of each layer in degrees; None where the update or the gradient is 0.

    Args:
        learner: the spiking network.
        counts: as in `updates`, of trials with its present weights.
        shift: see `RateNetwork`.
    """
    x = counts["in"][:, 0].astype(np.float64)
    wanted = counts["target"][:, 1].astype(np.float64)
    gradients = rate_network(learner, shift).gradients(x, wanted)
    moved = updates(learner.network, counts)
    return [angle(update, -gradient) for update, gradient in zip(moved, gradients, strict=True)]


def rate_error(learner: Learner, split: Split, shift: float = SHIFT) -> list[float]:
    """Root mean square of the difference of spike counts and rate network by layer, over that of the counts.

    Args:
        learner: the spiking network.
        split: samples.
        shift: see `RateNetwork`.
    """
    counts = learner.counts(split)
    x = counts["in"][:, 0].astype(np.float64)
    rates = rate_network(learner, shift).activities(x)[1:]
    posts = [learner.network.named[name].post for name in layers_of(learner.network)]
    return [
        float(np.sqrt(((counts[post][:, 0] - h) ** 2).mean() / max((counts[post][:, 0] ** 2).mean(), 1e-12)))
        for post, h in zip(posts, rates, strict=True)
    ]
