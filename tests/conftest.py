"""What all tests share: no stale kernels, no windows, a count of skips, Hypothesis's settings."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before spikesim is imported. The cache's folder is named after the sources, so that no kernel is stale; but
# numba keeps kernels with and without checked bounds under one name.
if os.environ.get("NUMBA_BOUNDSCHECK") == "1":
    os.environ["SPIKESIM_JIT_CACHE"] = "0"
os.environ["MPLBACKEND"] = "Agg"

import hypothesis
import pytest

import spikesim
import spikesim.tools

CHECKOUT = Path(__file__).resolve().parent.parent
PLACE = Path(spikesim.__file__).resolve().parent
# The wheel leaves the developers' commands out (tools/dev), and tests share their generators of random
# networks: beside an installed wheel they come from the checkout. What the wheel has stands in front of it.
if PLACE != CHECKOUT / "spikesim":
    spikesim.tools.__path__.append(str(CHECKOUT / "tools"))

_SLOW_MODE = os.environ.get("NUMBA_DISABLE_JIT") == "1"
hypothesis.settings.register_profile(
    "spikesim",
    deadline=None,  # the first example of a kernel compiles it
    derandomize="CI" in os.environ,
    max_examples=20 if _SLOW_MODE else 100,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("spikesim")

_skipped: list[str] = []  # what was skipped; with pytest-xdist, in the process that reports


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--forbid-skips`, for the run that has every extra and all data."""
    parser.addoption("--forbid-skips", action="store_true", help="fail when a test was skipped")


def pytest_configure() -> None:
    """With SPIKESIM_TEST_INSTALLED=1 the installed wheel is what is tested, not the checkout."""
    if os.environ.get("SPIKESIM_TEST_INSTALLED") == "1" and PLACE == CHECKOUT / "spikesim":
        raise pytest.UsageError(f"the installed wheel was to be tested, and spikesim came from {PLACE}")


def pytest_report_header() -> str:
    """Say which spikesim is tested."""
    return f"spikesim: {PLACE}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a skipped test (an expected failure is reported as skipped too, and is none)."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _note(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a module that was skipped as a whole."""
    if report.skipped:
        _note(report.nodeid)


def _note(name: str) -> None:
    if name not in _skipped:
        _skipped.append(name)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist skipped: it reports no module that is skipped as a whole."""
    for name in getattr(node, "workeroutput", {}).get("skipped", []):
        _note(name)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With `--forbid-skips`, a skip is a failure of the run."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["skipped"] = _skipped
    elif session.config.getoption("--forbid-skips") and _skipped and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name the skipped tests when they are forbidden."""
    if config.getoption("--forbid-skips") and _skipped:
        terminalreporter.section("skipped, and this run allows no skip")
        for name in _skipped:
            terminalreporter.write_line(name)


@pytest.fixture(scope="module")
def swift_brian2() -> Iterator[None]:
    """Brian2 collects garbage before every run, and its diagnostics take longer than small runs."""
    logger = logging.getLogger("brian2")
    level = logger.level
    logger.setLevel("ERROR")
    gc.collect()
    gc.freeze()
    yield
    gc.collect()
    gc.unfreeze()
    logger.setLevel(level)
