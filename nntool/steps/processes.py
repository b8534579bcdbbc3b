"""Work for processes of their own: when it is worth them, and how they begin and end."""

from __future__ import annotations

import math
import os
import signal
import threading
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

WORTH_PROCESSES = 20_000
"""Updates of all networks, as `updates` counts them, from which on they go to processes of their
own: about three seconds of work, where each process takes one to begin. The numbers are the same.
"""
LARGE_UPDATE = 1_000_000
"""Products of a row and a weight that take as long as all else in an update."""


def updates(n_rows: int, batch_size: int | str, epochs: int, parameters: int) -> float:
    """How many updates a training makes, large ones counted for more."""
    size = n_rows if isinstance(batch_size, str) else min(batch_size, n_rows)
    n_batches = math.ceil(n_rows / max(1, size))
    return float(epochs * n_batches * (1 + size * parameters / LARGE_UPDATE))


def at_a_time(n_tasks: int, updates_of_all: float, cores: int) -> int:
    """How many tasks are done at a time; one: in this very process."""
    return min(cores, n_tasks) if updates_of_all >= WORTH_PROCESSES else 1


@contextmanager
def alone(parent: int) -> Iterator[None]:
    """One thread in every library; in a process of its own Ctrl-C is left to the parent."""
    from threadpoolctl import threadpool_limits

    is_main = threading.current_thread() is threading.main_thread()
    if is_main and os.getpid() != parent:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    with threadpool_limits(1):
        yield


@contextmanager
def stopped_at_the_end(results: Generator[Any]) -> Iterator[Iterator[Any]]:
    """The results; joblib's workers are stopped where not all of them were taken."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that tasks were cancelled, which is what is wanted
            results.close()
