"""``evaluate --data``: the rows of another file, with the target in it, to be scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nntool.errors import DataError
from nntool.run.directory import Run
from nntool.steps import model as models
from nntool.steps import prediction_notes
from nntool.steps.csv_input import batches
from nntool.steps.inputs import open_rows
from nntool.steps.job import Outcome
from nntool.steps.predicting import Predictor
from nntool.steps.scoring import Scored, has_target
from nntool.steps.trained_run import opened


def answered(run: Run, path: str, outcome: Outcome, by: Sequence[str] = ()) -> Scored:
    """Answers for the rows of a file; ``by`` are columns of it that groups are made of.

    Raises ``DataError`` where it has no rows or no usable target.
    """
    import numpy as np

    from nntool.tables import columns, slicing

    trained = opened(run)
    model = trained.model
    needed = [*trained.sources, model.plain["target"]]
    reader, notes = open_rows(path, run, needed)  # a file called '-', not standard input
    outcome.notes += notes
    target_column = _target_column(run, path, reader.names, model)
    trained.require_columns(reader)
    grouped = columns.resolve_listed(reader.names, list(by), "--by")
    trained.narrow(reader, [target_column, *grouped])
    predictor, truths = Predictor(trained), _Truths(model, trained.clean["target"])
    found, texts = [], []
    for answers in predictor.answers(batches(reader, run)):
        truth = truths.of(answers.text.column(target_column))
        found.append(
            (truth, answers.decided, answers.probabilities, answers.numeric, answers.codes)
        )
        if grouped:
            texts.append(slicing.typed(answers.text, trained.clean, grouped))
    outcome.notes += truths.notes(path)
    if not found:
        raise DataError(f"{path} has a header and no rows", "give a file with rows to score")
    outcome.notes += [*reader.notes, *prediction_notes.notes(trained, predictor.counts)]
    parts = [None if part[0] is None else np.concatenate(part) for part in zip(*found, strict=True)]
    target, decided, probabilities, numeric, codes = parts
    if not has_target(target).any():
        raise DataError(
            f"no row of {path} has a usable target in {model.plain['target']!r}",
            "give a file with the target in it",
        )
    numbers = np.arange(1, predictor.counts.rows + 1)
    beside = slicing.joined(texts) if grouped else {}
    return Scored(path, model, numbers, target, decided, probabilities, numeric, codes, beside)


def _target_column(run: Run, path: str, known: Sequence[str], model: models.Model) -> str:
    """The target as the file calls it."""
    from nntool.tables import columns

    found = columns.find(known, model.plain["target"])
    if found is None:
        raise DataError(
            f"{path} has no target column {model.plain['target']!r} to compare with",
            f"nntool predict {run.root} {path}",
        )
    return found


class _Truths:
    """The targets of a file as the model has them, and what of them it does not know."""

    def __init__(self, model: models.Model, state: dict[str, Any]) -> None:
        self._state, self._is_class = state, model.classes is not None
        self._n_respelled = 0
        self._unseen: dict[str, int] = {}

    def of(self, column: Any) -> Any:
        """Codes or values of a column of text, `(n,)`."""
        from nntool.tables import target_codes

        encode = target_codes.encode_classes if self._is_class else target_codes.encode_values
        truth, counts = encode(column, self._state)
        self._n_respelled += counts.get("respelled", 0)
        for name, n in counts.get("unseen", {}).items():
            self._unseen[name] = self._unseen.get(name, 0) + n
        return truth

    def notes(self, path: str) -> list[str]:
        """What is to be said of them."""
        found = [
            f"{path}: {n:,} rows of class {name!r}, which training never saw"
            for name, n in self._unseen.items()
        ]
        if self._n_respelled:
            classes = " or ".join(self._state["classes"])
            found.append(
                f"{path}: {self._n_respelled:,} rows of class {classes}, written in other case"
            )
        return found
