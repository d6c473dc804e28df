"""sigmoid4: the activation function of a continuous Hopfield network.

    rho(s) = 1 / (1 + exp(-4 s)) = 1/2 + tanh(2 s) / 2        rho'(s) = 4 rho(s) (1 - rho(s))

(mSTDP, section 3: "sigmoid4(x) = sigmoid(4x)"; aSTDP uses the same function.) The NumPy functions accept any
float dtype and are the reference in tests. The compiled functions are float32: tanh(s) is the seventh
convergent of its continued fraction, and one doubling yields tanh(2 s). The inner loop thus contains only
products and quotients, vectorises, and does not depend on the last bit of a libm. Its error is below 3e-7.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spikesim._jit import inline, kernel

Floats = npt.NDArray[np.floating]

# tanh y = y (a0 + a1 y^2 + a2 y^4 + y^6) / (a0 + b1 y^2 + b2 y^4 + b3 y^6): Lambert's fraction up to 13.
_A0, _A1, _A2 = np.float32(135135.0), np.float32(17325.0), np.float32(378.0)
_B1, _B2, _B3 = np.float32(62370.0), np.float32(3150.0), np.float32(28.0)
_HALF, _ONE, _FOUR = np.float32(0.5), np.float32(1.0), np.float32(4.0)
# For |s| > 4.5 the rate is 0 or 1 to the last bit of float32.
_LIMIT = np.float32(4.5)


def sigmoid4(s: npt.ArrayLike) -> Floats:
    """Rates rho(s) of states of any shape, in their float dtype (float64 for integers); NaN stays NaN."""
    s = np.asarray(s)
    return 0.5 + 0.5 * np.tanh(2 * s)


def sigmoid4_derivative(s: npt.ArrayLike) -> Floats:
    """Derivative rho'(s) = 4 rho (1 - rho) for states of any shape; its maximum is 1, at s = 0."""
    rho = sigmoid4(s)
    return 4 * rho * (1 - rho)


@inline
def rate(s):  # type: ignore[no-untyped-def]
    """Rate rho(s) of one float32 state, as float32; NaN stays NaN."""
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
    """Derivative rho' = 4 rho (1 - rho) for one float32 rate, as float32."""
    return _FOUR * rho * (_ONE - rho)


@kernel
def rates(s, rho):  # type: ignore[no-untyped-def]
    """Rates: rho[...] = rho(s) for float32, C-contiguous arrays of one shape."""
    flat_s, flat_rho = s.reshape(-1), rho.reshape(-1)
    for i in range(flat_s.size):
        flat_rho[i] = rate(flat_s[i])


@kernel
def rates_and_slopes(s, rho, slopes):  # type: ignore[no-untyped-def]
    """Rates and slopes: rho[...] = rho(s), slopes[...] = rho'(s); float32, C-contiguous, of one shape."""
    flat_s, flat_rho, flat_slopes = s.reshape(-1), rho.reshape(-1), slopes.reshape(-1)
    for i in range(flat_s.size):
        r = rate(flat_s[i])
        flat_rho[i] = r
        flat_slopes[i] = slope(r)
