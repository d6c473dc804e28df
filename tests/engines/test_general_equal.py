"""Random networks of every kind: engines agree, and what holds for every network that runs without end."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikesim.engines import Naive, Stepped, simulate
from spikesim.network import Network
from spikesim.network.file import digest, load_network, save_network
from spikesim.network.scheduling import is_source
from spikesim.neurons import ErrorIF, Source
from spikesim.recording.state import State, same
from spikesim.spikes import from_raster
from spikesim.synapses import Dense, PoissonInput
from spikesim.tools.dev import fuzz
from spikesim.tools.dev.random_networks import KINDS, endless, example, presented

pytestmark = pytest.mark.core

NOT_COMPILED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
NETWORKS = 16 if NOT_COMPILED else 240
CHUNKS = 4
LEAST = 0 if NOT_COMPILED else 5  # so few networks have not everything
FEW = 4 if NOT_COMPILED else 30
SEEN = (
    *(
        "Conv2d",
        "Dense",
        "Sparse",
        "OneToOne",
        "IF",
        "LIF",
        "ErrorIF",
        "Source",
        "PoissonSource",
        "RegularSource",
    ),
    *("Target", "synapses with delays", "recurrent", "refractory", "gates", "Poisson drives", "currents"),
    *("learning", "clips", "negative spikes", "on stepped", "on windowed"),
)


@cache
def chunk(k: int) -> Counter[str]:
    """What was seen while a chunk's networks were compared; nothing differed."""
    seen = Counter[str]()
    for seed in range(k * NETWORKS // CHUNKS, (k + 1) * NETWORKS // CHUNKS):
        found = fuzz.compare(example(seed), seen)
        assert not found, f"seed {seed} ({KINDS[seed % 4]}): {found}"
    return seen


@pytest.mark.parametrize("k", range(CHUNKS))
def test_engines_are_equal(k: int) -> None:
    assert chunk(k)["networks"] == NETWORKS // CHUNKS


def test_every_kind_was_seen_and_nothing_was_silent() -> None:
    seen = sum((chunk(k) for k in range(CHUNKS)), Counter[str]())
    assert {what: seen[what] for what in SEEN if seen[what] < LEAST} == {}
    assert seen["spikes"] > 80 * NETWORKS


def test_a_difference_is_found() -> None:
    drawn = endless(1)
    a, _ = drawn.play("naive")
    name = drawn.moving[-1]
    for change, said in ((1, f"membranes of {name}"), (0, None)):
        b, _ = drawn.play("naive")
        b.v[name][0, -1, ..., -1] += change
        assert fuzz.difference(a, b, drawn.network.order) == said
    b, _ = drawn.play("naive")
    b.counts[name][0, 0, 0] += 1
    assert fuzz.difference(a, b, drawn.network.order) == f"counts of {name}"
    b, _ = drawn.play("naive")
    assert b.state is not None
    b.state.populations[name]["v"] += 1
    assert fuzz.difference(a, b, drawn.network.order) == "the state at the end"
    assert fuzz._weights({"w": np.zeros(2)}, {"w": np.ones(2)}) == "weights of w"


def test_the_command_counts_and_tells(capsys: Any) -> None:
    assert fuzz.main(["--networks", "4"]) == 0
    said = capsys.readouterr().out
    assert "| all | 4 |" in said and "| layered | 1 |" in said


def test_a_network_is_a_function_of_its_seed() -> None:
    for make in (endless, presented):
        assert digest(make(5).network) == digest(make(5).network)
        assert digest(make(5).network) != digest(make(6).network)


@pytest.mark.parametrize("engines", [(Naive, Stepped), (Stepped, Naive), (Stepped, Stepped)])
def test_a_run_goes_on_from_a_file(engines: Any, tmp_path: Path) -> None:
    for seed in range(100, 100 + FEW // 3):
        drawn = endless(seed)
        assert drawn.steps is not None
        whole, _ = drawn.play("stepped")
        state, counts = None, []
        for kind, (first, last) in zip(engines, ((0, 17), (17, drawn.steps)), strict=True):
            inputs = {k: fuzz._piece(v, first, last, drawn.steps) for k, v in drawn.inputs.items()}
            part = kind(drawn.network).advance(last - first, inputs, {}, state=state)
            assert part.state is not None
            part.state.save(tmp_path / "state.h5")
            state = State.load(tmp_path / "state.h5")
            assert same(state, part.state)
            counts.append(part.counts)
        assert state is not None and whole.state is not None
        assert same(state, whole.state)
        for name, h in whole.counts.items():
            assert np.array_equal(counts[0][name] + counts[1][name], h)


def test_networks_of_every_kind_come_back_from_files(tmp_path: Path) -> None:
    for seed in range(200, 200 + FEW):
        drawn = example(seed)
        save_network(drawn.network, tmp_path / "net.h5")
        back = load_network(tmp_path / "net.h5")
        assert digest(back) == digest(drawn.network)
        a, b = drawn.play("stepped")[0], replace(drawn, network=back).play("stepped")[0]
        assert fuzz.difference(a, b, drawn.network.order) is None


def written_out(net: Network) -> Network:
    """The same with dense projections only: a matrix for each delay of each projection."""
    links = []
    for p in net.projections:
        for delay, matrix in p.pieces(net.weights(p.name)):
            full = np.zeros(net.shape(p))
            full[:, : matrix.shape[1]] = matrix
            links.append(Dense(p.pre, p.post, full, delay, name=f"{p.name}, {delay}", receptor=p.receptor))
    return replace(net, projections=tuple(links))


def test_every_projection_is_its_matrices() -> None:
    for seed in range(300, 300 + FEW):
        drawn = endless(seed)
        a, b = drawn.play("stepped")[0], replace(drawn, network=written_out(drawn.network)).play("stepped")[0]
        for name in drawn.network.populations:
            assert a.spikes[name] == b.spikes[name], (seed, name)
            assert name not in a.v or np.array_equal(a.v[name], b.v[name])


def neuron_by_neuron(population: Any) -> dict[str, Any]:
    """The parameters of which each neuron has its own value."""
    values = {q.name: getattr(population, q.name) for q in population.description.parameters}
    return {name: value for name, value in values.items() if np.ndim(value)}


def permuted(net: Network, name: str, order: Any) -> Network:
    """The same with the neurons of a population in another order."""
    links = []
    for p in written_out(net).projections:
        assert isinstance(p, Dense)
        w = p.matrix[:, order] if p.post == name else p.matrix
        links.append(replace(p, w=w[order] if p.pre == name else w))
    population = net.populations[name]
    mine = {key: np.asarray(values)[order] for key, values in neuron_by_neuron(population).items()}
    population = replace(population, **mine)
    return replace(net, populations={**net.populations, name: population}, projections=tuple(links))


@pytest.mark.parametrize("engine", ["naive", "stepped"])
def test_permuting_neurons_permutes_the_result(engine: str) -> None:
    tried = 0
    for seed in range(400, 400 + FEW):
        drawn = endless(seed)
        net = drawn.network
        poisson = {
            d.post for d in net.drives if isinstance(d, PoissonInput)
        }  # each neuron has numbers of its own
        names = [n for n in drawn.moving if n not in poisson and net.populations[n].n > 1]
        if not names:
            continue
        tried += 1
        name = names[0]
        order = np.random.default_rng(seed).permutation(net.populations[name].n)
        inputs = {k: v[..., order] if k == f"->{name}" else v for k, v in drawn.inputs.items()}
        other = replace(drawn, network=permuted(net, name, order), inputs=inputs)
        a, b = drawn.play(engine)[0], other.play(engine)[0]
        for k in net.populations:
            here = order if k == name else slice(None)
            assert np.array_equal(a.spikes[k].raster()[:, here], b.spikes[k].raster())
            assert k not in a.v or np.array_equal(a.v[k][..., here], b.v[k])
    assert tried > FEW // 2


@pytest.mark.parametrize("engine", ["naive", "stepped"])
def test_a_neuron_without_synapses_changes_nothing(engine: str) -> None:
    for seed in range(500, 500 + FEW):
        drawn = endless(seed)
        net = written_out(drawn.network)
        name = drawn.moving[seed % len(drawn.moving)]
        population, links = net.populations[name], []
        for p in net.projections:
            assert isinstance(p, Dense)
            links.append(replace(p, w=np.pad(p.matrix, ((0, p.pre == name), (0, p.post == name)))))
        longer = {key: (*values, values[-1]) for key, values in neuron_by_neuron(population).items()}
        population = replace(population, n=population.n + 1, **longer)
        more = replace(net, populations={**net.populations, name: population}, projections=tuple(links))
        inputs = {k: np.pad(v, [(0, 0)] * (v.ndim - 1) + [(0, 1)]) if k == f"->{name}" else v
                  for k, v in drawn.inputs.items()}  # fmt: skip
        a, b = drawn.play(engine)[0], replace(drawn, network=more, inputs=inputs).play(engine)[0]
        for k, p in drawn.network.populations.items():
            assert np.array_equal(a.spikes[k].raster(), b.spikes[k].raster()[:, : p.n])
            assert k not in a.v or np.array_equal(a.v[k], b.v[k][..., : p.n])


@pytest.mark.parametrize("engine", ["naive", "stepped"])
def test_silence_stays_silent(engine: str) -> None:
    for seed in range(600, 600 + FEW):
        net = endless(seed).network
        quiet = {
            name: p
            if isinstance(p, ErrorIF)
            else Source(p.n)
            if is_source(p)
            else replace(p, **{k: 0.0 for k in ("bias", "v_start", "u_start") if p.description.parameter(k)})
            for name, p in net.populations.items()
        }
        still = replace(net, populations=quiet, drives=())
        inputs = {n: from_raster(np.zeros((1, 20, quiet[n].n), np.int8)) for n in still.sources}
        found = simulate(still, inputs, record=tuple(quiet), engine=engine, steps=20)
        assert not any(h.any() for h in found.counts.values())
        assert not any(v.any() for v in found.v.values())
