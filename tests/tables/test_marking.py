import numpy as np
import pyarrow as pa

from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables import marking
from nntool.tables.hashing import row_hashes


def marks(rows, y, parts=None, objections=None, **values):
    table = pa.table({"x": rows, "y": y})
    is_missing = np.array([cell == "" for cell in y])
    parts = None if parts is None else np.array(parts, np.int8)
    objections = None if objections is None else np.array(objections, np.int8)
    settings = build(CleanSettings, {"target": "y", **values})
    repeats = marking.find_repeats(table, settings, parts, row_hashes(table))
    return marking.mark(repeats, is_missing, settings, objections, parts).tolist()


def test_rows_without_target_are_left_out_in_every_part():
    assert marks(["a", "b", "c"], ["1", "", ""], [0, 1, -1]) == [0, 1, 1]


def test_duplicates_are_left_out_within_their_own_part_only():
    rows, y = ["a", "a", "a", "a", "b"], ["1"] * 5
    assert marks(rows, y) == [0] * 5
    assert marks(rows, y, duplicates="leave-out") == [0, 2, 2, 2, 0]
    assert marks(rows, y, [0, 1, 1, -1, 0], duplicates="leave-out") == [0, 0, 2, 0, 0]


def test_a_row_that_differs_in_one_cell_is_no_duplicate():
    assert marks(["a", "a"], ["1", "2"], duplicates="leave-out") == [0, 0]


def test_the_last_of_several_repeats_stays_where_it_is_asked_for():
    rows, y = ["a", "b", "a", "a", "b"], ["1"] * 5
    asked = {"duplicates": "leave-out", "duplicates_keep": "last"}
    assert marks(rows, y, **asked) == [2, 2, 2, 0, 0]
    assert marks(rows, y, [0, 0, 0, 1, 1], **asked) == [2, 0, 0, 0, 0]


def test_a_key_makes_rows_repeats_that_differ_elsewhere():
    rows, y = ["a", " a", "a", "b"], ["1", "2", "1", "1"]
    asked = {"duplicates_by": ["x"]}
    assert marks(rows, y, **asked) == [0] * 4
    asked["duplicates"] = "leave-out"
    assert marks(rows, y, **asked) == [0, 3, 2, 0]
    assert marks(rows, y, duplicates_keep="last", **asked) == [2, 3, 0, 0]
    assert marks(rows, y, [0, 1, 0, 0], **asked) == [0, 0, 2, 0]


def test_a_missing_key_repeats_no_other():
    rows, y = ["", "", "?", "?", "a"], ["1", "2", "3", "4", "5"]
    assert marks(rows, y, duplicates="leave-out", duplicates_by=["x"]) == [0] * 5


def test_rules_leave_out_training_rows_only():
    """A row to be predicted is never left out, so one to be scored is not, either."""
    rows, y = ["a", "b", "c", "d"], ["1"] * 4
    assert marks(rows, y, objections=[4, 0, 5, 4]) == [4, 0, 5, 4]
    assert marks(rows, y, [0, 0, 1, 2], objections=[4, 0, 5, 4]) == [4, 0, 0, 0]
