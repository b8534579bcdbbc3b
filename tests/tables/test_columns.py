import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.errors import DataError
from nntool.tables.columns import resolve, resolve_all, resolve_listed, unique_names


@given(st.lists(st.sampled_from(["a", "a_2", "a_3", "", " ", "column_1", "column_2", "b"])))
def test_names_become_unique_and_those_that_were_unique_stay(names):
    unique, _ = unique_names(names)
    assert len(set(unique)) == len(unique) == len(names)

    firsts = {name: names.index(name) for name in names if name.strip()}
    assert all(unique[at] == name for name, at in firsts.items())


def test_made_names_are_said():
    names, notes = unique_names(["id", "id", "", "id"])
    assert names == ["id", "id_2", "column_3", "id_3"]
    assert "'column_3'" in notes[0]
    assert "'id_2', 'id_3'" in notes[1]


def test_an_exact_name_wins_over_a_position_and_over_stripping():
    assert resolve(["a", "@1"], "@1", "x") == "@1"
    assert resolve([" a", "a"], "a", "x") == "a"


@pytest.mark.parametrize(
    ("wanted", "found"), [("@1", "a"), ("@-1", " c"), ("@3", " c"), ("c", " c")]
)
def test_positions_count_from_one_and_blanks_are_forgiven(wanted, found):
    assert resolve(["a", "b", " c"], wanted, "x") == found


@pytest.mark.parametrize("wanted", ["@0", "@4", "@-4", "@x", "A", "d"])
def test_what_is_not_there_is_refused(wanted):
    with pytest.raises(DataError):
        resolve(["a", "d ", " d"], wanted, "x")


def test_all_missing_columns_are_named_at_once_with_their_nearest():
    with pytest.raises(DataError) as caught:
        resolve_all(["height", "weight"], ["hieght", "weight", "wieght"], "--id")
    assert "'hieght' (nearest: 'height')" in caught.value.message
    assert "'wieght' (nearest: 'weight')" in caught.value.message


def test_a_saved_name_is_never_a_position():
    with pytest.raises(DataError):
        resolve_all(["a"], ["@1"], "x", positions=False)


def test_a_list_typed_with_blanks_after_commas_is_read_and_an_empty_name_is_refused():
    assert resolve_listed(["a", "b", "c"], ["@-1, a,"], "--drop") == ["c", "a"]
    with pytest.raises(DataError):
        resolve_listed(["a"], [""], "--drop")
