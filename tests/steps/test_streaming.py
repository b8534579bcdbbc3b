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
