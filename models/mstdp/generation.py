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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.datasets import Dataset, Split
from spikesim.files.measured_table import Table
from spikesim.hopfield.mstdp.network import Mstdp, Net, at_rest
from spikesim.hopfield.mstdp.states import Float32
from spikesim.hopfield.mstdp.tasks import accuracy, generate
from spikesim.hopfield.mstdp.training import MstdpTraining, load, save, train
from spikesim.models.log import Log
from spikesim.models.mstdp.config import GENERATING
from spikesim.models.mstdp.figures import draw_generated
from spikesim.models.mstdp.runs import settings, spread

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
    return train(MstdpTraining(start, seed, epochs), x, y, save_to=save_to, save_every=10_000).tested()


def generation_table(
    data: Dataset,
    classifiers: Sequence[tuple[int, Path]],
    results: Path,
    *,
    samples: int = 24_000,
    say: Log = print,
) -> Table:
    """Generate with networks that classify and have learned to generate, and draw what came of the first.

    `classifiers`: seeds and their finished trainings, with inputs held; a generating network is kept beside
    each.
    """
    judges, found = (judge(data.train), neighbours(data.train)), []
    for seed, place in classifiers:
        found.append(_one(data, place, seed, samples, judges))
        say(f"seed {seed}: {found[-1]}")
        if len(found) == 1:
            first = generated(_generating_net(place), judges[0], seed=seed)
            draw_generated(first.images, first.labels, results / "fig3-generated.png")
    few = data.test.take(2000)
    real = [f"{100.0 * float(j.score(few.x, few.y)):.2f}" for j in judges]
    config = generating(load(classifiers[0][1]).net.config)
    kept = {key: [f[key] for f in found] for key in found[0]}
    return Table(
        title="mSTDP, section 3.2: digits generated from a label",
        columns=COLUMNS,
        rows=(
            (
                "generated",
                spread(kept["perceptron"]),
                spread(kept["neighbours"]),
                round(float(np.mean(kept["within"])), 3),
                spread(kept["after"]),
            ),
            ("real test images", *real, round(within(few.x, few.y), 3), None),
            ("before it learned to generate", None, None, None, spread(kept["before"])),
        ),
        command="spikesim mstdp table generation",
        notes=(
            "Judges from scikit-learn: 128 hidden neurons; three nearest of 10,000. 100 images a label, from "
            f"random states around rest, U(-0.2, 0.2). {config.n_hidden} hidden neurons; {samples:,} "
            "presentations with labels held, in which only weights into inputs learn. Images of one label "
            "are nearly equal: one fixed point a label, close to the mean image, soft: the perceptron takes "
            "1 and 5 for 8. The paper shows a picture and no number."
        ),
        config=settings(config),
        data=kept,
    )


def _beside(classifier: Path) -> Path:
    """Where the generating network of a classifier is kept."""
    return classifier.with_name(classifier.stem + "-generating.h5")


def _generating_net(classifier: Path) -> Net:
    """The generating network that is kept beside a classifier."""
    kept = load(_beside(classifier)).tested()
    return replace(kept, config=generating(kept.config))


def _one(data: Dataset, classifier: Path, seed: int, samples: int, judges: tuple[Any, Any]) -> dict[str, Any]:
    """One network, taught to generate or read where it is kept: its images as read, its classification."""
    net, place = load(classifier).tested(), _beside(classifier)
    if not place.exists():
        taught = learn_to_generate(net, data.fit.x[:samples], data.fit.y[:samples], seed=seed)
        save(MstdpTraining(taught, seed, 1), place)
    both = _generating_net(classifier)
    images = generated(both, judges[0], seed=seed)
    classifying = replace(both, config=net.config)
    return {
        "perceptron": round(images.share, 2),
        "neighbours": round(100.0 * float(judges[1].score(images.images, images.labels)), 2),
        "within": round(images.spread, 4),
        "before": round(accuracy(net, data.test.x, data.test.y), 2),
        "after": round(accuracy(classifying, data.test.x, data.test.y), 2),
        "by_label": [round(float((images.read[images.labels == c] == c).mean()), 2) for c in range(10)],
    }
