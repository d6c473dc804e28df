"""mSTDP network on the engines: one neuron by hand, fixed points, agreement of the engines, files, digits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import checkout
import numpy as np
import pytest

from spikesim import Network, simulate
from spikesim.datasets import digits
from spikesim.errors import CheckpointError, DataError, DeclarationError
from spikesim.files.measured_table import load_table
from spikesim.hopfield.activation import sigmoid4
from spikesim.hopfield.mstdp.network import initial
from spikesim.hopfield.mstdp.tasks import label_rates
from spikesim.hopfield.mstdp.training import begin, train
from spikesim.models.mstdp.config import AMENDED
from spikesim.models.mstdp.engine_agreement import _notes, engine_agreement, rates_from
from spikesim.models.mstdp.engine_form import HopfieldNeuron, answer, network, phases, regular
from spikesim.models.mstdp.spiking_agreement import DIGITS
from spikesim.network.file import digest, load_network, save_network
from spikesim.neurons import MODELS, Source
from spikesim.synapses import Dense

RESULTS = checkout.RESULTS / "mstdp"
TINY = replace(AMENDED, n_in=6, n_out=3, n_hidden=8, lateral=True, init=0.7, centre="half")


def pair(tau: float = 64.0) -> Network:
    """Two neurons that feed each other with 0.8 and -0.5, and an input that feeds the first with 0.6."""
    return Network(
        {"in": Source(1), "a": HopfieldNeuron(1, tau, 0.05, 0.1), "b": HopfieldNeuron(1, tau, 0.05, 0.3)},
        (
            Dense("in", "a", np.array([[0.6]]), 1),
            Dense("a", "b", np.array([[0.8]]), 1),
            Dense("b", "a", np.array([[-0.5]]), 1),
        ),
    )


def settled(rate: float) -> tuple[float, float]:
    """Fixed point of the rates of the pair, by iteration: s = rho'(s) (sum of weighted rates + b)."""
    a = b = 0.0
    for _ in range(2000):
        p, q = float(sigmoid4(a)), float(sigmoid4(b))
        a += 0.1 * (4 * p * (1 - p) * (0.6 * rate - 0.5 * q + 0.1) - a)
        b += 0.1 * (4 * q * (1 - q) * (0.8 * p + 0.3) - b)
    return a, b


@pytest.mark.core
def test_one_step_by_hand() -> None:
    """I = 2, I0 = 0.5, tau = 2, b = 0.25, epsilon = 0.5: x = 0.75, s = 0.5, rho = 0.8808."""
    one = HopfieldNeuron(1, 2.0, 0.5, bias=0.25, mean_input=0.5)
    for a, fires in ((0.1, 0), (0.2, 1)):
        after, fired = one.step({**one.initial_state(), "a": np.array([a])}, np.array([2.0]))
        assert after["x"] == pytest.approx(0.75) and after["v"] == pytest.approx(0.5)
        assert fired[0] == fires
        assert after["a"] == pytest.approx(a + 1 / (1 + np.exp(-2.0)) - fires)


@pytest.mark.core
def test_regular_trains_have_their_rates_and_go_on() -> None:
    """1000 r spikes in 1000 steps within one, intervals differ by less than 2, two halves equal the whole."""
    rates = np.array([0.0, 0.125, 0.37, 0.88, 1.0])
    whole = regular(rates, 1000)
    assert np.abs(whole.counts()[0] - 1000 * rates).max() <= 1
    gaps = np.diff(np.flatnonzero(whole.raster()[:, 2]))
    assert set(gaps.tolist()) == {2, 3}
    halves = [regular(rates, 500).raster(), regular(rates, 500, 500).raster()]
    assert np.array_equal(np.concatenate(halves), whole.raster())
    assert len(np.unique(phases(100))) == 100
    with pytest.raises(DataError, match=r"a rate is 1\.5"):
        regular([0.5, 1.5], 10)


@pytest.mark.core
def test_two_neurons_settle_where_their_rates_settle() -> None:
    """States and spikes per step are within 0.01 of the fixed point, for two inputs."""
    reached = []
    for rate in (0.2, 0.9):
        run = simulate(pair(), {"in": regular([rate], 2000)}, engine="stepped", steps=2000)
        assert run.state is not None
        read = simulate(
            pair(), {"in": regular([rate], 1000, 2000)}, engine="stepped", steps=1000, state=run.state
        )
        assert read.state is not None
        for name, s in zip("ab", settled(rate), strict=True):
            assert read.state.populations[name]["v"][0] == pytest.approx(s, abs=0.01)
            assert read.counts[name].sum() / 1000 == pytest.approx(float(sigmoid4(s)), abs=0.01)
        reached.append(read.counts["a"].sum())
    assert reached[1] > reached[0] + 100  # the input matters


