"""The adaptive LIF neuron: eight steps by hand, its compiled twin, the threshold that acts, Brian2."""

from __future__ import annotations

import numpy as np
import pytest

import spikesim as ss
from spikesim.errors import DeclarationError
from spikesim.verification.verify import verify

CURRENT = np.array([[1.0], [1.0], [1.0], [1.0], [0.0], [1.0], [1.0], [1.0]])


@pytest.mark.core
def test_eight_steps_by_hand() -> None:
    """theta 2; v halves in a step, a halves, c lasts one step; a_jump 1, c_jump 0.5; the input is 2, or 0.

    t   v = v/2 + I - c      2 + a     v, a and c after the step
    0   2                    2         spike: 0, 1, .5
    1   2 - .5 = 1.5         3         1.5, .5, 0
    2   .75 + 2 = 2.75       2.5       spike: 0, .25 + 1, .5
    3   2 - .5 = 1.5         3.25      1.5, .625, 0
    4   .75 + 0 = .75        2.625     .75, .3125, 0
    5   .375 + 2 = 2.375     2.3125    spike: 0, .15625 + 1, .5
    6   2 - .5 = 1.5         3.15625   1.5, .578125, 0
    7   .75 + 2 = 2.75       2.578125  spike: 0, .2890625 + 1, .5
    """
    net = ss.Network(
        {"n": ss.AdaptiveLIF(1, 2.0, v_decay=0.5, a_jump=1.0, a_decay=0.5, c_jump=0.5, c_decay=1.0)},
        (),
        drives=(ss.CurrentInput("n"),),
    )
    recording = ss.simulate(net, {"->n": 2 * CURRENT}, steps=8, record=[ss.Monitor("n", k) for k in "vac"])
    v, a, c = (recording.monitors[ss.Monitor("n", k)].values[:, 0].tolist() for k in "vac")
    assert v == [0.0, 1.5, 0.0, 1.5, 0.75, 0.0, 1.5, 0.0]
    assert a == [1.0, 0.5, 1.25, 0.625, 0.3125, 1.15625, 0.578125, 1.2890625]
    assert c == [0.5, 0.0, 0.5, 0.0, 0.0, 0.5, 0.0, 0.5]


@pytest.mark.core
def test_without_adaptation_it_is_the_leaky_neuron() -> None:
    rs = np.random.default_rng(1)
    common = {"u_decay": 0.25, "v_decay": 0.125, "refractory": 2, "bias": 0.0625, "v_reset": -0.25}
    counts = []
    for made in (ss.LIF(6, 1.0, 8, **common), ss.AdaptiveLIF(6, 1.0, 8, **common)):
        net = ss.Network(
            {"in": ss.PoissonSource(9, 0.3), "n": made},
            (ss.Dense("in", "n", np.round(rs.normal(0.2, 0.3, (9, 6)) * 256) / 256, delay=1),),
        )
        rs = np.random.default_rng(1)
        counts.append(ss.simulate(net, steps=200, record=["n"]).spikes["n"])
    rs = np.random.default_rng(1)
    assert counts[0].times.size > 50
    assert counts[0] == counts[1]


@pytest.mark.core
def test_the_verifier_explains_a_difference_with_the_threshold_that_acted() -> None:
    """Both run the same declaration but for a_jump; at the difference the threshold is 2 + a, not 2."""
    from dataclasses import replace

    from spikesim.verification.membrane_before_reset import membrane_before

    neuron = ss.AdaptiveLIF(1, 2.0, v_decay=0.5, a_jump=1.0, a_decay=0.5)
    net = ss.Network({"n": neuron}, (), drives=(ss.CurrentInput("n"),))
    found = membrane_before(net, "n", 0, 0, 1, {"->n": 2 * CURRENT}, None, steps=8)
    assert found == (2.0, 3.0)  # fired in step 0; the threshold of step 1 is 2 + 1
    plain = membrane_before(
        replace(net, populations={"n": replace(neuron, a_jump=0.0)}),
        "n",
        0,
        0,
        1,
        {"->n": 2 * CURRENT},
        None,
        steps=8,
    )
    assert plain == (2.0, 2.0)


@pytest.mark.brian2
@pytest.mark.parametrize("bits", [10, None])
def test_brian2_gives_the_same_spikes(bits: int | None) -> None:
    rs = np.random.default_rng(3)
    w = np.round(rs.normal(0.3, 0.4, (12, 7)) * 1024) / 1024
    net = ss.Network(
        {
            "in": ss.PoissonSource(12, 0.3, seed=4),
            "n": ss.AdaptiveLIF(
                7,
                theta=np.arange(512, 512 + 7 * 128, 128) / 1024,
                grid=bits,
                u_decay=0.5,
                v_decay=[0.125] * 6 + [0.25],
                a_jump=0.25,
                a_decay=1 / 64,
                c_jump=0.125,
                c_decay=1 / 32,
                floor=-1.0,
                refractory=[0, 1, 2, 0, 3, 0, 1],
                v_start=0.125,
            ),
        },
        (ss.Dense("in", "n", w, delay=1), ss.Dense("n", "n", -np.abs(w[:7]), delay=2)),
    )
    verdict = verify(net, {}, a="stepped", b="brian2", steps=150)
    assert verdict.equal, verdict.difference
    assert int(ss.simulate(net, steps=150).counts["n"].sum()) > 50


@pytest.mark.core
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"a_jump": -0.5}, r"a_jump = -0\.5; a finite number >= 0 is needed"),
        ({"c_decay": 1.5}, r"c_decay = 1\.5; a finite number in \[0, 1\]"),
        ({"v_reset": 1.0}, "v_reset = 1.0 is not below theta = 1.0"),
        ({"a_decay": [0.1, 0.2]}, r"a_decay has the shape \(2,\) for 3 neurons"),
        ({"grid": 8, "a_decay": 0.3}, "not a multiple of 1/4096"),
        ({"grid": 2, "a_jump": 0.1}, "grid of 2"),
    ],
)
def test_what_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        ss.AdaptiveLIF(3, 1.0, **change)  # type: ignore[arg-type]
