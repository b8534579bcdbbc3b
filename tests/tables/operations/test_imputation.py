import numpy as np
import pyarrow as pa
import pytest
from sklearn.impute import SimpleImputer

from nntool.tables.choices import build
from nntool.tables.operations import NUMBERS_BY_THEMSELVES, TEXTS_BY_THEMSELVES
from nntool.tables.operations.imputation import CATEGORICAL_IMPUTERS, NUMERIC_IMPUTERS, IsMissing

NUMBERS = np.array([3.0, np.nan, 1.0, 1.0, 8.0, np.nan, 3.0, -2.5])
TEXTS = ["b", None, "a", "a", "c", None, "b", "é"]

# name on the command line, name in scikit-learn, value of a constant
NUMERIC = [
    ("median", "median", None),
    ("mean", "mean", None),
    ("most-frequent", "most_frequent", None),
    ({"name": "constant", "value": 7.5}, "constant", 7.5),
]
TEXTUAL = [
    ("most-frequent", "most_frequent", None),
    ({"name": "constant", "value": "none"}, "constant", "none"),
]


@pytest.mark.parametrize(("choice", "strategy", "value"), NUMERIC)
def test_numbers_are_filled_as_in_scikit_learn(choice, strategy, value) -> None:
    imputer = build(NUMERIC_IMPUTERS, "NUMERIC_IMPUTERS", choice)
    ours = imputer.apply(NUMBERS, imputer.fit(NUMBERS), {})
    theirs = SimpleImputer(strategy=strategy, fill_value=value).fit_transform(NUMBERS[:, None])
    np.testing.assert_allclose(ours, theirs[:, 0], rtol=1e-15)
    assert np.isnan(NUMBERS).sum() == 2, "the values given are not changed"


@pytest.mark.parametrize(("choice", "strategy", "value"), TEXTUAL)
def test_texts_are_filled_as_in_scikit_learn(choice, strategy, value) -> None:
    imputer = build(CATEGORICAL_IMPUTERS, "CATEGORICAL_IMPUTERS", choice)
    ours = imputer.apply(pa.array(TEXTS), imputer.fit(pa.array(TEXTS)), {})
    column = np.array(TEXTS, dtype=object)[:, None]
    theirs = SimpleImputer(missing_values=None, strategy=strategy, fill_value=value)
    assert ours.to_pylist() == theirs.fit_transform(column)[:, 0].tolist()


def test_every_imputer_is_in_a_table_above() -> None:
    def names(rows):
        return {choice if isinstance(choice, str) else choice["name"] for choice, *_ in rows}

    assert names(NUMERIC) == set(NUMBERS_BY_THEMSELVES)
    assert names(TEXTUAL) | {"level"} == set(TEXTS_BY_THEMSELVES)


def test_level_leaves_what_is_missing() -> None:
    imputer = CATEGORICAL_IMPUTERS["level"]()
    assert imputer.apply(pa.array(TEXTS), imputer.fit(pa.array(TEXTS)), {}).to_pylist() == TEXTS


@pytest.mark.parametrize("name", sorted(NUMBERS_BY_THEMSELVES))
def test_a_column_without_a_number_is_filled_with_zero(name) -> None:
    imputer = NUMERIC_IMPUTERS[name]()
    nothing = np.full(3, np.nan)
    assert imputer.apply(nothing, imputer.fit(nothing), {}).tolist() == [0, 0, 0]


def test_a_column_without_a_text_is_left_as_it_is() -> None:
    imputer = CATEGORICAL_IMPUTERS["most-frequent"]()
    nothing = pa.array([None, None], pa.string())
    assert imputer.apply(nothing, imputer.fit(nothing), {}).null_count == 2


def test_the_indicator_says_where_a_number_was_missing() -> None:
    indicator = IsMissing()
    flags = indicator.apply(NUMBERS, indicator.fit(NUMBERS), {})
    assert flags.tolist() == [0, 1, 0, 0, 0, 1, 0, 0]
