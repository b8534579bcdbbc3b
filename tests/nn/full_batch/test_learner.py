"""Training by full-batch methods: reports, stops, checkpoints, and the optimum of others."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from nntool.nn.batches import ArrayRows
from nntool.nn.full_batch import FULL_BATCH
from nntool.nn.heads import Task
from nntool.nn.learners.full_batch import FullBatch
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.outputs import choose_output
from nntool.nn.penalties import L1, L2, Penalty
from nntool.nn.plan import Plan
from nntool.nn.predicting import outputs
from nntool.nn.randomness import Streams
from nntool.nn.registry import InvalidChoice, build
from nntool.nn.reports import Diverged
from nntool.nn.stopping import EarlyStopping
from nntool.nn.training import Trainer
from nntool.nn.updating import UpdateRules

ALL = pytest.mark.parametrize("name", FULL_BATCH)
RNG = np.random.default_rng(0)
N_ROWS = 200
X = RNG.standard_normal((N_ROWS, 4)).astype(np.float32)
SCORE = X[:, 0] - X[:, 1] * X[:, 2] + 0.3 * RNG.standard_normal(N_ROWS)
TARGETS: dict[Task, np.ndarray] = {
    "binary": (SCORE > 0).astype(np.int32),
    "multiclass": np.digitize(SCORE, [-0.5, 0.5]).astype(np.int32),
    "regression": SCORE.astype(np.float32),
}
SPEC = NetworkSpec(n_numeric=4, hidden=(6,), n_outputs=1, activation="tanh")


def trainer(
    method: str,
    settings: dict[str, Any] | None = None,
    *,
    spec: NetworkSpec = SPEC,
    task: Task = "regression",
    loss: str = "mse",
    penalties: tuple[Penalty, ...] = (L2(rate=0.01),),
    epochs: int = 6,
    held: int = 50,
    seed: int = 1,
    patience: int | None = None,
    x: np.ndarray = X,
    **more: Any,
) -> Trainer:
    y = TARGETS[task]
    n_classes = 0 if task == "regression" else len(np.unique(y))
    output = choose_output(task, n_classes, build(LOSSES, loss))
    rules = UpdateRules(optimizer=build(FULL_BATCH, method, settings), penalties=penalties)
    return Trainer(
        Network(replace(spec, n_outputs=output.n_outputs)),
        output,
        Plan(rules=rules, epochs=epochs, batch_size=None),
        ArrayRows(x, None, y, None, np.arange(N_ROWS - held)),
        ArrayRows(x, None, y, None, np.arange(N_ROWS - held, N_ROWS)) if held else None,
        streams=Streams(seed),
        dtype=np.float64,
        stopping=EarlyStopping(patience),
        **more,
    )


def first_column(z: np.ndarray, y: np.ndarray, w: np.ndarray | None) -> dict[str, float]:
    return {"mean": float(z[:, 0].mean()), "rows": float(len(y))}


@ALL
def test_every_epoch_reports_what_it_came_to(name: str) -> None:
    t = trainer(name, train_metrics=first_column)
    assert isinstance(t.learner, FullBatch)
    before = t.theta.copy()
    for number, report in enumerate(t.run(), start=1):
        loss = t.judge.loss_on(t.train, t.theta, t.stats)
        assert report.train_loss == pytest.approx(loss, rel=1e-12)
        assert report.train_metrics is not None
        z = outputs(t.net, t.theta, X[:150])
        assert report.train_metrics == pytest.approx({"mean": z.mean(), "rows": 150})
        change = t.theta - before
        assert math.hypot(*(la.update_norm for la in report.layers)) == pytest.approx(
            float(np.linalg.norm(change))
        )
        assert report.gradient_norm == pytest.approx(
            math.hypot(*(la.gradient_norm for la in report.layers))
        )
        assert report.learning_rate > 0
        assert report.rows_seen == 150 * number
        assert set(report.counts) == {"loss_evaluations", "gradient_evaluations", "products"}
        assert report.counts["loss_evaluations"] >= 1 + (number == 1)
        before = t.theta.copy()
    assert number == 6
    assert t.ended == "epochs"


@ALL
def test_loss_and_penalties_never_rise(name: str) -> None:
    came_to = [r.train_loss + r.penalty for r in trainer(name, epochs=30).run()]
    assert all(b <= a * (1 + 1e-13) for a, b in pairwise(came_to))
    assert came_to[-1] < came_to[0]


@ALL
@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_a_restored_training_goes_on_bit_by_bit(name: str, stop_after: int) -> None:
    straight, first, second = (
        trainer(name, seed=seed, train_metrics=first_column) for seed in (1, 1, 99)
    )
    wanted = list(straight.run())
    run = first.run()
    reports = [next(run) for _ in range(stop_after)]
    arrays, plain = first.state()
    second.restore({n: a.copy() for n, a in arrays.items()}, json.loads(json.dumps(plain)))
    assert reports + list(second.run()) == wanted
    assert second.theta.tobytes() == straight.theta.tobytes()


@ALL
def test_a_state_that_is_kept_stays_as_it_was(name: str) -> None:
    t = trainer(name)
    run = t.run()
    next(run)
    early, _ = first = t.state()
    next(run)
    late, _ = t.state()
    kept = [{n: a.tobytes() for n, a in state.items()} for state in (early, late)]
    t.restore(*first)
    list(t.run())
    assert [{n: a.tobytes() for n, a in state.items()} for state in (early, late)] == kept


@ALL
@pytest.mark.parametrize("asked_after", [1, 2, 4, 6])
def test_a_training_that_is_asked_to_stop_does_the_unfinished_again(
    name: str, asked_after: int
) -> None:
    straight, stopped = trainer(name), trainer(name)
    wanted = list(straight.run())
    asked = iter(range(1, 10**9))
    reports = list(stopped.run(should_stop=lambda: next(asked) >= asked_after))
    assert stopped.ended == "asked"
    assert stopped.rows_seen == 150 * len(reports)
    assert reports + list(stopped.run()) == wanted
    assert stopped.theta.tobytes() == straight.theta.tobytes()


@pytest.mark.parametrize("name", [n for n in FULL_BATCH if n != "levenberg-marquardt"])
def test_a_training_that_has_converged_says_so_and_does_nothing_more(name: str) -> None:
    options: dict[str, Any] = {
        "spec": replace(SPEC, hidden=()),
        "task": "multiclass",
        "loss": "cce",
        "epochs": 300,
        "held": 0,
    }
    t = trainer(name, **options)
    reports = list(t.run())
    assert (t.ended, t.epoch) == ("converged", len(reports))
    assert "of the first (tolerance 1e-06)" in t.conclusion
    assert t.result()[2] == t.epoch  # loss and penalties only fall: the last are the best
    arrays, plain = t.state()
    again = trainer(name, **options)
    again.restore(arrays, json.loads(json.dumps(plain)))
    assert list(again.run()) == []
    assert again.ended == "converged"


@pytest.mark.parametrize("name", ["lbfgs", "conjugate-gradient"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_optimum_of_a_softmax_regression_is_that_of_scikit_learn(
    name: str, dtype: type[np.floating[Any]]
) -> None:
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = load_wine()
    x = StandardScaler().fit_transform(rows.data).astype(np.float32)
    y, rate = rows.target.astype(np.int32), 0.01
    output = choose_output("multiclass", 3, build(LOSSES, "cce"))
    net = Network(NetworkSpec(n_numeric=13, n_outputs=3, hidden=()))
    method = build(FULL_BATCH, name, {"tolerance": 1e-9 if dtype is np.float64 else 1e-5})
    rules = UpdateRules(optimizer=method, penalties=(L2(rate=rate),))
    t = Trainer(
        net,
        output,
        Plan(rules=rules, epochs=500, batch_size=None),
        ArrayRows(x, None, y),
        streams=Streams(0),
        dtype=dtype,
    )
    list(t.run())
    assert t.ended == "converged"
    theta, stats, _ = t.result()
    weight, bias = net.bind(theta, stats).parameters[-1]
    # mean loss + (λ/2)‖w‖² is, times n·C with C = 1/(nλ), what scikit-learn makes small
    rival = LogisticRegression(C=1 / (rate * len(y)), tol=1e-10, max_iter=10_000)
    rival.fit(x.astype(np.float64), y)
    atol = 1e-6 if dtype is np.float64 else 2e-3
    np.testing.assert_allclose(weight.T, rival.coef_, atol=atol)
    np.testing.assert_allclose(
        bias - bias.mean(), rival.intercept_ - rival.intercept_.mean(), atol=atol
    )


def test_levenberg_marquardt_finds_ridge_regression_in_two_iterations() -> None:
    t = trainer(
        "levenberg-marquardt",
        {"damping": 1e-10},
        spec=replace(SPEC, hidden=()),
        loss="half-mse",
        held=0,
    )
    reports = list(t.run())
    assert len(reports) <= 2
    a, y = X.astype(np.float64), TARGETS["regression"].astype(np.float64)
    centred = a - a.mean(axis=0)
    w = np.linalg.solve(centred.T @ centred / N_ROWS + 0.01 * np.eye(4), centred.T @ y / N_ROWS)
    np.testing.assert_allclose(t.theta[:4], w, atol=1e-8)


@ALL
def test_early_stopping_holds_and_keeps_the_best(name: str) -> None:
    t = trainer(name, epochs=200, patience=5, penalties=())
    losses = [r.validation_loss for r in t.run()]
    assert t.ended == "patience"
    assert t.result()[2] == int(np.argmin(losses)) + 1


@ALL
def test_batch_norm_keeps_the_statistics_of_all_rows_at_the_first_weights(name: str) -> None:
    t = trainer(name, spec=replace(SPEC, batch_norm=True), epochs=3)
    drawn = t.theta.copy()
    losses = [report.train_loss for report in t.run()]
    weight = t.net.bind(drawn, t.stats).parameters[1][0]
    sums = X[:150].astype(np.float64) @ weight
    views = t.net.bind(t.theta, t.stats)
    mean, variance = next(s for s in views.statistics if s)
    np.testing.assert_allclose(mean, sums.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(variance, sums.var(axis=0, ddof=1), rtol=1e-12)
    assert losses[-1] == pytest.approx(t.judge.loss_on(t.train, t.theta, t.stats), rel=1e-12)


LIMITED = """
import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
from nntool.nn.batches import ArrayRows
from nntool.nn.full_batch import FULL_BATCH
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.outputs import choose_output
from nntool.nn.plan import Plan
from nntool.nn.randomness import Streams
from nntool.nn.training import Trainer
from nntool.nn.updating import UpdateRules

