"""What a plan can ask for beside the rule: averages, undoing, warm-up, samplers, augmentation."""

import dataclasses
import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from nntool.nn.augmentation import Augmentation, Jitter, LevelMask, Mixup, SwapNoise, level_counts
from nntool.nn.averaging import EMA, SWA, Average
from nntool.nn.batches import ArrayRows, Batch
from nntool.nn.learners import mini_batches
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.normalization import EPSILON
from nntool.nn.optimizers import OPTIMIZERS, SGD, Adam, Momentum
from nntool.nn.outputs import choose_output
from nntool.nn.penalties import L2
from nntool.nn.plan import Plan
from nntool.nn.predicting import outputs
from nntool.nn.randomness import Streams
from nntool.nn.registry import build
from nntool.nn.sampling import Balanced, EmphasizeErrors
from nntool.nn.schedules import BoldDriver, ConstantRate, Plateau, Schedule
from nntool.nn.stopping import EarlyStopping
from nntool.nn.training import Trainer
from nntool.nn.updating import UpdateRules

RNG = np.random.default_rng(0)
N_ROWS = 203  # with batches of 32 the last one is short
X = RNG.standard_normal((N_ROWS, 4)).astype(np.float32)
CODES = RNG.integers(0, 3, (N_ROWS, 1)).astype(np.int32)
SCORE = X[:, 0] - X[:, 1] + CODES[:, 0]
Y = ((SCORE - 1) / 2).astype(np.float32)
CLASSES = (SCORE > 2).astype(np.int32)  # one row in five
TRAIN, VALIDATION = np.arange(150), np.arange(150, N_ROWS)
UPDATES = 5  # an epoch
SPEC = NetworkSpec(n_numeric=4, levels=(3,), hidden=(8, 8), n_outputs=1)
NOISY = dataclasses.replace(
    SPEC,
    dropout=0.2,
    input_dropout=0.1,
    input_noise=0.1,
    activation_noise=0.1,
    activation="stochastic-binary",
    batch_norm=True,
)


def plan_of(**values: Any) -> Plan:
    rules = values.pop("rules", UpdateRules(optimizer=Adam()))
    return Plan(**{"rules": rules, "epochs": 6, "learning_rate": 0.01, **values})


def trainer(plan: Plan, spec: NetworkSpec = SPEC, *, seed: int = 1, **options: Any) -> Trainer:
    classes = options.pop("classes", False)
    target = CLASSES if classes else Y
    output = choose_output(
        "binary" if classes else "regression", 2, build(LOSSES, "bce" if classes else "mse")
    )
    train, validation = (ArrayRows(X, CODES, target, None, part) for part in (TRAIN, VALIDATION))
    return Trainer(Network(spec), output, plan, train, validation, streams=Streams(seed), **options)


def everything(t: Trainer) -> tuple[dict[str, bytes], str]:
    arrays, plain = t.state()
    return {name: array.tobytes() for name, array in arrays.items()}, json.dumps(plain)


def loss_on(t: Trainer, theta: np.ndarray, stats: np.ndarray, rows: np.ndarray) -> float:
    z = outputs(t.net, theta, X[rows], CODES[rows], stats=stats)
    return t.output.value(z, Y[rows], None, t.output.tape(len(rows), z.dtype))


# Averages


class Watched(Average):
    """The mean that an average makes, and beside it the parameters after each update."""

    def __init__(self, inner: Average) -> None:
        object.__setattr__(self, "inner", inner)
        object.__setattr__(self, "path", [])

    def update(self, mean: np.ndarray, theta: np.ndarray, count: int, at: Any) -> int:
        self.path.append(theta.astype(np.float64))  # type: ignore[attr-defined]  # __init__ made it
        return int(self.inner.update(mean, theta, count, at))  # type: ignore[attr-defined]  # as above


def ema_of(path: list[np.ndarray], epoch: int) -> np.ndarray:
    mean = path[0]
    for theta in path[1 : epoch * UPDATES]:
        mean = 0.8 * mean + 0.2 * theta
    return mean


