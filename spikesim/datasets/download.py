"""Download one file over HTTP(S), with retries, resumption, and limits of time and size."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from spikesim.datasets.cache import cannot_write, make_folder

DownloadProgress = Callable[[str, int, "int | None"], None]
"""Called as progress(what, bytes so far, bytes in total or None if the server does not tell)."""

ATTEMPTS = 4
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
MAX_BYTES = 512 * 2**20
CHUNK = 64 * 1024  # bytes; the most that a broken connection loses


class SourceError(Exception):
    """A download from one source failed; another source may succeed. The text is the reason."""


class _Interrupted(Exception):
    """This attempt failed; another attempt can resume."""


class _NotReached(_Interrupted):
    """The host cannot be reached; not worth more than two attempts."""


def shown(url: str) -> str:
    """The URL without user name, password and query, safe for messages."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def download(
    url: str,
    folder: Path,
    progress: DownloadProgress | None = None,
    *,
    attempts: int = ATTEMPTS,
    pause: float = 0.5,
) -> bytes:
    """Download a file and return its bytes.

    Partial contents are kept in `folder` as *.part until the file is complete, and resumed from there.
    Proxies, certificates and .netrc are those of the environment (as `requests` reads them).

    progress: called with each chunk. attempts: total number of attempts. pause: seconds before the second
    attempt, doubled for each further one. Raises SourceError with the reason; DataError if the folder cannot
    be written.
    """
    make_folder(folder)
    key = hashlib.sha256(url.encode()).hexdigest()[:12]
    part = folder / f"{Path(urlsplit(url).path).name or 'download'}.{key}.part"
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            _resume(url, part, progress)
        except _Interrupted as error:
            reason = str(error)
            if isinstance(error, _NotReached) and attempt >= 1:
                break
            continue
        data = part.read_bytes()
        part.unlink()
        return data
    raise SourceError(f"{reason} ({attempt + 1} attempts)")


def _resume(url: str, part: Path, progress: DownloadProgress | None) -> None:
    """Download the missing bytes of url into `part`; returns when the file is complete."""
    import requests

    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "spikesim"}
    if have:
        headers["Range"] = f"bytes={have}-"
    answered = False
    try:
        with requests.get(
            url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)
        ) as answer:
            answered = True
            start = _accept(answer.status_code, answer.headers.get("Content-Range"), have, part)
            length = answer.headers.get("Content-Length")
            total = start + int(length) if length and length.isdigit() else None
            if total is not None and total > MAX_BYTES:
                raise SourceError(f"{total} bytes exceed the limit of {MAX_BYTES}")
            _store(answer.iter_content(CHUNK), part, start, total, progress, shown(url))
    except requests.RequestException as error:
        unreached = not answered and isinstance(error, requests.ConnectionError)
        raise (_NotReached if unreached else _Interrupted)(_plain(error)) from error


def _accept(status: int, content_range: str | None, have: int, part: Path) -> int:
    """Byte offset at which the response starts; raises for an unusable response."""
    if status == 206 and content_range is not None and content_range.startswith(f"bytes {have}-"):
        return have
    if status == 200:
        return 0  # the server does not support resumption: restart
    if have and status in (206, 416):
        _remove(part)  # the partial file belongs to another version of the file
        raise _Interrupted("the file on the server differs from the partial download")
    if status in (408, 425, 429) or status >= 500:
        raise _Interrupted(f"HTTP {status}")
    raise SourceError(f"HTTP {status}")


def _store(
    chunks: Iterable[bytes],
    part: Path,
    start: int,
    total: int | None,
    progress: DownloadProgress | None,
    what: str,
) -> None:
    """Write the chunks into `part` from byte `start`; raises if they end before `total`."""
    done = start
    try:
        stream = open(part, "r+b" if start else "wb")  # noqa: SIM115 (closed by the with below)
    except OSError as error:
        raise cannot_write(part, error) from error
    with stream:
        stream.seek(start)
        stream.truncate()
        for chunk in chunks:
            done += len(chunk)
            if done > MAX_BYTES:
                _remove(part)
                raise SourceError(f"the file exceeds the limit of {MAX_BYTES} bytes")
            try:
                stream.write(chunk)
            except OSError as error:
                raise cannot_write(part, error) from error
            if progress is not None:
                progress(what, done, total)
        try:
            stream.flush()
        except OSError as error:
            raise cannot_write(part, error) from error
    if total is not None and done != total:
        raise _Interrupted(f"the connection ended after {done} of {total} bytes")


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _plain(error: BaseException) -> str:
    """The reason of a library error in a few words."""
    text = str(error)
    for sign, words in (
        ("Name or service not known", "unknown host name"),
        ("Temporary failure in name resolution", "host name cannot be resolved"),
        ("Connection refused", "connection refused"),
        ("Network is unreachable", "network unreachable"),
        ("certificate verify failed", "TLS certificate not trusted (see REQUESTS_CA_BUNDLE)"),
        ("timed out", "timed out"),
        ("Tunnel connection failed", "the proxy refused the host"),
        ("Connection reset", "connection reset"),
        ("IncompleteRead", "the connection ended early"),
    ):
        if sign in text:
            return words
    return f"{type(error).__name__}: {text[:120]}"
