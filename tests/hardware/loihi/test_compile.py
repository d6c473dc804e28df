"""From a network to chip integers: weights and exponents, thresholds, biases, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim.errors import DeclarationError
from spikesim.hardware.limits import LimitError
from spikesim.hardware.loihi.compile import chip_weights, compile_network
from spikesim.hardware.loihi.integer_network import reach
from spikesim.network import Network
from spikesim.neurons import IF, LIF, Source
from spikesim.synapses import Conv2d, Dense, Sparse
from spikesim.window import Window

pytestmark = pytest.mark.core


def network(neuron: object, w: object = ((1.0,),), T: int = 5) -> Network:
    """in => p."""
    matrix = np.array(w, float)
    return Network({"in": Source(len(matrix)), "p": neuron}, (Dense("in", "p", matrix, 1),), Window(T))


@pytest.mark.parametrize(
    ("counts", "weights", "exponent", "mode"),
    [
        ([3, -5], [6, -10], -1, "mixed"),
        ([127, -128], [254, -256], -1, "mixed"),
        ([4, -6], [4, -6], 0, "mixed"),
        ([3, 255], [3, 255], 0, "excitatory"),
        ([12, 40], [3, 10], 2, "excitatory"),
        ([-3, 0], [-3, 0], 0, "inhibitory"),
        ([0, 0], [0, 0], 0, "excitatory"),
        ([1024], [8], 7, "excitatory"),
        ([776], [97], 3, "excitatory"),
    ],
)
def test_weights_and_exponents(counts: list[int], weights: list[int], exponent: int, mode: str) -> None:
    """Mixed signs are even; the exponent is the largest that keeps all of them whole, up to 7."""
    made = chip_weights(np.array(counts) * 64, "w")
    assert (made[0].tolist(), made[1], made[2], made[3]) == (weights, exponent, mode, 0)


@given(st.lists(st.integers(-128, 127), min_size=1, max_size=20), st.integers(0, 6))
def test_weights_stand_for_what_they_were(counts: list[int], shift: int) -> None:
    """W << (exponent + 6) gives the units back, and W fits its sign mode."""
    units = np.array(counts) << (6 + shift)
    weights, exponent, mode, clipped = chip_weights(units, "w")
    assert ((weights.astype(np.int64) << (exponent + 6)) == units).all() and clipped == 0
    low, high = {"mixed": (-256, 254), "excitatory": (0, 255), "inhibitory": (-255, 0)}[mode]
    assert weights.min() >= low and weights.max() <= high
    assert mode != "mixed" or not (weights & 1).any()


@pytest.mark.parametrize("counts", [[129, -1], [128, -128 * 2 - 1], [257], [-257]])
def test_weights_that_need_more_bits_are_refused(counts: list[int]) -> None:
    """Never clipped in silence; asked for, they are clipped and counted."""
    with pytest.raises(LimitError, match=r"weights need [89] bits"):
        chip_weights(np.array(counts) * 64, "a->b")
    assert chip_weights(np.array(counts) * 64, "a->b", clip=True)[3] >= 1


def test_weights_beside_64_units_are_refused() -> None:
    """A leaky population counts in units: its weights are multiples of 64."""
    with pytest.raises(LimitError, match="1 weights are no multiples of 64"):
        compile_network(network(LIF(1, 1 / 64, 6, v_decay=0.5), [[1.5]]))


@pytest.mark.parametrize(
    ("bias", "mantissa", "exponent"),
    [(3.0, 3, 6), (-4096.0, -4096, 6), (4098.0, 2049, 7), (-8000.0, -4000, 7)],
)
def test_biases(bias: float, mantissa: int, exponent: int) -> None:
    """A count is 64 units: 6 is the exponent, 7 where 13 bits do not do."""
    made = compile_network(network(IF(1, 5.0, 0, bias=bias))).populations["p"]
    assert (made.bias_mant.tolist(), made.bias_exp, made.bias.tolist()) == ([mantissa], exponent, [bias * 64])


@pytest.mark.parametrize("bias", [4097.0, 9000.0])
def test_biases_beyond_are_refused(bias: float) -> None:
    """Odd ones beyond 13 bits, and all beyond 2**20 units."""
    with pytest.raises(LimitError, match=r"p: bias = .*13 bits"):
        compile_network(network(IF(1, 5.0, 0, bias=bias)))


def test_thresholds() -> None:
    """theta - 1 without a leak; 64 k + 1 counts with one; 17 bits."""
    assert compile_network(network(IF(1, 2.0**17, 0))).populations["p"].vth == 2**17 - 1
    made = compile_network(network(LIF(1, 10 + 1 / 64, 6, u_decay=0.25), [[1.0]])).populations["p"]
    assert (int(made.vth[0]), made.scale, int(made.du[0]), int(made.dv[0])) == (10, 1, 1024, 0)
    with pytest.raises(LimitError, match=r"theta = 640 counts.*The nearest is 641"):
        compile_network(network(LIF(1, 10.0, 6, u_decay=0.25), [[1.0]]))
    with pytest.raises(LimitError, match=r"threshold = 131072.*0 .. 131071"):
        compile_network(network(IF(1, 2.0**17 + 1, 0)))


def test_a_current_that_does_not_last_leaves_the_scale() -> None:
    """LIF without leak is IF: the same integers."""
    plain, made = (compile_network(network(p)).populations["p"] for p in (IF(1, 9.0, 0), LIF(1, 9.0, 0)))
    for p in (plain, made):
        assert (int(p.vth[0]), p.scale, int(p.du[0]), int(p.dv[0])) == (8, 64, 4096, 0)


def test_sparse_delays_become_projections() -> None:
    """One for each delay, with its own synapses; weights and exponent in common."""
    link = Sparse(
        "in",
        "p",
        np.array([0, 2, 3]),
        np.array([0, 1, 1]),
        np.array([2.0, 4.0, 6.0]),
        1,
        np.array([0, 2, 0], np.uint16),
    )
    chip = compile_network(Network({"in": Source(2), "p": IF(2, 9.0, 0)}, (link,), Window(4)))
    assert [(p.name, p.delay, p.weight_exp) for p in chip.projections] == [
        ("in->p+0", 1, 1),
        ("in->p+2", 3, 1),
    ]
    assert [chip.matrix(p).tolist() for p in chip.projections] == [[[1, 0], [0, 3]], [[0, 2], [0, 0]]]
    assert not chip.layered


def test_convolutions_written_out() -> None:
    """The same matrix as the projection's own."""
    rs = np.random.default_rng(1)
    w = rs.integers(-9, 9, (4, 1, 2, 3)).astype(float)
    link = Conv2d("in", "p", w, (2, 5, 4), stride=(2, 1), padding=(1, 1), groups=2, delay=1)
    n = int(np.prod(link.out_shape))
    chip = compile_network(Network({"in": Source(40), "p": IF(n, 9.0, 0)}, (link,), Window(4)))
    (made,) = chip.projections
    counts = chip.matrix(made) * 2.0**made.weight_exp
    assert (counts == link.pieces(link.w)[0][1]).all()


