"""What is said of rows that were predicted: one line for each kind, however many columns."""

from nntool.steps.prediction_notes import MOST_COLUMNS, by_column, cell_notes, feature_notes


def test_many_columns_are_one_line_with_the_most_affected_first():
    counts = {f"x{i}": i for i in range(1, 21)}
    (line,) = by_column("value", "outside the range of training", counts)
    assert line == (
        "210 values outside the range of training in 20 columns: 'x20' 20, 'x19' 19, 'x18' 18,"
        " 'x17' 17, 'x16' 16, 'x15' 15 and 14 more (--json has all)"
    )


def test_all_columns_are_named_where_they_are_few():
    counts = dict.fromkeys("abcdef"[:MOST_COLUMNS], 1)
    (line,) = by_column("cell", "missing", counts)
    assert line == "6 cells missing in 6 columns: 'a' 1, 'b' 1, 'c' 1, 'd' 1, 'e' 1, 'f' 1"
    assert by_column("cell", "missing", {}) == []


def test_cells_of_another_type_are_told_by_reason_over_all_columns():
    cells = {"a": {"unfit": 2, "inf": 1}, "b": {"nan": 4}, "c": {"empty": 9}}
    assert cell_notes(cells) == [
        "7 cells taken as missing (2 of another type than in training, 1 infinite,"
        " 4 not a number) in 2 columns: 'b' 4, 'a' 3"
    ]


def test_gaps_are_only_told_of_columns_that_had_none():
    features = {"missing": {"a": 3, "b": 1}, "unseen": {"c": 1}, "outside": {"a": 1}}
    features["clipped"] = {"a": 1}
    assert feature_notes(features, ["b", "c"]) == [
        "'c': 1 cell with a category not seen in training",
        "'a': 1 value outside the range of training",
        "'a': 1 number too large for a network, clipped",
        "'b': 1 cell missing, where training had none missing",
    ]