net = Network(NetworkSpec(n_numeric=2, hidden=(3,), n_outputs=1))
rows = ArrayRows(np.eye(2, dtype=np.float32), None, np.ones(2, np.float32))
rules = UpdateRules(optimizer=FULL_BATCH["{name}"]())
plan = Plan(rules=rules, epochs=2, batch_size=None)
output = choose_output("regression", 0, LOSSES["mse"]())
trainer = Trainer(net, output, plan, rows, streams=Streams(0), dtype=np.float64)
with threadpool_limits(1, user_api="blas"):
    list(trainer.run())
    print(*[one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"])
"""


@pytest.mark.parametrize("name", ["lbfgs", "newton", "levenberg-marquardt"])
def test_the_blas_of_scipy_takes_no_more_threads_than_it_may(name: str) -> None:
    """It comes with a library of its own, which a limit reaches only if it is loaded already."""
    told = subprocess.run(
        [sys.executable, "-c", LIMITED.replace("{name}", name)],
        capture_output=True,
        text=True,
        check=True,
        env={key: value for key, value in os.environ.items() if not key.endswith("_THREADS")}
        | {"OPENBLAS_NUM_THREADS": "2"},
    ).stdout.split()
    assert set(told) == {"1"}


def test_dropout_and_noise_are_off() -> None:
    noisy = replace(SPEC, dropout=0.5, input_noise=1.0, activation_noise=1.0)
    plain, with_noise = trainer("lbfgs"), trainer("lbfgs", spec=noisy)
    wanted = [report.train_loss for report in plain.run()]
    assert [report.train_loss for report in with_noise.run()] == wanted


@ALL
def test_data_that_is_not_finite_diverges_at_once_and_says_where(name: str) -> None:
    x = X.copy()
    x[3, 1] = np.inf
    t = trainer(name, x=x)
    with pytest.raises(Diverged) as caught:
        list(t.run())
    assert (caught.value.epoch, caught.value.batch, caught.value.layer) == (1, 1, "data")


def test_what_cannot_be_one_function_of_the_weights_is_refused() -> None:
    with pytest.raises(InvalidChoice, match="proximal"):
        trainer("lbfgs", penalties=(L1(rate=0.1, proximal=True),))
    with pytest.raises(InvalidChoice, match="goes down the gradient of the loss, and perceptron"):
        trainer("lbfgs", task="binary", loss="perceptron")
    with pytest.raises(InvalidChoice, match=r"'step' has no gradient.*: node-pert.*, weight-pert"):
        trainer("lbfgs", spec=replace(SPEC, activation="step"))
    with pytest.raises(InvalidChoice, match="newton is for up to 2,000 parameters"):
        trainer("newton", spec=replace(SPEC, hidden=(500,)))
    with pytest.raises(InvalidChoice, match="this loss is bce"):
        trainer("levenberg-marquardt", task="binary", loss="bce")
