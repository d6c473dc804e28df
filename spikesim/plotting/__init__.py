"""Pictures of runs and networks. Needs the extra `plot`.

Each function draws on a figure of its own (no pyplot, no display) and writes it atomically; the suffix of
`path` chooses the format (.png, .svg, .pdf). Colours are told apart by colour-blind readers too (after Okabe
and Ito, "Color Universal Design", 2008). All raise MissingExtraError without matplotlib, DeclarationError for
what cannot be drawn, and SpikesimError when the file cannot be written.
"""

from spikesim.plotting.correlations import Cloud, clouds
from spikesim.plotting.rasters import Train, raster
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
    "Train",
    "clouds",
    "comparison",
    "confusion",
    "learning_curve",
    "membranes",
    "picture",
    "raster",
    "weight_fields",
]
