"""What the numbers of a training mean: trainings that go wrong in known ways, and the limits."""

import json
from typing import Any

import numpy as np
import pytest

from nntool.nn.averaging import EMA
from nntool.nn.batches import ArrayRows
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers import SGD, Adam, Momentum
from nntool.nn.outputs import choose_output
from nntool.nn.plan import Plan
from nntool.nn.randomness import Streams
from nntool.nn.registry import build
from nntool.nn.sampling import Balanced
from nntool.nn.schedules import Cosine
from nntool.nn.stopping import EarlyStopping
from nntool.nn.training import Trainer
from nntool.nn.updating import UpdateRules
from nntool.steps import diagnosis, history, references
from nntool.steps.yardstick import Yardstick

RNG = np.random.default_rng(0)
X = RNG.standard_normal((600, 6)).astype(np.float32)
SCORE = X[:, 0] - X[:, 1] + X[:, 2] * X[:, 3] + 0.3 * RNG.standard_normal(600)
CLASS = (SCORE > 0).astype(np.int32)
NUMBER = (SCORE / SCORE.std()).astype(np.float32)
NOISY = ((SCORE + 3 * np.sin(50 * X[:, 4])) > 0).astype(np.int32)
NOISE = RNG.standard_normal(600).astype(np.float32)


def trainer(
    spec: dict[str, Any],
    y: np.ndarray,
    plan: dict[str, Any],
    *,
    loss: str = "",
    patience: int | None = None,
    n_train: int = 450,
    order: np.ndarray | None = None,
) -> Trainer:
    is_class = y.dtype == np.int32
    task: Any = "binary" if is_class else "regression"
    output = choose_output(task, 2, build(LOSSES, loss or ("bce" if is_class else "mse")))
    net = Network(NetworkSpec(**{"n_numeric": 6, "n_outputs": 1, "hidden": (32,), **spec}))
    order = np.arange(len(y)) if order is None else order
    x = X[: len(y)]
    return Trainer(
        net,
        output,
        Plan(**{"rules": UpdateRules(optimizer=Adam()), "epochs": 60, **plan}),
        ArrayRows(x, None, y, None, order[:n_train]),
        ArrayRows(x, None, y, None, order[n_train:]),
        streams=Streams(0),
        stopping=EarlyStopping(patience),
    )


def diagnosed(t: Trainer) -> tuple[list[str], list[str]]:
    """The words of the end, and those of the epochs."""
    yardstick, rows = references.yardstick(t), []
    with np.errstate(all="ignore"):
        for report in t.run():
            rows.append(history.row(report))
            rows[-1]["diagnosis"] = diagnosis.of_epoch(rows, yardstick)
    found = diagnosis.of_training(
        rows,
        t.result()[2],
        yardstick,
        ended=str(t.ended),
        activation=t.net.spec.activation,
        kept_loss=None if yardstick.like else references.loss_of_weights(t, *t.result()[:2]),
    )
    return [finding.what for finding in found], [row["diagnosis"] for row in rows]


@pytest.mark.parametrize("y", [CLASS, NUMBER], ids=["classes", "numbers"])
@pytest.mark.parametrize(
    "spec", [{"dropout": 0.2}, {"activation": "tanh", "hidden": (16, 16)}, {"batch_norm": True}]
)
def test_a_training_in_which_all_is_well_is_left_in_peace(
    y: np.ndarray, spec: dict[str, Any]
) -> None:
    found, epochs = diagnosed(trainer(spec, y, {"epochs": 150, "learning_rate": 3e-3}, patience=8))
    assert found == []
    assert not any(epochs[:-8]), "until early stopping waited"


@pytest.mark.parametrize(
    "plan",
    [
        {"warmup": 5.0, "schedule": Cosine()},
        {"rules": UpdateRules(optimizer=Momentum()), "schedule": Cosine()},
    ],
)
def test_a_rate_that_is_meant_to_be_small_is_not_too_low(plan: dict[str, Any]) -> None:
    found, epochs = diagnosed(trainer({"dropout": 0.2}, NUMBER, {"epochs": 40, **plan}))
    assert found == []
    assert not any(epochs)


