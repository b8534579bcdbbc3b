import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import DataError
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.reader import CsvReader

LINE_ENDS = ["\n", "\r\n", "\r"]
CELLS = st.text(st.sampled_from('ab1,;" \n\ré'), max_size=6)


class Pipe(io.RawIOBase):
    """A stream that cannot seek and gives a few bytes at a time."""

    def __init__(self, data, piece):
        self.data, self.piece = data, piece

    def readable(self):
        return True

    def read(self, size=-1):
        n = self.piece if size < 0 else min(size, self.piece)
        out, self.data = self.data[:n], self.data[n:]
        return out


def rows(data, dialect=None, **options):
    data = data if isinstance(data, bytes) else data.encode()
    reader = CsvReader(io.BytesIO(data), dialect or Dialect(), "x.csv", **options)
    out = []
    for batch in reader:
        assert all(type_ == pa.string() for type_ in batch.schema.types)
        assert sum(column.null_count for column in batch.columns) == 0
        out += zip(*(column.to_pylist() for column in batch.columns), strict=True)
    return reader, [list(row) for row in out]


def error(data, dialect=None, **options):
    with pytest.raises(DataError) as caught:
        rows(data, dialect, **options)
    return caught.value.message


@settings(max_examples=150, deadline=None)
@given(
    st.integers(2, 4).flatmap(
        lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=8)
    ),
    st.data(),
)
def test_any_table_reads_as_the_csv_module_reads_it(table, data):
    end = data.draw(st.sampled_from(LINE_ENDS))
    text = ",".join(f"n{i}" for i in range(len(table[0]))) + end
    for record in table:
        line = io.StringIO(newline="")
        # The module leaves a line end that is not its own unquoted, so such records quote all.
        breaks = any(sign in cell for cell in record for sign in "\r\n")
        quoting = csv.QUOTE_ALL if breaks else csv.QUOTE_MINIMAL
        end = data.draw(st.sampled_from(LINE_ENDS))
        csv.writer(line, quoting=quoting, lineterminator=end).writerow(record)
        text += line.getvalue()
    if data.draw(st.booleans()):
        text = text.rstrip("\r\n")
    raw = text.encode()
    stream = Pipe(raw, data.draw(st.integers(1, 40)))
    reader = CsvReader(
        stream,
        Dialect(),
        "x",
        block_bytes=data.draw(st.integers(1, 60)),
        keep_empty=True,
        ahead=data.draw(st.integers(0, 3)),
    )
    got = [list(r.values()) for batch in reader for r in batch.to_pylist()]
    expected = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert got == expected == table
    assert reader.n_rows == len(table)


@settings(deadline=None)
@given(st.lists(st.lists(st.text(st.sampled_from('ab" '), max_size=5), min_size=3, max_size=3)))
def test_quotes_inside_unquoted_cells_are_kept(table):
    table = [["x" + cell for cell in record] for record in table]
    text = "a,b,c\n" + "".join(",".join(record) + "\n" for record in table)
    assert rows(text, block_bytes=7)[1] == table


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize("last", ["", "end"])
def test_each_line_end_ends_a_record_with_or_without_one_at_the_end(end, last):
    text = end.join(["a,b", "1,2", '"x' + end + 'y",4']) + (end if last else "")
    assert rows(text)[1] == [["1", "2"], ["x" + end + "y", "4"]]


def test_plain_quotes_and_quoted_cells_stand_side_by_side():
    text = 'a,b\n5" pipe,"x""y,\n"\n"""",6"\n"",""""""\n'
    for size in (1 << 20, 3):
        assert rows(text, block_bytes=size)[1] == [
            ['5" pipe', 'x"y,\n'],
            ['"', '6"'],
            ["", '""'],
        ]


def test_the_size_of_blocks_changes_nothing():
    text = "a,b\n" + "".join(f'{i},"x""{i}\n,"\r\n' for i in range(50))
    whole = rows(text)[1]
    assert len(whole) == 50
    assert all(rows(text, block_bytes=size)[1] == whole for size in range(1, 40))


def test_cells_are_text_exactly_as_it_stands():
    assert rows("a,b,c\n NA, 007 ,\n\"\",'x',null\n")[1] == [
        [" NA", " 007 ", ""],
        ["", "'x'", "null"],
    ]


def test_blank_lines_are_passed_over_counted_and_said():
    reader, got = rows("\na,b\n1,2\n\n\r\n3,4\n\n", block_bytes=5)
    assert got == [["1", "2"], ["3", "4"]]
    assert reader.notes == ["x.csv: 4 blank lines were passed over (the first is line 1)"]
    reader, _ = rows('a,b\n"1\n",2\n\n3,4\n')
    assert reader.notes == ["x.csv: 1 blank line was passed over (the first is line 4)"]


def test_a_blank_line_is_a_record_of_a_single_column():
    reader, got = rows("a\n1\n\n3\n", keep_empty=True)
    assert got == [["1"], [""], ["3"]]
    assert reader.notes == []


