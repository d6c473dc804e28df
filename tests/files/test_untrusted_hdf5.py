"""HDF5 from strangers: numbers and text come back; what claims too much or lies elsewhere is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from spikesim.files.hdf5_heap import HeapError, Heaps
from spikesim.files.hdf5_rules import hard_linked, storage_plan
from spikesim.files.untrusted_hdf5 import Accepts, CheckedFile, FileRefused, Limits, tree, walk

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
    with pytest.raises(FileRefused, match="nested more than 2 groups deep"):
        tree(path, Limits(depth=2))
    with pytest.raises(FileRefused, match="has more than 3 objects"):
        tree(path, Limits(objects=3))


def test_numbers_in_crumbs_are_refused_before_they_are_gathered(tmp_path: Path) -> None:
    """Each chunk is looked for anew, so that a file of many takes the square of their number."""
    path = tmp_path / "x.nir"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.zeros(5000, "f4"), chunks=(1,))
    with pytest.raises(FileRefused, match=r"is in 5,000 chunks; the limit is 4,096 a file"):
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


def test_all_objects_are_checked_before_any_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros(10)
        file["z"] = np.zeros(3, complex)

    def read(*_: object) -> None:
        raise AssertionError("read before the check was complete")

    monkeypatch.setattr(CheckedFile, "_read_numbers", read)
    with pytest.raises(FileRefused, match="'/z' has dtype complex128"):
        tree(path)


def test_a_format_allows_only_what_it_states(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["x"], file.attrs["kind"] = np.array([1.0, np.nan]), "a"
    size = path.stat().st_size
    with h5py.File(path) as file:
        accepts = Accepts(finite=False, attributes=frozenset({"kind"}))
        checked = CheckedFile(file, path, size, accepts=accepts)
        assert checked.bytes == 16
        np.testing.assert_array_equal(checked.read()["x"], [1.0, np.nan])
        with pytest.raises(FileRefused, match="holds nan"):
            CheckedFile(file, path, size, accepts=Accepts(attributes=frozenset({"kind"}))).read()
        with pytest.raises(FileRefused, match=r"has 1 attributes; the format has \['version'\]"):
            CheckedFile(file, path, size, accepts=Accepts(attributes=frozenset({"version"})))
        with pytest.raises(FileRefused, match="has dtype float64") as caught:
            CheckedFile(file, path, size, accepts=Accepts(frozenset({"<f4"}), attributes=frozenset({"kind"})))
        assert caught.value.reason == "'/x' has dtype float64; plain numbers or text are needed"


def test_single_objects_are_held_to_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["x"], file["link"] = np.zeros(3), h5py.SoftLink("/x")
        file.create_dataset("lzf", data=np.zeros(3), compression="lzf")
    with h5py.File(path) as file:
        assert hard_linked(file, "x", path, "x").shape == (3,)
        assert storage_plan(file["x"], path, "x").get_nfilters() == 0
        with pytest.raises(FileRefused, match="'link' is a SoftLink"):
            hard_linked(file, "link", path, "link")
        with pytest.raises(FileRefused, match="gzip and shuffle are supported"):
            storage_plan(file["lzf"], path, "lzf")
