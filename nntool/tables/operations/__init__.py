"""Operations on one column, one file for each family, and where each is found by its name.

To add one: a class, an entry in its registry, and a row in the test table of its family.
"""

from nntool.tables.operations.bins import BINS
from nntool.tables.operations.categories import ENCODERS
from nntool.tables.operations.dates import DATE_OPERATIONS
from nntool.tables.operations.imputation import CATEGORICAL_IMPUTERS, NUMERIC_IMPUTERS, IsMissing
from nntool.tables.operations.mixing import MIXERS, mixers_asked_for
from nntool.tables.operations.operation import Operation
from nntool.tables.operations.scaling import SCALERS
from nntool.tables.operations.text import TEXT_ENCODERS

INDICATORS: dict[str, type[Operation]] = {"is-missing": IsMissing}

NUMBERS_BY_THEMSELVES = {n: c for n, c in NUMERIC_IMPUTERS.items() if issubclass(c, Operation)}
TEXTS_BY_THEMSELVES = {n: c for n, c in CATEGORICAL_IMPUTERS.items() if issubclass(c, Operation)}

OPERATIONS: dict[str, dict[str, type[Operation]]] = {
    "numbers": {**NUMBERS_BY_THEMSELVES, **SCALERS, **BINS, **INDICATORS},
    "texts": {**TEXTS_BY_THEMSELVES, **ENCODERS},
    "days": {**NUMBERS_BY_THEMSELVES, **DATE_OPERATIONS, **SCALERS, **INDICATORS},
    "prose": {**TEXT_ENCODERS},
}
"""What may come next in a chain, by what the cells are by then: "constant" is a number for numbers,
a text for texts."""

__all__ = [
    "BINS",
    "CATEGORICAL_IMPUTERS",
    "DATE_OPERATIONS",
    "ENCODERS",
    "MIXERS",
    "NUMERIC_IMPUTERS",
    "OPERATIONS",
    "SCALERS",
    "TEXT_ENCODERS",
    "mixers_asked_for",
]
