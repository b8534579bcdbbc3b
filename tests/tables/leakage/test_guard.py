"""Each leak is found where it is put, and nothing is found where there is none."""

import json
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables.column_types import learn_target, missing_by_column
from nntool.tables.hashing import row_hashes
from nntool.tables.leakage import View, find
from nntool.tables.leakage.across import repeats_earlier_part

N = 400


def columns(n=N, seed=0):
    """A class that three numbers and a category tell in part."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    kind = rng.choice(["a", "b", "c"], n)
    y = x[:, 0] + (kind == "a") + rng.normal(size=n) > 0.4
    found = {f"x{i}": [f"{v:.4f}" for v in x[:, i]] for i in range(3)}
    return found | {"kind": kind.tolist(), "y": np.where(y, "yes", "no").tolist()}


def view_of(table, parts, settings, *used):
    missing = missing_by_column(table.column_names, settings)
    learned = learn_target(table, settings.target, settings, missing)
    return View(table, row_hashes(table), parts, settings, learned, *used)


def found_in(cells, task="binary", parts=None, roles=None, used=None):
    table = pa.table({name: pa.array(map(str, c), pa.string()) for name, c in cells.items()})
    if parts is None:
        parts = np.random.default_rng(1).choice(3, table.num_rows, p=[0.7, 0.15, 0.15])
    settings = build(CleanSettings, {"target": "y", "task": task, "roles": roles or {}})
    view = view_of(table, np.asarray(parts, np.int8), settings, used or {})
    findings, _ = find(view, np.random.default_rng(2))
    json.dumps([finding.as_plain() for finding in findings])
    return findings


def only(findings, kind):
    """The one finding, of this kind."""
    assert [finding.kind for finding in findings] == [kind], findings
    return findings[0]


def test_a_table_without_leaks_is_quiet():
    for seed in range(5):
        assert found_in(columns(seed=seed)) == []


# What stands in two parts


def test_rows_that_repeat_across_parts():
    cells = {name: [*c[:380], *c[:20]] for name, c in columns().items()}
    parts = np.repeat([0, 1, 2], [300, 80, 20])
    leak = only(found_in(cells, parts=parts), "duplicates")
    assert leak.counts == {"test": 20}
    assert leak.rows == [381, 382, 383]
    assert leak.message == "20 test rows repeat each cell of a row of a part before them"
    together = np.repeat([0, 1, 0], [300, 80, 20])
    assert found_in(cells, parts=together) == []
    nowhere = np.repeat([0, 1, -1], [300, 80, 20])
    assert found_in(cells, parts=nowhere) == []


def test_rows_that_repeat_but_for_an_identifier():
    cells = {name: [*c[:380], *c[:20]] for name, c in columns().items()}
    cells = {"id": range(1, N + 1), **cells}
    parts = np.repeat([0, 1, 2], [300, 80, 20])
    leak = only(found_in(cells, parts=parts), "duplicates")
    assert (leak.columns, leak.counts) == (["id"], {"test": 20})
    assert "but for 'id'" in leak.message
    assert "--drop id" in leak.hint
    cells["id"] = ["old"] * 380 + ["new"] * 20
    assert only(found_in(cells, parts=parts, roles={"id": "identifier"}), "duplicates").columns == [
        "id"
    ]


def test_rows_that_repeat_but_for_the_target():
    cells = {name: [*c[:380], *c[:20]] for name, c in columns().items()}
    cells["y"][380:] = ["no" if y == "yes" else "yes" for y in cells["y"][380:]]
    parts = np.repeat([0, 1, 2], [300, 80, 20])
    leak = only(found_in(cells, parts=parts), "duplicates")
    assert (leak.columns, leak.counts) == (["y"], {"test": 20})
    assert "but for the target" in leak.message


def test_one_row_of_a_hundred_is_not_yet_worth_a_warning():
    cells = {name: [*c[:399], *c[:1]] for name, c in columns().items()}
    cells["y"][399] = "no" if cells["y"][0] == "yes" else "yes"
    assert found_in(cells, parts=np.repeat([0, 2], [280, 120])) == []


def test_rows_that_are_equal_by_chance_are_no_duplicates():
    """Four columns of two values have sixteen rows at most."""
    rng = np.random.default_rng(0)
    cells = {f"b{i}": rng.choice(["0", "1"], N).tolist() for i in range(4)}
    assert found_in({"id": range(1, N + 1), **cells, "y": rng.choice(["a", "b"], N)}) == []


def test_an_earlier_part_is_training_then_validation():
    hashes = np.array([1, 1, 1, 2, 2, 3, 3, 4, 4], np.uint64)
    parts = np.array([0, 1, 2, 1, 2, 2, 2, -1, 2], np.int8)
    assert np.flatnonzero(repeats_earlier_part(hashes, parts)).tolist() == [1, 2, 4]


def test_a_group_in_two_parts():
    groups = np.repeat(np.arange(40), 10)
    cells = {"patient": [f"p{g}" for g in groups], **columns()}
    roles = {"patient": "group"}
    cut = np.where(groups < 30, 0, 2)
    cut[:3] = 1
    leak = only(found_in(cells, parts=cut, roles=roles), "group")
    # its 3 validation rows and then 7 training rows: training comes first
    assert leak.counts == {"groups": 1, "validation": 3}
    assert leak.hint == "nntool split RUN --method group:column=patient"
    assert found_in(cells, parts=np.where(groups < 30, 0, 2), roles=roles) == []
    assert found_in(cells, parts=cut, roles={"patient": "identifier"}) == []


def test_rows_without_a_group_are_in_none():
    cells = {"patient": ["", "NA"] * 200, **columns()}
    assert found_in(cells, roles={"patient": "group"}) == []


@pytest.mark.parametrize(
    "written", [str, lambda day: (date(2020, 1, 1) + timedelta(day)).isoformat()]
)
def test_training_rows_that_are_later_than_test_rows(written):
    days = np.arange(N)
    cells = {"when": [written(int(day)) for day in days], **columns()}
    roles = {"when": "time"}
    leak = only(found_in(cells, parts=np.where(days < 390, days % 2 * 2, 0), roles=roles), "time")
    assert leak.counts == {"test": 195}
    assert leak.message == "195 test rows are older than the newest training row by 'when'"
    in_order = np.searchsorted([280, 340], days, side="right")
    assert found_in(cells, parts=in_order, roles=roles) == []


# What a single feature gives away


def test_a_feature_like_an_identifier():
    rng = np.random.default_rng(3)
    tickets = [f"T{v}" for v in rng.integers(0, 900, N)]
    leak = only(found_in({"ticket": tickets, **columns()}), "identifier")
    assert leak.columns == ["ticket"]
    assert "--target y --roles ticket=identifier" in leak.hint
    assert found_in({"ticket": tickets, **columns()}, roles={"ticket": "identifier"}) == []
    few = [f"T{v}" for v in rng.integers(0, 100, N)]
    assert found_in({"ticket": few, **columns()}) == []


def test_an_identifier_that_is_asked_to_be_a_number():
    cells = {"id": range(1000, 1000 + N), **columns()}
    assert found_in(cells) == []
    assert only(found_in(cells, roles={"id": "numeric"}), "identifier").columns == ["id"]


def test_the_groups_of_the_split_are_no_feature():
    groups = np.repeat(np.arange(40), 10)
    cells = {"patient": [f"p{g}" for g in groups], **columns()}
    parts = np.where(groups < 30, 0, 2)
    leak = only(found_in(cells, parts=parts, used={"group": "patient"}), "identifier")
    assert "it names the groups of the split" in leak.message


RNG = np.random.default_rng(7)
YES = np.array(columns()["y"]) == "yes"
LEAKS = {
    "a copy": np.where(YES, "gone", "here"),
    "a copy with noise": YES + 0.1 * RNG.normal(size=N),
    "a copy with some errors": np.where(RNG.random(N) < 0.01, ~YES, YES),
    "a date that only some have": np.where(YES, "2020-01-05", ""),
    "a number that only some have": np.where(YES, RNG.normal(size=N).astype(str), "NA"),
    "one-hot": YES.astype(int),
    "a code of which each value is of one class": 2 * RNG.integers(0, 9, N) + YES,
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_feature_that_tells_the_class(leak):
    found = only(found_in({**columns(), "told": LEAKS[leak].tolist()}), "target")
    assert found.columns == ["told"]
    assert 0.93 <= found.score <= 1
    assert "--target y --roles told=ignored" in found.hint


def test_an_identifier_that_sorts_by_class_is_told_where_it_is_a_feature():
    order = np.argsort(np.argsort(YES, kind="stable"))
    cells = {**columns(), "id": (order + 5000).tolist()}
    assert found_in(cells) == []
    kinds = {finding.kind for finding in found_in(cells, roles={"id": "numeric"})}
    assert kinds == {"identifier", "target"}


def test_a_group_whose_rows_have_one_class():
    groups = np.arange(N) // 5
    y = np.where(np.random.default_rng(5).random(N // 5) < 0.5, "yes", "no")[groups]
    cells = {**columns(), "y": y.tolist(), "patient": (groups * 7919 % 1009).tolist()}
    assert only(found_in(cells), "target").columns == ["patient"]


def test_weak_features_are_no_leak():
    weak = np.where(RNG.random(N) < 0.1, ~YES, YES)
    assert found_in({**columns(), "weak": weak.tolist()}) == []


def test_one_class_of_several_is_told_by_a_column_of_two_values_only():
    rng = np.random.default_rng(0)
    y = rng.choice(["a", "b", "c"], N)
    cells = {"x": [f"{v:.4f}" for v in rng.normal(size=N)], "y": y.tolist()}
    size = np.where(y == "a", 10, 0) + rng.normal(size=N)
    assert found_in({**cells, "size": size.tolist()}, "multiclass") == []
    leak = only(found_in({**cells, "y_a": (y == "a").astype(int).tolist()}, "multiclass"), "target")
    assert "the class 'a'" in leak.message


NUMBERS = np.random.default_rng(9).lognormal(sigma=0.5, size=N)
TELLING = {
    "a copy": NUMBERS,
    "in another unit": 0.453 * NUMBERS + 3,
    "its logarithm": np.log(NUMBERS),
    "with noise": NUMBERS + 0.1 * NUMBERS.std() * RNG.normal(size=N),
    "the other way round": -NUMBERS,
}


@pytest.mark.parametrize("leak", TELLING)
def test_a_feature_that_tells_the_number(leak):
    cells = {**columns(), "y": NUMBERS.tolist(), "told": TELLING[leak].tolist()}
    assert only(found_in(cells, "regression"), "target").columns == ["told"]


def test_a_feature_that_is_near_the_number_is_no_leak():
    near = NUMBERS + 0.4 * NUMBERS.std() * RNG.normal(size=N)
    cells = {**columns(), "y": NUMBERS.tolist(), "near": near.tolist()}
    assert found_in(cells, "regression") == []


def test_only_training_rows_tell():
    """A column that is the target in test rows alone says nothing in training."""
    told = np.where(np.arange(N) < 300, RNG.permutation(YES), YES).astype(int)
    parts = np.repeat([0, 2], [300, 100])
    assert found_in({**columns(), "told": told.tolist()}, parts=parts) == []


def test_a_large_table_is_judged_by_a_sample(monkeypatch):
    monkeypatch.setattr("nntool.tables.leakage.MOST_ROWS", 200)
    table = pa.table({n: pa.array(c) for n, c in {**columns(), "told": YES.astype(str)}.items()})
    settings = build(CleanSettings, {"target": "y", "task": "binary"})
    view = view_of(table, np.zeros(N, np.int8), settings)
    (leak,), notes = find(view, np.random.default_rng(0))
    assert leak.counts == {"rows": 200}
    assert notes == [
        "leakage: single features judged by a seeded sample of 200 of 400 training rows"
    ]
