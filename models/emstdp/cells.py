"""Cells of a study: measurements that are saved when they end, so that an interrupted study continues."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spikesim.errors import DataError, SpikesimError
from spikesim.files.atomic import json_bytes, read_json, write_bytes, write_failure
from spikesim.files.provenance import provenance


def measured_once(
    path: Path, settings: Mapping[str, Any], measure: Callable[[], Mapping[str, Any]]
) -> dict[str, Any]:
    """The cell that a file holds, or a new one, which is saved.

    Args:
        path: the file of the cell (.json); its folder is created.
        settings: everything that the result depends on.
        measure: returns the result, as entries of the cell.

    Returns:
        The settings, the result and the provenance, as read from JSON.

    Raises:
        DataError: the file holds a cell with other settings.
        CheckpointError: the file is damaged.
        SpikesimError: the file cannot be written.
    """
    wanted = json.loads(json_bytes(dict(settings)))
    if path.exists():
        found: Any = read_json(path, "Remove it; the measurement then runs again.")
        if not isinstance(found, dict) or {key: found.get(key) for key in wanted} != wanted:
            raise DataError(
                f"{path} holds a measurement with other settings; move it away, or choose another folder"
            )
        cell: dict[str, Any] = found
        return cell
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SpikesimError(write_failure(path, "the measurement", problem)) from problem
    text = json_bytes({**wanted, **measure(), "provenance": provenance()}, what="the measurement", indent=1)
    write_bytes(path, text + b"\n", what="the measurement")
    measured: dict[str, Any] = json.loads(text)
    return measured