def test_gradients_vanish_in_eight_layers_of_sigmoids() -> None:
    spec = {"hidden": (16,) * 8, "activation": "sigmoid"}
    found, epochs = diagnosed(
        trainer(spec, CLASS, {"rules": UpdateRules(optimizer=SGD()), "epochs": 20})
    )
    assert found == ["vanishing gradients"]
    assert all("vanishing gradients in hidden1; vanishing" in words for words in epochs)
    assert not any("hidden8" in words for words in epochs)


def test_gradients_do_not_vanish_in_eight_layers_of_relus() -> None:
    found, epochs = diagnosed(trainer({"hidden": (16,) * 8}, CLASS, {"epochs": 30}, patience=3))
    assert not any("vanishing" in words for words in [*found, *epochs])


@pytest.mark.parametrize("rate", [0.5, 3.0])
def test_a_huge_rate_kills_relus(rate: float) -> None:
    spec, plan = {"hidden": (32, 32)}, {"learning_rate": rate, "epochs": 30}
    found, epochs = diagnosed(trainer(spec, NUMBER, plan))
    assert "dead units" in found
    assert not any("vanishing" in w or "too low" in w for w in epochs), "the dead are the reason"
    assert all("idle units in hidden2" in words for words in epochs)


def test_saturated_units_are_told_from_dead_ones() -> None:
    spec = {
        "activation": "tanh",
        "initializer": "gaussian",
        "initializer_settings": {"sigma": 500.0},
    }
    found, epochs = diagnosed(trainer(spec, CLASS, {"epochs": 10}))
    assert "saturated units" in found
    assert all("idle units in hidden1" in words for words in epochs)


def test_relus_that_serve_one_end_of_a_sorted_table_are_not_dead() -> None:
    n = 30_000
    x = np.sort(np.random.default_rng(1).standard_normal(n)).astype(np.float32)[:, np.newaxis]
    y = np.abs(x[:, 0])
    index = np.arange(n)
    output = choose_output("regression", 0, build(LOSSES, "mse"))
    t = Trainer(
        Network(NetworkSpec(n_numeric=1, n_outputs=1, hidden=(32,))),
        output,
        Plan(rules=UpdateRules(optimizer=Adam()), epochs=2, batch_size=256),
        ArrayRows(x, None, y, None, index[::2]),
        ArrayRows(x, None, y, None, index[1::2]),
        streams=Streams(0),
    )
    assert not any("idle" in words for words in diagnosed(t)[1])


def test_a_rate_too_high_makes_the_loss_jump() -> None:
    plan = {"rules": UpdateRules(optimizer=SGD()), "learning_rate": 0.3}
    found, epochs = diagnosed(trainer({"hidden": (32, 32)}, NUMBER, plan))
    assert "learning rate too high" in found
    assert sum("learning rate too high" in words for words in epochs) > 3


def test_a_rate_too_low_leads_nowhere() -> None:
    found, epochs = diagnosed(trainer({}, NUMBER, {"learning_rate": 1e-7, "epochs": 20}))
    assert found == ["learning rate too low"]
    assert epochs == ["", *["learning rate too low"] * 19], "a warm-up may begin like this"


@pytest.mark.parametrize("epochs", [300, 60])
def test_much_noise_and_few_rows_are_overfitted(epochs: int) -> None:
    """Whatever epoch is kept: the training loss falls far below the validation loss."""
    y = (NUMBER + NOISE)[:90].astype(np.float32)
    t = trainer({"hidden": (64, 64)}, y, {"epochs": epochs}, n_train=60)
    found, words = diagnosed(t)
    assert found == ["overfitting (variance)"]
    assert words[-1] == "overfitting"
    assert not any(words[:4])


