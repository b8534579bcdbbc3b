"""All that fills missing cells, by its name: from the column itself, or from others beside it."""

from nntool.tables.operations.filling import (
    ConstantNumber,
    ConstantText,
    IsMissing,
    Mean,
    Median,
    MissingLevel,
    MostFrequentNumber,
    MostFrequentText,
)
from nntool.tables.operations.grouped import ByGroupNumber, ByGroupText
from nntool.tables.operations.in_order import Forward, Linear
from nntool.tables.operations.iterative import Iterative
from nntool.tables.operations.neighbours import Neighbours
from nntool.tables.operations.operation import Operation, TableImputer

__all__ = ["CATEGORICAL_IMPUTERS", "NUMERIC_IMPUTERS", "IsMissing"]

NUMERIC_IMPUTERS: dict[str, type[Operation] | type[TableImputer]] = {
    "median": Median,
    "mean": Mean,
    "most-frequent": MostFrequentNumber,
    "constant": ConstantNumber,
    "by-group": ByGroupNumber,
    "forward": Forward,
    "linear": Linear,
    "knn": Neighbours,
    "iterative": Iterative,
}
CATEGORICAL_IMPUTERS: dict[str, type[Operation] | type[TableImputer]] = {
    "level": MissingLevel,
    "most-frequent": MostFrequentText,
    "constant": ConstantText,
    "by-group": ByGroupText,
}
