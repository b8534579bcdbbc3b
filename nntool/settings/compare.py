"""Settings of ``compare``: where the picture goes, and what is tried beside the run."""

from typing import Annotated

from nntool.settings.model import Choice, StepSettings, option
from nntool.settings.predict import STDOUT


class CompareSettings(StepSettings, frozen=True, kw_only=True):
    """Where the picture goes, and what is tried beside the run."""

    svg: (
        Annotated[
            str,
            option(
                "Also draw the learning curves into this SVG file; '-' is standard output, and"
                " the tables go to standard error.",
                metavar="FILE",
            ),
        ]
        | None
    ) = None
    try_: Annotated[
        tuple[Choice, ...],
        option(
            "Train this method beside the one RUN, from its artifacts and initial weights, into"
            " RUN/try; settings of train may stand beside its own, as in adam:learning_rate=0.01;"
            " repeatable.",
            registry="METHODS",
        ),
    ] = ()

    @property
    def is_to_stdout(self) -> bool:
        """Whether the picture goes to standard output."""
        return self.svg in STDOUT
