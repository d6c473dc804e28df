"""The IDX file format of MNIST and Fashion-MNIST."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spikesim.datasets.cache import CachedFile
from spikesim.datasets.dataset import Dataset, make_split
from spikesim.datasets.dataset_card import About
from spikesim.datasets.download import DownloadProgress
from spikesim.datasets.fetching import read_files
from spikesim.datasets.stratify import stratified_rows
from spikesim.errors import DataError

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
MAX_DIMENSIONS = 4  # samples, channels, rows, columns
_SIZES = (47_040_016, 60_008, 7_840_016, 10_008)


def idx_files(*digests: str) -> tuple[CachedFile, ...]:
    """The four files of a dataset of MNIST's size.

    digests: SHA-256 of each unpacked file, in the order of NAMES.
    """
    return tuple(CachedFile(n, d, s) for n, d, s in zip(NAMES, digests, _SIZES, strict=True))


def read_idx(data: bytes, where: str) -> NDArray[np.uint8]:
    """Read the array of an IDX file of unsigned bytes; `where` names the file in errors.

    Format: two zero bytes, the type 8, the number of dimensions, each dimension as a big-endian 32-bit
    number, the values. Raises DataError if the header is different or the length does not match it.
    """
    if len(data) < 4 or data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * data[3]:
        raise DataError(f"{where}: not an IDX file of unsigned bytes (begins with {data[:4]!r})")
    if data[3] > MAX_DIMENSIONS:
        raise DataError(f"{where}: {data[3]} dimensions; images and labels have at most {MAX_DIMENSIONS}")
    head = 4 + 4 * data[3]
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, head, 4))
    if len(data) != head + math.prod(shape):
        raise DataError(f"{where}: {len(data)} bytes, but shape {shape} needs {head + math.prod(shape)}")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def load_idx(
    about: About, classes: tuple[str, ...], held_back: int, seed: int, progress: DownloadProgress | None
) -> Dataset:
    """A dataset from the four IDX files: x = byte / 255, one row per image, pixels row by row from top left.

    held_back: size of the validation split, stratified by class. seed: selects its samples.
    """
    files = read_files(about.collection, progress)
    x_train, y_train, x_test, y_test = (read_idx(files[name], f"{about.name}, {name}") for name in NAMES)
    return Dataset(
        name=about.name,
        classes=classes,
        shape=about.shape,
        train=make_split("train", _intensity(x_train), y_train),
        test=make_split("test", _intensity(x_test), y_test),
        validation_rows=stratified_rows(y_train, held_back, seed),
        source=about.text(),
    )


def _intensity(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Brightness, byte / 255, as float32 (n, features)."""
    flat = images.reshape(len(images), -1)
    return np.divide(flat, np.float32(255), dtype=np.float32)
