"""Numbers with units by the command line: read, said, counted, and read alike by ``predict``."""

import json

import pytest


def report(root):
    return json.loads((root / "clean/report.json").read_text())


@pytest.fixture
def drinks(write):
    sizes = ["12.0 oz", "16 oz.", "7 ounce", "2 x 12 oz"]
    rows = [["size", "abv", "weight", "y"]]
    for i in range(40):
        abv = f"{5 + i / 10}%" if i % 2 else f"{(5 + i / 10) / 100:.3f}"
        rows.append(
            [
                sizes[i % 4] if i else "330 ml",
                abv,
                f"{100 + i * 7 % 13} g",
                "yes" if i % 3 else "no",
            ]
        )
    return write("drinks.csv", rows)


def test_what_may_be_read_is_shown_with_what_to_type(ok, drinks, tmp_path):
    said = ok("clean", tmp_path / "r", drinks, "--target", "y", "--roles", "abv=categorical")
    columns = report(tmp_path / "r")["columns"]
    assert columns["weight"]["role"] == "numeric"
    assert columns["weight"]["passed_over"] == {"g": 40}
    assert "'weight': passed over beside its numbers, none converted: 'g' (40)" in said.err
    said = ok("clean", tmp_path / "r", drinks, "--target", "y")
    assert (
        "'abv': only some of its numbers have '%' (the median of numbers with '%' is 7" in said.err
    )
    assert "COLUMN=numeric:percent to divide by 100" in said.err


def test_forced_numbers_are_read_alike_by_predict(ok, drinks, write, tmp_path):
    root = tmp_path / "r"
    roles = ["--roles", "size=numeric", "--roles", "abv=numeric:percent"]
    said = ok("clean", root, drinks, "--target", "y", *roles)
    assert "'size': 10 cells not numbers: missing (--roles)" in said.err
    words = "'ounce' (10), 'oz.' (10), 'oz' (9), 'ml' (1)"
    assert f"'size': passed over beside its numbers, none converted: {words}" in said.err
    assert "'abv': 20 cells with '%' divided by 100" in said.err
    rows = ok("show", root, "clean").rows
    assert [row["size"] for row in rows[:5]] == ["330", "16", "7", "", "12"]
    assert [float(row["abv"]) for row in rows[:2]] == pytest.approx([0.05, 0.051])
    found = report(root)["columns"]
    assert found["size"]["passed_over"] == {"ml": 1, "ounce": 10, "oz": 9, "oz.": 10}
    assert (found["size"]["unfit"], found["abv"]["percent"]) == (10, 20)
    for step in ("transform", "select-features", "split"):
        ok(step, root)
    ok("train", root, "--epochs", "2", "--hidden", "4")
    header = ["size", "abv", "weight"]
    alike = [["16 oz.", "5%", "7 g"], ["16 ounce", "0.05", "7"], ["16", "5 %", "7 g"]]
    said = ok("predict", root, write("new.csv", [header, *alike]))
    assert len({row["p_yes"] for row in said.rows}) == 1
    new = [["16 cups", "5%", "7 g"], ["4 x 4 oz", "5%", "7 g"], ["", "5%", "7 g"]]
    said = ok("predict", root, write("new.csv", [header, *new]))
    assert len({row["p_yes"] for row in said.rows}) == 1
    assert "'size': 2 cells taken as missing" in said.err


def test_a_percent_that_is_nowhere_is_an_error(nntool, drinks, tmp_path):
    words = ["--target", "y", "--roles", "size=numeric:percent"]
    said = nntool("clean", tmp_path / "r", drinks, *words)
    assert said.code == 3
    assert "no number in 'size' has a percent sign" in said.err
    words[-1] = "size=numeric:perc"
    said = nntool("clean", tmp_path / "r", drinks, *words)
    assert said.code == 2
    assert "numeric:percent" in said.err
