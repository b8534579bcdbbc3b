"""Spellings, agreement, outliers and smoothing by the command line, and again by ``predict``."""

import json

import numpy as np
import pytest


def report(root):
    return json.loads((root / "clean/report.json").read_text())


def column(said, name):
    return [row[name] for row in said.rows]


@pytest.fixture
def noisy(write):
    """90 rows, three a day: departments with misspellings, offices that follow, noisy prices."""
    rng = np.random.default_rng(2)
    rows = [["day", "dept", "office", "price", "steady", "y"]]
    for i in range(90):
        dept = ["Sales", "Marketing", "Research"][i % 3]
        office = {"Sales": "Rome", "Marketing": "Oslo", "Research": "Bonn"}[dept]
        price = f"{100 + i + rng.normal():.3f}"
        rows.append([f"2024-01-{i // 3 + 1:02d}", dept, office, price, "7", str(i % 2)])
    rows[10][1], rows[40][1], rows[41][1] = "sales", "Slaes", "Marketting"
    rows[20][2], rows[21][2] = "", "Oslo"
    rows[50][3] = "99999"
    return write("noisy.csv", rows)


EVERYTHING = [
    "--merge-spellings", "all", "--agree", "dept -> office", "--outliers", "mad",
    "--outlier-action", "missing", "--smooth", "price=rolling-mean:window=3", "--order-by", "day",
]  # fmt: skip


def test_everything_is_done_said_and_reported(ok, noisy, tmp_path):
    root = tmp_path / "r"
    said = ok("clean", root, noisy, "--target", "y", *EVERYTHING)
    cells = ok("show", root, "clean")
    assert set(column(cells, "dept")) == {"Sales", "Marketing", "Research"}
    assert column(cells, "office") == ["Rome", "Oslo", "Bonn"] * 30
    assert column(cells, "price")[49] == ""
    before = [100 + i for i in range(90)]
    after = np.array([float(p) for p in column(cells, "price") if p])
    assert np.abs(np.delete(before, 49) - after).max() < 4
    for words in ("'Slaes'", "'Marketting'", "merged into another", "smoothed along 'day'"):
        assert words in said.err
    found = report(root)
    assert {m["spelling"]: m["target"] for m in found["merged_spellings"]["dept"]} == {
        "Marketting": "Marketing",
        "Slaes": "Sales",
        "sales": "Sales",
    }
    did = {rule["rule"]: rule["columns"] for rule in found["rules"]}
    assert did["spellings"] == {"dept": {"merged": 3}}
    assert did["agreement"] == {"office": {"filled": 1, "corrected": 1}}
    assert did["outliers"] == {"price": {"too_high": 1, "made_missing": 1}}
    assert did["smoothing"]["price"]["smoothed"] > 80
    assert [c["name"] for c in found["outlier_limits"]["columns"]] == ["price"]


def test_predict_does_the_same_to_rows_to_be_predicted(ok, noisy, write, tmp_path):
    """A row with noise has the answer that its clean twin has."""
    root = tmp_path / "r"
    quick = ["--set", "train.epochs=3", "--set", "train.hidden=[4]"]
    options = [f"--set=clean.{key}={value}" for key, value in {
        "merge_spellings": '["all"]',
        "agree": '["dept -> office"]',
        "outliers": '"mad"',
        "outlier_action": '"clip"',
        "smooth": '{ price = "bin-means:bins=4" }',
    }.items()]  # fmt: skip
    ok("run", root, "--data", noisy, "--target", "y", *options, *quick)
    state = json.loads((root / "clean/state.json").read_text())
    (price,) = next(r for r in state["rules"] if r["name"] == "outliers")["columns"]
    header = ["day", "dept", "office", "price", "steady"]
    rows = [
        ["2024-01-05", "Slaes", "", "99999", "7"],
        ["2024-01-05", "Sales", "Rome", str(price["high"]), "7"],
        ["2024-01-05", "Sales", "Bonn", "1e6", "7"],
    ]
    said = ok("predict", root, write("new.csv", [header, *rows]))
    answers = {tuple(row[k] for k in row if k.startswith("p")) for row in said.rows}
    assert len(said.rows) == 3
    merged = {m["spelling"] for m in state["rules"][0]["columns"][0]["merged"]}
    assert len(answers) == (1 if "Slaes" in merged else 2)  # as far as training rows had it


