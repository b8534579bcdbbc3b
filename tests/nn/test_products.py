"""Products: tiled or whole, the same numbers; what is cut keeps the limits that it is cut for."""

import numpy as np
import pytest

from nntool.nn import products
from nntool.nn.products import READ_IN_PLACE, TRANSPOSED_OUTPUTS, Product, tile_for

SHAPES = [
    (32, 512, 512),
    (32, 1024, 200),
    (512, 32, 512),
    (33, 700, 130),
    (2048, 32, 40),
    (5, 7, 3),
    (100, 1, 700),
    (100, 1, 3),
    (1, 300, 5000),
    (40, 50, 1),
]


@pytest.fixture(params=[True, False], ids=["tiled", "whole"])
def _blas(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_blas_reads_in_place", lambda: request.param)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape, dtype=np.float32)


@pytest.mark.usefixtures("_blas")
@pytest.mark.parametrize("transposed", ["neither", "left", "right"])
@pytest.mark.parametrize(("m", "k", "n"), SHAPES)
def test_a_product_is_the_sum_of_products(m: int, k: int, n: int, transposed: str) -> None:
    a = numbers(k, m) if transposed == "left" else numbers(m, k)
    b = numbers(n, k) if transposed == "right" else numbers(k, n)
    left, right = (a.T if transposed == "left" else a), (b.T if transposed == "right" else b)
    out = np.full((m, n), np.nan, np.float32)
    product = Product(left_transposed=transposed == "left", right_transposed=transposed == "right")
    product(a, b, out)
    wanted = np.einsum("ij,jk->ik", left.astype(float), right.astype(float))
    np.testing.assert_allclose(out, wanted, atol=2e-6 * k**0.5 * 4)


@pytest.mark.usefixtures("_blas")
@pytest.mark.parametrize("transposed", ["neither", "left", "right"])
@pytest.mark.parametrize(("m", "k", "n"), [(32, 512, 512), (20, 130, 90), (5, 7, 3), (9, 1, 700)])
def test_axes_in_front_are_as_many_products(m: int, k: int, n: int, transposed: str) -> None:
    """Cut as each of them would be."""
    a = numbers(3, k, m) if transposed == "left" else numbers(3, m, k)
    b = numbers(3, n, k) if transposed == "right" else numbers(3, k, n)
    out = np.full((3, m, n), np.nan, np.float32)
    way = {"left_transposed": transposed == "left", "right_transposed": transposed == "right"}
    Product(**way)(a, b, out)
    for member in range(3):
        alone = np.empty((m, n), np.float32)
        Product(**way)(a[member], b[member], alone)
        np.testing.assert_allclose(out[member], alone, rtol=1e-4, atol=1e-4)
        left = a[member].T if transposed == "left" else a[member]
        right = b[member].T if transposed == "right" else b[member]
        wanted = left.astype(float) @ right.astype(float)
        np.testing.assert_allclose(out[member], wanted, atol=1e-3)


@pytest.mark.usefixtures("_blas")
@pytest.mark.parametrize("changed", [0, 1, 2])
def test_a_product_of_other_arrays_is_theirs(changed: int) -> None:
    product = Product()
    arrays = [numbers(32, 512), numbers(512, 512), np.empty((32, 512), np.float32)]
    product(*arrays)
    arrays[changed] = arrays[changed] + 1
    product(*arrays)
    np.testing.assert_allclose(arrays[2], arrays[0].astype(float) @ arrays[1], atol=1e-3)


def test_an_array_that_changed_in_place_is_read_anew() -> None:
    product, a, b, out = Product(), np.ones((2, 2)), np.ones((2, 2)), np.empty((2, 2))
    product(a, b, out)
    b *= 3
    product(a, b, out)
    assert (out == 6).all()


@pytest.mark.parametrize("right_transposed", [False, True])
def test_every_tile_is_one_that_is_read_in_place(right_transposed: bool) -> None:
    sizes = (1, 2, 31, 32, 64, 65, 256, 1000, 1024, 5000)
    seen = 0
    for m, k, n in ((m, k, n) for m in sizes for k in sizes for n in sizes):
        tile = tile_for(m, k, n, right_transposed=right_transposed)
        if tile is not None:
            seen += 1
            rows, columns = min(m, tile.rows), min(n, tile.columns)
            assert 1 <= rows * columns * k <= READ_IN_PLACE
            assert rows * columns <= TRANSPOSED_OUTPUTS or not right_transposed
    assert seen > 10


def test_a_product_for_several_threads_is_left_whole() -> None:
    assert tile_for(10_000, 64, 64) is not None
    assert tile_for(100_000, 64, 64) is None
