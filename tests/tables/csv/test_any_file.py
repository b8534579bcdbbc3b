"""Files as their writers make them: each is read as it was meant, or refused; nothing is lost."""

import csv
import io
import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import DataError
from nntool.settings.collect import CollectSettings
from nntool.tables.csv.detection import detect
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.encoding import survey
from nntool.tables.csv.reader import CsvReader
from nntool.tables.csv.source import HEAD_BYTES


def read(data, **options):
    """The names, the rows, and all that is said."""
    data = data if isinstance(data, bytes) else data.encode()
    given_options = CollectSettings(**options)
    found = survey(lambda: io.BytesIO(data), lambda stream, size: stream.read(size))
    dialect, notes = detect(data[:HEAD_BYTES], given_options, "x.csv", found)
    reader = CsvReader(
        io.BytesIO(data), dialect, "x.csv", max_bad_rows=given_options.max_bad_rows, ahead=1
    )
    rows = [list(row.values()) for batch in reader for row in batch.to_pylist()]
    assert reader.n_rows == len(rows)
    return reader.names, rows, " / ".join([*notes, *reader.notes])


def refusal(data, **options):
    with pytest.raises(DataError) as caught:
        read(data, **options)
    return caught.value


WORDS = st.sampled_from(
    ["Paris", "São Paulo", "Zürich", "it's", 'the "best"', "a,b", "x;y", "1|2", "two\nlines", "né"]
)
NUMBERS = st.decimals(-9999, 9999, places=2, allow_nan=False).map(str)
COMMAS = NUMBERS.map(lambda text: text.replace(".", ","))


@st.composite
def tables(draw):
    n_columns = draw(st.integers(2, 6))
    kinds = [draw(st.sampled_from([WORDS, NUMBERS, COMMAS])) for _ in range(n_columns)]
    kinds[0] = draw(st.sampled_from([NUMBERS, WORDS]))
    rows = draw(st.lists(st.tuples(*kinds).map(list), min_size=3, max_size=12))
    return [f"name {i}" for i in range(n_columns)], rows


@settings(max_examples=300, deadline=None)
@given(tables(), st.data())
def test_a_table_in_any_dialect_is_read_equal_or_refused(table, data):
    names, rows = table
    sign = data.draw(st.sampled_from(",;\t|"))
    quoting = data.draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = io.StringIO(newline="")
    titles = data.draw(st.sampled_from(["", "Sales of 2023{e}", "Sales of 2023{e}{e}"]))
    text.write(titles.format(e=end))
    csv.writer(text, delimiter=sign, quoting=quoting, lineterminator=end).writerows([names, *rows])
    written = text.getvalue()
    if data.draw(st.booleans()):
        written = written.rstrip("\r\n")
    codec = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"]))
    if data.draw(st.booleans()):
        codec = "cp1252"
    try:
        got_names, got, _ = read(written.encode(codec))
    except DataError:
        return
    assert got_names == names
    assert got == rows


TABLE = ["id,city,price", "1,Zürich,2.50", "2,Genève,3.75", "3,Bern,10.00"]
ROWS = [["1", "Zürich", "2.50"], ["2", "Genève", "3.75"], ["3", "Bern", "10.00"]]


def text_of(*lines, end="\n"):
    return end.join(lines) + end


@pytest.mark.parametrize(
    "codec",
    ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-32", "utf-16-le", "utf-16-be",
     "utf-32-le", "utf-32-be"],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_encoding_is_found_with_or_without_a_byte_order_mark(codec, end):
    names, rows, said = read(text_of(*TABLE, end=end).encode(codec))
    assert (names, rows) == (["id", "city", "price"], ROWS)
    assert ("--encoding" in said) == (not codec.startswith("utf-8"))


def test_a_late_byte_decides_as_an_early_one_does():
    plain = "".join(f"{i},Bern,1.0\n" for i in range(60_000))
    data = ("id,city,price\n" + plain + "9,Zürich,1.0\n").encode("cp1252")
    _, rows, said = read(data)
    assert rows[-1] == ["9", "Zürich", "1.0"]
    assert "'Zürich'" in said


