"""What is valid in a column, as a person types it: ``Age=0..120``, ``sex=M|F``, ``price>0:clip``.

    rule    =  columns, ( "=" | comparison ), part, { ",", part }, [ ":", action ]
    part    =  [ value ], "..", [ value ]  |  comparison, value  |  value, { "|", value }
    comparison  =  ">" | ">=" | "<" | "<="

All parts must hold; the part ``whole`` is for whole numbers. A value is a number, a date as
YYYY-MM-DD or a word, by what the column is; one with a sign of this language in it stands in
quotes.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from nntool.errors import UsageError
from nntool.tables.formulas.mistakes import mistake, refuse_longer, shown

ACTIONS = {
    "missing": "made missing",
    "abs": "made absolute",
    "clip": "clipped",
    "leave-out": "left out with their rows",
}
"""What may be done with a value that is not valid, and how it is told."""
EXAMPLES = (
    "write it as in Age=0..120, price>0, sex=M|F, rooms=whole,1..20 or when=2000-01-01..:leave-out"
)

_HEAD = re.compile(
    r"""\s*(?P<names>"(?:[^"]|"")*"|`(?:[^`]|``)*`|[^=<>]*)\s*(?P<sign>=|[<>]=?)""", re.VERBOSE
)
_ACTION = re.compile(r"\s*:\s*(missing|abs|clip|leave-out)\s*$")
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"[^"]*"|'[^']*')
      | (?P<range>\.\.)
      | (?P<comparison>[<>]=?)
      | (?P<and>,)
      | (?P<or>\|)
      | (?P<value>(?:(?!\.\.)[^<>,|=\"'])+)
      )""",
    re.VERBOSE,
)


class Value(NamedTuple):
    """A value as it was typed, and where."""

    text: str
    at: int
    quoted: bool = False


class Range(NamedTuple):
    """From one value to another, either of them open (None); a bound may itself be excluded."""

    low: Value | None
    high: Value | None
    at: int
    without_low: bool = False
    without_high: bool = False


class OneOf(NamedTuple):
    """One of these values."""

    values: tuple[Value, ...]
    at: int


class Validity(NamedTuple):
    """A rule as it was written: which columns, what must hold, what is done where it does not."""

    text: str
    names: str
    is_quoted: bool
    parts: tuple[Range | OneOf, ...]
    action: str


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


@lru_cache(maxsize=256)
def parse(text: str) -> Validity:
    """Read a rule; raises ``UsageError`` with the place of a mistake.

    >>> parse("Age=0..120:abs").action
    'abs'
    """
    refuse_longer(text, "the rule", EXAMPLES)
    head = _HEAD.match(text)
    if head is None or not head["names"].strip():
        at = len(text) if head is None else head.start("sign")
        raise mistake(text, at, "expected a column, then = or a comparison", EXAMPLES)
    names = head["names"].strip()
    is_quoted = names[0] in '"`'
    if is_quoted:
        names = names[1:-1].replace(names[0] * 2, names[0])
    action = _ACTION.search(text, head.end("sign"))
    stop = action.start() if action else len(text)
    start = head.end() if head["sign"] == "=" else head.start("sign")
    parts = _Parts(text, _tokens(text, start, stop)).read()
    chosen = action[1] if action else "missing"
    if chosen == "clip":
        _refuse_clip(text, parts)
    return Validity(text, names, is_quoted, tuple(parts), chosen)


def _tokens(text: str, at: int, stop: int) -> list[_Token]:
    found = []
    while text[at:stop].strip():
        match = _TOKEN.match(text, at, stop)
        if match is None or match.lastgroup is None:
            at += len(text[at:stop]) - len(text[at:stop].lstrip())
            stated = f"{shown(text[at])} has no meaning here"
            if text[at] in "\"'":
                stated = f"the value that begins with {text[at]} does not end"
            raise mistake(text, at, stated, EXAMPLES)
        kind = match.lastgroup
        found.append(_Token(kind, match[kind].strip(), match.start(kind)))
        at = match.end()
    return [*found, _Token("end", "", len(text[:stop].rstrip()))]


class _Parts:
    """Reads the parts of a rule token by token."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.place = 0

    def next_if(self, *kinds: str) -> _Token | None:
        token = self.tokens[self.place]
        if token.kind not in kinds:
            return None
        self.place += 1
        return token

    def unexpected(self, wanted: str) -> UsageError:
        token = self.tokens[self.place]
        found = "nothing" if token.kind == "end" else shown(token.text)
        return mistake(self.text, token.at, f"expected {wanted}, not {found}", EXAMPLES)

    def value(self) -> Value | None:
        token = self.next_if("value", "quoted")
        if token is None:
            return None
        if token.kind == "quoted":
            return Value(token.text[1:-1].strip(), token.at, quoted=True)
        return Value(token.text, token.at)

    def needed(self) -> Value:
        found = self.value()
        if found is None:
            raise self.unexpected("a value")
        return found

    def read(self) -> list[Range | OneOf]:
        parts = [self.part()]
        while self.next_if("and"):
            parts.append(self.part())
        if not self.next_if("end"):
            raise self.unexpected("'..', '|', ',', an action or the end")
        return parts

    def part(self) -> Range | OneOf:
        if sign := self.next_if("comparison"):
            value = self.needed()
            without = len(sign.text) == 1
            if sign.text[0] == ">":
                return Range(value, None, sign.at, without_low=without)
            return Range(None, value, sign.at, without_high=without)
        at = self.tokens[self.place].at
        first = self.value()
        if self.next_if("range"):
            last = self.value()
            if first is None and last is None:
                raise self.unexpected("a value on one side of '..'")
            return Range(first, last, at)
        if first is None:
            raise self.unexpected("a value, a range or a comparison")
        values = [first]
        while self.next_if("or"):
            values.append(self.needed())
        return OneOf(tuple(values), at)


def _refuse_clip(text: str, parts: list[Range | OneOf]) -> None:
    for part in parts:
        if isinstance(part, OneOf):
            raise mistake(text, part.at, "clip needs ranges: there is no nearest value", EXAMPLES)
        if part.without_low or part.without_high:
            raise mistake(
                text,
                part.at,
                "clip needs a bound that is valid itself",
                "write >= or <=, or a range such as 0..120",
            )
