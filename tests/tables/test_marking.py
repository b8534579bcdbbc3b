import numpy as np
import pyarrow as pa

from nntool.settings.clean import CleanSettings
from nntool.settings.model import build
from nntool.tables import marking
from nntool.tables.hashing import row_hashes


def marks(rows, y, parts=None, **values):
    hashes = row_hashes(pa.table({"x": rows, "y": y}))
    is_missing = np.array([cell == "" for cell in y])
    parts = None if parts is None else np.array(parts, np.int8)
    return marking.mark(
        hashes, is_missing, build(CleanSettings, {"target": "y", **values}), parts
    ).tolist()


def test_rows_without_target_are_left_out_in_every_part():
    assert marks(["a", "b", "c"], ["1", "", ""], [0, 1, -1]) == [0, 1, 1]


def test_duplicates_are_left_out_within_their_own_part_only():
    rows, y = ["a", "a", "a", "a", "b"], ["1"] * 5
    assert marks(rows, y) == [0] * 5
    assert marks(rows, y, duplicates="leave-out") == [0, 2, 2, 2, 0]
    assert marks(rows, y, [0, 1, 1, -1, 0], duplicates="leave-out") == [0, 0, 2, 0, 0]


def test_a_row_that_differs_in_one_cell_is_no_duplicate():
    assert marks(["a", "a"], ["1", "2"], duplicates="leave-out") == [0, 0]
