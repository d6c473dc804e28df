"""One-to-one projections of one fixed weight: I_j(t) = w * s_pre,j(t - delay)."""

from __future__ import annotations

from dataclasses import dataclass

from spikesim.synapses.dense import check_delay


@dataclass(frozen=True)
class OneToOne:
    """Neuron j of `pre` to neuron j of `post`, as in the loss circuit and the injection of fig. 4(b).

    Attributes:
        pre, post: names of populations of one size.
        w: the weight, on the grid of `post`.
        delay: steps from the spike to its arrival, >= 0.
        name: "pre->post" where it is not given.
    """

    pre: str
    post: str
    w: float
    delay: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or f"{self.pre}->{self.post}")
        check_delay(self.name, self.delay)
