"""The command that is running, as it was typed: for messages, and beside the figures that it saves."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from typer.core import TyperGroup

PROGRAM = "spikesim"
FLAGS = frozenset({"--json", "--overwrite"})  # options without a value, of those that are ever left out

_words: list[str] = []


class Remembering(TyperGroup):
    """The commands of `spikesim`; keeps the words of the one that is called, for `typed`."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **options: Any) -> Any:
        """Run a command, as its base class does."""
        _words[:] = sys.argv[1:] if args is None else list(args)
        return super().main(args, *more, **options)


def typed(*without: str) -> str:
    """The running command as it was typed, "spikesim energy runs/a --bits 4".

    Args:
        without: options to leave out, with their values: those that do not change the figures ("--save").
    """
    return shlex.join([PROGRAM, *_kept(set(without))])


def _kept(without: set[str]) -> Iterator[str]:
    words = iter(_words)
    for word in words:
        name, equals, _ = word.partition("=")
        if name not in without:
            yield word
        elif not equals and name not in FLAGS:
            next(words, None)
