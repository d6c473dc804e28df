"""The parts of a Lava export: plain numbers first, then processes that compute what the numbers say."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import Any

import lava_nets
import numpy as np
import pytest

from spikesim.errors import EngineError
from spikesim.hardware.lava.assemble import Wiring, assemble, check_supported, clocks
from spikesim.hardware.lava.file import graph_digest
from spikesim.hardware.lava.graph import Cells, Convolution, Link, low_enough
from spikesim.hardware.lava.network import BUILDERS
from spikesim.hardware.lava.player import Part, _settings, trains
from spikesim.hardware.lava.processes import DELAY_OF_A_PROCESS, _geometry, _kernel
from spikesim.network import Network
from spikesim.neurons import IF, LIF, ErrorIF, PoissonSource, Source
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, CurrentInput, Dense, OneToOne, Sparse
from spikesim.window import Window


def cells(name: str, n: int, ternary: bool = False) -> Cells:
    return Cells(name, n, ternary, 1.0, 0.0, 1.0, np.zeros(n), 0, 0.0, 1, 1.0, np.zeros(n), np.zeros(n))


def network(*projections: Any, n: tuple[int, int] = (3, 2), **post: Any) -> Network:
    kind: Any = ErrorIF if "form" in post else IF
    populations = {"in": Source(n[0]), "a": kind(n[1], 1.0, grid=4, **post)}
    return Network(populations, projections, Window(6))


def graph(p: Any, weights: Any, delay: int = 1, n: tuple[int, int] = (3, 2), **more: Any) -> Any:
    declared = network(p, n=n)
    starts, _ = clocks(declared)
    wiring = Wiring(p.name, p, weights, delay, **more)
    return assemble(declared, "float", {"a": cells("a", n[1])}, [wiring], starts)


def test_a_hop_takes_a_step_in_lava_and_steps_begin_at_1() -> None:
    starts, delays = clocks(network(Dense("in", "a", np.ones((3, 2)))))
    assert starts == {"in": 1, "a": 2} and delays == {"in->a": 1}
    starts, delays = clocks(network(Dense("in", "a", np.ones((3, 2)), 2)))
    assert starts["a"] - starts["in"] == delays["in->a"] >= 2


def test_weights_are_laid_out_from_post_to_pre() -> None:
    w = np.arange(6.0).reshape(3, 2) / 4
    (dense,) = graph(Dense("in", "a", w), w).links
    np.testing.assert_array_equal(dense.weights, w.T)
    assert (dense.pre, dense.post, dense.delay, dense.graded) == ("in", "a", 1, False)
    indptr, indices = np.array([0, 2, 2, 3]), np.array([0, 1, 0], np.int32)
    p = Sparse("in", "a", indptr, indices, np.array([0.25, 0.5, 0.75]))
    (sparse,) = graph(p, np.asarray(p.w), indptr=indptr, indices=indices).links
    assert sparse.weights.toarray().tolist() == [[0.25, 0, 0.75], [0.5, 0, 0]]
    (one,) = graph(OneToOne("in", "a", 0.5), np.float64(0.5), n=(2, 2)).links
    assert one.weights.toarray().tolist() == [[0.5, 0], [0, 0.5]]
    kernel = np.ones((2, 1, 2, 2)) / 4
    conv = Conv2d("in", "a", kernel, (1, 2, 2))
    (link,) = graph(conv, kernel, n=(4, 2)).links
    assert link.convolution == Convolution((1, 2, 2), (2, 1, 1), (1, 1), (0, 0), 1)
    (late,) = graph(conv, kernel, delay=2, n=(4, 2)).links
    assert late.convolution is None and late.weights.shape == (2, 4), "Conv has no delays: it is written out"


def test_a_pair_of_error_neurons_is_two_processes_of_opposite_weights() -> None:
    p = Dense("in", "a", np.ones((3, 2)))
    declared = network(p, form="pair")
    starts, _ = clocks(declared)
    made = assemble(declared, "float", {"a": cells("a", 2)}, [Wiring(p.name, p, np.ones((3, 2)), 1)], starts)
    assert made.parts == {"a": (("a+", 1), ("a-", -1))} and set(made.cells) == {"a+", "a-"}
    weights = {link.post: link.weights for link in made.links}
    np.testing.assert_array_equal(weights["a+"], -weights["a-"])


def test_a_membrane_begins_so_low_that_no_bias_fires_it() -> None:
    assert low_enough(np.array([-1.0, 0.0]), 10) == 0
    assert low_enough(np.array([-1.0, 0.5]), 10) == -5.5


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (lambda: network(reset="subtract"), "reset"),
        (lambda: network(floor=-1.0), "floor"),
        (lambda: network(refractory=1), "refractory"),
        (lambda: Network({"in": Source(1), "a": IF(1, 1.0, grid=4)}, (), Window(4, 2)), "two phases"),
        (lambda: Network({"in": Source(1), "a": LIF(1, 1.0)}, (), Window.without_end()), "Window"),
    ],
)
def test_what_stock_processes_do_not_do_is_refused_by_name(declared: Any, said: str) -> None:
    check_supported(network(Dense("in", "a", np.ones((3, 2)))))
    with pytest.raises(EngineError, match=said):
        check_supported(declared())
    assert CurrentInput("a").post == "a" and PoissonSource(1, 0.1).n == 1


def test_a_source_sends_from_its_start_and_is_silent_afterwards() -> None:
    raster = np.array([[[1, 0], [0, 1]], [[1, 1], [0, 0]]], np.int8)
    found = [row.tolist() for row in islice(trains(from_raster(raster), 3), 8)]
    assert found == [[0, 0], [0, 0], [1, 0], [0, 1], [1, 1], [0, 0], [0, 0], [0, 0]]


def test_states_are_set_where_trials_begin_and_processes_do_not_clear_themselves() -> None:
    zero, start = np.zeros(2), np.ones(2)
    parts = {
        "a": (Part(None, "v of a"),),
        "b": (Part(None, "v of b", starts=(("v of b", zero),)),),
        "c": (Part(None, "v of c", starts=(("v of c", start),), from_rest=False),),
    }
    stage: Any = SimpleNamespace(parts=parts, starts={"a": 2, "b": 3, "c": 4})
    found = _settings(stage, 3, 5)
    assert found == {7: [("v of b", zero)], 12: [("v of b", zero)]} | {
        step: [("v of c", start)] for step in (3, 8, 13)
    }


def test_lava_counts_columns_rows_channels_and_turns_kernels_around() -> None:
    w = np.arange(12.0).reshape(1, 2, 2, 3)
    turned = _kernel(w)
    assert turned.shape == (1, 3, 2, 2) and turned[0, 2, 1, 1] == w[0, 1, 0, 0]
    geometry = _geometry(Convolution((2, 5, 7), (1, 4, 5), (1, 2), (0, 3), 1))
    assert geometry == {"input_shape": (7, 5, 2), "stride": (2, 1), "padding": (3, 0), "groups": 1}
    assert DELAY_OF_A_PROCESS == 1 and Link("l", "a", "b", w, 1).delay == 1


@pytest.mark.parametrize(
    ("arithmetic", "declared", "digest"),
    [
        (
            "float",
            lambda: lava_nets.every_projection(1, 1),
            "0c792c032a38da6cf27cf3ff029c0d46",
        ),
        (
            "fixed",
            lambda: lava_nets.every_projection(1, 1),
            "472322770f8fbf78c4d137a17f23e481",
        ),
        (
            "fixed",
            lambda: lava_nets.leaky(1),
            "9c03a8c8ebde3269286672e8da7bd38f",
        ),
    ],
    ids=["float", "fixed", "leaky"],
)
def test_files_from_before_parameters_of_each_neuron_keep_their_digest(
    arithmetic: Any, declared: Any, digest: str
) -> None:
    """Else they could not be loaded; the digests are of version 0.1."""
    assert graph_digest(BUILDERS[arithmetic](declared())).startswith(digest)
