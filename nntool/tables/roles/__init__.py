"""What a column is: inferred from the rows given, with a reason that a person can check."""

from nntool.tables.roles.inference import infer, infer_and_read
from nntool.tables.roles.role import FEWEST_ROWS_OF_AN_IDENTIFIER, Hints, Role

__all__ = ["FEWEST_ROWS_OF_AN_IDENTIFIER", "Hints", "Role", "infer", "infer_and_read"]
