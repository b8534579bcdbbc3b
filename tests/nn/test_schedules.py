"""Schedules: rates at known moments, and decisions by result; torch is in ``test_oracles``."""

import json
import math

import numpy as np
import pytest

from nntool.nn.registry import build, describe
from nntool.nn.schedules import SCHEDULES, BoldDriver, Moment, Plateau, Schedule, warm
from nntool.nn.schedules.by_time import cycle_ends

EPOCHS, PER_EPOCH = 20, 7
MOMENTS = [Moment(t, PER_EPOCH, EPOCHS) for t in range(1, EPOCHS * PER_EPOCH + 1)]
ALL = [build(SCHEDULES, name) for name in SCHEDULES]
LOSSES = 1 / (1 + 0.3 * np.arange(60)) + 0.05 * np.sin(2.5 * np.arange(60))


def rates(schedule: Schedule, base: float = 1.0) -> np.ndarray:
    """Return the rates of all updates of a training whose losses are of no matter."""
    return np.array([schedule.rate(base, at, schedule.start()) for at in MOMENTS])


def factor(schedule: Schedule, memory: dict[str, object]) -> float:
    return schedule.rate(1.0, MOMENTS[0], memory)


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_rates_follow_the_base_and_stay_between_nothing_and_it(schedule: Schedule) -> None:
    once = rates(schedule)
    assert ((once >= 0) & (once <= 1)).all()
    assert once.max() > 0.99
    np.testing.assert_allclose(rates(schedule, 0.03), 0.03 * once, rtol=1e-12)


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_only_schedules_that_say_so_need_the_number_of_epochs(schedule: Schedule) -> None:
    longer = [
        schedule.rate(1.0, at._replace(epochs=2 * EPOCHS), schedule.start()) for at in MOMENTS
    ]
    assert schedule.needs_total == (not np.allclose(rates(schedule), longer))


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_what_it_remembers_survives_json_and_decides_its_future(schedule: Schedule) -> None:
    memory = schedule.start()
    for loss in LOSSES[:25].tolist():
        schedule.observe(loss, loss + 0.1, memory)
    kept = json.dumps(memory, allow_nan=False)
    restored = json.loads(kept)
    assert restored == memory
    said = [
        [
            (schedule.observe(loss, loss + 0.1, other), schedule.rate(0.1, MOMENTS[9], other))
            for loss in LOSSES[25:].tolist()
        ]
        for other in (memory, restored)
    ]
    assert said[0] == said[1]


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_a_copy_of_the_memory_is_not_changed_by_later_results(schedule: Schedule) -> None:
    memory = schedule.start()
    for loss in LOSSES.tolist():
        copy, text = dict(memory), json.dumps(memory)
        schedule.observe(loss, loss, memory)
        assert json.dumps(copy) == text


@pytest.mark.parametrize("schedule", ALL, ids=str)
@pytest.mark.parametrize("loss", [math.nan, math.inf, None])
def test_losses_that_are_none_leave_a_finite_rate(schedule: Schedule, loss: float | None) -> None:
    memory = schedule.start()
    for _ in range(30):
        schedule.observe(math.nan if loss is None else loss, loss, memory)
        json.dumps(memory, allow_nan=False)
        assert 0 <= schedule.rate(1.0, MOMENTS[5], memory) <= 1


