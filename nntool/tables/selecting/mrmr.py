"""mRMR: features that say much about the target and little about each other."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nntool.tables.choices import setting
from nntool.tables.selecting.features import Codes
from nntool.tables.selecting.judged import Judged, Ranking, Tools, binned
from nntool.tables.selecting.scores import contingency


@dataclass(frozen=True)
class MRMR:
    """What a feature tells of the target, less what it tells of those chosen before it, in nats.

    Each round adds the feature with the largest I(f; y) − mean I(f; s) over the s chosen so far;
    that difference, when it was added, is its score. Mutual information is counted after numbers
    are cut into bins of equal frequency, less (L−1)(K−1)/2n, which L and K levels share by chance
    (Miller 1955). A category counts as a whole, a feature of several numbers by its best column.
    Source: Peng, Long and Ding 2005, IEEE PAMI 27.
    Use: where many features say the same, and few are to be kept.
    """

    bins: int = setting(8, "Into how many bins a number is cut.", ge=2)
    max_rows: int = setting(20_000, "Rows, a seeded sample, that are counted.", ge=10)

    def rank(self, judged: Judged, top: int | None, tools: Tools) -> Ranking:
        """Choose one feature after the other, all of them, or the first ``top``."""
        judged.require(2, "mrmr")
        y = binned(judged.values(), self.bins) if judged.is_regression else judged.classes()
        chosen_from = [_best(block.bins(self.bins), y) for block in judged.blocks]
        relevance = np.array([shared_information(codes, y) for codes in chosen_from])
        n_features = len(chosen_from)
        redundancy = np.zeros(n_features)
        scores, order = np.zeros(n_features), []
        left = np.ones(n_features, dtype=np.bool_)
        n_rounds = min(top or n_features, n_features)
        for done in range(n_rounds):
            now = relevance - redundancy / max(1, done)
            added = int(np.where(left, now, -np.inf).argmax())
            scores[added], left[added] = now[added], False
            order.append(added)
            for i in np.flatnonzero(left):
                redundancy[i] += shared_information(chosen_from[i], chosen_from[added])
            tools.told(done + 1, n_rounds, "features chosen")
        rest = np.flatnonzero(left)
        scores[rest] = (relevance - redundancy / max(1, n_rounds))[rest]
        order += rest[np.argsort(-scores[rest], kind="stable")].tolist()
        return Ranking(scores.tolist(), order)


def _best(columns: list[Codes], y: Codes) -> Codes:
    """The column that says most about the target; the first of equal ones."""
    return max(columns, key=lambda codes: shared_information(codes, y))


def shared_information(a: Codes, b: Codes) -> float:
    """Give the mutual information of two categories in nats, less what chance makes of it.

    >>> shared_information(np.array([0, 1] * 500), np.array([0, 0, 1, 1] * 250))
    0.0
    """
    table: npt.NDArray[np.float64] = contingency(a, b)
    n = len(a)
    n_a, n_b = table.sum(axis=1), table.sum(axis=0)
    there = table > 0
    counts = table[there]
    information = float((counts * np.log(counts * n / np.outer(n_a, n_b)[there])).sum()) / n
    return max(0.0, information - (len(n_a) - 1) * (len(n_b) - 1) / (2 * n))
