"""Renaming, dropping and hashing columns; sources with different columns."""

import hashlib
import hmac

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.errors import DataError, UsageError
from nntool.tables.sources import shaping
from nntool.tables.sources.shaping import Shape, aligned, pseudonyms, shape_all


class Named:
    """A source of which only the columns are known."""

    def __init__(self, *names):
        self.names = list(names)


def shaped(shape, *sources):
    called = [f"{i}.csv" for i in range(1, len(sources) + 1)]
    return shape_all(called, [Named(*names) for names in sources], shape)


def test_names_to_drop_and_to_hash_are_those_after_renaming():
    shape = Shape(rename={"Geb.": "born"}, drop=["born"], pseudonymize=["id"], key=b"k")
    a, b = shaped(shape, ["id", "Geb.", "x"], ["x", "born", "id"])
    assert (a.taken, a.names, a.renamed, a.dropped) == (
        ["id", "x"],
        ["id", "x"],
        {"Geb.": "born"},
        ["born"],
    )
    assert (b.taken, b.hashed) == (["x", "id"], ["id"])


def test_a_batch_is_renamed_and_hashed():
    shape = Shape(rename={"a": "A"}, pseudonymize=["A"], key=b"key")
    (one,) = shaped(shape, ["a", "b"])
    kept = one.kept(pa.record_batch({"a": ["Ana", None], "b": ["1", "2"]}))
    assert kept.to_pylist() == [
        {"A": hmac.new(b"key", b"Ana", hashlib.sha256).hexdigest()[:20], "b": "1"},
        {"A": None, "b": "2"},
    ]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (Shape(rename={"aa": "b"}), "--rename: there is no such column: 'aa' .nearest: 'a'"),
        (Shape(drop=["a", "q"]), "--drop: there is no such column: 'q'"),
        (Shape(pseudonymize=["q"]), "--pseudonymize: there is no such column: 'q'"),
        (Shape(rename={"a": "b"}), "1.csv: after --rename there are two columns 'b'"),
        (Shape(drop=["a", "b"]), "no column is left"),
    ],
)
def test_what_cannot_be_done_is_refused(shape, message):
    with pytest.raises(DataError, match=message):
        shaped(shape, ["a", "b"])


def test_a_column_is_dropped_or_hashed_not_both():
    with pytest.raises(UsageError, match="dropped and pseudonymized"):
        shaped(Shape(drop=["a"], pseudonymize=["a"]), ["a", "b"])


def test_columns_may_be_listed_with_commas_unless_a_name_has_one():
    assert shaped(Shape(drop=["a, b"]), ["a", "b", "c"])[0].names == ["c"]
    assert shaped(Shape(drop=["a,b"]), ["a", "b", "a,b"])[0].names == ["a", "b"]
    assert shaped(Shape(drop=["@1,@-1"]), ["a", "b", "c"])[0].names == ["b"]


def test_missing_stays_missing_and_blanks_around_make_no_difference():
    text = pa.array([" Ana", "Ana ", "", "  ", None, "NA", "na"])
    found = pseudonyms(text, b"key", ["NA"]).to_pylist()
    assert found[0] == found[1]
    assert found[2:6] == ["", "  ", None, "NA"]
    assert found[6] != "na"


@given(st.lists(st.text().filter(str.strip), unique_by=str.strip), st.binary(min_size=1))
def test_different_values_have_different_pseudonyms_that_show_nothing_of_them(values, key):
    try:
        text = pa.array(values, pa.string())
    except UnicodeEncodeError:
        return
    found = pseudonyms(text, key, []).to_pylist()
    assert len(set(found)) == len(values)
    assert all(len(word) == 20 and set(word) <= set("0123456789abcdef") for word in found)


def test_another_key_gives_other_pseudonyms_and_chunks_do_not_matter():
    text = pa.array(["a", "b", "a"])
    whole = pseudonyms(text, b"one", []).to_pylist()
    assert pseudonyms(text.slice(1), b"one", []).to_pylist() == whole[1:]
    assert not set(pseudonyms(text, b"two", []).to_pylist()) & set(whole)


def test_different_columns_are_refused_with_what_differs_and_what_may_mend_it():
    sources = shaped(Shape(), ["id", "income"], ["Income", "id", "city"])
    with pytest.raises(
        DataError, match=r"1\.csv is without 'Income', 'city'; 2\.csv is without"
    ) as e:
        shaping.refuse_differences(["1.csv", "2.csv"], sources)
    assert e.value.hint.startswith("--rename 'Income'='income' and --missing-columns fill")


def test_the_same_columns_in_another_order_are_no_difference():
    shaping.refuse_differences(["a", "b"], shaped(Shape(), ["x", "y"], ["y", "x"]))


def test_a_column_that_a_source_lacks_is_null_in_it():
    batch = pa.record_batch({"b": ["1"], "a": ["2"]})
    assert aligned(batch, ["a", "c", "b"]).to_pylist() == [{"a": "2", "c": None, "b": "1"}]
