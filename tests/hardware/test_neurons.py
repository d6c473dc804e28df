"""The normal form that every hardware target translates, and the refusal of a model that has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.errors import EngineError
from spikesim.hardware.neurons import (
    counts,
    has_normal_form,
    integrating,
    leaks,
    normal_form,
    normal_forms,
    shown,
)
from spikesim.network import Network
from spikesim.neurons import IF, LIF, Source
from spikesim.synapses import Dense
from spikesim.window import Window

pytestmark = pytest.mark.core


def test_neurons_have_a_normal_form_and_sources_have_none() -> None:
    network = Network(
        {"in": Source(2), "a": IF(2, [1.0, 2.0], grid=4), "b": LIF(2, 1.0, 4, 0.5, 0.25)},
        (Dense("in", "a", np.eye(2)),),
        Window(4),
    )
    assert list(integrating(network)) == ["a", "b"]
    forms = normal_forms("a chip", network)
    assert forms["a"].theta.tolist() == [1.0, 2.0] and not forms["a"].leaks
    assert forms["b"].u_decay.tolist() == [0.5, 0.5] and forms["b"].v_decay.tolist() == [0.25, 0.25]
    assert [leaks(p) for p in network.populations.values()] == [False, False, True]


def test_a_model_without_one_is_refused_with_the_way_to_add_it() -> None:
    class Mine:
        n = 1

    mine: Any = Mine()
    assert not has_normal_form(mine)
    with pytest.raises(EngineError, match=r"a chip: x is a Mine.*linear\(\)"):
        normal_form("a chip", "x", mine)


def test_numbers_for_messages_and_grids() -> None:
    assert shown(np.array([3, 3])) == "3" and shown(np.array([1, 5, 2])) == "1 .. 5"
    assert counts(np.array([0.5, -1.25]), 4).tolist() == [8, -20]
