import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import LabelEncoder

from nntool.errors import DataError, UsageError
from nntool.tables import target, target_codes


def array(*cells):
    return pa.array(cells, pa.string())


def fitted(*cells, task="auto", positive=None, missing=("?",)):
    return target.fit(array(*cells), "y", task, positive, list(missing))


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["a", "b", "?"], "binary"),
        (["a", "b", "c"], "multiclass"),
        (["a", "", "b"], "binary"),
        (["true", "false"], "binary"),
        (["0.5", "1.5", "0.50"], "binary"),
        ([str(i) for i in range(10)], "multiclass"),
        ([str(i) for i in range(11)], "regression"),
        (["1", "2", "2.5"], "regression"),
        (["1", "1.0", "2"], "binary"),
        (["1", "2", "x"], "multiclass"),
    ],
)
def test_the_task_follows_the_cells(cells, task):
    found, reason = target.decide_task(array(*cells), ["?"], "auto")
    assert found == task
    assert reason.startswith("the target ")


@pytest.mark.parametrize("cells", [["a"], ["a", "", "?", " a"], ["7", "7.0"], ["7.5"]])
def test_a_target_of_one_value_is_refused(cells):
    with pytest.raises(DataError, match=r"the target has one value only, '(a|7|7\.5)'"):
        target.refuse_one_value(array(*cells), ["?"])


def test_asking_for_what_would_be_found_changes_no_word():
    """A recipe holds the task that was found; its reports must have the same bytes."""
    for task, cells in (("binary", "ab"), ("multiclass", "abc"), ("regression", "3579")):
        column = array(*(c if task != "regression" else f"{c}.5" for c in cells))
        assert target.decide_task(column, [], task) == target.decide_task(column, [], "auto")


def test_regression_of_text_is_refused_with_the_cells():
    with pytest.raises(DataError, match=r"'x' \(row 4\), 'y' \(row 5\)"):
        target.decide_task(array("1", "?", "", "x", "y"), ["?"], "regression")


def test_binary_with_three_values_is_refused_with_the_values():
    with pytest.raises(DataError, match=r"3 different values: 'a', 'b', 'c'"):
        target.decide_task(array("a", "b", "c"), [], "binary")


def test_nearly_numeric_targets_are_refused_rather_than_made_classes():
    cells = [f"{i}.5" for i in range(50)]
    with pytest.raises(DataError, match=r"'x' \(row 51\)"):
        target.decide_task(array(*cells, "x"), [], "auto")
    assert target.decide_task(array(*cells, "x"), [], "multiclass")[0] == "multiclass"
    assert target.decide_task(array(*cells, "x"), ["x"], "auto")[0] == "regression"


def test_a_target_without_values_is_refused():
    with pytest.raises(DataError, match="no value"):
        fitted("", "?", " ")


def test_what_was_asked_wins_where_the_cells_allow_it():
    assert fitted("1", "2", "3", task="regression")["task"] == "regression"
    assert fitted("1.5", "2.5", "3", task="multiclass")["classes"] == ["1.5", "2.5", "3"]


@given(st.lists(st.integers(-5, 5), min_size=2).filter(lambda values: len({*values}) > 1))
def test_numeric_classes_are_ordered_by_value_as_label_encoder_does(values):
    state = fitted(*map(str, values), task="multiclass")
    codes, counts = target_codes.encode_classes(array(*(f"{v}.0" for v in values)), state)
    assert codes.tolist() == LabelEncoder().fit_transform(values).tolist()
    assert counts == {}
    assert state["class_counts"] == np.unique(values, return_counts=True)[1].tolist()


WORDS = st.text(st.sampled_from("abÀ "), min_size=1).filter(str.strip)