def test_records_with_another_number_of_cells_are_refused_with_their_lines_and_number():
    text = 'a,b\n"x\ny",2\n1,2,3\n\n' + "4,5\n" * 20 + "6\n" + "7,8,9\n" * 6
    for size in (1 << 20, 16):
        message = error(text, block_bytes=size)
        assert "x.csv: 8 records are not as the others (2 cells)" in message
        assert "line 4 has 3 cells ('1,2,3')" in message
        assert "line 26 has 1 cell ('6')" in message


def test_lines_are_counted_whatever_their_ends():
    for end in LINE_ENDS:
        text = end.join(["a,b", "1,2", "3", "", "4,5", "6,7,8", ""])
        for size in range(1, 30):
            message = error(text, block_bytes=size)
            assert "2 records are not as the others" in message
            assert "line 3 has 1 cell ('3'); line 6 has 3 cells ('6,7,8')" in message


def test_a_line_of_blanks_is_no_blank_line():
    assert "line 3 has 1" in error("a,b\n1,2\n  \n")


def test_a_quote_that_never_closes_is_refused_where_it_opened():
    text = "a,b\n1,2\n" + '3,"x""\n""y' + "\n4,5" * 100
    for size in (1 << 20, 16):
        assert "x.csv, line 3: a quote opens here and never closes" in error(text, block_bytes=size)


def test_text_after_a_closing_quote_is_refused_with_its_line():
    assert "line 3 goes on after a closing quote" in error('a,b\n1,2\n"x"z,4\n')
    assert "line 4 goes on after a closing quote, which opened on line 2," in error(
        'a,b\n"x\n\n"z,4\n'
    )


def test_blanks_after_a_closing_quote_lose_nothing():
    assert rows('a,b\n"x,y"  ,2\n')[1] == [["x,y  ", "2"]]


def test_bytes_that_are_not_utf8_are_refused_with_their_line():
    for size in (1 << 20, 8):
        assert "line 4 has the byte 0xE9, which is not UTF-8" in error(
            b"a,b\n1,2\n3,4\n5,\xe9\n7,8\n", block_bytes=size
        )
    assert "line 1: the byte 0xE9" in error(b"\xe9,b\n1,2\n")
    assert "line 2 has the byte 0xC3" in error(b"a,b\n1,2\xc3")


def test_any_codec_is_read_block_by_block():
    text = "naïve,b\n" + "é,ü\n" * 50
    for codec in ("latin-1", "utf-16", "utf-16-be", "utf-32", "mac-roman", "utf-8-sig"):
        reader, got = rows(text.encode(codec), Dialect(encoding=codec), block_bytes=7)
        assert reader.names == ["naïve", "b"]
        assert got == [["é", "ü"]] * 50
    late = b"a,b\n" + b"1,2\n" * 40_000 + b"\x81,4\n"
    assert "x.csv, line 40002: the bytes 81" in error(late, Dialect(encoding="cp1252"))
    assert "truncated" in error("a,b\n1,2\n".encode("utf-16") + b"3", Dialect(encoding="utf-16"))


@pytest.mark.parametrize("data", [b"", b"\n\r\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(data):
    assert error(data) == "x.csv is empty"


def test_a_header_alone_gives_no_rows():
    reader, got = rows("\ufeffa,b")
    assert (reader.names, got) == (["a", "b"], [])


def test_nul_bytes_are_refused_with_their_line():
    assert "line 3 has a NUL byte" in error(b"a,b\n1,2\n3,\x00\n")


def test_skipped_lines_may_hold_anything_and_count_as_lines():
    text = 'title "\r\n\nb,a\n1,2\n3\n'
    assert "line 5 has 1" in error(text, Dialect(skip_rows=2), block_bytes=3)
    assert rows(text[:-2], Dialect(skip_rows=2))[1] == [["1", "2"]]
    assert "nothing after the 2 lines" in error("a\nb\n", Dialect(skip_rows=2))
    for piece in range(1, 8):
        reader = CsvReader(Pipe(b"t\nu\na,b\n1,2\n", piece), Dialect(skip_rows=2), "x")
        assert (reader.names, sum(batch.num_rows for batch in reader)) == (["a", "b"], 1)


def test_blank_lines_before_the_header_count_as_lines():
    assert "line 4 has 1" in error("\n\na,b\n1\n")
    assert "line 3: the byte 0xE9" in error(b"\n\n\xe9,b\n")


def test_without_header_the_first_record_is_a_row():
    reader, got = rows("1,2\n3,4\n", Dialect(header=False))
    assert (reader.names, got) == (["column_1", "column_2"], [["1", "2"], ["3", "4"]])


def test_without_quoting_a_quote_is_a_character():
    dialect = Dialect(quote="", delimiter="\t")
    assert rows('a\t"b\n"x\ty"\n', dialect)[1] == [['"x', 'y"']]


def test_the_first_batch_does_not_wait_for_the_whole_input():
    stream = Pipe(b"a,b\n" + b"1,2\n" * 500_000, 1 << 20)
    next(iter(CsvReader(stream, Dialect(), "x")))
    assert len(stream.data) > 1_000_000
