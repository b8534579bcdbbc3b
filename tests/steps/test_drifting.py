"""``predict --drift-limit``: the predictions are written, then the columns that moved are named."""

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from nntool.errors import StaleError
from nntool.run.directory import Run
from nntool.steps import drifting
from nntool.steps.trained_run import opened
from nntool.tables import drift


@pytest.fixture
def moved(table, write):
    """The small table, everybody 40 years older and of a plan that is new."""
    older = [[*row] for row in table[1:]]
    for row in older:
        row[1] = str(int(row[1]) + 60)
        row[3] = "gold"
    return write("moved.csv", [table[0], *older])


def test_rows_like_those_of_training_pass_with_the_same_bytes(ok, run, source):
    said = ok("predict", run, source, "--drift-limit", "0.2")
    assert said.out == ok("predict", run, source).out
    assert "no column has drifted" in said.err


def test_rows_that_differ_are_predicted_whole_before_the_exit_code_says_so(
    nntool, ok, run, moved, tmp_path
):
    said = nntool("predict", run, moved, "--drift-limit", "0.2")
    assert said.code == 6
    plain = ok("predict", run, moved)
    assert said.out == plain.out
    assert len(said.rows) == 60
    to_file = nntool("predict", run, moved, "--drift-limit", "0.2", "--output", tmp_path / "p.csv")
    assert to_file.code == 6
    assert (tmp_path / "p.csv").read_bytes() == plain.out
    assert "--output" in to_file.err or not to_file.out


def test_the_message_names_the_columns_the_worst_first_and_what_to_type(nntool, ok, run, moved):
    said = nntool("predict", run, moved, "--drift-limit", "0.2")
    found = nntool(
        "predict", run, moved, "--drift-limit", "0.2", "--json", "--output", moved.parent / "p"
    )
    columns = found.json["drift"]["columns"]
    named = [name for name, one in columns.items() if one["drifted"]]
    assert sorted(named) == ["age", "plan"]
    ratios = [one["index"] / one["allowed"] for one in columns.values()]
    assert ratios == sorted(ratios, reverse=True)
    worst = columns[named[0]]
    assert "2 of 5 columns drifted from the training rows" in said.message
    assert f"{named[0]!r} ({worst['index']:.3g}, {worst['allowed']:.3g} allowed)" in said.message
    assert said.message.index(repr(named[0])) < said.message.index(repr(named[1]))
    assert columns["plan"]["most"] == {"bin": "unseen", "before": 0.0, "now": 1.0}
    assert found.json["error"]["code"] == 6
    limit = said.hint.split()[1]
    assert ok("predict", run, moved, "--drift-limit", limit).rows


def test_the_index_is_the_one_of_the_issue_from_the_training_rows_alone(
    nntool, run, moved, tmp_path
):
    report = nntool(
        "predict", run, moved, "--drift-limit", "0", "--json", "--output", tmp_path / "p"
    ).json
    found = report["drift"]["columns"]
    training = np.load(run / "split" / "rows.npy") == 0
    training &= np.load(run / "clean" / "left_out.npy") == 0
    clean = pq.read_table(run / "clean" / "table.parquet").to_pydict()
    with open(moved, newline="") as file:
        new = list(csv.DictReader(file))

    def psi(a_counts, b_counts):
        n_bins = len(a_counts)
        a = [(c + 0.5) / (sum(a_counts) + 0.5 * n_bins) for c in a_counts]
        b = [(c + 0.5) / (sum(b_counts) + 0.5 * n_bins) for c in b_counts]
        return sum((x - y) * math.log(x / y) for x, y in zip(a, b, strict=True))

    def by_value(values, names):
        return [sum(value == name for value in values) for name in names]

    def by_decile(values, edges):
        there = [value for value in values if value is not None]
        places = [sum(value > edge for edge in edges) for value in there]
        return [*by_value(places, range(len(edges) + 1)), len(values) - len(there)]

    trained = [value for value, is_one in zip(clean["income"], training, strict=True) if is_one]
    there = sorted(value for value in trained if value is not None)
    edges = sorted({there[math.ceil(i * len(there) / 10) - 1] for i in range(1, 10)})
    cells = [float(row["income"]) if row["income"] else None for row in new]
    wanted = psi(by_decile(cells, edges), by_decile(trained, edges))
    assert math.isclose(found["income"]["index"], wanted, rel_tol=1e-9)

    trained = [value for value, is_one in zip(clean["plan"], training, strict=True) if is_one]
    names = sorted(set(trained))
    before = [*by_value(trained, names), 0, 0]
    now = [0, 0, 0, 0, len(new)]
    assert math.isclose(found["plan"]["index"], psi(now, before), rel_tol=1e-9)
    assert math.isclose(
        found["plan"]["allowed"], 13.276704135987622 * (1 / 60 + 1 / len(trained)), rel_tol=1e-9
    )  # the 0.99 quantile of χ² with 4 degrees of freedom, from a table


def test_only_columns_that_the_model_reads_are_watched(ok, nntool, run, moved, tmp_path):
    ok("select-features", run, "--drop", "age")
    ok("train", run, "--epochs", "2", "--hidden", "4")
    said = nntool(
        "predict", run, moved, "--drift-limit", "0.2", "--json", "--output", tmp_path / "p"
    )
    assert said.code == 6
    assert "age" not in said.json["drift"]["columns"]
    assert said.json["drift"]["columns"]["plan"]["drifted"]


def test_neither_threads_nor_chunks_change_what_is_found(nntool, run, moved, monkeypatch, tmp_path):
    found = set()
    for threads in (1, 3):
        said = nntool(
            "predict", run, "-", "--drift-limit", "0", "--threads", threads, "--json",
            "--output", tmp_path / "p", stdin=moved.read_bytes(),
        )  # fmt: skip
        found.add(json.dumps(said.json["drift"]))
    assert len(found) == 1


def test_rows_that_cannot_be_read_are_no_drift(nntool, ok, run, source, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(source.read_text() + "1,2\n" * 200)
    options = ["--drift-limit", "0.2", "--json", "--output", tmp_path / "p"]
    found = ok("predict", run, bad, *options).json["drift"]
    assert found == ok("predict", run, source, *options).json["drift"]
    assert found["rows"] == 60


def test_without_rows_nothing_is_said_of_drift(ok, run, write, table, tmp_path):
    said = ok("predict", run, write("none.csv", [table[0]]), "--drift-limit", "0.2")
    assert "drift" not in said.err
    options = ["--drift-limit", "0.2", "--json", "--output", tmp_path / "p"]
    found = ok("predict", run, tmp_path / "none.csv", *options).json["drift"]
    assert found == {"limit": 0.2, "rows": 0, "columns": {}}


def test_without_the_option_nothing_is_counted(ok, run, moved, monkeypatch, tmp_path):
    monkeypatch.setattr(drift, "count", None)
    assert "drift" not in ok("predict", run, moved, "--json", "--output", tmp_path / "p").json


def test_a_run_that_did_not_keep_what_training_rows_look_like_is_to_be_transformed_again(run):
    with pytest.raises(StaleError) as caught:
        drifting.references(replace(opened(Run(run)), reference=None))
    assert "transform again" in caught.value.message
    assert caught.value.hint.startswith(f"nntool transform {run} --force")
