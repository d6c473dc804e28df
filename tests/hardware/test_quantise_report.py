"""The report of a quantisation: a line a projection, and accuracies on the same spikes."""

from __future__ import annotations

import pytest
import small_runs

from spikesim.encoders import Poisson
from spikesim.errors import DeclarationError
from spikesim.hardware.quantise_report import PopulationError, ProjectionError, Quantised, accuracies
from spikesim.network import Network
from spikesim.neurons import IF, Source
from spikesim.synapses import OneToOne
from spikesim.window import Window

pytestmark = pytest.mark.core


def test_a_line_tells_of_the_threshold_that_its_weights_lead_to() -> None:
    network = Network(
        {"in": Source(2), "a": IF(2, 1.0, grid=4)}, (OneToOne("in", "a", 0.5, name="p"),), Window(4)
    )
    error = ProjectionError("p", 2, 6, 0.25, 0.125, 0.5, 1, 0)
    moved = PopulationError("a", 6, 1.0, 1.125, 0.0, 0.0, None)
    (row,) = Quantised(network, "loihi1", 8, (error,), (moved,)).rows()
    assert dict(zip(Quantised.COLUMNS, row, strict=True)) == {
        "layer": "p",
        "weights": 2,
        "step": "2**-6",
        "max error": 0.25,
        "rms error": 0.125,
        "relative": 0.5,
        "clipped": 1,
        "zeroed": 0,
        "theta error": 0.125,
    }


def test_both_networks_are_given_the_same_spikes() -> None:
    network, data = small_runs.network(), small_runs.data(60)
    one, two, samples = accuracies(network, network, data.test, Poisson(), engine="stepped")
    assert one == two is not None and samples == len(data.test)
    assert accuracies(network, network) == (None, None, 0)
    with pytest.raises(DeclarationError, match="together"):
        accuracies(network, network, data.test)
