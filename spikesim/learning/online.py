"""What a rule that acts in every step offers the engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError

Numbers = npt.NDArray[Any]
Traces = dict[str, Numbers]
Act = Callable[[Numbers, Traces, npt.NDArray[np.int32], npt.NDArray[np.int32], float], None]


class Layout(NamedTuple):
    """Which synapse joins what, from both sides.

    Attributes:
        rows: int64 (n_pre + 1,); the synapses of presynaptic neuron i are rows[i] .. rows[i + 1] - 1.
        post: int32 (n_synapses,), the postsynaptic neuron of every synapse.
        columns: int64 (n_post + 1,); places[columns[j] : columns[j + 1]] are the synapses into neuron j.
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
        for array in arrays:  # read only, whoever made them: a kernel is compiled once
            array.setflags(write=False)
        return cls(*arrays)


@runtime_checkable
class OnlineRule(Protocol):
    """Plasticity that acts when spikes arrive and when neurons fire.

    In a step a rule is called once, after every population has had its turn: with the presynaptic spikes that
    have arrived in this step (those of `delay` steps before), with the postsynaptic spikes of this step, and
    with its signal. A rule is a frozen dataclass with these methods, in one file; add `@register_rule`, and
    networks, their files and the engines `naive` and `stepped` know it.

    One more method is optional, for speed:

        compiled(layout) -> act(w, traces, pre_fired, post_fired, signal)

    does the same step in place, event by event, for the stepped engine: the fired neurons are int32,
    ascending, and work is proportional to the synapses of those. Without it the engine takes `step`.

    Two more members are optional. `clip`, (low, high), is the range that the rule keeps weights in: they have
    to start inside it. `check_grid(bits, where)` raises a DeclarationError unless weights on the grid of
    2**-bits stay on it; a rule that has it, and a `clip`, may act on populations with a grid.

    Attributes:
        signal: name of a signal that is given when the network runs (`signals[name]`, float64 (steps,)); ""
            for none.
    """

    signal: str

    def start(self, layout: Layout) -> Traces:
        """The rule's own variables at rest: by neuron or by synapse, by name."""
        ...

    def step(
        self, w: Numbers, traces: Traces, pre: Numbers, post: Numbers, layout: Layout, signal: float
    ) -> tuple[Numbers, Traces]:
        """One step, readable: weights float64 (n_synapses,) and traces after it.

        `pre` int64 (n_pre,) and `post` int64 (n_post,) are 0 and 1; a spike of either sign is a spike.
        """
        ...


RULES: dict[str, type[Any]] = {}


def check_rule(rule: Any, w: Numbers, bits: int | None, name: str, post: str) -> None:
    """A rule that acts in every step, the weights that it starts from, the grid that they have to stay on.

    Args:
        rule: of a projection.
        w: its weights.
        bits: the grid of the population `post`; None for real numbers.
        name: of the projection.
        post: of the population.

    Raises:
        DeclarationError: what is no rule, weights outside its clip range, or a rule that leaves the grid.
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
            f"{name}: {kind} moves weights by real numbers, off the grid of {post}; give {post} real numbers "
            f"(LIF with grid=None)"
        )
    rule.check_grid(bits, name)


def clip_of(rule: Any) -> tuple[float, float]:
    """The range in which an online rule keeps weights; all numbers where it declares none."""
    return rule.clip if hasattr(rule, "clip") else (-np.inf, np.inf)


def act_of(rule: Any, layout: Layout) -> Act:
    """A rule's step in place: its own compiled one, or its readable `step`."""
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
    """Make a rule known by its class name; a class decorator."""
    RULES[rule.__name__] = rule
    return rule
