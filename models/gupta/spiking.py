"""The rule on spikes: Poisson input, integrate-and-fire layers, and x and p as spike counts / T.

    network    in ==> hid1 ==> hid2 ==> out, delay 0, a `Network` that the engines run
    neuron     v(t) = max(v(t-1) + drive + gain (b + sum of w s(t)), floor)
               a spike, and v -= theta, where v >= theta
    rate       p = spikes in the window / T, in 0, 1/T .. 1: a neuron fires at most once a step
    learning   the rule on the counts / T of a batch, in Adam, on float64 weights outside of the engine; what
               propagates is gain w, rounded to the population's grid

With drive = 1/2 and no input a neuron fires in every second step, as a sigmoid gives 1/2 at 0; the rate grows
by `gain` for a unit of input, the slope of the sigmoid there.

Differs from the paper, which has no spikes. Membranes start at 0 in every presentation: no random start.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spikesim import grid as grids
from spikesim import rng
from spikesim.datasets.dataset import Split
from spikesim.encoders import Poisson
from spikesim.engines import engine
from spikesim.errors import DeclarationError
from spikesim.grid import whole
from spikesim.models.gupta.association import fixed_codes
from spikesim.models.gupta.config import Gupta
from spikesim.models.gupta.training import REMEDIES, Labels, Model, check_samples, directions
from spikesim.network import Network, Readout
from spikesim.neurons import IF, Source
from spikesim.rates.adam import Adam
from spikesim.rates.divergence import check_norm
from spikesim.rates.mlp import Floats, RateMLP, uniform_mlp
from spikesim.rng import Stream
from spikesim.synapses import Dense
from spikesim.window import Window


@dataclass(frozen=True)
class SpikingGupta:
    """The spiking form of a configuration.

    Attributes:
        rates: sizes, rule and optimiser; its coding is "plain" and its learning "rule".
        T: steps of a presentation.
        gain: membrane per unit of the rate network's current.
        drive: membrane per step without input.
        theta: threshold, subtracted at a spike.
        floor: the lowest membrane.
        grid: bits of the propagation grid.

    Raises:
        DeclarationError: T < 1, a gain that is not positive, or a form that has no spiking counterpart here.
    """

    rates: Gupta = field(default_factory=lambda: Gupta(epochs=5))
    T: int = 20
    gain: float = 0.25
    drive: float = 0.5
    theta: float = 1.0
    floor: float = -1.0
    grid: int = 12

    def __post_init__(self) -> None:
        if not whole(self.T, 1) or not self.gain > 0:
            raise DeclarationError(
                f"SpikingGupta: T = {self.T!r}, gain = {self.gain!r}; at least one step and a positive gain"
            )
        if self.rates.coding != "plain" or self.rates.learning != "rule" or self.rates.sizes[-1] != 1:
            raise DeclarationError(
                "SpikingGupta: plain coding, learning by the rule and one output are needed; complement the "
                "inputs before they are encoded, and read more classes from several networks"
            )


@dataclass
class SpikingModel:
    """A trained spiking network.

    Attributes:
        config: how it was made.
        model: float64 weights and biases, associations, and the curve.
    """

    config: SpikingGupta
    model: Model

    @property
    def network(self) -> Network:
        """What the engines run, with the weights as they are."""
        return build(self.config, self.model.net)

    def rates(self, split: Split, stream: Stream = Stream.TEST) -> Floats:
        """The output's spike counts / T for the samples of a split, float64 (B,)."""
        return present(self.config, self.model.net, split, self.model.seed, 0, stream)[-1][:, 0]

    def accuracy(self, split: Split) -> float:
        """The share of right answers in %: class 1 where the output fires in at least half of the steps."""
        return 100.0 * float(np.mean((self.rates(split) >= 0.5) == (split.y == 1)))


def build(config: SpikingGupta, net: RateMLP) -> Network:
    """The declared network of some weights; they, and the biases, are rounded to the grid.

    Raises:
        DeclarationError: weights so large that float32 sums would not be exact; says what to do.
    """
    names = ["in", *(f"hid{k + 1}" for k in range(len(net.weights) - 1)), "out"]
    populations: dict[str, object] = {"in": Source(net.sizes[0])}
    projections = []
    for pre, post, w, b in zip(names[:-1], names[1:], net.weights, net.biases, strict=True):
        bias = grids.rounded(config.drive + config.gain * b, config.grid)
        populations[post] = IF(
            len(b),
            theta=config.theta,
            grid=config.grid,
            bias=tuple(bias.tolist()),
            floor=config.floor,
            reset="subtract",
        )
        projections.append(Dense(pre, post, grids.rounded(config.gain * w, config.grid)))
    return Network(populations, tuple(projections), Window(config.T), Readout("out"))


def present(
    config: SpikingGupta, net: RateMLP, split: Split, seed: int, epoch: int, stream: Stream = Stream.INPUT
) -> list[Floats]:
    """Counts / T of every layer, input first, for the samples of a split: float64 (B, n) each."""
    network = build(config, net)
    spikes = Poisson().encode(split.x, split.index, config.T, seed, epoch, stream)
    found = engine(network, name="windowed").run({"in": spikes})
    return [found.counts[name].sum(axis=1) / config.T for name in network.populations]


def train_spiking(
    config: SpikingGupta,
    split: Split,
    seed: int = 1,
    measure: dict[str, Split] | None = None,
    epochs: int | None = None,
) -> SpikingModel:
    """Train the spiking form on a pair of classes.

    Args:
        config: the network.
        split: of `pair(...)`, labels 0 and 1.
        seed: of weights, associations, order and spikes; same seed, same weights, bit for bit.
        measure: name -> a split whose accuracy is kept in the curve after every epoch.
        epochs: in place of the configuration's.

    Raises:
        DataError: labels of other classes, inputs outside [0, 1]. DivergenceError: as `train`.
    """
    rates = config.rates
    for name, other in {"train": split, **(measure or {})}.items():
        check_samples(rates, other.x, other.y, name)
    net = uniform_mlp(rates.sizes, seed, rates.bias_start)
    trained = SpikingModel(config, Model(rates, seed, net, fixed_codes(rates.sizes, seed)))
    adam = Adam(net.arrays, rates.adam)
    for epoch in range(rates.epochs if epochs is None else epochs):
        _epoch(trained, adam, split, epoch, rng.permutation(seed, len(split), epoch))
        found = {name: trained.accuracy(other) for name, other in (measure or {}).items()}
        trained.model.curve.append({"epoch": epoch + 1, **found})
    return trained


def _epoch(trained: SpikingModel, adam: Adam, split: Split, epoch: int, order: Labels) -> None:
    """One pass: present a batch, update, declare the network anew."""
    config, model = trained.config, trained.model
    good = model.net.copy()
    for first in range(0, len(order), config.rates.batch):
        batch = split.select(order[first : first + config.rates.batch])
        counted = present(config, model.net, batch, model.seed, epoch)
        check_norm(adam.ascend(directions(model, counted, batch.y)), adam.steps, REMEDIES, good)
