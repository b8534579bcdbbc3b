"""``compare``: runs side by side, or one beside what is tried.

Without ``--try`` it writes nothing in a run and takes no lock.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import BinaryIO

from nntool.errors import StoppedError, TrainingError, UsageError
from nntool.run.directory import Run
from nntool.settings import spelling
from nntool.settings.choices import name_and_settings
from nntool.settings.compare import CompareSettings
from nntool.settings.wording import listed
from nntool.steps.comparing import contestants, picture, reporting, showing, trying
from nntool.steps.comparing.contestants import Contestant
from nntool.steps.comparing.names import letters_for, without_repeats
from nntool.steps.job import Job, Outcome


def compare(
    roots: Sequence[str], settings: CompareSettings, job: Job, *, stdout: BinaryIO
) -> Outcome:
    """Show how runs differ in settings, data, scores and learning curves.

    With ``--try`` the one run is first trained otherwise, beside its own model, and then compared
    with that. Raises ``StoppedError`` or ``TrainingError`` after all has been shown.
    """
    named, repeated = without_repeats(roots)
    letters_for(len(named))
    if settings.svg is not None:
        picture.refuse(settings.svg, named)
    outcome = Outcome("compare", named[0])
    outcome.notes += [f"{path} is named twice: it is shown once" for path in repeated]
    if settings.try_:
        return _with_tries(named, settings, job, outcome, stdout)
    found = contestants.of_tries(named[0]) if len(named) == 1 else contestants.of_runs(named)
    if len(found) == 1:
        path = shlex.quote(named[0])
        raise UsageError(
            f"{named[0]} is one run, and a comparison takes two",
            f"nntool compare {path} OTHER-RUN, or nntool compare {path} --try {_another(found[0])}",
        )
    _show(found, settings, outcome, stdout)
    return outcome


def _another(known: Contestant) -> str:
    """A method to try beside the one that the run was trained by."""
    used = name_and_settings(known.settings["train"]["optimizer"])[0]
    return "adam" if used == "lbfgs" else "lbfgs"


def _with_tries(
    roots: Sequence[str], settings: CompareSettings, job: Job, outcome: Outcome, stdout: BinaryIO
) -> Outcome:
    """Train what is tried, and show it beside the run's own training."""
    if len(roots) > 1:
        raise UsageError(
            f"--try trains beside one run, and {len(roots)} are named",
            shlex.join(["nntool", "compare", roots[0], *_words(settings)]),
        )
    tries = trying.run_tries(roots[0], settings.try_, job)
    outcome.fresh = all(one.is_fresh for one in tries)
    outcome.notes += [f"{one.name}: {one.error}" for one in tries if one.error]
    shown = [one.name for one in tries if one.has_model]
    if shown or Run.existing(roots[0]).entry("train") is not None:
        _show(contestants.of_tries(roots[0], shown), settings, outcome, stdout)
    try:
        trying.raise_if_stopped(roots[0], settings.try_, tries)
    except (StoppedError, TrainingError) as error:
        error.outcome = outcome
        raise
    return outcome


def _words(settings: CompareSettings) -> list[str]:
    return [word for spec in settings.try_ for word in ("--try", spelling.choice(spec))]


def _show(
    found: Sequence[Contestant], settings: CompareSettings, outcome: Outcome, stdout: BinaryIO
) -> None:
    """Tables, picture and sentences; and the file, which is written last."""
    _refuse_tasks(found)
    outcome.report = reporting.report(found)
    showing.show(found, outcome, to_stdout=not settings.is_to_stdout)
    if settings.svg is not None:
        picture.write(settings.svg, found, stdout)
        outcome.report["svg"] = settings.svg


def _refuse_tasks(found: Sequence[Contestant]) -> None:
    """Runs of different tasks have no figure in common."""
    tasks: dict[str, list[str]] = {}
    for one in found:
        tasks.setdefault(one.task, []).append(one.path)
    if len(tasks) > 1:
        told = "; ".join(f"{task}: {listed(paths)}" for task, paths in tasks.items())
        most = max(tasks.values(), key=len)
        raise UsageError(
            f"runs of different tasks have no figure in common ({told})",
            f"nntool compare {shlex.join(most)}" if len(most) > 1 else "name runs of one task",
        )
