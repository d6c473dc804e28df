"""sigmoid4: the rate of a neuron of a continuous Hopfield network.

    rho(s) = 1 / (1 + exp(-4 s)) = 1/2 + tanh(2 s) / 2        rho'(s) = 4 rho(s) (1 - rho(s))

(mSTDP, section 3: "sigmoid4(x) = sigmoid(4x)"; aSTDP uses the same.) The NumPy forms take any float dtype and
are the truth in tests. The compiled forms are float32: tanh is the seventh convergent of its continued
fraction, brought from 2 s to 4 s by one doubling, so that nothing but products and a quotient stands in the
inner loop, it vectorises, and no libm's last bit matters. It is within 3e-7 of the exact rate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spikesim._jit import inline, kernel

Floats = npt.NDArray[np.floating]

# tanh y = y (a0 + a1 y^2 + a2 y^4 + y^6) / (a0 + b1 y^2 + b2 y^4 + b3 y^6): Lambert's fraction, cut at 13.
_A0, _A1, _A2 = np.float32(135135.0), np.float32(17325.0), np.float32(378.0)
_B1, _B2, _B3 = np.float32(62370.0), np.float32(3150.0), np.float32(28.0)
_HALF, _ONE, _FOUR = np.float32(0.5), np.float32(1.0), np.float32(4.0)
# Beyond |s| = 4.5 the rate is 0 or 1 to the last bit of float32.
_LIMIT = np.float32(4.5)


def sigmoid4(s: npt.ArrayLike) -> Floats:
    """rho(s) of states of any shape, in their float dtype (float64 for integers); NaN stays NaN."""
    s = np.asarray(s)
    return 0.5 + 0.5 * np.tanh(2 * s)


def sigmoid4_derivative(s: npt.ArrayLike) -> Floats:
    """rho'(s) = 4 rho (1 - rho) of states of any shape; at most 1, at s = 0."""
    rho = sigmoid4(s)
    return 4 * rho * (1 - rho)


@inline
def rate(s):  # type: ignore[no-untyped-def]
    """rho(s) of one float32 state, as float32; NaN stays NaN."""
    y = s
    if y > _LIMIT:
        y = _LIMIT
    if y < -_LIMIT:
        y = -_LIMIT
    z = y * y
    t = y * (_A0 + z * (_A1 + z * (_A2 + z))) / (_A0 + z * (_B1 + z * (_B2 + z * _B3)))  # tanh(s)
    return _HALF + t / (_ONE + t * t)  # tanh(2 s) / 2 = t / (1 + t^2)


@inline
def slope(rho):  # type: ignore[no-untyped-def]
    """rho' of a float32 rate, as float32."""
    return _FOUR * rho * (_ONE - rho)


@kernel
def rates(s, rho):  # type: ignore[no-untyped-def]
    """rho[...] = rho(s), float32, C-contiguous arrays of one shape."""
    flat_s, flat_rho = s.reshape(-1), rho.reshape(-1)
    for i in range(flat_s.size):
        flat_rho[i] = rate(flat_s[i])


@kernel
def rates_and_slopes(s, rho, slopes):  # type: ignore[no-untyped-def]
    """rho[...] = rho(s) and slopes[...] = rho'(s), float32, C-contiguous arrays of one shape."""
    flat_s, flat_rho, flat_slopes = s.reshape(-1), rho.reshape(-1), slopes.reshape(-1)
    for i in range(flat_s.size):
        r = rate(flat_s[i])
        flat_rho[i] = r
        flat_slopes[i] = slope(r)
