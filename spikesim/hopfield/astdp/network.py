"""aSTDP network: states and weights of the two networks, an iteration, and learning (algorithms 1 and 2).

Layers are numbered from the input (0) to the output (-1). The states of a layer are one array (2B, n): rows
0..B-1 belong to the network with beta_s, the others to that with beta_l. Weights `w[j, i]` are float32
(n_j, n_i), from layer j to layer i: between neighbours in both directions and, with lateral connections, from
a hidden layer to itself. The order of an iteration is: sums (one product for each connection), fake targets,
states of all layers from these sums, then learning from rho(s_s) after the step and from dz before it, as in
the paper's listings, or after it (`Astdp.dz`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.hopfield.activation import rates
from spikesim.hopfield.astdp import kernels
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.rule import accumulate, learn, learn_bias
from spikesim.hopfield.divergence import check_states
from spikesim.hopfield.mstdp.states import uniform

Float32 = npt.NDArray[np.float32]
Connection = tuple[int, int]
FORMS = {
    "listing": kernels.LISTING,
    "signed": kernels.SIGNED,
    "linear": kernels.LINEAR,
    "square": kernels.SQUARE,
}
STATE_LIMIT = 20.0  # largest |state|; data are below 1, and rates saturate at 1
WEIGHTS, BIASES, STATES = 2000, 2100, 2200  # indices of the random stream of weights


class AstdpNetwork:
    """The two networks of aSTDP, which share weights and biases.

    Attributes:
        config: the configuration.
        w: weights by (pre layer, post layer), float32 (n_pre, n_post).
        b: biases by layer, float32 (n,).
        s, v, x: states, velocities and transmitted rates rho - c, by layer, float32 (2B, n).
        average: moving average of |dz| by layer, float32 (B, n); used by hidden layers.
        step: number of iterations so far; fake targets are a function of it and of the seed.
        plastic: the connections that learn; initially all.

    Args:
        config: the configuration.
        seed: of weights, initial states and fake targets.
        batch: trials that are run at once; None for the batch of the configuration.
    """

    def __init__(self, config: Astdp, seed: int = 1, batch: int | None = None) -> None:
        self.config, self.seed, self.step = config, seed, 0
        self.w, self.b = initial_weights(config, seed)
        self.plastic: set[Connection] = set(self.w)
        self.c = np.float32(0.5 if config.centred else 0.0)
        self.resize(config.batch if batch is None else batch)

    def resize(self, batch: int) -> None:
        """Change the batch size; weights stay, states are drawn anew.

        Raises:
            DeclarationError: a batch below 1.
        """
        if batch < 1:
            raise DeclarationError(f"AstdpNetwork: batch = {batch}; at least one trial is needed")
        sizes = self.config.sizes
        self.batch = batch
        bound = 0.5 if self.config.carry else 0.0
        one = [
            (bound * uniform(self.seed, (batch, n), STATES + k)).astype(np.float32)
            for k, n in enumerate(sizes)
        ]
        self.s = [np.concatenate([a, a]) for a in one]
        self.v = [np.zeros_like(a) for a in self.s]
        self.x = [np.zeros_like(a) for a in self.s]
        self.average = [np.zeros((batch, n), np.float32) for n in sizes]
        self._u = [np.zeros_like(a) for a in self.s]
        self._target = [np.zeros((batch, n), np.float32) for n in sizes]
        self._on = [np.zeros((batch, n), np.float32) for n in sizes]
        self._base = np.zeros((batch, sizes[1]), np.float32)
        self._dz = [np.zeros((batch, n), np.float32) for n in sizes]
        self.refresh()

    def refresh(self) -> None:
        """Recompute x from s, after s was changed by the caller."""
        for s, x in zip(self.s, self.x, strict=True):
            rates(s, x)
            x -= self.c

    def reset(self) -> None:
        """Set all states, velocities and averages to 0."""
        for arrays in (self.s, self.v, self.average):
            for a in arrays:
                a.fill(0.0)
        self.refresh()

    def aim(self, layer: int, target: npt.ArrayLike, on: npt.ArrayLike = 1.0) -> None:
        """Set the targets of a visible layer, (B, n), and a mask `on` of where they act (1) or not (0)."""
        self._target[layer][...] = target
        self._on[layer][...] = on

    def hold(self, pixels: Float32) -> None:
        """Hold the input neurons at the states `pixels` (B, n_in); their contribution is computed once."""
        n = self.batch
        self.s[0][:n] = self.s[0][n:] = pixels
        rates(self.s[0], self.x[0])
        self.x[0] -= self.c
        self._base[...] = self.b[1]
        accumulate(self._base, self.x[0][:n], self.w[0, 1])

    def iterate(self, networks: int = 2) -> None:
        """Run one iteration of the states; `networks` = 1 updates only the network with beta_s."""
        config, n = self.config, self.batch
        if config.dz == "before" and networks == 2:
            for x, dz in zip(self.x, self._dz, strict=True):
                np.subtract(x[n:], x[:n], out=dz)
        self._sum(networks)
        for layer in range(1 if config.held else 0, len(config.sizes)):
            hidden = layer in config.hidden
            if hidden and config.fake != "none" and networks == 2:
                self._draw(layer)
            for net in range(networks):
                self._relax(layer, net, pulled=not hidden or (config.fake != "none" and networks == 2))
        self.step += 1

    def learn(self, alpha: float) -> None:
        """Apply eq. 15 over the batch, with the smoothing of eq. 23 if the configuration has it."""
        n = self.batch
        first = 1 if self.config.held else 0
        posts = {k: self._post(k) for k in range(first, len(self.config.sizes))}
        for (j, i), w in self.w.items():
            if (j, i) not in self.plastic or i not in posts or (self.config.held and j == 0):
                continue
            rate = alpha * self.config.scale(min(i, j))
            learn(w, self.x[j][:n], posts[i], rate)
            if self.config.tied:
                learn(w, posts[j], self.x[i][:n], rate)
            if i == j:
                np.fill_diagonal(w, 0.0)
        if self.config.held and (0, 1) in self.plastic:
            self._learn_held(posts[1], alpha * self.config.scale(0))
        for i, post in posts.items():
            if any((j, i) in self.plastic for j in (i - 1, i + 1)):
                learn_bias(self.b[i], post, alpha * self.config.scale(max(i - 1, 0)))

    def check(self) -> None:
        """Check that all states are finite and within STATE_LIMIT.

        Raises:
            DivergenceError: with the number of the trial, the layer and the iteration.
        """
        trial = self.step // (self.config.free + self.config.clamped)
        for k, s in enumerate(self.s):
            check_states(s, STATE_LIMIT, f"aSTDP, layer {k}, iteration {self.step}", trial)

    def arrays(self) -> dict[str, npt.NDArray]:
        """Weights, biases, states, velocities and averages by name, as stored in a checkpoint."""
        found: dict[str, npt.NDArray] = {f"w/{j}-{i}": w for (j, i), w in self.w.items()}
        for name in ("b", "s", "v", "average"):
            found |= {f"{name}/{k}": a for k, a in enumerate(getattr(self, name))}
        return found

    def restore(self, arrays: dict[str, npt.NDArray], step: int) -> None:
        """Restore the arrays that `arrays` returned; the batch size must be the same."""
        for name, mine in self.arrays().items():
            mine[...] = arrays[name]
        self.step = step
        self.refresh()

    def _sum(self, networks: int) -> None:
        """Compute u_i = b_i + sum of x_j W_ji for each layer that is not held."""
        rows, held = networks * self.batch, self.config.held
        for k in range(1 if held else 0, len(self.config.sizes)):
            if held and k == 1:
                for net in range(networks):
                    self._u[k][net * self.batch : (net + 1) * self.batch] = self._base
            else:
                self._u[k][:rows] = self.b[k]
        for (j, i), w in self.w.items():
            if not (held and (i == 0 or j == 0)):
                accumulate(self._u[i][:rows], self.x[j][:rows], w)

    def _draw(self, layer: int) -> None:
        """Draw the fake targets of a hidden layer from the current dz."""
        c, n = self.config, self.batch
        key = np.uint32((self.seed * 0x9E3779B1 + self.step * 0x85EBCA77 + layer * 0xC2B2AE3D) % 2**32)
        x, target, on = self.x[layer], self._target[layer], self._on[layer]
        k, decay, t_c = np.float32(c.fake_k), np.float32(c.fake_average), np.float32(c.fake_target)
        form = FORMS[c.fake]
        kernels.fake_targets(x[:n], x[n:], self.average[layer], form, k, decay, t_c, key, target, on)

    def _relax(self, layer: int, net: int, pulled: bool) -> None:
        c, rows = self.config, slice(net * self.batch, (net + 1) * self.batch)
        strength = (c.eps_s, c.beta_s) if net == 0 else (c.eps_l, c.beta_l)
        s, v, x, u = self.s[layer][rows], self.v[layer][rows], self.x[layer][rows], self._u[layer][rows]
        eps, beta = np.float32(strength[0]), np.float32(strength[1])
        m = np.float32(c.inertia)
        if pulled:
            kernels.relax_visible(s, v, x, u, self._target[layer], self._on[layer], eps, beta, m, self.c)
        else:
            kernels.relax_free(s, v, x, u, eps, m, self.c)

    def _post(self, layer: int) -> Float32:
        n, c = self.batch, self.config
        dz = self._dz[layer].copy() if c.dz == "before" else self.x[layer][n:] - self.x[layer][:n]
        if c.smoothing_form != "none" and c.smoothing > 0:
            term = np.empty_like(dz)
            form = 1 if c.smoothing_form == "printed" else 2
            x, u, s = self.x[layer][:n], self._u[layer][:n], self.s[layer][:n]
            kernels.smoothing_term(x, u, s, self.c, form, term)
            dz += np.float32(c.smoothing) * term
        return dz

    def _learn_held(self, post: Float32, alpha: float) -> None:
        """Update the weights from held inputs, and the stored contribution of these inputs.

        x W changes by alpha x x^T post: a product of (B, B) with (B, n) instead of one over all inputs.
        """
        x = self.x[0][: self.batch]
        learn(self.w[0, 1], x, post, alpha)
        if self.config.learn_last != 1:
            self._base += np.float32(alpha) * ((x @ x.T) @ post + post.sum(axis=0))


def initial_weights(config: Astdp, seed: int) -> tuple[dict[Connection, Float32], list[Float32]]:
    """Initial weights U(-a, a) with a = init_scale sqrt(6 / fan-in), and biases of the same bound (sec. 3.1).

    The fan-in counts all inputs of a neuron. A mirrored network starts with w[i, j] = w[j, i]^T and biases
    of 0.
    """
    sizes = config.sizes
    last = len(sizes) - 1
    pairs = [(k, k + 1) for k in range(last)] + [(k + 1, k) for k in range(last)]
    if config.lateral:
        pairs += [(k, k) for k in config.hidden]
    fan_in = [sum(sizes[j] for j, i in pairs if i == k) for k in range(last + 1)]
    w: dict[Connection, Float32] = {}
    for j, i in pairs:
        fan = fan_in[i] if not config.mirrored else max(fan_in[i], fan_in[j])
        bound = config.init_scale * np.sqrt(6.0 / fan)
        w[j, i] = (bound * uniform(seed, (sizes[j], sizes[i]), WEIGHTS + 10 * j + i)).astype(np.float32)
        if i == j:
            np.fill_diagonal(w[j, i], 0.0)
            if config.mirrored:
                w[j, i] = np.tril(w[j, i]) + np.tril(w[j, i]).T
        elif config.mirrored and j > i:
            w[j, i] = np.ascontiguousarray(w[i, j].T)
    bounds = [0.0 if config.mirrored else config.init_scale * np.sqrt(6.0 / n) for n in fan_in]
    b = [
        (a * uniform(seed, (n,), BIASES + k)).astype(np.float32)
        for k, (a, n) in enumerate(zip(bounds, sizes, strict=True))
    ]
    return w, b
