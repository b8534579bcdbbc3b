"""From the text of a formula to a program of few words: numbers, columns, calls.

    formula  =  sum
    sum      =  product, { "+" | "-", product }
    product  =  sign, { "*" | "/", sign }
    sign     =  { "-" | "+" }, power
    power    =  atom, [ "**", sign ]
    atom     =  number | column | function, "(", sum, { ",", sum }, ")" | "(", sum, ")"
    column   =  letters, digits and _, or any name in "…" or `…`

Nothing else can be said: there is no attribute, index, text, assignment or import to be had, and
the program is run by a loop over its steps, never by ``eval``.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from nntool.errors import UsageError
from nntool.tables.formulas.mistakes import mistake, refuse_longer, shown
from nntool.tables.formulas.operations import OPERATIONS, arity

DEEPEST = 40
"""Parentheses, signs and powers inside each other."""
MOST_ARGUMENTS = 20
NAME_HINT = 'a column\'s name with blanks or other signs stands in double quotes: "date of birth"'
FUNCTIONS = [name for name in OPERATIONS if name.isalpha() and name != "neg"]
HINT = f"use numbers, columns, + - * / ** ( ) and {', '.join(FUNCTIONS)}; {NAME_HINT}"

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
      | (?P<name>[^\W\d]\w*)
      | (?P<sign>\*\*|[-+*/(),×÷−])
      )""",
    re.VERBOSE,
)
_PLAIN = {"×": "*", "÷": "/", "−": "-"}


class Step(NamedTuple):
    """One step of a program: put a number or a column, or take ``n`` values and put one."""

    kind: Literal["number", "column", "call"]
    value: float | str
    n: int
    at: int
    """Where it stands in the text."""


class Formula(NamedTuple):
    """A formula as it was written and what it does, step by step, on a stack of values."""

    text: str
    program: tuple[Step, ...]

    @property
    def columns(self) -> list[str]:
        """The names that it reads, each once, in their order."""
        return list(dict.fromkeys(str(s.value) for s in self.program if s.kind == "column"))


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


@lru_cache(maxsize=256)
def parse(text: str, start: int = 0) -> Formula:
    """Read a formula that begins at a place of a text; raises ``UsageError`` with the place.

    >>> parse("2023 - Birth").columns
    ['Birth']
    """
    refuse_longer(text, "the formula", "compute a part of it into a column of its own first")
    parser = _Parser(text, _tokens(text, start))
    parser.sum(0)
    parser.expect_end()
    return Formula(text, tuple(parser.program))


def _tokens(text: str, start: int) -> list[_Token]:
    found = []
    at = start
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise mistake(text, at, *_of_no_use(text, at))
        kind = match.lastgroup
        found.append(_Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return [*found, _Token("end", "", len(text.rstrip()))]


def _of_no_use(text: str, at: int) -> tuple[str, str]:
    """What to say of a sign that begins nothing."""
    if text[at] in "\"`'":
        if text[at] == "'":
            return "a name in single quotes", NAME_HINT
        return f"the name that begins with {text[at]} does not end", f"close it with {text[at]}"
    if text[at] == "^":
        return "no '^' is known", "a power is written **"
    return f"{shown(text[at])} has no meaning in a formula", HINT


class _Parser:
    """Reads tokens one by one and writes the program."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.place = 0
        self.program: list[Step] = []

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def takes(self, *signs: str) -> str | None:
        """Go on over one of some signs, if one stands here."""
        sign = _PLAIN.get(self.token.text, self.token.text)
        if self.token.kind != "sign" or sign not in signs:
            return None
        self.place += 1
        return sign

    def call(self, name: str, n: int, at: int) -> None:
        self.program.append(Step("call", name, n, at))

    def sum(self, depth: int) -> None:
        self.product(depth)
        while True:
            at = self.token.at
            sign = self.takes("+", "-")
            if sign is None:
                return
            self.product(depth)
            self.call(sign, 2, at)

    def product(self, depth: int) -> None:
        self.signed(depth)
        while True:
            at = self.token.at
            sign = self.takes("*", "/")
            if sign is None:
                return
            self.signed(depth)
            self.call(sign, 2, at)

    def signed(self, depth: int) -> None:
        """A sign binds less than a power: -2**2 is -4."""
        if depth > DEEPEST:
            raise mistake(
                self.text,
                self.token.at,
                f"more than {DEEPEST} parentheses, signs or powers inside each other",
                "compute a part of it into a column of its own first",
            )
        at = self.token.at
        sign = self.takes("+", "-")
        if sign is None:
            self.power(depth)
            return
        self.signed(depth + 1)
        if sign == "-":
            self.call("neg", 1, at)

    def power(self, depth: int) -> None:
        self.atom(depth)
        at = self.token.at
        if self.takes("**"):
            self.signed(depth + 1)
            self.call("**", 2, at)

    def atom(self, depth: int) -> None:
        token = self.token
        if token.kind == "number":
            self.number(token)
        elif token.kind == "quoted":
            quote = token.text[0]
            self.place += 1
            self.column(token.text[1:-1].replace(quote * 2, quote), token.at)
        elif token.kind == "name":
            self.name(token, depth)
        elif self.takes("("):
            self.sum(depth + 1)
            self.expect(")", "an operator or ')'")
        else:
            raise self.unexpected("a number, a column, a function or '('")

    def number(self, token: _Token) -> None:
        value = float(token.text)
        if value == float("inf"):
            raise mistake(self.text, token.at, "a number too large", "the largest is about 1.8e308")
        self.place += 1
        self.program.append(Step("number", value, 0, token.at))

    def name(self, token: _Token, depth: int) -> None:
        self.place += 1
        if not self.takes("("):
            self.column(token.text, token.at)
            return
        if token.text not in FUNCTIONS:
            raise mistake(
                self.text,
                token.at,
                f"there is no function {shown(token.text)}",
                f"the functions are {', '.join(FUNCTIONS)}",
            )
        n = 1
        self.sum(depth + 1)
        while self.takes(","):
            self.sum(depth + 1)
            n += 1
        self.expect(")", "an operator, ',' or ')'")
        least, most = arity(token.text)
        if not least <= n <= (most or MOST_ARGUMENTS):
            wanted = f"{least}" if most == least else f"{least} to {most or MOST_ARGUMENTS}"
            raise mistake(self.text, token.at, f"{token.text} takes {wanted} values, not {n}", HINT)
        self.call(token.text, n, token.at)

    def column(self, name: str, at: int) -> None:
        if not name.strip():
            raise mistake(self.text, at, "a column without a name", NAME_HINT)
        self.program.append(Step("column", name, 0, at))

    def expect(self, sign: str, wanted: str) -> None:
        if not self.takes(sign):
            raise self.unexpected(wanted)

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise self.unexpected("an operator or the end")

    def unexpected(self, wanted: str) -> UsageError:
        token = self.token
        found = "nothing" if token.kind == "end" else shown(token.text)
        hint = NAME_HINT if token.kind in ("name", "quoted") else HINT
        return mistake(self.text, token.at, f"expected {wanted}, not {found}", hint)
