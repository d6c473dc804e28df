"""`spikesim export RUN --to lava-learning`: a folder that learns on in Lava, from the trained weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import typer

from spikesim.hardware.onchip.export import export_learner
from spikesim.tools.commands.display import Display
from spikesim.tools.commands.given import opened

LEARNING = "lava-learning"


def export_learning(what: Path, out: Path, samples: int, as_json: bool) -> None:
    """Write the folder of a run, or of a saved network, and verify it: Lava and the twin learn on.

    A run learns its first test samples, a network random ones. The exit status is 1 if anything differs.

    Raises:
        DeclarationError: the folder holds files.
        EngineError, LimitError: what the graph, or the chip, cannot hold.
        MissingExtraError: Lava is not installed.
    """
    display, encoder = Display(as_json), None
    given = opened(what, "export")
    network = given.network
    if given.run is not None and given.experiment is not None:
        encoder = given.run.encoder
        split = given.experiment.load().test.take(samples)
        x, y = split.x, split.y
    else:
        sizes = [p.n for p in network.populations.values()]
        rs = np.random.default_rng(1)
        x = rs.random((samples, sizes[0])).astype(np.float32)
        y = rs.integers(
            0, network.populations[network.readout.population].n if network.readout else 1, samples
        )
    one, verdict = export_learner(network, out, x, y, encoder=encoder)
    for note in one.notes:
        display.say(note)
    display.say(str(verdict))
    if as_json:
        print(json.dumps(verdict.describe() | {"notes": list(one.notes), "path": str(out)}, indent=2))
    else:
        display.say(f"{out}: written; learn on with: python {out}/learn.py samples.npz")
    if not verdict.equal:
        raise typer.Exit(1)
