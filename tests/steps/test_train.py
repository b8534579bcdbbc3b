"""``train`` by its command: every choice learns, a stop loses nothing, a failure breaks nothing."""

import json
import re

import numpy as np
import pytest

from nntool.errors import StoppedError
from nntool.nn.activations import ACTIVATIONS
from nntool.nn.losses import LOSSES
from nntool.nn.optimizers import OPTIMIZERS
from nntool.settings.building import build
from nntool.settings.train import TrainSettings
from nntool.steps import checkpoint
from nntool.steps.job import Job, Silence
from nntool.steps.train import train

TARGETS = {"binary": "churned", "multiclass": "plan", "regression": "visits"}
SMALL = ["--hidden", "6", "--learning-rate", "0.01", "--patience", "0", "--batch-size", "16"]


def log_loss_before_temperature(ok, root):
    """The log loss of the scored rows by the logits as they left the network: T·logit(p)."""
    rows = ok("show", root, "evaluate/predictions.csv").rows
    p = np.array([float(row[f"p_{row['target']}"]) for row in rows])
    logits = model(root)["calibration"]["temperature"] * np.log(p / (1 - p))
    return np.mean(np.logaddexp(0, -logits))


def model(root):
    return json.loads((root / "train/model.json").read_text())


def history(ok, root):
    return ok("show", root, "train").rows


@pytest.mark.parametrize(
    ("task", "loss"), [(task, name) for name, loss in LOSSES.items() for task in loss.links]
)
def test_every_loss_learns_on_every_task_it_is_for(ok, split_for, source, task, loss):
    root = split_for(TARGETS[task])
    free = ["--penalty", "none", "--dropout", "0", "--monitor", "train-loss"]
    ok("train", root, "--loss", loss, *SMALL, *free, "--epochs", "40")
    losses = [float(row["train_loss"]) for row in history(ok, root)]
    assert len(losses) == 40
    assert losses[-1] < losses[0]
    assert model(root)["loss"] in (loss, {"name": loss})
    rows = ok("predict", root, source).rows
    assert len(rows) == 60
    if task == "regression":
        assert np.isfinite([float(row["prediction"]) for row in rows]).all()
    else:
        assert {row["prediction"] for row in rows} <= set(model(root)["classes"])
    ok("evaluate", root, "--no-baseline")


@pytest.mark.parametrize(
    ("task", "loss"),
    [(task, name) for name, loss in LOSSES.items() for task in TARGETS if task not in loss.links],
)
def test_a_loss_for_another_task_is_refused_with_those_that_fit(
    nntool, split_for, content, task, loss
):
    root = split_for(TARGETS[task])
    before = content(root)
    said = nntool("train", root, "--loss", loss)
    assert said.code == 2
    assert f"{loss!r} is not for a {task} task; choose from " in said.message
    assert content(root) == before


PLAIN = ["--hidden", "6", "--dropout", "0", "--penalty", "none", "--monitor", "train-loss"]


def settings_of(root):
    return json.loads((root / "run.json").read_text())["steps"]["train"]["settings"]


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_every_rule_learns_at_its_own_rate(ok, split_for, rule):
    root = split_for("churned")
    ok("train", root, "--optimizer", rule, *PLAIN, "--epochs", "60", "--patience", "0")
    losses = [float(row["train_loss"]) for row in history(ok, root)]
    assert min(losses[-10:]) < losses[0]
    assert settings_of(root)["optimizer"] == rule


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_that_has_a_gradient_learns(nntool, ok, split_for, activation):
    root = split_for("churned")
    words = ["--activation", activation, *PLAIN, "--learning-rate", "0.02", "--epochs", "40"]
    if not ACTIVATIONS[activation].has_gradient:
        said = nntool("train", root, *words)
        assert said.code == 2
        assert f"activation '{activation}' has no gradient to learn from" in said.message
        return
    ok("train", root, *words)
    losses = [float(row["train_loss"]) for row in history(ok, root)]
    assert min(losses[-10:]) < losses[0]
    assert settings_of(root)["activation"] == activation


def test_an_unset_rate_is_the_default_of_the_rule_and_the_recipe_holds_it(ok, split_for):
    root = split_for("churned")
    for rule, cls in OPTIMIZERS.items():
        ok("train", root, "--optimizer", rule, "--epochs", "2", "--hidden", "4")
        assert f"learning_rate = {cls().learning_rate}" in (root / "recipe.toml").read_text()


