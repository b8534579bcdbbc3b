"""In which encoding a file is written, from all of its bytes; decided on clear evidence only.

A byte order mark or the zero bytes of UTF-16 and UTF-32 tell at once; else what is valid UTF-8
is UTF-8. What is not may be Western text in one byte a letter (cp1252, which has Latin-1 in it):
there accented letters stand alone among others, and no sign stands where a letter belongs.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from nntool.errors import DataError
from nntool.tables.csv.dialect import is_utf8

PIECE = 1 << 20
TAIL_BYTES = 1 << 16
SAMPLED_LINES = 50

# UTF-32 first: its little-endian mark begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = ("cp1252", "mac-roman", "cp850", "cp1250", "iso-8859-2")
OTHERS = ("cp1251", "koi8-r", "shift_jis", "gb18030", "big5", "euc-kr", "cp1253")
UNDEFINED = frozenset((0x81, 0x8D, 0x8F, 0x90, 0x9D))
# Between two letters these are no mistake: ’ – — ‘ soft hyphen · ´ and a blank that does not break.
BETWEEN_LETTERS = frozenset((0x91, 0x92, 0x96, 0x97, 0xA0, 0xAD, 0xB4, 0xB7))
# These stand before a word, not behind a letter: ‚ ƒ „ ˆ ¡ ¿ ¤ ¦ ¬ ¶.
NOT_BEHIND_LETTERS = frozenset((0x82, 0x83, 0x84, 0x88, 0xA1, 0xBF, 0xA4, 0xA6, 0xAC, 0xB6))
MOST_IMPLAUSIBLE = 0.02
MOST_TOGETHER = 0.5


@dataclass(frozen=True)
class Survey:
    """What one pass over a file tells: is it UTF-8, the lines that are not, its last bytes."""

    n_valid: int = 0
    """Characters of more than one byte that are valid UTF-8."""
    n_invalid: int = 0
    lines: list[bytes] = field(default_factory=list)
    """The first lines that are not UTF-8."""
    tail: bytes = b""
    n_bytes: int = 0


def survey(open_again: Callable[[], BinaryIO], read: Callable[[BinaryIO, int], bytes]) -> Survey:
    """Read a whole file: once where it is UTF-8, else once more to see what it is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    n_bytes = 0
    tail = b""
    try:
        with open_again() as stream:
            for piece in _pieces(stream, read):
                if not piece.isascii() or decoder.getstate()[0]:
                    decoder.decode(piece)
                n_bytes += len(piece)
                tail = piece[-TAIL_BYTES:] if len(piece) >= TAIL_BYTES else tail + piece
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        with open_again() as stream:
            return _count(_pieces(stream, read))
    return Survey(tail=tail[-TAIL_BYTES:], n_bytes=n_bytes)


def survey_bytes(data: bytes) -> Survey:
    """The same of bytes at hand, as the beginning of a pipe."""
    whole = data[: max(data.rfind(b"\n"), data.rfind(b"\r")) + 1] or data
    return _count(iter([whole]))


def _pieces(stream: BinaryIO, read: Callable[[BinaryIO, int], bytes]) -> Iterator[bytes]:
    while piece := read(stream, PIECE):
        yield piece


def _count(pieces: Iterator[bytes]) -> Survey:
    n_valid = n_invalid = n_bytes = 0
    lines: list[bytes] = []
    tail = carry = b""
    for piece in pieces:
        n_bytes += len(piece)
        tail = (tail + piece)[-TAIL_BYTES:]
        if piece.isascii() and not carry:
            continue
        # A character that the piece cuts waits for the next one.
        data = carry + piece
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1 or len(data)
        data, carry = data[:cut], data[cut:]
        n_valid, n_invalid = _tally(data, n_valid, n_invalid, lines)
    n_valid, n_invalid = _tally(carry, n_valid, n_invalid, lines)
    return Survey(n_valid, n_invalid, lines, tail, n_bytes)


def _tally(data: bytes, n_valid: int, n_invalid: int, lines: list[bytes]) -> tuple[int, int]:
    if data.isascii():
        return n_valid, n_invalid
    leads = int(np.count_nonzero(np.frombuffer(data, np.uint8) >= 0xC0))
    try:
        data.decode("utf-8")
        return n_valid + leads, n_invalid
    except UnicodeDecodeError:
        pass
    text = data.decode("utf-8", errors="replace")
    high = sum(map(len, re.findall(r"[^\x00-\x7f\ufffd]", text))) + data.count(b"\xef\xbf\xbd")
    bad = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    for line in re.split(rb"[\r\n]+", data):
        if len(lines) < SAMPLED_LINES and not line.isascii():
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                lines.append(line)
    return n_valid + high, n_invalid + bad


