"""``status``: what is there, what is fresh, and which rows each state was learned from."""

from __future__ import annotations

import shlex
from typing import Any

from nntool.errors import StaleError
from nntool.run import freshness, names
from nntool.run.directory import Run
from nntool.settings.wording import listed
from nntool.steps import origins
from nntool.steps.job import Outcome, TableView


def status(root: str, *, check: bool = False) -> Outcome:
    """Judge every step; nothing is written and no lock is taken.

    With ``check``, raises ``StaleError`` unless every step is fresh.
    """
    run = Run.existing(root)
    outcome = Outcome("status", root)
    states = {step: freshness.state(run, step) for step in names.ORDER}
    body, steps = [], {}
    for step, state in states.items():
        entry = run.entry(step)
        word = state.word
        if entry is not None and entry.status != "finished":
            word += f", {entry.status}"
        learned = _learned(entry.rows) if entry and entry.rows else ""
        when = entry.finished if entry else ""
        body.append([step, word, learned, when, state.reason])
        steps[step] = {
            "state": state.word,
            "reason": state.reason,
            "rows": {"part": entry.rows.part, "count": entry.rows.count}
            if entry and entry.rows
            else None,
            "interrupted": bool(entry and entry.status == "interrupted"),
            "diverged": bool(entry and entry.status == "diverged"),
            "finished": when,
            "version": entry.versions.get("nntool") if entry else None,
        }
    tries = {try_: freshness.state(run, try_) for try_ in run.tries()}
    if tries:
        outcome.notes.append(_said_of_tries(run, tries))
    sources = origins.states(run)
    outcome.notes += [source["note"] for source in sources if source["note"]]
    outcome.results.append(
        TableView("steps", ["step", "state", "learned from", "finished", "because"], body)
    )
    outcome.report = {
        "steps": steps,
        "tries": {try_: state._asdict() for try_, state in tries.items()},
        "sources": sources,
        "all_fresh": all(s.is_fresh for step, s in states.items() if _is_due(run, step)),
        "next": _next(run, states),
    }
    outcome.fresh = bool(outcome.report["all_fresh"])
    if check and not outcome.fresh:
        stale = [step for step, s in states.items() if not s.is_fresh and _is_due(run, step)]
        error = StaleError(f"not fresh: {', '.join(stale)}", outcome.report["next"])
        error.outcome = outcome
        raise error
    return outcome


def _said_of_tries(run: Run, tries: dict[str, freshness.State]) -> str:
    """The trainings that were tried beside the run's own, and which of them are stale."""
    said = [
        name.removeprefix(f"{names.TRY}/") + ("" if state.is_fresh else f" (stale: {state.reason})")
        for name, state in tries.items()
    ]
    return f"tried: {listed(said, most=20)}; nntool compare {shlex.quote(str(run.root))} shows them"


def _is_due(run: Run, step: str) -> bool:
    """Whether a step belongs to a whole run: nothing is scored where no test part was asked for."""
    split = run.entry("split")
    without_test = split is not None and split.settings.get("test") == 0
    return not (step == "evaluate" and run.entry(step) is None and without_test)


def _learned(rows: Any) -> str:
    return f"{rows.count:,} rows of {rows.part}"


def _next(run: Run, states: dict[str, freshness.State]) -> str:
    """The first command that mends what is not fresh, in the usual order of work."""
    for step in names.ORDER:
        if not states[step].is_fresh and _is_due(run, step):
            return run.command(step)
    return f"nntool predict {run.root} NEW.csv"