@given(st.lists(WORDS).filter(lambda words: len({word.strip() for word in words}) > 1))
def test_text_classes_lose_the_blanks_around_them_and_are_ordered_by_code_point(values):
    state = fitted(*values, task="multiclass")
    stripped = [value.strip() for value in values]
    assert state["classes"] == sorted(set(stripped))
    codes, _ = target_codes.encode_classes(array(*values), state)
    assert [state["classes"][code] for code in codes] == stripped


def test_equal_numbers_are_one_class_in_its_shortest_form():
    assert fitted("1.00", "1", "2.0", "1.0")["classes"] == ["1", "2.0"]


def test_missing_and_unseen_cells_are_told_apart():
    state = fitted("a", "b")
    text = pa.chunked_array([array("b", "?", "c"), array("", None, "a ", "c")])
    codes, counts = target_codes.encode_classes(text, state)
    assert codes.dtype == np.int32
    assert codes.tolist() == [1, -1, -1, -1, -1, 0, -1]
    assert counts == {"missing": 3, "unseen": {"c": 2}}


def test_values_of_regression_are_numbers_and_nan():
    state = fitted("1", "2.5", "3.5", "4")
    values, counts = target_codes.encode_values(array("1.5", "?", "inf", "x"), state)
    assert values[0] == 1.5
    assert [math.isnan(v) for v in values] == [False, True, True, True]
    assert counts == {"tokens": {"?": 1}, "inf": 1, "unfit": 1}
    typed, counts = target_codes.encode_values(pa.array([1.0, None]), state)
    assert math.isnan(typed[1])
    assert counts == {"empty": 1}


def test_the_positive_class_is_the_last_or_the_one_named():
    assert fitted("1", "0", "1.0")["positive"] == "1"
    assert fitted("1", "0", positive="0.0")["positive"] == "0"
    assert fitted(" no", " yes", positive="no")["positive"] == "no"
    assert fitted("a", "b", "c")["positive"] is None
    with pytest.raises(UsageError) as caught:
        fitted("a", "b", positive="c")
    assert "'a', 'b'" in caught.value.hint
    with pytest.raises(UsageError):
        fitted("1", "2", "3.5", positive="1")


def test_a_state_is_plain_data():
    for state in (fitted("a", "b"), fitted("1", "2.5", "3")):
        assert json.loads(json.dumps(state)) == state


def test_numbers_beyond_2_to_the_53_are_told_apart_as_text():
    state = fitted("9007199254740993", "9007199254740992", "9007199254740993")
    assert state["classes"] == ["9007199254740992", "9007199254740993"]
    codes, _ = target_codes.encode_classes(array("9007199254740993", "9007199254740992"), state)
    assert codes.tolist() == [1, 0]


def test_a_target_of_numbers_with_one_unit_is_regression():
    cells = [f"{i / 2} kg" for i in range(40)]
    state = fitted(*cells)
    assert state["task"] == "regression"
    values, counts = target_codes.encode_values(array("3.5 kg", "4 lb"), state)
    assert (values[0], counts["unfit"]) == (3.5, 1)
    assert fitted(*cells, "3 lb")["task"] == "multiclass"
    with pytest.raises(DataError, match="its cells are numbers with words behind them") as caught:
        fitted(*cells, "3 lb", task="regression")
    assert "in the file" in caught.value.hint


def test_a_class_that_is_called_as_a_missing_value_is_said():
    with pytest.raises(DataError, match=r"only, 'no' \('nan' read as missing: --missing-values\)"):
        target.refuse_one_value(array("no", "nan", "no", ""), ["nan"])


def test_booleans_are_classes_as_training_writes_them_and_are_known_in_any_case():
    state = fitted("True", "False", "True")
    assert state["classes"] == ["False", "True"]
    codes, counts = target_codes.encode_classes(array("true", "FALSE", "True", "yes"), state)
    assert codes.tolist() == [1, 0, 1, -1]
    assert counts == {"respelled": 2, "unseen": {"yes": 1}}
    assert fitted("True", "TRUE", "false")["classes"] == ["TRUE", "True", "false"]
