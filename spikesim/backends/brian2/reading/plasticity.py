"""The plasticity of Brian2's Synapses, where it means the same as `Brian2STDP`.

Read is the form of Brian2's documentation, with names and constants of the user's own:

    dapre/dt = -apre/taupre : 1 (event-driven)        on_pre    v_post += w
    dapost/dt = -apost/taupost : 1 (event-driven)               apre += Apre
                                                                w = clip(w + apost, low, high)
                                                      on_post   apost += Apost
                                                                w = clip(w + apre, low, high)

Every other form is refused with the statement that differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from spikesim.backends.brian2.reading.expressions import Affine, Expressions, Number, refuse, statements
from spikesim.learning import Brian2STDP

Line = tuple[str, str, str]
WAY = (
    "use constant weights, or STDP as in Brian2's documentation: dapre/dt = -apre/tau (event-driven), on_pre "
    "= 'v_post += w; apre += Apre; w = clip(w + apost, 0, wmax)', on_post = 'apost += Apost; w = clip(w + "
    "apre, 0, wmax)'"
)
WIDEST = 1e300  # the clip range of weights that Brian2 does not clip


class Learning(NamedTuple):
    """STDP: the statement that delivers, the rule, and the initial weights, float64 (n_synapses,)."""

    transmission: Line
    rule: Brian2STDP
    w: npt.NDArray[np.float64]


class Half(NamedTuple):
    """One pathway: its trace and its jump, the change of the weight, and what it delivers."""

    trace: str
    jump: float
    pairing: str
    reads: str
    factor: float
    clip: tuple[float, float]
    delivers: Line | None


def learning_of(synapses: Any, expressions: Expressions, dt: float) -> Learning | None:
    """The STDP of synapses; None for constant ones.

    Raises:
        DeclarationError: plasticity of another form; names the statement that differs.
    """
    kept = _decays(synapses, expressions, dt)
    written = _weights_written(synapses)
    if not kept and not written:
        return None
    by = {side: [p for p in synapses._pathways if p.prepost == side] for side in ("pre", "post")}
    if len(by["pre"]) != 1 or len(by["post"]) != 1:
        found = ", ".join(p.name for p in synapses._pathways)
        _refuse(synapses, f"plasticity in the pathways {found}; one on_pre and one on_post are read")
    if len(written) != 1:
        _refuse(synapses, f"statements that change {sorted(written) or 'no weight'}; one weight is read")
    if (by["pre"][0].order, by["post"][0].order) != (-1, 1):
        _refuse(synapses, "pathways in another order than Brian2's own, on_pre before on_post")
    w = written.pop()
    pre, post = (_half(synapses, by[side][0], expressions, w, kept) for side in ("pre", "post"))
    if post.delivers is not None:
        _refuse(synapses, f"{' '.join(post.delivers)!r} in on_post")
    if np.any(np.asarray(by["post"][0].variables["delay"].get_value())):
        _refuse(synapses, "a delay of on_post")
    if pre.delivers is None:
        _refuse(synapses, f"on_pre = {by['pre'][0].code!r}, which learns without an effect on its target,")
    _check_pair(synapses, pre, post)
    for trace in (pre.trace, post.trace):
        if np.any(np.asarray(synapses.variables[trace].get_value())):
            _refuse(synapses, f"an initial {trace} other than 0")
    tau_plus, tau_minus = (float(-1 / np.log(kept[half.trace])) for half in (pre, post))
    rule = Brian2STDP(
        pre.jump * post.factor,
        -(post.jump * pre.factor),
        tau_plus,
        tau_minus,
        clip=pre.clip,
        pairing=pre.pairing,  # type: ignore[arg-type]
    )
    values = np.asarray(synapses.variables[w].get_value(), np.float64)
    return Learning(pre.delivers, rule, np.broadcast_to(values, (len(synapses),)).copy())


def _check_pair(synapses: Any, pre: Half, post: Half) -> None:
    """Check that each pathway reads the trace of the other, with one range and one pairing."""
    if pre.reads != post.trace or post.reads != pre.trace:
        what = f"a weight that changes by {pre.reads} in on_pre and by {post.reads} in on_post"
        _refuse(synapses, f"{what}; the trace of the other side is read in each")
    if pre.clip != post.clip:
        _refuse(synapses, f"weights clipped to {pre.clip} in on_pre and to {post.clip} in on_post")
    if pre.pairing != post.pairing:
        _refuse(synapses, "a trace that is set in one pathway and added to in the other")


def _refuse(synapses: Any, what: str) -> NoReturn:
    refuse(synapses.name, what, WAY)


def _decays(synapses: Any, expressions: Expressions, dt: float) -> dict[str, float]:
    """The factor of each trace in a step."""
    kept: dict[str, float] = {}
    for equations in (synapses.event_driven, synapses.equations):
        for name in () if equations is None else equations.diff_eq_names:
            code = str(equations[name].expr)
            slope = expressions.affine(code, code, {name: Affine(0.0, {name: 1.0})})
            rate = np.unique(np.asarray(slope.slopes.get(name, 0.0), np.float64))
            if np.any(slope.constant) or rate.size != 1 or rate[0] >= 0:
                _refuse(synapses, f"d{name}/dt = {code}; a trace that decays with one time constant is read")
            kept[name] = float(np.exp(rate[0] * dt))
    if kept and synapses.state_updater is not None:
        method = synapses.state_updater.method_choice
        names = (method,) if isinstance(method, str) else tuple(method or ())
        if "exact" not in names and "linear" not in names and "exponential_euler" not in names:
            _refuse(synapses, f"traces with method={method!r}; exact traces are read")
    return kept


def _weights_written(synapses: Any) -> set[str]:
    """The parameters of the synapses that a pathway changes."""
    traces = set(synapses.equations.diff_eq_names)
    traces |= set() if synapses.event_driven is None else set(synapses.event_driven.diff_eq_names)
    found = set()
    for pathway in synapses._pathways:
        for name, _, _ in statements(synapses.name, str(pathway.code)):
            own = name in synapses.variables and name not in traces
            if own and synapses.variables[name].owner.name == synapses.name:
                found.add(name)
    return found


def _half(synapses: Any, pathway: Any, expressions: Expressions, w: str, kept: Mapping[str, float]) -> Half:
    """A pathway of STDP, statement by statement."""
    code, jumps, changes, delivers = str(pathway.code), [], [], []
    where = f"on_{pathway.prepost} = {code!r}"
    for line in statements(synapses.name, code):
        variable, sign, expression = line
        if variable in kept:
            jumps.append((variable, sign, _one(synapses, expressions, expression, where)))
        elif variable == w:
            changes.append(_change(synapses, line, expressions, w, kept, where))
        elif changes:
            instead = f"{' '.join(line)!r} after the change of {w} in {where}; put it before: the weight that"
            _refuse(synapses, f"{instead} acts is read as the one before its change")
        elif sign != "+=" or expression.strip() != w:
            _refuse(synapses, f"{' '.join(line)!r} in {where}; X_post += {w} is read")
        else:
            delivers.append(line)
    if len(jumps) != 1 or jumps[0][1] not in ("+=", "-=", "=") or len(changes) != 1 or len(delivers) > 1:
        _refuse(synapses, f"{where}; one jump of a trace and one change of {w} are read")
    trace, sign, jump = jumps[0]
    reads, factor, clip = changes[0]
    size = -jump if sign == "-=" else jump
    pairing = "nearest" if sign == "=" else "all"
    return Half(trace, size, pairing, reads, factor, clip, delivers[0] if delivers else None)


def _one(synapses: Any, expressions: Expressions, code: Any, where: str) -> float:
    """A constant that is equal for all synapses."""
    value: Number = expressions.constant(code, where)
    each = np.unique(np.asarray(value, np.float64))
    if each.size != 1:
        _refuse(synapses, f"{code} in {where}, which differs from synapse to synapse,")
    return float(each[0])


def _change(
    synapses: Any, line: Line, expressions: Expressions, w: str, kept: Mapping[str, float], where: str
) -> tuple[str, float, tuple[float, float]]:
    """The trace that changes the weight, its factor, and the range of the weight."""
    text, clip = " ".join(line), (-WIDEST, WIDEST)
    tree = expressions.tree(line[2] if line[1] == "=" else f"{w} {line[1][0]} ({line[2]})")
    if tree.func.__name__ == "clip":
        low, high = (_one(synapses, expressions, part, where) for part in tree.args[1:])
        tree, clip = tree.args[0], (low, high)
    given: dict[str, Any] = {name: Affine(0.0, {name: 1.0}) for name in (w, *kept)}
    moved = expressions.affine(tree, text, given)
    others = {name: slope for name, slope in moved.slopes.items() if name != w and np.any(slope)}
    fixed = np.any(moved.constant) or np.any(np.asarray(moved.slopes.get(w, 0.0)) != 1)
    if len(others) != 1 or fixed:
        _refuse(synapses, f"{text!r} in {where}; {w} = clip({w} + trace, low, high) is read")
    ((reads, slope),) = others.items()
    factors = np.unique(np.asarray(slope, np.float64))
    if factors.size != 1:
        _refuse(synapses, f"{text!r} in {where}, which differs from synapse to synapse,")
    return reads, float(factors[0]), clip
