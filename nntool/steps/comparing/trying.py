"""``compare --try``: the run's network trained by other methods, each in a folder of its own.

A try is trained from the run's artifacts, from the same first weights, into ``RUN/try/<name>/``: a
model as ``train`` writes it, and its scores as ``evaluate`` writes them. It is entered in run.json
as a step is, so it is fresh or stale, whole or not there. The run's own model is not touched.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nntool.errors import StoppedError, TrainingError, UsageError
from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings import spelling
from nntool.settings.choices import name_and_settings
from nntool.settings.model import Choice, plain
from nntool.settings.wording import listed
from nntool.steps import rows, train
from nntool.steps.comparing import try_scores
from nntool.steps.comparing.try_specs import Plan, plans
from nntool.steps.job import Job, Listener, Outcome
from nntool.steps.performing import Done, enter, file_name, recorded, write_json


@dataclass(frozen=True)
class Try:
    """What became of one ``--try``."""

    name: str
    """Of its folder in ``RUN/try/``."""
    spec: Choice
    status: Literal["finished", "interrupted", "diverged"]
    is_fresh: bool = False
    """Whether it had been made before, so that nothing was computed."""
    changes: list[str] = field(default_factory=list)
    """What is not as the run's own training has it, beside what the spec says."""
    notes: list[str] = field(default_factory=list)
    """What training said."""
    error: str = ""
    """Why there is no model, where there is none."""
    hint: str = ""
    """What may help one that diverged."""
    take_over: str = ""
    """The command that trains the run itself in this way."""

    @property
    def step(self) -> str:
        """What run.json calls it: its folder."""
        return f"{names.TRY}/{self.name}"

    @property
    def has_model(self) -> bool:
        """Whether weights were kept, the last ones or the best before it ended early."""
        return not self.error


def run_tries(root: str, specs: Sequence[Choice], job: Job) -> list[Try]:
    """Train what specs ask for and is not there yet; after Ctrl-C those that were begun.

    All specs are checked before anything is trained. What was interrupted or diverged is said in
    the tries; `raise_if_stopped` makes an error of it when they have been shown.
    """
    found: list[Try] = []
    with Session(root, recipe_at_end=True) as session:
        _forget_removed(session)
        freshness.require(session.run, "train")
        rows.require_training_states(session.run)
        for plan in plans(session, specs):
            found.append(_tried(session, plan, job))
            session.commit()
            _tell(found, job)
            _tidy(session.root / plan.step, found[-1])
            if found[-1].status == "interrupted":
                break
        session.touch([one.step for one in found if one.has_model])
        session.commit()
    return found


def raise_if_stopped(root: str, specs: Sequence[Choice], tries: Sequence[Try]) -> None:
    """Raise ``StoppedError`` after Ctrl-C, ``TrainingError`` where every try diverged."""
    if not tries:
        return
    last = tries[-1]
    if last.status == "interrupted":
        kept = "its best weights so far are kept" if last.has_model else "nothing of it was written"
        words = [word for spec in specs for word in ("--try", spelling.choice(spec))]
        again = shlex.join(["nntool", "compare", root, *words])
        raise StoppedError(f"interrupted in try {last.name}; {kept}", f"{again}  # goes on")
    if all(one.status == "diverged" for one in tries):
        raise TrainingError(f"every try diverged: {listed(one.name for one in tries)}", last.hint)


def _tried(session: Session, plan: Plan, job: Job) -> Try:
    """Train what is not there yet."""
    facts: dict[str, Any] = {
        "name": plan.name,
        "spec": plan.spec,
        "changes": plan.changes,
        "take_over": plan.command(session.run),
    }
    own = Job(_Told(plan.name, job.listener), job.force, job.threads, job.checkpoint_every)
    for change in plan.changes:
        own.listener.say(change)
    if not job.force and _is_settled(session, plan):
        entry = session.run.manifest.tries[plan.step]
        said = "already done with these settings; nothing to compute"
        if entry.facts != _facts(session.run, plan):
            said = "already trained with these settings; scored as evaluate was asked to since"
            enter(
                session, plan.step, plan.settings, lambda f: _work_on_scores(f, session, plan, own)
            )
        own.listener.say(said)
        return Try(**facts, status=entry.status, is_fresh=True)
    outcome = Outcome("compare", str(session.root))
    try:
        enter(session, plan.step, plan.settings, lambda f: _work(f, session, plan, own, outcome))
    except TrainingError as error:
        hint = _rate(plan, error.hint or "")
        return Try(**facts, status="diverged", notes=outcome.notes, error=error.message, hint=hint)
    except StoppedError as error:
        return Try(**facts, status="interrupted", notes=outcome.notes, error=error.message)
    except UsageError as error:
        raise UsageError(f"--try {plan.name}: {error.message}", error.hint) from None
    status = session.run.manifest.tries[plan.step].status
    hint = _rate(plan, recorded(session.run, plan.step).get("try", ""))
    return Try(**facts, status=status, notes=outcome.notes, hint=hint)


