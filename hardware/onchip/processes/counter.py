"""Spike counts by phase, kept where the spikes are."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class PhaseCounter(AbstractProcess):  # type: ignore[misc]
    """Counts spikes: `counts` (phases, n) is read after the run.

    Args:
        n: neurons.
        phases: of the run.
        half: steps of a phase.
    """

    def __init__(self, *, n: int, phases: int, half: int) -> None:
        super().__init__(half=half)
        self.s_in = InPort(shape=(n,))
        self.counts = Var(shape=(phases, n), init=0)


@implements(proc=PhaseCounter, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt", "fixed_pt")
class PyPhaseCounter(PyLoihiProcessModel):  # type: ignore[misc]
    """Adds what arrives to the row of the phase."""

    s_in: Any = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    counts: Any = LavaPyType(np.ndarray, np.int32)

    def run_spk(self) -> None:
        """Count the spikes of this step."""
        self.counts[(self.time_step - 1) // self.proc_params["half"]] += self.s_in.recv().astype(np.int32)
