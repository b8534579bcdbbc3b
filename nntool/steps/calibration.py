"""Calibration: validation rows that no choice of training saw, and what is found from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nntool.run.directory import Run
from nntool.settings.wording import counted
from nntool.steps import rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

STREAM = "calibration"
"""The stream of the seed of train that the calibration rows are drawn by."""


class Masks(NamedTuple):
    """The kept validation rows by what they are for, ``(n_rows,)`` each."""

    stopping: Mask
    """For all that is chosen: when to stop, which weights, the temperature, a threshold."""
    calibration: Mask
    """For the scores of intervals and sets. The same rows as ``stopping`` where they are shared."""

    @property
    def are_shared(self) -> bool:
        """Whether the same rows serve both."""
        return bool((self.stopping & self.calibration).any())

    def notes(self) -> list[str]:
        """What training says of its validation rows, where there are any."""
        n, n_kept = int((self.stopping | self.calibration).sum()), int(self.calibration.sum())
        if self.are_shared:
            return [
                f"{counted(n, 'validation row')} both to stop by and for calibration"
                " (--calibration 0): intervals will be too narrow"
            ]
        if not n:
            return []
        return [
            f"{n_kept:,} of {counted(n, 'validation row')} are kept for calibration (--calibration)"
        ]


def masks(run: Run, share: float, seed: int) -> Masks:
    """The stopping and the calibration rows of a run, by the settings of its training."""
    return divided(rows.of_part(run, "validation"), share, seed)


def masks_of_model(run: Run) -> Masks:
    """The stopping and the calibration rows of the training that made the model of a run.

    Before there was calibration all validation rows served to stop.
    """
    entry = run.entry("train")
    settings = entry.settings if entry is not None else {}
    return masks(run, settings.get("calibration", 0.0), settings.get("seed", 0))


def divided(validation: Mask, share: float, seed: int) -> Masks:
    """⌊share·n⌋ of the n validation rows calibrate, drawn at random; at least one stops training.

    With a share of 0 all of them serve both.

    >>> import numpy as np
    >>> found = divided(np.array([True, True, False, True]), 0.7, seed=0)
    >>> int(found.stopping.sum()), int(found.calibration.sum())
    (1, 2)
    """
    import numpy as np

    from nntool.nn.randomness import Streams

    if not share:
        return Masks(validation, validation)
    index = np.flatnonzero(validation)
    wanted = int(share * len(index) + 1e-9)  # 0.29 · 100 is a little less than 29
    n = max(0, min(wanted, len(index) - 1))
    calibration = np.zeros_like(validation)
    calibration[Streams(seed)[STREAM].permutation(index)[:n]] = True
    return Masks(validation & ~calibration, calibration)
