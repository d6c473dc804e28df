"""Populations split into parts of equal parameters: the parts together have the spikes of the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spikesim.engines import Naive
from spikesim.hardware.limits import LimitError
from spikesim.hardware.split import Joined, split
from spikesim.network import Network, Readout
from spikesim.neurons import IF, LIF, ErrorIF, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, Dense, OneToOne, Sparse
from spikesim.window import Window

pytestmark = pytest.mark.core
RS = np.random.default_rng(1)


def network(post: Any, *projections: Any) -> Network:
    populations = {"in": Source(4), "a": post, "b": IF(post.n, 1.0, grid=4)}
    return Network(populations, projections, Window(12), Readout("a"))


def weights(*shape: int) -> Any:
    return RS.integers(-4, 10, shape) / 16


def test_neurons_that_agree_are_a_part_in_the_order_of_their_first() -> None:
    whole = network(IF(4, [2.0, 1.0, 2.0, 3.0], grid=4), Dense("in", "a", weights(4, 4)))
    found, parts = split("a chip", whole, ("theta",))
    assert {name: [(part, neurons.tolist()) for part, neurons in made] for name, made in parts.items()} == {
        "a": [("a[0]", [0, 2]), ("a[1]", [1]), ("a[2]", [3])]
    }
    assert [found.populations[f"a[{k}]"].n for k in range(3)] == [2, 1, 1]
    assert set(np.ravel(found.populations["a[0]"].theta)) == {2.0} and found.readout is None
    same, none = split("a chip", whole, ("bias",))
    assert same is whole and none == {}, "what does not differ in these stays as it is"


@pytest.mark.parametrize("kind", ["dense", "sparse", "one to one", "convolution"])
def test_the_parts_play_what_the_whole_plays(kind: str) -> None:
    made: dict[str, Any] = {
        "dense": Dense("in", "a", weights(4, 4), 1),
        "sparse": Sparse(
            "in",
            "a",
            np.array([0, 3, 4, 6, 8]),
            np.array([0, 1, 3, 2, 0, 0, 1, 3], np.int32),
            weights(8),
            delays=np.array([0, 2, 1, 0, 2, 1, 0, 1], np.uint16),
        ),
        "one to one": OneToOne("in", "a", 0.5),
        "convolution": Conv2d("in", "a", weights(4, 1, 2, 2), (1, 2, 2)),
    }
    cell = IF(4, [0.5, 1.0, 0.5, 0.75], grid=4, bias=[0.0, 0.0625, 0.0, 0.125], offset=2)
    whole = network(cell, made[kind], Dense("a", "b", weights(4, 4), 1))
    parted, parts = split("a chip", whole, ("theta", "bias"))
    assert len(parts["a"]) == 3
    inputs = {"in": from_raster((RS.random((3, 12, 4)) < 0.5).astype(np.int8))}
    expected = Naive(whole).run(inputs, record=["a", "b"])
    found = Joined(whole, parts, Naive(parted)).run(inputs, record=["a", "b"])
    for name in ("a", "b"):
        assert found.spikes[name] == expected.spikes[name]
        np.testing.assert_array_equal(found.v[name], expected.v[name])
        np.testing.assert_array_equal(found.counts[name], expected.counts[name])
    np.testing.assert_array_equal(found.predictions, expected.predictions)
    assert len(expected.spikes["a"].times) > 10


def test_more_parts_than_a_target_has_room_for_are_refused() -> None:
    leaky = LIF(4, [1.0, 2.0, 3.0, 4.0], 4, 0.5, 0.25)
    with pytest.raises(LimitError, match=r"a chip: a: theta take 4 different values"):
        split("a chip", network(leaky, Dense("in", "a", weights(4, 4))), ("theta",), most=3)


def test_a_gate_of_parts_is_refused_in_words() -> None:
    gated = ErrorIF(3, (1.0, 1.0, 2.0), 4, active_in="second", gate_by="a")
    network = Network(
        {"in": Source(3), "a": IF(3, 1.0, 4), "e": gated},
        (Dense("in", "a", np.eye(3)), Dense("a", "e", np.eye(3))),
        Window.halved(8),
    )
    with pytest.raises(
        LimitError, match=r"a chip: e has gate_by = 'a', and this target has no gates; use net"
    ):
        split("a chip", network, ("theta",))
    _, parts = split(
        "a chip", replace(network, populations=network.populations | {"e": IF(3, 1.0, 4)}), ("theta",)
    )
    assert parts == {}
