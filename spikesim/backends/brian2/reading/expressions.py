"""Expressions of Brian2 objects as numbers: parsed with sympy by Brian2's own parser, never run as code.

An expression is evaluated to an `Affine`: a constant for each neuron or synapse, and coefficients of the
variables of the neuron and of its timed arrays. What is not linear in them is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from spikesim.errors import DeclarationError

Number = Any  # a float, or float64 (n,)
LINEAR = "right sides that are linear in the variables are needed: -(v - v_rest)/tau + I"
CONDUCTANCE = "a synaptic conductance, g*(E - v), multiplies two of them, and a current, g, does not"
CLOCK = ("t", "t_in_timesteps", "lastspike", "not_refractory")
FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "Abs": np.abs,
    "floor": np.floor,
    "ceiling": np.ceil,
    "sign": np.sign,
    "int_": np.trunc,
    "sqrt": np.sqrt,
    "clip": np.clip,
    "Mod": np.mod,
    "exprel": lambda x: np.where(x == 0, 1.0, np.expm1(x) / np.where(x == 0, 1.0, x)),
}
LOGIC = ("And", "Or", "Not")
RELATIONS: Mapping[str, Callable[..., Number]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def refuse(name: str, what: str, instead: str) -> NoReturn:
    """Raise the error for an unsupported construct of a Brian2 model, with the alternative.

    Raises:
        DeclarationError: always.
    """
    raise DeclarationError(f"from_brian2: {name}: {what} is not supported; {instead}")


class Timed(NamedTuple):
    """A call of a TimedArray: the array, and the column of each neuron, int64 (n,), or None for all."""

    array: Any
    columns: npt.NDArray[np.int64] | None


class Affine(NamedTuple):
    """A constant and coefficients of variables; each a number, or float64 (n,)."""

    constant: Number
    slopes: Mapping[str, Number] = {}

    def plus(self, other: Affine) -> Affine:
        """The sum."""
        names = dict.fromkeys((*self.slopes, *other.slopes))
        slopes = {name: self.slopes.get(name, 0.0) + other.slopes.get(name, 0.0) for name in names}
        return Affine(self.constant + other.constant, slopes)

    def times(self, factor: Number) -> Affine:
        """The product with a constant."""
        return Affine(self.constant * factor, {name: c * factor for name, c in self.slopes.items()})

    @property
    def varies(self) -> bool:
        """Whether it depends on a variable."""
        return any(np.any(c) for c in self.slopes.values())


Given = Affine | DeclarationError  # an error is raised where its name is used
NOTHING: Mapping[str, Given] = {}


class Expressions:
    """The values of expressions of a Brian2 object, in SI units.

    Args:
        owner: a NeuronGroup or Synapses.
        namespace: values of names that the object does not have.
        changing: (name of a group, name of a variable) of everything that changes during a run.

    Attributes:
        owner: the NeuronGroup or Synapses.
        namespace: values of names that it does not have.
        timed: the calls of timed arrays that were met, by the symbol that stands for them.
    """

    def __init__(
        self, owner: Any, namespace: Mapping[str, Any], changing: Iterable[tuple[str, str]] = ()
    ) -> None:
        self.owner, self.namespace, self._changing = owner, namespace, frozenset(changing)
        self.timed: dict[str, Timed] = {}

    @property
    def name(self) -> str:
        """The name of the object."""
        return str(self.owner.name)

    def tree(self, code: str) -> Any:
        """The sympy tree of an expression.

        Raises:
            DeclarationError: it is none.
        """
        from brian2.parsing.sympytools import str_to_sympy

        try:
            found = str_to_sympy(str(code))
        except (SyntaxError, ValueError, TypeError, NotImplementedError, AttributeError, KeyError) as problem:
            return refuse(self.name, f"the expression {code!r}", f"Brian2's parser says: {problem}")
        if isinstance(found, bool):
            refuse(self.name, f"the constant {code!r} as an expression", "write a number or a condition")
        return found

    def constant(self, code: Any, where: str) -> Number:
        """The value of a constant expression: a float, or an array with one value per neuron or synapse.

        Raises:
            DeclarationError: it contains a name that is not constant, or an unsupported function.
        """
        found = self.affine(code, where)
        if found.varies or found.slopes:
            name = next(iter(found.slopes))
            refuse(self.name, f"{name!r} in {where!r}, which is not a constant,", "use a constant")
        return found.constant

    def affine(self, code: Any, where: str, given: Mapping[str, Given] = NOTHING) -> Affine:
        """The value of an expression that is linear in the names of `given`.

        Args:
            code: a string, or a sympy tree.
            where: the whole expression, for messages.
            given: values of names that are variables or replaced.

        Raises:
            DeclarationError: it is not linear, or has names or functions without a value.
        """
        tree = self.tree(code) if isinstance(code, str) else code
        if tree.is_Symbol:
            return self._symbol(str(tree), where, given)
        if tree.is_Add:
            total = Affine(0.0)
            for part in tree.args:
                total = total.plus(self.affine(part, where, given))
            return total
        if tree.is_Mul:
            return self._product(tree, where, given)
        name = tree.func.__name__
        if tree.is_Function and name not in FUNCTIONS and name not in LOGIC:
            return self._call(tree, name, where, given)
        parts = [self._fixed(part, tree, where, given) for part in tree.args]
        return Affine(self._value(tree, name, parts, where))

    def _value(self, tree: Any, name: str, parts: list[Number], where: str) -> Number:
        """The value of a tree of constants: a number, a power, a function or a condition."""
        if not parts:
            return float(bool(tree)) if tree.is_Boolean else self._number(tree, where)
        if tree.is_Pow:
            return np.power(np.asarray(parts[0], np.float64), parts[1])
        if tree.is_Relational:
            return RELATIONS[tree.rel_op](parts[0], parts[1]).astype(np.float64)
        if name in ("And", "Or"):
            join = np.logical_and if name == "And" else np.logical_or
            return join.reduce(np.broadcast_arrays(*parts)).astype(np.float64)
        if name == "Not":
            return np.logical_not(parts[0]).astype(np.float64)
        if name not in FUNCTIONS:
            what = f"the function {name} in {where!r}"
            refuse(self.name, what, "calculate its value and write it as a constant")
        return FUNCTIONS[name](*parts)

    def _number(self, tree: Any, where: str) -> float:
        try:
            return float(tree)
        except TypeError:
            return refuse(self.name, f"{tree} in {where!r}", "use real numbers and names")

    def _product(self, tree: Any, where: str, given: Mapping[str, Given]) -> Affine:
        """A product of constants, and of one factor with variables at most."""
        factors = [self.affine(part, where, given) for part in tree.args]
        varying = [f for f in factors if f.slopes]
        if len(varying) > 1:
            names = " and ".join(dict.fromkeys(next(iter(f.slopes)) for f in varying))
            refuse(self.name, f"the product of {names} in {where!r}", f"{LINEAR}; {CONDUCTANCE}")
        constant: Number = 1.0
        for factor in factors:
            if not factor.slopes:
                constant = constant * factor.constant
        return varying[0].times(constant) if varying else Affine(constant)

    def _fixed(self, part: Any, tree: Any, where: str, given: Mapping[str, Given]) -> Number:
        """The value of an argument that must be constant."""
        found = self.affine(part, where, given)
        if found.slopes:
            refuse(self.name, f"{tree} in {where!r}", LINEAR)
        return found.constant

    def _symbol(self, name: str, where: str, given: Mapping[str, Given]) -> Affine:
        if name in given:
            found = given[name]
            if isinstance(found, DeclarationError):
                raise found
            return found
        if name in CLOCK:
            instead = "use constants, or a TimedArray for what changes with time"
            refuse(self.name, f"{name!r} in {where!r}, which changes with time,", instead)
        if name == "xi" or name.startswith("xi_"):
            instead = "leave the noise out; spikesim.PoissonInput and PoissonSource are its random inputs"
            refuse(self.name, f"the noise {name!r} in {where!r}", instead)
        variable = self._resolved(name, where)
        if hasattr(variable, "expr"):  # a subexpression
            return self.affine(str(variable.expr), where, given)
        return Affine(self._array(name, variable, where))

    def _resolved(self, name: str, where: str) -> Any:
        """Brian2's variable of a name."""
        try:
            found = self.owner.resolve_all([name], run_namespace=dict(self.namespace), user_identifiers=set())
        except (KeyError, ValueError, TypeError) as problem:
            text = problem.args[0] if problem.args else problem
            return refuse(self.name, f"{name!r} in {where!r}, which has no value here,", f"{text}")
        return found[name]

    def _array(self, name: str, variable: Any, where: str) -> Number:
        """The constant value of a variable: a float, or one value per neuron or synapse."""
        owner = getattr(getattr(variable, "owner", None), "name", "")
        if (
            not hasattr(variable, "get_value")
            or (owner, str(getattr(variable, "name", ""))) in self._changing
        ):
            what = f"{name!r} in {where!r}, which is not a constant of the object,"
            refuse(self.name, what, "use a constant, or a parameter of the same object")
        value = np.asarray(variable.get_value(), np.float64)
        index = getattr(self.owner.variables, "indices", {}).get(name, "_idx")
        if value.size == 1 and (value.ndim == 0 or index in ("_idx", "0")):
            return float(value.reshape(-1)[0])
        if index not in ("_idx", "0"):  # a parameter of the source or target of synapses
            value = value[np.asarray(self.owner.variables[index].get_value(), np.int64)]
        return value

    def _call(self, tree: Any, name: str, where: str, given: Mapping[str, Given]) -> Affine:
        """A call of a function of the namespace: a TimedArray of the time of the step."""
        from brian2 import TimedArray

        array = self._resolved(name, where)
        if not isinstance(array, TimedArray):
            instead = "calculate its value, or give a TimedArray"
            refuse(self.name, f"the function {name} in {where!r}", instead)
        if not tree.args or str(tree.args[0]) != "t":
            refuse(self.name, f"{tree} in {where!r}", f"call {name} with the time of the step, t")
        columns = None
        if len(tree.args) > 1:
            which = np.asarray(self._fixed(tree.args[1], tree, where, given))
            columns = np.broadcast_to(which, (self.owner.N,)).astype(np.int64)
            if columns.min() < 0 or columns.max() >= array.values.shape[1]:
                what = f"{tree} in {where!r}, with columns from {columns.min()} to {columns.max()},"
                refuse(self.name, what, f"the array has the columns 0 to {array.values.shape[1] - 1}")
        symbol = str(tree)
        self.timed[symbol] = Timed(array, columns)
        return Affine(0.0, {symbol: 1.0})


def statements(name: str, code: str) -> list[tuple[str, str, str]]:
    """(variable, operator, expression) of every statement in Brian2 code.

    Raises:
        DeclarationError: a line that is no statement.
    """
    from brian2.parsing.statements import parse_statement

    lines = [line.split("#")[0].strip() for line in str(code).replace(";", "\n").split("\n")]
    try:
        return [parse_statement(line)[:3] for line in lines if line]
    except ValueError as problem:
        return refuse(name, f"the statement {code!r}", str(problem))


def timesteps(times: npt.NDArray[np.float64], dt: float) -> npt.NDArray[np.int64]:
    """Times in steps, rounded as in Brian2: up to a thousandth of a step early counts as the later step."""
    return np.asarray((times + 1e-3 * dt) / dt).astype(np.int64)
