"""The tables in ``sample_data``: made by their script alone, and as their README says."""

import csv
import re
import shutil
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FOLDER = Path(__file__).parents[1] / "sample_data"
TABLES = ("breast_cancer", "customers", "diabetes", "digits", "parity", "wine")
DATES = ["signup_date", "last_login"]
NUMBERS = ["age", "monthly_fee", "hours_per_week", "support_calls", "late_payments", "satisfaction"]
CATEGORIES = ["city", "plan", "payment"]


@pytest.fixture(scope="module")
def remade(tmp_path_factory):
    folder = tmp_path_factory.mktemp("remade")
    subprocess.run([sys.executable, FOLDER / "make.py", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def customers():
    return pd.read_csv(FOLDER / "customers.csv", dtype=str, keep_default_na=False)


def test_the_script_writes_every_table_and_nothing_else(remade):
    assert {path.name for path in remade.iterdir()} == {path.name for path in FOLDER.glob("*.csv")}
    assert {path.stem for path in remade.iterdir()} == {*TABLES, "pedidos"}


@pytest.mark.parametrize("table", [*TABLES, "pedidos"])
def test_the_script_writes_the_same_bytes_again(remade, table):
    name = f"{table}.csv"
    assert (remade / name).read_bytes() == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("table", TABLES)
def test_sizes_and_targets_are_those_in_the_readme(table):
    with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert {len(row) for row in rows} == {len(header)}
    size, target = re.search(
        rf"`{table}\.csv` \| ([0-9 ×]+) \| \w+ \| `(\w+)`",
        (FOLDER / "README.md").read_text(encoding="utf-8"),
    ).groups()
    assert size == f"{len(rows)} × {len(header)}"
    assert target == header[-1]
    assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in header)


@pytest.mark.parametrize("table", TABLES)
def test_lines_end_in_a_line_feed_and_hold_no_blank_ends(table):
    text = (FOLDER / f"{table}.csv").read_bytes().decode("utf-8")
    assert text.endswith("\n")
    assert "\r" not in text
    assert not re.search(r"^\s|[ \t]$|, | ,", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("table", "load", "settings"),
    [
        ("breast_cancer", datasets.load_breast_cancer, {}),
        ("wine", datasets.load_wine, {}),
        ("digits", datasets.load_digits, {}),
        ("diabetes", datasets.load_diabetes, {"scaled": False}),
    ],
)
def test_numbers_read_back_as_scikit_learn_has_them(table, load, settings):
    source = load(**settings)
    with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:-1] == [re.sub(r"\W", "_", name) for name in source.feature_names]
    assert np.array_equal([[float(cell) for cell in row[:-1]] for row in rows], source.data)
    target = [row[-1] for row in rows]
    if table == "breast_cancer":
        assert target == list(source.target_names[source.target])
    elif table == "wine":
        cultivars = np.array(["Barolo", "Grignolino", "Barbera"])
        assert target == list(cultivars[source.target])
    else:
        assert [float(cell) for cell in target] == list(source.target)


def test_equal_bits_are_told_by_the_corner_and_by_no_line():
    table = pd.read_csv(FOLDER / "parity.csv")
    same = (table["left"] > 0.5) == (table["right"] > 0.5)
    assert (same == (table["equal"] == "yes")).mean() > 0.99
    x = table[["left", "right"]]
    line = LogisticRegression().fit(x, table["equal"])
    assert abs(roc_auc_score(table["equal"], line.decision_function(x)) - 0.5) < 0.1


def test_customers_keep_their_leading_zeros(customers):
    assert customers["customer"].str.fullmatch("00[0-9]{4}").all()
    assert "000173" in set(customers["customer"])


def test_thirty_customers_rows_repeat_another(customers):
    assert len(customers) == 2000
    assert customers.duplicated().sum() == 30
    assert customers["customer"].duplicated().sum() == 30


def test_customers_have_gaps_in_three_spellings(customers):
    gaps = {
        name: {mark: count for mark, count in Counter(cells).items() if mark in ("", "NA", "?")}
        for name, cells in customers.items()
    }
    assert {name: set(marks) for name, marks in gaps.items() if marks} == {
        "last_login": {""},
        "city": {""},
        "age": {"", "NA"},
        "hours_per_week": {"NA"},
        "satisfaction": {"?"},
    }
    assert all(20 <= sum(marks.values()) <= 200 for marks in gaps.values() if marks)


def test_some_cities_are_spelled_nearly_right(customers):
    spellings = customers["city"].value_counts()
    right = spellings[spellings > 100]
    assert set(right.index) == {"Madrid", "Barcelona", "Valencia", "Sevilla", "Málaga", "Bilbao"}
    near = spellings[spellings <= 100].drop("")
    assert {"madrid", "Madird", "Malaga"} <= set(near.index)
    assert 60 <= near.sum() <= 180


def test_seven_ages_are_impossible_and_all_others_possible(customers):
    ages = pd.to_numeric(customers["age"], errors="coerce").dropna()
    impossible = ages[(ages < 18) | (ages > 92)]
    assert Counter(impossible) == {-25: 4, 210: 3}


