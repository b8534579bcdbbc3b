"""``transform``: typed columns become the arrays that a network reads."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from nntool.run import freshness, names
from nntool.run.session import Session
from nntool.settings.transform import TransformSettings
from nntool.steps import choices, rows
from nntool.steps.job import Job, Outcome, TableView
from nntool.steps.performing import Done, enter, file_name, perform, read_json, write_json


def transform(root: str, settings: TransformSettings, job: Job) -> Outcome:
    """Fit the features on the learned rows and write the arrays of all rows."""
    outcome = Outcome("transform", root)
    with Session(root) as session:
        transform_in(session, settings, job, outcome)
        session.commit()
    return outcome


def transform_in(session: Session, settings: TransformSettings, job: Job, outcome: Outcome) -> bool:
    """Stage the features unless they are fresh; returns whether they were made."""
    choices.check(settings)
    freshness.require(session.run, "transform")
    return perform(
        session,
        "transform",
        settings,
        job,
        outcome,
        lambda folder: _work(session, settings, folder, outcome),
    )


def refit(session: Session, settings: TransformSettings, outcome: Outcome) -> None:
    """Stage the step again on the rows that stand now."""
    enter(
        session,
        "transform",
        settings,
        lambda folder: _work(session, settings, folder, outcome),
    )


def _work(session: Session, settings: TransformSettings, folder: Path, outcome: Outcome) -> Done:
    from nntool.tables import parquet, transforming

    run = session.run
    clean = read_json(run.checked(names.CLEAN_STATE))
    columns = [(column["name"], column["role"]) for column in clean["columns"]]
    mask, seen = rows.learned_later(run)
    table = parquet.read(run.checked(names.CLEAN_TABLE))
    features = transforming.fit(table, columns, settings, mask)
    target = _write_target(table, clean["target"], settings, mask, folder)
    counts: dict[str, Any] = {}
    _write_features(table, features, folder, counts)
    write_json(folder / file_name(names.TRANSFORM_STATE), {"features": features, "target": target})
    report = transforming.report(features, counts)
    write_json(folder / file_name(names.TRANSFORM_REPORT), report)
    outcome.notes += report["notes"]
    outcome.tables.append(_features_table(features))
    return Done(resolved={"target_scaling": target.get("scaling", "none")}, rows=seen)


def _write_target(
    table: Any, target: dict[str, Any], settings: TransformSettings, mask: Any, folder: Path
) -> dict[str, Any]:
    """Write target.npy: class codes or scaled values; returns the target's state."""
    from nntool.tables import arrays, transforming
    from nntool.tables import target as targets

    column = table.column(target["name"])
    if target["task"] == "regression":
        values: Any = column
    else:
        values, _ = targets.encode_classes(column, target)
    state = transforming.fit_target(
        values, target["task"], settings, mask, classes=target["classes"]
    )
    arrays.save(
        folder / file_name(names.TRANSFORM_TARGET), transforming.apply_target(values, state)
    )
    return state


def _write_features(
    table: Any, state: dict[str, Any], folder: Path, counts: dict[str, Any]
) -> None:
    """Write numeric.npy, and categorical.npy where there are codes, batch by batch."""
    import numpy as np

    from nntool.tables import arrays, parquet, transforming

    kinds = [column["kind"] for column in transforming.produced(state)]
    n_codes = kinds.count("codes")
    with ExitStack() as stack:
        numeric = stack.enter_context(
            arrays.MatrixWriter(
                folder / file_name(names.TRANSFORM_NUMERIC), kinds.count("numeric"), np.float32
            )
        )
        codes = n_codes and stack.enter_context(
            arrays.MatrixWriter(folder / file_name(names.TRANSFORM_CATEGORICAL), n_codes, np.int32)
        )
        for batch in table.to_batches(max_chunksize=parquet.ROWS_IN_GROUP):
            block, block_codes, found = transforming.apply(batch, state)
            transforming.add_counts(counts, found)
            numeric.append(block)
            if codes:
                codes.append(block_codes)


def _features_table(state: dict[str, Any]) -> TableView:
    """How each source column becomes features."""
    body = []
    for column in state["columns"]:
        produces = column["produces"]
        shown = ", ".join(produces[:4]) + (f", … {len(produces)}" if len(produces) > 4 else "")
        chain = " → ".join(operation["name"] for operation in column["chain"])
        body.append([column["source"], column["role"], chain, shown])
    return TableView("features", ["column", "role", "operations", "produces"], body)
