"""Convolutional EMSTDP networks: their layers, their wiring, fixed kernels, training and its refusals."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim import datasets
from spikesim.engines.windowed.engine import Windowed
from spikesim.errors import DeclarationError, EngineError
from spikesim.learning import CountRule
from spikesim.models.emstdp import Emstdp, build, encoder, training
from spikesim.models.emstdp.convolutional import CONVOLUTIONAL
from spikesim.models.emstdp.kernels import names, stored_kernels
from spikesim.models.emstdp.layers import layers_of, title
from spikesim.models.emstdp.presets import PRESETS
from spikesim.network.file import digest, load_network, save_network
from spikesim.synapses import Conv2d
from spikesim.training.evaluate import evaluate
from spikesim.training.run import Run
from spikesim.training.train import resume, train

NOT_COMPILED = os.environ.get("NUMBA_DISABLE_JIT") == "1"

SMALL = Emstdp(
    sizes=(64, 20, 10),
    conv=((4, 3, 1, 1), (6, 3, 2)),
    T=32,
    reset="subtract",
    error_reset="subtract",
    update="error",
    gamma=0.0,
    gate=True,
    eta=0.05,
    eta_hidden=(0.05, 0.2, 0.5),
    beta_hidden=0.05,
    beta_error=0.05,
    dropout=(0.0, 0.1, 0.2),
)


@pytest.mark.core
def test_the_layers_of_a_configuration() -> None:
    layers = layers_of(replace(SMALL, sizes=(128, 20, 10), image=(2, 8, 8)))
    assert [layer.name for layer in layers] == ["in", "conv1", "conv2", "hid1", "out"]
    assert [layer.n for layer in layers] == [128, 4 * 64, 6 * 9, 20, 10]
    assert [layer.fan_in for layer in layers] == [0, 2 * 9, 4 * 9, 54, 20]
    assert [layer.fan_back for layer in layers[1:]] == [4 * 9, 6 * 9 / 4, 20, 10]
    assert [layer.error for layer in layers[1:]] == ["err_conv1", "err_conv2", "err1", "err_out"]
    assert title(SMALL) == "64-4c3s1p1-6c3s2-20-10" and title(Emstdp()) == "784-500-10"


@pytest.mark.core
def test_a_convolutional_network_is_wired_like_a_dense_one() -> None:
    net = build(SMALL, seed=2)
    links = {p.name: p for p in net.projections}
    assert isinstance(links["in->conv1"], Conv2d) and links["in->conv1"].w.shape == (4, 1, 3, 3)
    assert isinstance(links["conv1->conv2"], Conv2d) and links["conv1->conv2"].stride == (2, 2)
    assert links["err_conv2->err_conv1"].follows == "conv1->conv2"
    assert links["err1->err_conv2"].follows == "conv2->hid1"
    rules = [p.plastic for p in net.plastic]
    assert [rule.error for rule in rules] == ["err_conv1", "err_conv2", "err1", "err_out"]
    # sections 3.4 and 4: theta = fan-in sigma beta, sigma = sqrt(3 / fan-in); eta in theta / (T / 2)**2
    theta = net.populations["conv2"].theta
    assert theta == pytest.approx(np.sqrt(3 * 36) * 0.05, abs=2**-12)
    assert rules[1].eta == pytest.approx(0.2 * 0.05 * theta / 16**2)
    assert net.populations["err_conv1"].theta == pytest.approx(54 / 4 * np.sqrt(3 / 36) * 0.05, abs=2**-12)
    assert links["in->conv1"].w.std() == pytest.approx(np.sqrt(3 / 9), rel=0.3)
    assert training(SMALL, 2).dropout == {"conv2": 0.1, "hid1": 0.2}
    dfa = build(replace(SMALL, feedback="dfa"))
    assert {p.pre for p in dfa.projections if p.post == "err_conv1"} == {"err_out"}
    Windowed(dfa)


@pytest.mark.core
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"image": (1, 7, 9)}, r"image = \(1, 7, 9\) for sizes\[0\] = 64 inputs"),
        ({"sizes": (60, 10)}, r"image = \(\) for sizes\[0\] = 60"),
        ({"conv": ((4, 3),)}, r"conv: \(4, 3\); \(channels, kernel, stride\)"),
        ({"conv": ((4, 0, 1),)}, r"conv: \(4, 0, 1\); channels, kernel and stride are whole numbers >= 1"),
        ({"conv": ((4, 9, 1),)}, r"conv1: a kernel of 9 does not fit into \(8, 8\) with padding 0"),
        ({"beta_error": (0.1, 0.2)}, r"beta_error = .* has 2 values; 3 values are needed"),
        ({"bias": True}, r"bias = True with conv"),
        ({"feedback": "fa"}, r"feedback = 'fa' with kernels that learn"),
        ({"conv": (), "kernels": "random"}, r"kernels = 'random' without conv"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        replace(SMALL, dropout=0.0, eta_hidden=1.0, **({"beta_error": 0.1} | fields))


@pytest.mark.core
def test_fixed_kernels_have_no_error_neurons(tmp_path: Path) -> None:
    rs = np.random.default_rng(1)
    given = {"conv1": rs.normal(size=(4, 1, 3, 3)), "conv2": rs.normal(size=(6, 4, 3, 3))}
    path = tmp_path / "kernels.npz"
    np.savez(path, **given)
    net = build(replace(SMALL, kernels=str(path)))
    links = {p.name: p for p in net.projections}
    assert {p.name for p in net.plastic} == {"conv2->hid1", "hid1->out"}
    assert [name for name in net.populations if name.startswith("err")] == ["err_out", "err1"]
    sigma = np.sqrt(3 / 9)  # the standard deviation of initial weights, on the grid of 2**-12
    np.testing.assert_allclose(
        links["in->conv1"].w, given["conv1"] / given["conv1"].std() * sigma, atol=2**-12
    )
    assert build(replace(SMALL, kernels="random")).named["in->conv1"].plastic is None
    found = stored_kernels(str(path), layers_of(SMALL))
    np.testing.assert_array_equal(found["conv2"], given["conv2"])


@pytest.mark.core
def test_kernels_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    layers = layers_of(SMALL)
    np.savez(tmp_path / "one.npz", conv1=np.ones((4, 1, 3, 3)))
    np.savez(tmp_path / "other.npz", conv1=np.arange(36.0).reshape(4, 1, 3, 3), conv2=np.eye(3))
    (tmp_path / "text.npz").write_text("no kernels")
    with pytest.raises(DeclarationError, match=r"conv1 has the shape .* not all equal"):
        stored_kernels(str(tmp_path / "one.npz"), layers)
    with pytest.raises(
        DeclarationError, match=r"conv2 has the shape \(3, 3\); finite kernels of \(6, 4, 3, 3\)"
    ):
        stored_kernels(str(tmp_path / "other.npz"), layers)
    for name in ("text.npz", "missing.npz"):
        with pytest.raises(DeclarationError, match="cannot be read"):
            stored_kernels(str(tmp_path / name), layers)
    with pytest.raises(DeclarationError, match=r"kernels: unknown choice 'randon'.*random"):
        stored_kernels("randon", layers)
    assert names() == sorted(names())


@pytest.mark.core
def test_the_presets_are_networks_of_the_fast_engine() -> None:
    for row in CONVOLUTIONAL[:1] if NOT_COMPILED else CONVOLUTIONAL:
        assert PRESETS[row.name] is row
        net = build(row.model)
        assert Windowed(net).network is net
        learned = row.model.kernels == "learned"
        assert [p.name for p in net.plastic][-2:] == ["conv2->hid1", "hid1->out"]
        assert len(net.plastic) == (4 if learned else 2)


@pytest.mark.core
def test_brian2_refuses_kernels_that_learn_by_name() -> None:
    pytest.importorskip("brian2")
    from spikesim.backends.brian2.trial_learning import check_rules

    with pytest.raises(EngineError, match=r"brian2: in->conv1 is a Conv2d that learns.*engine 'windowed'"):
        check_rules(build(SMALL), 1, 1.0)


@pytest.mark.core
def test_a_network_with_kernels_that_learn_is_its_file(tmp_path: Path) -> None:
    net = build(SMALL, seed=3)
    save_network(net, tmp_path / "net.h5")
    back = load_network(tmp_path / "net.h5")
    assert digest(back) == digest(net)
    link: Any = back.named["conv1->conv2"]
    assert isinstance(link.plastic, CountRule) and link.plastic == net.named["conv1->conv2"].plastic
    np.testing.assert_array_equal(back.masters()["conv1->conv2"], net.masters()["conv1->conv2"])


def test_a_training_learns_resumes_and_is_measured(tmp_path: Path) -> None:
    """Two epochs on 8x8 digits; one stopped after the first goes on to the same weights."""
    data = datasets.load("digits")
    config = replace(
        SMALL, sizes=(64, 10), conv=((4, 3, 1),), eta=0.2, eta_hidden=0.1, beta_error=0.05, dropout=0.0
    )
    net = build(config, seed=1)
    plan = replace(training(config, 2), samples=400)
    whole = train(net, data, encoder(config), plan)
    assert whole.engine == "windowed"
    train(net, data, encoder(config), replace(plan, epochs=1), out=tmp_path / "run")
    half = resume(tmp_path / "run", data, epochs=2)
    for name, masters in whole.masters.items():
        assert masters.shape == net.named[name].w.shape
        np.testing.assert_array_equal(half.masters[name], masters)
        assert (masters != net.masters()[name]).any()
    kept = Run.open(tmp_path / "run")
    test = data.test
    accuracy = evaluate(kept.network, test, kept.encoder, 1, kept.masters).accuracy
    assert accuracy > 0.7
    assert accuracy == evaluate(net, test, encoder(config), 1, whole.masters).accuracy
