"""A small network for every feature of `Network`: the rows of the table of exits (see `exits_table`).

A feature is a line of FEATURES: a name and a function that makes a `Case`. Numbers are chosen so that Loihi's
integers hold them where they hold the feature at all: whole weights on a grid of 0, and with a leak whole
weights and thresholds of k + 1/64 on a grid of 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spikesim import connect
from spikesim.hardware.limits import saturation
from spikesim.learning import STDP, CountRule, RewardSTDP, SquareSTDP
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network, Readout
from spikesim.neurons import (
    IF,
    LIF,
    AdaptiveLIF,
    ErrorIF,
    NeuronModel,
    NeuronState,
    PoissonSource,
    RegularSource,
    Source,
    TwoCurrentLIF,
    register,
)
from spikesim.neurons.brian2_lif import Brian2LIF, SpikeList
from spikesim.neurons.population import BIAS, FLOOR, LIMIT, MEMBRANE, THETA, check, scaled
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, CurrentInput, Dense, OneToOne, PoissonInput, Sparse, Transpose
from spikesim.window import Window

TRIALS, T, RATE = 3, 24, 0.4
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
    neuron = IF(n, fields.pop("theta", 8.0), 0, offset=1)
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


def emstdp(**fields: Any) -> Case:
    """A small network that learns by error neurons, from a target."""
    network = build(Emstdp(sizes=(N_IN, 4, 3), T=T, eta=0.5, grid=6, **fields), seed=1)
    (source,) = network.sources
    steps = T // 2 if network.populations[source].replay else T
    return Case(network, {source: spikes(N_IN, steps)}, np.array([0, 1, 2]), learn=True)


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


def convolved(delay: int = 1, theta: float = 8.0, w: Any = (-2.0, 4.0), **geometry: Any) -> Case:
    """A convolution with a kernel of two values."""
    shape = (2, 2 // geometry.get("groups", 1), 2, 2)
    kernel = np.where(np.random.default_rng(6).random(shape) < 0.4, *w)
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


VALUES = (8.0, 6.0, 8.0, 10.0, 6.0)  # of a parameter, neuron by neuron
FINE = tuple(x + 1 / 64 for x in VALUES)

FEATURES: dict[str, Callable[[], Case]] = {
    # IF
    "IF": integrate,
    "IF, threshold by neuron": partial(integrate, theta=VALUES),
    "IF, bias": partial(integrate, bias=1.0),
    "IF, bias by neuron": partial(integrate, bias=(1.0, 0.0, -1.0, 2.0, 0.0)),
    "IF, refractory": partial(integrate, refractory=2),
    "IF, refractory by neuron": partial(integrate, refractory=(0, 1, 2, 0, 3)),
    "IF, start": partial(integrate, v_start=3.0),
    "IF, start by neuron": partial(integrate, v_start=(0.0, 1.0, 2.0, -3.0, 4.0)),
    "IF, floor": partial(integrate, floor=-2.0),
    "IF, floor by neuron": partial(integrate, floor=(-1.0, -2.0, 0.0, -3.0, -2.0)),
    "IF, floor of the chip": partial(integrate, floor=saturation(IF(1, 8.0, 0))),
    "IF, reset by subtraction": partial(integrate, reset="subtract"),
    "IF, finer grid": partial(integrate, grid=4),
    "IF, threshold of 2**20": lambda: joined(Dense("in", "a", weights(N_IN, N) * 2.0**18, 1), theta=2.0**20),
    "IF, 70 different thresholds": lambda: middle(IF(80, tuple(5.0 + k % 70 for k in range(80)), 0)),
    # LIF
    "LIF in integers": leaky,
    "LIF, decays by neuron": partial(
        leaky, u_decay=(0.5, 1.0, 0.5, 0.25, 1.0), v_decay=(0.0, 0.125, 0.25, 0.0, 0.5)
    ),
    "LIF, threshold by neuron": partial(leaky, theta=FINE),
    "LIF, threshold off the chip": partial(leaky, theta=8.0),
    "LIF, reset to a value": partial(leaky, v_reset=-1.0),
    "LIF, reset by neuron": partial(leaky, v_reset=(-1.0, 0.0, 1.0, 0.0, -2.0)),
    "LIF, reset by subtraction": partial(leaky, reset="subtract"),
    "LIF, refractory": partial(leaky, refractory=2),
    "LIF, bias": partial(leaky, bias=0.5),
    "LIF, floor": partial(leaky, floor=-2.0),
    "LIF, start of membrane and current": partial(leaky, v_start=2.0, u_start=(1.0, 0.0, 2.0, 0.0, -1.0)),
    "LIF, current without decay": partial(leaky, theta=60.0 + 1 / 64, u_decay=0.0),
    "LIF without a leak": partial(leaky, theta=8.0, u_decay=1.0, v_decay=0.0),
    "LIF in real numbers": partial(real, u_decay=0.4, v_decay=0.13),
    "LIF in real numbers, by neuron": partial(real, theta=VALUES, v_decay=(0.1, 0.2, 0.0, 0.3, 0.1)),
    "LIF in real numbers, start and bias": partial(real, v_decay=0.1, bias=0.3, v_start=1.7),
    # other models
    "AdaptiveLIF, threshold": partial(real, AdaptiveLIF, v_decay=0.1, a_jump=1.5, a_decay=0.1),
    "AdaptiveLIF, current": partial(real, AdaptiveLIF, v_decay=0.1, c_jump=1.5, c_decay=0.1),
    "AdaptiveLIF in integers": partial(real, AdaptiveLIF, theta=8.0, **LEAK, a_jump=2.0, a_decay=0.125),
    "TwoCurrentLIF, receptors": partial(receptors, None),
    "TwoCurrentLIF in integers": partial(receptors, 6),
    "ErrorIF, ternary": lambda: middle(ErrorIF(N, 8.0, 0), -5),
    "ErrorIF, pair": lambda: middle(ErrorIF(N, 8.0, 0, form="pair"), -5),
    "ErrorIF, threshold by neuron": lambda: middle(ErrorIF(N, VALUES, 0), -5),
    "Brian2LIF": lambda: endless(
        {"in": Source(N_IN), "a": Brian2LIF(N, 7.3, 0.9)}, (Dense("in", "a", weights(N_IN, N), 1),)
    ),
    "a model of one's own": lambda: middle(Stepwise(N, 8.0)),
    # projections
    "Dense, delay 0": lambda: joined(Dense("in", "a", weights(N_IN, N))),
    "Dense, delay 3": lambda: joined(Dense("in", "a", weights(N_IN, N), 3)),
    "Dense, delay 63": lambda: joined(Dense("in", "a", weights(N_IN, N), 63), window=Window(90)),
    "Dense, delay 100": lambda: joined(Dense("in", "a", weights(N_IN, N), 100), window=Window(130)),
    "Dense, weights of 12 bits": lambda: joined(
        Dense("in", "a", weights(N_IN, N, -900, 2047), 1), theta=3000.0
    ),
    "Dense, weights -128 and 127": lambda: joined(
        Dense("in", "a", np.where(weights(N_IN, N) < 0, -128.0, 127.0), 1), theta=300.0
    ),
    "Dense of zeros": lambda: joined(
        Dense("in", "a", weights(N_IN, N), 1), Dense("a", "a", np.zeros((N, N)), 1)
    ),
    "Transpose": transposed,
    "OneToOne": lambda: joined(OneToOne("in", "a", 5.0, 1), n=N_IN),
    "Sparse": lambda: joined(sparse(W, I, J)),
    "Sparse, one weight": lambda: joined(sparse(5.0, I, J)),
    "Sparse, weights of float32": lambda: joined(sparse(W.astype(np.float32), I, J)),
    "Sparse without synapses": lambda: joined(
        Dense("in", "a", weights(N_IN, N), 1),
        replace(sparse(np.zeros(0), np.zeros(0, int), np.zeros(0, int)), name="none"),
    ),
    "several synapses of a pair": partial(multapses, 3.0, 4.0, -2.0),
    "several synapses, beyond 8 bits": partial(multapses, 100.0, 100.0, -1.0),
    "several synapses, sum of 0": partial(multapses, 3.0, -3.0),
    "several synapses, two delays": lambda: joined(
        sparse(np.append(W, [3.0, 4.0]), np.append(I, [0, 0]), np.append(J, [0, 0]), delays=np.arange(20) % 2)
    ),
    "two projections of a pair": lambda: joined(
        Dense("in", "a", weights(N_IN, N), 1), Dense("in", "a", weights(N_IN, N, seed=8), 1, name="again")
    ),
    "-128 and 127 of different delays": lambda: joined(
        sparse(np.where(J == 1, -128.0, 127.0), I, J, delays=(J == 1).astype(int)), theta=300.0
    ),
    "delays by synapse to 5": partial(by_synapse, 5),
    "delays by synapse to 63": partial(by_synapse, 63),
    "delays by synapse to 100": partial(by_synapse, 100),
    "Conv2d": convolved,
    "Conv2d, delay 2": partial(convolved, 2),
    "Conv2d, weights -128 and 127": partial(convolved, w=(-128.0, 127.0), theta=500.0),
    "Conv2d, weights -128 and 127, delay 2": partial(convolved, 2, w=(-128.0, 127.0), theta=500.0),
    "Conv2d, weights of 12 bits": partial(convolved, w=(-900.0, 2047.0), theta=3000.0),
    "Conv2d, stride, padding, groups": partial(convolved, stride=2, padding=1, groups=2),
    "self-connections": lambda: joined(
        Dense("in", "a", weights(N_IN, N), 1), OneToOne("a", "a", 2.0, 2), theta=9.0
    ),
    # structure
    "two sources": two_sources,
    "a source that nobody hears": unheard,
    "parts that nothing ties together": apart,
    "neurons without synapses": alone,
    "an offset too late": partial(integrate, offset=3),
    "an offset too early": partial(integrate, offset=0),
    "no source": lambda: trials({"a": IF(N, 8.0, 0, bias=1.0)}, ()),
    "without end, no source": lambda: endless({"a": IF(N, 8.0, 0, bias=1.0)}, ()),
    "no neurons": lambda: trials({"in": Source(N_IN)}, ()),
    "recurrent": partial(recurrent, offset=1),
    "recurrent with one offset of 0": partial(recurrent, offset=0),
    "hundreds of neurons": partial(many, 600),
    "without end": partial(recurrent, endless),
    "without end, two sources": partial(two_sources, endless),
    "without end, delay 0": lambda: endless(
        {"in": Source(N_IN), "a": IF(N, 8.0, 0), "b": IF(2, 7.0, 0)},
        (Dense("in", "a", weights(N_IN, N)), Dense("a", "b", weights(N, 2, 0, 6))),
    ),
    # generators and drives
    "PoissonSource": lambda: generator(PoissonSource(N_IN, 0.3, 3)),
    "PoissonSource, rates by neuron": lambda: generator(PoissonSource(3, (0.2, 0.5, 0.7), 3)),
    "RegularSource": lambda: generator(RegularSource(3, 4, (0, 1, 3))),
    "SpikeList": lambda: generator(SpikeList(3, (0, 1, 1, 5, 6), (0, 0, 2, 1, 2), 8)),
    "CurrentInput": lambda: driven(CurrentInput("a"), currents={"->a": np.array([1.0, 0.0, 2.0, -1.0, 0.0])}),
    "CurrentInput, step by step": lambda: driven(
        CurrentInput("a"), currents={"->a": weights(40, N, -1, 3, seed=9)}
    ),
    "PoissonInput": lambda: driven(PoissonInput("a", 1.5, 2.0, 4)),
    # phases and learning
    "two phases": phases,
    "two phases, reset at the split": partial(phases, reset_at=("start", "split")),
    "active in the first phase": partial(phases, active_in="first"),
    "active in the second, gated": partial(phases, active_in="second", gate_by="a"),
    "EMSTDP, CountRule": emstdp,
    "EMSTDP, pairs, symmetric feedback": partial(emstdp, feedback="symmetric", error_form="pair"),
    "EMSTDP, replayed input": partial(emstdp, replay=True),
    "CountRule, normalised": lambda: normalised(),
    "STDP": lambda: online(STDP(0.3, 0.2, clip=(0.0, 8.0)), LIF(N, 7.3, v_decay=0.1)),
    "SquareSTDP on a grid": lambda: online(SquareSTDP(1.0, 1.0, 4, clip=(0.0, 8.0)), IF(N, 8.0, 0)),
    "SquareSTDP": lambda: online(SquareSTDP(0.3, 0.2, 4, clip=(0.0, 8.0)), LIF(N, 7.3, v_decay=0.1)),
    "RewardSTDP": lambda: online(
        RewardSTDP(0.3, 0.2, 0.1, clip=(0.0, 8.0)),
        LIF(N, 7.3, v_decay=0.1),
        reward=np.sin(np.arange(40.0)),
    ),
    # what saturates
    "membranes that saturate": lambda: silenced(IF(N, 16000.0, 0)),
    "membranes that saturate at a floor": lambda: silenced(IF(N, 16000.0, 0, floor=-(2.0**17))),
}


def normalised() -> Case:
    """EMSTDP whose steps are divided by their running size."""
    case = emstdp()
    links = tuple(
        replace(p, plastic=replace(p.plastic, step="normalised", eta=0.01))
        if isinstance(p.plastic, CountRule)
        else p
        for p in case.network.projections
    )
    return replace(case, network=replace(case.network, projections=links))
