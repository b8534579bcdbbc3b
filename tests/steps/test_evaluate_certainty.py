"""``evaluate`` by its command: confidence intervals, and the threshold that is chosen or given."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from nntool.run.directory import Run
from nntool.steps import calibration
from nntool.steps.evaluating import confidence
from nntool.steps.scoring import Parts
from nntool.tables.bootstrap import drawn

QUICK = ("--epochs", "3", "--hidden", "8")


def written(root):
    return json.loads((root / "evaluate/metrics.json").read_text())


def answers(ok, root):
    """Truth, decision and probability of the positive class of the scored rows."""
    rows = ok("show", root, "evaluate").rows
    truth = np.array([row["target"] == "yes" for row in rows])
    said = np.array([row["prediction"] == "yes" for row in rows])
    return truth, said, np.array([float(row["p_yes"]) for row in rows])


def stopping_rows(root):
    """Truth and probability of the validation rows that choose a threshold."""
    run = Run(root)
    rows = np.flatnonzero(calibration.masks_of_model(run).stopping)
    found = Parts(run).answers("validation", rows)
    return found.target == 1, found.probabilities[:, 1]


# Confidence


def test_fewer_resamples_than_were_asked_for_are_said():
    network = {"rows": 5_000_000, "metrics": {}}
    taken = {"resamples": 200, "asked": 1000, "metrics": {}, "undefined": {}}
    assert confidence.notes({"confidence": taken, "network": network}) == [
        "200 resamples in place of 1,000 (--bootstrap): 5,000,000 rows are many"
    ]
    assert confidence.notes({"confidence": taken | {"asked": 200}, "network": network}) == []


def test_the_table_has_the_interval_of_each_metric_behind_its_value(ok, run):
    said = ok("evaluate", run)
    table = said.text.partition("\n\n")[0].splitlines()
    assert table[0].split("rows")[1].split()[:4] == ["network", "95", "%", "CI"]
    low, high = written(run)["confidence"]["metrics"]["accuracy"]
    assert f" {low:.3g}–{high:.3g} " in table[1]
    value = written(run)["network"]["metrics"]["accuracy"]
    assert low <= value <= high


def test_an_interval_is_made_of_the_scored_rows_drawn_again(ok, run):
    ok("evaluate", run, "--bootstrap", "120", "--confidence", "0.8", "--seed", "5")
    truth, said, _ = answers(ok, run)
    from nntool.nn.randomness import Streams

    counts = np.concatenate(list(drawn(len(truth), 120, Streams(5)["bootstrap"])))
    by_hand = np.quantile(counts @ (truth == said) / len(truth), [0.1, 0.9])
    found = written(run)["confidence"]
    assert found["metrics"]["accuracy"] == pytest.approx(by_hand.tolist())
    assert (found["level"], found["resamples"]) == (0.8, 120)


def test_without_resamples_there_are_no_intervals(ok, run):
    said = ok("evaluate", run, "--bootstrap", "0")
    assert "% CI" not in said.text
    assert "confidence" not in written(run)


def test_the_same_seed_gives_the_same_intervals_and_another_one_others(ok, run):
    found = []
    for seed in (1, 1, 2):
        ok("evaluate", run, "--seed", seed, "--force")
        found.append((run / "evaluate/metrics.json").read_bytes())
    assert found[0] == found[1]
    assert written(run)["confidence"] != json.loads(found[0])["confidence"]


def test_a_metric_that_most_resamples_leave_undefined_has_no_interval_and_it_is_told(
    ok, run, table, write
):
    no, yes = (next(row for row in table[1:] if row[-1] == name) for name in ("no", "yes"))
    other = write("other.csv", [table[0], no, yes])
    said = ok("evaluate", run, "--data", other, "--bootstrap", "999", "--json").json
    found = said["evaluate"]["confidence"]
    n = found["undefined"]["auc"]  # one of the two drawn twice: every other resample
    assert 500 <= n < 560
    assert found["metrics"]["auc"] is None
    assert f"auc has no interval: it has no value in {n} of 999 resamples" in said["notes"]
    assert found["metrics"]["accuracy"] is not None


def test_one_row_has_no_intervals_and_it_is_told(ok, run, table, write):
    said = ok("evaluate", run, "--data", write("one.csv", table[:2]), "--json").json
    assert set(said["evaluate"]["confidence"]["metrics"].values()) == {None}
    assert "no confidence intervals: they take two rows or more" in said["notes"]
    assert not any("has no interval" in note for note in said["notes"])


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        (("--bootstrap", "1"), "1000"),
        (("--bootstrap", "39"), "1000"),
        (("--confidence", "0.999"), "2000"),
    ],
)
def test_too_few_resamples_for_the_tails_are_refused_and_the_number_told(
    nntool, run, given, needed
):
    said = nntool("evaluate", run, *given)
    assert said.code == 2
    assert "is too few" in said.message
    assert said.hint.startswith(f"--bootstrap {needed},")


@pytest.mark.parametrize(("option", "value"), [("--bootstrap", "-1"), ("--confidence", "1")])
def test_what_no_interval_can_be_made_of_is_refused(nntool, run, option, value):
    said = nntool("evaluate", run, option, value)
    assert said.code == 2
    assert said.message.startswith(f"nntool evaluate: {option}")


# A threshold


def test_a_threshold_decides_all_parts_and_predict_agrees(ok, run, source):
    ok("evaluate", run, "--threshold", "0.3")
    truth, said, p = answers(ok, run)
    assert (said == (p >= 0.3)).all()
    found = written(run)
    assert found["threshold"] == {"value": 0.3}
    assert found["network"]["metrics"]["recall"] == pytest.approx(sk.recall_score(truth, said))
    beside = found["parts"]["train"]["metrics"]
    ok("evaluate", run, "--threshold", "0.3", "--part", "train")
    assert written(run)["network"]["metrics"] == beside
    ok("evaluate", run, "--threshold", "0.3", "--data", source)
    here = [row["prediction"] for row in ok("show", run, "evaluate").rows]
    there = [row["prediction"] for row in ok("predict", run, source, "--threshold", "0.3").rows]
    assert here == there


def test_a_threshold_leaves_probabilities_and_their_metrics_as_they_are(ok, run):
    before = written(run)["network"]["metrics"]
    ok("evaluate", run, "--threshold", "0.9")
    after = written(run)["network"]["metrics"]
    for name in ("auc", "pr-auc", "log-loss", "brier", "ece"):
        assert after[name] == before[name]


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        ("f1", sk.f1_score),
        ("balanced-accuracy", sk.balanced_accuracy_score),
        ("kappa", sk.cohen_kappa_score),
    ],
)
def test_the_optimum_is_that_of_the_validation_rows_that_nothing_else_needs(
    ok, run, metric, reference
):
    said = ok("evaluate", run, "--optimize", metric)
    truth, p = stopping_rows(run)
    steps = np.unique(np.concatenate(([0, 1], p)))
    every = [reference(truth, p >= t) for t in (steps[1:] + steps[:-1]) / 2]
    found = written(run)["threshold"]
    assert found["rows"] == len(truth)
    assert found["reached"] == pytest.approx(np.nanmax(every))
    assert reference(truth, p >= found["value"]) == pytest.approx(found["reached"])
    _, decided, shares = answers(ok, run)
    assert (decided == (shares >= found["value"])).all()
    sentence = (
        f"threshold {found['value']} maximizes {metric} on {len(truth)} validation rows"
        f" ({found['reached']:.4g}); predict with --threshold {found['value']}"
    )
    assert sentence in said.err
    assert "maximizes" in said.text


def test_a_chosen_threshold_is_said_again_where_nothing_is_computed(ok, run):
    first = ok("evaluate", run, "--optimize", "f1")
    again = ok("evaluate", run, "--optimize", "f1")
    assert "already done" in again.err
    assert first.text == again.text
    assert "; predict with --threshold" in again.err


def test_rows_that_chose_the_threshold_look_too_good(ok, run):
    said = ok("evaluate", run, "--optimize", "f1", "--part", "validation")
    assert "the threshold was chosen on rows that are scored here" in said.err


def test_a_gate_sees_what_the_threshold_decides(nntool, ok, run):
    assert nntool("evaluate", run, "--threshold", "0", "--require", "recall>=1").code == 0
    said = nntool("evaluate", run, "--threshold", "1", "--require", "recall>=0.5")
    assert said.code == 6
    assert "recall is 0, required is >= 0.5" in said.message


def test_all_gates_that_fail_are_named_at_once(nntool, run):
    words = [w for m in ("f1-macro>1", "kappa>1", "ece<0", "accuracy>=0") for w in ("--require", m)]
    said = nntool("evaluate", run, *words)
    assert said.code == 6
    assert [part.split(" ")[0] for part in said.message.partition(": ")[2].split("; ")] == [
        "f1-macro",
        "kappa",
        "ece",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--threshold", "0.2", "--optimize", "f1"], "--threshold 0.2 is given, and --optimize f1"),
        (["--optimize", "auc"], "--optimize: 'auc' is not a metric that a threshold changes"),
        (["--threshold", "1.2"], "--threshold: expected a number ≥ 0 and ≤ 1"),
    ],
)
def test_a_threshold_without_meaning_is_wrong_usage(nntool, run, content, words, message):
    before = content(run)
    said = nntool("evaluate", run, *words)
    assert said.code == 2
    assert message in said.message
    assert content(run) == before


@pytest.mark.parametrize("words", [["--optimize", "f1"], ["--threshold", "0.5"]])
@pytest.mark.parametrize("target", ["plan", "income"])
def test_other_tasks_than_two_classes_have_no_threshold(nntool, ok, split_for, target, words):
    root = split_for(target)
    ok("train", root, *QUICK)
    said = nntool("evaluate", root, *words)
    assert said.code == 2
    assert "a threshold parts two classes" in said.message
    assert said.hint == f"leave {words[0]} out"


@pytest.mark.parametrize("words", [["--optimize", "f1"], ["--threshold", "0.5"]])
def test_without_probabilities_there_is_no_threshold(nntool, ok, split_for, words):
    root = split_for("churned")
    ok("train", root, *QUICK, "--loss", "hinge")
    said = nntool("evaluate", root, *words)
    assert said.code == 2
    assert "the loss hinge gives none" in said.message


def test_without_validation_rows_none_is_chosen(nntool, ok, typed, split_for):
    root = split_for("churned")
    ok("split", root, "--train", "0.8", "--validation", "0", "--test", "0.2")
    ok("train", root, *QUICK)
    said = nntool("evaluate", root, "--optimize", "f1")
    assert said.code == 3
    assert "no validation rows to choose a threshold by" in said.message
    assert typed(said.hint).code == 0
    ok("train", root, *QUICK)
    ok("evaluate", root, "--optimize", "f1")


def test_training_rows_are_not_made_more_for_validation_rows(nntool, ok, split_for):
    root = split_for("churned")
    ok("split", root, "--train", "0.5", "--validation", "0", "--test", "0.2")
    ok("train", root, *QUICK)
    said = nntool("evaluate", root, "--optimize", "f1")
    assert said.hint.endswith(" --validation 0.15")


def test_the_quantile_of_the_loss_is_that_of_pinball(ok, split_for):
    root = split_for("income")
    ok("train", root, *QUICK, "--loss", "quantile:tau=0.8")
    ok("evaluate", root)
    rows = ok("show", root, "evaluate").rows
    truth = np.array([float(row["target"]) for row in rows])
    said = np.array([float(row["prediction"]) for row in rows])
    found = written(root)
    expected = sk.mean_pinball_loss(truth, said, alpha=0.8)
    assert found["network"]["metrics"]["pinball"] == pytest.approx(expected)
    own = written(root)["baselines"]["constant"]["metrics"]
    assert own["pinball"] != pytest.approx(own["mae"] / 2)  # by the same quantile


def test_a_metric_is_explained(nntool):
    said = nntool("evaluate", "--explain", "f1")
    assert said.code == 0
    assert "binary: 2·hits / (rows + predicted), of the positive class" in said.text
    assert "Source: van Rijsbergen 1979" in said.text
    assert nntool("evaluate", "--explain", "log-loss").text.startswith("--require log-loss")
