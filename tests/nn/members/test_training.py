"""Members trained together: what each would be alone, through stops, ends and divergence."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nntool.nn.batches import ArrayRows
from nntool.nn.learners import mini_batches
from nntool.nn.losses import LOSSES
from nntool.nn.members import learning
from nntool.nn.members.choosing import trained_together, worth_batching
from nntool.nn.members.learning import MemberDiverged
from nntool.nn.members.stack import stackable
from nntool.nn.members.training import MembersTrainer
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers import OPTIMIZERS, SGD, Adam, Nesterov, Optimizer
from nntool.nn.outputs import Output, choose_output
from nntool.nn.penalties import L1, L2, PENALTIES
from nntool.nn.plan import Plan
from nntool.nn.randomness import Streams
from nntool.nn.registry import build
from nntool.nn.reports import EpochReport
from nntool.nn.schedules import SCHEDULES
from nntool.nn.schedules.by_time import Cosine
from nntool.nn.stopping import EarlyStopping
from nntool.nn.training import Trainer
from nntool.nn.updating import UpdateRules

RNG = np.random.default_rng(0)
N_ROWS = 203  # with batches of 32 the last one is short
X = RNG.standard_normal((N_ROWS, 5)).astype(np.float32)
NO_CODES = np.empty((N_ROWS, 0), np.int32)  # as a table without categorical columns has them
SCORE = X[:, 0] - X[:, 1] * X[:, 2]
WEIGHT = RNG.uniform(0.5, 1.5, N_ROWS).astype(np.float32)
TARGETS = {
    "binary": (SCORE > 0).astype(np.int32),
    "multiclass": np.digitize(SCORE, [-1, 1]).astype(np.int32),
    "regression": SCORE,
}
LOSS = {"binary": "bce", "multiclass": "cce", "regression": "mse"}
SPEC = NetworkSpec(n_numeric=5, hidden=(8, 6), n_outputs=1, dropout=0.2, input_dropout=0.1)
PLAN = Plan(
    rules=UpdateRules(optimizer=Adam(), penalties=(L2(rate=1e-3),)), epochs=6, learning_rate=0.01
)


def output_of(task: Any) -> Output:
    return choose_output(task, len(np.unique(TARGETS[task])), build(LOSSES, LOSS[task]))


def trainers(
    n_members: int = 3,
    *,
    task: Any = "regression",
    spec: NetworkSpec = SPEC,
    plan: Plan = PLAN,
    weight: Any = WEIGHT,
    bagging: bool = False,
    **options: Any,
) -> list[Trainer]:
    """Float64, so that nothing but the order of sums may differ."""
    output = output_of(task)
    found = []
    for seed in range(n_members):
        index = np.arange(150)
        if bagging:
            index = np.random.default_rng(seed).integers(0, 150, 150)
        patience = EarlyStopping(options.get("patience"), options.get("min_delta", 0.0))
        found.append(
            Trainer(
                Network(replace(spec, n_outputs=output.n_outputs)),
                output,
                plan,
                ArrayRows(X, NO_CODES, TARGETS[task], weight, index),
                ArrayRows(X, NO_CODES, TARGETS[task], weight, np.arange(150, N_ROWS)),
                streams=Streams(seed),
                dtype=options.get("dtype", np.float64),
                stopping=patience,
                train_metrics=options.get("metrics"),
            )
        )
    return found


def together(members: list[Trainer]) -> list[list[EpochReport]]:
    """The reports of each member."""
    assert trained_together(members)
    reports: list[list[EpochReport]] = [[] for _ in members]
    for epoch in MembersTrainer(members).run():
        for member, report in epoch:
            reports[member].append(report)
    return reports


def numbers_of(report: EpochReport) -> dict[str, Any]:
    """A report without names, as numbers that may differ by rounding."""
    plain = report._asdict()
    layers = np.array([tuple(layer)[1:] for layer in plain.pop("layers")], dtype=float)
    numbers = {name: number for name, number in plain.items() if isinstance(number, int | float)}
    return {**numbers, "layers": layers.ravel().tolist()}


def assert_alike(alone: list[Trainer], members: list[Trainer], rtol: float = 1e-10) -> None:
    for one, other in zip(alone, members, strict=True):
        (mine, my_words), (theirs, their_words) = one.state(), other.state()
        assert mine.keys() == theirs.keys()
        for name, array in mine.items():
            np.testing.assert_allclose(theirs[name], array, rtol=rtol, atol=1e-12, err_msg=name)
        my_streams, their_streams = (w.pop("streams")["streams"] for w in (my_words, their_words))
        assert {"init", "shuffle"} <= their_streams.keys()
        assert all(my_streams[name] == at for name, at in their_streams.items())
        for words in (my_words, their_words):
            words["stopping"] = words["stopping"]["waited"]
        assert my_words == their_words
        assert one.ended == other.ended


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("task", TARGETS)
def test_each_member_is_what_it_would_be_alone(task: Any, weight: Any) -> None:
    alone, members = (trainers(task=task, weight=weight, bagging=True) for _ in range(2))
    reports = [list(trainer.run()) for trainer in alone]
    for mine, theirs in zip(reports, together(members), strict=True):
        assert len(mine) == 6
        for a, b in zip(mine, theirs, strict=True):
            one, other = numbers_of(a), numbers_of(b)
            assert one.keys() == other.keys()
            for name, number in one.items():
                np.testing.assert_allclose(other[name], number, rtol=1e-9, err_msg=name)
            assert [layer.name for layer in a.layers] == [layer.name for layer in b.layers]
    assert_alike(alone, members)
    assert len({trainer.theta.tobytes() for trainer in members}) == 3


def elementwise(name: str) -> bool:
    rule = OPTIMIZERS[name]
    return rule.elementwise and rule.wants in (None, "look-ahead")


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if elementwise(name)])
def test_every_rule_that_is_taken_is_one_for_each_number(name: str) -> None:
    rules = UpdateRules(
        optimizer=build(OPTIMIZERS, name),
        penalties=(L1(rate=1e-3, proximal=True), *(build(PENALTIES, p) for p in PENALTIES)),
        clip_value=0.05,
        weight_decay=0.01,
        max_norm=1.5,
    )
    plan = replace(PLAN, rules=rules)
    alone, members = trainers(plan=plan), trainers(plan=plan)
    for trainer in alone:
        list(trainer.run())
    together(members)
    assert_alike(alone, members, rtol=1e-8)


def test_growing_momentum_and_schedules_follow_the_epochs() -> None:
    plan = replace(
        PLAN,
        rules=UpdateRules(optimizer=Nesterov(start=0.5, over=3)),
        schedule=Cosine(cycles=2),
        warmup=1.5,
        snapshots=2,
    )
    alone, members = trainers(plan=plan), trainers(plan=plan)
    for trainer in alone:
        list(trainer.run())
    together(members)
    assert_alike(alone, members)
    assert [trainer.members()[2] for trainer in members] == [[3, 6]] * 3


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "leaky-relu", "silu", "softplus"])
def test_activations_are_taken_of_all_members(activation: str) -> None:
    spec = replace(SPEC, activation=activation)
    alone, members = trainers(spec=spec), trainers(spec=spec)
    for trainer in alone:
        list(trainer.run())
    together(members)
    assert_alike(alone, members)


def test_members_end_each_by_its_own_patience_and_the_others_go_on() -> None:
    plan = replace(PLAN, epochs=40, learning_rate=0.03)
    alone = trainers(5, plan=plan, patience=2)
    members = trainers(5, plan=plan, patience=2)
    reports = [list(trainer.run()) for trainer in alone]
    found = together(members)
    assert [len(one) for one in found] == [len(one) for one in reports]
    assert len({len(one) for one in found}) > 2
    assert_alike(alone, members, rtol=1e-7)
    theta, stats, epochs = MembersTrainer(members).result()
    assert theta.shape == (5, members[0].net.size)
    assert stats.shape == (5, 0)
    assert epochs == [trainer.result()[2] for trainer in alone]


def everything(members: list[Trainer]) -> list[tuple[bytes, str]]:
    found = []
    for trainer in members:
        arrays, plain = trainer.state()
        words = json.dumps(plain) + str(trainer.ended)
        found.append((b"".join(a.tobytes() for _, a in sorted(arrays.items())), words))
    return found


@pytest.mark.parametrize("stop_after", [0, 3, 8, 41, 45, 48])
def test_a_training_that_was_stopped_goes_on_bit_by_bit(stop_after: int) -> None:
    """Also after some members have ended; the states are those of trainers by themselves."""
    plan = replace(PLAN, epochs=25, learning_rate=0.03)
    whole = trainers(4, plan=plan, patience=2, dtype=np.float32)
    list(MembersTrainer(whole).run())
    first = trainers(4, plan=plan, patience=2, dtype=np.float32)
    left = iter(range(stop_after))
    list(MembersTrainer(first).run(lambda: next(left, None) is None))
    assert {t.ended for t in first} <= {"asked", "patience"}
    assert "asked" in {t.ended for t in first}
    second = trainers(4, plan=plan, patience=2, dtype=np.float32)
    for old, new in zip(first, second, strict=True):
        arrays, plain = old.state()
        new.restore(arrays, json.loads(json.dumps(plain)))
    list(MembersTrainer(second).run())
    assert everything(second) == everything(whole)


def test_those_behind_catch_up_before_all_go_on() -> None:
    alone, members = trainers(3), trainers(3)
    for trainer in alone:
        list(trainer.run())
    ahead = trainers(3)
    for report in ahead[1].run():
        if report.epoch == 4:
            break
    members[1].restore(*ahead[1].state())
    epochs = [[(m, r.epoch) for m, r in epoch] for epoch in MembersTrainer(members).run()]
    assert epochs[0] == [(0, 1), (2, 1)]
    assert epochs[4:] == [[(0, 5), (1, 5), (2, 5)], [(0, 6), (1, 6), (2, 6)]]
    assert_alike(alone, members)


@pytest.mark.parametrize("in_validation", [False, True])
def test_a_member_that_diverges_is_named_and_the_others_go_on(in_validation: bool) -> None:
    alone, members = trainers(3), trainers(3)
    for trainer in alone:
        list(trainer.run())
    runs = MembersTrainer(members).run()
    next(runs)
    next(runs)
    before = everything(members)
    if in_validation:
        members[1].judge.rows.numeric = X * np.float32(math.inf)  # type: ignore[union-attr]
    else:
        members[1].theta[-1] = math.nan
    with pytest.raises(MemberDiverged, match="epoch 3") as found, np.errstate(invalid="ignore"):
        assert [[member for member, _ in epoch] for epoch in runs] == [[0, 2]] * 4
        next(runs)
    assert found.value.member == 1
    assert found.value.batch == (None if in_validation else 1)
    assert found.value.layer == ("data" if in_validation else "output")
    assert everything(members)[1] == before[1]
    assert members[1].result()[2]
    assert_alike(alone[::2], members[::2])


def test_a_member_that_ends_as_another_diverges_makes_that_epoch_again() -> None:
    plan = replace(PLAN, epochs=40, learning_rate=0.03)
    alone, members = trainers(2, plan=plan, patience=2), trainers(2, plan=plan, patience=2)
    n_epochs = [len(list(trainer.run())) for trainer in alone]
    assert n_epochs[0] <= n_epochs[1]
    runs = MembersTrainer(members).run()
    for _ in range(n_epochs[0] - 1):
        next(runs)
    members[1].judge.rows.numeric = X * np.float32(math.inf)  # type: ignore[union-attr]
    with np.errstate(invalid="ignore"):
        assert [(member, report.epoch) for member, report in next(runs)] == [(0, n_epochs[0])]
    with pytest.raises(MemberDiverged):
        next(runs)
    assert_alike(alone[:1], members[:1], rtol=1e-7)


def test_of_several_that_diverge_the_first_is_named() -> None:
    members = trainers(4)
    runs = MembersTrainer(members).run()
    next(runs)
    for member, place in ((3, -1), (1, 0)):
        arrays, plain = members[member].state()
        arrays["theta"][place] = math.nan
        members[member].restore(arrays, plain)
    with pytest.raises(MemberDiverged, match="first in hidden1") as found:
        list(runs)
    assert found.value.member == 1
    assert [trainer.ended for trainer in members] == ["epochs", None, "epochs", None]
    assert [trainer.epoch for trainer in members] == [6, 1, 6, 1]


def test_one_member_alone_that_diverges_is_named_too() -> None:
    members = trainers(3, plan=replace(PLAN, epochs=3))
    for trainer in (members[0], members[2]):
        list(trainer.run())
    members[1].theta[0] = math.inf
    with pytest.raises(MemberDiverged) as found:
        with np.errstate(invalid="ignore"):
            list(MembersTrainer(members).run())
    assert (found.value.member, found.value.layer) == (1, "hidden1")


def test_metrics_of_training_are_each_members_own() -> None:
    def mean(z: Any, target: Any, weight: Any) -> dict[str, float]:
        error = (z[:, 0] - target) ** 2 * weight
        return {"rows": float(len(z)), "error": float(error.sum() / weight.sum())}

    alone, members = (trainers(metrics=mean, bagging=True) for _ in range(2))
    reports = [list(trainer.run()) for trainer in alone]
    for mine, theirs in zip(reports, together(members), strict=True):
        for a, b in zip(mine, theirs, strict=True):
            assert b.train_metrics == pytest.approx(a.train_metrics, rel=1e-10)
            assert (b.train_metrics or {})["rows"] == 150


def test_metrics_of_training_are_of_as_many_rows_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (learning, mini_batches):
        monkeypatch.setattr(module, "METRIC_ROWS", 40)

    def rows(z: Any, target: Any, weight: Any) -> dict[str, float]:
        return {"rows": float(len(z)), "first": float(target[0]), "last": float(target[-1])}

    alone, members = (trainers(2, metrics=rows) for _ in range(2))
    reports = [list(trainer.run()) for trainer in alone]
    for mine, theirs in zip(reports, together(members), strict=True):
        assert [a.train_metrics for a in mine] == [b.train_metrics for b in theirs]
        assert (mine[0].train_metrics or {})["rows"] == 64  # two batches


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, batch_norm=True),
        replace(SPEC, layer_norm=True),
        NetworkSpec(n_numeric=5, n_outputs=1, levels=(3,)),
        replace(SPEC, input_noise=0.1),
        replace(SPEC, activation_noise=0.1),
        replace(SPEC, activation="stochastic-binary"),
        replace(SPEC, activation="leaky-relu", parametric_activation=True),
    ],
)
def test_networks_with_other_layers_go_one_by_one(spec: NetworkSpec) -> None:
    assert not stackable(Network(spec))
    assert stackable(Network(SPEC))


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, rules=UpdateRules(optimizer=build(OPTIMIZERS, "normalized"))),
        replace(PLAN, rules=UpdateRules(optimizer=build(OPTIMIZERS, "vsgd"))),
        replace(PLAN, rules=UpdateRules(optimizer=SGD(), clip_norm=1.0)),
        replace(PLAN, rules=UpdateRules(optimizer=SGD(), layer_rates="sqrt")),
        replace(PLAN, schedule=build(SCHEDULES, "plateau")),
        replace(PLAN, schedule=build(SCHEDULES, "bold-driver")),
        replace(PLAN, weight_noise=0.1),
    ],
)
def test_plans_that_look_at_a_member_as_a_whole_go_one_by_one(plan: Plan) -> None:
    assert not trained_together(trainers(plan=plan))


def test_members_of_other_rows_go_one_by_one() -> None:
    members = trainers(3)
    assert trained_together(members)
    assert not trained_together(members[:1])
    members[2].train.numeric = X.copy()  # type: ignore[attr-defined]
    assert not trained_together(members)
    members = trainers(3)
    members[1].train.index = np.arange(149)  # type: ignore[attr-defined]
    assert not trained_together(members)


@pytest.mark.parametrize("optimizer", [SGD(), Adam()])
def test_what_an_optimizer_is_by_itself_says_whether_it_is_taken(optimizer: Optimizer) -> None:
    assert trained_together(trainers(plan=replace(PLAN, rules=UpdateRules(optimizer=optimizer))))


def test_large_networks_and_batches_gain_nothing() -> None:
    small = Network(NetworkSpec(n_numeric=32, hidden=(32, 32), n_outputs=1))
    large = Network(NetworkSpec(n_numeric=32, hidden=(256, 256), n_outputs=1))
    assert worth_batching(small, 32, 2)
    assert worth_batching(small, 256, 8)
    assert not worth_batching(small, 32, 1)
    assert not worth_batching(small, 2048, 8)
    assert not worth_batching(large, 32, 8)
