"""``transform``: typed columns become the arrays that a network reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from nntool.errors import UsageError
from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings.transform import TransformSettings
from nntool.settings.wording import listed
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


def explain(root: str, settings: TransformSettings) -> Outcome:
    """Say what would be done with each column; nothing is learned and nothing is written."""
    from nntool.tables import parquet
    from nntool.tables.transforming.explaining import explain as intentions

    choices.check(settings)
    run = Run.existing(root)
    freshness.require(run, "transform")
    clean = read_json(run.checked(names.CLEAN_STATE))
    _refuse_target(settings, clean["target"])
    table = parquet.read(run.checked(names.CLEAN_TABLE))
    mask, _ = rows.learned_later(run)
    found = intentions(table, roles_of(clean), settings, mask)
    outcome = Outcome("transform", root)
    outcome.report["columns"] = [one._asdict() for one in found]
    body = [
        [one.column, one.role, "" if one.missing is None else f"{one.missing:,}", *one[3:]]
        for one in found
    ]
    header = ["column", "role", "missing", "operations", "because"]
    outcome.results.append(TableView("", header, body))
    outcome.notes.append(
        "nothing was done; to change one column: --columns COLUMN=NAME,NAME… (what a name is:"
        " --explain NAME)"
    )
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


def refit(session: Session, settings: TransformSettings, job: Job, outcome: Outcome) -> None:
    """Stage the step again on the rows that stand now."""
    enter(
        session,
        "transform",
        settings,
        lambda folder: _work(session, settings, folder, outcome),
    )


def _work(session: Session, settings: TransformSettings, folder: Path, outcome: Outcome) -> Done:
    import numpy as np

    from nntool.tables import arrays, parquet, states, transforming

    run = session.run
    clean = read_json(run.checked(names.CLEAN_STATE))
    _refuse_target(settings, clean["target"])
    mask, seen = rows.learned_later(run)
    table = parquet.read(run.checked(names.CLEAN_TABLE))
    values = _target_values(table, clean["target"])
    target = transforming.fit_target(
        values, clean["target"]["task"], settings, mask, classes=clean["target"]["classes"]
    )
    arrays.save(
        folder / file_name(names.TRANSFORM_TARGET), transforming.apply_target(values, target)
    )
    fitted = transforming.fit(
        table,
        roles_of(clean),
        settings,
        mask,
        np.asarray(values),
        len(clean["target"]["classes"] or ()),
    )
    features = fitted.state
    parts = rows.parts_where_split(run) if transforming.is_in_order(features) else None
    counts = _write_features(_blocks(table, features, parts), features, fitted.apart, mask, folder)
    plain, in_arrays = states.separate({"features": features, "target": target})
    write_json(folder / file_name(names.TRANSFORM_STATE), plain | {"reference": fitted.reference})
    if in_arrays:
        arrays.save_npz(folder / file_name(names.TRANSFORM_ARRAYS), in_arrays)
    report = transforming.report(features, counts)
    write_json(folder / file_name(names.TRANSFORM_REPORT), report)
    outcome.notes += report["notes"]
    outcome.tables.append(_features_table(features))
    return Done(resolved={"target_scaling": target.get("scaling", "none")}, rows=seen)


def roles_of(clean: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and role of each column that clean has typed, the target apart."""
    return [(column["name"], column["role"]) for column in clean["columns"]]


def _refuse_target(settings: TransformSettings, target: dict[str, Any]) -> None:
    """Raise ``UsageError`` where operations are written for the target."""
    from nntool.tables import columns

    if any(columns.find([target["name"]], wanted) for wanted in settings.columns):
        scaled = "; --target-scaling changes it" if target["task"] == "regression" else ""
        raise UsageError(
            f"--columns: {target['name']!r} is no feature, it is the target",
            f"leave it out of --columns{scaled}",
        )


def _target_values(table: Any, target: dict[str, Any]) -> Any:
    """The target of every row: codes of classes, −1 missing, or numbers, NaN missing."""
    from nntool.tables import target_codes

    column = table.column(target["name"])
    if target["task"] == "regression":
        return column.to_numpy()
    return target_codes.encode_classes(column, target)[0]


class _Block(NamedTuple):
    """Some rows in order: their features and what was met in them."""

    numeric: Any
    codes: Any
    counts: dict[str, Any]


def _blocks(table: Any, state: dict[str, Any], parts: Any) -> Iterator[_Block]:
    """The features of all rows, block by block; where order counts, part by part."""
    import numpy as np

    from nntool.tables import parquet, transforming

    if not transforming.is_in_order(state):
        for batch in table.to_batches(max_chunksize=parquet.ROWS_IN_GROUP):
            yield _Block(*transforming.apply(batch, state))
        return
    kinds = [column["kind"] for column in transforming.produced(state)]
    numeric = np.empty((table.num_rows, kinds.count("numeric")), np.float32)
    codes = np.empty((table.num_rows, kinds.count("codes")), np.int32)
    counts: dict[str, Any] = {}
    labels = np.zeros(table.num_rows, np.int8) if parts is None else parts
    for part in np.unique(labels):
        of_part = np.flatnonzero(labels == part)
        numeric[of_part], codes[of_part], found = transforming.apply(table.take(of_part), state)
        transforming.add_counts(counts, found)
    yield _Block(numeric, codes, counts)


def _write_features(
    blocks: Iterable[_Block],
    state: dict[str, Any],
    apart: dict[str, Any],
    mask: Any,
    folder: Path,
) -> dict[str, Any]:
    """Write numeric.npy, and categorical.npy where there are codes; gives all counts.

    Training rows take what is ``apart``, by the name of the column, in place of what was applied.
    """
    import numpy as np

    from nntool.tables import arrays, transforming

    produced = transforming.produced(state)
    n_codes = sum(column["kind"] == "codes" for column in produced)
    positions = {c["name"]: c["position"] for c in produced if c["name"] in apart}
    counts: dict[str, Any] = {}
    n_before = n_trained = 0
    with ExitStack() as stack:
        numeric = stack.enter_context(
            arrays.MatrixWriter(
                folder / file_name(names.TRANSFORM_NUMERIC), len(produced) - n_codes, np.float32
            )
        )
        codes = n_codes and stack.enter_context(
            arrays.MatrixWriter(folder / file_name(names.TRANSFORM_CATEGORICAL), n_codes, np.int32)
        )
        for block in blocks:
            transforming.add_counts(counts, block.counts)
            trained = np.flatnonzero(mask[n_before : n_before + len(block.numeric)])
            for name, position in positions.items():
                own = apart[name][n_trained : n_trained + len(trained)]
                block.numeric[trained, position] = own
            n_before += len(block.numeric)
            n_trained += len(trained)
            numeric.append(block.numeric)
            if codes:
                codes.append(block.codes)
    return counts


def _features_table(state: dict[str, Any]) -> TableView:
    """How each source column becomes features, and what is made of several."""
    fills = {name: imputer["name"] for imputer in state["imputers"] for name in imputer["fills"]}
    body = []
    for column in state["columns"]:
        source = column["source"]
        links = [link["name"] for link in column["chain"]]
        if source in fills and column["gives"] != "gaps":
            links.insert(0, fills[source])
        body.append([source, column["role"], " → ".join(links), listed(column["produces"], 4)])
    for mixer in state["mixers"]:
        of = f"{len(mixer['inputs'])} columns of numbers"
        body.append([of, "", mixer["name"], listed(mixer["produces"], 4)])
    return TableView("features", ["column", "role", "operations", "produces"], body)
