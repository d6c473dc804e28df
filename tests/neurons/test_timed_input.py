"""A drive with a table of values: what it adds in each step, files, grids and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim import simulate
from spikesim.errors import DeclarationError
from spikesim.network import Network
from spikesim.network.file import load_network, save_network
from spikesim.neurons import LIF
from spikesim.neurons.timed_input import TimedInput

pytestmark = pytest.mark.core


@pytest.mark.parametrize("engine", ["naive", "stepped"])
def test_each_value_holds_and_the_last_one_stays(engine: str, tmp_path: Any) -> None:
    cells = LIF(2, 100.0)
    network = Network({"a": cells}, (), drives=[TimedInput("a", [1, 3, 0.5], hold=2)])
    found = simulate(network, steps=7, record="a", engine=engine).v["a"][0]
    assert found[:, 0].tolist() == np.cumsum([1, 1, 3, 3, 0.5, 0.5, 0.5]).tolist()
    assert (found[:, 0] == found[:, 1]).all()
    rows = Network({"a": cells}, (), drives=[TimedInput("a", np.array([[1, 2], [3, 4]]))])
    assert simulate(rows, steps=3, record="a", engine=engine).v["a"][0].tolist() == [[1, 2], [4, 6], [7, 10]]
    save_network(rows, tmp_path / "a.h5")
    assert load_network(tmp_path / "a.h5").drives == rows.drives
    first = simulate(network, steps=3, record="a", engine=engine)
    rest = simulate(network, steps=4, record="a", state=first.state, engine=engine)
    assert rest.v["a"][0].tolist() == found[3:].tolist()


def test_what_cannot_be_is_refused() -> None:
    for values, hold, said in (
        ((), 1, "finite numbers"),
        ((1.0, np.inf), 1, "finite numbers"),
        ([[1.0], [1.0, 2.0]], 1, "finite numbers"),
        ("ab", 1, "finite numbers"),
        ((1.0,), 0, "hold = 0"),
        ((1.0,), 1.5, "hold = 1.5"),
    ):
        with pytest.raises(DeclarationError, match=said):
            TimedInput("a", values, hold)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="grid"):
        Network({"a": LIF(2, 1.0, 6)}, (), drives=[TimedInput("a", (0.3,))])
    network = Network({"a": LIF(2, 1.0)}, (), drives=[TimedInput("a", ((1.0, 2.0, 3.0),))])
    with pytest.raises(DeclarationError, match="rows of 3 values for the 2 neurons"):
        simulate(network, steps=1)
