"""Recordings as data frames of pandas, one row for each spike or value."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import DataError, MissingExtraError, unknown

if TYPE_CHECKING:
    from spikesim.network import Network
    from spikesim.recording.recording import Recording

Columns = dict[str, npt.NDArray[Any]]
KINDS = ("spikes", "membranes", "counts", "monitors")


def check_dt(where: str, dt: object) -> float | None:
    """The length of a step in ms as a float; None stays None.

    Raises:
        DataError: not a finite number above 0.
    """
    if dt is None:
        return None
    if (
        isinstance(dt, bool)
        or not isinstance(dt, int | float | np.integer | np.floating)
        or not (0 < float(dt) < math.inf)
    ):
        raise DataError(
            f"{where}: dt = {dt!r}; the length of a step in ms is needed, a number > 0 such as 0.1 or 1"
        )
    return float(dt)


def frame(recording: Recording, what: str, dt: float | None, network: Network | None) -> Any:
    """The frame of `Recording.to_pandas`, see there."""
    try:
        import pandas
    except ImportError:
        raise MissingExtraError("pandas", "analysis") from None
    step = check_dt("to_pandas", dt)
    if what == "spikes":
        parts: Iterable[Columns] = _spikes(recording)
    elif what == "membranes":
        parts = _membranes(recording, network)
    elif what == "counts":
        parts = _counts(recording)
    elif what == "monitors":
        parts = _monitors(recording)
    else:
        raise DataError(f"to_pandas: {unknown('kind of rows', what, KINDS)}")
    whole = _joined(list(parts), what)
    if step is not None and "time_step" in whole:
        at = list(whole).index("time_step") + 1
        named = list(whole.items())
        whole = dict([*named[:at], ("time_ms", whole["time_step"] * step), *named[at:]])
    return pandas.DataFrame(whole)


EMPTY: dict[str, Columns] = {
    "spikes": {
        "trial": np.zeros(0, np.int64),
        "population": np.zeros(0, object),
        "neuron": np.zeros(0, np.int64),
        "time_step": np.zeros(0, np.int64),
        "sign": np.zeros(0, np.int8),
    },
}


def _joined(parts: list[Columns], what: str) -> Columns:
    """Rows of several populations below each other."""
    if not parts:
        if what == "spikes":
            return EMPTY["spikes"]
        raise DataError(f"to_pandas: the recording has no {what}; run simulate with record=NAME for them")
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _spikes(recording: Recording) -> Iterable[Columns]:
    for name, spikes in recording.spikes.items():
        k = len(spikes.times)
        yield {
            "trial": np.repeat(np.arange(len(spikes)), np.diff(spikes.offsets)),
            "population": np.full(k, name, object),
            "neuron": spikes.neurons.astype(np.int64),
            "time_step": spikes.times.astype(np.int64),
            "sign": np.ones(k, np.int8) if spikes.signs is None else spikes.signs,
        }


def _membranes(recording: Recording, network: Network | None) -> Iterable[Columns]:
    for name, stored in recording.v.items():
        v = stored if network is None else recording.membrane(name, network)
        pairs = v if v.ndim == 4 else v[:, :, None]
        trial, step, half, neuron = (a.reshape(-1) for a in np.indices(pairs.shape))
        yield {
            "trial": trial,
            "population": np.full(len(trial), name, object),
            "neuron": neuron,
            "half": half,
            "time_step": step,
            "v": pairs.reshape(-1),
        }


def _counts(recording: Recording) -> Iterable[Columns]:
    for name, counts in recording.counts.items():
        trial, phase, neuron = (a.reshape(-1) for a in np.indices(counts.shape))
        yield {
            "trial": trial,
            "population": np.full(len(trial), name, object),
            "neuron": neuron,
            "phase": phase,
            "count": counts.reshape(-1),
        }


def _monitors(recording: Recording) -> Iterable[Columns]:
    for monitor, series in recording.monitors.items():
        values = series.values
        if monitor.what == "spikes":
            step, neuron, half = series.t, series.neurons.astype(np.int64), np.zeros(len(series.t), np.int64)
        else:
            pairs = values if values.ndim == 3 else values[:, None]
            row, half, column = (a.reshape(-1) for a in np.indices(pairs.shape))
            step, neuron, values = series.t[row], series.neurons.astype(np.int64)[column], pairs.reshape(-1)
        yield {
            "name": np.full(len(step), monitor.name, object),
            "what": np.full(len(step), monitor.what, object),
            "neuron": neuron,
            "half": half,
            "time_step": step,
            "value": values,
        }
