"""What a page leaves behind is put back: registered models and rules, and the clock of Brian2."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from spikesim.learning.online import RULES
from spikesim.neurons.population import MODELS


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Restore what is global after a page or an example."""
    kept = [(table, dict(table)) for table in (MODELS, RULES)]
    yield
    for table, before in kept:
        table.clear()
        table.update(before)
    if "brian2" in sys.modules:
        import brian2

        brian2.defaultclock.dt = 0.1 * brian2.ms
        brian2.start_scope()