def swa_of(path: list[np.ndarray], epoch: int) -> np.ndarray:
    """Epochs 3 to 6 of 6 are at or beyond one half; before that, the weights themselves."""
    ends = path[UPDATES - 1 :: UPDATES]
    return np.mean(ends[2:epoch], axis=0) if epoch >= 3 else ends[epoch - 1]


@pytest.mark.parametrize(
    ("average", "by_hand"), [(EMA(decay=0.8), ema_of), (SWA(from_=0.5), swa_of)]
)
@pytest.mark.parametrize("norm", [False, True])
def test_the_mean_of_the_weights_is_judged_and_kept(
    average: Average, by_hand: Any, norm: bool
) -> None:
    watched = Watched(average)
    t = trainer(plan_of(average=watched), dataclasses.replace(SPEC, batch_norm=norm))
    for report in t.run():
        mean = by_hand(watched.path, report.epoch)  # type: ignore[attr-defined]  # Watched has it
        theta, stats, epoch = t.result()
        if epoch == report.epoch:
            np.testing.assert_allclose(theta, mean, rtol=1e-4, atol=1e-6)
            assert report.validation_loss == pytest.approx(
                loss_on(t, theta, stats, VALIDATION), rel=1e-5
            )
    assert epoch == report.epoch, "the last is the best here, and a mean"
    assert np.abs(theta - t.theta).max() > 1e-3, "what goes on learning is not the mean"


def test_the_mean_is_what_is_kept_where_nothing_was_judged() -> None:
    watched = Watched(EMA(decay=0.8))
    t = trainer(plan_of(average=watched, epochs=2, validate_every=5))
    list(t.run())
    path = watched.path  # type: ignore[attr-defined]  # Watched made it
    theta, _, epoch = t.result()
    np.testing.assert_allclose(theta, ema_of(path, 2), rtol=1e-5, atol=1e-6)
    assert epoch == 2


def test_weights_kept_unjudged_are_those_of_the_epoch_that_is_named() -> None:
    """A stop may come within the next epoch."""
    t, asked = trainer(plan_of(validate_every=5)), 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == UPDATES + 2

    assert [report.epoch for report in t.run(should_stop)] == [1]
    whole = trainer(plan_of(validate_every=5))
    next(whole.run())
    theta, _, epoch = t.result()
    assert epoch == 1
    assert theta.tobytes() == whole.theta.tobytes()


def test_batch_norm_of_averaged_weights_is_measured_over_all_training_rows() -> None:
    spec = dataclasses.replace(SPEC, hidden=(8,), batch_norm=True, activation="tanh")
    t = trainer(plan_of(average=EMA(decay=0.9)), spec, dtype=np.float64)
    list(t.run())
    theta, stats, _ = t.result()
    views = t.net.bind(theta, stats)
    table, (w1,), (gamma, beta), _, (w2, b2) = (views.parameters[i] for i in range(5))
    x = np.hstack([X, table[0][CODES[:, 0]]])
    h = x @ w1
    mean, variance = h[TRAIN].mean(axis=0), h[TRAIN].var(axis=0, ddof=1)
    np.testing.assert_allclose(stats, np.concatenate([mean, variance]), rtol=1e-10, atol=1e-12)
    standardized = (h - mean) / np.sqrt(variance + EPSILON)
    z = np.tanh(gamma * standardized + beta) @ w2 + b2
    np.testing.assert_allclose(outputs(t.net, theta, X, CODES, stats=stats), z, rtol=1e-9)
    assert np.abs(stats - t.stats).max() > 1e-3, "those of the live weights are their own"


def test_averaging_changes_nothing_of_the_training_itself() -> None:
    spec = dataclasses.replace(SPEC, batch_norm=True, dropout=0.2)
    with_mean, without = (trainer(plan_of(average=a), spec) for a in (EMA(decay=0.9), None))
    for t in (with_mean, without):
        list(t.run())
    assert with_mean.theta.tobytes() == without.theta.tobytes()
    assert with_mean.stats.tobytes() == without.stats.tobytes()


# Undoing, and the rate


