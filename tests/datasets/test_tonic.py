"""tonic: its transforms are the reference of ours, and its datasets are read as they are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikesim as ss
from spikesim.datasets.events import (
    bin_events,
    count_events,
    dvs_gestures,
    events_from_array,
    events_from_tonic,
    from_tonic,
    nmnist,
)
from spikesim.datasets.events.digits import digit_events
from spikesim.datasets.events.nmnist_file import read_nmnist
from spikesim.errors import DataError, MissingExtraError
from spikesim.models import emstdp

tonic = pytest.importorskip("tonic", reason="the extra events is not installed")
SIZE = (12, 9, 2)


def recording(seed: int, k: int = 400, size: tuple[int, int, int] = SIZE) -> np.ndarray:
    """Events as tonic has them, the first at t = 0 and the last at the end of a millisecond."""
    r = np.random.default_rng(seed)
    t = np.sort(r.integers(0, 5000, k))
    t[0], t[-1] = 0, 4999
    return tonic.io.make_structured_array(
        r.integers(0, size[0], k), r.integers(0, size[1], k), t, r.integers(0, size[2], k)
    )


class Recorded(tonic.Dataset):  # type: ignore[misc]
    """A dataset of tonic with recordings in memory."""

    sensor_size = SIZE
    classes = ("circle", "square")

    def __init__(self, n: int, seed: int, transform: Callable[..., Any] | None = None) -> None:
        super().__init__("nowhere", transform=transform)
        self.data, self.targets = [recording(seed + k) for k in range(n)], [k % 2 for k in range(n)]

    def __getitem__(self, k: int) -> tuple[Any, int]:
        events = self.data[k]
        return (events if self.transform is None else self.transform(events)), self.targets[k]

    def __len__(self) -> int:
        return len(self.data)


@pytest.mark.parametrize("bin", [1000, 250, 37])
def test_time_bins_equal_to_frame(bin: int) -> None:
    frames = tonic.transforms.ToFrame(sensor_size=SIZE, time_window=bin, include_incomplete=True)
    for seed in range(5):
        array = recording(seed)
        expected = frames(array)
        events = events_from_array(array, SIZE)
        assert np.array_equal(count_events(events, bin, len(expected))[0], expected)
        once = bin_events(events, bin, len(expected), several="once")
        assert once.spikes == ss.from_raster((expected > 0).reshape(len(expected), -1))


def test_downsample_and_merge_polarities_equal_ours() -> None:
    array = recording(1)
    events = events_from_array(array, SIZE)
    smaller = tonic.transforms.Downsample(spatial_factor=1 / 3)(array)
    assert np.array_equal(
        events.downsampled(3).array()[["x", "y"]], smaller[["x", "y"]].astype([("x", "i4"), ("y", "i4")])
    )
    frames = tonic.transforms.ToFrame(sensor_size=(12, 9, 1), time_window=500, include_incomplete=True)
    merged = frames(tonic.transforms.MergePolarities()(array))
    assert np.array_equal(count_events(events, 500, polarity="merge")[0], merged)


def test_events_of_a_dataset() -> None:
    dataset = Recorded(5, 10)
    events = events_from_tonic(dataset)
    assert (len(events), events.classes, events.sensor_size) == (5, ("circle", "square"), SIZE)
    assert events.labels is not None and events.labels.tolist() == [0, 1, 0, 1, 0]
    for k in range(5):
        assert np.array_equal(events.array(k), dataset[k][0].astype(events.array(k).dtype))
    assert len(events_from_tonic(dataset, limit=2)) == 2


def test_transforms_of_events_act_before() -> None:
    chain = tonic.transforms.Compose(
        [tonic.transforms.Denoise(filter_time=300), tonic.transforms.Downsample(spatial_factor=0.5)]
    )
    dataset = Recorded(6, 20, chain)
    data = from_tonic(dataset, Recorded(3, 50, chain), bin=500, sensor_size=(6, 5), several="once")
    assert (data.shape, data.name, data.classes) == ((2, 5, 6), "Recorded", ("circle", "square"))
    for k in range(6):
        array = dataset[k][0]
        expected = np.zeros((data.train.x.T, 2, 5, 6), np.int64)
        np.add.at(expected, (array["t"] // 500, array["p"].astype(int), array["y"], array["x"]), 1)
        assert data.train.x[k : k + 1] == ss.from_raster((expected > 0).reshape(len(expected), -1))


@pytest.mark.parametrize("several", ["once", "count"])
def test_frames_are_taken_as_they_are(several: str) -> None:
    frames = tonic.transforms.ToFrame(sensor_size=SIZE, n_time_bins=7)
    dataset = Recorded(6, 30, frames)
    most = max(int(dataset[k][0].max()) for k in range(6)) if several == "count" else 1
    data = from_tonic(dataset, several=several, most=most)
    samples = np.stack([dataset[k][0] for k in range(6)])
    level = np.arange(most)[:, None, None, None]
    rasters = samples[:, :, None] > level
    whole = events_from_tonic(dataset)
    binned = bin_events(whole, 1, 7, several=several, most=most)  # type: ignore[arg-type]
    assert binned.spikes == ss.from_raster(rasters.reshape(6, 7, -1))
    assert (data.train.x.T, data.shape) == (7, (2 * most, 9, 12))


def test_frames_of_no_events_keep_their_steps() -> None:
    frames = [(np.zeros((4, 1, 2, 3), np.int16), "b"), (np.eye(3, dtype=np.int16)[None, None], "a")] * 3
    data = from_tonic([(f[:, :, :2], label) for f, label in frames], several="once")
    assert (data.train.x.T, data.shape, data.classes) == (4, (1, 2, 3), ("a", "b"))


def test_slices_and_caches(tmp_path: Path) -> None:
    sliced = tonic.SlicedDataset(
        Recorded(3, 40), tonic.slicers.SliceByTime(time_window=1000), metadata_path=str(tmp_path / "meta")
    )
    cached = tonic.MemoryCachedDataset(sliced)
    for dataset in (sliced, cached):
        events = events_from_tonic(dataset, SIZE)
        assert len(events) == len(sliced)
        assert events.array(1).tolist() == sliced[1][0].tolist()
    with pytest.raises(DataError, match="has no sensor_size; give sensor_size="):
        events_from_tonic(cached)


def test_datasets_and_samples_that_do_not_fit() -> None:
    dataset = Recorded(4, 1)
    frames = Recorded(4, 1, tonic.transforms.ToFrame(sensor_size=SIZE, n_time_bins=3))
    with pytest.raises(DataError, match="bin = None, but the samples are events: give bin, in us"):
        from_tonic(dataset)
    with pytest.raises(DataError, match="bin = 5, but the samples are frames, which have steps already"):
        from_tonic(frames, bin=5)
    with pytest.raises(DataError, match="float is not a dataset"):
        from_tonic(1.5, bin=5)
    with pytest.raises(DataError, match=r"sample 0: event \d+: x = \d+ is not in \[0, 5\)"):
        events_from_tonic(dataset, (5, 9))
    with pytest.raises(DataError, match="sample 1: label None; an integer, or the name of a class"):
        events_from_tonic([(recording(1), 0), (recording(2), None)], SIZE)
    dataset.targets[0] = "round"
    with pytest.raises(DataError, match="sample 0: unknown class 'round'"):
        events_from_tonic(dataset)
    with pytest.raises(DataError, match="sample 0: ndarray; a pair"):
        events_from_tonic([recording(1)], SIZE)
    with pytest.raises(DataError, match=r"sample 0: str of shape \(\); a structured array"):
        events_from_tonic([("x", 0)], SIZE)
    with pytest.raises(DataError, match=r"sample 0: a frame has the value 0\.5"):
        events_from_tonic([(np.full((1, 1, 2, 2), 0.5), 0)])


def nmnist_file(path: Path, seed: int) -> None:
    """50 events in N-MNIST's format; the clock overflows in the middle."""
    r = np.random.default_rng(seed)
    t = np.sort(r.integers(0, 8000, 50))
    t[26:] = np.arange(24)  # after the overflow
    raw = np.stack([r.integers(0, 34, 50), r.integers(0, 34, 50), t >> 16, (t >> 8) & 255, t & 255])
    raw[2] |= r.integers(0, 2, 50) << 7
    raw[:, 25] = (0, 240, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw.T.astype(np.uint8).tobytes())


