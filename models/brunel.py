"""Balanced random network of excitatory and inhibitory neurons.

Source: Brunel, J. Comput. Neurosci. 8, 183-208, 2000. 80 % excitatory and 20 % inhibitory leaky
integrate-and-fire neurons with delta synapses. Each neuron has a fixed number of randomly drawn inputs of
either kind, and a Poisson drive with the rate of as many external neurons. Potentials are in mV, times in ms.
The membrane potential without input is 0 (the paper's V_E).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError
from spikesim.files.plain_values import plain_fields
from spikesim.network import Network
from spikesim.neurons import LIF
from spikesim.recording import Recording
from spikesim.synapses import PoissonInput, connect


@dataclass(frozen=True)
class Brunel:
    """Configuration of Brunel's network.

    The defaults are model A of the paper with 10,000 neurons, in its asynchronous irregular state.

    Attributes:
        neurons: total number of neurons; four fifths are excitatory.
        inputs: recurrent synapses onto a neuron, four fifths of them excitatory (the paper: 10 % of the
            neurons).
        J: amplitude of an excitatory postsynaptic potential, mV (section 2.1: 0.1 to 0.2).
        g: ratio of inhibitory to excitatory synaptic strength (figs. 7 and 8: 3 to 6; 5 is balanced).
        eta: rate of the external drive, relative to the rate that brings an isolated neuron to threshold.
        tau: membrane time constant, ms (20).
        theta, reset: threshold and reset potential, mV (20 and 10).
        refractory: refractory period, ms (2).
        delay: synaptic delay, ms (1.5).
        dt: duration of a step, ms.

    Raises:
        DeclarationError: neurons or inputs are no multiple of 5, or too few.
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
        plain_fields(self)
        if self.neurons < 10 or self.neurons % 5 or self.inputs < 5 or self.inputs % 5:
            raise DeclarationError(
                f"Brunel: neurons = {self.neurons}, inputs = {self.inputs}; multiples of 5 are needed, at "
                "least 10 neurons and 5 inputs (four fifths are excitatory)"
            )

    @property
    def drive(self) -> float:
        """Mean spikes per step of the drive: eta nu_thr C_E dt, with nu_thr = theta / (J C_E tau)."""
        return self.eta * self.theta / (self.J * self.tau) * self.dt

    def steps(self, ms: float) -> int:
        """Convert milliseconds to steps."""
        return round(ms / self.dt)


def build(config: Brunel, seed: int = 1) -> Network:
    """Build the network, for a continuous simulation."""
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
    """Mean firing rate (Hz) and mean coefficient of variation (CV) of inter-spike intervals of a population.

    The CV is averaged over neurons with at least three spikes, as usual.

    Args:
        recording: contains the spikes of `name`.
        config: configuration of the network.
        name: the population.
        skip_ms: initial time that is ignored, ms.
    """
    spikes = recording.spikes[name]
    kept = spikes.times >= config.steps(skip_ms)
    seconds = (spikes.T - config.steps(skip_ms)) * config.dt / 1000
    return irregularity(spikes.times[kept], spikes.neurons[kept], spikes.n, seconds)


def irregularity(
    times: npt.NDArray[np.int32], neurons: npt.NDArray[np.int32], n: int, seconds: float
) -> tuple[float, float]:
    """Mean firing rate (Hz) and mean CV of inter-spike intervals; NaN if no neuron has three spikes.

    Args:
        times: times of the spikes, in any unit.
        neurons: index of the neuron of each spike.
        n: number of neurons.
        seconds: duration of the recording.
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
