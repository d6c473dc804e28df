"""Brian2 scripts: what the command finds equal, refuses and calls wrong; the saved table is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim.files.measured_table import load_table
from spikesim.tools.dev import brian2_scripts
from spikesim.tools.dev.brian2_scripts import EQUAL, RAW, REFUSED, SCRIPTS, WRONG, main, result_of

pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
SAVED = Path(__file__).resolve().parents[2] / "models" / "results" / "brian2" / "scripts.json"


@pytest.mark.parametrize("name", ["lif_first", "spike_generator", "adaptive_threshold", "poisson_input"])
def test_scripts_that_are_equal(name: str) -> None:
    found = result_of(name)
    assert (found.outcome, found.detail) == (EQUAL, "") and found.spikes > 10


def test_learned_weights_are_compared() -> None:
    found = result_of("stdp_pair")
    assert found.outcome == EQUAL and found.gap is not None and found.gap < 1e-9


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("coba", "the product of ge and v in 'dv/dt"),
        ("synfire_noise", "the noise xi in dy/dt"),
        ("gap_junctions", "the summed variable Igap_post"),
        ("run_regularly", "run_regularly"),
    ],
)
def test_scripts_that_are_refused(name: str, said: str) -> None:
    found = result_of(name)
    assert found.outcome == REFUSED and said in found.detail


def test_what_differs_and_what_raises_is_found(monkeypatch: Any, capsys: Any) -> None:
    simulate = brian2_scripts.simulate

    def other(*arguments: Any, steps: int, **options: Any) -> Any:
        found = simulate(*arguments, steps=steps, **options)
        for name, spikes in found.spikes.items():
            found.spikes[name] = brian2_scripts.from_raster(np.roll(spikes.raster(), 1, axis=0).astype(int))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(brian2_scripts, "simulate", other)
        assert result_of("lif_first").outcome == WRONG
    with monkeypatch.context() as patched:
        patched.setattr(brian2_scripts, "from_brian2", lambda *_, **__: 1 / 0)
        assert result_of("lif_first").outcome == RAW
        assert main(["lif_first"]) == 1
    assert main(["lif_first"]) == 0
    assert "1 scripts: 1 equal, 0 refused in words, 0 wrong" in capsys.readouterr().out


def test_the_saved_table_holds_every_script() -> None:
    table = load_table(SAVED)
    assert [row[0] for row in table.rows] == [name.replace("_", " ") for name in NAMES]
    assert len(NAMES) >= 30
    outcomes = {row[1] for row in table.rows}
    assert outcomes == {EQUAL, REFUSED}
