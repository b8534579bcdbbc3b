"""The perceptron: Rosenblatt's rule row by row, Novikoff's bound, more classes than two."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.nn.batches import ArrayRows, Batch
from nntool.nn.learners import corrections
from nntool.nn.learners.corrections import Corrections, correct
from nntool.nn.losses import LOSSES, PerceptronLoss
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers.descent import SGD
from nntool.nn.outputs import choose_output
from nntool.nn.plan import Plan
from nntool.nn.randomness import Streams
from nntool.nn.registry import InvalidChoice, build
from nntool.nn.single_layer import Perceptron
from nntool.nn.stepping import Stepper
from nntool.nn.stopping import EarlyStopping
from nntool.nn.training import Trainer
from nntool.nn.updating import UpdateRules

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
FUNCTIONS = {
    "and": [0, 0, 0, 1],
    "or": [0, 1, 1, 1],
    "nand": [1, 1, 1, 0],
    "nor": [1, 0, 0, 0],
    "first": [0, 0, 1, 1],
    "always": [1, 1, 1, 1],
    "never": [0, 0, 0, 0],
}


def trainer_of(x: np.ndarray, y: Any, **options: Any) -> Trainer:
    y = np.asarray(y, np.int32)
    k = max(2, int(y.max()) + 1)
    loss = build(LOSSES, options.pop("loss", "perceptron"))
    output = choose_output("binary" if k == 2 else "multiclass", k, loss)
    spec = NetworkSpec(
        n_numeric=x.shape[1],
        n_outputs=output.n_outputs,
        hidden=options.pop("hidden", ()),
        levels=options.pop("levels", ()),
        bias=options.pop("bias", True),
        initializer=options.pop("initializer", "zeros"),
    )
    weight, validation = options.pop("weight", None), options.pop("validation", None)
    patience, seed = options.pop("patience", None), options.pop("seed", 1)
    dtype = options.pop("dtype", np.float64)
    return Trainer(
        Network(spec),
        output,
        Plan(rules=UpdateRules(optimizer=Perceptron()), **options),
        ArrayRows(x.astype(np.float32), target=y, weight=weight),
        validation,
        streams=Streams(seed),
        dtype=dtype,
        stopping=EarlyStopping(patience),
    )


def answers(trainer: Trainer, x: np.ndarray, theta: np.ndarray | None = None) -> np.ndarray:
    net = trainer.net
    views = net.bind(trainer.result()[0] if theta is None else theta, trainer.stats)
    rows = Batch(x.astype(np.float32))
    return trainer.output.decide(net.forward(views, rows, net.tape(len(x), np.float64), None))


def naive(w: np.ndarray, x: np.ndarray, is_one: np.ndarray, push: np.ndarray) -> int:
    """Rosenblatt's rule as the books have it: one row after another."""
    made = 0
    for i in range(len(x)):
        fires = float(np.dot(x[i], w)) >= 0
        if fires != is_one[i]:
            w += push[i] * x[i]
            made += 1
    return made


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 4), st.integers(0, 10_000), st.integers(1, 300))
def test_looking_ahead_comes_to_what_going_row_by_row_comes_to(
    n: int, d: int, seed: int, ahead: int
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, (n, d)).astype(float)  # sums of whole numbers are exact, ties and all
    is_one = rng.random(n) < rng.random()
    push = np.where(is_one, 1.0, -1.0)
    fast, slow = np.zeros(d), np.zeros(d)
    for _ in range(3):
        made, ahead = correct(fast, x, is_one, np.ones(n, bool), push, ahead)
        assert made == naive(slow, x, is_one, push)
        np.testing.assert_array_equal(fast, slow)


@pytest.mark.parametrize("k", [2, 4])
def test_an_epoch_is_sgd_with_rate_1_on_its_loss_row_by_row(k: int) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(-4, 5, (60, 3)).astype(np.float32), rng.integers(0, k, 60)
    weight = rng.integers(1, 4, 60).astype(float)
    trainer = trainer_of(x, y, weight=weight, epochs=3)
    list(trainer.run())
    net, output, streams = trainer.net, trainer.output, Streams(1)
    rules = UpdateRules(optimizer=SGD())
    stepper = Stepper(net, output, rules, streams=streams, dtype=np.float64)
    rows = ArrayRows(x, target=y.astype(np.int32), weight=weight)
    for _ in range(3):
        for batch in rows.batches(streams["shuffle"], 1):
            stepper.advance(batch, 1.0)
    np.testing.assert_array_equal(trainer.theta, stepper.theta)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("seed", range(4))
