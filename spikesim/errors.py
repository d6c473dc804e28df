"""What users of spikesim can meet as an error, and the sentence that helps them on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

MOST_NAMED, MOST_COMPARED, LONGEST_NAME = 40, 2000, 80  # of a list of names in a message


class SpikesimError(Exception):
    """Any error that spikesim raises on purpose. The command line prints it without a traceback."""


class DeclarationError(SpikesimError, ValueError):
    """A network, rule, encoder or configuration that cannot be: the message names the value and the limit."""


class DataError(SpikesimError, ValueError):
    """Data that cannot be used: wrong shape, range or labels, or a file with the wrong contents."""


class CheckpointError(SpikesimError, ValueError):
    """A file of ours that is damaged, of another version, or of another network."""


class EngineError(SpikesimError, ValueError):
    """An engine was asked for a structure that it does not run; the message says why, and which one does."""


class DivergenceError(SpikesimError, ArithmeticError):
    """A training whose weights or states became infinite, NaN or too large.

    Attributes:
        step: the update or the trial (of a batch) at which it was detected; the message says which.
        norm: the size that exceeded the limit (largest absolute state, or Euclidean norm of all weights and
            biases); NaN or infinite where numbers have overflowed.
        limit: the largest size that is accepted.
        last_good: the network at the last check before the divergence; None if none was kept.
        saved: path of the file with the last good state; None if none was written.
    """

    def __init__(
        self,
        message: str,
        step: int,
        norm: float,
        limit: float,
        last_good: object = None,
        saved: Path | None = None,
    ) -> None:
        super().__init__(message)
        self.step, self.norm, self.limit = step, norm, limit
        self.last_good, self.saved = last_good, saved

    def with_file(self, saved: Path) -> DivergenceError:
        """The same error with the path of the last good state, which is appended to the message."""
        message = f"{self} The last good state is in {saved}."
        return DivergenceError(message, self.step, self.norm, self.limit, self.last_good, saved)


class MissingExtraError(SpikesimError, ImportError):
    """An optional part is not installed; the message names the extra that brings it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed. Install it with: pip install 'spikesim[{extra}]'")


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """The sentence for an unknown name: what was asked for, the nearest known names, and all of them.

    >>> unknown("preset", "mnst", ["mnist", "iris"])
    "unknown preset 'mnst'. Did you mean 'mnist'? Known: iris, mnist"
    """
    names = sorted(known)
    compared = [_short(n) for n in names[:MOST_COMPARED]]
    near = difflib.get_close_matches(_short(name), compared, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    more = f", ... ({len(names):,} in all)" if len(names) > MOST_NAMED else ""
    listed = ", ".join(_short(n) for n in names[:MOST_NAMED]) or "(none)"
    return f"unknown {kind} {_short(name)!r}.{hint} Known: {listed}{more}"


def _short(name: object) -> str:
    text = str(name)
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 3]}..."