def test_a_file_in_two_encodings_is_refused_with_the_line():
    good = "".join(f"{i},Zürich,1.0\n" for i in range(50_000)).encode()
    data = b"id,city,price\n" + good + "9,Genève,1.0\n".encode("cp1252")
    error = refusal(data)
    assert "line 50002 has the byte 0xE8, which is not UTF-8" in error.message
    assert "--max-bad-rows 1" in error.hint
    _, rows, said = read(data, max_bad_rows=1)
    assert len(rows) == 50_000
    assert "1 record was left out" in said
    mixed = b"id,city\n" + "1,Zürich\n".encode() + "2,Genève\n3,Näfels\n".encode("cp1252")
    assert "the encoding is not clear" in refusal(mixed).message


@pytest.mark.parametrize(
    ("text", "codec", "shown"),
    [
        ("Москва Санкт-Петербург Новосибирск", "cp1251", "Москва"),
        ("Москва Санкт-Петербург Новосибирск", "koi8-r", "Москва"),
        ("東京都千代田区霞が関", "shift_jis", "東京"),
        ("voil\xe0 caf\xe9 d\xe9j\xe0", "mac-roman", "voilà"),
        ("caf\xe9 d\xe9j\xe0 vu", "cp850", "café"),
    ],
)
def test_an_encoding_that_is_not_clear_is_refused_with_what_each_would_read(text, codec, shown):
    data = f"id,city\n1,{text}\n2,x\n".encode(codec)
    error = refusal(data)
    assert "not clear" in error.message
    assert codec in error.message
    assert shown in error.message
    assert read(data, encoding=codec)[1][0] == ["1", text]


