"""Work in several threads: results in order, a bound on what is in hand, errors at their place."""

import threading
import time
from collections.abc import Iterator

import pytest

from nntool.steps.streaming import in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    def slow_first(n: int) -> int:
        time.sleep(0.02 if n == 0 else 0)
        return n

    assert list(in_order(slow_first, range(20), threads)) == list(range(20))


@pytest.mark.parametrize("threads", [1, 3])
def test_items_are_taken_as_they_are_needed(threads: int) -> None:
    taken = []

    def items() -> Iterator[int]:
        for n in range(100):
            taken.append(n)
            yield n

    results = in_order(lambda n: n, items(), threads)
    next(results)
    time.sleep(0.1)  # what may be taken ahead is taken by now
    assert len(taken) <= threads + 2


def test_several_items_are_in_hand_at_once() -> None:
    met = threading.Barrier(3, timeout=10)
    assert len(list(in_order(lambda _: met.wait(), range(3), 3))) == 3


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_is_raised_at_the_place_of_its_item(threads: int) -> None:
    def work(n: int) -> int:
        if n == 3:
            raise ValueError("the third")
        return n

    results = in_order(work, range(10), threads)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="the third"):
        next(results)


def test_a_result_does_not_wait_for_an_item_that_is_slow_to_come() -> None:
    more = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        assert more.wait(10)
        yield 2

    results = in_order(lambda n: n, items(), 2)
    assert next(results) == 1
    more.set()
    assert list(results) == [2]


@pytest.mark.parametrize("threads", [1, 3])
def test_who_has_enough_need_not_wait_for_the_next_item(threads: int) -> None:
    never = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        if threads > 1:
            never.wait(60)
        yield 2

    begun = time.perf_counter()
    results = in_order(lambda n: n, items(), threads)
    assert next(results) == 1
    results.close()  # type: ignore[attr-defined]  # a generator
    never.set()
    assert time.perf_counter() - begun < 30


def test_work_in_hand_is_told_that_nobody_wants_it() -> None:
    stopped = threading.Event()
    results = in_order(lambda n: n == 0 or stopped.wait(60), [0, 1], 2, stopped)
    assert next(results)
    begun = time.perf_counter()
    results.close()  # type: ignore[attr-defined]  # a generator
    assert time.perf_counter() - begun < 30


@pytest.mark.parametrize("threads", [1, 3])
def test_the_source_of_the_items_is_closed_where_nobody_wants_more(threads: int) -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    results = in_order(lambda n: n, items(), threads)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]  # a generator
    del results
    assert closed.wait(10)


def test_the_source_is_closed_by_the_thread_that_takes_items_whoever_else_holds_it() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    source = items()
    results = in_order(lambda n: n, source, 3)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]  # a generator
    assert closed.wait(10)


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_of_the_items_is_raised_behind_those_before_it(threads: int) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    results = in_order(lambda n: n, items(), threads)
    assert next(results) == 1
    with pytest.raises(ValueError, match="no more"):
        next(results)
