"""Calibration: which validation rows are kept apart, and what the model learns from them."""

import csv
import hashlib
import io
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from nntool.cli import drawing
from nntool.run.directory import Run
from nntool.steps import calibration, rows, sources
from nntool.tables import arrays

SMALL = ["--hidden", "6", "--epochs", "4", "--batch-size", "16"]


@given(
    validation=st.lists(st.booleans(), max_size=60),
    percent=st.integers(1, 99),
    seed=st.integers(0, 99),
)
def test_each_validation_row_stops_or_calibrates_and_one_at_least_stops(validation, percent, seed):
    validation = np.array(validation, bool)
    found = calibration.divided(validation, percent / 100, seed)
    np.testing.assert_array_equal(found.stopping | found.calibration, validation)
    assert not found.are_shared
    n = int(validation.sum())
    assert found.calibration.sum() == percent * n // 100  # ⌊n·share⌋, by whole numbers
    assert found.stopping.any() == bool(n)


@pytest.mark.parametrize(("n", "share", "kept"), [(100, 0.29, 29), (5, 1 - 1e-12, 4), (1, 0.9, 0)])
def test_a_share_is_meant_as_it_is_written(n, share, kept):
    assert calibration.divided(np.ones(n, bool), share, 0).calibration.sum() == kept


def test_a_share_of_0_has_all_rows_serve_both():
    validation = np.array([True, False, True, True])
    found = calibration.divided(validation, 0.0, 3)
    np.testing.assert_array_equal(found.stopping, validation)
    np.testing.assert_array_equal(found.calibration, validation)
    assert found.are_shared
    assert not calibration.divided(np.zeros(4, bool), 0.0, 3).are_shared


