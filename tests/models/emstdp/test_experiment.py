"""Experiments from presets, from settings on the command line and from TOML files, and refused values."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim import datasets
from spikesim.errors import DataError, DeclarationError, SpikesimError
from spikesim.models.emstdp import Emstdp, build
from spikesim.models.emstdp.experiment import (
    Experiment,
    from_toml,
    parse_setting,
    parse_settings,
    restore,
    with_settings,
)
from spikesim.models.emstdp.presets import PRESETS, preset

pytestmark = pytest.mark.core

DIGITS = preset("emstdp-digits")


# presets


def test_there_is_a_preset_for_every_row_of_table_2() -> None:
    rows = {(p.dataset, p.model.sizes, p.model.feedback) for p in PRESETS.values() if p.variant == "amended"}
    for feedback in ("symmetric", "dfa"):
        assert ("mnist", (784, 500, 10), feedback) in rows
        assert ("mnist", (784, 500, 500, 10), feedback) in rows
        assert ("fashion_mnist", (784, 500, 500, 10), feedback) in rows
        assert ("auslan", (990, 150, 150, 50), feedback) in rows
    assert any(p.variant == "literal" and p.model.T == 200 for p in PRESETS.values())


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_comes_back_from_its_description(name: str) -> None:
    found = preset(name)
    assert found.name == name
    assert restore(found.describe()) == found
    assert restore(json.loads(json.dumps(found.describe()))) == found


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fits_its_dataset_and_builds(name: str) -> None:
    """Built with hidden layers of a fiftieth of their size, to save time; input and output are unchanged."""
    found = preset(name)
    about = datasets.about(found.dataset)
    assert about.name.replace("-", "_") == found.dataset
    sizes = found.model.sizes
    small = tuple(n if layer in (0, len(sizes) - 1) else n // 50 for layer, n in enumerate(sizes))
    network = build(replace(found.model, sizes=small), seed=1)
    learned = len(found.model.conv) if found.model.kernels == "learned" else 0
    assert len(network.plastic) == len(sizes) - 1 + learned
    assert network.window.T == found.model.T


def test_an_unknown_preset_names_the_near_ones() -> None:
    with pytest.raises(DeclarationError, match=r"'emstdp-mnist-50'. Did you mean 'emstdp-mnist-500'"):
        preset("emstdp-mnist-50")


# settings


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("T=64", "T", 64),
        (" T = 64 ", "T", 64),
        ("eta=0.05", "eta", 0.05),
        ("eta=1e-3", "eta", 0.001),
        ("sizes=[64, 20, 10]", "sizes", [64, 20, 10]),
        ("gate=true", "gate", True),
        ("feedback=dfa", "feedback", "dfa"),
        ('feedback="dfa"', "feedback", "dfa"),
        ("floor=none", "floor", None),
        ("floor=None", "floor", None),
        ("dataset=my data.npz", "dataset", "my data.npz"),
        ("dataset=a=b.npz", "dataset", "a=b.npz"),
        ("T=3\nq=4", "T", "3\nq=4"),  # a second key is not dropped silently
        ("T=", "T", ""),
    ],
)
def test_a_setting_is_read_as_toml_or_as_a_word(text: str, key: str, value: Any) -> None:
    found = parse_setting(text)
    assert found == (key, value)
    assert type(found[1]) is type(value)


@pytest.mark.parametrize("text", ["T", "", "=3", "  =3"])
def test_a_setting_without_a_key_or_value_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError, match="write key=value, for example --set T=64"):
        parse_setting(text)


def test_a_setting_given_twice_is_refused() -> None:
    assert parse_settings(["T=64", "eta=1"]) == {"T": 64, "eta": 1}
    with pytest.raises(DeclarationError, match="--set T is given twice: 64 and 32"):
        parse_settings(["T=64", "T=32"])


def test_settings_change_the_model_and_the_run() -> None:
    found = with_settings(
        DIGITS,
        parse_settings(["sizes=[64,20,10]", "eta=1", "floor=none", "epochs=3", "samples=100", "split=fit"]),
    )
    assert found.model == replace(DIGITS.model, sizes=(64, 20, 10), eta=1.0, floor=None)
    assert isinstance(found.model.sizes, tuple)
    assert isinstance(found.model.eta, float)
    assert (found.epochs, found.samples, found.split) == (3, 100, "fit")
    assert with_settings(DIGITS, {"beta_error": [0.25]}).model.beta_error == (0.25,)
    assert with_settings(DIGITS, {"beta_error": 1}).model.beta_error == 1.0
    assert with_settings(DIGITS, {}) == DIGITS


def test_an_array_file_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = with_settings(preset("emstdp-auslan"), {"dataset": "mine.npz"})
    assert found.dataset == str(tmp_path.resolve() / "mine.npz")
    assert found.options == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"Tt": 3}, r"unknown setting 'Tt'\. Did you mean 'T'\?"),
        ({"feedbak": "dfa"}, "Did you mean 'feedback'"),
        ({"seed": 3}, "seed is not a setting but a separate option; use --seed 3"),
        ({"T": 101}, "T = 101 cannot be halved"),
        ({"T": 0}, "T = 0"),
        ({"T": "abc"}, "T = 'abc'; a whole number is needed"),
        ({"T": 64.0}, r"T = 64\.0; a whole number is needed"),
        ({"T": True}, "T = True; a whole number is needed"),
        ({"sizes": 64}, r"sizes = 64; a list like \[64, 100, 10\]"),
        ({"sizes": [64]}, "at least an input and an output"),
        ({"sizes": [64, 0, 10]}, r"sizes\[1\] = 0; a whole number >= 1 is needed"),
        ({"sizes": [64, -3, 10]}, r"sizes\[1\] = -3"),
        ({"sizes": [64, 1.5, 10]}, r"sizes\[1\] = 1\.5; a whole number is needed"),
        ({"sizes": [64, "a", 10]}, r"sizes\[1\] = 'a'"),
        ({"eta": "fast"}, "eta = 'fast'; a number is needed"),
        ({"eta": float("nan")}, "eta = nan"),
        ({"eta": float("inf")}, "eta = inf"),
        ({"eta": -0.1}, r"eta = -0\.1 is out of range; it must be in \[0\.0, 1000\.0\]"),
        ({"gate": "True"}, "gate = 'True'; true or false is needed"),
        ({"gate": 1}, "gate = 1; true or false is needed"),
        ({"feedback": "dfb"}, r"unknown choice 'dfb'\. Did you mean 'dfa'\? Known: dfa, fa, symmetric"),
        ({"feedback": ["dfa"]}, "unknown choice"),
        ({"floor": "low"}, "floor = 'low'; a number or none is needed"),
        (
            {"beta_error": [0.1, 0.2]},
            r"beta_error = \(0.1, 0.2\) has 2 values; 1 values are needed \(hidden layers\)",
        ),
        (
            {"grid": [5, 4, 4]},
            r"grid = \(5, 4, 4\) has 3 values; 2 values are needed \(layers, hidden and output\)",
        ),
        ({"clip": [0.5, 9.0]}, r"clip = \(0.5, 9.0\) is out of range; it must be in"),
        ({"epochs": 0}, "epochs = 0; (must be )?a whole number >= 1"),
        ({"epochs": 2.5}, r"epochs = 2\.5"),
        ({"samples": 0}, "samples = 0"),
        ({"split": "test"}, "split = 'test'; known: 'train', 'fit'"),
        ({"dataset": "mnst"}, "unknown dataset 'mnst'. Did you mean 'mnist'"),
        ({"dataset": 3}, "dataset = 3; a word is needed"),
        ({"batch": 0}, "batch = 0"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_named_with_its_limit(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SpikesimError, match=words):
        with_settings(DIGITS, settings)


def test_a_grid_too_fine_for_the_fan_in_says_which_would_do() -> None:
    fine = with_settings(DIGITS, {"grid": 26}).model
    with pytest.raises(
        DeclarationError, match=r"hid1: .*float32 is exact below .*\((\d+) bits or fewer\)"
    ) as e:
        build(fine)
    bits = int(str(e.value).split(" bits or fewer")[0].rsplit("(", 1)[1])
    assert build(replace(fine, grid=bits)).populations["hid1"].grid == bits
    with pytest.raises(DeclarationError, match="float32 is exact below"):
        build(replace(fine, grid=bits + 1))


# descriptions


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": 3}, "model = 3; a table with fields of Emstdp is needed"),
        ({"epochs": "ten"}, "epochs = 'ten'"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"options": {"signs": 3}}, "dataset digits: unknown option 'signs'"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        restore({**DIGITS.describe(), **changes})


def test_a_description_with_a_gap_is_refused() -> None:
    with pytest.raises(DeclarationError, match="name, title, dataset, model is missing"):
        restore({})


# TOML


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return path


GOOD = """
[data]
dataset = "auslan"
signs = 10
noise = 0.05

