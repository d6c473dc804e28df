"""A network as plain numbers for Lava's stock processes; needs no Lava.

Time is counted in Lava's steps, which begin at 1. Each connection takes one step more than declared, so that
every population has its own clock: its step t of trial b is the Lava step

    start + b T + t,        start = 1 + hops behind the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Arithmetic = Literal["float", "fixed"]
ONE_A_PROCESS = ("theta", "u_decay", "v_decay")  # biases and starts are held neuron by neuron


@dataclass(frozen=True, eq=False)
class Cells:
    """A neuron process: LIFReset, or TernaryLIF with a Reset.

    Attributes:
        name: of the process.
        n: neurons.
        ternary: thresholds on both sides, spikes of -1, 0 and +1.
        du, dv: decays as arguments of the process (float: the fraction lost; fixed: 12 bits, du one less).
        vth: fires at v > vth (and, ternary, at v < -vth).
        bias_mant, bias_exp: (n,) and one number; floating point ignores the exponent.
        v0: membrane before the first trial, so low that no bias makes the neuron fire.
        start: Lava step of its own step 0.
        unit: what the process's v holds for one count of the population's grid (or for 1, without a grid).
        v_start, u_start: (n,), membrane and current at the start of a trial, as the process holds them.
    """

    name: str
    n: int
    ternary: bool
    du: float
    dv: float
    vth: float
    bias_mant: npt.NDArray[Any]
    bias_exp: int
    v0: float
    start: int
    unit: float
    v_start: npt.NDArray[Any]
    u_start: npt.NDArray[Any]

    @property
    def starts_elsewhere(self) -> bool:
        """Whether a trial starts at other than 0: then the player sets it, since LIFReset can only clear."""
        return bool(self.v_start.any() or self.u_start.any())


@dataclass(frozen=True)
class Convolution:
    """Geometry of a Conv process; rows and columns as in `spikesim.synapses.Conv2d`.

    Attributes:
        shape, out_shape: (channels, rows, columns) of its input and output.
        stride, padding: (rows, columns).
        groups: of channels.
    """

    shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int


@dataclass(frozen=True, eq=False)
class Link:
    """A connection process: Dense, Sparse or Conv; DelayDense or DelaySparse where the delay is above 1.

    Attributes:
        name: of the process.
        pre: name of a source, or of Cells.
        post: name of Cells.
        weights: (n_post, n_pre); a scipy CSR matrix of that shape; or a kernel (out, in, rows, columns).
        delay: steps from spike to arrival, at least 1.
        weight_exp: fixed point only; the sum of the input is shifted by it.
        graded: spikes have signs (num_message_bits > 0).
        convolution: where weights are a kernel.
        mixed: weights of one sign have the range of mixed signs, down to -256.
    """

    name: str
    pre: str
    post: str
    weights: Any
    delay: int
    weight_exp: int = 0
    graded: bool = False
    convolution: Convolution | None = None
    mixed: bool = False


@dataclass(frozen=True, eq=False)
class LavaGraph:
    """A network as processes.

    Attributes:
        arithmetic: "float" or "fixed".
        sources: name -> neurons.
        starts: population -> Lava step of its own step 0, sources too.
        cells: neuron processes by name.
        links: connection processes.
        parts: population -> the processes that it is made of, with the signs of their spikes.
        drained: no spike is in flight from one trial to the next, so that one run holds many trials.
    """

    arithmetic: Arithmetic
    sources: Mapping[str, int]
    starts: Mapping[str, int]
    cells: Mapping[str, Cells]
    links: tuple[Link, ...]
    parts: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    drained: bool = True


def low_enough(bias: npt.NDArray[Any], steps: int) -> float:
    """A membrane from which no bias reaches the threshold in `steps` steps; 0 without a positive bias."""
    return -float(max(0.0, float(np.max(bias, initial=0.0)))) * (steps + 1)
