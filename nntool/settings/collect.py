"""Settings of ``collect``: where the rows come from and how the file is written."""

from typing import Annotated

from nntool.settings.model import StepSettings, option


class CollectSettings(StepSettings, frozen=True, kw_only=True):
    """How the sources are read."""

    source: Annotated[
        tuple[str, ...], option("The CSV file or files to read.", metavar="FILE")
    ] = ()
    delimiter: Annotated[
        str,
        option("What stands between cells: one character, 'tab', or 'auto' (found and said)."),
    ] = "auto"
    encoding: Annotated[
        str, option("The encoding of the file, or 'auto': UTF-8, or what its BOM says.")
    ] = "auto"
    quote: Annotated[str, option("What quotes a cell: one character, or 'none'.")] = '"'
    skip_rows: Annotated[int, option("Lines to pass over before the header.", ge=0)] = 0
    header: Annotated[bool, option("Whether the first record names the columns.")] = True
