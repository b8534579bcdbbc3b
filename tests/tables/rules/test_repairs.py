"""Valid, derive and require as rules on typed cells: pure, the same in any chunk."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import DataError, UsageError
from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables import cleaning, target
from nntool.tables.casting import merge_counts
from nntool.tables.rules import following

TABLE = {
    "age": ["30", "-25", "", "300", "40", ""],
    "birth": ["1993", "1998", "1988", "1950", "", ""],
    "sex": ["M", "F", "x", "M", "F", "F"],
    "y": ["a", "b", "a", "b", "a", "b"],
}


def text(columns):
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def fitted(columns=TABLE, rows=None, **values):
    table = text(columns)
    s = build(CleanSettings, {"target": "y", **values})
    following.check(s)
    y = target.fit(table.column("y"), "y", s.task, None, s.missing_values)
    return cleaning.fit(table, s, rows, y)


def applied(state, columns=TABLE, wanted=None):
    (batch,) = text(columns).combine_chunks().to_batches()
    typed, counts = cleaning.apply(batch, state, wanted)
    return typed, {c: kinds["rules"] for c, kinds in counts.items() if "rules" in kinds}


def objections(state, columns=TABLE):
    (batch,) = text(columns).combine_chunks().to_batches()
    typed, counts = cleaning.type_cells(batch, state)
    return cleaning.follow_rules(typed, state, counts)[1].tolist()


def roles_of(state):
    return {column["name"]: column["role"] for column in state["columns"]}


@pytest.mark.parametrize(
    ("rule", "expected", "counts"),
    [
        ("age=0..120", [30, None, None, None, 40, None], {"not_valid": 2, "made_missing": 2}),
        ("age=0..120:abs", [30, 25, None, None, 40, None],
         {"not_valid": 2, "made_absolute": 1, "made_missing": 1}),
        ("age=0..120:clip", [30, 0, None, 120, 40, None], {"not_valid": 2, "clipped": 2}),
        ("age=0..120:leave-out", [30, None, None, None, 40, None],
         {"not_valid": 2, "made_missing": 2}),
    ],
)  # fmt: skip
def test_what_is_done_with_a_value_that_is_not_valid(rule, expected, counts):
    state = fitted(valid=[rule])
    typed, found = applied(state)
    assert typed.column("age").to_pylist() == expected
    assert found == {"age": {"valid": counts}}
    assert objections(state) == ([0, 4, 0, 4, 0, 0] if "leave-out" in rule else [0] * 6)


def test_a_rule_may_hold_for_several_columns_and_several_rules_for_one():
    state = fitted(valid=["age,birth=0..", "age=..120"])
    typed, _ = applied(state)
    assert typed.column("age").to_pylist() == [30, None, None, None, 40, None]
    assert typed.column("birth").null_count == 2


def test_gaps_are_computed_and_nothing_else_is_touched():
    state = fitted(derive=["age = 2023 - birth"])
    typed, counts = applied(state)
    assert typed.column("age").to_pylist() == [30, -25, 35, 300, 40, None]
    assert counts == {"age": {"derive": {"computed": 1, "still_missing": 1}}}


def test_what_is_impossible_is_computed_anew_and_must_be_valid_then():
    state = fitted(valid=["age=0..50"], derive=["age = 2023 - birth"])
    typed, counts = applied(state)
    assert typed.column("age").to_pylist() == [30, 25, 35, None, 40, None]
    assert counts["age"]["derive"] == {"computed": 2, "computed_not_valid": 1, "still_missing": 2}


def test_formulas_follow_each_other_and_may_go_in_circles():
    columns = {**TABLE, "age": ["30", "", "", "", "", ""], "c": ["", "1", "2", "3", "", ""]}
    state = fitted(columns, derive=["c = age", "age = c + birth", "c = age - 1"])
    typed, _ = applied(state, columns)
    assert typed.column("c").to_pylist() == [30, 1, 2, 3, None, None]
    assert typed.column("age").to_pylist() == [30, 1999, 1990, 1953, None, None]


def test_a_new_column_is_a_feature_that_prediction_computes_too():
    state = fitted(derive=["since = 2023 - birth", "twice = since * 2"])
    new = [(c["name"], c["role"], c["reason"]) for c in state["columns"][-2:]]
    assert new == [
        ("since", "numeric", "a new column: 2023 - birth (--derive)"),
        ("twice", "numeric", "a new column: since * 2 (--derive)"),
    ]
    assert cleaning.schema(state).names == ["age", "birth", "sex", "since", "twice", "y"]
    assert cleaning.sources(state, ["twice"]) == ["birth"]
    typed, _ = applied(state, {"birth": ["1990", ""], "since": ["7", "7"]}, ["twice"])
    assert typed.to_pydict() == {"twice": [66.0, None]}


def test_prediction_needs_what_the_wanted_columns_are_computed_from_and_no_more():
    state = fitted(valid=["age=0..120"], derive=["age = 2023 - birth"], require_columns=["sex"])
    assert cleaning.sources(state, ["age"]) == ["age", "birth"]
    assert cleaning.sources(state, ["sex"]) == ["sex"]
    typed, _ = applied(state, {"age": ["-5"], "birth": ["2000"]}, ["age"])
    assert typed.to_pydict() == {"age": [23.0]}
    with pytest.raises(DataError, match="'birth'"):
        applied(state, {"age": ["-5"]}, ["age"])


def test_a_formula_that_works_later_is_not_needed_for_one_that_worked_before():
    columns = {**TABLE, "c": ["1", "2", "", "", "", ""]}
    state = fitted(columns, derive=["birth = c", "age = birth"])
    assert cleaning.sources(state, ["age"]) == ["age", "birth", "c"]
    state = fitted(columns, derive=["age = birth", "birth = c"])
    assert cleaning.sources(state, ["age"]) == ["age", "birth"]
    only = {"age": [""], "birth": ["5"]}
    assert applied(state, only, ["age"])[0].to_pydict() == {"age": [5.0]}


def test_dates_are_filled_from_dates_and_differences_are_features():
    columns = {
        "begun": ["2020-01-01", "2020-02-01", ""],
        "ended": ["2020-01-31", "", "2020-03-01"],
        "y": ["a", "b", "a"],
    }
    state = fitted(columns, derive=["ended = begun", "took = days(ended - begun)"])
    typed, _ = applied(state, columns)
    assert [str(day) for day in typed.column("ended").to_pylist()] == [
        "2020-01-31 00:00:00", "2020-02-01 00:00:00", "2020-03-01 00:00:00",
    ]  # fmt: skip
    assert typed.column("took").to_pylist() == [30, 0, None]


@pytest.mark.parametrize(
    ("asked", "error", "stated"),
    [
        ({"derive": ["y = age"]}, UsageError, "'y' is the target, and is never made up"),
        ({"derive": ["age = y + 1"]}, UsageError, "gives it away"),
        ({"derive": ["age = birht"]}, DataError, "'birht' (nearest: 'birth')"),
        ({"derive": ["sex = age"]}, UsageError, "holds text, and the formula comes to a number"),
        ({"derive": ["z = sex + 1"]}, UsageError, "column 'sex' holds text"),
        ({"derive": ["= age"]}, UsageError, "--derive: expected a column, then ="),
        ({"derive": ["z == age"]}, UsageError, "'=' has no meaning in a formula"),
        ({"valid": ["agee=0.."]}, DataError, "'agee' (nearest: 'age')"),
        ({"valid": ["y=a|b"]}, UsageError, "'y' is the target"),
        ({"valid": ["sex=0.."]}, UsageError, "--valid: the column holds text"),
        ({"require_columns": ["agee"]}, DataError, "'agee' (nearest: 'age')"),
    ],
)
def test_what_cannot_be_is_refused(asked, error, stated):
    with pytest.raises(error) as caught:
        fitted(**asked)
    assert stated in caught.value.message


def test_a_name_that_was_taken_for_a_subtraction_is_shown_with_quotes():
    columns = {"hours-per-week": ["1", "2"], "y": ["a", "b"]}
    with pytest.raises(DataError) as caught:
        fitted(columns, derive=["x = hours-per-week * 52"])
    assert '"hours-per-week"' in caught.value.hint
    state = fitted(columns, derive=['x = "hours-per-week" * 52'])
    assert applied(state, columns)[0].column("x").to_pylist() == [52, 104]


def test_a_required_value_that_was_computed_is_there():
    state = fitted(derive=["age = 2023 - birth"], require_columns=["age,sex", "y"])
    assert objections(state) == [0, 0, 0, 0, 0, 5]
    assert objections(fitted(require_columns=["age,sex"])) == [0, 0, 5, 0, 0, 5]


def test_a_constant_feature_is_ignored_unless_it_is_asked_for_or_has_gaps():
    columns = {**TABLE, "c": ["1"] * 6, "g": ["1", "1", "", "1", "1", "1"], "b": ["1"] * 6}
    roles = roles_of(fitted(columns, roles={"b": "numeric"}))
    assert (roles["c"], roles["g"], roles["b"]) == ("ignored", "numeric", "numeric")
    assert roles_of(fitted(columns, constant_columns="keep"))["c"] == "numeric"
    training = np.array([True, True, False, False, False, False])
    assert roles_of(fitted({**TABLE, "c": ["1", "1", *"2345"]}, training))["c"] == "ignored"


ALL = {
    "valid": ["age=0..120:abs", "sex=M|F", "birth>1900:leave-out"],
    "derive": ["age = 2023 - birth", "gap = 1 / (age - 30)"],
    "require_columns": ["sex"],
}


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 5), unique=True))
def test_chunks_give_what_the_whole_gives(cuts):
    state = fitted(**ALL)
    whole, counts = applied(state)
    chunks, total = [], {}
    for start, stop in pairwise([0, *sorted(cuts), 6]):
        part = {name: cells[start:stop] for name, cells in TABLE.items()}
        typed, found = applied(state, part)
        chunks.append(typed)
        merge_counts(total, found)
    assert pa.concat_batches(chunks).equals(whole)
    assert total == counts


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_cells_of_other_rows_change_nothing_that_is_learned(data):
    rows = np.array([True, True, True, True, False, False])
    cell = st.sampled_from(["", "-1", "1e5", "x", "M", "1990"])
    changed = {
        name: [
            c if keep or name == "y" else data.draw(cell)
            for c, keep in zip(cells, rows, strict=True)
        ]
        for name, cells in TABLE.items()
    }
    assert fitted(changed, rows, **ALL) == fitted(TABLE, rows, **ALL)
