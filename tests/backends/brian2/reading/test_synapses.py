"""Synapses of Brian2 as projections: delays, several statements and pathways, STDP against Brian2 itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim import simulate
from spikesim.backends.brian2.importer import from_brian2, read_brian2
from spikesim.backends.brian2.reading.plasticity import learning_of
from spikesim.backends.brian2.reading.synapses import check_synapses, written_by
from spikesim.errors import DeclarationError
from spikesim.learning import Brian2STDP

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2", "numpy_target")]
ms = b2.ms
TRACES = """w : 1
dapre/dt = -apre/(20*ms) : 1 (event-driven)
dapost/dt = -apost/(15*ms) : 1 (event-driven)"""
PRE = "v_post += w; apre += 0.05; w = clip(w + apost, 0, 1)"
POST = "apost -= 0.06; w = clip(w + apre, 0, 1)"


@pytest.fixture
def numpy_target() -> Any:
    """Brian2's own runs without compiling."""
    before, b2.prefs["codegen.target"] = b2.prefs["codegen.target"], "numpy"
    yield
    b2.prefs["codegen.target"] = before


def parts(model: str = TRACES, on_pre: Any = PRE, on_post: Any = POST, **options: Any) -> list[Any]:
    """Random spikes, neurons that they drive, and plastic synapses between them."""
    draw = np.random.default_rng(3)
    t, i = np.nonzero(draw.random((800, 20)) < 0.03)
    given = b2.SpikeGeneratorGroup(20, i, t * 0.1 * ms, name="given")
    cells = b2.NeuronGroup(
        6, "dv/dt = (0.9 - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name="cells"
    )
    synapses = b2.Synapses(given, cells, model, on_pre=on_pre, on_post=on_post, name="s", **options)
    synapses.connect(i=np.repeat(np.arange(20), 6), j=np.tile(np.arange(6), 20))
    if "w" in synapses.variables:
        synapses.w = draw.uniform(0, 0.6, 120)
    return [given, cells, synapses]


@pytest.mark.parametrize("several", [False, True])
def test_stdp_learns_as_in_brian2(several: bool) -> None:
    made = parts()
    synapses, n = made[2], 800
    if several:
        synapses.pre.delay = "(i % 3)*0.3*ms"
    read = from_brian2(made)
    assert len(read.online) == (3 if several else 1)
    seen = b2.SpikeMonitor(made[1])
    running = b2.Network(*made, seen)
    running.run((n - 1) * 0.1 * ms)
    w = np.array(synapses.w)
    running.run(0.1 * ms)
    found = simulate(read, steps=n, record="cells")
    raster = np.zeros((n, 6), int)
    np.add.at(raster, (np.rint(np.asarray(seen.t / (0.1 * ms))).astype(int), np.asarray(seen.i)), 1)
    np.testing.assert_array_equal(found.spikes["cells"].raster(), raster)
    delays = (np.asarray(synapses.i) % 3) * 3 if several else np.zeros(120, int)
    for p in read.online:
        np.testing.assert_allclose(
            found.state.weights[p.name], w[delays == p.longest_delay - 1], rtol=0, atol=1e-12
        )
    assert raster.sum() > 50
    assert found.spikes == simulate(read, steps=n, record="cells", engine="naive").spikes


