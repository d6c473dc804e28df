"""`spikesim inference`: other programs get what we simulate, and their times count only with equal spikes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim.engines import Windowed
from spikesim.errors import EngineError
from spikesim.models.emstdp import Emstdp, build
from spikesim.spikes import from_raster
from spikesim.tools.commands import inference

NETWORK = build(Emstdp(sizes=(6, 8, 3), T=20), seed=2).inference(20)
SPIKES = from_raster((np.random.default_rng(1).random((64, 20, 6)) < 0.5).astype(np.int8))


def test_the_file_for_others_holds_the_network(tmp_path: Path) -> None:
    """Played in numpy from the file alone, the outputs have our spike counts."""
    engine = Windowed(NETWORK)
    inference._write(tmp_path / "network.npz", NETWORK, engine, SPIKES, rounds=3)
    given = np.load(tmp_path / "network.npz", allow_pickle=False)
    assert given["spikes"].shape == (64, 20, 6) and given["rounds"] == 3
    v1, v2, counts = np.zeros((64, 8)), np.zeros((64, 3)), np.zeros((64, 3), int)
    for t in range(20):
        v1 += given["spikes"][:, t] @ given["w1"]
        hidden = v1 >= given["theta1"]
        v1[hidden] = 0
        v2 += hidden @ given["w2"]
        fired = v2 >= given["theta2"]
        v2[fired] = 0
        counts += fired
    assert counts.sum() > 0
    np.testing.assert_array_equal(engine.run({"in": SPIKES}).counts["out"].sum(axis=1), counts)


def played(monkeypatch: pytest.MonkeyPatch, counts: Any, **options: Any) -> None:
    """The command, with a small network and another program that reports these counts."""
    monkeypatch.setattr(inference, "_trained", lambda *_: (NETWORK, None, SPIKES))

    def call(python: str, given: str, out: str, script: Path) -> str:
        times = {"batch": [2.0], "alone": [5.0], "counts": counts}
        Path(out).write_text(json.dumps({f"program of {python}": times}))
        return "" if script.exists() else "no script"

    monkeypatch.setattr(inference, "call", call)
    inference.inference(**{"python": ["other"], "T": 20, "digits": 64, "rounds": 1, "learn": 0, **options})


def test_times_are_compared_where_the_spikes_are_equal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = Windowed(NETWORK).run({"in": SPIKES}).counts["out"].sum(axis=1)
    played(monkeypatch, counts.tolist(), save=tmp_path / "table.json")
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert [row[0] for row in rows] == ["spikesim", "program of other"]
    assert rows[1][1] == 2.0 and rows[1][3] == 5.0 and rows[1][-1] == "equal"
    assert "program of other" in capsys.readouterr().out
    with pytest.raises(EngineError, match="program of other found other spike counts"):
        played(monkeypatch, (counts + 1).tolist(), save=tmp_path / "no.json")
    assert not (tmp_path / "no.json").exists()


def test_a_python_without_pytorch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "_trained", lambda *_: (NETWORK, None, SPIKES))
    with pytest.raises(EngineError, match=r"inference: .*python.*: .*torch"):
        inference.inference(python=[sys.executable], T=20, digits=64, rounds=1, learn=0, save=None)
