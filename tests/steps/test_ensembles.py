"""``train --ensemble``: members, their seeds and rows, and what they say together."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.errors import StoppedError
from nntool.nn.batches import ArrayRows
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.predicting import Predictor
from nntool.steps import model as models
from nntool.steps import sources
from nntool.steps.members import dealt, member_seed
from nntool.steps.sources import Sources, bootstrapped
from tests.steps.ensemble_cases import (
    SMALL,
    bytes_of,
    loaded,
    trained,
    words_of,
)

TARGETS = {"binary": "churned", "multiclass": "plan", "regression": "visits"}


def history(run: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((run / "train/history.csv").read_text())))


def interrupted(root: Path, updates: int, **settings: Any) -> StoppedError:
    with pytest.raises(StoppedError) as stopped:
        trained(root, updates, **settings)
    return stopped.value


# Members


def test_an_ensemble_of_one_is_the_plain_training(ok: Any, split_for: Any) -> None:
    plain, one = split_for("churned"), split_for("churned")
    ok("train", plain, *SMALL)
    ok("train", one, *SMALL, "--ensemble", "1")
    assert bytes_of(one) == bytes_of(plain)
    assert loaded(one).theta.ndim == 1


@pytest.mark.parametrize("target", TARGETS.values())
def test_members_are_the_trainings_of_their_seeds(split_for: Any, way: str, target: str) -> None:
    """With all validation rows for both, the seed decides on nothing but the training."""
    root, alone = split_for(target), split_for(target)
    trained(root, ensemble=3, calibration=0.0, seed=5)
    model = loaded(root)
    seeds = [member["seed"] for member in words_of(root)["members"]]
    assert seeds[0] == 5
    assert len(set(seeds)) == 3
    for theta, seed in zip(model.theta, seeds, strict=True):
        trained(alone, calibration=0.0, seed=seed)
        np.testing.assert_allclose(loaded(alone).theta, theta, rtol=1e-5, atol=1e-6)


def test_members_differ_and_have_rows_of_history_of_their_own(split_for: Any, way: str) -> None:
    root = split_for("churned")
    trained(root, ensemble=3)
    theta = loaded(root).theta
    assert theta.shape == (3, words_of(root)["trained"]["parameters"])
    assert not np.array_equal(theta[0], theta[1])
    assert not np.array_equal(theta[1], theta[2])
    rows = history(root)
    assert list(rows[0])[:2] == ["member", "epoch"]
    assert [row["member"] for row in rows] == ["1"] * 8 + ["2"] * 8 + ["3"] * 8
    assert "member" in (root / "train/timing.csv").read_text().splitlines()[0]


def test_each_member_has_what_is_to_be_said_of_its_end(ok: Any, split_for: Any) -> None:
    root = split_for("churned")
    ok("train", root, "--optimizer", "perceptron", "--epochs", "2", "--ensemble", "2")
    verdicts = [member["verdict"] for member in words_of(root)["members"]]
    assert all("separable" in verdict for verdict in verdicts)


def test_seeds_stay_below_what_json_holds() -> None:
    seeds = {member_seed(seed, number) for seed in (0, 1, 10**15) for number in range(2, 300)}
    assert len(seeds) == 3 * 298
    assert max(seeds) < 2**52


def test_members_are_dealt_to_tasks_without_a_gap() -> None:
    assert [n for task in dealt(19, 8) for n in task] == list(range(1, 20))


# What they say together


def said_by_hand(run: Path, answers: str, averaging: str) -> np.ndarray:
    """The mean of what each member says by itself, from the features of the run."""
    model = loaded(run)
    numeric = np.load(run / "transform/numeric.npy")
    numeric, _ = models.chosen_columns(numeric, np.zeros((len(numeric), 0), np.int32), model.plain)
    said = []
    for theta, stats in zip(model.theta, model.stats, strict=True):
        z = Predictor(model.net, theta, stats).outputs(numeric, None).astype(np.float64)
        if answers == "values":
            said.append(model.output.values(z)[:, np.newaxis])
        else:
            said.append(model.output.probabilities(z))
    if averaging == "arithmetic":
        return np.mean(said, axis=0)
    mean = np.exp(np.mean(np.log(said), axis=0))
    return mean / mean.sum(axis=1, keepdims=True)


def tempered(p: np.ndarray, temperature: float) -> np.ndarray:
    found = p ** (1 / temperature)
    return found / found.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("averaging", ["arithmetic", "geometric"])
@pytest.mark.parametrize("target", ["churned", "plan"])
def test_predict_says_the_mean_of_the_probabilities_of_all_members(
    ok: Any, split_for: Any, source: Path, target: str, averaging: str
) -> None:
    root = split_for(target)
    trained(root, ensemble=3, averaging=averaging)
    said = ok("predict", root, source).rows
    model = loaded(root)
    wanted = tempered(said_by_hand(root, "probabilities", averaging), model.temperature or 1)
    columns = [name for name in said[0] if name.startswith("p_")]
    found = np.array([[float(row[name]) for name in columns] for row in said])
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    best = [model.classes[i] for i in np.argmax(wanted, axis=1)] if model.classes else []
    assert [row["prediction"] for row in said] == best


@pytest.mark.parametrize("scaling", ["standard", "none"])
def test_predict_says_the_mean_of_the_values_of_all_members(
    ok: Any, split_for: Any, source: Path, scaling: str
) -> None:
    root = split_for("visits")
    ok("transform", root, "--target-scaling", scaling)
    ok("select-features", root)
    trained(root, ensemble=3)
    found = [float(row["prediction"]) for row in ok("predict", root, source).rows]
    np.testing.assert_allclose(found, said_by_hand(root, "values", "arithmetic")[:, 0], rtol=1e-5)


def test_the_losses_that_are_told_are_those_of_the_mean_answer(ok: Any, split_for: Any) -> None:
    """Of the rows that training stopped by: all of validation where none are kept apart."""
    root = split_for("visits")
    trained(root, ensemble=4, calibration=0.0)
    values = said_by_hand(root, "values", "arithmetic")[:, 0]
    held = np.load(root / "split/rows.npy") == 1
    words = words_of(root)
    location, scale = words["target_map"]["location"], words["target_map"]["scale"]
    y = np.load(root / "transform/target.npy")[held]
    wanted = np.mean(((values[held] - location) / scale - y) ** 2) / 2
    assert words["trained"]["at_best"]["validation_loss"] in (
        pytest.approx(wanted, rel=1e-4),
        pytest.approx(2 * wanted, rel=1e-4),
    )
    alone = [member["validation_loss"] for member in words["members"]]
    assert words["trained"]["at_best"]["validation_loss"] < np.mean(alone)  # squares are convex


# Their spread


@pytest.mark.parametrize("target", TARGETS.values())
def test_the_spread_is_the_deviation_over_members(
    ok: Any, split_for: Any, source: Path, target: str
) -> None:
    root = split_for(target)
    trained(root, ensemble=3)
    said = ok("predict", root, source, "--spread", "--threads", "2").rows
    model = loaded(root)
    numeric = np.load(root / "transform/numeric.npy")
    numeric, _ = models.chosen_columns(numeric, np.zeros((len(numeric), 0), np.int32), model.plain)
    each = []
    for theta, stats in zip(model.theta, model.stats, strict=True):
        z = Predictor(model.net, theta, stats).outputs(numeric, None)
        if model.classes is None:
            each.append(model.output.values(z))
            continue
        p = tempered(model.output.probabilities(z.astype(np.float64)), model.temperature or 1)
        decided = [model.classes.index(row["prediction"]) for row in said]
        each.append(p[np.arange(len(p)), decided])
    found = [float(row["spread"]) for row in said]
    np.testing.assert_allclose(found, np.std(each, axis=0), rtol=1e-4, atol=1e-7)


def test_the_spread_stands_beside_what_is_said_without(
    ok: Any, split_for: Any, source: Path
) -> None:
    root = split_for("churned")
    trained(root, ensemble=3)
    plain = ok("predict", root, source).rows
    spread = ok("predict", root, source, "--spread").rows
    assert [{k: v for k, v in row.items() if k != "spread"} for row in spread] == plain


def test_passes_with_dropout_are_pooled_over_members(ok: Any, split_for: Any, source: Path) -> None:
    root = split_for("visits")
    trained(root, ensemble=3)
    plain = [float(row["prediction"]) for row in ok("predict", root, source).rows]
    said = ok("predict", root, source, "--mc-dropout", "300", "--spread").rows
    mean = [float(row["prediction"]) for row in said]
    spread = [float(row["spread"]) for row in said]
    members = [float(row["spread"]) for row in ok("predict", root, source, "--spread").rows]
    assert np.mean(spread) > np.mean(members), "chance within members comes on top"
    np.testing.assert_allclose(mean, plain, atol=6 * max(spread) / math.sqrt(300))


def test_one_network_has_no_spread(nntool: Any, ok: Any, run: Path, source: Path) -> None:
    said = nntool("predict", run, source, "--spread")
    assert said.code == 2
    assert "there is one network and one pass" in said.message
    assert "--mc-dropout 30 --spread" in said.hint
    assert "--ensemble 5" in said.hint


def test_scores_without_probabilities_have_a_mean_and_no_spread(
    nntool: Any, ok: Any, split_for: Any, source: Path
) -> None:
    root = split_for("churned")
    trained(root, ensemble=3, loss="hinge")
    assert len(ok("predict", root, source).rows) == 60
    said = nntool("predict", root, source, "--spread")
    assert said.code == 2
    assert "give none" in said.message


# Bagging


def rows_of(n: int) -> Sources:
    numeric = np.arange(2 * n, dtype=np.float32)[:, np.newaxis]
    return Sources(ArrayRows(numeric, target=numeric[:, 0], index=np.arange(0, 2 * n, 2)), None, n)


def test_a_bootstrap_draws_as_many_rows_of_which_632_in_1000_are_distinct() -> None:
    n = 20_000
    own = bootstrapped(rows_of(n), 3).training
    assert isinstance(own, ArrayRows)
    assert own.n_rows == n
    assert set(own.index) <= set(range(0, 2 * n, 2)), "training rows alone"
    assert len(set(own.index)) / n == pytest.approx(1 - math.exp(-1), abs=0.01)


def test_each_seed_draws_rows_of_its_own() -> None:
    one, two, again = (bootstrapped(rows_of(50), seed).training for seed in (1, 2, 1))
    assert isinstance(one, ArrayRows)
    assert isinstance(two, ArrayRows)
    assert isinstance(again, ArrayRows)
    assert not np.array_equal(one.index, two.index)
    assert np.array_equal(one.index, again.index)


def test_bagging_changes_members_and_keeps_validation(split_for: Any, way: str) -> None:
    root, plain = split_for("churned"), split_for("churned")
    trained(plain, ensemble=2)
    trained(root, ensemble=2, bagging=True)
    assert not np.array_equal(loaded(root).theta, loaded(plain).theta)
    kept = words_of(root)["calibration"]
    assert kept["validation_rows"] == words_of(plain)["calibration"]["validation_rows"]


# Snapshots


def test_snapshots_are_the_weights_at_the_ends_of_cycles(split_for: Any, ok: Any) -> None:
    root, whole = split_for("churned"), split_for("churned")
    trained(root, snapshots=4, patience=1)
    words = words_of(root)
    assert [member["best_epoch"] for member in words["members"]] == [2, 4, 6, 8]
    assert words["trained"]["best_epoch"] == 8
    assert loaded(root).theta.shape[0] == 4
    assert len(history(root)) == 8, "nothing stops it early"
    assert "member" not in history(root)[0]
    # the rate falls in each cycle and begins anew
    rates = [float(row["learning_rate"]) for row in history(root)]
    assert rates[1] < rates[0]
    assert rates[2] == rates[0]
    # the first is where a training of the same rates is after its first cycle
    trained(whole, schedule={"name": "cosine", "cycles": 4}, monitor="train-loss")
    assert rates == [float(row["learning_rate"]) for row in history(whole)]


def test_snapshots_answer_by_their_mean(ok: Any, split_for: Any, source: Path) -> None:
    root = split_for("visits")
    trained(root, snapshots=2)
    found = [float(row["prediction"]) for row in ok("predict", root, source, "--spread").rows]
    np.testing.assert_allclose(found, said_by_hand(root, "values", "arithmetic")[:, 0], rtol=1e-5)


def test_snapshots_go_on_after_a_stop(split_for: Any, results: Any) -> None:
    whole, parts = split_for("churned"), split_for("churned")
    trained(whole, snapshots=4)
    interrupted(parts, 14, snapshots=4)
    assert len(words_of(parts)["members"]) == 2
    trained(parts, snapshots=4)
    assert results(parts) == results(whole)


# Contradictions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bagging"], "there is one network"),
        (["--snapshots", "1"], "has no mean"),
        (["--averaging", "geometric"], "there is one"),
        (["--snapshots", "9", "--epochs", "3"], "fewer than that many cycles"),
        (["--snapshots", "2", "--ensemble", "2"], "takes several from one"),
        (["--snapshots", "2", "--schedule", "step"], "a schedule of its own"),
        (["--snapshots", "2", "--average-weights", "ema"], "not a mean over cycles"),
        (["--ensemble", "2", "--averaging", "geometric", "--loss", "hinge"], "scores"),
        (["--ensemble", "0"], "≥ 1"),
        (["--ensemble", "1001"], "≤ 1000"),
    ],
)
def test_what_cannot_be_is_refused(
    nntool: Any, split_for: Any, options: list[str], message: str
) -> None:
    said = nntool("train", split_for("churned"), *options)
    assert said.code == 2
    assert message in said.message


def test_a_geometric_mean_is_not_for_values(nntool: Any, split_for: Any) -> None:
    said = nntool("train", split_for("visits"), "--ensemble", "2", "--averaging", "geometric")
    assert said.code == 2
    assert "these networks say values" in said.message
    assert said.hint == "--averaging arithmetic"


# Everything behind


def test_evaluate_scores_the_mean_answer(ok: Any, split_for: Any) -> None:
    root = split_for("visits")
    trained(root, ensemble=3)
    said = ok("evaluate", root, "--importance", "2", "--json").json["evaluate"]
    part = np.load(root / "split/rows.npy") == 2
    values = said_by_hand(root, "values", "arithmetic")[part, 0]
    table = list(csv.DictReader(io.StringIO(ok("show", root, "evaluate").text)))
    np.testing.assert_allclose([float(row["prediction"]) for row in table], values, rtol=1e-5)
    assert said["importance"]["columns"]


def test_folds_train_ensembles(ok: Any, split_for: Any) -> None:
    root = split_for("churned")
    ok("train", root, *SMALL, "--ensemble", "2")
    said = ok("evaluate", root, "--cv", "2", "--no-baseline", "--json").json["evaluate"]
    assert len(said["cross_validation"]["folds"]) == 2


def test_show_and_recipe_have_the_members(ok: Any, split_for: Any) -> None:
    root = split_for("churned")
    ok("train", root, *SMALL, "--ensemble", "2", "--bagging", "--averaging", "geometric")
    assert ok("show", root, "train").text.startswith("member,epoch,")
    recipe = (root / "recipe.toml").read_text()
    assert "ensemble = 2" in recipe
    assert "bagging = true" in recipe
    assert 'averaging = "geometric"' in recipe
    assert ok(
        "train", root, *SMALL, "--ensemble", "2", "--bagging", "--averaging", "geometric", "--json"
    ).json["fresh"]


def test_a_network_without_hidden_units_has_members_too(split_for: Any, ok: Any) -> None:
    root = split_for("visits")
    trained(root, ensemble=2, hidden=[], dropout=0.0)
    spec = NetworkSpec.from_plain(words_of(root)["network"])
    assert loaded(root).theta.shape == (2, Network(spec).size)


@pytest.mark.parametrize("target", ["churned", "visits"])
def test_rows_that_are_read_by_blocks_are_dealt_by_how_often_they_were_drawn(
    ok: Any,
    split_for: Any,
    source: Path,
    results: Any,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
) -> None:
    monkeypatch.setattr(sources, "LARGEST_IN_MEMORY", 0)
    root, again = split_for(target), split_for(target)
    words = [*SMALL, "--ensemble", "3", "--bagging", "--sample-weight", "age"]
    ok("train", root, *words)
    ok("train", again, *words, "--checkpoint-every", "1")
    assert results(again) == results(root)
    theta = loaded(root).theta
    assert not np.array_equal(theta[0], theta[1])
    assert len(ok("predict", root, source, "--spread").rows) == 60


@pytest.mark.parametrize(
    "options",
    [
        ["--batch-norm"],
        ["--augment", "smote"],
        ["--augment", "mixup"],
        ["--class-weights", "balanced", "--average-weights", "ema"],
        ["--balanced-batches"],
        ["--emphasize-errors"],
        ["--schedule", "bold-driver", "--batch-size", "full"],
        ["--learning-rate", "auto", "--dropout", "0"],
        ["--optimizer", "lbfgs", "--dropout", "0", "--batch-size", "full"],
        ["--optimizer", "perceptron", "--dropout", "0", "--hidden", "none", "--batch-size", "1"],
        ["--monitor", "accuracy", "--validate-every", "3"],
        ["--initializer", "data", "--parametric-activation", "--activation", "leaky-relu"],
    ],
    ids=" ".join,
)
def test_members_may_be_trained_in_any_way(
    ok: Any, split_for: Any, source: Path, options: list[str]
) -> None:
    """With rows, rules and schedules of every kind: together where that is possible."""
    root = split_for("churned")
    ok("train", root, *SMALL, "--ensemble", "2", "--bagging", *options)
    assert loaded(root).n_members == 2
    assert len(ok("predict", root, source).rows) == 60