def test_an_unusual_training_row_is_left_out_with_its_reason_and_named(ok, noisy, tmp_path):
    root = tmp_path / "r"
    options = ["--row-outliers", "isolation-forest:contamination=0.02"]
    said = ok("clean", root, noisy, "--target", "y", *options)
    assert not np.load(root / "clean/left_out.npy").any()
    assert "2 of 90 training rows are unusual: kept (--row-outlier-action leave-out)" in said.err
    rows = [entry["row"] for entry in report(root)["unusual_rows"]]
    assert 50 in rows
    said = ok("clean", root, "--target", "y", *options, "--row-outlier-action", "leave-out")
    marks = np.load(root / "clean/left_out.npy")
    assert (np.flatnonzero(marks) + 1).tolist() == sorted(rows)
    assert report(root)["left_out"]["unusual row"] == 2
    assert "2 of 90 rows left out: they are unlike the others (--row-outliers)" in said.err


def test_only_training_rows_are_left_out_for_an_outlier_elsewhere_the_cell_is_missing(
    ok, noisy, tmp_path
):
    root = tmp_path / "r"
    ok("collect", root, noisy)
    ok("split", root, "--target", "y")
    options = ["--outliers", "zscore:limit=1.5", "--outlier-action", "leave-out"]
    ok("clean", root, "--target", "y", *options, "--outlier-columns", "price")
    marks, parts = np.load(root / "clean/left_out.npy"), np.load(root / "split/rows.npy")
    gone = np.array([not p for p in column(ok("show", root, "clean"), "price")])
    (limits,) = report(root)["outlier_limits"]["columns"]
    prices = np.array([float(p) for p in column(ok("show", root, "collect"), "price")])
    beyond = (prices < limits["low"]) | (prices > limits["high"])
    np.testing.assert_array_equal(gone, beyond)
    np.testing.assert_array_equal(marks > 0, beyond & (parts == 0))


@pytest.mark.parametrize(
    ("options", "code", "message", "hint"),
    [
        (["--outliers", "iqq"], 2, "--outliers: outlier rule: 'iqq' is not a choice", "iqr"),
        (["--outliers", "iqr:factor=0"], 2, "factor must be > 0", ""),
        (["--row-outliers", "forest"], 2, "'forest' is not a choice", "isolation-forest"),
        (["--merge-spellings", "price"], 2, "'price' is numeric", "--roles price=categorical"),
        (["--merge-spellings", "dpt"], 3, "(nearest: 'dept')", ""),
        (["--agree", "dept=office"], 2, "expected columns, '->' once", "zip -> city"),
        (["--smooth", "price=rolling-mean"], 2, "follows an order", "--order-by COLUMN"),
        (["--smooth", "price"], 2, "has no '='", "COLUMN=METHOD"),
        (["--spelling-similarity", "0.1"], 2, "≥ 0.5", ""),
        (["--order-by", "day"], 2, "--order-by does nothing without --smooth", "add --smooth"),
        (
            ["--outlier-action", "clip"],
            2,
            "--outlier-action does nothing without --outliers",
            "add --outliers iqr",
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_next_thing_to_type(
    nntool, noisy, tmp_path, options, code, message, hint
):
    said = nntool("clean", tmp_path / "r", noisy, "--target", "y", *options)
    assert said.code == code, said.err
    assert message in said.err
    assert hint in said.err


def test_that_no_spelling_is_merged_is_said_once(ok, noisy, tmp_path):
    options = ["--merge-spellings", "office", "--spelling-similarity", "1"]
    said = ok("clean", tmp_path / "r", noisy, "--target", "y", *options)
    assert said.err.count("0 spellings merged into another") == 1
    assert "nothing found" not in said.err
