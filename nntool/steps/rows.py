"""Which rows a step learns from: the training part where a fresh split stands, else all kept."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from nntool.errors import StaleError
from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.manifest import RowsSeen
from nntool.settings.split import SplitSettings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

PARTS = {"train": 0, "validation": 1, "test": 2}
"""The codes in rows.npy; −1 is in no part."""


def parts(run: Run) -> npt.NDArray[np.int8]:
    """The part of every row, from rows.npy."""
    import numpy as np

    from nntool.tables import arrays

    return arrays.load(run.checked(names.SPLIT_ROWS), dtype=np.int8, shape=(None,))


def parts_where_split(run: Run) -> npt.NDArray[np.int8] | None:
    """The part of every row where a fresh split stands, else None: all are one part."""
    return parts(run) if freshness.state(run, "split").is_fresh else None


def left_out(run: Run) -> npt.NDArray[np.int8]:
    """Why each row is left out by clean; 0 is kept."""
    import numpy as np

    from nntool.tables import arrays

    return arrays.load(run.checked(names.CLEAN_LEFT_OUT), dtype=np.int8, shape=(None,))


def of_part(run: Run, part: str) -> Mask:
    """The kept rows of a part."""
    mask: Mask = (parts(run) == PARTS[part]) & (left_out(run) == 0)
    return mask


def learned_by_clean(n_rows: int, rows: npt.NDArray[np.int8] | None) -> tuple[Mask, RowsSeen]:
    """The rows that clean learns from: it decides itself which of them to leave out."""
    import numpy as np

    mask = np.ones(n_rows, dtype=np.bool_) if rows is None else rows == PARTS["train"]
    return mask, seen(mask, from_split=rows is not None)


def learned_later(run: Run) -> tuple[Mask, RowsSeen]:
    """The rows that the steps after clean learn from."""
    mask = left_out(run) == 0
    from_split = freshness.state(run, "split").is_fresh
    if from_split:
        mask &= parts(run) == PARTS["train"]
    return mask, seen(mask, from_split=from_split)


def seen(mask: Mask, *, from_split: bool) -> RowsSeen:
    """The entry for run.json of the rows that a step learned from."""
    digest = hashlib.sha256(mask.tobytes()).hexdigest()
    part = "train" if from_split else "all"
    return RowsSeen(part=part, count=int(mask.sum()), sha256=digest)  # type: ignore[arg-type] # a Literal


def numeric_target(run: Run, name: str) -> npt.NDArray[np.float64]:
    """The target of a regression for all rows in its own unit, exactly as clean has it."""
    from nntool.tables import parquet

    column = parquet.read(run.checked(names.CLEAN_TABLE), [name]).column(name)
    values: npt.NDArray[np.float64] = column.to_numpy()
    return values


def require_training_states(run: Run) -> None:
    """Refuse states that were not learned from the training rows that stand now."""
    training = seen(parts(run) == PARTS["train"], from_split=True)
    kept = seen(of_part(run, "train"), from_split=True)
    for step in names.FITTED_ON_ROWS:
        entry = run.entry(step)
        wanted = training if step == "clean" else kept
        if entry is None or entry.rows is None or entry.rows.sha256 != wanted.sha256:
            raise StaleError(
                f"{step} did not learn from the training rows of this split",
                f"{run.command('split')} --force",
            )


def split_with(run: Run, part: str) -> str:
    """The command that splits as before, but with rows of a part: if need be, those of training."""
    default = SplitSettings()
    entry = run.entry("split")
    shares = {name: getattr(default, name) for name in PARTS}
    shares |= {
        name: share for name, share in (entry.settings if entry else {}).items() if name in PARTS
    }
    wanted = getattr(default, part)
    others = sum(share for name, share in shares.items() if name not in ("train", part))
    rest = round(1 - others - wanted, 2)
    command = f"{run.command('split')} --{part} {wanted:g}"
    return f"{command} --train {rest:g}" if 0 < rest < shares["train"] else command
