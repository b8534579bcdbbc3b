"""``evaluate --by``: each group is scored as scikit-learn scores its rows alone."""

import json

import numpy as np
import pytest
from sklearn import metrics as reference


def slices(root):
    return json.loads((root / "evaluate/metrics.json").read_text())["slices"]


def scored_rows(ok, root):
    """What was scored, each row with the clean cells of its row."""
    cells = ok("show", root, "clean").rows
    return [row | cells[int(row["row"]) - 1] for row in ok("show", root, "evaluate").rows]


def test_groups_are_those_of_the_values_and_scored_apart(ok, run):
    said = ok("evaluate", run, "--part", "train", "--by", "plan")
    [by] = slices(run)
    rows = scored_rows(ok, run)
    assert by["column"] == "plan"
    assert {group["group"] for group in by["groups"]} == {row["plan"] for row in rows}
    sizes = [group["rows"] for group in by["groups"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == len(rows)
    for group in by["groups"]:
        own = [row for row in rows if row["plan"] == group["group"]]
        truth = np.array([row["target"] for row in own])
        found = np.array([row["prediction"] for row in own])
        p_yes = np.array([float(row["p_yes"]) for row in own])
        metrics = group["metrics"]
        assert group["rows"] == len(own)
        assert metrics["accuracy"] == pytest.approx(reference.accuracy_score(truth, found))
        assert metrics["auc"] == pytest.approx(reference.roc_auc_score(truth == "yes", p_yes))
        shown = next(line for line in said.text.splitlines() if line.startswith(group["group"]))
        low, high = group["interval"]["bounds"]
        assert low <= metrics["accuracy"] <= high
        expected = [group["group"], str(len(own)), f"{metrics['accuracy']:.4g}"]
        assert shown.split()[:4] == [*expected, f"{low:.3g}–{high:.3g}"]
        assert shown.endswith("few rows") == (len(own) < 30)


def test_numbers_are_cut_at_the_quartiles_of_training(ok, run):
    ok("evaluate", run, "--by", "age")
    [by] = slices(run)
    cells = np.array([float(row["age"]) for row in ok("show", run, "clean").rows])
    training = np.load(run / "split/rows.npy") == 0
    edges = np.quantile(cells[training], [0.25, 0.5, 0.75], method="inverted_cdf")
    ages = np.array([float(row["age"]) for row in scored_rows(ok, run)])
    low, middle, high = (f"{edge:g}" for edge in edges)
    expected = {
        f"≤ {low}": (ages <= edges[0]).sum(),
        f"> {low}, ≤ {middle}": ((ages > edges[0]) & (ages <= edges[1])).sum(),
        f"> {middle}, ≤ {high}": ((ages > edges[1]) & (ages <= edges[2])).sum(),
        f"> {high}": (ages > edges[2]).sum(),
    }
    assert [(group["group"], group["rows"]) for group in by["groups"]] == [
        (label, n)
        for label, n in expected.items()
        if n  # in this order
    ]


def test_missing_cells_are_a_group(ok, run):
    said = ok("evaluate", run, "--part", "train", "--by", "income")
    [by] = slices(run)
    n_missing = sum(row["income"] == "" for row in scored_rows(ok, run))
    assert by["groups"][-1] == by["groups"][-1] | {"group": None, "rows": n_missing}
    assert n_missing > 0
    assert "(missing) " in said.text


def test_the_target_and_what_is_no_feature_make_groups_too(ok, run):
    ok("evaluate", run, "--by", "churned", "--by", "customer")
    of_target, of_id = slices(run)
    assert {group["group"] for group in of_target["groups"]} <= {"yes", "no"}
    assert [group["rows"] for group in of_id["groups"]] == [1] * 9


def test_a_file_is_grouped_by_its_own_columns(ok, run, table, write):
    shops = ["shop", *("north" if i % 3 else "" for i in range(20))]
    rows = [[*row, shop] for row, shop in zip(table[:21], shops, strict=True)]
    ok("evaluate", run, "--data", write("other.csv", rows), "--by", "shop", "--by", "plan")
    of_shop, of_plan = slices(run)
    assert sorted(group["rows"] for group in of_shop["groups"]) == [7, 13]
    assert sum(group["rows"] for group in of_plan["groups"]) == 20


def test_rows_without_a_target_are_in_no_group(ok, run, table, write):
    rows = [*table[:6], *([*row[:-1], ""] for row in table[6:11])]
    ok("evaluate", run, "--data", write("other.csv", rows), "--by", "customer")
    [by] = slices(run)
    assert sorted(group["group"] for group in by["groups"]) == [row[0] for row in rows[1:6]]


def test_an_unknown_column_is_an_error_with_the_nearest_names(nntool, run, content):
    before = content(run)
    said = nntool("evaluate", run, "--by", "plam", "--by", "aeg")
    assert said.code == 3
    assert said.message == (
        "nntool evaluate: --by: there are no such columns: 'plam' (nearest: 'plan'),"
        " 'aeg' (nearest: 'age')"
    )
    assert content(run) == before


def test_groups_of_numbers_stand_from_the_least_and_others_from_the_largest(ok, run):
    ok("evaluate", run, "--by", "age", "--by", "plan")
    of_age, of_plan = slices(run)
    edges = [float(g["group"].split()[-1]) for g in of_age["groups"] if g["group"]]
    assert edges == sorted(edges)
    assert len(edges) > 2
    sizes = [group["rows"] for group in of_plan["groups"]]
    assert sizes == sorted(sizes, reverse=True)


def test_twenty_groups_are_shown_and_all_are_kept(ok, run):
    said = ok("evaluate", run, "--part", "train", "--by", "customer")
    [by] = slices(run)
    assert len(by["groups"]) == 42
    assert sum(line.endswith("few rows") for line in said.text.splitlines()) == 20
    assert "the 20 largest of 42 groups are shown" in said.err


def test_without_resamples_groups_have_no_intervals(ok, run):
    said = ok("evaluate", run, "--by", "plan", "--bootstrap", "0")
    [by] = slices(run)
    assert all("interval" not in group for group in by["groups"])
    assert "95 % CI" not in said.text
