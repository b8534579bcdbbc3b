"""Merging spellings: a table from spelling to spelling, and nothing beyond it."""

import json

import pyarrow as pa
import pytest

from nntool.errors import DataError, UsageError
from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables.rules import noise_report
from nntool.tables.rules.rule import Findings
from nntool.tables.rules.spellings import Spellings, merge
from nntool.tables.rules.words import Evidence

ROLES = {"dept": "categorical", "age": "numeric", "city": "categorical"}
DEPT = ["Sales"] * 12 + ["sales"] * 3 + ["Slaes", "SALES", "HR", "HR", None]


def asked(**values):
    return Spellings.asked_for(build(CleanSettings, {"target": "y", **values}), ROLES)


def table(**columns):
    rows = {"dept": DEPT, "city": ["Rome"] * len(DEPT), "age": [1.0] * len(DEPT), **columns}
    return pa.table(rows)


def applied(state, **columns):
    found = Findings()
    batch = pa.record_batch(columns)
    return Spellings.apply(batch, state, found).to_pydict(), found.counts


def test_spellings_become_the_most_frequent_one_and_the_report_says_which():
    state = asked(merge_spellings=["all"]).fit(table())
    assert json.loads(json.dumps(state)) == state
    dept, city = state["columns"]
    assert dept["merged"] == [
        {"spelling": "SALES", "target": "Sales", "rows": 1, "target_rows": 12, "similarity": 1.0},
        {"spelling": "Slaes", "target": "Sales", "rows": 1, "target_rows": 12, "similarity": 0.8},
        {"spelling": "sales", "target": "Sales", "rows": 3, "target_rows": 12, "similarity": 1.0},
    ]
    assert city == {"name": "city", "merged": []}


def test_a_spelling_that_training_did_not_have_is_never_matched():
    state = asked(merge_spellings=["dept"]).fit(table())
    cells = ["Slaes", "slaes", "sAles", None, "HR", "Sales"]
    done, counts = applied(state, dept=cells)
    assert done["dept"] == ["Sales", "slaes", "sAles", None, "HR", "Sales"]
    assert counts == {"dept": {"merged": 1}}


def test_a_chunk_without_the_column_or_without_rows_is_passed_over():
    state = asked(merge_spellings=["dept"]).fit(table())
    assert applied(state, age=[1.0]) == ({"age": [1.0]}, {})
    assert applied(state, dept=pa.array([], pa.string())) == ({"dept": []}, {})


def test_equally_frequent_spellings_become_the_first_by_code_points():
    levels = {"new york": 2, "New York": 2, "NEW  YORK": 1}
    assert {m.spelling: m.target for m in merge(levels, Evidence())[0]} == {
        "NEW  YORK": "New York",
        "new york": "New York",
    }


def test_an_error_in_another_case_counts_with_its_group():
    """Two rows of one misspelling, written in two ways, are two rows against the right one."""
    levels = {"Marketing": 9, "Marketting": 1, "marketting": 1}
    assert {m.target for m in merge(levels, Evidence())[0]} == {"Marketting"}
    levels["marketing"] = 1
    assert {m.spelling: m.target for m in merge(levels, Evidence())[0]} == {
        "Marketting": "Marketing",
        "marketting": "Marketing",
        "marketing": "Marketing",
    }


def test_nothing_is_asked_for_by_default():
    assert asked() is None


def test_only_categories_are_merged():
    assert asked(merge_spellings=["all"]).columns == ("dept", "city")
    assert asked(merge_spellings=["city,dept"]).columns == ("city", "dept")
    with pytest.raises(UsageError, match="'age' is numeric") as error:
        asked(merge_spellings=["age"])
    assert "--roles age=categorical" in error.value.hint
    with pytest.raises(DataError, match=r"'town' \(nearest: 'city'\)|'town'"):
        asked(merge_spellings=["town"])


def test_near_words_in_too_many_rows_stay_apart_and_are_told():
    dept = ["Marketing"] * 100 + ["Marketting"] * 5 + ["marketting"]
    state = Spellings(("dept",), Evidence()).fit(pa.table({"dept": dept}))
    (column,) = state["columns"]
    assert [m["target"] for m in column["merged"]] == ["Marketting"]
    assert column["left_apart"] == [
        {"word": "marketting", "near": "marketing", "rows": 6, "rows_of_near": 100}
    ]
    (note,) = noise_report.notes([{"name": "spellings", **state}], [])[1:]
    assert "'marketting' (6 rows) and 'marketing' (100) (--spelling-rows)" in note
    state = Spellings(("dept",), Evidence(most_rows=6)).fit(pa.table({"dept": dept}))
    assert {m["target"] for m in state["columns"][0]["merged"]} == {"Marketing"}
    assert "left_apart" not in state["columns"][0]
