"""Seeds of the parts of a network that were given none, derived from the network's seed and their names."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal

from spikesim import rng


def with_seed(part: Any, seed: int, kind: Literal["population", "drive"], name: str = "") -> Any:
    """A population or drive with a seed.

    What draws random numbers is a dataclass with a field `seed`, None for a derived one; any other part, and
    one that has a seed, is returned unchanged.

    Args:
        part: the population or drive.
        seed: the seed of the network.
        kind: which of them it is.
        name: its name in the network; a drive has its own.
    """
    draws = is_dataclass(part) and not isinstance(part, type) and "seed" in {f.name for f in fields(part)}
    if not draws or part.seed is not None:
        return part
    return replace(part, seed=rng.derived_seed(seed, kind, name or part.name))
