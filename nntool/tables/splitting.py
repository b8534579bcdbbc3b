"""Which rows train, validate and test: dealt at random, equal rows together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nntool.errors import DataError, UsageError
from nntool.settings.clean import CleanSettings
from nntool.settings.model import fields
from nntool.tables.casting import missing_mask, to_numbers
from nntool.tables.choices import setting
from nntool.tables.dealing import Parts, deal, groups_of
from nntool.tables.target import class_order, encode_classes, trimmed

PARTS = ("train", "validation", "test", "none")
DEFAULT_MISSING: tuple[str, ...] = next(
    field.default for field in fields(CleanSettings) if field.name == "missing_values"
)
MISSING_TARGET = "(missing)"


class Splitter(Protocol):
    """Gives each row a stratum; each stratum is dealt in the same shares."""

    def strata(
        self, target: pa.ChunkedArray, is_missing: NDArray[np.bool_], task: str
    ) -> tuple[NDArray[np.int64], list[str]]:
        """The stratum `(n,)` of each row, and what the strata are called."""


@dataclass(frozen=True)
class Random:
    """Rows are dealt at random."""

    def strata(
        self, target: pa.ChunkedArray, is_missing: NDArray[np.bool_], task: str
    ) -> tuple[NDArray[np.int64], list[str]]:
        """All rows are one stratum."""
        return np.zeros(len(target), np.int64), ["all rows"]


@dataclass(frozen=True)
class Stratified:
    """Rows are dealt at random, so that each part has the classes in the same shares.

    A numeric target is cut at its quantiles. Rows whose target is missing are a class of their
    own; a class with fewer rows than there are parts goes to training.
    """

    bins: int = setting(10, "In how many bins of equal count a numeric target is cut.", ge=2)

    def strata(
        self, target: pa.ChunkedArray, is_missing: NDArray[np.bool_], task: str
    ) -> tuple[NDArray[np.int64], list[str]]:
        """The class of each row, or the bin of its number."""
        if task != "regression":
            return _classes(target, is_missing)
        values = np.concatenate(
            [
                np.empty(0),
                *(to_numbers(c, [])[0].to_numpy(zero_copy_only=False) for c in target.chunks),
            ]
        )
        is_number = ~is_missing & np.isfinite(values)
        edges = np.quantile(values[is_number], np.linspace(0, 1, self.bins + 1)[1:-1])
        bins = np.searchsorted(edges, np.where(is_number, values, 0.0), side="right")
        names = [f"bin {i + 1} of {self.bins}" for i in range(self.bins)]
        return np.where(is_number, bins, self.bins), [*names, MISSING_TARGET]


SPLITTERS: dict[str, type[Splitter]] = {"random": Random, "stratified": Stratified}


def split(
    target: pa.ChunkedArray,
    hashes: NDArray[np.uint64],
    shares: tuple[float, float, float],
    method: Splitter | Literal["auto"],
    task: str,
    rng: np.random.Generator,
    missing_values: Sequence[str] = DEFAULT_MISSING,
) -> tuple[Parts, dict[str, Any]]:
    """Deal rows to training 0, validation 1, test 2, or no part −1; returns parts and a report.

    ``target`` is the collected text `(n,)`, ``hashes`` `(n,)` are equal for equal rows, which go
    to one part. ``shares`` of the three parts add up to 1 at most; the rest is in no part. Sizes
    are as near to the shares as equal rows allow. Raises ``UsageError`` for impossible shares,
    ``DataError`` for too few rows or a single class.
    """
    four = _four_shares(shares)
    target = trimmed(target)
    is_missing = np.concatenate(
        [np.empty(0, bool)]
        + [np.asarray(missing_mask(c, missing_values)[0], dtype=bool) for c in target.chunks]
    )
    classes, class_names = _classes(target, is_missing) if task != "regression" else (None, [])
    _refuse_too_little(target, is_missing, class_names, task)
    if method == "auto":
        method = Random() if task == "regression" else Stratified()
    strata, names = method.strata(target, is_missing, task)
    groups, first, sizes = groups_of(hashes)
    parts, rare = deal(strata[first], sizes, four, rng)
    row_parts = parts[groups]
    if not (row_parts == 0).any():
        raise DataError(
            f"no row of {hashes.size:,} is left to train with a share of {shares[0]:g}",
            "give a larger --train",
        )
    row_parts[row_parts == 3] = -1
    report = _report(method, row_parts, classes, class_names, hashes.size - sizes.size)
    report["notes"] += _rare_note([names[i] for i in rare], four)
    return row_parts, report


def _four_shares(shares: tuple[float, float, float]) -> NDArray[np.float64]:
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


def _refuse_too_little(
    target: pa.ChunkedArray, is_missing: NDArray[np.bool_], names: list[str], task: str
) -> None:
    n_rows = int(np.count_nonzero(~is_missing))
    if not n_rows:
        what = "there are no rows" if not is_missing.size else "no row has a target"
        raise DataError(f"{what}: nothing to split", "check the source and --target")
    known = [name for name in names if name != MISSING_TARGET]
    if task == "regression":
        known = pc.unique(target.filter(pa.array(~is_missing))).to_pylist()
    if len(known) == 1:
        what = "value" if task == "regression" else "class"
        raise DataError(
            f"the target has one {what} only, {known[0]!r}: nothing to learn",
            "choose another --target, or collect other rows",
        )


def refuse_useless(report: dict[str, Any], shares: tuple[float, float, float], n_rows: int) -> None:
    """Refuse parts that would only fail later, and far from their cause.

    A part that was asked for and got no row; a training part of fewer rows than there are classes,
    or of one class only. ``report`` is that of `split`.
    """
    for part, share in zip(("train", "validation", "test"), shares, strict=True):
        if share > 0 and not report["sizes"][part]:
            same = ""
            if report["repeated_rows"]:
                different = n_rows - report["repeated_rows"]
                same = f", of which {different:,} differ (equal rows stay in one part),"
            raise DataError(
                f"{n_rows:,} rows{same} leave none for the {part} part, whose share is {share:g}",
                f"collect more rows, or give --{part} 0",
            )
    if report["classes"] is None:
        return
    in_training = {c: n["train"] for c, n in report["classes"].items() if c != MISSING_TARGET}
    n_train = sum(in_training.values())
    if n_train < len(in_training):
        raise DataError(
            f"{n_train:,} training rows are fewer than the {len(in_training):,} classes",
            "collect more rows, or give a larger --train",
        )
    if sum(n > 0 for n in in_training.values()) == 1:
        raise DataError(
            f"the {n_train:,} training rows are of one class only",
            "give a larger --train, or --method stratified",
        )


def _classes(
    target: pa.ChunkedArray, is_missing: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], list[str]]:
    """The class of each row as clean names it: in its order, equal numbers one; missing last."""
    distinct = pc.unique(target.filter(pa.array(~is_missing))).to_pylist()
    names, by_value = class_order(distinct)
    known = {"classes": names, "by_value": by_value, "missing_values": []}
    codes = encode_classes(target, known)[0].astype(np.int64)
    if is_missing.any():
        names = [*names, MISSING_TARGET]
    return np.where(is_missing, len(names) - 1, codes), names


def _report(
    method: Splitter,
    parts: Parts,
    classes: NDArray[np.int64] | None,
    names: list[str],
    n_repeated: int,
) -> dict[str, Any]:
    codes = np.where(parts < 0, 3, parts).astype(np.int64)
    counts = np.bincount(codes, minlength=4)
    sizes = dict(zip(PARTS, counts.tolist(), strict=True))
    by_class = None
    if classes is not None:
        table = np.bincount(classes * 4 + codes, minlength=4 * len(names)).reshape(-1, 4)
        by_class = {
            name: dict(zip(PARTS, row, strict=True))
            for name, row in zip(names, table.tolist(), strict=True)
        }
    name = next(name for name, cls in SPLITTERS.items() if isinstance(method, cls))
    notes = [
        f"{name}: {sizes['train']:,} rows to train, {sizes['validation']:,} to validate,"
        f" {sizes['test']:,} to test"
        + (f", {sizes['none']:,} in no part" if sizes["none"] else "")
        + " (--method, --train, --validation, --test)"
    ]
    untrained = [c for c, n in (by_class or {}).items() if not n["train"] and c != MISSING_TARGET]
    if untrained:
        notes.append(f"no row to train of {', '.join(map(repr, untrained))} (a larger --train)")
    if n_repeated:
        rows = "1 row repeats" if n_repeated == 1 else f"{n_repeated:,} rows repeat"
        notes.append(f"{rows} an earlier one: equal rows went to the same part")
    return {
        "method": name,
        "sizes": sizes,
        "classes": by_class,
        "repeated_rows": int(n_repeated),
        "notes": notes,
    }


def _rare_note(names: list[str], shares: NDArray[np.float64]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(repr(name) for name in names[:5]) + (", …" if len(names) > 5 else "")
    n_parts = int(np.count_nonzero(shares))
    return [
        f"too few different rows for {n_parts} parts, so all to training: {shown} (--method random)"
    ]
