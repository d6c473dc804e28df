"""The protocol of online rules, which act in every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from spikesim._values import named_arguments
from spikesim.errors import DeclarationError

Numbers = npt.NDArray[Any]
Traces = dict[str, Numbers]
Act = Callable[[Numbers, Traces, npt.NDArray[np.int32], npt.NDArray[np.int32], float], None]


class Layout(NamedTuple):
    """The neurons that each synapse connects, indexed from both sides.

    Attributes:
        rows: int64 (n_pre + 1,); the synapses of presynaptic neuron i are rows[i] .. rows[i + 1] - 1.
        post: int32 (n_synapses,), the postsynaptic neuron of every synapse.
        columns: int64 (n_post + 1,); places[columns[j] : columns[j + 1]] are the synapses onto neuron j.
        places: int64 (n_synapses,), synapses sorted by postsynaptic neuron.
        pre: int32 (n_synapses,), the presynaptic neuron of every synapse.
    """

    rows: npt.NDArray[np.int64]
    post: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    pre: npt.NDArray[np.int32]

    @classmethod
    def of(cls, rows: npt.NDArray[np.int64], post: npt.NDArray[np.int32], n_post: int) -> Layout:
        """The layout of synapses that are sorted by presynaptic neuron."""
        pre = np.repeat(np.arange(len(rows) - 1, dtype=np.int32), np.diff(rows))
        columns = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(post, minlength=n_post))])
        arrays: list[Any] = [
            array.view() for array in (rows, post, columns, np.argsort(post, kind="stable"), pre)
        ]
        for array in arrays:  # always read only, so that a kernel is compiled for one signature
            array.setflags(write=False)
        return cls(*arrays)


@runtime_checkable
class OnlineRule(Protocol):
    """Plasticity that acts when spikes arrive and when neurons fire.

    A rule is called once per step, after all populations are updated: with the presynaptic spikes that
    arrive in this step (sent `delay` steps earlier), the postsynaptic spikes of this step, and its signal. A
    rule is a frozen dataclass with these methods, in one file; `@register_rule` makes it available to
    networks, their files and the engines `naive` and `stepped`.

    Optional, for speed:

        compiled(layout) -> act(w, traces, pre_fired, post_fired, signal)

    performs the same step in place, event by event, for the stepped engine: the fired neurons are int32,
    ascending, and the cost is proportional to the number of their synapses. Without it the engine uses
    `step`.

    Two more members are optional. `clip`, (low, high), is the range in which the rule keeps the weights;
    initial weights must be inside it. `check_grid(bits, where)` raises a DeclarationError unless weights on
    the grid of 2**-bits stay on it; a rule with it and with `clip` may act on populations with a grid.

    Attributes:
        signal: name of an external signal of the run (`signals[name]`, float64 (steps,)); "" for none.
    """

    signal: str

    def start(self, layout: Layout) -> Traces:
        """The initial values of the rule's variables by name, one per neuron or per synapse."""
        ...

    def step(
        self, w: Numbers, traces: Traces, pre: Numbers, post: Numbers, layout: Layout, signal: float
    ) -> tuple[Numbers, Traces]:
        """The reference implementation of a step: weights, float64 (n_synapses,), and traces after it.

        `pre` int64 (n_pre,) and `post` int64 (n_post,) are 0 or 1; the sign of a spike is ignored.
        """
        ...


RULES: dict[str, type[Any]] = {}


def check_rule(rule: Any, w: Numbers, bits: int | None, name: str, post: str) -> None:
    """Check an online rule, its initial weights, and that they stay on the grid.

    Args:
        rule: the rule of a projection.
        w: initial weights.
        bits: fractional bits of the grid of the population `post`; None for real numbers.
        name: name of the projection.
        post: name of the postsynaptic population.

    Raises:
        DeclarationError: not a rule, weights outside its clip range, or a rule that leaves the grid.
    """
    kind = type(rule).__name__
    if not isinstance(rule, OnlineRule) or isinstance(rule, type):
        raise DeclarationError(
            f"{name}: plastic = {rule!r}; a rule with the members signal, start and step (see "
            f"spikesim.learning.online), or a TrialRule such as CountRule, is needed"
        )
    low, high = clip_of(rule)
    if w.size and (w.min() < low or w.max() > high):
        raise DeclarationError(
            f"{name}: weights from {w.min():.4g} to {w.max():.4g} start outside the clip range "
            f"[{low}, {high}] of {kind}; widen it, or scale the weights"
        )
    if bits is None:
        return
    if not (hasattr(rule, "check_grid") and hasattr(rule, "clip")):
        raise DeclarationError(
            f"{name}: {kind} changes weights by real numbers, off the grid of {post}; declare {post} "
            f"without a grid (LIF with grid=None)"
        )
    rule.check_grid(bits, name)


def clip_of(rule: Any) -> tuple[float, float]:
    """The range in which an online rule keeps the weights; all numbers if it declares none."""
    return rule.clip if hasattr(rule, "clip") else (-np.inf, np.inf)


def act_of(rule: Any, layout: Layout) -> Act:
    """The step of a rule, in place: its compiled one, or a wrapper of its `step`."""
    if hasattr(rule, "compiled"):
        return rule.compiled(layout)
    n_pre, n_post = len(layout.rows) - 1, len(layout.columns) - 1

    def act(w: Numbers, traces: Traces, pre: Any, post: Any, signal: float) -> None:
        arrived, fired = np.zeros(n_pre, np.int64), np.zeros(n_post, np.int64)
        arrived[pre], fired[post] = 1, 1
        w[...], after = rule.step(w, traces, arrived, fired, layout, signal)
        traces.update(after)

    return act


def register_rule(rule: type[Any]) -> type[Any]:
    """Register a rule by its class name; a class decorator."""
    RULES[rule.__name__] = named_arguments(rule)
    return rule
