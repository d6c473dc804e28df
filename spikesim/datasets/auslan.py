"""Auslan: 95 signs of Australian Sign Language, each recorded 27 times with gloves and position trackers."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spikesim.datasets.cache import CachedFile
from spikesim.datasets.dataset import Dataset, make_split
from spikesim.datasets.dataset_card import About
from spikesim.datasets.download import DownloadProgress
from spikesim.datasets.fetching import Collection, read_files
from spikesim.datasets.min_max_scaling import clip_note, to_unit, training_range
from spikesim.datasets.sources import WebFolder
from spikesim.datasets.stratify import rest_of, stratified_rows
from spikesim.datasets.tsd import CHANNELS, TsdRecording, read_tsd, resample, sign_of, tsd_digest, tsd_members
from spikesim.errors import DeclarationError, unknown

SIGNS = 95
TEST_A_SIGN, VALIDATION_A_SIGN = 5, 4  # of 27 recordings
TEST_SESSIONS, VALIDATION_SESSIONS = (8, 9), (7,)
ARCHIVE = "tctodd.tar.gz"
_SEED = 2002

FILES = Collection(
    name="auslan",
    files=(
        CachedFile(
            ARCHIVE,
            "88ac2b1ce90f78c791ce2f85d55f69bfada0bd971065570d57df146f632512da",
            7_000_000,
            measure=tsd_digest,
            also=("tctodd.tar.xz",),
        ),
    ),
    sources=(
        WebFolder("https://archive.ics.uci.edu/ml/machine-learning-databases/auslan2-mld/"),
        WebFolder("http://kdd.ics.uci.edu/databases/auslan2/"),
    ),
)

ABOUT = About(
    name="auslan",
    title="Australian Sign Language signs (High Quality)",
    samples=(5500, 250),
    shape=(45, CHANNELS),
    classes=50,
    license="Publications acknowledge M. W. Kadous; commercial use needs his permission.",
    url="https://archive.ics.uci.edu/dataset/115/australian+sign+language+signs+high+quality",
    citation=(
        "M. W. Kadous: Temporal Classification: Extending the Classification Paradigm to Multivariate Time "
        "Series. PhD thesis, University of New South Wales, 2002."
    ),
    collection=FILES,
)

SplitBy = Literal["random", "session"]


def auslan(
    signs: int = 50,
    frames: int = 45,
    noise_copies: int = 4,
    noise: float = 0.1,
    seed: int = _SEED,
    split: SplitBy = "random",
    progress: DownloadProgress | None = None,
    split_seed: int = _SEED,
) -> Dataset:
    """Auslan signs as `frames` x 22 values in [0, 1], flattened frame by frame; one signer, nine sessions.

    signs: number of signs, the first in case-insensitive alphabetical order (the paper uses 50 and does not
        say which), with 27 recordings each.
    frames: frames per sample; each recording is resampled linearly, evenly from its first to its last frame.
    split: the paper does not specify it. 'random': of each sign, 5 recordings are the test set and 4 of the
        other 22 the validation set, drawn with the key `split_seed`. 'session': sessions 8 and 9 are the test
        set, session 7 is the validation set (harder: recorded on another day, gloves fitted anew).
    noise_copies, noise, seed: number of noisy copies of each training recording; normal noise with standard
        deviation noise x the channel's range, clipped to [0, 1]; seed of the noise. `fit` contains the copies
        of its own recordings, `train` those of all its recordings, `validation` and `test` none.
    progress: called with (what, bytes so far, bytes in total or None) during the download.
    split_seed: another random split for each number, to see how far results depend on it; 'random' only.

    Each channel is scaled to [0, 1] by its minimum and maximum over the training recordings (fit and
    validation). Channels that are constant there become 0. Test values out of range are clipped (`notes`
    gives their number).

    Raises DeclarationError for parameters out of range; DataError if the archive is damaged or not available.
    """
    _check(signs, frames, noise_copies, noise, seed, split, split_seed)
    recordings, classes = _recordings(read_files(FILES, progress)[ARCHIVE], signs)
    y = np.array([classes.index(r.sign) for r in recordings], dtype=np.int64)
    test, validation = _held_back(recordings, y, split, split_seed)
    train = rest_of(len(y), test)
    x = np.stack([resample(r.frames, frames) for r in recordings])
    low, high = training_range(x[train].reshape(-1, CHANNELS))
    x_test, clipped = to_unit(x[test], low, high)
    x_train = to_unit(x[train], low, high)[0]
    copies = [_noisy(x_train, low < high, copy, noise, seed) for copy in range(noise_copies)]
    fit = rest_of(len(train), validation)
    return Dataset(
        name=ABOUT.name,
        classes=tuple(classes),
        shape=(frames, CHANNELS),
        train=make_split("train", _flat([x_train, *copies]), np.tile(y[train], 1 + noise_copies)),
        test=make_split("test", _flat([x_test]), y[test]),
        validation_rows=validation,
        fit_rows=np.concatenate([fit + copy * len(train) for copy in range(1 + noise_copies)]),
        source=ABOUT.text(),
        notes=clip_note(clipped, x_test.size),
    )


def _recordings(archive: bytes, signs: int) -> tuple[list[TsdRecording], list[str]]:
    """The recordings of the first `signs` signs, ordered by sign, session and number; and the sign names."""
    members = tsd_members(archive)
    classes = sorted({sign_of(path)[0] for path in members}, key=lambda sign: (sign.casefold(), sign))[:signs]
    chosen = [read_tsd(path, data) for path, data in members.items() if sign_of(path)[0] in classes]
    return sorted(chosen, key=lambda r: (classes.index(r.sign), r.session, r.number)), classes


def _held_back(
    recordings: list[TsdRecording], y: NDArray[np.int64], split: SplitBy, split_seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(test, validation): test rows of all recordings; validation rows of those not in the test set."""
    if split == "session":
        session = np.array([r.session for r in recordings])
        test = np.flatnonzero(np.isin(session, TEST_SESSIONS))
        return test, np.flatnonzero(np.isin(np.delete(session, test), VALIDATION_SESSIONS))
    signs = len(np.unique(y))
    test = stratified_rows(y, TEST_A_SIGN * signs, split_seed)
    return test, stratified_rows(np.delete(y, test), VALIDATION_A_SIGN * signs, split_seed)


