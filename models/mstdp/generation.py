"""Conditional generation (section 3.2), evaluated by independent classifiers.

Two classifiers are fitted to training images by scikit-learn: a perceptron with one hidden layer, and the
three nearest neighbours. They are not fitted to generated images, and do not measure variety: the mean image
of a class would be accepted. Therefore the spread within a label is reported too, and the same figures for
real images.

If inputs were held while a network learned to classify, the weights into its inputs have not been learned.
`learn_to_generate` continues with labels held instead of inputs, and changes only these weights, so that one
network does both.
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
    """Generated images and their classification.

    Attributes:
        images: generated images in [0, 1], float32 (samples, n_in).
        labels: the clamped labels, int (samples,).
        read: predictions of the classifier, int (samples,).
    """

    images: Float32
    labels: npt.NDArray[np.int64]
    read: npt.NDArray[np.int64]

    @property
    def share(self) -> float:
        """Percentage of the images that are classified as the clamped label."""
        return 100.0 * float((self.labels == self.read).mean())

    @property
    def spread(self) -> float:
        """Standard deviation of a pixel within a label, as the root mean square over pixels and labels."""
        return within(self.images, self.labels)


def within(images: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> float:
    """Standard deviation of a pixel within a class, as the root mean square over pixels and classes."""
    variances = [images[labels == c].var(0).mean() for c in np.unique(labels)]
    return float(np.sqrt(np.mean(variances)))


def judge(learned: Split, samples: int = 20_000, hidden: int = 128, epochs: int = 12, seed: int = 1) -> Any:
    """Fit a perceptron to training images: MLPClassifier of scikit-learn."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    found = MLPClassifier((hidden,), batch_size=100, max_iter=epochs, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is small on purpose
        found.fit(learned.x[:samples], learned.y[:samples])
    return found


def neighbours(learned: Split, samples: int = 10_000) -> Any:
    """Fit three nearest neighbours to training images: KNeighborsClassifier of scikit-learn."""
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(3).fit(learned.x[:samples], learned.y[:samples])


def generated(net: Net, reader: Any, each: int = 100, seed: int = 1, start: float = 0.2) -> Generated:
    """Generate `each` images of every label, from random states around rest, and classify them."""
    labels = np.repeat(np.arange(net.config.n_out), each)
    images = generate(net, labels, seed, start)
    return Generated(images, labels, np.asarray(reader.predict(images), np.int64))


def generating(config: Mstdp) -> Mstdp:
    """The configuration with labels held, in which only weights into visible neurons learn."""
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
    """Continue the training of a network that classifies, so that it generates as well.

    Labels are held. Weights into the inputs start at 0, since they have not been learned; weights into labels
    and hidden neurons do not change.

    Args:
        net: the network that classifies; it is not changed.
        x, y: training images and labels.
        seed: of the order of samples.
        epochs: passes over the data.
        save_to: file of the checkpoint; None for no checkpoint.
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
    """Table of generation by networks that first learned to classify; draws the digits of the first one.

    Args:
        data: MNIST.
        classifiers: seeds, and files of finished trainings with inputs held. The generating network is stored
            in the same folder.
        results: folder of the picture.
        samples: trials of the training to generate.
        say: receives a message after every network.
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
    """File of the generating network that belongs to a classifier."""
    return classifier.with_name(classifier.stem + "-generating.h5")


def _generating_net(classifier: Path) -> Net:
    """Load the generating network that belongs to a classifier."""
    kept = load(_beside(classifier)).tested()
    return replace(kept, config=generating(kept.config))


def _one(data: Dataset, classifier: Path, seed: int, samples: int, judges: tuple[Any, Any]) -> dict[str, Any]:
    """Measure generation and classification of one network, which is trained unless its file exists."""
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
