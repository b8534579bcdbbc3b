import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from nntool.errors import DataError
from nntool.nn.heads import TargetMap
from nntool.settings.building import build
from nntool.settings.transform import TransformSettings
from nntool.tables import transforming
from nntool.tables.transforming import (
    add_counts,
    apply,
    apply_target,
    applying,
    fit_target,
    produced,
    report,
    sources,
)

COLUMNS = [
    ("age", "numeric"),
    ("id", "identifier"),
    ("color", "categorical"),
    ("when", "date"),
    ("note", "ignored"),
    ("income", "numeric"),
]


def fit(*arguments, **named):
    return transforming.fit(*arguments, **named).state


def options(**values) -> TransformSettings:
    return build(TransformSettings, values)


def table(n: int = 60, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    gaps = rng.random(n) < 0.2
    days = rng.integers(0, 20_000, n) * 86_400_000_000
    return pa.table(
        {
            "age": pa.array(rng.normal(40, 10, n), mask=gaps),
            "id": pa.array([str(i) for i in range(n)]),
            "color": pa.array(rng.choice(["red", "blue", "green"], n), mask=rng.random(n) < 0.2),
            "when": pa.array(days, pa.timestamp("us"), mask=rng.random(n) < 0.1),
            "note": pa.nulls(n, pa.string()),
            "income": pa.array(rng.lognormal(10, 1, n)),
        }
    )


def names(state) -> list[str]:
    return [column["name"] for column in produced(state)]


def test_numbers_and_categories_agree_with_a_column_transformer() -> None:
    data, later = table(200), table(80, seed=1)
    state = fit(data, [c for c in COLUMNS if c[0] in ("age", "income", "color")], options())
    theirs = ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["age"]),
            ("m", SimpleImputer(strategy="constant", add_indicator=True), ["age"]),
            ("c", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["color"]),
            ("i", StandardScaler(), ["income"]),
        ]
    ).set_output(transform="default")
    frame, later_frame = (
        t.to_pandas().astype({"color": object}).replace({"color": {np.nan: None}})
        for t in (data, later)
    )
    expected = theirs.fit(frame).transform(later_frame)
    expected = np.delete(expected.astype(float), 1, axis=1)  # the filled column of the indicator
    np.testing.assert_allclose(apply(later, state)[0], expected, rtol=1e-6, atol=1e-6)