def test_it_learns_the_functions_of_two_bits_that_are_separable(name: str, seed: int) -> None:
    trainer = trainer_of(CORNERS, FUNCTIONS[name], seed=seed)
    reports = list(trainer.run())
    assert trainer.ended == "converged"
    assert answers(trainer, CORNERS).tolist() == FUNCTIONS[name]
    made = sum(report.counts["corrections"] for report in reports)
    assert f"all 4 training rows are right after {made} correction" in trainer.conclusion
    assert reports[-1].counts["corrections"] == 0
    assert reports[-1].improved


@pytest.mark.parametrize("target", [[0, 1, 1, 0], [1, 0, 0, 1]], ids=["xor", "equality"])
def test_it_never_learns_exclusive_or_nor_equality(target: list[int]) -> None:
    trainer = trainer_of(CORNERS, target, epochs=300)
    reports = list(trainer.run())
    assert trainer.ended == "epochs"
    assert not trainer.conclusion
    assert min(report.counts["corrections"] for report in reports) > 0
    assert (answers(trainer, CORNERS) == target).sum() <= 3


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 200), st.integers(1, 6), st.integers(0, 10_000))
def test_corrections_stay_below_novikoffs_bound(n: int, d: int, seed: int) -> None:
    """At most (R/γ)² of them, R the longest row and γ the margin of any unit vector."""
    rng = np.random.default_rng(seed)
    known = rng.standard_normal(d + 1)
    known /= np.linalg.norm(known)
    x = rng.standard_normal((n, d)).astype(np.float32)
    with_one = np.hstack([x.astype(float), np.ones((n, 1))])
    x, with_one = (a[np.abs(with_one @ known) > 0.05] for a in (x, with_one))
    if not len(x):
        return
    y = with_one @ known >= 0
    bound = (np.linalg.norm(with_one, axis=1).max() / np.abs(with_one @ known).min()) ** 2
    trainer = trainer_of(x, y, epochs=int(bound) + 2, seed=seed)
    made = sum(report.counts["corrections"] for report in trainer.run())
    assert trainer.ended == "converged"
    assert made <= bound
    np.testing.assert_array_equal(answers(trainer, x), y)


def test_three_classes_have_a_unit_each_and_the_largest_sum_decides() -> None:
    rng = np.random.default_rng(5)
    centres = np.array([[0, 4], [-4, -3], [4, -3]])
    y = rng.integers(0, 3, 150)
    x = centres[y] + 0.7 * rng.standard_normal((150, 2))
    trainer = trainer_of(x, y, epochs=200)
    list(trainer.run())
    assert trainer.ended == "converged"
    np.testing.assert_array_equal(answers(trainer, x), y)
    weight, bias = trainer.net.bind(trainer.result()[0]).parameters[-1]
    fires = x.astype(np.float32) @ weight + bias >= 0
    np.testing.assert_array_equal(fires, np.eye(3, dtype=bool)[y])


def test_loss_and_accuracy_are_of_the_weights_that_an_epoch_ends_with() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.standard_normal((3000, 3)), rng.integers(0, 2, 3000)
    trainer = trainer_of(x, y, epochs=4)
    for report in trainer.run():
        wrong = (answers(trainer, x, trainer.theta) != y).mean()
        assert report.train_loss == pytest.approx(wrong)
        assert report.counts["corrections"] > 0


def test_the_rate_does_not_matter_from_weights_of_0() -> None:
    y = FUNCTIONS["and"]
    one, other = trainer_of(CORNERS, y), trainer_of(CORNERS, y, learning_rate=0.25)
    assert len(list(one.run())) == len(list(other.run()))
    np.testing.assert_allclose(other.theta, one.theta / 4)


def test_rows_of_weight_0_are_never_wrong_and_others_correct_by_their_weight() -> None:
    y = [0, 1, 1, 0]
    trainer = trainer_of(CORNERS, y, weight=np.array([1.0, 1.0, 1.0, 0.0]))
    list(trainer.run())
    assert trainer.ended == "converged"
    assert answers(trainer, CORNERS)[:3].tolist() == y[:3]
    heavy = trainer_of(np.ones((1, 1)), [0], weight=np.array([3.0]), epochs=1)
    list(heavy.run())
    np.testing.assert_array_equal(heavy.theta, [-3, -3])


