import re
from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables import target
from nntool.tables.roles import infer
from nntool.tables.roles.inference import _has_leading_zeros
from nntool.tables.typing_pass import type_table

RNG = np.random.default_rng(0)


def role(cells, missing=("?",)):
    return infer(pa.array([str(cell) for cell in cells], pa.string()), missing).role


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1.5", "2", "", "?", " 3e4 "], "numeric"),
        (range(19), "numeric"),
        (range(20), "identifier"),
        (range(100, 0, -1), "identifier"),
        ([v * v for v in range(30)], "identifier"),
        (RNG.permutation(500), "identifier"),
        (RNG.permutation(500)[:200], "identifier"),
        (RNG.choice(10**6, 100, replace=False), "numeric"),
        ([*range(30), 5], "numeric"),
        (RNG.normal(size=40), "numeric"),
        ([i + 0.5 for i in range(40)], "numeric"),
        (["00123", "00124", "00123"], "categorical"),
        ([f"{i:05}" for i in RNG.permutation(40)], "identifier"),
        ([f"{i % 3:02}" for i in range(40)], "categorical"),
        (["0", "0.5", "-0.25"], "numeric"),
        ([2**53 + 1, 5, 5], "identifier"),
        ([2**53, 5, 5], "numeric"),
        (["1e300", "5", "5"], "numeric"),
        ([f"name {i}" for i in range(20)], "identifier"),
        ([f"name {i}" for i in range(19)], "categorical"),
        (["a", "b"] * 20, "categorical"),
        (["2024-01-31", "2024-02-01 10:00", "?"], "date"),
        (["01/02/2024", "13/02/2024"], "date"),
        (["01/02/2024", "03/02/2024"], "categorical"),
        (["", "?", " "], "ignored"),
        ([], "ignored"),
        (["true", "false"], "categorical"),
        (["inf", "nan"], "categorical"),
    ],
)
def test_the_role_follows_the_cells(cells, expected):
    assert role(cells) == expected


def test_a_few_cells_that_are_no_numbers_are_shown_with_the_options_that_help():
    found = infer(pa.array(["1", "2", "3"] * 10 + ["none", "n.a.", ""]), [])
    assert found.role == "categorical"
    assert "2 cells are no numbers ('none', 'n.a.')" in found.note
    assert "--missing-values" in found.note
    assert "--roles" in found.note
    assert role(["1", "2", "x"]) == "categorical"


def test_an_undecided_date_is_said():
    assert "DD/MM/YYYY" in infer(pa.array(["01/02/2024"]), []).note


def test_a_column_of_which_nearly_all_are_dates_is_said():
    cells = [f"{day}.{month}.2020" for day in range(1, 11) for month in range(1, 13)]
    found = infer(pa.array([*cells, "soon", "later"]), [])
    assert found.role == "identifier"
    assert "2 are none" in found.note
    assert "--roles COLUMN=date" in found.note
    assert infer(pa.array([*cells[:20], *["soon"] * 10]), []).note is None


def test_chunks_change_nothing():
    cells = [str(i) for i in RNG.permutation(60)]
    chunked = pa.chunked_array([cells[:7], [], cells[7:]], pa.string())
    assert infer(chunked, []) == infer(pa.array(cells), [])


@pytest.mark.parametrize(
    ("local", "value"), [("(1.5)", -1.5), ("1.5-", -1.5), ("1,234.5", 1234.5), ("1 234.5", 1234.5)]
)
def test_numbers_that_few_cells_write_in_a_local_way_are_read_in_the_pass(local, value):
    text = pa.table({"x": ["12.25", "7.5", "3.25", local], "y": ["a", "b", "a", "b"]})
    settings = build(CleanSettings, {"target": "y"})
    y = target.fit(text.column("y"), "y", "auto", None, [])
    typed = type_table(text, settings, None, y)
    assert typed.table.column("x").to_pylist() == [12.25, 7.5, 3.25, value]
    assert "x" not in typed.counts


def test_numbers_with_leading_zeros_are_found_wherever_they_stand():
    cells = ["".join(word) for n in range(1, 5) for word in product("0+- .7é", repeat=n)]
    for cell in cells:
        has = re.fullmatch(r" *[+-]?0[0-9]+ *", cell) is not None
        around = pa.chunked_array([["é", "0.5"], [cell], ["", "0", "-0.7", "5"]])
        assert _has_leading_zeros(around) == has, cell
        assert _has_leading_zeros(pa.array(["00", cell, None, "01"]).slice(1, 2)) == has


@pytest.mark.parametrize(
    ("around", "said"),
    [('="{}"', 'the signs =" and "'), ("'{}", "the sign '"), ("{}\u200b", "invisible characters")],
)
def test_numbers_in_disguise_are_numeric_and_it_is_said(around, said):
    cells = [around.format(value / 7) for value in range(40)]
    found = infer(pa.array(cells), [])
    assert found.role == "numeric"
    assert said in found.note
    assert "--roles COLUMN=categorical" in found.note
    codes = [around.format(f"{value:05}") for value in range(40)]
    assert infer(pa.array(codes), []).role == "identifier"
