import numpy as np
import pytest

RNG = np.random.default_rng(0)
N = 200
X = RNG.normal(size=N)


@pytest.fixture
def one_hot(number):
    """A category of three levels as a block of columns, and a number beside it."""

    def columns(level):
        made = {f"c={i}": level == i for i in range(3)}
        produced = [number(name, i, "c", "categorical") for i, name in enumerate(made)]
        return made | {"x": X}, [*produced, number("x", 3)]

    return columns


@pytest.mark.parametrize(("limit", "kept"), [(0.9, ["x"]), (0.95, ["mostly", "x"])])
def test_a_feature_with_nearly_one_value_is_dropped(select, limit, kept) -> None:
    columns = {"mostly": np.where(np.arange(N) < 190, 1.0, X), "x": X}
    found = select(columns, max_one_value=limit)
    assert found["kept"] == kept
    if len(kept) == 1:
        assert found["dropped"][0]["reason"] == "95.00% of training has one value"


def test_a_category_has_the_share_of_its_most_frequent_level(select, one_hot) -> None:
    level = np.where(np.arange(N) < 180, 0, 1 + np.arange(N) % 2)
    columns, produced = one_hot(level)
    assert select(columns, produced=produced, max_one_value=0.89)["kept"] == ["x"]
    assert len(select(columns, produced=produced, max_one_value=0.9)["kept"]) == 4
    # a level of its own is rare in each: the columns are not judged one by one
    columns, produced = one_hot(np.arange(N) % 3)
    assert len(select(columns, produced=produced, max_one_value=0.6)["kept"]) == 4


def test_codes_have_the_share_of_their_most_frequent_one(select, number) -> None:
    codes = np.where(np.arange(N) < 150, 2, 1).astype(np.int32)[:, None]
    produced = [number("x", 0), number("c", 0, role="categorical", kind="codes")]
    assert select({"x": X}, codes=codes, produced=produced, max_one_value=0.74)["kept"] == ["x"]
    found = select({"x": X}, codes=codes, produced=produced, max_one_value=0.75)
    assert found["kept"] == ["x", "c"]


def test_all_that_comes_from_a_column_with_too_many_gaps_goes(select, number) -> None:
    produced = [number("a", 0), number("a_missing", 1, "a_missing"), number("b", 2)]
    columns = {"a": X, "a_missing": X > 0, "b": X**2}
    found = select(columns, produced=produced, missing={"a": 0.51, "b": 0.5}, max_missing=0.5)
    assert found["kept"] == ["b"]
    assert {d["reason"] for d in found["dropped"]} == {"a is missing in 51.00% of training"}
    assert len(select(columns, produced=produced, missing={"a": 0.51})["kept"]) == 3
    spared = select(
        columns, produced=produced, missing={"a": 0.51}, max_missing=0.5, keep=["a_missing"]
    )
    assert spared["kept"] == ["a_missing", "b"]
