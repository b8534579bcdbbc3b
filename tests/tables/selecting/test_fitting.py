import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sklearn.feature_selection import mutual_info_classif
from sklearn.metrics import mutual_info_score

from nntool.errors import DataError, UsageError
from nntool.settings.select_features import SelectFeaturesSettings
from nntool.settings.transform import TransformSettings
from nntool.tables import transforming
from nntool.tables.selecting import InMemory, fit, fitting
from nntool.tables.selecting.columns import Columns
from nntool.tables.selecting.fitting import Facts
from nntool.tables.selecting.redundancy import correlations
from nntool.tables.selecting.scores import MutualInformation

N = 200
NO_CODES = np.empty((N, 0), np.int32)
RNG = np.random.default_rng(0)
X, Y, Z = (RNG.normal(size=N) for _ in range(3))
HALF = np.arange(N) < N // 2


def reasons(found):
    return {d["name"]: d["reason"] for d in found["dropped"]}


def test_what_is_constant_in_training_is_dropped(select) -> None:
    constant_in_training = np.where(HALF, 1, X)
    found = select({"x": X, "c": constant_in_training}, rows=HALF)
    assert found["kept"] == ["x"]
    assert reasons(found) == {"c": "constant in training"}
    assert select({"x": X, "c": constant_in_training})["kept"] == ["x", "c"]
    assert select({"x": X, "c": X * 0}, drop_constant=False)["kept"] == ["x", "c"]


def test_what_repeats_an_earlier_column_in_training_is_dropped(select) -> None:
    almost = np.where(HALF, X, X + 1)
    found = select({"x": X, "twin": X, "almost": almost})
    assert found["kept"] == ["x", "almost"]
    assert reasons(found) == {"twin": "repeats x in training"}
    assert select({"x": X, "almost": almost}, rows=HALF)["kept"] == ["x"]
    assert select({"x": X, "twin": X}, drop_duplicates=False)["kept"] == ["x", "twin"]


def test_minus_zero_is_zero(select) -> None:
    signs = np.where(HALF, 0.0, 1.0)
    assert select({"a": signs, "b": np.where(HALF, -0.0, 1.0)})["kept"] == ["a"]


def test_a_block_is_kept_or_dropped_as_one_but_for_constant_columns(select, number) -> None:
    columns = {"c=a": HALF, "c=b": ~HALF, "c=never": X * 0, "twin": HALF, "x": X}
    produced = [number(n, i, "c", "categorical") for i, n in enumerate(("c=a", "c=b", "c=never"))]
    produced += [number("twin", 3), number("x", 4)]
    found = select(columns, produced=produced)
    assert found["kept"] == ["c=a", "c=b", "x"]
    assert reasons(found) == {"c=never": "constant in training", "twin": "repeats c=a in training"}
    # one of the two columns is new, so the block stays whole behind the column that it repeats
    first = [number("twin", 3), *produced[:3]]
    assert select(columns, produced=first)["kept"] == ["twin", "c=a", "c=b"]


def test_codes_are_judged_beside_numbers(select, number) -> None:
    codes = np.column_stack((HALF, HALF, np.zeros(N))).astype(np.int32)
    produced = [number("x", 0)]
    produced += [number(n, i, role="categorical", kind="codes") for i, n in enumerate("abc")]
    found = select({"x": X}, codes=codes, produced=produced)
    assert found["kept"] == ["x", "a"]


@pytest.mark.parametrize("limit", [0.5, 0.69, 0.9, 0.99, 0.999])
def test_the_later_of_two_correlated_numbers_is_dropped(select, limit) -> None:
    columns = {"x": X, "near": X + 0.1 * Y, "far": -X + Y, "y": Y, "z": Z}
    r = pd.DataFrame({k: v.astype(np.float32) for k, v in columns.items()}).corr().abs()
    kept = []
    for name in columns:
        if all(r.loc[name, other] <= limit for other in kept):
            kept.append(name)
    assert select(columns, max_correlation=limit)["kept"] == kept


def test_correlations_agree_with_numpy() -> None:
    matrix = (RNG.normal(size=(N, 4)) @ RNG.normal(size=(4, 4)) + 1000).astype(np.float32)
    rows = np.flatnonzero(HALF)
    expected = np.corrcoef(matrix[rows].astype(float), rowvar=False)
    columns = Columns(InMemory(matrix), InMemory(NO_CODES), rows)
    np.testing.assert_allclose(correlations(columns, [0, 1, 2, 3]), expected, atol=1e-9)


