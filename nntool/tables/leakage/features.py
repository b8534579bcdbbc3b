"""What a single feature gives away: who the row is, or what its target is."""

import shlex

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nntool.tables import target_codes
from nntool.tables.casting import present_cells
from nntool.tables.hashing import row_hashes
from nntool.tables.leakage.finding import Finding, View
from nntool.tables.leakage.giveaway import N_FOLDS, Codes, cuts, score_classes, score_numbers
from nntool.tables.roles import FEWEST_ROWS_OF_AN_IDENTIFIER, infer

FEATURES = ("numeric", "categorical", "date", "text")
"""Roles of columns that the network is given."""
TELLS_TARGET = 0.93
"""Measured: of 14 real tables no feature is above 0.88, copies of the target with 1 % errors or
noise of a fifth of its spread are at 0.95 or more."""
MOSTLY_DIFFERENT = 0.5
FEWEST_ROWS = 30


def identifiers(view: View) -> list[Finding]:
    """Features that name rows or groups: a network learns them by heart, to no use for new rows."""
    found = []
    for name, column in view.columns.items():
        if column["role"] not in FEATURES:
            continue
        reason = _names_rows(view, name)
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


def _names_rows(view: View, name: str) -> str | None:
    """Why the values of a feature name rows, or None."""
    cells = present_cells(view.sample.column(name), view.missing[name])
    if len(cells) < FEWEST_ROWS_OF_AN_IDENTIFIER:
        return None
    if name in view.asked:
        own = infer(cells, [])
        if own.role == "identifier":
            return own.reason
    if view.columns[name]["role"] == "categorical":
        n_distinct = pc.count_distinct(cells).as_py()
        if n_distinct >= MOSTLY_DIFFERENT * view.rows.size:
            return f"{n_distinct:,} different values in {view.rows.size:,} training rows"
    return None


def telling(view: View, rng: np.random.Generator) -> list[Finding]:
    """Features each of which alone gives the target away, by training rows only."""
    state = dict(view.learned_target)
    text = view.sample.column(view.target)
    if view.settings.task == "regression":
        y = target_codes.encode_values(text, state)[0]
        has_target = np.isfinite(y)
    else:
        y = target_codes.encode_classes(text, state)[0].astype(np.float64)
        has_target = y >= 0
    y = y[has_target]
    if y.size < FEWEST_ROWS:
        return []
    folds = _folds(view, rng)[has_target]
    found = []
    for name, column in view.columns.items():
        if column["role"] not in FEATURES or name == view.keeps_together:
            continue
        cells = view.typed(name, view.sample.column(name)).filter(pa.array(has_target))
        features, x = cuts(cells)
        if view.settings.task == "regression":
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
    hashes = row_hashes(pa.table({"group": view.sample.column(group)}))
    _, codes = np.unique(hashes, return_inverse=True)
    return np.asarray((rng.permutation(codes.max(initial=0) + 1) % N_FOLDS)[codes])
