"""Adversarial inputs with a bounded change of each input: FGSM, and PGD as a check for masked gradients.

    FGSM  x' = clip(x + strength sign(dL/dx), 0, 1)          (Goodfellow, Shlens, Szegedy, ICLR 2015)
    PGD   the same in small steps, each projected to |x' - x| <= strength   (Madry et al., ICLR 2018)

A defence with masked gradients appears robust against FGSM, but not against PGD.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikesim.errors import DeclarationError
from spikesim.rates.mlp import Floats

Gradient = Callable[[Floats], Floats]  # inputs (B, n) -> gradient of the loss with respect to them (B, n)


def fgsm(gradient: Gradient, x: Floats, strength: float) -> Floats:
    """Adversarial inputs by one step of full strength (FGSM), float64 (B, n) in [0, 1].

    Args:
        gradient: gradient of the loss of each sample with respect to its input.
        x: float64 (B, n) in [0, 1].
        strength: the largest change of one input, in [0, 1].

    Raises:
        DeclarationError: a strength outside [0, 1].
    """
    _check(strength)
    return np.clip(x + strength * np.sign(gradient(x)), 0.0, 1.0)


def pgd(gradient: Gradient, x: Floats, strength: float, steps: int = 20) -> Floats:
    """Adversarial inputs by `steps` steps of size 2.5 strength / steps, starting at x (PGD).

    The other arguments and the result are those of `fgsm`.

    Raises:
        DeclarationError: a strength outside [0, 1], or steps < 1.
    """
    _check(strength)
    if steps < 1:
        raise DeclarationError(f"pgd: steps = {steps}; at least one step is needed")
    low, high = np.clip(x - strength, 0.0, 1.0), np.clip(x + strength, 0.0, 1.0)
    found = x
    for _ in range(steps):
        found = np.clip(found + 2.5 * strength / steps * np.sign(gradient(found)), low, high)
    return found


def _check(strength: float) -> None:
    if not 0 <= strength <= 1:
        raise DeclarationError(
            f"attack: strength = {strength!r} is out of range; it is a fraction of the input range and must "
            "be in [0, 1] (12 of 255 grey values: 12 / 255)"
        )
