"""Training: the same bytes for the same seed, through stops, checkpoints and divergence."""

import dataclasses
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nntool.nn.batches import ArrayRows
from nntool.nn.heads import OWN_UNIT, TargetMap, Task
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers import OPTIMIZERS, SGD, Adam, Momentum
from nntool.nn.outputs import Output, choose_output
from nntool.nn.penalties import L2
from nntool.nn.predicting import outputs
from nntool.nn.randomness import Streams
from nntool.nn.registry import InvalidChoice, build
from nntool.nn.reports import Diverged, EpochReport
from nntool.nn.stopping import EarlyStopping
from nntool.nn.training import Plan, Trainer
from nntool.nn.updating import UpdateRules

RNG = np.random.default_rng(0)
N_ROWS = 203  # with batches of 32 the last one is short
X = RNG.standard_normal((N_ROWS, 4)).astype(np.float32)
CODES = RNG.integers(0, 3, (N_ROWS, 1)).astype(np.int32)
SCORE = X[:, 0] - X[:, 1] + CODES[:, 0]
WEIGHT = RNG.uniform(0.5, 1.5, N_ROWS).astype(np.float32)
TRAIN, VALIDATION = np.arange(150), np.arange(150, N_ROWS)
TARGETS: dict[Task, np.ndarray] = {
    "binary": (SCORE > 1).astype(np.int32),
    "multiclass": np.digitize(SCORE, [0, 2]).astype(np.int32),
    "regression": ((SCORE - 1) / 2).astype(np.float32),
}
SPEC = NetworkSpec(n_numeric=4, levels=(3,), hidden=(8, 8), n_outputs=1, dropout=0.1)


def rows(task: Task, index: np.ndarray) -> ArrayRows:
    return ArrayRows(X, CODES, TARGETS[task], WEIGHT, index)


def output_of(task: Task, loss: str, target_map: TargetMap = OWN_UNIT) -> Output:
    return choose_output(
        task, len(np.unique(TARGETS[task])), build(LOSSES, loss), target_map=target_map
    )


def trainer(
    spec: NetworkSpec = SPEC,
    plan: Plan | None = None,
    *,
    seed: int = 1,
    task: Task = "regression",
    loss: str = "mse",
    **options: Any,
) -> Trainer:
    output = output_of(task, loss)
    spec = dataclasses.replace(spec, n_outputs=output.n_outputs)
    rules = UpdateRules(optimizer=Adam(), penalties=(L2(rate=1e-3),))
    return Trainer(
        Network(spec),
        output,
        plan or Plan(rules=rules, epochs=8, learning_rate=0.01),
        rows(task, TRAIN),
        rows(task, VALIDATION),
        streams=Streams(seed),
        **options,
    )


def everything(t: Trainer) -> tuple[bytes, str]:
    arrays, plain = t.state()
    return b"".join(a.tobytes() for _, a in sorted(arrays.items())), json.dumps(plain)


@pytest.mark.parametrize(
    ("task", "loss"), [("binary", "bce"), ("multiclass", "cce"), ("regression", "mse")]
)
def test_each_task_is_learned(task: Task, loss: str) -> None:
    plan = Plan(rules=UpdateRules(optimizer=Adam()), epochs=60, learning_rate=0.01)
    t = trainer(dataclasses.replace(SPEC, dropout=0.0), plan, task=task, loss=loss)
    list(t.run())
    theta, _, _ = t.result()
    z = outputs(t.net, theta, X, CODES)[VALIDATION]
    y = TARGETS[task][VALIDATION]
    if task == "regression":
        assert np.mean((t.output.values(z) - y) ** 2) < 0.02 * y.var()
    else:
        assert np.mean(t.output.decide(z) == y) > 0.9
    assert t.ended == "epochs"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    runs = [trainer(seed=seed) for seed in (1, 1, 2)]
    reports = [list(t.run()) for t in runs]
    assert everything(runs[0]) == everything(runs[1])
    assert reports[0] == reports[1]
    assert everything(runs[0])[0] != everything(runs[2])[0]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stop_after", [1, 4, 7])
