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


def kept(ok, root):
    return {
        row["feature"] for row in ok("show", root, "select-features").rows if row["kept"] == "True"
    }


def test_columns_are_dropped_and_kept_by_name_and_position(ok, transformed):
    said = ok("select-features", transformed, "--drop", "inc*,plan=pro", "--keep", "@8")
    assert kept(ok, transformed) == {
        *("age", "plan", "joined_days", "joined_month", "joined_weekday"),
        *("visits", "country", "months"),
    }
    assert "kept by name all the same: country (constant in training)" in said.err
    assert "left out of a feature: plan=pro (dropped by name)" in said.err
    manifest = json.loads((transformed / "run.json").read_text())["steps"]["select-features"]
    assert manifest["settings"]["keep"] == ["country"]
    assert (
        "nothing to compute"
        in ok("select-features", transformed, "--drop", "inc*,plan=pro", "--keep", "@8").err
    )


@pytest.mark.parametrize(
    ("words", "code", "message", "hint"),
    [
        (["--keep", "agee"], 3, "'agee' (nearest: 'age')", "columns are: 'age', "),
        (["--drop", "@99"], 3, "'@99'", "'churned'"),
        (["--keep", "age", "--drop", "a*"], 2, "age: both --keep and --drop", "one of the two"),
        (["--drop", "*"], 3, "no feature is left", "another --drop"),
        (["--max-one-value", "1"], 2, "expected a number > 0 and < 1", "--help"),
        (["--score", "luck"], 2, "'luck' is not a choice", "permutation, rfe, forward"),
        (["--score", "rfe:by=luck"], 2, "'luck' is not a choice", "linear, network"),
    ],
)
def test_what_cannot_be_done_says_what_can(nntool, transformed, words, code, message, hint):
    said = nntool("select-features", transformed, *words)
    assert said.code == code
    assert message in said.message
    assert hint in said.hint
    assert not (transformed / "select-features").exists()


def test_names_that_are_no_features_are_said_to_be_none(ok, transformed):
    said = ok("select-features", transformed, "--drop", "customer,churned")
    assert "--drop customer: it is no feature anyway, its role is identifier" in said.err
    assert "--drop churned: it is no feature anyway, it is the target" in said.err


def test_what_has_too_many_gaps_goes_by_the_share_in_training(ok, tmp_path, table, write):
    for i, row in enumerate(table[1:]):
        row[2] = row[2] if i % 4 == 0 else ""
    root = tmp_path / "gaps"
    ok("clean", root, write("in.csv", table), "--target", "churned")
    ok("transform", root)
    ok("select-features", root, "--max-missing", "0.5")
    assert not {"income", "income_missing"} & kept(ok, root)
    ok("select-features", root, "--max-missing", "0.9")
    assert {"income", "income_missing"} <= kept(ok, root)


SCORES = ["f-test", "chi2", "mrmr", "l1-network", "permutation", "rfe", "rfe:by='network'"]


@pytest.mark.parametrize("score", [*SCORES, "forward"])
def test_each_score_ranks_twice_alike_and_split_asks_it_again(
    ok, nntool, transformed, score, results
):
    words = ["select-features", transformed, "--score", score, "--top", "3"]
    said = ok(*words)
    assert kept(ok, transformed) & {"age", "months", "visits"}
    assert len(kept(ok, transformed)) == 3
    before = results(transformed)
    ok(*words, "--force", "--threads", "1")
    assert results(transformed) == before
    assert "rank 4 of" in said.err
    ok("split", transformed)
    report = json.loads((transformed / "select-features/report.json").read_text())
    assert sum(feature["kept"] for feature in report["features"]) == 3
    assert all(isinstance(f["score"], float) for f in report["features"] if f["rank"])


def test_after_a_split_a_level_that_training_never_saw_may_be_named(ok, transformed, table, write):
    root = transformed.parent / "rare"
    table[5][3] = table[6][3] = "never"
    ok("clean", root, write("rare.csv", table), "--target", "churned")
    ok("transform", root)
    ok("select-features", root, "--drop", "plan=never")
    said = ok("split", root, "--train", "0.3", "--seed", "3")
    report = json.loads((root / "select-features/report.json").read_text())
    names = {c["name"] for c in report["dropped"]}
    assert "plan=never" in names or any("no such column now" in n for n in report["notes"]), said


def test_interrupted_judging_leaves_what_was_there(ok, transformed, results):
    from nntool.errors import StoppedError
    from nntool.settings.building import build
    from nntool.settings.select_features import SelectFeaturesSettings
    from nntool.steps.job import Job, Silence
    from nntool.steps.select_features import select_features

    class Pressed(Silence):
        asked = 0

        def stop_requested(self):
            self.asked += 1
            return self.asked > 3

    ok("select-features", transformed)
    before = results(transformed)
    settings = build(SelectFeaturesSettings, {"score": "permutation", "top": 2})
    with pytest.raises(StoppedError, match="nothing was written"):
        select_features(str(transformed), settings, Job(Pressed()))
    assert results(transformed) == before


def test_columns_that_only_help_to_make_others_are_named(ok, transformed):
    ok("transform", transformed, "--no-missing-indicators", "--impute-numeric", "knn")
    said = ok("select-features", transformed, "--drop", "visits,months,years")
    assert "also read, to make or to fill what is kept: " in said.err
