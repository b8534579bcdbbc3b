"""``evaluate``: the network beside baselines on rows that it did not learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nntool.errors import GateError, UsageError
from nntool.run import freshness, hashing, names
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings.evaluate import INTERVAL, EvaluateSettings
from nntool.steps import (
    choices,
    cross_validation,
    history,
    intervals,
    origins,
    rows,
)
from nntool.steps.evaluating import (
    another_file,
    confidence,
    deciding,
    importance,
    showing,
    slices,
    verdict,
)
from nntool.steps.job import Job, LearningCurve, Outcome
from nntool.steps.performing import Done, file_name, perform, read_json, recorded, write_json
from nntool.steps.scoring import Parts, Scored
from nntool.steps.trained_run import unfinished

COVERAGE = "coverage"
"""What --require calls the share of rows that intervals or sets hold."""
NO_ROW = "no row has a target"


def evaluate(root: str, settings: EvaluateSettings, job: Job) -> Outcome:
    """Score the model; the metrics are written even where a requirement is not met."""
    outcome = Outcome("evaluate", root)
    with Session(root) as session:
        evaluate_in(session, settings, job, outcome)
        outcome.tables.append(_curve(session.run))
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
    choices.check(settings)
    freshness.require(run, "evaluate")
    rows.require_training_states(run)
    task = read_json(run.checked(names.TRAIN_MODEL))["task"]
    _requirements(settings, task)
    deciding.refuse(settings, task)
    cross_validation.refuse(run, settings)
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
    showing.show(outcome)
    return done


def check_requirements(run: Run, settings: EvaluateSettings, outcome: Outcome) -> None:
    """Raise ``GateError`` where a requirement on the network's metrics is not met."""
    from nntool.tables import scores

    report = outcome.report["evaluate"]
    network, covered = report["network"], report["intervals"]
    values = {
        "metrics": network["metrics"] | {COVERAGE: covered.get("covered")},
        "undefined": network["undefined"] | {COVERAGE: covered.get("why_none", NO_ROW)},
    }
    failed = scores.failed(_requirements(settings, report["task"]), values)
    if failed:
        gate = GateError("; ".join(failed), "train with other settings, or require less")
        gate.outcome = outcome
        raise gate


def _requirements(settings: EvaluateSettings, task: str) -> list[Any]:
    from nntool.tables import scores

    return [scores.parse_requirement(text, task, also=[COVERAGE]) for text in settings.require]


def _curve(run: Run) -> LearningCurve:
    """The learning curve of the model that was scored."""
    losses = history.read_losses(run.checked(names.TRAIN_HISTORY))
    return history.curve(losses, recorded(run, "train")["best_epoch"])


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
        parts = Parts(run)
        threshold = deciding.decide(settings, parts)
        scored = (
            another_file.answered(run, str(place), outcome, settings.by).at(parts.threshold)
            if place
            else parts.scored(settings.part)
        )
        report = assess(parts, scored, settings, job)
        if threshold is not None:
            report["threshold"] = threshold
        if settings.cv:
            report["cross_validation"] = cross_validation.scores(run, settings, job, folder)
    write_json(folder / file_name(names.EVALUATE_METRICS), report)
    _write_predictions(folder / file_name(names.EVALUATE_PREDICTIONS), scored)
    return Done(facts=facts)


def assess(parts: Parts, scored: Scored, settings: EvaluateSettings, job: Job) -> dict[str, Any]:
    """All that is found of the scored rows, as it goes to metrics.json."""
    plain = scored.model.plain
    report: dict[str, Any] = {
        "task": plain["task"],
        "target": plain["target"],
        "rows": settings.data or settings.part,
        "network": scored.scores(),
    }
    if settings.bootstrap:
        report["confidence"] = confidence.intervals(scored, settings)
    beside = _beside(parts, scored, settings)
    report["parts"] = {
        part.name: part.scores() | ({"of": part.of} if part.of else {})
        for part in beside.values()
        if part is not scored
    }
    if settings.baseline:
        report["baselines"] = _baselines(beside["train"], scored, settings.seed)
    report["verdict"] = _verdict(parts, beside, scored, report)
    report["intervals"] = _coverage(parts.run, scored, settings)
    if settings.by:
        report["slices"] = slices.by_columns(parts.run, scored, settings)
    if settings.importance:
        report["importance"] = importance.importance(
            parts.run, scored, settings.importance, settings.seed, job.listener
        )
    return report


def _beside(parts: Parts, scored: Scored, settings: EvaluateSettings) -> dict[str, Scored]:
    """Training and validation rows: what the scored ones are held against.

    The test part is never among them: who scores validation rows has not come to it yet.
    """
    found: dict[str, Scored] = {}
    for part in ("train", "validation"):
        if settings.data is None and part == settings.part:
            found[part] = scored
        elif len(parts.index(part)):
            found[part] = parts.scored(part, settings.seed)
    return found


def _verdict(
    parts: Parts, beside: dict[str, Scored], scored: Scored, report: dict[str, Any]
) -> dict[str, Any] | None:
    """Bias or variance, by the scored rows, or those of validation where training is scored."""
    train = beside["train"]
    held = scored if scored is not train else beside.get("validation")
    if held is None:
        return None
    linear = None
    if held is scored:
        metrics = report.get("baselines", {}).get("linear", {}).get("metrics", {})
        linear = metrics.get(held.measure().metric)
    found = verdict.of_parts(train, held, parts.target[parts.index("train")], linear)
    return found and verdict.beside_diagnosis(
        found, train.model.plain["trained"].get("diagnosis", ())
    )


def _coverage(run: Run, scored: Scored, settings: EvaluateSettings) -> dict[str, Any]:
    """How often the intervals or sets of the model hold the truth."""
    required = settings.interval != INTERVAL
    found, notes = intervals.coverage(run, scored, settings.interval, required=required)
    return found | {"notes": notes}


def _baselines(train: Scored, scored: Scored, seed: int) -> dict[str, Any]:
    """A constant and a linear model, fitted on the training rows, scored on the same rows."""
    import numpy as np

    from nntool.tables import baselines

    model = scored.model
    return baselines.score(
        model.plain["task"],
        baselines.Rows(train.numeric, train.codes, train.target),
        baselines.Rows(scored.numeric, scored.codes, scored.target),
        model.plain["levels"],
        np.random.default_rng(seed),
        classes=model.classes or (),
        positive=model.positive,
        tau=model.tau,
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
