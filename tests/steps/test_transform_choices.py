"""Chains, dates, free text and the target's scaling, by the command line on real rows."""

import csv
import datetime
import json
import sys

import numpy as np
import pytest

QUICK = ["--epochs", "2", "--hidden", "4"]
WORDS = ["good film", "bad film", "Good plot", "the plot was bad", ""]


@pytest.fixture
def cleaned(ok, tmp_path, source):
    ok("clean", tmp_path / "new", source, "--target", "visits")
    return tmp_path / "new"


def trained(ok, root):
    ok("select-features", root)
    ok("split", root)
    ok("train", root, *QUICK)
    return root


def rows_of(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def state_of(root):
    return json.loads((root / "transform/state.json").read_bytes())


def columns_of(root):
    return [name for c in state_of(root)["features"]["columns"] for name in c["produces"]]


def test_edges_with_labels_name_the_columns_and_what_is_outside_is_said(ok, cleaned, source):
    said = ok("transform", cleaned, "--columns", "age=edges:at=30/50/60,labels=young/middle")
    assert [n for n in columns_of(cleaned) if n.startswith("age")] == [
        "age=young",
        "age=middle",
        "age=other",
    ]
    ages = [int(row["age"]) for row in rows_of(source)]
    n = sum(not 30 <= age < 60 for age in ages)
    assert f"numbers in no bin, outside of the edges: age {n} (--columns)" in said.err


def test_dates_become_the_parts_that_are_asked_for(ok, cleaned, nntool):
    ok("transform", cleaned, "--dates", "year,month-cycle,is-weekend,hour")
    assert [n for n in columns_of(cleaned) if n.startswith("joined")] == [
        "joined_year",
        "joined_month_sin",
        "joined_month_cos",
        "joined_is_weekend",
    ], "times of day do not vary"
    ok("transform", cleaned, "--set", 'dates=["days", "quarter"]')
    assert [n for n in columns_of(cleaned) if n.startswith("joined")] == [
        "joined_days",
        "joined_quarter",
    ]
    said = nntool("transform", cleaned, "--dates", "year,monht")
    assert said.code == 2
    assert said.message == "nntool transform: --dates: 'monht' is not a choice"


@pytest.mark.parametrize(
    "words",
    [
        ["--columns", "joined=elapsed:since=2019-12-31"],
        ["--set", 'columns={joined=[{name="elapsed", since=2019-12-31}]}'],
    ],
)
def test_days_are_counted_from_a_given_date(ok, cleaned, source, words):
    ok("transform", cleaned, *words)
    first = rows_of(source)[0]["joined"]
    days = (datetime.date.fromisoformat(first) - datetime.date(2019, 12, 31)).days
    place = columns_of(cleaned).index("joined_elapsed")
    assert np.load(cleaned / "transform/numeric.npy")[0, place] == days


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--columns", "age=edges"], "--columns age: edges: at is needed"),
        (["--columns", "age=edges:at=5/1"], "--columns age: edges: at must rise, not 5/1"),
        (["--columns", "plan=ordinal:order=pro/pro"], "order names a level twice"),
        (["--columns", "age=bins,one-hot"], "'one-hot' cannot follow 'bins'"),
        (["--columns", "joined=elapsed:since=soon"], "'soon' is not a date"),
    ],
)
def test_a_chain_that_makes_no_sense_is_refused(nntool, cleaned, words, says):
    said = nntool("transform", cleaned, *words)
    assert said.code == 2
    assert says in said.message


def test_an_order_that_does_not_name_a_level_says_the_column(nntool, cleaned):
    said = nntool("transform", cleaned, "--columns", "plan=ordinal:order=basic/plus")
    assert said.code == 3
    assert "column 'plan': ordinal: the order basic/plus does not name 'pro'" in said.message


def test_lists_are_shown_as_they_are_typed(ok, cleaned):
    said = ok("transform", cleaned, "--explain", "--columns", "plan=ordinal:order=pro/plus/basic")
    assert "ordinal:order=pro/plus/basic" in said.text


