"""Presets of convolutional EMSTDP networks: kernels that EMSTDP learns, and fixed ones.

Two convolutions with a stride in place of pooling and one dense hidden layer, after the authors' chip version
(DAC 2021), where the kernels are fixed and the sizes differ. All updates are read from error neurons (eqs. 5
to 10), resets are by subtraction, and nothing is injected.
"""

from __future__ import annotations

from dataclasses import replace

from spikesim.models.emstdp import Emstdp
from spikesim.models.emstdp.experiment import Experiment

# A kernel entry sums over 144 and 16 places, so the steps of the convolutions are smaller. After 8,000 images
# of one epoch the validation accuracy on MNIST is 0.9570 with these steps, 0.9556 with eta_hidden (0.05, 0.2,
# 0.8), and 0.9222 after 4,000 with beta_error (0.05, 0.05, 0.1); longer runs have not been compared.
LEARNED = Emstdp(
    sizes=(784, 100, 10),
    conv=((16, 5, 2), (32, 5, 2)),
    reset="subtract",
    error_reset="subtract",
    update="error",
    gamma=0.0,
    gate=True,
    eta=0.02,
    eta_hidden=(0.02, 0.1, 0.5),
    eta_decay=1.0,
    schedule="linear",
    beta_error=(0.02, 0.02, 0.1),
)

CONVOLUTIONAL = (
    Experiment("emstdp-mnist-conv", "EMSTDP-SW, MNIST, convolutional", "mnist", LEARNED, epochs=8),
    Experiment(
        "emstdp-fashion-conv", "EMSTDP-SW, Fashion-MNIST, convolutional", "fashion_mnist", LEARNED, epochs=8
    ),
    Experiment(
        "emstdp-mnist-conv-random",
        "EMSTDP-SW, MNIST, random convolutions",
        "mnist",
        replace(LEARNED, kernels="random"),
        epochs=8,
    ),
)
