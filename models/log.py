"""The type of a function that receives progress messages."""

from __future__ import annotations

from collections.abc import Callable

Log = Callable[[str], None]
"""Receives one line of text at a time, for example `print`."""
