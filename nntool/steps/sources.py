"""Where training gets its rows: from arrays in memory, or by blocks from files too large for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.errors import DataError
from nntool.run import names
from nntool.run.directory import Run
from nntool.settings.train import TrainSettings
from nntool.steps import calibration, rows, weighting
from nntool.steps.job import Outcome
from nntool.steps.model import chosen_columns, chosen_positions, make_output
from nntool.steps.select_features import feature_arrays

if TYPE_CHECKING:
    from nntool.nn.batches import RowSource
    from nntool.nn.outputs import InvalidTarget

LARGEST_IN_MEMORY = 256 << 20
"""Bytes of features above which they are read by blocks; it follows the table, not the machine."""


class Sources(NamedTuple):
    """The rows to learn from, and those to judge and to calibrate by, where there are any."""

    training: RowSource
    validation: RowSource | None
    """Those of them that no calibration is kept apart for."""
    n_numbers: int
    """One more than the largest number that a row of either may have."""
    mean_target: float = 0.0
    """The weighted mean of the training target, as the engine has it."""
    judged_target: Any = None
    """The target of the validation rows in order, as the engine has it."""
    judged_truth: Any = None
    """The same exactly as clean has it, where the monitored metric must see it so."""
    calibration: RowSource | None = None
    """Validation rows that training does not see; ``validation`` where they are shared."""
    calibration_target: Any = None
    """The target of the calibration rows: class codes, or values exactly as clean has them."""


@contextmanager
def row_sources(
    run: Run, words: dict[str, Any], settings: TrainSettings, outcome: Outcome
) -> Iterator[Sources]:
    """Open the rows of a run; raises ``DataError`` for a target that the loss cannot take."""
    import numpy as np

    from nntool.tables import arrays

    held = calibration.masks(run, settings.calibration, settings.seed)
    masks = {
        "train": rows.of_part(run, "train"),
        "validation": held.stopping,
        "calibration": held.calibration,
    }
    if not masks["train"].any():
        raise DataError("no rows are left to train on", f"nntool split {run.root} --train 0.7")
    target = arrays.load(run.checked(names.TRANSFORM_TARGET), shape=masks["train"].shape)
    if words["in_own_unit"]:
        target = rows.numeric_target(run, words["target"]).astype(np.float32)
    _check_target(run, words, target, masks["train"])
    weights = weighting.row_weights(run, settings, words, target, masks["train"], held.stopping)
    if weights is not None:
        words |= {"sample_weight": weights.column, "class_weights": weights.by_class}
        outcome.notes += weights.notes
    weight = None if weights is None else weights.values
    wanted = _Wanted(run, words, target, weight, masks)
    is_large = _bytes_of_features(run) > LARGEST_IN_MEMORY
    own = target if words["classes"] else rows.numeric_target(run, words["target"])
    exact = own[held.stopping] if settings.monitor == "mape" and not words["classes"] else None
    mean = float(np.average(target[masks["train"]], weights=_of(weight, masks["train"])))
    outcome.notes += held.notes()
    with ExitStack() as files:
        found = _by_blocks(wanted, files) if is_large else _in_memory(wanted)
        yield Sources(
            training=found["train"],
            validation=found.get("validation"),
            n_numbers=len(target),
            mean_target=mean,
            judged_target=target[held.stopping],
            judged_truth=exact,
            calibration=found.get("calibration"),
            calibration_target=own[held.calibration],
        )


def bootstrapped(rows_of: Sources, seed: int) -> Sources:
    """As many training rows, drawn with replacement by the seed of a member; Breiman 1996.

    Where rows are read by blocks, each that was drawn comes up once in an epoch and its loss
    counts as often as it was drawn: the same objective.
    """
    import numpy as np

    from nntool.nn.batches import ArrayRows
    from nntool.nn.blocks import BlockRows
    from nntool.nn.randomness import Streams

    training = rows_of.training
    n = training.n_rows
    drawn = np.sort(Streams(seed)["bagging"].integers(0, n, n))
    if isinstance(training, BlockRows):
        return rows_of._replace(training=training.counted(np.bincount(drawn, minlength=n)))
    if not isinstance(training, ArrayRows):
        raise TypeError("rows that are neither in memory nor in blocks")
    own = ArrayRows(
        training.numeric, training.codes, training.target, training.weight, training.index[drawn]
    )
    return rows_of._replace(training=own)


def _of(weight: Any, mask: Any) -> Any:
    return None if weight is None else weight[mask]


def _bytes_of_features(run: Run) -> int:
    from nntool.tables.arrays import MatrixReader

    with MatrixReader(run.checked(names.TRANSFORM_NUMERIC)) as reader:
        return reader.n_rows * max(1, reader.shape[1]) * reader.dtype.itemsize


class _Wanted(NamedTuple):
    """The rows that are to be opened."""

    run: Run
    words: dict[str, Any]
    target: Any
    weight: Any
    masks: dict[str, Any]
    """The rows of each part, `(n_rows,)`."""

    def parts(self) -> list[tuple[str, Any]]:
        """The parts that have rows."""
        return [(part, mask) for part, mask in self.masks.items() if mask.any()]


def _in_memory(wanted: _Wanted) -> dict[str, RowSource]:
    import numpy as np

    from nntool.nn.batches import ArrayRows

    numeric, codes = chosen_columns(*feature_arrays(wanted.run), wanted.words)
    return {
        part: ArrayRows(numeric, codes, wanted.target, wanted.weight, np.flatnonzero(mask))
        for part, mask in wanted.parts()
    }


def _by_blocks(wanted: _Wanted, files: ExitStack) -> dict[str, RowSource]:
    import numpy as np

    from nntool.nn.blocks import BlockRows, Buffers
    from nntool.tables.arrays import MatrixReader

    run, chosen = wanted.run, chosen_positions(wanted.words)
    numeric = files.enter_context(MatrixReader(run.checked(names.TRANSFORM_NUMERIC)))
    codes = None
    if chosen["codes"]:
        codes = files.enter_context(MatrixReader(run.checked(names.TRANSFORM_CATEGORICAL)))
    columns = {kind: np.array(positions, np.intp) for kind, positions in chosen.items()}
    buffers = Buffers()  # the parts take turns
    return {
        part: BlockRows(
            numeric,
            codes,
            wanted.target,
            wanted.weight,
            mask,
            columns["numeric"],
            columns["codes"] if codes is not None else None,
            buffers,
        )
        for part, mask in wanted.parts()
    }


def _check_target(run: Run, words: dict[str, Any], target: Any, mask: Any) -> None:
    """Refuse a target that the loss cannot take, naming the row and its exact value."""
    import numpy as np

    from nntool.nn.outputs import InvalidTarget

    index = np.flatnonzero(mask)
    output = make_output(words)
    try:
        output.check(target[index])
    except InvalidTarget as error:
        row = int(index[error.row])
        own = f"{error.value:g}"
        if words["classes"] is None:
            own = f"{rows.numeric_target(run, words['target'])[row]:g}"
            if not output.head.target_map.is_identity and "range" in error.reason:
                own += f", scaled {error.value:.4g},"
        message = f"row {row + 1}: the target {own} {error.reason}"
        scaled = not output.head.target_map.is_identity
        raise DataError(message, _way_out(error, scaled=scaled)) from None


def _way_out(error: InvalidTarget, *, scaled: bool) -> str:
    """What to type instead, by what is wrong with the target."""
    if "range" in error.reason:
        own_unit = ", or transform with --target-scaling none" if scaled else ""
        return f"leave --output out{own_unit}"
    if "percentage" in error.reason:
        return "--loss mape:floor=1, the least |target| that an error is divided by"
    return "choose another --loss"