@pytest.mark.parametrize("plan", [{"average": EMA(decay=0.99)}, {"sampler": Balanced()}])
def test_losses_of_other_weights_or_rows_are_not_held_against_each_other(
    plan: dict[str, Any],
) -> None:
    rare = ((X[:, 0] + 0.3 * SCORE) > 1.5).astype(np.int32)
    well, rate = {"dropout": 0.2}, {"epochs": 12, "learning_rate": 3e-3}
    t = trainer(well, rare, {**rate, **plan})
    found, epochs = diagnosed(t)
    assert not any("overfitting" in words for words in [*found, *epochs])
    found, _ = diagnosed(trainer({"hidden": (128,)}, NOISY, {"epochs": 100, **plan}, n_train=60))
    assert "overfitting (variance)" in found


def test_overfitting_after_the_kept_epoch_is_said_where_nothing_stopped_it() -> None:
    y = (NUMBER + 0.7 * NOISE)[:300].astype(np.float32)
    told = {}
    for patience in (None, 10):
        plan = {"epochs": 150}
        t = trainer({"hidden": (64, 64)}, y, plan, patience=patience, n_train=200)
        told[patience] = diagnosed(t)[0]
    assert told == {None: ["overfitting (variance)"], 10: []}


def test_a_target_of_noise_is_underfitted() -> None:
    t = trainer({"dropout": 0.5}, NOISE, {"epochs": 40}, patience=10)
    assert diagnosed(t)[0] == ["underfitting (bias)"]


def test_a_loss_that_still_falls_is_not_finished() -> None:
    for rules, rate in ((Adam(), 1e-4), (SGD(), 1e-3)):
        plan = {"rules": UpdateRules(optimizer=rules), "learning_rate": rate, "epochs": 12}
        assert diagnosed(trainer({}, NUMBER, plan))[0] == ["not finished"]


# The yardstick


@pytest.mark.parametrize(
    ("loss", "y", "constant", "perfect"),
    [
        ("mse", NUMBER, NUMBER.var(), 0.0),
        ("mse", NUMBER * 50 + 1000, 2500 * NUMBER.var(), 0.0),
        ("mae", NUMBER, np.abs(NUMBER - np.median(NUMBER)).mean(), 0.0),
        (
            "bce",
            CLASS,
            -np.mean(CLASS * np.log(CLASS.mean()) + (1 - CLASS) * np.log(1 - CLASS.mean())),
            0.0,
        ),
    ],
)
def test_the_yardstick_is_the_best_constant_and_the_perfect_answer(
    loss: str, y: np.ndarray, constant: float, perfect: float
) -> None:
    found = references.yardstick(trainer({}, y, {}, loss=loss, n_train=599))
    assert found.constant == pytest.approx(constant, rel=0.02)
    assert found.perfect == pytest.approx(perfect, abs=0.01 * float(constant))


def test_the_yardstick_of_counts_is_not_measured_from_0() -> None:
    """The loss of the best constant is near 0 for counts of mean e, and means nothing by itself."""
    y = np.random.default_rng(2).poisson(np.e, 600).astype(np.float32)
    found = references.yardstick(trainer({}, y, {}, loss="poisson", n_train=599))
    mean, rows = y[:599].mean(), y[:599]
    logs = np.log(np.maximum(rows, 1))
    assert found.constant == pytest.approx(mean - mean * np.log(mean), abs=0.01)
    assert found.perfect == pytest.approx((rows - rows * logs).mean(), abs=0.01)
    assert found.share(0.3) == pytest.approx(0.3 / (found.constant - found.perfect))