@pytest.mark.parametrize("text", ["tfidf:min_count=1", "hashing:columns=8"])
def test_free_text_is_learned_and_predicted_from(ok, tmp_path, table, write, text):
    rows = [[*table[0], "review"], *([*row, WORDS[i % 5]] for i, row in enumerate(table[1:]))]
    source, root = write("texts.csv", rows), tmp_path / "texts"
    ok("clean", root, source, "--target", "visits", "--roles", "review=text")
    ok("transform", root, "--text", text)
    assert any(name.startswith("review") for name in columns_of(root))
    trained(ok, root)
    assert len(ok("predict", root, source).rows) == 60


def test_what_was_learned_with_scikit_learn_is_applied_without_it(ok, cleaned, source, monkeypatch):
    ok(
        *("transform", cleaned, "--encode", "target", "--scale", "quantile-normal"),
        *("--columns", "age=power", "--columns", "income=bins:by=tree,count=3"),
    )
    trained(ok, cleaned)
    expected = ok("predict", cleaned, source).out
    for name in ("sklearn", "scipy", "pandas"):
        monkeypatch.setitem(sys.modules, name, None)
    assert ok("predict", cleaned, source).out == expected


def test_training_rows_get_cross_fitted_values_others_those_of_all(ok, cleaned):
    ok("transform", cleaned, "--columns", "plan=target:scaled=false,smooth=0")
    trained(ok, cleaned)
    rows = np.load(cleaned / "split/rows.npy")
    place = columns_of(cleaned).index("plan_target")
    found = np.load(cleaned / "transform/numeric.npy")[:, place]
    assert len(set(found[rows != 0])) == 3, "one number for each plan"
    assert len(set(found[rows == 0])) > 3, "a number for each plan and fold"


def test_a_target_behind_log1p_is_answered_and_judged_in_its_own_unit(ok, cleaned, source):
    ok("transform", cleaned, "--target-scaling", "log1p")
    ok("select-features", cleaned)
    ok("split", cleaned)
    ok("train", cleaned, "--epochs", "60", "--hidden", "8", "--learning-rate", "0.03")
    visits = np.array([float(row["visits"]) for row in rows_of(source)])
    inside = np.load(cleaned / "split/rows.npy") == 0
    logs = np.log1p(visits)
    np.testing.assert_allclose(
        np.load(cleaned / "transform/target.npy"),
        (logs - logs[inside].mean()) / logs[inside].std(),
        rtol=1e-5,
        atol=1e-6,
    )
    answers = [float(row["prediction"]) for row in ok("predict", cleaned, source).rows]
    assert np.corrcoef(answers, visits)[0, 1] > 0.9
    assert np.abs(np.mean(answers) / visits.mean() - 1) < 0.2
    ok("evaluate", cleaned)
    scored = rows_of(cleaned / "evaluate/predictions.csv")
    errors = [float(row["prediction"]) - float(row["target"]) for row in scored]
    metrics = json.loads((cleaned / "evaluate/metrics.json").read_bytes())["network"]["metrics"]
    assert metrics["mae"] == pytest.approx(np.mean(np.abs(errors)))


@pytest.mark.parametrize("loss", ["mape:floor=1", "poisson", "huber"])
def test_other_losses_work_behind_log1p(ok, cleaned, source, loss):
    ok("transform", cleaned, "--target-scaling", "log1p")
    ok("select-features", cleaned)
    ok("split", cleaned)
    said = ok("train", cleaned, "--loss", loss, "--epochs", "60", "--hidden", "8")
    assert ("target scaling is off" in said.err) == (loss == "poisson")
    answers = [float(row["prediction"]) for row in ok("predict", cleaned, source).rows]
    assert 2 < np.mean(answers) < 40


def test_a_target_without_a_logarithm_is_refused_with_its_row(nntool, ok, tmp_path, table, write):
    table[7][5] = "-3.5"
    root = tmp_path / "negative"
    ok("clean", root, write("negative.csv", table), "--target", "visits", "--task", "regression")
    said = nntool("transform", root, "--target-scaling", "log1p")
    assert said.code == 3
    assert "row 7: the target -3.5 has no ln(1 + y), which needs y > -1" in said.message
    assert "--target-scaling standard" in said.hint


@pytest.mark.parametrize("explain", [[], ["--explain"]])
def test_operations_for_the_target_are_refused(nntool, cleaned, explain):
    said = nntool("transform", cleaned, "--columns", "visits=standard", *explain)
    assert said.code == 2
    assert "--columns: 'visits' is no feature, it is the target" in said.err
    assert "--target-scaling" in said.err