def test_the_rows_follow_the_seed_and_nothing_else():
    validation = np.arange(400) % 3 == 0
    first, again, other = (calibration.divided(validation, 0.5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.calibration, again.calibration)
    assert (first.calibration != other.calibration).any()
    digest = hashlib.sha256(np.packbits(first.calibration).tobytes()).hexdigest()
    assert digest[:12] == "47433b4bee5c"  # a model of today finds its rows tomorrow


def test_rows_drawn_are_spread_over_the_table():
    drawn = np.flatnonzero(calibration.divided(np.ones(10_000, bool), 0.5, 0).calibration)
    assert abs(drawn.mean() - 5_000) < 100  # 3.5 standard errors of 29


# In training

LEVELS = ["--train", "0.4", "--validation", "0.5", "--test", "0.1"]


def words_of(root):
    return json.loads((root / "train/model.json").read_text())["calibration"]


def scores_of(root):
    return arrays.load_npz(root / "train/model.npz").get("scores")


@pytest.fixture
def trained(ok, split_for):
    """A run for a target with 30 validation rows, trained with some words, and what was said."""

    def of(target, *words, transform=()):
        root = split_for(target)
        ok("transform", root, *transform)
        ok("select-features", root)
        ok("split", root, *LEVELS)
        return root, ok("train", root, *SMALL, *words)

    return of


def answers(ok, root, source):
    """What predict says of the rows of the source, by column, beside the masks of the training."""
    rows_of = ok("predict", root, source).rows
    found = {name: np.array([row[name] for row in rows_of]) for name in rows_of[0]}
    return found, calibration.masks_of_model(Run(root))


def p_true(found, truth):
    return np.array([float(found[f"p_{name}"][i]) for i, name in enumerate(truth)])


def test_training_says_what_it_keeps_and_sees_the_others_only(ok, trained):
    root, said = trained("churned")
    assert "nntool train: 15 of 30 validation rows are kept for calibration (--calibration)" in (
        said.err.splitlines()
    )
    assert ", 15 validation rows, batches" in said.err
    assert words_of(root).items() >= {"rows": 15, "share": 0.5, "shared": False}.items()
    assert scores_of(root).dtype == np.float64
    assert (np.diff(scores_of(root)) >= 0).all()
    recipe = (root / "recipe.toml").read_text()
    assert "calibration = 0.5" in recipe


def test_a_model_finds_its_rows_again(ok, trained):
    root, _ = trained("churned", "--calibration", "0.3", "--seed", "7")
    found = calibration.masks_of_model(Run(root))
    assert found.calibration.sum() == 9
    again = calibration.masks(Run(root), 0.3, 7)
    np.testing.assert_array_equal(found.calibration, again.calibration)
    np.testing.assert_array_equal(
        found.stopping | found.calibration, rows.of_part(Run(root), "validation")
    )


@pytest.mark.parametrize("by_blocks", [False, True])
@pytest.mark.parametrize("target", ["churned", "plan"])
def test_scores_of_classes_are_those_of_the_answers_of_predict(
    ok, trained, source, monkeypatch, target, by_blocks
):
    if by_blocks:
        monkeypatch.setattr(sources, "LARGEST_IN_MEMORY", 0)
    root, _ = trained(target)
    found, masks = answers(ok, root, source)
    truth = [row[target] for row in ok("show", root, "clean").rows]
    expected = np.sort(1 - p_true(found, truth)[masks.calibration])
    np.testing.assert_allclose(scores_of(root), expected, rtol=1e-12)


@pytest.mark.parametrize("scaling", ["none", "standard", "log1p"])
@pytest.mark.parametrize("by_blocks", [False, True])
def test_scores_of_values_are_in_the_targets_own_unit(
    ok, trained, source, monkeypatch, scaling, by_blocks
):
    if by_blocks:
        monkeypatch.setattr(sources, "LARGEST_IN_MEMORY", 0)
    root, _ = trained("visits", transform=["--target-scaling", scaling])
    found, masks = answers(ok, root, source)
    truth = np.array([float(row["visits"]) for row in ok("show", root, "clean").rows])
    errors = np.abs(truth - found["prediction"].astype(float))
    np.testing.assert_allclose(scores_of(root), np.sort(errors[masks.calibration]), rtol=1e-12)
    assert words_of(root)["temperature"] is None


@pytest.mark.parametrize(
    "words",
    [[], ["--loss", "focal"], ["--loss", "mse"], ["--loss", "mse", "--target-coding", "bipolar"]],
)
def test_the_temperature_is_the_best_for_the_stopping_rows(ok, trained, source, words):
    """By the answers of predict alone: log p · T is what the network gave, but for a constant."""
    root, said = trained("churned", *words, "--epochs", "30")
    found, masks = answers(ok, root, source)
    truth = [row["churned"] for row in ok("show", root, "clean").rows]
    p, t = p_true(found, truth)[masks.stopping], words_of(root)["temperature"]
    logits = t * np.log(p / (1 - p))

    def cost(log_t):
        return np.logaddexp(0, -logits / np.exp(log_t)).sum() + log_t**2

    assert t == pytest.approx(np.exp(minimize_scalar(cost, bounds=(-2, 2)).x), rel=1e-4)
    how = "softened" if t >= 1 else "sharpened"
    assert f"nntool train: probabilities are {how} by temperature {t:.3g}\n" in said.err


def test_neither_weights_nor_temperature_know_the_targets_that_calibrate(ok, trained, monkeypatch):
    """Training sees other targets of calibration rows: only its scores change."""
    root, _ = trained("churned")
    before, scores, model = words_of(root), scores_of(root), vectors_of(root)
    target = np.load(root / "transform/target.npy")
    kept = calibration.masks_of_model(Run(root)).calibration
    target[kept] = 1 - target[kept]
    loaded = arrays.load
    monkeypatch.setattr(
        arrays,
        "load",
        lambda path, *a, **k: target if path.name == "target.npy" else loaded(path, *a, **k),
    )
    ok("train", root, *SMALL, "--force")
    assert words_of(root) == before
    assert all((model[name] == vectors_of(root)[name]).all() for name in model)
    np.testing.assert_allclose(scores_of(root), np.sort(1 - scores), rtol=1e-9)


def vectors_of(root):
    found = arrays.load_npz(root / "train/model.npz")
    return {name: found[name] for name in ("theta", "stats")}


def test_with_a_share_of_0_all_rows_serve_both_and_it_is_said(trained):
    root, said = trained("visits", "--calibration", "0")
    assert words_of(root).items() >= {"rows": 30, "share": 0.0, "shared": True}.items()
    assert len(scores_of(root)) == 30
    assert "30 validation rows both to stop by and for calibration (--calibration 0)" in said.err


def test_without_validation_rows_there_is_neither_temperature_nor_score(ok, split_for):
    root = split_for("churned")
    ok("split", root, "--train", "0.8", "--validation", "0", "--test", "0.2")
    said = ok("train", root, *SMALL)
    assert words_of(root).items() >= {"rows": 0, "shared": False, "temperature": None}.items()
    assert scores_of(root) is None
    assert "calibration" not in said.err
    assert "temperature" not in said.err


def test_scores_without_probabilities_have_no_temperature(ok, trained, source):
    root, said = trained("churned", "--loss", "hinge")
    assert words_of(root).items() >= {"rows": 0, "temperature": None}.items()
    assert "temperature" not in said.err
    assert len(ok("predict", root, source).rows) == 60


def test_a_training_that_goes_on_has_the_same_bytes(ok, trained, results):
    root, _ = trained("churned", "--patience", "0")
    other, _ = trained("churned", "--patience", "0", "--epochs", "9")
    ok("train", root, *SMALL, "--patience", "0", "--epochs", "9")
    assert results(root) == results(other)


@pytest.mark.parametrize(("target", "loss"), [("churned", "hinge"), ("plan", "auto")])
def test_training_draws_how_the_kept_weights_answer_the_rows_that_stop_it(
    ok, trained, source, target, loss
):
    root, said = trained(target, "--loss", loss, "--calibration", "0.4")
    found, masks = answers(ok, root, source)
    table = list(csv.DictReader(io.StringIO(source.read_text())))
    truth = [table[i][target] for i in np.flatnonzero(masks.stopping)]
    pairs = Counter(zip(truth, found["prediction"][masks.stopping], strict=True))
    classes = sorted(set(found["prediction"]) | set(truth))
    drawn = drawing.confusion(classes, [[pairs[t, p] for p in classes] for t in classes])
    title = "18 validation rows (without those for calibration) by the kept weights"
    assert masks.stopping.sum() == 18
    curve, _, below = said.err.partition(f"\n{title}\n")
    assert "epoch 1 to 4" in curve
    assert below.splitlines()[: len(drawn)] == drawn
    assert not said.text


def test_shared_rows_are_drawn_without_a_word_of_others(trained):
    _, said = trained("churned", "--calibration", "0")
    assert "\n30 validation rows by the kept weights\nactual ╲ answer" in said.err


def test_nothing_is_drawn_of_values_or_without_validation_rows(ok, trained, split_for):
    assert "actual" not in trained("visits")[1].err
    root = split_for("churned")
    ok("split", root, "--train", "0.8", "--validation", "0", "--test", "0.2")
    assert "actual" not in ok("train", root, *SMALL).err
