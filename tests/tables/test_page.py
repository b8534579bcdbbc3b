"""The columns of an output: their order, names and types, and rows that could not be read."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.tables import answers
from nntool.tables.page import Page, Prediction, Probabilities, Top

CLASSES = ("no", "perhaps", "yes")
SHARES = np.array([[0.5, 0.2, 0.3], [0.1, 0.1, 0.8], [0.25, 0.5, 0.25]])
FOUND = SimpleNamespace(
    text=pa.record_batch({"who": ["a", "b", "c"], "age": ["1", "2", "3"]}),
    decided=np.array([0, 2, 1], np.int32),
    probabilities=SHARES,
    bad=None,
)


def shown(page, **others):
    return page.batch(SimpleNamespace(**{**vars(FOUND), **others})).to_pydict()


def test_ids_come_before_the_answers_and_kept_columns_behind_them():
    page = Page(["who"], [Prediction(CLASSES), Probabilities(CLASSES)], ["age"])
    assert shown(page) == {
        "who": ["a", "b", "c"],
        "prediction": ["no", "yes", "perhaps"],
        "p_no": [0.5, 0.1, 0.25],
        "p_perhaps": [0.2, 0.1, 0.5],
        "p_yes": [0.3, 0.8, 0.25],
        "age": ["1", "2", "3"],
    }
    assert page.schema.types == [pa.string()] * 2 + [pa.float64()] * 3 + [pa.string()]


def test_a_value_is_a_number():
    page = Page([], [Prediction(None)], [])
    assert shown(page, decided=np.array([1.5, np.pi])) == {"prediction": [1.5, np.pi]}
    assert page.schema.types == [pa.float64()]


def test_the_likeliest_classes_stand_with_their_probabilities():
    top = Top(CLASSES, 2, probabilities=True)
    page = Page([], [top], [])
    assert page.schema.names == ["top_1", "p_top_1", "top_2", "p_top_2"]
    assert shown(page) == {
        "top_1": ["no", "yes", "perhaps"],
        "p_top_1": [0.5, 0.8, 0.5],
        "top_2": ["yes", "no", "no"],
        "p_top_2": [0.3, 0.1, 0.25],
    }
    assert list(shown(Page([], [Top(CLASSES, 2, probabilities=False)], []))) == ["top_1", "top_2"]


@given(st.lists(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=4, max_size=4), max_size=4))
def test_of_equally_likely_classes_the_first_comes_first(rows):
    shares = np.array(rows).reshape(-1, 4)
    pairs = answers.top_columns(shares, "abcd", 4)
    for i, row in enumerate(rows):
        expected = sorted(zip("abcd", row, strict=True), key=lambda pair: (-pair[1], pair[0]))
        assert [(name[i].as_py(), p[i].as_py()) for name, p in pairs] == expected


@pytest.mark.parametrize(("threshold", "codes"), [(0, [1, 1, 1]), (0.3, [0, 1, 1]), (1, [0, 0, 1])])
def test_the_positive_class_is_predicted_from_the_threshold_on(threshold, codes):
    shares = np.array([[0.8, 0.2], [0.7, 0.3], [0, 1]])
    assert answers.at_threshold(shares, 1, threshold).tolist() == codes
    turned = [1 - code for code in codes]
    assert answers.at_threshold(shares[:, ::-1], 0, threshold).tolist() == turned


def test_an_input_column_called_as_an_answer_gets_another_name():
    text = pa.record_batch({"p_no": ["x"], "prediction": ["y"]})
    page = Page(["prediction"], [Prediction(CLASSES), Probabilities(("no",))], ["p_no"])
    assert page.schema.names == ["prediction_2", "prediction", "p_no", "p_no_2"]
    assert page.renamed == [("prediction", "prediction_2"), ("p_no", "p_no_2")]
    one = {"decided": np.array([0]), "probabilities": SHARES[:1, :1], "text": text}
    assert list(shown(page, **one).values()) == [["y"], ["no"], [0.5], ["x"]]


class Remark:
    """A part that has something to say of every row, in few different words."""

    speaks_of_bad_rows = False

    def fields(self):
        return [pa.field("remark", pa.list_(pa.string()))]

    def arrays(self, found):
        words = pa.array([["fine"], ["bad", "row"]])
        return [pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), words)]


class Status(Remark):
    speaks_of_bad_rows = True


def test_all_cells_of_a_row_that_could_not_be_read_are_empty_but_what_speaks_of_it():
    parts = [Prediction(CLASSES), Top(CLASSES, 1, probabilities=True), Remark()]
    bad = np.array([False, True, False])
    found = shown(Page(["who"], parts, ["age"]), bad=bad)
    assert [column[1] for column in found.values()] == [None] * 6
    assert None not in [cell for column in found.values() for cell in (column[0], column[2])]
    assert shown(Page([], [Status()], []), bad=bad)["remark"][1] == ["bad", "row"]
