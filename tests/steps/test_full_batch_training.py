"""Full-batch methods by ``train``: messages, files, stops that lose nothing, and how they end."""

import itertools
import json
from typing import Any

import numpy as np
import pytest

from nntool.errors import StoppedError
from nntool.nn.full_batch import FULL_BATCH
from nntool.settings.building import build
from nntool.settings.train import TrainSettings
from nntool.steps import planning
from nntool.steps.job import Job, Silence
from nntool.steps.train import train

SMALL = ["--hidden", "3", "--dropout", "0"]
COUNTS = ["loss_evaluations", "gradient_evaluations", "products"]
FOR_LOSS = {"levenberg-marquardt": "mse"}


class AsksToStop(Silence):
    """A listener that presses Ctrl-C when it is asked for the n-th time."""

    def __init__(self, glances: int) -> None:
        self.left = glances
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def stop_requested(self) -> bool:
        self.left -= 1
        return self.left <= 0


def trained(root: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "train/model.json").read_text())["trained"]
    return found


@pytest.mark.parametrize("name", FULL_BATCH)
@pytest.mark.parametrize("target", ["churned", "plan", "visits"])
def test_every_method_learns_every_task_and_says_what_it_counted(
    ok: Any, split_for: Any, name: str, target: str
) -> None:
    root = split_for(target)
    said = ok("train", root, *SMALL, "--optimizer", name, "--monitor", "train-loss")
    rows = ok("show", root, "train").rows
    losses = [float(row["train_loss"]) + float(row["penalty"]) for row in rows]
    assert losses[-1] < losses[0]
    assert all(np.diff(losses) <= 1e-12 * losses[0]), "but for rounding"
    assert all(int(row["gradient_evaluations"]) >= 1 for row in rows[:-1])
    assert [column for column in rows[0] if column in COUNTS] == COUNTS
    assert ", all rows in one batch\n" in said.err
    assert "learning rate" not in said.err
    assert f"with {name} 'auto' is " in said.err
    assert "--dtype float64" in said.err
    assert np.load(root / "train/model.npz")["theta"].dtype == np.float64
    ok("evaluate", root, "--no-baseline")


@pytest.mark.parametrize(
    ("optimizer", "loss", "is_said"),
    [
        ("newton-cg", "mae", True),
        ("newton-cg", "huber", False),
        ("newton-cg:product=hessian", "mae", False),
        ("lbfgs", "mae", False),
    ],
)
def test_newton_cg_says_where_the_loss_has_no_curvature(
    ok: Any, split_for: Any, optimizer: str, loss: str, is_said: bool
) -> None:
    root = split_for("visits")
    said = ok("train", root, *SMALL, "--optimizer", optimizer, "--loss", loss, "--epochs", "2")
    assert (f"the loss {loss} is made of straight pieces" in said.err) == is_said


def test_mini_batches_have_no_columns_of_counts(ok: Any, split_for: Any) -> None:
    root = split_for("churned")
    ok("train", root, "--optimizer", "adam", "--epochs", "2")
    assert not set(COUNTS) & set(ok("show", root, "train").rows[0])


@pytest.mark.parametrize("glances", [1, 2, 4, 9, 16])
@pytest.mark.parametrize("name", FULL_BATCH)
def test_a_stop_keeps_the_best_weights_and_going_on_gives_the_same_bytes(
    split_for: Any, results: Any, name: str, glances: int
) -> None:
    values = {"hidden": [3], "dropout": 0, "epochs": 20, "patience": 0, "optimizer": name}
    settings = build(TrainSettings, values)
    whole, parts = split_for("visits"), split_for("visits")
    train(str(whole), settings, Job())
    with pytest.raises(StoppedError):
        train(str(parts), settings, Job(AsksToStop(glances)))
    train(str(parts), settings, Job())
    assert results(parts) == results(whole)


def test_a_stop_before_the_first_iteration_writes_nothing(split_for: Any, content: Any) -> None:
    root = split_for("visits")
    before = content(root)
    settings = build(TrainSettings, {"optimizer": "lbfgs", "dropout": 0})
    with pytest.raises(StoppedError, match="before the first epoch was done; nothing was written"):
        train(str(root), settings, Job(AsksToStop(1)))
    assert {k: v for k, v in content(root).items() if v} == {k: v for k, v in before.items() if v}


def test_nothing_more_to_learn_is_an_end_that_says_why_and_more_epochs_change_nothing(
    ok: Any, split_for: Any
) -> None:
    root = split_for("visits")
    words = ["--hidden", "none", "--optimizer", "newton", "--monitor", "train-loss"]
    said = ok("train", root, *words, "--epochs", "50")
    found = trained(root)
    assert (found["ended"], found["epochs"] < 50) == ("converged", True)
    assert found["conclusion"].startswith("the gradient is ")
    told = f"nothing more to learn after {found['epochs']} epoch"
    assert told in said.err
    assert found["conclusion"] in said.err
    assert "fresh" in ok("status", root).text
    weights = (root / "train/model.npz").read_bytes()
    said = ok("train", root, *words, "--epochs", "60")
    assert told in said.err
    assert f"goes on after epoch {found['epochs']}, from its checkpoint" in said.err
    assert (root / "train/model.npz").read_bytes() == weights
    assert trained(root) == found