def test_the_settings_of_a_choice_reach_the_rule(ok, split_for):
    root = split_for("churned")
    found = set()
    for beta1 in (0.5, 0.9):
        ok("train", root, *SMALL, "--epochs", "3", "--optimizer", f"adam:beta1={beta1}")
        found.add((root / "train/model.npz").read_bytes())
    ok("train", root, *SMALL, "--epochs", "3", "--optimizer", "adam")
    assert len(found) == 2
    assert (root / "train/model.npz").read_bytes() in found  # 0.9 is the default


def test_poisson_takes_the_target_as_it_is_and_says_so(ok, split_for, source):
    root = split_for("visits")
    said = ok("train", root, "--loss", "poisson", *SMALL, "--epochs", "150")
    assert "nntool train: this loss takes the target in its own unit: target scaling is off" in (
        said.err.splitlines()
    )
    predicted = np.array([float(row["prediction"]) for row in ok("predict", root, source).rows])
    truth = np.array([float(row["visits"]) for row in ok("show", root, "clean").rows])
    assert (predicted > 0).all()
    assert abs(predicted.mean() - truth.mean()) < 0.2 * truth.mean()
    metrics = json.loads(ok("evaluate", root, "--json").text)["evaluate"]["network"]["metrics"]
    assert metrics["mae"] < truth.std()


@pytest.mark.parametrize("words", [["--loss", "poisson"], ["--loss", "mape:floor=1"]])
def test_behind_exp_training_begins_at_the_mean_of_the_training_target(ok, split_for, words):
    root = split_for("visits")
    ok("transform", root, "--target-scaling", "none")
    ok("select-features", root)
    ok("train", root, *words, "--output", "exp", "--learning-rate", "1e-9", "--epochs", "1")
    target = np.array([float(row["visits"]) for row in ok("show", root, "clean").rows])
    learned = np.load(root / "split/rows.npy") == 0
    (bias,) = model(root)["network"]["output_bias"]
    assert bias == pytest.approx(np.log(target[learned].mean()), rel=1e-6)
    vector = np.load(root / "train/model.npz")["theta"]
    assert vector[-1] == pytest.approx(bias, rel=1e-6)


def test_a_target_that_the_loss_cannot_take_is_named_by_its_row(
    nntool, ok, tmp_path, table, write, content
):
    table[8][5] = "-3"
    root = tmp_path / "new"
    ok("clean", root, write("in.csv", table), "--target", "visits")
    for step in ("transform", "select-features"):
        ok(step, root)
    ok("split", root, "--train", "1", "--validation", "0", "--test", "0")
    before = content(root)
    said = nntool("train", root, "--loss", "poisson")
    assert said.code == 3
    assert said.message.startswith("nntool train: row 8: the target -3 ")
    assert content(root) == before


@pytest.mark.parametrize(
    ("words", "facts", "hint"),
    [
        (["--output", "exp"], r"target \S+, scaled -\S+, is outside \[0, inf\]", "leave --output"),
        (["--loss", "mape"], "target 0 is 0", "--loss mape:floor=1"),
        (["--loss", "mape", "--output", "tanh"], r"target \S+, scaled \S+, is", "leave --output"),
        (["--loss", "poisson"], "target -2 is no count", "choose another --loss"),
    ],
)
def test_a_target_out_of_reach_is_shown_as_the_loss_sees_it_with_a_way_out(
    nntool, ok, tmp_path, write, words, facts, hint
):
    rows = [[str(i % 7), str(i - (2 if "poisson" in words else 0))] for i in range(40)]
    root = tmp_path / "new"
    ok("clean", root, write("in.csv", [["x", "y"], *rows]), "--target", "y")
    for step in ("transform", "select-features"):
        ok(step, root)
    ok("split", root, "--train", "1", "--validation", "0", "--test", "0")
    said = nntool("train", root, *words)
    assert said.code == 3
    assert re.search(facts, said.message)
    assert said.hint.startswith(hint)


def test_the_same_seed_gives_the_same_bytes_and_another_other_weights(ok, split_for, results):
    root, other = split_for("churned"), split_for("churned")
    words = [*SMALL, "--epochs", "3", "--dropout", "0.5"]
    ok("train", root, *words)
    ok("train", other, *words)
    assert results(root) == results(other)
    ok("train", other, *words, "--seed", "1")
    assert (root / "train/model.npz").read_bytes() != (other / "train/model.npz").read_bytes()


def test_without_validation_rows_training_watches_its_own_loss(nntool, ok, split_for):
    root = split_for("churned")
    ok("split", root, "--train", "0.8", "--validation", "0", "--test", "0.2")
    ok("train", root, *SMALL, "--epochs", "3")
    assert 'monitor = "train-loss"' in (root / "recipe.toml").read_text()
    said = nntool("train", root, "--monitor", "validation-loss")
    assert said.code == 2
    assert said.message == (
        "nntool train: --monitor validation-loss: the split has no validation rows"
    )


