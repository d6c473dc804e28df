"""Experiments: a model configuration, a dataset and a length of training; from a preset or a TOML file."""

from __future__ import annotations

import os
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from spikesim import datasets
from spikesim.datasets.dataset import Dataset
from spikesim.errors import DataError, DeclarationError, unknown
from spikesim.files.regular import read_regular
from spikesim.models.emstdp import Emstdp, training
from spikesim.training.config import Training

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Experiment:
    """A training that `spikesim train` can run.

    Attributes:
        name: of the preset, or of the TOML file.
        title: a description for tables and messages.
        dataset: a name from `spikesim datasets list`, or the path of an .npz file or an event file (.h5).
        model: configuration of EMSTDP.
        options: options of the dataset (Auslan: signs, noise_copies, ...; event files: bin, several, ...).
        epochs, samples, split: as in `Training`.
        variant: "amended", or "literal" (as the paper prints it).
        paper: test accuracy of the paper as a fraction; None if the paper prints none.
        source: where the paper prints it.

    Raises:
        DeclarationError: epochs, samples or split out of range, or an option that the dataset does not have.
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

    def __post_init__(self) -> None:
        self.training(seed=0)
        known = _options(self.dataset)
        for key, value in self.options.items():
            if key not in known:
                raise DeclarationError(f"dataset {self.dataset}: {unknown('option', key, known)}")
            _fitted(value, known[key], f"dataset {self.dataset}: {key}")

    def training(self, seed: int) -> Training:
        """The configuration for `spikesim.training.train`, with the given seed."""
        return replace(
            training(self.model, self.epochs, seed),
            samples=self.samples,
            split=self.split,  # type: ignore[arg-type]
        )

    def load(self) -> Dataset:
        """Load the dataset.

        Raises:
            DataError: the dataset is unknown, not available, or damaged.
        """
        if self.dataset.endswith(".npz"):
            return datasets.from_npz(self.dataset)
        if self.dataset.endswith(".h5"):
            if "bin" not in self.options:
                raise DataError(f"{self.dataset}: events need a time step: bin = 10000, in microseconds")
            return datasets.from_event_file(self.dataset, **self.options)
        return datasets.load(self.dataset, **self.options)

    def describe(self) -> dict[str, Any]:
        """The experiment as a dict for JSON; `restore` is the inverse."""
        return asdict(replace(self, options=dict(self.options)))


def restore(entry: Mapping[str, Any]) -> Experiment:
    """The experiment from a dict that `Experiment.describe` has returned.

    Raises:
        DeclarationError: a field is unknown or missing, or a value is out of range.
    """
    values = dict(entry)
    needed = [f.name for f in fields(Experiment) if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in needed if name not in values]:
        raise DeclarationError(
            f"experiment: {', '.join(missing)} is missing; every field without a default is needed"
        )
    if not isinstance(values["model"], Mapping):
        raise DeclarationError(
            f"experiment: model = {values['model']!r}; a table with fields of Emstdp is needed"
        )
    model = Emstdp(**_converted(Emstdp, values.pop("model"), "model"))
    return Experiment(model=model, **_converted(Experiment, values, "experiment"))


def describes(entry: Mapping[str, Any], experiment: Experiment) -> bool:
    """Whether a stored description is that of an experiment; fields that it lacks have their defaults."""
    try:
        return restore(entry) == replace(experiment, options=dict(experiment.options))
    except DeclarationError:
        return False


def with_settings(experiment: Experiment, settings: Mapping[str, Any]) -> Experiment:
    """A copy of an experiment with changed fields: fields of the model, or epochs, samples, split, dataset.

    If the dataset changes, its options are dropped.

    Raises:
        DeclarationError: an unknown key (the message lists similar ones), or a value of the wrong type or
            out of range.
        DataError: an unknown dataset.
    """
    of_model = {f.name for f in fields(Emstdp)}
    of_run = {"epochs", "samples", "split", "dataset"}
    for key in settings:
        if key in ("seed", "threads", "out"):
            raise DeclarationError(
                f"--set {key}: {key} is not a setting but a separate option; use --{key} {settings[key]}"
            )
        if key not in of_model | of_run:
            raise DeclarationError(unknown("setting", key, of_model | of_run))
    model = {k: v for k, v in settings.items() if k in of_model}
    own = {k: v for k, v in settings.items() if k in of_run}
    if isinstance(own.get("dataset"), str):
        own["dataset"] = _dataset(own["dataset"], Path())
        if own["dataset"] != experiment.dataset:
            own["options"] = {}
    changed = replace(experiment.model, **_converted(Emstdp, model, "--set"))
    return replace(experiment, model=changed, **_converted(Experiment, own, "--set"))


def parse_setting(text: str) -> tuple[str, Any]:
    """Parse "key=value" with the value in TOML notation; a bare word is a string, `none` is None.

    Raises:
        DeclarationError: no key, or no '='.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise DeclarationError(f"--set {text!r}: write key=value, for example --set T=64")
    value = value.strip()
    try:
        found = tomllib.loads(f"x = {value}")
    except tomllib.TOMLDecodeError:
        found = {"x": None if value.lower() == "none" else value}
    return key, found["x"] if len(found) == 1 else value


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Parse several "key=value" settings with distinct keys.

    Raises:
        DeclarationError: a setting without '=', or a key that is given twice.
    """
    found: dict[str, Any] = {}
    for key, value in map(parse_setting, texts):
        if key in found:
            raise DeclarationError(f"--set {key} is given twice: {found[key]!r} and {value!r}; remove one")
        found[key] = value
    return found


MAX_TOML = 1 << 20  # bytes of a file of settings


def read_tables(path: Path, known: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The tables of a TOML file.

    Raises:
        DeclarationError: the file cannot be read or parsed, or has anything but the known tables.
    """
    try:
        way_out = "Give a TOML file of settings."
        text = read_regular(path, limit=MAX_TOML, error=DeclarationError, way_out=way_out)
        tables = tomllib.loads(text.decode("utf-8"))
    except OSError as problem:
        raise DeclarationError(f"{path} cannot be read: {problem.strerror}") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DeclarationError(f"{path} is not valid TOML: {problem}") from problem
    for name, table in tables.items():
        if name not in known:
            raise DeclarationError(f"{path}: {unknown('table', name, known)}")
        if not isinstance(table, dict):
            raise DeclarationError(f"{path}: {name} = {table!r}; a table is needed: [{name}]")
    return tables


