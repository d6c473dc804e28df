"""NIR graphs played in NumPy, from the definition of their nodes; shares no code with our reader.

A graph is in continuous time and says nothing of a step. It is played here by these rules:

- A step lasts dt. What a node sends in a step is a current that flows during this step; a spike is a current
  of 1. Currents that meet at a node are added.
- Affine, Linear, Scale, convolutions, poolings and Flatten act within the step. Delay: y[t] = x[t - k] with
  k = floor(delay / dt + 1/2), element by element, and 0 where t < k, biases included.
- Forward Euler from a state of 0 (membranes and currents):

      I        v += dt R x
      LI       v += dt/tau (v_leak - v + R x)
      CubaLI   i += dt/tau_syn (w_in x - i), and then v += dt/tau_mem (v_leak - v + R i)

  with x the current of the same step; these send v. IF, LIF and CubaLIF are I, LI and CubaLI that send a
  spike when v > v_threshold, and then are set to v_reset. Threshold sends a spike when x > threshold.
- Within a step signals pass through the graph in topological order. In a cycle the spikes of the previous
  step arrive where the cycle closes: at an edge that leads back, when the graph is searched in depth from the
  Inputs. A path with a Delay of a step or more closes nothing. Constants (biases) of a closing path act from
  the first step on.
- A nested graph is as if its nodes stood in the graph around it.

Sources: Pedersen et al., Neuromorphic intermediate representation, Nature Communications 15, 8122 (2024),
table 1; documentation of the package nir. The step, the start and the closing edge are what our reader's
documentation says it takes where NIR is silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesim.tools.dev.nir_linear import convolution, flat, matmul, pooling
from spikesim.tools.dev.nir_structure import CELLS, PORTS, SPIKING, NotPlayable, flattened, kind


@dataclass(frozen=True)
class Played:
    """What a graph has sent.

    Attributes:
        outputs: Output -> (T, *shape), what arrived.
        spikes: spiking node -> (T, *shape), 0 or 1.
        membranes: node with a membrane -> (T, *shape), after the reset.
        nearest: smallest distance of a membrane from its threshold, relative to the largest of the two and of
            what came in; where all are 0 there is nothing to round.
    """

    outputs: dict[str, Any]
    spikes: dict[str, Any]
    membranes: dict[str, Any]
    nearest: float

    @property
    def total(self) -> int:
        """Spikes of all nodes."""
        return int(sum(s.sum() for s in self.spikes.values()))


class Interpreter:
    """Plays a graph once.

    Args:
        graph: a `nir.NIRGraph`.
        dt: length of a step, in the graph's unit of time.
        inputs: Input -> (T, *shape), the current of each step.
        number: type of all arithmetic; np.longdouble shows what float64 rounds.

    Attributes:
        closing: pairs of neurons (source, target) whose undelayed spikes arrive a step later.

    Raises:
        NotPlayable: see there.
    """

    def __init__(self, graph: Any, dt: float, inputs: Mapping[str, Any], number: Any = np.float64) -> None:
        self.nodes, edges = flattened(graph)
        self.dt, self.number = dt, number
        self.inputs = {name: np.asarray(x, number) for name, x in inputs.items()}
        self.into: dict[str, list[str]] = {name: [] for name in self.nodes}
        self.out: dict[str, list[str]] = {name: [] for name in self.nodes}
        for a, b in edges:
            self.into[b].append(a)
            self.out[a].append(b)
        self.cells = [name for name, node in self.nodes.items() if kind(node) in CELLS]
        self.shapes = self._found_shapes()
        self.closing = self._closing()
        self.known: dict[tuple[str, int, str, bool], Any] = {}
        self.open: set[tuple[str, int, str, bool]] = set()
        self.state = {name: (self._zeros(name), self._zeros(name)) for name in self.cells}  # i, v
        self.sent: dict[str, list[Any]] = {name: [] for name in self.cells}
        self.kept: dict[str, list[Any]] = {name: [] for name in self.cells}
        self.nearest = np.inf

    def play(self) -> Played:
        """All steps."""
        ends = [name for name, node in self.nodes.items() if kind(node) == "Output"]
        steps = range(len(next(iter(self.inputs.values()))))
        outputs = {name: np.array([self._value(name, t, "", False) for t in steps]) for name in ends}
        for name in self.cells:
            self._cell(name, steps[-1])
        spiking = [name for name in self.cells if kind(self.nodes[name]) in SPIKING]
        moving = [name for name in self.cells if kind(self.nodes[name]) != "Threshold"]
        return Played(
            outputs,
            {name: np.array(self.sent[name]) for name in spiking},
            {name: np.array(self.kept[name]) for name in moving},
            float(self.nearest),
        )

    def _numbers(self, value: Any) -> Any:
        return np.asarray(value, self.number)

    def _zeros(self, name: str) -> Any:
        return np.zeros(self.shapes[name], self.number)

    def _found_shapes(self) -> dict[str, tuple[int, ...]]:
        """Node -> shape of what it sends, from the Inputs on."""
        shapes = {name: x.shape[1:] for name, x in self.inputs.items()}
        missing = [name for name in self.nodes if name not in shapes]
        while missing:
            ready = [name for name in missing if any(a in shapes for a in self.into[name])]
            if not ready:
                raise NotPlayable(f"nothing reaches {missing}")
            for name in ready:
                given = [shapes[a] for a in self.into[name] if a in shapes]
                shapes[name] = self._sent_shape(name, np.broadcast_shapes(*given))
            missing = [name for name in missing if name not in shapes]
        return shapes

    def _sent_shape(self, name: str, given: tuple[int, ...]) -> tuple[int, ...]:
        node = self.nodes[name]
        if kind(node) in CELLS:
            return np.broadcast_shapes(given, *(np.shape(p) for p in _parameters(node)))
        return np.shape(self._applied(node, np.zeros(given)))

    def _late_by(self, name: str) -> Any:
        """Steps of a Delay, element by element."""
        steps = np.floor(np.asarray(self.nodes[name].delay, np.float64) / self.dt + 0.5).astype(int)
        return np.broadcast_to(steps, self.shapes[name])

    def _reached(self, name: str, undelayed: bool) -> list[str]:
        """Neurons that a node sends to through linear nodes, in the order of a search in depth."""
        found: list[str] = []
        seen: set[str] = set()

        def follow(a: str) -> None:
            for b in self.out[a]:
                if b in self.cells:
                    found.append(b)
                elif b not in seen:
                    seen.add(b)
                    waits = undelayed and kind(self.nodes[b]) == "Delay" and self._late_by(b).min() > 0
                    if not waits:
                        follow(b)

        follow(name)
        return list(dict.fromkeys(found))

    def _closing(self) -> set[tuple[str, str]]:
        """Pairs of neurons at which a search in depth along undelayed paths comes back to where it is."""
        closing: set[tuple[str, str]] = set()
        seen: set[str] = set()

        def visit(name: str, within: tuple[str, ...]) -> None:
            seen.add(name)
            for b in self._reached(name, undelayed=True):
                if b in (*within, name):
                    closing.add((name, b))
                elif b not in seen:
                    visit(b, (*within, name))

        starts = list(self.inputs)
        for name in starts:  # grows: those that only delayed spikes reach are searched after the others
            starts += [b for b in self._reached(name, undelayed=False) if b not in starts]
        for name in starts:
            if name not in seen:
                visit(name, ())
        return closing

    def _value(self, name: str, t: int, to: str, waited: bool) -> Any:
        """What a node sends in step t.

        Args:
            to: the neuron for which this is computed; "" for an Output.
            waited: the signal is delayed on its way there.
        """
        if t < 0:
            return self._zeros(name)
        if name in self.inputs:
            return self.inputs[name][t]
        if name in self.cells:
            late = (name, to) in self.closing and not waited
            return self._cell(name, t - 1 if late else t)
        key = (name, t, to, waited)
        if key in self.open:
            raise NotPlayable(f"a cycle without a neuron goes through {name!r}")
        if key not in self.known:
            self.open.add(key)
            self.known[key] = self._linear(name, t, to, waited)
            self.open.discard(key)
        return self.known[key]

    def _sum(self, name: str, t: int, to: str, waited: bool) -> Any:
        return sum(self._value(a, t, to, waited) for a in self.into[name])

    def _linear(self, name: str, t: int, to: str, waited: bool) -> Any:
        if kind(self.nodes[name]) != "Delay":
            return self._applied(self.nodes[name], self._sum(name, t, to, waited))
        late, y = self._late_by(name), self._zeros(name)
        for k in np.unique(late):
            x = self._sum(name, t - int(k), to, waited or k > 0) if t >= k else 0.0
            y = np.where(late == k, x, y)
        return y

    def _applied(self, node: Any, x: Any) -> Any:
        """A linear node's output within the step."""
        what, n = kind(node), self._numbers
        if what in ("Affine", "Linear"):
            return matmul(x, n(node.weight), n(node.bias) if what == "Affine" else n(0))
        if what == "Scale":
            return x * n(node.scale)
        if what in ("Conv1d", "Conv2d"):
            how = (node.stride, node.padding, node.dilation, node.groups)
            return convolution(x, n(node.weight), n(node.bias), *how)
        if what in ("SumPool2d", "AvgPool2d"):
            return pooling(x, node.kernel_size, node.stride, node.padding, what == "AvgPool2d")
        if what == "Flatten":
            return flat(x, node.start_dim, node.end_dim)
        if what in (*PORTS, "Delay"):
            return x
        raise NotPlayable(f"a node of the kind {what}")

    def _cell(self, name: str, t: int) -> Any:
        """What a neuron sends in step t."""
        done = self.sent[name]
        if t < 0:
            return self._zeros(name)
        while len(done) <= t:
            now = len(done)
            key = (name, now, name, False)
            if key in self.open:
                raise NotPlayable(f"a cycle through {name!r} is not closed by any edge")
            self.open.add(key)
            self._step(name, np.broadcast_to(self._sum(name, now, name, False), self.shapes[name]))
            self.open.discard(key)
        return done[t]

    def _step(self, name: str, x: Any) -> None:
        node, what, n = self.nodes[name], kind(self.nodes[name]), self._numbers
        if what == "Threshold":
            self.sent[name].append(self._fires(x, n(node.threshold), x))
            return
        dt = n(self.dt)
        i, v = self.state[name]
        if what in ("I", "IF"):
            v = v + dt * n(node.r) * x
        else:
            tau = n(node.tau_mem if what in ("CubaLI", "CubaLIF") else node.tau)
            if what in ("CubaLI", "CubaLIF"):
                x = i = i + dt / n(node.tau_syn) * (n(node.w_in) * x - i)
            v = v + dt / tau * (n(node.v_leak) - v + n(node.r) * x)
        sends = v
        if what in SPIKING:
            sends = self._fires(v, n(node.v_threshold), n(node.r) * x)
            v = np.where(sends > 0, n(node.v_reset), v)
        self.state[name] = i, v
        self.sent[name].append(sends)
        self.kept[name].append(v)

    def _fires(self, v: Any, threshold: Any, drive: Any) -> Any:
        size = np.maximum(np.maximum(np.abs(v), np.abs(threshold)), np.abs(drive))
        away = np.where(size == 0, np.inf, np.abs(v - threshold) / np.where(size == 0, 1, size))
        self.nearest = min(self.nearest, float(away.min()))
        return (v > threshold).astype(self.number)


def _parameters(node: Any) -> list[Any]:
    """The numbers of a node with a state or a threshold."""
    known = ("tau", "tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in", "threshold")
    return [vars(node)[name] for name in known if name in vars(node)]
