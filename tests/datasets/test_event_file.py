"""Event files: they come back bit for bit, slices read their blocks only, and damage is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikesim.datasets.events import EventFile, Events, events_from_array, file, join_events
from spikesim.datasets.events.file import load_events, save_events
from spikesim.errors import DataError
from spikesim.files.untrusted_hdf5 import FileRefused

pytestmark = pytest.mark.core
COLUMNS = ("x", "y", "p", "t", "offsets")


def recordings(sizes: list[int], seed: int = 1, longest: int = 1000) -> Events:
    r = np.random.default_rng(seed)
    parts = []
    for k in sizes:
        given = {"x": r.integers(0, 300, k), "y": r.integers(0, 4, k), "p": r.random(k) < 0.5}
        parts.append(events_from_array({**given, "t": np.sort(r.integers(-100, longest, k))}, (300, 4)))
    return join_events(parts, np.arange(len(sizes)) % 2, ["left", "right"])


def same(a: Events, b: Events) -> bool:
    equal = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in COLUMNS)
    equal = equal and (a.sensor_size, a.classes) == (b.sensor_size, b.classes)
    return equal and (a.labels is None) == (b.labels is None) and np.array_equal(a.labels, b.labels)  # type: ignore[arg-type]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "BLOCK", 16)


@pytest.mark.usefixtures("small_blocks")
class TestReading:
    def test_comes_back(self, tmp_path: Path) -> None:
        events = recordings([40, 0, 7, 33])
        digest = save_events(tmp_path / "a.h5", events, source="a test")
        found = load_events(tmp_path / "a.h5")
        assert same(found, events)
        assert (found.t.dtype, found.x.dtype, found.p.dtype) == (np.int64, np.uint16, np.uint8)
        opened = EventFile(tmp_path / "a.h5")
        assert (len(opened), opened.source, opened.digest) == (4, "a test", digest)
        save_events(tmp_path / "b.h5", found, source="a test")
        assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()

    @pytest.mark.parametrize("sizes", [[], [0], [16], [32, 16]])
    def test_sizes_at_the_ends_of_blocks(self, tmp_path: Path, sizes: list[int]) -> None:
        events = recordings(sizes) if sizes else recordings([1])[[]]
        save_events(tmp_path / "a.h5", events)
        assert same(load_events(tmp_path / "a.h5"), events)

    def test_without_labels(self, tmp_path: Path) -> None:
        events = events_from_array({"x": [1], "t": [5]}, (4, 1, 1))
        save_events(tmp_path / "a.h5", events)
        assert same(load_events(tmp_path / "a.h5"), events)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 3), st.integers(-110, 60), st.integers(-110, 60))
    def test_slices_of_time_and_of_recordings(
        self, tmp_path_factory: pytest.TempPathFactory, b: int, first: int, end: int
    ) -> None:
        path = tmp_path_factory.mktemp("events") / "a.h5"
        events = recordings([40, 0, 7, 90], longest=50)  # many events of one time
        save_events(path, events)
        assert same(EventFile(path).between(b, first, end), events[[b]].between(first, end))
        assert same(EventFile(path).read(b), events[b:])

    def test_a_slice_reads_its_own_blocks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        events = recordings([16 * 1000], longest=10**6)
        save_events(tmp_path / "a.h5", events)
        read: list[tuple[str, int]] = []
        block_of = EventFile._block_of
        monkeypatch.setattr(
            EventFile,
            "_block_of",
            lambda self, f, name, k: read.append((name, k)) or block_of(self, f, name, k),
        )
        assert same(EventFile(tmp_path / "a.h5").between(0, 500, 600), events.between(500, 600))
        assert {k for name, k in read if name == "x"} == {k for name, k in read if name == "p"}
        assert len({k for name, k in read if name == "x"}) <= 2
        assert len(read) < 40  # of 4,000 blocks

    def test_blocks_in_their_order(self, tmp_path: Path) -> None:
        events = recordings([40, 13])
        save_events(tmp_path / "a.h5", events)
        pieces = list(EventFile(tmp_path / "a.h5").blocks())
        assert [first for first, _ in pieces] == [0, 16, 32, 48]
        assert np.array_equal(np.concatenate([columns["t"] for _, columns in pieces]), events.t)

    def test_what_is_not_in_the_file(self, tmp_path: Path) -> None:
        save_events(tmp_path / "a.h5", recordings([5, 5]))
        opened = EventFile(tmp_path / "a.h5")
        with pytest.raises(DataError, match="recording 2; there are 2"):
            opened.between(2, 0, 1)
        with pytest.raises(DataError, match="recordings 0 to 3; there are 2"):
            opened.read(0, 3)
        with pytest.raises(DataError, match=r"10 events need 130 bytes; max_bytes is 100\. Read fewer"):
            load_events(tmp_path / "a.h5", max_bytes=100)


@pytest.mark.usefixtures("small_blocks")
class TestDamage:
    def made(self, folder: Path) -> Path:
        save_events(folder / "a.h5", recordings([40, 25]))
        return folder / "a.h5"

    def test_every_byte_that_counts(self, tmp_path: Path) -> None:
        """A flipped bit changes nothing that is read, or is refused."""
        path = self.made(tmp_path)
        events, sound = load_events(path), path.read_bytes()
        refused = 0
        for at in np.random.default_rng(1).integers(0, len(sound), 150):
            path.write_bytes(sound[:at] + bytes([sound[at] ^ 4]) + sound[at + 1 :])
            try:
                assert same(load_events(path), events)
            except FileRefused:
                refused += 1
        assert refused > 20

    @pytest.mark.parametrize("share", [0, 0.3, 0.9])
    def test_truncated(self, tmp_path: Path, share: float) -> None:
        path = self.made(tmp_path)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        with pytest.raises(FileRefused, match=r"a\.h5"):
            load_events(path)

    def test_another_event_of_a_block(self, tmp_path: Path) -> None:
        path = self.made(tmp_path)
        with h5py.File(path, "r+") as opened:
            opened["x"][20] += 1
        assert (
            len(EventFile(path).between(0, -100, int(load_t(path)[15])).t) <= 16
        )  # the first block is sound
        with pytest.raises(FileRefused, match="block 1 of x does not match its SHA-256"):
            load_events(path)

    @pytest.mark.parametrize(
        ("name", "change", "said"),
        [
            ("labels", lambda a: 1 - a, "does not match its digest"),
            ("offsets", lambda a: a + 1, "does not match its digest"),
            ("hashes", lambda a: a ^ 1, "does not match its digest"),
            ("meta", lambda a: a[::-1].copy(), "is not JSON"),
        ],
    )
    def test_other_contents(self, tmp_path: Path, name: str, change: Any, said: str) -> None:
        path = self.made(tmp_path)
        with h5py.File(path, "r+") as opened:
            opened[name][...] = change(opened[name][...])
        with pytest.raises(FileRefused, match=said):
            EventFile(path)

    def test_links_and_bombs(self, tmp_path: Path) -> None:
        path = self.made(tmp_path)
        with h5py.File(path, "r+") as opened:
            del opened["t"]
            opened["t"] = h5py.ExternalLink("other.h5", "t")
        with pytest.raises(FileRefused, match="ExternalLink"):
            EventFile(path)
        path = self.made(tmp_path)
        with h5py.File(path, "r+") as opened:
            del opened["offsets"]
            opened.create_dataset("offsets", data=np.zeros(2_000_000, np.int64), compression="gzip")
        with pytest.raises(FileRefused, match="claims 16,000,000 bytes"):
            EventFile(path)

    def test_consistent_but_impossible(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Digests prove that nothing has changed, not that it was right: events are checked all the same."""
        events = recordings([20])
        events.x[3] = 300
        save_events(tmp_path / "a.h5", events)
        with pytest.raises(FileRefused, match=r"impossible events \(event 3: x = 300 is not in \[0, 300\)"):
            load_events(tmp_path / "a.h5")

    def test_a_file_that_changes_between_two_reads(self, tmp_path: Path) -> None:
        path = self.made(tmp_path)
        opened = EventFile(path)
        save_events(path, recordings([40, 25], seed=2))
        with pytest.raises(FileRefused, match="has changed since it was opened"):
            opened.read()

    def test_other_files(self, tmp_path: Path) -> None:
        with pytest.raises(FileRefused, match="there is no such file"):
            load_events(tmp_path / "none.h5")
        (tmp_path / "a.h5").write_bytes(b"no HDF5")
        with pytest.raises(FileRefused, match="cannot be read as HDF5"):
            load_events(tmp_path / "a.h5")
        with h5py.File(tmp_path / "b.h5", "w") as opened:
            opened["x"] = [1]
        with pytest.raises(FileRefused, match="is not of the kind 'spikesim events'"):
            load_events(tmp_path / "b.h5")

    def test_a_newer_version(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(file, "VERSION", 2)
        path = self.made(tmp_path)
        monkeypatch.setattr(file, "VERSION", 1)
        with pytest.raises(DataError, match=r"version 2 of an event file; this spikesim reads up to 1"):
            EventFile(path)


def load_t(path: Path) -> np.ndarray:
    with h5py.File(path, "r") as opened:
        return np.asarray(opened["t"])


def test_the_format_by_another_hand(tmp_path: Path) -> None:
    """h5py alone reads the columns, and SHA-256 of a block is that of its little-endian bytes."""
    events = recordings([70_000, 10])
    save_events(tmp_path / "a.h5", events)
    with h5py.File(tmp_path / "a.h5", "r") as opened:
        assert np.array_equal(opened["x"][()], events.x) and np.array_equal(opened["t"][()], events.t)
        hashes = opened["hashes"][()]
    assert hashes.shape == (2, 4, 32)
    assert hashes[1, 3].tobytes() == hashlib.sha256(events.t[65_536:].astype("<i8").tobytes()).digest()


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ndarray; Events are needed"):
        save_events(tmp_path / "a.h5", np.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="there is no folder"):
        save_events(tmp_path / "none" / "a.h5", recordings([3]))
