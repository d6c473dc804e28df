"""Scheduling: the update order of populations within a step, and the step at which each window begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import Any

from spikesim.errors import DeclarationError
from spikesim.network.declaration import Declaration


def is_source(population: Any) -> bool:
    """Whether a population sends spikes without a membrane: an input, a generator or a target."""
    return bool(population.description.role != "neuron")


def is_target(population: Any) -> bool:
    """Whether a population is the spike train of a target."""
    return bool(population.description.role == "target")


def is_input(population: Any) -> bool:
    """Whether the spikes of a population are external inputs."""
    return bool(population.description.role == "input")


def teaching(populations: Mapping[str, Any]) -> set[str]:
    """Names of targets and of populations that are active in the second phase only."""
    return {name for name, p in populations.items() if is_target(p) or p.active_in == "second"}


def order(network: Declaration) -> tuple[str, ...]:
    """Names of the populations in the topological order of zero-delay projections; ties as declared.

    Raises:
        DeclarationError: a cycle of zero delay; names its populations.
    """
    names = list(network.populations)
    before: dict[str, dict[str, None]] = {name: {} for name in names}
    after: dict[str, dict[str, None]] = {name: {} for name in names}
    for p in network.projections:
        if p.delay == 0:
            before[p.post][p.pre] = after[p.pre][p.post] = None
    place = {name: k for k, name in enumerate(names)}
    missing = {name: len(before[name]) for name in names}
    ready = [place[name] for name in names if not missing[name]]  # a sorted list is a heap
    done: list[str] = []
    while ready:
        done.append(names[heappop(ready)])
        for name in after[done[-1]]:
            missing[name] -= 1
            if not missing[name]:
                heappush(ready, place[name])
    if len(done) < len(names):
        cycle = _cycle(next(name for name in names if missing[name]), before)
        raise DeclarationError(
            f"a cycle of zero delay: {' -> '.join(cycle)}; give one of its projections delay=1"
        )
    return tuple(done)


def _cycle(start: str, before: Mapping[str, Iterable[str]]) -> list[str]:
    """A cycle: walk back along unresolved predecessors until one repeats."""
    path = [start]
    resolved: set[str] = set()
    while True:
        waiting = [name for name in before[path[-1]] if name not in resolved]
        if not waiting:
            resolved.add(path.pop())
            continue
        if waiting[0] in path:
            return [*reversed(path[path.index(waiting[0]) :]), path[-1]]
        path.append(waiting[0])


def offsets(network: Declaration) -> dict[str, int]:
    """The step at which the window of each population begins: the delay of the path from the input.

    All paths into a forward population must have the same total delay (so that replayed input produces
    replayed spikes, and no error means no change). The window of a teaching population begins when its last
    input arrives; a target is aligned with the population to which it is compared. A declared `offset` is
    used unchanged.

    Raises:
        DeclarationError: paths of different delay into a forward population; names both and the ways out.
    """
    pops, teachers = network.populations, teaching(network.populations)
    if network.window.endless:
        return dict.fromkeys(pops, 0)
    found = {name: p.offset for name, p in pops.items() if p.offset is not None}
    found |= {name: 0 for name, p in pops.items() if is_source(p) and not is_target(p) and name not in found}
    _resolve(network, [n for n in pops if n not in teachers], teachers, found, strict=True)
    listeners = [n for n in pops if n in teachers and not is_target(pops[n])]
    targets = {n for n in pops if is_target(pops[n])}
    _resolve(network, listeners, targets, found, strict=False)
    for name in targets - found.keys():
        heard = [found[p.post] - p.delay for p in network.projections if p.pre == name]
        found[name] = max(0, min(heard, default=0))
    return {name: found[name] for name in pops}


def _resolve(
    network: Declaration, names: list[str], ignored: set[str], found: dict[str, int], strict: bool
) -> None:
    """Add the offsets of `names` to `found`, each as soon as all its inputs (except `ignored`) have one."""
    todo = [name for name in names if name not in found]
    while todo:
        ready = [n for n in todo if all(p.pre in found for p in network.incoming(n) if p.pre not in ignored)]
        if not ready:
            raise DeclarationError(
                f"{', '.join(todo)}: the delays of their paths from the input depend on each other (a "
                f"recurrent path); declare offset=... on one of them"
            )
        for name in ready:
            arrivals = {
                p.name: found[p.pre] + p.delay for p in network.incoming(name) if p.pre not in ignored
            }
            if strict and len(set(arrivals.values())) > 1:
                listed = ", ".join(f"{k} after {v}" for k, v in arrivals.items())
                raise DeclarationError(
                    f"{name}: its input arrives over paths of different delay ({listed} steps), so that a "
                    f"replayed window would not repeat its spikes. Lengthen a delay on the shorter path, or "
                    f"declare offset=..."
                )
            found[name] = max(arrivals.values(), default=0)
        todo = [name for name in todo if name not in ready]
