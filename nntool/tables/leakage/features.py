"""What a single feature gives away: who the row is, or what its target is."""

import shlex
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables import target as targets
from nntool.tables.casting import find_date_format, to_text
from nntool.tables.hashing import row_hashes
from nntool.tables.leakage.finding import NOT_FEATURES, Finding, View
from nntool.tables.leakage.giveaway import N_FOLDS, Codes, cuts, score_classes, score_numbers
from nntool.tables.roles import FEWEST_ROWS_OF_AN_IDENTIFIER, Role, infer

TELLS_TARGET = 0.93
"""Measured: of 14 real tables no feature is above 0.88, copies of the target with 1 % errors or
noise of a fifth of its spread are at 0.95 or more."""
MOSTLY_DIFFERENT = 0.5
FEWEST_ROWS = 30


@dataclass(frozen=True)
class Known:
    """What a column is taken for: a role that was named, else one inferred from training rows."""

    role: str
    date_format: str | None = None

    @property
    def is_feature(self) -> bool:
        """Whether the network is given it."""
        return self.role not in NOT_FEATURES


def know_columns(view: View) -> dict[str, Known]:
    """What each column but the target is, as clean will say or was told."""
    found = {}
    missing = list(view.missing_values)
    for name in view.table.column_names:
        if name == view.target:
            continue
        text = view.sample(name)
        asked = view.roles.get(name)
        if asked is None or asked == "date":
            role: Role = infer(text, missing)
            date_format = next(iter(role.date_formats), None) or find_date_format(text, missing)[0]
            found[name] = Known(asked or role.role, date_format)
        else:
            found[name] = Known(asked)
    return found


def identifiers(view: View, known: dict[str, Known]) -> list[Finding]:
    """Features that name rows or groups: a network learns them by heart, to no use for new rows."""
    found = []
    for name, column in known.items():
        if not column.is_feature:
            continue
        reason = _names_rows(view, name, column)
        if name == view.keeps_together:
            reason = "it names the groups of the split"
        if reason:
            found.append(
                Finding(
                    "identifier",
                    [name],
                    f"{name!r} is a feature, and it is like an identifier: {reason}",
                    as_role(view, name, "identifier"),
                    {"rows": int(view.rows.size)},
                )
            )
    return found


def as_role(view: View, name: str, role: str) -> str:
    """The command that gives a column another role."""
    target, given = shlex.quote(view.target), shlex.quote(f"{name}={role}")
    return f"nntool clean RUN --target {target} --roles {given}"


def _names_rows(view: View, name: str, column: Known) -> str | None:
    """Why the values of a feature name rows, or None."""
    text = view.sample(name)
    cells = pa.chunked_array(
        [to_text(chunk, list(view.missing_values))[0].drop_null() for chunk in text.chunks],
        pa.string(),
    )
    n, n_rows = len(cells), len(text)
    if n < FEWEST_ROWS_OF_AN_IDENTIFIER:
        return None
    if view.roles.get(name) in ("numeric", "categorical"):
        own = infer(cells, [])
        if own.role == "identifier":
            return own.reason
    if column.role == "categorical":
        n_distinct = pc.count_distinct(cells).as_py()
        if n_distinct >= MOSTLY_DIFFERENT * n_rows:
            return f"text, {n_distinct:,} different values in {n_rows:,} training rows"
    return None


def telling(view: View, known: dict[str, Known], rng: np.random.Generator) -> list[Finding]:
    """Features each of which alone gives the target away, by training rows only."""
    text = view.sample(view.target)
    state = targets.fit(text, view.target, view.task, None, list(view.missing_values))
    if view.task == "regression":
        y = targets.encode_values(text, state)[0]
        has_target = np.isfinite(y)
    else:
        y = targets.encode_classes(text, state)[0].astype(np.float64)
        has_target = y >= 0
    y = y[has_target]
    if y.size < FEWEST_ROWS:
        return []
    folds = _folds(view, rng)[has_target]
    found = []
    for name, column in known.items():
        if not column.is_feature or name == view.keeps_together:
            continue
        features, x = cuts(
            view.sample(name).filter(pa.array(has_target)),
            f"date:{column.date_format}" if column.date_format else column.role,
            tuple(view.missing_values),
        )
        if view.task == "regression":
            score = score_numbers(features, x, y, folds)
        else:
            best = score_classes(features, y.astype(np.int64), folds)
            if best is None:
                continue
            score = best
        if score.value < TELLS_TARGET:
            continue
        what = f"the class {state['classes'][score.of_class]!r}" if score.of_class >= 0 else "it"
        found.append(
            Finding(
                "target",
                [name],
                f"{name!r} alone gives the target away: it explains {score.value:.1%} of"
                f" {view.target!r}{'' if what == 'it' else ', ' + what}",
                f"if it is known only afterwards: {as_role(view, name, 'ignored')}",
                {"rows": int(y.size)},
                score=round(score.value, 4),
            )
        )
    return found


def _folds(view: View, rng: np.random.Generator) -> Codes:
    """A fold for each row that is looked at: at random, or by the group that the split keeps."""
    group = view.keeps_together
    if group is None:
        return np.asarray(rng.permutation(view.rows.size) % N_FOLDS)
    hashes = row_hashes(pa.table({"group": view.sample(group)}))
    _, codes = np.unique(hashes, return_inverse=True)
    return np.asarray((rng.permutation(codes.max(initial=0) + 1) % N_FOLDS)[codes])
