"""Every name inside a run directory; no other file spells one.

An artifact is named by its path inside the run, ``step/file``. ``PREREQUISITES`` is the graph of
steps, which has no cycle: collect → split → clean → transform → select-features → train → evaluate.
"""

MANIFEST = "run.json"
RECIPE = "recipe.toml"
LOCK = ".lock"
CHECKPOINT = "checkpoint"
STAGING = ".new-"
"""A step writes into ``.new-<step>/`` before anything bears a final name."""
TRY = "try"
"""Each folder in it is a training tried beside the run's own; it has train's files and metrics."""
FOLD = "fold-"
"""In ``.new-evaluate/`` the run of each fold of a cross-validation, as long as it is computed."""

MEMBER = "member-"
"""In ``checkpoint/`` the folder of each member of an ensemble but the first."""

COLLECT_TABLE = "collect/table.parquet"
COLLECT_SOURCES = "collect/sources.json"
CLEAN_TABLE = "clean/table.parquet"
CLEAN_LEFT_OUT = "clean/left_out.npy"
CLEAN_STATE = "clean/state.json"
CLEAN_REPORT = "clean/report.json"
TRANSFORM_NUMERIC = "transform/numeric.npy"
TRANSFORM_CATEGORICAL = "transform/categorical.npy"
TRANSFORM_TARGET = "transform/target.npy"
TRANSFORM_STATE = "transform/state.json"
TRANSFORM_ARRAYS = "transform/state.npz"
TRANSFORM_REPORT = "transform/report.json"
SELECT_COLUMNS = "select-features/columns.json"
SELECT_REPORT = "select-features/report.json"
SPLIT_ROWS = "split/rows.npy"
SPLIT_FOLDS = "split/fold.npy"
SPLIT_REPORT = "split/report.json"
TRAIN_WEIGHTS = "train/model.npz"
TRAIN_MODEL = "train/model.json"
TRAIN_HISTORY = "train/history.csv"
TRAIN_TIMING = "train/timing.csv"
EVALUATE_METRICS = "evaluate/metrics.json"
EVALUATE_PREDICTIONS = "evaluate/predictions.csv"

ORDER = ("collect", "clean", "transform", "select-features", "split", "train", "evaluate")
"""The steps in the usual order of commands."""
FOLDERS = (*ORDER, TRY, CHECKPOINT)
"""The folders of a run."""

PREREQUISITES: dict[str, tuple[str, ...]] = {
    "collect": (),
    "split": (COLLECT_TABLE,),
    "clean": (COLLECT_TABLE,),
    "transform": (CLEAN_TABLE, CLEAN_LEFT_OUT, CLEAN_STATE),
    "select-features": (
        TRANSFORM_NUMERIC,
        TRANSFORM_TARGET,
        TRANSFORM_STATE,
        CLEAN_LEFT_OUT,
        CLEAN_STATE,
    ),
    "train": (
        SPLIT_ROWS,
        TRANSFORM_NUMERIC,
        TRANSFORM_TARGET,
        TRANSFORM_STATE,
        SELECT_COLUMNS,
        CLEAN_TABLE,
        CLEAN_LEFT_OUT,
        CLEAN_STATE,
    ),
    "evaluate": (
        SPLIT_ROWS,
        TRAIN_WEIGHTS,
        TRAIN_MODEL,
        TRANSFORM_NUMERIC,
        TRANSFORM_TARGET,
        TRANSFORM_STATE,
        SELECT_COLUMNS,
        CLEAN_TABLE,
        CLEAN_LEFT_OUT,
        CLEAN_STATE,
    ),
}
"""What each step reads, always."""

READ_WHERE_PRESENT: dict[str, tuple[str, ...]] = {
    "select-features": (TRANSFORM_CATEGORICAL,),
    "train": (TRANSFORM_CATEGORICAL,),
    "evaluate": (TRANSFORM_CATEGORICAL, TRANSFORM_ARRAYS),
}
"""What a step also reads where the step that makes it has made it."""

FITTED_ON_ROWS = ("clean", "transform", "select-features")
"""The steps that learn from rows: from the training part where a fresh split stands, else from all.

``split`` calls them again, in this order.
"""

REPORT = {
    "collect": COLLECT_SOURCES,
    "clean": CLEAN_REPORT,
    "transform": TRANSFORM_REPORT,
    "select-features": SELECT_REPORT,
    "split": SPLIT_REPORT,
    "train": TRAIN_MODEL,
    "evaluate": EVALUATE_METRICS,
}
"""What says in JSON what a step came to."""

MAIN_ARTIFACT = {
    "collect": COLLECT_TABLE,
    "clean": CLEAN_TABLE,
    "transform": TRANSFORM_NUMERIC,
    "select-features": SELECT_COLUMNS,
    "split": SPLIT_ROWS,
    "train": TRAIN_HISTORY,
    "evaluate": EVALUATE_PREDICTIONS,
}
"""What ``show RUN STEP`` shows."""


def maker(artifact: str) -> str:
    """The step that makes an artifact, or the try.

    >>> maker("clean/table.parquet"), maker("try/adam/model.npz")
    ('clean', 'try/adam')
    """
    first, _, rest = artifact.partition("/")
    return f"{first}/{rest.partition('/')[0]}" if first == TRY else first


def file_of(artifact: str) -> str:
    """An artifact's name inside the folder of its maker.

    >>> file_of("clean/table.parquet"), file_of("try/adam/model.npz")
    ('table.parquet', 'model.npz')
    """
    return artifact.removeprefix(maker(artifact)).removeprefix("/")


def beside(step: str, artifact: str) -> str:
    """The artifact of the same name that another step makes, or a try.

    >>> beside("try/adam", TRAIN_MODEL)
    'try/adam/model.json'
    """
    return f"{step}/{file_of(artifact)}"


def is_try(step: str) -> bool:
    """Whether this names a try and no step.

    >>> is_try("try/adam"), is_try("train")
    (True, False)
    """
    return step.startswith(f"{TRY}/")


def work_of(step: str) -> str:
    """The step whose work is done: a try does that of train.

    >>> work_of("try/adam"), work_of("clean")
    ('train', 'clean')
    """
    return "train" if is_try(step) else step


def reads_of(step: str) -> tuple[str, ...]:
    """What a step reads always; a try reads what train reads.

    >>> reads_of("try/adam") == PREREQUISITES["train"]
    True
    """
    return PREREQUISITES[work_of(step)]


def reads_where_present(step: str) -> tuple[str, ...]:
    """What a step also reads where it is there."""
    return READ_WHERE_PRESENT.get(work_of(step), ())
