"""From typed columns to the numbers that a network reads.

The state lists what happens in three rounds. ``imputers`` fill gaps of several columns at once.
``columns`` has, in the order of the source columns, one entry for each feature: its source, its
chain of operations with what each learned, and the columns that it produces. ``mixers`` make
further columns of those. Arrays in a state are NumPy arrays of float64.
"""

from nntool.tables.operations.targets import apply_target, fit_target
from nntool.tables.transforming.applying import add_counts, apply
from nntool.tables.transforming.blocks import Block, blocks
from nntool.tables.transforming.chains import values_of
from nntool.tables.transforming.features import entries, is_in_order, produced, sources
from nntool.tables.transforming.fitting import Fitted, fit
from nntool.tables.transforming.reporting import report

__all__ = [
    "Block",
    "Fitted",
    "add_counts",
    "apply",
    "apply_target",
    "blocks",
    "entries",
    "fit",
    "fit_target",
    "is_in_order",
    "produced",
    "report",
    "sources",
    "values_of",
]
