import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, RobustScaler, StandardScaler

from nntool.errors import UsageError
from nntool.tables.choices import build
from nntool.tables.operations.scaling import SCALERS

AGES, INCOMES = [25.0, 30.0, 35.0], [50000.0, 60000.0, 70000.0]
HEIGHTS, WEIGHTS = [160.0, 160.0, 170.0], [65.0, 65.0, 70.0]

TWINS = [
    ("standard", StandardScaler()),
    ("minmax", MinMaxScaler()),
    ({"name": "minmax", "low": -1.0, "high": 3.0}, MinMaxScaler((-1, 3))),
    ("robust", RobustScaler()),
    ("none", FunctionTransformer()),
]

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
    assert {c if isinstance(c, str) else c["name"] for c, _ in TWINS} == set(SCALERS)


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
