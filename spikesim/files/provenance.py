"""Provenance of results: versions, commit and processor; no host name, user name or paths."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl


def provenance() -> dict[str, Any]:
    """The provenance of a result as a dictionary for JSON, to be stored with it.

    Keys: `spikesim`, `commit` and `dirty` (None outside a checkout; dirty if a source file differs from the
    commit), `python`, `numpy`, `numba`, `h5py`, `platform`, `cpu`, `cores` (available to this process),
    `blas` (one entry per loaded BLAS: library, version, kernel, threads), `time` (UTC, ISO 8601).
    """
    commit, dirty = _commit(Path(__file__).resolve().parents[2])
    return {
        "spikesim": _version("spikesim"),
        "commit": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": _version("numba"),
        "h5py": _version("h5py"),
        "platform": "-".join(
            part for part in (platform.system(), platform.machine(), *platform.libc_ver()) if part
        ),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "blas": _blas(),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or "unknown"


def _blas() -> list[dict[str, Any]]:
    """The loaded BLAS libraries, without their paths."""
    found = [pool for pool in threadpoolctl.threadpool_info() if pool.get("user_api") == "blas"]
    keys = {
        "library": "internal_api",
        "version": "version",
        "kernel": "architecture",
        "threads": "num_threads",
    }
    return [{ours: pool.get(theirs) for ours, theirs in keys.items()} for pool in found]


def _commit(root: Path) -> tuple[str | None, bool | None]:
    """Commit and dirty flag of the checkout at `root`; (None, None) for an installed package.

    A package inside another repository (for example in its virtual environment) is not a checkout.
    """
    if not (root / ".git").exists():
        return None, None
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--", "*.py", "pyproject.toml")
    if commit is None or changes is None:
        return None, None
    return commit, bool(changes)


def _git(root: Path, *arguments: str) -> str | None:
    """The output of a git command in `root`; None if git is missing or fails."""
    # Without the GIT_* variables of a hook (they point to another repository), and without a lock.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], env=environment, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