def test_the_yardstick_of_many_classes_is_the_entropy_of_their_shares() -> None:
    shares = np.array([0.5, *np.full(19, 0.5 / 19)])
    y = np.random.default_rng(3).choice(20, 1000, p=shares).astype(np.int32)
    output = choose_output("multiclass", 20, build(LOSSES, "cce"))
    t = Trainer(
        Network(NetworkSpec(n_numeric=1, n_outputs=20, hidden=())),
        output,
        Plan(rules=UpdateRules(optimizer=Adam())),
        ArrayRows(np.zeros((1000, 1), np.float32), None, y),
        streams=Streams(0),
    )
    seen = np.bincount(y) / 1000
    found = references.yardstick(t)
    assert found.constant == pytest.approx(-np.sum(seen * np.log(seen)), rel=0.01)
    assert found.perfect == pytest.approx(0, abs=0.02)


def test_the_yardstick_of_a_sorted_table_is_that_of_all_of_it() -> None:
    y = np.repeat(np.array([0, 1], np.int32), 3000)
    output = choose_output("binary", 2, build(LOSSES, "bce"))
    t = Trainer(
        Network(NetworkSpec(n_numeric=1, n_outputs=1, hidden=())),
        output,
        Plan(rules=UpdateRules(optimizer=Adam())),
        ArrayRows(np.zeros((6000, 1), np.float32), None, y),
        streams=Streams(0),
    )
    assert references.yardstick(t).constant == pytest.approx(np.log(2), rel=0.01)


def test_a_constant_target_leaves_nothing_to_learn() -> None:
    found = references.yardstick(trainer({}, np.full(600, 3, np.float32), {}))
    assert found.share(5.0) == 0
    assert found.learned(5.0) == 1


# The limits, one by one


def epoch(number: int = 9, **changes: Any) -> dict[str, Any]:
    """An epoch in which all is well, of two hidden layers."""
    row: dict[str, Any] = {"epoch": number, "train_loss": 0.3, "validation_loss": 0.32}
    row |= {"gradient_norm": 0.1, "improved": 0, "undone": 0}
    for name in ("hidden1", "hidden2", "output"):
        row |= {f"{name}_gradient": 0.05, f"{name}_update": 0.01, f"{name}_norm": 4.0}
        row |= {} if name == "output" else {f"{name}_idle": 0.1}
    return row | changes


ONE = Yardstick(1.0)


def words_of(*rows: dict[str, Any], yardstick: Yardstick = ONE) -> str:
    return diagnosis.of_epoch(rows, yardstick)


WELL = [epoch(i) for i in range(1, 9)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"hidden1_gradient": 4e-5}, "vanishing gradients in hidden1"),
        ({"hidden1_gradient": 6e-5}, ""),
        ({"hidden1_gradient": 11.0}, "exploding gradients in hidden1"),
        ({"output_gradient": 11.0, "hidden1_gradient": 1.0, "hidden2_gradient": 1.0},
         "exploding gradients in output"),
        ({"hidden1_gradient": 9.0}, ""),
        ({"hidden2_idle": 0.5}, "idle units in hidden2"),
        ({"hidden2_idle": 0.49}, ""),
        ({"hidden2_idle": None}, ""),
        ({"hidden1_gradient": 0.0, "hidden2_gradient": 0.0, "hidden2_idle": 1.0},
         "idle units in hidden2"),
        ({"hidden2_gradient": 0.0, "hidden1_idle": 1.0},
         "vanishing gradients in hidden2; idle units in hidden1"),
        ({"output_update": 2.1}, "learning rate too high"),
        ({"output_update": 1.9}, ""),
        ({"output_update": 1.0, "output_norm": 0.0}, ""),
        ({"train_loss": 0.51, "validation_loss": 0.5}, "learning rate too high"),
        ({"train_loss": 0.51, "validation_loss": 0.5, "undone": 1}, ""),
        ({"train_loss": 0.49, "validation_loss": 0.5}, ""),
    ],
)  # fmt: skip
def test_an_epoch_in_words(changes: dict[str, Any], words: str) -> None:
    assert words_of(*WELL, epoch(9, **changes)) == words


