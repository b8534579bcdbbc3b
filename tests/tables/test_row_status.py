"""What is said of each row agrees with what is counted by column, whatever encodes a category."""

import numpy as np
import pyarrow as pa
import pytest

from nntool.errors import DataError
from nntool.settings.building import build
from nntool.settings.transform import TransformSettings
from nntool.tables import row_status, transforming
from nntool.tables.operations import ENCODERS
from nntool.tables.operations.imputation import CATEGORICAL_IMPUTERS
from nntool.tables.operations.operation import Operation

TRAINED = pa.table(
    {
        "town": ["a"] * 4 + ["b"] * 4 + ["rare", None],
        "age": [1.0, 2, 3, 4, 5, 6, 7, 8, 9, None],
        "idle": list("xyxyxyxyxy"),
    }
)
ROLES = [("town", "categorical"), ("age", "numeric"), ("idle", "categorical")]
NEW = pa.record_batch(
    {
        "town": ["a", "new", "rare", None, "newer", "b"],
        "age": [1.0, 9, 9.5, None, 0.5, 5],
        "idle": ["x", "x", "x", "x", "x", "never seen"],
    }
)


def learned(**settings):
    target = np.arange(10) % 2
    given = build(TransformSettings, settings)
    state = transforming.fit(TRAINED, ROLES, given, None, target, 2).state
    kept = [one["name"] for one in transforming.produced(state) if one["source"] != "idle"]
    return state, kept


def words_of(state, kept, batch=NEW, taken=None):
    unseen = row_status.unseen_cells(batch, state, kept)
    found = row_status.codes(taken or batch, state, kept, unseen)
    return row_status.column(found).to_pylist(), found


@pytest.mark.parametrize("encoder", [name for name in ENCODERS if name != "hashing"])
def test_each_row_has_the_words_of_its_cells(encoder):
    state, kept = learned(encode=encoder)
    assert words_of(state, kept)[0] == [
        "ok",
        "unseen category",
        "out of range",
        "imputed",
        "unseen category; out of range",
        "ok",  # no kept feature is made of the column of its new category
    ]


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize(
    "imputer", [n for n, c in CATEGORICAL_IMPUTERS.items() if issubclass(c, Operation)]
)
def test_the_rows_of_a_word_are_the_cells_that_are_counted(encoder, imputer):
    state, kept = learned(encode=encoder, impute_categorical=imputer)
    _, _, counts = transforming.apply(NEW, state, kept)
    unseen = row_status.unseen_cells(NEW, state, kept)
    assert {name: int(mask.sum()) for name, mask in unseen.items()} == counts.get("unseen", {})
    tally = row_status.tally(words_of(state, kept)[1])
    assert tally["out of range"] == sum(counts["outside"].values())
    assert tally["imputed"] == 1
    assert tally["unseen category"] == (0 if encoder == "hashing" else 2)


def test_many_levels_are_looked_up_alike():
    levels = [str(i) for i in range(5000)]
    table = pa.table({"town": levels})
    settings = build(TransformSettings, {"encode": "ordinal"})
    state = transforming.fit(table, [("town", "categorical")], settings).state
    new = pa.record_batch({"town": ["17", "no", "4999", None]})
    kept = [one["name"] for one in transforming.produced(state)]
    assert row_status.unseen_cells(new, state, kept)["town"].tolist() == [False, True, False, False]


@pytest.mark.parametrize("encoder", [name for name in ENCODERS if name != "hashing"])
def test_new_categories_that_are_taken_as_missing_become_what_missing_cells_become(encoder):
    state, kept = learned(encode=encoder)
    unseen = row_status.unseen_cells(NEW, state, kept)
    taken = row_status.as_missing(NEW, unseen)
    assert taken.column("town").to_pylist() == ["a", None, "rare", None, None, "b"]
    assert taken.column("age") == NEW.column("age")
    _, _, counts = transforming.apply(taken, state, kept)
    assert "unseen" not in counts
    assert counts["missing"]["town"] == 3
    both = np.hstack(transforming.apply(taken, state, [n for n in kept if n[0] == "t"])[:2])
    assert both.shape[1]
    assert (both[[1, 4]] == both[3]).all()
    assert words_of(state, kept, taken=taken)[0][1] == "imputed; unseen category"


def test_a_missing_number_is_in_no_range_and_a_date_has_one():
    days = pa.array([1, 2, 3], pa.timestamp("s"))
    table = pa.table({"when": days})
    state = transforming.fit(table, [("when", "date")], build(TransformSettings, {})).state
    kept = [one["name"] for one in transforming.produced(state)]
    new = pa.record_batch({"when": pa.array([2, None, 4], pa.timestamp("s"))})
    assert words_of(state, kept, new)[0] == ["ok", "imputed", "out of range"]


def test_the_error_names_the_first_row_of_any_column():
    state, _ = learned(encode="one-hot")
    every = [one["name"] for one in transforming.produced(state)]
    batch = NEW.slice(2)
    unseen = row_status.unseen_cells(batch, state, every)
    with pytest.raises(DataError, match=r"row 105: 'town' is 'newer', which is none of the 3 cat"):
        row_status.refuse_unseen(batch, unseen, state, np.arange(103, 107))
    row_status.refuse_unseen(batch, {}, state, np.arange(4))
    later = pa.record_batch({"town": ["a", "new"], "age": [1.0, 2], "idle": ["never seen", "x"]})
    unseen = row_status.unseen_cells(later, state, every)
    with pytest.raises(DataError, match="row 1: 'idle' is 'never seen'"):
        row_status.refuse_unseen(later, unseen, state, np.arange(1, 3))


def test_bad_rows_have_their_word_in_their_places():
    found = row_status.with_bad(np.array([0, 3], np.int8), np.array([True, False, False]))
    assert row_status.column(found).to_pylist() == ["bad row", "ok", "imputed; unseen category"]
    assert row_status.tally(found)["bad row"] == 1
