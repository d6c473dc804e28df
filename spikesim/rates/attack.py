"""Adversarial inputs within a distance per input: FGSM, and PGD as a check on masked gradients.

    FGSM  x' = clip(x + strength sign(dL/dx), 0, 1)          (Goodfellow, Shlens, Szegedy, ICLR 2015)
    PGD   the same in small steps, each projected to |x' - x| <= strength   (Madry et al., ICLR 2018)

A defence that hides its gradients looks strong against FGSM and not against PGD.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.rates.mlp import Floats

Gradient = Callable[[Floats], Floats]  # of the loss by the inputs, (B, n) at (B, n)


def fgsm(gradient: Gradient, x: Floats, strength: float) -> Floats:
    """One step of the full strength, float64 (B, n) in [0, 1].

    Args:
        gradient: of the loss by the input, sample by sample.
        x: float64 (B, n) in [0, 1].
        strength: the largest change of one input, in [0, 1].

    Raises:
        DeclarationError: a strength outside [0, 1].
    """
    _check(strength)
    return np.clip(x + strength * np.sign(gradient(x)), 0.0, 1.0)


def pgd(gradient: Gradient, x: Floats, strength: float, steps: int = 20) -> Floats:
    """`steps` steps of 2.5 strength / steps, from x itself; arguments and result as `fgsm`.

    Raises:
        DeclarationError: a strength outside [0, 1], or steps < 1.
    """
    _check(strength)
    if steps < 1:
        raise DeclarationError(f"pgd: steps = {steps}; at least one is needed")
    low, high = np.clip(x - strength, 0.0, 1.0), np.clip(x + strength, 0.0, 1.0)
    found = x
    for _ in range(steps):
        found = np.clip(found + 2.5 * strength / steps * np.sign(gradient(found)), low, high)
    return found


def _check(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise DeclarationError(
            f"attack: strength = {strength!r}; it is a share of the input's range, in [0, 1] (12 of 255 grey "
            f"values: 12 / 255)"
        )
