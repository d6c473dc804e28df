"""Learning rule of mSTDP: momentum spike-timing dependent plasticity for rates.

At each iteration of a clamped phase (mSTDP, eq. 7, and eq. 16 with smoothing)

    dW_ji = alpha (rho_j - c_j) [ d rho_i - smoothing (R_i - s_i) rho'_i ]
    db_i  = alpha               [ d rho_i - smoothing (R_i - s_i) rho'_i ]

where d rho_i is the change of the rate of neuron i in this iteration: the weight change is the presynaptic
rate times the change of the postsynaptic rate. The second term reduces the step d s_i of the network itself
(section 2.7). The paper prints it with d s = epsilon (R - s) and its derivative, epsilon rho'_i rho_j; with
the sign of a descent and one factor of epsilon in alpha, its strength is epsilon = 0.2. With smoothing = 0
the rule is eq. 7.

The updates are averaged over a batch. Differs from the paper: its batch is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from spikesim.errors import DeclarationError


@dataclass(frozen=True)
class MstdpRule:
    """Parameters of the mSTDP rule; the defaults are those of the paper.

    Attributes:
        alpha: learning rate (section 3: 0.001).
        smoothing: strength of the smoothing term; 0 is eq. 7.
        hidden_gain: factor of alpha for weights into hidden neurons. Differs from the paper: one alpha.
        feedback_gain: additional factor of alpha for weights from visible outputs to hidden neurons.
        decay: weights shrink by the factor 1 - alpha * decay whenever pending updates are applied. Differs
            from the paper: no decay.
        immediate: True applies updates at each iteration, as printed; False at the end of a phase.

    Raises:
        DeclarationError: a value outside [0, 1e6).
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
                raise DeclarationError(
                    f"MstdpRule: {name} = {value!r} is out of range; it must be in [0, 1e6)"
                )
