"""Encoders: exact equality with naive implementations, rates, and refusals."""

from __future__ import annotations

from dataclasses import replace

import naive_twins
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spikesim.encoders import (
    ENCODERS,
    Poisson,
    Recorded,
    Regular,
    describe_encoder,
    inputs_of,
    restore_encoder,
)
from spikesim.errors import DataError, DeclarationError
from spikesim.rng import Stream
from spikesim.spikes import Spikes, from_raster

pytestmark = pytest.mark.core
Floats = npt.NDArray[np.float32]
IMAGES = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 3), st.integers(1, 5)), elements=st.floats(0, 1, width=32)
)
SCALES = st.sampled_from([1.0, 0.5, 0.3, 0.01])
STEPS = st.integers(1, 13)


def events(spikes: Spikes, b: int) -> list[tuple[int, int]]:
    mine = slice(spikes.offsets[b], spikes.offsets[b + 1])
    return list(zip(spikes.times[mine].tolist(), spikes.neurons[mine].tolist(), strict=True))


@given(IMAGES, STEPS, SCALES, st.integers(0, 2**64 - 1), st.integers(0, 2**24 - 1), st.booleans())
def test_poisson_equals_its_twin(
    x: Floats, T: int, scale: float, seed: int, epoch: int, shared: bool
) -> None:
    index = np.arange(len(x)) * 1000 + 7
    spikes = Poisson(scale, shared).encode(x, index, T, seed, epoch, Stream.TEST)
    for b in range(len(x)):
        twin = naive_twins.poisson(x[b], int(index[b]), T, seed, epoch, Stream.TEST, scale, shared)
        assert events(spikes, b) == twin


@given(IMAGES, STEPS, SCALES)
def test_regular_equals_its_twin(x: Floats, T: int, scale: float) -> None:
    spikes = Regular(scale).encode(x, np.arange(len(x)), T)
    for b in range(len(x)):
        assert events(spikes, b) == naive_twins.regular(x[b], T, scale)


@given(IMAGES, STEPS, st.sampled_from([Poisson(), Poisson(shared=True), Regular(0.5)]))
def test_what_encoders_make_would_pass_the_checks(x: Floats, T: int, encoder) -> None:  # type: ignore[no-untyped-def]
    made = encoder.encode(x, np.arange(len(x)), T, 5)
    for part in (made, made[1:], made[:1]):
        assert Spikes(part.times, part.neurons, part.offsets, part.T, part.n) == part


@pytest.mark.parametrize("encoder", [Poisson(), Poisson(shared=True), Regular()])
def test_zero_never_fires_and_one_always(encoder) -> None:  # type: ignore[no-untyped-def]
    x = np.array([[0.0, 1.0, -0.0, 1.0]], np.float32)
    dense = encoder.encode(x, np.array([3]), 50, 11).raster()
    assert not dense[:, [0, 2]].any()
    assert dense[:, [1, 3]].all()


@pytest.mark.parametrize("encoder", [Poisson(0.5), Poisson(0.5, shared=True), Regular(0.5)])
def test_a_bias_is_one_more_input_that_fires_in_every_step(encoder) -> None:  # type: ignore[no-untyped-def]
    x = np.random.default_rng(1).random((3, 5)).astype(np.float32)
    plain = encoder.encode(x, np.arange(3), 20, 7)
    biased = replace(encoder, bias=True)
    found = biased.encode(x, np.arange(3), 20, 7)
    assert found.n == inputs_of(biased, 5) == 6
    assert inputs_of(encoder, 5) == 5
    for b in range(3):
        assert np.array_equal(found.raster(b)[:, :5], plain.raster(b))
        assert found.raster(b)[:, 5].all()
    assert describe_encoder(biased)["bias"] is True
    assert "bias" not in describe_encoder(encoder)  # as in version 0.1.0
    assert restore_encoder(describe_encoder(biased)) == biased


def test_the_rate_is_the_intensity() -> None:
    x = np.repeat(np.linspace(0.05, 0.95, 7, dtype=np.float32)[:, None], 50, axis=1)
    spikes = Poisson().encode(x, np.arange(7), 40, 1)
    n = 50 * 40
    for b in range(7):
        p = float(x[b, 0])
        assert abs(spikes[b : b + 1].counts().sum() / n - p) < 4 * np.sqrt(p * (1 - p) / n)


def test_regular_counts_are_exact() -> None:
    x = np.array([[0.25, 0.5, 0.75, 1.0, 0.125]], np.float32)
    assert Regular().encode(x, np.array([0]), 16).counts().tolist() == [[4, 8, 12, 16, 2]]
    assert Regular(0.5).encode(x, np.array([0]), 16).counts().tolist() == [[2, 4, 6, 8, 1]]
    assert Regular().encode(x[:, :1], np.array([0]), 9).times.tolist() == [3, 7]


@given(IMAGES, st.integers(0, 3), STEPS)
def test_a_batch_in_two_parts_and_another_order_is_the_same(x: Floats, cut: int, T: int) -> None:
    index = np.arange(len(x)) + 5
    whole = Poisson().encode(x, index, T, 9, 2)
    parts = [Poisson().encode(x[rows], index[rows], T, 9, 2) for rows in (slice(cut), slice(cut, None))]
    assert [events(p, b) for p in parts for b in range(len(p))] == [events(whole, b) for b in range(len(x))]
    turned = Poisson().encode(x[::-1], index[::-1], T, 9, 2)
    assert [events(turned, b) for b in range(len(x))][::-1] == [events(whole, b) for b in range(len(x))]


