"""The verifier: equal programs are equal; a network that differs is named where it differs first."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import spikesim as ss
from spikesim.engines import Naive, Stepped
from spikesim.errors import DeclarationError, EngineError, MissingExtraError
from spikesim.models.emstdp import Emstdp, build, encoder
from spikesim.tools.cli import app
from spikesim.verification import registry
from spikesim.verification.registry import program
from spikesim.verification.verify import compare, compare_weights, verify

pytestmark = pytest.mark.core
CONFIG = Emstdp(sizes=(12, 8, 3), T=20, beta_hidden=0.3, beta_out=0.3, eta=0.5)
LABELS = np.arange(6) % 3


def _inputs(config=CONFIG):
    x = np.random.default_rng(3).random((6, 12)).astype(np.float32)
    return {"in": encoder(config).encode(x, np.arange(6), config.T // 2, 1)}


def test_two_engines_are_equal_while_they_learn():
    verdict = verify(build(CONFIG), _inputs(), LABELS, "windowed", "naive", learn=True)
    assert verdict.equal and verdict.spikes > 50 and "0 differ" in str(verdict)


def test_the_first_difference_is_found():
    network = build(CONFIG)
    hidden = network.populations["hid1"]
    other = replace(
        network, populations={**network.populations, "hid1": replace(hidden, theta=hidden.theta * 2)}
    )
    names = ("hid1", "out", "err_out", "err1")
    left, right = (Naive(n).run(_inputs(), LABELS, record=names) for n in (network, other))
    found = compare(left, right, names)
    assert found is not None and found.population == "hid1" and found.what == "spike"
    b, t, (j,) = found.presentation, found.step, found.neuron
    assert (
        (left.spikes["hid1"].raster(b)[t, j], right.spikes["hid1"].raster(b)[t, j]) == found.values == (1, 0)
    )
    earlier = left.spikes["hid1"].raster(b)[:t], right.spikes["hid1"].raster(b)[:t]
    assert np.array_equal(*earlier)


def test_a_membrane_that_differs_is_named():
    network = build(CONFIG)
    left = Naive(network).run(_inputs(), LABELS, record=("out",))
    right = Naive(network).run(_inputs(), LABELS, record=("out",))
    right.v["out"][4, 7, 1] += 1
    found = compare(left, right, ("out",))
    assert (found.what, found.presentation, found.step, found.neuron) == ("membrane", 4, 7, (1,))
    assert found.values[1] - found.values[0] == 1


def test_weights_that_differ_are_named():
    network = build(CONFIG)
    again = network.with_masters(
        {k: m - np.sign(m) * (k == "hid1->out") for k, m in network.masters().items()}
    )
    found = compare_weights(network.masters(), again.masters())
    assert (found.what, found.population, found.neuron) == ("weight", "hid1->out", (0, 0))
    assert abs(found.values[0]) - abs(found.values[1]) == 1
    assert compare_weights(network.masters(), network.masters()) is None


def test_no_presentation_is_equal():
    verdict = verify(build(CONFIG), {"in": _inputs()["in"][:0]}, LABELS[:0], learn=True)
    assert verdict.equal and (verdict.presentations, verdict.spikes) == (0, 0)


def test_a_choice_that_a_program_does_not_have_is_refused():
    with pytest.raises(DeclarationError, match="naive:fast: the backend naive has no variants"):
        program("naive:fast")


def test_the_command_goes_on_where_a_program_is_missing(tmp_path, monkeypatch):
    w = np.eye(4) * 2
    floored = ss.IF(4, 3.0, 0, floor=-(2.0**17))  # the end of a chip's 24 bits, which nir's neurons have not
    network = ss.Network({"in": ss.Source(4), "n": floored}, [ss.Dense("in", "n", w)], ss.Window(9))
    ss.save_network(network, tmp_path / "net.h5")

    def found(name):
        if name == "absent":
            raise MissingExtraError("absent", "nothing")
        return program(name)

    monkeypatch.setattr(importlib.import_module("spikesim.verification.verify"), "program", found)
    command = ["verify", str(tmp_path / "net.h5"), "--against"]
    done = CliRunner().invoke(app, [*command, "naive,absent,nir:nir-spikesim"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "absent: skipped (absent is not installed" in done.stdout
    assert done.stdout.count("0 differ") >= 2 or done.stdout.count("equal") >= 2
    with pytest.raises(EngineError, match="none of absent is installed"):
        CliRunner().invoke(app, [*command, "absent"], catch_exceptions=False)


def test_an_unknown_program_is_refused():
    with pytest.raises(DeclarationError, match=r"naiv.*Did you mean 'naive'"):
        verify(build(CONFIG), _inputs(), LABELS, "windowed", "naiv")


def _other(monkeypatch, change):
    """A program called "other" that runs the network with one population changed."""

    class Other(Stepped):
        def __init__(self, network):
            populations = {**network.populations, "b": replace(network.populations["b"], **change)}
            super().__init__(replace(network, populations=populations))

    module = importlib.import_module("spikesim.verification.verify")
    known = registry.program
    monkeypatch.setattr(module, "program", lambda name: Other if name == "other" else known(name))


def _endless(bits, bias=0.25):
    """Two neurons of rising charge; by 0.25 neuron 1 of b reaches 1.0 exactly in its fourth step."""
    b = ss.LIF(2, theta=1.0, bias=(0.125, bias), grid=bits)
    return ss.Network({"b": b}, ())


def test_a_spike_that_differs_is_explained(monkeypatch):
    _other(monkeypatch, {"theta": 1.25})
    found = verify(_endless(3), {}, a="stepped", b="other", steps=20).difference
    # b[1] goes .25 a step: in step 3 it is at 1.0 = 8 counts, which fires at 8 and not at 10.
    assert (found.what, found.step, found.population, found.neuron) == ("spike", 3, "b", (1,))
    assert found.values == (1, 0) and found.membranes == (0.0, 8.0)
    assert (found.before, found.threshold, found.gap, found.rounding) == (8.0, 8.0, 0.0, False)
    assert "before the reset 8 at a threshold of 8 (gap 0)" in str(found)


def test_the_threshold_of_the_neuron_explains(monkeypatch):
    _other(monkeypatch, {"theta": (9.0, 1.25)})
    network = ss.Network({"b": ss.LIF(2, theta=(9.0, 1.0), bias=(0.125, 0.25), grid=3)}, ())
    found = verify(network, {}, a="stepped", b="other", steps=20).difference
    assert (found.neuron, found.before, found.threshold) == ((1,), 8.0, 8.0)


def test_an_adaptive_threshold_explains_where_it_stood(monkeypatch):
    """b rises by 1 a step and fires at 2 in step 1; its threshold is then 5, which b reaches in step 6."""
    _other(monkeypatch, {"a_jump": 4.0})
    network = ss.Network({"b": ss.AdaptiveLIF(1, theta=2.0, bias=1.0, a_jump=3.0, grid=0)}, ())
    found = verify(network, {}, a="stepped", b="other", steps=20).difference
    assert (found.step, found.values, found.before, found.threshold) == (6, (1, 0), 5.0, 5.0)


def test_a_neuron_fires_below_its_threshold_only_with_signed_spikes(monkeypatch):
    """-1.0 is no spike of a LIF with the threshold 1: the other program's is no matter of rounding."""

    class Below(Stepped):
        def advance(self, *given):
            found = super().advance(*given)
            raster = np.zeros((1, 20, 1), np.int8)
            raster[0, 3] = 1
            return replace(found, spikes={"b": ss.from_raster(raster)})

    module = importlib.import_module("spikesim.verification.verify")
    monkeypatch.setattr(module, "program", lambda name: Below if name == "below" else registry.program(name))
    network = ss.Network({"b": ss.LIF(1, theta=1.0, bias=-0.25)}, ())
    found = verify(network, {}, a="stepped", b="below", steps=20).difference
    assert (found.before, found.threshold, found.gap, found.rounding) == (-1.0, 1.0, -2.0, False)


