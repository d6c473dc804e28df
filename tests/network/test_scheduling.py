"""The order inside a step, and the clocks of populations behind delays."""

from __future__ import annotations

import numpy as np
import pytest

from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network
from spikesim.neurons import IF, Source
from spikesim.synapses import Dense
from spikesim.window import Window

pytestmark = pytest.mark.core


def chain(delays: dict[tuple[str, str], int], **offsets: int) -> Network:
    """A net of one-neuron populations: in, then every other name."""
    names = dict.fromkeys(name for link in delays for name in link if name != "in")
    populations = {name: IF(1, 1.0, offset=offsets.get(name)) for name in names}
    links = tuple(Dense(a, b, np.ones((1, 1)), d) for (a, b), d in delays.items())
    return Network({**populations, "in": Source(1)}, links, Window(8))


def test_the_order_follows_zero_delays_and_else_the_declaration() -> None:
    assert chain({("b", "a"): 0, ("in", "b"): 0}).order == ("in", "b", "a")
    assert chain({("b", "a"): 1, ("in", "b"): 1}).order == ("b", "a", "in")


def test_offsets_are_the_hops_behind_the_input() -> None:
    net = chain({("in", "a"): 2, ("a", "b"): 3, ("in", "b"): 5})
    assert dict(net.offsets) == {"a": 2, "b": 5, "in": 0}
    assert net.steps == 8 + 5


def test_a_declared_offset_is_taken_as_it_is() -> None:
    net = chain({("in", "a"): 2, ("a", "b"): 3, ("in", "b"): 1}, b=4)
    assert net.offsets["b"] == 4
    recurrent = chain({("in", "a"): 1, ("a", "b"): 1, ("b", "a"): 1}, a=1)
    assert dict(recurrent.offsets) == {"a": 1, "b": 2, "in": 0}


@pytest.mark.parametrize("forward", [0, 1, 2])
@pytest.mark.parametrize("error", [1, 2])
def test_emstdp_in_time(forward: int, error: int) -> None:
    net = build(Emstdp(sizes=(3, 4, 5, 2), T=8, forward_delay=forward, error_delay=error, feedback="fa"))
    hops = {name: k * forward for k, name in enumerate(("in", "hid1", "hid2", "out"))}
    loss = hops["out"] + forward  # one hop behind the output; the target reaches it with the output
    expected = hops | {
        "target": loss - forward,
        "err_out": loss,
        "err2": loss + error,
        "err1": loss + 2 * error,
    }
    assert dict(net.offsets) == expected
    assert net.steps == 8 + max(expected.values())
    assert net.order.index("in") < net.order.index("hid1") or forward