def _noisy(
    x: NDArray[np.float32], varies: NDArray[np.bool_], copy: int, noise: float, seed: int
) -> NDArray[np.float32]:
    """x (n, frames, channels) + noise * z, clipped to [0, 1]; constant channels are unchanged.

    z is the normal quantile of a 16-bit word: 65,536 equal steps of probability, standard deviation 0.9999.
    The words are the raw output of Philox with the key (seed, copy) and the row as counter, so the result
    depends neither on numpy's version nor on the order of the rows.
    """
    from scipy.special import ndtri

    quantile = np.round(ndtri((np.arange(2**16) + 0.5) / 2**16) * 2**20) / 2**20
    key = np.array([seed, copy], dtype=np.uint64)
    values = x[0].size
    z = np.empty(x.shape)
    for row in range(len(x)):
        words = np.random.Philox(key=key, counter=[0, row, 0, 0]).random_raw(-(-values // 4))
        z[row] = quantile[words.astype("<u8").view("<u2")[:values]].reshape(x.shape[1:])
    moved = np.clip(x + noise * z, 0.0, 1.0).astype(np.float32)
    return np.where(varies, moved, x)


def _flat(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    joined = np.concatenate(parts)
    return joined.reshape(len(joined), -1)


def _check(
    signs: int, frames: int, noise_copies: int, noise: float, seed: int, split: str, split_seed: int
) -> None:
    for name, value, low, high in (
        ("signs", signs, 2, SIGNS),
        ("frames", frames, 2, 10_000),
        ("noise_copies", noise_copies, 0, 100),
        ("noise", noise, 0.0, 1.0),
        ("seed", seed, 0, 2**64 - 1),
        ("split_seed", split_seed, 0, 2**64 - 1),
    ):
        if not low <= value <= high:
            raise DeclarationError(f"auslan: {name} = {value}; must lie in {low}..{high}")
    if split not in get_args(SplitBy):
        raise DeclarationError(f"auslan: {unknown('split', split, get_args(SplitBy))}")
    if split == "session" and split_seed != _SEED:
        raise DeclarationError(
            f"auslan: split_seed = {split_seed} with split = 'session', which draws nothing; leave one out"
        )
