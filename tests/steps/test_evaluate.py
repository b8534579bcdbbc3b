"""``evaluate`` by its command: the metrics are those of scikit-learn on the rows that it names."""

import csv
import json

import numpy as np
import pytest
from sklearn import metrics as reference

from nntool.tables.metrics import METRICS


def network(root):
    return json.loads((root / "evaluate/metrics.json").read_text())["network"]["metrics"]


def test_classes_are_scored_as_scikit_learn_scores_the_written_answers(ok, run):
    rows = ok("show", run, "evaluate").rows
    truth = np.array([row["target"] for row in rows])
    found = np.array([row["prediction"] for row in rows])
    p_yes = np.array([float(row["p_yes"]) for row in rows])
    expected = {
        "accuracy": reference.accuracy_score(truth, found),
        "balanced-accuracy": reference.balanced_accuracy_score(truth, found),
        "auc": reference.roc_auc_score(truth == "yes", p_yes),
        "log-loss": reference.log_loss(truth == "yes", p_yes),
        "mcc": reference.matthews_corrcoef(truth, found),
    }
    assert {name: network(run)[name] for name in expected} == pytest.approx(expected)


def test_a_regression_is_scored_in_the_unit_of_the_target(ok, split_for):
    root = split_for("income")
    ok("train", root, "--epochs", "5", "--hidden", "4")
    ok("evaluate", root)
    rows = ok("show", root, "evaluate").rows
    truth = np.array([float(row["target"]) for row in rows])
    found = np.array([float(row["prediction"]) for row in rows])
    cells = {row["customer"]: row["income"] for row in ok("show", root, "clean").rows}
    assert [float(cells[f"{int(row['row']):05d}"]) for row in rows] == truth.tolist()
    assert network(root)["r2"] == pytest.approx(reference.r2_score(truth, found))
    assert network(root)["mae"] == pytest.approx(reference.mean_absolute_error(truth, found))


@pytest.mark.parametrize(("part", "code"), [("train", 0), ("validation", 1), ("test", 2)])
def test_a_part_is_scored_on_its_own_rows(ok, run, part, code):
    ok("evaluate", run, "--part", part)
    numbers = [int(row["row"]) for row in ok("show", run, "evaluate").rows]
    parts = np.load(run / "split/rows.npy")
    assert numbers == (np.flatnonzero(parts == code) + 1).tolist()


def test_a_part_without_rows_is_an_error_of_the_data_and_the_hint_splits(
    nntool, ok, typed, split_for
):
    root = split_for("churned")
    ok("split", root, "--train", "0.8", "--validation", "0.2", "--test", "0")
    ok("train", root, "--epochs", "2", "--hidden", "4")
    said = nntool("evaluate", root)
    assert said.code == 3
    assert said.message == "nntool evaluate: the split has no test rows with a target"
    assert said.hint.endswith("--test 0.15 --train 0.65")
    assert typed(said.hint).code == 0
    assert (np.load(root / "split/rows.npy") == 2).any()


def test_another_file_is_scored_as_predict_answers_it(ok, run, table, write):
    other = write("other.csv", [[row[-1], *row[:-1]] for row in table[:21]])
    ok("evaluate", run, "--data", other)
    scored = ok("show", run, "evaluate").rows
    predicted = ok("predict", run, other).rows
    assert [row["p_yes"] for row in scored] == [row["p_yes"] for row in predicted]
    assert [row["target"] for row in scored] == [row[-1] for row in table[1:21]]
    assert [row["row"] for row in scored] == [str(i) for i in range(1, 21)]


def test_another_file_that_changes_is_scored_again(ok, run, table, write):
    other = write("other.csv", table[:21])
    assert ok("evaluate", run, "--data", other, "--json").json["fresh"] is False
    assert ok("evaluate", run, "--data", other, "--json").json["fresh"] is True
    write("other.csv", table[:31])
    found = ok("evaluate", run, "--data", other, "--json").json
    assert found["fresh"] is False
    assert found["evaluate"]["network"]["rows"] == 30


