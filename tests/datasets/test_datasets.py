"""Datasets: disjoint and reproducible splits, values in [0, 1], errors with reasons."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from spikesim import datasets
from spikesim.datasets.archives import DamagedError
from spikesim.datasets.cache import CachedFile
from spikesim.datasets.dataset import Dataset, Split, make_split
from spikesim.datasets.fetching import Collection, fetch_files
from spikesim.datasets.idx import read_idx
from spikesim.datasets.min_max_scaling import to_unit
from spikesim.datasets.stratify import rest_of, stratified_rows
from spikesim.datasets.tsd import read_tsd, resample, sign_of, tsd_digest
from spikesim.errors import DataError, DeclarationError
from spikesim.tools.commands.datasets import app

pytestmark = pytest.mark.core

auslan_module: Any = importlib.import_module("spikesim.datasets.auslan")


def some_split(n: int = 6, name: Any = "train") -> Split:
    """A split of n samples of 4 features and 2 classes."""
    return make_split(name, np.arange(4 * n).reshape(n, 4) / (4 * n), np.arange(n) % 2)


def hash_of(array: np.ndarray) -> str:
    """The first 16 digits of the SHA-256 of an array's little-endian bytes."""
    return hashlib.sha256(array.astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()[:16]


class TestSplit:
    def test_types_and_read_only(self) -> None:
        split = some_split()
        assert (split.x.dtype, split.y.dtype, split.index.dtype) == (np.float32, np.int64, np.int64)
        assert split.x.flags.c_contiguous
        for array in (split.x, split.y, split.index):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0

    def test_the_giver_keeps_his_array_writable(self) -> None:
        x = np.zeros((2, 3), np.float32)
        split = Split("test", x, np.zeros(2, np.int64), np.arange(2))
        x[0, 0] = 1
        assert split.x[0, 0] == 1  # a view, not a copy

    def test_take_and_select_keep_the_index(self) -> None:
        split = some_split()
        assert split.take(2).index.tolist() == [0, 1]
        part = split.select([4, 1], "validation")
        assert part.name == "validation"
        assert part.index.tolist() == [4, 1]
        assert part.select([1]).index.tolist() == [1]
        assert np.array_equal(part.x, split.x[[4, 1]])
        assert split.select(split.y == 1).index.tolist() == [1, 3, 5]
        assert len(split.select([])) == 0

    @pytest.mark.parametrize("rows", [[6], [-1], [0, 0], [0.5], [[0]], [True, False]])
    def test_rows_that_are_none(self, rows: list[Any]) -> None:
        with pytest.raises(DataError):
            some_split().select(rows)

    @pytest.mark.parametrize("n", [0, -1, 7])
    def test_take_out_of_range(self, n: int) -> None:
        with pytest.raises(DataError, match=r"n must lie in 1\.\.6"):
            some_split().take(n)

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"name": "dev"}, "unknown split 'dev'"),
            ({"x": np.zeros((2, 3))}, "x must be float32 of 2 dimension"),
            ({"x": np.zeros(2, np.float32)}, "float32 of 1"),
            ({"x": [[0.0]]}, "not list"),
            ({"y": np.zeros(2, np.int32)}, "y must be int64"),
            ({"y": np.zeros(3, np.int64)}, "x has 2 samples, y 3, index 2"),
            ({"index": np.array([1, 1])}, "negative or repeated rows"),
            ({"index": np.array([-1, 1])}, "negative or repeated rows"),
        ],
    )
    def test_what_does_not_fit(self, changed: dict[str, Any], words: str) -> None:
        good: dict[str, Any] = {
            "name": "fit",
            "x": np.zeros((2, 3), np.float32),
            "y": np.zeros(2, np.int64),
            "index": np.arange(2),
        }
        assert len(Split(**good)) == 2
        with pytest.raises(DataError, match=words):
            Split(**(good | changed))


