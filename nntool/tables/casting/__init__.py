"""Text to numbers and dates, column by column; what does not fit is missing, and counted."""

from nntool.tables.casting.date_formats import find_date_format, find_date_formats
from nntool.tables.casting.dates import DATE_FORMATS, to_dates
from nntool.tables.casting.missing import (
    Counts,
    merge_counts,
    missing_mask,
    present_cells,
    to_text,
)
from nntool.tables.casting.number_formats import find_number_format
from nntool.tables.casting.numbers import NumberFormat, to_numbers, unfit_cells
from nntool.tables.casting.reading import Reading, read_numbers

__all__ = [
    "DATE_FORMATS",
    "Counts",
    "NumberFormat",
    "Reading",
    "find_date_format",
    "find_date_formats",
    "find_number_format",
    "merge_counts",
    "missing_mask",
    "present_cells",
    "read_numbers",
    "to_dates",
    "to_numbers",
    "to_text",
    "unfit_cells",
]
