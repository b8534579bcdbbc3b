"""What a model reads of a CSV: the same values and counts as of the text of all columns."""

import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import DataError
from nntool.tables import chunks, column_types
from nntool.tables.casting import merge_counts
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.reader import CsvReader

NUMBER = {"name": "x", "role": "numeric", "type": "float64"}
CELLS = st.sampled_from(
    [
        *("1", "-2.5", "", " 7 ", "\t8", "+1.5", "1e400", "-0", "1e-400", ".5", "1.", "NA", "?"),
        *("inf", "nan", "NaN", "abc", '"9"', '""', "0x10", "1_0", "\N{NO-BREAK SPACE}1"),
        "123456789012345678901",
    ]
)
NAMES = ["x", "other", "text"]


def batches(rows, narrow, block_bytes=1 << 20, ahead=0):
    text = "x,other,text\n" + "".join(",".join(row) + "\n" for row in rows)
    reader = CsvReader(
        io.BytesIO(text.encode()), Dialect(), "x.csv", block_bytes=block_bytes, keep_empty=True
    )
    if narrow:
        reader.narrow(["x", "text"], ["x"], ahead)
    return list(reader)


def typed(found):
    """The numbers of x as a predictor takes them, and what is counted."""
    numbers, counts = [], {}
    for batch in found:
        values, met = column_types.typed(batch.column("x"), NUMBER, ["NA", "?", "nan"])
        merge_counts(counts, met)
        numbers += values.to_pylist()
    return list(map(repr, numbers)), counts


def texts(found):
    return [cell for batch in found for cell in batch.column("text").to_pylist()]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=30),
    st.integers(1, 80),
    st.integers(0, 2),
)
def test_numbers_are_those_of_the_text_and_nothing_goes_uncounted(rows, block_bytes, ahead):
    plain = batches(rows, narrow=False)
    narrow = batches(rows, narrow=True, block_bytes=block_bytes, ahead=ahead)
    assert typed(narrow) == typed(plain)
    n_empty = [sum(map(chunks.n_empty_rows, found)) for found in (narrow, plain)]
    assert n_empty[0] == n_empty[1]
    texts = [
        [cell for b in found for cell in b.column("text").to_pylist()] for found in (narrow, plain)
    ]
    assert texts[0] == texts[1]


def test_only_what_is_wanted_is_made_and_numbers_are_numbers():
    (batch,) = batches([("1", "a", "b"), ("", "c", "d")], narrow=True)
    assert batch.schema == pa.schema({"x": pa.float64(), "text": pa.string()})
    assert batch.to_pydict() == {"x": [1.0, None], "text": ["b", "d"]}


@pytest.mark.parametrize("cell", ["?", "inf", "nan", "12 kg"])
def test_a_column_with_another_cell_is_text_from_there_on(cell):
    rows = [("1", "a", "b")] * 2 + [(cell, "a", "b")] + [("1", "a", "b")] * 2
    types = [batch.column("x").type for batch in batches(rows, narrow=True, block_bytes=6)]
    n_before = types.index(pa.string())
    assert set(types[:n_before]) <= {pa.float64()}
    assert set(types[n_before:]) == {pa.string()}


def test_a_row_that_may_have_no_value_brings_all_columns():
    (batch,) = batches([("", "a", " "), ("1", "", "b")], narrow=True)
    assert batch.schema.names == NAMES
    assert chunks.n_empty_rows(batch) == 0
    (batch,) = batches([("", "", " "), ("1", "", "b")], narrow=True)
    assert chunks.n_empty_rows(batch) == 1


def test_a_defect_is_told_as_of_all_columns():
    rows = [("1", "a", "b"), ("2", "a")]
    said = []
    for narrow in (False, True):
        with pytest.raises(DataError) as caught:
            batches(rows, narrow=narrow)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert "line 3" in said[1]