def test_a_network_of_a_quantile_and_the_baselines_are_measured_by_the_same_pinball(ok, split_for):
    root = split_for("visits")
    ok("train", root, "--epochs", "5", "--hidden", "4", "--loss", "quantile:tau=0.9")
    ok("evaluate", root)
    found = json.loads((root / "evaluate/metrics.json").read_text())
    truth = [float(row["target"]) for row in ok("show", root, "evaluate").rows]
    visits = np.array([float(row["visits"]) for row in ok("show", root, "clean").rows])
    mean = visits[np.load(root / "split/rows.npy") == 0].mean()
    expected = reference.mean_pinball_loss(truth, [mean] * len(truth), alpha=0.9)
    assert found["baselines"]["constant"]["metrics"]["pinball"] == pytest.approx(expected)
    assert found["verdict"]["facts"].startswith("pinball ")


def test_baselines_stand_beside_the_network(ok, run):
    said = ok("evaluate", run)
    header = said.text.splitlines()[0].split("rows")[1].split()
    assert header == ["network", "95", "%", "CI", "train", "validation", "linear", "constant"]
    found = json.loads((run / "evaluate/metrics.json").read_text())["baselines"]
    rows = ok("show", run, "evaluate").rows
    counts = {"yes": 0, "no": 0}
    parts = np.load(run / "split/rows.npy")
    for row, part in zip(ok("show", run, "clean").rows, parts, strict=True):
        counts[row["churned"]] += part == 0
    majority = max(counts, key=counts.get)
    share = sum(row["target"] == majority for row in rows) / len(rows)
    assert found["constant"]["metrics"]["accuracy"] == pytest.approx(share)
    said = ok("evaluate", run, "--no-baseline")
    assert "linear" not in said.text
    assert "baselines" not in json.loads((run / "evaluate/metrics.json").read_text())


def test_the_constant_of_a_regression_is_the_mean_of_the_training_rows(ok, split_for):
    root = split_for("visits")
    ok("train", root, "--epochs", "2", "--hidden", "4")
    ok("evaluate", root)
    visits = np.array([float(row["visits"]) for row in ok("show", root, "clean").rows])
    parts = np.load(root / "split/rows.npy")
    found = json.loads((root / "evaluate/metrics.json").read_text())["baselines"]["constant"]
    expected = np.abs(visits[parts == 2] - visits[parts == 0].mean()).mean()
    assert found["metrics"]["mae"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("requirement", "code"),
    [
        ("accuracy>=0", 0),
        ("accuracy>=1.01", 6),
        ("log-loss<=100", 0),
        ("log-loss<=0", 6),
        ("accuracy>1", 6),
        ("log-loss<100", 0),
    ],
)
def test_a_requirement_is_a_gate(nntool, run, requirement, code):
    assert nntool("evaluate", run, "--require", requirement).code == code
    again = nntool("evaluate", run, "--require", requirement)
    assert again.code == code  # fresh, and still a gate


def test_the_coverage_of_intervals_is_a_gate_too(nntool, run):
    ok_, level = nntool("evaluate", run, "--interval", "0.7", "--json"), ["--interval", "0.7"]
    covered = ok_.json["evaluate"]["intervals"]["covered"]
    assert nntool("evaluate", run, *level, "--require", f"coverage>={covered}").code == 0
    said = nntool("evaluate", run, *level, "--require", "coverage>1", "--require", "accuracy>1")
    assert said.code == 6
    assert said.message.startswith(f"nntool evaluate: coverage is {covered:.6g}, required is > 1; ")
    without = nntool("evaluate", run, "--require", "coverage>=0.1")  # 4 rows: no interval of 0.9
    assert without.code == 6
    assert "coverage has no value" in without.message


def test_a_failed_gate_writes_its_metrics_all_the_same(nntool, run):
    said = nntool("evaluate", run, "--part", "train", "--require", "accuracy>=1.01")
    assert said.code == 6
    written = json.loads((run / "evaluate/metrics.json").read_text())
    assert written["rows"] == "train"
    accuracy = written["network"]["metrics"]["accuracy"]
    assert said.message == f"nntool evaluate: accuracy is {accuracy:g}, required is >= 1.01"
    assert nntool("status", run, "--check").code == 0