class TestDataset:
    def made(self, **changed: Any) -> Dataset:
        """A small dataset, with some fields changed."""
        fields: dict[str, Any] = {
            "name": "small",
            "classes": ("a", "b"),
            "shape": (2, 2),
            "train": some_split(),
            "test": some_split(3, "test"),
            "validation_rows": np.array([5, 0]),
            "source": "made here",
        }
        return Dataset(**(fields | changed))

    def test_fit_and_validation_are_train(self) -> None:
        data = self.made()
        assert data.validation.index.tolist() == [0, 5]
        assert data.fit.index.tolist() == [1, 2, 3, 4]
        assert data.fit is data.fit  # made once
        assert [data.split(n).name for n in ("fit", "validation", "train", "test")] == [
            "fit",
            "validation",
            "train",
            "test",
        ]
        with pytest.raises(DataError, match="unknown split 'dev'"):
            data.split("dev")  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"classes": ("a",)}, "labels 0..1, but there are 1 classes"),
            ({"shape": (2, 3)}, "4 features, but shape"),
            ({"train": some_split(6, "test")}, "the given split is named 'test'; expected 'train'"),
            ({"validation_rows": np.array([6])}, r"validation_rows has rows 6\.\.6"),
            ({"validation_rows": np.array([], np.int64)}, "validation_rows is empty"),
            ({"validation_rows": np.arange(6)}, "fit_rows is empty"),
            ({"fit_rows": np.array([0, 1])}, "overlap"),
        ],
    )
    def test_what_does_not_fit(self, changed: dict[str, Any], words: str) -> None:
        with pytest.raises(DataError, match=words):
            self.made(**changed)


class TestStratify:
    @given(st.lists(st.integers(0, 4), min_size=2, max_size=80), st.data(), st.integers(0, 2**32))
    def test_every_class_has_its_share(self, labels: list[int], data: st.DataObject, seed: int) -> None:
        y = np.array(labels)
        n = data.draw(st.integers(1, len(y) - 1))
        rows = stratified_rows(y, n, seed)
        assert rows.tolist() == sorted(set(rows.tolist()))
        assert len(rows) == n
        for c in range(5):
            assert abs(np.count_nonzero(y[rows] == c) - n * np.count_nonzero(y == c) / len(y)) < 1
        assert sorted([*rows, *rest_of(len(y), rows)]) == list(range(len(y)))

    def test_worked_example(self) -> None:
        # 5 of 7 samples are class 0, 2 are class 1; 3 are asked for: shares 15/7 = 2 + 1/7 and 6/7 = 0 + 6/7,
        # so that class 1 gets the third.
        assert np.bincount(
            np.array([0, 1, 0, 0, 1, 0, 0])[stratified_rows(np.array([0, 1, 0, 0, 1, 0, 0]), 3, 1)]
        ).tolist() == [2, 1]

    def test_rows_never_change(self) -> None:
        assert stratified_rows(np.arange(40) % 4, 8, 1).tolist() == [2, 3, 5, 9, 24, 26, 27, 36]

    @pytest.mark.parametrize("n", [0, 4, -1])
    def test_impossible(self, n: int) -> None:
        with pytest.raises(DataError, match="between 1 and 3"):
            stratified_rows(np.zeros(4, np.int64), n, 1)