def from_toml(path: str | os.PathLike[str]) -> Experiment:
    """Read an experiment from a TOML file.

    Tables: [model] (fields of Emstdp), [training] (epochs, samples, split) and [data], which contains
    `dataset` (a known name, or an .npz or event file relative to the TOML file) and options of the dataset
    (of an event file those of `from_event_file`; `test`, a second file, is relative to the TOML file, too).

    Raises:
        DeclarationError: the file cannot be read or parsed, a key is unknown, or a value is out of range.
        DataError: the dataset is unknown.
    """
    where = Path(path)
    tables = read_tables(where, ("model", "training", "data"))
    data = dict(tables.get("data", {}))
    name = data.pop("dataset", None)
    if not isinstance(name, str):
        given = "" if name is None else f", not {name!r}"
        raise DeclarationError(
            f'{where}: [data] needs dataset = "..."{given}; '
            f"known: {', '.join(datasets.names())}, or an .npz file, or an event file (.h5)"
        )
    if name.endswith(".h5") and isinstance(data.get("test"), str):
        data["test"] = str((where.parent / data["test"]).expanduser().resolve())
    training = tables.get("training", {})
    for key in training:
        if key not in ("epochs", "samples", "split"):
            said = unknown("key", key, ("epochs", "samples", "split"))
            belongs = "; it belongs in [model]" if key in {f.name for f in fields(Emstdp)} else ""
            raise DeclarationError(f"{where}: [training]: {said}{belongs}")
    try:
        plain = Experiment(where.stem, where.stem, _dataset(name, where.parent), Emstdp(), options=data)
        model = _converted(Emstdp, tables.get("model", {}), "[model]")
        return replace(plain, model=Emstdp(**model), **_converted(Experiment, training, "[training]"))
    except (DeclarationError, DataError) as problem:
        raise type(problem)(f"{where}: {problem}") from problem


def _dataset(name: str, folder: Path) -> str:
    """Check a dataset name; an .npz file or an event file is returned as an absolute path.

    Raises:
        DataError: neither a known name nor such a file; the message lists similar names.
    """
    if name.endswith((".npz", ".h5")):
        return str((folder / name).expanduser().resolve())
    known = datasets.names()
    if name.replace("_", "-") not in known:
        raise DataError(f"{unknown('dataset', name, known)}, or an .npz file, or an event file (.h5)")
    return name


def _options(name: str) -> dict[str, Any]:
    """The options of a dataset's loader that a TOML file can contain, with their types."""
    if name.endswith(".h5"):
        hints = typing.get_type_hints(datasets.from_event_file)
        return {
            key: str if key == "test" else hint
            for key, hint in hints.items()
            if key not in ("path", "return")
        }
    if name.replace("_", "-") not in datasets.names():
        return {}
    hints = typing.get_type_hints(getattr(datasets, name.replace("-", "_")))
    return {key: hint for key, hint in hints.items() if key not in ("progress", "return")}


def _converted(kind: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Convert values to the types of the fields of a dataclass: lists to tuples, whole numbers to floats.

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
    """Convert one value to the type of a hint.

    Raises:
        DeclarationError: the value has another type.
    """
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
        return tuple(_fitted(v, args[0], f"{where}[{i}]") for i, v in enumerate(value))
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
    """A description of a type for error messages."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_wanted(option) for option in args)
    if origin is tuple:
        return f"a list like [64, 100, 10] ({_wanted(args[0])} each)"
    if origin is typing.Literal:
        return " or ".join(map(repr, args))
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
    return words.get(hint, "none" if hint is type(None) else str(hint))
