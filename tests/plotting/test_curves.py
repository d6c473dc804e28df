"""Line plots in panels."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikesim.errors import DeclarationError
from spikesim.plotting.curves import Curve, Panel, panels


def test_rows_of_different_lengths_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    curves = [Curve("a", [0, 1, 2], [1.0, float("nan"), 2.0]), Curve("", [0, 1], [0, 1], 7, dashed=True)]
    panel = Panel("t", "x", "y", curves, (0, 3), (1.0,))
    panels([[panel, panel._replace(ylim=None)], [panel]], tmp_path / "x.png", title="both")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="at least one panel"):
        panels([[]], tmp_path / "x.png")
    with pytest.raises(DeclarationError, match=r"'t', curve 'a': x has shape \(2,\), y \(1,\)"):
        panels([[Panel("t", "x", "y", [Curve("a", [0, 1], [0])])]], tmp_path / "x.png")
