"""``evaluate``: the network beside baselines on rows that it did not learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from nntool.errors import DataError, GateError, UsageError
from nntool.run import freshness, hashing, names
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings.evaluate import EvaluateSettings
from nntool.settings.wording import counted
from nntool.steps import model as models
from nntool.steps import origins, rows
from nntool.steps.csv_input import batches
from nntool.steps.inputs import open_rows
from nntool.steps.job import Job, Outcome, TableView
from nntool.steps.performing import Done, file_name, perform, read_json, write_json
from nntool.steps.predicting import Predictor, unfinished
from nntool.steps.select_features import feature_arrays


def evaluate(root: str, settings: EvaluateSettings, job: Job) -> Outcome:
    """Score the model; the metrics are written even where a requirement is not met."""
    outcome = Outcome("evaluate", root)
    with Session(root) as session:
        evaluate_in(session, settings, job, outcome)
        session.commit()
        check_requirements(session.run, settings, outcome)
    return outcome


def evaluate_in(
    session: Session,
    settings: EvaluateSettings,
    job: Job,
    outcome: Outcome,
    recipe_folder: Path | None = None,
) -> bool:
    """Stage the metrics unless they are fresh; returns whether they were taken."""
    run = session.run
    if settings.data is not None and settings.part != "test":
        raise UsageError(
            f"--data {settings.data} and --part {settings.part} name different rows",
            "give one of them",
        )
    freshness.require(run, "evaluate")
    rows.require_training_states(run)
    task = read_json(run.checked(names.TRAIN_MODEL))["task"]
    _requirements(settings, task)
    reads = freshness.inputs(run, "evaluate")
    place = origins.locate(settings.data, recipe_folder) if settings.data else None
    facts = {"data": hashing.sha256(place)} if place else {}
    entry = run.entry("evaluate")
    again = Job(job.listener, job.force or bool(entry and entry.facts != facts), job.threads)
    done = perform(
        session,
        "evaluate",
        settings,
        again,
        outcome,
        lambda folder: _work(session, settings, place, folder, facts, outcome),
        reads,
    )
    _show(outcome)
    return done


def check_requirements(run: Run, settings: EvaluateSettings, outcome: Outcome) -> None:
    """Raise ``GateError`` where a requirement on the network's metrics is not met."""
    from nntool.tables import scores

    metrics = outcome.report["evaluate"]
    failed = scores.failed(_requirements(settings, metrics["task"]), metrics["network"])
    if failed:
        gate = GateError("; ".join(failed), "train with other settings, or require less")
        gate.outcome = outcome
        raise gate


def _requirements(settings: EvaluateSettings, task: str) -> list[Any]:
    from nntool.tables import scores

    return [scores.parse_requirement(text, task) for text in settings.require]


class _Scored(NamedTuple):
    """The rows that are scored and what the network says of them."""

    model: models.Model
    numbers: Any
    """What names a row in predictions.csv: its place in the table or file, from 1."""
    target: Any
    decided: Any
    probabilities: Any
    numeric: Any
    codes: Any


def _work(
    session: Session,
    settings: EvaluateSettings,
    place: Path | None,
    folder: Path,
    facts: dict[str, Any],
    outcome: Outcome,
) -> Done:
    from threadpoolctl import threadpool_limits

    run = session.run
    if words := unfinished(run.entry("train")):
        outcome.notes.append(words)
    with threadpool_limits(1, user_api="blas"):  # the same bytes whatever the cores
        return _score(run, settings, place, folder, facts, outcome)


def _score(
    run: Run,
    settings: EvaluateSettings,
    place: Path | None,
    folder: Path,
    facts: dict[str, Any],
    outcome: Outcome,
) -> Done:
    scored = _of_file(run, str(place), outcome) if place else _of_part(run, settings.part)
    report: dict[str, Any] = {
        "task": scored.model.plain["task"],
        "target": scored.model.plain["target"],
        "rows": settings.data or settings.part,
        "network": _network_scores(scored),
    }
    if settings.baseline:
        report["baselines"] = _baselines(run, scored, settings.seed)
    write_json(folder / file_name(names.EVALUATE_METRICS), report)
    _write_predictions(folder / file_name(names.EVALUATE_PREDICTIONS), scored)
    return Done(facts=facts)


def _of_part(run: Run, part: str) -> _Scored:
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
    return _Scored(model, index + 1, target, decided, probabilities, numeric, codes)


