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
