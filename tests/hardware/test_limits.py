"""What chips and formats hold: data with sources, and a check that names limit, value, layer and way out."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

from spikesim.errors import DeclarationError
from spikesim.hardware.limits import (
    HARDWARE,
    LAVA_FIXED,
    LOIHI_1,
    LimitError,
    check,
    exceeded,
    hardware_limits,
    saturation,
)
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network
from spikesim.neurons import IF, LIF, PoissonSource, Source
from spikesim.synapses import CurrentInput, Dense, Sparse
from spikesim.window import Window

pytestmark = pytest.mark.core


def network(neuron: Any, delay: int = 1, **fields: Any) -> Network:
    """in => p of one neuron."""
    link = Dense("in", "p", np.ones((1, neuron.n)), delay)
    return Network({"in": Source(1), "p": neuron}, (link,), fields.pop("window", Window(5)), **fields)


def test_every_limit_has_a_unit_and_a_source() -> None:
    """The registry is not empty, and nothing in it changes."""
    assert {"loihi1", "loihi2", "lava-fixed", "lava-float", "netx", "nir"} == set(HARDWARE)
    limits = [limit for chip in HARDWARE.values() for limit in chip.limits.values()]
    assert len(limits) > 40
    assert all(limit.unit and len(limit.source) > 10 for limit in limits)
    with pytest.raises(FrozenInstanceError):
        LOIHI_1.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        LOIHI_1.limits["weight"] = None  # type: ignore[index]


def test_targets_by_name() -> None:
    """Of Lava the fixed point is meant; an unknown name has neighbours."""
    assert hardware_limits("lava") is LAVA_FIXED and hardware_limits(LOIHI_1) is LOIHI_1
    with pytest.raises(DeclarationError, match="Did you mean 'loihi"):
        hardware_limits("loihi3")


def test_what_a_chip_holds_passes() -> None:
    """A network that classifies, on a grid."""
    for name in HARDWARE:
        check(build(Emstdp(sizes=(6, 5, 3), grid=7, clip=0.9), 1).inference(), name)


@pytest.mark.parametrize(
    ("neuron", "said"),
    [
        (IF(1, 5.0, 0, reset="subtract"), "p: reset = 'subtract'; Loihi .* Train with a reset to zero"),
        (LIF(1, 5.0, 0, v_reset=-1.0), "p: reset = to -1.0"),
        (IF(1, 5.0, 0, floor=-3.0), "p: floor = -3.0; .* but its own saturation"),
        (IF(1, 5.0, 0, refractory=64), "p: refractory = 64; the range is 0 .. 63, refractory steps"),
        (IF(1, 2.0**17 + 1, 0), "p: threshold = 131072; the range is 0 .. 131071, 17 bits"),
        (LIF(1, 2.0**18, 6, v_decay=0.5), "p: threshold = 262143"),
        (LIF(1, 5.0), "p: grid = None; .*quantise"),
    ],
)
def test_neurons_that_a_chip_does_not_have(neuron: Any, said: str) -> None:
    """Limit, value, layer and way out in one sentence."""
    with pytest.raises(LimitError, match=said):
        check(network(neuron), "loihi1")


def test_networks_that_a_chip_does_not_run() -> None:
    """Delays, drives, time without end, models, phases; all of them are found."""
    plain = IF(1, 5.0, 0)
    with pytest.raises(LimitError, match=r"in->p: delay = 64; the range is 1 .. 63"):
        check(network(plain, 64), "loihi1")
    late = Sparse("in", "p", np.array([0, 1]), np.array([0], np.int32), 1.0, 1, np.array([70], np.uint16))
    with pytest.raises(LimitError, match=r"in->p: delay = 71; the range is 1 .. 63"):
        check(Network({"in": Source(1), "p": plain}, (late,), Window(5)), "loihi1")
    with pytest.raises(LimitError, match=r"in->p: delay = 2; the range is 1 .. 1"):
        check(network(plain, 2), "netx")
    with pytest.raises(LimitError, match="CurrentInput"):
        check(network(plain, drives=(CurrentInput("p"),), window=Window.without_end()), "loihi1")
    poisson = Network({"in": PoissonSource(1, 0.1), "p": plain}, (), Window.without_end())
    assert [e.limit for e in exceeded(poisson, "loihi1")] == ["neuron model", "window"]
    with pytest.raises(LimitError, match=r"neurons = 131073.*several chips"):
        check(Network({"in": Source(1), "p": IF(2**17 + 1, 5.0, 0)}, (), Window(2)), "loihi1")
    training = build(Emstdp(sizes=(4, 3, 2), grid=7, clip=0.9), 1)
    assert {e.limit for e in exceeded(training, "loihi2")} == {"replay", "phases", "neuron model"}


def test_the_saturation_is_the_one_floor() -> None:
    """-2**17 counts without a leak, -2**23 + 1 with one; where nothing saturates, no floor passes."""
    flat, leaky = IF(1, 5.0, 3), LIF(1, 5.0, 6, v_decay=0.25)
    assert saturation(flat) == -(2.0**14) and saturation(leaky) == (1 - 2**23) / 64
    for p in (flat, leaky):
        floored = network(replace(p, floor=saturation(p)))
        check(floored, "loihi1")
        with pytest.raises(LimitError, match="floor"):
            check(floored, "lava-float")
