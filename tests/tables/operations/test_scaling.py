import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from nntool.errors import DataError, UsageError
from nntool.tables.choices import build
from nntool.tables.operations.scaling import SCALERS

AGES, INCOMES = [25.0, 30.0, 35.0], [50000.0, 60000.0, 70000.0]
HEIGHTS, WEIGHTS = [160.0, 160.0, 170.0], [65.0, 65.0, 70.0]

TWINS = [
    ("standard", StandardScaler()),
    ("minmax", MinMaxScaler()),
    ({"name": "minmax", "low": -1.0, "high": 3.0}, MinMaxScaler((-1, 3))),
    ("robust", RobustScaler()),
    ("maxabs", MaxAbsScaler()),
    ("power", PowerTransformer()),
    ("none", FunctionTransformer()),
]

ELSEWHERE = {"robust-smooth", "log1p", "quantile-normal"}
"""Those whose twin is made for each column, below."""

COLUMNS = {
    "spread": np.random.default_rng(1).lognormal(3, 2, 500),
    "far from zero": 1e9 + np.random.default_rng(2).normal(size=300),
    "whole": np.random.default_rng(3).integers(-5, 5, 101).astype(float),
    "constant": np.full(50, 0.1),
    "one row": np.array([4.0]),
    "mostly equal": np.array([2.0] * 20 + [100.0]),
    "gaps": np.array([1.0, np.nan, 4.0, 7.0, np.nan]),
}


def scaled(choice, fitted_on, applied_to=None):
    scaler = build(SCALERS, "SCALERS", choice)
    state = scaler.fit(np.array(fitted_on))
    return scaler.apply(np.array(fitted_on if applied_to is None else applied_to), state, {})


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize(("choice", "twin"), TWINS)
def test_scaling_agrees_with_scikit_learn(choice, twin, column) -> None:
    values = COLUMNS[column]
    later = np.append(values, [values[0] - 1e3, values[0] + 1e3])
    expected = twin.fit(values[:, None]).transform(later[:, None])[:, 0]
    np.testing.assert_allclose(scaled(choice, values, later), expected, rtol=1e-6, atol=1e-6)


def test_a_spread_that_is_only_rounding_counts_as_constant() -> None:
    values = np.where(np.arange(50) % 2, 0.3, 0.1 + 0.2) * 1e6
    theirs = StandardScaler().fit(values[:, None])
    assert SCALERS["standard"]().fit(values)["scale"] == theirs.scale_[0] == 1.0


def test_every_scaler_has_a_twin() -> None:
    found = {c if isinstance(c, str) else c["name"] for c, _ in TWINS}
    assert found | ELSEWHERE == set(SCALERS)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (AGES, [0, 0.5, 1]),
        (INCOMES, [0, 0.5, 1]),
        (HEIGHTS, [0, 0, 1]),
        (WEIGHTS, [0, 0, 1]),
    ],
)
def test_minmax_of_the_textbook_columns(values, expected) -> None:
    assert scaled("minmax", values).tolist() == expected


def test_minmax_of_a_tiny_range_still_fills_it() -> None:
    # scikit-learn takes ranges under 2e-15 for constant; we do not
    assert scaled("minmax", [1e-20, 2e-20, 3e-20]) == pytest.approx([0, 0.5, 1])


@pytest.mark.parametrize("name", sorted(SCALERS))
def test_a_column_without_a_number_stays_finite(name) -> None:
    assert np.isfinite(scaled(name, [np.nan, np.nan], [0.0, 5.0])).all()


def test_minmax_needs_low_below_high() -> None:
    with pytest.raises(UsageError, match="low must be < high"):
        build(SCALERS, "SCALERS", {"name": "minmax", "low": 1.0})


