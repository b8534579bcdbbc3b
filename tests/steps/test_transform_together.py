"""Imputers of several columns, orders and mixers by the commands, from fit to predict."""

import json
from itertools import pairwise

import numpy as np
import pytest


def written(path, rows):
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


@pytest.fixture
def series(tmp_path):
    """Days in order, a value that holds until the next one, and a part that is said by a column."""
    rng = np.random.default_rng(0)
    rows = [("day", "x", "z", "part", "y")]
    for day in range(120):
        x = "" if day % 3 else day + 0.5
        part = ("train", "test", "validation")[(day // 20) % 3]
        rows.append((f"2024-{1 + day // 28:02}-{1 + day % 28:02}", x, rng.normal(), part, day % 2))
    return written(tmp_path / "series.csv", rows)


def test_an_order_is_followed_within_a_part_and_within_the_input_of_predict(
    ok, tmp_path, series, monkeypatch
):
    monkeypatch.setattr("nntool.steps.predicting.ANSWERS_AT_ONCE", 1)
    monkeypatch.setattr("nntool.steps.predicting.LEAST_ROWS", 7)
    run = tmp_path / "run"
    ok("clean", run, series, "--target", "y", "--roles", "part=ignored", "--seed", "1")
    ok("split", run)
    forward = ["--impute-numeric", "forward:order=day", "--scale", "none"]
    said = ok("transform", run, *forward, "--no-missing-indicators")
    assert "along 'day'" in said.err
    numeric, parts = np.load(run / "transform/numeric.npy"), np.load(run / "split/rows.npy")
    state = json.loads((run / "transform/state.json").read_text())["features"]
    names = [name for entry in state["columns"] for name in entry["produces"]]
    x = numeric[:, names.index("x")]
    median = np.float32(state["imputers"][0]["otherwise"]["x"])
    for part in (0, 1, 2):
        days = np.flatnonzero(parts == part)
        last = median
        for day in days:
            last = np.float32(day + 0.5) if day % 3 == 0 else last
            assert x[day] == last
    ok("transform", run, *forward[:2], "--no-missing-indicators")
    ok("select-features", run)
    ok("train", run, "--epochs", "1")
    said = ok("predict", run, series)
    assert "the input was read whole" in said.err
    header, *lines = (line.split(",") for line in series.read_text().splitlines())
    for before, line in pairwise(lines):
        line[1] = line[1] or before[1]
    filled = written(tmp_path / "filled.csv", [header, *lines])
    assert ok("predict", run, filled).rows == said.rows


@pytest.mark.parametrize(
    "options",
    [
        ["--mix", "pca:share=0.9"],
        ["--mix", "polynomial", "--mix", "pca:count=2,whiten=true"],
        ["--impute-numeric", "knn"],
        ["--impute-numeric", "iterative"],
    ],
)
def test_arrays_are_kept_beside_the_state_and_predict_needs_only_the_columns_that_count(
    ok, nntool, tmp_path, options
):
    rng = np.random.default_rng(0)
    rows = [("a", "b", "c", "kind", "y")]
    for i in range(200):
        a, b, c = rng.normal(size=3)
        gap = "" if i % 9 == 0 else a
        rows.append((gap, b, c, rng.choice(["u", "v"]), "yes" if a + b > 0 else "no"))
    source, run = written(tmp_path / "data.csv", rows), tmp_path / "run"
    ok("clean", run, source, "--target", "y")
    ok("split", run)
    ok("transform", run, *options)
    ok("select-features", run)
    ok("train", run, "--epochs", "2")
    whole = ok("predict", run, source).rows
    first = written(tmp_path / "first.csv", [(*rows[0][:3], "kind"), *(r[:4] for r in rows[1:4])])
    assert ok("predict", run, first).rows == whole[:3]
    without = written(tmp_path / "without.csv", [("b", "c", "kind"), *(r[1:4] for r in rows[1:4])])
    said = nntool("predict", run, without)
    assert said.code == 3
    assert "'a'" in said.err
    npz = run / "transform/state.npz"
    npz.write_bytes(npz.read_bytes()[:-7] + b"changed")
    assert nntool("predict", run, source).code == 4
