"""``evaluate``: the network beside baselines on rows that it did not learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nntool.errors import GateError, UsageError
from nntool.run import freshness, hashing, names
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings.evaluate import EvaluateSettings
from nntool.settings.wording import counted
from nntool.steps import cross_validation, origins, rows, scoring
from nntool.steps import model as models
from nntool.steps.job import Job, Outcome, TableView
from nntool.steps.performing import Done, file_name, perform, read_json, write_json
from nntool.steps.predicting import unfinished
from nntool.steps.scoring import Scored
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
        lambda folder: _work(session, settings, job, place, folder, facts, outcome),
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


def _work(
    session: Session,
    settings: EvaluateSettings,
    job: Job,
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
        return _score(run, settings, job, place, folder, facts, outcome)


def _score(
    run: Run,
    settings: EvaluateSettings,
    job: Job,
    place: Path | None,
    folder: Path,
    facts: dict[str, Any],
    outcome: Outcome,
) -> Done:
    scored = (
        scoring.of_file(run, str(place), outcome) if place else scoring.of_part(run, settings.part)
    )
    report: dict[str, Any] = {
        "task": scored.model.plain["task"],
        "target": scored.model.plain["target"],
        "rows": settings.data or settings.part,
        "network": network_scores(scored),
    }
    if settings.baseline:
        report["baselines"] = _baselines(run, scored, settings.seed)
    if settings.cv:
        report["cross_validation"] = cross_validation.scores(run, settings, job, folder)
    write_json(folder / file_name(names.EVALUATE_METRICS), report)
    _write_predictions(folder / file_name(names.EVALUATE_PREDICTIONS), scored)
    return Done(facts=facts)


def network_scores(scored: Scored) -> dict[str, Any]:
    """Every metric of the network on these rows."""
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


def _baselines(run: Run, scored: Scored, seed: int) -> dict[str, Any]:
    """A constant and a linear model, fitted on the training rows, scored on the same rows."""
    import numpy as np

    from nntool.tables import baselines

    model = scored.model
    numeric, codes = models.chosen_columns(*feature_arrays(run), model.plain)
    training = np.flatnonzero(rows.of_part(run, "train"))
    target = scoring.own_target(run, model)[training]
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


def _write_predictions(path: Path, scored: Scored) -> None:
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
    if "cross_validation" in report:
        cross_validation.show(report, outcome)
    outcome.notes += [
        f"{metric} is not defined here: {why}"
        for metric, why in report["network"]["undefined"].items()
    ]


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
