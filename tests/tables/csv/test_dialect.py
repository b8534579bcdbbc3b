import pytest

from nntool.errors import DataError, UsageError
from nntool.settings.collect import CollectSettings
from nntool.tables.csv.detection import detect
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.source import HEAD_BYTES


def found(text, **settings):
    data = text if isinstance(text, bytes) else text.encode()
    return detect(data, CollectSettings(**settings), "x.csv")


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_delimiter_that_cuts_all_records_alike_is_taken_and_said(sign):
    dialect, notes = found(f'a{sign}b{sign}c\n1{sign}"x,;|\ty"{sign}2\n3{sign}4{sign}5\n')
    assert dialect.delimiter == sign
    assert "--delimiter" in notes[0]


def test_decimal_commas_do_not_hide_the_semicolon():
    assert found("x;y\n1,5;2,5\n3,5;4,5\n")[0].delimiter == ";"


@pytest.mark.parametrize("text", ["1,5;2x,5\n3,5;4,5\n", "text\na, b\nc\n", "1,x;y\n2,y;z\n"])
def test_unclear_evidence_is_refused_with_the_candidates(text):
    with pytest.raises(DataError) as caught:
        found(text)
    assert "','" in caught.value.message
    assert "--delimiter" in caught.value.hint


def test_one_column_needs_no_delimiter():
    dialect, notes = found("a\n1\n2\n")
    assert dialect.delimiter == ","
    assert "one column" in notes[0]


def test_a_few_odd_records_do_not_hide_the_delimiter():
    assert found("a,b\n1,2\n1,2,3\n4,5\n")[0].delimiter == ","


def test_a_record_cut_by_the_end_of_the_head_is_no_evidence():
    row = '1,"' + "x\n" * 3000 + '",2\n'
    head = ("a,b,c\n" + row * 100).encode()[:HEAD_BYTES]
    assert detect(head, CollectSettings(), "x")[0].delimiter == ","


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(codec):
    dialect, _ = found("ä;b\n1;2\n".encode(codec))
    assert dialect.delimiter == ";"
    assert dialect.encoding in (codec, "utf-8")


def test_what_is_named_is_not_detected():
    dialect, notes = found("a;b\n", delimiter="tab", encoding="latin-1", quote="none", skip_rows=2)
    assert dialect == Dialect("\t", "latin-1", "", 2, True)
    assert notes == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"delimiter": "||"},
        {"delimiter": "§"},
        {"quote": "ab"},
        {"encoding": "utf-9"},
        {"delimiter": '"'},
        {"encoding": "base64"},
    ],
)
def test_impossible_settings_are_wrong_usage(wrong):
    with pytest.raises(UsageError):
        found("a,b\n", **wrong)


def test_skipped_lines_are_no_evidence():
    assert found("a|b|c\n\nx,y\n1,2\n", skip_rows=2)[0].delimiter == ","


def test_a_file_without_the_byte_order_mark_that_its_encoding_needs_is_refused():
    with pytest.raises(DataError, match=r"x\.csv is not utf-16"):
        detect(b"a,b\n1,2\n", CollectSettings(encoding="utf-16"), "x.csv")
