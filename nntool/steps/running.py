"""``run``: every step that is not fresh, in order, under one lock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, NntoolError, StoppedError, UsageError
from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings import recipe as recipes
from nntool.settings.building import build, check_names
from nntool.settings.secrets import refuse_passwords
from nntool.settings.steps import STEPS
from nntool.steps import clean, collect, evaluate, select_features, split, train, transform
from nntool.steps.job import Job, Outcome
from nntool.steps.performing import is_fresh, recorded

if TYPE_CHECKING:
    from nntool.tables.sources.sql import GoneError

RUN_ORDER = ("collect", "split", "clean", "transform", "select-features", "train", "evaluate")
"""Split comes early: what is learned is then learned once, from training rows."""


def run(
    root: str, recipe: str | None, given: dict[str, dict[str, Any]], job: Job
) -> Iterator[Outcome]:
    """Do every step, yielding what each did; ``given`` are values that win over the recipe's."""
    path = _recipe_path(root, recipe)
    values = _merged(path, given, None if recipe else Run(root))
    for step, model in STEPS.items():
        check_names(model, values[step], f"{step}.")
    _require_source_and_target(root, values)
    models: dict[str, Any] = {s: build(model, values[s], f"{s}.") for s, model in STEPS.items()}
    folder = path.parent if path and "source" not in given["collect"] else None
    with Session(root, create=True, recipe_at_end=True) as session:
        for step in RUN_ORDER:
            outcome = Outcome(step, root)
            try:
                if step != "train" and job.listener.stop_requested():
                    raise StoppedError(f"interrupted before {step}", f"nntool run {root}")
                _do(session, step, models, job, outcome, folder)
                session.commit()
                if step == "train":
                    train.raise_if_stopped(outcome, session.run.command(step))
                elif step == "evaluate":
                    fresh = [s for s in RUN_ORDER if freshness.state(session.run, s).is_fresh]
                    session.touch(fresh)  # all files of one command get one time
                    session.commit()
                    session.write_recipe()
                    if step in outcome.report:
                        evaluate.check_requirements(session.run, models[step], outcome)
            except NntoolError as error:
                error.step = step
                raise
            yield outcome


def _do(
    session: Session,
    step: str,
    models: dict[str, Any],
    job: Job,
    outcome: Outcome,
    folder: Path | None,
) -> None:
    """Do one step in the session."""
    if step == "evaluate" and _has_nothing_to_score(models):
        outcome.notes.append("there is no test part, so nothing is scored")
        return
    if step == "collect":
        _collect(session, models["collect"], job, outcome, folder)
        return
    if step == "split":
        split.split_in(session, models["split"], job, outcome, models["clean"])
        return
    if step == "evaluate":
        evaluate.evaluate_in(session, models[step], job, outcome, folder)
        return
    steps: dict[str, Any] = {
        "clean": clean.clean_in,
        "transform": transform.transform_in,
        "select-features": select_features.select_features_in,
        "train": train.train_in,
    }
    steps[step](session, models[step], job, outcome)


def _has_nothing_to_score(models: dict[str, Any]) -> bool:
    """Whether the test part was set to nothing and no other rows were asked for."""
    scored = models["evaluate"]
    return (
        models["split"].test == 0
        and scored.part == "test"
        and scored.data is None
        and not scored.require
        and scored.cv is None
    )


def _collect(
    session: Session, settings: Any, job: Job, outcome: Outcome, folder: Path | None
) -> None:
    """Collect again where a source changed; go on without it where it is gone."""
    from nntool.tables.sources.sql import GoneError

    try:
        if collect.collect_in(session, settings, job, outcome, folder):
            return
        outcome.notes.append("these sources are collected already; nothing to do")
    except GoneError as gone:
        _go_on_without(session, settings, outcome, gone)
    outcome.fresh = True
    session.touch(["collect"])


def _go_on_without(session: Session, settings: Any, outcome: Outcome, gone: GoneError) -> None:
    """Keep what was collected, where it is whole and was read with these settings."""
    entry = session.run.entry("collect")
    if entry is None or entry.asked["source"] != list(settings.source):
        raise gone
    why = f" ({gone.why})" if gone.why else ""
    if not is_fresh(session, "collect", settings):
        raise DataError(
            f"{gone.source} is gone{why}, and what was collected is not whole or was read with"
            " other settings",
            "put the source back, or name another with --data",
        )
    outcome.notes.append(f"{gone.source} is gone{why}; going on with what was collected")
    outcome.report["collect"] = recorded(session.run, "collect")


def _recipe_path(root: str, recipe: str | None) -> Path | None:
    """The recipe that is named, else the run's own where there is one."""
    if recipe is not None:
        return Path(recipe)
    own = Path(root) / names.RECIPE
    return own if own.exists() else None


def _merged(
    path: Path | None, given: dict[str, dict[str, Any]], own: Run | None
) -> dict[str, dict[str, Any]]:
    """The recipe's values under the given ones.

    In a run's own recipe a value that 'auto' came to is 'auto' again, so that a new loss gets its
    own output and a new optimizer its own learning rate.
    """
    content = recipes.read(path) if path else {}
    if own is not None and not content:  # a Makefile may have deleted the recipe
        content = {step: entry.settings for step, entry in own.manifest.steps.items()}
    recipes.check_tables(content)
    return {
        s: {**_as_asked(own, s, recipes.step_settings(content, s)), **given.get(s, {})}
        for s in STEPS
    }


def _as_asked(own: Run | None, step: str, table: dict[str, Any]) -> dict[str, Any]:
    entry = own.entry(step) if own else None
    if entry is None:
        return table
    return {
        key: entry.asked.get(key) if value == entry.settings.get(key) else value
        for key, value in table.items()
    }


def _require_source_and_target(root: str, values: dict[str, dict[str, Any]]) -> None:
    """Nothing can be done without them."""
    refuse_passwords(values["collect"].get("source") or ())
    if not values["collect"].get("source"):
        raise UsageError(
            "run needs --data, or a recipe with a source",
            f"nntool run {root} --data FILE.csv --target COLUMN",
        )
    if not values["clean"].get("target"):
        raise UsageError(
            "run needs --target, or a recipe with one",
            f"nntool run {root} --data {values['collect']['source'][0]} --target COLUMN",
        )
