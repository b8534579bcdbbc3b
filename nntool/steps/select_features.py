"""``select-features``: which produced columns the network is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings.select_features import SelectFeaturesSettings
from nntool.steps import choices, rows
from nntool.steps.job import Job, Outcome, TableView
from nntool.steps.performing import Done, enter, file_name, perform, read_json, write_json


def select_features(root: str, settings: SelectFeaturesSettings, job: Job) -> Outcome:
    """Judge the produced columns on the learned rows and keep the useful ones."""
    outcome = Outcome("select-features", root)
    with Session(root) as session:
        select_features_in(session, settings, job, outcome)
        session.commit()
    return outcome


def select_features_in(
    session: Session, settings: SelectFeaturesSettings, job: Job, outcome: Outcome
) -> bool:
    """Stage the selection unless it is fresh; returns whether it was made."""
    choices.check(settings)
    freshness.require(session.run, "select-features")
    return perform(
        session,
        "select-features",
        settings,
        job,
        outcome,
        lambda folder: _work(session, settings, folder, outcome),
    )


def refit(session: Session, settings: SelectFeaturesSettings, outcome: Outcome) -> None:
    """Stage the step again on the rows that stand now."""
    enter(
        session,
        "select-features",
        settings,
        lambda folder: _work(session, settings, folder, outcome),
    )


def feature_arrays(run: Run) -> tuple[Any, Any]:
    """The produced columns of all rows: numeric ``(n, d)`` and codes ``(n, k)``."""
    import numpy as np

    from nntool.tables import arrays

    numeric = arrays.load(run.checked(names.TRANSFORM_NUMERIC), np.float32, (None, None))
    if not run.has(names.TRANSFORM_CATEGORICAL):
        return numeric, np.zeros((numeric.shape[0], 0), np.int32)
    codes = arrays.load(
        run.checked(names.TRANSFORM_CATEGORICAL), np.int32, (numeric.shape[0], None)
    )
    return numeric, codes


def _work(
    session: Session, settings: SelectFeaturesSettings, folder: Path, outcome: Outcome
) -> Done:
    import numpy as np

    from nntool.tables import arrays, selecting, transforming

    run = session.run
    state = read_json(run.checked(names.TRANSFORM_STATE))
    numeric, codes = feature_arrays(run)
    target = arrays.load(run.checked(names.TRANSFORM_TARGET), shape=(numeric.shape[0],))
    mask, seen = rows.learned_later(run)
    columns = selecting.fit(
        numeric,
        codes,
        target,
        state["target"]["task"],
        transforming.produced(state["features"]),
        settings,
        mask,
        np.random.default_rng(settings.seed),
    )
    notes = columns.pop("notes")
    report = {
        "notes": notes,
        "kept": columns["kept"],
        "features": columns["features"],
        "dropped": columns["dropped"],
    }
    write_json(
        folder / file_name(names.SELECT_COLUMNS),
        {
            "kept": columns["kept"],
            "sources": transforming.sources(state["features"], columns["kept"]),
        },
    )
    write_json(folder / file_name(names.SELECT_REPORT), report)
    outcome.notes += notes
    outcome.tables.append(_features_table(columns["features"]))
    return Done(rows=seen)


def _features_table(features: list[dict[str, Any]]) -> TableView:
    """Every feature with its score and fate, the best first where there are scores."""
    ranked = sorted(features, key=lambda f: (f["rank"] is None, f["rank"] or 0))
    body = [
        [
            feature["feature"],
            str(len(feature["columns"])),
            "" if feature["score"] is None else f"{feature['score']:.4g}",
            "kept" if feature["kept"] else "dropped",
            feature["reason"] or "",
        ]
        for feature in ranked
    ]
    return TableView("features", ["feature", "columns", "score", "", "because"], body)
