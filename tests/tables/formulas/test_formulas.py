"""Formulas: what they come to, what they refuse, and that nothing else can be said in them."""

import ast
import datetime as dt
import math
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from nntool.errors import UsageError
from nntool.tables.formulas import parsing
from nntool.tables.formulas.evaluating import check, compute
from nntool.tables.formulas.parsing import parse

DATES = [
    dt.datetime(2020, 2, 29, 5, 30),
    None,
    dt.datetime(1969, 12, 31, 23),
    dt.datetime(2024, 1, 1),
]
COLUMNS = {
    "a": pa.array([1.0, None, -2.0, 0.0]),
    "b": pa.array([3.0, 4.0, None, 0.5]),
    "d": pa.array(DATES, pa.timestamp("us")),
    "e": pa.array([dt.datetime(2020, 3, 1)] * 4, pa.timestamp("us")),
}
KINDS = {"a": "number", "b": "number", "d": "date", "e": "date"}


def value_of(text, columns=COLUMNS):
    formula = parse(text)
    check(formula, KINDS)
    found = compute(formula, columns, 4)
    values = (
        [None if np.isnat(v) else v.item() for v in found.values]
        if (found.values.dtype.kind == "M")
        else [None if math.isnan(v) else v for v in found.values.tolist()]
    )
    return values, found.failed.tolist()


@pytest.mark.parametrize(
    "text",
    ["1 + 2 * 3", "(1 + 2) * 3", "-2 ** 2", "2 ** -1", "2 ** 3 ** 2", "10 - 4 - 3", "100 / 5 / 2",
     "-(-3)", "+ - + 3", "1.5e3 / .5", "2 * -3", "7 - -2", "(-2) ** 2", "0.1 + 0.2"],
)  # fmt: skip
def test_precedence_is_that_of_python(text):
    """An independent reading of the same expression: Python's own, over its syntax tree."""
    expected = eval(compile(ast.parse(text, mode="eval"), "", "eval"))
    assert value_of(text)[0] == [expected] * 4


def test_missing_in_is_missing_out_even_where_the_number_would_not_matter():
    for text in ("a ** 0", "a * 0", "min(a, -100)", "abs(a)", "a - a"):
        values, failed = value_of(text)
        assert values[1] is None
        assert not failed[1]
    assert value_of("1 ** a")[0] == [1, None, 1, 1]


def test_what_is_not_finite_is_missing_and_counted_once_it_happens():
    assert value_of("1 / a") == ([1, None, -0.5, None], [False, False, False, True])
    assert value_of("1 / (1 / a)") == ([1, None, -2, None], [False, False, False, True])
    assert value_of("sqrt(a)")[1] == [False, False, True, False]
    assert value_of("log(a)")[1] == [False, False, True, True]
    assert value_of("a ** 0.5")[1] == [False, False, True, False]
    assert value_of("exp(1000) * 0")[1] == [True] * 4
    assert value_of("9**9**9**9") == ([None] * 4, [True] * 4)


def test_functions_of_numbers():
    assert value_of("max(a, b, 0)")[0] == [3, None, None, 0.5]
    assert value_of("round(2.5) + floor(-0.5) + ceil(0.2)")[0] == [2.0] * 4
    assert value_of("log(exp(2))")[0] == pytest.approx([2] * 4)


def test_parts_of_dates_are_those_of_the_calendar():
    for name, part in (("year", "year"), ("month", "month"), ("day", "day"), ("hour", "hour")):
        expected = [None if d is None else getattr(d, part) for d in DATES]
        assert value_of(f"{name}(d)") == (expected, [False] * 4)


def test_differences_of_dates_are_told_in_days_or_hours():
    gap = (dt.datetime(2020, 3, 1) - DATES[0]).total_seconds()
    assert value_of("days(e - d)")[0][:2] == [gap / 86400, None]
    assert value_of("hours(e - d)")[0][0] == gap / 3600
    assert value_of("max(d, e)")[0][0] == dt.datetime(2020, 3, 1)


@given(st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)))
def test_a_date_is_made_of_its_parts(day):
    (found, *_), _ = value_of(f"date({day.year}, {day.month}, {day.day})")
    assert found.date() == day


NO_DAYS = ["2023, 2, 29", "2023, 13, 1", "2023, 0, 1", "2023, 1.5, 1", "0, 1, 1"]


@pytest.mark.parametrize("parts", NO_DAYS)
def test_a_day_that_is_not_in_the_calendar_is_missing(parts):
    assert value_of(f"date({parts})") == ([None] * 4, [True] * 4)


def test_names_with_other_signs_stand_in_quotes():
    assert parse('"date of birth" - `a-b` + größe + "say ""x"""').columns == [
        "date of birth", "a-b", "größe", 'say "x"',
    ]  # fmt: skip
    assert parse("year + 1").columns == ["year"]  # a function's name is one only before (
    assert parse("2 × a ÷ 4 − 1").columns == ["a"]


def refused(text):
    with pytest.raises(UsageError) as caught:
        check(parse(text), {name: KINDS.get(name, "number") for name in parse(text).columns})
    return caught.value


