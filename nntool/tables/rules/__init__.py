"""What clean does to typed cells, one file for each family, in the order in which it is done.

To add one: a class, its place in RULES, the settings that it reads, and a row in the test table.
"""

from nntool.tables.rules.agreement import Agreement
from nntool.tables.rules.outliers import Outliers
from nntool.tables.rules.row_outliers import RowOutliers
from nntool.tables.rules.rule import Findings, Rule
from nntool.tables.rules.smoothing import SmoothingByBins, SmoothingInOrder
from nntool.tables.rules.spellings import Spellings

RULES: dict[str, type[Rule]] = {
    "spellings": Spellings,
    "agreement": Agreement,
    "outliers": Outliers,
    "row-outliers": RowOutliers,
    "smoothing": SmoothingInOrder,
    "binning": SmoothingByBins,
}
"""The rules by name; the order of this dict is the order in which they are applied."""

__all__ = ["RULES", "Findings", "Rule"]
