"""Philox: published test vectors, a naive implementation, and independence of the order of calls."""

from __future__ import annotations

import naive_twins
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesim import rng
from spikesim.errors import DeclarationError
from spikesim.rng import Stream

pytestmark = pytest.mark.core
WORDS = st.integers(0, 2**32 - 1)

# Random123's kat_vectors, philox4x32 with 10 rounds.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def compiled(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(w) for w in rng.philox(*map(np.uint64, counter), *map(np.uint64, key)))


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_published_vectors(counter: tuple[int, ...], key: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert naive_twins.philox(counter, key) == expected
    assert compiled(counter, key) == expected


@given(st.tuples(WORDS, WORDS, WORDS, WORDS), st.tuples(WORDS, WORDS))
def test_equals_its_twin(counter: tuple[int, ...], key: tuple[int, ...]) -> None:
    assert compiled(counter, key) == naive_twins.philox(counter, key)


@given(st.integers(0, 2**64 - 1), st.sampled_from(Stream), st.integers(0, rng.MAX_EPOCH), WORDS)
def test_words_equal_their_twin(seed: int, stream: Stream, epoch: int, index: int) -> None:
    expected = [naive_twins.word(seed, stream, epoch, index, i % 4, i // 4) for i in range(10)]
    assert rng.words(seed, stream, 10, epoch, index).tolist() == expected


@given(st.integers(0, 50), st.integers(0, 50))
def test_fewer_words_are_the_beginning_of_more(n: int, m: int) -> None:
    few, many = rng.words(7, Stream.TEST, min(n, m)), rng.words(7, Stream.TEST, max(n, m))
    assert np.array_equal(few, many[: min(n, m)])


def test_every_coordinate_matters() -> None:
    base = {"seed": 1, "stream": Stream.INPUT, "epoch": 0, "index": 0}
    streams = [base, base | {"seed": 2}, base | {"seed": 1 + 2**32}, base | {"stream": Stream.TEST}]
    streams += [base | {"epoch": 1}, base | {"index": 1}]
    drawn = {tuple(rng.words(s["seed"], s["stream"], 8, s["epoch"], s["index"]).tolist()) for s in streams}
    assert len(drawn) == len(streams)


def test_normal_equals_its_twin_and_has_its_moments() -> None:
    drawn = rng.normal(3, Stream.WEIGHTS, (40, 25), index=2)
    first = [naive_twins.word(3, Stream.WEIGHTS, 0, 2, k % 4, k // 4) for k in range(12)]
    assert drawn[0, 0] == (sum(first) - 6 * (2**32 - 1)) / 2**32
    large = rng.normal(3, Stream.WEIGHTS, (20_000,))
    assert abs(large.mean()) < 4 / np.sqrt(large.size)
    assert abs(large.var() - 1) < 4 * np.sqrt(2 / large.size)
    assert np.abs(large).max() < 6


def test_permutation_is_the_stable_order_of_its_words() -> None:
    order = rng.permutation(5, 100, epoch=3)
    drawn = [naive_twins.word(5, Stream.ORDER, 3, 0, i % 4, i // 4) for i in range(100)]
    assert order.tolist() == sorted(range(100), key=drawn.__getitem__)
    assert not np.array_equal(order, rng.permutation(5, 100, epoch=4))
    assert sorted(order.tolist()) == list(range(100))


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(DeclarationError, match=r"seed = .*\[0, 2\*\*64\)"):
        rng.words(seed, Stream.TEST, 1)


@pytest.mark.parametrize("epoch", [-1, 2**24])
def test_an_epoch_out_of_range_is_refused(epoch: int) -> None:
    with pytest.raises(DeclarationError, match="16777215"):
        rng.words(1, Stream.TEST, 1, epoch)


def test_an_index_out_of_range_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"index = 4294967296"):
        rng.words(1, Stream.TEST, 1, 0, 2**32)
