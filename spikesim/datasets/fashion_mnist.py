"""Fashion-MNIST: 70,000 images of clothes, 28 x 28 pixels."""

from __future__ import annotations

from spikesim.datasets.dataset import Dataset
from spikesim.datasets.dataset_card import About
from spikesim.datasets.download import DownloadProgress
from spikesim.datasets.fetching import Collection
from spikesim.datasets.idx import NAMES, idx_files, load_idx
from spikesim.datasets.sources import DebianPackage, WebFolder

VALIDATION = 10_000
_SEED = 2017
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

FILES = Collection(
    name="fashion-mnist",
    files=idx_files(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    sources=(
        DebianPackage(
            "dataset-fashion-mnist",
            "pool/main/d/dataset-fashion-mnist/dataset-fashion-mnist_0.0%7egit20200523.55506a9-1_all.deb",
            {name: f"usr/share/datasets/fashion-mnist/{name}.gz" for name in NAMES},
        ),
        WebFolder("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", ".gz"),
        WebFolder(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/", ".gz"
        ),
    ),
)

ABOUT = About(
    name="fashion-mnist",
    title="Fashion-MNIST",
    samples=(60_000, 10_000),
    shape=(28, 28),
    classes=10,
    license="Copyright 2017 Zalando SE; MIT license.",
    url="https://github.com/zalandoresearch/fashion-mnist",
    citation=(
        "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a novel image dataset for benchmarking machine "
        "learning algorithms. arXiv:1708.07747, 2017."
    ),
    collection=FILES,
)


def fashion_mnist(progress: DownloadProgress | None = None) -> Dataset:
    """Fashion-MNIST: 60,000 training images (10,000 of them for validation) and 10,000 test images.

    x = byte / 255, pixels row by row. Downloaded on first use (about 31 MB; 55 MB in the cache).
    progress: called with (what, bytes so far, bytes in total or None) during the download.
    Raises DataError if no source can be reached, or a file in the cache is damaged.
    """
    return load_idx(ABOUT, CLASSES, VALIDATION, _SEED, progress)