@pytest.mark.parametrize(
    ("lines", "skipped"),
    [
        (["Sales of 2023"], 1),
        (["Sales of 2023", ""], 2),
        (["Sales of 2023,,"], 1),
        (["Sales of 2023,,", "in euros,,", ",,"], 3),
        (["", "Sales", "", "of 2023", ""], 5),
        (['"A title', 'of two lines"', ""], 3),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r"])
def test_titles_above_a_table_are_passed_over_and_said(lines, skipped, end):
    names, rows, said = read(text_of(*lines, *TABLE, end=end))
    assert (names, rows) == (["id", "city", "price"], ROWS)
    number = "1 line" if skipped == 1 else f"{skipped} lines"
    assert f"{number} above the header passed over" in said


@pytest.mark.parametrize(
    "lines",
    [
        ["a,,,,", "1,x,y,,", "2,x,z,,"],
        ["name,", "John,x", "Jane,y"],
        [",name", "a,John", "b,Jane"],
        [",value", "0,1.5", "1,2.5"],
        ["a,b,c,d", "1,,,", "2,,,"],
        ["2001,2002,2003", "1,2,3", "4,5,6"],
    ],
)
def test_a_header_with_few_names_is_no_title(lines):
    assert len(read(text_of(*lines))[1]) == 2


@pytest.mark.parametrize("cell", ["1|2", "x|1"])
@pytest.mark.parametrize("times", [1, 2, 5])
def test_rows_that_another_sign_cuts_are_no_table_below_titles(cell, times):
    lines = ["name 0,name 1", "Paris,Paris", *[f"{cell},{cell}"] * (times + 1)]
    names, rows, said = read(text_of(*lines))
    assert names == ["name 0", "name 1"]
    assert rows == [line.split(",") for line in lines[1:]]
    assert "above the header" not in said


def test_years_below_titles_are_still_names():
    lines = ["Sales", "in euros", "2022;2023;2024", "1,5;2,5;3,5", "4,5;5,5;6,5"]
    assert read(text_of(*lines))[0] == ["2022", "2023", "2024"]


def test_an_unclear_beginning_is_refused_with_the_option_that_settles_it():
    text = text_of("people", "Smith, John, London", "Doe, Jane, Paris", "Roe, Al, Rome")
    error = refusal(text, delimiter=",")
    assert "--skip-rows 1" in error.hint
    assert len(read(text, delimiter=",", skip_rows=1)[1]) == 2


def test_notes_below_a_table_are_passed_over_and_a_total_is_named():
    lines = [*TABLE, "Total,,16.25", "", "Source: the office", "Note: in euros"]
    _, rows, said = read(text_of(*lines))
    assert rows[-1] == ["Total", "", "16.25"]
    assert "2 records below the table passed over" in said
    assert "--skip-end 3" in said
    assert read(text_of(*lines), skip_end=3)[1] == ROWS
    padded = [*TABLE, ",,", "Source: the office,,", ",,"]
    assert read(text_of(*padded))[1] == ROWS


@pytest.mark.parametrize("keep", ["keep", "backslash"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 17])
def test_stray_quotes_are_kept_whatever_the_blocks(keep, size):
    sign = "" if keep == "keep" else "\\"
    text = "a,b\n" + f'"x{sign}"y{sign}"z\n,","B"\nc,d\n' * 4
    dialect, _ = detect(b"", CollectSettings(delimiter=",", stray_quotes=keep), "x")
    reader = CsvReader(io.BytesIO(text.encode()), dialect, "x", block_bytes=size)
    rows = [list(r.values()) for batch in reader for r in batch.to_pylist()]
    assert rows[0::2] == [['x"y"z\n,', "B"]] * 4


@pytest.mark.parametrize("size", [1, 7, 40, 1 << 20])
def test_records_at_the_end_are_passed_over_whatever_the_blocks(size):
    dialect, _ = detect(b"", CollectSettings(delimiter=",", skip_end=2, quote='"'), "x")
    text = 'a,b\n1,2\n3,4\n\nTotal,6\n,,\n"Note:\nx"\n'
    reader = CsvReader(io.BytesIO(text.encode()), dialect, "x", block_bytes=size)
    assert [list(r.values()) for batch in reader for r in batch.to_pylist()] == [
        ["1", "2"],
        ["3", "4"],
    ]


def test_comments_are_passed_over_counted_and_may_hold_anything():
    lines = ['# a "title', "# b,c", *TABLE[:2], '#"x,y', *TABLE[2:], '4,"a', '# b",1']
    names, rows, said = read(text_of(*lines))
    assert names == ["id", "city", "price"]
    assert rows == [*ROWS, ["4", "a\n# b", "1"]]
    assert "3 comment lines were passed over" in said
    late = text_of(*TABLE, "// 4,x,5,6")
    assert "--comment '//'" in refusal(late).hint
    assert read(late, comment="//")[1] == ROWS


def test_a_header_behind_a_hash_is_a_header():
    lines = ["#made by hand", "#id,city,price", *TABLE[1:]]
    names, rows, _ = read(text_of(*lines))
    assert names == ["#id", "city", "price"]
    assert rows == ROWS


def test_bad_records_are_refused_or_left_out_and_listed():
    bad = ["4,x", "5,y,1,2", '6,"a"b,1', "7,\0,1", '8,"multi', 'line"']
    data = text_of(*TABLE, *bad, "9,z,1")
    error = refusal(data)
    assert "5 records are not as the others (3 cells)" in error.message
    for line in (5, 6, 7, 8, 9):
        assert f"line {line} " in error.message
    assert "--max-bad-rows 5" in error.hint
    assert "5 records" in refusal(data, max_bad_rows=4).message
    _, rows, said = read(data, max_bad_rows=5)
    assert rows == [*ROWS, ["9", "z", "1"]]
    assert "5 records were left out" in said


def test_each_bad_record_has_the_line_where_it_can_be_seen():
    data = b'a,b\n"x"y,1\n,\n"two\nlines"z,2\n\n"three\nlin\xe9s",3\n,\n"u"v,4\n' + "é,5\n".encode()
    message = refusal(data).message
    for line in ("line 2 goes on", "line 5 goes on", "line 8 has the byte 0xE9", "line 10 goes on"):
        assert line in message
    _, rows, said = read(data, max_bad_rows=4)
    assert rows == [["é", "5"]]
    assert "2 rows without any value were left out (the first is line 3)" in said
    assert "1 blank line was passed over" in said
    _, _, said = read("a,b\n1\n,\n2,x\n", max_bad_rows=1)
    assert "(the first is line 3)" in said


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_records_with_wrong_quotes_keep_the_lines_of_all_others(end):
    lines = ["a,b", "1,2", '"x"y,3', "4,5", '"u"v,1', '"two', 'l"z,4', "6,7"]
    _, rows, said = read(text_of(*lines, end=end), max_bad_rows=3)
    assert rows == [["1", "2"], ["4", "5"], ["6", "7"]]
    assert "line 3 goes on" in said
    assert "line 5 goes on" in said
    assert "line 7 goes on after a closing quote, which opened on line 6" in said
    assert "blank" not in said


def test_bad_records_at_the_end_may_be_passed_over():
    data = text_of(*TABLE, "the end", "by us")
    error = refusal(data)
    assert "--skip-end 2" in error.hint
    assert read(data, skip_end=2)[1] == ROWS
    assert "--skip-end" not in refusal(text_of(*TABLE, "x", "4,y,1")).hint


def test_rows_without_any_value_are_left_out_and_said():
    _, rows, said = read(text_of(*TABLE[:2], ",,", *TABLE[2:], *[" , ,"] * 5, '"","",""'))
    assert rows == ROWS
    assert "7 rows without any value were left out (the first is line 3)" in said


def test_blanks_behind_the_delimiter_go_where_a_quote_follows_them():
    text = 'a, b,c\n1, "x, ""y""",  z \n2, "u\n, "  , w\n'
    names, rows, said = read(text)
    assert names == ["a", "b", "c"]
    assert rows == [["1", 'x, "y"', "z "], ["2", "u\n,   ", "w"]]
    assert "--blanks-after-delimiter" in said
    kept = read("a, b\n1, x\n2, y\n")
    assert (kept[0], kept[1]) == (["a", " b"], [["1", " x"], ["2", " y"]])


def test_columns_parted_by_blanks_are_read_when_named():
    text = 'mpg  cyl name\n18.0   8  "a b"  \n 15.5   6  x\n9 4 y\n'
    assert "--delimiter ' '" in refusal(text).hint
    names, rows, _ = read(text, delimiter=" ")
    assert names == ["mpg", "cyl", "name"]
    assert rows == [["18.0", "8", "a b"], ["15.5", "6", "x"], ["9", "4", "y"]]


def test_single_quotes_are_found_where_nothing_else_quotes():
    _, rows, said = read("a,b\n'x,y',1\n'it''s',2\n")
    assert rows == [["x,y", "1"], ["it's", "2"]]
    assert "--quote" in said
    assert read("a,b\n'tis,1\nit's,2\n")[1] == [["'tis", "1"], ["it's", "2"]]


def test_stray_quotes_are_kept_where_asked_for():
    data = 'a,b\n"he said:"yes."","A"\n"x ""y"" z","B\n"\n'
    assert "--stray-quotes keep" in refusal(data).hint
    assert read(data, stray_quotes="keep")[1] == [['he said:"yes."', "A"], ['x "y" z', "B\n"]]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotes_behind_a_backslash_are_quotes_where_asked_for(end):
    lines = [
        "a,b",
        r'"he said \"hi\", ok",1',
        r'"C:\\",2',
        r'"x\\\"y",3',
        '"two',
        'lines \\"\\"",4',
    ]
    data = text_of(*lines, end=end)
    assert "--stray-quotes backslash" in refusal(data).hint
    assert read(data, stray_quotes="backslash")[1] == [
        ['he said "hi", ok', "1"],
        ["C:\\", "2"],
        ['x\\"y', "3"],
        [f'two{end}lines ""', "4"],
    ]


def test_a_delimiter_too_many_at_the_end_of_all_rows_is_a_column_more():
    names, rows, said = read("a,b\n1,2,\n3,4,\n")
    assert (names, rows) == (["a", "b", "column_3"], [["1", "2", ""], ["3", "4", ""]])
    assert "a delimiter at their end" in said
    assert read("a,b,\n1,2\n3,4\n")[0] == ["a", "b"]
    assert "--no-header" in refusal("a,b\nr1,1,2\nr2,3,4\n").hint


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x,k\n1,a,b\n2,c,d\n3,e,f\n", ["row", "x", "k"]),
        ('"row","row_2"\n"1",a,b\n"2",c,d\n', ["row_3", "row", "row_2"]),
        ('"x";"k"\n"Mazda";1;2\n"Fiat;\n128";3;4\n', ["row", "x", "k"]),
        ('"x","k"\n"17","a","b"\n"4","a","b"\n', ["row", "x", "k"]),
    ],
)
def test_a_header_one_name_short_leaves_the_row_names_of_r_without_one(text, names):
    found, rows, said = read(text)
    assert found == names
    assert len(rows) == text.count("\n") - 1 - text.count("128")
    assert f"the first column is called {names[0]!r}" in said
    assert "--skip-rows 1 --no-header" in said
    assert read(text, skip_rows=1, header=False)[0] == ["column_1", "column_2", "column_3"]


