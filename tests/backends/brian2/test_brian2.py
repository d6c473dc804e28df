"""The declaration is carried by another simulator: Brian2 gives the same spikes and weights, bit for bit."""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from spikesim import grid
from spikesim.backends.brian2.backend import Brian2
from spikesim.engines.naive.engine import Naive
from spikesim.errors import DataError, EngineError, MissingExtraError
from spikesim.learning import CountRule
from spikesim.models import emstdp
from spikesim.network import Network, Readout
from spikesim.neurons import IF, ErrorIF, NeuronModel, Source, Target
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import Dense, OneToOne, Transpose
from spikesim.window import Window

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]

PRESENTATIONS, T = 16, 20
# feedback, form of the error neurons, delay, gate, replay and reset between the phases
COMBINATIONS = [
    ("symmetric", "ternary", 0, False, True),
    ("symmetric", "ternary", 1, True, False),
    ("symmetric", "pair", 0, True, False),
    ("symmetric", "pair", 1, False, True),
    ("fa", "pair", 1, True, True),
    ("fa", "pair", 0, False, False),
    ("fa", "ternary", 1, False, False),
    ("fa", "ternary", 0, True, True),
    ("dfa", "ternary", 0, False, False),
    ("dfa", "ternary", 1, True, True),
    ("dfa", "pair", 0, True, True),
    ("dfa", "pair", 1, False, False),
]


def small(
    feedback: Any = "symmetric",
    form: Any = "ternary",
    delay: int = 0,
    gate: bool = False,
    amended: bool = True,
):
    """An 8-6-3 configuration of EMSTDP that learns fast."""
    return emstdp.Emstdp(
        sizes=(8, 6, 3),
        feedback=feedback,
        error_form=form,
        T=T,
        forward_delay=delay,
        gate=gate,
        replay=amended,
        reset_at_split=amended,
        eta=0.3,
        beta_hidden=0.25,
        beta_out=0.2,
        beta_error=0.1,
        theta_loss=1.0,
    )


def digits(B: int, steps: int, n: int = 8, seed: int = 1, rate: float = 0.4) -> Spikes:
    """Random input."""
    return from_raster((np.random.default_rng(seed).random((B, steps, n)) < rate).astype(np.int8))


def classes(labels: Any, steps: int) -> Spikes:
    """Three classes: every third of eight inputs fires often."""
    often = np.arange(8) % 3 == np.asarray(labels)[:, None, None]
    draw = np.random.default_rng(4).random((len(labels), steps, 8))
    return from_raster((draw < np.where(often, 0.7, 0.15)).astype(np.int8))


def assert_equal(
    network: Network, inputs: dict[str, Spikes], labels: Any, **options: Any
) -> tuple[Naive, Any]:
    """Run on both: every spike, membrane, count, prediction, clip and weight is the same."""
    naive, brian2 = Naive(network), Brian2(network)
    expected = naive.run(inputs, labels, record=list(network.populations), **options)
    found = brian2.run(inputs, labels, record=list(network.populations), **options)
    assert set(found.v) == set(expected.v) and set(found.counts) == set(expected.counts)
    for name in network.populations:
        assert found.spikes[name] == expected.spikes[name], name
        np.testing.assert_array_equal(found.counts[name], expected.counts[name], name, strict=True)
        if name in expected.v:
            np.testing.assert_array_equal(found.v[name], expected.v[name], name, strict=True)
    np.testing.assert_array_equal(found.predictions, expected.predictions, strict=True)
    assert found.clipped == expected.clipped
    assert set(brian2.masters) == set(naive.masters)
    for name, master in naive.masters.items():
        np.testing.assert_array_equal(brian2.masters[name], master, name, strict=True)
    return naive, expected


def test_the_combinations_hold_every_pair_of_choices() -> None:
    for a, b in itertools.combinations(range(5), 2):
        choices = [{row[k] for row in COMBINATIONS} for k in (a, b)]
        assert {(row[a], row[b]) for row in COMBINATIONS} == set(itertools.product(*choices))


