"""`spikesim info`: what a report of a defect needs to say about the machine and the installation."""

from __future__ import annotations

import json
import locale
import os
import platform
import re
import sys
import tempfile
from importlib import import_module, metadata
from pathlib import Path
from typing import Annotated, Any

import pooch
import typer

from spikesim.datasets.cache import cache_folder
from spikesim.files.provenance import provenance

VARIABLES = re.compile(
    r"(SPIKESIM|NUMBA|OMP|OPENBLAS|MKL|BLIS)_\w+|PYTHON(HASHSEED|PATH|UTF8)|LC_ALL|LANG|TZ|XDG_CACHE_HOME"
)


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Print versions, processor, caches, extras and settings; for reports of defects."""
    found = gathered()
    if as_json:
        print(json.dumps(found, indent=2))
        return
    width = max(map(len, found)) + 2
    for key, value in found.items():
        print(f"{key:<{width}}" + _text(value).replace("\n", "\n" + " " * width))


def gathered() -> dict[str, Any]:
    """All of it, as JSON values: the provenance of a result, and what else changes how spikesim behaves."""
    machine = provenance()
    llvm = import_module("llvmlite.binding")  # comes with numba
    return {
        **machine,
        "executable": sys.executable,
        "system": platform.platform(),
        "cpu target": llvm.get_host_cpu_name(),
        "vector instructions": [
            name for name, there in llvm.get_host_cpu_features().items() if there and "avx" in name
        ],
        "byte order": sys.byteorder,
        "encoding": f"{sys.getfilesystemencoding()}, {locale.getpreferredencoding(False)}",
        "caches": {str(path): _writable(path) for path in (Path(pooch.os_cache("spikesim")), cache_folder())},
        "temporary files": tempfile.gettempdir(),
        "extras": _extras(),
        "environment": {k: v for k, v in sorted(os.environ.items()) if VARIABLES.fullmatch(k)},
    }


def _writable(path: Path) -> str:
    """Whether files can be made in a folder, or in the nearest one above it that exists."""
    above = next(p for p in (path, *path.parents) if p.exists())
    state = "writable" if os.access(above, os.W_OK) else "not writable"
    return state if above == path else f"not there yet, {above} is {state}"


def _extras() -> dict[str, dict[str, str | None]]:
    """Extra -> its packages with their versions; None for a package that is missing."""
    found: dict[str, dict[str, str | None]] = {}
    for line in metadata.requires("spikesim") or ():
        if named := re.search(r"extra == ['\"](\w+)['\"]", line):
            package = re.split(r"[^\w.-]", line)[0]
            if package != "spikesim" and named[1] != "dev":
                found.setdefault(named[1], {})[package] = _version(package)
    return found


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_text(v)}" for key, v in value.items()) or "none"
    if isinstance(value, list):
        lines = [_text(v).replace("\n", ", ") for v in value]
        return ("\n" if value and isinstance(value[0], dict) else " ").join(lines)
    return "not installed" if value is None else str(value)
