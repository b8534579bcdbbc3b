"""Columns of one table help each other where their own cells leave a doubt."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import DataError, UsageError
from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables import cleaning, column_types, target
from nntool.tables.hashing import row_hashes
from nntool.tables.typing_pass import type_table

Y = ["1", "0", "1", "0"]


def typed(columns, rows=None, threads=1, **values):
    table = pa.table({**columns, "y": Y})
    settings = build(CleanSettings, {"target": "y", **values})
    y = target.fit(table.column("y"), "y", "auto", None, settings.missing_values)
    return table, y, type_table(table, settings, rows, y, threads)


def entries(found):
    return {column["name"]: column for column in found.columns}


def test_a_decimal_comma_elsewhere_decides_thousands():
    found = typed(
        {
            "price": ["1,5", "2", "3,25", "4"],
            "area": ["1.234", "5.678", "2.500", "900"],
            "rate": ["1,234", "5,678", "2,500", "1,111"],
        }
    )[2]
    assert found.table["price"].to_pylist() == [1.5, 2, 3.25, 4]
    assert found.table["area"].to_pylist() == [1234, 5678, 2500, 900]
    assert found.table["rate"].to_pylist() == [1.234, 5.678, 2.5, 1.111]
    assert "by other columns (--decimal)" in entries(found)["area"]["note"]


def test_where_columns_contradict_each_other_each_stands_for_itself():
    found = typed(
        {
            "price": ["1,5", "2", "3,25", "4"],
            "latitude": ["43.5", "41.2", "40.1", "39"],
            "area": ["1.234", "5.678", "2.500", "900"],
            "rate": ["1,234", "5,678", "2,500", "1,111"],
        }
    )[2]
    assert found.table["latitude"].to_pylist() == [43.5, 41.2, 40.1, 39]
    assert found.table["area"].to_pylist() == [1.234, 5.678, 2.5, 900]
    assert entries(found)["rate"]["role"] == "categorical"
    assert "--decimal" in entries(found)["rate"]["note"]


def test_a_date_column_that_is_clear_decides_for_one_that_is_not():
    columns = {
        "made": ["01/02/2020", "03/04/2020", "05/06/2020", "07/08/2020"],
        "sold": ["13/02/2020", "03/04/2020", "05/06/2020", "07/08/2020"],
    }
    found = typed(columns)[2]
    assert found.table["made"].to_pylist()[0] == datetime(2020, 2, 1)
    assert "like the other dates" in entries(found)["made"]["note"]
    found = typed({"made": columns["made"]})[2]
    assert entries(found)["made"]["role"] == "categorical"
    found = typed({"made": columns["made"]}, roles={"made": "date:MM/DD/YYYY"})[2]
    assert found.table["made"].to_pylist()[0] == datetime(2020, 1, 2)


def test_roles_of_no_feature_have_their_types():
    found = typed(
        {
            "w": ["€ 1,5", "2,5", "3", "4"],
            "patient": ["07", "08", "07", "08"],
            "when": ["2020-01-01", "2020-01-02", "", "2020-01-03"],
            "step": ["1", "2", "3", "4"],
            "story": ["a b", "c d", "e f", "g h"],
        },
        roles={"w": "weight", "patient": "group", "when": "time", "step": "time", "story": "text"},
    )[2]
    kinds = {name: str(found.table.schema.field(name).type) for name in found.table.column_names}
    assert kinds == {
        "w": "double", "patient": "string", "when": "timestamp[us]", "step": "double",
        "story": "string", "y": "string",
    }  # fmt: skip
    assert found.table["w"].to_pylist() == [1.5, 2.5, 3, 4]
    assert "--sample-weight w" in entries(found)["w"]["note"]


@pytest.mark.parametrize(
    ("rows", "dose"), [([1, 1, 1, 1], [5, 7, 9, None]), ([0, 1, 1, 1], [None, 7, 9, None])]
)
def test_words_behind_numbers_are_learned_from_training_rows_only(rows, dose):
    cells = ["5 ml", "7 mg", "9 mg", "2 x 4 mg"]
    found = typed({"dose": cells}, np.array(rows, bool), roles={"dose": "numeric"})[2]
    assert found.table["dose"].to_pylist() == dose
    written = entries(found)["dose"]["number_format"]
    assert written["words"] == ["mg", "ml"][: 1 + rows[0]]
    assert found.counts["dose"]["unfit"] == dose.count(None)


@pytest.mark.parametrize(
    ("roles", "error", "words"),
    [
        ({"x": "number"}, UsageError, "'number' is not a choice"),
        ({"x": "date:DDMM"}, UsageError, "the date format 'DDMM'"),
        ({"x": "numeric:1'234"}, UsageError, "does not show how numbers are written"),
        ({"x": "group:2"}, UsageError, "group takes no format"),
        ({"x": "numeric:percent"}, DataError, "no cell of 'x' is such a number"),
        ({"x": "weight"}, DataError, "no cell of 'x' is such a number, such as 'a'"),
        ({"x": "time"}, DataError, "no cell of 'x' is a date"),
        ({"x": "date:YYYY-MM-DD"}, DataError, "written as YYYY-MM-DD, such as 'a'"),
    ],
)
def test_a_role_that_cannot_be_is_refused(roles, error, words):
    with pytest.raises(error) as caught:
        typed({"x": ["a", "b", "a", "b"]}, roles=roles)
    assert words in caught.value.message


def test_cells_that_look_missing_are_named_and_kept():
    found = typed(
        {
            "city": ["Rome", "unknown", "--", "--"],
            "age": ["31", "999", "28", "999"],
            "size": ["1", "****", "3", "****"],
        }
    )[2]
    assert entries(found)["city"]["suspects"] == {"--": 2, "unknown": 1}
    assert entries(found)["age"]["suspects"] == {"999": 2}
    assert found.table["age"].to_pylist() == [31, 999, 28, 999]
    assert entries(found)["size"]["note"] == "all its cells but '****' are numbers"


def test_a_token_of_one_column_is_missing_there_alone():
    columns = {"age": ["31", "-9", "28", "?"], "depth": ["-9", "1", "2", "3"]}
    found = typed(columns, missing_values_in={"age": "-9,-8"})[2]
    assert found.table["age"].to_pylist() == [31, None, 28, None]
    assert found.table["depth"].to_pylist() == [-9, 1, 2, 3]
    assert found.counts == {"age": {"tokens": {"-9": 1, "?": 1}}}
    with pytest.raises(DataError, match="'agee' \\(nearest: 'age'\\)"):
        typed(columns, missing_values_in={"agee": "-9"})


def test_booleans_of_a_column_have_one_spelling_and_a_column_of_other_text_has_none():
    columns = {"flag": ["True", "true", "FALSE", "True"], "word": ["True", "true", "maybe", "?"]}
    _, y, found = typed(columns)
    assert found.table["flag"].to_pylist() == ["True", "True", "False", "True"]
    assert found.table["word"].to_pylist() == ["True", "true", "maybe", None]
    assert found.counts["flag"] == {"respelled": 2}
    state = {"missing_values": [], "columns": found.columns[:1], "target": y}
    batch = pa.record_batch({"flag": ["TRUE", "false", "tRuE"]})
    cleaned, counts = cleaning.apply(batch, state)
    assert cleaned.column(0).to_pylist() == ["True", "False", "tRuE"]
    assert counts == {"flag": {"respelled": 2}}


def test_only_training_rows_say_how_booleans_are_spelled():
    rows = np.array([True, True, False, False])
    found = typed({"flag": ["TRUE", "FALSE", "true", "maybe"]}, rows)[2]
    assert found.columns[0]["booleans"] == ["FALSE", "TRUE"]
    assert found.table["flag"].to_pylist() == ["TRUE", "FALSE", "TRUE", "maybe"]


CELLS = st.sampled_from(
    [
        "",
        "true",
        "True",
        "?",
        "1",
        "2,5",
        "1.234",
        "1,234",
        "x",
        "01/02/2020",
        "13/02/2020",
        "€ 3,5",
        "2020-01-01",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=4, max_size=4), min_size=1, max_size=3),
    st.none() | st.lists(st.booleans(), min_size=4, max_size=4).map(np.array),
    st.sampled_from([1, 3]),
)
def test_the_pass_gives_what_the_state_gives_chunk_by_chunk(columns, rows, threads):
    named = {f"c{i}": cells for i, cells in enumerate(columns)}
    table, y, found = typed(named, rows, threads)
    state = {"missing_values": ["?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null"],
             "columns": found.columns, "target": y}  # fmt: skip
    batches = [cleaning.apply(table.slice(i, 1).to_batches()[0], state)[0] for i in range(4)]
    assert pa.Table.from_batches(batches).to_pydict() == found.table.to_pydict()
    assert (found.hashes == row_hashes(table)).all()
    assert typed(named, rows)[2].columns == found.columns


def test_only_training_rows_say_how_a_doubtful_target_is_written():
    table = pa.table({"y": ["7,964", "8,100"] * 30, "x": ["1,5"] * 30 + ["1.5"] * 30})
    settings = build(CleanSettings, {"target": "y", "task": "regression"})
    missing = {"y": [], "x": []}
    train = np.arange(60) < 30
    state = column_types.learn_target(table, "y", settings, missing, train)
    assert state["number_format"]["decimal"] == ","
    with pytest.raises(DataError, match=r"7964 with --decimal \. and 7.964 with --decimal ,"):
        column_types.learn_target(table, "y", settings, missing)
