import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nntool.tables.selecting import significance
from nntool.tables.selecting.significance import chi2_significance, f_significance


@given(f=st.floats(0, 1e4), between=st.integers(1, 50), within=st.integers(1, 200))
def test_of_f_it_is_minus_the_logarithm_of_p(f, between, within) -> None:
    p = stats.f.sf(f, between, within)
    expected = -np.log10(p) if p > 1e-300 else None
    found = f_significance(f, between, within)
    assert expected is None or found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(chi2=st.floats(0, 1e3), degrees=st.integers(1, 300))
def test_of_chi2_it_is_minus_the_logarithm_of_p(chi2, degrees) -> None:
    expected = -np.log10(stats.chi2.sf(chi2, degrees))
    assert chi2_significance(chi2, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(
    f=st.floats(2, 50),
    between=st.integers(1, 40),
    within=st.integers(50, 2000),
    chi2=st.floats(20, 900),
    degrees=st.integers(1, 400),
)
def test_the_formula_for_the_smallest_agrees_where_p_is_still_known(
    f, between, within, chi2, degrees
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        plain = f_significance(f, between, within), chi2_significance(chi2, degrees)
        patch.setattr(significance, "SMALLEST", 2.0)
        assert f_significance(f, between, within) == pytest.approx(plain[0], rel=1e-6, abs=1e-9)
        if chi2 > degrees + 2:  # the smallest are far out, never below the mean
            assert chi2_significance(chi2, degrees) == pytest.approx(plain[1], rel=1e-6, abs=1e-9)


def test_what_a_float_would_call_0_is_still_told_apart() -> None:
    # two degrees of freedom have closed forms: P(χ² ≥ x) = e^(−x/2), P(F ≥ f) = (1 + 2f/m)^(−m/2)
    assert chi2_significance(1e6, 2) == pytest.approx(5e5 / np.log(10))
    assert f_significance(500.0, 2, 10_000) == pytest.approx(5000 * np.log10(1 + 1000 / 10_000))
    assert f_significance(5000.0, 2, 10_000) == pytest.approx(5000 * np.log10(2))
    assert np.isfinite(f_significance(np.inf, 3, 100))


def test_no_statistic_is_no_significance() -> None:
    assert f_significance(np.nan, 1, 10) == f_significance(3.0, 1, 0) == 0
    assert chi2_significance(0.0, 0) == 0
