"""What a declaration refuses, with the name, the value, the limit and the way out; what it gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim import grid
from spikesim.engines import Naive
from spikesim.errors import DeclarationError
from spikesim.learning import CountRule, SquareSTDP
from spikesim.models.emstdp import Emstdp, build
from spikesim.network import Network, Readout
from spikesim.network.file import load_network, save_network
from spikesim.neurons import IF, ErrorIF, Source, Target
from spikesim.spikes import from_raster
from spikesim.synapses import Dense, OneToOne, Transpose
from spikesim.window import Window

pytestmark = pytest.mark.core

POPULATIONS: dict[str, Any] = {
    "in": Source(4, replay=True),
    "hid": IF(3, theta=1.0, grid=4),
    "out": IF(2, theta=1.0, grid=4),
    "target": Target(2),
    "err_out": ErrorIF(2, theta=1.0, grid=4, active_in="second"),
    "err_hid": ErrorIF(3, theta=1.0, grid=4, active_in="second"),
}
RULE = CountRule(eta=0.01)
PROJECTIONS = (
    Dense("in", "hid", np.full((4, 3), 0.5), plastic=RULE),
    Dense("hid", "out", np.full((3, 2), 0.5), plastic=RULE),
    OneToOne("target", "err_out", 1.0),
    OneToOne("out", "err_out", -1.0),
    Dense("err_out", "err_hid", Transpose("hid->out"), delay=1),
    OneToOne("err_hid", "hid", 1.0, delay=1),
    OneToOne("err_out", "out", 1.0, delay=1),
)


def net(
    populations: dict[str, Any] | None = None,
    projections: tuple[Any, ...] = PROJECTIONS,
    window: Window | None = None,
    readout: Readout | None = None,
) -> Network:
    """The network above, with some populations replaced or added."""
    return Network(POPULATIONS | (populations or {}), projections, window or Window(10, 5), readout)


def swapped(name: str, projection: Any) -> tuple[Any, ...]:
    """The projections, one of them replaced."""
    assert name in {p.name for p in PROJECTIONS}
    return tuple(projection if p.name == name else p for p in PROJECTIONS)


def dense(w: Any, pre: str = "in", post: str = "hid", **more: Any) -> tuple[Any, ...]:
    """The projections, with the first dense one replaced."""
    return swapped("in->hid", Dense(pre, post, np.asarray(w, float), **more))


def test_the_network_of_these_tests_is_sound() -> None:
    made = net()
    assert made.sources == ("in",)
    assert [p.name for p in made.plastic] == ["in->hid", "hid->out"]
    assert made.teaching() == {"target", "err_out", "err_hid"}


HALF = np.full((4, 3), 0.5)
REFUSED = {
    "no population": (lambda: Network({}, (), Window(4)), "Network: no populations"),
    "a name that dangles": (
        lambda: net(projections=(Dense("inn", "hid", HALF),)),
        "inn->hid: unknown population 'inn'. Did you mean 'in'",
    ),
    "a post that dangles": (
        lambda: net(projections=(OneToOne("out", "err_ou", 1.0),)),
        "unknown population 'err_ou'. Did you mean 'err_out'",
    ),
    "one name twice": (
        lambda: net(projections=(*PROJECTIONS, OneToOne("out", "err_out", 1.0))),
        "two projections have the name 'out->err_out'; give one of them name=...",
    ),
    "into a source": (
        lambda: net(projections=(Dense("hid", "in", HALF.T),)),
        "'in' is a Source, which only sends",
    ),
    "into a target": (
        lambda: net(projections=(OneToOne("out", "target", 1.0),)),
        "'target' is a Target, which only sends",
    ),
    "one to one of two sizes": (
        lambda: net(projections=(OneToOne("hid", "out", 1.0),)),
        "hid->out: one-to-one needs equal sizes; hid has 3 neurons, out has 2",
    ),
    "another shape": (
        lambda: net(projections=dense(HALF.T)),
        "in->hid: w has the shape (3, 4); (4, 3) is needed, the sizes of in and hid",
    ),
    "not a matrix": (
        lambda: Dense("in", "hid", np.zeros(3)),
        "in->hid: w has the shape (3,); (n_pre, n_post) is",
    ),
    "no transpose of this": (
        lambda: net(
            projections=swapped("err_out->err_hid", Dense("err_out", "err_hid", Transpose("hid->ou"), 1))
        ),
        "unknown projection to transpose 'hid->ou'. Did you mean 'hid->out'",
    ),
    "a transpose of a transpose": (
        lambda: net(
            projections=(
                *PROJECTIONS,
                Dense("err_hid", "err_out", Transpose("err_out->err_hid"), 1, name="back"),
            )
        ),
        "back: unknown projection to transpose 'err_out->err_hid'",
    ),
    "a transpose of another shape": (
        lambda: net(
            projections=swapped("err_out->err_hid", Dense("err_out", "err_hid", Transpose("in->hid"), 1)),
        ),
        "the weights have the shape (3, 4); (2, 3) is needed, from 2 neurons of err_out to 3 of err_hid",
    ),
    "a transpose with another grid": (
        lambda: net({"err_hid": ErrorIF(3, theta=1.0, grid=5, active_in="second")}),
        "the transpose of hid->out has the grid of 2**-4, and err_hid has 2**-5; declare err_hid with grid=4",
    ),
    "a transpose that learns": (
        lambda: Dense("err_out", "err_hid", Transpose("hid->out"), plastic=RULE),
        "a transpose follows 'hid->out' and has no rule of its own",
    ),
    "a negative delay": (
        lambda: OneToOne("out", "err_out", 1.0, -1),
        "delay = -1; a delay is a whole number",
    ),
    "half a delay": (lambda: Dense("in", "hid", HALF, 0.5), "in->hid: delay = 0.5"),  # type: ignore[arg-type]
    "a cycle without delay": (
        lambda: net(projections=swapped("err_out->out", OneToOne("err_out", "out", 1.0))),
        "a cycle of zero delay: err_out -> out -> err_out; give one of its projections delay=1",
    ),
    "paths of different delay": (
        lambda: net(projections=(*PROJECTIONS, Dense("in", "out", np.zeros((4, 2)), delay=3))),
        "out: its input arrives over paths of different delay (hid->out after 0, "
        "in->out after 3 steps), so that",
    ),
    "a recurrent path": (
        lambda: net(projections=(*PROJECTIONS, Dense("out", "hid", np.zeros((2, 3)), delay=1))),
        "hid, out: the delays of their paths from the input depend on each other (a recurrent path); "
        "declare offset=... on one",
    ),
    "a gate that dangles": (
        lambda: net({"err_hid": replace(POPULATIONS["err_hid"], gate_by="hidd")}),
        "err_hid: gate_by: unknown population 'hidd'. Did you mean 'hid'",
    ),
    "a gate of another size": (
        lambda: net({"err_hid": replace(POPULATIONS["err_hid"], gate_by="out")}),
        "err_hid: gate_by='out' needs a population of the same size (3, not 2)",
    ),
    "a gate in the first phase": (
        lambda: net({"hid": replace(POPULATIONS["hid"], gate_by="err_hid")}),
        "and active_in='second' (the gate is known at the end of the first phase)",
    ),
    "a readout that dangles": (lambda: net(readout=Readout("oud")), "readout: unknown population 'oud'"),
    "a readout of a source": (
        lambda: net(readout=Readout("in")),
        "readout: 'in' is a Source; ties are broken by the membrane",
    ),
    "a readout of two membranes": (
        lambda: net({"err_hid": replace(POPULATIONS["err_hid"], form="pair")}, readout=Readout("err_hid")),
        "readout: 'err_hid' is a ErrorIF",
    ),
    "a span that is none": (
        lambda: net(readout=Readout("out", "frist")),  # type: ignore[arg-type]
        "readout: unknown span 'frist'. Did you mean 'first'",
    ),
    "a second phase to read": (
        lambda: Network({"in": Source(1), "a": IF(1, 1.0)}, (), Window(4), Readout("a", "second")),
        "readout: span = 'second' needs a second phase",
    ),
    "a replay without phases": (
        lambda: Network({"in": Source(4, replay=True)}, (), Window(8)),
        "in: replay needs a second phase, and the window has no split",
    ),
    "a reset without phases": (
        lambda: Network({"a": IF(1, 1.0, reset_at=("start", "split"))}, (), Window(8)),
        "a: reset_at='split' needs a second phase",
    ),
    "a life without phases": (
        lambda: Network({"a": ErrorIF(1, 1.0, active_in="second")}, (), Window(8)),
        "a: active_in='second' needs a second phase",
    ),
    "a replay that is too short": (
        lambda: net(window=Window(9, 4)),
        "in: replay=True repeats the first phase in the second, and the second is longer (5 steps after 4); "
        "move the split to 5 or later",
    ),
    "a fixed weight off the grid": (
        lambda: net(projections=dense(np.full((4, 3), 0.3))),
        "in->hid: w: 0.3 lies 0.0125 off the grid of 2**-4; round it explicitly "
        "with spikesim.grid.rounded(values, 4)",
    ),
    "a one-to-one weight off the grid": (
        lambda: net(projections=swapped("out->err_out", OneToOne("out", "err_out", -0.3))),
        "out->err_out: w: -0.3 lies",
    ),
    "a plastic weight off the master grid": (
        lambda: net(projections=dense(np.full((4, 3), 2.0**-29), plastic=RULE)),
        "in->hid: w: 1.862645149230957e-09 lies",
    ),
    "NaN": (lambda: net(projections=dense(np.where(np.eye(4, 3), np.nan, 0.5))), "in->hid: w: holds nan"),
    "plastic NaN": (
        lambda: net(projections=dense(np.where(np.eye(4, 3), np.nan, 0.5), plastic=RULE)),
        "in->hid: w: holds nan; finite numbers are needed",
    ),
    "outside the clip range": (
        lambda: net(projections=dense(HALF * 3, plastic=RULE)),
        "in->hid: weights from 1.5 to 1.5 start outside the clip range [-1.0, 1.0]; "
        "widen it, or scale the weights",
    ),
    "a clip range that rounds to the end of int32": (
        lambda: net(projections=dense(HALF, plastic=CountRule(0.1, clip=(-1.0, 7.99)))),
        "rounded to the grid of 2**-4, a weight can reach 8.0, beyond the range of int32 master weights; "
        "use a clip range below 7.96875",
    ),
    "a clip range whose last count rounds to the end of int32": (
        lambda: net(projections=dense(HALF, plastic=CountRule(0.1, clip=(-1.0, 7.96875)))),
        "rounded to the grid of 2**-4, a weight can reach 8.0",
    ),
    "a weight one count outside a clip range beside the master grid": (
        lambda: net(
            projections=dense(np.full((4, 3), grid.rounded(0.3, 28)), plastic=CountRule(0.1, clip=(-1, 0.3)))
        ),
        "in->hid: weights from 0.3 to 0.3 start outside the clip range [-1, 0.3]",
    ),
    "a grid too fine for the fan-in": (
        lambda: net({"hid": IF(3, theta=1.0, grid=22)}),
        # 4 inputs of at most 1 (the clip range, not the weight) and an injection of 1: 5 * 2**22
        f"hid: the input in one step can reach {5 * 2**22} steps of 2**-22, but float32 is exact below "
        f"2**24 = {2**24}. Use a coarser grid (21 bits or fewer), a narrower clip range or fewer inputs",
    ),
    "a window too long for the grid": (
        lambda: net({"hid": IF(3, theta=1.0, grid=20)}, window=Window(2000, 1000)),
        # 5 * 2**20 a step, for 2000 steps: hid is not reset at the split
        f"hid: the membrane can reach {5 * 2**20 * 2000} steps of 2**-20 in 2000 time steps, but int32 "
        f"ends at 2**31. Use a coarser grid (17 bits or fewer)",
    ),
    "a threshold beyond int32": (
        lambda: net({"hid": IF(3, theta=2.0**28, grid=4)}),
        "hid: the membrane can reach",
    ),
    "half a step": (lambda: Window(2.5), "Window: T = 2.5; a trial needs a whole number of steps"),  # type: ignore[arg-type]
    "no step": (lambda: Window(0), "Window: T = 0"),
    "a split outside": (lambda: Window(4, 4), "Window: split = 4; must lie in 1 .. T - 1 = 3"),
    "an odd window": (
        lambda: Window.halved(7),
        "Window: T = 7 cannot be halved into two phases; use an even number",
    ),
    "an odd window of EMSTDP": (lambda: Emstdp(T=25), "T = 25 cannot be halved"),
    "an empty layer": (lambda: Emstdp(sizes=(4, 0, 2)), "sizes[1] = 0; a whole number >= 1 is needed"),
    "a step size": (
        lambda: CountRule(eta=float("nan")),
        "CountRule: eta = nan; a finite learning rate >= 0 is needed",
    ),
    "a negative step size": (lambda: CountRule(eta=-1.0), "CountRule: eta = -1.0"),
    "a span of the rule": (lambda: CountRule(0.1, pre="third"), "pre = 'third'; known: 'first'"),  # type: ignore[arg-type]
    "a kind of step": (lambda: CountRule(0.1, step="adam"), "step = 'adam'; known: 'plain'"),  # type: ignore[arg-type]
    "a clip range beyond the masters": (lambda: CountRule(0.1, clip=(-8.0, 1.0)), "low < high inside +-8.0"),
    "a clip range upside down": (lambda: CountRule(0.1, clip=(1.0, -1.0)), "clip = (1.0, -1.0); low < high"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_declaration_that_cannot_be_is_refused(case: str) -> None:
    make, said = REFUSED[case]
    with pytest.raises(DeclarationError) as refusal:
        make()
    assert said in str(refusal.value)


def test_just_inside_the_limits() -> None:
    net({"hid": IF(3, theta=1.0, grid=21)}, window=Window(10, 5))
    net({"hid": IF(3, theta=1.0, grid=20, reset_at=("start", "split"))}, window=Window(800, 400))
    net(window=Window(10, 6))  # a replay that is cut short
    net(projections=dense(HALF, plastic=CountRule(0.1, clip=(-1.0, 7.96875 - 2.0**-28))))
    net(window=Window(10, 5), readout=Readout("err_hid", "second"))


def test_arrays_and_mappings_cannot_be_changed() -> None:
    made = net()
    with pytest.raises(TypeError):
        made.populations["in"] = Source(5)  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        made.plastic[0].matrix[0, 0] = 1.0


def test_what_propagates() -> None:
    made = net()
    masters = made.masters()
    masters["hid->out"][:] = np.arange(6).reshape(3, 2) * 2**24 + 2**23  # counts of 2**-4, and one half
    expected = np.arange(6).reshape(3, 2) + 1
    assert np.array_equal(made.propagating("hid->out", masters), expected)
    assert np.array_equal(made.propagating("err_out->err_hid", masters), expected.T)
    assert np.array_equal(net(projections=dense(HALF)).propagating("in->hid", {}), np.full((4, 3), 8))
    with pytest.raises(DeclarationError, match="is OneToOne and has no matrix"):
        made.propagating("err_out->out", masters)


def test_masters_come_back_and_others_are_refused() -> None:
    made = net()
    masters = made.masters()
    masters["in->hid"] += 12345
    assert np.array_equal(made.with_masters(masters).masters()["in->hid"], masters["in->hid"])
    with pytest.raises(DeclarationError, match="unknown plastic projection 'in->hidd'"):
        made.with_masters({"in->hidd": masters["in->hid"]})
    with pytest.raises(DeclarationError, match=r"weights of \['hid->out'\] are missing"):
        made.with_masters({"in->hid": masters["in->hid"]})
    with pytest.raises(DeclarationError, match=r"w has the shape \(3, 4\)"):
        made.with_masters(masters | {"in->hid": masters["in->hid"].T})
    with pytest.raises(DeclarationError, match="outside the clip range"):
        made.with_masters(masters | {"in->hid": masters["in->hid"] + 2**grid.MASTER_BITS})


def test_inference_leaves_the_teaching_out() -> None:
    forward = net(readout=Readout("out", "first")).inference(7)
    assert list(forward.populations) == ["in", "hid", "out"]
    assert [p.name for p in forward.projections] == ["in->hid", "hid->out"]
    assert forward.window == Window(7) and forward.readout == Readout("out", "all")
    assert not forward.populations["in"].replay
    assert net().inference().window == Window(10)
    with pytest.raises(DeclarationError, match="T = 0"):
        net().inference(0)


def test_a_continuous_network_gets_trials_that_equal_its_first_steps() -> None:
    """A loop, delays of 0 and 2, an online rule that does not act."""
    rs = np.random.default_rng(4)
    w = [rs.integers(low, 5, shape).astype(float) for low, shape in ((0, (3, 4)), (-3, (4, 4)), (0, (4, 2)))]
    populations = {"in": Source(3), "a": IF(4, 6.0, 0), "b": IF(2, 5.0, 0)}
    links = (
        Dense("in", "a", w[0], 1, SquareSTDP(1.0, 1.0, 3, clip=(0.0, 8.0))),
        Dense("a", "a", w[1], 2),
        Dense("a", "b", w[2], 0),
    )
    network = Network(populations, links)
    forward = network.inference(30)
    assert forward.window == Window(30) and set(forward.offsets.values()) == {0} and not forward.online
    given = {"in": from_raster((rs.random((1, 30, 3)) < 0.5).astype(np.int8))}
    whole = Naive(network).advance(30, given, {}, ("a", "b"), learn=False)
    trial = Naive(forward).run(given, record=("a", "b"))
    for name in ("a", "b"):
        assert whole.spikes[name] == trial.spikes[name] and len(trial.spikes[name].times) > 5
        np.testing.assert_array_equal(whole.v[name], trial.v[name])
    with pytest.raises(DeclarationError, match=r"continuous \(without trials\): give the steps"):
        network.inference()


@pytest.mark.parametrize("feedback", ["symmetric", "fa", "dfa"])
def test_a_saved_network_is_the_same_network(tmp_path: Path, feedback: Any) -> None:
    made = build(Emstdp(sizes=(5, 4, 3, 2), T=10, feedback=feedback, floor=1.0, gate=True), seed=3)
    save_network(made, tmp_path / "net.h5")
    again = load_network(tmp_path / "net.h5")
    assert dict(again.populations) == dict(made.populations)
    assert (again.window, again.readout, again.order) == (made.window, made.readout, made.order)
    assert dict(again.offsets) == dict(made.offsets)
    for p, q in zip(made.projections, again.projections, strict=True):
        assert (p.name, p.pre, p.post, p.delay) == (q.name, q.pre, q.post, q.delay)
        assert isinstance(p, Dense) == isinstance(q, Dense)
        assert isinstance(p, OneToOne) or p.plastic == q.plastic  # type: ignore[union-attr]
        assert np.array_equal(p.w, q.w) if isinstance(p.w, np.ndarray) else p.w == q.w
