"""Sweeps of EMSTDP's settings: Optuna chooses, Dask runs the trials on one machine or many.

Every trial is stored when it ends. A sweep that was cut off goes on from its storage: finished trials are
kept, and those that were running are run again. A trial whose worker dies is run by another one (Dask); a
trial that fails is kept with its error, and the sweep goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikesim.errors import DeclarationError, MissingExtraError, SpikesimError
from spikesim.files.atomic import lock_file, write_bytes
from spikesim.models.emstdp import build, encoder
from spikesim.models.emstdp.cluster import Cluster, next_done
from spikesim.models.emstdp.experiment import Experiment, restore
from spikesim.models.emstdp.sweep_spec import Spec, as_toml
from spikesim.training.train import train

SPEC, ERROR, SECONDS, CONTINUES = "spec", "error", "seconds", "continues"


@dataclass(frozen=True)
class Finished:
    """A finished trial.

    Attributes:
        number: of the trial.
        settings: drawn setting -> value.
        accuracy: on the validation samples, 0 to 1; None if the trial failed.
        error: message of a failed trial.
        seconds: duration.
    """

    number: int
    settings: Mapping[str, Any]
    accuracy: float | None
    error: str | None
    seconds: float


@dataclass(frozen=True)
class Sweep:
    """The result of a sweep.

    Attributes:
        trials: all finished trials, earlier ones included.
        best: the trial with the highest accuracy; None if all failed.
        experiment: its experiment, with `split = "train"`.
    """

    trials: tuple[Finished, ...]
    best: Finished | None
    experiment: Experiment | None


def run_trial(experiment: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Train one configuration and measure it on the validation samples; runs on a worker.

    Args:
        experiment: as from `Experiment.describe`, with split = "fit".
        seed: of the initial weights and the training.

    Returns:
        accuracy, 0 to 1, after the last epoch, and seconds.
    """
    begun, chosen = time.monotonic(), restore(experiment)
    network, coder, length = build(chosen.model, seed), encoder(chosen.model), chosen.training(seed)
    run = train(network, chosen.load(), coder, length, progress=False)
    return {"accuracy": run.metrics[-1]["validation_accuracy"], "seconds": time.monotonic() - begun}


def sweep(
    spec: Spec,
    storage: Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    say: Callable[[Finished, int], None] = lambda trial, left: None,
) -> Sweep:
    """Run a sweep, or go on with it, until `spec.trials` trials are finished.

    Args:
        spec: the sweep.
        storage: file of all trials; made if it is missing.
        workers: processes on this machine, without `scheduler`.
        scheduler: address of a Dask scheduler whose workers run the trials ("tcp://host:8786").
        say: called after each trial with it and the number of those left.

    Raises:
        MissingExtraError: Optuna or Dask is not installed.
        DeclarationError: the storage belongs to another sweep.
        EngineError: the scheduler does not answer, has no workers, or no longer has one that takes trials.
        SpikesimError: another process runs this sweep.
    """
    try:
        import optuna
    except ImportError as problem:
        raise MissingExtraError("optuna", "sweep") from problem
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_file(storage.with_name(storage.name + ".held"))  # Optuna has a ".lock" of its own
    try:
        study = _study(optuna, spec, storage)
        _take_up(optuna, study)
        if len(_done(study)) < spec.trials:
            with Cluster(workers, scheduler) as client:
                _run(study, optuna.trial.TrialState, spec, client, say)
        return _result(spec, study)
    finally:
        lock.close()


