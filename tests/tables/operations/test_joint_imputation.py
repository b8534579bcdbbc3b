"""What fills gaps with the help of other columns, against pandas and scikit-learn."""

import json
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.preprocessing import StandardScaler

from nntool.errors import DataError, UsageError
from nntool.settings.building import build
from nntool.settings.transform import TransformSettings
from nntool.tables import states, transforming
from nntool.tables.operations import neighbours
from nntool.tables.operations.grouped import ByGroupNumber, ByGroupText
from nntool.tables.operations.in_order import Forward, Linear
from nntool.tables.operations.iterative import Iterative
from nntool.tables.operations.neighbours import Neighbours
from nntool.tables.operations.operation import Training

NAN = np.nan


def fitted(imputer, columns, fills, seed=0):
    training = Training(np.zeros(len(next(iter(columns.values())))), 0, seed)
    learned = imputer.fit(columns, fills, training)
    reads = imputer.reads(dict.fromkeys(columns, "numeric"))
    state = {"fills": fills, "reads": reads, **learned}
    plain, arrays = states.separate(state)
    return states.join(json.loads(json.dumps(plain)), arrays)


def with_gaps(n, d, seed, share=0.2):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, 2)) @ rng.normal(size=(2, d)) + 0.3 * rng.normal(size=(n, d))
    matrix = matrix * np.arange(1, d + 1) * 10 + 5
    matrix[rng.random((n, d)) < share] = NAN
    return matrix


def as_columns(matrix):
    return {f"x{j}": matrix[:, j].copy() for j in range(matrix.shape[1])}


def as_matrix(columns):
    return np.column_stack([columns[f"x{j}"] for j in range(len(columns))])


@pytest.mark.parametrize("by", ["median", "mean", "most-frequent"])
def test_by_group_is_what_pandas_says_of_each_group(by):
    rng = np.random.default_rng(1)
    group = rng.choice(["a", "b", "c"], 60)
    values = rng.integers(0, 5, 60).astype(float)
    values[rng.random(60) < 0.3] = NAN
    columns = {"g": pa.array(group), "x": values}
    state = fitted(ByGroupNumber("g", by), columns, ["x"])
    frame = pd.DataFrame({"g": group, "x": values})
    usual = frame.groupby("g")["x"].agg(
        {"median": "median", "mean": "mean", "most-frequent": lambda x: x.mode()[0]}[by]
    )
    expected = frame["x"].fillna(frame["g"].map(usual))
    np.testing.assert_allclose(ByGroupNumber.apply(columns, state)["x"], expected, rtol=1e-12)


def test_a_group_that_says_nothing_takes_what_is_usual_everywhere():
    columns = {"g": np.array([1.0, 1, 2, NAN]), "x": np.array([1.0, 3, NAN, 8])}
    state = fitted(ByGroupNumber("g"), columns, ["x"])
    new = {"g": np.array([1.0, 2, 7, NAN]), "x": np.full(4, NAN)}
    assert ByGroupNumber.apply(new, state)["x"].tolist() == [2, 3, 3, 3]


def test_a_category_is_filled_with_the_most_frequent_level_of_its_group():
    columns = {
        "zip": pa.array(["1", "1", "1", "2", "2", None]),
        "town": pa.array(["B", "A", "A", "C", None, "C"]),
    }
    state = fitted(ByGroupText("zip"), columns, ["town"])
    new = {"zip": pa.array(["1", "2", "9", None]), "town": pa.nulls(4, pa.string())}
    # A and C are equally frequent in all: the first by code point
    assert ByGroupText.apply(new, state)["town"].to_pylist() == ["A", "C", "A", "A"]


def test_by_group_and_the_orders_need_their_column():
    for make in (ByGroupNumber, ByGroupText, Forward, Linear):
        with pytest.raises(UsageError, match="needs a"):
            make()
    with pytest.raises(DataError, match="nearest: 'when'"):
        Forward("wen").reads({"when": "date", "x": "numeric"})
    with pytest.raises(UsageError, match="'city' is categorical, and has no order"):
        Linear("city").reads({"city": "categorical"})


def test_forward_is_what_pandas_fills_forward_in_each_series():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "t": rng.permutation(50).astype(float),
            "s": rng.choice(["a", "b"], 50),
            "x": np.where(rng.random(50) < 0.4, NAN, rng.normal(size=50)),
        }
    )
    columns = {"t": frame["t"].to_numpy(), "s": pa.array(frame["s"]), "x": frame["x"].to_numpy()}
    state = fitted(Forward("t", "s"), columns, ["x"])
    expected = frame.sort_values("t").groupby("s")["x"].ffill().sort_index()
    expected = expected.fillna(frame["x"].median())
    np.testing.assert_allclose(Forward.apply(columns, state)["x"], expected)


