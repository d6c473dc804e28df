"""The rule of aSTDP (eq. 15), for a batch: one BLAS call a weight matrix.

    dz = rho(s_l) - rho(s_s),    W_ji += alpha sum over the batch of x_s,j dz_i,    b_i += alpha sum of dz_i

x_s,j is what the presynaptic neuron sends in the network with the small beta: rho(s_s,j), or rho(s_s,j) - 1/2
in a centred network. Only quantities of the two neurons appear; no phase and no loss.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import sgemm

Float32 = npt.NDArray[np.float32]


def learn(w: Float32, x_pre: Float32, post: Float32, alpha: float) -> None:
    """w += alpha x_pre^T post, in place, without a temporary.

    Args:
        w: float32 (n_pre, n_post), C order.
        x_pre: float32 (B, n_pre), C order: what the presynaptic neurons send.
        post: float32 (B, n_post), C order: dz, and what smoothing adds to it.
        alpha: learning rate.
    """
    sgemm(alpha, post.T, x_pre.T, beta=1.0, c=w.T, trans_b=True, overwrite_c=True)


def learn_bias(b: Float32, post: Float32, alpha: float) -> None:
    """b += alpha times the sum of post over the batch, in place; b float32 (n,), post float32 (B, n)."""
    b += np.float32(alpha) * post.sum(axis=0)


def accumulate(u: Float32, x: Float32, w: Float32) -> None:
    """u += x w, in place, without a temporary; float32 (B, n_post), (B, n_pre), (n_pre, n_post), C order."""
    sgemm(1.0, w.T, x.T, beta=1.0, c=u.T, overwrite_c=True)
