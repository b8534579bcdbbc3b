"""How a CSV file is written: what stands between cells, what quotes them, its encoding.

Detected from the first bytes, decided on clear evidence only, and said.
"""

import codecs
import csv
import io
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nntool.errors import DataError, UsageError
from nntool.settings.collect import CollectSettings

HEAD_BYTES = 1 << 18
CANDIDATES = (",", ";", "\t", "|")
RECORDS_JUDGED = 200

# UTF-32 first: its little-endian mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Dialect:
    r"""What a reader must know of a file; saved in the run and used again by ``predict``.

    ``quote`` is empty where nothing quotes. Raises ``UsageError`` for what no file can be.

    >>> Dialect.from_plain(Dialect(delimiter="\t").to_plain()).delimiter
    '\t'
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    quote: str = '"'
    skip_rows: int = 0
    header: bool = True

    def __post_init__(self) -> None:
        for name, sign in (("delimiter", self.delimiter), ("quote", self.quote)):
            if not (len(sign) == 1 and sign.isascii() and sign not in "\r\n\0") and (
                name == "delimiter" or sign
            ):
                raise UsageError(
                    f"--{name}: {sign!r} is not one ASCII character",
                    f"give one character, or {'tab' if name == 'delimiter' else 'none'}",
                )
        if self.delimiter == self.quote:
            raise UsageError(f"{self.quote!r} cannot both separate cells and quote them")
        check_encoding(self.encoding)

    def to_plain(self) -> dict[str, Any]:
        """The dialect as plain values, for run.json."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Dialect":
        """The dialect that ``to_plain`` wrote."""
        return cls(
            delimiter=str(plain["delimiter"]),
            encoding=str(plain["encoding"]),
            quote=str(plain["quote"]),
            skip_rows=int(plain["skip_rows"]),
            header=bool(plain["header"]),
        )


def check_encoding(encoding: str) -> None:
    """Raise ``UsageError`` unless Python has a text encoding of this name."""
    hint = "for example utf-8, latin-1, cp1252, utf-16, shift_jis"
    try:
        "".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, UnicodeError):
        raise UsageError(f"--encoding: {encoding!r} is not a known text encoding", hint) from None


def is_utf8(encoding: str) -> bool:
    """True where bytes need no transcoding (a BOM is passed over in any case)."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def detect(head: bytes, settings: CollectSettings, name: str) -> tuple[Dialect, list[str]]:
    r"""The dialect of the file that begins with ``head``, and notes on what was found.

    ``head`` is the first ``HEAD_BYTES`` of the file, or all of it where it is shorter. Raises
    ``DataError`` where the delimiter is not clear, ``UsageError`` for impossible settings.

    >>> detect(b"a;b\n1,5;2\n", CollectSettings(), "x.csv")[0].delimiter
    ';'
    """
    quote = "" if settings.quote == "none" else settings.quote
    notes = []
    encoding = settings.encoding
    if encoding == "auto":
        encoding = next((found for mark, found in MARKS if head.startswith(mark)), "utf-8")
        if encoding != "utf-8":
            notes.append(f"{name}: the encoding is {encoding}, by its first bytes (--encoding)")
    delimiter = _named(settings.delimiter)
    fixed = delimiter if delimiter != "auto" else ","
    dialect = Dialect(fixed, encoding, quote, settings.skip_rows, settings.header)
    if delimiter != "auto":
        return dialect, notes
    found = _delimiter(_records_text(head, dialect, name), quote, name)
    if found is None:
        notes.append(f"{name}: one column: no , ; tab or | separates cells (--delimiter)")
    else:
        notes.append(f"{name}: the delimiter is {shown(found)} (--delimiter)")
    return replace(dialect, delimiter=found or ","), notes


def shown(delimiter: str) -> str:
    """The delimiter as a person names it."""
    return {"\t": "tab", " ": "a blank"}.get(delimiter, repr(delimiter))


def _named(delimiter: str) -> str:
    return {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)


def _records_text(head: bytes, dialect: Dialect, name: str) -> str:
    """The head as text, without the lines to skip and the line that the head may have cut."""
    try:
        text = codecs.getincrementaldecoder(dialect.encoding)(errors="replace").decode(head)
    except UnicodeError as error:  # what no replacement can mend, as a byte order mark not there
        raise DataError(f"{name} is not {dialect.encoding}: {error}", "--encoding auto") from None
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if len(head) >= HEAD_BYTES and "\n" in text:
        text = text[: text.rindex("\n")]
    return "\n".join(text.split("\n")[dialect.skip_rows :])


def _delimiter(text: str, quote: str, name: str) -> str | None:
    """The candidate that cuts the records into equally many cells.

    Taken is the only candidate that fits all records, else the only one that cuts the first
    record and most others alike (its odd records are refused later, by line).
    """
    counts = {sign: _cell_counts(text, sign, quote) for sign in CANDIDATES}
    cutting = {sign: n for sign, n in counts.items() if n.size and n.max() > 1}
    if not cutting:
        return None
    # A first record of one cell is no evidence: it may be a title, or the table one column.
    agreeing = {sign: float(np.mean(n == n[0])) if n[0] > 1 else 0.0 for sign, n in cutting.items()}
    for enough in (1.0, 0.5):
        fitting = [sign for sign, share in agreeing.items() if share >= enough]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            break
    raise _not_clear(cutting, name)


def _cell_counts(text: str, sign: str, quote: str) -> NDArray[np.int64]:
    """Cells in each of the first records that are not blank, were ``sign`` the delimiter."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    reader = csv.reader(
        io.StringIO(text.replace("\0", ""), newline=""),
        delimiter=sign,
        quotechar=quote or None,
        quoting=quoting,
    )
    found: list[int] = []
    try:
        for record in reader:
            if record:
                found.append(len(record))
            if len(found) == RECORDS_JUDGED:
                break
    except csv.Error:  # a cell beyond the module's limit: judged by the records before it
        pass
    # A record that the head has cut inside quotes says nothing of its number of cells.
    if len(text) >= HEAD_BYTES and 1 < len(found) < RECORDS_JUDGED:
        found.pop()
    return np.array(found, np.int64)


def _not_clear(cutting: dict[str, NDArray[np.int64]], name: str) -> DataError:
    evidence = "; ".join(
        f"{shown(sign)} gives {n[0]} in the first and "
        + (f"{n.min()}" if n.min() == n.max() else f"{n.min()} to {n.max()}")
        + f" in {n.size} records"
        for sign, n in cutting.items()
    )
    return DataError(
        f"{name}: the delimiter is not clear: cells cut by {evidence}",
        "name it: --delimiter ',' (or ';', tab, '|', …); if lines of text stand before the"
        " header: --skip-rows N",
    )
