"""How much each row counts in training: a column's weight times that of the row's class."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, UsageError
from nntool.run import names
from nntool.run.directory import Run
from nntool.settings.train import TrainSettings
from nntool.steps.performing import read_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]
    Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RowWeights:
    """The weights of all rows and what is to be said of them."""

    values: npt.NDArray[np.float32]
    """`(n_rows,)`: mean 1 over training rows, validation rows by the same factor, others 0."""
    column: str | None
    """The column that --sample-weight names."""
    by_class: dict[str, float]
    """The weight of each class, before scaling; empty where classes count alike."""
    notes: list[str]


def row_weights(
    run: Run,
    settings: TrainSettings,
    words: Mapping[str, Any],
    target: npt.NDArray[Any],
    train: Mask,
    validation: Mask,
) -> RowWeights | None:
    """The weights of the rows of a run, or None where all count alike.

    ``words`` is what model.json says of the network (task, target, classes, columns); ``target``
    `(n_rows,)` holds class codes, ``train`` and ``validation`` say which rows are in the part.
    """
    import numpy as np

    if settings.sample_weight is None and settings.class_weights == "none":
        return None
    notes: list[str] = []
    sample = np.ones(len(train))
    column = None
    if settings.sample_weight is not None:
        column = weight_column(run, settings.sample_weight, words["target"])
        sample = column_weights(run, column, train, train | validation)
        notes += _notes_of_column(run, column, words["columns"], sample[train])
    by_class: dict[str, float] = {}
    if settings.class_weights != "none":
        classes = words["classes"]
        if classes is None:
            raise UsageError(
                f"--class-weights is for classes, and {words['target']!r} is a number",
                "--sample-weight COLUMN weighs the rows of a regression",
            )
        codes = target.astype(np.int64)
        found = class_weights(settings.class_weights, classes, codes[train], sample[train])
        by_class = dict(zip(classes, found.tolist(), strict=True))
        notes += _notes_of_classes(settings.class_weights, by_class, codes[train])
        sample *= found[codes]
    values = scaled(sample, train, train | validation)
    by_loss = settings.monitor in ("auto", "validation-loss")
    if by_loss and validation.any() and not values[validation].any():
        raise DataError(
            "all validation rows have weight 0, so their loss is 0 whatever is predicted",
            "--monitor train-loss or a metric, which counts every row, or split with more of them",
        )
    return RowWeights(values, column, by_class, notes)


def class_weights(
    asked: str | Mapping[str, float],
    classes: Sequence[str],
    codes: npt.NDArray[np.int64],
    sample: Numbers,
) -> Numbers:
    """The weight of each class `(n_classes,)`.

    'balanced': n/(K·n_c), n_c the weight of the training rows of class c, n that of all, K the
    classes that have any (King & Zeng 2001, Political Analysis 9); 1 for a class without rows or
    without a name in ``asked``. Raises ``UsageError`` for a class that is not there.
    """
    import numpy as np

    if isinstance(asked, str):
        in_class = np.bincount(codes, sample, len(classes))
        present = in_class > 0
        share = in_class * np.count_nonzero(present)
        found: Numbers = np.ones(len(classes))
        np.divide(in_class.sum(), share, out=found, where=present)
        return found
    unknown = [name for name in asked if name not in classes]
    if unknown:
        near = difflib.get_close_matches(unknown[0], classes, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"--class-weights: there is no class {', '.join(map(repr, unknown))}",
            f"{hint}the classes are {', '.join(classes)}",
        )
    return np.array([asked.get(name, 1.0) for name in classes])


def scaled(weights: Numbers, train: Mask, used: Mask) -> npt.NDArray[np.float32]:
    """Weights with mean 1 over training rows, so that a learning rate means what it did without.

    >>> import numpy as np
    >>> train, used = np.array([True, True, False]), np.array([True, True, True])
    >>> scaled(np.array([1.0, 3.0, 4.0]), train, used).tolist()
    [0.5, 1.5, 2.0]
    """
    import numpy as np

    largest = weights[train].max()
    if not largest:
        raise DataError(
            "all training rows have weight 0, so there is nothing to learn",
            "give at least one class or row a weight above 0",
        )
    shares = weights / largest  # a sum of the largest numbers there are would be infinite
    shares /= shares[train].mean()
    shares[~used] = 0
    narrow: npt.NDArray[np.float32] = shares.astype(np.float32)
    return narrow


def weight_column(run: Run, wanted: str, target: str) -> str:
    """The name of the column that --sample-weight names, by name or by position."""
    from nntool.tables import columns, parquet

    known = parquet.names(run.checked(names.COLLECT_TABLE))  # in the order of the source
    name = columns.resolve(known, wanted, "--sample-weight")
    if name == target:
        raise UsageError(
            f"--sample-weight: {name!r} is the target",
            f"choose from {', '.join(other for other in known if other != target)}",
        )
    return name


def column_weights(run: Run, name: str, train: Mask, used: Mask) -> Numbers:
    """The numbers of a column of the clean table `(n_rows,)`, 0 where a row is not ``used``.

    Raises ``DataError`` with the first row of those used whose cell is no weight.
    """
    import numpy as np

    values, cells = _numbers_of(run, name)
    for is_bad, fault in (
        (np.isnan(values), "{} is no number"),
        (values < 0, "{} is negative"),
    ):
        bad = np.flatnonzero(is_bad & used)
        if len(bad):
            cell = cells[int(bad[0])].as_py()
            shown = repr(cell) if isinstance(cell, str) else f"{cell or 0:g}"
            what = "the cell is empty" if cell is None else fault.format(shown)
            more = f" (and so in {len(bad) - 1:,} more rows)" if len(bad) > 1 else ""
            raise DataError(
                f"--sample-weight {name}: row {bad[0] + 1}: {what}{more}",
                "each training and validation row needs a number ≥ 0 in the source; with 0 it does"
                " not count",
            )
    values[~used] = 0
    if not values[train].any():
        raise DataError(
            f"--sample-weight {name}: it is 0 in all {np.count_nonzero(train):,} training rows",
            "choose a column that is above 0 in some of them",
        )
    return values


def _numbers_of(run: Run, name: str) -> tuple[Numbers, Any]:
    """A column as numbers, NaN where a cell is missing or is none, and its cells as they are."""
    import numpy as np

    from nntool.tables import casting, parquet

    column = parquet.read(run.checked(names.CLEAN_TABLE), [name]).column(name).combine_chunks()
    if str(column.type).startswith("timestamp"):
        raise DataError(f"--sample-weight {name}: it holds dates", "choose a column of numbers")
    numbers = column
    if str(column.type) == "string":  # its role is not numeric, as that of --roles NAME=ignored
        numbers = casting.to_numbers(column, [])[0]
    return np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64), column


def _notes_of_column(
    run: Run, name: str, kept: Sequence[str], weights: npt.NDArray[np.float64]
) -> list[str]:
    """A weight that the network is also given as a feature, and rows that do not count."""
    from nntool.tables import transforming

    notes = []
    state = read_json(run.checked(names.TRANSFORM_STATE))["features"]
    if name in transforming.sources(state, kept):
        notes.append(
            f"the weight {name!r} is also a feature of the network"
            f" (to keep it out: select-features --drop {name})"
        )
    if n_zeros := int((weights == 0).sum()):
        notes.append(
            f"{n_zeros:,} of {len(weights):,} training rows have weight 0: they say nothing"
        )
    return notes


def _notes_of_classes(
    asked: str | Mapping[str, float], by_class: Mapping[str, float], codes: npt.NDArray[np.int64]
) -> list[str]:
    """What classes weigh, and which have a weight that nobody gave."""
    said = ", ".join(f"{name} {weight:.4g}" for name, weight in by_class.items())
    notes = [f"class weights{' (balanced)' if asked == 'balanced' else ''}: {said}"]
    present = set(codes.tolist())
    absent = [name for code, name in enumerate(by_class) if code not in present]
    if isinstance(asked, str):
        if absent:
            notes.append(f"no training row is of class {', '.join(absent)}: weight 1")
        return notes
    unnamed = [name for name in by_class if name not in asked]
    if unnamed:
        notes.append(f"--class-weights does not name {', '.join(unnamed)}: weight 1")
    return notes
