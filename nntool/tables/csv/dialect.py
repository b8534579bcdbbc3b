"""How a CSV file is written: what stands between cells, what quotes them, its encoding."""

import codecs
from dataclasses import asdict, dataclass, fields
from typing import Any

from nntool.errors import UsageError
from nntool.tables.csv.records import Signs


@dataclass(frozen=True)
class Dialect:
    r"""What a reader must know of a file; saved in the run and used again by ``predict``.

    ``quote`` and ``comment`` are empty where there is none. Raises ``UsageError`` for what no
    file can be.

    >>> Dialect.from_plain(Dialect(delimiter="\t").to_plain()).delimiter
    '\t'
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    quote: str = '"'
    skip_rows: int = 0
    header: bool = True
    comment: str = ""
    skip_blanks: bool = False
    skip_below: int = 0
    skip_end: int = 0
    stray_quotes: str = "refuse"

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
            raise UsageError(
                f"{self.quote!r} cannot both separate cells and quote them",
                "give another --delimiter, or --quote none",
            )
        if self.comment and (set(self.comment) & set("\r\n\0" + self.delimiter + self.quote)):
            raise UsageError(
                f"--comment: {self.comment!r} holds a sign that means something else",
                "give what comment lines begin with, as '#' or '//'",
            )
        check_encoding(self.encoding)

    @property
    def signs(self) -> Signs:
        """The bytes that structure the file, once it is UTF-8."""
        return Signs(
            self.delimiter.encode(), self.quote.encode(), self.skip_blanks, self.comment.encode()
        )

    def to_plain(self) -> dict[str, Any]:
        """The dialect as plain values, for sources.json."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Dialect":
        """The dialect that ``to_plain`` wrote, by this version or an older one."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in plain.items() if name in known})


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


def shown(delimiter: str) -> str:
    """The delimiter as a person names it."""
    return {"\t": "tab", " ": "a blank"}.get(delimiter, repr(delimiter))
