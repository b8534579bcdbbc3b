"""The columns that ``predict`` writes beside the prediction, and what it says of them."""

import csv
import io

import pytest


@pytest.fixture(scope="module")
def trained(split_for, ok):
    """A run trained on a target, made once for each target and loss."""
    made = {}

    def make(target, *words):
        if (target, words) not in made:
            root = split_for(target)
            ok("train", root, "--epochs", "3", "--hidden", "4", *words)
            made[target, words] = root
        return made[target, words]

    return make


def test_probabilities_may_stay_away(ok, run, source):
    said = ok("predict", run, source, "--no-probabilities", "--id", "customer")
    with_them = ok("predict", run, source, "--id", "customer")
    assert list(said.rows[0]) == ["customer", "prediction"]
    assert [row["prediction"] for row in said.rows] == [row["prediction"] for row in with_them.rows]


@pytest.mark.parametrize("threshold", [0, 0.25, 0.5, 0.75, 1])
def test_the_positive_class_is_predicted_where_its_probability_reaches_the_threshold(
    ok, run, source, threshold
):
    said = ok("predict", run, source, "--threshold", threshold)
    for row in said.rows:
        assert row["prediction"] == ("yes" if float(row["p_yes"]) >= threshold else "no")
    n = sum(row["prediction"] == "yes" for row in said.rows)
    assert f"'yes' is predicted for {n} of 60 rows (--threshold {threshold})" in said.err


def test_the_threshold_is_for_the_positive_class_also_where_it_is_the_first(ok, tmp_path, source):
    words = ["--data", source, "--target", "churned", "--set", "clean.positive=no"]
    ok("run", tmp_path / "new", *words, "--set", "train.epochs=2")
    said = ok("predict", tmp_path / "new", source, "--threshold", "0.9")
    for row in said.rows:
        assert row["prediction"] == ("no" if float(row["p_no"]) >= 0.9 else "yes")


def test_the_rows_given_to_each_class_are_counted(ok, run, source, tmp_path):
    said = ok("predict", run, source, "--json", "--output", tmp_path / "p.csv").json["predict"]
    with open(tmp_path / "p.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    given = [row["prediction"] for row in rows]
    assert said["predicted"] == {"no": given.count("no"), "yes": given.count("yes")}
    assert said["columns"] == list(rows[0])
    assert (said["rows"], said["output"]) == (60, str(tmp_path / "p.csv"))
    assert {"empty_rows", "cells", "missing", "unseen", "outside"} <= set(said)


def test_the_likeliest_classes_stand_in_place_of_all(ok, trained, source):
    root = trained("plan")
    all_of_them, top = ok("predict", root, source).rows, ok("predict", root, source, "--top", "2")
    assert list(top.rows[0]) == ["prediction", "top_1", "p_top_1", "top_2", "p_top_2"]
    for every, row in zip(all_of_them, top.rows, strict=True):
        shares = {name: float(every[f"p_{name}"]) for name in ("basic", "plus", "pro")}
        first, second, _ = sorted(shares, key=lambda name: -shares[name])
        assert (row["top_1"], row["top_2"]) == (first, second)
        assert (float(row["p_top_1"]), float(row["p_top_2"])) == (shares[first], shares[second])
        assert row["prediction"] == first
    bare = ok("predict", root, source, "--top", "3", "--no-probabilities").rows[0]
    assert list(bare) == ["prediction", "top_1", "top_2", "top_3"]


@pytest.mark.parametrize(
    ("target", "words", "message"),
    [
        ("plan", ["--threshold", "0.3"],
         "--threshold is for two classes, and 'plan' has 3 (multiclass)"),
        ("plan", ["--top", "4"], "--top 4: 'plan' has only 3 classes"),
        ("income", ["--threshold", "0.3"],
         "--threshold is for classes, and 'income' is a number (regression)"),
        ("income", ["--top", "1"], "--top is for classes, and 'income' is a number (regression)"),
    ],
)  # fmt: skip
def test_what_the_task_does_not_have_is_refused(nntool, trained, source, target, words, message):
    said = nntool("predict", trained(target), source, *words)
    assert (said.code, said.out, said.message) == (2, b"", f"nntool predict: {message}")


@pytest.mark.parametrize("words", [["--threshold", "2"], ["--threshold", "-1"], ["--top", "0"]])
def test_numbers_out_of_bounds_are_refused(nntool, run, source, words):
    assert nntool("predict", run, source, *words).code == 2


def test_a_model_without_probabilities_says_so(nntool, ok, trained, source):
    root = trained("churned", "--loss", "hinge")
    said = ok("predict", root, source)
    assert list(said.rows[0]) == ["prediction"]
    assert "trained with the loss hinge gives no probabilities" in said.err
    assert "hinge" not in ok("predict", root, source, "--no-probabilities").err
    for words in (["--threshold", "0.3"], ["--top", "1"]):
        refused = nntool("predict", root, source, *words)
        assert refused.code == 2
        assert "needs probabilities" in refused.message


def test_what_cannot_be_given_is_refused_before_anything_is_read(nntool, trained):
    said = nntool("predict", trained("income"), "-", "--top", "1", stdin=b"no such columns\n1\n")
    assert said.code == 2


def test_a_thousand_classes_are_a_thousand_columns(ok, tmp_path, write):
    names = [f"c{i:03d}" for i in range(1000)]
    rows = [[f"{i * 37 % 2003 / 8}", names[i % 1000]] for i in range(3000)]
    source = write("in.csv", [["x", "y"], *rows])
    root = tmp_path / "new"
    quick = ["--set", "train.epochs=1", "--set", "evaluate.baseline=false"]
    ok("run", root, "--data", source, "--target", "y", "--set", "train.hidden=[2]", *quick)
    said = ok("predict", root, source)
    assert len(said.rows) == 3000
    assert list(said.rows[0]) == ["prediction", *(f"p_{name}" for name in names)]
    assert sum(map(float, list(said.rows[-1].values())[1:])) == pytest.approx(1)
    few = next(csv.reader(io.StringIO(ok("predict", root, source, "--top", "3").text)))
    assert len(few) == 7


def test_a_column_of_the_input_may_be_called_as_any_answer(ok, run, table, write):
    table[0][0] = "top_1"
    source = write("new.csv", table)
    header = ok("predict", run, source, "--keep", "top_1", "--top", "1").text.partition("\n")[0]
    assert header == "prediction,top_1,p_top_1,top_1_2"
    header = ok("predict", run, source, "--id", "top_1").text.partition("\n")[0]
    assert header == "top_1,prediction,p_no,p_yes"


def test_each_column_stands_once_among_ids_and_kept(ok, run, source):
    words = ["--id", "customer", "--id", "customer,age", "--keep", "*"]
    header = ok("predict", run, source, *words, "--no-probabilities").text.partition("\n")[0]
    assert header == "customer,age,prediction,income,plan,joined,visits,churned"


def test_fewer_rows_at_once_change_no_byte(ok, run, table, write, monkeypatch):
    """Where classes are many; a bad row keeps its place."""
    source = write("new.csv", [*table, *table[1:] * 40, ["too", "short"], *table[1:]])
    words = ["predict", run, source, "--id", "customer", "--status", "--quiet"]
    at_once = ok(*words)
    monkeypatch.setattr("nntool.steps.predicting.ANSWERS_AT_ONCE", 1)
    monkeypatch.setattr("nntool.steps.predicting.LEAST_ROWS", 7)
    assert ok(*words).out == at_once.out
