"""Hyper-parameter search of aSTDP: every setting is tested on validation data, and divergence is recorded."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from spikesim.datasets import digits
from spikesim.hopfield.divergence import DivergenceError
from spikesim.models.astdp import search as module
from spikesim.models.astdp.presets import DEEP_3, SUPERVISED


def test_every_setting_is_one_valid_change_of_the_chosen_one() -> None:
    assert module.TRIED["as chosen"] == {}
    changed = [replace(SUPERVISED, **change) for name, change in module.TRIED.items() if name != "as chosen"]
    assert all(config != SUPERVISED for config in changed)
    assert len({config.settings for config in changed}) == len(changed)


def test_every_setting_of_three_layers_is_a_valid_change() -> None:
    changed = [replace(DEEP_3, **change) for name, change in module.TRIED_3.items() if name != "as chosen"]
    assert module.TRIED_3["as chosen"] == {}
    assert all(config != DEEP_3 and config.sizes == DEEP_3.sizes for config in changed)
    assert len({config.settings for config in changed}) == len(changed)


def test_scores_become_rows_and_a_divergence_none(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def measure(config: Any, _data: Any, total: int, seed: int, **splits: str) -> Any:
        seen.append((total, seed, splits))
        if config.alpha == 0.2 and seed == 1:
            raise DivergenceError("aSTDP", 3, float("nan"), 1.0)
        if config.alpha == 0.1:
            raise DivergenceError("aSTDP", 3, float("nan"), 1.0)
        return SimpleNamespace(test=90.0 + seed)

    monkeypatch.setattr(module, "measure", measure)
    tried = {name: module.TRIED[name] for name in ("as chosen", "alpha 0.1", "alpha 0.2")}
    monkeypatch.setattr(module, "TRIED", tried)
    said: list[str] = []
    table = module.search(digits(), (1, 2), said.append)
    assert table.rows == (("as chosen", 91.5, 91.0), ("alpha 0.1", None, None), ("alpha 0.2", 92.0, 92.0))
    assert table.data["alpha 0.2"] == [None, 92.0] and said[0] == "as chosen: [91.0, 92.0]"
    assert all(splits == {"fit": "fit", "judge": "validation"} for _, _, splits in seen), "never the test set"
    assert {total for total, _, _ in seen} == {module.PRESENTATIONS}
