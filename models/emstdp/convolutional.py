"""Presets of convolutional EMSTDP networks: kernels that EMSTDP learns, and fixed ones.

Two convolutions with a stride in place of pooling and one dense hidden layer, after the authors' chip version
(DAC 2021), where the kernels are fixed and the sizes differ. All updates are read from error neurons (eqs. 5
to 10), resets are by subtraction, and nothing is injected.
"""

from __future__ import annotations

from dataclasses import replace

from spikesim.models.emstdp import Emstdp
from spikesim.models.emstdp.experiment import Experiment

# A kernel entry sums over 144 and 16 places, so the steps of the convolutions are smaller; their error
# neurons have low thresholds, since a kernel hears of an error at all its places. After one pass over
# 20,000 images the validation accuracy on MNIST is 0.9743 with these settings, 0.9665 with beta_error (0.1,
# 0.05, 0.1), and 0.9713 with the steps (0.02, 0.1, 0.5) and bounded rises, without which the first layer's
# activity grows to a third of all steps. 100 hidden neurons in place of 500 cost two points (0.9769 after 4
# x 50,000 with dropout).
LEARNED = Emstdp(
    sizes=(784, 500, 10),
    conv=((16, 5, 2), (32, 5, 2)),
    reset="subtract",
    error_reset="subtract",
    update="error",
    gamma=0.0,
    gate=True,
    eta=0.02,
    eta_hidden=(0.005, 0.05, 0.5),
    eta_decay=1.0,
    schedule="linear",
    beta_error=(0.02, 0.02, 0.1),
    dropout=(0.0, 0.0, 0.2),
)
# Kernels of a rate network (99.1 % of the validation digits, 89.3 % of the clothes); only the dense layers
# learn.
FIXED = replace(LEARNED, kernels="mnist-16-32", eta_hidden=0.5, beta_error=0.1)
FIXED_FASHION = replace(FIXED, kernels="fashion-16-32", eta=0.0125, target_rate=0.6, dropout=(0.0, 0.0, 0.1))

CONVOLUTIONAL = (
    Experiment("emstdp-mnist-conv", "EMSTDP-SW, MNIST, convolutions that learn", "mnist", LEARNED, epochs=4),
    Experiment(
        "emstdp-mnist-conv-fixed", "EMSTDP-SW, MNIST, pretrained convolutions", "mnist", FIXED, epochs=6
    ),
    Experiment(
        "emstdp-mnist-conv-random",
        "EMSTDP-SW, MNIST, random convolutions",
        "mnist",
        replace(FIXED, kernels="random"),
        epochs=6,
    ),
    Experiment(
        "emstdp-fashion-conv",
        "EMSTDP-SW, Fashion-MNIST, convolutions that learn",
        "fashion_mnist",
        LEARNED,
        epochs=4,
    ),
    Experiment(
        "emstdp-fashion-conv-fixed",
        "EMSTDP-SW, Fashion-MNIST, pretrained convolutions",
        "fashion_mnist",
        FIXED_FASHION,
        epochs=6,
    ),
)
