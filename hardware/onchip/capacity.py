"""Whether Loihi has room for a learner, from published limits."""

from __future__ import annotations

from spikesim.hardware.limits import LimitError, hardware_limits
from spikesim.hardware.onchip.cost import CHIPS, taken
from spikesim.hardware.onchip.learner import Learner


def check_chips(learner: Learner) -> list[str]:
    """Why Loihi 1 or 2 cannot hold a learner, in a sentence each; nothing where both can.

    Raises:
        LimitError: none of them can.
    """
    found = [said for chip in CHIPS if (said := _excess(learner, chip))]
    if len(found) == len(CHIPS):
        raise LimitError(
            f"on-chip learning: {found[-1]}. Take fewer neurons there, or convolutions before it, whose "
            f"features are its inputs"
        )
    return found


def _excess(learner: Learner, chip: str) -> str:
    limits, layers = hardware_limits(chip), learner.layers
    cores, axons = limits.limit("cores"), limits.limit("axons_in")
    assert cores and cores.high
    need = taken(learner)
    if need.cores[chip] > cores.high:
        largest = max(layers, key=lambda layer: layer.w.size)
        return (
            f"layer {largest.name}: the learner takes at least {need.cores[chip]} cores of {limits.title} by "
            f"its {need.tightest[chip]}, most of it for this layer; a chip has {cores.high}"
        )
    for layer in layers:
        if axons and axons.high and len(layer.w) > axons.high:
            return (
                f"layer {layer.name}: {len(layer.w)} inputs, and each of its cores needs an axon for each; a "
                f"core of {limits.title} has {axons.high} input axons"
            )
    return ""
