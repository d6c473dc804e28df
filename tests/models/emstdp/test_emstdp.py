"""A trial of a 2-3-2 network computed by hand; networks that learn; a skip connection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from spikesim import datasets, grid
from spikesim.encoders import Poisson
from spikesim.engines import Naive, Stepped, Windowed, engine
from spikesim.engines.windowed.input_layer import BLOCK, TABLE, look_up
from spikesim.errors import DataError, DeclarationError, EngineError
from spikesim.learning import CountRule
from spikesim.models.emstdp import Emstdp, build, encoder
from spikesim.network import Network, Readout
from spikesim.neurons import IF, ErrorIF, Source, Target
from spikesim.rng import Stream
from spikesim.spikes import from_raster
from spikesim.synapses import Dense, OneToOne, Transpose
from spikesim.window import Window

ENGINES = pytest.mark.parametrize("run_with", [Naive, Stepped, Windowed])
RESETS = ("start", "split")


def by_hand() -> Network:
    """2-3-2, two phases of four steps, no forward delay, an error delay of one step, eta = 1/64."""
    rule = CountRule(eta=1 / 64)
    return Network(
        {
            "in": Source(2, replay=True),
            "hid": IF(3, theta=2.0, grid=4, reset_at=RESETS),
            "out": IF(2, theta=1.5, grid=4, reset_at=RESETS),
            "target": Target(2, rate=1.0),
            "err_out": ErrorIF(2, theta=1.0, grid=4, active_in="second"),
            "err_hid": ErrorIF(3, theta=1.0, grid=4, active_in="second"),
        },
        (
            Dense("in", "hid", np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]), plastic=rule),
            Dense("hid", "out", np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]), plastic=rule),
            OneToOne("target", "err_out", 1.0),
            OneToOne("out", "err_out", -1.0),
            Dense("err_out", "err_hid", Transpose("hid->out"), delay=1),
            OneToOne("err_hid", "hid", 2.0, delay=1),
            OneToOne("err_out", "out", 1.5, delay=1),
        ),
        Window.halved(8),
        Readout("out", "first"),
    )


@pytest.mark.core
@ENGINES
def test_a_presentation_by_hand(run_with: Any) -> None:
    # in0 fires in every step, in1 in the first two of a phase; the label is 1.
    #
    # first phase           t = 0        1                   2       3
    #   hid0 (in0)          v = 1        2 fires             1       2 fires
    #   hid1 (in1)          v = 1        2 fires             0       0
    #   hid2 (half of both) v = 1        2 fires             .5      1
    #   out0 (hid0, hid2/2)     0        1 + .5 fires        0       1
    #   out1 (hid1, hid2/2)     0        1 + .5 fires        0       0
    # One spike each: a tie, and out0 has the higher membrane: class 0.
    #
    # second phase          t = 4        5                   6                   7
    #   hid0                v = 1        2 fires             1                   1 + 1 - 2 (err_hid0 at 6) = 0
    #   hid1                v = 1        2 fires             2 (err_hid1 at 5)   0
    #                                                          fires
    #   hid2                v = 1        2 fires             .5                  1
    #   out0                    0        1.5 fires           -1.5 (err_out0)     -1.5
    #   out1                    0        1.5 + 1.5 (err_out1 0 + 1 = 1           1 + 1.5 (err_out1 at 6) fires
    #                                      at 4) fires
    #   err_out0 (-out0)        0        -1 fires -          0                   0
    #   err_out1 (1 - out1)     1 fires  1 - 1 = 0           1 fires             1 - 1 = 0
    #   err_hid (w err_out      0, 0, 0  0, 1 fires, .5      -1 fires -, 0, 0    0, 1 fires, .5
    #            one step ago)
    raster = np.array([[1, 1], [1, 1], [1, 0], [1, 0]])
    running = run_with(by_hand())
    found = running.run(
        {"in": from_raster(raster)}, np.array([1]), record=("hid", "out", "err_out", "err_hid"), learn=True
    )
    assert found.spikes["hid"].raster().tolist() == [
        *([0, 0, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0]),
        *([0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 0]),
    ]
    assert (found.v["hid"][0] / 16).tolist() == [
        *([1, 1, 1], [0, 0, 0], [1, 0, 0.5], [0, 0, 1]),
        *([1, 1, 1], [0, 0, 0], [1, 0, 0.5], [0, 0, 1]),
    ]
    assert found.spikes["out"].raster().tolist() == [
        *([0, 0], [1, 1], [0, 0], [0, 0]),
        *([0, 0], [1, 1], [0, 0], [0, 1]),
    ]
    assert (found.v["out"][0] / 16).tolist() == [
        *([0, 0], [0, 0], [0, 0], [1, 0]),
        *([0, 0], [0, 0], [-1.5, 1], [-1.5, 0]),
    ]
    assert found.spikes["err_out"].raster()[4:].tolist() == [[0, 1], [-1, 0], [0, 1], [0, 0]]
    # err_hid's own clock starts a step later, and so do its four steps of the second phase
    assert found.spikes["err_hid"].raster()[4:].tolist() == [[0, 1, 0], [-1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert found.predictions.tolist() == [0]
    # dw = eta h_pre[first] (h[second] - h[first])
    # h_in = 4, 2;  h_hid = 2, 1, 1 then 1, 2, 1;  h_out = 1, 1 then 1, 2
    moved = {name: (m - by_hand().masters()[name]) * 64 / 2**28 for name, m in running.masters.items()}
    # in1 -> hid1 and hid1 -> out1 are at the clip of 1 already: their 2/64 and 1/64 are cut
    assert moved["in->hid"].tolist() == [[-4, 4, 0], [-2, 0, 0]]
    assert moved["hid->out"].tolist() == [[0, 2], [0, 0], [0, 1]]
    assert found.clipped == {"in->hid": 1, "hid->out": 1}
    # what propagates, in 1/16:  16 - 1, 1, 8;  0 - 1/2 -> 0, 16, 8
    assert by_hand().propagating("in->hid", running.masters).tolist() == [[15, 1, 8], [0, 16, 8]]


@pytest.mark.core
@ENGINES
@pytest.mark.parametrize("feedback", ["symmetric", "fa", "dfa"])
def test_the_literal_reading_runs(run_with: Any, feedback: Any) -> None:
    config = Emstdp(
        sizes=(6, 5, 4, 3), T=20, feedback=feedback, replay=False, reset_at_split=False, gate=True,
        h_pre="all", target_rate=0.2, theta_loss=5.0, forward_delay=1,
    )  # fmt: skip
    net = build(config, seed=2)
    x = np.linspace(0, 1, 60, dtype=np.float32).reshape(10, 6)
    spikes = encoder(config).encode(x, np.arange(10), 20, 1)
    running = run_with(net)
    found = running.run({"in": spikes}, np.arange(10) % 3, learn=True)
    assert found.predictions.shape == (10,)
    assert found.counts["out"].sum() > 0
    assert any((running.masters[n] != m).any() for n, m in net.masters().items())


def skipping() -> Network:
    """in -> hid -> out with a delay of one step per projection, and in -> out with the delay of this path."""
    rule = CountRule(eta=0.004)
    rs = np.random.default_rng(5)
    w = {n: grid.rounded(rs.normal(0, 0.3, shape), grid.MASTER_BITS) for n, shape in
         {"a": (12, 8), "b": (8, 3), "c": (12, 3)}.items()}  # fmt: skip
    return Network(
        {
            "in": Source(12, replay=True),
            "hid": IF(8, theta=1.0, reset_at=RESETS),
            "out": IF(3, theta=1.0, reset_at=RESETS),
            "target": Target(3, rate=0.5),
            "err_out": ErrorIF(3, theta=1.0, active_in="second"),
            "err_hid": ErrorIF(8, theta=0.5, active_in="second"),
        },
        (
            Dense("in", "hid", w["a"], 1, rule),
            Dense("hid", "out", w["b"], 1, rule),
            Dense("in", "out", w["c"], 2, rule, name="skip"),
            OneToOne("target", "err_out", 1.0, 1),
            OneToOne("out", "err_out", -1.0, 1),
            Dense("err_out", "err_hid", Transpose("hid->out"), 1),
            OneToOne("err_hid", "hid", 1.0, 1),
            OneToOne("err_out", "out", 1.0, 1),
        ),
        Window.halved(20),
        Readout("out", "first"),
    )


def three_classes(n: int, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Each class has four inputs that are mostly bright, and eight that are mostly dark."""
    rs = np.random.default_rng(seed)
    y = rs.integers(0, 3, n)
    bright = np.arange(12) // 4 == y[:, None]
    return np.where(bright, rs.uniform(0.2, 0.8, (n, 12)), rs.uniform(0, 0.5, (n, 12))).astype(np.float32), y


