"""The leakage guard: what would make a model look better than it is. It warns and changes nothing.

It looks at all columns, for its report alone: nothing of it enters a fitted state.
"""

from dataclasses import replace

import numpy as np

from nntool.tables.leakage.across import backward_time, cut_groups, repeats
from nntool.tables.leakage.features import identifiers, telling
from nntool.tables.leakage.finding import Finding, View

__all__ = ["MOST_ROWS", "Finding", "View", "find"]

MOST_ROWS = 100_000
"""Training rows, a seeded sample, that single features are judged by."""


def find(view: View, rng: np.random.Generator) -> tuple[list[Finding], list[str]]:
    """All leaks that are found in a table that was dealt, and notes on how it was looked at."""
    training = np.flatnonzero(view.parts == 0)
    notes = []
    if training.size > MOST_ROWS:
        notes.append(
            f"leakage: single features judged by a seeded sample of {MOST_ROWS:,} of"
            f" {training.size:,} training rows"
        )
        training = np.sort(rng.choice(training, MOST_ROWS, replace=False))
    view = replace(view, rows=training)
    found = [
        *repeats(view, view.named("identifier")),
        *cut_groups(view),
        *backward_time(view),
        *identifiers(view),
        *telling(view, rng),
    ]
    return found, notes