@pytest.mark.core
def test_naive_and_stepped_agree() -> None:
    """With lateral weights, states agree within 1e-9 and all spikes are equal over 150 steps."""
    net = initial(TINY, 3)
    declared, given = network(net, 4.0), {"inputs": regular(np.linspace(0.1, 0.9, 6), 150)}
    assert {p.name for p in declared.projections} >= {"hidden->hidden", "outputs->hidden"}
    a, b = (
        simulate(declared, given, engine=name, steps=150, record=("hidden", "outputs"))
        for name in ("naive", "stepped")
    )
    for name in ("hidden", "outputs"):
        assert a.counts[name].sum() > 100
        assert a.spikes[name] == b.spikes[name]
        np.testing.assert_allclose(a.v[name], b.v[name], rtol=0, atol=1e-9)


@pytest.mark.core
def test_an_untrained_network_settles_where_its_rates_settle() -> None:
    """Spikes per step of three labels are within 0.01 of the rates of the rate network; classes are equal."""
    net, x = initial(TINY, 4), np.random.default_rng(1).random((4, 6))
    rates = label_rates(net, x)
    found = answer(net, x, 8.0, settle=600, read=400, epsilon=0.02)
    np.testing.assert_allclose(found.rates, rates, atol=0.01)
    np.testing.assert_allclose(found.rates, rates_from(net, x.astype(np.float32), found.states), atol=0.01)
    assert np.ptp(rates) > 0.1
    assert np.array_equal(found.classes, rates.argmax(1))


@pytest.mark.core
def test_it_comes_back_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Declarations and runs are equal; if the model is not imported, the error says what to import."""
    declared, given = network(initial(TINY, 3), 4.0), {"inputs": regular(np.full(6, 0.5), 50)}
    save_network(declared, tmp_path / "net.h5")
    back = load_network(tmp_path / "net.h5")
    assert digest(back) == digest(declared)
    assert back.populations["hidden"] == declared.populations["hidden"]
    runs = [simulate(n, given, steps=50, record=("outputs",)) for n in (declared, back)]
    assert runs[0].spikes == runs[1].spikes
    monkeypatch.delitem(MODELS, "HopfieldNeuron")
    with pytest.raises(CheckpointError, match=r"'HopfieldNeuron'.*import the module that has its @register"):
        load_network(tmp_path / "net.h5")


@pytest.mark.core
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tau": 0.5}, r"HopfieldNeuron: tau = 0\.5; a finite number >= 1"),
        ({"tau": float("nan")}, "tau = nan"),
        ({"epsilon": 0.0}, r"HopfieldNeuron: epsilon = 0\.0; a number in \(0, 2\] is needed"),
        ({"grid": 8}, "grid = 8.*real numbers"),
        ({"theta": 2.0}, "theta = 2.0"),
        ({"mean_input": (0.1,)}, r"mean_input has the shape \(1,\) for 2 neurons"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        HopfieldNeuron(**{"n": 2, "tau": 4.0, **changes})


def test_digits_are_classified_as_by_rates() -> None:
    """After a short training of 64 hidden neurons, 14 of 15 classes or more equal those of the rates."""
    data = digits()
    net = train(begin(DIGITS, data.train.x, epochs=2), data.train.x, data.train.y).tested()
    x = data.test.x[:15]
    found = answer(net, x, 4.0, settle=600, epsilon=DIGITS.epsilon / 32)
    assert (found.classes == label_rates(net, x).argmax(1)).sum() >= 14
    assert (found.classes == data.test.y[:15]).sum() >= 11


def test_the_table_is_made_of_what_was_measured() -> None:
    """One seed, 10 images: a row for rates and one for each tau."""
    said: list[str] = []
    table = engine_agreement(digits(), (1,), 1, 10, fast=(4,), slow=(1,), say=said.append)
    assert [row[1] for row in table.rows] == [None, 4, 1] and len(said) == 2
    same = table.data["rows"][0]["same"]
    assert table.rows[1][3] == f"{same[0]:.2f}" and same[0] in [10.0 * k for k in range(11)]


@pytest.mark.core
def test_the_committed_table_holds_what_is_claimed() -> None:
    """Slow states predict the class of the rates for at least 95 % of images, by either seed; fast fewer."""
    table = load_table(RESULTS / "engine.json")
    assert table.command == "spikesim mstdp table engine" and table.notes == _notes(120, (1, 2))
    first, last = table.data["rows"][0], table.data["rows"][-1]
    assert min(last["same"]) >= 95.0
    assert np.mean(last["fixed"]) > np.mean(first["fixed"]) + 10
    for row in table.data["rows"]:  # images that disagree lie at other fixed points of the rates
        assert np.mean(row["rms_rates_from_end"]) < 0.6 * np.mean(row["rms"])