def accuracy(running: Any, x: npt.NDArray[np.float32], y: npt.NDArray[np.int64], first: int) -> float:
    spikes = Poisson().encode(x, np.arange(len(x)) + first, 20, 1, 0, Stream.TEST)
    return float((running.run({"in": spikes}).predictions == y).mean())


def test_a_network_with_a_skip_connection_learns_on_naive() -> None:
    net = skipping()
    (x, y), (x_test, y_test) = three_classes(240, 1), three_classes(90, 2)
    running = Naive(net)
    before = accuracy(Naive(net.inference(20)), x_test, y_test, 1000)
    running.run({"in": Poisson().encode(x, np.arange(240), 10, 1)}, y, learn=True)
    moved = {n: (m != net.masters()[n]).mean() for n, m in running.masters.items()}
    assert set(moved) == {"in->hid", "hid->out", "skip"} and min(moved.values()) > 0.3
    after = accuracy(Naive(net.inference(20), running.masters), x_test, y_test, 1000)
    assert before < 0.5
    assert after > 0.9


@pytest.mark.core
def test_windowed_refuses_a_skip_connection_with_the_reason_and_another_engine_is_found() -> None:
    with pytest.raises(
        EngineError,
        match=r"in: it projects to hid and out.*engine='stepped', which supports any network",
    ):
        Windowed(skipping())
    assert isinstance(engine(skipping()), Stepped)
    assert isinstance(engine(by_hand()), Windowed)


