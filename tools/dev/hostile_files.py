"""Damaged and hostile HDF5 files, made from a sound one: each a function of its seed.

`spoil(path, kind, rng, secret)` changes a copy in place. Damage (flipped bits, cut ends, moved blocks) knows
nothing of HDF5; hostility (links, foreign storage, bombs, wrong types) is built with the library itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

MARK = 918_273.5  # what the secret file is full of: where a reader gives it back, it has read foreign bytes
Rng = np.random.Generator
Spoiler = Callable[[h5py.File, Rng, Path], None]


def write_secret(path: Path) -> None:
    """A file beside the hostile ones, which no reader may open: HDF5 with raw numbers in a known place."""
    with h5py.File(path, "w", userblock_size=1 << 20) as file:
        file["data"] = np.full(1 << 12, MARK)
        file.create_group("group")["weight"] = np.full((8, 8), MARK, np.float32)
    with open(path, "r+b") as handle:
        handle.write(np.full(1 << 17, MARK).tobytes())  # in the user block: what external storage would read


def names() -> tuple[str, ...]:
    """All kinds of damage and hostility."""
    return (*DAMAGE, *HOSTILE)


def spoil(path: Path, kind: str, rng: Rng, secret: Path) -> None:
    """Change a sound file into a hostile one, in place."""
    if kind in DAMAGE:
        path.write_bytes(DAMAGE[kind](bytearray(path.read_bytes()), rng))
        return
    with h5py.File(path, "r+") as file:
        HOSTILE[kind](file, rng, secret)


def _flip(data: bytearray, rng: Rng, count: int) -> bytes:
    for place in rng.integers(0, len(data), count):
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _flip_structure(data: bytearray, rng: Rng) -> bytes:
    """Bits near the signatures of HDF5's own structures, where sizes and addresses stand."""
    marks = [b"TREE", b"HEAP", b"SNOD", b"OHDR", b"GCOL", b"\x89HDF", b"FRHP", b"BTHD"]
    found = [k for mark in marks for k in _places(bytes(data), mark)]
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.choice(found)) + int(rng.integers(0, 64))
        if place < len(data):
            data[place] = int(rng.integers(256))
    return bytes(data)


def _places(data: bytes, mark: bytes) -> list[int]:
    found, k = [], data.find(mark)
    while k >= 0:
        found.append(k)
        k = data.find(mark, k + 1)
    return found


def _run(data: bytearray, rng: Rng, value: int | None) -> bytes:
    size = int(rng.integers(1, min(512, len(data))))
    place = int(rng.integers(0, len(data) - size))
    data[place : place + size] = rng.bytes(size) if value is None else bytes([value]) * size
    return bytes(data)


def _moved(data: bytearray, rng: Rng) -> bytes:
    size = int(rng.integers(8, 1024))
    a, b = (int(k) for k in rng.integers(0, max(len(data) - size, 1), 2))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]
    return bytes(data)


DAMAGE: dict[str, Callable[[bytearray, Rng], bytes]] = {
    "a bit flipped": lambda data, rng: _flip(data, rng, 1),
    "16 bits flipped": lambda data, rng: _flip(data, rng, 16),
    "1 % of bytes flipped": lambda data, rng: _flip(data, rng, max(1, len(data) // 100)),
    "bytes of the structure": _flip_structure,
    "cut off": lambda data, rng: bytes(data[: int(rng.integers(0, len(data)))]),
    "garbage at the end": lambda data, rng: bytes(data) + rng.bytes(int(rng.integers(1, 4096))),
    "bytes zeroed": lambda data, rng: _run(data, rng, 0),
    "bytes set": lambda data, rng: _run(data, rng, 255),
    "bytes drawn": lambda data, rng: _run(data, rng, None),
    "blocks exchanged": _moved,
}


def _objects(file: h5py.File, kind: type[Any]) -> list[Any]:
    found: list[Any] = []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, kind) else None)
    return found


def _picked(file: h5py.File, rng: Rng) -> tuple[h5py.Group, str]:
    """A numeric dataset's group and name, with the dataset gone."""
    sets = [d for d in _objects(file, h5py.Dataset) if d.dtype.kind in "fiu" and d.size]
    chosen = sets[int(rng.integers(len(sets)))]
    parent, name = chosen.parent, chosen.name.rsplit("/", 1)[1]
    del parent[name]
    return parent, name


def _shape_of(rng: Rng) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.choice([2**20, 2**31, 2**40], int(rng.integers(1, 3))))