@pytest.mark.parametrize(
    "text",
    [
        "x,k\n1,a,b\n3,c,d\n",
        "x,k\n2,a,b\n3,c,d\n",
        "x,k\n1,2,3\n",
        '"x","k"\n"a",1,2\n"a",3,4\n',
        'x,k\n"a",1,2\n"b",3,4\n',
        '"x","k"\n"a",1,2\nb,3,4\n',
    ],
)
def test_first_cells_that_may_be_no_row_names_are_refused(text):
    refused = refusal(text)
    assert "the header has 2 cells and every row 3" in refused.message
    assert "--skip-rows 1 --no-header" in refused.hint


def test_blanks_between_cells_are_proposed_below_a_header_one_name_short():
    text = '"x" "k" "y"\n"1" 0.5 3 "a"\n"2" 1.5 4 "b"\n'
    assert "--delimiter ' '" in refusal(text).hint
    assert read(text, delimiter="blank")[0] == ["row", "x", "k", "y"]


@pytest.mark.parametrize("sign", ["`", "^", "~", "#", "&", "\x01"])
def test_a_less_usual_delimiter_is_proposed_and_taken_when_named(sign):
    text = text_of(*TABLE).replace(",", sign)
    assert "--delimiter" in refusal(text).hint
    assert read(text, delimiter=sign)[1] == ROWS


