"""Sources and random inputs of Brian2: lists of spikes, rates, PoissonInput and TimedArray."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim import simulate
from spikesim.backends.brian2.importer import from_brian2
from spikesim.backends.brian2.reading.expressions import Timed
from spikesim.backends.brian2.reading.sources import generator, poisson_group, timed_input
from spikesim.errors import DeclarationError

b2 = pytest.importorskip("brian2", reason="needs the extra brian2")
pytestmark = [pytest.mark.brian2, pytest.mark.usefixtures("swift_brian2")]
ms, Hz, DT = b2.ms, b2.Hz, 1e-4


def given(times: Any, indices: Any = None, **options: Any) -> Any:
    return b2.SpikeGeneratorGroup(
        2, np.zeros(len(times), int) if indices is None else indices, times * ms, **options
    )


def test_lists_of_spikes() -> None:
    found = generator(given(np.array([0.3, 0.0, 0.29995]), [1, 0, 0]), DT)
    assert (found.steps, found.neurons, found.period) == ((0, 3, 3), (0, 0, 1), 0)
    assert generator(given(np.array([0.1]), period=0.7 * ms), DT).period == 7


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: given(np.array([1.0, 1.04, 2.0])), "neuron 0 with two spikes in step 10"),
        (lambda: given(np.array([1.0, 1.02, 1.04]), [0, 1, 0]), "neuron 0 with two spikes"),
        (
            lambda: given(np.array([0.1]), period=0.75 * ms),
            "period = 0.00075 s is not supported; use a multiple",
        ),
        (lambda: given(np.array([], float), period=0.04 * ms), "period = 4e-05 s"),
    ],
)
def test_lists_that_brian2_refuses(make: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        generator(make(), DT)


def test_rates_and_their_note() -> None:
    notes: list[str] = []
    found = poisson_group(b2.PoissonGroup(3, np.array([10, 20, 2e4]) * Hz, name="p"), DT, notes)
    assert (found.rate, found.seed) == ((0.001, 0.002, 1.0), None)  # the network's, by its name
    assert notes == [notes[0]] and notes[0].startswith("p: its random numbers")


def cells(**options: Any) -> Any:
    return b2.NeuronGroup(
        40,
        "dv/dt = -v/(10*ms) : 1\nc : 1",
        threshold="v > 1",
        reset="v = 0",
        method="exact",
        name="cells",
        **options,
    )


def test_poisson_inputs_have_binomial_numbers() -> None:
    group = cells()
    noise = b2.PoissonInput(
        group,
        "v",
        8,
        2000 * Hz,
        0.01,
    )
    read = from_brian2([group, noise])
    (drive,) = read.drives
    assert (drive.trains, drive.w, drive.receptor) == (8, 0.01, "v")
    drawn = np.concatenate([drive.numbers(t, 40) for t in range(500)])
    assert drawn.mean() == pytest.approx(1.6, abs=0.03) and drawn.max() <= 8
    assert drawn.var() == pytest.approx(1.6 * 0.8, abs=0.05)  # binomial; that of a Poisson number is 1.6
    # of Brian2, no input has arrived before the thresholds of the first step
    v = simulate(read, steps=3, record="cells").v["cells"][0]
    assert (v[0] == 0).all() and (v[1] > 0).any()


def test_large_poisson_inputs_are_divided_and_others_refused() -> None:
    group = cells()
    read = from_brian2([group, b2.PoissonInput(group, "v", 3001, 500 * Hz, "0.1/100")])
    assert [drive.trains for drive in read.drives] == [751, 750, 750, 750]
    assert sum(drive.rate for drive in read.drives) == pytest.approx(150.05)
    assert from_brian2([group, b2.PoissonInput(group, "c", 3, 5 * Hz, 1)]).drives == ()
    for make, said in (
        (lambda: b2.PoissonInput(group[:5], "v", 3, 5 * Hz, 1), "a part of a group"),
        (lambda: b2.PoissonInput(group, "v", 3, 10001 * Hz, 1), "use rates below 10000 Hz"),
        (lambda: b2.PoissonInput(group, "v", 3, 5 * Hz, "i*0.1"), "differs from neuron to neuron"),
        (lambda: b2.PoissonInput(group, "v", 3, 5 * Hz, 1, when="start"), "in the slot 'start'"),
    ):
        with pytest.raises(DeclarationError, match=said):
            from_brian2([group, make()])


@pytest.mark.parametrize("dt", [0.1, 0.5, 0.25, 0.3, 0.05])
def test_tables_are_read_as_brian2_reads_them(dt: float) -> None:
    array = b2.TimedArray(np.arange(9.0), dt=dt * ms)
    drive = timed_input("d", "cells", "I(t)", Timed(array, None), DT)
    row = np.zeros(1)
    for t in range(60):
        row[:] = 0
        drive.add(t, 1.0, row)
        assert row[0] == float(array(t * 0.1 * ms)), (dt, t)
