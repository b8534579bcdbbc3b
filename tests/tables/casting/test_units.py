"""Numbers with words behind them: what is read unasked, what by --roles, what is no number."""

import json
import re
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nntool.tables.casting import NumberFormat, find_number_format, to_numbers
from nntool.tables.casting.forced_formats import forced_number_format
from nntool.tables.casting.units import MOST_WORDS, split_words


def column(*cells):
    return pa.chunked_array([cells], pa.string())


def forced(*cells, **how):
    """What is read of cells that a person calls numeric, with the counts."""
    written = forced_number_format(column(*cells), None, None, **how).written
    return to_numbers(pa.array(cells, pa.string()), [], written)


@pytest.mark.parametrize(
    ("cell", "number", "word"),
    [
        ("12.0 oz. Alumi-Tek", "12.0", "oz. Alumi-Tek"),
        ("12oz", "12", "oz"),
        ("45 m2", "45", "m2"),
        ("-3.5 °C", "-3.5", "°C"),
        ("1.234,5 kg/m²", "1.234,5", "kg/m²"),
        ("1e5 Pa", "1e5", "Pa"),
        ("0.05%", "0.05", "%"),
        ("12 €/kg", "12", "€/kg"),
        ("$12 each", "$12", "each"),
        ("3. Platz", "3", "Platz"),
        ("5 (est.)", "5", "(est.)"),
        ("2 x 12 oz", "2 x 12 oz", ""),
        ("12-16 oz", "12-16", "oz"),
        ("12 oz 5", "12 oz 5", ""),
        ("12 - oz", "12 - oz", ""),
        ("10,000+", "10,000+", ""),
        ("(12)", "(12)", ""),
        ("1e5", "1e5", ""),
        ("0x1F", "0x1F", ""),
        ("oz", "oz", ""),
        (None, None, None),
    ],
)
def test_the_word_behind_one_number_is_taken_from_it(cell, number, word):
    numbers, words, _ = split_words(pa.array([cell], pa.string()))
    assert (numbers[0].as_py(), words[0].as_py()) == (number, word)


def test_one_word_in_every_cell_is_passed_over_unasked():
    cells = ["12.5 oz", "7 oz", "1,234.5oz"]
    written = find_number_format(column(*cells)).written
    assert written == NumberFormat(words=["oz"])
    values, counts = to_numbers(pa.array([*cells, "9", "3 lb"]), [], written)
    assert values.to_pylist() == [12.5, 7, 1234.5, 9, None]
    assert counts == {"unfit": 1, "passed_over": {"oz": 3}}


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (["12 oz", "7 oz."], "words behind them, 'oz' (1), 'oz.' (1): kept as text"),
        (["12 oz", "7"], "in 1 of 2 cells, 'oz' (1)"),
        (["12 oz"] * 99 + ["2 x 12 oz"], "1 would be missing, such as '2 x 12 oz')"),
        (["1,234 kg", "5,678 kg"], "'1,234' is 1234 with --decimal . and 1.234 with --decimal ,"),
        (["5%", "6%", "0.05"], "COLUMN=numeric:percent"),
        (["$1", "€2"], "--roles COLUMN=numeric to pass over them"),
    ],
)
def test_what_is_not_read_unasked_is_said_with_the_option(cells, note):
    found = find_number_format(column(*cells))
    assert found.written is None
    assert note in found.note


@pytest.mark.parametrize(
    "cells",
    [
        [f"{i} {'abcdefgh'[i % 8]}{i % 7 * 'x'} Street" for i in range(MOST_WORDS + 10)],
        ["35233", "35235", "3523x", "35211"] * 9,
        ["007 oz", "008 oz"],
        ["12 oz", "unknown", "7 oz."],
        ["Room 12", "Room 13"],
        ["2020-01-02 UTC", "2020-01-03 UTC"],
        ["12-16 oz", "1-2 oz"],
    ],
)
def test_addresses_codes_slips_and_ranges_stay_what_they_are(cells):
    found = find_number_format(column(*cells))
    assert (found.written, found.note) == (None, None)