def _continuous(rule=None):
    populations = {"in": ss.Source(3), "gen": ss.RegularSource(2, 3, (0, 2)), "a": ss.IF(4, 4.0, 0)}
    rs = np.random.default_rng(5)
    w = [rs.integers(0, 4, shape).astype(float) for shape in ((3, 4), (2, 4))]
    loop = ss.Dense("a", "a", rs.integers(-2, 2, (4, 4)).astype(float), 2)
    return ss.Network(populations, (ss.Dense("in", "a", w[0], 0, rule), ss.Dense("gen", "a", w[1], 1), loop))


def test_a_continuous_network_is_one_trial_for_backends_that_run_trials():
    """Sources, a generator and a loop: as many spikes as the continuous run has, and none differs."""
    network = _continuous()
    given = {"in": ss.from_raster((np.random.default_rng(6).random((1, 50, 3)) < 0.4).astype(np.int8))}
    whole = Stepped(network).advance(50, given, {}, ("a",))
    for backend in ("loihi", "nir:nir-spikesim"):
        verdict = verify(network, given, a="stepped", b=backend, steps=50)
        assert verdict.equal and verdict.spikes == len(whole.spikes["a"].times) > 30, str(verdict)


def test_what_a_trial_cannot_have_is_refused():
    driven = ss.Network({"a": ss.IF(2, 4.0, 0)}, (), drives=(ss.PoissonInput("a", 1.0, 1.0),))
    with pytest.raises(EngineError, match="PoissonInput, and this backend runs trials"):
        verify(driven, {}, a="stepped", b="loihi", steps=20)
    rule = ss.SquareSTDP(1.0, 1.0, 4, clip=(0.0, 8.0))
    given = {"in": ss.from_raster(np.ones((1, 20, 3), np.int8))}
    with pytest.raises(EngineError, match="loihi: runs trials, in which no online rule acts"):
        verify(_continuous(rule), given, a="stepped", b="loihi", steps=20, learn=True)
    off = verify(_continuous(rule), given, a="stepped", b="loihi", steps=20)
    assert off.equal and off.learning == "off" and "learning off: weights as declared" in str(off)


