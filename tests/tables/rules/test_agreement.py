"""Columns that follow from others: the majority of a group fills and corrects."""

import json
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.errors import DataError, UsageError
from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables.rules.agreement import Agreement
from nntool.tables.rules.rule import Findings

ROLES = dict.fromkeys(("zip", "city", "state", "street", "a, b"), "categorical")


def asked(*agree, **values):
    settings = build(CleanSettings, {"target": "y", "agree": list(agree), **values})
    Agreement.check(settings)
    return Agreement.asked_for(settings, ROLES)


def applied(learned, /, **columns):
    found = Findings()
    return Agreement.apply(pa.record_batch(columns), learned, found).to_pydict(), found.counts


def test_a_cell_that_is_missing_or_differs_becomes_what_its_group_has():
    columns = {
        "zip": ["1"] * 6 + ["2"] * 2 + ["3", None],
        "city": ["Rome"] * 4 + ["Rone", None, "Bonn", "Köln", "Oslo", None],
    }
    state = asked("zip -> city").fit(pa.table(columns))
    assert json.loads(json.dumps(state)) == state
    assert state["dependencies"] == [
        {"keys": ["zip"], "column": "city", "groups": ["1"], "values": ["Rome"], "undecided": 2}
    ]
    done, counts = applied(state, **columns)
    assert done["city"] == ["Rome"] * 6 + ["Bonn", "Köln", "Oslo", None]
    assert counts == {"city": {"filled": 1, "corrected": 1}}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["u", "v", None])), max_size=40),
    st.floats(0.51, 1),
)
def test_groups_and_values_are_those_that_pandas_counts(rows, share):
    frame = pd.DataFrame(rows, columns=["zip", "city"], dtype=object)
    wanted = {}
    for key, group in frame.dropna().groupby("zip"):
        counts = group["city"].value_counts()
        if counts.iloc[0] >= share * counts.sum() and counts.iloc[0] >= 2:
            wanted[key] = counts.index[0]
    table = pa.table(
        {"zip": pa.array(frame["zip"], pa.string()), "city": pa.array(frame["city"], pa.string())}
    )
    (learned,) = asked("zip -> city", agree_share=share).fit(table)["dependencies"]
    assert dict(zip(learned["groups"], learned["values"], strict=True)) == wanted


def test_several_keys_count_together_and_a_missing_key_is_none():
    columns = {
        "zip": ["1", "1", "1", "1", "1", None],
        "city": ["a", "a", "b", "b", "b", "b"],
        "state": ["x", "x", "y", "y", None, None],
    }
    state = asked("zip,city -> state").fit(pa.table(columns))
    done, counts = applied(state, **columns)
    assert done["state"] == ["x", "x", "y", "y", "y", None]
    assert counts == {"state": {"filled": 1}}
    assert Agreement.needs(state) == {"state": ["city", "zip"]}


def test_a_dependency_learns_from_what_the_one_before_leaves():
    columns = {
        "zip": ["1"] * 6,
        "city": ["Rome"] * 5 + ["Rone"],
        "state": ["x", "x", "x", None, None, "y"],
    }
    state = asked("zip -> city", "city -> state", agree_share=0.8).fit(pa.table(columns))
    assert state["dependencies"][1]["groups"] == []  # 3 of 4 rows of Rome have x


def test_dependencies_follow_each_other_and_what_each_needs_is_known():
    columns = {
        "zip": ["1"] * 6,
        "city": ["Rome"] * 5 + [None],
        "state": ["x"] * 5 + [None],
        "street": ["s"] * 6,
    }
    state = asked("zip -> city", "city -> state, street").fit(pa.table(columns))
    done, _ = applied(state, **columns)
    assert (done["city"][5], done["state"][5]) == ("Rome", "x")
    assert Agreement.needs(state) == {
        "city": ["zip"],
        "state": ["city", "zip"],
        "street": ["city", "zip"],
    }
    done, counts = applied(
        state, city=["Rome"], state=pa.array([None], pa.string())
    )  # as far as its columns are there
    assert (done["state"], counts) == (["x"], {"state": {"filled": 1}})


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1.5, 1.5, 1.5, None]),
        pa.array([datetime(2024, 1, 31, 5)] * 3 + [None], pa.timestamp("us")),
    ],
)
def test_numbers_and_dates_are_keys_and_values_too(values):
    columns = {"zip": values, "city": ["a", "a", "a", "a"]}
    state = json.loads(json.dumps(asked("city -> zip").fit(pa.table(columns))))
    done, counts = applied(state, **columns)
    assert done["zip"] == [values[0].as_py()] * 4
    assert counts == {"zip": {"filled": 1}}
    state = asked("zip -> city").fit(pa.table(columns))
    done, _ = applied(state, zip=values, city=["b", None, "a", "b"])
    assert done["city"] == ["a", "a", "a", "b"]


def test_a_group_that_training_did_not_have_stays_as_it_is():
    state = asked("zip -> city").fit(pa.table({"zip": ["1"] * 3, "city": ["a"] * 3}))
    assert applied(state, zip=["9"], city=["b"]) == ({"zip": ["9"], "city": ["b"]}, {})
    nothing = {"zip": pa.array([], pa.string()), "city": pa.array([], pa.string())}
    assert applied(state, **nothing) == ({"zip": [], "city": []}, {})
    empty = asked("zip -> city").fit(pa.table(nothing))
    assert applied(empty, zip=["9"], city=["b"])[1] == {}


def test_a_name_with_a_comma_is_one_column_where_there_is_one():
    assert [d.column for d in asked("zip -> a, b").dependencies] == ["a, b"]


@pytest.mark.parametrize("text", ["zip city", "-> city", "zip ->", "zip -> city -> state", ""])
def test_what_has_not_two_sides_is_refused(text):
    with pytest.raises(UsageError, match="expected columns, '->' once") as error:
        asked(text)
    assert error.value.hint == "--agree 'zip -> city, state'"


def test_a_column_cannot_follow_from_itself_and_must_be_there():
    with pytest.raises(UsageError, match="'city' stands on both sides"):
        asked("zip,city -> city")
    with pytest.raises(DataError, match="'town'"):
        asked("zip -> town")
