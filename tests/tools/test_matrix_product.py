"""The yardstick: products of several libraries, equal to a sum by hand, the fastest first."""

from __future__ import annotations

import numpy as np

from spikesim.tools.matrix_product import tried


def test_every_library_multiplies_and_the_fastest_is_first() -> None:
    found = tried(rows=7, inner=5, columns=3, rounds=2)
    assert {product.library for product in found} >= {"numpy", "scipy"}
    assert [p.gflops for p in found] == sorted((p.gflops for p in found), reverse=True)
    assert found[-1].gflops > 0
    rs = np.random.default_rng(2)
    a = rs.integers(0, 2, (7, 5)).astype(np.float32)
    b = rs.integers(-9, 9, (5, 3)).astype(np.float32)
    expected = [[sum(a[i, k] * b[k, j] for k in range(5)) for j in range(3)] for i in range(7)]
    for product in found:
        out = np.full((7, 3), 99, np.float32)
        product.multiply(a, b, out)
        np.testing.assert_array_equal(out, expected, product.library)


def test_the_kernels_of_numpy_and_scipy_are_named() -> None:
    for product in tried(2, 2, 2, rounds=1):
        assert product.library == "torch" or any(char.isdigit() for char in product.kernel), product
