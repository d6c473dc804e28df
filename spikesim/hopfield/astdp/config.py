"""aSTDP: what a network of "approximate STDP" is told (its configuration), with what the paper leaves open.

Two continuous Hopfield networks share weights and biases, and differ in how strongly data pull at their
visible neurons: beta_s and beta_l. What a neuron learns from is the difference of the two:

    dz = rho(s_l) - rho(s_s),    dW_ji = alpha rho(s_s,j) dz_i,    db_i = alpha dz_i              eq. 15

`Astdp()` holds what the paper prints; each departure is a field whose description begins "Differs from the
paper:", and is off by default. `spikesim.hopfield.astdp.network` runs it.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, fields
from typing import Literal

from spikesim.errors import DeclarationError, unknown

FAKES = ("none", "listing", "signed", "linear", "square")
SMOOTHINGS = ("none", "printed", "descent")


class DivergenceWarning(UserWarning):
    """Settings that are known to make aSTDP diverge."""


@dataclass(frozen=True)
class Astdp:
    """A configuration of aSTDP.

    Attributes:
        sizes: neurons of the input, the hidden layers (each connected to its neighbours), and the output.
        output: the last layer is visible; False makes it a hidden one (the rivalry network has no output).
        lateral: the hidden neurons of a layer are connected to each other (section 3.1.1).
        beta_s, beta_l: pull of the data in the two networks (section 3.1: 0.25, 0.4).
        eps_s, eps_l: iteration steps (section 3.1: 0.5, 0.4).
        alpha: learning rate, applied to the sum over the batch (section 3.1: 1e-4).
        free: iterations with the inputs alone (algorithm 2: 80); 0 is algorithm 1, unsupervised.
        clamped: iterations with inputs and labels (160).
        batch: presentations whose updates are summed (128).
        low, high: states that stand for pixels 0 and 1. The paper prints no range.
        label: target states of the labels are -label and +label. The paper prints no range.
        init_scale: of Xavier's bound sqrt(6 / fan-in).
        inertia: m of eq. 20, the weight of the new velocity; 1 is inference without momentum.
        fake: how the fake targets of the hidden neurons are drawn: "none"; "listing": |dz| > u k dz_m
            (algorithms 1 and 2, dz in size); "signed": dz > u k dz_m (the listing to the letter); "linear":
            P = k |dz| (eq. 17); "square": P = k dz^2 / dz_m (eq. 18).
        fake_k, fake_target: k and t_c (section 3.1: 50, 0.25).
        fake_average: m of the moving average dz_m. The paper prints none.
        smoothing, smoothing_form: factor of eq. 23, and its form: "none"; "printed": dW = rho'(s_i) rho(s_j);
            "descent": with the factor -ds that the text asks for. The paper prints no factor.
        held: Differs from the paper: input neurons hold the data (beta infinite).
        centred: Differs from the paper: neurons send rho - 1/2.
        mirrored: Differs from the paper: initial weights are symmetric.
        tied: Differs from the paper: a synapse and its opposite both take the sum of their two changes, so
            that weights that begin symmetric stay so.
        carry: states are carried over to the next presentation (the end of algorithm 1). False differs from
            the paper: every presentation starts from s = 0.
        learn_last: Differs from the paper: n > 0 learns in the last n iterations of a presentation; 0 at
            every iteration, as printed.
        alpha_scale: Differs from the paper: factors of alpha for the weights above each layer but the last,
            from the input on; empty for 1.
        alpha_end: Differs from the paper: alpha falls to this share of itself, along half a cosine.
        warm: Differs from the paper: presentations over which alpha rises from 0.

    Raises:
        DeclarationError: a value out of range.

    Warns:
        DivergenceWarning: an order of beta or of eps that is known to make learning diverge or fail.
    """

    sizes: tuple[int, ...] = (784, 512, 10)
    output: bool = True
    lateral: bool = True
    beta_s: float = 0.25
    beta_l: float = 0.4
    eps_s: float = 0.5
    eps_l: float = 0.4
    alpha: float = 1e-4
    free: int = 80
    clamped: int = 160
    batch: int = 128
    low: float = -0.5
    high: float = 0.5
    label: float = 0.5
    init_scale: float = 1.0
    inertia: float = 1.0
    fake: Literal["none", "listing", "signed", "linear", "square"] = "listing"
    fake_k: float = 50.0
    fake_target: float = 0.25
    fake_average: float = 0.1
    smoothing: float = 0.0
    smoothing_form: Literal["none", "printed", "descent"] = "none"
    held: bool = False
    centred: bool = False
    mirrored: bool = False
    tied: bool = False
    carry: bool = True
    learn_last: int = 0
    alpha_scale: tuple[float, ...] = ()
    alpha_end: float = 1.0
    warm: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        object.__setattr__(self, "alpha_scale", tuple(self.alpha_scale))
        if len(self.sizes) < 2 or any(int(n) != n or n < 1 for n in self.sizes):
            raise DeclarationError(f"Astdp: sizes = {self.sizes}; two or more layers of at least one neuron")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise DeclarationError(f"Astdp: {name} = {value!r}; it has to lie in [{low}, {high}]")
        for name, known in (("fake", FAKES), ("smoothing_form", SMOOTHINGS)):
            if getattr(self, name) not in known:
                raise DeclarationError(f"Astdp: {unknown(name, getattr(self, name), known)}")
        if self.alpha_scale and len(self.alpha_scale) != len(self.sizes) - 1:
            raise DeclarationError(
                f"Astdp: alpha_scale has {len(self.alpha_scale)} factors; {len(self.sizes) - 1} are needed"
            )
        if self.learn_last > self.clamped:
            raise DeclarationError(
                f"Astdp: learn_last = {self.learn_last} of {self.clamped} clamped iterations; take fewer"
            )
        self._warn()

    def _warn(self) -> None:
        if self.beta_s >= self.beta_l and self.alpha > 0:
            warnings.warn(
                f"Astdp: beta_s = {self.beta_s} is not below beta_l = {self.beta_l}. In this order dz points "
                "away from the data, and learning is known to diverge; swap them.",
                DivergenceWarning,
                stacklevel=4,
            )
        if self.smoothing > 0 and self.smoothing_form == "printed":
            warnings.warn(
                "Astdp: smoothing as eq. 23 prints it adds rho'(s_i) rho(s_j) without a sign, so that "
                'weights grow without end and learning is known to diverge; take smoothing_form="descent".',
                DivergenceWarning,
                stacklevel=4,
            )

    @property
    def amendments(self) -> tuple[str, ...]:
        """The names of the departures from the paper that are on."""
        off = Astdp()
        return tuple(name for name in AMENDMENTS if getattr(self, name) != getattr(off, name))

    @property
    def settings(self) -> str:
        """Every field but the sizes that is not as printed, as text: "lateral=False, eps_l=0.5"."""
        off = Astdp()
        names = [f.name for f in fields(self) if f.name != "sizes"]
        differing = [name for name in names if getattr(self, name) != getattr(off, name)]
        return ", ".join(f"{name}={getattr(self, name)}" for name in differing)

    @property
    def hidden(self) -> range:
        """The layers that no data pull at."""
        return range(1, len(self.sizes) - 1 if self.output else len(self.sizes))

    def scale(self, k: int) -> float:
        """Factor of alpha for the weights between layers k and k + 1."""
        return self.alpha_scale[k] if self.alpha_scale else 1.0


AMENDMENTS = (
    "held",
    "centred",
    "mirrored",
    "tied",
    "carry",
    "learn_last",
    "alpha_scale",
    "alpha_end",
    "warm",
)
_RANGES = {
    "beta_s": (0.0, 100.0),
    "beta_l": (0.0, 100.0),
    "eps_s": (1e-3, 1.0),
    "eps_l": (1e-3, 1.0),
    "alpha": (0.0, 10.0),
    "free": (0, 100_000),
    "clamped": (1, 100_000),
    "batch": (1, 100_000),
    "low": (-10.0, 10.0),
    "high": (-10.0, 10.0),
    "label": (1e-3, 10.0),
    "init_scale": (0.0, 100.0),
    "inertia": (1e-3, 1.0),
    "fake_k": (0.0, 1e9),
    "fake_target": (0.0, 10.0),
    "fake_average": (0.0, 1.0),
    "smoothing": (0.0, 10.0),
    "learn_last": (0, 100_000),
    "alpha_end": (0.0, 1.0),
    "warm": (0, 10**9),
}
