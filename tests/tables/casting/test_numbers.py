"""Numbers as people and spreadsheets write them: read where they are clear, else left alone."""

import json
from dataclasses import asdict

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.tables.casting import NumberFormat, find_number_format, to_numbers


def column(*cells):
    return pa.chunked_array([cells], pa.string())


def read(*cells, **hints):
    """The numbers, or None where the cells stay text."""
    written = find_number_format(column(*cells), **hints).written
    return written and to_numbers(pa.array(cells, pa.string()), [], written)[0].to_pylist()


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1.234,56", "7"], [1234.56, 7]),
        (["229,932.50", "1"], [229932.5, 1]),
        (["1 234,5", "3"], [1234.5, 3]),
        (["1\N{NO-BREAK SPACE}234", "22"], [1234, 22]),
        (["1\N{NARROW NO-BREAK SPACE}234,5", "22"], [1234.5, 22]),
        (["1'234'567.5", "3"], [1234567.5, 3]),
        (["$  40,000", "$0"], [40000, 0]),
        (["€ 3,50", "€ 4"], [3.5, 4]),
        (["12 kr", "1"], [12, 1]),
        (["USD 1,234.5", "2"], [1234.5, 2]),
        (["12 %", "3%"], [12, 3]),
        (["(1,234)", "5"], [-1234, 5]),
        (["123-", "4"], [-123, 4]),
        (["\N{MINUS SIGN}5", "3,5"], [-5, 3.5]),
        (["-1.234,5", "+2"], [-1234.5, 2]),
        (["$-5", "-$6", "($7)"], None),
        (["1,234", "5,678", "12"], [1234, 5678, 12]),
        (["0,500", "1,250"], [0.5, 1.25]),
        (["1.234.567", "999"], [1234567, 999]),
        (["1,5e3", "2"], [1500, 2]),
    ],
)
def test_clear_cells_are_read(cells, numbers):
    assert read(*cells) == numbers


@pytest.mark.parametrize(
    "cells",
    [
        ["1,234", "5,678"],
        ["€1.234", "€5.678"],
        ["12 %", "3"],
        ["(1)", "(2)"],
        ["$1", "€2"],
        ["612 345 678", "912 345 678"],
        ["$40,000 - $49,999", "$1"],
        ["12345-6789", "12345-6788"],
        ["0012,5", "1,5"],
        ["007", "1,234"],
        ["9.007.199.254.740.993", "1.234.567"],
        ["192.168.100.200", "192.168.101.100"],
        ["1.2.3", "1.2.4"],
        ["31.12.2023", "01.02.2023"],
        ["0x1F", "0x20"],
        ["1,2,3", "4"],
        ["1,23,4", "4"],
        ["1.234,5.6", "4"],
        ["1 23", "4"],
        ["--5", "4"],
        ["12 apples", "4"],
    ],
)
def test_what_is_unclear_or_no_amount_stays_text(cells):
    assert read(*cells) is None


def test_both_readings_are_shown_with_the_option():
    found = find_number_format(column("1,234", "5,678"))
    assert found.is_unclear
    assert "'1,234' is 1234 with --decimal . and 1.234 with --decimal ," in found.note


def test_other_columns_or_a_person_decide_what_cells_do_not():
    assert read("1,234", table=",") == [1.234]
    assert read("1,234", table=".") == [1234]
    assert read("1,234", asked=",") == [1.234]
    assert read("1.5", asked=",") is None
    assert "against --decimal ," in find_number_format(column("1.5"), asked=",").note


SIGNS = {".": ",", ",": "."}


@settings(max_examples=200)
@given(
    st.lists(st.integers(-(10**11), 10**11), min_size=1, max_size=20),
    st.sampled_from(".,"),
    st.sampled_from(["other", " ", "'", "\N{NO-BREAK SPACE}", ""]),
    st.sampled_from(["", "€", "kr", "CHF"]),
)
def test_amounts_with_cents_read_back_whatever_the_locale(cents, decimal, thousands, currency):
    def write(number):
        whole, rest = divmod(abs(number), 100)
        sign = SIGNS[decimal] if thousands == "other" else thousands
        text = f"{whole:,}".replace(",", sign) + f"{decimal}{rest:02}"
        return ("-" if number < 0 else "") + (f"{currency} {text}" if currency else text)

    cells = [write(number) for number in cents]
    values = read(*cells) or to_numbers(pa.array(cells), [])[0].to_pylist()
    assert values == [number / 100 for number in cents]


def test_a_cell_of_another_format_is_missing_and_counted():
    written = NumberFormat(",", "€")
    cells = pa.array(["€ 1.234,5", "12,3 €", "5", "1,234.5", "$ 5", "(5)", "?", "x", None])
    values, counts = to_numbers(cells, ["?"], written)
    assert values.to_pylist() == [1234.5, 12.3, 5] + [None] * 6
    assert counts == {"empty": 1, "tokens": {"?": 1}, "unfit": 4}


def test_a_percent_sign_must_stand_in_every_cell_of_a_column_of_percents():
    written = find_number_format(column("12 %", "5 %")).written
    assert to_numbers(pa.array(["7 %", "0.07"]), [], written)[0].to_pylist() == [7, None]


def test_a_format_is_plain_data():
    written = find_number_format(column("(1.234,5)", "€ 6")).written
    assert NumberFormat(**json.loads(json.dumps(asdict(written)))) == written
    assert written == NumberFormat(",", "€", "(1)")
