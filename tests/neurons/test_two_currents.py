"""The LIF neuron with two synaptic currents: by hand, against scipy's exponentials, receptors, Brian2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spikesim as ss
from spikesim.errors import DeclarationError
from spikesim.verification.verify import verify


def network(bits: int | None = None, **changes: object) -> ss.Network:
    w = np.arange(1, 13).reshape(4, 3) / 16
    return ss.Network(
        {
            "in": ss.PoissonSource(4, 0.3, seed=2),
            "n": ss.TwoCurrentLIF(3, 1.0, bits, exc_decay=0.5, inh_decay=0.25, v_decay=0.125, **changes),  # type: ignore[arg-type]
        },
        (
            ss.Dense("in", "n", w, delay=1),
            ss.Dense("in", "n", -w / 2, delay=2, receptor="inh", name="inhibition"),
        ),
    )


@pytest.mark.core
def test_each_current_decays_by_itself() -> None:
    """One spike of +1 and one of -1 in step 0: u_exc = 2**-t, u_inh = -.75**t, v their filtered sum."""
    net = ss.Network(
        {"n": ss.TwoCurrentLIF(1, 100.0, exc_decay=0.5, inh_decay=0.25, v_decay=0.0)},
        (),
        drives=(ss.CurrentInput("n"), ss.CurrentInput("n", "against", receptor="inh")),
    )
    pulse = np.zeros((8, 1))
    pulse[0] = 1.0
    keys = ("u_exc", "u_inh", "v")
    found = ss.simulate(
        net, {"->n": pulse, "against": -pulse}, steps=8, record=[ss.Monitor("n", k) for k in keys]
    )
    exc, inh, v = (found.monitors[ss.Monitor("n", k)].values[:, 0] for k in keys)
    t = np.arange(8)
    assert np.array_equal(exc, 0.5**t)
    assert np.array_equal(inh, -(0.75**t))
    assert np.allclose(v, np.cumsum(0.5**t - 0.75**t), rtol=0, atol=1e-15)


@pytest.mark.core
def test_it_is_saved_with_its_receptors(tmp_path: Path) -> None:
    ss.save_network(network(8), tmp_path / "net.h5")
    again = ss.load_network(tmp_path / "net.h5")
    assert [p.receptor for p in again.projections] == [None, "inh"]
    both = [ss.simulate(net, steps=100, record=["n"]).spikes["n"] for net in (network(8), again)]
    assert both[0].times.size > 10
    assert both[0] == both[1]


@pytest.mark.core
def test_an_unknown_receptor_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"unknown receptor 'inhib'. Did you mean 'inh'"):
        ss.Network(network().populations, (ss.Dense("in", "n", np.zeros((4, 3)), receptor="inhib"),))
    with pytest.raises(DeclarationError, match="n is a IF: unknown receptor 'exc'"):
        ss.Network({"in": ss.Source(2), "n": ss.IF(2, 1.0)}, (ss.OneToOne("in", "n", 1.0, receptor="exc"),))


@pytest.mark.core
@pytest.mark.parametrize("bits", [10, None])
def test_the_compiled_step_is_the_readable_one(bits: int | None) -> None:
    net = network(bits, refractory=[0, 1, 3], floor=[-1.0, -0.5, -2.0], v_start=[0.0, 0.5, 0.25])
    verdict = verify(net, {}, a="naive", b="stepped", steps=300)
    assert verdict.equal, verdict.difference


@pytest.mark.brian2
@pytest.mark.parametrize("bits", [10, None])
def test_brian2_gives_the_same_spikes(bits: int | None) -> None:
    net = network(bits, refractory=[0, 1, 3])
    verdict = verify(net, {}, a="stepped", b="brian2", steps=200)
    assert verdict.equal, verdict.difference


@pytest.mark.brian2
def test_a_run_goes_on_in_brian2_with_spikes_under_way_to_both_receptors() -> None:
    from spikesim.backends.brian2.backend import Brian2

    net = network(10)
    whole = ss.simulate(net, steps=60, record=["n"])
    first = ss.simulate(net, steps=31)
    rest = Brian2(net).advance(29, {}, {}, ["n"], first.state)
    assert np.array_equal(whole.spikes["n"].raster()[31:], rest.spikes["n"].raster())
