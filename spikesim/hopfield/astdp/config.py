"""Configuration of a network of aSTDP ("approximate STDP"), with fields for what the paper leaves open.

Two continuous Hopfield networks share weights and biases, and differ in how strongly the data pull at their
visible neurons: beta_s and beta_l. Neurons learn from the difference of the two networks:

    dz = rho(s_l) - rho(s_s),    dW_ji = alpha rho(s_s,j) dz_i,    db_i = alpha dz_i              eq. 15

`Astdp()` is the configuration that the paper prints; each departure from it is a field whose description
begins "Differs from the paper:", and is off by default. `spikesim.hopfield.astdp.network` simulates it.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, fields
from typing import Literal

from spikesim.errors import DeclarationError, unknown

FAKES = ("none", "listing", "signed", "linear", "square")
SMOOTHINGS = ("none", "printed", "descent")
ORDERS = ("before", "after")


class DivergenceWarning(UserWarning):
    """A configuration that is known to make aSTDP diverge."""


@dataclass(frozen=True)
class Astdp:
    """Configuration of an aSTDP network.

    Attributes:
        sizes: number of neurons of the input, of each hidden layer (connected to its neighbours), and of the
            output.
        output: whether the last layer is visible; if False it is hidden (the rivalry network has no output).
        lateral: whether the hidden neurons of a layer are connected to each other (section 3.1.1).
        beta_s, beta_l: strength of the pull of the data in the two networks (section 3.1: 0.25, 0.4).
        eps_s, eps_l: step sizes of an iteration (section 3.1: 0.5, 0.4).
        alpha: learning rate, applied to the sum over the batch (section 3.1: 1e-4).
        free: iterations with the inputs alone (algorithm 2: 80); 0 is algorithm 1, unsupervised.
        clamped: iterations with inputs and labels (160).
        batch: trials whose updates are summed (128).
        low, high: states that encode pixels 0 and 1. The paper prints no range.
        label: the target states of the labels are -label and +label. The paper prints no range.
        init_scale: factor of Xavier's bound sqrt(6 / fan-in).
        inertia: m of eq. 20, the weight of the new velocity; 1 is inference without momentum.
        fake: how the fake targets of the hidden neurons are drawn: "none"; "listing": |dz| > u k dz_m
            (algorithms 1 and 2, with the absolute value of dz); "signed": dz > u k dz_m (the listing exactly
            as printed); "linear": P = k |dz| (eq. 17); "square": P = k dz^2 / dz_m (eq. 18).
        fake_k, fake_target: k and t_c (section 3.1: 50, 0.25).
        fake_average: m of the moving average dz_m. The paper prints no value.
        smoothing, smoothing_form: factor of eq. 23, and its form: "none"; "printed": dW = rho'(s_i) rho(s_j);
            "descent": with the additional factor -ds that the text describes. The paper prints no factor.
        dz: which dz the rule takes in an iteration: "before" is that of the states before their step, as the
            listings of algorithms 1 and 2 have it (rho(s_s) is that after the step); "after" differs from the
            paper: dz, too, is that after the step.
        held: Differs from the paper: input neurons are held at the data (beta is infinite).
        centred: Differs from the paper: neurons send rho - 1/2.
        mirrored: Differs from the paper: initial weights are symmetric.
        tied: Differs from the paper: both directions of a synapse change by the sum of their two updates, so
            that symmetric initial weights stay symmetric.
        carry: whether states are carried over to the next trial (the end of algorithm 1). False differs from
            the paper: every trial starts from s = 0.
        learn_last: Differs from the paper: n > 0 learns only in the last n iterations of a trial; 0 learns at
            every iteration, as printed.
        alpha_scale: Differs from the paper: factors of alpha for the weights above each layer except the
            last, starting with the input; empty for 1.
        alpha_end: Differs from the paper: share of alpha to which it falls, along half a cosine.
        warm: Differs from the paper: number of trials over which alpha rises from 0.

    Raises:
        DeclarationError: a field is out of range.

    Warns:
        DivergenceWarning: beta_s is not below beta_l, or smoothing is as printed; both are known to make
            learning diverge.
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
    dz: Literal["before", "after"] = "before"
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
            raise DeclarationError(
                f"Astdp: sizes = {self.sizes}; two or more layers are needed, of at least one neuron each"
            )
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise DeclarationError(
                    f"Astdp: {name} = {value!r} is out of range; it must be in [{low}, {high}]"
                )
        for name, known in (("fake", FAKES), ("smoothing_form", SMOOTHINGS), ("dz", ORDERS)):
            if getattr(self, name) not in known:
                raise DeclarationError(f"Astdp: {unknown(name, getattr(self, name), known)}")
        if self.alpha_scale and len(self.alpha_scale) != len(self.sizes) - 1:
            raise DeclarationError(
                f"Astdp: alpha_scale has {len(self.alpha_scale)} factors; {len(self.sizes) - 1} are needed, "
                "one for each layer except the last"
            )
        if self.learn_last > self.clamped:
            raise DeclarationError(
                f"Astdp: learn_last = {self.learn_last} exceeds the number of clamped iterations, "
                f"{self.clamped}; take fewer"
            )
        self._warn()

    def _warn(self) -> None:
        if self.beta_s >= self.beta_l and self.alpha > 0:
            warnings.warn(
                f"Astdp: beta_s = {self.beta_s} is not below beta_l = {self.beta_l}. In this order dz is "
                "directed away from the data, and learning is known to diverge; swap them.",
                DivergenceWarning,
                stacklevel=4,
            )
        if self.smoothing > 0 and self.smoothing_form == "printed":
            warnings.warn(
                "Astdp: smoothing as printed in eq. 23 adds rho'(s_i) rho(s_j) without a sign, so that "
                'weights grow without bound and learning is known to diverge; take smoothing_form="descent".',
                DivergenceWarning,
                stacklevel=4,
            )

    @property
    def amendments(self) -> tuple[str, ...]:
        """Names of the departures from the paper that are in use."""
        off = Astdp()
        return tuple(name for name in AMENDMENTS if getattr(self, name) != getattr(off, name))

    @property
    def settings(self) -> str:
        """All fields except sizes that differ from the paper, as text: "lateral=False, eps_l=0.5"."""
        off = Astdp()
        names = [f.name for f in fields(self) if f.name != "sizes"]
        differing = [name for name in names if getattr(self, name) != getattr(off, name)]
        return ", ".join(f"{name}={getattr(self, name)}" for name in differing)

    @property
    def hidden(self) -> range:
        """Indices of the hidden layers."""
        return range(1, len(self.sizes) - 1 if self.output else len(self.sizes))

    def scale(self, k: int) -> float:
        """Factor of alpha for the weights between layers k and k + 1."""
        return self.alpha_scale[k] if self.alpha_scale else 1.0


AMENDMENTS = (
    "dz",
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
