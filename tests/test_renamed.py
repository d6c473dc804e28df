"""Names of version 0.1.0: each still leads to what it is called now, and warns."""

from __future__ import annotations

import importlib
import sys

import pytest

import spikesim as ss
from spikesim import _renamed

pytestmark = pytest.mark.core


@pytest.mark.parametrize("old", _renamed.MODULES)
def test_an_old_module_is_the_new_one(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    new = _renamed.MODULES[old]
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {new}"):
        module = importlib.import_module(old)
    assert module is importlib.import_module(new)
    assert module.__spec__ is not None and module.__spec__.name == new


def test_old_names_of_the_package_warn_and_unknown_ones_do_not_exist() -> None:
    assert _renamed.NAMES
    for old, new in _renamed.NAMES.items():
        with pytest.warns(DeprecationWarning, match=f"spikesim.{old} is now spikesim.{new}"):
            assert getattr(ss, old) is getattr(ss, new)
    with pytest.raises(AttributeError, match="no attribute 'Watcher'"):
        ss.Watcher  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("spikesim.watching")


def test_an_old_attribute_reads_the_new_one() -> None:
    class Owner:
        now = 3
        before = _renamed.renamed_attribute("Owner", "before", "now")

    with pytest.warns(DeprecationWarning, match="Owner.before is now Owner.now"):
        assert Owner().before == 3
