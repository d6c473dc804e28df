"""Conditional generation (section 3.2), judged: how many digits another classifier reads as their label.

Two judges, fitted to training images by scikit-learn: a perceptron with one hidden layer, and the three
nearest neighbours. They never see a generated image, and say nothing about variety: the mean image of a class
would pass. So the spread within a label stands beside the shares, with the same figures for real images.

A network whose inputs were held while it learned to classify has learned nothing of the weights into its
inputs. `learn_to_generate` goes on with labels held in place of inputs, and changes those weights alone, so
that one network does both.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.datasets import Dataset, Split
from spikesim.hopfield.mstdp import Mstdp, Net, at_rest
from spikesim.hopfield.mstdp_tasks import accuracy, generate
from spikesim.hopfield.mstdp_training import Training, load, save, train
from spikesim.hopfield.states import Float32
from spikesim.models.mstdp.config import GENERATING
from spikesim.models.mstdp.figures import draw_generated
from spikesim.models.mstdp.runs import Say, settings
from spikesim.tables import Table

COLUMNS = (
    "Images",
    "Read as the label by a perceptron (%)",
    "By nearest neighbours (%)",
    "Spread within a label",
    "Classifies test images (%)",
)


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


def within(images: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> float:
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


def neighbours(learned: Split, samples: int = 10_000) -> Any:
    """The three nearest neighbours among training images: scikit-learn's KNeighborsClassifier."""
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(3).fit(learned.x[:samples], learned.y[:samples])


def generated(net: Net, reader: Any, each: int = 100, seed: int = 1, start: float = 0.2) -> Generated:
    """So many images of each label, from random states around rest, and how the judge reads them."""
    labels = np.repeat(np.arange(net.config.n_out), each)
    images = generate(net, labels, seed, start)
    return Generated(images, labels, np.asarray(reader.predict(images), np.int64))


def generating(config: Mstdp) -> Mstdp:
    """A configuration with labels held, in which only weights into visible neurons learn."""
    return replace(config, **GENERATING)


def learn_to_generate(
    net: Net,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    seed: int = 1,
    epochs: int = 1,
    save_to: Path | None = None,
) -> Net:
    """Go on with a network that classifies, labels held; gives one that generates as well.

    Weights into the inputs begin at 0, since nothing has been learned of them; those into labels and hidden
    neurons stay as they are.
    """
    config = generating(net.config)
    weights = net.weights.copy()
    weights.to_visible[:, config.layout.inputs] = 0.0
    start = Net(config, weights, at_rest(config.layout, net.centre, config.batch), net.centre)
    return train(Training(start, seed, epochs), x, y, save_to=save_to, save_every=10_000).tested()


def generation_table(
    data: Dataset, classifier: Path, results: Path, *, seed: int = 1, samples: int = 24_000, say: Say = print
) -> Table:
    """Generate with a network that classifies and has learned to generate, and draw what came.

    `classifier`: a training that has finished, with inputs held. The generating network is kept beside it.
    """
    reader, near = judge(data.train), neighbours(data.train)
    net = load(classifier).tested()
    place = classifier.with_name(classifier.stem + "-generating.h5")
    before = accuracy(net, data.test.x, data.test.y)
    if place.exists():
        both = replace(load(place).tested(), config=generating(net.config))
    else:
        both = learn_to_generate(net, data.fit.x[:samples], data.fit.y[:samples], seed=seed)
        save(Training(both, seed, 1), place)
    after = accuracy(replace(both, config=net.config), data.test.x, data.test.y)
    found = generated(both, reader, seed=seed)
    draw_generated(found.images, found.labels, results / "fig3-generated.png")
    few = data.test.take(2000)
    by_neighbours = 100.0 * float(near.score(found.images, found.labels))
    say(f"read as the label: {found.share:.1f} %, by nearest neighbours {by_neighbours:.1f} %")
    by_label = [100.0 * float((found.read[found.labels == c] == c).mean()) for c in range(net.config.n_out)]
    real = [round(100.0 * float(j.score(few.x, few.y)), 2) for j in (reader, near)]
    return Table(
        title="mSTDP, section 3.2: digits generated from a label",
        columns=COLUMNS,
        rows=(
            (
                "generated",
                round(found.share, 1),
                round(by_neighbours, 1),
                round(found.spread, 3),
                round(after, 2),
            ),
            ("real test images", *real, round(within(few.x, few.y), 3), None),
            ("before it learned to generate", None, None, None, round(before, 2)),
        ),
        command="spikesim mstdp table generation",
        notes=(
            "Judges from scikit-learn: 128 hidden neurons; three nearest of 10,000. 100 images a label, from "
            f"random states around rest, U(-0.2, 0.2). {net.config.n_hidden} hidden neurons; {samples} "
            "presentations with labels held, in which only weights into inputs learn. The paper shows a "
            "picture and no number."
        ),
        config=settings(both.config),
        data={"by_label": by_label},
    )
