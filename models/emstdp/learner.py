"""Online learning in pieces: a network with its engine, which learns some trials and is then measured."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spikesim.datasets.dataset import Split
from spikesim.engines import engine
from spikesim.models.emstdp import Emstdp, build, encoder
from spikesim.network import Masters
from spikesim.recording import Recording
from spikesim.rng import Stream
from spikesim.training.evaluate import Evaluation, evaluate

CHUNK = 500


class Learner:
    """An EMSTDP network during its training, for studies that change the data or measure in between.

    `spikesim.training.train` is the training loop for a fixed dataset, with checkpoints and dropout.

    Attributes:
        config: the configuration.
        network: the declared network, `build(config, seed)`.
        seed: seed of weights and spikes.
    """

    def __init__(self, config: Emstdp, seed: int = 1) -> None:
        self.config, self.seed, self.network = config, seed, build(config, seed)
        self._engine = engine(self.network)
        self._encoder = encoder(config)
        self._learnt = 0  # trials, from which the time of weight decay follows

    @property
    def masters(self) -> Masters:
        """Projection -> int32 (n_pre, n_post), the weights on the master grid; learning changes them."""
        return self._engine.masters

    def learn(self, split: Split, epoch: int = 0, factor: float = 1.0) -> npt.NDArray[np.int64]:
        """Learn the samples of a split in their order.

        Args:
            split: the samples.
            epoch: pass over the data; selects the input spikes.
            factor: factor of the learning rate.

        Returns:
            The predicted classes, int64 (samples,), each made before its sample was learnt.
        """
        batch = self.config.batch
        size = max(batch, CHUNK - CHUNK % batch)
        found = [
            self._present(split, slice(first, first + size), epoch, Stream.INPUT, factor).predictions
            for first in range(0, len(split), size)
        ]
        return np.concatenate(found)

    def counts(self, split: Split) -> dict[str, npt.NDArray[np.int64]]:
        """Spike counts of training trials with fixed weights, population -> int64 (samples, 2, n)."""
        parts = [
            self._present(split, slice(first, first + CHUNK), 0, Stream.TEST, None).counts
            for first in range(0, len(split), CHUNK)
        ]
        return {name: np.concatenate([part[name] for part in parts]).astype(np.int64) for name in parts[0]}

    def evaluate(self, split: Split) -> Evaluation:
        """Classify the samples of a split; see `spikesim.training.evaluate`."""
        return evaluate(self.network, split, self._encoder, self.seed, self.masters)

    def accuracy(self, split: Split) -> float:
        """Share of correct predictions for the samples of a split."""
        return self.evaluate(split).accuracy

    def _present(
        self, split: Split, rows: slice, epoch: int, stream: Stream, factor: float | None
    ) -> Recording:
        """Run the trials of some rows; learn from them unless factor is None."""
        window = self.network.window
        T = window.boundary if self.config.replay else window.T
        spikes = self._encoder.encode(split.x[rows], split.index[rows], T, self.seed, epoch, stream)
        if factor is None:
            return self._engine.run({"in": spikes}, split.y[rows])
        found = self._engine.run(
            {"in": spikes},
            split.y[rows],
            learn=True,
            batch=self.config.batch,
            factor=factor,
            learnt=self._learnt,
        )
        self._learnt += len(spikes)
        return found