def test_the_parameters_of_the_rule() -> None:
    rule = from_brian2(parts()).online[0].plastic
    assert isinstance(rule, Brian2STDP) and (rule.pairing, rule.clip) == ("all", (0.0, 1.0))
    assert (rule.a_plus, rule.a_minus) == (0.05, 0.06)
    assert (rule.tau_plus, rule.tau_minus) == pytest.approx((200, 150), rel=1e-12)
    pre = "v += w; apre = 1; w = clip(w - 0.06*apost, -1, 2)"
    post = "apost = 1; w = clip(w + 0.05*apre, -1, 2)"
    rule = from_brian2(parts(on_pre=pre, on_post=post)).online[0].plastic
    assert (rule.a_plus, rule.a_minus, rule.pairing, rule.clip) == (0.05, 0.06, "nearest", (-1.0, 2.0))
    clocked = parts(TRACES.replace("event", "clock"), method="exact")
    assert from_brian2(clocked).online[0].plastic.tau_plus == pytest.approx(200, rel=1e-12)
    free = from_brian2(parts(on_pre="v += w; apre += 1; w += apost", on_post="apost -= 1; w += apre"))
    assert free.online[0].plastic.clip == (-1e300, 1e300)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"on_pre": PRE.replace("v_post += w; ", "") + "; v_post += w"}, "after the change of w"),
        ({"on_pre": PRE.replace("v_post += w; ", "")}, "without an effect on its target"),
        ({"on_pre": PRE.replace("v_post += w", "v_post += 2*w")}, r"'v_post \+= 2\*w'.*X_post \+= w is read"),
        (
            {"on_pre": PRE.replace("w + apost", "w + apre")},
            "changes by apre in on_pre and by apre in on_post",
        ),
        ({"on_pre": PRE.replace(", 0, 1)", ", 0, 2)")}, r"clipped to \(0.0, 2.0\) in on_pre"),
        ({"on_pre": PRE.replace("w + apost", "w + w*apost")}, "the product of"),
        (
            {"on_pre": PRE.replace("w + apost", "w + apost - 0.1")},
            r"w = clip\(w \+ trace, low, high\) is read",
        ),
        ({"on_pre": PRE.replace("+= 0.05", "*= 0.05")}, "one jump of a trace"),
        ({"on_post": POST + "; v_post += 1"}, r"'v_post \+= 1'"),
        ({"on_post": None}, "one on_pre and one on_post"),
        ({"on_pre": {"a": PRE, "b": "v_post += 1"}}, "plasticity in the pathways s_a, s_b, s_post"),
        ({"model": TRACES.replace("-apre/", "(1 - apre)/")}, "a trace that decays with one time constant"),
        ({"delay": {"post": 1 * ms}}, "a delay of on_post"),
    ],
)
def test_other_plasticity_is_refused_with_what_differs(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said) as caught:
        from_brian2(parts(**change))
    assert str(caught.value).startswith("from_brian2: s: ")


def test_traces_that_have_begun_and_constant_weights() -> None:
    made = parts()
    made[2].apre = 0.5
    with pytest.raises(DeclarationError, match="an initial apre other than 0"):
        from_brian2(made)
    assert "after n - 1" in " ".join(read_brian2(parts()).notes)
    plain = parts("w : 1", "v_post += w", None)[2]
    check_synapses(plain)
    assert written_by(plain) == {("cells", "v")}
    assert learning_of(plain, None, 1e-4) is None  # type: ignore[arg-type]


def test_pathways_statements_and_parameters_of_both_sides() -> None:
    pre = b2.NeuronGroup(3, "v : 1\nout : 1", threshold="v > 1", reset="v = 0", name="pre")
    post = b2.NeuronGroup(
        2,
        "dv/dt = (g - v)/ms : 1\ndg/dt = -g/ms : 1\nscale : 1",
        threshold="v > 1",
        reset="v = 0",
        name="post",
    )
    pre.out, post.scale = [1, 2, 3], [10, 100]
    synapses = b2.Synapses(
        pre,
        post,
        on_pre={"fast": "v_post += out_pre*scale_post; g -= 1 + i + j", "slow": "g += 2"},
        delay={"slow": 0.35 * ms},
        name="s",
    )
    synapses.connect(condition="i != j", n=2)
    read = from_brian2([pre, post, synapses])
    assert {p.name: (p.receptor, p.delay) for p in read.projections} == {
        "s_fast": ("v", 1),
        "s_fast_g": ("g", 1),
        "s_slow": ("g", 5),  # 3.5 steps, rounded up
    }
    edges = read.named["s_fast"].edges(read.weights("s_fast"))
    pairs = list(zip(edges.pre.tolist(), edges.post.tolist(), edges.w.tolist(), strict=True))
    assert pairs == [(0, 1, 100.0)] * 2 + [(1, 0, 20.0)] * 2 + [(2, 0, 30.0)] * 2 + [(2, 1, 300.0)] * 2
    assert read.weights("s_fast_g").tolist() == [-2, -2, -2, -2, -3, -3, -4, -4]
