"""What is measured in each epoch: any metric of the task, its direction, what has no value."""

import math
import subprocess
import sys

import numpy as np
import pytest
from sklearn import metrics as sk

from nntool.errors import DataError, UsageError
from nntool.nn.batches import ArrayRows
from nntool.nn.heads import TargetMap
from nntool.nn.judging import Collector
from nntool.nn.losses import LOSSES
from nntool.nn.outputs import choose_output
from nntool.nn.stopping import EarlyStopping
from nntool.steps.monitoring import direction_of, metrics_of, monitor_of
from nntool.tables.metrics import METRICS

CLASSES = {"binary": ["no", "yes"], "multiclass": ["a", "b", "c"], "regression": None}
N = 60


def words(task, positive="yes"):
    return {"classes": CLASSES[task], "positive": positive if task == "binary" else None}


def output_of(task, loss=None, **more):
    names = {"binary": "bce", "multiclass": "cce", "regression": "mse"}
    classes = len(CLASSES[task] or ())
    return choose_output(task, classes, LOSSES[loss or names[task]](), **more)


def some_rows(task):
    """Raw outputs and targets, some of them right."""
    rng = np.random.default_rng(4)
    if task == "regression":
        target = rng.normal(size=N).astype(np.float32)
        return (target[:, None] + rng.normal(scale=0.5, size=(N, 1))).astype(np.float32), target
    n_classes = len(CLASSES[task])
    target = rng.integers(0, n_classes, N).astype(np.int32)
    z = rng.normal(size=(N, 1 if task == "binary" else n_classes)).astype(np.float32)
    if task == "binary":
        return z + (2 * target[:, None] - 1), target
    z[np.arange(N), target] += 1
    return z, target


@pytest.fixture
def by_scikit_learn(reference_metrics):
    """The metric as scikit-learn has it, from raw outputs."""

    def of(task, name, z, target, positive=None):
        if task == "regression":
            said, p, extra = z[:, 0].astype(float), None, 0.5
        else:
            if task == "binary":
                right = 1 / (1 + np.exp(-z[:, 0].astype(float)))
                p = np.column_stack([1 - right, right])
            else:
                p = np.exp(z.astype(float)) / np.exp(z.astype(float)).sum(axis=1, keepdims=True)
            said = p.argmax(axis=1)
            extra = p.shape[1] - 1 if positive is None else positive
        return reference_metrics[task][name](target, said, p, extra)

    return of


EVERY = [(task, name) for task, metrics in METRICS.items() for name in metrics]


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_every_metric_of_every_task_is_measured_on_request(by_scikit_learn, task, name):
    z, target = some_rows(task)
    found = metrics_of(task, output_of(task), words(task), name)(z, target, None)
    assert found[name] == pytest.approx(by_scikit_learn(task, name, z, target), rel=1e-5)
    always = {"mae", "r2"} if task == "regression" else {"accuracy"}
    assert set(found) == always | {name}


@pytest.mark.parametrize("name", ["precision", "recall", "f1", "auc", "pr-auc", "brier"])
def test_the_positive_class_is_the_one_that_was_named(by_scikit_learn, name):
    z, target = some_rows("binary")
    found = metrics_of("binary", output_of("binary"), words("binary", "no"), name)(z, target, None)
    wanted = by_scikit_learn("binary", name, z, target, positive=0)
    assert found[name] == pytest.approx(wanted, rel=1e-5)


def test_the_quantile_of_the_loss_is_that_of_pinball(reference_metrics):
    z, target = some_rows("regression")
    output = choose_output("regression", 0, LOSSES["quantile"](tau=0.8))
    found = metrics_of("regression", output, words("regression"), "pinball")(z, target, None)
    wanted = reference_metrics["regression"]["pinball"](target, z[:, 0], None, 0.8)
    assert found["pinball"] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("monitor", ["validation-loss", "train-loss"])
def test_a_loss_needs_no_further_metric(monitor):
    z, target = some_rows("regression")
    found = metrics_of("regression", output_of("regression"), words("regression"), monitor)
    values = found(z, target, None)
    assert set(values) == {"mae", "r2"}
    assert values["r2"] == pytest.approx(sk.r2_score(target, z[:, 0]), rel=1e-5)


def test_a_regression_is_measured_in_the_targets_own_unit():
    z, target = some_rows("regression")
    output = output_of("regression", target_map=TargetMap(location=100, scale=20))
    found = metrics_of("regression", output, words("regression"), "rmse")(z, target, None)
    plain = metrics_of("regression", output_of("regression"), words("regression"), "rmse")
    assert found["rmse"] == pytest.approx(20 * plain(z, target, None)["rmse"], rel=1e-6)


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_the_direction_is_the_one_in_which_predictions_get_better(task, name):
    z, target = some_rows(task)
    measure = metrics_of(task, output_of(task), words(task), name)
    if task == "regression":
        better = z + 0.9 * (target[:, None] - z)
    elif task == "binary":
        better = z + 3 * (2 * target[:, None] - 1)
    else:
        better = z + 3 * np.eye(3, dtype=np.float32)[target]
    gain = measure(better, target, None)[name] - measure(z, target, None)[name]
    assert gain * {"max": 1, "min": -1}[direction_of(task, name)] > 0


def test_less_of_a_loss_is_better():
    assert direction_of("binary", "validation-loss") == "min"
    assert direction_of("regression", "train-loss") == "min"


def test_auto_is_the_loss_of_validation_rows_where_there_are_some():
    assert monitor_of("auto", "binary", has_validation=True) == "validation-loss"
    assert monitor_of("auto", "binary", has_validation=False) == "train-loss"
    assert monitor_of("train-loss", "binary", has_validation=False) == "train-loss"
    assert monitor_of("f1", "binary", has_validation=True) == "f1"


