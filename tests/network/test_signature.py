"""The signature of a network: by value, of all that decides what a state means, and named part by part."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim.engines import simulate
from spikesim.errors import DataError
from spikesim.learning import STDP, SquareSTDP
from spikesim.network import Network
from spikesim.network.file import load_network
from spikesim.network.signature import (
    array_digest,
    differences,
    digest_of,
    parts_of,
    signature_of_0_1_0,
)
from spikesim.neurons import IF, LIF, PoissonSource, RegularSource, Source
from spikesim.neurons.description import NeuronModel
from spikesim.neurons.population import MODELS, Sender, register
from spikesim.recording.state import State, same
from spikesim.spikes import from_raster
from spikesim.synapses import Conv2d, CurrentInput, Dense, OneToOne, PoissonInput, Sparse, Transpose

pytestmark = pytest.mark.core
GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "0.1.0"
MANY = 3000  # more than the 1000 numbers from which NumPy shortens a repr
THETA = np.linspace(1.0, 2.0, MANY)
PARTS: dict[str, Any] = {
    "p": PoissonSource(4, (0.1, 0.2, 0.3, 0.4), 3),
    "r": RegularSource(4, 5, (0, 1, 2, 3)),
    "a": IF(4, 1.0, 6, bias=0.25, floor=-1.0, refractory=2),
    "b": LIF(4, (1.0, 1.5, 2.0, 2.5), v_decay=0.125, v_start=0.5),
}
LINKS: tuple[Any, ...] = (
    Dense("p", "a", np.eye(4), 1),
    Dense("a", "a", Transpose("p->a"), 1, name="back"),
    Sparse("r", "b", [0, 2, 3, 3, 4], [0, 1, 2, 3], [0.5, 1.0, 1.5, 2.0], 1, [0, 1, 2, 3]),
    Sparse("r", "a", [0, 1, 2, 3, 4], [0, 1, 2, 3], 0.5, 2),
    Conv2d("p", "b", np.ones((1, 1, 1, 1)), (1, 2, 2), delay=1),
    OneToOne("a", "b", 0.5, 1),
    Dense("p", "b", np.full((4, 4), 0.5), 1, STDP(0.1, 0.1, clip=(0.0, 1.0)), "learns"),
)
DRIVES = (PoissonInput("b", 0.5, 0.25, 8), CurrentInput("a"))
CURRENT = {"->a": np.zeros(4)}


def network(links: Any = LINKS, drives: Any = DRIVES, **changed: Any) -> Network:
    return Network({**PARTS, **changed}, links, drives=drives)


def linked(k: int, **changed: Any) -> Network:
    """The network with one projection changed."""
    return network((*LINKS[:k], replace(LINKS[k], **changed), *LINKS[k + 1 :]))


OTHERS: dict[str, tuple[Network, str]] = {
    "a rate": (network(p=PoissonSource(4, (0.1, 0.2, 0.3, 0.5), 3)), "population 'p': rate was"),
    "a seed": (network(p=PoissonSource(4, (0.1, 0.2, 0.3, 0.4), 4)), "population 'p': seed was 3 and is 4"),
    "a phase": (network(r=RegularSource(4, 5, (0, 1, 2, 4))), "population 'r': phase"),
    "a threshold": (network(b=LIF(4, (1.0, 1.5, 2.0, 2.6), v_decay=0.125, v_start=0.5)), "'b': theta"),
    "a start": (
        network(b=LIF(4, (1.0, 1.5, 2.0, 2.5), v_decay=0.125)),
        "v_start was 0.5 and is not declared",
    ),
    "a grid": (network(a=IF(4, 1.0, 7, bias=0.25, floor=-1.0, refractory=2)), "'a': grid was 6 and is 7"),
    "a model": (network(r=PoissonSource(4, 0.5, 1)), "'r' was a RegularSource and is a PoissonSource"),
    "a dense weight": (
        linked(0, w=np.eye(4) * np.array([1, 1, 1, 0.5])),
        "projection 'p->a': other values of w",
    ),
    "a dense delay": (linked(0, delay=2), "projection 'p->a': delay was 1 and is 2"),
    "a sparse weight": (linked(2, w=[0.5, 1.0, 1.5, 2.5]), "'r->b': w was"),
    "a target neuron": (linked(2, indices=[0, 1, 2, 0]), "'r->b': indices was"),
    "a source neuron": (linked(2, indptr=[0, 1, 3, 3, 4]), "'r->b': indptr was"),
    "a synaptic delay": (linked(2, delays=[0, 1, 2, 4]), "'r->b': delays was"),
    "no delays": (linked(2, delays=None), r"'r->b': delays was .* and is None"),
    "one weight": (linked(3, w=0.25), "projection 'r->a': w was 0.5 and is 0.25"),
    "a kernel": (linked(4, w=np.full((1, 1, 1, 1), 2.0)), "'p->b': w was"),
    "a kernel's stride": (linked(4, stride=(3, 3), w=np.ones((4, 1, 1, 1))), "stride"),
    "a pairwise weight": (linked(5, w=0.75), "'a->b': w was 0.5 and is 0.75"),
    "a rule": (
        linked(6, plastic=STDP(0.1, 0.2, clip=(0.0, 1.0))),
        "'learns': plastic.a_minus was 0.1 and is 0.2",
    ),
    "a kind of rule": (linked(6, plastic=SquareSTDP(0.1, 0.1, clip=(0.0, 1.0))), "'learns': plastic"),
    "no rule": (linked(6, plastic=None), "'learns': .*plastic"),
    "fewer projections": (network(LINKS[:-1]), "projection 'learns' is missing in this network"),
    "one more": (
        network((*LINKS, OneToOne("b", "a", 1.0, 1))),
        "'b->a' is missing in the network of the state",
    ),
    "a drive's rate": (
        network(drives=(replace(DRIVES[0], rate=0.75), DRIVES[1])),
        "drive 'poisson->b': rate",
    ),
    "a drive's weight": (network(drives=(replace(DRIVES[0], w=0.5), DRIVES[1])), "drive 'poisson->b': w"),
    "one drive less": (network(drives=DRIVES[1:]), "drive 'poisson->b' is missing in this network"),
}


@pytest.fixture(scope="module")
def state() -> State:
    found = simulate(network(), CURRENT, steps=5).state
    assert found is not None
    return found


@pytest.mark.parametrize("what", OTHERS)
def test_a_state_of_another_network_is_refused_by_what_differs(what: str, state: State) -> None:
    other, said = OTHERS[what]
    assert other.signature != network().signature
    with pytest.raises(DataError, match=f"belongs to another network than the one to run: .*{said}"):
        simulate(other, CURRENT, steps=3, state=state)


@pytest.mark.parametrize("engine", ["naive", "stepped"])
def test_what_does_not_change_a_state_is_no_difference(engine: str, state: State) -> None:
    """Weights that learn are in the state, a network's seed is in those of its parts, and no order counts."""
    ours = network()
    others = {
        "weights that learn": linked(6, w=np.full((4, 4), 0.25)),
        "seed": replace(ours, seed=5),
        "order": Network(dict(reversed(PARTS.items())), LINKS, drives=tuple(reversed(DRIVES))),
        "as arrays": network(p=PoissonSource(4, np.array([0.1, 0.2, 0.3, 0.4]), np.int64(3))),
    }
    wanted = simulate(ours, CURRENT, steps=9, state=state, record="b", engine=engine)
    for what, other in others.items():
        assert other.signature == ours.signature, what
        found = simulate(other, CURRENT, steps=9, state=state, record="b", engine=engine)
        assert found.spikes == wanted.spikes and np.array_equal(found.v["b"], wanted.v["b"]), what


