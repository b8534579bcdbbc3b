"""Deciles without a sort are those of a sort, and the counts between them those of a count."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.tables.deciles import BLOCK, N_BUCKETS, deciles

RNG = np.random.default_rng(0)
N = 3 * BLOCK + 17


def by_counting(values):
    """Edges and counts by a sort and plain comparisons."""
    there = np.sort(values[~np.isnan(values)])
    n = len(there)
    edges = sorted({there[-(-i * n // 10) - 1] for i in range(1, 10)}) if n else []
    bounds = [-np.inf, *edges, np.inf]
    counts = [int(((there > low) & (there <= high)).sum()) for low, high in pairwise(bounds)]
    return edges, counts


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(RNG.normal(size=N), id="normal"),
        pytest.param(RNG.standard_cauchy(N), id="heavy tails"),
        pytest.param(np.exp(5 * RNG.normal(size=N)), id="skewed"),
        pytest.param(RNG.integers(0, 4, N).astype(float), id="ties"),
        pytest.param(np.sort(RNG.normal(size=N)), id="sorted"),
        pytest.param(np.r_[np.zeros(N), 1e100, -1e100], id="one value, two far away"),
        pytest.param(np.r_[np.arange(N_BUCKETS), np.full(N, 1e-300)], id="tiny"),
        pytest.param(np.r_[np.tile([0.0, 5e-324], N // 2), 1e100], id="the smallest of numbers"),
        pytest.param(np.where(np.arange(N) % 8, RNG.normal(size=N), np.nan), id="gaps"),
        pytest.param(np.where(np.arange(N) % 24, np.nan, RNG.normal(size=N)), id="mostly gaps"),
        pytest.param(np.full(5, np.nan), id="nothing"),
        pytest.param(np.empty(0), id="no rows"),
    ],
)
def test_edges_and_counts_are_those_of_a_sort(values):
    edges, counts = by_counting(values)
    found = deciles(values)
    assert found.edges.tolist() == edges
    assert found.counts.tolist() == counts


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e100, 1e100) | st.just(np.nan) | st.integers(-3, 3), max_size=60))
def test_so_they_are_for_any_values(values):
    values = np.array(values, dtype=float)
    edges, counts = by_counting(values)
    found = deciles(values)
    assert (found.edges.tolist(), found.counts.tolist()) == (edges, counts)


def test_the_deciles_are_those_of_numpy():
    values = RNG.normal(size=997)
    wanted = np.quantile(values, np.arange(1, 10) / 10, method="inverted_cdf")
    assert deciles(values).edges.tolist() == wanted.tolist()