def test_the_best_weights_are_kept_and_training_stops_without_progress(ok, split_for):
    root = split_for("churned")
    words = ["--hidden", "32", "--learning-rate", "0.05", "--epochs", "400", "--patience", "5"]
    said = ok("train", root, *words, "--calibration", "0")
    rows = history(ok, root)
    losses = [float(row["validation_loss"]) for row in rows]
    best = int(np.argmin(losses)) + 1
    assert model(root)["trained"]["best_epoch"] == best
    assert len(rows) == best + 5
    assert f"stopped early after {len(rows)} epochs; kept epoch {best}," in said.err
    ok("evaluate", root, "--part", "validation")
    assert log_loss_before_temperature(ok, root) == pytest.approx(min(losses), rel=1e-4)


def test_rows_that_are_made_up_are_counted_and_balancing_twice_is_told(ok, split_for):
    root = split_for("churned")
    words = [*PLAIN, "--epochs", "1", "--augment", "smote"]
    said = ok("train", root, *words)
    assert "all epochs done after 1 epoch; " in said.err
    assert re.search(r": (\d+) rows that were made up are added to \d+ training rows\n", said.err)
    assert "more than once" not in said.err
    said = ok("train", root, *words, "--class-weights", "balanced")
    assert "--class-weights balanced and --augment smote make up for the same rare" in said.err
    said = ok("train", root, *words[:-2], "--class-weights", "balanced", "--balanced-batches")
    assert "--class-weights balanced and --balanced-batches make up for the same" in said.err
    said = ok("train", root, *words[:-2], "--class-weights", "balanced")
    assert "made up" not in said.err
    assert "more than once" not in said.err


def test_weights_that_nothing_spoke_for_are_said_to_be_the_last_not_the_best(ok, split_for):
    root = split_for("churned")
    same = ["--layer-rates", "hidden1=0", "--layer-rates", "output=0", "--initializer", "zeros"]
    said = ok("train", root, *PLAIN[:-2], *same, "--monitor", "mcc", "--epochs", "3")
    assert "kept epoch 3, the last: none had a value of mcc (" in said.err


def test_history_holds_an_epoch_a_line_and_timing_apart(ok, split_for):
    root = split_for("visits")
    ok("train", root, *SMALL, "--epochs", "4")
    rows = history(ok, root)
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert {"train_loss", "validation_loss", "learning_rate", "validation_r2"} <= set(rows[0])
    timing = ok("show", root, "train/timing.csv").rows
    assert [row["epoch"] for row in timing] == ["1", "2", "3", "4"]
    assert not set(rows[0]) & {"seconds", "rows_per_second"}


# Stopping and going on


class AsksToStop(Silence):
    """A listener that presses Ctrl-C at the n-th update."""

    def __init__(self, updates):
        self.left = updates
        self.said = []

    def say(self, text):
        self.said.append(text)

    def stop_requested(self):
        self.left -= 1
        return self.left <= 0


SETTINGS = {"hidden": [6], "epochs": 8, "patience": 0, "batch_size": 16, "dropout": 0.3}


def interrupted(root, updates, settings=SETTINGS):
    with pytest.raises(StoppedError) as stopped:
        train(str(root), build(TrainSettings, settings), Job(AsksToStop(updates)))
    return stopped.value


@pytest.mark.parametrize("updates", [1, 3, 4, 9, 20])
def test_an_interrupted_training_goes_on_to_the_same_bytes(split_for, results, updates):
    """42 rows in batches of 16 are 3 updates an epoch: the stop is within one, or at its end."""
    whole, parts = split_for("churned"), split_for("churned")
    train(str(whole), build(TrainSettings, SETTINGS), Job())
    interrupted(parts, updates)
    listener = AsksToStop(10**9)
    train(str(parts), build(TrainSettings, SETTINGS), Job(listener))
    if updates > 3:
        whole_epochs = (updates - 1) // 3
        assert listener.said[0] == (
            f"nntool train: goes on after epoch {whole_epochs}, from its checkpoint"
        )
    assert results(parts) == results(whole)


def test_stopping_twice_still_gives_the_same_bytes(split_for, results):
    whole, parts = split_for("churned"), split_for("churned")
    train(str(whole), build(TrainSettings, SETTINGS), Job())
    interrupted(parts, 7)
    interrupted(parts, 8)
    train(str(parts), build(TrainSettings, SETTINGS), Job())
    assert results(parts) == results(whole)