@pytest.mark.parametrize(
    ("name", "settings", "t", "wanted"),
    [
        ("constant", {}, 99, 1.0),
        ("inverse-time", {"decay": 0.1}, 10, 0.5),
        ("inverse-time", {}, 1000, 0.5),
        ("exponential", {}, 1 + 2 * PER_EPOCH, 0.98**2),
        ("exponential", {"factor": 0.5}, 1 + PER_EPOCH / 2, 0.5**0.5),
        ("step", {}, 10 * PER_EPOCH, 1.0),
        ("step", {}, 1 + 10 * PER_EPOCH, 0.5),
        ("step", {"every": 3, "factor": 0.1}, 1 + 9 * PER_EPOCH, 0.001),
        ("polynomial", {}, 1 + EPOCHS * PER_EPOCH // 4, 0.75),
        ("polynomial", {"power": 2, "floor": 0.2}, 1 + EPOCHS * PER_EPOCH // 2, 0.4),
        ("cosine", {}, 1, 1.0),
        ("cosine", {}, 1 + EPOCHS * PER_EPOCH // 2, 0.5),
        ("cosine", {"floor": 0.1}, 1 + EPOCHS * PER_EPOCH, 0.1),
        ("one-cycle", {}, 1, 0.04),
        ("one-cycle", {}, EPOCHS * PER_EPOCH * 3 // 10, 1.0),
        ("one-cycle", {}, EPOCHS * PER_EPOCH, 0.04e-4),
        ("one-cycle", {"rise": 0}, 1, 1.0),
        ("one-cycle", {"rise": 1}, EPOCHS * PER_EPOCH, 1.0),
    ],
)
def test_the_rate_at_a_known_moment(
    name: str, settings: dict[str, float], t: float, wanted: float
) -> None:
    schedule = build(SCHEDULES, name, settings)
    rate = schedule.rate(1.0, Moment(t, PER_EPOCH, EPOCHS), {})  # type: ignore[arg-type]
    assert rate == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("tau", [0, 1 / 15, 3 / 15, 7 / 15])
def test_the_four_waves_begin_and_end_at_nothing_and_crest_between(tau: float) -> None:
    schedule = build(SCHEDULES, "coslog4")
    at = Moment(1 + round(tau * 15_000), 150, 100)
    assert schedule.rate(1.0, at, {}) == pytest.approx(0, abs=1e-12)
    crest = (math.sqrt(2) * (1 + 15 * tau) - 1) / 15  # half a wave on, in the logarithm
    assert schedule.rate(1.0, Moment(1 + round(crest * 15_000), 150, 100), {}) > 0.999


def test_cycles_of_cosine_are_each_a_whole_fall_that_ends_with_an_epoch() -> None:
    """Ten epochs in three cycles: 3, 3 and 4, each as a training of its own."""
    restarted = build(SCHEDULES, "cosine", {"cycles": 3, "floor": 0.1})
    plain = build(SCHEDULES, "cosine", {"floor": 0.1})
    found = [restarted.rate(2.0, Moment(t, 7, 10), {}) for t in range(1, 71)]
    wanted = [
        plain.rate(2.0, Moment(t, 7, length), {})
        for length in (3, 3, 4)
        for t in range(1, 1 + 7 * length)
    ]
    assert found == pytest.approx(wanted, rel=1e-12)


def test_cycles_are_counted_without_rounding() -> None:
    for epochs, cycles in ((7, 7), (100, 3), (200, 9), (2, 5)):
        schedule = build(SCHEDULES, "cosine", {"cycles": cycles})
        tops = {
            epoch
            for epoch in range(epochs)
            if schedule.rate(1.0, Moment(1 + epoch * 49, 49, epochs), {}) == 1
        }
        assert tops == {0, *cycle_ends(epochs, cycles)} - {epochs}


def test_one_cycle_of_a_single_update_is_a_rate() -> None:
    for epochs in (1, 2, 3):
        for t in range(1, epochs + 1):
            rate = build(SCHEDULES, "one-cycle").rate(1.0, Moment(t, 1, epochs), {})
            assert 0 < rate <= 1


def test_whole_epochs_are_counted_without_rounding() -> None:
    for per_epoch in (3, 7, 49, 1000):
        for epoch in range(1, 200):
            before, after = (Moment(epoch * per_epoch + i, per_epoch, 200) for i in (0, 1))
            assert before.ends_epoch
            assert not after.ends_epoch or per_epoch == 1
            assert before.done < epoch == after.done


def test_a_warm_up_ends_with_its_epochs() -> None:
    factors = [warm(at, 1.5) for at in MOMENTS[:12]]
    np.testing.assert_allclose(factors, np.minimum(1, np.arange(1, 13) / 10.5))
    assert warm(MOMENTS[0], 0) == 1


def test_plateau_waits_for_its_patience_and_starts_anew() -> None:
    schedule = Plateau(factor=0.5, patience=3)
    memory = schedule.start()
    factors = []
    for loss in [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8, 0.9]:
        schedule.observe(5.0, loss, memory)
        factors.append(factor(schedule, memory))
    assert factors == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_plateau_counts_only_epochs_that_were_judged() -> None:
    schedule = Plateau(factor=0.5, patience=2)
    memory = schedule.start()
    for loss in [1.0, None, None, None, 1.0, None]:
        schedule.observe(5.0, loss, memory)
    assert factor(schedule, memory) == 1
    schedule.observe(5.0, math.nan, memory)
    assert factor(schedule, memory) == 0.5


def test_plateau_knows_progress_below_zero() -> None:
    schedule = Plateau(patience=1, threshold=0.1)
    memory = schedule.start()
    for loss in [-1.0, -1.2, -1.4]:
        schedule.observe(0.0, loss, memory)
    assert factor(schedule, memory) == 1
    schedule.observe(0.0, -1.45, memory)  # less than a tenth
    assert factor(schedule, memory) == 0.5


def drive(schedule: BoldDriver, losses: list[float]) -> tuple[list[bool], list[float]]:
    memory = schedule.start()
    undone, factors = [], []
    for loss in losses:
        undone.append(schedule.observe(loss, None, memory))
        factors.append(factor(schedule, memory))
    return undone, factors


def test_the_bold_driver_speeds_up_after_steady_falls_and_goes_back_after_a_rise() -> None:
    undone, factors = drive(BoldDriver(up=2, down=0.25, steady=2), [5, 4, 3, 2, 3, 1.9, 1.8])
    assert undone == [False, False, False, False, True, False, False]
    # after the rise the losses go on from 2: 1.9 is a fall
    assert factors == [1, 1, 2, 4, 1, 1, 2]


def test_the_bold_driver_lets_small_rises_pass_but_not_a_swing() -> None:
    schedule = BoldDriver(slack=0.1, down=0.5, up=1)
    assert drive(schedule, [1.0, 1.05, 1.1, 1.15])[0] == [False] * 4
    undone, factors = drive(schedule, [1.0, 1.05, 1.0, 1.05, 1.0])
    assert undone == [False, False, False, True, False]
    assert factors[-1] == 0.5


def test_the_bold_driver_measures_from_the_weights_it_went_back_to() -> None:
    assert drive(BoldDriver(), [1.0, 2.0, 1.5, 1.2])[0] == [False, True, True, True]


def test_the_bold_driver_does_not_go_back_for_ever() -> None:
    schedule = BoldDriver(floor=0.01, down=0.5)
    undone, factors = drive(schedule, [1.0 + i for i in range(12)])
    assert undone == [False] + [True] * 7 + [False] * 4
    assert min(factors) == factors[-1] == 0.01


def test_the_bold_driver_undoes_a_loss_that_is_no_number() -> None:
    undone, factors = drive(BoldDriver(), [math.nan, 1.0, math.inf, 0.9])
    assert undone == [True, False, True, False]
    assert factors == [0.5, 0.5, 0.25, 0.25]


def test_the_bold_driver_brings_gradient_descent_to_the_minimum_from_a_rate_too_large() -> None:
    slopes = np.array([1.0, 10.0])
    theta, schedule = np.array([1.0, 1.0]), BoldDriver()
    memory = schedule.start()
    for _ in range(200):
        before = theta.copy()
        theta -= schedule.rate(1.0, MOMENTS[0], memory) * slopes * theta
        if schedule.observe(float(slopes @ theta**2), None, memory):
            theta = before
    assert np.abs(theta).max() < 1e-6


@pytest.mark.parametrize("name", SCHEDULES)
def test_it_says_when_to_use_it(name: str) -> None:
    assert "\nUse: " in describe(SCHEDULES, name).doc
