"""Which steps of a trial need not be simulated one after another: those that repeat, those without errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.window import Window

Table = npt.NDArray[Any]  # rows of LAYER or ERROR, see `plan`


def repetition(
    window: Window, replay: bool, layers: Table, errors: Table, read_end: int
) -> tuple[bool, int, bool]:
    """Whether a second phase without error spikes repeats the first; the index of the only loss; and whether
    no error spikes reach the layers.

    It does if the input is replayed, every membrane is reset at the split, the phases have equal length, and
    all error spikes depend on one loss whose window begins when the layers have ended their first phase.
    """
    losses = np.flatnonzero(errors["source"] < 0)
    if len(losses) != 1 or window.split is None or not replay:
        return False, 0, False
    same = 2 * window.split == window.T and read_end <= window.split and bool(layers["reset_split"][1:].all())
    aligned = bool((layers["offset"][1:] == layers["offset"][:-1] + layers["delay"][1:]).all())
    after = errors["offset"][losses[0]] >= layers["offset"][-1]
    repeats = bool(same and aligned and after)
    return repeats, int(losses[0]), repeats and bool((layers["inject_from"] < 0).all())


def steps_ahead(layers: Table, errors: Table, T: int, split: int, read_end: int, repeats: bool) -> int:
    """The number of first steps that are simulated layer after layer; see `spikesim.engines.windowed.ahead`.

    0 where a layer is a convolution, or reads spikes of another time step of the layer before it, or where
    an error population starts before the layer that opens its gate has ended its first phase.
    """
    aligned = layers["offset"][1:] == layers["offset"][:-1] + layers["delay"][1:]
    gated = errors[errors["gate"] >= 0]
    if layers["conv"].any() or not aligned.all() or (gated["offset"] < layers["offset"][gated["gate"]]).any():
        return 0
    steps = min(read_end, split if repeats else T)
    for p in layers[layers["inject_from"] >= 0]:
        arrival = split + errors["offset"][p["inject_from"]] + p["inject_delay"] - p["offset"]
        steps = min(steps, int(arrival), split)
    return max(0, steps)
