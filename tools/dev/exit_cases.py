"""Small networks for the table of exits (see `exits_table`): the parts of which its features are made.

Numbers are chosen so that Loihi's integers hold them where they hold the feature at all: whole weights on a
grid of 0, and with a leak whole weights and thresholds of k + 1/64 on a grid of 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikesim import connect
from spikesim.learning import CountRule
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network, Readout
from spikesim.neurons import (
    IF,
    LIF,
    ErrorIF,
    LeakyIntegrator,
    NeuronModel,
    NeuronState,
    Source,
    TwoCurrentLIF,
    register,
)
from spikesim.neurons.brian2_linear import Brian2Linear
from spikesim.neurons.population import BIAS, FLOOR, LIMIT, MEMBRANE, THETA, check, scaled
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, Dense, Sparse, Transpose
from spikesim.window import Window

TRIALS, T, RATE = 2, 24, 0.4
N_IN, N = 6, 5
LEAK = {"grid": 6, "u_decay": 0.5, "v_decay": 0.125}


@dataclass(frozen=True)
class Case:
    """A network and what it is given.

    Attributes:
        network: the declaration.
        inputs: source -> Spikes, CurrentInput -> float64.
        labels: int64 (B,) where there is a target.
        steps: of a network without end.
        signals: name -> float64 (steps,).
        learn: whether its rules act.
    """

    network: Network
    inputs: Mapping[str, Any]
    labels: npt.NDArray[np.int64] | None = None
    steps: int | None = None
    signals: Mapping[str, Any] = field(default_factory=dict)
    learn: bool = False


@register
@dataclass(frozen=True)
class Stepwise:
    """A model as a user writes one: v += I + b, spike at v >= theta, then v is halved."""

    description: ClassVar[NeuronModel] = NeuronModel(
        "v += I + b; spike at v >= theta; v = floor(v / 2)", (THETA, BIAS, FLOOR), (MEMBRANE,)
    )
    limit: ClassVar[float] = LIMIT

    n: int
    theta: float
    grid: int = 0
    bias: float = 0.0
    floor: float | None = None
    reset_at: tuple[str, ...] = ("start",)
    active_in: Any = None
    gate_by: str | None = None
    offset: int | None = None

    def __post_init__(self) -> None:
        check(self)

    def initial_state(self) -> NeuronState:
        """v int64 (n,): 0."""
        return {"v": np.zeros(self.n, np.int64)}

    def decision(self, state: NeuronState, current: Any) -> tuple[Any, Any]:
        """See `Neuron`."""
        v = state["v"] + current + scaled(self.bias, self.grid)
        return v, np.broadcast_to(scaled(self.theta, self.grid), v.shape)

    def step(self, state: NeuronState, current: Any) -> tuple[NeuronState, Any]:
        """See `Neuron`."""
        v, theta = self.decision(state, current)
        fired = v >= theta
        return {"v": np.where(fired, v // 2, v)}, fired.astype(np.int64)


def weights(n_pre: int, n_post: int, low: int = -3, high: int = 7, seed: int = 1) -> Any:
    """Whole weights, float64 (n_pre, n_post)."""
    return np.random.default_rng(seed).integers(low, high, (n_pre, n_post)).astype(np.float64)


def spikes(n: int, steps: int = T, trials: int = TRIALS, seed: int = 2) -> Any:
    """Random spikes of a source."""
    return from_raster((np.random.default_rng(seed).random((trials, steps, n)) < RATE).astype(np.int8))


def trials(
    populations: Mapping[str, Any], projections: Any, window: Window | None = None, **more: Any
) -> Case:
    """A network with trials on random spikes for every source."""
    network = Network(populations, tuple(projections), window or Window(T), **more)
    lengths = {
        name: network.window.boundary if network.populations[name].replay else network.window.T
        for name in network.sources
    }
    inputs = {
        name: spikes(network.populations[name].n, steps, seed=2 + k)
        for k, (name, steps) in enumerate(lengths.items())
    }
    return Case(network, inputs)


def endless(populations: Mapping[str, Any], projections: Any, steps: int = 40, **more: Any) -> Case:
    """A network without end on random spikes for every source."""
    network = Network(populations, tuple(projections), Window.without_end(), **more)
    inputs = {
        name: spikes(network.populations[name].n, steps, 1, seed=2 + k)
        for k, name in enumerate(network.sources)
    }
    return Case(network, inputs, steps=steps)


def middle(neuron: Any, low: int = -3, high: int = 7, **more: Any) -> Case:
    """The neurons as the middle layer of three."""
    populations = {"in": Source(N_IN), "a": neuron, "out": IF(3, 6.0, 0)}
    links = (
        Dense("in", "a", weights(N_IN, neuron.n, low, high), 1),
        Dense("a", "out", weights(neuron.n, 3, 0, 6), 1),
    )
    return trials(populations, links, readout=Readout("out"), **more)


def integrate(**fields: Any) -> Case:
    """An IF as the middle layer."""
    return middle(IF(**{"n": N, "theta": 8.0, "grid": 0, **fields}))


def leaky(**fields: Any) -> Case:
    """A LIF in integers as the middle layer."""
    return middle(LIF(**{"n": N, "theta": 8.0 + 1 / 64, **LEAK, **fields}))


def real(model: Any = LIF, **fields: Any) -> Case:
    """A model in real numbers as the middle layer."""
    return middle(model(**{"n": N, "theta": 7.3, **fields}))


def joined(*links: Any, n_in: int = N_IN, n: int = N, **fields: Any) -> Case:
    """Projections from "in" to an IF "a", or among "a", with trials."""
    loops = any(link.pre == "a" for link in links)
    neuron = IF(n, fields.pop("theta", 8.0), 0, offset=1 if loops else None)
    return trials({"in": Source(n_in), "a": neuron}, links, readout=Readout("a"), **fields)


def sparse(w: Any, i: Any, j: Any, **more: Any) -> Sparse:
    """Synapses from "in" to "a" by coordinates."""
    return connect.from_coordinates("in", "a", i, j, w, n_pre=N_IN, **{"delay": 1, **more})


I, J = np.repeat(np.arange(N_IN), 3), np.tile(np.arange(N), 4)[: 3 * N_IN]
W = np.random.default_rng(3).integers(1, 7, len(I)).astype(np.float64)


def multapses(*more: float) -> Case:
    """Several synapses from input 0 to neuron 0 beside others."""
    extra = np.zeros(len(more), int)
    return joined(sparse(np.concatenate([W, more]), np.append(I, extra), np.append(J, extra)))


def by_synapse(longest: int) -> Case:
    """Delays synapse by synapse, up to one."""
    delays = np.linspace(0, longest - 1, len(I)).astype(int)
    return joined(sparse(W, I, J, delays=delays), window=Window(longest + T))


def recurrent(window: Any = trials, **fields: Any) -> Case:
    """A population that excites and inhibits itself."""
    neuron = IF(N, 8.0, 0, **fields)
    inner = Dense("a", "a", weights(N, N, -3, 3, seed=5), 2)
    made: Case = window({"in": Source(N_IN), "a": neuron}, (Dense("in", "a", weights(N_IN, N), 1), inner))
    return made


def two_sources(make: Any = trials, **fields: Any) -> Case:
    """Two sources into one population."""
    populations = {"in": Source(N_IN), "more": Source(3), "a": IF(N, 8.0, 0, **fields)}
    links = (Dense("in", "a", weights(N_IN, N), 1), Dense("more", "a", weights(3, N, seed=4), 1))
    made: Case = make(populations, links)
    return made


def apart() -> Case:
    """Two networks that nothing ties together."""
    populations = {"in": Source(N_IN), "a": IF(N, 8.0, 0), "more": Source(3), "b": IF(2, 4.0, 0)}
    links = (Dense("in", "a", weights(N_IN, N), 1), Dense("more", "b", weights(3, 2, 0, 5), 1))
    return trials(populations, links)


def unheard() -> Case:
    """A source that no projection leaves, beside one that is heard."""
    populations = {"in": Source(N_IN), "silent": Source(2), "a": IF(N, 8.0, 0)}
    return trials(populations, (Dense("in", "a", weights(N_IN, N), 1),))


def alone() -> Case:
    """A population that no projection reaches, driven by its bias."""
    populations = {"in": Source(N_IN), "a": IF(N, 8.0, 0), "b": IF(2, 4.0, 0, bias=1.0)}
    return trials(populations, (Dense("in", "a", weights(N_IN, N), 1),))


def shortcut() -> Case:
    """A projection of delay 63 past layers that follow each other within a step."""
    populations = {"in": Source(N_IN), "a": IF(N, 8.0, 0), "b": IF(N, 6.0, 0, offset=0)}
    links = (
        Dense("in", "a", weights(N_IN, N)),
        Dense("a", "b", weights(N, N, 0, 6)),
        Dense("in", "b", weights(N_IN, N, seed=4), 63),
    )
    return trials(populations, links, Window(90))


def generator(source: Any) -> Case:
    """A generator into an IF, without end."""
    return endless({"in": source, "a": IF(N, 8.0, 0)}, (Dense("in", "a", weights(source.n, N), 1),))


def driven(*drives: Any, currents: Mapping[str, Any] | None = None, **fields: Any) -> Case:
    """Drives into an IF, without end."""
    links = (Dense("in", "a", weights(N_IN, N), 1),)
    case = endless({"in": Source(N_IN), "a": IF(N, 8.0, 0)}, links, drives=drives)
    return replace(case, inputs={**case.inputs, **(currents or {})})


def phases(**fields: Any) -> Case:
    """Two phases, of which the middle layer lives as it declares."""
    populations = {"in": Source(N_IN), "a": IF(N, 8.0, 0), "b": IF(N, 6.0, 0, **fields)}
    links = (Dense("in", "a", weights(N_IN, N), 1), Dense("a", "b", weights(N, N, 0, 6, seed=4), 1))
    return trials(populations, links, Window.halved(T), readout=Readout("a"))


def gated() -> Case:
    """Error neurons whose gates are open for partners with one or two spikes in the first phase."""
    error = ErrorIF(N, 6.0, 0, active_in="second", gate_by="a", gate_below=3)
    populations = {"in": Source(N_IN), "a": IF(N, 8.0, 0), "e": error}
    links = (Dense("in", "a", weights(N_IN, N), 1), Dense("a", "e", weights(N, N, -5, 6, seed=4), 1))
    return trials(populations, links, Window.halved(T), readout=Readout("a"))


def emstdp(**fields: Any) -> Case:
    """A small network that learns by error neurons, from a target."""
    network = build(Emstdp(sizes=(N_IN, 4, 3), T=T, eta=0.5, grid=6, **fields), seed=1)
    (source,) = network.sources
    steps = T // 2 if network.populations[source].replay else T
    n = network.populations[source].n
    return Case(network, {source: spikes(n, steps)}, np.array([0, 2]), learn=True)


def online(rule: Any, neuron: Any, **signals: Any) -> Case:
    """A projection that learns in every step."""
    links = (Dense("in", "a", weights(N_IN, N, 1, 6), 1, rule),)
    return replace(endless({"in": Source(N_IN), "a": neuron}, links), learn=True, signals=signals)


def receptors(grid: int | None) -> Case:
    """Excitatory and inhibitory synapses with currents of their own."""
    neuron = TwoCurrentLIF(N, 8.0, grid, exc_decay=0.5, inh_decay=0.25, v_decay=0.125)
    links = (
        Dense("in", "a", weights(N_IN, N, 0, 7), 1, receptor="exc"),
        Dense("in", "a", weights(N_IN, N, -2, 0, seed=4), 1, name="inh", receptor="inh"),
    )
    return trials({"in": Source(N_IN), "a": neuron}, links)


def last(neuron: Any) -> Case:
    """The neurons as the only layer."""
    return trials({"in": Source(N_IN), "a": neuron}, (Dense("in", "a", weights(N_IN, neuron.n), 1),))


def readout() -> Case:
    """A leaky integrator that classifies by its membrane."""
    populations = {"in": Source(N_IN), "a": IF(N, 8.0, 0), "out": LeakyIntegrator(3, 6, v_decay=0.125)}
    links = (Dense("in", "a", weights(N_IN, N), 1), Dense("a", "out", weights(N, 3, 0, 6), 1))
    return trials(populations, links, readout=Readout("out"))


def second_order() -> Brian2Linear:
    """Neurons with an exponential current, as Brian2 integrates them."""
    return Brian2Linear(
        n=N,
        variables=("v", "g"),
        kept=((0.9, 0.5), (0.0, 0.6)),
        bias=(0.1, 0.0),
        start=(0.0, 0.0),
        theta=7.3,
        raised=(0.0, 0.0),
        reset=((0.0, 0.0), (0.0, 1.0)),
        reset_bias=(0.0, 0.0),
    )


def followed(rule: Any) -> Case:
    """A projection that learns in every step, and its transpose as feedback."""
    populations = {"in": Source(N_IN), "a": LIF(N, 7.3, v_decay=0.1), "b": LIF(3, 5.3, v_decay=0.1)}
    links = (
        Dense("in", "a", weights(N_IN, N, 1, 6), 1),
        Dense("a", "b", weights(N, 3, 1, 6), 1, rule, "ab"),
        Dense("b", "a", Transpose("ab"), 1),
    )
    return replace(endless(populations, links), learn=True)


def convolved(
    delay: int = 1, theta: float = 8.0, w: tuple[float, float] = (-2.0, 4.0), **geometry: Any
) -> Case:
    """A convolution with a kernel of two values."""
    shape = (2, 2 // geometry.get("groups", 1), 2, 2)
    kernel = np.where(np.random.default_rng(6).random(shape) < 0.4, w[0], w[1])
    link = Conv2d("in", "a", kernel, (2, 4, 4), delay=delay, **geometry)
    return joined(link, n_in=32, n=int(np.prod(link.out_shape)), theta=theta)


def transposed() -> Case:
    """A transpose as feedback, without learning."""
    populations = {"in": Source(N_IN), "a": IF(N, 8.0, 0, offset=1), "b": IF(3, 9.0, 0, offset=2)}
    links = (
        Dense("in", "a", weights(N_IN, N), 1),
        Dense("a", "b", weights(N, 3, 0, 5), 1, name="ab"),
        Dense("b", "a", Transpose("ab"), 1),
    )
    return trials(populations, links)


def many(n: int) -> Case:
    """A network of hundreds of neurons."""
    w = np.random.default_rng(7).integers(-3, 5, (40, n)).astype(np.float64)
    return joined(Dense("in", "a", w, 1), n_in=40, n=n, theta=20.0)


def silenced(neuron: Any) -> Case:
    """Inhibition so strong that membranes of 24 bits saturate; neuron 0 is excited."""
    w = np.full((N_IN, neuron.n), -8192.0)
    w[:, 0] = 4096.0
    return trials({"in": Source(N_IN), "a": neuron}, (Dense("in", "a", w, 1),), Window(60))


def normalised() -> Case:
    """EMSTDP whose steps are divided by their running size."""
    case = emstdp()
    declared: tuple[Any, ...] = case.network.projections
    links: Any = tuple(
        replace(p, plastic=replace(p.plastic, step="normalised", eta=0.01))
        if isinstance(p.plastic, CountRule)
        else p
        for p in declared
    )
    return replace(case, network=replace(case.network, projections=links))