@pytest.mark.parametrize(("feedback", "form", "delay", "gate", "amended"), COMBINATIONS)
def test_emstdp_trains_bit_equal(feedback: str, form: str, delay: int, gate: bool, amended: bool) -> None:
    network = emstdp.build(small(feedback, form, delay, gate, amended), seed=3)
    labels = np.random.default_rng(2).integers(0, 3, PRESENTATIONS)
    inputs = {"in": classes(labels, T // 2 if amended else T)}
    naive, recording = assert_equal(network, inputs, labels, learn=True)
    for name, master in naive.masters.items():
        assert (master != network.masters()[name]).mean() > 0.4, f"{name} has hardly learned"
    for name in ("err_out", "err1"):
        signs = recording.spikes[name].signs
        assert {-1, 1} <= set(signs.tolist()), f"{name}: spikes of one sign only"
    assert len(set(recording.predictions.tolist())) > 1


@pytest.mark.parametrize(("batch", "factor"), [(1, 1.0), (3, 0.7)])
def test_weights_decay_bit_equal(batch: int, factor: float) -> None:
    network = emstdp.build(replace(small(), decay=2.0**-10 / 4), seed=3)
    labels = np.random.default_rng(2).integers(0, 3, PRESENTATIONS)
    given = {"in": classes(labels, T // 2)}
    options = {"learn": True, "batch": batch, "factor": factor}
    naive, _ = assert_equal(network, given, labels, learnt=2, **options)
    other = Naive(network)
    other.run(given, labels, learnt=0, **options)
    assert any((other.masters[name] != m).any() for name, m in naive.masters.items())


@pytest.mark.parametrize("feedback", ["symmetric", "dfa"])
def test_a_bias_and_a_gate_with_an_upper_end_bit_equal(feedback: str) -> None:
    config = replace(
        small(feedback, gate=True), bias=True, gate_upper=True, sizes=(8, 6, 4, 3), beta_hidden=0.05
    )
    network = emstdp.build(config, seed=3)
    x, labels = np.random.default_rng(5).random((PRESENTATIONS, 8)), np.arange(PRESENTATIONS) % 3
    given = emstdp.encoder(config).encode(x.astype(np.float32), np.arange(PRESENTATIONS), T // 2, 1)
    _, recording = assert_equal(network, {"in": given}, labels, learn=True)
    full = recording.counts["hid1"][:, 0, :6] == T // 2
    assert full.any() and not full.all()


@pytest.mark.parametrize("form", ["ternary", "pair"])
def test_silent_neurons_are_silent_bit_equal(form: str) -> None:
    network = emstdp.build(small(form=form, gate=True), seed=3)
    labels, draw = np.random.default_rng(2).integers(0, 3, PRESENTATIONS), np.random.default_rng(6)
    silent = {
        name: draw.random((PRESENTATIONS, n)) < 0.4 for name, n in (("hid1", 6), ("err1", 6), ("out", 3))
    }
    given = {"in": classes(labels, T // 2)}
    _, recording = assert_equal(network, given, labels, learn=True, silent=silent)
    for name, mask in silent.items():
        assert not recording.counts[name].any(axis=1)[mask].any()
        assert recording.counts[name].any(axis=1)[~mask].any()
    with pytest.raises(DataError, match="silent: unknown population 'hid2'"):
        Brian2(network).run(given, labels, silent={"hid2": silent["hid1"]})


def by_hand() -> Network:
    """A skip connection, lateral inhibition, a transpose; uneven phases, a grid for each population."""
    draw = np.random.default_rng(5)

    def weights(n_pre: int, n_post: int, bits: int) -> Any:
        return grid.rounded(np.clip(draw.normal(0.1, 0.5, (n_pre, n_post)), -0.875, 0.875), bits)

    populations = {
        "in": Source(7),
        "hid": IF(5, 1.5, grid=8, bias=(0.25, 0.0, -0.125, 0.5, 0.0), floor=-1.0, reset="subtract"),
        "out": IF(4, 1.0, grid=6, bias=0.125, reset_at=("start", "split"), offset=3),
        "early": IF(4, 2.0, grid=3, active_in="first", offset=4),
        "target": Target(4, 0.4),
        "loss": ErrorIF(4, 1.0, grid=5, form="pair", active_in="second"),
        "err": ErrorIF(5, 0.75, grid=6, active_in="second", gate_by="hid"),
    }
    projections = (
        Dense("in", "hid", weights(7, 5, 28), 1, CountRule(2e-3, "all", (-0.875, 0.875))),
        Dense("hid", "out", weights(5, 4, 28), 2, CountRule(1e-3, "second", (-1.0, 1.0))),
        Dense("in", "out", weights(7, 4, 28), 3, CountRule(1e-3, "first", (-1.0, 1.0)), name="skip"),
        OneToOne("out", "out", -0.25, 1, name="lateral"),
        Dense("out", "early", np.abs(weights(4, 4, 3)), 0),
        OneToOne("target", "loss", 1.0, 1),
        OneToOne("out", "loss", -1.0, 1),
        Dense("loss", "err", Transpose("hid->out"), 1),
        OneToOne("err", "hid", 1.5, 1),
        OneToOne("loss", "out", 1.0, 4),
    )
    return Network(populations, projections, Window(17, 9), Readout("out", "all"))


def test_a_net_declared_by_hand_with_a_skip_connection() -> None:
    network = by_hand()
    labels = np.arange(10) % 4
    naive, recording = assert_equal(
        network, {"in": digits(10, 17, 7)}, labels, learn=True, batch=3, factor=0.7
    )
    assert all(len(recording.spikes[name].times) for name in network.populations)
    assert (naive.masters["skip"] != network.masters()["skip"]).any()
    assert sum(recording.clipped.values()) > 0


def random_network(seed: int) -> Network:
    """Any structure: recurrent, delays of 0 to 3, phases, resets and offsets as they fall."""
    draw = np.random.default_rng(seed)
    boundary = int(draw.integers(4, 8))

    def moving(k: int) -> dict[str, Any]:
        return {
            "grid": int(draw.integers(2, 9)),
            "offset": int(draw.integers(0, 4)),
            "theta": (0.5, 1.0)[k % 2],
        }

    populations: dict[str, Any] = {
        "a": Source(4, replay=bool(draw.integers(2))),
        "t": Target(3, 0.5, offset=1),
    }
    for k, name in enumerate("bcd"):
        populations[name] = IF(
            3,
            **moving(k),
            bias=float(draw.choice([0.0, 0.25])),
            floor=[None, -0.5][draw.integers(2)],
            reset=["zero", "subtract"][draw.integers(2)],
            reset_at=[("start",), ("start", "split")][draw.integers(2)],
            active_in=[None, None, "first", "second"][draw.integers(4)],
        )
    for k, form in enumerate(("ternary", "pair")):
        gate = [None, "b"][draw.integers(2)]
        populations[form] = ErrorIF(3, **moving(k), form=form, active_in="second", gate_by=gate)
    names, projections = list(populations), []
    for pre, post in itertools.product(names, names[2:]):
        if draw.random() < 0.3:
            continue
        delay = int(draw.integers(names.index(pre) >= names.index(post), 4))
        shape, bits = (populations[pre].n, 3), populations[post].grid
        if draw.random() < 0.3 and shape[0] == 3:
            projections.append(OneToOne(pre, post, float(draw.choice([-1.0, 0.5, 1.5])), delay))
            continue
        rule = CountRule(1e-2, ["first", "second", "all"][draw.integers(3)]) if draw.random() < 0.8 else None
        w = np.clip(grid.rounded(draw.normal(0.2, 0.6, shape), bits), -1, 1)
        projections.append(Dense(pre, post, w, delay, rule))
    window = Window(boundary + int(draw.integers(1, boundary + 1)), boundary)
    return Network(populations, tuple(projections), window, Readout("c", "second"))


@pytest.mark.parametrize("seed", range(5))
def test_any_structure(seed: int) -> None:
    network = random_network(seed)
    steps = network.window.boundary if network.populations["a"].replay else network.window.T
    naive, recording = assert_equal(
        network, {"a": digits(6, steps, 4, seed)}, np.arange(6) % 3, learn=True, batch=1 + seed % 3
    )
    assert all(len(recording.spikes[name].times) for name in "abcdt")
    assert any((naive.masters[p.name] != network.masters()[p.name]).any() for p in network.plastic)


def test_inference_over_one_phase_without_learning() -> None:
    network = emstdp.build(small(delay=1)).inference(12)
    _, recording = assert_equal(network, {"in": digits(25, 12)}, None)
    h = recording.counts["out"].sum(axis=1)
    best = np.sort(h, axis=1)
    assert (best[:, -1] == best[:, -2]).any(), "no tie was broken by the membrane"


def test_two_runs_equal_one_and_nothing_global_changes() -> None:
    network, inputs = emstdp.build(small()), digits(8, T // 2)
    labels = np.arange(8) % 3
    b2.prefs["codegen.target"], before = "auto", b2.prefs["codegen.target"]
    dt, objects = b2.defaultclock.dt, len(b2.magic_network.objects)
    whole, parts, given = Brian2(network), Brian2(network), network.masters()
    other = Brian2(network, given)
    whole.run({"in": inputs}, labels, learn=True)
    for part in (slice(0, 3), slice(3, 8)):
        parts.run({"in": inputs[part]}, labels[part], learn=True)
    other.run({"in": inputs}, labels)
    for name in network.masters():
        np.testing.assert_array_equal(whole.masters[name], parts.masters[name])
        np.testing.assert_array_equal(other.masters[name], network.masters()[name])
        assert (whole.masters[name] != network.masters()[name]).any()
    assert b2.prefs["codegen.target"] == "auto"
    assert (b2.defaultclock.dt, len(b2.magic_network.objects)) == (dt, objects)
    b2.prefs["codegen.target"] = before


@dataclass(frozen=True)
class Odd:
    """A model that Brian2 has no words for."""

    description: ClassVar[NeuronModel] = NeuronModel("nothing happens")
    limit: ClassVar[float] = 2.0**53

    n: int
    theta: float = 1.0
    grid: int = 4
    bias: float = 0.0
    floor: float | None = None
    reset_at: tuple[str, ...] = ("start",)
    active_in: None = None
    gate_by: None = None
    offset: int | None = None

    def initial_state(self) -> dict[str, Any]:
        return {"v": np.zeros(self.n, np.int64)}

    def step(self, state: Any, current: Any) -> Any:
        return state, 0 * current


def test_what_brian2_cannot_carry_is_refused() -> None:
    network, inputs, labels = (
        emstdp.build(replace(small(), step="normalised")),
        digits(2, T // 2),
        np.zeros(2, int),
    )
    with pytest.raises(EngineError, match=r"in->hid1 learns by a normalised step"):
        Brian2(network).run({"in": inputs}, labels, learn=True)
    assert_equal(network, {"in": inputs}, labels)  # without learning it is carried
    with pytest.raises(EngineError, match=r"float64 is exact below 2\*\*53"):
        Brian2(emstdp.build(replace(small(), eta=1000.0, T=T))).run(
            {"in": inputs}, labels, learn=True, batch=2, factor=1e4
        )
    odd = Network({"in": Source(2), "odd": Odd(2)}, (OneToOne("in", "odd", 1.0),), Window(4))
    with pytest.raises(EngineError, match="odd is a Odd, a model without a translation"):
        Brian2(odd)
    with pytest.raises(EngineError, match=r"unknown kind of code 'cyton'\. Did you mean 'cython'"):
        Brian2(network, code="cyton")  # type: ignore[arg-type]


def test_inputs_that_do_not_fit_are_refused_before_anything_runs() -> None:
    backend, labels = Brian2(emstdp.build(small())), np.zeros(2, int)
    with pytest.raises(DataError, match="in: 2 trials of 20 steps and 8 neurons"):
        backend.run({"in": digits(2, T)}, labels)
    with pytest.raises(DataError, match="target: no labels"):
        backend.run({"in": digits(2, T // 2)})
    with pytest.raises(DataError, match=r"record: unknown population 'hid'\. Did you mean 'hid1'"):
        backend.run({"in": digits(2, T // 2)}, labels, record=["hid"])


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brian2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'spikesim\[brian2\]'"):
        Brian2(emstdp.build(small()))
