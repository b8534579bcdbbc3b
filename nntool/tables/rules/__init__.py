"""What clean does to typed cells, one file for each family, in the order in which it is done.

To add one: a class, its place in RULES, the settings that it reads, and a row in the test table.
"""

from nntool.tables.rules.derive import Derive
from nntool.tables.rules.require import Require
from nntool.tables.rules.rule import Findings, Rule
from nntool.tables.rules.valid import Valid

RULES: dict[str, type[Rule]] = {
    "valid": Valid,
    "derive": Derive,
    "require-columns": Require,
}
"""The rules by name; the order of this dict is the order in which they are applied: what cannot be
becomes missing, what is missing is computed, and what is required is looked for at the end."""

__all__ = ["RULES", "Findings", "Rule"]
