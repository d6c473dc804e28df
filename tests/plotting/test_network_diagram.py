"""Network diagrams: every population once, layers in a row, teaching populations above their layer."""

import pytest

from spikesim.models.emstdp import Emstdp, build
from spikesim.plotting.network_diagram import _places, draw_network


@pytest.mark.parametrize("feedback", ["symmetric", "fa", "dfa"])
def test_every_population_has_a_place_of_its_own(feedback):
    network = build(Emstdp(sizes=(12, 8, 6, 3), feedback=feedback))
    places = _places(network)
    assert places.keys() == network.populations.keys()
    assert len(set(places.values())) == len(places)
    layers = [places[name] for name in ("in", "hid1", "hid2", "out")]
    assert [y for _, y in layers] == [0, 0, 0, 0] and sorted(layers) == layers
    assert places["err1"][0] == places["hid1"][0] and places["err1"][1] > 0
    assert places["target"][1] > places["err_out"][1]


def test_a_picture_is_written(tmp_path):
    draw_network(build(Emstdp(sizes=(12, 8, 3), feedback="dfa", forward_delay=1)), tmp_path / "net.png")
    assert (tmp_path / "net.png").read_bytes().startswith(b"\x89PNG")
