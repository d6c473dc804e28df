"""Gupta's rule with spikes: Poisson input, integrate-and-fire layers, and spike counts / T as x and p.

    network    in ==> hid1 ==> hid2 ==> out, delay 0, a `Network` that the engines run
    neuron     v(t) = max(v(t-1) + drive + gain (b + sum of w s(t)), floor)
               a spike, and v -= theta, where v >= theta
    rate       p = spikes in the window / T, in 0, 1/T .. 1: a neuron fires at most once per step
    learning   the rule on the counts / T of a batch, in Adam, on float64 weights outside the engine; the
               network uses gain w, rounded to the grid of the population

With drive = 1/2 and no input a neuron fires in every second step, as the sigmoid is 1/2 at 0; the rate grows
by `gain` per unit of input, which is the slope of the sigmoid at 0.

Differs from the paper, which has no spikes. Membranes start at 0 in every trial, not at random values.
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
    """Configuration of the spiking form of a rate network.

    Attributes:
        rates: sizes, rule and optimiser; coding must be "plain" and learning "rule", with one output.
        T: steps of a trial.
        gain: membrane units per unit of current in the rate network.
        drive: constant input, in membrane units per step.
        theta: threshold, which is subtracted at a spike.
        floor: lower bound of the membrane.
        grid: fractional bits of the propagation grid.

    Raises:
        DeclarationError: T < 1, a gain that is not positive, or a form without a spiking counterpart here.
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
                f"SpikingGupta: T = {self.T!r}, gain = {self.gain!r}; a whole number of steps T >= 1 and a "
                "gain > 0 are needed"
            )
        if self.rates.coding != "plain" or self.rates.learning != "rule" or self.rates.sizes[-1] != 1:
            raise DeclarationError(
                f"SpikingGupta: rates has coding = {self.rates.coding!r}, learning = "
                f"{self.rates.learning!r} and sizes = {self.rates.sizes}; coding = 'plain', learning = "
                "'rule' and one output are needed. "
                "Complement the inputs before they are encoded, and use several networks for more classes"
            )


@dataclass
class SpikingModel:
    """A trained spiking network.

    Attributes:
        config: the configuration that it was trained with.
        model: float64 weights and biases, associations, and the learning curve.
    """

    config: SpikingGupta
    model: Model

    @property
    def network(self) -> Network:
        """The declared network with the current weights."""
        return build(self.config, self.model.net)

    def rates(self, split: Split, stream: Stream = Stream.TEST) -> Floats:
        """Spike counts / T of the output for the samples of a split, float64 (B,)."""
        return present(self.config, self.model.net, split, self.model.seed, 0, stream)[-1][:, 0]

    def accuracy(self, split: Split) -> float:
        """Accuracy in %; the class is 1 if the output fires in at least half of the steps, else 0."""
        return 100.0 * float(np.mean((self.rates(split) >= 0.5) == (split.y == 1)))


def build(config: SpikingGupta, net: RateMLP) -> Network:
    """Declare the spiking network; weights and biases are rounded to the grid.

    Raises:
        DeclarationError: weights so large that float32 sums would not be exact; the message says what to do.
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
    """Run one trial for each sample; returns counts / T of every layer, input first, float64 (B, n) each."""
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
        split: samples from `pair(...)`, with labels 0 and 1.
        seed: of weights, associations, order and spikes; the same seed gives the same weights, bit for bit.
        measure: name -> a split whose accuracy is recorded in the curve after every epoch.
        epochs: replaces the epochs of the configuration.

    Raises:
        DataError: labels of other classes, or inputs outside [0, 1].
        DivergenceError: as `train`.
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
    """Train one epoch; the network is declared anew after every update."""
    config, model = trained.config, trained.model
    good = model.net.copy()
    for first in range(0, len(order), config.rates.batch):
        batch = split.select(order[first : first + config.rates.batch])
        counted = present(config, model.net, batch, model.seed, epoch)
        check_norm(adam.ascend(directions(model, counted, batch.y)), adam.steps, REMEDIES, good)
