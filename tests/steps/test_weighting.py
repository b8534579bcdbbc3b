"""Row weights: a column times the class, mean 1 over training rows, and what is refused."""

import json

import numpy as np
import pytest

from nntool.errors import DataError, UsageError
from nntool.nn.losses import LOSSES
from nntool.nn.outputs import choose_output
from nntool.run.directory import Run
from nntool.settings.building import build
from nntool.settings.train import TrainSettings
from nntool.steps import rows
from nntool.steps.weighting import class_weights, column_weights, row_weights, scaled

NAMES = ["a", "b", "c"]


def some_codes(n=90):
    rng = np.random.default_rng(3)
    return rng.choice(3, n, p=[0.6, 0.3, 0.1]), rng.uniform(0, 5, n)


def all_rows(n):
    return np.ones(n, bool), np.ones(n, bool)


# The weights of classes


@pytest.mark.parametrize("with_sample", [False, True])
def test_balanced_weights_are_those_of_scikit_learn(with_sample):
    from sklearn.utils.class_weight import compute_class_weight

    codes, sample = some_codes()
    sample = sample if with_sample else np.ones(len(codes))
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=codes, sample_weight=sample)
    np.testing.assert_allclose(class_weights("balanced", NAMES, codes, sample), wanted, rtol=1e-12)


def test_balanced_classes_count_the_same_in_all():
    codes, sample = some_codes()
    weights = sample * class_weights("balanced", NAMES, codes, sample)[codes]
    totals = np.bincount(codes, weights)
    np.testing.assert_allclose(totals, totals[0], rtol=1e-12)


def test_a_class_without_training_rows_does_not_disturb_the_others():
    codes = np.array([0, 0, 0, 2])
    found = class_weights("balanced", NAMES, codes, np.ones(4))
    np.testing.assert_allclose(found, [4 / 6, 1, 4 / 2])


def test_given_weights_are_taken_and_the_rest_is_1():
    codes, sample = some_codes()
    assert class_weights({"c": 3.0, "a": 0.0}, NAMES, codes, sample).tolist() == [0, 1, 3]


def test_a_class_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UsageError) as error:
        class_weights({"yess": 2.0, "no": 1.0}, ["no", "yes"], np.array([0, 1]), np.ones(2))
    assert error.value.message == "--class-weights: there is no class 'yess'"
    assert error.value.hint == "did you mean 'yes'? the classes are no, yes"


# The scale


def test_the_mean_over_training_rows_is_1_and_validation_rows_share_the_factor():
    raw = np.array([1.0, 2.0, 6.0, 5.0, 7.0])
    train = np.array([1, 1, 1, 0, 0], bool)
    used = np.array([1, 1, 1, 1, 0], bool)
    np.testing.assert_allclose(scaled(raw, train, used), [1 / 3, 2 / 3, 2, 5 / 3, 0], rtol=1e-6)


@pytest.mark.parametrize("size", [1e308, 1e-300])
def test_weights_of_any_size_are_brought_to_mean_1(size):
    found = scaled(np.array([size, size, size / 2]), *all_rows(3))
    np.testing.assert_allclose(found, [1.2, 1.2, 0.6], rtol=1e-6)


def test_classes_that_all_weigh_nothing_are_refused():
    with pytest.raises(DataError, match="all training rows have weight 0"):
        scaled(np.zeros(3), *all_rows(3))


# What a weight means


def loss_and_slope(output, x, w, y, weight):
    """The loss of a linear network and its gradient by the weights."""
    tape = output.tape(len(x), np.float64)
    value = output.value(x @ w, y, weight, tape)
    return value, x.T @ tape.dz


def test_a_weight_of_2_is_the_row_twice():
    rng = np.random.default_rng(5)
    x, w = rng.normal(size=(20, 4)), rng.normal(size=(4, 3))
    y, times = rng.integers(0, 3, 20), rng.integers(0, 4, 20)
    output = choose_output("multiclass", 3, LOSSES["cce"]())
    weight = scaled(times.astype(float), *all_rows(20)).astype(np.float64)
    repeated = np.repeat(np.arange(20), times)
    found = loss_and_slope(output, x, w, y, weight)
    wanted = loss_and_slope(output, x[repeated], w, y[repeated], None)
    assert found[0] == pytest.approx(wanted[0], rel=1e-6)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-5, atol=1e-8)