[model]
sizes = [990, 50, 10]
feedback = "dfa"
eta = 1

[training]
epochs = 3
samples = 200
"""


def test_a_good_file_is_an_experiment(tmp_path: Path) -> None:
    found = from_toml(write(tmp_path, GOOD))
    model = Emstdp(sizes=(990, 50, 10), feedback="dfa", eta=1.0)
    options = {"signs": 10, "noise": 0.05}
    assert found == Experiment("mine", "mine", "auslan", model, options, epochs=3, samples=200)
    assert restore(json.loads(json.dumps(found.describe()))) == found


def test_both_ways_to_write_a_dataset_are_known(tmp_path: Path) -> None:
    for name in ("fashion-mnist", "fashion_mnist"):
        assert from_toml(write(tmp_path, f'[data]\ndataset = "{name}"')).dataset == name


def test_arrays_of_ones_own_lie_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rs = np.random.default_rng(1)
    np.savez(tmp_path / "mine.npz", X=rs.random((40, 5)), y=np.arange(40) % 2)
    path = write(tmp_path, '[data]\ndataset = "mine.npz"\n[model]\nsizes = [5, 4, 2]')
    monkeypatch.chdir("/")
    found = from_toml(path)
    assert found.dataset == str(tmp_path.resolve() / "mine.npz")
    assert found.load().train.x.shape == (32, 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"\[data\] needs dataset"),
        ("[data]\n", "known: mnist, fashion-mnist, iris, digits, auslan, event-digits, or an .npz file"),
        ("[data]\ndataset = 3", 'needs dataset = "...", not 3'),
        ('[data]\ndataset = "digit"', r"unknown dataset 'digit'\. Did you mean 'digits'"),
        ('[data]\ndataset = "digits"\nsigns = 3', "dataset digits: unknown option 'signs'"),
        ('[data]\ndataset = "auslan"\nsigns = "ten"', "dataset auslan: signs = 'ten'; a whole number"),
        ('[data]\ndataset = "auslan"\nsings = 3', "Did you mean 'signs'"),
        ('[data]\ndataset = "a.npz"\nsigns = 3', "unknown option 'signs'"),
        ('[modle]\n[data]\ndataset = "digits"', r"unknown table 'modle'\. Did you mean 'model'"),
        ('model = 3\n[data]\ndataset = "digits"', r"model = 3; a table is needed: \[model\]"),
        ("data = 3", r"a table is needed: \[data\]"),
        ('[data]\ndataset = "digits"\n[model]\nTt = 3', r"\[model\]: unknown key 'Tt'\. Did you mean 'T'"),
        ('[data]\ndataset = "digits"\n[model]\nT = "3"', r"\[model\]: T = '3'; a whole number is needed"),
        ('[data]\ndataset = "digits"\n[model]\nT = 3', "T = 3 cannot be halved"),
        ('[data]\ndataset = "digits"\n[model]\neta = nan', "eta = nan"),
        (
            '[data]\ndataset = "digits"\n[training]\nbatch = 3',
            r"unknown key 'batch'.*it belongs in \[model\]",
        ),
        ('[data]\ndataset = "digits"\n[training]\nepochs = -1', "epochs = -1"),
        ('[data]\ndataset = "digits"\n[training]\nepochs = "1"', r"\[training\]: epochs = '1'"),
        ("[data", "is not valid TOML"),
        ("[data]\n[data]", "is not valid TOML"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SpikesimError, match=rf"mine\.toml(?s:.)*{words}"):
        from_toml(write(tmp_path, text))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"none\.toml cannot be read: No such file"):
        from_toml(tmp_path / "none.toml")
    with pytest.raises(DeclarationError, match=r"is a folder, not a regular file\. Give a TOML file"):
        from_toml(tmp_path)
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DeclarationError, match="is not valid TOML"):
        from_toml(tmp_path / "mine.toml")


def test_an_array_file_that_is_missing_is_named(tmp_path: Path) -> None:
    found = from_toml(write(tmp_path, '[data]\ndataset = "none.npz"'))
    with pytest.raises(DataError, match=r"none\.npz"):
        found.load()
