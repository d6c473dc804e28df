"""The pixel model by hand, the event digits, and a network that learns them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spikesim as ss
from spikesim import datasets
from spikesim.datasets.events import bin_events, load_events, save_events
from spikesim.datasets.events import digits as event_digits_module
from spikesim.datasets.events.digits import digit_events, event_digits
from spikesim.datasets.events.pixel_model import camera_events
from spikesim.errors import CheckpointError, DataError, DeclarationError
from spikesim.models import emstdp
from spikesim.models.emstdp.experiment import from_toml


class TestPixelModel:
    pytestmark = pytest.mark.core

    def test_by_hand(self) -> None:
        """Threshold 1/4: up by 5/8 in 100 us is on at 2/5 and 4/5 of it; the rest, 1/8, stays for later.

        Then down by 1/2, from 5/8 to 1/8: the reference is 1/2, off where L = 1/4, after 3/4 of the 100 us.
        Then up by 3/8, to 1/2: the reference is 1/4, on where L = 1/2, at the end.
        """
        film = np.array([0, 5 / 8, 1 / 8, 1 / 2]).reshape(4, 1, 1)
        events = camera_events(film, [1000, 1100, 1200, 1300], 0.25)
        assert events.t.tolist() == [1040, 1080, 1175, 1300]
        assert events.p.tolist() == [1, 1, 0, 1]

    def test_equals_a_loop_of_small_steps(self) -> None:
        """The definition, pixel by pixel and microsecond by microsecond."""
        r, times = np.random.default_rng(3), np.array([0, 64, 128, 192, 256])
        film = r.integers(-40, 40, (5, 3, 4)) / 8
        events = camera_events(film, times, 0.5)
        expected = []
        for y in range(3):
            for x in range(4):
                reference = film[0, y, x]
                for t in range(257):
                    now = np.interp(t, times, film[:, y, x])
                    before = np.interp(max(t - 1, 0), times, film[:, y, x])
                    on = now >= before
                    while (now - reference if on else reference - now) >= 0.5:
                        reference += 0.5 if on else -0.5
                        expected.append((x, y, bool(on), t))
        found = list(zip(events.x, events.y, events.p.astype(bool), events.t, strict=True))
        assert len(found) == len(expected) > 50
        key = lambda event: (event[0], event[1], event[3])  # noqa: E731 - of a pixel, in time
        for a, b in zip(sorted(found, key=key), sorted(expected, key=key), strict=True):
            assert a[:3] == b[:3]
            assert b[3] - 1 <= a[3] <= b[3]  # the microsecond in which it is reached, or at whose end

    @pytest.mark.parametrize(
        ("film", "times", "threshold", "said"),
        [
            (np.zeros((2, 3)), [0, 1], 0.2, r"log_intensity: float64 of shape \(2, 3\)"),
            (np.full((2, 1, 1), -np.inf), [0, 1], 0.2, "not finite; add a constant"),
            (np.zeros((2, 1, 1)), [0, 0], 0.2, "one ascending integer per frame"),
            (np.zeros((2, 1, 1)), [0], 0.2, "one ascending integer per frame"),
            (np.zeros((2, 1, 1)), [0, 1], 0.0, r"threshold = 0\.0"),
        ],
    )
    def test_refusals(self, film: Any, times: Any, threshold: float, said: str) -> None:
        with pytest.raises(DataError, match=said):
            camera_events(film, times, threshold)


class TestDataset:
    pytestmark = pytest.mark.core

    def test_the_same_on_every_machine(self, tmp_path: Path) -> None:
        train, test = digit_events()
        assert (len(train), len(test)) == (1438, 359)
        digests = [save_events(tmp_path / "a.h5", part) for part in (train, test)]
        assert [digest[:16] for digest in digests] == ["1903faeefa175950", "5cdf28ff767eedfe"]
        assert np.array_equal(load_events(tmp_path / "a.h5").t, test.t)

    def test_splits_are_those_of_the_digits(self) -> None:
        data, still = event_digits(), datasets.digits()
        assert (data.shape, data.train.x.shape, data.train.x.T) == ((2, 10, 10), (1438, 200), 31)
        for name in ("fit", "validation", "train", "test"):
            assert np.array_equal(data.split(name).y, still.split(name).y)
            assert np.array_equal(data.split(name).index, still.split(name).index)
        assert "events joined a spike of their pixel in their step" in data.notes[0]
        assert datasets.about("event-digits").samples == (1438, 359)

    def test_a_digit_moves_to_where_the_camera_says(self) -> None:
        """After the first saccade (1 right, 2 down) a pixel has as many on as off events as L has changed."""
        image = np.zeros((1, 8, 8))
        image[0, 2, 3] = 16  # 8 thresholds
        found = event_digits_module.recorded(image, np.zeros(1, np.int64), ("one",)).between(0, 100_001)
        change = np.zeros((10, 10), np.int64)
        np.add.at(change, (found.y, found.x), 2 * found.p.astype(np.int64) - 1)
        assert change[2, 3] == -8 and change[4, 4] == 8
        assert np.abs(change).sum() == 16

    def test_options(self) -> None:
        assert event_digits(50_000, polarity="merge", downsample=2).shape == (1, 5, 5)
        with pytest.raises(DataError, match="bin = 0"):
            event_digits(0)


@functools.cache
def small() -> tuple[Any, datasets.Dataset]:
    data = datasets.event_digits()
    return emstdp.Emstdp(sizes=(200, 60, 10), T=2 * data.train.x.T, coding="recorded", eta=0.6), data


def test_a_network_learns_them(tmp_path: Path) -> None:
    config, data = small()
    network = emstdp.build(config, seed=1)
    training = emstdp.training(config, epochs=3, seed=1)
    run = ss.train(network, data, emstdp.encoder(config), training, out=tmp_path / "run")
    found = run.evaluate(data)
    assert found.accuracy > 0.7  # 0.1 by chance
    opened = ss.Run.open(tmp_path / "run")
    assert opened.encoder == ss.Recorded()
    assert np.array_equal(opened.evaluate(data).predictions, found.predictions)
    with pytest.raises(DataError, match="359 samples of 31 steps, and 359 trials of 50 steps"):
        opened.evaluate(data, T=50)
    other = datasets.event_digits(20_000)
    with pytest.raises(CheckpointError, match="other data"):
        ss.resume(tmp_path / "run", other, epochs=4)


def test_engines_learn_the_same_weights() -> None:
    config, data = small()
    few = ss.Training(samples=6, seed=3)
    network = emstdp.build(config, seed=1)
    runs = [
        ss.train(network, data, emstdp.encoder(config), few, engine=engine)
        for engine in ("naive", "windowed")
    ]
    assert runs[0].weights_sha256 == runs[1].weights_sha256
    spikes = ss.Recorded().encode(data.test.x[:3], data.test.index[:3], data.test.x.T)
    inference = network.inference(spikes.T)
    counts = [
        ss.engine(inference, name=name).run({"in": spikes}).counts
        for name in ("naive", "stepped", "windowed")
    ]
    assert counts[0]["out"].sum() > 0
    for other in counts[1:]:
        assert all(np.array_equal(counts[0][name], other[name]) for name in counts[0])


def test_from_a_toml_file(tmp_path: Path) -> None:
    path = tmp_path / "events.toml"
    path.write_text(
        '[data]\ndataset = "event-digits"\nbin = 20000\npolarity = "merge"\n'
        '[model]\nsizes = [100, 40, 10]\nT = 32\ncoding = "recorded"\n[training]\nepochs = 1\nsamples = 50\n'
    )
    experiment = from_toml(path)
    data = experiment.load()
    assert (data.train.x.T, data.train.x.shape) == (16, (1438, 100))
    network = emstdp.build(experiment.model, 1)
    run = ss.train(network, data, emstdp.encoder(experiment.model), experiment.training(1))
    assert run.finished


def test_from_event_files(tmp_path: Path) -> None:
    train, test = digit_events()
    save_events(tmp_path / "train.h5", train[:100])
    save_events(tmp_path / "test.h5", test[:20])
    path = tmp_path / "events.toml"
    text = (
        '[data]\ndataset = "train.h5"\ntest = "test.h5"\nbin = 20000\nsteps = 16\n'
        'several = "count"\nmost = 4\n'
        '[model]\nsizes = [800, 20, 10]\nT = 32\ncoding = "recorded"\n'
    )
    path.write_text(text)
    data = from_toml(path).load()
    expected = bin_events(train[:100], 20_000, 16, several="count", most=4)
    assert data.train.x == expected.spikes
    assert (len(data.test), data.shape, data.name) == (20, (8, 10, 10), "train")
    path.write_text(text.replace("bin = 20000\n", ""))
    with pytest.raises(DataError, match="events need a time step: bin = 10000"):
        from_toml(path).load()
    path.write_text(text.replace("several", "severals"))
    with pytest.raises(DeclarationError, match="unknown option 'severals'"):
        from_toml(path)


def test_samples_that_are_spikes_need_their_encoder() -> None:
    config, data = small()
    network = emstdp.build(config, seed=1)
    with pytest.raises(
        DataError, match=r"recorded spikes, not intensities; their encoder is spikesim\.Recorded"
    ):
        ss.train(network, data, ss.Poisson(), ss.Training(samples=1))