@pytest.mark.parametrize(
    ("text", "stated", "at"),
    [
        ("a +", "expected a number, a column, a function or '(', not nothing (at the end)", 3),
        ("(a", "expected an operator or ')', not nothing (at the end)", 2),
        ("a b", "expected an operator or the end, not 'b' (at character 3)", 2),
        ("a * * b", "expected a number, a column, a function or '(', not '*' (at character 5)", 4),
        ("foo(a)", "there is no function 'foo' (at character 1)", 0),
        ("abs(a, b)", "abs takes 1 values, not 2 (at character 1)", 0),
        ("2 ^ 3", "no '^' is known (at character 3)", 2),
        ("a + 'b'", "a name in single quotes (at character 5)", 4),
        ('a + "b', 'the name that begins with " does not end (at character 5)', 4),
        ("1e999", "a number too large (at character 1)", 0),
        ("d - e", "the formula comes to a difference of dates (at character 3)", 2),
        ("a + d", "+ of a number and a date has no meaning (at character 3)", 2),
        ("year(a)", "year of a number has no meaning (at character 1)", 0),
        ("", "expected a number, a column, a function or '(', not nothing (at the end)", 0),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_with_its_place_and_what_was_expected(text, stated, at):
    error = refused(text)
    first, shown, caret = error.message.split("\n")
    assert (first, shown) == (stated, f"  {text}")
    assert caret == "  " + " " * at + "^"
    assert error.hint


BREAKOUTS = [
    "__import__('os').system('true')",
    "a.__class__", "a.real", "a[0]", "a if b else a", "lambda: 1",
    "(lambda: 1)()", "[a for a in b]", "{a}", "f'{a}'", "'%s' % a", "a; b", "a = b", "a == b",
    "a and b", "not a", "a := 1", "eval(1)", "exec(a)", "open(a)", "getattr(a, b)", "print(1)",
    "abs.__call__(1)", "abs(*a)", "abs(**a)", "0x10", "1_000", "1j", "True()", "a\\\n+b", "a // b",
    "a % b",
    "a << 9", "~a", "a @ b", "a # b", "neg(a)", "...", "１+1", "a\u200b+b", "a\x00", "\u202ea",
    "ａｂｓ(a)", "min()", "a()", "(a)(b)", "()", "1 (2)", '""', "``", "$a", "a!", "np.exp(1)",
]  # fmt: skip


@pytest.mark.parametrize("text", BREAKOUTS)
def test_nothing_but_arithmetic_can_be_said(text):
    assert isinstance(refused(text), UsageError)


@pytest.mark.parametrize(
    "text",
    ["(" * 500 + "1" + ")" * 499, "-" * 999 + "1", "2**" * 300 + "2",
     "abs(" * 200 + "1" + ")" * 200,
     "1+" * 600 + "1", "a" * 1001, "9" * 999, "(" * 1000, '"' * 999],
)  # fmt: skip
def test_what_is_nested_too_deeply_or_too_long_is_refused_at_once(text):
    begun = time.process_time()
    parsing.parse.cache_clear()
    with pytest.raises(UsageError):
        check(parse(text), dict.fromkeys([text], "text"))
    assert time.process_time() - begun < 0.5


def test_a_formula_as_long_as_it_may_be_is_computed_without_recursion():
    values, _ = value_of("1" + "+1" * 499)
    assert values == [500.0] * 4


PIECES = st.sampled_from(
    [*"+-*/(),.`\"' \n\t^=[]{}:;%&|<>!?@#$~\\", "**", "//", "a", "b", "d", "1", "0", "9e9", "abs",
     "min", "date", "days", "year", "neg", "__class__", "lambda", "import", "é", "א",
     "e\u0301", "\u202e", "𝟙", "١"]
)  # fmt: skip


@settings(max_examples=400, deadline=2000)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join)))
@example("(" * 40 + "1" + ")" * 40)
def test_whatever_is_typed_only_a_usage_error_comes_out(text):
    try:
        formula = parse(text)
        kinds = {name: KINDS.get(name, "number") for name in formula.columns}
        check(formula, kinds)
    except UsageError:
        return
    columns = {name: COLUMNS.get(name, COLUMNS["a"]) for name in formula.columns}
    found = compute(formula, columns, 4)
    assert found.values.shape == (4,)
    assert not np.isinf(found.values).any() if found.values.dtype.kind == "f" else True


SUMS = st.recursive(
    st.sampled_from(["a", "b", "2", "0.5", "1e3"]),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(
        lambda three: f"({three[0]} {three[1]} {three[2]})"
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(SUMS)
def test_arithmetic_is_that_of_python_row_by_row(text):
    assume(len(text) < 900)
    values, failed = value_of(text)
    tree = compile(ast.parse(text, mode="eval"), "", "eval")
    for row in range(4):
        names = {name: COLUMNS[name][row].as_py() for name in ("a", "b")}
        if any(names[name] is None for name in parse(text).columns):
            assert values[row] is None
            continue
        try:
            expected = eval(tree, {}, names)
        except ZeroDivisionError:
            assert values[row] is None
            assert failed[row]
            continue
        assert values[row] == pytest.approx(expected, nan_ok=True)
