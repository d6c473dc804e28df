"""Where Brian2's code runs: nothing of Brian2's global state stays changed, and products are not fused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim.backends.brian2 import device
from spikesim.errors import EngineError

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]
WATCHED = ("codegen.target", device._MAKE, *device._FLAGS)


def state() -> dict[str, Any]:
    from brian2.devices.device import get_device

    return {"device": get_device(), **{key: b2.prefs[key] for key in WATCHED}}


@pytest.mark.parametrize("code", device.CODE)
def test_brian2_is_as_it_was_afterwards(code: str) -> None:
    before = state()
    with device.generating(b2, code):
        inside = state()
        assert inside["codegen.target"] == ("numpy" if code == "cpp_standalone" else code)
        for flags in (inside[key] for key in device._FLAGS if before[key] is not None):
            assert "-ffast-math" not in flags and "-ffp-contract=off" in flags
        assert (inside["device"] is before["device"]) is (code != "cpp_standalone")
    assert state() == before
    with pytest.raises(ZeroDivisionError), device.generating(b2, code):
        raise ZeroDivisionError
    assert state() == before, "also after an error"


def test_a_run_takes_whole_steps_and_says_its_seconds() -> None:
    with device.generating(b2, "numpy") as simulate:
        clock = b2.Clock(dt=1 * b2.second)
        group = b2.NeuronGroup(2, "x : 1", clock=clock)
        group.run_regularly("x += 1", clock=clock)
        assert simulate(b2.Network(group), 7) > 0
        assert np.asarray(group.x[:]).tolist() == [7, 7]


def test_another_kind_of_code_is_refused() -> None:
    with pytest.raises(EngineError, match="cpp_standalone"):
        device.check_code("cpp")
