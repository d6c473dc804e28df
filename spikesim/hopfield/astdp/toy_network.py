"""aSTDP for small networks, one sample at a time, in one compiled loop: the toy experiments (section 3.2).

The equations are those of `spikesim.hopfield.astdp.network`, for one array of neurons (layer after layer) and
one dense float64 matrix with a mask of the existing connections: thousands of iterations take milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spikesim._jit import inline, kernel
from spikesim.errors import DeclarationError
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.kernels import LINEAR, LISTING, SIGNED, mixed
from spikesim.hopfield.astdp.network import FORMS, STATE_LIMIT, initial_weights
from spikesim.hopfield.divergence import check_states
from spikesim.hopfield.mstdp.states import uniform

Float64 = npt.NDArray[np.float64]
FIRST_STATES = 2300  # index of the random stream of weights
LIMIT = 1000  # largest number of neurons; their dense matrix takes 8 MB


@inline
def _drawn(dz, average, u, form, k):  # type: ignore[no-untyped-def]
    """Whether a fake target is drawn, for a random number u in [0, 1)."""
    if form == LISTING:
        return abs(dz) > u * k * average
    if form == SIGNED:
        return dz > u * k * average
    if form == LINEAR:
        return u < k * abs(dz)
    return u * average < k * dz * dz


@kernel
def _draw(rho, average, hidden, aim, pull, form, k, decay, t_c, key, t):  # type: ignore[no-untyped-def]
    """Update moving averages and fake targets of the hidden neurons in place."""
    n = rho.shape[1]
    for i in range(n):
        if hidden[i]:
            dz = rho[1, i] - rho[0, i]
            average[i] = decay * abs(dz) + (1.0 - decay) * average[i]
            word = mixed(np.uint32(np.uint32(i + n * t) * np.uint32(0x9E3779B9)) ^ key)
            u = np.float64(word >> np.uint32(8)) * 2.0**-24
            aim[i] = t_c if dz > 0 else -t_c
            pull[i] = 1.0 if dz != 0 and _drawn(dz, average[i], u, form, k) else 0.0


@kernel
def _relax(w, b, s, v, rho, net, aim, pull, sums, eps, beta, m, c):  # type: ignore[no-untyped-def]
    """One step of one of the two networks, in place; s, v, rho are (2, N), the other arrays (N,)."""
    n = b.size
    for i in range(n):
        sums[i] = b[i]
    for j in range(n):
        x = rho[net, j] - c
        for i in range(n):
            sums[i] += x * w[j, i]
    for i in range(n):
        r = rho[net, i]
        v[net, i] = m * (4.0 * r * (1.0 - r) * sums[i] - s[net, i]) + (1.0 - m) * v[net, i]
        s[net, i] += eps * (v[net, i] + beta * pull[i] * (aim[i] - s[net, i]))
        rho[net, i] = 1.0 / (1.0 + np.exp(-4.0 * s[net, i]))


@kernel
def _differences(rho, dz):  # type: ignore[no-untyped-def]
    """dz[...] = rho(s_l) - rho(s_s)."""
    for i in range(dz.size):
        dz[i] = rho[1, i] - rho[0, i]


@kernel
def _learn(w, mask, b, rho, dz, alpha, c):  # type: ignore[no-untyped-def]
    """Eq. 15 for all neurons, in place."""
    for i in range(b.size):
        b[i] += alpha * dz[i]
        for j in range(b.size):
            w[j, i] += alpha * mask[j, i] * (rho[0, j] - c) * dz[i]


@kernel
def _run(w, mask, b, s, v, average, hidden, target, on, steps, numbers, form, early, alpha, key, trace):  # type: ignore[no-untyped-def]
    """`steps` iterations with one target; all arrays except target, on, mask and hidden change in place.

    early: whether the rule takes dz before the step.
    """
    m, c, k, decay, t_c = numbers[4], numbers[5], numbers[6], numbers[7], numbers[8]
    n = s.shape[1]
    rho, aim, pull, sums, dz = np.empty((2, n)), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        aim[i], pull[i] = target[i], on[i]
        for net in range(2):
            rho[net, i] = 1.0 / (1.0 + np.exp(-4.0 * s[net, i]))
    for t in range(steps):
        if form > 0:
            _draw(rho, average, hidden, aim, pull, form, k, decay, t_c, key, t)
        if early:
            _differences(rho, dz)
        for net in range(2):
            eps, beta = numbers[net], numbers[2 + net]
            _relax(w, b, s, v, rho, net, aim, pull, sums, eps, beta, m, c)
        if alpha > 0:
            if not early:
                _differences(rho, dz)
            _learn(w, mask, b, rho, dz, alpha, c)
        if trace.shape[0] > t:
            for i in range(n):
                trace[t, 0, i], trace[t, 1, i] = s[0, i], s[1, i]


@dataclass(eq=False)
class Small:
    """Two small networks that share their weights.

    Attributes:
        config: the configuration.
        seed: of weights, initial states and fake targets.
        w, mask: weights, and 1 where a connection exists, float64 (N, N).
        b: biases, float64 (N,).
        s, v: states and velocities of both networks, float64 (2, N).
        average: moving average of |dz|, float64 (N,).
        hidden: whether a neuron is hidden, bool (N,).
        step: number of iterations so far.
    """

    config: Astdp
    seed: int
    w: Float64
    mask: Float64
    b: Float64
    s: Float64
    v: Float64
    average: Float64
    hidden: npt.NDArray[np.bool_]
    step: int = 0

    def run(
        self, target: npt.ArrayLike, on: npt.ArrayLike, steps: int, alpha: float, traced: bool = False
    ) -> Float64:
        """Iterate with one target.

        Args:
            target: target states, (N,) or one number.
            on: 1 where the target acts, else 0; (N,) or one number.
            steps: number of iterations.
            alpha: learning rate; 0 for no learning.
            traced: whether states are recorded.

        Returns:
            States after each iteration, float64 (steps, 2, N); an empty array if not `traced`.

        Raises:
            DivergenceError: a state is not finite or beyond STATE_LIMIT.
        """
        c, n = self.config, len(self.b)
        trace = np.zeros((steps if traced else 0, 2, n))
        numbers = (c.eps_s, c.eps_l, c.beta_s, c.beta_l, c.inertia, 0.5 if c.centred else 0.0)
        fakes = (c.fake_k, c.fake_average, c.fake_target)
        form = 0 if c.fake == "none" else FORMS[c.fake]
        key = np.uint32((self.seed * 0x9E3779B1 + self.step * 0x85EBCA77) % 2**32)
        aim, pull = (np.broadcast_to(np.asarray(a, np.float64), (n,)).copy() for a in (target, on))
        state = (self.w, self.mask, self.b, self.s, self.v, self.average)
        early = c.dz == "before"
        _run(*state, self.hidden, aim, pull, steps, (*numbers, *fakes), form, early, alpha, key, trace)
        self.step += steps
        check_states(
            self.s.astype(np.float32),
            STATE_LIMIT,
            f"aSTDP, small network, iteration {self.step}",
            self.step // steps,
        )
        return trace

    def slice(self, layer: int) -> slice:
        """Positions of the neurons of a layer."""
        start = sum(self.config.sizes[: layer % len(self.config.sizes)])
        return slice(start, start + self.config.sizes[layer])


def small(config: Astdp, seed: int = 1) -> Small:
    """Create a small network with the initial weights of `AstdpNetwork`, but with separately drawn states.

    Raises:
        DeclarationError: more than 1000 neurons, or an amendment that only `AstdpNetwork` supports.
    """
    n = sum(config.sizes)
    if n > LIMIT:
        raise DeclarationError(
            f"small: sizes = {config.sizes} are {n} neurons; a small network has up to {LIMIT} neurons. Use "
            "AstdpNetwork for more"
        )
    if config.held or config.tied or config.smoothing_form != "none":
        raise DeclarationError(
            f"small: held = {config.held}, tied = {config.tied}, smoothing_form = {config.smoothing_form!r}; "
            "a small network supports no held inputs, no tied weights and no smoothing. Use AstdpNetwork for "
            "these"
        )
    starts = np.cumsum([0, *config.sizes])
    w, mask = np.zeros((n, n)), np.zeros((n, n))
    weights, biases = initial_weights(config, seed)
    for (j, i), block in weights.items():
        place = slice(starts[j], starts[j + 1]), slice(starts[i], starts[i + 1])
        w[place], mask[place] = block, 1.0
    np.fill_diagonal(mask, 0.0)
    hidden = np.zeros(n, np.bool_)
    for k in config.hidden:
        hidden[starts[k] : starts[k + 1]] = True
    s = np.tile((0.5 if config.carry else 0.0) * uniform(seed, (n,), FIRST_STATES), (2, 1))
    b = np.concatenate(biases).astype(np.float64)
    return Small(config, seed, w, mask, b, s, np.zeros((2, n)), np.zeros(n), hidden)
