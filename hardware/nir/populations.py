"""Populations of a NIR graph: integrators on a grid where all numbers are on one, else in real numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from spikesim import grid as grids
from spikesim.errors import DeclarationError
from spikesim.hardware.nir.conventions import Convention
from spikesim.hardware.nir.linear_ops import Reals
from spikesim.hardware.nir.neurons import Dynamics, fires_from, stated, written_threshold
from spikesim.hardware.nir.nodes import ANALOG, NirError, Node, free_name
from spikesim.network import Network
from spikesim.neurons import IF, LIF, LeakyIntegrator, Source
from spikesim.window import Window


class PopulationReader:
    """Makes populations of nodes.

    Args:
        convention: what a file does not say.
        window: of the network.
        notes: gets a sentence where real numbers replace a grid.
        ours: the file is one of ours, in which clocks of populations are those of their paths, if not stated.
    """

    def __init__(self, convention: Convention, window: Window, notes: list[str], ours: bool) -> None:
        self.convention, self.window, self.notes, self.ours = convention, window, notes, ours

    def made(self, node: Node, n: int, found: Dynamics, bias: Reals, into: list[Any], sizes: Any) -> Any:
        """The population of a node.

        Args:
            node: neurons, or an Output of sums.
            n: number of neurons.
            found: its dynamics.
            bias: added to the membrane in every step, (1,) or (n,).
            into: the projections that lead to it.
            sizes: name -> number of neurons, for all populations.

        Raises:
            NirError: numbers that no population here has.
        """
        shared: dict[str, Any] = {
            "bias": _values(bias),
            "offset": self._offset(node),
            "v_start": _start(node, "v_start", n, found.v_start),
        }
        decays: dict[str, Any] = {key: _values(getattr(found, key)) for key in ("u_decay", "v_decay")}
        try:
            if node.kind in (*ANALOG, "Output"):
                start = {"u_start": _start(node, "u_start", n, np.zeros(1))}
                bits = self._stated_bits(node, [bias, *_numbers(shared, start, into)], found)
                return LeakyIntegrator(n, bits, **decays, **shared, **start)
            return self._firing(node, n, found, [bias, *_numbers(shared, {}, into)], into, sizes, shared)
        except DeclarationError as problem:
            raise NirError(f"{node.name} ({node.kind}): {problem}") from problem

    def _offset(self, node: Node) -> Any:
        if self.window.endless:
            return None
        own = stated(node, "offset")
        return own if own is not None or self.ours else 0

    def _firing(
        self,
        node: Node,
        n: int,
        found: Dynamics,
        numbers: list[Reals],
        into: list[Any],
        sizes: Any,
        shared: Any,
    ) -> Any:
        resets, fires = self.convention.resets_of(node.kind), self.convention.fires
        subtract = resets == {"reset": "subtract", "overshoot": "keep"}
        leaks = (found.u_decay != 1).any() or found.v_decay.any()
        if (subtract or resets == {"reset": "value"}) and not leaks and not found.v_reset.any():
            # What is subtracted is theta: on a grid this is v_threshold for ">=" alone, where it lies on it.
            bits = self._bits(node, [*numbers, found.threshold] if subtract else numbers)
            if bits is not None and (not subtract or fires == ">="):
                theta = self._theta(found, bits)
                if np.min(theta) > 0:
                    reset: Any = "subtract" if subtract else "zero"
                    made = IF(n, theta, bits, reset=reset, **shared)
                    if self._provable(made, into, sizes):
                        return made
        theta, own = self._theta(found, None), stated(node, "theta")
        if own is not None and np.size(own) in (1, n):
            written = np.array([written_threshold(float(t), None) for t in np.ravel(own)])
            if (written == found.threshold).all():
                theta = _values(np.ravel(np.asarray(own, np.float64)))
        shared |= {key: _values(getattr(found, key)) for key in ("u_decay", "v_decay", "v_reset")}
        start = _start(node, "u_start", n, np.zeros(1))
        if resets["reset"] == "value" and (np.min(theta) <= 0 or np.any(np.ravel(found.v_reset) >= theta)):
            resets |= {"tonic": True}
        return LIF(n, theta, None, u_start=start, **resets, **shared)

    def _theta(self, found: Dynamics, bits: int | None) -> Any:
        """Thresholds as a population here has them, one number or a tuple."""
        fires = self.convention.fires
        return _values(np.array([fires_from(t, bits, fires) for t in found.threshold.tolist()]))

    def _bits(self, node: Node, numbers: list[Reals]) -> int | None:
        """Fractional bits of the coarsest grid for all numbers, or of a file of ours; None for none."""
        own = stated(node, "grid")
        if own is None and stated(node, "theta") is not None:
            return None  # a file of ours, in real numbers
        every = range(grids.MASTER_BITS + 1)
        tried = [int(own)] if own in every else []
        holding = (b for b in (*tried, *every) if all(_on(values, b) for values in numbers))
        return next(holding, None)

    def _stated_bits(self, node: Node, numbers: list[Reals], found: Dynamics) -> int | None:
        """The grid that a file of ours states, where it holds all numbers and no decay is cut off to it."""
        own = stated(node, "grid")
        if own not in range(grids.MASTER_BITS + 1):
            return None
        whole = all(np.isin(decay, (0.0, 1.0)).all() for decay in (found.u_decay, found.v_decay))
        return int(own) if whole and all(_on(values, int(own)) for values in numbers) else None

    def _provable(self, made: IF, into: list[Any], sizes: Any) -> bool:
        """Whether the sums of a population on its grid are proven to stay in the exact range."""
        others = {p.pre for p in into if p.pre != p.post}
        populations: dict[str, Any] = {name: Source(sizes(name)) for name in sorted(others)}
        mine = free_name("self", others)
        own = [replace(p, pre=mine if p.pre == p.post else p.pre, post=mine) for p in into]
        populations[mine] = made if self.window.endless else replace(made, offset=0)
        own = [replace(p, name=f"{k}", delay=max(p.delay, int(p.pre == mine))) for k, p in enumerate(own)]
        try:
            Network(populations, tuple(own), self.window)
        except DeclarationError as problem:
            self.notes.append(f"real numbers instead of a grid of 2**-{made.grid}: {problem}")
            return False
        return True


def _numbers(shared: Any, start: Any, into: Iterable[Any]) -> list[Reals]:
    """All numbers that have to lie on a population's grid, but for its threshold and bias."""
    starts = [shared["v_start"], *start.values()]
    return [*(np.asarray(value) for value in starts), *(np.asarray(p.w) for p in into)]


def _start(node: Node, key: str, n: int, assumed: Reals) -> Any:
    """A start that a file of ours states, one number or a tuple; else the assumed one."""
    value = stated(node, key)
    if value is None or np.size(value) not in (1, n):
        return _values(assumed)
    return _values(np.ravel(np.asarray(value, np.float64)))


def _values(values: Reals) -> float | tuple[float, ...]:
    """One number where all are equal, else a tuple."""
    return float(values[0]) if (values == values[0]).all() else tuple(values.tolist())


def _on(values: Reals, bits: int) -> bool:
    counts = values * 2.0**bits
    return bool((counts == np.rint(counts)).all())