def test_numbers_beyond_the_thousandth_count() -> None:
    """NumPy's repr of these arrays is the same: it shows three numbers at either end."""
    other = THETA.copy()
    other[MANY // 2] += 1e-9
    assert repr(np.array(THETA)) == repr(other)
    one, two = (Network({"n": LIF(MANY, theta)}, ()) for theta in (THETA, other))
    found = simulate(one, steps=2).state
    with pytest.raises(DataError, match="population 'n': other values of theta"):
        simulate(two, steps=2, state=found)
    w = np.zeros((50, 60))
    changed = w.copy()
    changed[25, 30] = 2.0**-40
    pair = [Network({"n": LIF(50, 1.0), "m": LIF(60, 1.0)}, [Dense("n", "m", x, 1)]) for x in (w, changed)]
    assert pair[0].signature != pair[1].signature


def test_a_model_of_ones_own_with_arrays_counts_by_their_values() -> None:
    @register
    @dataclass(frozen=True, eq=False)
    class Table(Sender):
        description: ClassVar[NeuronModel] = NeuronModel("a table", role="generator")
        n: int
        rows: Any
        more: Any = None
        offset: int | None = None

        def fired(self, t: int) -> Any:
            return np.zeros(0, np.int32)

    try:
        big = np.arange(MANY)
        other = big.copy()
        other[MANY // 2] = 0
        table: dict[str, Any] = {"x": [1, np.float32(0.5)], "y": (np.arange(3),)}
        nets = [
            Network({"t": Table(2, rows, more)}, ())
            for rows, more in (
                (big, table),
                (big.astype(np.int16), {"y": ((0, 1, 2),), "x": (np.int8(1), 0.5)}),
                (other, table),
                (big, {**table, "x": [1, 0.25]}),
                (big, {**table, "z": frozenset({1})}),
            )
        ]
    finally:
        del MODELS["Table"]
    assert nets[0].signature == nets[1].signature
    assert len({n.signature for n in nets}) == 4


@given(values=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20))
def test_arrays_of_equal_values_have_one_digest(values: list[int]) -> None:
    found = {array_digest(np.array(values, kind)) for kind in (np.int32, np.int64, ">i4")}
    assert len(found) == 1
    small = [v % 100 for v in values]
    for kinds in ((np.int8, np.uint8, np.uint16, np.int64, np.uint64), (np.float16, np.float32, np.float64)):
        assert len({array_digest(np.array(small, kind)) for kind in kinds}) == 1
    assert array_digest(np.array([*values, 1])) != array_digest(np.array([*values, 2]))
    assert array_digest(np.array([*values, 1])) != array_digest(np.array(values))


def test_the_digest_of_an_array_by_hand() -> None:
    values = np.array([[0.5, -0.0], [1.0, 2.0]])
    wanted = hashlib.sha256(b'["<f4", [2, 2]]' + np.array([0.5, 0, 1, 2], "<f4").tobytes()).hexdigest()
    assert array_digest(values) == f"sha256:{wanted}"
    assert array_digest(values.T) != array_digest(values) == array_digest(np.asfortranarray(values))
    exact = np.array([0.1, 2.0**40])
    wanted = hashlib.sha256(b'["<f8", [2]]' + exact.tobytes()).hexdigest()
    assert array_digest(exact) == f"sha256:{wanted}"
    wanted = hashlib.sha256(b'["<i8", [1]]' + np.array([2**40], "<i8").tobytes()).hexdigest()
    assert array_digest(np.array([2**40])) == f"sha256:{wanted}"
    with pytest.raises(TypeError, match="complex"):
        array_digest(np.array([1j]))


def test_parts_are_those_of_the_declaration() -> None:
    found = parts_of(network())
    assert found["population 'a'"]["theta"] == "1.0" and found["population 'a'"]["type"] == "IF"
    assert found["population 'b'"]["theta"] == "[1.0, 1.5, 2.0, 2.5]"
    assert "w" in found["projection 'p->a'"] and "w" not in found["projection 'learns'"]
    back, learns = found["projection 'back'"], found["projection 'learns'"]
    assert back["w"] == "Transpose" and back["w.of"] == '"p->a"'
    assert learns["plastic"] == "STDP" and learns["plastic.a_plus"] == "0.1"
    assert digest_of(found) == network().signature == digest_of(dict(reversed(found.items())))
    assert list(differences(found, found)) == []


def test_many_differences_are_counted() -> None:
    one = Network({name: IF(2, 1.0) for name in "abcdef"}, ())
    two = Network({name: IF(2, 2.0) for name in "abcdef"}, ())
    with pytest.raises(
        DataError, match=r"'a': theta was 1.0 and is 2.0, .*'c': .*, and 3 more; start without"
    ):
        simulate(two, steps=1, state=simulate(one, steps=1).state)


def test_states_keep_what_their_network_was(tmp_path: Path, state: State) -> None:
    state.save(tmp_path / "s.h5")
    again = State.load(tmp_path / "s.h5")
    assert same(again, state) and again.parts == state.parts == parts_of(network())
    with pytest.raises(DataError, match=r"'a->b': w was 0\.5 and is 0\.75"):
        simulate(linked(5, w=0.75), CURRENT, steps=3, state=again)


def test_states_of_version_0_1_0_belong_to_the_network_that_they_name(tmp_path: Path) -> None:
    old, saved = State.load(GOLDEN / "state.h5"), load_network(GOLDEN / "endless.h5")
    assert old.network == signature_of_0_1_0(saved) != saved.signature and old.parts == {}
    old.save(tmp_path / "again.h5")
    assert same(State.load(tmp_path / "again.h5"), old)
    current = {"->c": np.zeros(5)}
    after = simulate(saved, current, steps=2, state=old).state
    assert after is not None and after.network == saved.signature and after.parts == saved.parts
    other = replace(saved, populations={**saved.populations, "noise": PoissonSource(20, 0.1)})
    with pytest.raises(DataError, match=r"another network .*version 0.1.0, which kept no details.*seed=1"):
        simulate(other, current, steps=2, state=old)


def test_the_signature_is_made_once() -> None:
    n = 500_000
    big = Network(
        {"s": Source(1), "n": LIF(n, 1.0)},
        [Sparse("s", "n", [0, n], np.arange(n), np.full(n, 0.5, np.float32), 1)],
    )
    first = time.perf_counter()
    assert big.signature == big.signature
    second = time.perf_counter()
    for _ in range(100):
        assert len(big.signature) == 64
    assert time.perf_counter() - second < second - first
    silent = {"s": from_raster(np.zeros((1, 1, 1), np.int8))}
    found = simulate(big, silent, steps=1, engine="stepped").state
    assert found is not None and found.parts is big.parts
