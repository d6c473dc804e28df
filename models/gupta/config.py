"""Configurations of Gupta (2020); section 3 prints the sizes, the optimiser and the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spikesim.errors import DeclarationError
from spikesim.grid import whole
from spikesim.rates.adam import AdamSettings
from spikesim.rates.gupta_rule import PRINTED_EPS, GuptaRule


@dataclass(frozen=True)
class Gupta:
    """Configuration of a network and its training; the defaults are the amended rule on MNIST.

    Attributes:
        sizes: neurons of the input and of every layer (section 3: two hidden layers of 32 and 16). The input
            is counted before complement coding.
        learning: "rule" (eq. 3 in Adam, in place of the negative gradient), or "backprop" (binary
            cross-entropy, the baseline of the paper).
        eps: constant in the denominator of the rule. Differs from the paper: 1e-2 instead of 1e-9, with which
            the rule is singular at x = 2p.
        clip: bound of |f| in the rule; None for no bound (the paper).
        association: "fixed" (balanced +-1 in every hidden layer, shuffled once, section 3), or "feedback"
            (Z = sign(W Z_next) at each step, the first form of section 2).
        coding: "plain", or "complement": inputs [x, 1 - x], so that an inactive input also changes weights.
        bias: whether neurons have biases, which learn by the same rule with x = 1.
        bias_start: initial value of the biases: one value, or one for each layer.
        rate: step size of Adam (section 3: 1e-3).
        batch: samples of an update (section 3: 100 for MNIST, 40 for IRIS).
        epochs: passes over the data (the paper prints none).

    Raises:
        DeclarationError: a field is out of range.
    """

    sizes: tuple[int, ...] = (784, 32, 16, 1)
    learning: Literal["rule", "backprop"] = "rule"
    eps: float = 1e-2
    clip: float | None = None
    association: Literal["fixed", "feedback"] = "fixed"
    coding: Literal["plain", "complement"] = "plain"
    bias: bool = True
    bias_start: float | tuple[float, ...] = 0.0
    rate: float = 1e-3
    batch: int = 100
    epochs: int = 12

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise DeclarationError(
                    f"Gupta: {name} = {getattr(self, name)!r}; known: {', '.join(map(repr, known))}"
                )
        if len(self.sizes) < 2 or not all(whole(n, 1) for n in self.sizes):
            raise DeclarationError(
                f"Gupta: sizes = {self.sizes}; an input and at least one layer are needed, of 1 or more "
                "neurons each"
            )
        for name, low in (("batch", 1), ("epochs", 0)):
            if not whole(getattr(self, name), low):
                raise DeclarationError(
                    f"Gupta: {name} = {getattr(self, name)!r}; a whole number >= {low} is needed"
                )
        _ = self.rule, self.adam  # these check their own values

    @property
    def rule(self) -> GuptaRule:
        """The learning rule's parameters."""
        return GuptaRule(self.eps, self.clip)

    @property
    def adam(self) -> AdamSettings:
        """Adam's parameters."""
        return AdamSettings(self.rate)

    @property
    def inputs(self) -> int:
        """Number of inputs after coding."""
        return self.sizes[0] * (2 if self.coding == "complement" else 1)


_CHOICES = {
    "learning": ("rule", "backprop"),
    "association": ("fixed", "feedback"),
    "coding": ("plain", "complement"),
}

MNIST_PAIRS = ((0, 1), (0, 2), (0, 3), (0, 4), (0, 5))  # section 3, fig. 2
IRIS_PAIRS = ((0, 1), (0, 2), (1, 2))  # section 3, fig. 2
STRENGTHS = (4 / 255, 8 / 255, 12 / 255)  # section 3, fig. 3

AMENDED = Gupta()
LITERAL = Gupta(eps=PRINTED_EPS)
BACKPROP = Gupta(learning="backprop")
EARLY_STOPPED = Gupta(learning="backprop", epochs=2)  # a control, not in the paper: less training
LINEAR = Gupta(learning="backprop", sizes=(784, 1))  # a control, not in the paper: no hidden layer

# Four inputs, 40 samples per batch. With plain inputs and fixed Z the rule often stays at chance level on
# IRIS: a large input has no counterpart from which the other class could be learned.
IRIS_LITERAL = Gupta(sizes=(4, 32, 16, 1), eps=PRINTED_EPS, batch=40, epochs=1500)
IRIS_AMENDED = Gupta(
    sizes=(4, 32, 16, 1), coding="complement", bias_start=-2.0, batch=40, epochs=1500
)  # Differs from the paper: eps, complement coding, biases from -2
IRIS_FEEDBACK = Gupta(sizes=(4, 32, 16, 1), association="feedback", batch=40, epochs=1500)
IRIS_BACKPROP = Gupta(sizes=(4, 32, 16, 1), learning="backprop", batch=40, epochs=1500)