def test_ordinal_codes_are_scaled() -> None:
    data = pa.table({"size": ["s", "m", "l", "m"]})
    ours, _, _ = apply(data, fit(data, [("size", "categorical")], options(encode="ordinal")))
    theirs = make_pipeline(OrdinalEncoder(), StandardScaler()).fit_transform(
        np.array(data["size"].to_pylist(), dtype=object)[:, None]
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_dates_become_days_and_cycles_and_gaps_the_median_date() -> None:
    when = pd.to_datetime(["2020-01-01", "2020-01-03", "2020-01-09", None])
    data = pa.table({"d": pa.array(when, pa.timestamp("us"))})
    state = fit(data, [("d", "date")], options(scale="none"))
    assert names(state) == [
        "d_days",
        "d_month_sin",
        "d_month_cos",
        "d_weekday_sin",
        "d_weekday_cos",
        "d_missing",
    ]
    numeric, _, _ = apply(data, state)
    assert numeric[:, 0].tolist() == [18262, 18264, 18270, 18264]
    assert numeric[:, 5].tolist() == [0, 0, 0, 1]


def test_the_hour_has_a_cycle_where_times_of_day_vary() -> None:
    when = pd.to_datetime(["2020-01-01 06:00", "2020-01-03 12:00"])
    data = pa.table({"d": pa.array(when, pa.timestamp("us"))})
    state = fit(data, [("d", "date")], options())
    numeric, _, _ = apply(data, state, ["d_hour_sin", "d_hour_cos"])
    np.testing.assert_allclose(numeric, [[1, 0], [0, -1]], atol=1e-6)


def test_codes_go_to_a_matrix_of_their_own() -> None:
    state = fit(table(), COLUMNS, options(encode="embedding"))
    numeric, codes, _ = apply(table(), state)
    kinds = {c["name"]: (c["kind"], c["position"], c["levels"]) for c in produced(state)}
    assert kinds["color"] == ("codes", 0, 5)
    assert codes.shape == (60, 1)
    assert (codes.dtype, numeric.dtype) == (np.int32, np.float32)
    assert sorted(set(codes[:, 0])) == [1, 2, 3, 4]
    assert numeric.shape[1] == sum(c["kind"] == "numeric" for c in produced(state))


@given(
    cuts=st.lists(st.integers(0, 60), max_size=4), encode=st.sampled_from(["one-hot", "embedding"])
)
@settings(max_examples=15, deadline=None)
def test_chunks_give_what_the_whole_gives(cuts, encode) -> None:
    data = table()
    state = fit(data, COLUMNS, options(encode=encode), np.arange(60) < 30)
    edges = [0, *sorted(cuts), 60]
    total = {}
    parts = []
    for start, stop in pairwise(edges):
        *arrays, counts = apply(data.slice(start, stop - start), state)
        parts.append(arrays)
        add_counts(total, counts)
    numeric, codes, counts = apply(data.combine_chunks().to_batches()[0], state)
    np.testing.assert_array_equal(np.concatenate([p[0] for p in parts]), numeric)
    np.testing.assert_array_equal(np.concatenate([p[1] for p in parts]), codes)
    assert total == counts


def test_blocks_inside_apply_change_nothing(monkeypatch) -> None:
    state = fit(table(), COLUMNS, options())
    whole = apply(table(), state)
    monkeypatch.setattr(applying, "BLOCK", 7)
    np.testing.assert_array_equal(apply(table(), state)[0], whole[0])


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_cells_outside_the_training_rows_change_nothing_learned(data) -> None:
    encode = data.draw(st.sampled_from(["one-hot", "ordinal", "embedding"]))
    chosen = options(
        encode=encode,
        scale=data.draw(st.sampled_from(["standard", "minmax", "robust"])),
        impute_numeric=data.draw(st.sampled_from(["median", "mean", "most-frequent"])),
        impute_categorical=data.draw(st.sampled_from(["level", "most-frequent"])),
    )
    rows = np.arange(60) % 3 == 0
    before = table()
    column = data.draw(st.sampled_from(["age", "color", "when"]))
    row = data.draw(st.sampled_from(np.flatnonzero(~rows).tolist()))
    cells = before[column].to_pylist()
    others = {
        "age": st.none() | st.floats(-1e12, 1e12),
        "color": st.none() | st.text(max_size=3),
        "when": st.none() | st.datetimes(),
    }
    cells[row] = data.draw(others[column])
    index = before.schema.get_field_index(column)
    after = before.set_column(index, column, pa.array(cells, before.schema.field(column).type))
    assert fit(after, COLUMNS, chosen, rows) == fit(before, COLUMNS, chosen, rows)


def test_only_wanted_columns_come_out_in_the_order_wanted() -> None:
    state = fit(table(), COLUMNS, options())
    everything, _, _ = apply(table(), state)
    wanted = ["income", "color=red", "age_missing", "color=blue"]
    some, _, _ = apply(table(), state, wanted)
    places = [names(state).index(name) for name in wanted]
    np.testing.assert_array_equal(some, everything[:, places])
    assert some.flags.c_contiguous


def test_only_the_sources_of_wanted_columns_are_needed() -> None:
    state = fit(table(), COLUMNS, options())
    assert sources(state) == ["age", "color", "when", "income"]
    wanted = ["color=red", "age_missing"]
    assert sources(state, wanted) == ["age", "color"]
    assert apply(table().select(["color", "age"]), state, wanted)[0].shape == (60, 2)


def test_all_absent_source_columns_are_named_at_once() -> None:
    state = fit(table(), COLUMNS, options())
    with pytest.raises(DataError, match="'age', 'income'"):
        apply(table().drop_columns(["age", "income"]), state)


def test_counts_say_what_was_missing_unseen_and_outside() -> None:
    state = fit(table(), COLUMNS, options())
    odd = pa.table(
        {
            "age": [None, 1e9, 40.0],
            "color": ["mauve", None, "red"],
            "when": pa.array([None, 10**17, 10**14], pa.timestamp("us")),
            "income": [-1.0, 10.0, 1e300],
        }
    )
    numeric, _, counts = apply(odd, state)
    assert counts == {
        "missing": {"age": 1, "color": 1, "when": 1},
        "outside": {"age": 1, "when": 1, "income": 3},
        "unseen": {"color": 1},
        "clipped": {"income": 1},
    }
    assert np.isfinite(numeric).all()


def test_numbers_that_would_overflow_in_a_network_are_clipped_and_counted() -> None:
    data = pa.table({"x": [1e39, -1e39, 1e16, 1e14, 1.0]})
    state = fit(data, [("x", "numeric")], options(scale="none"))
    numeric, _, counts = apply(data, state)
    most = np.float32(1e15)
    assert numeric[:, 0].tolist() == [most, -most, most, np.float32(1e14), 1]
    assert counts == {"clipped": {"x": 3}}


def test_a_gap_filled_by_a_word_of_its_own_is_missing_and_not_unseen() -> None:
    data = pa.table({"color": ["red", "blue"] * 10})
    asked = options(impute_categorical="constant", encode="ordinal")
    state = fit(data, [("color", "categorical")], asked)
    _, _, counts = apply(pa.table({"color": ["red", None, "mauve", None]}), state)
    assert counts == {"missing": {"color": 2}, "unseen": {"color": 1}}


def test_no_two_columns_have_one_name() -> None:
    data = pa.table({"a": [1.0, None], "a_missing": [1.0, 2.0], "a=x": [1.0, 2.0], "b": ["x", "x"]})
    roles = [("a", "numeric"), ("a_missing", "numeric"), ("a=x", "numeric"), ("b", "categorical")]
    assert names(fit(data, roles, options())) == ["a", "a_missing_2", "a_missing", "a=x", "b=x"]


def test_a_text_missing_and_a_missing_cell_have_columns_of_their_own() -> None:
    data = pa.table({"b": ["missing", "missing", None, None]})
    state = fit(data, [("b", "categorical")], options())
    assert names(state) == ["b=missing", "b=missing_2"]
    assert apply(data, state)[0].tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_gaps_that_training_does_not_have_give_no_indicator() -> None:
    data = pa.table({"a": [1.0, 2.0, None]})
    assert names(fit(data, [("a", "numeric")], options(), np.array([True, True, False]))) == ["a"]
    assert names(fit(data, [("a", "numeric")], options(missing_indicators=False))) == ["a"]


def test_the_state_is_json() -> None:
    state = fit(table(), COLUMNS, options(encode="embedding"))
    assert json.loads(json.dumps(state)) == state
    np.testing.assert_array_equal(
        apply(table(), json.loads(json.dumps(state)))[0], apply(table(), state)[0]
    )


def test_dictionary_columns_are_read_as_texts() -> None:
    data = table()
    coded = data.set_column(2, "color", data["color"].dictionary_encode())
    state = fit(data, COLUMNS, options())
    assert fit(coded, COLUMNS, options()) == state
    np.testing.assert_array_equal(apply(coded, state)[0], apply(data, state)[0])


def test_without_a_feature_or_a_row_there_is_nothing_to_learn() -> None:
    with pytest.raises(DataError, match="no column is left"):
        fit(table(), [("id", "identifier")], options())
    with pytest.raises(DataError, match="no training row"):
        fit(table(), COLUMNS, options(), np.zeros(60, bool))


def test_no_rows_give_empty_matrices() -> None:
    state = fit(table(), COLUMNS, options())
    numeric, codes, counts = apply(table().slice(0, 0), state)
    assert (numeric.shape, codes.shape, counts) == ((0, len(names(state))), (0, 0), {})


def test_the_report_names_gaps_rare_levels_and_what_was_unseen() -> None:
    data = pa.table({"a": [1.0, None, 3.0], "b": ["x", "x", "rare"]})
    state = fit(data, [("a", "numeric"), ("b", "categorical")], options())
    found = report(state, {"unseen": {"b": 4}})
    text = " ".join(found["notes"])
    assert "2 columns give 4 columns of numbers, learned from 3 rows" in text
    assert "cells missing in training: a 1 (--impute-numeric" in text
    assert "rare levels that share one slot: b 1" in text
    assert "training never saw: b 4" in text
    assert found["columns"]["a"]["filled_with"] == 2.0


def test_a_numeric_target_is_standardized_on_training_rows_and_comes_back() -> None:
    y = np.array([1.0, 3.0, np.nan, 100.0])
    state = fit_target(y, "regression", options(), np.array([True, True, True, False]))
    assert (state["mean"], state["scale"]) == (2.0, 1.0)
    scaled = apply_target(y, state)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, np.float32([-1, 1, np.nan, 98]))
    back = TargetMap(location=state["mean"], scale=state["scale"])
    np.testing.assert_allclose(back.to_own(scaled), y)
    np.testing.assert_array_equal(apply_target(pa.array([1.0, None]), state), [-1, np.nan])


def test_a_constant_or_unscaled_target_has_scale_one() -> None:
    assert fit_target(np.full(9, 0.1), "regression", options())["scale"] == 1.0
    unscaled = fit_target(np.arange(5.0), "regression", options(target_scaling="none"))
    assert apply_target(np.arange(5.0), unscaled).tolist() == [0, 1, 2, 3, 4]


def test_class_codes_pass_through() -> None:
    state = fit_target(np.array([0, 1, -1]), "binary", options(), classes=["no", "yes"])
    assert state == {"task": "binary", "classes": ["no", "yes"]}
    assert apply_target(np.array([0, 1, -1]), state).dtype == np.int32


@pytest.mark.parametrize(
    ("values", "task"), [(np.array([-1, -1]), "binary"), (np.array([np.nan]), "regression")]
)
def test_a_target_that_is_missing_everywhere_is_refused(values, task) -> None:
    with pytest.raises(
        DataError, match="no training row has a target, of those that clean has not left"
    ):
        fit_target(values, task, options())
