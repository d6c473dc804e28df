"""Brian2's Synapses as sparse projections: one for each statement of on_pre that adds to a variable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2.reading.expressions import Expressions, refuse, statements
from spikesim.backends.brian2.reading.plasticity import Learning, learning_of
from spikesim.backends.brian2.reading.populations import Cells
from spikesim.backends.brian2.reading.units import check_statements
from spikesim.synapses import Sparse

Ints = npt.NDArray[np.int64]


@dataclass
class Found:
    """What has been read so far.

    Attributes:
        populations: name of a group -> its population.
        cells: name of a NeuronGroup -> its population and receptors.
        namespace: values of names that objects do not have.
        dt: length of a step, in seconds.
        changing: (group, variable) of everything that changes during a run.
        notes: what was left out or is not exactly as in Brian2, in sentences.
    """

    populations: dict[str, Any]
    cells: dict[str, Cells]
    namespace: Mapping[str, Any]
    dt: float
    changing: frozenset[tuple[str, str]]
    notes: list[str] = field(default_factory=list)


class Wiring(NamedTuple):
    """Where the synapses of a pathway go: names of both groups, neurons, and delays in steps."""

    pre: str
    post: str
    i: Ints
    j: Ints
    delays: Ints


def check_synapses(synapses: Any) -> None:
    """Check that Synapses consist of pathways from spikes to statements.

    Raises:
        DeclarationError: names what else there is.
    """
    name = synapses.name
    if not synapses._connect_called:
        refuse(name, "a Synapses object without synapses", "call connect, or leave it out")
    for target, part in synapses.summed_updaters.items():
        what = f"the summed variable {target} = {part.expression} (gap junctions, graded synapses)"
        refuse(name, what, "let spikes add to a variable in on_pre")
    if synapses._linked_variables:
        linked = sorted(synapses._linked_variables)
        refuse(name, f"the linked variable {linked}", "use a parameter of the synapses")
    for part in synapses.contained_objects:
        if part not in synapses._pathways and part is not synapses.state_updater:
            what = f"{part.name} ({type(part).__name__}: run_regularly, or a subexpression constant over dt)"
            refuse(name, what, "leave it out, or write its result into on_pre")
    for side, what in ((synapses.source, "source"), (synapses.target, "target")):
        if hasattr(side, "_pathways"):
            refuse(name, f"the {what} {side.name}, a Synapses object", "connect groups of neurons")
    for pathway in synapses._pathways:
        if pathway.event != "spike":
            refuse(name, f"the event {pathway.event!r} of {pathway.name}", "use spikes")
        if pathway.when != "synapses":
            refuse(name, f"{pathway.name} in the slot {pathway.when!r}", "leave it in 'synapses'")


def written_by(synapses: Any) -> set[tuple[str, str]]:
    """(group, variable) of everything to which the statements of the synapses write."""
    found = set()
    for pathway in synapses._pathways:
        for name, _, _ in statements(synapses.name, str(pathway.code)):
            if name in synapses.variables:
                variable = synapses.variables[name]
                found.add((variable.owner.name, variable.name))
    return found


def projections_of(synapses: Any, found: Found) -> list[Sparse]:
    """The projections of a Synapses object.

    Raises:
        DeclarationError: a statement that does more than add a constant to a variable of the target, or that
            is no STDP of the supported form; names it.
    """
    expressions = Expressions(synapses, found.namespace, found.changing)
    learning = learning_of(synapses, expressions, found.dt)
    made = []
    for pathway in synapses._pathways:
        check_statements(synapses, str(pathway.code), found.namespace)
        if pathway.prepost == "post":
            if learning is None:
                what = f"the pathway on_post = {pathway.code!r}"
                refuse(synapses.name, what, "use on_pre; on_post is read as the half of an STDP rule")
            continue
        made += _deliveries(synapses, pathway, expressions, learning, found)
    return made


def _deliveries(
    synapses: Any, pathway: Any, expressions: Expressions, learning: Learning | None, found: Found
) -> list[Sparse]:
    """The projections of a pathway."""
    code, wiring = str(pathway.code), _wiring(synapses, pathway, found)
    lines = statements(synapses.name, code) if learning is None else [learning.transmission]
    if not lines:
        refuse(synapses.name, "an empty on_pre", "use on_pre = 'v_post += w'")
    made: list[Sparse] = []
    for k, line in enumerate(lines):
        target = _target(synapses, line, code, wiring)
        if target not in found.cells[wiring.post].receptors:
            found.notes.append(
                f"{synapses.name}: {target} of {wiring.post} does not influence its spikes; left out"
            )
            continue
        receptor = found.cells[wiring.post].receptors[target]
        name = synapses.name if len(synapses._pathways) == 1 or learning else pathway.name
        if k > 0:
            name = f"{name}_{target}"
            name = name if name not in {p.name for p in made} else f"{name}_{k}"
        if learning is not None:
            made += _learned(wiring, learning, receptor, name, found)
            continue
        w = np.asarray(expressions.constant(line[2], code), np.float64) * (1.0 if line[1] == "+=" else -1.0)
        made.append(_sparse(wiring, np.broadcast_to(w, wiring.i.shape), receptor, name, found))
    return made


def _target(synapses: Any, line: tuple[str, str, str], code: str, wiring: Wiring) -> str:
    """The variable of the target group to which a statement adds."""
    variable, sign, expression = line
    known = synapses.variables.get(variable)
    owner = getattr(getattr(known, "owner", None), "name", None)
    post = variable.endswith("_post") or not variable.endswith("_pre")
    text = f"{variable} {sign} {expression}"
    if known is None or owner != wiring.post or not post or sign not in ("+=", "-="):
        instead = "use statements X_post += w, where w is a constant or a parameter of the synapses"
        what = f"{text!r} in on_pre = {code!r}" if text != code.strip() else f"on_pre = {code!r}"
        refuse(synapses.name, what, instead)
    return str(known.name)


def _wiring(synapses: Any, pathway: Any, found: Found) -> Wiring:
    """The synapses of a pathway, in the numbers of whole groups."""
    (pre, first), (post, start) = (_base(side) for side in (synapses.source, synapses.target))
    for side in (pre, post):
        if side not in found.populations:
            refuse(synapses.name, f"the group {side!r}, which is not among the objects,", "give all groups")
    if post not in found.cells:
        what = f"the target {post}, which only sends spikes,"
        refuse(synapses.name, what, "connect onto a NeuronGroup, or leave these synapses out")
    i, j = (np.asarray(each[:], np.int64) for each in (synapses.i, synapses.j))
    delays = _in_steps(pathway, found.dt)
    if delays.size and (delays.min() < 0):
        refuse(synapses.name, f"a delay of {delays.min()} steps", "use delays of 0 and more")
    return Wiring(pre, post, i + first, j + start, np.broadcast_to(delays, i.shape))


def _in_steps(pathway: Any, dt: float) -> Ints:
    """Delays in steps, rounded as the queue does that Brian2 uses here: in C++, or in Python."""
    delays = np.asarray(pathway.variables["delay"].get_value(), np.float64) / dt
    python = type(pathway.queue).__module__ == "brian2.synapses.spikequeue"
    return (np.round(delays) if python else np.trunc(delays + 0.5)).astype(np.int64)


def _base(group: Any) -> tuple[str, int]:
    """The name of the whole group, and the index at which a subgroup begins in it."""
    whole = group.source if type(group).__name__ == "Subgroup" else group
    return str(whole.name), int(group.start)


def _sparse(
    wiring: Wiring, w: Any, receptor: str | None, name: str, found: Found, plastic: Any = None
) -> Sparse:
    """Synapses sorted by presynaptic neuron."""
    order = np.argsort(wiring.i, kind="stable")
    sizes = np.bincount(wiring.i, minlength=found.populations[wiring.pre].n)
    delays = wiring.delays
    same = delays.size == 0 or bool((delays == delays[0]).all())
    least = int(delays.min()) if delays.size else 0
    if delays.size and delays.max() - least > np.iinfo(np.uint16).max:
        refuse(name, f"delays from {least} to {delays.max()} steps", "use delays up to 65535 steps apart")
    return Sparse(
        wiring.pre,
        wiring.post,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        wiring.j[order].astype(np.int32),
        np.asarray(w, np.float64)[order].copy(),
        1 + least,  # input acts at the next threshold
        None if same else (delays - least)[order].astype(np.uint16),
        plastic,
        name=name,
        receptor=receptor,
    )


def _learned(
    wiring: Wiring, learning: Learning, receptor: str | None, name: str, found: Found
) -> list[Sparse]:
    """The projections of synapses that learn: one for each delay, as a rule needs one."""
    different = np.unique(wiring.delays)
    made = []
    for delay in different:
        mine = np.flatnonzero(wiring.delays == delay)
        part = Wiring(wiring.pre, wiring.post, wiring.i[mine], wiring.j[mine], wiring.delays[mine])
        label = name if len(different) == 1 else f"{name}_delay_{delay}"
        made.append(_sparse(part, learning.w[mine], receptor, label, found, learning.rule))
    found.notes.append(
        f"{name}: after n steps the weights are those of Brian2 after n - 1; what arrives in the last step "
        "changes them in the next"
        + (f"; one projection for each of {len(different)} delays" if len(different) > 1 else "")
    )
    return made
