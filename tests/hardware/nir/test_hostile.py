"""Damaged and hostile files: refused with a reason, in bounded memory, and never read elsewhere."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from spikesim.files.hdf5_heap import HeapError, Heaps
from spikesim.files.untrusted_hdf5 import FileRefused, Limits, tree
from spikesim.hardware.nir.nodes import NirError
from spikesim.hardware.nir.read import read
from spikesim.tools.dev.hostile import FAILED, attack, table
from spikesim.tools.dev.hostile_files import HOSTILE, MARK, names, spoil, write_secret
from spikesim.tools.dev.hostile_readers import READERS

# Of each kind, what is wrong in the reader's words.
SAID = {
    "soft link": "is a SoftLink",
    "external link": "is a ExternalLink",
    "external storage": "external storage",
    "virtual dataset": "virtual dataset",
    "linked twice": "linked twice",
    "giant shape": "claims|part of it is not in the file",
    "numbers that are not there": "claims",
    "compression bomb": "claims",
    "chunk that unfolds beyond itself": "does not unfold to its",
    "giant chunk": "has chunks of",
    "NaN": "holds nan",
    "infinity": "holds inf",
    "reference": "plain numbers or text",
    "attributes": "attributes",
    "deep groups": "groups deep",
    "many groups": "more than 10,000 objects",
    "long text": "limit is|is not text",
    "giant list of text": "entries are read",
}


@pytest.mark.parametrize("kind", SAID)
def test_what_is_hostile_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    path, secret = tmp_path / "x.nir", tmp_path / "secret"
    READERS["nir-foreign"].write(path)
    write_secret(secret)
    spoil(path, kind, np.random.default_rng(3), secret)
    with pytest.raises(FileRefused, match=SAID[kind]) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_sixty_files_in_a_process_of_their_own() -> None:
    tally = attack("nir", 2 * len(names()), seed=1)
    assert sum(tally.counts.values()) == 2 * len(names()) >= 60
    assert tally.faults == []
    assert tally.counts["refused"] > len(names())
    assert tally.grown < 256 << 20
    made = table({"nir": tally}, 2 * len(names()), 1)
    assert all(row[made.columns.index(what)] == 0 for row in made.rows for what in FAILED)


def test_the_attack_sees_what_a_careless_reader_does(tmp_path: Path) -> None:
    """h5py alone follows what ours refuses: the hostile files are hostile."""
    secret = tmp_path / "secret"
    write_secret(secret)
    seen = set()
    for kind in ("external link", "external storage", "virtual dataset"):
        path = tmp_path / kind
        READERS["nir-foreign"].write(path)
        spoil(path, kind, np.random.default_rng(4), secret)
        found: list[float] = []
        with h5py.File(path) as file:
            _all(file, found)
        seen |= {kind} if MARK in found else set()
    assert "virtual dataset" in seen and len(seen) >= 2
    assert set(SAID) <= set(HOSTILE)


def _all(group: h5py.Group, found: list[float]) -> None:
    for name in group:
        item = group[name]
        if isinstance(item, h5py.Group):
            _all(item, found)
        elif item.dtype.kind == "f":
            found.extend(np.asarray(item[()]).reshape(-1).tolist())


def test_a_sound_file_of_any_storage_is_read(tmp_path: Path) -> None:
    path, rng = tmp_path / "x.h5", np.random.default_rng(5)
    x = rng.random((30, 41)).astype(np.float32)
    with h5py.File(path, "w", libver="latest", userblock_size=512) as file:
        file.create_dataset("folded", data=x, chunks=(7, 11), compression="gzip", shuffle=True)
        file.create_dataset("chunked", data=x, chunks=(30, 5))
        file.create_dataset("big", data=x.astype(">f8"))
        file["scalar"], file["empty"] = 3, np.zeros((0, 4))
        file.create_dataset("pairs", data=[("a", "bb"), ("ccc", "ü")], dtype=h5py.string_dtype())
        file["fixed"], file["text"] = np.array([b"ab", b"c"]), "some text"
    found = tree(path)
    for name in ("folded", "chunked", "big"):
        np.testing.assert_array_equal(found[name], x)
    assert found["scalar"] == 3 and found["scalar"].shape == () and found["empty"].shape == (0, 4)
    assert (found["pairs"], found["fixed"], found["text"]) == (
        [["a", "bb"], ["ccc", "ü"]],
        ["ab", "c"],
        "some text",
    )


def test_limits_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.nir"
    READERS["nir"].write(path)
    with pytest.raises(FileRefused, match=r"has [\d,]+ bytes; the limit is 1,000"):
        tree(path, Limits(bytes=1000))
    with pytest.raises(FileRefused, match="there is no such file"):
        tree(tmp_path / "none")
    (tmp_path / "text").write_text("not HDF5")
    with pytest.raises(FileRefused, match="cannot be read as HDF5"):
        tree(tmp_path / "text")
    with h5py.File(tmp_path / "other", "w") as file:
        file["x"] = 1
    with pytest.raises(NirError, match="unknown entry of a NIR file 'x'"):
        read(tmp_path / "other")


def test_numbers_in_crumbs_are_refused_before_they_are_gathered(tmp_path: Path) -> None:
    """Each chunk is looked for anew, so that a file of many takes the square of their number."""
    path = tmp_path / "x.nir"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros(5000, "f4"), chunks=(1,))
    with pytest.raises(FileRefused, match=r"is in 5,000 chunks; 4,096 a file are read"):
        tree(path)


def test_a_heap_that_goes_round_in_a_circle_ends(tmp_path: Path) -> None:
    """An object of size 0, a number that comes again: from there the library's reader does not come back."""
    entry = struct.pack("<IQI", 3, 16, 1)
    heap = struct.pack("<4sB3xQ", b"GCOL", 1, 80) + struct.pack("<HH4xQ", 1, 1, 3) + b"abc\0\0\0\0\0"
    sound = entry + heap + bytes(40)
    path = tmp_path / "heap"
    path.write_bytes(sound)
    with open(path, "rb") as handle:
        assert Heaps(handle, len(sound), 0).texts(0, 1, 10) == [b"abc"]
        with pytest.raises(HeapError, match="limit is 2"):
            Heaps(handle, len(sound), 0).texts(0, 1, 2)
        with pytest.raises(HeapError, match="of a file of"):
            Heaps(handle, len(sound), 0).texts(80, 4, 10)
    circle = entry + heap + struct.pack("<HH4xQ", 1, 1, 0) + bytes(24)
    path.write_bytes(circle)
    with open(path, "rb") as handle, pytest.raises(HeapError, match="twice"):
        Heaps(handle, len(circle), 0).texts(0, 1, 10)