def test_a_restored_training_goes_on_bit_by_bit(optimizer: str, stop_after: int) -> None:
    plan = Plan(
        rules=UpdateRules(optimizer=build(OPTIMIZERS, optimizer), clip_norm=1.0),
        epochs=8,
        learning_rate=0.01,
    )
    straight, first, second = (
        trainer(plan=plan, seed=seed, stopping=EarlyStopping(patience=6)) for seed in (1, 1, 99)
    )
    wanted = list(straight.run())
    run = first.run()
    reports = [next(run) for _ in range(stop_after)]
    arrays, plain = first.state()
    second.restore({n: a.copy() for n, a in arrays.items()}, json.loads(json.dumps(plain)))
    assert reports + list(second.run()) == wanted
    assert everything(second) == everything(straight)
    assert [a.tobytes() for a in second.result()[:2]] == [
        a.tobytes() for a in straight.result()[:2]
    ]


def test_a_training_stopped_within_an_epoch_goes_on_from_the_epoch_before() -> None:
    straight, stopped, resumed = trainer(), trainer(), trainer(seed=50)
    list(straight.run())
    asked = iter([False] * 17 + [True])  # five updates an epoch
    assert [report.epoch for report in stopped.run(lambda: next(asked))] == [1, 2, 3]
    assert stopped.ended == "asked"
    assert stopped.result()[2] in (1, 2, 3)
    resumed.restore(*stopped.state())
    for t in (resumed, stopped):
        assert [report.epoch for report in t.run()] == [4, 5, 6, 7, 8]
        assert everything(t) == everything(straight)


def test_more_epochs_go_on_where_fewer_ended() -> None:
    long = trainer()
    list(long.run())
    short = trainer(plan=dataclasses.replace(long.plan, epochs=3))
    list(short.run())
    more = trainer()
    more.restore(*short.state())
    list(more.run())
    assert everything(more) == everything(long)


def test_a_state_of_another_network_is_refused() -> None:
    other = trainer(dataclasses.replace(SPEC, hidden=(8, 9)))
    before = everything(other)
    with pytest.raises(ValueError, match="theta of this state does not fit"):
        other.restore(*trainer().state())
    assert everything(other) == before


def test_dropout_moves_neither_the_start_nor_the_order_of_rows() -> None:
    orders = []
    starts = []
    for dropout in (0.0, 0.5):
        t = trainer(dataclasses.replace(SPEC, dropout=dropout))
        starts.append(t.theta.tobytes())
        met: list[int] = []
        gather = t.train._gather  # type: ignore[attr-defined]  # a source in memory

        def watched(index: np.ndarray, met: list[int] = met, gather: Any = gather) -> Any:
            met.extend(index.tolist())
            return gather(index)

        t.train._gather = watched  # type: ignore[attr-defined]  # a source in memory
        list(t.run())
        orders.append(met)
    assert starts[0] == starts[1]
    assert orders[0] == orders[1]
    assert sorted(orders[0][:150]) == TRAIN.tolist()


def test_the_best_weights_are_those_of_the_lowest_validation_loss() -> None:
    t = trainer(plan=Plan(rules=UpdateRules(optimizer=Adam()), epochs=15, learning_rate=0.1))
    reports = list(t.run())
    losses = [report.validation_loss or math.inf for report in reports]
    theta, _, epoch = t.result()
    assert epoch == 1 + int(np.argmin(losses))
    assert epoch < 15, "the test needs a best epoch that is not the last"
    z = outputs(t.net, theta, X[VALIDATION], CODES[VALIDATION])
    tape = t.output.tape(len(z), np.float32)
    value = t.output.value(z, TARGETS["regression"][VALIDATION], WEIGHT[VALIDATION], tape)
    assert value == pytest.approx(min(losses), rel=1e-5)
    assert [r.epoch for r in reports if r.improved][-1] == epoch


