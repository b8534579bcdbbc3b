"""Settings of ``collect``: where the rows come from and how the file is written."""

from typing import Annotated, Literal

from nntool.settings.model import StepSettings, option

CSV = "How a CSV is written"


class CollectSettings(StepSettings, frozen=True, kw_only=True):
    """How the sources are read."""

    source: Annotated[
        tuple[str, ...], option("The CSV file or files to read.", metavar="FILE")
    ] = ()
    delimiter: Annotated[
        str,
        option(
            "What stands between cells: one character, 'tab', or 'auto' (found and said).",
            group=CSV,
        ),
    ] = "auto"
    encoding: Annotated[
        str,
        option(
            "The encoding of the file, or 'auto': what its first bytes say, UTF-8, or cp1252 "
            "where that is clear.",
            group=CSV,
        ),
    ] = "auto"
    quote: Annotated[
        str, option("What quotes a cell: one character, 'none', or 'auto'.", group=CSV)
    ] = "auto"
    comment: Annotated[
        str,
        option("What comment lines begin with, as '#'; 'none', or 'auto'.", group=CSV),
    ] = "auto"
    blanks_after_delimiter: Annotated[
        Literal["auto", "keep", "skip"],
        option("Whether blanks after a delimiter belong to the cell.", group=CSV),
    ] = "auto"
    skip_rows: (
        Annotated[int, option("Lines to pass over before the header, or 'auto'.", ge=0, group=CSV)]
        | Literal["auto"]
    ) = "auto"
    header: Annotated[bool, option("Whether the first record names the columns.", group=CSV)] = True
    skip_below: Annotated[
        int, option("Records to pass over below the header, as a second header.", ge=0, group=CSV)
    ] = 0
    skip_end: (
        Annotated[
            int,
            option(
                "Records to pass over at the end, as totals or notes, or 'auto'.", ge=0, group=CSV
            ),
        ]
        | Literal["auto"]
    ) = "auto"
    stray_quotes: Annotated[
        Literal["refuse", "keep"],
        option(
            "Quotes inside a quoted cell that are not doubled: 'refuse' the record, or 'keep' "
            "them as characters.",
            group=CSV,
        ),
    ] = "refuse"
    max_bad_rows: Annotated[
        int,
        option(
            "Records with too few or too many cells, or that cannot be read, to leave out; more "
            "are refused.",
            ge=0,
            group=CSV,
        ),
    ] = 0
