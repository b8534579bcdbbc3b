"""JSON lines: keys in any order, numbers to the last digit, errors with their line."""

import gzip
import json

import pytest

from nntool.errors import DataError
from nntool.tables.sources import json_lines
from nntool.tables.sources.json_lines import JsonLinesSource


def source(tmp_path, text, name="in.jsonl"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return JsonLinesSource(path, name)


def rows(opened, columns=None):
    return [row for batch in opened.batches(columns or opened.names) for row in batch.to_pylist()]


def test_keys_become_columns_in_order_of_first_sight_and_absent_ones_are_missing(tmp_path):
    opened = source(tmp_path, '{"b": 1, "a": "x"}\n{"a": null, "c": true}\n')
    assert opened.names == ["b", "a", "c"]
    assert rows(opened) == [
        {"b": "1", "a": "x", "c": None},
        {"b": None, "a": None, "c": "true"},
    ]
    assert opened.n_rows == 2


def test_no_digit_is_lost(tmp_path):
    opened = source(tmp_path, '{"n": 12345678901234567890, "x": 0.10000000000000000001, "e": 1E2}')
    assert rows(opened) == [
        {"n": "12345678901234567890", "x": "0.10000000000000000001", "e": "1E2"}
    ]


def test_lists_and_records_are_kept_as_json_and_said(tmp_path):
    opened = source(tmp_path, '{"a": [1, {"b": "é"}], "c": 1}\n')
    assert json.loads(rows(opened)[0]["a"]) == [1, {"b": "é"}]
    assert opened.notes == ["in.jsonl: lists and records are kept as JSON, in 'a'"]


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_do_no_harm(tmp_path):
    opened = source(tmp_path, b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": "\\u00e9"}\r\n')
    assert rows(opened) == [{"a": "1"}, {"a": "é"}]
    assert opened.notes == ["in.jsonl: 1 blank line was passed over"]


def test_a_packed_file_is_read(tmp_path):
    opened = source(tmp_path, gzip.compress(b'{"a": 1}\n{"a": 2}\n'), "in.jsonl.gz")
    assert [row["a"] for row in rows(opened)] == ["1", "2"]


def test_batches_and_blocks_change_nothing(tmp_path, monkeypatch):
    text = "".join(json.dumps({"a": i, "b": "é" * (i % 7)}) + "\n" for i in range(500))
    whole = rows(source(tmp_path, text))
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 7)
    monkeypatch.setattr(json_lines, "BATCH_ROWS", 3)
    assert rows(source(tmp_path, text)) == whole
    assert len(whole) == 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": }\n', "line 2: no JSON"),
        ('[{"a": 1}]\n', "line 1: a list, where a record"),
        ("[\n{}\n]", "one value over several lines"),
        ('{"a": 1, "a": 2}\n', "line 1: the key 'a' stands twice"),
        (b'{"a": "\xe9"}\n', "line 1: not UTF-8"),
        ("5\n", "line 1: a value"),
        ("", "has no records"),
        ("{}\n", "has no records"),
        ("[" * 100_000, "line 1: no JSON"),
    ],
)
def test_what_is_no_json_lines_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        source(tmp_path, text)
    assert caught.value.hint


def test_half_a_character_is_refused(tmp_path):
    opened = source(tmp_path, '{"a": "\\ud800"}\n')
    with pytest.raises(DataError, match="no Unicode text"):
        rows(opened)


def test_a_column_that_is_not_asked_for_is_not_looked_at(tmp_path):
    opened = source(tmp_path, '{"a": "\\ud800", "b": 1}\n')
    assert rows(opened, ["b"]) == [{"b": "1"}]
