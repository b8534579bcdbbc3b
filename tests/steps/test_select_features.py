"""``select-features`` by its command: what is dropped, why, and what prediction then needs."""

import json

import pytest


@pytest.fixture
def transformed(ok, tmp_path, table, write):
    """A column that is constant, one that repeats age, one that nearly does."""
    table[0] += ["country", "years", "months"]
    for i, row in enumerate(table[1:]):
        row += ["here", row[1], str(12 * int(row[1]) + i % 2)]
    root = tmp_path / "new"
    ok("clean", root, write("in.csv", table), "--target", "churned", "--roles", "country=numeric")
    ok("clean", root, "--target", "churned", "--constant-columns", "keep")
    ok("transform", root, "--no-missing-indicators")
    return root


def fates(ok, root):
    rows = ok("show", root, "select-features").rows
    return {row["feature"]: row["reason"] if row["kept"] == "False" else "" for row in rows}


def test_each_drop_is_shown_with_its_reason(ok, transformed):
    ok("select-features", transformed, "--max-correlation", "0.99")
    found = fates(ok, transformed)
    assert found["age"] == ""
    assert "constant" in found["country"]
    assert "age" in found["years"]
    assert "age" in found["months"]


def test_each_rule_can_be_turned_off(ok, transformed):
    ok("select-features", transformed, "--no-drop-constant", "--no-drop-duplicates")
    assert set(fates(ok, transformed).values()) == {""}


def test_top_keeps_the_best_and_the_network_is_given_no_more(ok, nntool, transformed, write, table):
    ok("select-features", transformed, "--top", "2")
    ok("split", transformed)
    ok("train", transformed, "--epochs", "2", "--hidden", "4")
    columns = json.loads((transformed / "select-features/columns.json").read_text())
    model = json.loads((transformed / "train/model.json").read_text())
    assert model["columns"] == columns["kept"]
    features = ok("show", transformed, "select-features").rows
    kept = sorted(row["rank"] for row in features if row["kept"] == "True")
    assert kept == ["1", "2"]
    assert len(columns["sources"]) <= 2


def test_prediction_needs_the_columns_that_were_kept_and_no_others(
    ok, nntool, transformed, table, write
):
    ok("select-features", transformed, "--top", "2")
    ok("split", transformed)
    ok("train", transformed, "--epochs", "2", "--hidden", "4")
    needed = json.loads((transformed / "select-features/columns.json").read_text())["sources"]
    at = [table[0].index(name) for name in needed]
    full = ok("predict", transformed, write("full.csv", table)).out
    part = write("part.csv", [[row[i] for i in reversed(at)] for row in table])
    assert ok("predict", transformed, part).out == full
    said = nntool("predict", transformed, write("none.csv", [row[-3:-2] for row in table]))
    assert said.code == 3
    assert all(repr(name) in said.message for name in needed)
