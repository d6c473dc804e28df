"""Ctrl-C while the command `spikesim` is still importing: it ends at once, without a traceback.

Only the command is meant. A program that imports spikesim keeps its own handler.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

COMMAND, MODULE = "spikesim", "spikesim.tools.cli"


def is_command() -> bool:
    """Whether this process is the command line, called by its name or as `python -m spikesim.tools.cli`."""
    called = os.path.basename(sys.argv[0]) if sys.argv else ""
    return called in (COMMAND, f"{COMMAND}.exe") or (called == "-m" and MODULE in sys.orig_argv)


def install() -> None:
    """Let Ctrl-C end the process with status 130, until `restore`."""
    if is_command() and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _leave)


def restore() -> None:
    """Give Ctrl-C its usual meaning again, KeyboardInterrupt, once everything is imported."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(_number: int, _frame: Any) -> None:
    os.write(2, b"Interrupted.\n")
    os._exit(130)  # an exception could be caught, or told with a traceback, by whatever is being imported


install()  # as soon as this module is imported, which is the first of all
