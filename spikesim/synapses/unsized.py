"""Projections without sizes: completed from their populations when a network is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeVar

from spikesim.errors import DeclarationError

F = TypeVar("F", bound=Callable[..., Any])
SIZES = ("n_pre", "n_post", "n")


@dataclass(frozen=True)
class Unsized:
    """A projection that is built when the sizes of its populations are known.

    Attributes:
        pre, post: names of populations.
        make: builds the projection; called with the sizes in `needs` as keyword arguments.
        needs: names of the needed sizes, among n_pre, n_post and n.
    """

    pre: str
    post: str
    make: Callable[..., Any]
    needs: tuple[str, ...]

    def sized(self, n_pre: int, n_post: int) -> Any:
        """The projection between populations of these sizes.

        Raises:
            DeclarationError: the sizes do not fit it.
        """
        if "n" in self.needs and n_pre != n_post:
            raise DeclarationError(
                f"{self.pre}->{self.post}: one-to-one needs equal sizes; {self.pre} has {n_pre} neurons, "
                f"{self.post} has {n_post}"
            )
        sizes = {"n_pre": n_pre, "n_post": n_post, "n": n_pre}
        return self.make(**{name: sizes[name] for name in self.needs})


def sizes_optional(function: F) -> F:
    """Decorator of functions (pre, post, sizes, ...) -> projection that makes the sizes optional.

    Called without sizes, the function returns an `Unsized`, which the network completes.
    """
    full = inspect.signature(function)
    needs = tuple(name for name in SIZES if name in full.parameters)
    short = full.replace(parameters=[p for name, p in full.parameters.items() if name not in needs])

    @wraps(function)
    def build(*args: Any, **options: Any) -> Any:
        try:
            full.bind(*args, **options)
        except TypeError:
            if not any(name in options for name in needs):
                given = short.bind(*args, **options).arguments
                return Unsized(given["pre"], given["post"], partial(function, **given), needs)
        return function(*args, **options)

    return build  # type: ignore[return-value]