def test_a_metric_of_another_task_is_answered_with_those_of_this_one():
    with pytest.raises(UsageError) as error:
        monitor_of("auc", "regression", has_validation=True)
    assert error.value.message == "--monitor: 'auc' is not measured in a regression task"
    assert error.value.hint == (
        "choose from auto, validation-loss, train-loss, mae, mse, rmse, mape, median-ae, r2,"
        " pinball"
    )


@pytest.mark.parametrize("asked", ["validation-loss", "f1"])
def test_what_needs_validation_rows_is_refused_without(asked):
    with pytest.raises(UsageError, match=f"--monitor {asked}: the split has no validation rows"):
        monitor_of(asked, "binary", has_validation=False)


def test_an_epoch_without_a_value_is_no_progress_and_is_told():
    _, target = some_rows("binary")
    measure = metrics_of("binary", output_of("binary"), words("binary"), "precision")
    watch = EarlyStopping(patience=2, direction="max")
    never_positive = np.full((N, 1), -9, np.float32)
    values = [measure(never_positive, target, None)["precision"] for _ in range(2)]
    assert all(map(math.isnan, values))
    assert [watch.update(value) for value in values] == [False, True]
    assert not watch.improved
    assert measure.notes() == [
        "precision had no value in 2 epochs, which counted as no progress: no row is predicted as"
        " the positive class"
    ]


def test_epochs_with_a_value_are_not_spoken_of():
    z, target = some_rows("binary")
    measure = metrics_of("binary", output_of("binary"), words("binary"), "precision")
    measure(z, target, None)
    assert measure.notes() == []


@pytest.mark.parametrize(
    ("task", "name", "target", "reason"),
    [
        ("binary", "auc", np.ones(9, np.int32), "all rows are of the positive class"),
        ("binary", "recall", np.zeros(9, np.int32), "no row is of the positive class"),
        ("multiclass", "mcc", np.ones(9, np.int32), "all rows are of one class"),
        ("regression", "r2", np.ones(9, np.float32), "the target is the same in all rows"),
        ("regression", "mape", np.arange(9, dtype=np.float32), "the target is 0 in 1 rows"),
    ],
)
def test_a_metric_that_the_rows_never_give_a_value_is_refused_before_training(
    task, name, target, reason
):
    measure = metrics_of(task, output_of(task), words(task), name)
    with pytest.raises(DataError) as error:
        measure.require_defined(target)
    assert error.value.message == (
        f"--monitor {name}: it has no value for the validation rows: {reason}"
    )


def test_a_zero_that_scaling_hides_is_seen_in_the_truth():
    truth = np.array([0.0, 3.0, 10.0])
    place = TargetMap(location=float(truth.mean()), scale=float(truth.std()) / 3)
    target = ((truth - place.location) / place.scale).astype(np.float32)
    output = output_of("regression", target_map=place)
    blind = metrics_of("regression", output, words("regression"), "mape")
    blind.require_defined(target)
    with pytest.raises(DataError, match="the target is 0 in 1 rows"):
        metrics_of("regression", output, words("regression"), "mape", truth).require_defined(target)


@pytest.mark.parametrize("name", ["auc", "pr-auc", "log-loss", "brier"])
def test_a_loss_without_probabilities_is_told_from_the_start(name):
    _, target = some_rows("binary")
    measure = metrics_of("binary", output_of("binary", "hinge"), words("binary"), name)
    with pytest.raises(UsageError) as error:
        measure.require_defined(target)
    assert error.value.message == f"--monitor {name}: this loss gives no probabilities"


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_a_metric_that_can_have_a_value_is_let_through(task, name):
    _, target = some_rows(task)
    metrics_of(task, output_of(task), words(task), name).require_defined(target)
    metrics_of(task, output_of(task), words(task), "validation-loss").require_defined(target[:1])


def test_no_metric_waits_for_the_import_of_scikit_learn():
    code = """
import sys
import numpy as np
from nntool.nn.losses import LOSSES
from nntool.nn.outputs import choose_output
from nntool.steps.monitoring import metrics_of
from nntool.tables.metrics import METRICS
output = choose_output("binary", 2, LOSSES["bce"]())
target = np.array([0, 1, 1], np.int32)
for name in METRICS["binary"]:
    measure = metrics_of("binary", output, {"classes": ["a", "b"], "positive": None}, name)
    measure.require_defined(target)
    measure(np.array([[-1.0], [2.0], [0.5]], np.float32), target, None)
print("sklearn" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def blocks_of(measure, z, target):
    """What a collector keeps of some rows that come block by block, and the metrics at the end."""
    collector = Collector(measure)
    rows = ArrayRows(np.zeros((len(target), 1), np.float32), target=target)
    for batch, block in zip(rows.batches(None, 64), range(0, len(target), 64), strict=True):
        collector.take(z[block : block + 64], batch)
    return sum(kept.nbytes for kept, _ in collector._kept), collector.metrics()


@pytest.mark.parametrize("monitor", ["validation-loss", "accuracy", "f1", "mcc", "auc", "log-loss"])
def test_rows_that_come_by_blocks_are_measured_as_one(monitor):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(500, 20)).astype(np.float32)
    target = np.where(rng.random(500) < 0.5, z.argmax(axis=1), rng.integers(20, size=500))
    output = choose_output("multiclass", 20, LOSSES["cce"]())
    known = {"classes": [str(i) for i in range(20)], "positive": None}
    measure = metrics_of("multiclass", output, known, monitor)
    n_bytes, found = blocks_of(measure, z, target.astype(np.int32))
    assert found == measure(z, target.astype(np.int32), None)
    assert n_bytes == (z.nbytes if monitor in ("auc", "log-loss") else 4 * 500)
