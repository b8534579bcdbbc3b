"""Calibration: validation rows that no choice of training saw, and what is found from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.run.directory import Run
from nntool.settings.wording import counted
from nntool.steps import model as models
from nntool.steps import rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nntool.nn.batches import RowSource
    from nntool.nn.predicting import Predictor as Engine
    from nntool.steps.model import Model
    from nntool.steps.sources import Sources

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
        return [f"{n_kept:,} of {n:,} validation rows are kept for calibration (--calibration)"]


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


class Calibration(NamedTuple):
    """What the validation rows say of a trained model, as model.json and model.npz keep it."""

    plain: dict[str, Any]
    """``rows`` of ``validation_rows``, ``share``, ``shared``; ``temperature``, or null."""
    arrays: dict[str, Any]
    """The sorted ``scores`` of the calibration rows, where there are any."""
    confusion: list[list[int]] | None
    """How many stopping rows of each class (down) are answered as each (across); None: none are."""
    notes: list[str]


def calibrate(model: Model, rows_of: Sources, share: float) -> Calibration:
    """Find the temperature by the stopping rows, then the scores by the calibration rows.

    By the weights that are kept, on blocks and one BLAS thread, as in prediction. The stopping
    rows of classes are also counted by what they are answered with.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    engine = model.engine()
    with threadpool_limits(1, user_api="blas"), np.errstate(all="ignore"):
        z = _of_stopping_rows(model, engine, rows_of)
        temperature = None if z is None else _temperature(model, z, rows_of)
        confusion = None if z is None else _confusion(model, z, rows_of)
        scores = _scores(model, engine, rows_of, temperature)
    held, kept = (0 if r is None else r.n_rows for r in (rows_of.validation, rows_of.calibration))
    shared = not share and held > 0
    plain = {
        "rows": 0 if scores is None else len(scores),
        "validation_rows": held if shared else held + kept,
        "share": share,
        "shared": shared,
        "temperature": temperature,
    }
    notes = []
    if temperature is not None:
        how = "softened" if temperature >= 1 else "sharpened"
        notes.append(f"probabilities are {how} by temperature {temperature:.3g}")
    return Calibration(plain, {} if scores is None else {"scores": scores}, confusion, notes)


def _of_stopping_rows(model: Model, engine: Engine, rows_of: Sources) -> Any:
    """The raw outputs of the rows that training stopped by; None where none say a class."""
    if rows_of.validation is None or model.classes is None:
        return None
    return outputs_of(engine, rows_of.validation)


def _temperature(model: Model, z: Any, rows_of: Sources) -> float | None:
    """The temperature of classes by the rows that training stopped by."""
    from nntool.nn import temperature

    return temperature.fit(model.output.head, z, rows_of.judged_target)


def _confusion(model: Model, z: Any, rows_of: Sources) -> list[list[int]]:
    """How often the classes of the rows that training stopped by are taken for each other."""
    from nntool.tables.metrics import Scored

    decided = model.output.decide(z)
    n_classes = model.output.head.n_classes
    found: list[list[int]] = Scored(
        rows_of.judged_target, decided, n_classes=n_classes
    ).confusion.tolist()
    return found


def _scores(model: Model, engine: Engine, rows_of: Sources, temperature: float | None) -> Any:
    """The sorted scores of the calibration rows; None without such rows or probabilities."""
    from nntool.tables import conformal

    if rows_of.calibration is None:
        return None
    z, target = outputs_of(engine, rows_of.calibration), rows_of.calibration_target
    if model.classes is None:
        return conformal.scores_of_values(target, model.output.values(z))
    probabilities = model.output.probabilities(models.tempered(z, temperature))
    if probabilities is None:
        return None
    return conformal.scores_of_classes(target, probabilities)


def outputs_of(engine: Engine, source: RowSource) -> Any:
    """The raw outputs of all rows of a source, in order."""
    import numpy as np

    from nntool.nn.predicting import BLOCK_ROWS

    found = [
        engine.outputs(batch.numeric, batch.codes) for batch in source.batches(None, BLOCK_ROWS)
    ]
    return np.concatenate(found)
