"""The rule of mSTDP: momentum spike-timing dependent plasticity on rates.

At each iteration of a clamped phase (mSTDP, eq. 7, and eq. 16 with smoothing)

    dW_ji = alpha (rho_j - c_j) [ d rho_i - smoothing (R_i - s_i) rho'_i ]
    db_i  = alpha               [ d rho_i - smoothing (R_i - s_i) rho'_i ]

where d rho_i is the change of neuron i's rate in this iteration: the presynaptic rate times the postsynaptic
change. The second term makes the step d s_i smaller that the network itself takes (section 2.7). The paper
prints it through d s = epsilon (R - s) and its derivative, epsilon rho'_i rho_j; taken with the sign of a
descent and one factor of epsilon in alpha, its strength is epsilon, 0.2. With smoothing = 0 it is eq. 7.

Over a batch the mean of the updates is taken. Differs from the paper: its batch is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from spikesim.errors import DeclarationError


@dataclass(frozen=True)
class MstdpRule:
    """Parameters of the rule; the defaults are the paper's.

    Attributes:
        alpha: learning rate (section 3: 0.001).
        smoothing: strength of the smoothing term; 0 is eq. 7.
        hidden_gain: factor of alpha for weights into hidden neurons. Differs from the paper: one alpha.
        feedback_gain: a further factor for weights from visible outputs to hidden neurons.
        decay: weights shrink by alpha * decay with each flush. Differs from the paper: none.
        immediate: weights change at each iteration, as printed. False applies a phase's updates at its end.

    Raises:
        DeclarationError: a negative value.
    """

    alpha: float = 0.001
    smoothing: float = 0.2
    hidden_gain: float = 1.0
    feedback_gain: float = 1.0
    decay: float = 0.0
    immediate: bool = True

    def __post_init__(self) -> None:
        for name in ("alpha", "smoothing", "hidden_gain", "feedback_gain", "decay"):
            value = getattr(self, name)
            if not 0 <= value < 1e6:
                raise DeclarationError(f"MstdpRule: {name} = {value!r}; it has to lie in [0, 1e6)")
