"""The cells of whole records: all of them as text, or only those that a model reads."""

import re
from collections.abc import Sequence

import pyarrow as pa
from pyarrow import csv as arrow_csv

from nntool.tables.chunks import all_finite, n_empty_rows
from nntool.tables.csv.dialect import Dialect
from nntool.tables.csv.records import unpadded

NOT_A_NUMBER = re.compile(r"In CSV column #(\d+): .*conversion error")


class Parser:
    """Parses records of known columns; several threads may call it at once."""

    def __init__(self, names: Sequence[str], dialect: Dialect) -> None:
        self._names = list(names)
        self._signs = dialect.signs
        self.passes_blank_lines = len(names) > 1 or bool(dialect.comment)
        self._plain, self._quoted = (
            arrow_csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=quote or False,
                newlines_in_values=bool(quote),
                ignore_empty_lines=self.passes_blank_lines,
            )
            for quote in ("", dialect.quote)
        )
        self._all = _as_text(self._names)
        self._columns = self._names
        self._numbers: frozenset[str] = frozenset()
        self._is_narrow = False

    def narrow(self, columns: Sequence[str], numbers: Sequence[str]) -> None:
        """Give only these columns from now on; see `CsvReader.narrow`."""
        self._columns = list(columns)
        self._numbers = frozenset(numbers)
        self._is_narrow = bool(columns)

    def __call__(self, data: bytes) -> pa.RecordBatch | pa.ArrowInvalid | None:
        """The rows of whole records; or why pyarrow, or we, refuse them."""
        if self.passes_blank_lines and data[:1] in (b"", b"\r", b"\n"):
            data = data.lstrip(b"\r\n")
        if not data:
            return None
        if b"\0" in data:
            return pa.ArrowInvalid("NUL")
        if self._is_narrow and not _is_utf8(data):  # else seen in the columns that are read only
            return pa.ArrowInvalid("not UTF-8")
        if self._signs.skip_blanks:
            data = unpadded(data, self._signs)
        parsed = self._wanted(data) if self._is_narrow else None
        return self._read(data, self._all) if parsed is None else parsed

    def _wanted(self, data: bytes) -> pa.RecordBatch | None:
        """The columns that are wanted; None where only the text of all of them will do.

        A row without any value can be told by all columns only, and a defect by their text.
        """
        while True:
            numbers = self._numbers
            parsed = self._read(data, _as_text(self._columns, numbers))
            if isinstance(parsed, pa.ArrowInvalid):
                found = NOT_A_NUMBER.search(str(parsed))
                if found is None:
                    return None
                others = {self._names[int(found[1])]}
            else:
                others = _not_finite(parsed)
            if not others:
                break
            # from now on it is read as text at once: an attempt that fails costs a whole parse
            self._numbers = numbers - others
        is_part = len(self._columns) < len(self._names)
        return None if parsed is None or (is_part and n_empty_rows(parsed)) else parsed

    def _read(
        self, data: bytes, convert: arrow_csv.ConvertOptions
    ) -> pa.RecordBatch | pa.ArrowInvalid | None:
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(data),
                read_options=arrow_csv.ReadOptions(
                    column_names=self._names,
                    block_size=len(data) + 1,
                    use_threads=not self._is_narrow,  # else blocks are parsed side by side
                ),
                # a sixth less time where no cell is quoted
                parse_options=self._quoted if self._signs.quote in data else self._plain,
                convert_options=convert,
            )
        except pa.ArrowInvalid as error:
            return error
        return table.combine_chunks().to_batches()[0] if table.num_rows else None


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        pa.array([data], pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _as_text(
    columns: Sequence[str], numbers: frozenset[str] = frozenset()
) -> arrow_csv.ConvertOptions:
    """Every cell as it stands, but for those of ``numbers``, of which an empty one is null."""
    kinds = {name: pa.float64() if name in numbers else pa.string() for name in columns}
    return arrow_csv.ConvertOptions(
        column_types=kinds, include_columns=columns, strings_can_be_null=False, null_values=[""]
    )


def _not_finite(batch: pa.RecordBatch | None) -> set[str]:
    """The columns of numbers with one that is infinite, or nan."""
    if batch is None:
        return set()
    return {
        name
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        if pa.types.is_floating(column.type) and not all_finite(column)
    }