class Scripted(Schedule):
    """A schedule that undoes the epochs that it is told to."""

    undoes = True

    def __init__(self, *undone: int) -> None:
        object.__setattr__(self, "undone", undone)

    def rate(self, base: float, at: Any, memory: Any) -> float:
        return base

    def start(self) -> dict[str, Any]:
        return {"epoch": -1}  # the first look is at the weights to begin with

    def observe(self, train_loss: float, validation_loss: float | None, memory: Any) -> bool:
        memory["epoch"] += 1
        return memory["epoch"] in self.undone  # type: ignore[attr-defined]  # __init__ made it


def test_an_undone_epoch_leaves_all_but_the_streams_as_it_was() -> None:
    t = trainer(plan_of(schedule=Scripted(3), average=EMA(decay=0.8)), NOISY)
    states, reports = [everything(t)], []
    for report in t.run():
        reports.append(report)
        states.append(everything(t))
    assert [r.undone for r in reports] == [False, False, True, False, False, False]
    before, after = states[2], states[3]
    names = set(before[0]) - {"best_theta", "best_stats"}
    assert names == {"theta", "stats", "optimizer.m", "optimizer.v", "optimizer.t", "average"}
    for name in names:
        assert after[0][name] == before[0][name], name
        assert states[4][0][name] != before[0][name], name
    plain_before, plain_after = json.loads(before[1]), json.loads(after[1])
    assert plain_after["averaged"] == plain_before["averaged"]
    assert plain_after["streams"] != plain_before["streams"], "other batches, other masks"
    assert (plain_after["epoch"], plain_after["updates"]) == (3, 15)
    assert reports[3].train_loss != reports[2].train_loss


def test_the_bold_driver_takes_back_the_epoch_in_which_the_loss_rose() -> None:
    rules = UpdateRules(optimizer=SGD())
    plan = plan_of(
        rules=rules, schedule=BoldDriver(), batch_size=None, learning_rate=3.0, epochs=30
    )
    t = trainer(plan)
    rates, thetas = [], [t.theta.copy()]
    undone, losses = [], [loss_on(t, t.theta, t.stats, TRAIN)]
    for report in t.run():
        rates.append(report.learning_rate)
        thetas.append(t.theta.copy())
        undone.append(report.undone)
        losses.append(loss_on(t, t.theta, t.stats, TRAIN))
    assert undone[0], "a rate of 3 makes the very first epoch worse"
    assert 1 <= sum(undone) < 10
    for i, is_undone in enumerate(undone):
        assert (thetas[i + 1] == thetas[i]).all() == is_undone
        if is_undone and i + 1 < len(rates):
            assert rates[i + 1] == pytest.approx(rates[i] / 2)
    assert all(b <= 1.01 * a for a, b in pairwise(losses)), "no rise is kept"
    assert rates[-1] > min(rates), "steady falls make it larger again"


def test_without_validation_rows_the_weights_of_an_undone_epoch_are_not_the_best() -> None:
    """The loss of the rows as they were met is that of the good weights before the bad update."""
    rules = UpdateRules(optimizer=SGD())
    plan = plan_of(rules=rules, schedule=BoldDriver(), batch_size=None, learning_rate=3.0)
    t = trainer(dataclasses.replace(plan, epochs=30))
    t.judge.rows = None
    best, undone = np.inf, 0
    for report in t.run():
        undone += report.undone
        theta, stats, epoch = t.result()
        assert (epoch == report.epoch) == report.improved
        loss = loss_on(t, theta, stats, TRAIN)
        assert loss < best if report.improved else loss == best
        best = loss
        assert best <= loss_on(t, t.theta, t.stats, TRAIN) or report.undone, "what was kept"
    assert undone > 1


def test_warming_up_multiplies_what_the_schedule_says() -> None:
    t = trainer(plan_of(warmup=2.0, learning_rate=0.5, rules=UpdateRules(optimizer=SGD())))
    seen = []
    advance, measured = t.learner.stepper.advance, t.learner.stepper.advance_measured

    def spy(batch: Batch, lr: float) -> float:
        seen.append(lr)
        return advance(batch, lr)

    def spy_measured(batch: Batch, lr: float) -> Any:
        seen.append(lr)
        return measured(batch, lr)

    t.learner.stepper.advance, t.learner.stepper.advance_measured = spy, spy_measured  # type: ignore[method-assign]  # spies
    list(t.run())
    rising = [0.5 * k / 10 for k in range(1, 11)]
    assert seen == pytest.approx(rising + [0.5] * 20)


