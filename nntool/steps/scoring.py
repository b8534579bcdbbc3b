"""The rows that ``evaluate`` scores: their target beside what the network says of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from nntool.errors import DataError
from nntool.run import names
from nntool.run.directory import Run
from nntool.steps import model as models
from nntool.steps import rows
from nntool.steps.csv_input import batches
from nntool.steps.inputs import open_rows
from nntool.steps.job import Outcome
from nntool.steps.predicting import Predictor
from nntool.steps.select_features import feature_arrays


class Scored(NamedTuple):
    """The rows that are scored and what the network says of them."""

    model: models.Model
    numbers: Any
    """What names a row in predictions.csv: its place in the table or file, from 1."""
    target: Any
    decided: Any
    probabilities: Any
    numeric: Any
    codes: Any


def of_part(run: Run, part: str) -> Scored:
    """Answers for the kept rows of a part, from the arrays of transform."""
    import numpy as np

    from nntool.nn.predicting import Predictor as Engine

    model = models.load(run.checked_bytes([names.TRAIN_MODEL, names.TRAIN_WEIGHTS]))
    index = np.flatnonzero(rows.of_part(run, part))
    if not len(index):
        raise DataError(
            f"the split has no {part} rows with a target", f"nntool split {run.root} --{part} 0.15"
        )
    numeric, codes = models.chosen_columns(*feature_arrays(run), model.plain)
    numeric, codes = numeric[index], codes[index]
    engine = Engine(model.net, model.theta, model.stats)
    with np.errstate(all="ignore"):
        decided, probabilities = model.answer(engine.outputs(numeric, codes))
    target = own_target(run, model)[index]
    return Scored(model, index + 1, target, decided, probabilities, numeric, codes)


def own_target(run: Run, model: models.Model) -> Any:
    """The target of all rows: class codes, or values in its own unit as the table has them."""
    from nntool.tables import arrays

    if model.classes is not None:
        return arrays.load(run.checked(names.TRANSFORM_TARGET), shape=(None,))
    return rows.numeric_target(run, model.plain["target"])


def of_file(run: Run, path: str, outcome: Outcome) -> Scored:
    """Answers for the rows of another CSV, which must have the target in it."""
    import numpy as np

    from nntool.tables import columns, target_codes

    predictor = Predictor(run)
    model, state = predictor.model, predictor.clean["target"]
    needed = [*predictor.sources, model.plain["target"]]
    reader, notes = open_rows(path, run, needed)  # a file called '-', not standard input
    outcome.notes += notes
    target_column = columns.find(reader.names, model.plain["target"])
    if target_column is None:
        raise DataError(
            f"{path} has no target column {model.plain['target']!r} to compare with",
            f"nntool predict {run.root} {path}",
        )
    predictor.require_columns(reader)
    encode = target_codes.encode_values if model.classes is None else target_codes.encode_classes
    found = []
    n_respelled = 0
    for answers in predictor.answers(batches(reader, run)):
        truth, counts = encode(answers.text.column(target_column), state)
        n_respelled += counts.get("respelled", 0)
        for name, n in counts.get("unseen", {}).items():
            outcome.notes.append(f"{path}: {n:,} rows of class {name!r}, which training never saw")
        found.append((truth, *answers[2:6]))
    if n_respelled:
        outcome.notes.append(
            f"{path}: {n_respelled:,} rows of class {' or '.join(state['classes'])}, written in"
            " other case"
        )
    if not found:
        raise DataError(f"{path} has a header and no rows", "give a file with rows to score")
    outcome.notes += [*reader.notes, *predictor.notes()]
    parts = [None if part[0] is None else np.concatenate(part) for part in zip(*found, strict=True)]
    target, numeric, codes, decided, probabilities = parts
    _require_targets(path, target, model)
    numbers = np.arange(1, predictor.counts.rows + 1)
    return Scored(model, numbers, target, decided, probabilities, numeric, codes)


def _require_targets(path: str, target: Any, model: models.Model) -> None:
    import numpy as np

    missing = np.isnan(target) if model.classes is None else target < 0
    if missing.all():
        raise DataError(
            f"no row of {path} has a usable target in {model.plain['target']!r}",
            "give a file with the target in it",
        )
