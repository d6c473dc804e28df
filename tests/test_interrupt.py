"""The start of the command: Ctrl-C while it is still importing, and its version."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

import spikesim
from spikesim import _interrupt
from spikesim.tools.cli import app


@pytest.mark.parametrize("seconds", [0.1, 0.4, 0.8])
def test_an_early_interrupt_shows_no_traceback(seconds: float) -> None:
    command = [sys.executable, "-m", "spikesim.tools.cli", "presets"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert "Traceback" not in said
    assert process.returncode in (0, 130, -signal.SIGINT)  # the last: before Python itself has begun


def test_a_program_that_imports_spikesim_keeps_its_handler() -> None:
    assert not _interrupt.is_command()
    code = "import signal, spikesim; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_the_version_is_told() -> None:
    said = CliRunner().invoke(app, ["--version"])
    assert said.exit_code == 0 and said.stdout == f"spikesim {spikesim.__version__}\n"
    assert spikesim.__version__ == version("spikesim")
