"""Elementwise kernels of aSTDP: relaxation steps, fake targets and the smoothing term.

The states of a layer are float32 (2B, n), C order: rows 0..B-1 belong to the network with beta_s, rows
B..2B-1 to that with beta_l. A neuron sends x = rho(s) - c, with c = 0 as printed. Each step is

    R = rho'(s) u,   v <- m (R - s) + (1 - m) v,   s <- s + eps v + eps beta (t - s)

(eqs. 1, 2, 5, 19, 20) with u = sum of x_j W_ji + b_i, which the caller computes (a matrix product).
m = 1 is eq. 1, without inertia.
"""

from __future__ import annotations

import numpy as np

from spikesim._jit import inline, kernel
from spikesim.hopfield.activation import rate

_ONE, _FOUR = np.float32(1.0), np.float32(4.0)
_UNIT = np.float32(2.0**-24)
LISTING, SIGNED, LINEAR, SQUARE = 1, 2, 3, 4  # the printed forms of the fake target's probability


@inline
def pressure(u, x, s, c):  # type: ignore[no-untyped-def]
    """Force R - s of one neuron."""
    r = x + c
    return _FOUR * r * (_ONE - r) * u - s


@kernel
def relax_free(s, v, x, u, eps, m, c):  # type: ignore[no-untyped-def]
    """One step without a target, in place; arrays are float32 of one shape, scalars float32."""
    fs, fv, fx, fu = s.reshape(-1), v.reshape(-1), x.reshape(-1), u.reshape(-1)
    for i in range(fs.size):
        fv[i] = m * pressure(fu[i], fx[i], fs[i], c) + (_ONE - m) * fv[i]
        fs[i] = fs[i] + eps * fv[i]
        fx[i] = rate(fs[i]) - c


@kernel
def relax_visible(s, v, x, u, target, on, eps, beta, m, c):  # type: ignore[no-untyped-def]
    """One step with a target of strength beta where `on` is 1, and without where it is 0, in place."""
    fs, fv, fx, fu = s.reshape(-1), v.reshape(-1), x.reshape(-1), u.reshape(-1)
    ft, fon = target.reshape(-1), on.reshape(-1)
    for i in range(fs.size):
        fv[i] = m * pressure(fu[i], fx[i], fs[i], c) + (_ONE - m) * fv[i]
        fs[i] = fs[i] + eps * fv[i] + eps * beta * fon[i] * (ft[i] - fs[i])
        fx[i] = rate(fs[i]) - c


@inline
def mixed(h):  # type: ignore[no-untyped-def]
    """Hash of a uint32, as uint32 (multiply and shift, the finaliser of MurmurHash3)."""
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h = np.uint32(h ^ (h >> np.uint32(13)))
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@kernel
def fake_targets(x_s, x_l, average, form, k, decay, t_c, key, target, on):  # type: ignore[no-untyped-def]
    """Draw the fake targets of a hidden layer (eqs. 16 to 18 and the listing), all arrays (B, n) float32.

    Updates `average`, the moving average of |dz|: dz_m <- decay |dz| + (1 - decay) dz_m. Writes `target` and
    `on`. The random number of a neuron is a hash of (key, index), so that a step can be repeated.
    """
    fs, fl, fa = x_s.reshape(-1), x_l.reshape(-1), average.reshape(-1)
    ft, fon = target.reshape(-1), on.reshape(-1)
    for i in range(fs.size):
        dz = fl[i] - fs[i]
        size = abs(dz)
        fa[i] = decay * size + (_ONE - decay) * fa[i]
        random = (
            np.float32(mixed(np.uint32(np.uint32(i) * np.uint32(0x9E3779B9)) ^ key) >> np.uint32(8)) * _UNIT
        )
        if form == LISTING:
            drawn = size > random * k * fa[i]
        elif form == SIGNED:
            drawn = dz > random * k * fa[i]
        elif form == LINEAR:
            drawn = random < k * size
        else:
            drawn = random * fa[i] < k * dz * dz
        ft[i] = t_c if dz > 0 else -t_c
        fon[i] = _ONE if drawn and dz != 0 else np.float32(0.0)


@kernel
def smoothing_term(x, u, s, c, form, out):  # type: ignore[no-untyped-def]
    """Postsynaptic term that eq. 23 adds to dz: rho'(s) as printed (form 1), or -ds rho'(s) (form 2).

    Form 2 is the descent on ds^2 / 2 that the text describes. Arrays are float32 (B, n).
    """
    fx, fu, fs, fo = x.reshape(-1), u.reshape(-1), s.reshape(-1), out.reshape(-1)
    for i in range(fs.size):
        r = fx[i] + c
        slope = _FOUR * r * (_ONE - r)
        fo[i] = slope if form == 1 else -(slope * fu[i] - fs[i]) * slope
