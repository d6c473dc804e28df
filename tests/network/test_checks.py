"""Structure and numbers of a declaration: roles, the order in a step, bounds worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spikesim.errors import DeclarationError
from spikesim.network import Network, Readout
from spikesim.network.numeric_bounds import check_numbers
from spikesim.network.scheduling import is_input, is_source, is_target, offsets, order, teaching
from spikesim.network.structure_checks import check_structure
from spikesim.neurons import IF, LIF, ErrorIF, PoissonSource, Source, Target
from spikesim.synapses import CurrentInput, Dense, PoissonInput
from spikesim.window import Window

pytestmark = pytest.mark.core


def declared(populations: dict[str, Any], projections: tuple[Any, ...] = (), **more: Any) -> Any:
    """A network that nobody has checked."""
    sound = Network({"in": Source(1)}, (), Window(2))
    found = SimpleNamespace(
        **{
            "populations": populations,
            "projections": projections,
            "window": Window(4),
            "readout": None,
            "drives": (),
            "named": {getattr(p, "name", p): p for p in projections},
            "online": (),
            "plastic": (),
            **more,
        }
    )
    found.incoming = lambda name: [p for p in projections if p.post == name]
    found.shape = lambda p: (populations[p.pre].n, populations[p.post].n)
    found.weights = lambda name: np.asarray(found.named[name].w)
    assert sound.populations
    return found


def test_roles_are_told_apart() -> None:
    kinds = {"in": Source(1), "p": PoissonSource(1, 0.1), "t": Target(1, 1.0), "a": IF(1, 1.0, grid=4)}
    assert [name for name, p in kinds.items() if is_source(p)] == ["in", "p", "t"]
    assert [name for name, p in kinds.items() if is_input(p)] == ["in"]
    assert [name for name, p in kinds.items() if is_target(p)] == ["t"]
    kinds["e"] = ErrorIF(1, 1.0, grid=4, active_in="second")
    assert teaching(kinds) == {"t", "e"}


def test_a_cycle_of_zero_delay_is_named_and_any_other_has_an_order() -> None:
    cells = {name: IF(1, 1.0, grid=4) for name in "abc"}

    def joined(*links: tuple[str, str, int]) -> Any:
        return declared(cells, tuple(Dense(a, b, np.ones((1, 1)), d) for a, b, d in links))

    assert order(joined(("c", "a", 0), ("a", "b", 0))) == ("c", "a", "b")
    assert order(joined(("c", "a", 1), ("a", "c", 1))) == ("a", "b", "c")
    with pytest.raises(DeclarationError, match=r"a -> c -> a|c -> a -> c"):
        order(joined(("c", "a", 0), ("a", "c", 0)))
    with pytest.raises(DeclarationError, match="paths of different delay"):
        offsets(
            declared(
                {**cells, "in": Source(1)},
                tuple(
                    Dense(a, b, np.ones((1, 1)), d)
                    for a, b, d in (("in", "a", 1), ("a", "b", 1), ("in", "b", 1), ("in", "c", 0))
                ),
            )
        )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"populations": {}}, "no populations"),
        ({"projections": (Dense("in", "b", np.eye(1)),)}, "'b'"),
        ({"projections": (Dense("a", "in", np.eye(1)),)}, "only sends"),
        ({"projections": (Dense("in", "a", np.eye(1)), Dense("in", "a", np.eye(1)))}, "in->a"),
        ({"projections": ("in->a",)}, "projection"),
        ({"window": 4}, "window"),
        ({"readout": Readout("in")}, "readout"),
        ({"drives": (CurrentInput("a"),)}, "Window.without_end"),
        ({"window": Window.without_end(), "readout": Readout("a")}, "readout"),
    ],
)
def test_what_does_not_fit_together_is_named(changed: dict[str, Any], said: str) -> None:
    populations = changed.pop("populations", {"in": Source(1), "a": IF(1, 1.0, grid=4)})
    check_structure(declared({"in": Source(1), "a": IF(1, 1.0, grid=4)}, (Dense("in", "a", np.eye(1)),)))
    with pytest.raises(DeclarationError, match=said):
        check_structure(declared(populations, changed.pop("projections", ()), **changed))


def test_the_largest_sum_of_a_window_decides() -> None:
    """Two inputs of weight 2**8 over T steps into int32 counts of 2**-12: 2**21 T has to stay below 2**31."""

    def network(T: int) -> Any:
        p = Dense("in", "a", np.full((2, 1), 2.0**3))
        return declared({"in": Source(2), "a": IF(1, 1.0, grid=12)}, (p,), window=Window(T))

    check_numbers(network(2**14))
    with pytest.raises(DeclarationError, match="a"):
        check_numbers(network(2**16))
    off = declared({"in": Source(1), "a": IF(1, 1.0, grid=2)}, (Dense("in", "a", np.array([[0.3]])),))
    with pytest.raises(DeclarationError, match="in->a: w"):
        check_numbers(off)
    drive = PoissonInput("a", 0.1, 0.3, 1)
    driven = declared({"a": LIF(1, 1.0, 2, 0.5, 0.5)}, drives=(drive,), window=Window.without_end())
    with pytest.raises(DeclarationError, match="a"):
        check_numbers(driven)
