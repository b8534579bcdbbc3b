import pytest

from nntool.tables.csv.encoding import of_input


@pytest.mark.parametrize(
    ("written", "known", "found"),
    [
        ("utf-8-sig", "utf-8", None),
        ("utf-8-sig", "cp1252", "utf-8"),
        ("utf-16", "utf-8", "utf-16"),
        ("utf-16", "utf-16-le", None),
        ("utf-16-le", "utf-16", None),
        ("utf-8", "utf-16", "utf-8"),
        ("utf-8", "cp1252", "utf-8"),
        ("cp1252", "cp1252", None),
        ("cp1252", "utf-8", None),
        ("utf-16", "auto", None),
    ],
)
def test_an_input_in_another_encoding_than_the_known_one_is_seen_where_that_is_clear(
    written, known, found
):
    text = "name,city\nJosé,Málaga\nZoë,Köln\n" * 20
    assert of_input(text.encode(written), known) == found
