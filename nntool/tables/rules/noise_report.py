"""What is said of spellings, agreements, outliers and smoothing beside the counts by column."""

from collections.abc import Iterator, Sequence
from typing import Any

from nntool.settings.wording import counted, listed, quoted
from nntool.tables.rules.rule import Judgement, State

MOST_SHOWN = 20
"""Lines of a table for a person; report.json has all."""
TOO_MANY_WORDS = "too many words to compare: {n:,} rare ones were not looked at"


def facts(states: Sequence[State], judged: Sequence[Judgement]) -> dict[str, Any]:
    """What report.json says of values and rows, by rule that was asked for."""
    found: dict[str, Any] = {}
    for state in states:
        if state["name"] == "spellings":
            found["merged_spellings"] = {
                column["name"]: column["merged"] for column in state["columns"]
            }
        if state["name"] == "outliers":
            found["outlier_limits"] = {key: state[key] for key in ("columns", "passed_over")}
    for judgement in judged:
        # numbered from 1, as evaluate does
        rows = [{"row": int(row) + 1, "score": float(s)} for row, s in _rows(judgement)]
        found["unusual_rows"] = rows
    return found


def _rows(judgement: Judgement) -> Iterator[tuple[Any, Any]]:
    return zip(judgement.rows, judgement.scores, strict=True)


def notes(states: Sequence[State], judged: Sequence[Judgement]) -> list[str]:
    """Sentences on what was decided, with the option that changes it."""
    found: list[str] = []
    for state in states:
        of_rule = _NOTES.get(state["name"])
        if of_rule is not None:
            found += of_rule(state)
    for judgement in judged:
        of = next(state["rows"] for state in states if state["name"] == judgement.rule)
        if not judgement.leave_out:
            found.append(
                f"{len(judgement.rows):,} of {of:,} training rows are unusual: kept"
                " (--row-outlier-action leave-out)"
            )
    return found


def _of_spellings(state: State) -> list[str]:
    merged = sum(len(column["merged"]) for column in state["columns"])
    columns = sum(1 for column in state["columns"] if column["merged"])
    said = [
        f"{counted(merged, 'spelling')} merged into another, in {columns} of"
        f" {counted(len(state['columns']), 'column')}"
        " (--spelling-similarity, --spelling-ratio, --spelling-rows to merge more or fewer)"
    ]
    for column in state["columns"]:
        pairs = [
            f"{p['word']!r} ({p['rows']:,} rows) and {p['near']!r} ({p['rows_of_near']:,})"
            for p in column.get("left_apart", [])
        ]
        if pairs:
            said.append(
                f"{column['name']!r}: near, but in too many rows for a misspelling, so both stay:"
                f" {listed(pairs)} (--spelling-rows)"
            )
    return said + [
        f"{column['name']!r}: " + TOO_MANY_WORDS.format(n=column["words_not_compared"])
        for column in state["columns"]
        if "words_not_compared" in column
    ]


def _of_outliers(state: State) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for column in state["passed_over"]:
        by_reason.setdefault(column["reason"], []).append(column["name"])
    return [
        f"no outliers are looked for in {quoted(names)}: {reason} (--outlier-columns, --outliers)"
        for reason, names in by_reason.items()
    ]


def _of_smoothing(state: State) -> list[str]:
    ahead = [c["name"] for c in state["columns"] if c["smoother"].get("centered")]
    said = [
        f"{listed([c['name'] for c in state['columns']])} smoothed along {state['order_by']!r},"
        " each part of the rows by itself; in prediction, the rows of the input"
    ]
    if ahead:
        said.append(
            f"{listed(ahead)}: a centered window looks ahead, at rows that need not be known yet"
            " where a row is predicted (centered=false)"
        )
    return said


_NOTES = {
    "spellings": _of_spellings,
    "outliers": _of_outliers,
    "smoothing": _of_smoothing,
}

Table = tuple[str, list[str], list[list[str]]]
"""Title, header, rows."""


def tables(states: Sequence[State], judged: Sequence[Judgement]) -> list[Table]:
    """What a person should look through: merged spellings, limits, unusual rows."""
    found = []
    for state in states:
        if state["name"] == "spellings":
            header = ["column", "from", "to", "rows", "rows of the other", "similarity"]
            found.append(_cut("merged spellings", header, _merged(state)))
        if state["name"] == "agreement":
            header = ["follows", "from", "groups that agree", "that do not, or of 1 row"]
            found.append(_cut("columns that follow from others", header, _agreements(state)))
        if state["name"] == "outliers":
            body = [[c["name"], f"{c['low']:g}", f"{c['high']:g}"] for c in state["columns"]]
            found.append(_cut("usual values", ["column", "from", "to"], body))
    for judgement in judged:
        body = [[f"{row + 1:,}", f"{score:.3f}"] for row, score in _rows(judgement)]
        found.append(_cut("unusual rows, the most unusual first", ["row", "score"], body))
    return [table for table in found if table[2]]


def _merged(state: State) -> list[list[str]]:
    """The merges, those that are most in doubt first."""
    entries = [(column["name"], entry) for column in state["columns"] for entry in column["merged"]]
    entries.sort(key=lambda e: e[1]["similarity"])
    return [
        [
            name,
            repr(entry["spelling"]),
            repr(entry["target"]),
            f"{entry['rows']:,}",
            f"{entry['target_rows']:,}",
            f"{entry['similarity']:.2f}",
        ]
        for name, entry in entries
    ]


def _agreements(state: State) -> list[list[str]]:
    return [
        [
            learned["column"],
            ", ".join(learned["keys"]),
            f"{len(learned['groups']):,}",
            f"{learned['undecided']:,}",
        ]
        for learned in state["dependencies"]
    ]


def _cut(title: str, header: list[str], body: list[list[str]]) -> Table:
    if len(body) > MOST_SHOWN:
        title = f"{title}: {MOST_SHOWN} of {len(body):,} (report.json has all)"
    return title, header, body[:MOST_SHOWN]