@pytest.mark.parametrize("every", [1, 2, 100])
def test_the_end_is_judged_and_kept_where_earlier_weights_did_as_well_on_validation_rows(
    every: int,
) -> None:
    held = ArrayRows(CORNERS[:1], target=np.array([0], np.int32))  # soon right, and stays so
    trainer = trainer_of(CORNERS, FUNCTIONS["and"], validation=held, validate_every=every)
    reports = list(trainer.run())
    assert len(reports) % 2 == 1
    assert reports[-1].validation_loss == 0
    assert trainer.ended == "converged"
    assert trainer.result()[2] == len(reports) > 3
    assert answers(trainer, CORNERS).tolist() == FUNCTIONS["and"]


@pytest.mark.parametrize("bias", [True, False])
def test_without_a_bias_there_is_no_and(bias: bool) -> None:
    trainer = trainer_of(CORNERS, FUNCTIONS["and"], bias=bias, epochs=100)
    list(trainer.run())
    assert (trainer.ended == "converged") is bias
    assert trainer.net.size == 2 + bias


def test_a_restored_training_goes_on_to_the_same_bytes() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.standard_normal((3000, 4)), rng.integers(0, 3, 3000)
    whole = trainer_of(x, y, epochs=6)
    list(whole.run())
    first = trainer_of(x, y, epochs=3)
    list(first.run())
    second = trainer_of(x, y, epochs=6)
    second.restore(*first.state())
    assert second.state()[1] == first.state()[1]
    list(second.run())
    np.testing.assert_array_equal(second.theta, whole.theta)
    assert second.state()[1] == whole.state()[1]


def test_a_converged_training_that_is_restored_has_nothing_more_to_learn() -> None:
    trainer = trainer_of(CORNERS, FUNCTIONS["or"])
    list(trainer.run())
    again = trainer_of(CORNERS, FUNCTIONS["or"], epochs=500)
    again.restore(*trainer.state())
    assert not list(again.run())
    assert again.conclusion == trainer.conclusion


def test_asked_to_stop_it_goes_back_to_the_last_whole_epoch() -> None:
    rng = np.random.default_rng(9)
    x, y = rng.standard_normal((5000, 4)), rng.integers(0, 2, 5000)
    trainer, asked = trainer_of(x, y, epochs=3), iter([False] * 7 + [True] * 9)
    reports = list(trainer.run(lambda: next(asked)))
    assert (len(reports), trainer.ended) == (1, "asked")
    alone = trainer_of(x, y, epochs=1)
    list(alone.run())
    np.testing.assert_array_equal(trainer.theta, alone.theta)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(10)
    x, y = rng.integers(-3, 4, (500, 3)), rng.integers(0, 2, 500)
    whole = trainer_of(x, y, epochs=2)
    list(whole.run())
    monkeypatch.setattr(corrections, "BLOCK_ROWS", 37)
    pieces = trainer_of(x, y, epochs=2)
    list(pieces.run())
    np.testing.assert_array_equal(whole.theta, pieces.theta)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": (3,)}, "no hidden units"),
        ({"levels": (4,)}, "takes numbers, and some columns are codes"),
        ({"loss": "hinge"}, "by the loss 'perceptron'"),
    ],
)
def test_what_a_perceptron_is_not_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidChoice, match=message):
        trainer_of(CORNERS, [0, 0, 0, 1], **options)


def test_its_loss_counts_wrong_units_and_points_where_the_rule_goes() -> None:
    binary = choose_output("binary", 2, PerceptronLoss())
    tape = binary.tape(5, np.float64)
    z = np.array([[-2.0], [0.0], [0.0], [3.0], [-1e4]])
    value = binary.value(z, np.array([1, 1, 0, 0, 0]), None, tape)
    assert value == pytest.approx(3 / 5)
    np.testing.assert_array_equal(tape.dz[:, 0] * 5, [-1, 0, 1, 1, 0])
    three = choose_output("multiclass", 3, PerceptronLoss())
    tape = three.tape(1, np.float64)
    assert three.value(np.array([[1.0, 2.0, -1.0]]), np.array([2]), np.array([2.0]), tape) == 6
    np.testing.assert_array_equal(tape.dz, [[2, 2, -2]])


def test_the_learner_of_a_perceptron_is_its_own() -> None:
    assert isinstance(trainer_of(CORNERS, [0, 0, 0, 1]).learner, Corrections)
