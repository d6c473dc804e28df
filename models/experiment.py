"""An experiment: a model's configuration, its data, and how long; from a preset, a TOML file, or by hand."""

from __future__ import annotations

import os
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from spikesim.models.emstdp import Emstdp

from spikesim import datasets
from spikesim.datasets.dataset import Dataset
from spikesim.errors import DataError, DeclarationError, unknown
from spikesim.training import Training

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Experiment:
    """What `spikesim train` runs.

    Attributes:
        name: of the preset, or of the file.
        title: for people.
        dataset: a name of `spikesim datasets list`, or the path of an .npz file.
        model: the configuration of EMSTDP.
        options: of the dataset (Auslan: signs, noise_copies, ...).
        epochs, samples, split: as in `Training`.
        variant: "amended" or "literal" (as the paper prints it).
        paper: the paper's test accuracy as a fraction; None where it has none.
        source: where the paper says so.
    """

    name: str
    title: str
    dataset: str
    model: Emstdp
    options: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 10
    samples: int | None = None
    split: str = "train"
    variant: str = "amended"
    paper: float | None = None
    source: str = ""

    def training(self, seed: int) -> Training:
        """The settings of `spikesim.training.train`."""
        return Training(
            epochs=self.epochs,
            samples=self.samples,
            split=self.split,  # type: ignore[arg-type]
            batch=self.model.batch,
            eta_decay=self.model.eta_decay,
            seed=seed,
        )

    def load(self) -> Dataset:
        """The dataset.

        Raises:
            DataError: unknown, not to be had, or damaged.
        """
        if self.dataset.endswith(".npz"):
            return datasets.from_npz(self.dataset)
        return datasets.load(self.dataset, **self.options)

    def describe(self) -> dict[str, Any]:
        """The experiment as JSON; `restore` reads it."""
        return asdict(replace(self, options=dict(self.options)))


def restore(entry: Mapping[str, Any]) -> Experiment:
    """The experiment of `describe`.

    Raises:
        DeclarationError: an unknown field, or a value out of range.
    """
    values = dict(entry)
    model = Emstdp(**_converted(Emstdp, values.pop("model"), "model"))
    return Experiment(model=model, **_converted(Experiment, values, "experiment"))


def with_settings(experiment: Experiment, settings: Mapping[str, Any]) -> Experiment:
    """The experiment with some fields changed: those of the model, or epochs, samples, split, dataset.

    Raises:
        DeclarationError: an unknown key (names the near ones), or a value of the wrong type or range.
    """
    of_model = {f.name for f in fields(Emstdp)}
    of_run = {"epochs", "samples", "split", "dataset"}
    for key in settings:
        if key not in of_model | of_run:
            raise DeclarationError(unknown("setting", key, of_model | of_run))
    model = {k: v for k, v in settings.items() if k in of_model}
    own = {k: v for k, v in settings.items() if k in of_run}
    changed = replace(experiment.model, **_converted(Emstdp, model, "--set"))
    return replace(experiment, model=changed, **_converted(Experiment, own, "--set"))


def parse_setting(text: str) -> tuple[str, Any]:
    """key=value with the value in TOML's notation; a bare word is a string.

    Raises:
        DeclarationError: there is no '=' in it.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise DeclarationError(f"--set {text!r}: write key=value, for example --set T=64")
    try:
        return key, tomllib.loads(f"x = {value.strip()}")["x"]
    except tomllib.TOMLDecodeError:
        return key, None if value.strip() == "none" else value.strip()


def from_toml(path: str | os.PathLike[str]) -> Experiment:
    """One's own experiment: tables [model] (fields of Emstdp), [training] (epochs, samples, split), [data].

    [data] has `dataset` (a known name, or an .npz file relative to the TOML file) and options of the dataset.

    Raises:
        DeclarationError: the file cannot be read or parsed, a key is unknown, a value is out of range.
    """
    where = Path(path)
    try:
        tables = tomllib.loads(where.read_text("utf-8"))
    except OSError as problem:
        raise DeclarationError(f"{where} cannot be read: {problem.strerror}") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DeclarationError(f"{where} is not valid TOML: {problem}") from problem
    for name in tables:
        if name not in ("model", "training", "data"):
            raise DeclarationError(f"{where}: {unknown('table', name, ('model', 'training', 'data'))}")
    data = dict(tables.get("data", {}))
    if "dataset" not in data:
        raise DeclarationError(
            f'{where}: [data] needs dataset = "..."; known: {", ".join(datasets.names())}, or an .npz file'
        )
    name = data.pop("dataset")
    if name.endswith(".npz"):
        name = str((where.parent / name).resolve())
    elif name not in datasets.names():
        raise DataError(f"{where}: {unknown('dataset', name, datasets.names())}")
    plain = Experiment(where.stem, where.stem, name, Emstdp(), options=data)
    return with_settings(plain, {**tables.get("model", {}), **tables.get("training", {})})


def _converted(kind: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Values as the fields of a dataclass want them: lists become tuples, whole numbers may stand for floats.

    Raises:
        DeclarationError: an unknown field, or a value of another type.
    """
    hints = typing.get_type_hints(kind)
    found = {}
    for key, value in values.items():
        if key not in hints:
            raise DeclarationError(f"{where}: {unknown('key', key, hints)}")
        found[key] = _fitted(value, hints[key], f"{where}: {key}")
    return found


def _fitted(value: Any, hint: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        for option in args:
            try:
                return _fitted(value, option, where)
            except DeclarationError:
                continue
        raise DeclarationError(f"{where} = {value!r}; {_wanted(hint)} is needed")
    if origin is typing.Literal:
        if value in args:
            return value
        raise DeclarationError(f"{where}: {unknown('choice', value, map(str, args))}")
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_fitted(v, args[0], where) for v in value)
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    plain = origin or hint
    if plain in (int, str, bool) and type(value) is plain:
        return value
    if hint is type(None) and value is None:
        return value
    if plain not in (int, str, bool, float, tuple, type(None)):
        return value
    raise DeclarationError(f"{where} = {value!r}; {_wanted(hint)} is needed")


def _wanted(hint: Any) -> str:
    return getattr(hint, "__name__", None) or str(hint).replace("typing.", "")
