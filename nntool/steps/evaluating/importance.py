"""``--importance``: what the main metric loses when a column's cells are dealt out at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nntool.run import names
from nntool.run.directory import Run
from nntool.settings.wording import number
from nntool.steps import scoring
from nntool.steps.job import Listener, TableView
from nntool.steps.performing import read_json

if TYPE_CHECKING:
    from nntool.steps.scoring import Scored

MOST_ROWS = 10_000
MOST_SHOWN = 20


def importance(
    run: Run, scored: Scored, repeats: int, seed: int, listener: Listener
) -> dict[str, Any]:
    """For each source column the drop of the main metric, over seeded permutations of its cells.

    All columns made from it move together, and with them those of the columns that are mixed with
    it (Breiman 2001, Machine Learning 45, section 10; Fisher, Rudin and Dominici 2019). A rise
    of a metric of which less is better counts as a drop.
    """
    import numpy as np

    from nntool.tables import transforming

    rng = np.random.default_rng(seed)
    some = np.flatnonzero(scoring.has_target(scored.target))
    n_rows = len(some)
    if n_rows > MOST_ROWS:
        some = np.sort(rng.choice(some, MOST_ROWS, replace=False))
    judge = _Judge(scored.some(some))
    if not np.isfinite(judge.whole):
        return {"metric": judge.measure.metric, "undefined": "the target is the same in all rows"}
    state = read_json(run.checked(names.TRANSFORM_STATE))["features"]
    kept = scored.model.plain["columns"]
    blocks = transforming.blocks(state, kept)
    orders = [rng.permutation(len(some)) for _ in range(repeats)]
    found: list[dict[str, Any]] = []
    for i, block in enumerate(blocks):
        listener.progress("importance", i, len(blocks), block.sources[0])
        drops = [judge.drop(block.produced, order) if block.produced else 0.0 for order in orders]
        found.append(
            {
                "columns": block.sources,
                "features": len(block.produced),
                "mean": float(np.mean(drops)),
                "sd": float(np.std(drops, ddof=1)) if repeats > 1 else None,
                "drops": drops,
            }
        )
    found.sort(key=lambda column: -float(column["mean"]))
    return {
        "metric": judge.measure.metric,
        "value": judge.whole,
        "rows": len(some),
        "of": n_rows,
        "repeats": repeats,
        "columns": found,
    }


class _Judge:
    """The main metric for rows whose features are changed."""

    def __init__(self, scored: Scored) -> None:
        self.model = scored.model
        self.measure = scored.measure()
        self.target = scored.target
        self._numeric, self._codes = scored.numeric, scored.codes
        self._places = _places(self.model.plain)
        self.whole = self._value(self._numeric, self._codes)

    def drop(self, produced: Sequence[str], order: Any) -> float:
        """How much worse the metric is when these columns have the cells of other rows."""
        numeric, codes = self._numeric, self._codes
        at = [self._places[name] for name in produced]
        if columns := [column for kind, column in at if kind == "numeric"]:
            numeric = numeric.copy()
            numeric[:, columns] = numeric[order][:, columns]
        if columns := [column for kind, column in at if kind == "codes"]:
            codes = codes.copy()
            codes[:, columns] = codes[order][:, columns]
        changed = self._value(numeric, codes)
        return self.whole - changed if self.measure.higher_is_better else changed - self.whole

    def _value(self, numeric: Any, codes: Any) -> float:
        import numpy as np

        with np.errstate(all="ignore"):
            z = scoring.outputs(self.model, numeric, codes)
            losses = self.measure.losses(self.target, *self.model.answer(z))
            return self.measure.value(losses, self.target)


def _places(words: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Where the network finds each produced column: in which matrix, in which column of it."""
    found, n = {}, {"numeric": 0, "codes": 0}
    for name, kind in zip(words["columns"], words["kinds"], strict=True):
        found[name] = (kind, n[kind])
        n[kind] += 1
    return found


def table(found: dict[str, Any]) -> TableView:
    """The columns ranked, the first twenty."""
    body = []
    for column in found.get("columns", [])[:MOST_SHOWN]:
        used = "" if column["features"] else "not used by the network"
        sd = "" if column["sd"] is None else f"± {number(column['sd'], digits=3)}"
        body.append([" + ".join(column["columns"]), number(column["mean"]), sd, used])
    word = "rise" if found["metric"] in ("log-loss", "pinball") else "drop"
    spread = "± sd" if found.get("repeats", 0) > 1 else ""
    header = ["importance", f"{word} of {found['metric']}", spread, ""]
    return TableView("importance", header, body)


def notes(found: dict[str, Any]) -> list[str]:
    """What the table does not show."""
    said = []
    if why := found.get("undefined"):
        return [f"importance goes by {found['metric']}, which is not defined here: {why}"]
    if found["rows"] < found["of"]:
        said.append(
            f"importance is measured on a seeded sample of {found['rows']:,} of"
            f" {found['of']:,} rows"
        )
    if (n := len(found["columns"])) > MOST_SHOWN:
        said.append(f"--importance: the first {MOST_SHOWN} of {n:,} columns are shown")
    return said
