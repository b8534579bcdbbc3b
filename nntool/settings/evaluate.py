"""Settings of ``evaluate``: which rows are scored and what is required of the scores."""

import math
from typing import Annotated, Literal

from nntool.errors import UsageError
from nntool.settings.model import StepSettings, option

INTERVAL = 0.9
"""The level that is tried where none is asked for; a model that cannot have it is no failure."""

NO_METRIC = "none"

CERTAINTY = "How certain it is"
TWO_CLASSES = "Where two classes part"
CLOSER = "A closer look"
FOLDS = "Cross-validation"


class EvaluateSettings(StepSettings, frozen=True, kw_only=True):
    """Which rows are scored, against what."""

    part: Annotated[
        Literal["test", "validation", "train"], option("The part of the rows that is scored.")
    ] = "test"
    data: Annotated[
        str | None,
        option("Score this CSV, with the target in it, in place of a part.", metavar="FILE"),
    ] = None
    baseline: Annotated[
        bool, option("Whether the majority or mean and a linear model are scored beside it.")
    ] = True
    require: Annotated[
        tuple[str, ...],
        option(
            "Exit 6 unless a metric, or the coverage of intervals, is met, as in 'accuracy>=0.9';"
            " repeatable."
        ),
    ] = ()
    bootstrap: Annotated[
        int,
        option(
            "The resamples of the rows that the confidence intervals of metrics are made of; 0 for"
            " none.",
            ge=0,
            metavar="N",
            group=CERTAINTY,
        ),
    ] = 1000
    confidence: Annotated[
        float,
        option(
            "The level of those confidence intervals.",
            metavar="LEVEL",
            gt=0,
            lt=1,
            group=CERTAINTY,
        ),
    ] = 0.95
    interval: Annotated[
        float,
        option(
            "The level of the intervals or sets of predictions whose coverage is shown.",
            metavar="LEVEL",
            gt=0,
            lt=1,
            group=CERTAINTY,
        ),
    ] = INTERVAL
    threshold: (
        Annotated[
            float,
            option(
                "With two classes: the positive one is decided for where its probability is at"
                " least this.",
                ge=0,
                le=1,
                metavar="NUMBER",
                group=TWO_CLASSES,
            ),
        ]
        | None
    ) = None
    optimize: Annotated[
        str,
        option(
            "Choose that threshold on validation rows, where this metric is best.",
            registry="DECISIONS",
            words=(NO_METRIC,),
            metavar="METRIC",
            group=TWO_CLASSES,
        ),
    ] = NO_METRIC
    by: Annotated[
        tuple[str, ...],
        option(
            "Also score each group of rows by this column; repeatable.",
            metavar="COLUMN",
            group=CLOSER,
        ),
    ] = ()
    importance: Annotated[
        int,
        option(
            "Permutations of each column's cells that say how much it matters; 0 for none, 5 is"
            " usual.",
            ge=0,
            le=1000,
            metavar="REPEATS",
            group=CLOSER,
        ),
    ] = 0
    cv: (
        Annotated[
            int,
            option(
                "Also cross-validate: all steps are fitted anew for each of so many folds of the"
                " training and validation rows, which are dealt as split dealt its parts.",
                metavar="FOLDS",
                ge=2,
                le=100,
                group=FOLDS,
            ),
        ]
        | None
    ) = None
    cv_repeats: Annotated[
        int,
        option(
            "How often --cv deals its folds anew, each time by another seed.",
            ge=1,
            le=100,
            group=FOLDS,
        ),
    ] = 1

    def check_together(self) -> None:
        """Raise ``UsageError`` where settings, each of them valid, contradict each other."""
        needed = self._resamples_needed()
        if 0 < self.bootstrap < needed:
            raise UsageError(
                f"--bootstrap {self.bootstrap} is too few for intervals of --confidence"
                f" {self.confidence:g}: one resample in each tail takes {needed:,}",
                f"--bootstrap {max(needed, 1000)}, or --bootstrap 0 for no intervals",
            )
        if self.threshold is not None and self.optimize != NO_METRIC:
            raise UsageError(
                f"--threshold {self.threshold} is given, and --optimize {self.optimize} chooses"
                " one",
                "give one of them",
            )
        if self.cv is None and self.cv_repeats > 1:
            raise UsageError(
                f"--cv-repeats {self.cv_repeats} says how often folds are dealt, and there are no"
                " folds without --cv",
                f"--cv 5 --cv-repeats {self.cv_repeats}",
            )
        if self.cv is not None and self.data is not None:
            raise UsageError(
                f"--cv {self.cv} is about the run's own rows, and --data {self.data} is scored",
                "give one of the two",
            )

    def _resamples_needed(self) -> int:
        """How many resamples leave one outside the interval at each of its ends."""
        return math.ceil(2 / (1 - self.confidence) - 1e-9)
