"""``select-features``: which produced columns the network is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from nntool.errors import StoppedError
from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings.select_features import SelectFeaturesSettings
from nntool.settings.wording import listed
from nntool.steps import choices, rows, small_networks
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
        lambda folder: _work(session, settings, job, folder, outcome),
    )


def refit(session: Session, settings: SelectFeaturesSettings, job: Job, outcome: Outcome) -> None:
    """Stage the step again on the rows that stand now."""
    enter(
        session,
        "select-features",
        settings,
        lambda folder: _work(session, settings, job, folder, outcome, is_refit=True),
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
    session: Session,
    settings: SelectFeaturesSettings,
    job: Job,
    folder: Path,
    outcome: Outcome,
    *,
    is_refit: bool = False,
) -> Done:
    import numpy as np
    from threadpoolctl import threadpool_limits

    from nntool.tables import arrays, selecting, transforming
    from nntool.tables.selecting.judged import Tools

    run = session.run
    state = read_json(run.checked(names.TRANSFORM_STATE))
    settings = _with_names(run, settings)
    mask, seen = rows.learned_later(run)
    with _matrices(run) as (numeric, codes), threadpool_limits(1, user_api="blas"):
        found = selecting.fit(
            numeric,
            codes,
            arrays.load(run.checked(names.TRANSFORM_TARGET), shape=mask.shape),
            _facts(run, state, is_refit=is_refit),
            settings,
            choices.built("SCORES", settings.score),
            mask,
            np.random.default_rng(settings.seed),
            Tools(small_networks.trained, _telling(run, job)),
        )
    notes, kept = found.pop("notes"), found["kept"]
    report = {key: found[key] for key in ("kept", "features", "dropped")}
    sources = transforming.sources(state["features"], kept)
    notes += _also_read([f for f in found["features"] if f["kept"]], sources)
    write_json(folder / file_name(names.SELECT_COLUMNS), {"kept": kept, "sources": sources})
    write_json(folder / file_name(names.SELECT_REPORT), {"notes": notes, **report})
    outcome.notes += notes
    outcome.tables.append(_features_table(found["features"]))
    named = {"keep": settings.keep, "drop": settings.drop}
    return Done(resolved={key: list(value) for key, value in named.items() if value}, rows=seen)


@contextmanager
def _matrices(run: Run) -> Iterator[tuple[Any, Any]]:
    """The files of the produced columns: numeric ``(n, d)`` and codes ``(n, k)``."""
    import numpy as np

    from nntool.tables import selecting
    from nntool.tables.arrays import MatrixReader

    with ExitStack() as files:
        numeric = files.enter_context(MatrixReader(run.checked(names.TRANSFORM_NUMERIC)))
        codes: Any = selecting.InMemory(np.zeros((numeric.n_rows, 0), np.int32))
        if run.has(names.TRANSFORM_CATEGORICAL):
            codes = files.enter_context(MatrixReader(run.checked(names.TRANSFORM_CATEGORICAL)))
        yield numeric, codes


def _with_names(run: Run, settings: SelectFeaturesSettings) -> SelectFeaturesSettings:
    """The same settings with positions in --keep and --drop (@1, @-1) turned into names."""
    import msgspec

    from nntool.tables import columns, parquet

    found = {}
    for option in ("keep", "drop"):
        texts = getattr(settings, option) or ()
        if any(text.startswith("@") for text in texts):
            known = parquet.names(run.checked(names.COLLECT_TABLE))
            parts = [part for text in texts for part in _parts(text)]
            found[option] = tuple(
                columns.resolve(known, part, f"--{option}") if part.startswith("@") else part
                for part in parts
            )
    return msgspec.structs.replace(settings, **found)


def _parts(text: str) -> list[str]:
    """A text that begins with a position, at its commas; any other as it stands."""
    return [part.strip() for part in text.split(",")] if text.startswith("@") else [text]


def _facts(run: Run, state: dict[str, Any], *, is_refit: bool) -> Any:
    """What clean and transform say of the columns."""
    from nntool.tables import transforming
    from nntool.tables.selecting.fitting import Facts

    clean, features = read_json(run.checked(names.CLEAN_STATE)), state["features"]
    produced = transforming.produced(features)
    there = {column["source"] for column in produced}
    mixed = set(transforming.sources(features))
    return Facts(
        produced=produced,
        missing={c["source"]: c["missing"] / features["rows"] for c in features["columns"]},
        not_features={
            c["name"]: "its role is " + c["role"]
            for c in clean["columns"]
            if c["name"] not in there | mixed
        }
        | {clean["target"]["name"]: "it is the target"},
        mixed=mixed - there,
        task=state["target"]["task"],
        is_refit=is_refit,
    )


def _also_read(kept: list[dict[str, Any]], sources: list[str]) -> list[str]:
    """Say which columns are needed though no feature of theirs is kept."""
    others = [name for name in sources if name not in {f["source"] for f in kept}]
    return [f"also read, to make or to fill what is kept: {listed(others, 10)}"] if others else []


def _telling(run: Run, job: Job) -> Any:
    """Tells how far a score is; raises where Ctrl-C was pressed, so that all stays as it was."""

    def told(done: float, total: float, what: str) -> None:
        job.listener.progress("select-features", done, total, what)
        if job.listener.stop_requested():
            raise StoppedError(
                "interrupted while features were judged; nothing was written",
                f"{run.command('select-features')}  # begins anew",
            )

    return told


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
