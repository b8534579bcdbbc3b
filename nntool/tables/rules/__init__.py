"""What clean does to typed cells, one file for each family, in the order in which it is done.

To add one: a class, its place in RULES, the settings that it reads, and a row in the test table.
"""

from nntool.tables.rules.rule import Findings, Rule

RULES: dict[str, type[Rule]] = {}
"""The rules by name; the order of this dict is the order in which they are applied."""

__all__ = ["RULES", "Findings", "Rule"]
