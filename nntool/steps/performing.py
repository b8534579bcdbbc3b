"""What every step does around its own work: needs, freshness, staging, entering."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.manifest import RowsSeen, Status
from nntool.run.session import Session
from nntool.settings.model import StepSettings, fields, plain
from nntool.steps.job import Job, Outcome


@dataclass
class Done:
    """What a step's own work came to, for the manifest."""

    resolved: dict[str, Any] = field(default_factory=dict)
    """Settings whose value was found: positions become names, 'auto' what it came to."""
    rows: RowsSeen | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    status: Status = "finished"


Work = Callable[[Path], Done]
"""Writes a step's files into the folder that it is given."""


def is_fresh(session: Session, step: str, settings: StepSettings) -> bool:
    """Whether the step has these results already: same request, same inputs, whole files."""
    run = session.run
    entry = run.entry(step)
    return (
        entry is not None
        and entry.status == "finished"
        and freshness.is_same_request(run, step, plain(settings))
        and freshness.state(run, step).is_fresh
    )


def perform(
    session: Session,
    step: str,
    settings: StepSettings,
    job: Job,
    outcome: Outcome,
    work: Work,
    reads: dict[str, str] | None = None,
) -> bool:
    """Do a step's work unless it is fresh; returns whether it was done.

    The caller commits. A fresh step computes nothing; its files are given the present time.
    """
    if not job.force and is_fresh(session, step, settings):
        session.touch([step])
        outcome.fresh = True
        outcome.report[step] = recorded(session.run, step)
        outcome.notes.append("already done with these settings; nothing to compute")
        return False
    words = what_differs(session, step, settings)
    before = len(outcome.notes)
    enter(session, step, settings, work, reads)
    outcome.report[step] = recorded(session.run, step)
    outcome.notes[before:before] = words
    return True


def recorded(run: Run, step: str) -> Any:
    """What a step came to, from its own artifact: the same for the first call and a fresh one."""
    is_model = names.work_of(step) == "train"
    report = names.beside(step, names.TRAIN_MODEL) if is_model else names.REPORT[step]
    found = read_json(run.checked(report))
    return found["trained"] if is_model else found


def what_differs(session: Session, step: str, settings: StepSettings) -> list[str]:
    """The settings in which this call differs from the one whose results it is to replace."""
    entry = session.run.entry(step)
    if entry is None:
        return []
    asked = plain(settings)
    changed = [
        f"{key} was {entry.settings.get(key, 'unset')}, is {asked.get(key, 'unset')}"
        for key in freshness.differences(step, entry, asked)
    ]
    return [f"replaces results of other settings: {'; '.join(changed)}"] if changed else []


def enter(
    session: Session,
    step: str,
    settings: StepSettings,
    work: Work,
    reads: dict[str, str] | None = None,
) -> None:
    """Do the work in a staging folder and enter it in the manifest in memory."""
    begun = time.monotonic()
    if reads is None:
        reads = freshness.inputs(session.run, step)
    done = work(session.stage(step))
    asked = plain(settings)
    resolved = asked | done.resolved
    session.finish(
        step,
        asked=asked,
        settings={f.name: resolved[f.name] for f in fields(type(settings)) if f.name in resolved},
        reads=reads,
        seconds=time.monotonic() - begun,
        facts=done.facts,
        rows=done.rows,
        status=done.status,
    )


def file_name(artifact: str) -> str:
    """An artifact's name inside its step's folder."""
    return names.file_of(artifact)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON for people and programs: two spaces, UTF-8, one line end."""
    import msgspec

    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def read_json(path: Path) -> Any:
    """Read a JSON artifact."""
    import msgspec

    return msgspec.json.decode(path.read_bytes())