def test_patience_ends_a_training_without_progress() -> None:
    plan = Plan(rules=UpdateRules(optimizer=SGD()), epochs=50, learning_rate=1e-9)
    t = trainer(plan=plan, stopping=EarlyStopping(patience=4, min_delta=0.1))
    assert len(list(t.run())) == 5
    assert t.ended == "patience"
    assert list(t.run()) == []


def test_a_restored_training_has_the_patience_that_was_left() -> None:
    plan = Plan(rules=UpdateRules(optimizer=SGD()), epochs=50, learning_rate=1e-9)
    first, second = (
        trainer(plan=plan, stopping=EarlyStopping(patience=4, min_delta=0.1)) for _ in range(2)
    )
    run = first.run()
    for _ in range(3):
        next(run)
    second.restore(*first.state())
    assert [report.epoch for report in second.run()] == [4, 5]


def test_what_cannot_be_monitored_is_refused_and_what_can_is_named() -> None:
    t = trainer(plan=dataclasses.replace(trainer().plan, monitor="auc"))
    with pytest.raises(InvalidChoice, match="no 'auc' to monitor; choose from train-loss, valid"):
        list(t.run())


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_part_without_rows_is_refused(part: str) -> None:
    parts = {"train": rows("regression", TRAIN), "validation": rows("regression", VALIDATION)}
    parts[part] = rows("regression", TRAIN[:0])
    output = output_of("regression", "mse")
    with pytest.raises(ValueError, match="at least 1 training row"):
        Trainer(Network(SPEC), output, trainer().plan, **parts, streams=Streams(0))


