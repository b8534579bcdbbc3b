"""What is kept of training rows, and into which bins new rows fall."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from nntool.tables import drift

RNG = np.random.default_rng(1)
NUMBERS = np.where(RNG.random(5000) < 0.1, np.nan, RNG.normal(size=5000))
TEXTS = pa.array([f"level {n}" if n else None for n in (RNG.geometric(0.02, 5000) - 1).tolist()])


def names_and_counts(reference):
    return dict(zip(drift.bin_names(reference), reference["counts"], strict=True))


def test_numbers_have_bins_between_deciles_and_one_for_the_missing():
    reference = drift.learn(np.array([*range(1, 21), np.nan], float), "numeric")
    assert names_and_counts(reference) == {
        "up to 2": 2,
        **{f"above {n} up to {n + 2}": 2 for n in range(2, 18, 2)},
        "above 18": 2,
        "missing": 1,
    }


def test_ties_merge_bins():
    reference = drift.learn(np.array([0.0] * 19 + [7.0]), "numeric")
    assert names_and_counts(reference) == {"up to 0": 19, "above 0": 1, "missing": 0}


def test_dates_are_told_as_dates():
    days = np.repeat([0.0, 18262.0], 10)
    names = drift.bin_names(drift.learn(days, "date"))
    assert names == ["up to 1970-01-01", "above 1970-01-01 up to 2020-01-01", "above 2020-01-01",
                     "missing"]  # fmt: skip


def test_categories_have_their_levels_the_missing_and_the_unseen():
    reference = drift.learn(pa.array(["b", "a", "b", None] * 5), "categorical")
    assert names_and_counts(reference) == {"'b'": 10, "'a'": 5, "missing": 5, "unseen": 0}
    bins = drift.count(pa.array(["a", "c", None, "b", "d", "a"]), reference)
    assert bins.tolist() == [1, 2, 1, 2]


def test_a_level_of_less_than_five_rows_counts_as_unseen():
    reference = drift.learn(pa.array([*"aaaaaa", *"bbbbb", *"cccc", "d"]), "categorical")
    assert names_and_counts(reference) == {"'a'": 6, "'b'": 5, "missing": 0, "rare or unseen": 5}
    assert drift.count(pa.array([*"abcde"]), reference).tolist() == [1, 1, 0, 3]


def test_the_hundred_most_frequent_levels_have_a_bin_and_the_others_share_one():
    times = Counter(text for text in TEXTS.to_pylist() if text is not None)
    often = [text for text in times if times[text] >= 5]
    ranked = sorted(often, key=lambda text: (-times[text], text))
    assert len(times) > len(ranked) > 100
    reference = drift.learn(TEXTS, "categorical")
    assert reference["levels"] == ranked[:100]
    assert sorted(reference["others"]) == sorted(ranked[100:])
    counts = names_and_counts(reference)
    assert [counts[repr(text)] for text in ranked[:100]] == [times[text] for text in ranked[:100]]
    assert counts["other levels"] == sum(times[text] for text in ranked[100:])
    assert counts["missing"] == TEXTS.null_count
    assert sum(reference["counts"]) == 5000
    new = pa.array([ranked[0], ranked[100], ranked[-1], "never"])
    assert drift.count(new, reference)[[0, 100, 101, 102]].tolist() == [1, 2, 0, 1]


def test_levels_beyond_ten_thousand_are_unseen_in_training_as_in_new_rows():
    levels = [f"{n:05d}" for n in range(10_050)]
    reference = drift.learn(pa.array(levels * 5), "categorical")
    assert len(reference["levels"]) + len(reference["others"]) == 10_000
    counts = names_and_counts(reference)
    assert (counts["other levels"], counts["rare or unseen"]) == (5 * 9_900, 5 * 50)
    assert drift.count(pa.array(levels), reference)[-3:].tolist() == [9_900, 0, 50]


def test_names_of_which_each_is_new_are_unseen_in_training_already():
    reference = drift.learn(pa.array([f"name {n}" for n in range(500)]), "categorical")
    assert (reference["levels"], reference["counts"]) == ([], [0, 500])


@pytest.mark.parametrize("values", [NUMBERS, TEXTS], ids=["numbers", "texts"])
def test_training_rows_fall_into_the_bins_as_they_were_learned(values):
    reference = drift.learn(values, "")
    assert drift.count(values, reference).tolist() == reference["counts"]


@pytest.mark.parametrize("values", [NUMBERS, TEXTS], ids=["numbers", "texts"])
def test_chunks_add_up_to_the_whole(values):
    reference = drift.learn(values, "")
    total = {}
    for part in (slice(0, 7), slice(7, 1000), slice(1000, 1000), slice(1000, None)):
        drift.add(total, {"x": drift.count(values[part], reference)})
    assert total["x"].tolist() == drift.count(values, reference).tolist()
    assert total["x"].sum() == 5000


def test_without_a_value_everything_is_missing():
    reference = drift.learn(np.full(3, np.nan), "numeric")
    assert names_and_counts(reference) == {"any value": 0, "missing": 3}
    assert drift.count(np.array([1.0, np.nan]), reference).tolist() == [1, 1]
    nulls = drift.learn(pa.nulls(3, pa.string()), "categorical")
    assert names_and_counts(nulls) == {"missing": 3, "unseen": 0}
    assert drift.count(pa.array(["x", None]), nulls).tolist() == [1, 1]