@pytest.mark.parametrize(("loss", "is_told"), [(0.06, True), (0.04, False)])
def test_idle_units_of_a_network_that_has_learned_nearly_all_are_no_fault(
    loss: float, is_told: bool
) -> None:
    rows = [epoch(i, train_loss=loss, validation_loss=loss, hidden1_idle=0.7) for i in (1, 2, 3)]
    assert any("hidden1 pass no gradient" in told for told in of_training(rows, 3)) == is_told


def test_the_gradients_of_long_ago_do_not_say_what_is_usual() -> None:
    early = [epoch(i, gradient_norm=100.0) for i in range(1, 121)]
    late = [epoch(i, gradient_norm=0.1) for i in range(121, 222)]
    burst = epoch(222, hidden1_gradient=50.0)
    assert words_of(*early, *late, burst) == "exploding gradients in hidden1"
    (found,) = of_training([*early, *late, burst], 222)
    assert found.startswith("exploding gradients: in epoch 222 that of hidden1")


def test_an_epoch_of_overfitting_alone_may_be_chance() -> None:
    apart = {"train_loss": 0.3, "validation_loss": 0.46}
    assert words_of(*WELL, epoch(9, **apart)) == ""
    assert words_of(*WELL, epoch(9, **apart), epoch(10, **apart)) == "overfitting"
    nearer = epoch(10, train_loss=0.3, validation_loss=0.44)
    assert words_of(*WELL, epoch(9, **apart), nearer) == ""
    unjudged = epoch(10, validation_loss=None)
    assert words_of(*WELL, epoch(9, **apart), unjudged) == ""


def test_what_gets_better_still_does_not_overfit_yet() -> None:
    """As where the mean of the weights is judged, and comes up slowly behind them."""
    rows = [epoch(i, train_loss=0.2, validation_loss=0.7, improved=1) for i in range(1, 4)]
    assert words_of(*rows) == ""
    assert words_of(*rows, rows[-1] | {"improved": 0}, rows[-1] | {"improved": 0}) == "overfitting"


def test_a_loss_that_is_nearly_perfect_may_go_on_falling() -> None:
    rows = [epoch(i, train_loss=0.5**i, validation_loss=0.05) for i in range(1, 20)]
    assert of_training(rows, 19, ended="epochs") == []
    (found,) = of_training(rows[:5], 5, ended="epochs")
    assert found.startswith("not finished: the loss was still falling in the last epoch, 5")


def test_a_gap_that_closes_to_the_end_is_not_finished() -> None:
    rows = [
        epoch(i, train_loss=0.3 - 0.01 * i, validation_loss=0.9 - 0.05 * i, improved=1)
        for i in range(1, 10)
    ]
    (found,) = of_training(rows, 9, ended="epochs")
    assert found.startswith("not finished")
    (found,) = of_training(rows, 9, ended="patience")
    assert found.startswith("overfitting (variance)")


def test_a_slow_fall_counts_while_nothing_is_learned() -> None:
    slow = [epoch(i, train_loss=4 - 0.02 * i, validation_loss=4.0) for i in range(1, 10)]
    (found,) = of_training(slow, 9, ended="epochs")
    assert found.endswith("(try more --epochs or a larger --learning-rate)")
    rows = [epoch(i, train_loss=0.4 - 0.001 * i, validation_loss=0.4) for i in range(1, 10)]
    assert of_training(rows, 9, ended="epochs") == []


def test_rows_that_nobody_has_learned_are_not_overfitted() -> None:
    bad = [epoch(i, train_loss=4.2, validation_loss=4.6) for i in (1, 2, 3)]
    assert words_of(*bad) == ""


def test_losses_below_0_are_measured_by_what_there_is_to_learn() -> None:
    rows = [epoch(i, train_loss=-0.3, validation_loss=-0.1) for i in (1, 2)]
    assert words_of(*rows, yardstick=Yardstick(0.001, -1.0)) == "overfitting"
    assert words_of(*rows, yardstick=Yardstick(0.001, -9.0)) == ""


