"""Traces the paths of linear nodes between populations, and the constants that reach each population.

What a Delay sends in its first steps is 0, as in the libraries, whose delay lines start empty: a bias before
it arrives that much later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from spikesim.hardware.nir.linear_ops import Late, LinearOp, LinearPath, Reals
from spikesim.hardware.nir.nodes import ANALOG, NirError
from spikesim.hardware.nir.parse_linear import parse_linear, rounded_delay
from spikesim.hardware.nir.shapes import GraphShapes

MOST_PATHS = 4096  # into a node, and into all populations together
MOST_CONSTANTS = 1 << 24  # numbers of all delayed constants of a node
Constants = dict[int, Reals]  # begin, in steps -> what is added in every step from then on


@dataclass(frozen=True)
class TracedPaths:
    """Paths and constants into each population.

    Attributes:
        into: population -> its paths.
        constants: population -> input from biases of linear nodes in every step from a first one on, by that
            step, (1,) or (n,).
        late: pairs of populations whose undelayed paths close a cycle; these spikes arrive a step later.
        notes: delays that were rounded.
    """

    into: Mapping[str, list[LinearPath]]
    constants: Mapping[str, Constants]
    late: frozenset[tuple[str, str]]
    notes: tuple[str, ...]


def trace_paths(laid: GraphShapes, dt: float) -> TracedPaths:
    """Trace the paths of a graph, in steps of dt.

    Raises:
        NirError: too many paths, numbers that do not fit, graded values where spikes are needed.
    """
    found: dict[str, list[LinearPath]] = {n: [LinearPath(n, n, ())] for n in laid.populations}
    constants: dict[str, Constants] = {}
    for name in laid.order:
        node = laid.graph.nodes[name]
        if node.kind == "Output":
            continue
        made, bias = parse_linear(node, laid.shapes[laid.into[name][0]], dt)
        paths, constant = _gathered(laid, name, found, constants)
        found[name] = [replace(p, steps=(*p.steps, *made)) for p in paths]
        for op in made:
            constant = _passed(laid, name, op, constant)
        constants[name] = constant if bias is None else _sum(constant, {0: bias})
    arriving = {n: _gathered(laid, n, found, constants) for n in laid.populations}
    ends = {n: [replace(p, post=n) for p in paths] for n, (paths, _) in arriving.items()}
    if (count := sum(map(len, ends.values()))) > MOST_PATHS:
        raise NirError(f"{count:,} paths lead from population to population; {MOST_PATHS:,} are read")
    for name, paths in ends.items():
        _check_spikes(laid, name, paths)
    brought = {n: constant for n, (_, constant) in arriving.items()}
    delays = (laid.graph.nodes[name] for name in laid.order if laid.graph.nodes[name].kind == "Delay")
    notes = tuple(note for node in delays if (note := rounded_delay(node, dt)))
    return TracedPaths(ends, brought, frozenset(_closing(laid, ends)), notes)


def _gathered(
    laid: GraphShapes, name: str, found: Mapping[str, list[LinearPath]], constants: Mapping[str, Constants]
) -> tuple[list[LinearPath], Constants]:
    paths = [p for a in laid.into[name] for p in found[a]]
    if len(paths) > MOST_PATHS:
        raise NirError(f"{name}: more than {MOST_PATHS:,} paths lead to it, which is not read")
    constant: Constants = {}
    for before in laid.into[name]:
        constant = _sum(constant, constants.get(before, {}))
    return paths, constant


def _sum(a: Constants, b: Constants) -> Constants:
    return {begin: a.get(begin, 0.0) + b.get(begin, np.zeros(1)) for begin in sorted(a.keys() | b.keys())}


def _check_spikes(laid: GraphShapes, name: str, paths: list[LinearPath]) -> None:
    """Refuse membranes that are passed on: a network here sends spikes."""
    for p in paths:
        if (kind := laid.graph.nodes[p.pre].kind) in ANALOG:
            raise NirError(
                f"{p.pre} ({kind}) sends its membrane, and {name} ({laid.graph.nodes[name].kind}) gets it: a "
                f"graded value, where a network here sends spikes. Let {p.pre} lead to an Output alone, or "
                "replace it by neurons that fire"
            )


def _passed(laid: GraphShapes, name: str, op: LinearOp, constant: Constants) -> Constants:
    """What an operation passes on of the constants that come in."""
    kept = {begin: values for begin, values in constant.items() if values.any()}
    if not isinstance(op, Late):
        n = prod(laid.shapes[laid.into[name][0]])
        return {begin: op.on(np.broadcast_to(v, (n,)) if v.size == 1 else v) for begin, v in kept.items()}
    late, passed = np.unique(op.steps), Constants()
    if kept and len(late) * len(kept) * op.steps.size > MOST_CONSTANTS:
        raise NirError(
            f"{name} (Delay): {len(late):,} different delays after a bias; that many constants are not "
            "read. Put the delay before the bias"
        )
    for begin, values in kept.items():
        for d in late.tolist():
            passed = _sum(passed, {begin + d: np.where(op.steps == d, values, 0.0)})
    return passed


def _closing(laid: GraphShapes, into: Mapping[str, list[LinearPath]]) -> set[tuple[str, str]]:
    """Pairs of populations whose undelayed paths close a cycle, searched from the inputs in the order of the
    file's edges, independent of the names of nodes.
    """
    named = dict.fromkeys(name for edge in laid.graph.edges for name in edge)
    rank = {name: k for k, name in enumerate(named)}
    ranked = sorted(laid.populations, key=lambda n: rank.get(n, len(rank)))
    now: dict[str, list[str]] = {n: [] for n in ranked}
    for post in ranked:
        for p in into[post]:
            if post not in now[p.pre] and laid.graph.nodes[post].kind != "Input" and p.earliest() == 0:
                now[p.pre].append(post)
    late: set[tuple[str, str]] = set()
    done: set[str] = set()
    starts = sorted(ranked, key=lambda n: laid.graph.nodes[n].kind != "Input")
    for start in starts:
        stack = [] if start in done else [(start, iter(now[start]))]
        path = {start: None} if stack else {}
        while stack:
            name, following = stack[-1]
            nearest = next(following, None)
            if nearest is None:
                stack.pop()
                path.pop(name, None)
                done.add(name)
            elif nearest in path:
                late.add((name, nearest))
            elif nearest not in done:
                stack.append((nearest, iter(now[nearest])))
                path[nearest] = None
    return late
