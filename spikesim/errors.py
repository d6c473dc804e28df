"""What users of spikesim can meet as an error, and the sentence that helps them on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

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