def test_a_delimiter_of_two_signs_is_told_by_the_names_and_said():
    assert "sed 's/||/|/g'" in read("a||b||y\n1||2||x\n3||4||z\n")[2]
    assert r"sed 's/\t\t/\t/g'" in read("a\t\tb\n1\t\t2\n3\t\t4\n")[2]
    assert "every other" not in read("a,,b,c\n1,2,3,4\n")[2]
    assert "every other" not in read("a,\n1,2\n3,4\n")[2]


def test_decimal_commas_tell_the_semicolon_from_the_comma():
    names, rows, said = read("1,5;2,5\n3,5;4,5\n5,5;6,5\n")
    assert names == ["1,5", "2,5"]
    assert rows[0] == ["3,5", "4,5"]
    assert "--no-header" in said


def test_a_second_header_is_named_and_passed_over_when_asked_for():
    rows = [f"{i},{i}.5,red" for i in range(12)]
    text = text_of("id,price,colour", "number,euros,text", *rows)
    assert "--skip-below 1" in read(text)[2]
    got = read(text, skip_below=1)
    assert len(got[1]) == 12
    assert "1 record below the header passed over" in got[2]


def test_a_first_record_that_is_a_row_is_said():
    assert "--no-header" in read("5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,virginica\n")[2]
    assert "--no-header" not in read(text_of(*TABLE))[2]
    assert "--no-header" not in read("city,2001,2002\na,1,2\nb,3,4\nc,5,6\n")[2]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (json.dumps({"a": 1}) + "\n" + json.dumps({"a": 2}) + "\n", "JSON lines"),
        (json.dumps([{"a": 1}, {"a": 2}], indent=1), "JSON"),
        ("<!DOCTYPE html>\n<html>", "web page"),
        (b"PK\x03\x04....", "Excel"),
        (b"\x1f\x8b\x08\x00....", "gzip"),
        (b"PAR1....", "Parquet"),
    ],
)
def test_what_is_no_csv_is_refused_by_name(data, what):
    with pytest.raises(DataError, match=what):
        read(data)


