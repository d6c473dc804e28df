"""HDF5 from strangers: numbers and text come back; what claims too much or lies elsewhere is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from spikesim.files.hdf5_heap import HeapError, Heaps
from spikesim.files.untrusted_hdf5 import FileRefused, Limits, tree, walk

pytestmark = pytest.mark.core


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


def test_a_tree_is_walked_by_full_names(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["a/b"], file["a/c/d"], file["e"] = 1, 2.0, "text"
    assert dict(walk(tree(path))) == {"/a/b": 1, "/a/c/d": 2.0, "/e": "text"}


def test_depth_and_number_of_objects_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["a/b/c/d"], file["e"] = 1, 2
    tree(path, Limits(depth=3, objects=5))
    with pytest.raises(FileRefused, match="lies more than 2 groups deep"):
        tree(path, Limits(depth=2))
    with pytest.raises(FileRefused, match="brings more than 3 objects"):
        tree(path, Limits(objects=3))


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
