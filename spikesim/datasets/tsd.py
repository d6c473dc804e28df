"""Auslan recordings: read .tsd files from an archive of any compression."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikesim.datasets.archives import DamagedError, tar_members

CHANNELS = 22
_PATH = re.compile(r"(?:.*/)?(tctodd([1-9])/([^/]+)-([0-9]+)\.tsd)")
_OTHER_NAMES = {"her": "his_hers"}  # the sign 'her' of tctodd1 is called 'his_hers' in the other folders


@dataclass(frozen=True, eq=False)
class TsdRecording:
    """A recording of one sign.

    session: 1..9, the week of recording. number: 1..3, within the session. frames: float64 (n, 22).
    """

    sign: str
    session: int
    number: int
    frames: NDArray[np.float64]


def tsd_members(archive: bytes) -> dict[str, bytes]:
    """Contents of the recordings in an archive by short path ('tctodd1/God-1.tsd'), sorted by path.

    Raises DamagedError for a damaged archive, unsafe members, or no recordings.
    """
    found: dict[str, bytes] = {}
    for path, data in tar_members(archive, lambda name: _PATH.fullmatch(name) is not None):
        match = _PATH.fullmatch(path)
        assert match is not None
        if match[1] in found:
            raise DamagedError(f"recording {match[1]} occurs twice")
        found[match[1]] = data
    if not found:
        raise DamagedError("no recordings tctodd1..9/SIGN-NUMBER.tsd in the archive")
    return dict(sorted(found.items()))


def tsd_digest(archive: bytes) -> str:
    """SHA-256 of the recordings, the same for every archive of the same recordings.

    Hashed for each recording, sorted by short path: the path, a zero byte, the length in decimal, a zero
    byte, the contents.
    """
    total = hashlib.sha256()
    for path, data in tsd_members(archive).items():
        total.update(path.encode() + b"\0" + str(len(data)).encode() + b"\0" + data)
    return total.hexdigest()


def sign_of(path: str) -> tuple[str, int, int]:
    """(sign, session, number) of a short path; the sign ends at the last hyphen ('flash-light-2.tsd')."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise DamagedError(f"{path!r} is not the path of a recording (tctodd1..9/SIGN-NUMBER.tsd)")
    return _OTHER_NAMES.get(match[3], match[3]), int(match[2]), int(match[4])


def read_tsd(path: str, data: bytes) -> TsdRecording:
    """Parse a recording: one line per frame, 22 tab-separated numbers.

    Raises DamagedError for values that are not finite numbers, or a wrong count.
    """
    try:
        values = np.array(data.split(), dtype=np.float64)
    except ValueError as error:
        raise DamagedError(f"{path}: {error}") from error
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if not values.size or values.size != lines * CHANNELS or not np.isfinite(values).all():
        raise DamagedError(
            f"{path}: {values.size} numbers in {lines} lines; expected {CHANNELS} finite numbers per line"
        )
    return TsdRecording(*sign_of(path), frames=values.reshape(-1, CHANNELS))


def resample(frames: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Resample to n frames, evenly from the first to the last, by linear interpolation in each channel.

    Frame i lies at p = i (m - 1) / (n - 1) of the m given frames: (1 - q) f[k] + q f[k + 1], k = floor(p),
    q = p - k. frames: float64 (m, channels), m >= 1; n >= 2. Returns float64 (n, channels).
    """
    last = len(frames) - 1
    at = np.arange(n) * last / (n - 1)
    k = np.minimum(at.astype(np.int64), max(last - 1, 0))
    q = (at - k)[:, None]
    resampled: NDArray[np.float64] = (1 - q) * frames[k] + q * frames[np.minimum(k + 1, last)]
    return resampled
