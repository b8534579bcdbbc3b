import csv
import io
import math
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.tables.csv.writing import as_text, write_batch, write_header

CELLS = st.text(st.sampled_from('ab,;" \n\ré'), max_size=5) | st.none()


def written(table):
    out = io.BytesIO()
    write_header(out, table.column_names)
    write_batch(out, table)
    return out.getvalue().decode()


@given(st.lists(st.tuples(CELLS, CELLS), max_size=6))
def test_text_reads_back_with_the_csv_module(rows):
    table = pa.table({n: pa.array([r[i] for r in rows], pa.string()) for i, n in enumerate("ab")})
    back = list(csv.reader(io.StringIO(written(table), newline="")))
    assert back == [["a", "b"], *[[cell or "" for cell in row] for row in rows]]


@given(st.lists(st.floats(allow_nan=False, width=32)), st.booleans())
def test_numbers_are_the_shortest_that_read_back_exactly(values, single):
    array = pa.array(np.array(values, np.float32 if single else np.float64))
    text = as_text(array).to_pylist()
    kind = np.float32 if single else np.float64
    for cell, value in zip(text, array.to_numpy(), strict=True):
        assert kind(cell) == value
        if math.isfinite(value):
            shortest = np.format_float_scientific(value, unique=True, trim="-").split("e")[0]
            digits = cell.split("e")[0].lstrip("-").replace(".", "").strip("0")
            assert digits == shortest.lstrip("-").replace(".", "").strip("0")


def test_cells_are_quoted_only_where_they_must_be():
    table = pa.table({"a,b": ["x", "x y", "1,5", 'a"b'], "c": [1, 2, 3, None]})
    assert written(table) == '"a,b",c\nx,1\nx y,2\n"1,5",3\n"a""b",\n'


def test_a_lone_empty_cell_does_not_become_a_blank_line():
    assert written(pa.table({"a": ["", None, "x"]})) == 'a\n""\n""\nx\n'
    assert written(pa.table({"a": pa.array([None, 1.5])})) == 'a\n""\n1.5\n'


def test_types_are_written_as_collect_reads_them():
    table = pa.table(
        {
            "flag": [True, None],
            "day": [date(2020, 2, 29), None],
            "at": [datetime(2020, 2, 29, 13, 0, 5, 250000), datetime(2020, 1, 1)],
            "level": pa.array(["x", "y,"]).dictionary_encode(),
            "none": pa.nulls(2),
        }
    )
    assert written(table).splitlines()[1:] == [
        "true,2020-02-29,2020-02-29T13:00:05.25,x,",
        ',,2020-01-01,"y,",',
    ]


@pytest.mark.parametrize("n", [0, 70_000])
def test_every_row_is_one_line_whatever_the_chunks(n):
    table = pa.concat_tables([pa.table({"a": np.arange(n), "b": np.arange(n) / 4})] * 2)
    lines = written(table.slice(1)).splitlines()
    assert len(lines) == 1 + max(2 * n - 1, 0)
    if n:
        assert lines[1] == "1,0.25"
        assert lines[-1] == f"{n - 1},{(n - 1) / 4}"


def test_a_slice_of_a_batch_is_written_alone():
    batch = pa.record_batch({"a": ["x", "y,", "z"]}).slice(1, 1)
    out = io.BytesIO()
    write_batch(out, batch)
    assert out.getvalue() == b'"y,"\n'
