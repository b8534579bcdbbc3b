"""Bias and variance in words: made-up losses, and networks that are known to have either."""

import json
import random
from types import SimpleNamespace

import numpy as np
import pytest

from nntool.steps.evaluating.verdict import Loss, beside_diagnosis, of_parts, verdict
from nntool.steps.scoring import Scored
from nntool.steps.yardstick import GAP, LITTLE

CONSTANT = 0.69


def loss(mean, error=0.005, constant=CONSTANT):
    return Loss(mean, error, constant, f"log-loss {mean:g}")


@pytest.mark.parametrize(
    ("train", "test", "what"),
    [
        (loss(0.12), loss(0.45), "high variance"),
        (loss(0.01), loss(0.9), "high variance"),  # worse than a constant answer
        (loss(0.68), loss(0.68), "high bias"),
        (loss(0.68), loss(0.9), "high bias"),  # nothing was learned, so nothing was memorized
        (loss(0.60), loss(0.66), "high bias"),  # little in training, less in test
        (loss(0.30), loss(0.32), "fits well"),
        (loss(0.30), loss(0.25), "fits well"),
        (loss(0.12), loss(0.45, error=0.3), "too few rows to tell"),
        (loss(0.30), loss(0.30, error=0.3), "too few rows to tell"),
        (loss(0.12), loss(0.45, constant=CONSTANT + 0.3), "fits well"),  # harder rows
        (loss(0.0, constant=0.0), loss(0.0, constant=0.0), "fits well"),  # nothing to learn
    ],
)
def test_losses_and_what_they_mean(train, test, what):
    assert verdict(train, test, "test")["what"] == what


def test_the_limit_of_a_gap_is_that_of_the_diagnosis_of_training():
    train = 0.2
    for share, what in [(GAP - 0.01, "fits well"), (GAP + 0.01, "high variance")]:
        held = loss(train + share * CONSTANT)
        assert verdict(loss(train), held, "test")["what"] == what
    for share, what in [(LITTLE - 0.01, "high bias"), (LITTLE + 0.01, "fits well")]:
        same = loss(CONSTANT * (1 - share))
        assert verdict(same, same, "test")["what"] == what


def test_a_linear_model_that_is_better_shows_what_is_missing():
    found = verdict(loss(0.4), loss(0.4), "test", linear=0.3)
    assert found["what"] == "high bias"
    assert found["facts"].endswith("a linear model is better")
    assert verdict(loss(0.4), loss(0.4), "test", linear=0.39)["what"] == "fits well"


def test_the_facts_name_both_losses_and_what_to_try():
    found = verdict(loss(0.12), loss(0.45), "validation")
    assert found["facts"].startswith("log-loss 0.12 in training, log-loss 0.45 in validation")
    assert "--dropout" in found["advice"]
    assert found["learned"] == pytest.approx({"train": 1 - 0.12 / 0.69, "held": 1 - 0.45 / 0.69})
    assert found["held"] == "validation"
    assert found["gap"] == pytest.approx(0.33 / 0.69)


def test_what_training_said_itself_is_not_passed_over():
    found = verdict(loss(0.30), loss(0.32), "test")
    said = beside_diagnosis(found, [{"what": "overfitting (variance)"}, {"what": "dead units"}])
    assert said["what"] == "fits well"
    assert said["facts"].endswith("training by its own loss: overfitting (variance)")
    variance = verdict(loss(0.12), loss(0.45), "test")
    assert beside_diagnosis(variance, [{"what": "overfitting (variance)"}]) == variance


def rows(name, target, decided):
    """Rows of a regression, scored."""
    model = SimpleNamespace(plain={"task": "regression"}, classes=None, tau=0.5)
    nothing = np.zeros((len(target), 0))
    return Scored(name, model, None, target, decided, None, nothing, nothing)


def test_the_r2_of_a_linear_model_is_held_against_the_squares_of_the_network():
    rng = np.random.default_rng(0)
    target = 1000 + 100 * rng.normal(size=5000)
    decided = target + 50 * rng.normal(size=5000)  # an R² of about 0.75
    parts = rows("train", target, decided), rows("test", target[:2500], decided[:2500])
    found = of_parts(*parts, target, linear=0.95)
    assert found["facts"].endswith("a linear model is better")
    assert found["learned"]["train"] == pytest.approx(0.75, abs=0.02)
    assert of_parts(*parts, target, linear=0.76)["what"] == "fits well"
    flat = rows("test", np.full(5, 7.0), np.full(5, 7.0))
    assert "a target all alike in test" in of_parts(parts[0], flat, target, None)["facts"]


@pytest.mark.parametrize("n", [1, 3])
def test_a_few_rows_do_not_tell_by_losses_that_are_all_alike(n):
    rng = np.random.default_rng(0)
    target = 1000 + 100 * rng.normal(size=5000)
    train = rows("train", target, target + 50 * rng.normal(size=5000))
    few = rows("test", np.full(n, 1100.0), np.full(n, 1020.0))
    found = of_parts(train, few, target, linear=1.0)
    assert found["what"] == "too few rows to tell"
    many = rows("test", np.full(5000, 1100.0), np.full(5000, 1020.0))
    assert of_parts(train, many, target, linear=1.0)["what"] != "too few rows to tell"


def made(tmp_path, kind, n=600):
    """A table whose class is noise, or the exclusive or of two signs, or the sign of a sum."""
    rng = random.Random(3)
    lines = ["a,b,c,d,e,f,class"]
    for _ in range(n):
        x = [rng.uniform(-1, 1) for _ in range(6)]
        yes = {
            "noise": rng.random() < 0.5,
            "xor": (x[0] > 0) != (x[1] > 0),
            "sum": x[0] + x[1] > 0,
        }[kind]
        lines.append(",".join([*(f"{v:.4f}" for v in x), "yes" if yes else "no"]))
    path = tmp_path / f"{kind}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


MEMORIZE = ["hidden=[256]", "epochs=150", "dropout=0.0", "penalty=[]", "monitor='train-loss'"]
LEARN = ["hidden=[32]", "epochs=60", "learning_rate=0.01"]


@pytest.mark.parametrize(
    ("kind", "settings", "what"),
    [
        ("noise", MEMORIZE, "high variance"),
        ("xor", ["hidden=[]", "epochs=30"], "high bias"),
        ("sum", LEARN, "fits well"),
        ("xor", LEARN, "fits well"),
    ],
)
def test_real_trainings(ok, tmp_path, kind, settings, what):
    root = tmp_path / "run"
    given = [word for text in settings for word in ("--set", f"train.{text}")]
    source = made(tmp_path, kind)
    said = ok("run", root, "--data", source, "--target", "class", *given)
    found = json.loads((root / "evaluate/metrics.json").read_text())["verdict"]
    assert found["what"] == what, found
    assert f"nntool evaluate: {what}: " in said.err