def test_a_person_may_have_different_words_passed_over():
    values, counts = forced("12.0 oz", "16 oz.", "12.0 ounce", "7", "2 x 12 oz", "12-16 oz", "x")
    assert values.to_pylist() == [12, 16, 12, 7, None, None, None]
    assert counts == {"unfit": 3, "passed_over": {"oz": 1, "oz.": 1, "ounce": 1}}


def test_signs_before_and_behind_are_passed_over_too():
    values, counts = forced("$1.5", "€ 2", "$ 3 each", "4 €", "(5)")
    assert values.to_pylist() == [1.5, 2, 3, 4, -5]
    assert counts == {"passed_over": {"$": 2, "each": 1, "€": 2}}


def test_a_percent_sign_is_passed_over_or_divides_as_is_asked():
    cells = ["5.6%", "0.056", "-7 %", "$2"]
    values, counts = forced(*cells)
    assert values.to_pylist() == [5.6, 0.056, -7, 2]
    assert counts == {"passed_over": {"$": 1, "%": 2}}
    values, counts = forced(*cells, percent=True)
    np.testing.assert_allclose(values.to_pylist(), [0.056, 0.056, -0.07, 2])
    assert counts == {"percent": 2, "passed_over": {"$": 1}}


@pytest.mark.parametrize(
    ("with_sign", "percent", "hint"),
    [
        (5, False, " (--roles COLUMN=numeric:percent divides by 100)"),
        (0.05, False, ""),
        (5, True, ""),
        (0.05, True, " (--roles COLUMN=numeric passes over the sign)"),
    ],
)
def test_the_sizes_of_numbers_tell_what_a_percent_sign_means(with_sign, percent, hint):
    cells = [f"{with_sign}%"] * 6 + ["0.06"] * 7
    note = forced_number_format(column(*cells), None, None, percent).note
    assert note.startswith(f"the median of numbers with '%' is {with_sign:g}, of the others 0.06")
    assert note.partition("others 0.06")[2] == hint


def test_words_of_another_size_are_named():
    note = forced_number_format(column(*["500 g"] * 6, *["2 kg"] * 5), None, None).note
    assert "500 with 'g' and 2 with 'kg'" in note
    assert forced_number_format(column(*["5 oz"] * 6, *["6 oz."] * 5), None, None).note is None


def test_letters_stuck_to_few_numbers_are_slips_and_many_words_no_units():
    assert forced("3523x", "35233", "35235")[0].to_pylist() == [None, 35233, 35235]
    assert forced("3523x", "35233x", "35235")[0].to_pylist() == [3523, 35233, 35235]
    streets = [f"{i} {'a' * (i + 1)}" for i in range(MOST_WORDS + 1)]
    assert forced("5", *streets)[0].to_pylist() == [5] + [None] * len(streets)
    note = forced_number_format(column("5", *streets), None, None).note
    assert f"{MOST_WORDS + 1} different words" in note


CELLS = st.builds(
    lambda n, gap, word: f"{n / 100}{gap}{word}",
    st.integers(-(10**9), 10**9),
    st.sampled_from(["", " ", "\N{NO-BREAK SPACE}"]),
    st.sampled_from(["oz", "oz.", "m2", "%", "kWh/m²", "€", "fl. oz (US)"]),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=20), st.integers(0, 20))
def test_every_number_is_read_whatever_its_word_and_the_chunks(cells, cut):
    written = forced_number_format(column(*cells), None, None).written
    written = NumberFormat(**json.loads(json.dumps(asdict(written))))
    values = [to_numbers(pa.array(part, pa.string()), [], written)[0].to_pylist()
              for part in (cells[:cut], cells[cut:])]  # fmt: skip
    assert values[0] + values[1] == [float(re.match(r"-?[\d.]+", cell)[0]) for cell in cells]