def _rate(plan: Plan, hint: str) -> str:
    """What train would say of the learning rate, as it is said to a try."""
    method = name_and_settings(plan.spec)[0]
    return hint.replace(
        "--learning-rate, such as ", f"learning rate, such as --try {method}:learning_rate="
    )


def _tell(tries: Sequence[Try], job: Job) -> None:
    """Say what the training of the last try said and that of none before."""
    *before, last = tries
    known = {note for one in before for note in one.notes}
    for note in last.notes:
        if note not in known:
            _Told(last.name, job.listener).say(note)


def _work(folder: Path, session: Session, plan: Plan, job: Job, outcome: Outcome) -> Done:
    """Write a model and its scores into a staging folder; checkpoints lie where it will be."""
    home = session.root / plan.step
    home.mkdir(parents=True, exist_ok=True)
    try:
        done = train.train_into(folder, session, plan.settings, job, outcome, home)
    finally:
        with suppress(OSError):  # it holds a checkpoint, or the try of before
            home.rmdir()
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    _score(folder, files, session.run, plan, job)
    done.facts |= _facts(session.run, plan)
    return done


def _work_on_scores(folder: Path, session: Session, plan: Plan, job: Job) -> Done:
    """Keep a model as it is, and score it as evaluate has been asked to since."""
    entry = session.run.manifest.tries[plan.step]
    files = session.run.checked_bytes(list(entry.writes))
    own = {names.file_of(artifact): content for artifact, content in files.items()}
    for name, content in own.items():
        (folder / name).write_bytes(content)
    _score(folder, own, session.run, plan, job)
    facts = _facts(session.run, plan)
    return Done(resolved=entry.settings, rows=entry.rows, facts=facts, status=entry.status)


def _score(folder: Path, files: dict[str, bytes], run: Run, plan: Plan, job: Job) -> None:
    report = try_scores.scores(run, try_scores.load(files), plan.settings, job)
    write_json(folder / file_name(names.EVALUATE_METRICS), report)


def _facts(run: Run, plan: Plan) -> dict[str, Any]:
    """What run.json keeps of a try beside its settings."""
    return {"spec": spelling.choice(plan.spec), "scored": try_scores.asked(run)}


def _is_settled(session: Session, plan: Plan) -> bool:
    """Whether the try is there as it would be made again: also one that diverged."""
    run = session.run
    entry = run.entry(plan.step)
    return (
        entry is not None
        and entry.status != "interrupted"
        and freshness.is_same_request(run, plan.step, plain(plan.settings))
        and freshness.state(run, plan.step).is_fresh
    )


def _forget_removed(session: Session) -> None:
    """Drop the entries of tries whose folder someone removed."""
    known = session.run.manifest.tries
    for gone in set(known).difference(session.run.tries()):
        del known[gone]


def _tidy(folder: Path, done: Try) -> None:
    """A try that has come to its end needs no checkpoint."""
    if done.status != "interrupted":
        shutil.rmtree(folder / names.CHECKPOINT, ignore_errors=True)


@dataclass(frozen=True)
class _Told:
    """A listener who hears which try it is about."""

    name: str
    listener: Listener

    def say(self, text: str) -> None:
        said = text.removeprefix("nntool train: ")
        self.listener.say(f"nntool compare: {self.name}: {said}")

    def progress(self, label: str, done: float, total: float, detail: str = "") -> None:
        self.listener.progress(f"{label} {self.name}", done, total, detail)

    def stop_requested(self) -> bool:
        return self.listener.stop_requested()
