"""Traces the paths of linear nodes between populations, and the constants that reach each population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from spikesim.hardware.nir.linear_ops import Late, LinearOp, LinearPath, Reals
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.parse_linear import parse_linear
from spikesim.hardware.nir.shapes import GraphShapes

MOST_PATHS = 4096  # into a node, and into all populations together


@dataclass(frozen=True)
class TracedPaths:
    """Paths and constants into each population.

    Attributes:
        into: population -> its paths.
        constants: population -> input from biases of linear nodes in every step, (1,) or (n,).
        late: pairs of populations whose undelayed paths close a cycle; these spikes arrive a step later.
    """

    into: Mapping[str, list[LinearPath]]
    constants: Mapping[str, Reals]
    late: frozenset[tuple[str, str]]


def trace_paths(laid: GraphShapes, dt: float) -> TracedPaths:
    """Trace the paths of a graph, in steps of dt.

    Raises:
        NirError: too many paths, numbers that do not fit, a delayed bias.
    """
    found: dict[str, list[LinearPath]] = {n: [LinearPath(n, n, ())] for n in laid.populations}
    constants: dict[str, Reals] = {}
    for name in laid.order:
        node = laid.graph.nodes[name]
        if node.kind == "Output":
            continue
        made, bias = parse_linear(node, laid.shapes[laid.into[name][0]], dt)
        paths, constant = _gathered(laid, name, found, constants)
        found[name] = [p if made is None else replace(p, steps=(*p.steps, made)) for p in paths]
        constants[name] = _passed(laid, name, made, constant, bias)
    arriving = {n: _gathered(laid, n, found, constants) for n in laid.populations}
    ends = {n: [replace(p, post=n) for p in paths] for n, (paths, _) in arriving.items()}
    if (count := sum(map(len, ends.values()))) > MOST_PATHS:
        raise NirError(f"{count:,} paths lead from population to population; {MOST_PATHS:,} are read")
    brought = {n: constant for n, (_, constant) in arriving.items()}
    return TracedPaths(ends, brought, frozenset(_closing(laid, ends)))


def _gathered(
    laid: GraphShapes, name: str, found: Mapping[str, list[LinearPath]], constants: Mapping[str, Reals]
) -> tuple[list[LinearPath], Reals]:
    paths = [p for a in laid.into[name] for p in found[a]]
    if len(paths) > MOST_PATHS:
        raise NirError(f"{name}: more than {MOST_PATHS:,} paths lead to it, which is not read")
    constant = np.zeros(1)
    for before in laid.into[name]:
        constant = constant + constants.get(before, 0.0)
    return paths, constant


def _passed(
    laid: GraphShapes, name: str, made: LinearOp | None, constant: Reals, bias: Reals | None
) -> Reals:
    """The constant that a linear node passes on, with its own bias."""
    if isinstance(made, Late):
        if constant.any() and made.steps.any():
            raise NirError(
                f"{name} (Delay) comes after a bias, which would begin later than the first step. "
                "Put the delay before the weights"
            )
    elif made is not None and constant.any():
        constant = made.on(np.broadcast_to(constant, (prod(laid.shapes[laid.into[name][0]]),)))
    else:
        constant = constant if made is None else np.zeros(1)
    return constant if bias is None else constant + bias


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