@given(IMAGES, STEPS)
def test_a_longer_window_begins_like_a_shorter_one(x: Floats, T: int) -> None:
    index = np.arange(len(x))
    short, long = Poisson().encode(x, index, T, 4), Poisson().encode(x, index, T + 5, 4)
    for b in range(len(x)):
        assert np.array_equal(long.raster(b)[:T], short.raster(b))


def test_every_coordinate_matters() -> None:
    x = np.full((1, 20), 0.5, np.float32)
    settings = [(0, 1, 0, Stream.INPUT), (1, 1, 0, Stream.INPUT), (0, 2, 0, Stream.INPUT)]
    settings += [(0, 1, 1, Stream.INPUT), (0, 1, 0, Stream.TEST)]
    drawn = [
        Poisson().encode(x, np.array([i]), 20, seed, epoch, stream) for i, seed, epoch, stream in settings
    ]
    assert all(a != b for k, a in enumerate(drawn) for b in drawn[:k])


def test_shared_noise_is_one_number_a_step() -> None:
    x = np.array([[0.5, 0.5, 0.2], [0.5, 0.9, 0.0]], np.float32)
    spikes = Poisson(shared=True).encode(x, np.array([4, 8]), 40, 1)
    first, second = spikes.raster(0), spikes.raster(1)
    assert np.array_equal(first[:, 0], first[:, 1]) and np.array_equal(first[:, 0], second[:, 0])
    assert (first[:, 2] <= first[:, 0]).all() and (second[:, 1] >= second[:, 0]).all()
    assert 0 < first[:, 0].sum() < 40


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.5, 255.0, float("inf")])
@pytest.mark.parametrize("encoder", [Poisson(), Regular()])
def test_intensities_out_of_range_are_refused_with_their_place(encoder, value: float) -> None:  # type: ignore[no-untyped-def]
    x = np.zeros((3, 4), np.float32)
    x[2, 1] = value
    with pytest.raises(DataError, match=r"sample 102, input 1: .* not in \[0, 1\]; .*divide by 255"):
        encoder.encode(x, np.array([100, 101, 102]), 5, 1)


def test_shapes_and_indices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(2, 3\) with 1 indices"):
        Poisson().encode(np.zeros((2, 3), np.float32), np.array([0]), 5, 1)
    for index in (-1, 2**32):
        with pytest.raises(DataError, match=rf"indices from {index} .*2\*\*32"):
            Poisson().encode(np.zeros((1, 3), np.float32), np.array([index]), 5, 1)


@pytest.mark.parametrize("kind", [Poisson, Regular])
@pytest.mark.parametrize("scale", [0.0, -1.0, 1.01, float("nan")])
def test_a_scale_out_of_range_is_refused(kind, scale: float) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DeclarationError, match=rf"{kind.__name__}: scale = .*\(0, 1\]"):
        kind(scale)


def test_no_sample_gives_no_spikes() -> None:
    spikes = Poisson().encode(np.zeros((0, 3), np.float32), np.zeros(0, np.int64), 5, 1)
    assert (len(spikes), spikes.times.size) == (0, 0)


def test_encoders_are_restored() -> None:
    assert len(ENCODERS) >= 2
    for encoder in (Poisson(0.5, True), Regular(0.25)):
        assert restore_encoder(describe_encoder(encoder)) == encoder
    with pytest.raises(DeclarationError, match="Did you mean 'Poisson'"):
        restore_encoder({"type": "Poison"})


def test_recorded_spikes_are_played_as_they_are() -> None:
    spikes = from_raster(np.random.default_rng(1).random((3, 5, 4)) < 0.4)
    coder = restore_encoder(describe_encoder(Recorded()))
    for seed, epoch, stream in ((0, 0, Stream.INPUT), (7, 3, Stream.TEST)):
        assert coder.encode(spikes, np.arange(3), 5, seed, epoch, stream) == spikes


def test_recorded_refuses_other_lengths_and_intensities() -> None:
    spikes = from_raster(np.zeros((3, 5, 4)))
    with pytest.raises(DataError, match="3 samples of 5 steps, and 3 trials of 6 steps; give the network"):
        Recorded().encode(spikes, np.arange(3), 6)
    with pytest.raises(DataError, match="3 samples of 5 steps, and 2 trials of 5 steps"):
        Recorded().encode(spikes, np.arange(2), 5)
    with pytest.raises(DataError, match="the samples are ndarray; recorded spikes are needed"):
        Recorded().encode(np.zeros((3, 4), np.float32), np.arange(3), 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("coder", [Poisson(), Regular()])
def test_encoders_of_intensities_refuse_recorded_spikes(coder: Poisson | Regular) -> None:
    with pytest.raises(
        DataError, match=r"recorded spikes, not intensities; their encoder is spikesim\.Recorded"
    ):
        coder.encode(from_raster(np.zeros((3, 5, 4))), np.arange(3), 5, 1)  # type: ignore[arg-type]
