"""Learning rule of aSTDP (eq. 15) for a batch, with one BLAS call for each weight matrix.

    dz = rho(s_l) - rho(s_s),    W_ji += alpha sum over the batch of x_s,j dz_i,    b_i += alpha sum of dz_i

x_s,j is the output of the presynaptic neuron in the network with the smaller beta: rho(s_s,j), or
rho(s_s,j) - 1/2 in a centred network. The rule uses quantities of the two neurons only; no phase, no loss.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import sgemm

Float32 = npt.NDArray[np.float32]


def learn(w: Float32, x_pre: Float32, post: Float32, alpha: float) -> None:
    """Update weights in place, without a temporary: w += alpha x_pre^T post.

    Args:
        w: float32 (n_pre, n_post), C order.
        x_pre: float32 (B, n_pre), C order: outputs of the presynaptic neurons.
        post: float32 (B, n_post), C order: dz plus the smoothing term.
        alpha: learning rate.
    """
    sgemm(alpha, post.T, x_pre.T, beta=1.0, c=w.T, trans_b=True, overwrite_c=True)


def learn_bias(b: Float32, post: Float32, alpha: float) -> None:
    """Update biases in place: b += alpha * sum of post over the batch; float32 b (n,), post (B, n)."""
    b += np.float32(alpha) * post.sum(axis=0)


def accumulate(u: Float32, x: Float32, w: Float32) -> None:
    """Add in place, without a temporary: u += x w.

    Arrays are float32 in C order: u (B, n_post), x (B, n_pre), w (n_pre, n_post).
    """
    sgemm(1.0, w.T, x.T, beta=1.0, c=u.T, overwrite_c=True)