def test_whether_learning_was_compared_is_said():
    rule = ss.SquareSTDP(1.0, 1.0, 4, clip=(0.0, 8.0))
    given = {"in": ss.from_raster(np.ones((1, 20, 3), np.int8))}
    on = verify(_continuous(rule), given, a="stepped", b="naive", steps=20, learn=True)
    assert (on.learning, on.weights, on.describe()["learning"]) == ("compared", 12, "compared")
    assert "and 12 learned weights, 0 differ" in str(on)
    assert verify(_continuous(), given, a="stepped", b="naive", steps=20, learn=True).learning == "none"
    trial = verify(build(CONFIG), _inputs(), LABELS, "windowed", "naive", learn=True)
    assert trial.learning == "compared" and trial.weights == 12 * 8 + 8 * 3
    assert verify(build(CONFIG), _inputs(), LABELS, "windowed", "naive").learning == "off"


def test_a_backend_that_returns_no_weights_cannot_be_verified_with_learning(monkeypatch):
    class Forgets(Stepped):
        def advance(self, *given):
            return replace(super().advance(*given), state=None)

    module = importlib.import_module("spikesim.verification.verify")
    monkeypatch.setattr(module, "program", lambda name: Forgets if name == "lost" else registry.program(name))
    rule = ss.SquareSTDP(1.0, 1.0, 4, clip=(0.0, 8.0))
    given = {"in": ss.from_raster(np.ones((1, 20, 3), np.int8))}
    with pytest.raises(EngineError, match="lost: returns no learned weights of in->a"):
        verify(_continuous(rule), given, a="stepped", b="lost", steps=20, learn=True)


def test_rounding_is_told_from_a_difference(monkeypatch):
    _other(monkeypatch, {"theta": 1.0 + 1e-12})
    found = verify(_endless(None), {}, a="stepped", b="other", steps=20).difference
    assert (found.step, found.neuron, found.rounding) == (3, (1,), True)
    assert "within rounding" in str(found)
    _other(monkeypatch, {"theta": 1.25})
    found = verify(_endless(None, 0.3), {}, a="stepped", b="other", steps=20).difference
    assert found.before == pytest.approx(1.2) and not found.rounding


def test_a_presented_spike_that_differs_is_explained(monkeypatch):
    network = build(CONFIG)
    populations = {("b" if k == "hid1" else k): p for k, p in network.populations.items()}
    renamed = [
        replace(p, **{end: "b" for end in ("pre", "post") if getattr(p, end) == "hid1"})
        for p in network.projections
    ]
    network = replace(network, populations=populations, projections=tuple(renamed))
    theta = network.populations["b"].theta
    _other(monkeypatch, {"theta": 2 * theta})
    found = verify(network, _inputs(), LABELS, "stepped", "other").difference
    assert found.what == "spike" and found.threshold <= found.before < 2 * found.threshold


@pytest.mark.brian2
def test_brian2_is_equal_too():
    pytest.importorskip("brian2")  # of the extra of that name, which a core installation is without
    verdict = verify(build(CONFIG), _inputs(), LABELS, "windowed", "brian2", learn=True)
    assert verdict.equal, str(verdict)
