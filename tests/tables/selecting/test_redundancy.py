import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy.stats.contingency import association

from nntool.tables.selecting import redundancy
from nntool.tables.selecting.redundancy import correlation_ratio, cramers_v

RNG = np.random.default_rng(0)
N = 300
LEVEL = RNG.integers(0, 4, N)
X = RNG.normal(size=N)


def corrected(v, k, m, n):
    """Bergsma's V of the V that SciPy gives."""
    phi2 = max(0.0, v**2 * (min(k, m) - 1) - (k - 1) * (m - 1) / (n - 1))
    k, m = (levels - (levels - 1) ** 2 / (n - 1) for levels in (k, m))
    return (phi2 / (min(k, m) - 1)) ** 0.5


@given(k=st.integers(2, 6), m=st.integers(2, 6), alike=st.floats(0, 1), seed=st.integers(0, 99))
@examples(max_examples=50, deadline=None)
def test_cramers_v_is_scipys_but_for_the_bias(k, m, alike, seed) -> None:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, k, N)
    b = np.where(rng.random(N) < alike, a % m, rng.integers(0, m, N))
    a, b = (np.unique(codes, return_inverse=True)[1] for codes in (a, b))
    if min(a.max(), b.max()) < 1:
        return
    plain = association(pd.crosstab(a, b).to_numpy(), method="cramer")
    expected = corrected(plain, a.max() + 1, b.max() + 1, N)
    assert cramers_v(a, b) == pytest.approx(expected, abs=1e-9)
    assert cramers_v(b, a) == pytest.approx(expected, abs=1e-9)


def test_many_levels_of_few_rows_are_not_alike_by_chance() -> None:
    a, b = (np.unique(RNG.integers(0, 90, 200), return_inverse=True)[1] for _ in range(2))
    assert association(pd.crosstab(a, b).to_numpy(), method="cramer") > 0.6
    assert cramers_v(a, b) < 0.2


def test_the_correlation_ratio_is_the_root_of_adjusted_r2_over_levels() -> None:
    values = (LEVEL + X).astype(np.float32)
    groups = pd.Series(values.astype(float)).groupby(LEVEL)
    within = ((values - groups.transform("mean")) ** 2).sum()
    r2 = 1 - within / ((values - values.astype(float).mean()) ** 2).sum()
    adjusted = 1 - (1 - r2) * (N - 1) / (N - 4)
    assert correlation_ratio(LEVEL, values) == pytest.approx(adjusted**0.5)
    assert correlation_ratio(np.arange(N), values) == 0  # as many levels as rows tell nothing


@pytest.fixture
def columns(number):
    """Two categories that say the same in other words, a number told by them, and noise."""
    other = np.where(np.arange(N) % 100, (LEVEL + 1) % 4, LEVEL)
    free = RNG.integers(0, 3, N)
    blocks = {"c": LEVEL, "d": other, "e": free}
    made = {f"{name}={i}": codes == i for name, codes in blocks.items() for i in np.unique(codes)}
    produced = [number(n, i, n[0], "categorical") for i, n in enumerate(made)]
    numbers = {"told": LEVEL * 3 + 0.01 * X, "x": X, "y": X + 0.05 * RNG.normal(size=N)}
    produced += [number(name, len(produced) + i) for i, name in enumerate(numbers)]
    return made | numbers, produced


def test_the_later_category_goes_and_a_number_that_a_category_tells(select, columns) -> None:
    matrix, produced = columns
    found = select(matrix, produced=produced, max_correlation=0.9)
    fates = {f["feature"]: f["reason"] for f in found["features"]}
    assert fates == {
        "c": "",
        "d": fates["d"],
        "e": "",
        "told": "c tells it: η is 1.0000 in training",
        "x": "",
        "y": fates["y"],
    }
    assert fates["d"].startswith("Cramér's V with c is 0.98")
    assert fates["y"].startswith("|r| with x is 0.99")


def test_of_two_alike_the_one_kept_by_name_stays(select, columns) -> None:
    matrix, produced = columns
    found = select(matrix, produced=produced, max_correlation=0.9, keep=["d", "y"])
    fates = {f["feature"]: f["kept"] for f in found["features"]}
    assert fates == {"c": False, "d": True, "e": True, "told": False, "x": False, "y": True}


def test_of_many_rows_a_sample_says_how_alike_categories_are(select, columns, monkeypatch) -> None:
    matrix, produced = columns
    monkeypatch.setattr(redundancy, "ROWS", 100)
    found = select(matrix, produced=produced, max_correlation=0.9)
    assert "Cramér's V and η found by a seeded sample of 100 of 300 rows" in found["notes"]
    assert found["kept"] == [n for n in matrix if n[0] in "ce"] + ["x"]
