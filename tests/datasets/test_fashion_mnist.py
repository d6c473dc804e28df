"""Fashion-MNIST: its card, its files, and its pixels from IDX files of one's own."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from spikesim import datasets
from spikesim.datasets import idx
from spikesim.datasets.fashion_mnist import ABOUT, CLASSES, FILES, fashion_mnist
from spikesim.datasets.mnist import FILES as MNIST

pytestmark = pytest.mark.core


def test_the_card_and_the_files_say_the_same() -> None:
    about = datasets.about("fashion-mnist")
    assert about is ABOUT and about.samples == (60_000, 10_000) and about.shape == (28, 28)
    assert len(CLASSES) == about.classes == 10 == len(set(CLASSES))
    ours, theirs = ({file.digest for file in card.files} for card in (FILES, MNIST))
    assert len(ours) == 4 and not ours & theirs, "other files than MNIST's, of the same names"
    assert [file.name for file in FILES.files] == list(idx.NAMES)


def test_pixels_come_from_the_idx_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 training and 20 test pictures, a held-back tenth, x = byte / 255, classes by name."""
    rs = np.random.default_rng(1)

    def packed(values: Any) -> bytes:
        head = b"\0\0\x08" + bytes([values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
        return head + values.astype(np.uint8).tobytes()

    images, labels = rs.integers(0, 256, (120, 28, 28)), np.arange(120) % 10
    files = (images[:100], labels[:100], images[100:], labels[100:])
    found = {name: packed(values) for name, values in zip(idx.NAMES, files, strict=True)}
    monkeypatch.setattr(idx, "read_files", lambda *_given: found)
    monkeypatch.setattr(sys.modules[fashion_mnist.__module__], "VALIDATION", 10)
    data = fashion_mnist()
    assert (len(data.train), len(data.fit), len(data.validation), len(data.test)) == (100, 90, 10, 20)
    np.testing.assert_array_equal(
        data.test.x, (images[100:].reshape(20, -1) / np.float32(255)).astype(np.float32)
    )
    assert data.classes[9] == "Ankle boot" and data.name == "fashion-mnist"
    assert sorted(data.validation.y) == list(range(10)), "one of each class is held back"
