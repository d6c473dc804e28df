"""Sweeps: specification, two workers of a scheduler of which one is killed, going on, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import checkout
import pytest

from spikesim.errors import DeclarationError, EngineError
from spikesim.models.emstdp import Emstdp
from spikesim.models.emstdp import cluster as cluster_module
from spikesim.models.emstdp.experiment import from_toml
from spikesim.models.emstdp.sweep import Finished, save_best, sweep
from spikesim.models.emstdp.sweep_spec import Spec, as_toml, read_spec

pytest.importorskip("optuna")
pytest.importorskip("distributed")

SPEC = """
[sweep]
base = "emstdp-digits"
trials = 6
seed = 3
[settings]
epochs = 1
samples = 100
sizes = [64, 20, 10]
[space]
eta = { low = 0.001, high = 0.1, log = true }
T = { low = 16, high = 32, step = 8 }
coding = { choices = ["poisson", "regular"] }
clip = { choices = [1.0, [0.5, 1.0]] }
"beta_error.0" = { low = 0.1, high = 0.3 }
"""


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    (tmp_path / "tiny.toml").write_text(SPEC)
    return read_spec(tmp_path / "tiny.toml")


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers, each a process of its own, as on several machines."""
    port = 20_000 + os.getpid() % 20_000
    address = f"tcp://127.0.0.1:{port}"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    ask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    begun = [subprocess.Popen([*ask, "--port", str(port), "--no-dashboard"], **quiet)]
    work = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
    work += ["--host", "127.0.0.1", "--memory-limit", "0", "--no-dashboard"]
    begun += [subprocess.Popen(work, **quiet) for _ in range(2)]
    try:
        from distributed import Client

        with Client(address, timeout="30s") as client:
            client.wait_for_workers(2, timeout=60)
        yield address, begun[1:]
    finally:
        for process in begun:
            process.kill()
            process.wait()


def test_a_specification(spec: Spec) -> None:
    assert spec.experiment.model.sizes == (64, 20, 10)
    assert (spec.experiment.epochs, spec.experiment.split) == (1, "fit")
    chosen = spec.with_drawn({"eta": 0.01, "T": 24, "clip": [0.5, 1.0], "beta_error.0": 0.2})
    assert (chosen.model.T, chosen.model.clip, chosen.model.beta_error) == (24, (0.5, 1.0), (0.2,))


def test_an_experiment_as_toml_is_read_back(spec: Spec, tmp_path: Path) -> None:
    chosen = spec.with_drawn({"eta": 1e-03 / 3, "clip": [0.5, 1.0], "coding": "regular"})
    (tmp_path / "best.toml").write_text(as_toml(chosen))
    found = from_toml(tmp_path / "best.toml")
    assert found.model == chosen.model != Emstdp()
    assert (found.dataset, found.epochs, found.samples) == (chosen.dataset, 1, 100)
    assert found.split == "train"


