"""Figs. 1 and 6: the STDP window of aSTDP, of two neurons with weights of 0 and targets for a short time.

Differs from the paper: it prints eps_s = 0.5 and eps_l = 0.4, with which dz never becomes negative; its
figure requires eps_l > eps_s, so that the network with the larger beta relaxes faster. Moreover, the resting
rate of 1/2 adds the same value to every point of the curve; with centred rates the curve starts and ends at
0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.files.measured_table import Table
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.toy_network import small

Float64 = npt.NDArray[np.float64]
SHIFTS = tuple(range(-30, 31))
WIDTHS = (5, 10, 15)
BETAS = (0.5, 0.6, 0.7)
BEFORE, AFTER = 60, 80

_TWO = Astdp(
    sizes=(1, 1),
    dz="after",
    lateral=False,
    init_scale=0.0,
    fake="none",
    batch=1,
    carry=False,
    beta_s=0.4,
    beta_l=0.5,
    low=0.0,
    high=1.0,
)
LITERAL = _TWO
AMENDED = Astdp(**{**_TWO.__dict__, "eps_s": 0.4, "eps_l": 0.5, "centred": True})


def stdp_window(config: Astdp, width: int, shifts: Sequence[int] = SHIFTS) -> Float64:
    """Change of the weight from the input to the output neuron against their time difference, for alpha = 1.

    Args:
        config: configuration of two neurons.
        width: number of steps for which a target of 1 acts on a neuron.
        shifts: start of the output's target, in steps after that of the input.

    Returns:
        float64 (shifts,).

    Raises:
        DeclarationError: another network than two neurons, or a shift that begins before the simulation.
    """
    if config.sizes != (1, 1) or width < 1 or min(shifts) < -BEFORE:
        raise DeclarationError(
            f"stdp_window: sizes = {config.sizes}, width = {width}, first shift = {min(shifts)}; two "
            f"neurons, a width of at least 1 and shifts from -{BEFORE} on are needed"
        )
    return np.array([_change(config, width, shift) for shift in shifts])


def _change(config: Astdp, width: int, shift: int) -> float:
    """Weight change by eq. 15, summed over a run in which the weights stay 0 (section 3.2.3)."""
    trace = responses(config, width, shift)
    rho = 0.5 + 0.5 * np.tanh(2 * trace)
    dz = rho[:, 1, 1] - rho[:, 0, 1]
    return float(((rho[:, 0, 0] - (0.5 if config.centred else 0.0)) * dz).sum())


def responses(config: Astdp, width: int, shift: int) -> Float64:
    """States of both networks and both neurons over time, float64 (steps, network, neuron): fig. 5."""
    net = small(config)
    edges = sorted({0, BEFORE, BEFORE + width, BEFORE + shift, BEFORE + shift + width})
    edges.append(max(edges) + AFTER)
    parts = []
    for start, end in pairwise(edges):
        on = [BEFORE <= start < BEFORE + width, BEFORE + shift <= start < BEFORE + shift + width]
        parts.append(net.run(1.0, np.array(on, np.float64), end - start, 0.0, traced=True))
    return np.concatenate(parts)


@dataclass(frozen=True)
class WindowShape:
    """Characteristics of an STDP curve.

    Attributes:
        leads, lags: mean weight change where the input leads and where it lags.
        gain: largest weight change.
        loss: smallest weight change, at most 0.
    """

    leads: float
    lags: float
    gain: float
    loss: float

    @property
    def two_signs(self) -> bool:
        """Whether the weight grows if the input leads and shrinks if it lags (fig. 6)."""
        return self.leads > 0 > self.lags

    @property
    def asymmetry(self) -> float:
        """Ratio of gain to loss; infinite without a loss."""
        return self.gain / -self.loss if self.loss < 0 else float("inf")


def shape(curve: Float64, shifts: Sequence[int], width: int) -> WindowShape:
    """Characteristics of a curve; leads and lags are means over shifts of one to three widths."""
    at = np.asarray(shifts)
    far = (np.abs(at) > width) & (np.abs(at) <= 3 * width)
    return WindowShape(
        float(curve[far & (at > 0)].mean()),
        float(curve[far & (at < 0)].mean()),
        float(curve.max()),
        float(min(curve.min(), 0.0)),
    )


def window_table() -> Table:
    """Table of fig. 6: three widths and three values of beta_l, literal and amended."""
    rows: list[tuple[str, str, float, float, str, float | None]] = []
    data: dict[str, object] = {"shifts": list(SHIFTS)}
    for name, base in (("literal", LITERAL), ("amended", AMENDED)):
        for width, beta in [(w, BETAS[0]) for w in WIDTHS] + [(5, b) for b in BETAS[1:]]:
            config = Astdp(**{**base.__dict__, "beta_l": beta})
            curve = stdp_window(config, width)
            found = shape(curve, SHIFTS, width)
            ratio = found.asymmetry if np.isfinite(found.asymmetry) else None
            label = f"window {width}, beta_l {beta}"
            signs = "+ / -" if found.two_signs else "no"
            rows.append((name, label, 1e3 * found.leads, 1e3 * found.lags, signs, ratio))
            data[f"{name}: {label}"] = [round(float(v), 6) for v in curve]
    return Table(
        "aSTDP, fig. 6: the STDP window of two neurons, beta_s = 0.4",
        ("Form", "Curve", "Input leads (1e-3)", "Input lags (1e-3)", "Signs of fig. 6", "Gain over loss"),
        tuple(rows),
        "spikesim astdp window",
        "The text has lost the subscripts of the two eps that the paper prints, 0.5 and 0.4. Literal "
        "reads them as eps_s 0.5 and eps_l 0.4, which give one sign only; in the order in which the betas "
        "stand they are eps_s 0.4 and eps_l 0.5, the amended reading, which is centred besides. The paper "
        "prints curves and no numbers; its two statements hold: a wider window makes a wider curve, a "
        "larger beta_l a less symmetric one.",
        data=data,
    )