def test_the_optimum_of_a_linear_model_is_that_of_least_squares(ok: Any, split_for: Any) -> None:
    root = split_for("visits")
    words = ["--hidden", "none", "--penalty", "none", "--monitor", "train-loss"]
    for name in FULL_BATCH:
        ok("train", root, *words, "--optimizer", f"{name}:tolerance=1e-12")
        theta = np.load(root / "train/model.npz")["theta"]
        x = np.load(root / "transform/numeric.npy").astype(float)
        y = np.array([float(row["visits"]) for row in ok("show", root, "clean").rows])
        rows = np.load(root / "split/rows.npy") == 0
        given = json.loads((root / "train/model.json").read_text())["target_map"]
        t = (y[rows] - given["location"]) / given["scale"]
        a = np.column_stack([x[rows], np.ones(rows.sum())])
        best = np.mean((a @ np.linalg.lstsq(a, t, rcond=None)[0] - t) ** 2)
        assert np.mean((a @ theta - t) ** 2) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("name", ["newton", "levenberg-marquardt", "bfgs"])
def test_more_weights_than_a_matrix_is_kept_for_are_refused_with_what_else_there_is(
    nntool: Any, split_for: Any, content: Any, name: str
) -> None:
    root = split_for("visits")
    before = content(root)
    said = nntool("train", root, "--optimizer", name, "--hidden", "200,30")
    most = {"bfgs": "5,000"}.get(name, "2,000")
    assert said.code == 2
    assert f"--optimizer {name} keeps a matrix of all pairs of weights" in said.message
    assert f"of which it takes up to {most}, and this network has " in said.message
    assert said.hint.startswith("--optimizer lbfgs, conjugate-gradient or newton-cg, or a smaller")
    assert content(root) == before


def test_a_start_that_is_not_finite_ends_training_without_a_word_of_a_learning_rate(
    nntool: Any, split_for: Any
) -> None:
    root = split_for("visits")
    words = ["--initializer", "constant:value=1e200", "--activation", "identity"]
    said = nntool("train", root, "--optimizer", "lbfgs", *SMALL, *words)
    assert said.code == 5
    assert "the loss is not finite: epoch 1, batch 1, layer " in said.message
    assert "learning rate" not in said.err
    assert "learning-rate" not in said.hint


def test_memory_counts_what_a_method_keeps() -> None:
    for name, cls in FULL_BATCH.items():
        method: Any = cls()
        held = sum(array.size for array in method.init(37, np.float64).values())
        assert planning.floats_of_state(method.init, 37) == held, name


def test_memory_that_is_not_there_is_refused_with_the_numbers(
    nntool: Any, split_for: Any, monkeypatch: Any
) -> None:
    root = split_for("visits")
    monkeypatch.setattr(planning, "available_memory", lambda: 1_000_000)
    words = ["--hidden", "40", "--optimizer"]
    said = nntool("train", root, *words, "bfgs")
    assert said.code == 7
    assert " weights need about 0.0 GB to train, and 0.0 GB are free" in said.message
    assert said.hint == "give a smaller --hidden, or --optimizer adam"
    assert nntool("train", root, *words, "conjugate-gradient", "--epochs", "1").code == 0


def test_early_stopping_stops_a_full_batch_method_too(ok: Any, split_for: Any) -> None:
    root = split_for("churned")
    ok("train", root, "--optimizer", "lbfgs", "--patience", "3", "--penalty", "none")
    found = trained(root)
    assert found["ended"] in ("patience", "converged")
    assert found["epochs"] <= found["best_epoch"] + 3
    assert not any("learning rate" in finding["what"] for finding in found["diagnosis"])


def test_a_loss_that_rises_for_the_sake_of_the_penalties_is_explained(
    ok: Any, split_for: Any
) -> None:
    root = split_for("visits")
    words = ["--hidden", "8", "--optimizer", "lbfgs", "--epochs", "30", "--patience", "0"]
    said = ok("train", root, *words, "--penalty", "l2:rate=1")
    losses = [float(row["train_loss"]) for row in ok("show", root, "train").rows]
    rises = sum(b > 1.01 * a for a, b in itertools.pairwise(losses))
    assert rises
    assert f"the training loss rose in {rises} epoch" in said.err
    for quiet in (["--penalty", "none"], ["--penalty", "l2:rate=1", "--ensemble", "2"]):
        assert "the training loss rose" not in ok("train", root, *words, *quiet).err
