"""The target on its way to the network; the way back is ``nntool.nn.heads.TargetMap``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nntool.errors import DataError
from nntool.settings.transform import TransformSettings
from nntool.tables.operations.moments import moments
from nntool.tables.operations.operation import LIMIT, Numbers, State


def fit_target(
    values: Any,
    task: str,
    settings: TransformSettings,
    rows: npt.NDArray[np.bool_] | None = None,
    classes: Sequence[str] | None = None,
) -> State:
    """Learn how the target is given to the network, from the training rows.

    ``values`` `(n,)`: int32 codes of classes (−1 missing), or numbers, of NumPy or pyarrow (NaN or
    null missing). ``standard`` is (y − mean) / scale, ``log1p`` the same of ln(1 + y): errors count
    as shares of the target. Raises ``DataError`` where no training row has a target, and where a
    target has no logarithm.

    >>> fit_target(np.array([1.0, 3.0, np.nan]), "regression", TransformSettings())
    {'task': 'regression', 'scaling': 'standard', 'mean': 2.0, 'scale': 1.0}
    """
    regression = task == "regression"
    numbers = _numbers(values)
    present = ~np.isnan(numbers) if regression else numbers >= 0
    known = numbers[present if rows is None else present & rows]
    if not len(known):
        raise DataError(
            "no training row has a target, of those that clean has not left out",
            "clean with rules that leave out fewer rows, or name another column with --target",
        )
    if not regression:
        return {"task": task, "classes": list(classes or ())}
    if (largest := float(np.abs(known).max())) > LIMIT:
        raise DataError(f"the target holds {largest:g}, which no network can learn", "scale it")
    if settings.target_scaling == "none":
        return {"task": task, "scaling": "none", "mean": 0.0, "scale": 1.0}
    scaling = "log1p" if settings.target_scaling == "log1p" else "standard"
    if scaling == "log1p":
        _require_logarithms(numbers)
        known = np.log1p(known)
    mean, scale = moments(known)
    return {"task": task, "scaling": scaling, "mean": mean, "scale": scale}


def apply_target(values: Any, state: State) -> npt.NDArray[np.int32] | npt.NDArray[np.float32]:
    """Give int32 codes as they are, or the scaled target as float32, NaN where it is missing."""
    if state["task"] != "regression":
        codes: npt.NDArray[np.int32] = np.asarray(values, dtype=np.int32)
        return codes
    numbers = _numbers(values)
    if state["scaling"] == "log1p":
        numbers = np.log1p(numbers)
    scaled = (numbers - state["mean"]) / state["scale"]
    most = np.finfo(np.float32).max
    clipped: npt.NDArray[np.float32] = np.clip(scaled, -most, most).astype(np.float32)
    return clipped


def _require_logarithms(numbers: Numbers) -> None:
    """Refuse a target with ln(1 + y) undefined in any row, whatever its part."""
    refused = np.flatnonzero(numbers <= -1)
    if len(refused):
        row = int(refused[0])
        raise DataError(
            f"row {row + 1}: the target {numbers[row]:g} has no ln(1 + y), which needs y > -1"
            + (f"; {len(refused):,} rows have such a target" if len(refused) > 1 else ""),
            "transform with --target-scaling standard",
        )


def _numbers(values: Any) -> Numbers:
    """Give NumPy's or pyarrow's numbers as float64, missing as NaN."""
    if isinstance(values, np.ndarray):
        return values.astype(np.float64, copy=False)
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
