"""Style of all figures, and atomic writing of figures."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spikesim.errors import DeclarationError, MissingExtraError, unknown
from spikesim.files.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, VERMILION, GREEN, PURPLE, ORANGE, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#5A5A5A",
)
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE)
MARKERS = "osD^v"
FORMATS = ("png", "svg", "pdf")
STYLE = {
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": "#222222",
    "xtick.color": GREY,
    "ytick.color": GREY,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "savefig.dpi": 150,
}


@contextmanager
def picture(path: str | os.PathLike[str], inches: tuple[float, float]) -> Iterator[Figure]:
    """Yield an empty figure in spikesim's style; write it to `path` on exit, atomically.

    Args:
        path: .png, .svg or .pdf.
        inches: (width, height).

    Raises:
        DeclarationError: another suffix.
        MissingExtraError: matplotlib is not installed.
        SpikesimError: the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        raise DeclarationError(unknown("picture format", suffix, FORMATS))
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as problem:
        raise MissingExtraError("matplotlib", "plot") from problem
    with style.context(["default", STYLE]):  # independent of the user's own matplotlib settings
        figure = Figure(figsize=inches, layout="constrained")
        yield figure
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix)
    write_bytes(path, buffer.getvalue(), what="the picture")