def test_an_interrupted_model_is_marked_used_and_said_to_be_one(nntool, ok, split_for, source):
    root = split_for("churned")
    error = interrupted(root, 10)
    assert error.exit_code == 130
    assert error.message.startswith("interrupted; the weights of epoch ")
    status = nntool("status", root, "--json").json["steps"]["train"]
    assert (status["state"], status["interrupted"]) == ("fresh", True)
    assert "fresh, interrupted" in nntool("status", root).text
    assert json.loads((root / "run.json").read_text())["steps"]["train"]["status"] == "interrupted"
    said = ok("predict", root, source)
    assert said.first == "nntool predict: the model is of a training that was interrupted"
    assert len(said.rows) == 60
    assert "the model is of a training that was interrupted" in ok("evaluate", root).err


def test_the_hint_of_an_interruption_goes_on(typed, nntool, split_for, results):
    whole, parts = split_for("churned"), split_for("churned")
    train(str(whole), build(TrainSettings, SETTINGS), Job())
    error = interrupted(parts, 10)
    said = typed(error.hint)
    assert said.code == 0, said
    assert "goes on after epoch 3, from its checkpoint" in said.err
    for name in ("train/model.npz", "train/model.json", "train/history.csv"):
        assert results(parts)[name] == results(whole)[name]


@pytest.mark.parametrize("updates", [1, 2])
def test_a_stop_before_the_first_epoch_ends_leaves_the_model_that_was_there(
    nntool, split_for, run, content, updates
):
    """No epoch has judged such weights: they are nobody's best so far."""
    before = content(run)
    error = interrupted(run, updates)
    assert error.exit_code == 130
    assert {n: b for n, b in content(run).items() if not n.startswith("checkpoint/")} == {
        n: b for n, b in before.items() if not n.startswith("checkpoint/")
    }
    first = split_for("churned")
    interrupted(first, updates)
    assert nntool("status", first, "--json").json["steps"]["train"]["state"] == "missing"


def test_more_epochs_go_on_where_training_ended(ok, split_for, results):
    whole, parts = split_for("churned"), split_for("churned")
    ok("train", whole, *SMALL, "--epochs", "7")
    ok("train", parts, *SMALL, "--epochs", "4")
    said = ok("train", parts, *SMALL, "--epochs", "7")
    assert "nntool train: goes on after epoch 4, from its checkpoint" in said.err.splitlines()
    assert results(parts) == results(whole)


def test_a_full_batch_is_called_one(ok, split_for):
    said = ok("train", split_for("churned"), *SMALL, "--batch-size", "full", "--epochs", "2")
    assert "validation rows, all rows in one batch, learning rate 0.01" in said.err


def test_a_mean_that_never_began_is_said_to_be_none(ok, split_for):
    early = ["--patience", "2", "--min-delta", "100", "--epochs", "50"]
    words = "training ended before --average-weights had taken any in"
    assert words in ok("train", split_for("churned"), "--average-weights", "swa", *early).err
    assert words not in ok("train", split_for("churned"), "--average-weights", "ema", *early).err


def test_fewer_epochs_start_anew_and_say_so(ok, split_for, results):
    fewer, parts = split_for("churned"), split_for("churned")
    ok("train", fewer, *SMALL, "--epochs", "3")
    ok("train", parts, *SMALL, "--epochs", "5")
    said = ok("train", parts, *SMALL, "--epochs", "3")
    assert "starts anew: its checkpoint is after epoch 5, and --epochs is 3" in said.err
    assert results(parts) == results(fewer)


@pytest.mark.parametrize("change", [["--seed", "1"], ["--hidden", "7"], ["--dropout", "0.4"]])
def test_a_checkpoint_of_other_settings_is_not_gone_on_from(ok, split_for, results, change):
    anew, parts = split_for("churned"), split_for("churned")
    words = [*SMALL, "--dropout", "0.2", "--epochs", "5"]
    ok("train", anew, *words, *change)
    ok("train", parts, *words)
    said = ok("train", parts, *words, *change)
    assert "goes on after" not in said.err
    assert results(parts) == results(anew)


def test_a_damaged_checkpoint_is_not_gone_on_from(ok, split_for, results):
    anew, parts = split_for("churned"), split_for("churned")
    ok("train", anew, *SMALL, "--epochs", "6")
    ok("train", parts, *SMALL, "--epochs", "3")
    (arrays,) = (parts / "checkpoint").glob("*.npz")
    arrays.write_bytes(arrays.read_bytes()[:-1])
    said = ok("train", parts, *SMALL, "--epochs", "6")
    assert "goes on after" not in said.err
    assert results(parts) == results(anew)


