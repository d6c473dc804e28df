"""The two Hopfield networks behind one interface, as `HopfieldClassifier` trains them epoch by epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from spikesim.estimators.lessons import Float32, Rows
from spikesim.hopfield.activation import sigmoid4
from spikesim.hopfield.astdp.config import Astdp
from spikesim.hopfield.astdp.network import AstdpNetwork
from spikesim.hopfield.astdp.training import AstdpProgress, Trainer, answers, clone
from spikesim.hopfield.mstdp import training as mstdp
from spikesim.hopfield.mstdp.network import Mstdp, at_rest
from spikesim.hopfield.mstdp.relaxation import States
from spikesim.hopfield.mstdp.states import initial_states
from spikesim.hopfield.mstdp.tasks import label_rates

FOREVER = 10**9  # epochs of a training without an end, along which the learning rate does not fall
ROWS = 64  # samples that are classified together: always as many, see `padded`


class Relaxing(Protocol):
    """A Hopfield network that learns and classifies."""

    def learn(self, x: Float32, y: Rows, epoch: int, epochs: int | None) -> None:
        """Learn samples once, in the order of an epoch of so many; None for a constant learning rate."""
        ...

    def rates(self, x: Float32) -> Float32:
        """Rates of the label neurons, float32 (samples, classes)."""
        ...

    def resize(self, batch: int) -> None:
        """Change the number of samples of a trial."""
        ...

    def weights(self) -> Any:
        """A copy of the weights, for `take`."""
        ...

    def take(self, weights: Any) -> None:
        """Go back to weights from `weights`."""
        ...


def padded(x: Float32) -> Float32:
    """Samples with as many zero rows behind them as make whole groups of `ROWS`.

    A BLAS may sum in another order where a matrix has fewer rows. In groups of one size the answer to a
    sample differs in the last bits of float32 at most, whichever samples it comes with.
    """
    return np.pad(x, ((0, -len(x) % ROWS), (0, 0)))


class Mstdps:
    """An mSTDP network in training; arguments as `hopfield.mstdp.training.begin`."""

    def __init__(self, config: Mstdp, x: Float32, seed: int) -> None:
        self.training = mstdp.begin(config, x, seed=seed, epochs=FOREVER)

    def learn(self, x: Float32, y: Rows, epoch: int, epochs: int | None) -> None:
        """Learn samples once."""
        per_epoch = mstdp.batches(self.training.net.config, len(y))
        self.training.epochs = FOREVER if epochs is None else epochs
        self.training.presented = epoch * per_epoch
        mstdp.train(self.training, x, y, until=(epoch + 1) * per_epoch)

    def rates(self, x: Float32) -> Float32:
        """Rates of the label neurons."""
        groups = padded(x).reshape(-1, ROWS, x.shape[1])
        found = [label_rates(self.training.tested(), group) for group in groups]
        return np.concatenate(found)[: len(x)]

    def resize(self, batch: int) -> None:
        """Change the number of samples of a trial; the states begin anew."""
        net = self.training.net
        if net.config.batch == batch:
            return
        config = replace(net.config, batch=batch)
        if config.restart == "never":
            states = States.at(initial_states(config.layout, batch, self.training.seed))
        else:
            states = at_rest(config.layout, net.centre, batch)
        self.training.net = replace(net, config=config, states=states)

    def weights(self) -> Any:
        """A copy of the weights and of their running mean."""
        mean = self.training.mean
        return self.training.net.weights.copy(), None if mean is None else mean.copy()

    def take(self, weights: Any) -> None:
        """Go back to weights from `weights`."""
        now, mean = weights
        self.training.net, self.training.mean = replace(self.training.net, weights=now), mean


class Astdps:
    """An aSTDP network in training; arguments as `AstdpNetwork`."""

    def __init__(self, config: Astdp, seed: int) -> None:
        self.net = AstdpNetwork(config, seed)

    def learn(self, x: Float32, y: Rows, epoch: int, epochs: int | None) -> None:
        """Learn samples once."""
        batch = self.net.batch
        per_epoch = len(y) // batch * batch
        total = per_epoch * (FOREVER if epochs is None else epochs)
        trainer = Trainer(self.net, x, y, total, every=total + 1)
        trainer.progress = AstdpProgress(done=epoch * per_epoch)
        trainer.run(until=(epoch + 1) * per_epoch)

    def rates(self, x: Float32) -> Float32:
        """Rates of the label neurons."""
        twin = clone(self.net, ROWS)
        return sigmoid4(answers(twin, padded(x))[: len(x)]).astype(np.float32)

    def resize(self, batch: int) -> None:
        """Change the number of samples of a trial; the states begin anew."""
        if self.net.batch != batch:
            self.net.resize(batch)

    def weights(self) -> Any:
        """A copy of weights and biases."""
        return {key: w.copy() for key, w in self.net.w.items()}, [b.copy() for b in self.net.b]

    def take(self, weights: Any) -> None:
        """Go back to weights from `weights`."""
        w, b = weights
        for key, values in w.items():
            self.net.w[key][...] = values
        for mine, values in zip(self.net.b, b, strict=True):
            mine[...] = values