SMALL = Emstdp(sizes=(64, 40, 10), T=60, beta_hidden=0.3, beta_out=0.15, eta=0.5)


@pytest.mark.parametrize(
    ("config", "least"),  # measured: 0.947 and 0.861; the same on every machine
    [
        (SMALL, 0.92),
        (replace(SMALL, feedback="dfa", gate=True, beta_error=0.25, eta=0.3, target_rate=0.5), 0.82),
    ],
)
def test_emstdp_learns_the_digits(config: Emstdp, least: float) -> None:
    data = datasets.load("digits")
    net = build(config, seed=1)
    running = Windowed(net)
    for epoch in range(4):
        spikes = encoder(config).encode(data.train.x, data.train.index, 30, 1, epoch)
        running.run({"in": spikes}, data.train.y, learn=True, factor=0.7**epoch)
    spikes = encoder(config).encode(data.test.x, data.test.index, 60, 1, 0, Stream.TEST)
    found = Windowed(net.inference(), running.masters).run({"in": spikes})
    assert (found.predictions == data.test.y).mean() > least


@pytest.mark.core
@ENGINES
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": {}}, r"spikes for \[\]; the network has the sources \['in'\]"),
        ({"inputs": {"im": None}}, r"spikes for \['im'\]"),
        (
            {"inputs": {"in": from_raster(np.zeros((2, 8, 2)))}},
            "2 trials of 8 steps and 2 neurons; 2 of 4 steps",
        ),
        (
            {"inputs": {"in": from_raster(np.zeros((2, 4, 3)))}},
            "4 steps and 3 neurons; 2 of 4 steps and 2 neurons",
        ),
        ({"inputs": {"in": from_raster(-np.ones((2, 4, 2)))}}, "a source needs spikes of .1 only"),
        ({"labels": None}, "target: no labels. .*inference"),
        ({"labels": np.array([0])}, r"labels: int64 \(1,\); 2 integers are needed"),
        ({"labels": np.array([0.0, 1.0])}, "labels: float64"),
        ({"labels": np.array([0, 2])}, "trial 1: label 2; target has the classes 0 .. 1"),
        ({"labels": np.array([-1, 0])}, "trial 0: label -1"),
        ({"record": ("hidd",)}, "record: unknown population 'hidd'. Did you mean 'hid'"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(
    run_with: Any, change: dict[str, Any], said: str
) -> None:
    running = run_with(by_hand())
    given: dict[str, Any] = {
        "inputs": {"in": from_raster(np.ones((2, 4, 2)))},
        "labels": np.array([0, 1]),
    } | change
    with pytest.raises(DataError, match=said):
        running.run(given["inputs"], given["labels"], record=given.get("record", ()), learn=True)
    assert all(np.array_equal(running.masters[n], m) for n, m in by_hand().masters().items())


@pytest.mark.core
@ENGINES
def test_learning_that_cannot_be_is_refused(run_with: Any) -> None:
    spikes, labels = {"in": from_raster(np.ones((2, 4, 2)))}, np.array([0, 1])
    for batch in (0, -1, 1.5):
        with pytest.raises(DeclarationError, match=f"batch = {batch}"):
            run_with(by_hand()).run(spikes, labels, learn=True, batch=batch)
    forward = by_hand().inference(4)
    with pytest.raises(DeclarationError, match="the window has no split"):
        run_with(forward).run(spikes, learn=True)
    assert run_with(forward).run(spikes).predictions.shape == (2,)
    with pytest.raises(DeclarationError, match="exceeds the exact range"):
        run_with(by_hand()).run(spikes, labels, learn=True, factor=1e12)
    with pytest.raises(DeclarationError, match="weights of another network"):
        run_with(by_hand(), {"in->hid": by_hand().masters()["in->hid"]})


@pytest.mark.core
@ENGINES
@pytest.mark.parametrize("step", ["plain", "normalised"])
def test_a_factor_beyond_the_exact_range_is_refused(run_with: Any, step: Any) -> None:
    links = tuple(replace(p, plastic=CountRule(1 / 64, step=step)) if p.name == "in->hid" else p
                  for p in by_hand().projections)  # fmt: skip
    running = run_with(replace(by_hand(), projections=links))
    with pytest.raises(DeclarationError, match=r"in->hid: .* exceeds the exact range"):
        running.run({"in": from_raster(np.ones((1, 4, 2)))}, np.array([0]), learn=True, factor=1e12)


@pytest.mark.core
@ENGINES
@pytest.mark.parametrize("step", ["plain", "normalised"])
@pytest.mark.parametrize("clip", [0.3, 0.1, 0.7])
def test_what_is_learnt_up_to_any_clip_is_a_network_again(run_with: Any, clip: float, step: Any) -> None:
    config = Emstdp(sizes=(6, 5, 3), T=12, init_scale=0.1, beta_hidden=0.2, beta_out=0.2, target_rate=1.0,
                    theta_loss=1.0, eta=100.0 if step == "plain" else 5.0, clip=clip, step=step)  # fmt: skip
    net = build(config, seed=1)
    running = run_with(net)
    x = np.random.default_rng(1).random((20, 6), np.float32)
    found = running.run({"in": encoder(config).encode(x, np.arange(20), 6, 1)}, np.arange(20) % 3, learn=True)
    assert min(found.clipped.values()) > 0
    ends = {int(np.abs(m).max()) for m in running.masters.values()}
    assert ends == {int(clip * 2**28)}
    learnt = net.with_masters(running.masters)
    assert all(np.array_equal(m, running.masters[n]) for n, m in learnt.masters().items())
    assert run_with(net, running.masters).masters.keys() == running.masters.keys()


@pytest.mark.core
@ENGINES
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.astype(np.int64), "in->hid: weights of dtype int64; int32 counts of the master grid"),
        (lambda m: m * 2.0**-28, "in->hid: weights of dtype float64"),
        (
            lambda m: m + np.int32(np.eye(2, 3)),
            rf"weight \[0, 0\] is {2**28 + 1} counts .* {-(2**28)} \.\. {2**28}",
        ),
        (
            lambda m: m - 2**28 - np.int32(np.eye(2, 3, 1)),
            rf"in->hid: weight \[0, 1\] is {-(2**28) - 1} counts",
        ),
    ],
)
def test_given_weights_that_the_proofs_do_not_cover_are_refused(
    run_with: Any, change: Any, said: str
) -> None:
    masters = by_hand().masters()
    masters["in->hid"] = change(masters["in->hid"])
    with pytest.raises(DeclarationError, match=said):
        run_with(by_hand(), masters)


