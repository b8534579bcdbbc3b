"""What clean does to typed cells, one file for each family, in the order in which it is done.

To add one: a class, its place in RULES, the settings that it reads, and a row in the test table.
"""

from nntool.tables.rules.agreement import Agreement
from nntool.tables.rules.derive import Derive
from nntool.tables.rules.outliers import Outliers
from nntool.tables.rules.require import Require
from nntool.tables.rules.row_outliers import RowOutliers
from nntool.tables.rules.rule import Rule
from nntool.tables.rules.smoothing import SmoothingByBins, SmoothingInOrder
from nntool.tables.rules.spellings import Spellings
from nntool.tables.rules.valid import Valid

RULES: dict[str, type[Rule]] = {
    "spellings": Spellings,
    "valid": Valid,
    "agreement": Agreement,
    "derive": Derive,
    "outliers": Outliers,
    "row-outliers": RowOutliers,
    "smoothing": SmoothingInOrder,
    "binning": SmoothingByBins,
    "require-columns": Require,
}
"""The rules by name; the order of this dict is the order in which they are applied: words are spelt
alike, what cannot be becomes missing, what is missing is computed, noise is looked for in the rest,
and at the end what is required must be there."""

__all__ = ["RULES", "Rule"]