def test_the_weighted_loss_is_least_where_scikit_learn_ends():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(6)
    x = np.column_stack([rng.normal(size=(200, 3)), np.ones(200)])
    y = (x @ [1.0, -2.0, 0.5, -1.5] + rng.logistic(size=200) > 0).astype(int)
    sample = rng.uniform(0.1, 3, 200)
    raw = sample * class_weights("balanced", ["no", "yes"], y, sample)[y]
    fitted = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=1000)
    w = fitted.fit(x, y, sample_weight=raw).coef_.T
    output = choose_output("binary", 2, LOSSES["bce"]())
    _, slope = loss_and_slope(output, x, w, y, scaled(raw, *all_rows(200)).astype(np.float64))
    np.testing.assert_allclose(slope, 0, atol=1e-6)
    _, unweighted = loss_and_slope(output, x, w, y, None)
    assert np.abs(unweighted).max() > 0.01


# From a run


@pytest.fixture
def weighted(ok, nntool, tmp_path, table, write):
    """Make a run up to the split of the small table with a column of weights."""

    def made(cells, target="churned", *more):
        table[0].insert(6, "w")
        for row, cell in zip(table[1:], cells, strict=True):
            row.insert(6, cell)
        root = tmp_path / "run"
        ok("clean", root, write("weighted.csv", table), "--target", target, *more)
        ok("transform", root)
        ok("select-features", root)
        ok("split", root)
        return root

    return made


def weights_of(root, parts=None, **settings):
    run = Run(str(root))
    clean = json.loads((root / "clean/state.json").read_text())["target"]
    kept = json.loads((root / "select-features/columns.json").read_text())["kept"]
    words = {"target": clean["name"], "classes": clean["classes"], "columns": kept}
    target = np.load(root / "transform/target.npy")
    parts = parts or (rows.of_part(run, "train"), rows.of_part(run, "validation"))
    return row_weights(run, build(TrainSettings, settings), words, target, *parts), parts


CELLS = [f"{1 + i % 4}.5" for i in range(60)]


def test_no_weights_are_none_at_all(weighted):
    assert weights_of(weighted(CELLS))[0] is None


@pytest.mark.parametrize("wanted", ["w", "@7", "@-2"])
def test_a_column_is_read_by_name_and_by_position(weighted, wanted):
    found, (train, validation) = weights_of(weighted(CELLS), sample_weight=wanted)
    raw = np.array(CELLS, float)
    used = train | validation
    assert found.column == "w"
    assert found.values[train].mean() == pytest.approx(1, rel=1e-6)
    np.testing.assert_allclose(
        found.values[used] / raw[used], found.values[train][0] / raw[train][0], rtol=1e-6
    )
    assert not found.values[~used].any()


def test_a_position_becomes_a_name_in_the_recipe(weighted, ok):
    root = weighted(CELLS)
    ok("train", root, "--sample-weight", "@7", "--epochs", "1", "--hidden", "2")
    manifest = json.loads((root / "run.json").read_text())["steps"]["train"]
    assert manifest["settings"]["sample_weight"] == "w"


def test_a_weight_that_is_a_feature_too_is_told_and_one_that_is_ignored_is_read(weighted, ok):
    root = weighted(CELLS)
    found, _ = weights_of(root, sample_weight="w")
    assert any("also a feature of the network" in note for note in found.notes)
    assert any("select-features --drop w" in note for note in found.notes)
    words = ["--target", "churned", "--roles", "w=ignored"]
    ok("clean", root, *words)
    ok("transform", root)
    ok("select-features", root)
    without, _ = weights_of(root, sample_weight="w")
    assert without.notes == []
    np.testing.assert_array_equal(without.values, found.values)


