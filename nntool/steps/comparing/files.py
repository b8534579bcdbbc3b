"""What the files of a run say of a training; of each what is there and whole."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any, Literal

from nntool.errors import DataError, StaleError
from nntool.run import names
from nntool.run.directory import Run

SHORT_HASH = 12
COUNTED = ("loss_evaluations", "gradient_evaluations", "products", "corrections")
"""Columns of history.csv that count the work of an epoch."""


@dataclass(frozen=True)
class Trained:
    """What model.json says of a training."""

    epochs: int
    ended: str
    parameters: int
    best_epoch: int = 0
    """The epoch that was kept, from 1; 0 for none."""
    at_best: dict[str, Any] = field(default_factory=dict)
    """The line of history.csv of that epoch."""
    networks: int = 1
    """How many networks answer together; 1 where it is no ensemble."""


@dataclass(frozen=True)
class ModelWords:
    """What is taken from model.json."""

    task: Literal["binary", "multiclass", "regression"]
    target: str
    trained: Trained


def model_words(run: Run, step: str) -> ModelWords:
    """What the model of this training says of itself; raises ``DataError`` for what is none."""
    import msgspec

    artifact = names.beside(step, names.TRAIN_MODEL)
    text = run.checked_bytes([artifact])[artifact]
    try:
        return msgspec.json.decode(text, type=ModelWords)
    except msgspec.DecodeError as error:
        raise DataError(
            f"{run.root / artifact} does not describe a model: {error}", "do not use this run"
        ) from None


def content(run: Run, artifact: str) -> bytes | None:
    """An artifact's content; None where it is not there, or not what its step wrote."""
    if not run.has(artifact):
        return None
    try:
        return run.checked_bytes([artifact])[artifact]
    except StaleError:
        return None


def decoded(text: bytes) -> Any:
    """What a JSON artifact says."""
    import msgspec

    return msgspec.json.decode(text)


def history_text(run: Run, step: str) -> tuple[str, list[str]]:
    """The text of history.csv; an empty one and what to say, where it is gone."""
    artifact = names.beside(step, names.TRAIN_HISTORY)
    text = content(run, artifact)
    if text is None:
        gone = f"{run.root / artifact} is missing or was changed: its curve is not drawn"
        return "", [gone]
    return text.decode(), []


def counts(text: str) -> dict[str, int]:
    """What a history counts in each epoch, over all epochs."""
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    return {
        name: sum(int(line[name]) for line in lines if line[name])
        for name in COUNTED
        if lines and name in lines[0]
    }


def seconds(timing: bytes | None) -> float | None:
    """How long all epochs took together."""
    if timing is None:
        return None
    lines = csv.DictReader(io.StringIO(timing.decode(), newline=""))
    return sum(float(line["seconds"]) for line in lines)


def data(run: Run) -> dict[str, Any]:
    """What a run learned from; without what its folder does not hold."""
    found: dict[str, Any] = {}
    collect, clean = run.entry("collect"), run.entry("clean")
    if collect is not None:
        found["sources"] = [
            digest[:SHORT_HASH] for read, digest in collect.reads.items() if _is_source(read)
        ]
    if (text := content(run, names.COLLECT_SOURCES)) is not None:
        found["rows"] = decoded(text)["rows"]
    if (text := content(run, names.SPLIT_REPORT)) is not None:
        sizes = decoded(text)["sizes"]
        found |= {f"{part} rows": sizes[part] for part in ("train", "validation", "test")}
    if clean is not None and clean.rows is not None:
        found["rows left out"] = _left_out(run)
    if (text := content(run, names.SELECT_COLUMNS)) is not None:
        found["features"] = len(decoded(text)["kept"])
    return found


def _is_source(read: str) -> bool:
    return read.startswith("source:")


def _left_out(run: Run) -> int | None:
    text = content(run, names.CLEAN_REPORT)
    if text is None:
        return None
    report = decoded(text)
    return int(report["rows"] - report["kept"])


def rows(run: Run) -> tuple[Any, ...]:
    """What tells the rows of a run's parts from those of others: the table and the dealing."""
    return (run.hash_of(names.COLLECT_TABLE), run.hash_of(names.SPLIT_ROWS))