def test_validation_comes_every_so_many_epochs_and_patience_counts_validations() -> None:
    plan = plan_of(validate_every=3, epochs=40, rules=UpdateRules(optimizer=SGD()))
    plan = dataclasses.replace(plan, learning_rate=1e-9)
    t = trainer(plan, stopping=EarlyStopping(patience=2, min_delta=0.1))
    reports = list(t.run())
    judged = [r.epoch for r in reports if r.validation_loss is not None]
    assert judged == [3, 6, 9]
    assert (t.ended, len(reports)) == ("patience", 9)
    assert all(r.epoch in judged for r in reports if r.improved)
    assert all((r.metrics is None) for r in reports)


def test_training_metrics_are_those_of_the_first_rows_of_an_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: list[int] = []

    def count(z: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> dict[str, float]:
        counts.append(len(y))
        return {"n": float(len(y))}

    monkeypatch.setattr(mini_batches, "METRIC_ROWS", 70)
    report = next(trainer(plan_of(), metrics=count, train_metrics=count).run())
    assert counts == [96, 53], "whole batches until 70 are reached; all of validation"
    assert report.train_metrics == {"n": 96.0}
    assert report.metrics == {"n": 53.0}


def test_weights_that_begin_by_the_data_are_scaled_on_rows_of_all_of_it() -> None:
    """In a sorted table the first rows are nearly alike."""
    x = np.sort(np.random.default_rng(1).standard_normal(20_000)).astype(np.float32)[:, np.newaxis]
    spec = NetworkSpec(n_numeric=1, hidden=(4,), initializer="data", n_outputs=1)
    output = choose_output("regression", 0, build(LOSSES, "mse"))
    t = Trainer(Network(spec), output, plan_of(), ArrayRows(x, None, x[:, 0]), streams=Streams(0))
    spread = (x @ t.net.matrices(t.net.bind(t.theta, t.stats))[0]).std(axis=0)
    np.testing.assert_allclose(spread, 1, atol=0.1)


# Samplers and augmentation


def rows_met(t: Trainer) -> list[np.ndarray]:
    return [batch.rows.copy() for batch in t.learner.batches() if batch.rows is not None]


def test_balanced_batches_reach_the_trainer() -> None:
    t = trainer(plan_of(sampler=Balanced()), classes=True)
    for rows in rows_met(t):
        assert abs(np.mean(CLASSES[rows]) - 0.5) <= 0.5 / len(rows) + 1e-9
    assert CLASSES[TRAIN].mean() < 0.3


def test_emphasis_comes_from_the_losses_that_training_saw() -> None:
    sampler = EmphasizeErrors(N_ROWS)
    t = trainer(plan_of(sampler=sampler, epochs=1, rules=UpdateRules(optimizer=SGD())))
    t = trainer(dataclasses.replace(t.plan, learning_rate=1e-12))
    list(t.run())
    z = outputs(t.net, t.theta, X, CODES)[:, 0]
    seen = ~np.isnan(sampler.losses)
    assert 60 < seen.sum() < 150, "drawn with replacement"
    assert not seen[VALIDATION].any()
    np.testing.assert_allclose(sampler.losses[seen], (z - Y)[seen] ** 2, rtol=1e-4, atol=1e-7)


def test_a_row_that_does_not_count_is_not_emphasized() -> None:
    sampler = EmphasizeErrors(N_ROWS)
    t = trainer(plan_of(sampler=sampler, epochs=3))
    weight = np.where(np.arange(N_ROWS) < 40, 0, 2).astype(np.float32)
    t.learner.given = replace(t.learner.given, rows=ArrayRows(X, CODES, Y, weight, TRAIN))
    list(t.run())
    assert not np.nansum(sampler.losses[:40])
    assert np.nanmin(sampler.losses[40:150]) > 0


def test_an_augmentation_does_not_move_the_masking_of_levels() -> None:
    def codes_met(*augmentations: Augmentation) -> list[np.ndarray]:
        mask = LevelMask([np.array([5, 20, 20])])
        t = trainer(plan_of(augmentations=(mask, *augmentations)))
        return [batch.codes.copy() for batch in t.learner.batches() if batch.codes is not None]

    np.testing.assert_array_equal(
        np.concatenate(codes_met()), np.concatenate(codes_met(Jitter(sigma=0.1)))
    )


class Marked(Augmentation):
    """It writes down the order of augmentations."""

    def __init__(self, name: str, log: list[str]) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "log", log)

    def apply(self, batch: Batch, rng: np.random.Generator) -> None:
        self.log.append(self.name)  # type: ignore[attr-defined]  # __init__ made them