@pytest.mark.core
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"w_loss": 0.001, "grid": 6},
            r"w_loss with grid = 6: 0\.001 lies 0\.001 off the grid of 2\*\*-6",
        ),
        ({"theta_loss": 2.1}, r"theta_loss with grid = 12: 2\.1 lies"),
        ({"grid": 30}, "Emstdp: grid = 30 bits"),
        (
            {"grid": 2, "beta_hidden": 1e-3},
            "threshold of layer 1 of at most 0.00424 rounds to 0 with grid = 2",
        ),
        ({"grid": 4, "beta_error": 1e-3}, "threshold of err1 .* rounds to 0 with grid = 4"),
        ({"grid": 4, "gamma": 1e-3}, "injection into hid1 .* rounds to 0 with grid = 4"),
        ({"grid": 4, "floor": 1e-3}, "floor of layer 1 .* rounds to 0 with grid = 4"),
        ({"grid": 4, "feedback": "fa", "b_scale": 1e-3}, "feedback to err1 .* rounds to 0 with grid = 4"),
    ],
)
def test_nothing_is_rounded_away_unsaid(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        build(Emstdp(**({"sizes": (6, 5, 3), "beta_hidden": 0.3, "beta_out": 0.3, "T": 10} | change)))


@pytest.mark.core
def test_derived_values_are_rounded_to_the_grid_and_a_factor_of_zero_injects_nothing() -> None:
    made = build(Emstdp(sizes=(6, 5, 3), beta_hidden=0.3, beta_out=0.3, T=10, grid=5, gamma=0.0, floor=0.0))
    assert made.populations["hid1"].theta * 32 == round(6 * np.sqrt(3 / 6) * 0.3 * 32)
    assert made.populations["hid1"].floor == 0
    assert not {"err1->hid1", "err_out->out"} & set(made.named)


@pytest.mark.core
def test_table_lookups_do_not_wrap_where_nothing_is_compiled() -> None:
    interpreted = getattr(look_up, "py_func", look_up)
    table = np.arange(4 * TABLE, dtype=np.float32)
    codes = np.array([[15, 15, 15, 15], [0, 7, 4, 12]], np.uint8)
    currents = np.zeros((2, BLOCK), np.float32)
    interpreted(table, codes, 0, 2, currents, 0)
    rows = table.reshape(4, 16, BLOCK)
    assert np.array_equal(currents, [rows[np.arange(4), code].sum(axis=0) for code in codes])


@pytest.mark.core
@ENGINES
def test_no_presentation_gives_nothing(run_with: Any) -> None:
    names = tuple(by_hand().populations)
    found = run_with(by_hand()).run(
        {"in": from_raster(np.zeros((0, 4, 2)))}, np.zeros(0, int), names, learn=True
    )
    assert found.predictions.shape == (0,)
    assert found.counts["hid"].shape == (0, 2, 3)
    assert len(found.spikes["hid"]) == len(found.spikes["in"]) == len(found.spikes["target"]) == 0