def test_nmnist_as_tonic_loads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own class, on few files in its layout."""
    for part in ("Train", "Test"):
        for label in range(10):
            for k in range(2):
                nmnist_file(tmp_path / "NMNIST" / part / str(label) / f"{k}.bin", 10 * label + k)
    monkeypatch.setattr(tonic.datasets.NMNIST, "_check_exists", lambda self: True)
    train, test = (tonic.datasets.NMNIST(str(tmp_path), train=word) for word in (True, False))
    data = nmnist(tmp_path, 1000, several="once", validation=10)
    assert (len(data.train), len(data.test), data.shape) == (20, len(test), (2, 34, 34))
    assert (data.name, data.classes[3]) == ("n-mnist", "3 - three")
    assert data.train.y.tolist() == train.targets
    for k in (0, 7):
        expected = tonic.io.read_mnist_file(train.data[k], dtype=train.dtype)
        found = read_nmnist(train.data[k]).array()
        assert all(np.array_equal(found[name], expected[name]) for name in ("x", "y", "t", "p"))


def test_dvs128_gestures_as_tonic_loads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    r = np.random.default_rng(1)
    given = {}
    for part in ("Train", "Test"):
        for label in range(11):
            place = tmp_path / "DVSGesture" / f"ibmGesture{part}" / f"user0{label % 3}_led"
            place.mkdir(parents=True, exist_ok=True)
            x, y, p, ms = (
                r.integers(0, 128, 40),
                r.integers(0, 128, 40),
                r.integers(0, 2, 40),
                r.integers(0, 99, 40),
            )
            given[part, label] = np.stack([x, y, p, np.sort(ms)], axis=1)
            np.save(place / f"{label}.npy", given[part, label].astype(np.float64))
    monkeypatch.setattr(tonic.datasets.DVSGesture, "_check_exists", lambda self: True)
    train, test = (tonic.datasets.DVSGesture(str(tmp_path), train=word) for word in (True, False))
    data = dvs_gestures(tmp_path, 5000, several="once", downsample=4, validation=2)
    assert (len(data.train), len(data.test), data.shape) == (11, len(test), (2, 32, 32))
    assert (data.train.y.tolist(), len(data.classes)) == (train.targets, 11)
    for k, label in enumerate(data.train.y.tolist()):
        x, y, p, ms = given["Train", label].T
        expected = np.zeros((data.train.x.T, 2, 32, 32), np.int64)
        expected[ms // 5, p, y // 4, x // 4] = 1
        assert data.train.x[k : k + 1] == ss.from_raster(expected.reshape(len(expected), -1))


def test_a_network_trains_on_a_tonic_dataset() -> None:
    train, test = digit_events()

    class Digits:
        sensor_size = (10, 10, 2)

        def __init__(self, events: Any) -> None:
            self.events = events

        def __len__(self) -> int:
            return 60

        def __getitem__(self, k: int) -> tuple[np.ndarray, int]:
            return self.events.array(k), int(self.events.labels[k])

    data = from_tonic(Digits(train), Digits(test), bin=20_000, steps=16, several="once")
    config = emstdp.Emstdp(sizes=(200, 20, 10), T=32, coding="recorded")
    network = emstdp.build(config, seed=1)
    run = ss.train(network, data, emstdp.encoder(config), emstdp.training(config, epochs=1))
    assert run.finished and run.evaluate(data).predictions.shape == (60,)


def test_what_tonic_cannot_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(self: Any) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(tonic.datasets.NMNIST, "download", download)
    with pytest.raises(DataError, match=r"tonic cannot load NMNIST from .* \(no connection\); download it"):
        nmnist(tmp_path)
    monkeypatch.setitem(sys.modules, "tonic", None)
    with pytest.raises(MissingExtraError, match=r"tonic is not installed.*spikesim\[events\]"):
        nmnist(tmp_path)
