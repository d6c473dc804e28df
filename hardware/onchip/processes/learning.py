"""Learning connections that clear their traces by themselves where a phase ends."""

from __future__ import annotations

from typing import Any

from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.models import PyLearningDenseModelBitApproximate, PyLearningDenseModelFloat
from lava.proc.dense.process import LearningDense


class TrialDense(LearningDense):  # type: ignore[misc]
    """LearningDense with trials of two epochs.

    Its rule acts as in LearningDense. After it, in the chip's management phase, y2 is cleared at the end of
    each epoch, y1 at the end of a trial, and x1 as `clears_x1` says.

    Args:
        clears_x1: at the end of each epoch; else of a trial.
        given: arguments of LearningDense.
    """

    def __init__(self, *, clears_x1: bool, **given: Any) -> None:
        super().__init__(clears_x1=clears_x1, **given)


def at_epoch(model: Any) -> bool:
    """Whether a learning epoch ends in this step."""
    return bool(model.time_step % model._learning_rule.t_epoch == 0)


def clear(model: Any) -> None:
    """Clear the traces of a connection at the end of an epoch."""
    last = model.time_step % (2 * model._learning_rule.t_epoch) == 0
    model.y2[:] = 0
    if last:
        model.y1[:] = 0
    if last or model.proc_params["clears_x1"]:
        model.x1[:] = 0


@implements(proc=TrialDense, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyTrialDenseFloat(PyLearningDenseModelFloat):  # type: ignore[misc]
    """In floating point."""

    implements_process = None  # not the process of the stock model: the decorator sets it

    def post_guard(self) -> bool:
        """The management phase takes place where an epoch ends."""
        return at_epoch(self)

    def run_post_mgmt(self) -> None:
        """Clear traces."""
        clear(self)


@implements(proc=TrialDense, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyTrialDenseFixed(PyLearningDenseModelBitApproximate):  # type: ignore[misc]
    """In fixed point."""

    implements_process = None  # not the process of the stock model: the decorator sets it

    def post_guard(self) -> bool:
        """The management phase takes place where an epoch ends."""
        return at_epoch(self)

    def run_post_mgmt(self) -> None:
        """Clear traces."""
        clear(self)
