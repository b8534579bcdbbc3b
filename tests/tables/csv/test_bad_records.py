"""Records that cannot be read stay rows, in their places, whatever the blocks they are read in."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import DataError
from nntool.tables import bad_rows
from nntool.tables.csv.defects import LISTED
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.reader import CsvReader

BAD = "bad"


def read(data, block_bytes=4 << 20, narrow=(), **dialect):
    """The rows, a bad one as a word; and the reader, read to its end."""
    reader = CsvReader(
        io.BytesIO(data), Dialect(**dialect), "x.csv", block_bytes, keep_empty=True, keep_bad=True
    )
    if narrow:
        reader.narrow(narrow, (), 2)
    rows = []
    for batch in reader:
        *cells, mark = (column.to_pylist() for column in batch.columns)
        assert batch.schema.names[-1] == bad_rows.MARK
        for *row, is_bad in zip(*cells, mark, strict=True):
            assert is_bad == all(cell is None for cell in row)
            rows.append(BAD if is_bad else tuple(row))
    return rows, reader


def lines_of(reader):
    return [(one["line"], one["reason"]) for one in reader.left_out]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"3", "has 1 cell"),
        (b"3,4,5", "has 3 cells"),
        (b"3,\0", "has a NUL byte"),
        (b"3,\xff", "has the byte 0xFF, which is not UTF-8"),
        (b'"3"x,4', "has a quoted cell, behind which text goes on"),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 4 << 20])
def test_a_record_that_cannot_be_read_is_a_row_and_told_with_its_line(record, reason, block_bytes):
    rows, reader = read(b"a,b\n1,2\n\n" + record + b"\n5,6\n", block_bytes)
    assert rows == [("1", "2"), BAD, ("5", "6")]
    [(line, said)] = lines_of(reader)
    assert line == 4
    assert said.startswith(reason)
    assert any("1 row could not be read" in note for note in reader.notes)


@pytest.mark.parametrize(("end", "reason"), [(b"3", "has 1 cell"), (b'3,"4', "ends inside")])
def test_a_last_line_that_is_cut_short_is_a_row(end, reason):
    rows, reader = read(b"a,b\n1,2\n" + end)
    assert rows == [("1", "2"), BAD]
    assert lines_of(reader)[0][1].startswith(reason)


def test_a_quote_that_closes_lines_later_swallows_no_line():
    rows, reader = read(b'a,b\n1,"x\n2,3\n4,"y",z\n6,7\n')
    assert rows == [BAD, ("2", "3"), BAD, ("6", "7")]
    assert "closes on line 4" in lines_of(reader)[0][1]


def test_a_quote_that_never_closes_is_an_error_with_its_line():
    with pytest.raises(DataError, match="line 3: a quote opens here and never closes"):
        read(b'a,b\n1,2\n3,"4\n5,6\n')


def test_a_quoted_cell_of_several_lines_is_no_bad_record():
    assert read(b'a,b\n1,"x\n""y"""\n2\n')[0] == [("1", 'x\n"y"'), BAD]


def test_blank_lines_are_passed_over_and_empty_records_are_rows():
    assert read(b"a,b\n\n1\n,\n\n\n3,4\n\n")[0] == [BAD, ("", ""), ("3", "4")]
    assert read(b'a\n\n1\n"x"y\n')[0] == [("",), ("1",), BAD]


def test_bytes_that_are_not_of_another_encoding_are_a_bad_record():
    rows, reader = read("a,b\n1,é\n".encode("cp1252") + b"2,\x81\n3,4\n", encoding="cp1252")
    assert rows == [("1", "é"), BAD, ("3", "4")]
    assert lines_of(reader) == [(3, "has the byte 0x81, which is not cp1252, behind")]
    wide = "a,b\n1,é\n2,3\n".encode("utf-16-le") + b"\x00\xd8,\x004\x00\n\x00"
    rows, reader = read(wide, encoding="utf-16-le")
    assert rows == [("1", "é"), ("2", "3"), BAD]


def test_blanks_that_belong_to_no_cell_move_no_row():
    rows, _ = read(b"a b\n1  2\n3\n 4 5\n", delimiter=" ", skip_blanks=True)
    assert rows == [("1", "2"), BAD, ("4", "5")]


def test_rows_that_all_have_a_cell_too_many_are_bad_and_not_the_header():
    for data in (b"1,2,3\n", b"1,2,3\n4,5,6\n7,x,8\n"):
        rows, reader = read(b"a,b\n" + data)
        assert reader.names == ["a", "b"]
        assert rows == [BAD] * data.count(b"\n")


def test_all_are_counted_and_the_first_listed():
    rows, reader = read(b"a,b\n" + b"1\n" * (3 * LISTED), 512)
    assert rows == [BAD] * (3 * LISTED)
    assert [line for line, _ in lines_of(reader)] == list(range(2, LISTED + 2))
    assert f"{3 * LISTED:,} rows could not be read" in reader.notes[-1]


def test_a_bad_byte_in_a_column_that_is_not_asked_for_makes_a_bad_row_all_the_same():
    data = b"a,b\n1,2\n3,\xff\n"
    assert read(data, narrow=["a"])[0] == [("1",), BAD]
    assert len(read(data)[0]) == 2


GOOD = st.sampled_from([b"1,2", b'"a,b",c', b'"x\ny",z', b'a "b,c', b"\xc3\xa9,\xc3\xa9"])
DEFECT = st.sampled_from([b"1", b"1,2,3", b"\0,1", b"\xff,1", b'"a"b,c', b'x,"y" z', b"a,\xc3"])
BLANK = st.just(b"")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.one_of(GOOD, GOOD, DEFECT, BLANK), max_size=30),
    st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from([1, 16, 64, 4 << 20]),
    st.booleans(),
)
def test_each_record_has_its_row_whatever_the_blocks(records, line_end, block_bytes, at_end):
    bad = {b"1", b"1,2,3", b"\0,1", b"\xff,1", b'"a"b,c', b'x,"y" z', b"a,\xc3"}
    data = b"a,b" + line_end + line_end.join(records) + line_end * at_end
    rows, reader = read(data, block_bytes)
    assert [row == BAD for row in rows] == [record in bad for record in records if record]
    assert len(reader.left_out) == sum(row == BAD for row in rows)
    plain = [r for r in records if r and r not in bad]
    alone = read(b"a,b\n" + b"\n".join(plain) + b"\n")[0]
    assert [row for row in rows if row != BAD] == alone


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(list(b'12",\n\r x\0\xff')), max_size=60).map(bytes))
def test_any_bytes_are_the_same_rows_in_any_blocks(data):
    found = []
    for block_bytes, narrow in ((1, ()), (7, ("a", "b")), (4 << 20, ()), (4 << 20, ("a", "b"))):
        try:
            rows, reader = read(b"a,b\n1,2\n3,4\n" + data, block_bytes, narrow)
            found.append((rows, reader.left_out))
        except DataError as error:
            assert "never closes" in error.message  # noqa: PT017 - or it is read
            found.append(error.message)
    assert found == [found[0]] * 4