def test_classes_and_a_column_multiply(weighted):
    root = weighted(CELLS)
    found, (train, _) = weights_of(root, sample_weight="w", class_weights={"yes": 4})
    codes = np.load(root / "transform/target.npy")
    raw = np.array(CELLS, float) * np.where(codes == 1, 4, 1)
    np.testing.assert_allclose(found.values[train], (raw / raw[train].mean())[train], rtol=1e-6)
    assert found.by_class == {"no": 1, "yes": 4}
    assert "class weights: no 1, yes 4" in found.notes
    assert "--class-weights does not name no: weight 1" in found.notes


def test_balanced_is_by_training_rows_alone(weighted):
    root = weighted(CELLS)
    found, (train, _) = weights_of(root, class_weights="balanced")
    codes = np.load(root / "transform/target.npy")
    counts = np.bincount(codes[train].astype(int))
    assert found.by_class["yes"] == pytest.approx(train.sum() / (2 * counts[1]))
    assert found.notes[0].startswith("class weights (balanced): no ")


@pytest.mark.parametrize(
    ("at", "cell", "what"),
    [
        (range(10, 60), "-1", "-1 is negative"),
        (range(10, 60), "", "the cell is empty"),
        (range(10, 12), "much", "'much' is no number"),
        (range(10, 60), "inf", "the cell is empty"),  # clean has made it missing, and said so
    ],
)
def test_a_cell_that_is_no_weight_is_named_by_its_row(weighted, at, cell, what):
    root = weighted([cell if i in at else good for i, good in enumerate(CELLS)])
    used = np.arange(60) >= 11
    with pytest.raises(DataError) as error:
        column_weights(Run(str(root)), "w", used, used)
    others = len(at) - 2
    more = f" (and so in {others} more rows)" if others else ""
    assert error.value.message == f"--sample-weight w: row 12: {what}{more}"
    assert "a number ≥ 0" in error.value.hint
    unused = ~np.isin(np.arange(60), at)
    found = column_weights(Run(str(root)), "w", unused, unused)
    assert found.tolist() == [0 if i in at else float(good) for i, good in enumerate(CELLS)]


def test_a_column_of_zeros_is_refused(weighted):
    root = weighted(["0"] * 60, "churned", "--roles", "w=numeric")
    with pytest.raises(DataError, match="--sample-weight w: it is 0 in all "):
        weights_of(root, sample_weight="w")


def test_dates_words_the_target_and_what_is_not_there_are_no_weights(weighted):
    root = weighted(CELLS)
    with pytest.raises(DataError, match="--sample-weight joined: it holds dates"):
        weights_of(root, sample_weight="joined")
    with pytest.raises(DataError, match="is no number"):
        weights_of(root, sample_weight="plan")
    with pytest.raises(UsageError, match="'churned' is the target"):
        weights_of(root, sample_weight="@-1")
    with pytest.raises(DataError, match=r"--sample-weight: there is no such column: 'ww'"):
        weights_of(root, sample_weight="ww")


def test_a_regression_has_no_classes_to_weigh(weighted):
    root = weighted(CELLS, "visits")
    with pytest.raises(UsageError) as error:
        weights_of(root, class_weights="balanced")
    assert error.value.message == "--class-weights is for classes, and 'visits' is a number"
    found, (train, _) = weights_of(root, sample_weight="w")
    assert found.values[train].mean() == pytest.approx(1, rel=1e-6)


def test_rows_that_count_for_nothing_are_told(weighted):
    cells = ["0" if i % 3 == 0 else "2" for i in range(60)]
    found, (train, _) = weights_of(weighted(cells), sample_weight="w")
    n_zeros = np.count_nonzero(np.array(cells)[train] == "0")
    wanted = f"{n_zeros} of {train.sum()} training rows have weight 0: they say nothing"
    assert wanted in found.notes


def test_validation_rows_that_all_count_for_nothing_are_no_judges_by_their_loss(weighted):
    counts = np.arange(60) % 3 > 0
    root, parts = weighted(["2" if c else "0" for c in counts]), (counts, ~counts)
    with pytest.raises(DataError, match="all validation rows have weight 0") as error:
        weights_of(root, parts, sample_weight="w")
    assert error.value.hint.startswith("--monitor train-loss or a metric")
    found, _ = weights_of(root, parts, sample_weight="w", monitor="accuracy")
    assert not found.values[~counts].any()
