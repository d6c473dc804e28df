"""Checkpoints: what goes in comes out, damage is found, and a file cannot do harm."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spikesim.errors import CheckpointError, SpikesimError
from spikesim.files import checkpoint
from spikesim.files.atomic import atomic_write, json_bytes, sha256_file, write_bytes
from spikesim.files.checkpoint import digest_arrays, load, save

pytestmark = pytest.mark.core

WEIGHTS = {
    "w/1": np.arange(60, dtype=np.int32).reshape(20, 3),
    "w/2": np.linspace(0, 1, 5),
    "flag": np.array(True),
}
META = {"epoch": 3, "lr": 0.1, "sizes": [20, 3], "name": "größe", "none": None}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
array_values = hnp.arrays(
    dtype=st.sampled_from(["?", "i1", "u1", "<i2", ">i4", "<u8", "<f2", ">f4", "<f8"]),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
array_names = st.lists(st.text("abcé .0_", min_size=1, max_size=3), min_size=1, max_size=3).map("/".join)


def nameable(names: set[str]) -> bool:
    """Whether no part is a dot or two, and no name is also the group of another."""
    dots = any(part in (".", "..") for name in names for part in name.split("/"))
    return not dots and not any(other.startswith(name + "/") for name in names for other in names)


def signed(path: Path, body: bytes) -> Path:
    """A file around `body` whose length and SHA-256 are right: what a forger could write."""
    path.write_bytes(checkpoint._header(len(body), hashlib.sha256(body).hexdigest()) + body)
    return path


def forged(path: Path, build: Callable[[h5py.File], Any]) -> Path:
    """A signed file in which `build` has put something that `save` would not."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.attrs["kind"] = np.bytes_(b"training")
        file.attrs["digest"] = np.bytes_(b"0" * 64)
        file["meta"] = np.frombuffer(b"{}", np.uint8)
        file.create_group("arrays")
        build(file)
    return signed(path, path.read_bytes()[512:])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "step-2.h5"
    save(path, "training", WEIGHTS, META)
    return path


# what goes in comes out


@given(
    arrays=st.dictionaries(array_names, array_values, max_size=4).filter(lambda d: nameable(set(d))),
    meta=json_values,
)
def test_saving_and_loading_is_the_identity(
    tmp_path_factory: Any, arrays: dict[str, np.ndarray], meta: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "identity.h5"
    digest = save(path, "k", arrays, {"value": meta})
    found = load(path, "k")
    assert (found.kind, found.version, found.digest, found.meta) == (
        "k",
        checkpoint.VERSION,
        digest,
        {"value": meta},
    )
    assert found.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        back = found.arrays[name]
        assert (back.shape, back.dtype) == (array.shape, array.dtype.newbyteorder("<"))
        assert back.tobytes() == array.astype(back.dtype).tobytes()  # bits, so that NaN and -0.0 count too


def test_views_in_another_order_are_saved_by_value(tmp_path: Path) -> None:
    w = np.arange(24, dtype=np.float32).reshape(4, 6)
    save(tmp_path / "a.h5", "k", {"w": w.T[::-1, ::2]}, {})
    np.testing.assert_array_equal(load(tmp_path / "a.h5", "k").arrays["w"], w.T[::-1, ::2])


def test_equal_contents_are_equal_files(tmp_path: Path) -> None:
    first, second = tmp_path / "a.h5", tmp_path / "b.h5"
    save(first, "training", WEIGHTS, META)
    time.sleep(1.1)  # past the resolution of the times that HDF5 can store
    save(second, "training", dict(reversed(WEIGHTS.items())), dict(reversed(META.items())))
    assert first.read_bytes() == second.read_bytes()


def test_the_digest_is_what_the_docstring_says() -> None:
    contents = b'["a","<i2",[2]]\n' + b"\x01\x00\xff\xff" + b'["b","|b1",[]]\n' + b"\x01"
    arrays = {"b": np.array(True), "a": np.array([1, -1], ">i2")}
    assert digest_arrays(arrays) == hashlib.sha256(contents).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        {"w": np.zeros((2, 3), np.int32)},
        {"w": np.zeros((3, 2), np.float32)},
        {"v": np.zeros((3, 2), np.int32)},
        {"w": np.eye(3, 2, dtype=np.int32)},
        {},
    ],
)
def test_the_digest_tells_shape_dtype_name_and_value_apart(other: dict[str, np.ndarray]) -> None:
    assert digest_arrays({"w": np.zeros((3, 2), np.int32)}) != digest_arrays(other)