def test_any_metric_can_be_monitored() -> None:
    def rank(z: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> dict[str, float]:
        assert weight is not None
        assert len(z) == len(y) == len(weight)
        assert len(z) in (len(TRAIN), len(VALIDATION))
        return {"r": float(np.corrcoef(z[:, 0], y)[0, 1])}

    plan = dataclasses.replace(trainer().plan, monitor="r", validate_every=2)
    t = trainer(plan=plan, stopping=EarlyStopping(direction="max"), metrics=rank)
    reports = list(t.run())
    judged = {report.epoch: report.metrics["r"] for report in reports if report.metrics}
    assert list(judged) == [2, 4, 6, 8]
    assert t.result()[2] == max(judged, key=lambda epoch: judged[epoch])


def test_without_validation_rows_the_training_loss_is_the_judge() -> None:
    t = trainer()
    t.judge.rows = None
    reports = list(t.run())
    assert all(report.validation_loss is None for report in reports)
    assert t.result()[2] == 1 + int(np.argmin([report.train_loss for report in reports]))


def test_a_report_measures_the_first_update_of_its_epoch() -> None:
    plan = Plan(rules=UpdateRules(optimizer=SGD()), epochs=1, batch_size=None, learning_rate=0.1)
    t = trainer(plan=plan)
    before = t.theta.copy()
    (report,) = t.run()
    change = t.net.norms(t.theta - before)
    assert {layer.name: layer.update_norm for layer in report.layers} == pytest.approx(change)
    for layer in report.layers:
        assert layer.update_norm == pytest.approx(0.1 * layer.gradient_norm, rel=1e-4)
    total = math.hypot(*(layer.gradient_norm for layer in report.layers))
    assert report.gradient_norm == pytest.approx(total)
    assert report.rows_seen == len(TRAIN)


def test_the_training_loss_is_the_mean_over_rows_not_over_batches() -> None:
    plan = Plan(rules=UpdateRules(optimizer=SGD()), epochs=1, batch_size=100, learning_rate=1e-12)
    t = trainer(dataclasses.replace(SPEC, dropout=0.0), plan)
    z = outputs(t.net, t.theta, X[TRAIN], CODES[TRAIN])[:, 0]
    (report,) = t.run()
    rows_loss = WEIGHT[TRAIN] * (z - TARGETS["regression"][TRAIN]) ** 2
    assert report.train_loss == pytest.approx(rows_loss.mean(), rel=1e-5)


def test_a_diverging_training_says_where_and_keeps_the_best() -> None:
    plan = Plan(rules=UpdateRules(optimizer=Momentum()), epochs=50, learning_rate=2.0)
    t = trainer(plan=plan)
    reports: list[EpochReport] = []
    with pytest.raises(Diverged) as caught, np.errstate(all="ignore"):
        reports.extend(t.run())
    assert caught.value.epoch == len(reports) + 1
    assert caught.value.learning_rate == 2.0
    assert caught.value.layer != "data"
    theta, _, epoch = t.result()
    assert np.isfinite(theta).all()
    assert epoch <= t.epoch == len(reports)
    assert t.theta.tobytes() == t.state()[0]["theta"].tobytes(), "back at the last whole epoch"


def test_data_that_is_not_finite_is_blamed_and_only_then() -> None:
    t = trainer()
    broken = X.copy()
    broken[77, 2] = np.nan
    t.learner.given = replace(
        t.learner.given, rows=ArrayRows(broken, CODES, TARGETS["regression"], None, TRAIN)
    )
    with pytest.raises(Diverged, match="first in data") as caught, np.errstate(all="ignore"):
        list(t.run())
    assert caught.value.epoch == 1
    assert caught.value.batch is not None


def test_equal_weights_keep_hidden_units_identical() -> None:
    spec = NetworkSpec(
        n_numeric=4, hidden=(4,), activation="tanh", initializer="constant", n_outputs=1
    )
    plan = Plan(rules=UpdateRules(optimizer=Adam()), epochs=200, learning_rate=0.01)  # 1,000 steps
    t = Trainer(
        Network(spec),
        output_of("regression", "mse"),
        plan,
        ArrayRows(X, None, TARGETS["regression"], None, TRAIN),
        streams=Streams(1),
    )
    start = t.theta.copy()
    list(t.run())
    w1, b1 = t.net.bind(t.theta).parameters[1]
    assert np.ptp(w1, axis=1).max() == 0
    assert np.ptp(b1) == 0
    assert not np.allclose(t.theta, start)


def test_a_linear_model_finds_least_squares() -> None:
    spec = NetworkSpec(n_numeric=4, hidden=(), n_outputs=1)
    plan = Plan(rules=UpdateRules(optimizer=SGD()), epochs=2000, batch_size=None, learning_rate=0.2)
    y = TARGETS["regression"]
    t = Trainer(
        Network(spec),
        output_of("regression", "half-mse"),
        plan,
        ArrayRows(X, None, y, None, TRAIN),
        streams=Streams(1),
        dtype=np.float64,
    )
    list(t.run())
    design = np.hstack([X[TRAIN], np.ones((len(TRAIN), 1))])
    wanted = np.linalg.lstsq(design.astype(np.float64), y[TRAIN].astype(np.float64))[0]
    np.testing.assert_allclose(t.theta, wanted, atol=1e-9)


def test_a_hidden_layer_learns_exclusive_or_and_a_linear_model_cannot() -> None:
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([0, 1, 1, 0], np.int32)
    output = choose_output("binary", 2, build(LOSSES, "bce"))
    plan = Plan(rules=UpdateRules(optimizer=Adam()), epochs=500, batch_size=None, learning_rate=0.1)
    right = {}
    for hidden in ((), (4,)):
        spec = NetworkSpec(n_numeric=2, n_outputs=1, hidden=hidden, activation="tanh")
        t = Trainer(Network(spec), output, plan, ArrayRows(x, target=y), streams=Streams(0))
        list(t.run())
        right[hidden] = int(np.sum(output.decide(outputs(t.net, t.result()[0], x)) == y))
    assert right[(4,)] == 4
    assert right[()] < 4
