"""Early stopping as a value."""

import math

import pytest

from nntool.nn.stopping import EarlyStopping


def stops_at(watch: EarlyStopping, values: list[float]) -> int | None:
    return next((i for i, value in enumerate(values) if watch.update(value)), None)


def test_it_waits_for_progress_as_long_as_it_has_patience() -> None:
    assert stops_at(EarlyStopping(patience=3), [5, 4, 4, 4, 3, 3, 3, 3]) == 7
    assert stops_at(EarlyStopping(patience=None), [5.0] * 50) is None


def test_small_progress_keeps_the_best_but_not_the_patience() -> None:
    watch = EarlyStopping(patience=3, min_delta=0.5)
    assert stops_at(watch, [5, 4.9, 4.8, 4.7]) == 3
    assert watch.best == 4.7
    slow_but_steady = EarlyStopping(patience=3, min_delta=0.5)
    assert stops_at(slow_but_steady, [5, 4.8, 4.4, 4.3, 3.8, 3.7, 3.6]) is None


def test_a_score_is_better_when_it_is_higher() -> None:
    watch = EarlyStopping(patience=2, direction="max")
    assert stops_at(watch, [0.5, 0.7, 0.6, 0.65]) == 3
    assert watch.best == 0.7


def test_what_is_not_a_number_is_no_progress() -> None:
    watch = EarlyStopping(patience=2)
    assert stops_at(watch, [math.nan, 1.0, math.nan, math.nan]) == 3
    assert watch.best == 1.0


@pytest.mark.parametrize("n_before", range(7))
def test_a_restored_watch_goes_on_as_if_never_stopped(n_before: int) -> None:
    values = [5, 4, 4.2, 3.9, 4, 4, 4]
    straight, first, second = (EarlyStopping(patience=3, min_delta=0.2) for _ in range(3))
    for value in values[:n_before]:
        first.update(value)
    second.restore(first.state())
    wanted = [(straight.update(v), straight.improved) for v in values][n_before:]
    assert [(second.update(v), second.improved) for v in values[n_before:]] == wanted
