"""Arrays, lists, tuples and NumPy scalars mean the same in every declaration: one hash, digest and file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_models import Tiring

from spikesim import encoders
from spikesim.errors import DeclarationError
from spikesim.files.plain_values import canonical, is_number, plain, plain_fields
from spikesim.learning import RULES, STDP, Brian2STDP, CountRule, RewardSTDP, SquareSTDP
from spikesim.models.brunel import Brunel
from spikesim.models.emstdp import Emstdp
from spikesim.network import Network
from spikesim.network.file import digest, save_network
from spikesim.neurons import (
    IF,
    LIF,
    MODELS,
    AdaptiveLIF,
    ErrorIF,
    LeakyIntegrator,
    PoissonSource,
    RegularSource,
    Source,
    Target,
    TwoCurrentLIF,
)
from spikesim.neurons.brian2_lif import Brian2LIF, SpikeList
from spikesim.neurons.brian2_linear import Brian2Linear
from spikesim.neurons.timed_input import TimedInput
from spikesim.recording.monitor import Monitor
from spikesim.synapses import Conv2d, CurrentInput, Dense, OneToOne, PoissonInput, Sparse
from spikesim.training.config import Training
from spikesim.window import Window

pytestmark = pytest.mark.core
THREE, STEPS = (2.0, 3.0, 4.0), (0, 2, 1)
LEAK = {"v_decay": (0.5, 0.0, 0.25), "bias": THREE, "floor": (-2.0, -1.0, -3.0), "refractory": STEPS}
POPULATIONS: list[Any] = [
    IF(
        3,
        THREE,
        6,
        bias=THREE,
        floor=(-2.0, -1.0, -3.0),
        refractory=STEPS,
        v_start=(0.5, 1.0, -1.0),
        offset=1,
    ),
    LIF(
        3, THREE, 6, (0.5, 1.0, 0.25), v_reset=(0.5, 1.0, 0.0), u_start=THREE, v_start=(0.5, 1.0, 0.0), **LEAK
    ),
    AdaptiveLIF(3, THREE, 6, a_jump=(0.5, 1.0, 0.0), a_decay=(0.5, 0.25, 1.0), c_jump=THREE, **LEAK),
    TwoCurrentLIF(3, THREE, 6, exc_decay=(0.5, 0.25, 1.0), inh_decay=(1.0, 1.0, 0.5), **LEAK),
    LeakyIntegrator(3, 6, u_decay=(0.5, 0.25, 1.0), v_decay=(0.5, 0.25, 1.0), bias=THREE, u_start=THREE),
    ErrorIF(3, THREE, 6, offset=2),
    ErrorIF(3, THREE, 6, active_in="second", gate_by="p", gate_below=4),
    Brian2LIF(3, THREE, (0.5, 0.25, 1.0), THREE, (0.5, 0.0, 1.0), v_reset=(0.5, 0.0, 1.0), refractory=STEPS),
    Brian2Linear(
        3,
        ("v", "x"),
        kept=((0.5, 1.0), (0.0, 0.5)),
        bias=((0.5, 1.0), (2.0, 0.5), (0.0, 0.25)),
        start=(0.5, 1.0),
        theta=THREE,
        raised=(0.0, 1.0),
        reset=((0.0, 0.0), (0.0, 1.0)),
        reset_bias=(0.5, 1.0),
        held=(True, False),
        refractory=STEPS,
    ),
    Tiring(3, 2.0, 8, 0.5, THREE, -1.0),
    Source(3, True),
    Target(3, 0.5),
    PoissonSource(3, (0.5, 0.0, 1.0), 7),
    RegularSource(3, 4, STEPS),
    SpikeList(3, (0, 1, 5), STEPS, 6),
]
RULES_OF_OURS: list[Any] = [
    STDP(0.5, 0.25, 8.0, 9.0, (-2.0, 2.0)),
    SquareSTDP(0.5, 0.25, 4, (-2.0, 2.0)),
    RewardSTDP(0.5, 0.25, 2.0, 8.0, 9.0, 20.0, (-2.0, 2.0)),
    Brian2STDP(0.5, 0.25, 8.0, 9.0, (-2.0, 2.0)),
    CountRule(0.5, clip=(-2.0, 2.0)),
    CountRule(0.5, clip=(-2.0, 2.0), ceiling=5, decay_every=7, decay_bits=8),
]
ONES = np.ones((3, 3))
PROJECTIONS: list[Any] = [
    Dense("p", "n", ONES, 2),
    Sparse("p", "n", [0, 1, 1, 3], STEPS, THREE, 1, STEPS),
    Sparse("p", "n", [0, 1, 1, 3], STEPS, 2.0),
    Conv2d("p", "n", np.ones((1, 1, 1, 1)), (1, 3, 1), (1, 1), (0, 0), 1, 2),
    Conv2d("p", "n", np.ones((1, 1, 1, 1)), (1, 3, 1), plastic=CountRule(0.5, clip=(-2.0, 2.0))),
    OneToOne("p", "n", 2.0, 3),
]
DRIVES: list[Any] = [PoissonInput("n", 2.0, 0.5, 7), CurrentInput("n"), TimedInput("n", (0.5, 1.0), 3)]
DRIVES += [TimedInput("n", ((0.5, 1.0, 2.0), (0.0, 3.0, 1.0))), PoissonInput("n", 2.0, 0.5, 7, trains=9)]


Leak = float | list[float]  # a name for a type of real numbers


@dataclass(frozen=True)
class Aliased:
    leak: Leak


class Foreign:
    """An array of another library: it only offers `__array__`."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.values, dtype)


