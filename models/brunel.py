"""The balanced random network of Brunel (J. Comput. Neurosci. 8, 183-208, 2000): excitation, inhibition,
noise.

    80 % excitatory and 20 % inhibitory leaky integrate-and-fire neurons with delta synapses; each has a fixed
    number of randomly drawn inputs of either kind, and a Poisson drive of the rate of as many outside neurons

Potentials in mV, times in ms. A membrane lies at 0 where nothing arrives (the paper's V_E).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.network import Network
from spikesim.neurons import LIF
from spikesim.recording import Recording
from spikesim.synapses import PoissonInput, connect


@dataclass(frozen=True)
class Brunel:
    """A configuration; defaults are the paper's model A at 10,000 neurons, in its asynchronous irregular
    state.

    Attributes:
        neurons: in all; four fifths excite.
        inputs: synapses of a neuron, four fifths from excitatory neurons (the paper: 10 % of the neurons).
        J: mV, a postsynaptic potential (section 2.1: 0.1 to 0.2).
        g: inhibition over excitation (figs. 7 and 8: 3 to 6; 5 is balanced).
        eta: the drive's rate over that which brings a lone neuron to threshold.
        tau: ms, of the membrane (20).
        theta, reset: mV (20 and 10).
        refractory: ms (2).
        delay: ms (1.5).
        dt: ms, of a step.
    """

    neurons: int = 10_000
    inputs: int = 1000
    J: float = 0.1
    g: float = 5.0
    eta: float = 2.0
    tau: float = 20.0
    theta: float = 20.0
    reset: float = 10.0
    refractory: float = 2.0
    delay: float = 1.5
    dt: float = 0.1

    def __post_init__(self) -> None:
        if self.neurons < 10 or self.neurons % 5 or self.inputs < 5 or self.inputs % 5:
            raise DeclarationError(
                f"Brunel: neurons = {self.neurons}, inputs = {self.inputs}; multiples of 5 are needed, "
                "from 10 and 5 on (four fifths excite)"
            )

    @property
    def drive(self) -> float:
        """Spikes a step of a neuron's Poisson drive: eta nu_thr C_E dt, with nu_thr = theta / (J C_E tau)."""
        return self.eta * self.theta / (self.J * self.tau) * self.dt

    def steps(self, ms: float) -> int:
        """Milliseconds in steps."""
        return round(ms / self.dt)


def build(config: Brunel, seed: int = 1) -> Network:
    """The network, to run without end."""
    excite, inhibit = config.neurons * 4 // 5, config.neurons // 5
    cell = {
        "theta": config.theta,
        "v_decay": 1 - float(np.exp(-config.dt / config.tau)),
        "v_reset": config.reset,
        "refractory": config.steps(config.refractory),
    }
    populations = {"exc": LIF(excite, **cell), "inh": LIF(inhibit, **cell)}  # type: ignore[arg-type]
    kinds = (
        ("exc", excite, config.inputs * 4 // 5, config.J),
        ("inh", inhibit, config.inputs // 5, -config.g * config.J),
    )
    projections = tuple(
        connect.fixed_in_degree(
            pre, post, n, populations[post].n, k, w, delay=config.steps(config.delay), seed=seed + 10 * number
        )
        for number, (pre, n, k, w, post) in enumerate(
            (*kind, post) for kind in kinds for post in ("exc", "inh")
        )
    )
    drives = tuple(
        PoissonInput(name, config.drive, config.J, seed + 100 + number)
        for number, name in enumerate(populations)
    )
    return Network(populations, projections, drives=drives)


def statistics(
    recording: Recording, config: Brunel, name: str = "exc", skip_ms: float = 100.0
) -> tuple[float, float]:
    """The mean rate (Hz) and the mean coefficient of variation of the intervals between spikes.

    Args:
        recording: with the spikes of `name`.
        config: of the network.
        name: of a population.
        skip_ms: of the beginning.

    Of neurons with at least three spikes, as usual for the CV.
    """
    spikes = recording.spikes[name]
    kept = spikes.times >= config.steps(skip_ms)
    seconds = (spikes.T - config.steps(skip_ms)) * config.dt / 1000
    return irregularity(spikes.times[kept], spikes.neurons[kept], spikes.n, seconds)


def irregularity(
    times: npt.NDArray[np.int32], neurons: npt.NDArray[np.int32], n: int, seconds: float
) -> tuple[float, float]:
    """The mean rate (Hz), and the mean CV of the intervals of neurons with at least three spikes.

    Args:
        times: of the spikes, in any unit.
        neurons: who fired.
        n: neurons in all.
        seconds: of the recording.
    """
    order = np.lexsort((times, neurons))
    t, j = np.asarray(times)[order].astype(np.float64), np.asarray(neurons)[order]
    same = j[1:] == j[:-1]
    intervals, owner = np.diff(t)[same], j[1:][same]
    count = np.bincount(owner, minlength=n)
    enough = count >= 2
    mean = np.bincount(owner, intervals, n)[enough] / count[enough]
    square = np.bincount(owner, intervals**2, n)[enough] / count[enough]
    cv = np.sqrt(np.maximum(square - mean**2, 0)) / mean
    return len(t) / n / seconds, float(cv.mean()) if len(cv) else float("nan")
