"""Workbooks: what stands in the cells of one sheet, and what is said of the rest."""

import datetime
import zipfile

import pytest

from nntool.errors import DataError
from nntool.tables.sources.excel import ExcelSource

openpyxl = pytest.importorskip("openpyxl")


@pytest.fixture
def book():
    return openpyxl.Workbook()


def saved(book, tmp_path, **options):
    book.save(tmp_path / "in.xlsx")
    return ExcelSource(tmp_path / "in.xlsx", "in.xlsx", **options)


def sheet_of(book, *rows):
    for row in rows:
        book.active.append(row)
    return book.active


def rows(opened):
    return [list(row.values()) for b in opened.batches(opened.names) for row in b.to_pylist()]


def test_cells_are_text_that_reads_back_exactly(book, tmp_path):
    when = datetime.datetime(2024, 2, 29, 7, 5)
    sheet_of(
        book,
        ["code", "n", "x", "day", "when", "on", "at"],
        ["0012", 3, 0.1, datetime.date(2024, 2, 29), when, True, datetime.time(7, 5)],
        [" y ", None, 2.0, None, None, False, None],
    )
    opened = saved(book, tmp_path)
    assert opened.names == ["code", "n", "x", "day", "when", "on", "at"]
    assert rows(opened) == [
        ["0012", "3", "0.1", "2024-02-29", "2024-02-29T07:05:00", "true", "07:05:00"],
        [" y ", None, "2", None, None, "false", None],
    ]
    assert opened.notes == []


def test_a_number_shown_with_leading_zeros_keeps_them(book, tmp_path):
    sheet = sheet_of(book, ["zip", "n"], [1234, 1234])
    sheet["A2"].number_format = "00000"
    assert rows(saved(book, tmp_path)) == [["01234", "1234"]]


def test_a_time_whose_format_shows_no_time_is_a_date(book, tmp_path):
    sheet = sheet_of(book, ["day"], [datetime.datetime(2024, 2, 29, 7, 5)])
    sheet["A2"].number_format = "dd/mm/yyyy"
    assert rows(saved(book, tmp_path)) == [["2024-02-29"]]


def test_error_cells_are_missing_and_counted(book, tmp_path):
    sheet_of(book, ["a", "b"], ["#N/A", 1], ["#DIV/0!", 2], ["#N/A", 3], ["fine", 4])
    opened = saved(book, tmp_path)
    assert [row[0] for row in rows(opened)] == [None, None, None, "fine"]
    assert opened.notes == ["in.xlsx: 'a': 2 #N/A, 1 #DIV/0! taken as missing"]


def test_titles_above_the_header_are_passed_over_and_said(book, tmp_path):
    sheet_of(book, ["Sales of 2024"], [], ["a", "b"], [1, 2])
    opened = saved(book, tmp_path)
    assert (opened.names, rows(opened)) == (["a", "b"], [["1", "2"]])
    assert "'Sales of 2024' (--skip-rows)" in opened.notes[-1]


def test_one_column_has_no_titles(book, tmp_path):
    sheet_of(book, ["a"], [1], [2])
    opened = saved(book, tmp_path)
    assert (opened.names, rows(opened)) == (["a"], [["1"], ["2"]])


def test_rows_to_skip_and_no_header(book, tmp_path):
    sheet_of(book, ["x", "y"], [1, 2], [3, 4])
    opened = saved(book, tmp_path, skip_rows=1, header=False)
    assert (opened.names, rows(opened)) == (["column_1", "column_2"], [["1", "2"], ["3", "4"]])


def test_blank_rows_are_passed_over_and_said_and_columns_beside_the_header_kept(book, tmp_path):
    sheet_of(book, ["a", "b"], [1, 2], [None, None], [3, 4, "note"], [None, "  "])
    opened = saved(book, tmp_path)
    assert opened.names == ["a", "b", "column_3"]
    assert rows(opened) == [["1", "2", None], ["3", "4", "note"]]
    assert "in.xlsx: 1 blank row was passed over" in opened.notes


