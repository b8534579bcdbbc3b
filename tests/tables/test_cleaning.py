import json
from datetime import datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.errors import DataError, UsageError
from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables import cleaning, cleaning_report, marking, target
from nntool.tables.casting import merge_counts
from nntool.tables.hashing import row_hashes

TABLE = {
    "id": [str(i) for i in range(24)],
    " city": [" a", "b ", "?", ""] * 6,
    "age": ["1", " 2.5", "NA", "inf"] * 6,
    "born": ["2024-01-31", "?", "2024-02-30", "2024-02-01T10:00"] * 6,
    "void": ["", "?", " ", ""] * 6,
    "y": ["1", "0", "1.0", "?"] * 6,
}


def text(columns):
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def asked(**values):
    return build(CleanSettings, {"target": "y", **values})


def fitted(table, rows=None, **values):
    s = asked(**values)
    y = target.fit(table.column("y"), "y", s.task, None, s.missing_values)
    return cleaning.fit(table, s, rows, y)


def applied(table, state, columns=None):
    return cleaning.apply(table.combine_chunks().to_batches()[0], state, columns)


def roles(state):
    return {column["name"]: column["role"] for column in state["columns"]}


def test_each_column_gets_its_role_and_the_state_is_plain_data():
    state = fitted(text(TABLE), roles={"born": "date"})
    assert roles(state) == {
        "id": "identifier",
        " city": "categorical",
        "age": "numeric",
        "born": "date",
        "void": "ignored",
    }
    assert json.loads(json.dumps(state)) == state


def test_cells_become_typed_and_what_is_missing_is_counted_by_cause():
    table = text(TABLE)
    state = fitted(table, roles={"born": "date"})
    typed, counts = applied(table, state)
    assert typed.schema == cleaning.schema(state)
    first = {name: column[:4] for name, column in typed.to_pydict().items()}
    assert first == {
        "id": ["0", "1", "2", "3"],
        " city": ["a", "b", None, None],
        "age": [1.0, 2.5, None, None],
        "born": [datetime(2024, 1, 31), None, None, datetime(2024, 2, 1, 10)],
        "void": [None] * 4,
        "y": ["1", "0", "1", None],
    }
    assert counts == {
        " city": {"empty": 6, "tokens": {"?": 6}},
        "age": {"tokens": {"NA": 6}, "inf": 6},
        "born": {"tokens": {"?": 6}, "unfit": 6},
        "void": {"empty": 18, "tokens": {"?": 6}},
        "y": {"missing": 6},
    }


def test_classes_lose_the_blanks_around_them_as_all_cells_do():
    table = text({"x": ["1", "2", "3"], "y": [" <=50K", ">50K ", "<=50K"]})
    typed, _ = applied(table, fitted(table))
    assert typed.column("y").to_pylist() == ["<=50K", ">50K", "<=50K"]


def test_a_regression_target_is_a_number():
    table = text({"x": ["a", "b", "a", "b"], "y": ["1.5", "2", "?", "7"]})
    typed, counts = applied(table, fitted(table))
    assert typed.column("y").to_pylist() == [1.5, 2.0, None, 7.0]
    assert counts == {"y": {"tokens": {"?": 1}}}


def test_columns_are_found_by_name_in_any_order_without_target_among_others():
    table = text(TABLE)
    state = fitted(table)
    other = table.select(["void", "born", "age", " city", "id"]).append_column("new", table["y"])
    other = other.rename_columns([name.strip() for name in other.column_names])
    typed, _ = applied(other, state)
    assert typed.schema == cleaning.schema(state, with_target=False)
    assert typed.equals(applied(table, state)[0].select(typed.schema.names))


def test_only_the_columns_that_are_needed_must_be_there():
    table = text(TABLE)
    state = fitted(table)
    typed, _ = applied(table.select(["age"]), state, ["age"])
    assert typed.schema.names == ["age"]
    with pytest.raises(DataError) as caught:
        applied(table.select(["id", "born"]), state)
    assert "' city'" in caught.value.message
    assert "'age'" in caught.value.message


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_cells_of_other_rows_do_not_change_what_is_learned(data):
    rows = np.array(data.draw(st.lists(st.booleans(), min_size=24, max_size=24)))
    cell = st.sampled_from(["", "?", "x", "-1", "007", "2024-01-01", "1e5", str(2**60), "inf"])
    table = text(TABLE)
    changed = {
        name: [
            c if keep or name == "y" else data.draw(cell)
            for c, keep in zip(cells, rows, strict=True)
        ]
        for name, cells in TABLE.items()
    }
    assert fitted(text(changed), rows) == fitted(table, rows)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 23), unique=True))
def test_chunks_give_what_the_whole_gives(cuts):
    table = text(TABLE)
    state = fitted(table, roles={"born": "date"})
    whole, counts = applied(table, state)
    edges = [0, *sorted(cuts), 24]
    total, chunks = {}, []
    for start, stop in pairwise(edges):
        typed, found = applied(table.slice(start, stop - start), state)
        merge_counts(total, found)
        chunks.append(typed)
    assert pa.Table.from_batches(chunks).combine_chunks().to_batches()[0].equals(whole)
    assert total == counts


def test_a_role_that_was_asked_for_wins():
    state = fitted(text(TABLE), roles={"@1": "numeric", "age": "categorical", "city": "numeric"})
    assert roles(state)["id"] == "numeric"
    assert roles(state)["age"] == "categorical"
    typed, counts = applied(text(TABLE), state)
    assert typed.column("id").to_pylist()[:2] == [0.0, 1.0]
    assert counts[" city"]["unfit"] == 12


def test_roles_that_cannot_be_are_refused():
    table = text(TABLE)
    with pytest.raises(UsageError, match="is the target"):
        fitted(table, roles={"y": "numeric"})
    with pytest.raises(DataError, match="'agee' \\(nearest: 'age'\\)"):
        fitted(table, roles={"agee": "numeric"})
    with pytest.raises(UsageError, match="two roles"):
        fitted(table, roles={"age": "numeric", "@3": "categorical"})
    with pytest.raises(DataError, match="no cell of ' city' is a date"):
        fitted(table, roles={"city": "date"})


def test_the_report_gives_counts_and_the_options_that_change_them():
    table = text({**TABLE, "id": ["7"] * 24})
    state = fitted(table)
    typed, counts = applied(table, state)
    is_missing = np.asarray(typed.column("y").is_null())
    missing = {name: typed.column(name).null_count for name in typed.schema.names}
    for duplicates, option in (("keep", "leave-out"), ("leave-out", "keep")):
        s = asked(duplicates=duplicates)
        repeats = marking.find_repeats(table, s, None, row_hashes(table))
        left_out = marking.mark(repeats, is_missing, s)
        report = cleaning_report.report(state, counts, repeats, left_out, s, missing)
        said = " | ".join(report["notes"])
        assert "6 of 24 rows left out: their target is missing" in said
        assert f"--duplicates {option}" in said
        assert "'?'" in said
        assert "'age': 6 cells not finite" in said
        assert report["repeated_rows"] == 20
        assert report["kept"] == (18 if duplicates == "keep" else 3)
        assert report["columns"]["age"]["missing"] == 12
        assert json.loads(json.dumps(report)) == report
