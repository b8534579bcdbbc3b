"""Row names as R writes them: a first column for which the header has no name."""

from collections.abc import Sequence
from itertools import chain, count


def name_for(first: Sequence[str], names: Sequence[str], *, is_quoted: bool) -> str | None:
    """The name of a column of ``first`` cells beside ``names``; None if they are no row names.

    Row names number the rows, from 1 on, or are texts that all differ; ``is_quoted``: those and
    the names stand in quotes. A few numbers without quotes may be anything.

    >>> name_for(["1", "2", "3"], ["a", "b"], is_quoted=False)
    'row'
    """
    are_numbers = list(first) == [str(number) for number in range(1, len(first) + 1)]
    if not (is_quoted and len(set(first)) == len(first)) and not (are_numbers and len(first) > 1):
        return None
    candidates = chain(["row"], (f"row_{number}" for number in count(2)))
    return next(name for name in candidates if name not in names)