def test_augmentations_come_in_the_order_of_the_plan_and_in_training_only() -> None:
    log: list[str] = []
    t = trainer(plan_of(augmentations=(Marked("a", log), Marked("b", log)), epochs=2))
    list(t.run())
    assert log == ["a", "b"] * (2 * UPDATES)


@pytest.mark.parametrize(
    "augmentation", [Jitter(sigma=0.3), SwapNoise(share=0.3), Mixup(alpha=0.5)]
)
def test_augmenting_leaves_the_rows_and_every_other_stream_alone(augmentation: Any) -> None:
    kept = X.copy(), CODES.copy(), Y.copy()
    spec = dataclasses.replace(SPEC, dropout=0.2)
    changed, plain = (trainer(plan_of(augmentations=a), spec) for a in ((augmentation,), ()))
    for t in (changed, plain):
        list(t.run())
    for array, before in zip((X, CODES, Y), kept, strict=True):
        np.testing.assert_array_equal(array, before)
    assert changed.theta.tobytes() != plain.theta.tobytes()
    streams = [t.streams.state()["streams"] for t in (changed, plain)]
    assert streams[0].pop("augmentation")
    assert streams[0] == streams[1]
    assert loss_on(changed, *changed.result()[:2], VALIDATION) < Y.var()


def test_noise_on_the_inputs_of_a_linear_unit_ends_in_ridge_regression() -> None:
    """E (y − w·(x + σε))² = (y − w·x)² + σ²‖w‖²: the minimum is (XᵀX/n + σ²I)⁻¹Xᵀy/n."""
    sigma, n = 0.8, 400
    rng = np.random.default_rng(5)
    x = rng.standard_normal((n, 3)).astype(np.float32)
    x -= x.mean(axis=0)
    y = x @ np.array([1.5, -1.0, 0.5]) + 0.1 * rng.standard_normal(n)
    y -= y.mean()
    spec = NetworkSpec(n_numeric=3, n_outputs=1, hidden=(), input_noise=sigma)
    plan = plan_of(
        rules=UpdateRules(optimizer=SGD()),
        epochs=3000,
        batch_size=None,
        learning_rate=0.05,
        average=SWA(from_=0.1),
    )
    output = choose_output("regression", 2, build(LOSSES, "mse"))
    t = Trainer(
        Network(spec), output, plan, ArrayRows(x, None, y), streams=Streams(1), dtype=np.float64
    )
    list(t.run())
    mean = t.state()[0]["average"][:3]
    ridge = np.linalg.solve(x.T @ x / n + sigma**2 * np.eye(3), x.T @ y / n)
    plain = np.linalg.solve(x.T @ x / n, x.T @ y / n)
    np.testing.assert_allclose(mean, ridge, atol=0.01)
    assert np.abs(ridge - plain).min() > 0.1


# Going on


def all_at_once() -> tuple[Plan, NetworkSpec]:
    source = ArrayRows(X, CODES, Y, None, TRAIN)
    plan = plan_of(
        epochs=9,
        rules=UpdateRules(
            optimizer=Momentum(start=0.5, over=7.0),
            penalties=(L2(rate=1e-3),),
            clip_norm=1.0,
            weight_decay=1e-3,
            layer_rates="inverse-sqrt",
            max_norm=3.0,
        ),
        learning_rate=0.05,
        schedule=Plateau(patience=1, threshold=0.5, factor=0.5),
        warmup=2.5,
        average=EMA(decay=0.8),
        weight_noise=0.05,
        augmentations=(LevelMask(level_counts(source, (3,))), SwapNoise(), Mixup()),
        sampler=EmphasizeErrors(N_ROWS),
        validate_every=2,
    )
    return plan, NOISY