class TestBundled:
    @pytest.mark.parametrize(
        ("name", "sizes", "shape", "rows"),
        [
            ("iris", (96, 24, 120, 30), (4,), "27fb00e505913f048fd36bc7c7d378a1"),
            ("digits", (1150, 288, 1438, 359), (8, 8), "8c2f4d4449c6983bd09596a04dee9f40"),
        ],
    )
    def test_splits(self, name: str, sizes: tuple[int, ...], shape: tuple[int, ...], rows: str) -> None:
        data = datasets.load(name)
        assert tuple(len(s) for s in (data.fit, data.validation, data.train, data.test)) == sizes
        assert data.shape == shape
        about = datasets.about(name)
        assert (about.samples, about.shape, about.classes) == (sizes[2:], shape, len(data.classes))
        assert data.train.x.min() == 0
        assert data.train.x.max() == 1
        counts = np.bincount(data.validation.y)
        assert counts.max() - counts.min() <= 1
        assert hash_of(data.train.y) + hash_of(data.validation.index) == rows

    def test_other_splits_of_iris(self) -> None:
        first, second = datasets.iris(), datasets.iris(split_seed=2)
        assert not np.array_equal(first.test.x, second.test.x)
        assert np.bincount(second.test.y).tolist() == [10, 10, 10]
        assert hash_of(datasets.iris(split_seed=2).test.x) == hash_of(second.test.x)
        with pytest.raises(DeclarationError, match="split_seed = -1"):
            datasets.iris(split_seed=-1)

    def test_no_sample_is_in_two_splits(self) -> None:
        data = datasets.digits()
        fit, validation, test = (
            {row.tobytes() for row in s.x} for s in (data.fit, data.validation, data.test)
        )
        assert not fit & validation
        assert not fit & test
        assert len(fit) == len(data.fit)  # all images differ, so that the above says something

    def test_names(self) -> None:
        assert datasets.names() == ["mnist", "fashion-mnist", "iris", "digits", "auslan", "event-digits"]
        assert datasets.about("fashion_mnist").name == "fashion-mnist"
        with pytest.raises(DataError, match=r"unknown dataset 'mnits'\. Did you mean 'mnist'"):
            datasets.load("mnits")