def test_kind_and_meta_are_part_of_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    digests = {save(path, kind, WEIGHTS, meta) for kind in ("a", "b") for meta in ({}, {"x": 1})}
    assert len(digests) == 4


# damage is found


def test_a_flip_of_any_byte_is_found(saved: Path) -> None:
    contents = saved.read_bytes()
    places = [*range(0, 512, 2), *random.Random(0).sample(range(512, len(contents)), 300)]
    for place in places:
        damaged = bytearray(contents)
        damaged[place] ^= 1 << (place % 8)
        saved.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"step-2\.h5 (is damaged|has version)"):
            load(saved, "training")


@settings(max_examples=300)
@given(st.data())
def test_a_forged_flip_gives_an_error_or_the_same_contents(
    tmp_path_factory: Any, data: st.DataObject
) -> None:
    """The second line: with a right SHA-256 around it, the HDF5 reader itself meets the damage."""
    path = tmp_path_factory.getbasetemp() / "flip.h5"
    digest = save(path, "training", WEIGHTS, META)
    body = bytearray(path.read_bytes()[512:])
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=3)):
        body[place] = data.draw(st.integers(0, 255))
    try:
        found = load(signed(path, bytes(body)), "training")
    except CheckpointError:
        return
    assert (found.digest, digest_arrays(found.arrays), found.meta) == (
        digest,
        digest_arrays(WEIGHTS),
        META,
    )


def test_truncation_at_any_length_is_found(saved: Path) -> None:
    contents = saved.read_bytes()
    save(saved.with_name("step-1.h5"), "training", WEIGHTS, META)
    for length in [*range(0, 600, 7), *range(600, len(contents), 97), len(contents) - 1]:
        saved.write_bytes(contents[:length])
        with pytest.raises(CheckpointError, match=r"step-2.*The previous checkpoint is .*step-1\.h5"):
            load(saved, "training")


def test_a_file_of_another_kind_is_no_previous_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("words", encoding="utf-8")
    with pytest.raises(CheckpointError, match="nowhere does not exist") as problem:
        checkpoint.load(tmp_path / "nowhere", "run")
    assert "README" not in str(problem.value)


def test_bytes_at_the_end_are_found(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="SHA-256"):
        load(saved, "training")


def test_an_edit_with_another_tool_is_found(saved: Path) -> None:
    with h5py.File(saved, "r+") as file:  # any HDF5 tool opens it, and finds the arrays where they should be
        file["arrays/w/1"][0, 0] = 7
    with pytest.raises(CheckpointError, match="SHA-256"):
        load(saved, "training")


def test_another_kind_is_refused(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="of kind 'training'; kind 'network' is needed"):
        load(saved, "network")


def test_a_newer_version_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes().replace(b"version 1\n", b"version 2\n", 1))
    with pytest.raises(CheckpointError, match=r"version 2; .* reads up to 1\. Update spikesim"):
        load(saved, "training")


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["w"] = np.zeros(3)
    empty = tmp_path / "empty.h5"
    empty.touch()
    for path, words in [
        (foreign, "does not begin with the header"),
        (empty, "ends after 0 bytes"),
        (tmp_path, "is a folder, not a regular file"),
        (tmp_path / "none.h5", "does not exist"),
    ]:
        with pytest.raises(CheckpointError, match=words):
            load(path, "training")


# a file cannot do harm


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "x", (3,))
    file["arrays"].create_virtual_dataset("x", layout)


def unwritten(file: h5py.File) -> None:
    file["arrays"].create_dataset("x", shape=(1 << 40,), dtype="f8")


def missing(file: h5py.File) -> None:
    file["arrays"].create_dataset("x", shape=(1000,), dtype="f8")


def circle(file: h5py.File) -> None:
    file["arrays"]["back"] = file["arrays"]


def twice(file: h5py.File) -> None:
    file["arrays/a"] = np.zeros(3)
    file["arrays/b"] = file["arrays/a"]


def put(name: str, value: Any, **options: Any) -> Callable[[h5py.File], Any]:
    return lambda file: file.create_dataset(name, data=value, **options)


