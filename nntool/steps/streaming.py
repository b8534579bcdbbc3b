"""Work on a stream of items in several threads, with results in order and a bound on memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
SECONDS_TO_END = 0.2
"""How long to wait for the thread that takes items, which may itself wait for a pipe."""


class AbandonedError(Exception):
    """What long work may raise where nobody wants its result any more."""


def in_order(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    threads: int,
    stopped: threading.Event | None = None,
) -> Iterator[Result]:
    """Yield ``work(item)`` in the order of the items, about ``threads`` of them in hand at once.

    The items are taken in a thread of their own, so that a result need not wait for the next item
    where that comes slowly. With one thread nothing is started. An error of an item is raised at
    its place. ``stopped`` is set at the end, or where nobody wants more: the work in hand is waited
    for, and may look at it to be over sooner.

    >>> list(in_order(lambda n: n * n, [1, 2, 3], threads=2))
    [1, 4, 9]
    """
    if threads <= 1:
        yield from map(work, items)
        return
    line: Queue[Future[Result] | None] = Queue(threads)
    stopped = stopped or threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        # a daemon: where the reader of a pipe has gone, nobody waits for what comes into it
        feeder = threading.Thread(
            target=_feed, args=(work, items, pool, line, stopped), daemon=True
        )
        feeder.start()
        try:
            while (future := line.get()) is not None:
                yield future.result()
        finally:
            stopped.set()
            while not line.empty():
                waiting = line.get()
                if waiting is not None:
                    waiting.cancel()
            feeder.join(SECONDS_TO_END)


def _feed(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    pool: ThreadPoolExecutor,
    line: Queue[Future[Result] | None],
    stopped: threading.Event,
) -> None:
    """Hand each item to the pool and queue what it will give; None is the end."""
    try:
        for item in items:
            if stopped.is_set():
                break
            line.put(pool.submit(work, item))
    except BaseException as error:
        failed: Future[Result] = Future()
        failed.set_exception(error)
        line.put(failed)
    finally:
        if isinstance(items, Generator):
            items.close()
        line.put(None)