def own_target(run: Run, model: models.Model) -> Any:
    """The target of all rows: class codes, or values in its own unit as the table has them."""
    from nntool.tables import arrays

    if model.classes is not None:
        return arrays.load(run.checked(names.TRANSFORM_TARGET), shape=(None,))
    return rows.numeric_target(run, model.plain["target"])


def _of_file(run: Run, path: str, outcome: Outcome) -> _Scored:
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
    columns.resolve_all(reader.names, predictor.sources, "columns", positions=False)
    encode = target_codes.encode_values if model.classes is None else target_codes.encode_classes
    found = []
    n_respelled = 0
    for answers in predictor.answers(batches(reader, run)):
        truth, counts = encode(answers.text.column(target_column), state)
        n_respelled += counts.get("respelled", 0)
        for name, n in counts.get("unseen", {}).items():
            outcome.notes.append(f"{path}: {n:,} rows of class {name!r}, which training never saw")
        found.append((truth, *answers[1:]))
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
    return _Scored(model, numbers, target, decided, probabilities, numeric, codes)


def _require_targets(path: str, target: Any, model: models.Model) -> None:
    import numpy as np

    missing = np.isnan(target) if model.classes is None else target < 0
    if missing.all():
        raise DataError(
            f"no row of {path} has a usable target in {model.plain['target']!r}",
            "give a file with the target in it",
        )


def _network_scores(scored: _Scored) -> dict[str, Any]:
    from nntool.tables import scores

    plain = scored.model.plain
    classes = plain["classes"] or ()
    return scores.score(
        plain["task"],
        scored.target,
        scored.decided,
        scored.probabilities,
        classes=classes,
        positive=classes.index(plain["positive"]) if plain["positive"] else None,
    )


def _baselines(run: Run, scored: _Scored, seed: int) -> dict[str, Any]:
    """A constant and a linear model, fitted on the training rows, scored on the same rows."""
    import numpy as np

    from nntool.tables import baselines

    model = scored.model
    numeric, codes = models.chosen_columns(*feature_arrays(run), model.plain)
    training = np.flatnonzero(rows.of_part(run, "train"))
    target = own_target(run, model)[training]
    n = len(training)
    classes = model.plain["classes"] or ()
    return baselines.score(
        model.plain["task"],
        np.concatenate([numeric[training], scored.numeric]),
        np.concatenate([codes[training], scored.codes]),
        model.plain["levels"],
        np.concatenate([target, scored.target]),
        np.arange(n),
        np.arange(n, n + len(scored.target)),
        np.random.default_rng(seed),
        classes=classes,
        positive=classes.index(model.plain["positive"]) if model.plain["positive"] else None,
    )


def _write_predictions(path: Path, scored: _Scored) -> None:
    """Write the answers beside the truth, a line for each scored row."""
    from nntool.tables import answers
    from nntool.tables.csv.writing import write_batch, write_header

    model = scored.model
    own = answers.names(model.classes, probabilities=model.has_probabilities)
    truth = model.columns(scored.target, None)[0]
    header = ["row", "target", *own]
    shown = [answers.row_numbers(scored.numbers), truth]
    shown += model.columns(scored.decided, scored.probabilities)
    with open(path, "wb") as file:
        write_header(file, header)
        write_batch(file, answers.batch(shown, header))


def _show(outcome: Outcome) -> None:
    """The metrics side by side, on stdout: they are what was asked for."""
    report = outcome.report["evaluate"]
    others = report.get("baselines", {})
    shown = {"network": report["network"]}
    shown |= {which: others[which] for which in ("linear", "constant") if which in others}
    body = [
        [metric, *(_cell(scores.get("metrics", {}).get(metric)) for scores in shown.values())]
        for metric in report["network"]["metrics"]
    ]
    positive = report["network"].get("positive")
    if positive is not None:
        outcome.notes.append(f"precision, recall, f1 and auc are those of the class {positive!r}")
    if unscored := report["network"]["unscored"]:
        outcome.notes.append(f"{counted(unscored, 'row')} without a usable target: not scored")
    title = f"{report['network']['rows']:,} {Path(report['rows']).name} rows"
    outcome.results.append(TableView(title, [title, *shown], body))
    outcome.notes += report["network"]["notes"] + others.get("notes", [])
    outcome.notes += [
        f"{metric} is not defined here: {why}"
        for metric, why in report["network"]["undefined"].items()
    ]


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
