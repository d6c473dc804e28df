"""Recordings: membranes in the unit of weights and thresholds, with a grid and without."""

from __future__ import annotations

import numpy as np
import pytest

import spikesim as ss
from spikesim.errors import DataError
from spikesim.recording import Recording, winner, winners

pytestmark = pytest.mark.core


def network(n: int = 1) -> ss.Network:
    """Constant currents: 0.25 on a grid of 1/16, 0.3 without a grid, 0.25 into a pair of error neurons."""
    return ss.Network(
        {
            "in": ss.Source(1),
            "grid": ss.IF(n, theta=1.0, grid=4),
            "real": ss.LIF(n, theta=1.0),
            "pair": ss.ErrorIF(n, theta=1.0, grid=2, form="pair"),
        },
        tuple(
            ss.Dense("in", name, np.full((1, n), w))
            for name, w in (("grid", 0.25), ("real", 0.3), ("pair", 0.25))
        ),
        ss.Window(4),
    )


def recording(net: ss.Network) -> Recording:
    spikes = ss.from_raster(np.array([[[1], [1], [0], [1]]]))
    return ss.simulate(net, {"in": spikes}, record=("grid", "real", "pair", "in"))


def test_membranes_are_in_the_unit_of_the_threshold() -> None:
    """0.25 = 4/16 per spike, at steps 0, 1 and 3: v counts sixteenths; membrane() returns 0.25 to 0.75."""
    net = network()
    found = recording(net)
    assert found.v["grid"].tolist() == [[[4], [8], [8], [12]]] and found.v["grid"].dtype == np.int64
    v = found.membrane("grid", net)
    assert v.tolist() == [[[0.25], [0.5], [0.5], [0.75]]] and v.dtype == np.float64
    pair = found.membrane("pair", net)
    assert pair.shape == (1, 4, 2, 1) and pair[0, :, 0, 0].tolist() == [0.25, 0.5, 0.5, 0.75]
    assert np.array_equal(pair[:, :, 1], -pair[:, :, 0])
    real = found.membrane("real", net)
    assert real.dtype == np.float64 and np.array_equal(real, found.v["real"]) and real[0, 0, 0] == 0.3


def test_a_membrane_that_was_not_recorded_is_refused() -> None:
    net = network()
    found = recording(net)
    with pytest.raises(DataError, match=r"unknown population 'gird'\. Did you mean 'grid'"):
        found.membrane("gird", net)
    with pytest.raises(DataError, match=r"unknown recorded population 'in'.*record='in'"):
        found.membrane("in", net)
    with pytest.raises(DataError, match="'grid' has 1 neurons in the recording and 2 in the network"):
        found.membrane("grid", network(2))


def test_the_winner_has_most_spikes_then_the_higher_membrane() -> None:
    assert winner(np.array([1, 3, 3]), np.array([9, 2, 5])) == 2
    assert winner(np.array([3, 3]), np.array([5, 5])) == 0
    assert winners(np.array([[0, 1], [1, 1]]), np.array([[0, 0], [1, 0]])).tolist() == [1, 0]
