"""The trials that verify and export compare: one place, and what each source is given."""

from __future__ import annotations

import numpy as np

import spikesim as ss
from spikesim.datasets.dataset import make_split
from spikesim.rng import Stream
from spikesim.tools.commands.trials import encoded, given_steps, random_input


def network(replay: bool = True) -> ss.Network:
    return ss.Network(
        {"in": ss.Source(4, replay), "more": ss.Source(2), "out": ss.IF(3, 1.0)},
        (ss.Dense("in", "out", np.ones((4, 3))), ss.Dense("more", "out", np.ones((2, 3)))),
        ss.Window(12, 6),
    )


def test_a_source_that_replays_is_given_its_first_phase() -> None:
    assert given_steps(network(), "in") == 6
    assert given_steps(network(), "more") == 12
    found = random_input(network(), 5, 0.3, 1, steps=99)
    assert {name: (len(s), s.T, s.n) for name, s in found.items()} == {"in": (5, 6, 4), "more": (5, 12, 2)}
    assert found == random_input(network(), 5, 0.3, 1, steps=99)
    assert found["in"] != random_input(network(), 5, 0.3, 2, steps=99)["in"]


def test_a_network_without_trials_has_one_of_the_steps_asked_for() -> None:
    endless = ss.Network({"in": ss.Source(4)}, ())
    found = random_input(endless, 5, 0.3, 1, steps=40)["in"]
    assert (len(found), found.T) == (1, 40)


def test_samples_are_encoded_from_the_stream_of_tests() -> None:
    x = np.random.default_rng(1).random((3, 4)).astype(np.float32)
    split = make_split("test", x, np.arange(3))
    found = encoded(network(), split, ss.Poisson(), 7)["in"]
    assert found == ss.Poisson().encode(x, np.arange(3), 6, 7, 0, Stream.TEST)