def test_bounds_by_each_neurons_own_weights() -> None:
    """Sums of negative and positive weights: down over the window, up to the threshold and a step."""
    made = compile_network(network(IF(2, 20.0, 0, bias=(1.0, 0.0)), [[3, -2], [4, -6]], T=10))
    (found,) = reach(made)
    assert (found.u_low, found.u_high) == (-8 * 64, 7 * 64)
    assert (found.v_low, found.v_high) == (-80 * 64, (19 + 8) * 64)
    assert (found.may_wrap, found.may_saturate) == (0, 0)


def test_weights_beside_the_grid_do_not_arise() -> None:
    """A network does not take them; the compiler has nothing to round."""
    with pytest.raises(DeclarationError, match="off the grid"):
        network(IF(1, 5.0, 0), [[0.5]])


def shortcut(delay: int) -> Network:
    """in -> a -> b within a step, and in -> b by a delay of its own."""
    populations = {"in": Source(1), "a": IF(1, 1.0, 0), "b": IF(1, 1.0, 0, offset=0)}
    one = np.ones((1, 1))
    links = (Dense("in", "a", one), Dense("a", "b", one), Dense("in", "b", one, delay))
    return Network(populations, links, Window(80))


def test_a_delay_that_retiming_lengthens_is_held_to_the_limit() -> None:
    """b begins two steps later on the chip, so that a delay of 61 becomes 63, and one of 62 is too long."""
    delays = {p.name: p.delay for p in compile_network(shortcut(61)).projections}
    assert delays == {"in->a": 1, "a->b": 1, "in->b": 63}
    with pytest.raises(LimitError, match=r"in->b: delay = 64 on the chip \(62 as declared\)"):
        compile_network(shortcut(62))
