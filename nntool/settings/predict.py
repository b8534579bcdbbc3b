"""Settings of ``predict``: where predictions go and what stands beside them."""

from typing import Annotated, Literal

from nntool.errors import UsageError
from nntool.settings.model import StepSettings, option

STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
"""Where --output means standard output."""

WRITTEN = "What is written"
BESIDE = "Beside each prediction"
ANSWERED = "How rows are answered"
REFUSED = "What is refused"


class PredictSettings(StepSettings, frozen=True, kw_only=True):
    """Where predictions go and what stands beside them."""

    output: Annotated[
        str,
        option(
            "Where predictions go: CSV, packed where the name ends in .gz or .zst, or .parquet; '-'"
            " is standard output.",
            metavar="FILE",
            group=WRITTEN,
        ),
    ] = "-"
    id: Annotated[
        tuple[str, ...],
        option(
            "Input columns to put first, by which predictions are joined back; repeatable, or with"
            " commas.",
            metavar="COLUMN,…",
            group=WRITTEN,
        ),
    ] = ()
    keep: Annotated[
        tuple[str, ...],
        option(
            "Input columns to put after the predictions; repeatable, or with commas. '*': all of"
            " them.",
            metavar="COLUMN,…",
            group=WRITTEN,
        ),
    ] = ()
    probabilities: Annotated[
        bool,
        option(
            "Whether the probability of each class stands beside the prediction.",
            group=BESIDE,
        ),
    ] = True
    top: (
        Annotated[
            int,
            option(
                "The K likeliest classes with their probabilities, in place of those of all.",
                ge=1,
                metavar="K",
                group=BESIDE,
            ),
        ]
        | None
    ) = None
    interval: (
        Annotated[
            float,
            option(
                "Add an interval (lower, upper) or, for classes, a set that holds the truth in this"
                " share of rows like those of training.",
                metavar="LEVEL",
                gt=0,
                lt=1,
                group=BESIDE,
            ),
        ]
        | None
    ) = None
    spread: Annotated[
        bool,
        option(
            "Whether the standard deviation over the networks of an ensemble, or the passes of"
            " --mc-dropout, stands beside the prediction: of the value, or of the probability of"
            " the predicted class.",
            group=BESIDE,
        ),
    ] = False
    status: Annotated[
        bool,
        option(
            "Whether a column says what was met in each row: ok, imputed, unseen category, out of"
            " range, bad row.",
            group=BESIDE,
        ),
    ] = False
    threshold: (
        Annotated[
            float,
            option(
                "With two classes: the positive one is predicted where its probability is at least"
                " this.",
                ge=0,
                le=1,
                metavar="NUMBER",
                group=ANSWERED,
            ),
        ]
        | None
    ) = None
    unseen: Annotated[
        Literal["other", "missing", "error"],
        option(
            "What a category that training never saw is taken for: the slot of the rare ones, a"
            " missing cell, or an error.",
            group=ANSWERED,
        ),
    ] = "other"
    mc_dropout: Annotated[
        int,
        option(
            "Passes with dropout left on, whose mean is the prediction; 0: one pass without.",
            ge=0,
            metavar="N",
            group=ANSWERED,
        ),
    ] = 0
    strict: Annotated[
        bool,
        option(
            "Whether a row that cannot be read is an error, in place of an empty answer.",
            group=REFUSED,
        ),
    ] = False
    drift_limit: (
        Annotated[
            float,
            option(
                "Exit with 6, the predictions written, where a column's population-stability index"
                " against the training rows is beyond this and what chance allows.",
                ge=0,
                metavar="NUMBER",
                group=REFUSED,
            ),
        ]
        | None
    ) = None

    @property
    def is_to_stdout(self) -> bool:
        """Whether the predictions go to standard output."""
        return self.output in STDOUT

    def check_together(self) -> None:
        """Refuse a mean of nothing, and intervals that were measured otherwise."""
        if self.mc_dropout == 1:
            raise UsageError(
                "--mc-dropout 1: one pass has no mean and no spread",
                "--mc-dropout 30, or leave it out",
            )
        if self.interval is not None and self.mc_dropout:
            raise UsageError(
                "--interval was measured on plain predictions, not on the means of --mc-dropout",
                "give one of the two; --spread says how far the passes lie apart",
            )
