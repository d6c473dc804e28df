"""N-MNIST and the DVS128 gestures, loaded by the library tonic: 60,000 moving digits, 1,077 gestures."""

from __future__ import annotations

import os
from typing import Any

from spikesim.datasets.dataset import Dataset
from spikesim.datasets.events.from_tonic import from_tonic
from spikesim.errors import DataError, MissingExtraError


def nmnist(folder: str | os.PathLike[str], bin: int = 10_000, **options: Any) -> Dataset:
    """N-MNIST (34 x 34, 300 ms, ten classes) in steps of `bin` microseconds, for `spikesim.Recorded()`.

    Args:
        folder: where tonic keeps its data; what is not there, tonic downloads.
        bin, options: as in `from_tonic` (several, limit, downsample, polarity, ...).

    Source: G. Orchard et al., Frontiers in Neuroscience 9, 2015, 437.

    Raises:
        MissingExtraError: tonic is not installed.
        DataError: the files are neither there nor to be downloaded; and as `from_tonic`.
    """
    return _loaded("NMNIST", folder, bin, {"name": "n-mnist", **options})


def dvs_gestures(folder: str | os.PathLike[str], bin: int = 10_000, **options: Any) -> Dataset:
    """The DVS128 gestures (128 x 128, some 6 s, eleven classes) in steps of `bin` microseconds.

    Arguments and errors as in `nmnist`. Recordings differ in length: give `steps` and outside="drop" for the
    first of them, and start="first", since their clocks do not begin at 0.

    Source: A. Amir et al.: A low power, fully event-based gesture recognition system. CVPR 2017, 7388-7397.
    """
    return _loaded("DVSGesture", folder, bin, {"name": "dvs-gestures", **options})


def _loaded(kind: str, folder: str | os.PathLike[str], bin: int, options: dict[str, Any]) -> Dataset:
    try:
        import tonic
    except ImportError:
        raise MissingExtraError("tonic", "events") from None
    try:
        parts = [getattr(tonic.datasets, kind)(os.fspath(folder), train=word) for word in (True, False)]
    except (OSError, RuntimeError) as problem:
        raise DataError(
            f"tonic cannot load {kind} from {folder} ({problem}); download it on a machine with a "
            f"connection, and copy the folder"
        ) from problem
    return from_tonic(*parts, bin=bin, **options)
