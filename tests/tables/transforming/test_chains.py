"""The chains that a person writes for single columns."""

import json

import numpy as np
import pyarrow as pa
import pytest

from nntool.errors import DataError, UsageError
from nntool.settings.building import build
from nntool.settings.choices import parse_chain
from nntool.settings.transform import TransformSettings
from nntool.tables import transforming

COLUMNS = [("price", "numeric"), ("city", "categorical"), ("when", "date"), ("id", "identifier")]


@pytest.fixture
def table():
    days = np.array(["2020-01-01", "2020-02-01", "2021-03-05", "2022-04-01"], "datetime64[us]")
    return pa.table(
        {
            "price": [1.0, None, 3.0, 8.0],
            "city": ["b", "a", None, "b"],
            "when": pa.array(days),
            "id": ["1", "2", "3", "4"],
        }
    )


def fit(table, **settings):
    return transforming.fit(table, COLUMNS, build(TransformSettings, settings)).state


def names(state, source):
    return [c["name"] for c in transforming.produced(state) if c["source"] == source]


def links(state, source):
    return [
        [link["name"] for link in entry["chain"]]
        for entry in state["columns"]
        if entry["source"] == source
    ]


def test_a_written_chain_takes_the_place_of_that_of_the_role(table):
    state = fit(table, columns={"price": "minmax:low=-1,high=1"}, missing_indicators=False)
    assert links(state, "price") == [["median", "minmax"]]
    values = transforming.apply(table, state, ["price"])[0].ravel()
    np.testing.assert_allclose(values, [-1, -1 + 4 / 7, -1 + 4 / 7, 1], rtol=1e-6)


def test_the_other_columns_keep_theirs(table):
    with_chain, without = fit(table, columns={"price": "none"}), fit(table)
    assert links(with_chain, "city") == links(without, "city")
    assert links(with_chain, "when") == links(without, "when")


def test_a_chain_that_begins_with_what_fills_gaps_is_not_filled_before(table):
    state = fit(table, columns={"price": "constant:value=5,none"}, missing_indicators=False)
    assert links(state, "price") == [["constant", "none"]]
    assert transforming.apply(table, state, ["price"])[0].ravel().tolist() == [1, 5, 3, 8]


def test_an_indicator_stays_beside_a_written_chain_and_alone_where_it_is_all(table):
    assert links(fit(table, columns={"price": "none"}), "price") == [
        ["median", "none"],
        ["is-missing"],
    ]
    alone = fit(table, columns={"price": "is-missing"})
    assert links(alone, "price") == [["is-missing"]]
    assert transforming.apply(table, alone, names(alone, "price"))[0].ravel().tolist() == [
        0,
        1,
        0,
        0,
    ]


def test_a_category_may_become_numbers_that_are_scaled(table):
    state = fit(table, columns={"city": "most-frequent,ordinal,minmax"})
    assert links(state, "city") == [["most-frequent", "ordinal", "minmax"]]
    assert transforming.apply(table, state, ["city"])[0].ravel().tolist() == [1, 0, 1, 1]


def test_a_date_may_have_its_days_only(table):
    state = fit(table, columns={"when": ["days", {"name": "minmax", "high": 2.0}]})
    assert names(state, "when") == ["when_days"]
    assert transforming.apply(table, state, ["when_days"])[0].max() == 2


def test_the_same_chain_as_text_and_as_a_list_learns_the_same(table):
    text = fit(table, columns={"price": "mean,minmax:low=-1"})
    listed = fit(table, columns={"price": ["mean", {"name": "minmax", "low": -1}]})
    assert json.dumps(text) == json.dumps(listed)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"price": "one-hot"}, "'one-hot' does not work on numbers"),
        ({"city": "standard"}, "'standard' does not work on categories"),
        ({"city": "most-frequent"}, "the chain ends with texts"),
        ({"city": "one-hot,standard"}, "'standard' cannot follow 'one-hot'"),
        ({"price": "nonsense"}, "'nonsense' does not work on numbers"),
        ({"price": "minmax:lo=1"}, "there is no setting 'lo'"),
        ({"price": "none,,none"}, "has an empty place"),
        ({"id": "one-hot"}, "'id' is no feature, its role is identifier"),
    ],
)
def test_a_chain_that_cannot_be_is_refused_before_anything_is_learned(table, columns, message):
    with pytest.raises(UsageError, match=message):
        fit(table, columns=columns)


def test_a_column_that_is_not_there_is_named_with_its_nearest(table):
    with pytest.raises(DataError, match=r"'prise' \(nearest: 'price'\)"):
        fit(table, columns={"prise": "none"})


def test_a_setting_after_a_comma_belongs_to_the_choice_before_it():
    assert parse_chain("a:x=1,y=[1,2],b,c,z=3") == [
        {"name": "a", "x": 1, "y": [1, 2]},
        "b",
        {"name": "c", "z": 3},
    ]
