"""Which sign separates cells: the one that the first records of a file speak for clearly."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nntool.errors import DataError
from nntool.settings.collect import CollectSettings
from nntool.tables.csv.dialect import Dialect, shown
from nntool.tables.csv.formats import refuse_quoted_lines
from nntool.tables.csv.layout import Layout, is_number, layout, records_of, start_of, without_lines

CANDIDATES = (",", ";", "\t", "|")
PROPOSED = ("`", "^", "~", ":", "!", "#", "&", "\x01", "\x1f", " ")


@dataclass(frozen=True)
class Head:
    """The beginning of a file as text whose lines end in line feeds."""

    text: str
    is_cut: bool
    name: str


def choose(
    file: Head, dialect: Dialect, settings: CollectSettings, comment: str, signs: Sequence[str]
) -> Layout | None:
    """The table by the one of ``signs`` that the evidence names; None for one column."""
    text = without_lines(file.text, comment)
    found = [
        table
        for sign in signs
        if sign != dialect.quote
        and (table := _table(text, sign, file, dialect, settings)) is not None
    ]
    if not found:
        if settings.delimiter == "auto":
            _refuse_other_signs(text, dialect, file)
        return None
    if len(signs) == 1:
        return found[0]
    return _clear_one(found, file.name)


def _table(
    text: str, sign: str, file: Head, dialect: Dialect, settings: CollectSettings
) -> Layout | None:
    """The table that one sign gives; None where it cuts nothing."""
    skip = dialect.skip_blanks or (
        settings.blanks_after_delimiter == "auto" and f"{sign} " + dialect.quote in text
    )
    records = records_of(text, sign, dialect.quote, skip_blanks=skip, is_cut=file.is_cut)
    table = layout(records, sign)
    if table is not None and settings.skip_rows != "auto":
        return replace(table, start=0, is_clear=True)
    return table


def _clear_one(found: Sequence[Layout], name: str) -> Layout:
    """The only table in which all records agree, or else most; raises where there are several."""
    clear = [t for t in found if t.is_clear and len(t.records[t.start].cells) > 1]
    for enough in (1.0, 0.5):
        fitting = [table for table in clear if table.agreement >= enough]
        if len(fitting) > 1:
            signs_of = [table.delimiter for table in fitting]
            fitting = [table for table in fitting if _is_clean(table, signs_of)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            break
    raise _not_clear(found, name)


def _is_clean(table: Layout, rivals: Sequence[str]) -> bool:
    """True where no cell holds the sign of a rival, but in a number (1,5)."""
    others = [sign for sign in rivals if sign != table.delimiter]
    return not any(
        any(sign in cell for sign in others) and not is_number(cell)
        for record in table.records[table.start :]
        for cell in record.cells
    )


def _refuse_other_signs(text: str, dialect: Dialect, file: Head) -> None:
    """Raise where lines were quoted whole, or another sign may separate cells."""
    if dialect.quote:
        whole = records_of(text, ",", dialect.quote, skip_blanks=False, is_cut=file.is_cut)
        refuse_quoted_lines(whole, CANDIDATES, file.name)
    _propose(text, dialect, file)


def _propose(text: str, dialect: Dialect, file: Head) -> None:
    """Raise where a less usual sign cuts all records alike: it may be the delimiter, or not."""
    for sign in PROPOSED:
        if sign in (dialect.quote, ""):
            continue
        records = records_of(text, sign, dialect.quote, skip_blanks=sign == " ", is_cut=file.is_cut)
        widths = [len([c for c in r.cells if c] if sign == " " else r.cells) for r in records]
        if len(widths) > 2 and widths[0] == widths[1] - 1:
            widths[0] += 1  # a header without a name for the names of rows
        least = 3 if sign in " :" else 2
        if len(records) > 1 and len(set(widths)) == 1 and widths[0] >= least:
            typed = {"\x01": "$'\\x01'", "\x1f": "$'\\x1f'"}.get(sign, f"'{sign}'")
            raise DataError(
                f"{file.name}: no , ; tab or | separates cells, but {shown(sign)} cuts all"
                f" {len(records)} records alike ({start_of(records[0])})",
                f"--delimiter {typed}; or --delimiter ',', if it is one column",
            )


def _not_clear(found: Sequence[Layout], name: str) -> DataError:
    evidence = []
    for table in found:
        n = [len(record.cells) for record in table.records]
        some = f"{min(n)}" if min(n) == max(n) else f"{min(n)} to {max(n)}"
        evidence.append(
            f"{shown(table.delimiter)} gives {n[0]} in the first and {some} in {len(n)}"
        )
    return DataError(
        f"{name}: the delimiter is not clear: cells cut by {'; '.join(evidence)} records",
        "name it: --delimiter ',' (or ';', tab, '|', …); if lines of text stand before the"
        " header: --skip-rows N",
    )
