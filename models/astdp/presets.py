"""Presets of aSTDP, and the figures that the paper prints.

LITERAL is the printed configuration; every other preset adds named amendments (`Astdp.amendments`). Settings
were chosen on validation samples of MNIST, see models/results/astdp/search.json.
"""

from __future__ import annotations

from dataclasses import replace

from spikesim.errors import DeclarationError, unknown
from spikesim.hopfield.astdp.config import Astdp

LITERAL = Astdp()
LITERAL_UNSUPERVISED = replace(LITERAL, free=0)
# The listings take dz before the step of the states; with dz after it, the printed rule learns better.
LITERAL_AFTER = replace(LITERAL, dz="after")

SUPERVISED = Astdp(
    dz="after",
    lateral=False,
    eps_l=0.5,
    alpha=0.4,
    alpha_scale=(1.0, 0.06),
    alpha_end=0.0,
    free=12,
    clamped=12,
    batch=16,
    low=0.0,
    high=1.0,
    init_scale=1.5,
    fake="none",
    held=True,
    centred=True,
    mirrored=True,
    carry=False,
    learn_last=1,
)
# If the label is always clamped, a network with the learning rate of SUPERVISED reads the label from its own
# feedback, and is at chance level without it; at half the rate it does not.
UNSUPERVISED = replace(SUPERVISED, free=0, clamped=20, alpha=0.2, alpha_scale=(1.0, 0.1))
DEEP_2 = replace(
    SUPERVISED,
    sizes=(784, 512, 512, 10),
    alpha=0.3,
    alpha_scale=(1.0, 0.1, 0.05),
    init_scale=1.2,
    free=10,
    clamped=10,
)
DEEP_3 = replace(
    SUPERVISED,
    sizes=(784, 512, 512, 512, 10),
    alpha=2.0,
    alpha_scale=(1.0, 0.02, 0.02, 0.01),
    init_scale=0.9,
    free=8,
    clamped=8,
)
# For the bundled 8x8 digits, which are learned within seconds.
DIGITS = replace(SUPERVISED, sizes=(64, 64, 10), alpha=0.4)

PRESETS = {
    "literal": LITERAL,
    "literal-unsupervised": LITERAL_UNSUPERVISED,
    "literal-after": LITERAL_AFTER,
    "supervised": SUPERVISED,
    "unsupervised": UNSUPERVISED,
    "deep-2": DEEP_2,
    "deep-3": DEEP_3,
    "digits": DIGITS,
}

# Table 1 (test accuracy, %), and table 2 by the number of hidden layers (steps, test accuracy in %).
TABLE_1 = {
    "unsupervised": 91.0,
    "supervised": 92.0,
    "self-supervised": 92.0,
    "backprop, MSE": 93.0,
    "backprop, cross entropy": 97.0,
}
TABLE_2 = {1: (76, 96.0), 2: (95, 95.0), 3: (121, 93.0)}
# Tables 3 and 4: accuracy in % by (network, order) at 160 and at 80 iterations.
TABLE_3 = {("81", "81"): 100.0, ("81", "83"): 98.0, ("83", "81"): 99.0, ("83", "83"): 100.0}
TABLE_4 = {("81", "81"): 100.0, ("81", "83"): 91.0, ("83", "81"): 87.0, ("83", "83"): 100.0}


def preset(name: str) -> Astdp:
    """The preset of a name.

    Raises:
        DeclarationError: an unknown name.
    """
    if name not in PRESETS:
        raise DeclarationError(unknown("preset of aSTDP", name, PRESETS))
    return PRESETS[name]