def test_no_trial_is_lost_when_a_worker_is_killed_nor_run_twice_when_the_sweep_goes_on(
    spec: Spec, tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    address, workers = cluster
    said: list[Finished] = []

    def say(trial: Finished, left: int) -> None:
        said.append(trial)
        if len(said) == 1:
            workers[0].send_signal(signal.SIGKILL)  # in the middle of its next trial
        if len(said) == 3 and trial.number >= 0 and left == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(spec, tmp_path / "s", scheduler=address, say=say)
    time.sleep(0.1)
    found = sweep(spec, tmp_path / "s", scheduler=address, say=lambda trial, left: said.append(trial))
    assert len(found.trials) == 6
    assert all(t.accuracy is not None for t in found.trials)
    numbers = [t.number for t in said]
    assert sorted(numbers) == sorted(t.number for t in found.trials)  # each was run to its end once
    assert found.best is not None
    assert found.best.accuracy == max(t.accuracy or 0 for t in found.trials)
    save_best(found, tmp_path / "best.toml")
    assert from_toml(tmp_path / "best.toml").model.eta == found.best.settings["eta"]
    again = sweep(spec, tmp_path / "s", scheduler="tcp://127.0.0.1:1")  # nothing is left: nobody is asked
    assert again.trials == found.trials
    with pytest.raises(DeclarationError, match=r"other seed \(3, now 4\)"):
        sweep(replace(spec, seed=4), tmp_path / "s", scheduler=address)
    with pytest.raises(DeclarationError, match=r"storage of the sweep 'tiny', not of 'other'"):
        sweep(replace(spec, name="other"), tmp_path / "s", scheduler=address)


def test_a_trial_that_fails_is_kept_with_its_error(
    spec: Spec, tmp_path: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    """With so small a factor the derived threshold rounds to 0, which the network refuses."""
    failing = replace(spec, trials=3, space={"beta_out": {"choices": [1e-6]}})
    found = sweep(failing, tmp_path / "s", scheduler=cluster[0])
    assert found.best is None
    assert len(found.trials) == 3
    assert all("rounds to 0 with grid" in (t.error or "") for t in found.trials)


def test_a_scheduler_that_does_not_answer(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "TIMEOUT", "1s")
    with pytest.raises(EngineError, match=r"'tcp://127.0.0.1:1' does not answer"):
        sweep(spec, tmp_path / "s", scheduler="tcp://127.0.0.1:1")


@pytest.mark.slow
def test_a_scheduler_without_a_worker_that_takes_trials(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dask pauses a worker whose process needs more memory than its limit: here 1 MB."""
    from distributed import LocalCluster

    monkeypatch.setattr(cluster_module, "PATIENCE", 1.0)
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(processes=False, memory_limit="1MB", **options) as cluster:
        until = time.monotonic() + 30
        while time.monotonic() < until and cluster.workers[0].status.name != "paused":
            time.sleep(0.1)
        with pytest.raises(EngineError, match=r"no worker that takes trials .*: 'paused'"):
            sweep(spec, tmp_path / "s", scheduler=cluster.scheduler_address)


def test_a_storage_that_is_none(spec: Spec, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"\x00 not a journal\n")
    with pytest.raises(DeclarationError, match="is not the storage of a sweep"):
        sweep(spec, tmp_path / "s")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("eta =", "etta =", "unknown setting 'etta'. Did you mean 'eta'"),
        ("[space]", "[spaces]", "unknown table 'spaces'. Did you mean 'space'"),
        ("low = 0.001,", "", "eta: low = None; a number is needed"),
        ("low = 0.001", "low = 1.0", "low = 1.0 must be below high = 0.1"),
        ("log = true", "logs = true", "unknown key 'logs'"),
        ("trials = 6", "trials = 0", "trials = 0; a whole number >= 1"),
        ('base = "emstdp-digits"', 'base = "emstdp-digit"', "unknown preset 'emstdp-digit'"),
        ("samples = 100", "sample = 100", "unknown setting 'sample'"),
        ('"beta_error.0"', '"beta_error.x"', "NAME.k for entry k"),
        ("[sweep]", "[sweep", "is not valid TOML"),
    ],
)
def test_what_is_refused(before: str, after: str, said: str, tmp_path: Path) -> None:
    assert before in SPEC
    (tmp_path / "tiny.toml").write_text(SPEC.replace(before, after))
    with pytest.raises(DeclarationError, match=said):
        read_spec(tmp_path / "tiny.toml")


def test_the_specification_is_stored(spec: Spec) -> None:
    assert json.loads(json.dumps(spec.describe()))["space"]["T"] == {"low": 16, "high": 32, "step": 8}


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    text = (checkout.ROOT / "docs" / "pages" / "how-to" / "sweep.md").read_text("utf-8")
    example = text.partition('```toml title="sweep.toml"\n')[2].partition("```")[0]
    (tmp_path / "sweep.toml").write_text(example)
    found = read_spec(tmp_path / "sweep.toml")
    assert (found.trials, found.experiment.epochs) == (20, 5)
    assert found.with_drawn({"update": "error", "beta_error.0": 0.3}).model.beta_error == (0.3,)
