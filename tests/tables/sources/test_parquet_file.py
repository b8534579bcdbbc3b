"""Parquet sources: all types, odd names, only the columns that are asked for."""

import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nntool.errors import DataError
from nntool.tables.sources import parquet_file
from nntool.tables.sources.parquet_file import ParquetSource


def source(tmp_path, table):
    path = tmp_path / "in.parquet"
    pq.write_table(table, path, row_group_size=4)
    return ParquetSource(path, "in.parquet")


def rows(opened, columns=None):
    try:
        batches = opened.batches(columns or opened.names)
        return [row for batch in batches for row in batch.to_pylist()]
    finally:
        opened.close()


def narrowed(opened, columns, numbers):
    try:
        return list(opened.narrowed(columns, numbers))
    finally:
        opened.close()


def test_values_are_text_and_null_is_null(tmp_path):
    table = pa.table({"n": [1, None], "x": [0.5, 2.0], "t": ["", "NA"]})
    assert rows(source(tmp_path, table)) == [
        {"n": "1", "x": "0.5", "t": ""},
        {"n": None, "x": "2", "t": "NA"},
    ]


def test_columns_without_a_name_or_with_that_of_another_get_one(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], ["a", "a", ""])
    opened = source(tmp_path, table)
    assert opened.names == ["a", "a_2", "column_3"]
    assert rows(opened, ["column_3", "a_2"]) == [{"column_3": "3", "a_2": "2"}]
    assert len(opened.notes) == 2


def test_a_name_with_a_dot_is_a_name(tmp_path):
    table = pa.table({"a.b": [1], "a": pa.array([{"b": 2}])})
    assert rows(source(tmp_path, table), ["a.b"]) == [{"a.b": "1"}]
    assert rows(source(tmp_path, table), ["a"]) == [{"a": '{"b":2}'}]


def test_bytes_do_no_harm_where_they_are_not_asked_for(tmp_path):
    table = pa.table({"photo": [b"\xff"], "a": [1]})
    assert rows(source(tmp_path, table), ["a"]) == [{"a": "1"}]
    with pytest.raises(DataError, match="'photo' holds bytes"):
        rows(source(tmp_path, table))


def test_zones_lists_and_durations_are_said(tmp_path):
    when = pa.array([datetime.datetime(2024, 7, 1, 10)], pa.timestamp("us", "Europe/Madrid"))
    table = pa.table({"when": when, "tags": [["a"]], "took": [datetime.timedelta(minutes=1)]})
    opened = source(tmp_path, table)
    assert rows(opened) == [{"when": "2024-07-01T10:00:00Z", "tags": '["a"]', "took": "60"}]
    assert [note.partition("'")[2].partition("'")[0] for note in opened.notes] == [
        "when",
        "tags",
        "took",
    ]


def test_batches_change_nothing(tmp_path, monkeypatch):
    table = pa.table({"a": list(range(11)), "b": [i / 7 for i in range(11)]})
    whole = rows(source(tmp_path, table))
    monkeypatch.setattr(parquet_file, "BATCH_ROWS", 3)
    assert rows(source(tmp_path, table)) == whole
    assert [float(row["b"]) for row in whole] == table["b"].to_pylist()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1 and then nothing PAR1"])
def test_what_is_no_parquet_is_refused(tmp_path, content):
    path = tmp_path / "in.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        ParquetSource(path, "in.parquet")


def test_a_damaged_file_is_an_error_of_the_data(tmp_path):
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"a": [str(i) * 50 for i in range(5000)]}), path)
    content = bytearray(path.read_bytes())
    content[100:4000] = bytes(3900)
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        rows(ParquetSource(path, "in.parquet"))


def test_numbers_are_those_that_their_text_would_give(tmp_path):
    table = pa.table(
        {
            "whole": pa.array([2**53 + 1, None, -7], pa.int64()),
            "broken": [0.1, -0.0, 1e-310],
            "short": pa.array([0.1, 2.5, None], pa.float32()),
            "wild": [1.0, float("nan"), float("inf")],
            "code": ["007", "x", "y"],
            "unused": ["a", "b", "c"],
        }
    )
    wanted = ["code", "whole", "broken", "short", "wild"]
    (batch,) = narrowed(source(tmp_path, table), wanted, wanted[1:])
    text = pa.table({name: [row[name] for row in rows(source(tmp_path, table))] for name in wanted})
    assert batch.schema.names == wanted
    assert batch.schema.field("whole").type == batch.schema.field("broken").type == pa.float64()
    for name in ("short", "wild", "code"):
        assert batch.column(name).to_pylist() == text[name].to_pylist()
    for name in ("whole", "broken"):
        assert repr(batch.column(name).to_pylist()) == repr(text[name].cast("float64").to_pylist())


def test_a_row_that_may_have_no_value_brings_all_columns(tmp_path):
    table = pa.table({"x": [1.0, None], "unused": ["a", "b"]})
    (batch,) = narrowed(source(tmp_path, table), ["x"], ["x"])
    assert batch.to_pydict() == {"x": ["1", None], "unused": ["a", "b"]}
