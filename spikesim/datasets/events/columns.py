"""Columns of address events: found by name in a structured array, checked, and converted to fixed types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikesim.errors import DataError, unknown
from spikesim.grid import whole

Rounding = Literal["nearest", "floor"]
SensorSize = tuple[int, int, int]

NAMES: dict[str, tuple[str, ...]] = {
    "x": ("x",),
    "y": ("y",),
    "t": ("t", "ts", "time", "timestamp", "timestamps"),
    "p": ("p", "pol", "polarity", "polarities", "on"),
}
UNITS = {"ns": (1, 1000), "us": (1, 1), "ms": (1000, 1), "s": (1_000_000, 1), "step": (1, 1)}  # microseconds
LONGEST_SIDE = 65_536  # coordinates are uint16
LATEST = 2**62  # times stay below it, so that differences of two fit into int64
SLACK = 1e-3  # microseconds by which a real number may miss a whole one: what seconds in float64 lose


def find_columns(events: Any, where: str, optional: str) -> dict[str, NDArray[Any]]:
    """The columns x, y, t and p of events, under the names of `NAMES` (capitals count as small letters).

    events: a structured array (n,), or a mapping of names to arrays (n,). optional: columns that may be
    missing.
    Raises DataError if a column is missing, has two names, or another length than the others.
    """
    names = events.dtype.names if isinstance(events, np.ndarray) else None
    if names is None:
        if not isinstance(events, Mapping):
            kind = f"{events.dtype} of shape {events.shape}" if isinstance(events, np.ndarray) else None
            raise DataError(
                f"{where}: {kind or type(events).__name__}; a structured array with the fields x, y, t and p "
                f"is needed, or a dict of four arrays"
            )
        names = tuple(events)
    found = {}
    for column, known in NAMES.items():
        mine = [name for name in names if isinstance(name, str) and name.lower() in known]
        if len(mine) > 1:
            raise DataError(
                f"{where}: the fields {' and '.join(mine)} both mean {column}; leave one of them out"
            )
        if mine:
            if np.ma.is_masked(events[mine[0]]):
                raise DataError(
                    f"{where}: {mine[0]} has masked values; leave these events out, for example with "
                    f"events[~mask]"
                )
            found[column] = np.asarray(events[mine[0]])
        elif column not in optional:
            raise DataError(
                f"{where}: no field for {column} among {', '.join(map(str, names)) or '(none)'}; it may be "
                f"named {', '.join(known)}"
            )
    for column, values in found.items():
        if values.ndim != 1 or len(values) != len(found["x"]):
            raise DataError(
                f"{where}: {column} has the shape {values.shape}, x {found['x'].shape}; one value per event "
                f"is needed"
            )
    return found


def check_sensor_size(sensor_size: Any) -> SensorSize:
    """(width, height, polarities) from (width, height), which has two polarities, or from all three.

    Raises DataError unless they are whole numbers, the sides 1 to 65,536 and the polarities 1 or 2.
    """
    given = tuple(sensor_size) if isinstance(sensor_size, (tuple, list, np.ndarray)) else ()
    size = (*given, 2) if len(given) == 2 else given
    if len(size) != 3 or not all(whole(v, 1) for v in size) or max(size) > LONGEST_SIDE or size[2] > 2:
        raise DataError(
            f"sensor_size = {sensor_size!r}; (width, height) or (width, height, polarities) is needed, sides "
            f"of 1 to {LONGEST_SIDE:,} pixels and 1 or 2 polarities"
        )
    return int(size[0]), int(size[1]), int(size[2])


def coordinates(values: NDArray[Any], column: str, size: int | None, where: str) -> NDArray[np.uint16]:
    """Pixel coordinates as uint16. size: pixels on that side; None for as many as there may be.

    Raises DataError, with the first wrong event, for what is no whole number in [0, size).
    """
    limit = LONGEST_SIDE if size is None else size
    _check_numbers(values, column, where)
    side = "width" if column == "x" else "height"
    wrong = ~((values >= 0) & (values < limit))
    _refuse(wrong, values, where, f"{{event}}: {column} = {{value}} is not in [0, {limit}), the {side}")
    if values.dtype.kind == "f":
        odd = values != np.floor(values)
        _refuse(odd, values, where, f"{{event}}: {column} = {{value}} is no whole number of pixels")
    return values.astype(np.uint16)


def polarities(values: NDArray[Any], number: int, where: str) -> NDArray[np.uint8]:
    """Polarities as uint8: 1 for on (brighter), 0 for off. number: of polarities of the sensor, 1 or 2.

    Values are bool, or numbers out of {0, 1} or out of {-1, 1}. A sensor with one polarity has events of one
    value; they become 0. Raises DataError, with the first wrong event, for anything else.
    """
    _check_numbers(values, "p", where)
    wrong = ~((values == 0) | (values == 1) | (values == -1))
    _refuse(wrong, values, where, "{event}: p = {value}; a polarity is 0 or 1, -1 or 1, or a bool")
    minus = values == -1
    if minus.any() and (values == 0).any():
        raise DataError(f"{where}: p has the values -1, 0 and 1; two of them are polarities, which?")
    on = values == 1
    if number == 1:
        if on.any() and not on.all():
            k = int(np.argmax(on != on[0]))
            raise DataError(
                f"{where}: event {k}: p = {values[k]}, event 0: p = {values[0]}; the sensor has one "
                f"polarity. Give it two (sensor_size=(width, height, 2)), and merge them: polarity='merge'"
            )
        return np.zeros(len(on), np.uint8)
    return on.astype(np.uint8)


def microseconds(values: NDArray[Any], unit: str, rounding: Rounding | None, where: str) -> NDArray[np.int64]:
    """Times as whole microseconds, int64 (of the unit "step": whole steps).

    unit: of the values: "ns", "us", "ms", "s" or "step". rounding: of times between two microseconds:
    "nearest" (halves up) or "floor"; None refuses them. A real number within 1e-3 us of a whole one is that
    one, since a second in float64 cannot hold more.

    Raises DataError, with the first wrong event, for times that are no finite numbers, too large, or between
    two microseconds.
    """
    if unit not in UNITS:
        raise DataError(f"{where}: {unknown('unit of time', unit, UNITS)}")
    if rounding not in (None, "nearest", "floor"):
        raise DataError(f"{where}: rounding = {rounding!r}; known: 'nearest', 'floor', None")
    if values.dtype.kind == "b":
        raise DataError(f"{where}: t is bool; times are numbers, in {unit}")
    _check_numbers(values, "t", where)
    up, down = UNITS[unit]
    reach = np.abs(values.astype(np.float64)) * up / down
    _refuse(~(reach < LATEST), values, where, f"{{event}}: t = {{value}} {unit} is beyond {LATEST:.0e} us")
    between = (
        f"{{event}}: t = {{value}} {unit} lies between two whole "
        f"{'steps' if unit == 'step' else 'microseconds'}; rounding='floor' or 'nearest' takes one of them"
    )
    if values.dtype.kind in "iu":
        wide = values.astype(np.uint64 if values.dtype.kind == "u" else np.int64)
        quotient = (wide // down).astype(np.int64)  # divided first: a large time in ns stays exact
        rest = (wide - (wide // down) * down).astype(np.int64)
        if rounding is None:
            _refuse(rest != 0, values, where, between)
        return quotient * up + (2 * rest >= down if down > 1 and rounding == "nearest" else 0)
    real = values.astype(np.float64) * up / down
    near = np.rint(real)
    lost = 2 * np.spacing(np.abs(real)) if up != down else 0.0  # by the multiplication
    exact = np.abs(real - near) <= np.clip(lost, SLACK, 0.25)
    if rounding is None:
        _refuse(~exact, values, where, between)
    rounded = np.floor(real + 0.5) if rounding == "nearest" else np.floor(real)
    return np.where(exact, near, rounded).astype(np.int64)


def _check_numbers(values: NDArray[Any], column: str, where: str) -> None:
    """Finite numbers or bools."""
    if values.dtype.kind not in "iufb":
        raise DataError(f"{where}: {column} is {values.dtype}; numbers are needed")
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        _refuse(~finite, values, where, f"{{event}}: {column} = {{value}}; a finite number is needed")


def _refuse(wrong: NDArray[np.bool_], values: NDArray[Any], where: str, message: str) -> None:
    """Raise DataError for the first event that is wrong; `message` has places for the event and its value."""
    if wrong.any():
        k = int(np.argmax(wrong))
        raise DataError(f"{where}: {message.format(event=f'event {k}', value=values[k])}")