HARMFUL: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "soft link": (lambda f: f.__setitem__("arrays/x", h5py.SoftLink("/meta")), "SoftLink"),
    "external link": (lambda f: f.__setitem__("arrays/x", h5py.ExternalLink("b.h5", "/x")), "ExternalLink"),
    "virtual": (virtual, "is a virtual dataset"),
    "external storage": (
        lambda f: f["arrays"].create_dataset("x", (3,), "f4", external=[("elsewhere.bin", 0, 12)]),
        r"'/arrays/x' lies in another file \(external storage\)",
    ),
    "chunked": (put("arrays/x", np.zeros(8), chunks=(4,)), "is chunked or compressed"),
    "filtered": (put("arrays/x", np.zeros(8), compression="gzip"), "is chunked or compressed"),
    "compound": (put("arrays/x", np.zeros(3, [("a", "f4"), ("b", "i4")])), "has dtype"),
    "complex": (put("arrays/x", np.zeros(3, complex)), "has dtype"),
    "text": (put("arrays/x", "text", dtype=h5py.string_dtype()), "has dtype object"),
    "references": (lambda f: f["arrays"].create_dataset("x", (2,), dtype=h5py.ref_dtype), "has dtype object"),
    "an enumeration": (
        lambda f: f["arrays"].create_dataset("x", (2,), dtype=h5py.enum_dtype({"A": 1}, basetype="i4")),
        "is an enumeration of int32",
    ),
    "bytes that are not written": (missing, "claims 8,000 bytes and holds 0"),
    "big-endian": (put("arrays/x", np.zeros(3, ">f4")), "has dtype >f4"),
    "attributes": (lambda f: f["arrays"].attrs.__setitem__("x", 1), "has 1 attributes"),
    "attributes of the file": (lambda f: f.attrs.__setitem__("x", 1), "'/' has 3 attributes"),
    "no shape": (lambda f: f["arrays"].create_dataset("x", data=h5py.Empty("f4")), "no shape"),
    "nothing written": (unwritten, r"claims 8,796,093,022,208 bytes as \(1099511627776,\) float64"),
    "a circle": (circle, "linked twice"),
    "two names": (twice, "linked twice"),
    "a type": (lambda f: f["arrays"].__setitem__("x", np.dtype("f4")), "is a Datatype"),
    "a foreign place": (put("y", np.zeros(3)), r"unknown entries \['y'\]"),
    "a wrong digest": (put("arrays/x", np.zeros(3)), "do not match its digest"),
}


@pytest.mark.parametrize("what", HARMFUL)
def test_a_forged_file_is_refused(tmp_path: Path, what: str) -> None:
    build, words = HARMFUL[what]
    path = forged(tmp_path / "forged.h5", build)
    with pytest.raises(CheckpointError, match=rf"forged\.h5 is damaged: .*({words})"):
        load(path, "training")


def test_the_forger_of_these_tests_can_write_a_good_file(tmp_path: Path) -> None:
    """Otherwise the refusals above would show nothing."""

    def good(file: h5py.File) -> None:
        file["arrays/x"] = np.zeros(3)
        digest = checkpoint._digest("training", {"x": np.zeros(3)}, b"{}")
        file.attrs["digest"] = np.bytes_(digest.encode())

    assert load(forged(tmp_path / "forged.h5", good), "training").arrays["x"].shape == (3,)


def test_the_size_is_bounded_before_it_is_read(saved: Path) -> None:
    held = sum(w.nbytes for w in WEIGHTS.values()) + len(json_bytes(META))
    assert load(saved, "training", max_bytes=held).meta == META
    with pytest.raises(CheckpointError, match=f"holds {held} bytes; the limit is {held - 1}"):
        load(saved, "training", max_bytes=held - 1)