def _soft(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    group[name] = h5py.SoftLink(str(rng.choice(["/", "/node", "/nowhere", f"{group.name}/{name}"])))


def _external_link(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    group[name] = h5py.ExternalLink(str(secret), str(rng.choice(["data", "group/weight", "/"])))


def _external_storage(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    group.create_dataset(name, (int(rng.integers(1, 65)), 8), "f4", external=[(str(secret), 0, 1 << 14)])


def _virtual(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    layout = h5py.VirtualLayout((1 << 12,), "f8")
    layout[:] = h5py.VirtualSource(str(secret), "data", (1 << 12,))
    group.create_virtual_dataset(name, layout)


def _circle(file: h5py.File, rng: Rng, secret: Path) -> None:
    groups = [file, *_objects(file, h5py.Group)]
    group = groups[int(rng.integers(len(groups)))]
    group["again"] = groups[int(rng.integers(len(groups)))]


def _twice(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    sets = _objects(file, h5py.Dataset)
    group[name] = sets[int(rng.integers(len(sets)))]


def _shape_bomb(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    shape = _shape_of(rng)
    chunks = tuple(min(n, 1 << 10) for n in shape)
    group.create_dataset(name, shape, str(rng.choice(["f4", "f8", "i8"])), chunks=chunks, fillvalue=1)


def _late_bomb(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    group.create_dataset(name, (int(rng.choice([2**28, 2**33])),), "f4")


def _fold_bomb(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    made = group.create_dataset(name, (1 << 10, 1 << 16), "f4", chunks=(1 << 7, 1 << 16), compression="gzip")
    import zlib

    folded = zlib.compress(bytes(1 << 25), 1)
    for k in range(0, 1 << 10, 1 << 7):
        made.id.write_direct_chunk((k, 0), folded)


def _overlong_chunk(file: h5py.File, rng: Rng, secret: Path) -> None:
    """A chunk that unfolds to far more than its size."""
    import zlib

    group, name = _picked(file, rng)
    made = group.create_dataset(name, (64,), "f4", chunks=(64,), compression="gzip")
    made.id.write_direct_chunk((0,), zlib.compress(bytes(1 << 28), 1))


def _giant_chunk(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    group.create_dataset(name, (8,), "f4", chunks=(1 << 28,), maxshape=(None,))


def _numbers(value: float) -> Spoiler:
    def change(file: h5py.File, rng: Rng, secret: Path) -> None:
        sets = [d for d in _objects(file, h5py.Dataset) if d.dtype.kind == "f" and d.size]
        sets = sets or [d for d in _objects(file, h5py.Dataset) if d.dtype.kind in "iu" and d.size]
        chosen = sets[int(rng.integers(len(sets)))]
        values = chosen[()]
        new = value if chosen.dtype.kind == "f" else np.iinfo(chosen.dtype).max
        if chosen.shape == ():
            chosen[()] = new
        else:
            values.reshape(-1)[int(rng.integers(values.size))] = new
            chosen[...] = values

    return change


def _other_type(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    kinds: list[Any] = [
        np.zeros(3, [("a", "f4"), ("b", "i4")]),
        np.array(["x"] * 5, "S4"),
        np.zeros(4, bool),
        np.zeros(4, "c16"),
        np.array([b"abc"], h5py.string_dtype()),
    ]
    chosen = int(rng.integers(len(kinds) + 1))
    if chosen < len(kinds):
        group[name] = kinds[chosen]
    else:  # numbers of no shape at all
        h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create(h5py.h5s.NULL))


def _reference(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    group.create_dataset(name, (1,), h5py.ref_dtype)[0] = file.ref


def _attributes(file: h5py.File, rng: Rng, secret: Path) -> None:
    objects = [file, *_objects(file, (h5py.Group, h5py.Dataset))]  # type: ignore[arg-type]
    objects[int(rng.integers(len(objects)))].attrs["note"] = np.zeros(int(rng.integers(1, 4000)))


def _deep(file: h5py.File, rng: Rng, secret: Path) -> None:
    group: h5py.Group = file
    for _ in range(int(rng.integers(20, 2000))):
        group = group.create_group("g")


def _wide(file: h5py.File, rng: Rng, secret: Path) -> None:
    groups = [file, *_objects(file, h5py.Group)]
    group = groups[int(rng.integers(len(groups)))]
    for k in range(10_100):
        h5py.h5g.create(group.id, f"g{k}".encode())


def _long_text(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    group.create_dataset(name, data="x" * int(rng.integers(1 << 10, 1 << 16)), dtype=h5py.string_dtype())


def _text_bomb(file: h5py.File, rng: Rng, secret: Path) -> None:
    group, name = _picked(file, rng)
    group.create_dataset(name, (2**31, 2), h5py.string_dtype(), chunks=(1 << 10, 2))


def _other_text(file: h5py.File, rng: Rng, secret: Path) -> None:
    texts = [d for d in _objects(file, h5py.Dataset) if h5py.check_string_dtype(d.dtype) and d.shape == ()]
    if texts:
        texts[int(rng.integers(len(texts)))][()] = str(
            rng.choice(["", "IFF", "LI", "../../x", "NIRGraph", "\x00"])
        )


def _gone(file: h5py.File, rng: Rng, secret: Path) -> None:
    _picked(file, rng)


def _odd_numbers(file: h5py.File, rng: Rng, secret: Path) -> None:
    """Whole numbers that stand for shapes, strides and groups: zero, negative, giant."""
    sets = [d for d in _objects(file, h5py.Dataset) if d.dtype.kind in "iu" and d.size]
    if sets:
        chosen = sets[int(rng.integers(len(sets)))]
        most = np.iinfo(chosen.dtype).max
        chosen[...] = chosen.dtype.type(int(rng.choice([0, 1, 3, most // 2, most])))


HOSTILE: dict[str, Spoiler] = {
    "soft link": _soft,
    "external link": _external_link,
    "external storage": _external_storage,
    "virtual dataset": _virtual,
    "group in itself": _circle,
    "linked twice": _twice,
    "giant shape": _shape_bomb,
    "numbers that are not there": _late_bomb,
    "compression bomb": _fold_bomb,
    "chunk that unfolds beyond itself": _overlong_chunk,
    "giant chunk": _giant_chunk,
    "NaN": _numbers(float("nan")),
    "infinity": _numbers(float("inf")),
    "another type": _other_type,
    "reference": _reference,
    "attributes": _attributes,
    "deep groups": _deep,
    "many groups": _wide,
    "long text": _long_text,
    "giant list of text": _text_bomb,
    "other text": _other_text,
    "missing numbers": _gone,
    "odd whole numbers": _odd_numbers,
}