def test_linear_is_what_pandas_interpolates_by_index():
    rng = np.random.default_rng(3)
    t = np.sort(rng.choice(1000, 40, replace=False)).astype(float)
    x = np.where(rng.random(40) < 0.4, NAN, rng.normal(size=40))
    shuffled = rng.permutation(40)
    columns = {"t": t[shuffled], "x": x[shuffled]}
    state = fitted(Linear("t"), columns, ["x"])
    expected = pd.Series(x, t).interpolate(method="index").ffill().bfill().to_numpy()
    np.testing.assert_allclose(Linear.apply(columns, state)["x"], expected[shuffled], rtol=1e-12)


def test_rows_without_a_place_in_the_order_take_the_median():
    columns = {"t": np.array([1.0, NAN, 3]), "x": np.array([5.0, NAN, NAN])}
    for cls in (Forward, Linear):
        state = fitted(cls("t"), columns, ["x"])
        assert cls.apply(columns, state)["x"].tolist() == [5, 5, 5]
    empty = {"t": np.array([1.0, 2.0]), "x": np.array([NAN, NAN])}
    assert Linear.apply(empty, state)["x"].tolist() == [5, 5]


def test_an_identifier_that_counts_rows_is_an_order():
    columns = {"n": pa.array(["10", "9", "11"]), "x": np.array([NAN, 1.0, NAN])}
    state = fitted(Forward("n"), columns, ["x"])
    assert Forward.apply(columns, state)["x"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("k", [1, 5])
def test_neighbours_agree_with_scikit_learn_on_standardized_columns(weights, k):
    train, new = with_gaps(150, 5, 0), with_gaps(60, 5, 1, share=0.4)
    new[0] = NAN
    state = fitted(Neighbours(k, weights), as_columns(train), [f"x{j}" for j in range(5)])
    scaler = StandardScaler().fit(train)
    theirs = KNNImputer(n_neighbors=k, weights=weights).fit(scaler.transform(train))
    expected = scaler.inverse_transform(theirs.transform(scaler.transform(new)))
    ours = as_matrix(Neighbours.apply(as_columns(new), state))
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_neighbours_keep_a_seeded_sample_and_say_so(monkeypatch):
    monkeypatch.setattr(neighbours, "MOST_ROWS", 50)
    columns = as_columns(with_gaps(200, 3, 0))
    first, again, other = (fitted(Neighbours(), columns, list(columns), s) for s in (0, 0, 1))
    assert first["donors"].shape == (50, 3)
    np.testing.assert_array_equal(first["donors"], again["donors"])
    assert not np.array_equal(first["donors"], other["donors"], equal_nan=True)
    assert "50 of 200 training rows are kept" in first["note"]


def test_regressions_agree_with_scikit_learn():
    train, new = with_gaps(300, 6, 0), with_gaps(80, 6, 1, share=0.4)
    state = fitted(Iterative(), as_columns(train), [f"x{j}" for j in range(6)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected = IterativeImputer(random_state=0).fit(train).transform(new)
    ours = as_matrix(Iterative.apply(as_columns(new), state))
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize("imputer", [Neighbours(), Iterative()])
def test_a_column_without_a_value_and_a_single_row_are_filled_all_the_same(imputer):
    matrix = with_gaps(40, 3, 0)
    matrix[:, 1] = NAN
    for rows in (matrix, matrix[:1]):
        state = fitted(imputer, as_columns(rows), ["x0", "x1", "x2"])
        filled = as_matrix(type(imputer).apply(as_columns(matrix), state))
        assert np.isfinite(filled).all()
        assert (filled[:, 1] == 0).all()


FLOWS = [
    {"impute_numeric": {"name": "by-group", "column": "g"}},
    {"impute_numeric": "knn"},
    {"impute_numeric": "iterative"},
    {"impute_categorical": {"name": "by-group", "column": "x0"}},
    {"mix": ["polynomial", {"name": "pca", "share": 1.0}]},
    {"mix": [{"name": "pca", "whiten": True, "count": 2}]},
]


@pytest.mark.parametrize("settings", FLOWS)
def test_rows_become_the_same_whatever_chunk_they_come_in(settings):
    matrix = with_gaps(120, 4, 5)
    rng = np.random.default_rng(0)
    data = {f"x{j}": pa.array(matrix[:, j], from_pandas=True) for j in range(4)}
    data["g"] = pa.array(rng.choice(["u", "v"], 120), mask=rng.random(120) < 0.1)
    table = pa.table(data)
    columns = [*((f"x{j}", "numeric") for j in range(4)), ("g", "categorical")]
    train = np.arange(120) < 80
    state = transforming.fit(table, columns, build(TransformSettings, settings), train).state
    whole = transforming.apply(table, state)[0]
    assert np.isfinite(whole).all()
    for size in (1, 7):
        parts = [transforming.apply(table.slice(i, size), state)[0] for i in range(0, 120, size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    # what is learned knows nothing of the other rows
    changed = table.slice(0, 80)
    other = pa.concat_tables([changed, table.slice(0, 40)])
    again = transforming.fit(other, columns, build(TransformSettings, settings), train).state
    assert states.separate(again)[0] == states.separate(state)[0]
    np.testing.assert_array_equal(transforming.apply(table, again)[0], whole)