# what cannot be saved


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"w": np.array([object()])}, "dtype object"),
        ({"w": np.array(["text"])}, "dtype <U4"),
        ({"w": np.zeros(2, complex)}, "dtype complex128"),
        ({"w": np.zeros(2, np.longdouble)}, "dtype float"),
        ({"w": np.zeros(2, "M8[s]")}, "dtype datetime64"),
        ({"w": np.ma.masked_array([1, 2], [True, False])}, "MaskedArray"),
        ({"w": [1, 2]}, "is a list"),
        ({"": np.zeros(2)}, "is not a valid array name"),
        ({"/w": np.zeros(2)}, "is not a valid array name"),
        ({"a/../w": np.zeros(2)}, "is not a valid array name"),
        ({"a\0": np.zeros(2)}, "is not a valid array name"),
        ({"a" * 1001: np.zeros(2)}, "is not a valid array name"),
        ({"a": np.zeros(2), "a/b": np.zeros(2)}, "'a' cannot be both an array and the group of 'a/b'"),
    ],
)
def test_arrays_that_would_not_come_back_are_refused(
    tmp_path: Path, arrays: dict[str, Any], words: str
) -> None:
    with pytest.raises(CheckpointError, match=words):
        save(tmp_path / "a.h5", "k", arrays, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), r"meta\['x'\] is nan"),
        ([1, float("inf")], r"meta\['x'\]\[1\] is inf"),
        ({1: 2}, "has the key 1"),
        (b"bytes", "of type bytes"),
        (np.zeros(2), "of type ndarray"),
    ],
)
def test_meta_that_would_not_come_back_is_refused(tmp_path: Path, value: Any, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        save(tmp_path / "a.h5", "k", {}, {"x": value})


def test_meta_that_holds_itself_is_refused(tmp_path: Path) -> None:
    circular: dict[str, Any] = {}
    circular["self"] = circular
    with pytest.raises(CheckpointError, match="nested more than 100 deep"):
        save(tmp_path / "a.h5", "k", {}, circular)


def test_tuples_become_lists_and_numpy_scalars_numbers(tmp_path: Path) -> None:
    save(tmp_path / "a.h5", "k", {}, {"sizes": (1, 2), "n": np.int64(3), "x": np.float32(0.5)})
    assert load(tmp_path / "a.h5", "k").meta == {"sizes": [1, 2], "n": 3, "x": 0.5}


@pytest.mark.parametrize("kind", ["", "two\nlines", "größe", "a" * 101])
def test_an_odd_kind_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(CheckpointError, match="kind is 1 to 100"):
        save(tmp_path / "a.h5", kind, {}, {})


# writing: whole or not at all


def test_a_limit_on_the_file_size_leaves_the_old_file(saved: Path) -> None:
    before = sha256_file(saved)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))  # the kernel itself stops the write half-way
    try:
        with pytest.raises(
            CheckpointError, match=r"training checkpoint could not be written to .*step-2\.h5.*needed"
        ):
            save(saved, "training", {"w": np.zeros(100_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sha256_file(saved) == before
    assert os.listdir(saved.parent) == [saved.name]


@pytest.mark.parametrize(
    ("call", "number", "words"),
    [
        (
            "fsync",
            errno.ENOSPC,
            r"the disk is full \(.* bytes are needed and .* bytes are free there\)\. Free some space",
        ),
        ("fsync", errno.EDQUOT, "the quota is used up"),
        ("replace", errno.EACCES, r"no permission to write in .*\. Choose another folder"),
        ("replace", errno.EROFS, "no permission to write in"),
        ("fsync", errno.EIO, "Input/output error"),
    ],
)
def test_a_failed_write_says_why_and_leaves_the_old_file(
    saved: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, words: str
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    before = sha256_file(saved)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(CheckpointError, match=words):
            save(saved, "training", {}, {})
    assert sha256_file(saved) == before
    assert os.listdir(saved.parent) == [saved.name]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"there is no folder .*nowhere\. Create it"):
        save(tmp_path / "nowhere" / "a.h5", "k", {}, {})


@pytest.mark.parametrize(
    "problem", [KeyboardInterrupt(), ConnectionResetError(errno.ECONNRESET, "reset"), KeyError("x")]
)
def test_an_error_of_the_caller_passes_and_leaves_the_old_file(
    tmp_path: Path, problem: BaseException
) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"old")

    def half() -> None:
        with atomic_write(path) as handle:
            handle.write(b"new")
            raise problem

    with pytest.raises(type(problem)) as caught:
        half()
    assert caught.value is problem
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["a"])


def test_a_link_and_the_mode_survive(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"new", 0o640)


def test_the_error_class_is_the_callers_choice(tmp_path: Path) -> None:
    with pytest.raises(SpikesimError) as caught:
        write_bytes(tmp_path / "no" / "a", b"", what="the picture")
    assert type(caught.value) is SpikesimError
