"""Settings of ``collect``: where the rows come from and how the sources are read."""

from typing import Annotated, Literal

from nntool.errors import UsageError
from nntool.settings.model import StepSettings, option
from nntool.settings.secrets import refuse_passwords

SEVERAL = "Several sources and what is kept of them"
OTHERS = "Sources that are no CSV"

CSV = "How a CSV is written"


class CollectSettings(StepSettings, frozen=True, kw_only=True):
    """How the sources are read."""

    source: Annotated[
        tuple[str, ...],
        option("The files to read, or addresses of databases.", metavar="SOURCE"),
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
        Literal["refuse", "keep", "backslash"],
        option(
            "Quotes inside a quoted cell that are not doubled: 'refuse' the record, or 'keep' "
            "them as characters; 'backslash': \\\" is a quote.",
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
    format: Annotated[
        Literal["auto", "csv", "tsv", "parquet", "json-lines", "excel", "sql"],
        option(
            "What the sources are; auto: by suffix or scheme, else by their first bytes.",
            group=OTHERS,
        ),
    ] = "auto"
    sheet: Annotated[
        str | None,
        option("The sheet of a workbook: its name or number; unset: the first.", group=OTHERS),
    ] = None
    query: Annotated[
        str | None,
        option("What a database is asked: one SQL query.", metavar="SQL", group=OTHERS),
    ] = None
    table: Annotated[
        str | None,
        option(
            "The table of a database to read whole, in the order of its primary key.",
            metavar="NAME",
            group=OTHERS,
        ),
    ] = None
    password_env: Annotated[
        str,
        option(
            "The environment variable that holds a database's password.",
            metavar="NAME",
            group=OTHERS,
        ),
    ] = "NNTOOL_SQL_PASSWORD"
    rename: Annotated[
        dict[str, str],
        option(
            "Another name for a column, in every source that has it; repeatable.",
            metavar="OLD=NEW",
            group=SEVERAL,
        ),
    ] = {}  # noqa: RUF012 - msgspec copies an empty default for each instance
    missing_columns: Annotated[
        Literal["error", "fill"],
        option(
            "What to do where a source lacks a column of another: refuse, or fill with missing"
            " cells.",
            group=SEVERAL,
        ),
    ] = "error"
    drop: Annotated[
        tuple[str, ...],
        option(
            "Columns that never reach the run directory; repeatable, or with commas.",
            metavar="COLUMN,…",
            group=SEVERAL,
        ),
    ] = ()
    pseudonymize: Annotated[
        tuple[str, ...],
        option(
            "Columns whose values are replaced by keyed hashes; repeatable, or with commas.",
            metavar="COLUMN,…",
            group=SEVERAL,
        ),
    ] = ()
    key_env: Annotated[
        str,
        option(
            "The environment variable that holds the key of --pseudonymize.",
            metavar="NAME",
            group=SEVERAL,
        ),
    ] = "NNTOOL_KEY"
    key_file: Annotated[
        str | None,
        option(
            "A file that holds the key of --pseudonymize; it goes before --key-env.",
            metavar="FILE",
            group=SEVERAL,
        ),
    ] = None
    sample: (
        Annotated[
            int,
            option(
                "Keep only this many rows, drawn at random, in their order.", group=SEVERAL, ge=1
            ),
        ]
        | None
    ) = None
    stratify: Annotated[
        str | None,
        option(
            "The column whose values have their share in --sample; many numbers: its tenths.",
            metavar="COLUMN",
            group=SEVERAL,
        ),
    ] = None

    def check_together(self) -> None:
        """Raise ``UsageError`` for what contradicts or would write a secret down."""
        refuse_passwords(self.source)
        if self.query and self.table:
            raise UsageError("--query and --table both say what to read", "give one of the two")
        if self.stratify and self.sample is None:
            raise UsageError("--stratify says how to draw a sample", "add --sample N")
