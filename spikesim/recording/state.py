"""`State`: the state of a continuous simulation, the same for all engines, so that any can continue it.

recording = simulate(network, steps=1000)
again = simulate(network, steps=1000, state=recording.state)      # equal to one run of 2000 steps
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim._values import lines, listed, sized
from spikesim.errors import CheckpointError
from spikesim.files import checkpoint

KIND = "state"
RENAMED = {"resting": "refractory_left"}  # variables of neurons in states saved by version 0.1.0
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class State:
    """The complete state of a network between two steps.

    Attributes:
        t: the next step.
        populations: population -> the state variables of its model by name ("v": (n,), ...). With a grid,
            membranes and currents are int64 counts of 2**-grid.
        recent: population -> int8 (d, n), the spikes in transit: those of the last d steps, oldest first,
            where d is the longest delay of its projections.
        weights: projection with an online rule -> float64 (n_synapses,).
        traces: projection with an online rule -> the variables of the rule by name.
        network: signature of the network to which the state belongs, see `Network.signature`.
        parts: what that network was declared with, `Network.parts`; empty in states saved by version 0.1.0.

    Examples:
        >>> import spikesim as ss
        >>> network = ss.Network({"noise": ss.PoissonSource(5, rate=0.2)}, [], seed=1)
        >>> whole = ss.simulate(network, steps=100)
        >>> half = ss.simulate(network, steps=50)
        >>> digest = half.state.save("half.h5")
        >>> ss.simulate(network, steps=50, state=ss.State.load("half.h5")).state == whole.state
        True
    """

    t: int
    populations: dict[str, Arrays]
    recent: Arrays
    weights: Arrays = field(default_factory=dict)
    traces: dict[str, Arrays] = field(default_factory=dict)
    network: str = ""
    parts: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    def __eq__(self, other: object) -> bool:
        """Whether both belong to networks of one signature and are equal in all variables."""
        return same(self, other) if isinstance(other, State) else NotImplemented

    def __repr__(self) -> str:
        """A few lines: the step, and what there is of each population and projection."""
        kept = {name: f"{name} ({', '.join(sized(values))})" for name, values in self.populations.items()}
        rows = {
            "populations": listed(kept.values()),
            "in transit": listed(sized(self.recent)),
            "weights": listed(sized(self.weights)),
            "traces": listed(self.traces),
            "network": self.network[:16],
        }
        return lines(f"State before step {self.t}", rows)

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write the state to a checksummed file, and return the SHA-256 (hex) of its contents.

        Raises:
            CheckpointError: the file cannot be written.
        """
        arrays: Arrays = {}
        names: list[list[str]] = []  # names in a network may contain characters that a file cannot store
        groups = {"recent": {"": self.recent}, "weights": {"": self.weights}}
        for group, nested in {**groups, "populations": self.populations, "traces": self.traces}.items():
            for name, values in nested.items():
                for key, value in values.items():
                    arrays[f"a{len(names)}"] = value
                    names.append([group, name, key])
        empty = {"populations": [k for k, v in self.populations.items() if not v]}
        meta = {"t": self.t, "names": names, "network": self.network, "empty": empty}
        meta |= {"parts": self.parts} if self.parts else {}
        return checkpoint.save(path, KIND, arrays, meta)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> State:
        """Read a state written by `save`.

        Raises:
            CheckpointError: the file is damaged, of another kind or version, or not a state.
        """
        found = checkpoint.load(path, KIND)
        groups: dict[str, Any] = {"populations": {}, "recent": {}, "weights": {}, "traces": {}}
        try:
            groups["populations"] = {name: {} for name in found.meta["empty"]["populations"]}
            for k, (group, name, key) in enumerate(found.meta["names"]):
                nested = (
                    groups[group] if group in ("recent", "weights") else groups[group].setdefault(name, {})
                )
                nested[RENAMED.get(key, key) if group == "populations" else key] = found.arrays[f"a{k}"]
            parts = {
                part: {str(k): str(v) for k, v in values.items()}
                for part, values in found.meta.get("parts", {}).items()
            }
            return cls(t=int(found.meta["t"]), network=str(found.meta["network"]), parts=parts, **groups)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise CheckpointError(f"{path} is undamaged, but not a valid state: {problem!r}") from problem


def same(a: State, b: State) -> bool:
    """Whether two states are equal in all variables."""
    return (
        a.t == b.t
        and a.network == b.network
        and _flat(a).keys() == _flat(b).keys()
        and all(np.array_equal(value, _flat(b)[key]) for key, value in _flat(a).items())
    )


def _flat(state: State) -> dict[tuple[str, ...], npt.NDArray[Any]]:
    flat: dict[tuple[str, ...], npt.NDArray[Any]] = {}
    for group in ("recent", "weights"):
        flat |= {(group, name): value for name, value in getattr(state, group).items()}
    for group in ("populations", "traces"):
        for name, values in getattr(state, group).items():
            flat |= {(group, name, key): value for key, value in values.items()}
    return flat
