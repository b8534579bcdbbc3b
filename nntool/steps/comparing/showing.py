"""What a person sees of a comparison: tables, a picture, sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nntool.settings import spelling
from nntool.settings.model import Choice
from nntool.settings.wording import NOTHING, listed, number
from nntool.steps import history
from nntool.steps.comparing import differing, judging
from nntool.steps.comparing.contestants import Contestant
from nntool.steps.comparing.differing import Difference
from nntool.steps.comparing.files import COUNTED
from nntool.steps.comparing.judging import ALIKE, BEST, Row
from nntool.steps.evaluating import confidence
from nntool.steps.job import LearningCurves, Outcome, TableView, View

MOST_COLUMNS = 6
"""More contestants than these have a line each, not a column."""
SIGNS = {BEST: " *", ALIKE: " ~"}
MARKED = {
    BEST: "* is the best",
    ALIKE: "~ is the best or not told apart from it: equal, or in the other's confidence interval",
}
NONE_BETTER = "no score tells them apart"
NO_INTERVALS = (
    "figures of training and validation have no intervals: small differences may be chance"
)
ENDED = {
    "interrupted": "its training was interrupted",
    "diverged": "its training diverged; what is shown is the best before that",
}


def show(contestants: Sequence[Contestant], outcome: Outcome, *, to_stdout: bool) -> None:
    """Put tables, picture and sentences into the outcome."""
    views: list[View] = []
    settings = differing.in_settings(contestants)
    data = differing.in_data(contestants)
    versions = differing.in_versions(contestants)
    for title, differences in (("setting", settings), ("data", data), ("version", versions)):
        if differences:
            views.append(_side_by_side(title, differences, contestants))
    scores, validation = judging.scores(contestants), judging.validation(contestants)
    if scores:
        views.append(_scores(scores, contestants))
    training = [*_facts(contestants), *_cells_of(validation)]
    views.append(_side_by_side("training", training, contestants))
    curves = _curves(contestants)
    if any(loss is not None for curve in curves.curves for loss in curve):
        views.append(curves)
    (outcome.results if to_stdout else outcome.tables).extend(views)
    outcome.notes += [*_notes(contestants, settings), *_verdicts(contestants, scores, validation)]


def _side_by_side(
    title: str, rows: Sequence[Difference], contestants: Sequence[Contestant]
) -> TableView:
    """A column for each contestant, or where these are many a line for each."""
    heads = [one.title for one in contestants]
    if not _are_many(contestants):
        return TableView(title, [title, *heads], [[row.name, *row.cells] for row in rows])
    lines = [[head, *(row.cells[i] for row in rows)] for i, head in enumerate(heads)]
    return TableView(title, [title, *(row.name for row in rows)], lines)


def _are_many(contestants: Sequence[Contestant]) -> bool:
    return len(contestants) > MOST_COLUMNS


def _scores(rows: Sequence[Row], contestants: Sequence[Contestant]) -> TableView:
    """The scores of those that have any, with intervals where there is room for them."""
    found = {(one.scores.n_rows, one.scores.rows) for one in contestants if one.scores}
    title = "scores"
    if len(found) == 1:
        [(n_rows, rows_of)] = found
        title = f"{n_rows:,} {rows_of.rpartition('/')[2]} rows"
    scored = [i for i, one in enumerate(contestants) if one.scores]
    cells = _cells_of(rows, with_intervals=not _are_many(contestants))
    return _side_by_side(
        title,
        [Difference(row.name, row.values, [row.cells[i] for i in scored]) for row in cells],
        [contestants[i] for i in scored],
    )


def _cells_of(rows: Sequence[Row], *, with_intervals: bool = False) -> list[Difference]:
    """Figures as cells, the better ones marked; without those that tables leave out."""
    return [
        Difference(row.name.replace("_", " "), list(row.values), _figures(row, with_intervals))
        for row in rows
        if not row.is_further
    ]


def _figures(row: Row, with_intervals: bool) -> list[str]:
    signs = [SIGNS.get(verdict, "") for verdict in row.verdicts]
    pad = " " * max(map(len, signs))
    found = []
    for value, interval, sign in zip(row.values, row.intervals, signs, strict=True):
        between = f" ({confidence.cell(interval)})" if interval and with_intervals else ""
        found.append(number(value) + between + (sign or pad))
    return found


def _facts(contestants: Sequence[Contestant]) -> list[Difference]:
    """What is told of a training beside its losses."""
    facts = {
        "state": [one.word for one in contestants],
        "optimizer": [_typed(one.setting("train", "optimizer")) for one in contestants],
        "learning rate": [_number_of(one.setting("train", "learning_rate")) for one in contestants],
        "parameters": [_parameters(one) for one in contestants],
        "epochs": [f"{one.trained.epochs:,}" for one in contestants],
        "kept epoch": [f"{one.trained.best_epoch:,}" for one in contestants],
        "ended": [_ending(one.trained.ended) for one in contestants],
        "seconds": [number(one.seconds, digits=3) for one in contestants],
    }
    for name in COUNTED:
        if any(name in one.counts for one in contestants):
            facts[name.replace("_", " ")] = [_count(one.counts.get(name)) for one in contestants]
    if set(facts["state"]) == {"fresh"}:
        del facts["state"]
    return [Difference(name, list(cells), cells) for name, cells in facts.items()]


def _ending(ended: str) -> str:
    """Why a training ended; a newer program may know more reasons."""
    known = history.ENDINGS.get(ended)
    return known.alone if known else ended


def _parameters(one: Contestant) -> str:
    each = f"{one.trained.parameters:,}"
    return each if one.trained.networks == 1 else f"{one.trained.networks} × {each}"


def _count(n: int | None) -> str:
    return NOTHING if n is None else f"{n:,}"


def _typed(choice: Choice | None) -> str:
    return spelling.choice(choice) if choice else NOTHING


def _number_of(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else str(value or NOTHING)


def _curves(contestants: Sequence[Contestant]) -> LearningCurves:
    """The validation losses; the training losses where not all have validated."""
    name = drawn_loss(contestants)
    return LearningCurves(
        name.replace("_", " "),
        [one.title for one in contestants],
        [one.losses[name] for one in contestants],
        [one.trained.best_epoch for one in contestants],
    )


def drawn_loss(contestants: Sequence[Contestant]) -> str:
    """The loss that all have."""
    drawn = [one for one in contestants if one.losses["train_loss"]]
    validated = all(
        any(loss is not None for loss in one.losses["validation_loss"]) for one in drawn
    )
    return "validation_loss" if validated else "train_loss"


def _notes(contestants: Sequence[Contestant], settings: Sequence[Difference]) -> list[str]:
    """What must be known to read the tables."""
    is_alone = len(contestants) == 1
    found = [] if settings or is_alone else ["all settings are the same"]
    for one in contestants:
        if one.stale:
            found.append(f"{one.title}: {one.stale.why} ({one.stale.hint})")
        if one.status != "finished":
            found.append(f"{one.title}: {ENDED[one.status]}")
        if (one.setting("train", "ensemble") or 1) > 1:  # snapshots are of one training
            found.append(f"{one.title}: its curve is the mean of {one.trained.networks} networks")
        found += [f"{one.title}: {note}" for note in one.notes]
    if unscored := [(one, one.unscored) for one in contestants if one.unscored]:
        titles = listed(one.title for one, _ in unscored)
        first = unscored[0][1]
        found.append(f"no scores of {titles}: {first.why} ({first.hint})")
    return found


def _verdicts(
    contestants: Sequence[Contestant], scores: Sequence[Row], validation: Sequence[Row]
) -> list[str]:
    """What the marks mean, and why there are none."""
    of_scores = {verdict for row in scores for verdict in row.verdicts}
    of_validation = {verdict for row in validation for verdict in row.verdicts}
    found = [words for sign, words in MARKED.items() if sign in of_scores | of_validation]
    not_comparable = judging.not_comparable(contestants)
    if sum(one.scores is not None for one in contestants) > 1 and not not_comparable["scores"]:
        found += [] if of_scores - {""} else [NONE_BETTER]
    if of_validation - {""}:
        found.append(NO_INTERVALS)
    found += _take_over(contestants, validation)
    return [
        *found,
        *(f"{what} are not compared: {why}" for what, why in not_comparable.items() if why),
    ]


def _take_over(contestants: Sequence[Contestant], validation: Sequence[Row]) -> list[str]:
    """How the run itself is trained as the try that did best on validation rows."""
    for row in validation:
        if row.name == "validation_loss" and BEST in row.verdicts:
            best = contestants[row.verdicts.index(BEST)]
            if best.take_over:
                return [f"to train the run itself as {best.title}: {best.take_over}"]
    return []
