"""The signature of a network: what decides the meaning of a state, by value.

Two networks have one signature exactly if a state of the one means the same in the other: equal populations,
projections with their synapses, delays and fixed weights, drives and window. Weights that an online rule
changes are part of the state and not of the signature, and neither is the order of declaration. Numbers and
arrays count by their values, whatever their type: no `repr` is involved, which NumPy shortens.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.files.atomic import sha256_bytes
from spikesim.files.field_versions import shown
from spikesim.files.plain_values import canonical, plain
from spikesim.learning import is_trial_rule
from spikesim.network.declaration import Declaration

Parts = dict[str, dict[str, str]]
LONGEST = 60  # characters of a value that is kept as it is; longer ones are hashed
CHUNK = 1 << 20
DIGEST, TYPE = "sha256:", "type"


def parts_of(network: Declaration) -> Parts:
    """What decides the meaning of a state: part of the network -> field -> value as JSON, or its digest."""
    found = {f"population {name!r}": _fields(p) for name, p in network.populations.items()}
    for p in network.projections:
        learned = p.plastic is not None and not is_trial_rule(p.plastic)
        found[f"projection {p.name!r}"] = _fields(p, without=("w",) if learned else ())
    found |= {f"drive {d.name!r}": _fields(d) for d in network.drives}
    return found | {"window": _fields(network.window)}


def digest_of(parts: Parts) -> str:
    """SHA-256 (hex) of the parts, in whatever order they are."""
    return sha256_bytes(json.dumps(parts, sort_keys=True).encode("ascii"))


def differences(old: Parts, new: Parts) -> Iterator[str]:
    """What differs between the parts of two networks, in words."""
    for part in sorted(old.keys() | new.keys()):
        if part not in new or part not in old:
            yield f"{part} is missing in {'this network' if part in old else 'the network of the state'}"
            continue
        was, now = old[part], new[part]
        if was.get(TYPE) != now.get(TYPE):
            yield f"{part} was a {was.get(TYPE)} and is a {now.get(TYPE)}"
            continue
        for name in sorted(was.keys() | now.keys()):
            left, right = was.get(name, "not declared"), now.get(name, "not declared")
            if left != right:
                hashed = DIGEST in left or DIGEST in right
                change = (
                    f"other values of {name}"
                    if hashed
                    else f"{name} was {_shown(left)} and is {_shown(right)}"
                )
                yield f"{part}: {change}"


def _shown(text: str) -> str:
    return {"null": "None", "true": "True", "false": "False"}.get(text, text)


def signature_of_0_1_0(network: Declaration) -> str:
    """SHA-256 (hex) in states saved by version 0.1.0: of a `repr`, without weights and synapses."""
    populations = [(name, shown(p)) for name, p in network.populations.items()]
    projections, drives = (
        "".join(["(", ", ".join(map(shown, parts)), ",)" if len(parts) == 1 else ")"])  # the repr of a tuple
        for parts in (network.projections, network.drives)
    )
    return sha256_bytes(f"({populations!r}, {projections}, {drives})".encode())


def _fields(part: Any, without: tuple[str, ...] = ()) -> dict[str, str]:
    """The fields of a part of a network as text, and its type; those of a rule as plastic.NAME."""
    found = {TYPE: type(part).__name__}
    for name, value in (canonical(part) if is_dataclass(part) else {"value": part}).items():
        if name in without:
            continue
        if is_dataclass(value) and not isinstance(value, type):
            inner = _fields(value)
            found[name] = inner.pop(TYPE)
            found |= {f"{name}.{key}": text for key, text in inner.items()}
        else:
            found[name] = _text(value)
    return found


def _text(value: Any) -> str:
    """A value as JSON, or its digest if that is long: the same for an array and a tuple."""
    many = isinstance(value, tuple | np.ndarray)
    text = "" if many and np.size(value) > LONGEST else json.dumps(_jsonable(value), sort_keys=True)
    if text and len(text) <= LONGEST:
        return text
    if many and (array := np.asarray(value)).dtype.kind in "buif":
        return array_digest(array)
    text = text or json.dumps(_jsonable(value), sort_keys=True)
    return DIGEST + sha256_bytes(text.encode("ascii"))


def _jsonable(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, dict):
        return {str(key): _jsonable(entry) for key, entry in value.items()}
    if isinstance(value, tuple):
        return [_jsonable(entry) for entry in value]
    if isinstance(value, float):
        return value + 0.0  # -0.0 becomes 0.0, which it equals
    if value is None or isinstance(value, str | bool | int):
        return value
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        return repr(value)


def array_digest(array: npt.NDArray[Any]) -> str:
    """SHA-256 of the shape and the values of an array, equal for equal values of any dtype.

    The values are hashed in the narrowest of int32 and int64, or float32 and float64, that holds them all
    exactly; an array of this type is not copied as a whole.
    """
    flat = np.ascontiguousarray(array).reshape(-1)
    kind = _narrowest(flat)
    state = hashlib.sha256(json.dumps([kind, list(array.shape)]).encode("ascii"))
    for first in range(0, flat.size, CHUNK):
        chunk = flat[first : first + CHUNK].astype(kind, copy=False)
        state.update((chunk + chunk.dtype.type(0)).data)  # -0.0 becomes 0.0, which it equals
    return DIGEST + state.hexdigest()


def _narrowest(flat: npt.NDArray[Any]) -> str:
    if flat.dtype.kind in "bui":
        fits = flat.dtype.itemsize < 4 or not flat.size
        return "<i4" if fits or (flat.min() >= -(2**31) and flat.max() < 2**31) else "<i8"
    if flat.dtype.kind != "f":
        raise TypeError(f"an array of {flat.dtype}; numbers are needed")
    for first in range(0, flat.size if flat.dtype.itemsize > 4 else 0, CHUNK):
        chunk = flat[first : first + CHUNK]
        if not np.array_equal(chunk.astype(np.float32), chunk, equal_nan=True):
            return "<f8"
    return "<f4"
