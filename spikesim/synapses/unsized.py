"""Projections that a network completes: built without the sizes of their populations, or without a seed.

A projection drawn with sizes but without a seed has the synapses of a network with seed 1. It remembers how
it was drawn (`redraw`) until a network takes it, which draws it again if its own seed is another.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeVar

from spikesim import rng
from spikesim.errors import DeclarationError

F = TypeVar("F", bound=Callable[..., Any])
SIZES = ("n_pre", "n_post", "n")
SEED = 1  # of a network that is given none


@dataclass(frozen=True)
class Unsized:
    """A projection that is built when the sizes of its populations are known.

    Attributes:
        pre, post: names of populations.
        make: builds the projection; called with the sizes in `needs` as keyword arguments.
        needs: names of the needed sizes, among n_pre, n_post and n.
        seeded: the name from which its seed is derived; None if it has a seed, or needs none.
    """

    pre: str
    post: str
    make: Callable[..., Any]
    needs: tuple[str, ...]
    seeded: str | None = None

    def sized(self, n_pre: int, n_post: int, seed: int = SEED) -> Any:
        """The projection between populations of these sizes, in a network of this seed.

        Raises:
            DeclarationError: the sizes do not fit it.
        """
        if "n" in self.needs and n_pre != n_post:
            raise DeclarationError(
                f"{self.pre}->{self.post}: one-to-one needs equal sizes; {self.pre} has {n_pre} neurons, "
                f"{self.post} has {n_post}"
            )
        sizes = {"n_pre": n_pre, "n_post": n_post, "n": n_pre}
        more = {} if self.seeded is None else {"seed": rng.derived_seed(seed, "projection", self.seeded)}
        return self.make(**{name: sizes[name] for name in self.needs}, **more)


def completed(projection: Any, seed: int) -> Any:
    """A projection as it is in a network of this seed: drawn anew if it has no seed and was drawn for another
    network; it no longer remembers how.
    """
    redraw = getattr(projection, "redraw", None)
    if redraw is None:
        return projection
    if seed != SEED:
        return redraw(seed)
    kept = copy(projection)
    object.__delattr__(kept, "redraw")
    return kept


def sizes_optional(function: F) -> F:
    """Decorator of functions (pre, post, sizes, ...) -> projection that makes the sizes optional.

    Called without sizes, the function returns an `Unsized`, which the network completes. If it has an
    argument `seed`, it is always called with a whole number: with seed = None the one that is derived from
    the network's seed and the name of the projection, see `rng.derived_seed`.
    """
    full = inspect.signature(function)
    needs = tuple(name for name in SIZES if name in full.parameters)
    short = full.replace(parameters=[p for name, p in full.parameters.items() if name not in needs])

    @wraps(function)
    def build(*args: Any, **options: Any) -> Any:
        try:
            given = full.bind(*args, **options).arguments
        except TypeError:
            if not needs or any(name in options for name in needs):
                raise
            given = short.bind(*args, **options).arguments
            kept, name = _without_seed(full, given)
            return Unsized(given["pre"], given["post"], partial(function, **kept), needs, name)
        kept, name = _without_seed(full, given)
        if name is None:
            return function(**kept)
        made = _drawn(function, kept, name, SEED)
        object.__setattr__(made, "redraw", partial(_drawn, build, kept, name))
        return made

    return build  # type: ignore[return-value]


def _drawn(function: Callable[..., Any], given: dict[str, Any], name: str, seed: int) -> Any:
    """The projection in a network of this seed."""
    return function(**given, seed=rng.derived_seed(seed, "projection", name))


def _without_seed(full: inspect.Signature, given: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The arguments, and the name from which the seed is derived if none is given and one is needed."""
    if "seed" not in full.parameters or given.get("seed") is not None:
        return given, None
    kept = {key: value for key, value in given.items() if key != "seed"}
    return kept, given.get("name") or f"{given['pre']}->{given['post']}"
