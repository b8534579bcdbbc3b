"""What is said of the members of an ensemble: of all at once, not of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nntool.settings.wording import counted, listed
from nntool.steps.diagnosis import Finding
from nntool.steps.fitting import Fitted
from nntool.steps.history import ENDINGS

MOST_SAID = 3
"""Remarks on single members that are shown."""


def notes(members: Sequence[Fitted], together: dict[str, Any], monitor: str) -> list[str]:
    """How the members ended, what they say together and alone, and what is wrong with them."""
    ends = [member.ended for member in members]
    how = listed(
        f"{ends.count(end)} {words.of_members}" for end, words in ENDINGS.items() if end in ends
    )
    n_epochs = sum(len(member.epochs) for member in members)
    best = _span([member.best_epoch for member in members], "d")
    told = [
        f"{counted(len(members), 'member')}, {counted(n_epochs, 'epoch')} in all: {how}; kept epoch"
        f" {best}, each the best by {monitor}"
    ]
    told += of_losses([member.at_best for member in members], together)
    told += map(str, findings(members))
    verdicts = [[member.verdict] if member.verdict else [] for member in members]
    return told + said_by(verdicts) + said_by([member.remarks for member in members])


def of_losses(alone: Sequence[dict[str, Any]], together: dict[str, Any]) -> list[str]:
    """What the mean answer is worth beside that of each network."""
    found = [at.get("validation_loss") for at in alone]
    losses = [loss for loss in found if loss is not None]
    if not together or len(losses) < 2:
        return []
    return [
        f"validation loss {together['validation_loss']:.4g} by their mean answer,"
        f" {_span(losses, '.4g')} by each alone"
    ]


def _span(values: Sequence[float], form: str) -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def said_by(texts: Sequence[Sequence[str]]) -> list[str]:
    """What is said of members, once each kind, with the member that it is said of first."""
    found: dict[str, str] = {}
    for number, of_member in enumerate(texts, 1):
        for text in of_member:
            found.setdefault(text, f"member {number}: {text}")
    shown = list(found.values())[:MOST_SAID]
    more = len(found) - len(shown)
    return shown + ([f"… and {more} more like this, of other members"] if more else [])


def findings(members: Sequence[Fitted]) -> list[Finding]:
    """What is wrong with at least half of the members; the facts are those of one of them."""
    by_kind: dict[str, list[tuple[int, Finding]]] = {}
    for number, member in enumerate(members, 1):
        for finding in member.findings:
            by_kind.setdefault(finding.what, []).append((number, finding))
    found = []
    for what, cases in by_kind.items():
        if 2 * len(cases) < len(members):
            continue
        number, first = cases[0]
        facts = f"{len(cases)} of {len(members)} members; member {number}: {first.facts}"
        found.append(Finding(what, facts, first.advice))
    return found
