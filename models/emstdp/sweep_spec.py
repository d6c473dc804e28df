"""The specification of a sweep: an experiment, the settings that all trials share, and the search space.

A TOML file:

    [sweep]
    base = "emstdp-mnist-500"       # a preset, or a .toml file of `spikesim train`
    trials = 50
    sampler = "tpe"                 # or "random"
    seed = 1                        # of the search, of the initial weights and of the training

    [settings]                      # of every trial: fields of Emstdp, or epochs, samples, dataset
    epochs = 3
    samples = 20000

    [space]
    eta = { low = 0.001, high = 0.1, log = true }
    T = { low = 64, high = 128, step = 32 }
    coding = { choices = ["poisson", "regular"] }
    "beta_error.0" = { low = 0.01, high = 0.3, log = true }     # entry 0 of a value for each layer
    "beta_error.1" = { low = 0.01, high = 0.3, log = true }

Trials are measured on validation samples, which are taken from the training data; the test set is not used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from spikesim.errors import DeclarationError, unknown
from spikesim.grid import whole
from spikesim.models.emstdp import Emstdp, build
from spikesim.models.emstdp.experiment import Experiment, from_toml, read_tables, with_settings
from spikesim.models.emstdp.presets import preset

TABLES = ("sweep", "settings", "space")
KEYS = ("base", "trials", "sampler", "seed")
SAMPLERS = ("tpe", "random")


@dataclass(frozen=True)
class Spec:
    """A sweep.

    Attributes:
        name: of the file, without its suffix.
        experiment: what every trial runs, before its own settings.
        space: setting -> {"choices": [...]} or {"low", "high", "log" or "step"}; "NAME.k" is entry k of a
            setting with a value for each layer.
        trials: number of trials.
        sampler: "tpe" (tree-structured Parzen estimator) or "random".
        seed: of the search, the initial weights and the training.
    """

    name: str
    experiment: Experiment
    space: Mapping[str, Mapping[str, Any]]
    trials: int = 50
    sampler: str = "tpe"
    seed: int = 1

    def __post_init__(self) -> None:
        if not whole(self.trials, 1):
            raise DeclarationError(f"sweep: trials = {self.trials!r}; a whole number >= 1 is needed")
        if self.sampler not in SAMPLERS:
            raise DeclarationError(f"sweep: {unknown('sampler', self.sampler, SAMPLERS)}")
        if not whole(self.seed):
            raise DeclarationError(f"sweep: seed = {self.seed!r}; a whole number >= 0 is needed")
        if not self.space:
            raise DeclarationError("sweep: [space] has no settings; give at least one, for example eta")
        for key, domain in self.space.items():
            _check_domain(key, domain)
            self._check_entry(key)

    def _check_entry(self, key: str) -> None:
        name, entry = _parts(key)
        known = {f.name for f in fields(Emstdp)} | {"epochs", "samples"}
        if name not in known:
            raise DeclarationError(f"[space]: {unknown('setting', name, known)}")
        if name in ("epochs", "samples") and entry is not None:
            raise DeclarationError(f"[space]: {key}: {name} has no entries; write {name}")

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Draw the settings of an Optuna trial."""
        drawn = {}
        for key, domain in self.space.items():
            if "choices" in domain:
                # as JSON, because Optuna's categories are numbers and strings
                drawn[key] = json.loads(
                    trial.suggest_categorical(key, [json.dumps(value) for value in domain["choices"]])
                )
            elif isinstance(domain["low"], int) and isinstance(domain["high"], int):
                log = domain.get("log", False)
                drawn[key] = trial.suggest_int(
                    key, domain["low"], domain["high"], step=domain.get("step", 1), log=log
                )
            else:
                drawn[key] = trial.suggest_float(
                    key, domain["low"], domain["high"], step=domain.get("step"), log=domain.get("log", False)
                )
        return drawn

    def with_drawn(self, drawn: Mapping[str, Any]) -> Experiment:
        """The experiment of a trial; entries of a setting are put into its value for each layer.

        Raises:
            DeclarationError: values that do not go together.
        """
        whole_values = {key: value for key, value in drawn.items() if _parts(key)[1] is None}
        entries: dict[str, dict[int, Any]] = {}
        for key, value in drawn.items():
            name, entry = _parts(key)
            if entry is not None:
                entries.setdefault(name, {})[entry] = value
        model = self.experiment.model
        hidden = len(whole_values.get("sizes", model.sizes)) - 2 + len(whole_values.get("conv", model.conv))
        for name, given in entries.items():
            now = whole_values.get(name, getattr(model, name))
            length = max(max(given) + 1, hidden)
            values = list(now) if isinstance(now, (tuple, list)) else [now] * length
            for entry, value in given.items():
                if entry >= len(values):
                    raise DeclarationError(
                        f"[space]: {name}.{entry}: {name} has the entries 0 .. {len(values) - 1}"
                    )
                values[entry] = value
            whole_values[name] = values
        found = with_settings(self.experiment, whole_values)
        build(found.model)  # refuses what does not go together, before a worker is asked
        return found

    def describe(self) -> dict[str, Any]:
        """The specification as a dict for JSON, without the number of trials."""
        return {
            "experiment": self.experiment.describe(),
            "space": {key: dict(domain) for key, domain in self.space.items()},
            "sampler": self.sampler,
            "seed": self.seed,
        }