@pytest.mark.parametrize("requirement", ["beauty>=1", "accuracy", "accuracy>=high", "r2>=0"])
def test_a_requirement_without_meaning_is_wrong_usage(nntool, run, requirement, content):
    before = content(run)
    said = nntool("evaluate", run, "--require", requirement)
    assert said.code == 2
    assert said.hint
    assert content(run) == before


def test_the_gate_of_run_is_the_same(nntool, run):
    said = nntool("run", run, "--set", 'evaluate.require=["accuracy>=1.01"]')
    assert said.code == 6
    assert nntool("status", run, "--check").code == 0


def test_the_table_is_on_stdout_and_its_numbers_are_those_of_the_file(ok, run):
    lines = ok("evaluate", run).text.partition("\n\n")[0].splitlines()
    assert lines[0].startswith("9 test rows")
    shown = {line.split()[0]: line.split()[1] for line in lines[1:]}
    for name, value in network(run).items():
        if METRICS["binary"][name].is_further:
            assert name not in shown  # metrics.json and --require have it
        else:
            assert shown[name] == ("–" if value is None else f"{value:.4g}")


def test_scored_rows_are_whole_lines_of_csv(run):
    with open(run / "evaluate/predictions.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["row", "target", "prediction", "p_no", "p_yes"]
    assert {len(row) for row in rows} == {5}


def test_training_and_validation_rows_stand_beside_the_scored_part(ok, run):
    """Each part's numbers are those that it has when it is scored itself."""
    beside = json.loads((run / "evaluate/metrics.json").read_text())["parts"]
    assert list(beside) == ["train", "validation"]
    for part, scores in beside.items():
        ok("evaluate", run, "--part", part)
        assert network(run) == scores["metrics"]


def test_the_test_part_is_not_looked_at_where_another_is_scored(ok, run):
    ok("evaluate", run, "--part", "validation")
    found = json.loads((run / "evaluate/metrics.json").read_text())
    assert list(found["parts"]) == ["train"]
    ok("evaluate", run, "--part", "train")
    assert list(json.loads((run / "evaluate/metrics.json").read_text())["parts"]) == ["validation"]


def test_another_file_stands_beside_both_parts(ok, run, table, write):
    ok("evaluate", run, "--data", write("other.csv", table[:21]))
    found = json.loads((run / "evaluate/metrics.json").read_text())
    assert list(found["parts"]) == ["train", "validation"]


def test_a_large_part_beside_the_scored_one_is_a_seeded_sample(ok, run, monkeypatch):
    from nntool.steps import scoring

    monkeypatch.setattr(scoring, "MOST_BYTES", 0)
    monkeypatch.setattr(scoring, "LEAST_ROWS", 20)
    said = ok("evaluate", run, "--force")
    found = json.loads((run / "evaluate/metrics.json").read_text())
    assert (found["parts"]["train"]["rows"], found["parts"]["train"]["of"]) == (20, 42)
    assert found["network"]["rows"] == 9  # what was asked for is scored whole
    assert "train is scored on a seeded sample of 20 of 42 rows" in said.err
    first = (run / "evaluate/metrics.json").read_bytes()
    ok("evaluate", run, "--force")
    assert (run / "evaluate/metrics.json").read_bytes() == first
    ok("evaluate", run, "--seed", "1")
    other = json.loads((run / "evaluate/metrics.json").read_text())["parts"]["train"]["metrics"]
    assert other["log-loss"] != found["parts"]["train"]["metrics"]["log-loss"]


def test_features_are_read_by_blocks_as_they_are_read_whole(run, monkeypatch):
    from nntool.run.directory import Run
    from nntool.steps import scoring
    from nntool.steps.model import chosen_columns
    from nntool.steps.select_features import feature_arrays

    opened = Run.existing(str(run))
    parts = scoring.Parts(opened)
    index = parts.index("train")
    whole = [x[index] for x in chosen_columns(*feature_arrays(opened), parts.model.plain)]
    monkeypatch.setattr(scoring, "BLOCK_BYTES", 700)
    for found, expected in zip(scoring.features(opened, parts.model, index), whole, strict=True):
        np.testing.assert_array_equal(found, expected)