def test_customers_dates_are_iso_and_in_order(customers):
    known = customers[customers["last_login"] != ""]
    signup, login = (known[name].map(date.fromisoformat) for name in DATES)
    assert (signup <= login).all()
    assert login.max() <= date(2025, 1, 31)


def features(customers):
    numbers = customers[NUMBERS].apply(pd.to_numeric, errors="coerce")
    days = customers[DATES].apply(lambda cells: pd.to_datetime(cells) - pd.Timestamp("2019-01-01"))
    return pd.concat([days.apply(lambda d: d.dt.days), numbers, customers[CATEGORIES]], axis=1)


def test_a_linear_model_learns_who_churns(customers):
    model = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), DATES + NUMBERS),
            (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
        ),
        LogisticRegression(max_iter=1000),
    )
    once = customers.drop_duplicates()
    churned = once["churned"].map({"yes": 1, "no": 0})
    auc = cross_val_score(model, features(once), churned, scoring="roc_auc", cv=5).mean()
    assert 0.84 < auc < 0.95


def test_no_single_column_gives_the_target_away(customers):
    churned = customers["churned"].map({"yes": 1, "no": 0})
    for name, cells in features(customers).items():
        if name in CATEGORIES:
            # The rate of each category, on the same rows: as much as the column could tell.
            ranks = churned.groupby(cells).transform("mean")
        else:
            ranks = cells.fillna(cells.median())
        auc = roc_auc_score(churned, ranks)
        assert max(auc, 1 - auc) < 0.7, name


STAND_IN = """#!/bin/sh
# Says what it was asked and, for one command, fails.
echo "asked: $*"
case "$*" in *--output*) : > "${*##*--output }" ;; esac
[ "$1" != "$FAILS" ]
"""


@pytest.fixture
def demo(tmp_path):
    """The demo in a folder of its own, with a stand-in for nntool."""
    checkout = tmp_path / "a folder"
    shutil.copytree(FOLDER, checkout / "sample_data")
    program = tmp_path / "bin" / "nntool"
    program.parent.mkdir()
    program.write_text(STAND_IN, encoding="utf-8")
    program.chmod(0o755)

    def run(path=f"{program.parent}:/usr/bin:/bin", fails=""):
        return subprocess.run(
            ["/bin/sh", checkout / "sample_data" / "demo.sh"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PATH": path, "FAILS": fails},
        )

    return checkout / "demo", run


def test_the_demo_shows_every_command_before_it_runs(demo):
    _, run = demo
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    asked = [place for place, line in enumerate(lines) if line.startswith("asked: ")]
    assert all(lines[place - 1] == "$ nntool" + lines[place][6:] for place in asked)
    commands = [lines[place].split()[1] for place in asked]
    one_by_one = ["clean", "transform", "select-features", "split", "train", "evaluate"]
    assert commands == [*one_by_one, "status", "predict", *2 * ["run", "evaluate", "predict"]]


@pytest.mark.parametrize("table", ["customers", "digits", "diabetes"])
def test_the_demo_predicts_rows_that_training_never_saw(demo, table):
    folder, run = demo
    run()
    header, *rows = (FOLDER / f"{table}.csv").read_text(encoding="utf-8").splitlines()
    known = (folder / f"{table}-known.csv").read_text(encoding="utf-8").splitlines()
    new = (folder / f"{table}-new.csv").read_text(encoding="utf-8").splitlines()
    assert (known, new) == ([header, *rows[:-10]], [header, *rows[-10:]])


def test_the_demo_predicts_customers_without_their_target(demo):
    folder, run = demo
    run()
    whole = pd.read_csv(folder / "customers-new.csv", dtype=str, keep_default_na=False)
    cut = pd.read_csv(folder / "customers-unanswered.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(cut, whole.drop(columns="churned"))


def test_the_demo_can_be_run_again(demo):
    folder, run = demo
    first = run()
    (folder / "left over").touch()
    assert run().stdout == first.stdout
    assert not (folder / "left over").exists()


@pytest.mark.parametrize("command", ["clean", "train", "run", "predict"])
def test_the_demo_stops_where_a_command_fails(demo, command):
    _, run = demo
    done = run(fails=command)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith(f"asked: {command}")


def test_the_demo_says_how_to_get_nntool(demo):
    _, run = demo
    done = run(path="/usr/bin:/bin")
    assert done.returncode == 127
    assert "make demo" in done.stderr


def test_orders_are_as_a_spanish_spreadsheet_exports_them():
    raw = (FOLDER / "pedidos.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    assert raw.count(b"\n") == raw.count(b"\r\n") == 1203
    title, empty, header, *rows = raw.decode("latin-1").split("\r\n")[:-1]
    assert (empty, header.count(";")) == ("", 7)
    assert ";" not in title
    shape = r"\d{5};\d\d/\d\d/2024;[^;]+;[^;]+;\d{1,3}(\.\d{3})*,\d\d;0,\d{3};\d+;(sí|no)"
    assert all(re.fullmatch(shape, row) for row in rows)
    assert sum(row.endswith("sí") for row in rows) == 522
