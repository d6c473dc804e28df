"""The public names of the package, and the names of version 0.1.0 that stay for one release."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest

import spikesim as ss
from spikesim import _renamed

pytestmark = pytest.mark.core


def test_every_public_name_is_there() -> None:
    for name in ss.__all__:
        assert getattr(ss, name) is not None, name
    assert {"STDP", "SquareSTDP", "RewardSTDP", "connect", "quantise", "export"} <= set(ss.__all__)


def test_spikesim_imports_no_target_before_it_is_used() -> None:
    code = "import sys, spikesim; print([m for m in sys.modules if m.startswith('spikesim.hardware')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("old", "new"), sorted(_renamed.MODULES.items()))
def test_an_old_module_name_is_the_new_module(old: str, new: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {new}"):
        found = importlib.import_module(old)
    assert found is importlib.import_module(new)
    assert found.__name__ == new
    assert found.__spec__ is not None
    assert found.__spec__.name == new
    for name, now in _renamed.ATTRIBUTES.get(old, {}).items():
        assert getattr(found, name) is getattr(found, now)


def test_old_names_warn_and_work() -> None:
    with pytest.warns(DeprecationWarning, match=r"spikesim.Watch is now spikesim.Monitor"):
        assert ss.Watch is ss.Monitor  # type: ignore[attr-defined]
    net = ss.Network({"in": ss.PoissonSource(3, 0.5)}, ())
    with pytest.warns(DeprecationWarning, match="name= is now called engine="):
        found = ss.simulate(net, steps=5, record=[ss.Monitor("in")], name="stepped")
    with pytest.warns(DeprecationWarning, match=r"Recording.watched is now Recording.monitors"):
        assert found.watched == found.monitors
    with pytest.raises(AttributeError, match="no attribute 'Wach'"):
        _ = ss.Wach  # type: ignore[attr-defined]


def test_connect_takes_sizes_from_the_network() -> None:
    populations = {"in": ss.PoissonSource(30, 0.1), "out": ss.LIF(20, 1.0)}
    given = [
        ss.connect.fixed_probability("in", "out", 30, 20, 0.3, w=0.5, seed=3),
        ss.connect.fixed_in_degree("in", "out", 30, 20, 5, w=0.25, name="k"),
        ss.connect.all_to_all("out", "out", 20, 20, -0.5, delay=1, self_connections=False),
        ss.connect.one_to_one("out", "out", 20, 0.5, delay=2, name="self"),
        ss.connect.from_coordinates("in", "out", [0, 1], [2, 3], 1.0, n_pre=30, name="two"),
    ]
    short = [
        ss.connect.fixed_probability("in", "out", 0.3, w=0.5, seed=3),
        ss.connect.fixed_in_degree("in", "out", 5, w=0.25, name="k"),
        ss.connect.all_to_all("out", "out", -0.5, delay=1, self_connections=False),
        ss.connect.one_to_one("out", "out", 0.5, delay=2, name="self"),
        ss.connect.from_coordinates("in", "out", [0, 1], [2, 3], 1.0, name="two"),
    ]
    full, found = ss.Network(populations, given), ss.Network(populations, short)
    for a, b in zip(full.projections, found.projections, strict=True):
        assert a.name == b.name
        assert np.array_equal(a.indices, b.indices)
        assert np.array_equal(a.indptr, b.indptr)
        assert np.array_equal(a.w, b.w)
    with pytest.raises(ss.SpikesimError, match="unknown population 'inn'"):
        ss.Network(populations, [ss.connect.all_to_all("inn", "out", 0.5)])
    with pytest.raises(ss.SpikesimError, match="one-to-one needs equal sizes"):
        ss.Network(populations, [ss.connect.one_to_one("in", "out", 0.5)])
    with pytest.raises(TypeError, match="missing a required argument: 'w'"):
        ss.connect.all_to_all("in", "out")
