"""Exceptions of spikesim, and the error text for unknown names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

MOST_NAMED, MOST_COMPARED, LONGEST_NAME = 40, 2000, 80  # limits for lists of names in a message


class SpikesimError(Exception):
    """Base class of all errors raised by spikesim. The command line prints them without a traceback.

    Examples:
        >>> import spikesim as ss
        >>> try:
        ...     ss.LIF(10, theta=1.0, v_decay=2)
        ... except ss.SpikesimError as problem:
        ...     print(problem)
        LIF: v_decay = 2; a finite number in [0, 1] is needed (1/step)
    """


class DeclarationError(SpikesimError, ValueError):
    """An invalid network, rule, encoder or configuration; the message gives the value and the limit."""


class ArgumentError(DeclarationError, TypeError):
    """A missing or unknown argument of a declaration; the message lists those that there are."""


class DataError(SpikesimError, ValueError):
    """Invalid data: wrong shape, range or labels, or a file with wrong contents."""


class CheckpointError(SpikesimError, ValueError):
    """A spikesim file that is damaged, of another version, or of another network."""


class EngineError(SpikesimError, ValueError):
    """A network that an engine does not support; the message gives the reason and an engine that does."""


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
    """An optional dependency is not installed; the message names the extra that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed. Install it with: pip install 'spikesim[{extra}]'")


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Error text for an unknown name: the given name, the most similar known names, and all known names.

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
