"""Dates that sources write in different ways."""

import pyarrow as pa
import pytest

from nntool.tables import casting
from nntool.tables.sources.dates import differing, to_iso

ISO = ["2023-12-31", "2024-01-02"]
DAY_FIRST = ["31/12/2023", "02/01/2024"]
MONTH_FIRST = ["12/31/2023", "01/02/2024"]
EITHER = ["01/02/2024", "03/04/2024"]
DOTS = ["31.12.2023", "2.1.2024"]


def judged(**sources):
    return differing(
        {name: casting.find_date_format(pa.array(cells), []) for name, cells in sources.items()}
    )


@pytest.mark.parametrize(
    ("sources", "converted"),
    [
        ({"a": ISO, "b": DAY_FIRST}, {"b": "DD/MM/YYYY"}),
        ({"a": DAY_FIRST, "b": MONTH_FIRST}, {"a": "DD/MM/YYYY", "b": "MM/DD/YYYY"}),
        ({"a": DOTS, "b": ISO, "c": ISO}, {"a": "DD.MM.YYYY"}),
        ({"a": ISO, "b": ISO}, {}),
        ({"a": DAY_FIRST, "b": EITHER}, {}),
        ({"a": EITHER, "b": EITHER}, {}),
        ({"a": ISO, "b": ["x", "y"]}, {}),
        ({"a": ["1", "2"], "b": ["x", "y"]}, {}),
    ],
)
def test_formats_that_differ_are_brought_to_iso(sources, converted):
    found, note = judged(**sources)
    assert found == converted
    assert bool(note) == bool(converted)


@pytest.mark.parametrize("others", [{"a": ISO}, {"a": ISO, "c": DAY_FIRST}])
def test_dates_that_fit_two_formats_are_kept_and_said(others):
    found, note = judged(b=EITHER, **others)
    assert found == {}
    assert "DD/MM/YYYY and MM/DD/YYYY" in note
    assert "kept as text" in note


@pytest.mark.parametrize(
    ("cells", "form"),
    [(DAY_FIRST, "DD/MM/YYYY"), (MONTH_FIRST, "MM/DD/YYYY"), (DOTS, "DD.MM.YYYY")],
)
def test_the_same_days_have_the_same_text(cells, form):
    assert to_iso(pa.array(cells), form, []).to_pylist() == ISO


def test_times_are_kept_and_missing_cells_stay():
    text = pa.array(["1/2/2024 7:05", "NA", None, "", "1/2/2024 07:05:09.5"])
    assert to_iso(text, "DD/MM/YYYY", ["NA"]).to_pylist() == [
        "2024-02-01T07:05:00",
        "NA",
        None,
        "",
        "2024-02-01T07:05:09.5",
    ]
