"""`emstdp.fit`: the configuration is given once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_runs import config, data

from spikesim.errors import DeclarationError
from spikesim.models import emstdp
from spikesim.training.run import Run
from spikesim.training.train import train

DATA = data()
CONFIG = config(batch=5, schedule="linear", average=2, dropout=0.2, dropout_in=0.1, coding="regular")


def test_it_is_build_and_train_with_the_settings_of_the_configuration(tmp_path: Path) -> None:
    run = emstdp.fit(CONFIG, DATA, epochs=3, seed=7, out=tmp_path / "run", notes={"mine": 1})
    by_parts = train(
        emstdp.build(CONFIG, 7), DATA, emstdp.encoder(CONFIG), emstdp.training(CONFIG, epochs=3, seed=7)
    )
    assert run == by_parts
    assert run.training.batch == 5 and run.training.dropout == {"in": 0.1, "hid1": 0.2}
    opened = Run.open(tmp_path / "run")
    assert opened == run and opened.folder is not None and opened.folder.config["mine"] == 1


def test_samples_split_and_callback_are_handed_on() -> None:
    seen: list[float | None] = []
    plain = replace(CONFIG, average=0, schedule="constant")

    def until_second(report: Any) -> bool:
        seen.append(report.validation_accuracy)
        return report.epoch == 2

    run = emstdp.fit(plain, DATA, epochs=5, samples=20, split="fit", callback=until_second)
    assert not run.finished and [record["samples"] for record in run.metrics] == [20, 40]
    assert len(seen) == 2 and None not in seen


def test_another_kind_of_configuration_is_refused() -> None:
    wrong: Any = emstdp.build(CONFIG)
    with pytest.raises(DeclarationError, match="fit: config is of type Network; an Emstdp is needed"):
        emstdp.fit(wrong, DATA)
