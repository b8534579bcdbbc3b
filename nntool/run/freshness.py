"""What is fresh and what is stale, and why."""

from __future__ import annotations

from typing import Any, NamedTuple

from nntool.errors import StaleError
from nntool.run import names
from nntool.run.directory import Run
from nntool.run.manifest import Entry
from nntool.settings.model import defaults
from nntool.settings.steps import STEPS


class State(NamedTuple):
    """Whether a step's artifacts can be used: ``missing``, ``stale`` (and why) or ``fresh``."""

    word: str
    reason: str = ""

    @property
    def is_fresh(self) -> bool:
        """True where the artifacts can be used."""
        return self.word == "fresh"


def state(run: Run, step: str, *, files: bool = True) -> State:
    """Whether a step is fresh: its files are whole and what it read is what is there now.

    A step is stale where any step that it reads from is. With ``files`` false the manifest alone
    is judged (prediction may have no more of the run).
    """
    entry = run.entry(step)
    if entry is None:
        return State("missing")
    if files:
        for artifact in entry.writes:
            if not run.is_intact(artifact):
                gone = not run.path(artifact).exists()
                return State("stale", f"{artifact} {'is missing' if gone else 'was changed'}")
    for before in makers(run, step):
        earlier = state(run, before, files=files)
        if not earlier.is_fresh:
            return State("stale", f"{before} is {earlier.word}")
    current = inputs(run, step, files=files)
    for artifact in sorted(set(current) | set(entry.reads)):
        if artifact.startswith("source:"):
            continue  # only collect, clean with a SOURCE and run look at the source
        if artifact not in entry.reads and artifact in names.reads_of(step):
            continue  # an older program that made it did not read so much
        if current.get(artifact) != entry.reads.get(artifact):
            change = "has changed" if artifact in entry.reads else "is new"
            return State("stale", f"{artifact} {change}")
    if step == "split" and not agrees_with_clean(run):
        return State("stale", "clean has another target or task")
    return State("fresh")


def makers(run: Run, step: str) -> list[str]:
    """The steps whose artifacts a step reads always, in order."""
    found: list[str] = []
    for artifact in names.reads_of(step):
        if names.maker(artifact) not in found:
            found.append(names.maker(artifact))
    return found


def inputs(run: Run, step: str, *, files: bool = True) -> dict[str, str]:
    """The recorded hashes of all that a step would read now."""
    wanted = list(names.reads_of(step))
    wanted += [a for a in names.reads_where_present(step) if run.has(a)]
    if step in names.FITTED_ON_ROWS and state(run, "split", files=files).is_fresh:
        wanted.append(names.SPLIT_ROWS)
    found = {artifact: run.hash_of(artifact) for artifact in wanted}
    return {artifact: digest for artifact, digest in found.items() if digest is not None}


def agrees_with_clean(run: Run) -> bool:
    """Whether the split was made for the target and task that clean has now."""
    clean = run.entry("clean")
    return clean is None or split_is_for(run, clean.settings["target"], clean.settings["task"])


def split_is_for(run: Run, target: str, task: str) -> bool:
    """Whether the split was made for this target and task."""
    split = run.entry("split")
    return split is None or (split.facts["target"], split.facts["task"]) == (target, task)


def require(run: Run, step: str, *, files: bool = True) -> None:
    """Raise ``StaleError`` with the command to run unless all that a step needs is fresh."""
    for before in makers(run, step):
        require_fresh(run, before, files=files)


def require_fresh(run: Run, step: str, *, files: bool = True) -> None:
    """Raise ``StaleError`` naming the earliest command that mends a step that is not fresh."""
    found = state(run, step, files=files)
    if found.is_fresh:
        return
    for before in makers(run, step):
        require_fresh(run, before, files=files)
    if found.word == "missing":
        raise StaleError(f"{step} has not run in {run.root}", run.command(step))
    raise StaleError(f"{step} is stale: {found.reason}", run.command(step))


def differences(step: str, entry: Entry, asked: dict[str, Any]) -> list[str]:
    """The settings that are neither as they were asked before nor as they were resolved then.

    What an older program did not know it did as the default of today does.
    """
    before = defaults(STEPS[names.work_of(step)]) | entry.asked
    return [
        key
        for key in sorted(set(asked) | set(entry.asked))
        if asked.get(key) != before.get(key)
        and not (key in asked and asked[key] == entry.settings.get(key))
    ]


def is_same_request(run: Run, step: str, asked: dict[str, Any]) -> bool:
    """Whether each setting is as it was asked before, or as it was resolved then."""
    entry = run.entry(step)
    return entry is not None and not differences(step, entry, asked)