def test_a_network_without_hidden_layers_is_judged_too() -> None:
    rows = [{k: v for k, v in epoch(i).items() if not k.startswith("hidden")} for i in range(1, 10)]
    assert words_of(*rows) == ""
    assert words_of(*rows, rows[-1] | {"output_update": 3.0}) == "learning rate too high"


def of_training(rows: list[dict[str, Any]], best: int, **options: Any) -> list[str]:
    given = {"ended": "patience", "activation": "relu", **options}
    return [str(f) for f in diagnosis.of_training(rows, best, ONE, **given)]


def test_advice_follows_the_activation() -> None:
    rows = [*WELL, epoch(9, hidden2_idle=0.75)]
    (relu,) = of_training(rows, 9)
    assert relu.startswith("dead units: 75% of hidden2 pass no gradient on (try --activation leaky")
    (tanh,) = of_training(rows, 9, activation="tanh")
    assert tanh.startswith("saturated units: 75% of hidden2")
    assert of_training(rows, 8) == [], "the epoch that was kept is judged"


def test_a_wild_epoch_is_forgiven_and_many_are_not() -> None:
    calm = [epoch(i) for i in range(1, 41)]
    for i in (5, 15):
        calm[i] |= {"train_loss": 0.6}
    assert of_training(calm, 40) == []
    calm[25] |= {"hidden1_update": 3.0}
    (found,) = of_training(calm, 40)
    assert found.startswith("learning rate too high: in 3 of 40 epochs")


def test_what_comes_after_the_kept_epoch_matters_only_where_nothing_stopped_it() -> None:
    later = [epoch(i, train_loss=0.1, validation_loss=0.6) for i in range(9, 20)]
    (found,) = of_training([*WELL, *later], 8, ended="epochs")
    assert "after epoch 8, which was kept, the validation loss went from 0.32 to 0.6" in found
    assert of_training([*WELL, *later], 8, ended="patience") == []
    calm = [epoch(i) for i in range(9, 20)]
    assert of_training([*WELL, *calm, later[-1]], 8, ended="epochs") == [], "one spike is chance"


def test_validation_rows_that_cannot_tell_are_not_asked() -> None:
    """All of one class: a constant answer is nearly perfect there, and little can be learned."""
    easy = Yardstick(1.0, 0.0, held=0.1)
    rows = [epoch(i, train_loss=0.4, validation_loss=0.09) for i in range(1, 9)]
    options: Any = {"ended": "patience", "activation": "relu"}
    assert diagnosis.of_training(rows, 8, easy, **options) == []
    hard = Yardstick(1.0, 0.0, held=1.1)
    rows = [epoch(i, train_loss=0.4, validation_loss=0.45) for i in range(1, 9)]
    assert diagnosis.of_training(rows, 8, hard, **options) == []


def test_a_training_without_an_epoch_has_nothing_to_say() -> None:
    assert of_training([], 0) == []


# By the command


def test_the_command_says_it_and_writes_it_down(ok: Any, split_for: Any) -> None:
    root = split_for("income")  # nothing tells it
    words = ["--hidden", "64,64", "--penalty", "none", "--dropout", "0", "--patience", "0"]
    said = ok("train", root, *words, "--epochs", "60", "--learning-rate", "0.01")
    told = next(line for line in said.err.splitlines() if "overfitting (variance)" in line)
    assert "(try " in told
    rows = ok("show", root, "train").rows
    assert rows[0]["diagnosis"] == ""
    assert rows[-1]["diagnosis"] == "overfitting"
    trained = json.loads((root / "train/model.json").read_text())["trained"]
    assert trained["diagnosis"][0]["what"] == "overfitting (variance)"
    assert set(trained["diagnosis"][0]) == {"what", "facts", "advice"}
