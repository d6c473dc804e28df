"""A neuron of several linear variables in Brian2's order: steps by hand, compiled and readable steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim import TimedInput, simulate
from spikesim.errors import DeclarationError
from spikesim.network import Network
from spikesim.network.file import load_network, save_network
from spikesim.neurons import PoissonSource
from spikesim.neurons.brian2_linear import Brian2Linear
from spikesim.recording.monitor import Monitor
from spikesim.synapses import CurrentInput, Dense

pytestmark = pytest.mark.core

HALF: dict[str, Any] = {  # v <- v/2 + g + 1/8, g <- g/2; spike above 1; v = 0, g += 1/4
    "variables": ("v", "g"),
    "kept": ((0.5, 1.0), (0.0, 0.5)),
    "bias": (0.125, 0.0),
    "start": (0.0, 0.0),
    "theta": 1.0,
    "raised": (0.0, 0.0),
    "reset": ((0.0, 0.0), (0.0, 1.0)),
    "reset_bias": (0.0, 0.25),
}
ENGINES = pytest.mark.parametrize("engine", ["naive", "stepped"])


def driven(population: Any, currents: dict[str, list[float]], engine: str) -> tuple[Any, list[int]]:
    """v and spikes; a list of currents for each receptor."""
    drives = [CurrentInput("a", receptor, receptor) for receptor in currents]
    inputs = {receptor: np.array(values)[:, None] for receptor, values in currents.items()}
    steps = len(next(iter(currents.values())))
    network = Network({"a": population}, (), drives=tuple(drives))
    found = simulate(network, inputs, steps=steps, record="a", engine=engine)
    return found.v["a"][0, :, 0].tolist(), found.spikes["a"].raster()[:, 0].tolist()


@ENGINES
def test_input_of_the_first_step_and_after_a_spike(engine: str) -> None:
    # 0: nothing has arrived before the first step: v = .125
    # 1: g = 1: v = .0625 + 1 + .125 = 1.1875, a spike: v = 0, g = .5 + .25 = .75
    # 2: v's input is reset, g's is not: g = 1.75: v = 1.75 + .125 = 1.875, a spike: g = .875 + .25 = 1.125
    # 3: g = 1.125: v = 1.25, a spike: g = .8125   4: v = .9375   5: g = .40625: v = .46875 + .40625 + .125
    # 6: g = .203125: v = .5 + .203125 + .125 = .828125   7: g = .1015625 + 1: v = .4140625 + 1.1015625 + .125
    v, s = driven(
        Brian2Linear(1, **HALF), {"g": [7, 1, 1, 0, 0, 0, 0, 1], "v": [7, 0, 5, 0, 0, 0, 0, 0]}, engine
    )
    assert v == [0.125, 0.0, 0.0, 0.0, 0.9375, 1.0, 0.828125, 0.0]
    assert s == [0, 1, 1, 1, 0, 0, 0, 1]
    # resets before synapses: the 5 of step 2 stays, though v = 0 + 5 fires at once
    early = Brian2Linear(1, **(HALF | {"resets_last": False, "theta": 8.0}))
    assert driven(early, {"v": [0, 16, 5, 0]}, engine)[0] == [0.125, 0.0, 2.875, 1.6875]
    late = Brian2Linear(1, **(HALF | {"theta": 8.0}))
    assert driven(late, {"v": [0, 16, 5, 0]}, engine)[0] == [0.125, 0.0, 0.375, 0.4375]


@ENGINES
def test_held_variables_thresholds_that_rise_and_currents(engine: str) -> None:
    resting = {"kept_refractory": ((1.0, 0.0), (0.0, 0.5)), "bias_refractory": (0.0, 0.0)}
    held = Brian2Linear(1, **(HALF | resting), held=(True, False), refractory=2)
    # 1: g = 2, a spike, v = 0, g = 1.25    2, 3: v stays and is deaf, g = .625, .3125    4: v = .3125 + .125
    v, s = driven(held, {"g": [0, 2, 0, 0, 0], "v": [0, 0, 9, 9, 9]}, engine)
    assert (v, s) == ([0.125, 0.0, 0.0, 0.0, 0.4375], [0, 1, 0, 0, 0])
    rising = HALF | {"kept": ((1.0, 0.0), (0.0, 0.5)), "bias": (1.0, 0.0), "raised": (0.0, 4.0)}
    # v = 1; 2 > 1: a spike, g = .25; v = 1 < 1 + .5; v = 2 > 1 + .25: g = .0625 + .25; v = 1 ...
    v, s = driven(Brian2Linear(1, **rising), {"g": [0.0] * 6}, engine)
    assert (v, s) == ([1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [0, 1, 0, 1, 0, 1])
    assert driven(Brian2Linear(1, **(rising | {"strict": False})), {"g": [0.0] * 4}, engine)[1] == [
        1,
        0,
        1,
        0,
    ]
    current = Brian2Linear(1, **HALF, currents=("I",), gain=((2.0,), (0.5,)))
    # v = .125 + 2 * .25, g = .125; v = .3125 + .125 + .125 - .5
    assert driven(current, {"I": [0.25, -0.25]}, engine)[0] == [0.625, 0.0625]
    assert driven(Brian2Linear(1, **(HALF | {"theta": None})), {"v": [0, 99, 0]}, engine)[1] == [0, 0, 0]


def test_neuron_by_neuron_on_both_engines_and_in_files(tmp_path: Any) -> None:
    n, draw = 7, np.random.default_rng(0)
    each = {
        "kept": np.stack([np.array(HALF["kept"]) * x for x in draw.uniform(0.8, 1.2, n)]),
        "bias": draw.uniform(0, 0.2, (n, 2)),
        "start": draw.uniform(0, 1, (n, 2)),
        "theta": draw.uniform(0.8, 1.2, n),
        "refractory": draw.integers(0, 4, n),
        "kept_refractory": ((1.0, 0.0), (0.0, 0.5)),
    }
    cells = Brian2Linear(
        n, **(HALF | each), currents=("I",), gain=((0.1,), (0.2,)), held=(True, False), strict=False
    )
    wires = [Dense("in", "a", draw.uniform(-0.2, 0.4, (9, n)), 1, receptor=to, name=to) for to in ("v", "g")]
    drive = TimedInput("a", draw.uniform(0, 1, (5, n)), 20, receptor="I")
    network = Network({"in": PoissonSource(9, 0.2, 3), "a": cells}, wires, drives=[drive])
    record = "a"
    naive, stepped = (simulate(network, steps=200, record=record, engine=e) for e in ("naive", "stepped"))
    assert naive.spikes == stepped.spikes and len(stepped.spikes["a"].times) > 100
    np.testing.assert_allclose(naive.v["a"], stepped.v["a"], rtol=0, atol=1e-13)
    seen = simulate(network, steps=200, record=[Monitor("a", "g", every=50)])
    assert seen.monitors and np.isfinite(next(iter(seen.monitors.values())).values).all()
    save_network(network, tmp_path / "a.h5")
    again = load_network(tmp_path / "a.h5")
    assert again.signature == network.signature
    assert simulate(again, steps=200, record="a").spikes == stepped.spikes
    half = simulate(network, steps=90, record="a")
    rest = simulate(network, steps=110, record="a", state=half.state)
    assert np.array_equal(rest.v["a"][0], stepped.v["a"][0, 90:])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kept": ((0.5, 1.0),)}, r"kept has the shape \(1, 2\)"),
        ({"bias": (0.0, np.nan)}, "bias has the shape"),
        ({"variables": ("v", "v")}, "different names"),
        ({"held": (True,)}, "held has 1 entries for 2 variables"),
        ({"currents": ("I",)}, "gain has the shape"),
        ({"active_in": "second"}, "need trials"),
        ({"refractory": -1}, "refractory"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        Brian2Linear(2, **(HALF | fields))
