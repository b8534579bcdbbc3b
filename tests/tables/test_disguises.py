"""Numbers that are not written as such are named; codes and words are not taken for them."""

import pyarrow as pa
import pytest

from nntool.tables.disguises import disguise
from nntool.tables.roles import infer


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (['="24244.33"', '="-5"', "=7"], 'in ="…"'),
        (["'24244.33", "'5"], "behind an apostrophe"),
        (["0x1F", "0XaB"], "in base 16"),
        (["24_244.33", "17", "1_000"], "with _ between digits"),
        (["24\u200b", "\ufeff17.5", "3"], "with signs that are not seen"),
        (["\u0661\u0662", "\u0663.\u0664"], "in the digits of another script"),
        (["12-17", "18 \u2013 25.5"], "ranges of numbers"),
    ],
)
def test_what_hides_numbers_is_named_with_an_example(cells, words):
    assert words in disguise(cells)
    assert disguise([*cells, "green"]) is None


@pytest.mark.parametrize(
    "cells",
    [
        [],
        ["1", "2.5"],
        ["a_1", "1_a"],
        ["17-12", "12-17"],
        ["12-17-20"],
        ["'tis", "'24"],
        ["0x", "0xG1"],
        ["\u0661a"],
        ["a\u200b"],
        ["0x1F", "12"],
    ],
)
def test_what_is_no_number_in_disguise_is_not_named(cells):
    assert disguise(cells) is None


def test_an_identifier_of_disguised_numbers_is_said():
    cells = [f"0x{number:X}" for number in range(30)]
    found = infer(pa.array(cells), [])
    assert (found.role, found.note) == (
        "identifier",
        "looks like numbers in base 16, such as '0x0'; kept as text (write plain numbers to learn"
        " from them)",
    )
    assert infer(pa.array([f"code {number}" for number in range(30)]), []).note is None
