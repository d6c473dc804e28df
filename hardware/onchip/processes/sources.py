"""Sources that hold all trials of a run: spikes, neurons with biases, and the teacher."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class TrialSpikes(AbstractProcess):  # type: ignore[misc]
    """The spikes of a phase, in both phases of their trial.

    Args:
        times, neurons, offsets: of B trials, as in `Spikes`.
        n: neurons.
        half: steps of a phase.
    """

    def __init__(self, *, times: Any, neurons: Any, offsets: Any, n: int, half: int) -> None:
        super().__init__(times=times, neurons=neurons, offsets=offsets, n=n, half=half)
        self.s_out = OutPort(shape=(n,))


class TrialBiases(AbstractProcess):  # type: ignore[misc]
    """Integrate-and-fire neurons that are driven by a bias, another one in each trial.

    v = 0 where a phase begins; in its first `active` steps v += bias; if v >= theta: a spike, and v = 0.

    Args:
        biases: int (B, n).
        theta: threshold.
        half, active: steps of a phase, and those with input.
    """

    def __init__(self, *, biases: Any, theta: int, half: int, active: int) -> None:
        super().__init__(biases=biases, theta=theta, half=half, active=active)
        self.s_out = OutPort(shape=biases.shape[1:])


class Teacher(AbstractProcess):  # type: ignore[misc]
    """Spikes of the class of each trial, and lines that repeat in every trial.

    Args:
        labels: int (B,).
        train: (T, n): what is sent for class 0, then the lines; `n_out` columns are those of the classes.
        n_out: classes.
    """

    def __init__(self, *, labels: Any, train: Any, n_out: int) -> None:
        super().__init__(labels=labels, train=train, n_out=n_out)
        self.s_out = OutPort(shape=train.shape[1:])


@implements(proc=TrialSpikes, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt", "fixed_pt")
class PyTrialSpikes(PyLoihiProcessModel):  # type: ignore[misc]
    """Looks up the events of a step."""

    s_out: Any = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Send the spikes of this step."""
        given = self.proc_params
        phase, step = divmod(self.time_step - 1, given["half"])
        sent = np.zeros(given["n"], np.int32)
        first, last = given["offsets"][phase // 2 : phase // 2 + 2]
        begin, end = np.searchsorted(given["times"][first:last], (step, step + 1))
        sent[given["neurons"][first + begin : first + end]] = 1
        self.s_out.send(sent)


@implements(proc=TrialBiases, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt", "fixed_pt")
class PyTrialBiases(PyLoihiProcessModel):  # type: ignore[misc]
    """Integers in both arithmetics."""

    s_out: Any = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._v = np.zeros(proc_params["biases"].shape[1], np.int64)

    def run_spk(self) -> None:
        """Integrate, fire and send."""
        given = self.proc_params
        phase, step = divmod(self.time_step - 1, given["half"])
        if step == 0:
            self._v[:] = 0
        if step < given["active"]:
            self._v += given["biases"][phase // 2]
        fired = self._v >= given["theta"]
        self._v[fired] = 0
        self.s_out.send(fired.astype(np.int32))


@implements(proc=Teacher, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt", "fixed_pt")
class PyTeacher(PyLoihiProcessModel):  # type: ignore[misc]
    """Moves the spikes of class 0 to the class of the trial."""

    s_out: Any = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self) -> None:
        """Send label and lines of this step."""
        given = self.proc_params
        trial, step = divmod(self.time_step - 1, len(given["train"]))
        sent = given["train"][step].astype(np.int32)
        sent[: given["n_out"]] = np.roll(sent[: given["n_out"]], given["labels"][trial])
        self.s_out.send(sent)
