"""Which rows train, validate and test, and in which fold a training row is."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nntool.errors import DataError, UsageError
from nntool.settings.clean import MISSING_VALUES
from nntool.tables.splitting.at_random import Random, Stratified
from nntool.tables.splitting.by_group import Group, Hash
from nntool.tables.splitting.by_time import Time
from nntool.tables.splitting.dealing import Parts, groups_of
from nntool.tables.splitting.given import Column, Files
from nntool.tables.splitting.rows import (
    MISSING_TARGET,
    PART_NAMES,
    REST,
    Rows,
    Shares,
    Source,
    Splitter,
    classes_of,
    make_rows,
)
from nntool.tables.target import refuse_one_value

__all__ = ["SPLITTERS", "Source", "Splitter", "fold", "refuse_useless", "split"]

SPLITTERS: dict[str, type[Splitter]] = {
    "random": Random,
    "stratified": Stratified,
    "group": Group,
    "time": Time,
    "hash": Hash,
    "column": Column,
    "files": Files,
}


def split(
    target: pa.ChunkedArray,
    hashes: NDArray[np.uint64],
    shares: tuple[float, float, float],
    method: Splitter | Literal["auto"],
    task: str,
    rng: np.random.Generator,
    missing_values: Sequence[str] = MISSING_VALUES,
    *,
    column: pa.ChunkedArray | None = None,
    sources: Sequence[Source] = (),
    n_folds: int | None = None,
) -> tuple[Parts, Parts | None, dict[str, Any]]:
    """Deal rows to training 0, validation 1, test 2, or no part −1; returns them, folds, a report.

    ``target`` is the collected text `(n,)`, ``hashes`` `(n,)` are equal for equal rows; ``column``
    is the text of the column that the method names, ``sources`` those of the files. ``shares`` of
    the three parts add up to 1 at most; the rest is in no part. With ``n_folds`` each training
    row gets a fold from 0 on, others −1. Raises ``UsageError`` for impossible shares,
    ``DataError`` for too few rows, a single class, or cells that say no part.
    """
    four = _four_shares(shares)
    rows = make_rows(
        target, task, hashes, column=column, missing_values=missing_values, sources=sources
    )
    classes, class_names = classes_of(rows) if task != "regression" else (None, [])
    _refuse_too_little(rows)
    if method == "auto":
        method = Random() if task == "regression" else Stratified()
    streams = rng.spawn(1)  # folds draw from their own, so that asking for them moves no row
    parts, said = method.deal(rows, four, rng)
    if not (parts == 0).any():
        raise _nothing_to_train(method, hashes.size, shares)
    parts[parts == REST] = -1
    report = _report(method, parts, classes, class_names, rows)
    report["notes"] += said
    folds = None
    if n_folds:
        folds, report["folds"] = fold(method, rows, parts, n_folds, streams[0])
        report["notes"] += report["folds"].pop("notes")
    return parts, folds, report


def fold(
    method: Splitter,
    rows: Rows,
    parts: Parts,
    n_folds: int,
    rng: np.random.Generator,
    hint: str = "give fewer --folds",
) -> tuple[Parts, dict[str, Any]]:
    """The fold `(n,)` of each training row, −1 elsewhere, and what came out.

    ``hint`` is what to type where a fold would be empty.
    """
    trains = parts == 0
    folds = np.full(parts.size, -1, np.int8)
    folds[trains], notes = method.fold(rows.of(trains), n_folds, rng)
    sizes = np.bincount(folds[trains], minlength=n_folds).tolist()
    if 0 in sizes:
        raise DataError(
            f"{np.count_nonzero(trains):,} rows leave {sizes.count(0)} of {n_folds} folds"
            f" empty ({method.together} stay in one fold)",
            hint,
        )
    note = f"{n_folds} folds of {min(sizes):,} to {max(sizes):,} training rows (--folds)"
    report = {"sizes": sizes, "in_order": method.in_order, "notes": [note, *notes]}
    return folds, report


def _four_shares(shares: tuple[float, float, float]) -> Shares:
    """The shares of the parts and of the rest."""
    total = sum(shares)
    if min(shares) < 0 or total > 1 + 1e-9:
        raise UsageError(
            f"the shares of training, validation and test add up to {total:g}, more than 1",
            "give --train, --validation and --test that add up to 1 at most",
        )
    if shares[0] == 0:
        raise UsageError("the share of training is 0", "give a --train above 0")
    rest = 1 - total if 1 - total > 1e-9 else 0.0
    four = np.array([*shares, rest])
    return np.asarray(four / four.sum())


def _refuse_too_little(rows: Rows) -> None:
    if rows.lacks_target.all():
        what = "no row has a target" if len(rows) else "there are no rows"
        raise DataError(f"{what}: nothing to split", "check the source and --target")
    refuse_one_value(rows.target, rows.missing_values)


def _nothing_to_train(
    method: Splitter, n_rows: int, shares: tuple[float, float, float]
) -> DataError:
    if method.by_share:
        return DataError(
            f"no row of {n_rows:,} is left to train with a share of {shares[0]:g}",
            "give a larger --train",
        )
    return DataError(
        f"no row of {n_rows:,} is said to train", f"--method {name_of(method)}:train=…"
    )


def refuse_useless(report: dict[str, Any], shares: tuple[float, float, float], n_rows: int) -> None:
    """Refuse parts that would only fail later, and far from their cause.

    A part that was asked for and got no row; a training part of fewer rows than there are classes,
    or of one class only. ``report`` is that of `split`.
    """
    by_share = SPLITTERS[report["method"]].by_share
    for part, share in zip(("train", "validation", "test"), shares, strict=True):
        if by_share and share > 0 and not report["sizes"][part]:
            together = SPLITTERS[report["method"]].together
            same = f" ({together} stay in one part)"
            if together == "equal rows":
                different = n_rows - report["repeated_rows"]
                same = f", of which {different:,} differ (equal rows stay in one part),"
                same = same if report["repeated_rows"] else ""
            raise DataError(
                f"{n_rows:,} rows{same} leave none for the {part} part, whose share is {share:g}",
                f"collect more rows, or give --{part} 0",
            )
    if report["classes"] is None:
        return
    in_training = {c: n["train"] for c, n in report["classes"].items() if c != MISSING_TARGET}
    n_train = sum(in_training.values())
    larger = "give a larger --train" if by_share else "choose other training rows"
    if n_train < len(in_training):
        raise DataError(
            f"{n_train:,} training rows are fewer than the {len(in_training):,} classes",
            f"collect more rows, or {larger}",
        )
    if sum(n > 0 for n in in_training.values()) == 1:
        raise DataError(
            f"the {n_train:,} training rows are of one class only",
            f"{larger}, or --method stratified",
        )


def name_of(method: Splitter) -> str:
    """The name of a method in the registry."""
    return next(name for name, cls in SPLITTERS.items() if isinstance(method, cls))


def _report(
    method: Splitter,
    parts: Parts,
    classes: NDArray[np.int64] | None,
    names: list[str],
    rows: Rows,
) -> dict[str, Any]:
    codes = np.where(parts < 0, REST, parts).astype(np.int64)
    counts = np.bincount(codes, minlength=4)
    sizes = dict(zip(PART_NAMES, counts.tolist(), strict=True))
    by_class = None
    if classes is not None:
        table = np.bincount(classes * 4 + codes, minlength=4 * len(names)).reshape(-1, 4)
        by_class = {
            name: dict(zip(PART_NAMES, row, strict=True))
            for name, row in zip(names, table.tolist(), strict=True)
        }
    name = name_of(method)
    n_repeated = len(rows) - groups_of(rows.hashes)[2].size
    return {
        "method": name,
        "sizes": sizes,
        "classes": by_class,
        "repeated_rows": int(n_repeated),
        "notes": _notes(name, sizes, by_class, n_repeated),
    }


def _notes(
    name: str, sizes: dict[str, int], by_class: dict[str, dict[str, int]] | None, n_repeated: int
) -> list[str]:
    method = SPLITTERS[name]
    notes = [
        f"{name}: {sizes['train']:,} rows to train, {sizes['validation']:,} to validate,"
        f" {sizes['test']:,} to test"
        + (f", {sizes['none']:,} in no part" if sizes["none"] else "")
        + (" (--method, --train, --validation, --test)" if method.by_share else " (--method)")
    ]
    untrained = [c for c, n in (by_class or {}).items() if not n["train"] and c != MISSING_TARGET]
    if untrained:
        larger = " (a larger --train)" if method.by_share else ""
        notes.append(f"no row to train of {', '.join(map(repr, untrained))}{larger}")
    if n_repeated and method.keeps_equal_rows:
        are = "1 row repeats" if n_repeated == 1 else f"{n_repeated:,} rows repeat"
        notes.append(f"{are} an earlier one: equal rows went to the same part")
    return notes
