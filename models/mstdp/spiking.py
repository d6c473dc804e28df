"""Spiking form of an mSTDP network: rates are represented by spike counts.

In each iteration every neuron fires for a window of T steps at the rate of its state, and the others
integrate the spikes that they receive; the spike count h of the window represents the rate,

    h_j = spikes of neuron j in T steps at rate rho(s_j)
    R_i = rho'(s_i) (sum_j W_ji (h_j / T - c_j) + b_i)

and the state changes as in the rate network. The rule uses spike counts only, with d h_i the change of the
postsynaptic count from one window to the next:

    dW_ji = alpha (h_j / T - c_j) d h_i / T

Spikes are "regular" (an integrate-and-fire neuron of threshold 1 receives rho per step and resets by
subtraction; its membrane carries over to the next window) or "poisson" (a neuron fires in a step with
probability rho, so that counts are binomial).
Differs from the paper, which has rates only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from spikesim import rng
from spikesim._jit import kernel
from spikesim.errors import DeclarationError, unknown
from spikesim.hopfield.activation import sigmoid4
from spikesim.hopfield.divergence import check_states
from spikesim.hopfield.mstdp.network import Net, at_rest, schedule_of, targets
from spikesim.hopfield.mstdp.pending_updates import Pending
from spikesim.hopfield.mstdp.relaxation import Phase, States, advance
from spikesim.hopfield.mstdp.states import Float32, check_images, check_labels

CODINGS = ("regular", "poisson")
_ONE = np.float32(1.0)


@dataclass(frozen=True)
class Spiking:
    """Configuration of the representation of rates by spikes.

    Attributes:
        T: steps of a window; each iteration has one window.
        coding: "regular" or "poisson".
        seed: of the initial membranes and of Poisson spikes.

    Raises:
        DeclarationError: T below 1, or an unknown coding.
    """

    T: int = 16
    coding: Literal["regular", "poisson"] = "regular"
    seed: int = 1

    def __post_init__(self) -> None:
        if int(self.T) != self.T or self.T < 1:
            raise DeclarationError(f"Spiking: T = {self.T!r}; a whole number of steps >= 1 is needed")
        if self.coding not in CODINGS:
            raise DeclarationError(f"Spiking: {unknown('coding', self.coding, CODINGS)}")
        rng.key(self.seed)


@kernel
def fire(rho, membrane, steps, counts):  # type: ignore[no-untyped-def]
    """Integrate and fire over a window: v += rho; a spike and v -= 1 if v >= 1. Writes counts, membrane."""
    for b in range(rho.shape[0]):
        for i in range(rho.shape[1]):
            v = membrane[b, i]
            n = np.float32(0.0)
            for _ in range(steps):
                v += rho[b, i]
                if v >= _ONE:
                    v -= _ONE
                    n += _ONE
            membrane[b, i] = v
            counts[b, i] = n


class Neurons:
    """Spike generators of a batch.

    Args:
        spiking: the configuration.
        batch: number of samples.
        n: number of neurons.

    Attributes:
        spikes: number of spikes so far.
    """

    def __init__(self, spiking: Spiking, batch: int, n: int) -> None:
        self.spiking = spiking
        self._random = np.random.Generator(np.random.Philox(key=spiking.seed))
        self._membrane = self._random.random((batch, n), np.float32)
        self.spikes = 0

    def counts(self, rho: Float32) -> Float32:
        """Spike counts of the next window for rates rho, float32 (batch, neurons)."""
        if self.spiking.coding == "poisson":
            found = self._random.binomial(self.spiking.T, np.clip(rho, 0.0, 1.0)).astype(np.float32)
        else:
            found = np.empty_like(rho)
            fire(rho, self._membrane, self.spiking.T, found)
        self.spikes += int(found.sum())
        return found


def relax_spiking(
    net: Net,
    states: States,
    target: Float32,
    phase: Phase,
    neurons: Neurons,
    *,
    pending: Pending | None = None,
    tail: int = 1,
) -> Float32:
    """Run a phase with spikes; states change in place.

    As `spikesim.hopfield.mstdp.relaxation.relax`, with spike counts / T instead of rates in the weighted sums
    and in the rule.

    Returns:
        Mean counts / T of the visible outputs over the last `tail` windows, float32 (batch, outputs).
    """
    layout, weights, s = net.config.layout, net.weights, states.s
    clamp, steps = phase.clamp(layout), np.float32(neurons.spiking.T)
    for part, how in ((layout.inputs, phase.inputs), (layout.outputs, phase.outputs)):
        if how == "held":
            s[:, part] = target[:, part]
    if pending is not None:
        pending.start(phase.iterations, len(s))
    held = np.flatnonzero(clamp < 0)
    rho, rho_next, drive = sigmoid4(s).astype(np.float32), np.empty_like(s), np.empty_like(s)
    rows, tail = weights.to_hidden.shape[0], min(max(tail, 1), phase.iterations)
    mean = np.zeros((len(s), layout.n_out), np.float32)
    count = neurons.counts(rho) / steps
    for t in range(phase.iterations):
        seen = count if net.centre is None else count - net.centre
        drive[:, layout.hidden] = seen[:, :rows] @ weights.to_hidden
        drive[:, layout.visible] = seen[:, layout.hidden] @ weights.to_visible
        few = (np.float32(phase.epsilon), np.float32(phase.momentum))
        advance(s, states.v, rho, drive, weights.bias, target, clamp, *few, rho_next)
        after = neurons.counts(rho_next) / steps
        if pending is not None:
            pending.pre_slot()[...] = seen
            pending.signal_slot()[...] = after - count
            pending.signal_slot()[:, held] = 0.0
            pending.took()
        rho, rho_next, count = rho_next, rho, after
        if t >= phase.iterations - tail:
            mean += count[:, layout.outputs] / np.float32(tail)
    return mean


def present_spiking(
    net: Net, x: Float32, labels: npt.NDArray[np.int64], alpha: float, neurons: Neurons
) -> None:
    """Run one trial of a batch with learning from spikes.

    As `spikesim.hopfield.mstdp.network.present`, with each sample from rest.

    Raises:
        DeclarationError: a rule that is immediate or has smoothing; both need rates.
        DivergenceError: a state beyond the limit.
    """
    config = net.config
    if config.immediate or config.smoothing:
        raise DeclarationError(
            f"spiking mSTDP: immediate = {config.immediate}, smoothing = {config.smoothing}; the rule for "
            "spike counts has neither: take immediate = False and smoothing = 0"
        )
    target, pending = (
        targets(config, x, labels, len(x)),
        Pending(net.weights, config.layout, config.rule, alpha),
    )
    rest = at_rest(config.layout, net.centre, len(x))
    net.states.s[...], net.states.v[...] = rest.s, rest.v
    for phase, learns in schedule_of(config):
        relax_spiking(net, net.states, target, phase, neurons, pending=pending if learns else None)
        check_states(net.states.s, config.limit, "spiking mSTDP", 0)
        pending.flush()


def label_rates_spiking(net: Net, x: npt.ArrayLike, spiking: Spiking) -> tuple[Float32, Float32, float]:
    """Run a test with spikes, inputs held.

    Returns:
        Label rates (samples, n_out), final states (samples, neurons), and spikes per neuron and window.

    Raises:
        DataError: images of another size, or values outside [0, 1].
    """
    config, layout = net.config, net.config.layout
    images = check_images(x, config.n_in, "spiking mSTDP test")
    states, neurons = at_rest(layout, net.centre, len(images)), Neurons(spiking, len(images), layout.n)
    phase = Phase(config.test_iterations, config.epsilon, 0.0, "held", "free")
    target = targets(config, images, None, len(images))
    rates = relax_spiking(net, states, target, phase, neurons, tail=config.test_tail)
    windows = (config.test_iterations + 1) * states.s.size
    return rates, states.s, neurons.spikes / windows


def train_spiking(
    net: Net, x: npt.ArrayLike, y: npt.ArrayLike, spiking: Spiking, *, epochs: int, seed: int
) -> Net:
    """Train with spikes only; the network changes in place, and alpha falls to 0 over the training.

    Raises:
        DataError: images or labels out of range.
        DeclarationError: as `present_spiking`.
        DivergenceError: a state beyond the limit.
    """
    config = net.config
    images = check_images(x, config.n_in, "spiking mSTDP training")
    labels = check_labels(y, len(images), config.n_out, "spiking mSTDP training")
    neurons = Neurons(spiking, config.batch, config.layout.n)
    per_epoch = len(images) // config.batch
    for k in range(epochs * per_epoch):
        epoch, batch = divmod(k, per_epoch)
        rows = rng.permutation(seed, len(images), epoch)[batch * config.batch : (batch + 1) * config.batch]
        alpha = config.alpha * (1.0 - k / (epochs * per_epoch))
        present_spiking(net, images[rows], labels[rows], alpha, neurons)
    return net
