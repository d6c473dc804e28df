"""A run folder is one whole: what was changed in it is told, with what can still be trusted."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
import small_runs

import spikesim as ss
from spikesim.errors import CheckpointError, SpikesimError
from spikesim.models import emstdp
from spikesim.training.run_folder import RunFolder

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = small_runs.config()
    training = emstdp.training(config, epochs=2)
    data = small_runs.data(30)
    ss.train(emstdp.build(config), data, emstdp.encoder(config), training, out=tmp_path / "run")
    return tmp_path / "run"


def edit(path: Path, change: Any) -> None:
    record = json.loads(path.read_bytes())
    change(record)
    path.write_text(json.dumps(record))


def test_a_folder_as_it_was_written_is_read_in_silence(folder: Path, caplog: Any) -> None:
    assert ss.Run.open(folder).finished and not caplog.records


def test_a_changed_configuration_is_told_also_without_a_checkpoint(folder: Path) -> None:
    for path in (folder / "checkpoints").iterdir():
        path.unlink()
    edit(folder / "config.json", lambda record: record["config"]["training"].update(eta_decay=0.5))
    with pytest.raises(
        CheckpointError, match=r"config\.json was changed after the run was started.*weights in"
    ):
        ss.Run.open(folder)


def test_a_changed_configuration_with_a_new_digest_is_told_by_the_checkpoint(folder: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        record["config"]["training"].update(eta_decay=0.5)
        record.pop("sha256")  # as in folders of version 0.1.0

    edit(folder / "config.json", change)
    with pytest.raises(
        CheckpointError, match=r"config\.json was changed or exchanged later.*Its weights are intact"
    ):
        ss.Run.open(folder)


def test_changed_metrics_are_told_and_the_weights_still_trusted(folder: Path, caplog: Any) -> None:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    record = json.loads(lines[0]) | {"train_accuracy": 1.0}
    (folder / "metrics.jsonl").write_text("\n".join([json.dumps(record), *lines[1:]]) + "\n")
    with caplog.at_level(logging.WARNING):
        assert ss.Run.open(folder).finished
    assert "metrics.jsonl is not what the checkpoint of this run names" in caplog.text
    assert "Network, configuration and weights are intact" in caplog.text
    caplog.clear()
    (folder / "metrics.jsonl").unlink()
    with caplog.at_level(logging.WARNING):
        ss.Run.open(folder)
    assert "2 records with another SHA-256" in caplog.text


def test_a_changed_result_is_told(folder: Path) -> None:
    with RunFolder.open(folder) as run:
        run.save_result({"test_accuracy": 0.5})
        assert run.result() == {"test_accuracy": 0.5}
        edit(folder / "result.json", lambda record: record.update(test_accuracy=0.99))
        with pytest.raises(CheckpointError, match=r"result\.json was changed after it was written"):
            run.result()
        (folder / "result.json").write_text('{"test_accuracy": 0.5}')  # of version 0.1.0
        assert run.result() == {"test_accuracy": 0.5}


@pytest.mark.parametrize("name", ["metrics.jsonl", "result.json", "config.json", "network.h5", ".lock"])
def test_a_fifo_in_the_place_of_a_file_does_not_hang(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)

    def use() -> None:
        run = ss.Run.open(folder)
        assert run.folder is not None
        run.folder.result()
        with run.folder:
            run.folder.append_metrics({"epoch": 3})

    with pytest.raises(SpikesimError, match=r"regular file"):
        use()