@pytest.mark.parametrize("column", [c for c in COLUMNS if c not in ("constant", "one row")])
@pytest.mark.parametrize("n", [7, 1000])
def test_quantiles_agree_with_scikit_learn(column, n) -> None:
    values = COLUMNS[column]
    twin = QuantileTransformer(
        n_quantiles=min(n, np.count_nonzero(~np.isnan(values))),
        output_distribution="normal",
        subsample=None,
    )
    later = np.append(values, [values[0] - 1e3, values[0] + 1e3, values[0] + 0.01])
    expected = twin.fit(values[:, None]).transform(later[:, None])[:, 0]
    found = scaled({"name": "quantile-normal", "quantiles": n}, values, later)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_quantiles_of_a_constant_are_0_and_outside_of_it_far() -> None:
    found = scaled("quantile-normal", [3.0, 3.0], [3.0, 2.0, 4.0])
    assert found == pytest.approx([0, -5.1993, 5.1993], abs=1e-3)


@pytest.mark.parametrize("column", ["spread", "mostly equal"])
def test_box_cox_agrees_with_scikit_learn(column) -> None:
    values = COLUMNS[column]
    expected = PowerTransformer("box-cox").fit_transform(values[:, None])[:, 0]
    found = scaled({"name": "power", "method": "box-cox"}, values)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_box_cox_refuses_what_is_not_above_0_and_counts_it_later() -> None:
    power = build(SCALERS, "SCALERS", {"name": "power", "method": "box-cox"})
    with pytest.raises(DataError, match="2 are not, the least -1"):
        power.fit(np.array([0.0, -1.0, 4.0]))
    counts = {}
    state = power.fit(np.array([1.0, 2.0, 4.0]))
    found = power.apply(np.array([-3.0, 1.0]), state, counts)
    assert found[0] == found[1]
    assert counts == {"undefined": 1}


def test_a_power_of_huge_numbers_is_finite_or_refused() -> None:
    power = build(SCALERS, "SCALERS", "power")
    for values in ([-1e100, 0.0, 3.0, 1e100], [1e99, 2e99, 1e100]):
        try:
            state = power.fit(np.array(values))
        except DataError:
            continue
        assert np.isfinite(power.apply(np.array([1.0]), state, {})).all()


def test_log1p_takes_the_least_of_training_where_there_is_no_logarithm() -> None:
    log, counts = build(SCALERS, "SCALERS", "log1p"), {}
    state = log.fit(np.array([-7.0, 2.0, 5.0]))
    found = log.apply(np.array([-7.0, -1.0, 5.0, -0.5]), state, counts)
    assert found == pytest.approx(np.log([3, 3, 6, 0.5]))
    assert counts == {"undefined": 2}
    signed = scaled({"name": "log1p", "signed": True}, [0.0], [-6.0, 0.0, 6.0])
    assert signed == pytest.approx(np.log([1 / 7, 1, 7]))


def test_robust_smooth_is_the_equation_and_stays_within_3() -> None:
    values = COLUMNS["spread"]
    z = RobustScaler().fit_transform(values[:, None])[:, 0]
    np.testing.assert_allclose(scaled("robust-smooth", values), z / np.sqrt(1 + (z / 3) ** 2))
    assert np.abs(scaled("robust-smooth", values, [-1e100, 1e100])).max() <= 3
    mostly_equal = scaled("robust-smooth", COLUMNS["mostly equal"])
    assert mostly_equal[-1] == pytest.approx(2 / np.sqrt(1 + 4 / 9)), "(100 − 2) / 49 is 2"


@pytest.mark.parametrize("name", sorted(SCALERS))
@given(values=st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=20))
def test_order_is_kept_and_nothing_becomes_nan(name, values) -> None:
    scaler = build(SCALERS, "SCALERS", {"name": name, "signed": True} if name == "log1p" else name)
    cells = np.sort(values)
    with np.errstate(over="ignore"):
        try:
            found = scaler.apply(cells, scaler.fit(cells), {})
        except DataError:
            return
    assert not np.isnan(found).any()
    assert (np.diff(np.nan_to_num(found)) >= -1e-9 * np.abs(np.nan_to_num(found[1:]))).all()


def test_a_power_that_would_make_all_numbers_equal_is_not_taken() -> None:
    values = np.array([1.0] * 200 + [2.0] * 9)
    theirs = PowerTransformer().fit_transform(values[:, None])
    assert np.ptp(theirs) < 1e-6, "what scikit-learn makes of it"
    np.testing.assert_allclose(scaled("power", values), scaled("standard", values))
