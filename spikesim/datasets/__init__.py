"""Datasets: `load("mnist")`, or one function per dataset; `fetch` downloads the files into the cache.

Examples:
    >>> import spikesim as ss
    >>> ss.datasets.names()
    ['mnist', 'fashion-mnist', 'iris', 'digits', 'auslan', 'event-digits']
    >>> ss.datasets.digits().train
    Split('train', 1438 samples of 64 features)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spikesim.datasets import auslan as _auslan
from spikesim.datasets import digits as _digits
from spikesim.datasets import fashion_mnist as _fashion_mnist
from spikesim.datasets import iris as _iris
from spikesim.datasets import mnist as _mnist
from spikesim.datasets.arrays import from_arrays, from_npz
from spikesim.datasets.cache import cache_folder
from spikesim.datasets.dataset import Dataset, Split
from spikesim.datasets.dataset_card import About
from spikesim.datasets.download import DownloadProgress
from spikesim.datasets.events import (
    BinnedEvents,
    EventFile,
    Events,
    bin_events,
    camera_events,
    count_events,
    dvs_gestures,
    event_dataset,
    events_from_array,
    events_from_tonic,
    from_event_file,
    from_tonic,
    join_events,
    load_events,
    nmnist,
    read_nmnist,
    save_events,
)
from spikesim.datasets.events import digits as _event_digits
from spikesim.datasets.fetching import fetch_files
from spikesim.errors import DataError, unknown

_KNOWN: dict[str, tuple[About, Callable[..., Dataset]]] = {
    module.ABOUT.name: (module.ABOUT, loader)
    for module, loader in (
        (_mnist, _mnist.mnist),
        (_fashion_mnist, _fashion_mnist.fashion_mnist),
        (_iris, _iris.iris),
        (_digits, _digits.digits),
        (_auslan, _auslan.auslan),
        (_event_digits, _event_digits.event_digits),
    )
}

mnist = _mnist.mnist
fashion_mnist = _fashion_mnist.fashion_mnist
iris = _iris.iris
digits = _digits.digits
auslan = _auslan.auslan
event_digits = _event_digits.event_digits

__all__ = [
    "About",
    "BinnedEvents",
    "Dataset",
    "EventFile",
    "Events",
    "Split",
    "about",
    "auslan",
    "bin_events",
    "cache_folder",
    "camera_events",
    "count_events",
    "digits",
    "dvs_gestures",
    "event_dataset",
    "event_digits",
    "events_from_array",
    "events_from_tonic",
    "fashion_mnist",
    "fetch",
    "from_arrays",
    "from_event_file",
    "from_npz",
    "from_tonic",
    "iris",
    "join_events",
    "load",
    "load_events",
    "mnist",
    "names",
    "nmnist",
    "read_nmnist",
    "save_events",
]


def names() -> list[str]:
    """Names of all datasets, for `load`, `fetch` and `about`."""
    return list(_KNOWN)


def about(name: str) -> About:
    """The card of a dataset: samples, shape, source, licence. Raises DataError for an unknown name."""
    return _known(name)[0]


def load(name: str, **options: Any) -> Dataset:
    """Load a dataset by name; the options are those of its function. Raises DataError for an unknown name."""
    return _known(name)[1](**options)


def fetch(
    name: str, progress: DownloadProgress | None = None, given: str | Path | None = None
) -> Path | None:
    """Download the files of a dataset into the cache, replacing damaged ones.

    progress: called with (what, bytes so far, bytes in total or None). given: a file, or a folder of files,
    to use instead of the network. Returns the folder of the files; None for a bundled dataset. Raises
    DataError, which lists the reason for each source and what to do.
    """
    collection = _known(name)[0].collection
    if not collection.files:
        return None
    fetch_files(collection, progress, None if given is None else Path(given).expanduser())
    return collection.folder()


def _known(name: str) -> tuple[About, Callable[..., Dataset]]:
    try:
        return _KNOWN[name.replace("_", "-")]
    except KeyError:
        raise DataError(unknown("dataset", name, _KNOWN)) from None