def forms(value: Any) -> Iterator[Any]:
    """The same numbers in other types."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return
    kinds: tuple[Any, ...] = ("b1",) if array.dtype.kind == "b" else ("f8", "f4", "f2", ">f8", np.longdouble)
    whole = array.dtype.kind in "iu" or (array.dtype.kind == "f" and (array == np.round(array)).all())
    if array.dtype.kind in "iu":
        kinds = ()
    for kind in (*kinds, *(("i1", "i2", "i4", "i8", ">i4") if whole and array.dtype.kind != "b" else ())):
        if np.array_equal(array.astype(kind), array):
            yield array.astype(kind)[()]  # a scalar where there is one number
            yield np.array(array, kind)  # an array, also of one number
            yield Foreign(np.array(array, kind))
            if array.ndim:
                yield array.astype(kind).tolist()
                yield list(array.astype(kind))
                yield tuple(array.astype(kind))


# What cannot change alone (`tests/network/test_signature.py` changes what belongs together), or at all.
ALONE = {
    *(("Conv2d", name) for name in ("shape", "stride", "padding", "groups")),
    ("LIF", "reset_delay"),
    ("ErrorIF", "bias"),
}
LOWER = (0.25, 0.5, 0.5)
OTHER: dict[tuple[str, str], Any] = {
    ("AdaptiveLIF", "u_decay"): 0.5,
    ("AdaptiveLIF", "a_decay"): LOWER,
    ("TwoCurrentLIF", "exc_decay"): LOWER,
    ("TwoCurrentLIF", "inh_decay"): LOWER,
    ("LeakyIntegrator", "u_decay"): LOWER,
    ("LeakyIntegrator", "v_decay"): LOWER,
    ("PoissonSource", "rate"): LOWER,
    ("SpikeList", "steps"): (0, 1, 4),
    ("Sparse", "indptr"): [0, 1, 2, 3],
}


def changed(value: Any) -> Any:
    """Another value in one place."""
    array = np.array(value)
    if array.dtype.kind == "b":
        return (*value[:-1], not value[-1]) if array.ndim else not value
    step = 1 if array.dtype.kind in "iu" else 0.125
    if not array.ndim:
        return value + step
    array.flat[-1] += step
    return plain(array)


def numeric(part: Any) -> list[str]:
    """The fields of a declaration that hold numbers."""
    values = {f.name: getattr(part, f.name) for f in fields(part)}
    arrays = {name: np.asarray(value) for name, value in values.items()}
    return [name for name, array in arrays.items() if array.dtype.kind in "biuf" and array.size]


def with_population(p: Any) -> Network:
    window = Window.without_end() if p.description.role == "generator" else Window.halved(8)
    return Network({"p": p}, (), window)


def with_rule(rule: Any) -> Network:
    if isinstance(rule, CountRule):
        return Network(
            {"a": Source(3), "b": IF(3, 1.0, 6)}, [Dense("a", "b", ONES, 0, rule)], Window.halved(8)
        )
    return Network({"a": LIF(3, 1.0), "b": LIF(3, 1.0)}, [Dense("a", "b", ONES, 1, rule)])


def with_projection(p: Any) -> Network:
    if isinstance(p.plastic, CountRule):
        return Network({"p": Source(3), "n": IF(3, 1.0, 6)}, [p], Window.halved(8))
    return Network({"p": Source(3), "n": LIF(3, 1.0)}, [p])


def with_drive(d: Any) -> Network:
    return Network({"n": LIF(3, 1.0)}, (), drives=[d])


CASES: list[tuple[Any, str, Callable[[Any], Network]]] = [
    (part, name, within)
    for parts, within in (
        (POPULATIONS, with_population),
        (RULES_OF_OURS, with_rule),
        (PROJECTIONS, with_projection),
        (DRIVES, with_drive),
    )
    for part in parts
    for name in numeric(part)
]


def test_every_model_and_rule_is_here() -> None:
    places = ("spikesim.neurons.", "spikesim.learning.")  # not those that an experiment of models/ registers
    ours = {name for name, kind in {**MODELS, **RULES}.items() if kind.__module__.startswith(places)}
    assert len(ours) > 10
    assert ours <= {type(part).__name__ for part in (*POPULATIONS, *RULES_OF_OURS)}
    assert len(CASES) > 100


@pytest.mark.parametrize(
    ("part", "name", "within"), CASES, ids=[f"{type(p).__name__}.{name}" for p, name, _ in CASES]
)
def test_every_form_of_a_number_is_that_number(part: Any, name: str, within: Any, tmp_path: Path) -> None:
    value, wanted = getattr(part, name), within(part)
    save_network(wanted, tmp_path / "wanted.h5")
    found = 0
    for form in forms(value):
        if (
            isinstance(part, Sparse)
            and name == "w"
            and np.ndim(form)
            and np.asarray(form).dtype == np.float32
        ):
            continue  # float32 weights of `Sparse` are kept, and saved, as such: half the memory
        again = replace(part, **{name: form})
        if type(part).__eq__ is not object.__eq__:
            assert again == part and hash(again) == hash(part), form
        network = within(again)
        assert digest(network) == digest(wanted) and network.signature == wanted.signature, form
        found += 1
        if found % 4 == 1:
            save_network(network, tmp_path / "found.h5")
            assert (tmp_path / "found.h5").read_bytes() == (tmp_path / "wanted.h5").read_bytes(), form
    assert found >= 3


@pytest.mark.parametrize(
    ("part", "name", "within"), CASES, ids=[f"{type(p).__name__}.{name}" for p, name, _ in CASES]
)
def test_another_number_is_another_network(part: Any, name: str, within: Any) -> None:
    if (type(part).__name__, name) in ALONE or name == "n":
        return
    other = replace(part, **{name: OTHER.get((type(part).__name__, name)) or changed(getattr(part, name))})
    one, two = within(part), within(other)
    assert digest(one) != digest(two) and one.signature != two.signature


@given(values=st.lists(st.floats(0.5, 100, width=32), min_size=3, max_size=3), kind=st.sampled_from("fd"))
def test_thresholds_by_value(values: list[float], kind: str) -> None:
    """float32 numbers stay exactly these numbers."""
    array = np.array(values, kind)
    one, two, three = (LIF(3, given) for given in (values, tuple(values), array))
    assert one == two == three and hash(one) == hash(two) == hash(three)
    assert one.theta == tuple(values) and {type(v) for v in three.theta} == {float}  # type: ignore[union-attr]


def test_scalars_have_their_own_value() -> None:
    assert LIF(1, np.float32(0.1)).theta == 0.10000000149011612
    assert type(LIF(1, np.float64(0.1)).theta) is float and type(LIF(np.int8(1), 1.0).n) is int
    assert type(Source(3, np.True_).replay) is bool
    assert type(PoissonInput("n", np.float32(0.5), 1.0).rate) is float


def test_windows_monitors_and_encoders() -> None:
    for number in (np.int8, np.uint64, np.array):
        window = Window(number(8), number(4))
        assert window == Window(8, 4) and hash(window) == hash(Window(8, 4))
        assert (type(window.T), type(window.split)) == (int, int)
        monitor = Monitor("n", "v", np.array([2, 1]), number(1), number(9), number(2))  # type: ignore[arg-type]
        assert monitor == Monitor("n", "v", (1, 2), 1, 9, 2) and hash(monitor) == hash(
            Monitor("n", "v", [1, 2], 1, 9, 2)  # type: ignore[arg-type]
        )
    for kind in (encoders.Poisson, encoders.Regular):
        made = kind(np.float32(0.25))
        assert made == kind(0.25) and hash(made) == hash(kind(0.25))
        assert encoders.describe_encoder(made) == {**encoders.describe_encoder(kind(0.25))}


def test_configurations() -> None:
    pairs: list[tuple[Any, Any]] = [
        (
            Emstdp(sizes=np.array([4, 3, 2]), T=np.int64(8), eta=np.float64(0.5)),
            Emstdp((4, 3, 2), T=8, eta=0.5),
        ),  # type: ignore[arg-type]
        (Emstdp(sizes=[4, 3, 2]), Emstdp((4, 3, 2))),  # type: ignore[arg-type]
        (Training(np.int8(3), eta_decay=np.float32(0.5)), Training(3, eta_decay=0.5)),  # type: ignore[arg-type]
        (Brunel(np.int32(1000), np.int16(100), g=np.float32(4.5)), Brunel(1000, 100, g=4.5)),  # type: ignore[arg-type]
    ]
    for one, two in pairs:
        assert one == two and hash(one) == hash(two) and repr(one) == repr(two)


def test_plain_values() -> None:
    assert plain(np.array([[1, 2], [3, 4]])) == ((1, 2), (3, 4)) == plain([range(1, 3), (3, np.int8(4))])
    assert plain(np.zeros((0, 2))) == () and plain(np.array(2.5)) == 2.5 and plain("text") == "text"
    assert plain({"a": 1}) == {"a": 1} and plain(np.array([None])).dtype == object
    assert is_number(1) and is_number(0.5) and not is_number((1,)) and not is_number("1")

    @dataclass(frozen=True)
    class Part:
        real: float | tuple[float, ...]
        count: int
        kept: Any = None

    part = Part([1, 2], np.int64(3), [4])  # type: ignore[arg-type]
    plain_fields(part, without=("kept",))
    assert part == Part((1, 2), 3, [4]) and type(part.count) is int
    assert canonical(part) == {"real": (1.0, 2.0), "count": 3, "kept": (4,)}
    assert [type(v) for v in canonical(part)["real"]] == [float, float] and type(
        canonical(part)["count"]
    ) is int
    assert canonical(Part(np.arange(2), 1))["real"].dtype == np.float64
    assert canonical(Aliased(3)) == {"leak": 3.0} and type(canonical(Aliased(3))["leak"]) is float
    assert canonical(Part(True, True)) == {"real": True, "count": True, "kept": None}


@pytest.mark.parametrize("w", [[0.5, 0.5], np.ones(3), None, "1"])
def test_one_number_where_one_is_needed(w: Any) -> None:
    with pytest.raises(DeclarationError, match=r"w = .*; one number is needed, for individual weights"):
        OneToOne("a", "b", w)
    with pytest.raises(DeclarationError, match=r"w = .*; one number is needed"):
        PoissonInput("a", 1.0, w)