def test_blank_rows_between_others_may_be_kept_for_one_line_out_for_each_line_in(book, tmp_path):
    sheet_of(book, ["a", "b"], [1, 2], [None, None], [3, 4], [None, None])
    opened = saved(book, tmp_path, keep_empty=True)
    assert rows(opened) == [["1", "2"], [None, None], ["3", "4"]]


def test_no_row_is_a_title_where_it_is_said_which_to_skip(book, tmp_path):
    sheet_of(book, ["a"], [1, 2])
    assert saved(book, tmp_path, skip_rows=0).names == ["a", "column_2"]


def test_the_first_sheet_is_read_unless_one_is_named(book, tmp_path):
    sheet_of(book, ["a"], [1])
    for title in ("2", "more"):
        book.create_sheet(title).append([title])
        book[title].append([title])
    assert saved(book, tmp_path).notes == ["in.xlsx: the sheet 'Sheet', the first of 3 (--sheet)"]
    assert rows(saved(book, tmp_path, sheet="more")) == [["more"]]
    assert rows(saved(book, tmp_path, sheet="2")) == [["2"]]  # a name goes before a number
    assert rows(saved(book, tmp_path, sheet="3")) == [["more"]]
    with pytest.raises(DataError, match="has no sheet 'Mroe'") as caught:
        saved(book, tmp_path, sheet="Mroe")
    assert caught.value.hint == "--sheet NAME, one of 'Sheet', '2', 'more'"


def test_merged_cells_are_said(book, tmp_path):
    sheet = sheet_of(book, ["a", None, "c"], [1, 2, 3])
    sheet.merge_cells("A1:B1")
    opened = saved(book, tmp_path)
    assert opened.names == ["a", "column_2", "c"]
    assert any("merged cells, such as A1:B1" in note for note in opened.notes)


def test_a_formula_without_a_result_is_missing_and_said(book, tmp_path):
    sheet_of(book, ["a", "twice"], [1, "=A2*2"], [2, "=A3*2"])
    opened = saved(book, tmp_path)
    assert [row[1] if len(row) > 1 else None for row in rows(opened)] == [None, None]
    assert any("2 formulas have no stored result" in note for note in opened.notes)


def test_a_formula_is_its_stored_result(book, tmp_path):
    sheet_of(book, ["a", "twice"], [1, "=A2*2"])
    saved(book, tmp_path)
    with zipfile.ZipFile(tmp_path / "in.xlsx") as old:
        parts = {name: old.read(name) for name in old.namelist()}
    place = "xl/worksheets/sheet1.xml"
    parts[place] = parts[place].replace(b"<f>A2*2</f><v />", b"<f>A2*2</f><v>2</v>")
    parts[place] = parts[place].replace(b"<f>A2*2</f><v></v>", b"<f>A2*2</f><v>2</v>")
    with zipfile.ZipFile(tmp_path / "in.xlsx", "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
    opened = ExcelSource(tmp_path / "in.xlsx", "in.xlsx")
    assert rows(opened) == [["1", "2"]]
    assert opened.notes == []


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"PK\x03\x04 no archive"])
def test_what_is_no_workbook_is_refused(tmp_path, content):
    (tmp_path / "in.xlsx").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as an Excel workbook"):
        ExcelSource(tmp_path / "in.xlsx", "in.xlsx")


def test_an_archive_that_is_no_workbook_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "in.xlsx", "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(DataError, match="a ZIP archive and no workbook; in it: 'a\\.txt'"):
        ExcelSource(tmp_path / "in.xlsx", "in.xlsx")


def test_an_empty_sheet_is_refused(book, tmp_path):
    with pytest.raises(DataError, match="the sheet 'Sheet' is empty"):
        saved(book, tmp_path)


def test_a_workbook_is_one_whatever_its_file_is_called(book, tmp_path):
    sheet_of(book, ["a"], ["1"])
    book.save(tmp_path / "in.xlsx")
    odd = (tmp_path / "in.xlsx").rename(tmp_path / "in.csv")
    assert rows(ExcelSource(odd, "in.csv")) == [["1"]]
