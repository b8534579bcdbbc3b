import numpy as np
import pytest

from nntool.errors import DataError, UsageError
from nntool.tables.selecting.by_name import Others, apply_names
from nntool.tables.selecting.features import gather

OTHERS = Others({"id": "its role is identifier"}, {"mixed"})


@pytest.fixture
def features(number):
    """A number with gaps, a category, two prices, and a name that looks like a pattern."""
    produced = [number("age", 0), number("age_missing", 1, "age_missing")]
    produced += [number(f"city={n}", 2 + i, "city", "categorical") for i, n in enumerate("LR")]
    names = ["price_old", "price_new", "a*b", "a,b", " blank"]
    return gather([*produced, *(number(name, 4 + i) for i, name in enumerate(names))])


def left(features):
    return [name for f in features for name, _ in f.columns]


ALL = ["age", "age_missing", "city=L", "city=R", "price_old", "price_new", "a*b", "a,b", " blank"]


@pytest.mark.parametrize(
    ("named", "gone"),
    [
        (["age"], {"age", "age_missing"}),
        (["age_missing"], {"age_missing"}),
        (["city"], {"city=L", "city=R"}),
        (["city=L"], {"city=L"}),
        (["price*"], {"price_old", "price_new"}),
        (["price_ol?"], {"price_old"}),
        (["a*b"], {"a*b"}),
        (["a,b"], {"a,b"}),
        (["a?b"], {"a*b", "a,b"}),
        (["price_old,city=R"], {"price_old", "city=R"}),
        (["price_old, city=R", "a,b"], {"price_old", "city=R", "a,b"}),
        (["blank"], {" blank"}),
    ],
)
def test_a_name_means_a_source_a_feature_or_a_column(features, named, gone) -> None:
    assert apply_names(features, [], named, OTHERS) == []
    assert left(features) == [name for name in ALL if name not in gone]


def test_one_column_kept_by_name_keeps_its_feature(features) -> None:
    apply_names(features, ["city=L", "age_missing"], [], OTHERS)
    assert [f.name for f in features if f.is_wanted] == ["age_missing", "city"]


def test_all_unknown_names_are_told_with_their_nearest(features) -> None:
    with pytest.raises(DataError, match="--drop: there are no such columns") as caught:
        apply_names(features, [], ["Prize_old", "qqqq*", "age"], OTHERS)
    assert "'Prize_old' (nearest: 'price_old'), 'qqqq*'" in caught.value.message


def test_after_a_split_a_level_that_is_gone_is_only_said(features) -> None:
    notes = apply_names(features, [], ["city=Rome", "age"], OTHERS, lenient=True)
    assert notes == ["--drop city=Rome: there is no such column now"]
    assert "age" not in left(features)


@pytest.mark.parametrize(
    ("keep", "drop", "named"),
    [
        (["city"], ["city=L"], "city=L"),
        (["price*"], ["price_old"], "price_old"),
        (["age"], ["age"], "age, age_missing"),
    ],
)
def test_to_keep_and_to_drop_the_same_column_is_refused(features, keep, drop, named) -> None:
    with pytest.raises(UsageError, match=f"^{named}: both"):
        apply_names(features, keep, drop, OTHERS)


def test_columns_that_are_no_features_are_said_to_be_none(features) -> None:
    notes = apply_names(features, ["id", "mixed"], ["id", "*"][:1], OTHERS)
    assert notes == [
        "--keep id: it is no feature anyway, its role is identifier",
        "--keep mixed: it has no feature of its own, transform made others of it",
        "--drop id: it is no feature anyway, its role is identifier",
    ]


def test_a_column_that_went_into_others_cannot_be_dropped_alone(features) -> None:
    with pytest.raises(DataError, match="--drop mixed: it has no feature of its own") as caught:
        apply_names(features, [], ["mixed"], OTHERS)
    assert "--roles mixed=ignored" in caught.value.hint


def test_a_column_left_out_of_a_block_is_said(select, number) -> None:
    rng = np.random.default_rng(0)
    level = rng.integers(0, 3, 50)
    columns = {f"c={i}": level == i for i in range(3)}
    produced = [number(name, i, "c", "categorical") for i, name in enumerate(columns)]
    found = select(columns, produced=produced, drop=["c=1"])
    assert found["kept"] == ["c=0", "c=2"]
    assert "left out of a feature: c=1 (dropped by name)" in found["notes"]


def test_of_two_names_that_differ_by_blanks_each_is_meant_as_it_stands(number) -> None:
    for named in ("x", " x"):
        features = gather([number("x", 0), number(" x", 1)])
        apply_names(features, [], [named], OTHERS)
        assert left(features) == [name for name in ("x", " x") if name != named]
