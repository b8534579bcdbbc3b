"""What clean repairs by its command, and predict by the run: the same rows, the same cells."""

import json

import numpy as np
import pytest

PEOPLE = [
    ["id", "name", "age", "gender", "birth", "bought"],
    ["1", "John Doe", "30", "Hombre", "1993", "yes"],
    ["2", "Jane Smith", "25", "Mujer", "1998", "no"],
    ["3", "Alex Johnson", "33", "Null", "1990", "yes"],
    ["4", "Mary Brown", "-25", "Mujer", "1998", "no"],
    ["5", "Robert Lee", "40", "Hombre", "1983", "yes"],
    ["6", "Emily Davis", "", "Mujer", "1988", "no"],
]
ASKED = [
    "--missing-values", "Null", "--require-columns", "gender",
    "--valid", "age=0..120:abs", "--derive", "age = 2023 - birth",
]  # fmt: skip


def report(root):
    return json.loads((root / "clean/report.json").read_text())


def marks(root):
    return np.load(root / "clean/left_out.npy").tolist()


def test_the_checked_example(ok, tmp_path, write):
    """One row is left out, one value made positive, one computed; nothing else changes."""
    root = tmp_path / "new"
    said = ok("clean", root, write("people.csv", PEOPLE), "--target", "bought", *ASKED)
    rows = [list(row.values()) for row in ok("show", root, "clean").rows]
    assert [row for row, mark in zip(rows, marks(root), strict=True) if not mark] == [
        PEOPLE[1],
        PEOPLE[2],
        ["4", "Mary Brown", "25", "Mujer", "1998", "no"],
        PEOPLE[5],
        ["6", "Emily Davis", "35", "Mujer", "1988", "no"],
    ]
    assert report(root)["left_out"]["required value missing"] == 1
    assert report(root)["rules"] == [
        {"rule": "valid", "option": "--valid",
         "columns": {"age": {"not_valid": 1, "made_absolute": 1}}},
        {"rule": "derive", "option": "--derive", "columns": {"age": {"computed": 1}}},
        {"rule": "require-columns", "option": "--require-columns",
         "columns": {"gender": {"missing": 1}}},
    ]  # fmt: skip
    for line in (
        "--valid age not valid: 1; made absolute: 1",
        "--derive age computed: 1",
        "nntool clean: --valid: in 'age': 1 not valid, 1 made absolute",
        "nntool clean: 1 of 6 rows left out: a required value is missing (--require-columns)",
    ):
        assert line in [" ".join(shown.split()) for shown in said.err.splitlines()]


def test_predict_repairs_the_same_cells_and_leaves_out_no_row(nntool, ok, tmp_path, write):
    people = [PEOPLE[0], *PEOPLE[1:] * 6]
    for number, row in enumerate(people[1:], 1):
        people[number] = [str(number), *row[1:]]
    root = tmp_path / "new"
    ok("clean", root, write("people.csv", people), "--target", "bought", *ASKED)
    for step in ("transform", "select-features", "split"):
        ok(step, root)
    ok("train", root, "--epochs", "20", "--hidden", "8")
    broken = write("broken.csv", PEOPLE)
    said = ok("predict", root, broken)
    whole = [list(row) for row in PEOPLE]
    whole[4][2], whole[6][2] = "25", "35"
    nothing_to_mend = ok("predict", root, write("whole.csv", whole))
    assert said.out == nothing_to_mend.out
    assert "nothing found" not in nothing_to_mend.err
    assert len(said.rows) == 6
    assert "nntool predict: --valid: in 'age': 1 not valid, 1 made absolute" in said.err
    assert "nntool predict: --derive: in 'age': 1 computed" in said.err
    without_birth = [[*row[:4], row[5]] for row in PEOPLE]
    said = nntool("predict", root, write("less.csv", without_birth))
    assert said.code == 3
    assert "'birth'" in said.message


def test_rows_outside_training_keep_their_place_and_their_cell_is_missing(
    ok, tmp_path, table, write
):
    for row in table[1:]:
        row[5] = "-1" if int(row[1]) < 40 else row[5]
    root = tmp_path / "new"
    asked = ["--target", "churned", "--valid", "visits>=0:leave-out"]
    ok("clean", root, write("in.csv", table), *asked)
    wrong = np.array([row[5] == "-1" for row in table[1:]])
    assert marks(root) == (4 * wrong).tolist()
    ok("transform", root)
    ok("select-features", root)
    ok("split", root)
    parts = np.load(root / "split/rows.npy")
    assert marks(root) == (4 * (wrong & (parts == 0))).tolist()
    assert (wrong & (parts == 2)).any()
    cells = np.array([row["visits"] for row in ok("show", root, "clean").rows])
    assert set(cells[wrong]) == {""}