def test_a_checkpoint_keeps_numbers_that_are_not_finite(tmp_path):
    """The norm of a gradient may overflow where its clipped or normalized step does not."""
    rows = [{"epoch": 1, "gradient_norm": float("inf"), "hidden1_idle": None}]
    plain = {"stopping": {"best": float("inf"), "mark": 0.1}}
    checkpoint.save(tmp_path, "key", {"theta": np.ones(2)}, plain, rows, 3)
    found = checkpoint.load(tmp_path, "key")
    assert found is not None
    assert (found.history, found.plain, found.planned) == (rows, plain, 3)


def test_force_trains_anew_and_gives_the_same_bytes(ok, split_for, results):
    root = split_for("churned")
    ok("train", root, *SMALL, "--epochs", "4")
    before = results(root)
    said = ok("train", root, *SMALL, "--epochs", "4", "--force")
    assert "goes on after" not in said.err
    assert results(root) == before


# Failing


def test_divergence_names_its_place_and_leaves_the_old_model(nntool, ok, run, content, source):
    before, predicted = content(run), ok("predict", run, source).out
    words = ["--optimizer", "sgd", "--learning-rate", "1e30"]
    said = nntool("train", run, *words)
    assert said.code == 5
    assert said.message.startswith("nntool train: the loss is not finite: epoch 1, batch ")
    assert re.search(", layer (hidden1|output), learning", said.message)
    assert said.message.endswith(", learning rate 1e+30; nothing was written")
    assert said.hint.startswith("a smaller --learning-rate, such as ")
    assert content(run) == before
    assert ok("predict", run, source).out == predicted


def test_numbers_too_large_for_the_loss_diverge_and_warn_of_nothing(nntool, ok, tmp_path, write):
    root, numbers = tmp_path / "run", np.random.default_rng(0).normal(size=(80, 2))
    rows = [["a", "y"], *([f"{a * 1e30:g}", f"{y * 1e25:g}"] for a, y in numbers)]
    ok("clean", root, write("large.csv", rows), "--target", "y")
    ok("transform", root, "--scale", "none", "--target-scaling", "none")
    ok("select-features", root)
    ok("split", root)
    said = nntool("train", root, "--epochs", "2")
    assert said.code == 5
    assert "the loss is not finite: epoch 1, batch 1, layer output, " in said.message


def test_batch_norm_of_a_single_training_row_is_refused(nntool, ok, tmp_path, write):
    root = tmp_path / "run"
    rows = [["a", "b", "y"], ["1", "2", "3.5"], ["2", "1", "4.5"], ["3", "5", "6.25"]]
    ok("clean", root, write("three.csv", rows), "--target", "y")
    ok("transform", root)
    ok("select-features", root, "--no-drop-constant", "--max-correlation", "1")
    ok("split", root, "--train", "0.4", "--validation", "0.3", "--test", "0.3")
    said = nntool("train", root, "--batch-norm", "--epochs", "2")
    assert (said.code, said.message) == (
        3,
        "nntool train: --batch-norm needs 2 training rows, and there is 1",
    )


def test_a_short_training_that_improves_has_not_diverged(nntool, ok, tmp_path, source):
    """Unscaled numbers begin far away; getting nearer is not divergence."""
    root = tmp_path / "new"
    ok("clean", root, source, "--target", "churned")
    ok("transform", root, "--scale", "none")
    ok("select-features", root)
    ok("split", root)
    assert nntool("train", root, "--epochs", "2", "--hidden", "4").code == 0


def test_training_needs_a_split(nntool, ok, tmp_path, source):
    root = tmp_path / "new"
    ok("clean", root, source, "--target", "churned")
    ok("transform", root)
    ok("select-features", root)
    said = nntool("train", root)
    assert (said.code, said.first) == (4, f"nntool train: split has not run in {root}")
    assert said.hint == f"nntool split {root}"


def test_poisson_takes_counts_exactly_as_they_stand(ok, tmp_path):
    """A count that went through the standardized float32 and back would not be whole any more."""
    rng = np.random.default_rng(5)
    for k, rate in enumerate((0.7, 2.0, 7.0)):
        x = rng.uniform(-1, 1, 200)
        lines = [f"{a:.4f},{y}" for a, y in zip(x, rng.poisson(rate * np.exp(x)), strict=True)]
        source = tmp_path / f"{k}.csv"
        source.write_text("\n".join(["x,y", *lines]) + "\n")
        root = tmp_path / f"r{k}"
        ok("clean", root, source, "--target", "y", "--task", "regression")
        ok("transform", root)
        ok("select-features", root)
        ok("split", root)
        said = ok("train", root, "--loss", "poisson", "--epochs", "2")
        assert "target scaling is off" in said.err