class TestOwnArrays:
    X = np.linspace(0, 1, 60).reshape(10, 2, 3)
    Y = np.arange(10) % 2

    def test_without_test_set(self) -> None:
        data = datasets.from_arrays(self.X, self.Y)
        assert (len(data.fit), len(data.validation), len(data.test)) == (6, 2, 2)
        assert data.shape == (2, 3)
        assert data.classes == ("0", "1")
        assert sorted(data.test.y.tolist()) == [0, 1]

    def test_with_test_set(self) -> None:
        data = datasets.from_arrays(
            self.X,
            self.Y.astype(float),
            self.X[:3],
            [0, 1, 0],
            classes=["off", "on"],
            validation=4,
            name="mine",
        )
        assert (len(data.fit), len(data.validation), len(data.test)) == (6, 4, 3)
        assert np.array_equal(data.train.x, self.X.reshape(10, 6).astype(np.float32))
        assert (data.name, data.classes) == ("mine", ("off", "on"))

    @pytest.mark.parametrize(
        ("x", "y", "words"),
        [
            (X * 255, Y, r"values lie in \[0, 255\], but must lie in \[0, 1\]; divide by 255"),
            (X - 0.5, Y, r"values lie in \[-0.5, 0.5\].*scale each feature"),
            (
                np.where(X[1, 0, 2] == X, np.nan, X),
                Y,
                r"1 of 60 values are NaN.*sample 1, feature 0, feature 2",
            ),
            (np.where(X == 1, np.inf, X), Y, "NaN or infinite"),
            (X, Y - 1, "smallest label is -1"),
            (X, Y + 0.5, "labels are .* expected integers"),
            (X, np.array(["a"] * 10), "labels are .* expected integers"),
            (X, Y[:9], r"10 samples, but labels of shape \(9,\)"),
            (X, Y[:, None], r"10 samples, but labels of shape \(10, 1\)"),
            (X[:0], Y[:0], "no samples"),
            (X[:, :, :0], Y, "no samples"),
            (X[0, 0], Y, r"shape \(n, ...\)"),
            (X.astype(str), Y, "expected numbers"),
            (X.astype(complex), Y, "expected numbers"),
        ],
    )
    def test_what_cannot_be_used(self, x: Any, y: Any, words: str) -> None:
        with pytest.raises(DataError, match=words):
            datasets.from_arrays(x, y)
        with pytest.raises(DataError, match=words):
            datasets.from_arrays(self.X, self.Y, x, y)

    def test_halves_and_shapes(self) -> None:
        with pytest.raises(DataError, match="x_test is given without"):
            datasets.from_arrays(self.X, self.Y, x_test=self.X)
        with pytest.raises(DataError, match=r"test samples have shape \(2,\)"):
            datasets.from_arrays(self.X, self.Y, self.X[:, :, 0], self.Y)
        with pytest.raises(DataError, match="between 1 and 9"):
            datasets.from_arrays(self.X, self.Y, self.X, self.Y, validation=10)
        with pytest.raises(DataError, match=r"labels 0\.\.1, but there are 1 classes"):
            datasets.from_arrays(self.X, self.Y, self.X, self.Y, classes=["only"])

    @pytest.mark.parametrize("keys", [("X", "y"), ("x_train", "y_train", "x_test", "y_test")])
    def test_npz(self, tmp_path: Path, keys: tuple[str, ...]) -> None:
        np.savez(tmp_path / "mine.npz", **dict(zip(keys, (self.X, self.Y, self.X, self.Y), strict=False)))
        data = datasets.from_npz(tmp_path / "mine.npz")
        assert data.name == "mine"
        assert len(data.train) + (len(data.test) if len(keys) == 2 else 0) == 10

    def test_npz_that_cannot_be_used(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.npz"
        with pytest.raises(DataError, match="cannot be read"):
            datasets.from_npz(path)
        np.savez(path, a=self.X)
        with pytest.raises(DataError, match="holds a; expected x_train"):
            datasets.from_npz(path)
        np.savez(path, X=np.array([{}], dtype=object), y=self.Y)
        with pytest.raises(DataError, match="without Python objects"):
            datasets.from_npz(path)
        np.savez(path, X=self.X, y=self.Y)
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(DataError, match="cannot be read"):
            datasets.from_npz(path)
        path.write_bytes(b"")
        with pytest.raises(DataError, match="cannot be read"):
            datasets.from_npz(path)
        np.save(tmp_path / "one.npy", self.X)
        with pytest.raises(DataError, match="holds a single array"):
            datasets.from_npz(tmp_path / "one.npy")


def test_idx() -> None:
    data = b"\0\0\x08\x02" + (2).to_bytes(4, "big") + (3).to_bytes(4, "big") + bytes(range(6))
    assert read_idx(data, "f").tolist() == [[0, 1, 2], [3, 4, 5]]
    many = b"\0\0\x08\xff" + (1).to_bytes(4, "big") * 255 + b"\7"
    for bad in (many, data[:-1], data + b"\0", data[:6], b"", b"\0\0\x0d\x02" + data[4:], b"\x1f\x8b" + data):
        with pytest.raises(DataError, match=r"^f: "):
            read_idx(bad, "f")


def test_to_unit() -> None:
    low, high = np.array([0.0, 2.0, 5.0]), np.array([4.0, 4.0, 5.0])
    x, clipped = to_unit(np.array([[1.0, 2.0, 5.0], [5.0, 1.0, 9.0]]), low, high)
    assert x.tolist() == [[0.25, 0.0, 0.0], [1.0, 0.0, 0.0]]
    assert clipped == 2
    assert x.dtype == np.float32


class TestRecordings:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("tctodd1/God-1.tsd", ("God", 1, 1)),
            ("data/tctodd9/flash-light-3.tsd", ("flash-light", 9, 3)),
            ("tctodd2/not-my-problem-2.tsd", ("not-my-problem", 2, 2)),
            ("tctodd1/her-2.tsd", ("his_hers", 1, 2)),
            ("tctodd2/his_hers-2.tsd", ("his_hers", 2, 2)),
        ],
    )
    def test_names(self, path: str, expected: tuple[str, int, int]) -> None:
        assert sign_of(path) == expected

    @pytest.mark.parametrize(
        "path", ["tctodd1/God.tsd", "God-1.tsd", "tctodd1/God-1.txt", "tctodd0/God-1.tsd"]
    )
    def test_other_names(self, path: str) -> None:
        with pytest.raises(DamagedError, match="not the path of a recording"):
            sign_of(path)

    def test_read(self) -> None:
        line = "\t".join(str(i / 4) for i in range(22)).encode()
        for text in (line + b"\n" + line + b"\n", line + b"\r\n" + line):
            assert read_tsd("tctodd1/God-1.tsd", text).frames.tolist() == [[i / 4 for i in range(22)]] * 2

    @pytest.mark.parametrize(
        "spoil", [b"", b"1\t2\n", b"\t".join([b"nan"] * 22), b"\t".join([b"1"] * 21 + [b"x"])]
    )
    def test_damaged(self, spoil: bytes) -> None:
        with pytest.raises(DamagedError, match=r"^tctodd1/God-1.tsd: "):
            read_tsd("tctodd1/God-1.tsd", spoil)

    def test_resample_by_hand(self) -> None:
        # 3 frames to 5: at 0, 1/2, 1, 3/2, 2
        frames = np.array([[0.0, 1.0], [2.0, 1.0], [8.0, 1.0]])
        assert resample(frames, 5).tolist() == [[0, 1], [1, 1], [2, 1], [5, 1], [8, 1]]
        assert resample(frames, 3).tolist() == frames.tolist()
        assert resample(frames, 2).tolist() == [[0, 1], [8, 1]]
        assert resample(frames[:1], 3).tolist() == [[0, 1]] * 3

    @given(st.integers(2, 30), st.integers(2, 30))
    def test_resample_as_numpy_interpolates(self, m: int, n: int) -> None:
        frames = np.random.Generator(np.random.Philox(key=m)).random((m, 2))
        naive = [np.interp(np.linspace(0, m - 1, n), np.arange(m), channel) for channel in frames.T]
        assert np.allclose(resample(frames, n).T, naive, rtol=0, atol=1e-12)