def _study(optuna: Any, spec: Spec, path: Path) -> Any:
    """The study in a storage file, new or as it was left."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    samplers = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    try:
        storage = JournalStorage(JournalFileBackend(str(path)))
        known = {s.study_name: s.n_trials for s in optuna.get_all_study_summaries(storage)}
        if not known or spec.name in known:
            study = optuna.create_study(
                study_name=spec.name,
                storage=storage,
                sampler=samplers[spec.sampler](seed=spec.seed + known.get(spec.name, 0)),
                direction="maximize",
                load_if_exists=True,
            )
    except Exception as problem:  # whatever the file holds
        raise DeclarationError(
            f"{path} is not the storage of a sweep ({type(problem).__name__}: {problem}); choose another file"
        ) from problem
    if known and spec.name not in known:
        raise DeclarationError(
            f"{path} is the storage of the sweep {sorted(known)[0]!r}, not of {spec.name!r}; choose another "
            f"file with --storage"
        )
    described = json.dumps(spec.describe(), sort_keys=True)
    before = study.user_attrs.get(SPEC)
    if before is not None and before != described:
        raise DeclarationError(
            f"{path} holds a sweep with other {_differing(json.loads(before), json.loads(described))}; "
            f"restore them in the file, or choose another storage with --storage"
        )
    study.set_user_attr(SPEC, described)
    return study


def _differing(before: Any, now: Any) -> str:
    """The first parts of two specifications that differ, with both values."""
    for key in sorted({*before, *now}):
        a, b = before.get(key), now.get(key)
        if a != b:
            if isinstance(a, dict) and isinstance(b, dict):
                return f"{key}: {_differing(a, b)}"
            return f"{key} ({a!r}, now {b!r})"
    return "contents"


def _take_up(optuna: Any, study: Any) -> None:
    """Queue the trials that were running when the sweep was cut off, with their settings."""
    state = optuna.trial.TrialState
    for trial in study.get_trials(states=(state.RUNNING,)):
        study.enqueue_trial(trial.params, user_attrs={CONTINUES: trial.number})
        study.tell(trial.number, state=state.FAIL)


def _run(study: Any, states: Any, spec: Spec, client: Any, say: Callable[[Finished, int], None]) -> None:
    """Keep every worker busy until enough trials are finished; one more trial is asked for as one ends."""
    asked: dict[Any, Any] = {}  # future -> trial

    def left() -> int:
        return spec.trials - len(_done(study))

    def start() -> None:
        while left() - len(asked) > 0 and len(asked) < max(1, sum(client.nthreads().values())):
            trial = study.ask()
            try:
                experiment = spec.with_drawn(spec.suggest(trial))
            except SpikesimError as problem:
                _fail(study, states, trial, str(problem))
                say(_finished(study, trial.number), left())
                continue
            future = client.submit(run_trial, experiment.describe(), spec.seed, pure=False)
            asked[future] = trial

    start()
    while asked:
        future = next_done(client, list(asked))
        trial = asked.pop(future)
        if future.status == "finished":
            found = future.result()
            trial.set_user_attr(SECONDS, found["seconds"])
            study.tell(trial, found["accuracy"])
        else:
            problem = future.exception()
            _fail(study, states, trial, f"{type(problem).__name__}: {problem}")
        say(_finished(study, trial.number), left())
        start()


def _fail(study: Any, states: Any, trial: Any, why: str) -> None:
    trial.set_user_attr(ERROR, why)
    study.tell(trial, state=states.FAIL)


def _done(study: Any) -> list[Any]:
    """The trials that are finished: complete, or failed for a reason of their own."""
    trials = study.trials
    run_again = {t.user_attrs.get(CONTINUES) for t in trials}
    return [t for t in trials if t.state.is_finished() and t.number not in run_again]


def _finished(study: Any, number: int) -> Finished:
    trial = study.trials[number]
    settings = {k: json.loads(v) if isinstance(v, str) else v for k, v in trial.params.items()}
    return Finished(
        number, settings, trial.value, trial.user_attrs.get(ERROR), trial.user_attrs.get(SECONDS, 0.0)
    )


def _result(spec: Spec, study: Any) -> Sweep:
    trials = tuple(_finished(study, t.number) for t in _done(study))
    ended = [t for t in trials if t.accuracy is not None]
    best = max(ended, key=lambda t: (t.accuracy, -t.number)) if ended else None
    return Sweep(trials, best, None if best is None else spec.with_drawn(best.settings))


def save_best(found: Sweep, path: Path) -> None:
    """Write the best configuration as a TOML file for `spikesim train`.

    Raises:
        SpikesimError: every trial failed, or the file cannot be written.
    """
    if found.experiment is None or found.best is None:
        raise SpikesimError("no trial of this sweep ended well, so there is no configuration to write")
    said = (
        f"# Trial {found.best.number} of a sweep: {100 * (found.best.accuracy or 0):.2f} % on validation\n\n"
    )
    write_bytes(path, (said + as_toml(found.experiment)).encode("utf-8"))