def test_the_best_by_mutual_information_are_kept_and_ranked(select) -> None:
    target = (X > 0).astype(np.int32)
    found = select({"y": Y, "x": X, "weak": X + 2 * Z}, target, top=1)
    assert found["kept"] == ["x"]
    assert reasons(found)["y"] == "rank 3 of 3 by mutual-information"
    assert [f["feature"] for f in found["features"]] == ["x", "weak", "y"]
    matrix = np.column_stack((Y, X, X + 2 * Z)).astype(np.float32).astype(float)
    seed = int(np.random.default_rng(0).integers(2**31))
    expected = mutual_info_classif(matrix, target, discrete_features=False, random_state=seed)
    scores = {f["feature"]: f["score"] for f in found["features"]}
    assert [scores[n] for n in ("y", "x", "weak")] == pytest.approx(expected.tolist())


def test_a_category_is_scored_as_a_whole(select, number) -> None:
    level = RNG.integers(0, 3, N)
    target = (level == RNG.integers(0, 3, N)).astype(np.int32)
    columns = {f"c={i}": level == i for i in range(3)} | {"x": X}
    produced = [number(f"c={i}", i, "c", "categorical") for i in range(3)] + [number("x", 3)]
    found = select(columns, target, produced=produced, top=2)
    scores = {f["feature"]: f["score"] for f in found["features"]}
    assert scores["c"] == pytest.approx(mutual_info_score(level, target))


def test_two_scaled_values_and_many_levels_can_be_scored(select, number) -> None:
    target = HALF.astype(np.int32)
    columns = {"flag": np.where(HALF, -1.7, 0.4), "level": np.arange(N) / 3.3, "x": X}
    produced = [number("flag", 0), number("level", 1, role="categorical"), number("x", 2)]
    found = select(columns, target, produced=produced, top=3)
    scores = {f["feature"]: f["score"] for f in found["features"]}
    assert [scores["flag"], scores["level"]] == pytest.approx([np.log(2)] * 2)


def test_a_numeric_target_with_gaps_can_rank(select) -> None:
    target = np.where(np.arange(N) % 9, X + 0.1 * Y, np.nan)
    assert select({"z": Z, "x": X}, target, task="regression", top=1)["kept"] == ["x"]


def test_scores_take_a_sample_of_the_size_asked_for(select) -> None:
    score = {"name": "mutual-information", "max_rows": 50}
    found = select({"x": X, "y": Y}, top=1, score=score)
    assert "scored by a seeded sample of 50 of 200 rows" in found["notes"]


def test_beyond_the_limit_a_seeded_sample_is_judged(select, monkeypatch) -> None:
    monkeypatch.setattr(fitting, "FIT_ROWS", 100)
    first, again = select({"x": X, "y": Y}), select({"x": X, "y": Y})
    assert first == again
    assert first["rows"] == 100
    assert "seeded sample of 100 of 200" in " ".join(first["notes"])


def test_nothing_left_is_an_error_that_says_what_to_do(select) -> None:
    with pytest.raises(DataError, match="no feature is left") as caught:
        select({"a": X * 0, "b": X * 0 + 1})
    assert "--no-drop-constant" in caught.value.hint


def test_an_unknown_score_lists_the_known_ones(select) -> None:
    with pytest.raises(UsageError, match="'luck' is not a choice"):
        select({"x": X}, top=1, score="luck")


@given(seed=st.integers(0, 99), top=st.integers(1, 3))
@examples(max_examples=10, deadline=None)
def test_rows_outside_training_change_nothing(select, seed, top) -> None:
    rng = np.random.default_rng(seed)
    columns = {"x": X, "y": Y, "const": X * 0, "near": X + 0.01 * Y}
    target = (X + Z > 0).astype(np.int32)
    before = select(columns, target, rows=HALF, top=top, max_correlation=0.9)
    other = {k: np.where(HALF, v, rng.normal(size=N)) for k, v in columns.items()}
    target = np.where(HALF, target, rng.integers(-1, 2, N))
    assert select(other, target, rows=HALF, top=top, max_correlation=0.9) == before