def test_a_foreign_spreadsheet_export_is_read_as_it_is():
    lines = [
        "Liste des ventes 2023",
        "Date;Magasin;Montant",
        "01/02/2023;Orléans;12,50",
        '15/02/2023;"Paris; 1er";1 234,50',
        "28/02/2023;Nîmes;7,00",
        "Total;;1 254,00",
    ]
    names, rows, said = read(text_of(*lines, end="\r\n").encode("cp1252"))
    assert names == ["Date", "Magasin", "Montant"]
    assert rows[1] == ["15/02/2023", "Paris; 1er", "1 234,50"]
    for option in ("--encoding", "--delimiter", "--skip-rows 0", "--skip-end 1"):
        assert option in said


@pytest.mark.parametrize("end", [b"\x1a", b"\x1a\r\n", b"\0" * 300, b"\r\n\x1a\0\0"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_padding_behind_the_last_record_is_passed_over_and_said(end, codec):
    data = text_of("a,b", *[f"{i},x" for i in range(20)]).encode(codec)
    names, rows, said = read(data + end.decode().encode(codec.replace("16", "16-le")))
    assert (names, len(rows), rows[-1]) == (["a", "b"], 20, ["19", "x"])
    assert "of padding behind the last record passed over" in said


def test_signs_of_padding_inside_a_file_stay_what_they_are():
    assert read("a,b\n1,x\x1a\n2,y\x1a\n3,z\n")[1][:2] == [["1", "x\x1a"], ["2", "y\x1a"]]


@pytest.mark.parametrize("size", [64, 1 << 20])
def test_joined_files_lose_marks_and_headers_in_their_middle_and_it_is_said(size):
    one = "a,b\n" + "".join(f"{i},x\n" for i in range(30))
    data = (one.encode("utf-8-sig")) * 2
    names, rows, said = read(data)
    assert names == ["a", "b"]
    assert rows == 2 * [[str(i), "x"] for i in range(30)]
    assert "1 repeated header was left out (the first is line 32)" in said
    assert "1 byte order mark inside the file passed over" in said
    assert "--no-header" not in said
    reader = CsvReader(io.BytesIO(data), Dialect(), "x.csv", size)
    assert sum(batch.num_rows for batch in reader) == 60


def test_lines_that_were_quoted_whole_are_refused_with_the_way_out(tmp_path):
    rows = ["id,name,price", '1,"Lee, Ann",2.50', "2,Bo,3.75"]
    text = text_of(*['"' + row.replace('"', '""') + '"' for row in rows])
    error = refusal(text)
    assert "each line is one quoted cell, in which ',' separates 3" in str(error)
    command = error.hint.partition(">")[0].replace("x.csv", "")
    mended = subprocess.run(command, shell=True, input=text, capture_output=True, text=True)
    assert read(mended.stdout)[1] == [["1", "Lee, Ann", "2.50"], ["2", "Bo", "3.75"]]
    assert read(text, delimiter=",")[0] == ["id,name,price"]


def test_a_header_at_the_top_of_each_page_is_no_row():
    rows = [f"{i},x" for i in range(9)]
    names, got, said = read(text_of("id,name", *rows, "\fid,name", *rows))
    assert (names, len(got)) == (["id", "name"], 18)
    assert "1 repeated header was left out" in said
    assert "--no-header" not in said
