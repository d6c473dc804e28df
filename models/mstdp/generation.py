"""Conditional generation (section 3.2), judged: how many generated digits another classifier reads as the label.

The judge is a perceptron with one hidden layer, trained on the training images by scikit-learn; it never sees a
generated image, and says nothing about variety: the mean image of a class would pass. So the spread of the
images of one label stands beside the share, with the same figure for real test images.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.datasets import Split
from spikesim.hopfield.mstdp import Net
from spikesim.hopfield.mstdp_tasks import generate
from spikesim.hopfield.states import Float32


@dataclass(frozen=True, eq=False)
class Generated:
    """Generated images and how they were read.

    Attributes:
        images: in [0, 1], float32 (samples, n_in).
        labels: that were clamped, int (samples,).
        read: by the judge, int (samples,).
    """

    images: Float32
    labels: npt.NDArray[np.int64]
    read: npt.NDArray[np.int64]

    @property
    def share(self) -> float:
        """Share that is read as the clamped label, in percent."""
        return 100.0 * float((self.labels == self.read).mean())

    @property
    def spread(self) -> float:
        """Standard deviation of a pixel within a label, root mean square over pixels and labels."""
        return within(self.images, self.labels)


def within(images: Float32, labels: npt.NDArray[np.int64]) -> float:
    """Root mean square over pixels and classes of the standard deviation within a class."""
    variances = [images[labels == c].var(0).mean() for c in np.unique(labels)]
    return float(np.sqrt(np.mean(variances)))


def judge(learned: Split, samples: int = 20_000, hidden: int = 128, epochs: int = 12, seed: int = 1) -> Any:
    """A classifier of images: scikit-learn's MLPClassifier, fitted to training images."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    found = MLPClassifier((hidden,), batch_size=100, max_iter=epochs, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so few epochs are meant
        found.fit(learned.x[:samples], learned.y[:samples])
    return found


def generated(net: Net, reader: Any, each: int = 100, seed: int = 1, start: float = 1.0) -> Generated:
    """So many images of each label, from random states U(-start, start), and how the judge reads them."""
    labels = np.repeat(np.arange(net.config.n_out), each)
    images = generate(net, labels, seed, start)
    return Generated(images, labels, np.asarray(reader.predict(images), np.int64))