def test_what_is_kept_can_be_asked_of_transform(no_tools) -> None:
    data = pa.table(
        {"x": X, "c": RNG.choice(["u", "v"], N), "k": ["same"] * N, "twin": X, "id": ["a"] * N}
    )
    roles = [("x", "numeric"), ("c", "categorical"), ("k", "categorical"), ("twin", "numeric")]
    state = transforming.fit(data, roles, TransformSettings()).state
    numeric, codes, _ = transforming.apply(data, state)
    found = fit(
        InMemory(numeric),
        InMemory(codes),
        np.arange(N) % 2,
        Facts(transforming.produced(state), {}, {}, set(), "binary"),
        SelectFeaturesSettings(),
        MutualInformation(),
        np.ones(N, bool),
        np.random.default_rng(0),
        no_tools,
    )
    assert found["kept"] == ["x", "c=u", "c=v"]
    needed = transforming.sources(state, found["kept"])
    assert needed == ["x", "c"]
    json.dumps(found, allow_nan=False)
    some, _, _ = transforming.apply(data.select(needed), state, found["kept"])
    np.testing.assert_array_equal(some, numeric[:, :3])


def test_the_order_of_judging_is_as_documented(select) -> None:
    columns = {"named": X, "constant": X * 0, "nearly": np.arange(N) == 0, "gaps": Z}
    columns |= {"x": X, "twin": X, "near": X + 0.01 * Y, "y": Y, "weak": Y * Z}
    found = select(
        columns,
        target=(Y > 0).astype(int),
        missing={"gaps": 0.6},
        drop=["named"],
        max_one_value=0.98,
        max_missing=0.5,
        max_correlation=0.9,
        top=1,
    )
    assert found["kept"] == ["y"]
    assert {name: reason.split()[0] for name, reason in reasons(found).items()} == {
        "named": "dropped",
        "constant": "constant",
        "nearly": "99.50%",
        "gaps": "gaps",
        "twin": "repeats",
        "near": "|r|",
        "x": "rank",
        "weak": "rank",
    }


def test_what_is_kept_by_name_survives_everything_and_is_said_to(select) -> None:
    columns = {"x": X, "twin": X, "const": X * 0, "near": X + 0.01 * Y, "z": Z}
    found = select(
        columns,
        target=(X > 0).astype(int),
        missing={"z": 0.9},
        keep=["twin", "const", "near", "z"],
        max_one_value=0.9,
        max_missing=0.5,
        max_correlation=0.9,
        top=1,
    )
    assert found["kept"] == ["twin", "const", "near", "z"]
    assert reasons(found) == {"x": "repeats twin in training"}
    said = {f["feature"]: f["reason"] for f in found["features"]}
    assert said["const"].startswith("kept by name; constant in training; 100.00% of training")
    assert "z is missing in 90.00% of training" in said["z"]
    assert "|r| with twin" in said["near"]
    assert any(note.startswith("kept by name all the same: ") for note in found["notes"])


def test_a_score_alone_ranks_and_drops_nothing(select) -> None:
    found = select({"x": X, "y": Y}, (Y > 0).astype(int), score="f-test")
    assert found["kept"] == ["x", "y"]
    assert [f["feature"] for f in found["features"]] == ["y", "x"]
    assert "none is dropped by its rank" in found["notes"][-1]


def test_min_score_keeps_what_has_it_or_more(select) -> None:
    columns, target = {"x": X, "y": Y, "z": Z}, (Y > 0).astype(int)
    ranked = {f["feature"]: f["score"] for f in select(columns, target, score="f-test")["features"]}
    middle = sorted(ranked.values())[1]
    found = select(columns, target, score="f-test", min_score=middle)
    assert set(found["kept"]) == {name for name, score in ranked.items() if score >= middle}
    assert all("below" in reason for reason in reasons(found).values())
    with pytest.raises(DataError, match="no feature is left") as caught:
        select(columns, target, score="f-test", min_score=1e9)
    assert "--min-score" in caught.value.hint


@pytest.mark.parametrize("score", ["f-test", "chi2", "mrmr", "rfe", "forward"])
def test_a_target_of_one_value_cannot_rank(select, score) -> None:
    with pytest.raises(DataError, match="the same in all 200 training rows"):
        select({"x": X, "y": Y}, np.zeros(N, int), score=score)