def test_repeats_of_a_key_are_left_out_and_the_last_may_stay(ok, tmp_path, table, write):
    for row in table[1:]:
        row[0] = str(int(row[0]) // 2)
    root = tmp_path / "new"
    source = write("in.csv", table)
    said = ok("clean", root, source, "--target", "churned", "--duplicates-by", "customer")
    assert sum(marks(root)) == 0
    line = "29 of 60 rows repeat another one in customer: kept (--duplicates leave-out)"
    assert f"nntool clean: {line}" in said.err.splitlines()
    asked = ["--target", "churned", "--duplicates", "leave-out", "--duplicates-by", "@1"]
    said = ok("clean", root, *asked)
    assert marks(root) == [0] + [0, 3] * 29 + [0]
    said = ok("clean", root, *asked, "--duplicates-keep", "last")
    assert marks(root) == [0] + [3, 0] * 29 + [0]
    line = "29 of 60 rows left out: they repeat the key of another one (--duplicates-by)"
    assert f"nntool clean: {line}" in said.err.splitlines()
    again = ok("clean", root, *asked[:-1], "customer", "--duplicates-keep", "last")
    assert "already done" in again.err


def test_a_recipe_says_it_all_again(ok, tmp_path, write, results):
    source = write("people.csv", [PEOPLE[0], *PEOPLE[1:] * 6])
    quick = ["--set", "train.epochs=2", "--set", "train.hidden=[4]"]
    first = tmp_path / "first"
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        '[clean]\ntarget = "bought"\nmissing_values = ["Null"]\nrequire_columns = ["gender"]\n'
        'valid = ["age=0..120:abs"]\nderive = ["age = 2023 - birth", "decade = floor(birth/10)"]\n'
    )
    ok("run", first, recipe, "--data", source, *quick)
    second = tmp_path / "second"
    ok("run", second, first / "recipe.toml", "--data", source)
    assert results(first) == results(second)
    assert "decade" in json.loads((first / "select-features/columns.json").read_text())["sources"]


@pytest.mark.parametrize(
    ("option", "value", "code", "stated"),
    [
        ("--valid", "age=0..x", 2, "--valid: expected a number, not 'x' (at character 8)"),
        ("--valid", "plan=0..1", 2, "--valid: the column holds text"),
        ("--valid", "aged=0..1", 3, "there is no such column: 'aged' (nearest: 'age')"),
        ("--derive", "age = income +", 2, "--derive: expected a number, a column, a function"),
        ("--derive", "age = __import__('os')", 2, "--derive: a name in single quotes"),
        ("--derive", "churned = age", 2, "is never made up"),
        ("--derive", "age = incom", 3, "there is no such column: 'incom' (nearest: 'income')"),
        ("--require-columns", "ag", 3, "there is no such column: 'ag' (nearest: 'age')"),
        ("--duplicates-by", "ag", 3, "there is no such column: 'ag' (nearest: 'age')"),
    ],
)
def test_a_mistake_is_said_with_the_exit_code_of_its_kind(
    nntool, tmp_path, source, option, value, code, stated
):
    root = tmp_path / "new"
    said = nntool("clean", root, source, "--target", "churned", option, value)
    assert said.code == code
    assert stated in said.err
    if code == 2 and "column holds" not in stated and "made up" not in stated:
        assert not root.exists()  # found before anything was read


def test_a_mistake_in_a_formula_has_a_caret_under_it(nntool, tmp_path, source):
    said = nntool("clean", tmp_path / "r", source, "--target", "churned", "--derive", "age = 2 ^ 3")
    assert said.err.splitlines()[:3] == [
        "nntool clean: --derive: no '^' is known (at character 9)",
        "  age = 2 ^ 3",
        "          ^",
    ]
    assert said.hint == "a power is written **"


def test_the_languages_are_explained(ok):
    assert "days(a - b)" in ok("clean", "--explain", "derive").text
    assert "2000-01-01..2023-12-31" in ok("clean", "--explain", "--valid").text


def test_constant_columns_are_shown_and_not_learned_from(ok, tmp_path, table, write):
    for row in table:
        row.insert(0, "country" if row is table[0] else "here")
    root = tmp_path / "new"
    said = ok("clean", root, write("in.csv", table), "--target", "churned")
    assert report(root)["columns"]["country"]["role"] == "ignored"
    assert "'here' in every row (--constant-columns keep)" in said.err
    ok("clean", root, "--target", "churned", "--constant-columns", "keep")
    assert report(root)["columns"]["country"]["role"] == "categorical"
