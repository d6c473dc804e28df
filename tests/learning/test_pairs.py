"""What the rules of spike pairs share: traces that add or replace, and parameters that are checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spikesim._jit import kernel
from spikesim.errors import DeclarationError
from spikesim.learning import STDP
from spikesim.learning.online import Layout
from spikesim.learning.pairs import after_spikes, amounts, initial_traces, mark

pytestmark = pytest.mark.core


@kernel
def _mark(trace, fired, nearest):  # type: ignore[no-untyped-def]
    mark(trace, fired, nearest)


@pytest.mark.parametrize(("nearest", "expected"), [(False, [1.5, 0.25, 1.0]), (True, [1.0, 0.25, 1.0])])
def test_a_spike_adds_to_its_trace_or_replaces_it(nearest: bool, expected: list[float]) -> None:
    trace, fired = np.array([0.5, 0.25, 0.0]), np.array([1, 0, 1])
    assert after_spikes(trace, fired, nearest).tolist() == expected
    _mark(trace, np.flatnonzero(fired).astype(np.int32), nearest)
    assert trace.tolist() == expected, "the kernel does the same in place"


def test_traces_begin_at_rest_one_a_neuron() -> None:
    layout = Layout.of(np.array([0, 2, 3]), np.array([0, 2, 1], np.int32), 3)
    traces = initial_traces(layout)
    assert {name: (len(x), x.any()) for name, x in traces.items()} == {"x": (2, False), "y": (3, False)}


def test_the_numbers_that_a_kernel_reads() -> None:
    found = amounts(STDP(0.5, -0.25, 10.0, 20.0, pairing="nearest", clip=(-1.0, 2.0)))
    assert (found.a_plus, found.a_minus, found.low, found.high, found.nearest) == (
        0.5,
        -0.25,
        -1.0,
        2.0,
        True,
    )
    assert (found.x_kept, found.y_kept) == (pytest.approx(np.exp(-0.1)), pytest.approx(np.exp(-0.05)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"a_plus": np.nan}, "a_plus"),
        ({"tau_minus": 0.0}, "tau_minus = 0.0"),
        ({"pairing": "some"}, "'some'"),
        ({"clip": (1.0, 1.0)}, r"clip = \(1.0, 1.0\)"),
    ],
)
def test_a_parameter_out_of_range_is_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        STDP(**{"a_plus": 0.5, "a_minus": -0.25, "tau_plus": 10.0, "tau_minus": 20.0, **changed})
