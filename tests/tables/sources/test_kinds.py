"""Kinds of sources by scheme, suffix and first bytes."""

import pytest

from nntool.tables.sources.kinds import SUFFIXES, by_content, by_name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/b.csv", "csv"),
        ("B.TSV.gz", "tsv"),
        ("x.parquet", "parquet"),
        ("x.ndjson.zst", "json-lines"),
        ("x.xlsx", "excel"),
        ("sqlite:///x.csv", "sql"),
        ("postgresql+psycopg://u@h/d", "sql"),
        ("x", None),
        ("x.data", None),
        (".csv", None),
        ("C:/x.pq", "parquet"),
    ],
)
def test_the_kind_by_name(name, kind):
    assert by_name(name) == kind


def test_every_suffix_is_known_in_capitals_too():
    assert all(by_name("x" + suffix.upper()) == kind for suffix, kind in SUFFIXES.items())


def test_first_bytes_tell_what_is_no_text():
    assert by_content(b"PAR1....") == "parquet"
    assert by_content(b"SQLite format 3\0\x10") == "sqlite"
    assert by_content(b"a,b\n") is None
