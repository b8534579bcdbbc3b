import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.preprocessing import KBinsDiscretizer
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from nntool.errors import UsageError
from nntool.tables.choices import build
from nntool.tables.operations.bins import BINS, range_labels
from nntool.tables.operations.operation import Training

SKEWED = np.random.default_rng(1).lognormal(3, 1, 500)
GROUPS = np.concatenate(
    [np.random.default_rng(i).normal(c, 1, 80) for i, c in enumerate((0, 9, 40))]
)
TEXTBOOK = {"name": "edges", "at": "50000/60000/70000/80000", "labels": "low/middle/high"}


def built(**choice):
    return build(BINS, "BINS", choice)


def binned(choice, values, later=None, counts=None):
    operation = build(BINS, "BINS", choice)
    state = operation.fit(np.array(values, float))
    cells = np.array(values if later is None else later, float)
    block = operation.apply(cells, state, {} if counts is None else counts)
    names = [suffix[1:] for suffix in operation.suffixes(state)]
    return [next((n for n, one in zip(names, row, strict=True) if one), None) for row in block]


def test_the_textbook_incomes_lie_in_their_bins() -> None:
    values = [50000, 54000, 60000, 62000, 70000]
    assert binned(TEXTBOOK, values) == ["low", "low", "middle", "middle", "high"]
    counts = {}
    assert binned(TEXTBOOK, values, [80000, 49999, 79999.99], counts) == [None, None, "high"]
    assert counts == {"outside edges": 2}


def test_what_training_has_outside_or_missing_has_a_column_of_its_own() -> None:
    found = binned(TEXTBOOK, [50000, 90000, np.nan], [1, np.nan, 60000])
    assert found == ["other", "missing", "middle"]


def test_one_label_more_than_edges_opens_the_ends() -> None:
    choice = {"name": "edges", "at": [18, 65], "labels": ["child", "adult", "old"]}
    assert binned(choice, [-5, 18, 64, 65, 1e9]) == ["child", "adult", "adult", "old", "old"]


def test_without_labels_bins_are_named_by_their_range() -> None:
    assert binned({"name": "edges", "at": 0.5}, [0.4, 0.5]) == ["<0.5", "≥0.5"]
    assert range_labels([1.00001, 1.00002]) == ["<1.00001", "1.00001..1.00002", "≥1.00002"]


@pytest.mark.parametrize("values", [SKEWED, GROUPS, np.round(SKEWED), np.round(SKEWED) * 2.0**-40])
@pytest.mark.parametrize(("by", "strategy"), [("width", "uniform"), ("frequency", "quantile")])
def test_equal_bins_agree_with_scikit_learn(by, strategy, values) -> None:
    unit = 1 if values.max() > 1 else 2.0**40  # scikit-learn takes bins under 1e-8 for none
    theirs = KBinsDiscretizer(
        6, encode="ordinal", strategy=strategy, quantile_method="linear", subsample=None
    ).fit(values[:, None] * unit)
    operation = built(name="bins", by=by, count=6)
    state = operation.fit(values)
    np.testing.assert_allclose(
        np.array(state["edges"]) * unit, theirs.bin_edges_[0][1:-1], rtol=1e-9
    )
    later = np.append(values, [values.min() - 1, values.max() + 1])
    codes = operation.apply(later, state, {}).argmax(axis=1)
    np.testing.assert_array_equal(codes[:-2], theirs.transform(values[:, None] * unit)[:, 0])
    assert codes[-2:].tolist() == [0, 5]


def test_k_means_agrees_with_scikit_learn() -> None:
    for values, count in ((GROUPS, 3), (SKEWED, 4)):
        low, high = values.min(), values.max()
        start = low + (np.arange(count) + 0.5) / count * (high - low)
        theirs = KMeans(count, init=start[:, None], n_init=1, tol=0, max_iter=1000)
        centres = np.sort(theirs.fit(values[:, None]).cluster_centers_[:, 0])
        state = built(name="bins", by="k-means", count=count).fit(values)
        np.testing.assert_allclose(state["edges"], (centres[1:] + centres[:-1]) / 2, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_a_tree_cuts_where_the_target_changes(n_classes) -> None:
    x = np.random.default_rng(2).uniform(0, 100, 400)
    target = np.searchsorted([20, 70], x) if n_classes == 3 else (x > 20) * 1 - (x > 70)
    y = target.astype(np.int32) if n_classes else target * 1.5
    state, _ = built(name="bins", by="tree", count=3).fit_to(x, Training(y, n_classes, 0))
    np.testing.assert_allclose(state["edges"], [20, 70], atol=1)
    model = DecisionTreeClassifier if n_classes else DecisionTreeRegressor
    tree = model(max_leaf_nodes=3, random_state=0).fit(x[:, None], y).tree_
    np.testing.assert_allclose(
        state["edges"], np.sort(tree.threshold[tree.children_left >= 0]), rtol=1e-5
    )


def test_an_ordinal_code_goes_from_0_to_1_and_is_minus_1_outside() -> None:
    operation = built(**TEXTBOOK, encode="ordinal")
    state = operation.fit(np.array([50000.0]))
    found = operation.apply(np.array([50000, 65000, 79999, 80000, np.nan]), state, {})
    assert found[:, 0].tolist() == [0, 0.5, 1, -1, -1]
    with_open_ends = built(name="edges", at=[1, 2], encode="ordinal")
    found = with_open_ends.apply(np.array([np.nan, 9]), with_open_ends.fit(np.zeros(1)), {})
    assert found[:, 0].tolist() == [-1, 1]


@given(
    values=st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=30),
    by=st.sampled_from(["width", "frequency", "k-means"]),
    count=st.integers(2, 9),
)
def test_each_number_of_training_lies_in_one_bin_and_order_is_kept(values, by, count) -> None:
    operation = built(name="bins", by=by, count=count)
    cells = np.sort(values)
    state = operation.fit(cells)
    block = operation.apply(cells, state, {})
    assert (block.sum(axis=1) == 1).all()
    assert (np.diff(block.argmax(axis=1)) >= 0).all()
    assert 1 <= len(state["labels"]) <= count


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "at is needed"),
        ({"at": "3/2"}, "at must rise, not 3/2"),
        ({"at": "a/b"}, "at must be a number, not 'a'"),
        ({"at": "1/2", "labels": "x/y"}, "2 edges have 1 bins between them"),
        ({"at": "1/2", "labels": "x/x/y"}, "a label stands there twice"),
    ],
)
def test_edges_that_make_no_sense_are_refused(settings, says) -> None:
    with pytest.raises(UsageError, match=says):
        built(name="edges", **settings)
