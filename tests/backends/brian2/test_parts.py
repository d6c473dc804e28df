"""The parts that a Brian2 run is made of: what comes from outside, populations, projections, monitors."""

from __future__ import annotations

import numpy as np
import pytest

from spikesim.backends.brian2.device import generating
from spikesim.backends.brian2.inputs import Outside, presented
from spikesim.backends.brian2.monitors import Seen
from spikesim.backends.brian2.neuron_models import check_reach, models, translated
from spikesim.backends.brian2.populations import (
    FIRE,
    INTEGRATE,
    RESET,
    SEND,
    Clockwork,
    begin,
    groups,
    state_of,
)
from spikesim.backends.brian2.projections import projections
from spikesim.backends.brian2.trial_learning import check_rules
from spikesim.errors import EngineError
from spikesim.learning import CountRule
from spikesim.network import Network
from spikesim.neurons import IF, ErrorIF, Source, Target
from spikesim.spikes import from_raster
from spikesim.synapses import Dense
from spikesim.window import Window

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]


def pair(T: int = 4) -> Network:
    """One input, one neuron of threshold 1 with a weight of 5/8 on a grid of eighths."""
    return Network(
        {"in": Source(1), "a": IF(1, 1.0, grid=3)},
        (Dense("in", "a", np.array([[0.625]])),),
        Window(T),
    )


def test_two_presentations_worked_out_by_hand() -> None:
    """v counts eighths: 5, then 10 >= 8: a spike and 0. A border lies between presentations, and clears."""
    network = pair()
    spikes = from_raster(np.array([[[1], [1], [0], [1]], [[0], [1], [0], [0]]], np.int8))
    outside = presented(network, 6, {"in": spikes}, np.zeros(2, np.int64))
    with generating(b2, "numpy") as simulate:
        clocks = Clockwork.of(b2, network, network.window, outside.length)
        cells = models(network.populations)
        made = groups(clocks, cells, outside)
        joined = projections(clocks, made, network.masters(), {"in->a": network.weights("in->a")})
        seen = Seen(clocks, made, cells, outside, ["a"], ["a"])
        simulate(b2.Network(*made.values(), *joined.values(), *seen.all()), 2 * 6 + 1)
        assert seen.v("a", 2)[..., 0].tolist() == [[5, 0, 0, 5], [0, 5, 5, 5]]
        assert [seen.spikes("a", 2).raster(b).ravel().tolist() for b in (0, 1)] == [[0, 1, 0, 0], [0] * 4]
        assert seen.counts("a", 2)[:, :, 0].tolist() == [[1, 0], [0, 0]]
        assert seen.counts("in", 2)[:, :, 0].tolist() == [[3, 0], [1, 0]]


def test_spikes_from_outside_are_counted_by_presentation_and_phase() -> None:
    network = Network({"in": Source(2), "target": Target(3, 0.5)}, (), Window(4, 2))
    given = from_raster(np.array([[[1, 0], [1, 1], [0, 0], [0, 1]]], np.int8))
    outside = presented(network, 5, {"in": given}, np.array([2]))
    steps, neurons = outside.events["in"]
    assert steps.tolist() == [1, 2, 2, 4], "step 0 of a presentation is its border"
    assert neurons.tolist() == [0, 0, 1, 1]
    assert outside.counts["in"].tolist() == [[[2, 1], [0, 1]]]
    for span, expected in (("first", [2, 1]), ("second", [0, 1]), ("all", [2, 2])):
        assert outside.presynaptic("in", span).tolist() == [[0, 0], expected]
    assert outside.counts["target"][0, :, :2].sum() == 0 < outside.counts["target"][0, :, 2].sum()


def test_a_turn_is_integrate_fire_reset_send_in_the_networks_order() -> None:
    network = pair()
    clocks = Clockwork.of(b2, network, network.window, 6)
    places = [clocks.order(name, place) for name in network.order for place in (INTEGRATE, FIRE, RESET, SEND)]
    assert places == sorted(set(places))
    assert clocks.named("population", "a") != clocks.named("population", "in")


def test_a_population_goes_on_from_where_it_stood() -> None:
    network = Network({"in": Source(2), "e": ErrorIF(3, 1.0, 4, "pair")}, (), Window(4, 2))
    outside = Outside(network, 6)
    outside.add("in", from_raster(np.zeros((1, 4, 2), np.int8)), 2)
    cells = models(network.populations)
    made = groups(Clockwork.of(b2, network, network.window, 6), cells, outside)
    state = {"v": np.array([[1, 2, 3], [-4, 5, 6]])}
    begin(made["e"], cells["e"], state)
    after = state_of(made["e"], cells["e"], state)
    np.testing.assert_array_equal(after["v"], state["v"], strict=True)


def learning(rule: CountRule, T: int = 8) -> Network:
    populations = {"in": Source(2), "a": IF(2, 1.0, grid=4)}
    return Network(populations, (Dense("in", "a", np.zeros((2, 2)), plastic=rule),), Window.halved(T))


def test_what_brian2_cannot_learn_bit_for_bit_is_refused() -> None:
    check_rules(learning(CountRule(0.01, "first", (-1, 1))), 1, 1.0)
    with pytest.raises(EngineError, match=r"normalised.*Use step='plain'"):
        check_rules(learning(CountRule(0.01, "first", (-1, 1), step="normalised")), 1, 1.0)
    with pytest.raises(EngineError, match="a smaller eta"):
        check_rules(learning(CountRule(1.0, "first", (-1, 1)), T=2000), 100, 1.0)


def test_a_model_without_a_translation_is_refused_by_name() -> None:
    class Mine:
        n = 3

    with pytest.raises(EngineError, match="mine is a Mine, a model without a translation"):
        translated("mine", Mine())
    with pytest.raises(EngineError, match=r"a: .*has left the range"):
        check_reach("a", 2.0**53)
    check_reach("a", 2.0**53 - 1)
