"""Figures of runs and networks. Needs the extra `plot`.

Each function draws on its own figure (no pyplot, no display) and writes it atomically; the suffix of `path`
selects the format (.png, .svg, .pdf). The colours can be told apart by colour-blind readers (after Okabe and
Ito, "Color Universal Design", 2008). All functions raise MissingExtraError without matplotlib,
DeclarationError for invalid arguments, and SpikesimError if the file cannot be written.
"""

import warnings
from typing import Any

from spikesim.plotting.correlations import Cloud, clouds
from spikesim.plotting.rasters import SpikeTrain, raster
from spikesim.plotting.runs import confusion, learning_curve, weight_fields
from spikesim.plotting.style import (
    BLUE,
    FORMATS,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    PURPLE,
    SERIES,
    STYLE,
    VERMILION,
    picture,
)
from spikesim.plotting.traces import comparison, membranes

__all__ = [
    "BLUE",
    "FORMATS",
    "GREEN",
    "GREY",
    "MARKERS",
    "ORANGE",
    "PURPLE",
    "SERIES",
    "STYLE",
    "VERMILION",
    "Cloud",
    "SpikeTrain",
    "clouds",
    "comparison",
    "confusion",
    "learning_curve",
    "membranes",
    "picture",
    "raster",
    "weight_fields",
]


def __getattr__(name: str) -> Any:
    if name == "Train":  # the name in version 0.1.0
        warnings.warn(
            "spikesim.plotting.Train is now SpikeTrain; the old name goes with the next release",
            DeprecationWarning,
            stacklevel=2,
        )
        return SpikeTrain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