def fresh(plan: Plan) -> Plan:
    """The same plan with a sampler that has not seen anything."""
    return dataclasses.replace(plan, sampler=EmphasizeErrors(N_ROWS))


@pytest.mark.parametrize("stop_after", [1, 3, 4, 8])
def test_with_all_at_once_a_restored_training_goes_on_bit_by_bit(stop_after: int) -> None:
    plan, spec = all_at_once()
    straight, first, second = (trainer(fresh(plan), spec, seed=seed) for seed in (1, 1, 99))
    wanted = list(straight.run())
    assert len({report.learning_rate for report in wanted}) > 4, "the plateau was reached"
    run = first.run()
    reports = [next(run) for _ in range(stop_after)]
    arrays, plain = first.state()
    next(run)  # what comes later must not change what was kept
    second.restore({n: a.copy() for n, a in arrays.items()}, json.loads(json.dumps(plain)))
    assert reports + list(second.run()) == wanted
    assert everything(second) == everything(straight)


@pytest.mark.parametrize("asked_at", [1, 7, 12, 44])
def test_with_all_at_once_a_stop_within_an_epoch_loses_nothing(asked_at: int) -> None:
    plan, spec = all_at_once()
    straight, stopped = (trainer(fresh(plan), spec) for _ in range(2))
    wanted = list(straight.run())
    answers = iter([False] * (asked_at - 1) + [True])
    reports = list(stopped.run(lambda: next(answers)))
    assert stopped.ended == "asked"
    assert reports + list(stopped.run()) == wanted
    assert everything(stopped) == everything(straight)


def test_emphasis_needs_the_losses_that_were_seen_to_go_on() -> None:
    """Else the test above could pass with a state that holds none."""
    plan, spec = all_at_once()
    t = trainer(fresh(plan), spec)
    next(t.run())
    assert not np.isnan(t.state()[0]["sampler.losses"]).all()


@pytest.mark.parametrize("name", ["momentum", "nesterov", "nesterov-simplified"])
def test_a_growing_momentum_goes_on_where_it_was(name: str) -> None:
    rules = UpdateRules(optimizer=build(OPTIMIZERS, name, {"start": 0.5, "over": 4.0}))
    straight, first, second = (trainer(plan_of(rules=rules)) for _ in range(3))
    list(straight.run())
    run = first.run()
    next(run), next(run)
    second.restore(*first.state())
    list(second.run())
    assert everything(second) == everything(straight)
    for mu in (0.5, 0.9):
        steady = UpdateRules(optimizer=build(OPTIMIZERS, name, {"mu": mu}))
        constant = trainer(plan_of(rules=steady))
        list(constant.run())
        assert constant.theta.tobytes() != straight.theta.tobytes()


def test_bold_driver_undoing_right_before_a_stop_goes_on_bit_by_bit() -> None:
    plan = plan_of(schedule=Scripted(2, 3), average=EMA(decay=0.8), sampler=None)
    straight, first, second = (trainer(plan, NOISY) for _ in range(3))
    wanted = list(straight.run())
    run = first.run()
    reports = [next(run) for _ in range(3)]
    second.restore(*first.state())
    assert reports + list(second.run()) == wanted
    assert everything(second) == everything(straight)


def test_a_constant_schedule_and_no_extras_is_the_plain_training() -> None:
    plain, spelled = (
        trainer(plan)
        for plan in (plan_of(), plan_of(schedule=ConstantRate(), warmup=0.0, weight_noise=0.0))
    )
    for t in (plain, spelled):
        list(t.run())
    assert everything(plain) == everything(spelled)


def test_a_trial_update_has_the_momentum_of_the_last_epoch() -> None:
    """So that a range test does not choose a rate for a momentum that is still to grow."""
    found = []
    for rule in (Momentum(mu=0.9, start=0.1, over=3), Momentum(mu=0.9)):
        t = trainer(plan_of(rules=UpdateRules(optimizer=rule), epochs=5))
        for batch in t.learner.batches():
            t.learner.advance(batch, 0.01)
        found.append(t.theta.copy())
    np.testing.assert_array_equal(*found)