def by_first_bytes(head: bytes) -> str | None:
    """The encoding that a byte order mark, or zero bytes at every second place, tell of."""
    for mark, found in MARKS:
        if head.startswith(mark):
            return found
    sample = np.frombuffer(head[: len(head[:4096]) // 4 * 4], np.uint8)
    if sample.size < 8 or not (sample == 0).any():
        return None
    zeros = (sample.reshape(-1, 4) == 0).mean(axis=0)
    if zeros[1:].min() > 0.9 and zeros[0] < 0.1:
        return "utf-32-le"
    if zeros[:3].min() > 0.9 and zeros[3] < 0.1:
        return "utf-32-be"
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    for found, here, there in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if here > 0.2 and there < 0.02:
            return found
    return None


def decide(head: bytes, found: Survey, name: str) -> tuple[str, str | None]:
    """The encoding and what to say of it; raises ``DataError`` with candidates if not clear."""
    by_mark = by_first_bytes(head)
    if by_mark is None:
        refuse_binary(head, name)
    else:
        said = None if by_mark == "utf-8" else f"the encoding is {by_mark}, by its first bytes"
        return by_mark, said
    if not found.n_invalid or found.n_invalid <= found.n_valid:
        return "utf-8", None
    if not found.n_valid and _is_western(found.lines):
        sample = _sample(found.lines, "cp1252")
        return "cp1252", f"the encoding is cp1252 (Latin-1 and more), not UTF-8: {sample}"
    raise _not_clear(found, name)


def of_input(head: bytes, known: str) -> str | None:
    """The encoding of a file that clearly is not written in the one that is known, or None."""
    if known == "auto":
        return None
    by_mark = by_first_bytes(head)
    family = codecs.lookup(known).name[:6]  # utf-16 and utf-16-le are read alike here
    if by_mark is not None:
        is_same = is_utf8(known) if by_mark == "utf-8" else by_mark[:6] == family
        return None if is_same else by_mark
    if is_utf8(known):
        return None
    if family in ("utf-16", "utf-32"):
        return None if b"\0" in head else "utf-8"
    found = survey_bytes(head)
    return "utf-8" if found.n_valid and not found.n_invalid else None


def refuse_binary(head: bytes, name: str) -> None:
    """Raise for bytes of which many are control signs, so no text of one byte a letter."""
    sample = np.frombuffer(head[:65536].rstrip(b"\0\x1a"), np.uint8)  # but for padding
    control = ((sample < 9) & (sample != 1)) | ((sample > 13) & (sample < 26))  # 1 may separate
    if sample.size and control.mean() > 0.05:
        raise DataError(
            f"{name} is no text: {control.mean():.0%} of its first bytes are control signs",
            "give a text file of rows; if it is UTF-16 without a byte order mark:"
            " --encoding utf-16-le (or -be)",
        )


def _is_western(lines: list[bytes]) -> bool:
    """True where the bytes beyond ASCII, as cp1252, stand as they do in Western text."""
    n = n_implausible = n_together = n_letters = 0
    for line in lines:
        text = np.frombuffer(b" " + line + b" ", np.uint8)
        for at in np.flatnonzero(text >= 0x80).tolist():
            before, byte, after = int(text[at - 1]), int(text[at]), int(text[at + 1])
            n += 1
            n_implausible += _is_implausible(before, byte, after)
            if byte >= 0xC0:
                n_letters += 1
                n_together += before >= 0x80 or after >= 0x80
    if not n or n_implausible > MOST_IMPLAUSIBLE * n:
        return False
    return n_together <= MOST_TOGETHER * n_letters


def _is_implausible(before: int, byte: int, after: int) -> bool:
    if byte in UNDEFINED:
        return True
    if byte in NOT_BEHIND_LETTERS:
        return _is_letter(before)
    sign = bytes([byte]).decode("cp1252")
    if sign.isalpha() and byte not in (0xAA, 0xB5, 0xBA):
        # A capital inside a word of small letters.
        return sign.isupper() and chr(before).islower() and before < 0x80
    return byte not in BETWEEN_LETTERS and _is_letter(before) and _is_letter(after)


def _is_letter(byte: int) -> bool:
    return byte < 0x80 and chr(byte).isalpha()


def _sample(lines: list[bytes], encoding: str) -> str:
    """The word around the first byte beyond ASCII, as that encoding reads it."""
    for line in lines:
        match = re.search(rb"[^\t\r\n,;]{0,12}[\x80-\xff]+[^\t\r\n,;]{0,12}", line)
        if match:
            return repr(match.group()[:40].decode(encoding, errors="replace"))
    return ""


def _not_clear(found: Survey, name: str) -> DataError:
    together = not _mostly_alone(found.lines)
    order = (*OTHERS, *WESTERN) if together and found.n_invalid > 9 else WESTERN
    candidates = [c for c in order if _decodes(found.lines, c)][:6]
    shown = ", ".join(f"{c} reads {_sample(found.lines, c)}" for c in candidates)
    facts = "it is not UTF-8"
    if 10 * found.n_valid > found.n_invalid:
        facts = (
            f"{found.n_valid:,} characters are UTF-8 and {found.n_invalid:,} bytes are not (with"
            " --encoding utf-8 the records that have them are shown)"
        )
    return DataError(
        f"{name}: the encoding is not clear: {facts}; {shown}",
        f"name the one that reads right: --encoding {' or '.join(candidates[:2]) or 'cp1252'}, …",
    )


def _mostly_alone(lines: list[bytes]) -> bool:
    high = sum(len(re.findall(rb"[\x80-\xff]", line)) for line in lines)
    alone = sum(
        len(re.findall(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])", line)) for line in lines
    )
    return 2 * alone >= high


def _decodes(lines: list[bytes], encoding: str) -> bool:
    try:
        for line in lines:
            line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
