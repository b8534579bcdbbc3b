"""``compare``: runs side by side. It writes nothing in a run and takes no lock."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import BinaryIO

from nntool.errors import UsageError
from nntool.settings.compare import CompareSettings
from nntool.settings.wording import listed
from nntool.steps.comparing import contestants, picture, reporting, showing
from nntool.steps.comparing.contestants import Contestant
from nntool.steps.comparing.names import LETTERS, without_repeats
from nntool.steps.job import Job, Outcome


def compare(
    roots: Sequence[str], settings: CompareSettings, job: Job, *, stdout: BinaryIO
) -> Outcome:
    """Show how runs differ in settings, data, scores and learning curves."""
    named, repeated = without_repeats(roots)
    if len(named) > len(LETTERS):
        raise UsageError(f"{len(named)} runs are too many to be read side by side", "name fewer")
    outcome = Outcome("compare", named[0])
    if settings.svg is not None:
        picture.refuse(settings.svg, named)
    found = contestants.of_runs(named)
    _refuse_one(found)
    _refuse_tasks(found)
    outcome.notes += [f"{path} is named twice: it is shown once" for path in repeated]
    outcome.report = reporting.report(found)
    showing.show(found, outcome, to_stdout=not settings.is_to_stdout)
    if settings.svg is not None:
        picture.write(settings.svg, found, stdout)
        outcome.report["svg"] = settings.svg
    return outcome


def _refuse_one(found: Sequence[Contestant]) -> None:
    if len(found) == 1:
        path = shlex.quote(found[0].path)
        raise UsageError(
            f"{found[0].path} is one run, and a comparison takes two",
            f"nntool compare {path} OTHER-RUN, or nntool compare {path} --try lbfgs",
        )


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