def recordings(signs: tuple[str, ...]) -> dict[str, bytes]:
    """27 synthetic recordings per sign: channel 0 encodes it, channel 5 is constant, the others vary."""
    made = {}
    for s, sign in enumerate(signs):
        for session in range(1, 10):
            for number in range(1, 4):
                words = np.random.Philox(key=[s, 10 * session + number]).random_raw((45 + s + number) * 22)
                frames = (words >> np.uint64(11)).reshape(-1, 22) * 2.0**-53
                frames[:, 0], frames[:, 5] = s, 0.25
                name = "her" if sign == "his_hers" and session == 1 else sign
                text = "\n".join("\t".join(f"{value:.6f}" for value in frame) for frame in frames)
                made[f"tctodd{session}/{name}-{number}.tsd"] = text.encode() + b"\n"
    return made


def packed(members: dict[str, bytes], mode: str) -> bytes:
    """A tar archive of the recordings and one unrelated file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in [("README", b"hello"), *members.items()]:
            head = tarfile.TarInfo(f"data/{name}")
            head.size = len(data)
            archive.addfile(head, io.BytesIO(data))
    return buffer.getvalue()


MEMBERS = recordings(("Zebra", "apple", "his_hers"))


class TestAuslan:
    @pytest.fixture
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A cache with a synthetic archive of three signs instead of Auslan's."""
        monkeypatch.setenv("SPIKESIM_DATA", str(tmp_path))
        archive = packed(MEMBERS, "w:xz")
        names = ("tctodd.tar.gz", tsd_digest(archive), len(archive), tsd_digest, ("tctodd.tar.xz",))
        monkeypatch.setattr(auslan_module, "FILES", Collection("auslan", (CachedFile(*names),)))
        (tmp_path / "auslan").mkdir()
        (tmp_path / "auslan" / "tctodd.tar.xz").write_bytes(archive)
        return tmp_path / "auslan"

    def test_digest_knows_contents_not_packing(self) -> None:
        digest = tsd_digest(packed(MEMBERS, "w:gz"))
        assert tsd_digest(packed(dict(reversed(MEMBERS.items())), "w:xz")) == digest
        assert tsd_digest(packed(MEMBERS | {"tctodd1/apple-1.tsd": b"0\n"}, "w:gz")) != digest
        with pytest.raises(DamagedError, match="no recordings"):
            tsd_digest(packed({}, "w:gz"))

    def test_shape_order_and_scale(self, here: Path) -> None:
        data = datasets.auslan(signs=3, frames=45, noise_copies=0)
        assert data.classes == (
            "apple",
            "his_hers",
            "Zebra",
        )  # alphabetical, whatever the case; `her` is in it
        assert data.shape == (45, 22)
        assert (len(data.fit), len(data.validation), len(data.train), len(data.test)) == (54, 12, 66, 15)
        assert np.bincount(data.test.y).tolist() == [5, 5, 5]
        assert np.bincount(data.validation.y).tolist() == [4, 4, 4]
        x = data.train.x.reshape(-1, 45, 22)
        assert (x[:, :, 5] == 0).all()  # constant
        sign = {"apple": 0.5, "his_hers": 1.0, "Zebra": 0.0}  # 1, 2, 0 in the archive, scaled
        assert np.array_equal(x[:, 0, 0], [sign[data.classes[c]] for c in data.train.y])
        varying = np.delete(x, 5, axis=2)
        assert (varying.min(axis=(0, 1)) == 0).all()
        assert (varying.max(axis=(0, 1)) == 1).all()

    def test_clipped_test_values_are_reported(self, here: Path) -> None:
        data = datasets.auslan(signs=3, noise_copies=0)
        assert data.test.x.min() >= 0
        assert data.test.x.max() <= 1
        (note,) = data.notes
        assert int(note.split()[0]) > 0
        assert f"of {data.test.x.size} test values" in note

    def test_copies_stay_on_their_side(self, here: Path) -> None:
        plain, data = datasets.auslan(signs=3, noise_copies=0), datasets.auslan(signs=3, noise_copies=2)
        n = len(plain.train)
        assert len(data.train) == 3 * n
        assert np.array_equal(data.train.x[:n], plain.train.x)
        assert np.array_equal(data.validation.index, plain.validation.index)
        assert np.array_equal(data.validation.x, plain.validation.x)
        assert np.array_equal(data.test.x, plain.test.x)
        assert len(data.fit) == 3 * len(plain.fit)
        assert set((data.fit.index % n).tolist()) == set(plain.fit.index.tolist())
        assert not set((data.fit.index % n).tolist()) & set(data.validation.index.tolist())
        assert np.array_equal(data.train.y, np.tile(plain.train.y, 3))

    def test_noise(self, here: Path) -> None:
        data = datasets.auslan(signs=3, noise_copies=2, noise=0.05)
        x, first, second = data.train.x.reshape(3, -1, 45, 22).astype(float)
        inside = (x > 0.3) & (x < 0.7)  # far from the clipping
        for copy in (first, second):
            assert (copy[:, :, 5] == 0).all()
            assert abs((copy - x)[inside].std() - 0.05) < 0.001
            assert abs((copy - x)[inside].mean()) < 0.001
        assert abs(np.corrcoef((first - x)[inside], (second - x)[inside])[0, 1]) < 0.03

    def test_noise_depends_on_seed_and_copy_alone(self, here: Path) -> None:
        one, two = datasets.auslan(signs=3, noise_copies=1), datasets.auslan(signs=3, noise_copies=2)
        n = len(two.train) // 3
        assert np.array_equal(two.train.x[: 2 * n], one.train.x)
        other = datasets.auslan(signs=3, noise_copies=1, seed=2**64 - 1)
        assert np.array_equal(other.train.x[:n], one.train.x[:n])
        assert not np.array_equal(other.train.x[n:], one.train.x[n:])
        assert hash_of(one.train.x) == "fe166cb3d9783b5e"  # on any machine, with any version of numpy

    def test_split_by_session(self, here: Path) -> None:
        data = datasets.auslan(signs=2, noise_copies=1, split="session")
        assert (len(data.fit), len(data.validation), len(data.train), len(data.test)) == (72, 6, 84, 12)
        # 21 recordings a sign train, ordered by session: the last three of each sign are session 7
        assert data.validation.index.tolist() == [18, 19, 20, 39, 40, 41]

    def test_another_seed_is_another_split_of_the_same_recordings(self, here: Path) -> None:
        one, two = (datasets.auslan(signs=3, noise_copies=0, split_seed=seed) for seed in (2002, 2))
        plain = datasets.auslan(signs=3, noise_copies=0)
        assert np.array_equal(one.test.x, plain.test.x)
        assert np.array_equal(one.validation.index, plain.validation.index)
        assert np.bincount(two.test.y).tolist() == [5, 5, 5]
        assert np.bincount(two.validation.y).tolist() == [4, 4, 4]
        assert not np.array_equal(two.test.x, plain.test.x)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"signs": 1}, "signs = 1; must lie in 2..95"),
            ({"signs": 96}, "signs = 96"),
            ({"frames": 1}, "frames = 1"),
            ({"noise_copies": -1}, "noise_copies = -1"),
            ({"noise": 1.5}, "noise = 1.5"),
            ({"noise": float("nan")}, "noise = nan"),
            ({"seed": -1}, "seed = -1"),
            ({"split": "sesion"}, "Did you mean 'session'"),
            ({"split_seed": -1}, "split_seed = -1"),
            ({"split": "session", "split_seed": 2}, "split_seed = 2 with split = 'session'"),
        ],
    )
    def test_parameters_out_of_range(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(DeclarationError, match=words):
            datasets.load("auslan", **options)

    def test_damaged_archive(self, here: Path) -> None:
        path = here / "tctodd.tar.xz"
        path.write_bytes(path.read_bytes()[:-500])
        with pytest.raises(DataError, match=r"tctodd.tar.xz is damaged.*datasets fetch auslan"):
            datasets.auslan(signs=3)

    def test_the_intact_one_of_two_archives_is_taken(self, here: Path) -> None:
        (here / "tctodd.tar.gz").write_bytes(b"half a download")
        with pytest.raises(DataError, match=r"tctodd.tar.gz is damaged"):
            datasets.auslan(signs=3)
        fetch_files(auslan_module.FILES)
        assert len(datasets.auslan(signs=3, noise_copies=0).test) == 15


class TestCommand:
    @pytest.fixture(autouse=True)
    def empty_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A cache without files, and a terminal wide enough for a table."""
        monkeypatch.setenv("SPIKESIM_DATA", str(tmp_path))
        monkeypatch.setenv("COLUMNS", "120")
        return tmp_path

    def run(self, *arguments: str) -> Any:
        """The result of `spikesim datasets ...`."""
        return CliRunner().invoke(app, list(arguments))

    def test_list(self, empty_cache: Path) -> None:
        result = self.run("list")
        assert result.exit_code == 0
        assert all(name in result.stdout for name in datasets.names())
        shown = json.loads(self.run("list", "--json").stdout)
        assert shown["cache"] == str(empty_cache)
        assert {row["name"]: row["here"] for row in shown["datasets"]} == {
            "mnist": "no",
            "fashion-mnist": "no",
            "iris": "bundled",
            "digits": "bundled",
            "auslan": "no",
            "event-digits": "bundled",
        }

    def test_info(self) -> None:
        result = self.run("info", "iris")
        assert result.exit_code == 0
        assert "versicolor" in result.stdout
        assert "clipped" in result.stdout
        shown = json.loads(self.run("info", "iris", "--json").stdout)
        assert shown["counts"]["validation"] == [8, 8, 8]
        assert shown["license"].startswith("CC BY 4.0")

    def test_info_fetches_nothing(self, empty_cache: Path) -> None:
        result = self.run("info", "mnist")
        assert result.exit_code == 0
        assert "not downloaded yet; run: spikesim datasets fetch mnist" in result.stdout
        assert str(empty_cache / "mnist") in result.stdout
        assert "counts" not in json.loads(self.run("info", "mnist", "--json").stdout)
        assert list(empty_cache.iterdir()) == []

    def test_fetch(self) -> None:
        result = self.run("fetch", "iris", "digits")
        assert result.exit_code == 0
        assert result.stdout.splitlines() == [
            f"{n}: bundled with scikit-learn, no download needed" for n in ("iris", "digits")
        ]

    def test_fetch_from_a_folder(self, empty_cache: Path) -> None:
        result = self.run("fetch", "mnist", "--from", str(empty_cache / "nowhere"))
        assert result.exit_code == 1
        assert "no such file or folder" in result.stderr

    @pytest.mark.parametrize("command", ["info", "fetch"])
    def test_unknown_name(self, command: str) -> None:
        result = self.run(command, "mnits")
        assert result.exit_code == 1
        assert "Did you mean 'mnist'" in result.stderr
        assert result.stdout == ""
