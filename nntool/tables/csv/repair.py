"""Finds the defective records of a block that could not be parsed, and leaves them out."""

import numpy as np

from nntool.settings.wording import counted
from nntool.tables.csv.bad_quotes import MARK
from nntool.tables.csv.cutter import Block
from nntool.tables.csv.defects import Defects, excerpt
from nntool.tables.csv.records import (
    Positions,
    Signs,
    cell_counts,
    count_lines,
    record_ends,
    starts_of,
    unpadded,
)
from nntool.tables.csv.utf8 import escaped_byte


def find_defects(
    block: Block, signs: Signs, n_cells: int, defects: Defects, encoding: str = "utf-8"
) -> Positions:
    """The records with a NUL, bytes that are not of the encoding, or another number of cells.

    They are taken down in ``defects``, in the order of the file, but for those that the cutter
    has marked, and taken down.
    """
    data = block.data
    if not data:
        return np.zeros(0, np.int64)
    counts = _counts(data, signs)
    blank = (counts == 0) & ((n_cells > 1) | bool(signs.comment))
    counts = np.maximum(counts, 1)
    ends = record_ends(data, signs)
    starts = starts_of(ends)
    has_nul = np.zeros(ends.size, bool)
    nul = np.flatnonzero(np.frombuffer(data, np.uint8) == 0)
    has_nul[np.searchsorted(ends, nul)] = True
    undecodable = _undecodable(data, starts, ends)
    bad = np.flatnonzero((has_nul | undecodable | (counts != n_cells)) & ~blank)
    said = _marked(data, starts, ends, has_nul)
    new = np.setdiff1d(bad, said, assume_unique=True)
    shown = new[: defects.n_to_show]
    for index, line in zip(shown.tolist(), lines_of(block, shown, signs), strict=True):
        raw = data[int(starts[index]) : int(ends[index]) + 1]
        if undecodable[index]:
            reason, text = _undecodable_words(raw, encoding)
            line += count_lines(raw[: _first_bad(raw)])
            defects.add(line, reason, text, encoding=True)
        elif has_nul[index]:
            line += count_lines(raw[: raw.index(b"\0")])
            defects.add(line, "has a NUL byte, which no text holds", excerpt(raw))
        else:
            defects.add(line, f"has {counted(int(counts[index]), 'cell')}", excerpt(raw))
    defects.add_many(new.size - shown.size)
    return bad


def without(data: bytes, doomed: Positions, signs: Signs) -> bytes:
    """The data without some of its records."""
    ends = record_ends(data, signs)
    keep = np.ones(ends.size, bool)
    keep[doomed] = False
    lengths = np.diff(ends, prepend=-1)
    kept: bytes = np.frombuffer(data, np.uint8)[np.repeat(keep, lengths)].tobytes()
    return kept


def rows_of(block: Block, signs: Signs, n_cells: int) -> Positions:
    """The records that are rows, bad ones among them: all but blank lines."""
    counts = _counts(block.data, signs)
    return np.flatnonzero((counts > 0) | ((n_cells == 1) & (not signs.comment)))


def _counts(data: bytes, signs: Signs) -> Positions:
    return cell_counts(unpadded(data, signs) if signs.skip_blanks else data, signs)


def lines_of(block: Block, records: Positions, signs: Signs) -> list[int]:
    """The line of the file on which each of some records begins."""
    starts = starts_of(record_ends(block.data, signs))[records].tolist()
    found = []
    at, line = 0, block.line
    for start in starts:
        line += count_lines(block.data[at:start])
        at = start
        found.append(line)
    return found


def _undecodable(data: bytes, starts: Positions, ends: Positions) -> np.ndarray:
    found = np.zeros(ends.size, bool)
    if data.isascii():
        return found
    high = np.flatnonzero(np.frombuffer(data, np.uint8) >= 0x80)
    for index in np.unique(np.searchsorted(ends, high)).tolist():
        found[index] = _first_bad(data[int(starts[index]) : int(ends[index]) + 1]) >= 0
    return found


def _first_bad(raw: bytes) -> int:
    """The offset of the first byte that is not UTF-8, or -1."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return -1


def _undecodable_words(raw: bytes, encoding: str) -> tuple[str, str]:
    at = _first_bad(raw)
    byte = escaped_byte(raw[at : at + 3])
    if byte is not None:
        near = raw[max(0, at - 12) : at].decode("utf-8", errors="replace")
        return f"has the byte 0x{byte:02X}, which is not {encoding}, behind", repr(near)
    near = raw[max(0, at - 12) : at + 8].decode("latin-1")
    return f"has the byte 0x{raw[at]:02X}, which is not UTF-8, near", repr(near)


def _marked(data: bytes, starts: Positions, ends: Positions, has_nul: np.ndarray) -> Positions:
    """The records that the cutter has marked."""
    with_nul = np.flatnonzero(has_nul)
    is_marked = [
        data[int(starts[index]) : int(ends[index]) + 1].rstrip(b"\r\n") == MARK
        for index in with_nul.tolist()
    ]
    marked: Positions = with_nul[np.array(is_marked, bool)]
    return marked