def _parts(key: str) -> tuple[str, int | None]:
    """Name and entry of "NAME" or "NAME.k"."""
    name, dot, entry = key.partition(".")
    if not dot:
        return name, None
    if not entry.isdecimal():
        raise DeclarationError(f"[space]: {key!r}; write a setting, or NAME.k for entry k of a setting")
    return name, int(entry)


def _check_domain(key: str, domain: Any) -> None:
    if not isinstance(domain, Mapping):
        raise DeclarationError(
            f"[space]: {key} = {domain!r}; {{ low = ..., high = ... }} or {{ choices = [...] }} is needed"
        )
    known = ("choices",) if "choices" in domain else ("low", "high", "log", "step")
    for name in domain:
        if name not in known:
            raise DeclarationError(f"[space]: {key}: {unknown('key', name, known)}")
    if "choices" in domain:
        if not isinstance(domain["choices"], (list, tuple)) or not domain["choices"]:
            raise DeclarationError(
                f"[space]: {key}: choices = {domain['choices']!r}; a list of at least one value is needed"
            )
        return
    for end in ("low", "high"):
        value = domain.get(end)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise DeclarationError(f"[space]: {key}: {end} = {value!r}; a number is needed")
    if not domain["low"] < domain["high"]:
        raise DeclarationError(f"[space]: {key}: low = {domain['low']} must be below high = {domain['high']}")
    if domain.get("log") and (domain["low"] <= 0 or "step" in domain):
        raise DeclarationError(f"[space]: {key}: log = true needs low > 0, and no step")


def read_spec(path: str | os.PathLike[str]) -> Spec:
    """Read a sweep from a TOML file, see above.

    Raises:
        DeclarationError: the file cannot be read or parsed, a key is unknown, or a value is out of range.
        DataError: the dataset is unknown.
    """
    where = Path(path)
    tables = read_tables(where, TABLES)
    own = dict(tables.get("sweep", {}))
    for key in own:
        if key not in KEYS:
            raise DeclarationError(f"{where}: [sweep]: {unknown('key', key, KEYS)}")
    base = own.pop("base", None)
    if not isinstance(base, str):
        raise DeclarationError(f'{where}: [sweep] needs base = "...", a preset or a .toml file')
    try:
        start = from_toml(where.parent / base) if base.endswith(".toml") else preset(base)
        experiment = replace(with_settings(start, tables.get("settings", {})), split="fit")
        return Spec(where.stem, experiment, tables.get("space", {}), **own)
    except DeclarationError as problem:
        raise DeclarationError(f"{where}: {problem}") from problem


def as_toml(experiment: Experiment) -> str:
    """An experiment as a TOML file that `spikesim train` reads; settings at their default are left out."""
    default = asdict(Emstdp())
    model = {k: v for k, v in asdict(experiment.model).items() if v != default[k]}
    training = {"epochs": experiment.epochs, "samples": experiment.samples, "split": "train"}
    data = {"dataset": experiment.dataset, **experiment.options}
    parts = []
    for name, table in (("data", data), ("training", training), ("model", model)):
        lines = [f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not None]
        parts.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(parts) + "\n"
