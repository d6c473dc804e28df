"""Learners from declared networks: numbers of the chip, and refusals with the way out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onchip_nets
import pytest

from spikesim.errors import DeclarationError, EngineError
from spikesim.hardware.limits import LimitError
from spikesim.hardware.onchip.capacity import check_chips
from spikesim.hardware.onchip.declare import learner
from spikesim.hardware.onchip.learner import nearest
from spikesim.network import Network


def test_numbers_of_both_arithmetics() -> None:
    network = onchip_nets.network()
    real, whole = (learner(network, kind, nearest_eta=True) for kind in ("float", "fixed"))
    theta = network.populations["hid1"].theta
    assert real.layers[0].theta * real.layers[0].unit == theta
    assert whole.layers[0].theta == theta * 64
    assert whole.layers[0].unit == 2.0**-6
    assert (whole.layers[0].w % 2 == 0).all()
    assert (real.layers[0].w == network.masters()["in->hid1"]).all()
    assert whole.loss == 1  # w_loss = theta_loss = 1: in lowest terms
    assert whole.layers[1].theta_error == 1
    assert whole.layers[0].eta == real.layers[0].eta - 22  # the same learning rate in other units
    back = network.weights("err_out->err1")
    assert (whole.layers[0].feedback == back * 64).all()
    assert any("initial weights are odd" in note for note in whole.notes)
    assert any("eta" in note for note in whole.notes)
    assert len(whole.label) == 16 - 2 * 2 - 1


def test_injection_has_7_bits_and_an_exponent() -> None:
    changes: Any = {"grid": 8, "clip": 1.0 - 2**-8, "init_scale": 0.1, "beta_hidden": 0.73, "beta_out": 0.7}
    exact = round(onchip_nets.network(**changes).populations["hid1"].theta * 256)
    value = onchip_nets.small("fixed", **changes).layers[0].inject
    assert exact > 127
    assert value != exact
    assert abs(value - exact) <= exact / 128
    while value % 2 == 0:
        value //= 2
    assert value <= 127


def test_feedback_kinds() -> None:
    deep: dict[str, Any] = {"sizes": (8, 7, 6, 4)}
    assert onchip_nets.small(feedback="symmetric").layers[0].feedback is None
    assert onchip_nets.small(feedback="dfa", **deep).feedback == "dfa"
    assert onchip_nets.small(feedback="fa", **deep).feedback == "fa"
    assert onchip_nets.small(feedback="dfa", **deep).above(0).n == 4
    assert onchip_nets.small(feedback="fa", **deep).above(0).n == 6


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"T": 8}, r"T = 8 with 2 layers of weights; .*Take an even T >= 12"),
        ({"T": 128}, r"learning epoch, which has at most 63 steps.*Take T <= 126"),
        ({"grid": 9}, r"hid1: a weight is .*chip holds -256 .. 255. Take a coarser grid.*: 3 bits less"),
        (
            {"eta": 999.0, "T": 12},
            r"layer hid1: eta = 16; the exponent of eta is .*nearest learning rate is 2\*\*8 of it, eta = 4",
        ),
        (
            {"eta": 1e-4},
            r"eta = .*; the exponent of eta is -16 .* 2\*\*-7 of it, eta = 0.000122.*declared one times 512",
        ),
        (
            {"beta_error": 900.0, "sizes": (8, 10, 8)},
            r"threshold of the error neurons is .*smaller beta_error",
        ),
        ({"b_scale": 9.0}, r"a feedback weight of .*-127 .. 127. Take a coarser grid.*smaller b_scale"),
    ],
)
def test_what_the_chip_cannot_hold(changes: Any, said: str) -> None:
    with pytest.raises(LimitError, match=said):
        onchip_nets.small("fixed", **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"h_pre": "first"}, r"counts presynaptic spikes in the first phase.*h_pre='second' or 'all'"),
        ({"error_form": "ternary"}, r"form = 'ternary'.*train a network with error_form='pair'"),
        ({"error_reset": "subtract"}, r"reset = 'subtract'.*error_reset='zero'"),
        ({"gamma": 0.0}, r"one that injects \(gamma > 0\) is needed"),
        ({"floor": 1.0}, r"hid1 has floor = -"),
        ({"reset": "subtract"}, r"hid1 has reset = subtract; zero is needed"),
        ({"reset_at_split": False}, r"reset_at"),
        ({"update": "error"}, r"has error = 'err1'; the chip's rule is eq. 12.*update='change'"),
        ({"step": "normalised", "eta": 1e-3}, r"step = 'normalised'"),
        ({"bounded": True}, r"ceiling = 16"),
        ({"eta": 0.0}, r"eta = 0; a layer that does not learn is not supported"),
        (
            {"sizes": (36, 5, 3), "conv": ((2, 3, 2),), "feedback": "dfa"},
            r"one Dense projection with a CountRule",
        ),
    ],
)
def test_what_the_graph_does_not_have(changes: Any, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        onchip_nets.small("fixed", **changes)


def test_an_eta_that_no_exponent_expresses() -> None:
    with pytest.raises(LimitError, match=r"in->hid1: eta = 0\.000946.* 0\.00048.* and 0\.0009.* times 0\.51"):
        learner(onchip_nets.network(), "fixed")
    declared = onchip_nets.network()
    exact = tuple(
        replace(p, plastic=replace(p.plastic, eta=2.0**-10)) if p.plastic else p for p in declared.projections
    )
    one = learner(Network(declared.populations, exact, declared.window, declared.readout), "fixed")
    assert [layer.eta for layer in one.layers] == [-4, -4]
    assert "eta = 4" in nearest(20, 2.0**-6)


def test_room_on_the_chips() -> None:
    one = onchip_nets.small("fixed")
    assert check_chips(one) == []
    hidden, out = one.layers

    def wide(n_in: int, n: int) -> Any:  # one zero, seen from everywhere
        layers = replace(hidden, n=n, w=np.broadcast_to(np.int64(0), (n_in, n))), replace(out, w=out.w[:1])
        return replace(one, layers=layers)

    (said,) = check_chips(wide(5000, 10))
    assert said.startswith("layer hid1: 5000 inputs")
    assert "Loihi (2018) has 4096 input axons" in said
    with pytest.raises(LimitError, match=r"hid1: .* cores of Loihi 2 .*synaptic memory.* a chip has 128"):
        check_chips(wide(4000, 3500))
    with pytest.raises(DeclarationError, match="unknown arithmetic 'flot'"):
        onchip_nets.small("flot")


def test_other_networks_are_refused() -> None:
    with pytest.raises(EngineError, match="two equal phases"):
        learner(onchip_nets.network().inference(), "float")
    assert np.isfinite(onchip_nets.small().layers[0].unit)
