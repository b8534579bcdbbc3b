"""Perceptron, delta rule and rules by disturbance, typed as a person types them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.settings.building import build
from nntool.settings.train import TrainSettings
from nntool.steps import demands
from tests.conftest import Said

BITS = [["a", "b", "y"], ["0", "0", "?"], ["0", "1", "?"], ["1", "0", "?"], ["1", "1", "?"]]
ALL_TO_TRAIN = ["--train", "1", "--validation", "0", "--test", "0"]


@pytest.fixture
def made(
    tmp_path: Path,
    write: Callable[[str, list[list[str]]], Path],
    ok: Callable[..., Said],
) -> Callable[..., Path]:
    """A run of a table, all of whose rows are for training, as they are."""

    def make(rows: list[list[str]], target: str = "y", *transform: str, task: str = "auto") -> Path:
        source, run = write("table.csv", rows), tmp_path / "run"
        ok("collect", run, source)
        ok("clean", run, "--target", target, "--task", task)
        ok("split", run, *ALL_TO_TRAIN)
        ok("transform", run, "--scale", "none", *transform)
        ok("select-features", run)
        return run

    return make


def bits(*answers: str) -> list[list[str]]:
    """The table of a function of two bits."""
    return [BITS[0], *([*row[:2], y] for row, y in zip(BITS[1:], answers, strict=True))]


def trained(run: Path) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads((run / "train" / "model.json").read_text())["trained"]
    return plain


def predictions(run: Path, ok: Callable[..., Said]) -> list[str]:
    return [row["prediction"] for row in ok("predict", run, run.parent / "table.csv").rows]


@pytest.mark.parametrize(
    "answers", [("no", "no", "no", "yes"), ("no", "yes", "yes", "yes"), ("yes", "yes", "yes", "no")]
)
def test_a_perceptron_says_after_how_many_corrections_all_rows_were_right(
    made: Callable[..., Path], ok: Callable[..., Said], answers: tuple[str, ...]
) -> None:
    run = made(bits(*answers))
    said = ok("train", run, "--optimizer", "perceptron")
    n = sum(int(line.split(",")[-2]) for line in history(run)[1:])
    verdict = f"separable: all 4 training rows are right after {n} correction"
    assert verdict in said.err
    assert trained(run)["ended"] == "converged"
    assert trained(run)["verdict"].startswith(verdict)
    assert predictions(run, ok) == list(answers)


def history(run: Path) -> list[str]:
    """The lines of history.csv; the column before the last counts corrections."""
    lines = (run / "train" / "history.csv").read_text().splitlines()
    assert lines[0].endswith("undone,corrections,diagnosis")
    return lines


@pytest.mark.parametrize(
    "answers", [("no", "yes", "yes", "no"), ("yes", "no", "no", "yes")], ids=["xor", "equality"]
)
@pytest.mark.parametrize("patience", ["0", "5"])
def test_a_perceptron_that_cannot_learn_says_so_however_it_ended(
    made: Callable[..., Path], ok: Callable[..., Said], answers: tuple[str, ...], patience: str
) -> None:
    run = made(bits(*answers))
    options = ["--optimizer", "perceptron", "--epochs", "60", "--patience", patience]
    said = ok("train", run, *options)
    verdict = "not separable: no weights have all 4 training rows right, however many epochs"
    assert verdict in said.err
    assert trained(run)["ended"] == ("patience" if patience == "5" else "epochs")
    assert trained(run)["verdict"].startswith(verdict)
    options = ["--hidden", "4", "--activation", "tanh", "--dropout", "0", "--penalty", "none"]
    ok("train", run, "--optimizer", "adam", "--learning-rate", "0.1", *options, "--patience", "0")
    assert "verdict" not in trained(run)
    assert predictions(run, ok) == list(answers)


@pytest.mark.parametrize(
    ("options", "hint"),
    [(["--epochs", "1"], "(more --epochs)"), (["--patience", "1"], "(--patience 0)")],
)
def test_a_perceptron_that_ended_too_early_says_that_more_epochs_are_needed(
    made: Callable[..., Path], ok: Callable[..., Said], options: list[str], hint: str
) -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (300, 2))
    y = np.where(x @ [1, 0.7] > 0.31, "in", "out")
    rows = [[f"{a:.4f}", f"{b:.4f}", side] for (a, b), side in zip(x, y, strict=True)]
    run = made([["a", "b", "y"], *rows])
    said = ok("train", run, "--optimizer", "perceptron", *options)
    assert "separable, more epochs needed: there are weights that have all 300" in said.err
    assert hint in said.err
    said = ok("train", run, "--optimizer", "perceptron", "--patience", "0", "--epochs", "5000")
    assert "separable: all 300 training rows are right after" in said.err
    assert predictions(run, ok) == y.tolist()


def test_of_several_classes_those_are_named_that_no_hyperplane_parts(
    made: Callable[..., Path], ok: Callable[..., Said]
) -> None:
    rows = [[str(i), ["low", "middle", "high"][i // 4]] for i in range(12)]
    run = made([["x", "y"], *rows])
    said = ok("train", run, "--optimizer", "perceptron", "--epochs", "30")
    assert "not separable: no hyperplane parts middle from the other classes" in said.err


def test_the_cafe_comes_out_to_the_last_digit(
    made: Callable[..., Path], ok: Callable[..., Said]
) -> None:
    """5 coffees, 2 cakes and 3 teas for 8.50, all thought to cost 0.50; nothing costs nothing."""
    menu = ["coffees", "cakes", "teas", "price"]
    orders = [["5", "2", "3", "8.50"], ["0", "0", "0", "0"]]
    run = made([menu, *orders], "price", "--target-scaling", "none", task="regression")
    start = ["--initializer", "constant:value=0.5", "--no-bias"]
    once = ["--epochs", "1", "--learning-rate", str(1 / 35), "--dtype", "float64"]
    ok("train", run, "--optimizer", "delta-rule", *start, *once)
    theta = np.load(run / "train" / "model.npz")["theta"]
    np.testing.assert_allclose(theta - 0.5, [0.50, 0.20, 0.30], rtol=1e-7)
    assert [float(price) for price in predictions(run, ok)] == pytest.approx([8.80, 0])


def test_adaline_decides_by_the_sign_and_says_that_it_has_no_probabilities(
    made: Callable[..., Path], ok: Callable[..., Said]
) -> None:
    answers = ["no", "no", "no", "yes"]
    run = made(bits(*answers))
    said = ok("train", run, "--optimizer", "delta-rule", "--learning-rate", "0.1")
    assert "--loss half-mse, --output identity, --batch-size 1" in said.err
    assert predictions(run, ok) == answers
    assert "gives no probabilities" in ok("predict", run, run.parent / "table.csv").err


@pytest.mark.parametrize(
    ("rule", "epochs"), [("weight-perturbation", "20"), ("node-perturbation:sigma=0.5", "1500")]
)
def test_exclusive_or_is_learned_through_step_units(
    made: Callable[..., Path], ok: Callable[..., Said], rule: str, epochs: str
) -> None:
    answers = ["no", "yes", "yes", "no"]
    run = made(bits(*answers))
    network = ["--hidden", "6", "--activation", "step", "--penalty", "none", "--patience", "0"]
    ok("train", run, "--optimizer", rule, "--learning-rate", "0.5", "--epochs", epochs, *network)
    assert predictions(run, ok) == answers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--optimizer", "perceptron", "--loss", "bce"], "is for the loss perceptron"),
        (["--optimizer", "perceptron", "--hidden", "8"], "has no hidden units"),
        (["--optimizer", "perceptron", "--schedule", "cosine"], "--schedule cosine has no part"),
        (["--optimizer", "delta-rule", "--output", "sigmoid"], "is for the output identity"),
        (["--optimizer", "lbfgs", "--loss", "perceptron"], "perceptron has none"),
        (
            ["--optimizer", "weight-perturbation", "--clip-norm", "1"],
            "takes no gradient, so --clip-norm",
        ),
        (["--optimizer", "weight-perturbation", "--learning-rate", "auto"], "finds its rates"),
        (["--optimizer", "node-perturbation", "--batch-norm"], "cannot take --batch-norm"),
        (["--optimizer", "sgd", "--activation", "step"], "and --optimizer sgd goes by it"),
        (["--activation", "step"], "or an optimizer that needs none"),
        (["--loss", "poisson", "--no-bias"], "is not for a binary task"),
    ],
)
def test_what_cannot_be_is_refused_with_exit_code_2(
    made: Callable[..., Path],
    nntool: Callable[..., Said],
    options: list[str],
    message: str,
) -> None:
    said = nntool("train", made(bits("no", "no", "no", "yes")), *options)
    assert said.code == 2
    assert message in said.message
    assert said.hint


def test_a_perceptron_refuses_a_number_to_predict_and_columns_of_codes(
    made: Callable[..., Path], nntool: Callable[..., Said]
) -> None:
    rows = [["kind", "y"], *([kind, str(i % 2)] for i, kind in enumerate("abcabcabcabcab"))]
    run = made(rows, "y", "--encode", "embedding", task="regression")
    said = nntool("train", run, "--optimizer", "perceptron")
    assert said.code == 2
    assert "is for a binary or multiclass target, and this task is regression" in said.message
    run = made(rows, "y", "--encode", "embedding", task="binary")
    said = nntool("train", run, "--optimizer", "perceptron")
    assert said.code == 2
    assert "transform --encode one-hot" in said.hint


def test_auto_is_adam_where_the_loss_has_no_gradient(
    made: Callable[..., Path], ok: Callable[..., Said]
) -> None:
    assert demands.has_gradient(build(TrainSettings, {"loss": "hinge"}))
    said = ok(
        *("train", made(bits("no", "no", "no", "yes")), "--loss", "perceptron", "--dropout", "0")
    )
    assert "the optimizer is adam, because of --loss perceptron" in said.err
