"""``evaluate --cv``: the chain fitted anew in each fold, held against the same chain by hand."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest

from nntool.errors import DataError, TrainingError
from nntool.run.directory import Run
from nntool.settings.evaluate import EvaluateSettings
from nntool.steps import cross_validation, one_fold, processes
from nntool.steps.evaluating import folds
from nntool.steps.job import Job
from nntool.steps.performing import read_json

CHAIN = ["--set", "train.epochs=4", "--set", "train.hidden=[6]"]


def found(root):
    return json.loads((root / "evaluate/metrics.json").read_text())["cross_validation"]


def by(method, **settings):
    inside = ", ".join(
        f"{name} = {value!r}" for name, value in {"name": method, **settings}.items()
    )
    return ["--set", f"split.method={{{inside}}}"]


def set_to(step, values):
    return [word for value in values for word in ("--set", step + value)]


@pytest.fixture
def dealt(monkeypatch):
    """The parts of the folds that are computed from here on."""
    seen = []
    prepare = one_fold.prepare

    def told(run, folder, parts):
        seen.append(parts)
        prepare(run, folder, parts)

    monkeypatch.setattr(one_fold, "prepare", told)
    return seen


@pytest.mark.parametrize(
    ("target", "decided"),
    [
        ("churned", []),
        ("income", []),
        ("churned", ["optimize='f1'"]),
        ("churned", ["threshold=0.3"]),
    ],
)
def test_a_fold_is_what_the_chain_by_hand_comes_to(
    ok, tmp_path, table, write, dealt, target, decided
):
    """Its rows said by a column that nothing learns from: every metric is the same number."""
    chain = [*CHAIN, "--set", "clean.roles={part='ignored'}", "--target", target]
    source = write("all.csv", [[*row, "part" if i == 0 else ""] for i, row in enumerate(table)])
    ok("run", tmp_path / "run", "--data", source, *chain)
    ok("evaluate", tmp_path / "run", "--cv", 3, "--threads", 1, *set_to("", decided))
    assert len(dealt) == 3
    for fold, parts in zip(found(tmp_path / "run")["folds"], dealt, strict=True):
        words = [("train", "validation", "test", "none")[part] for part in parts]
        rows = [[*row, word] for row, word in zip(table, ["part", *words], strict=True)]
        hand = tmp_path / f"hand-{fold['fold']}"
        parted = [*by("column", column="part"), *set_to("evaluate.", decided)]
        ok("run", hand, "--data", write("one.csv", rows), *chain, *parted)
        metrics = json.loads((hand / "evaluate/metrics.json").read_text())["network"]["metrics"]
        assert fold["metrics"] == metrics
        assert ("threshold" in fold) == bool(decided)
        n_of = {part: int((parts == code).sum()) for code, part in enumerate(fold["rows"])}
        assert fold["rows"] == n_of


def test_the_test_rows_of_the_run_are_in_no_fold(ok, run, dealt):
    ok("evaluate", run, "--cv", 4, "--threads", 1)
    parts = np.load(run / "split/rows.npy")
    assert all((own[parts == 2] == -1).all() for own in dealt)
    judged = np.sum([own == 2 for own in dealt], axis=0)
    assert (judged == (parts != 2)).all()


def test_of_the_rows_that_are_not_judged_so_many_stop_as_in_the_run(ok, tmp_path, source, dealt):
    shares = [
        "--set",
        "split.train=0.4",
        "--set",
        "split.validation=0.4",
        "--set",
        "split.test=0.2",
    ]
    ok("run", tmp_path / "run", "--data", source, "--target", "churned", *CHAIN, *shares)
    ok("evaluate", tmp_path / "run", "--cv", "3")
    for parts in dealt:
        n_train, n_validation = ((parts == code).sum() for code in (0, 1))
        assert abs(n_train - n_validation) <= 2


def test_mean_and_spread_are_those_of_the_folds(ok, run):
    said = ok("evaluate", run, "--cv", 3, "--cv-repeats", 2, "--threads", 1)
    cv = found(run)
    assert [(fold["repeat"], fold["fold"]) for fold in cv["folds"]] == [
        (repeat, fold) for repeat in (1, 2) for fold in (1, 2, 3)
    ]
    for name, over in cv["metrics"].items():
        values = [f["metrics"][name] for f in cv["folds"] if f["metrics"][name] is not None]
        assert over["folds"] == len(values)
        assert over["mean"] == pytest.approx(np.mean(values))
        assert over["sd"] == pytest.approx(np.std(values, ddof=1))
        assert over["se"] == pytest.approx(np.std(values, ddof=1) / len(values) ** 0.5)
        assert (over["min"], over["max"]) == (min(values), max(values))
    lines = said.text.splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("6 of 6 folds"))
    assert lines[header].split()[4:] == ["mean", "sd", "se", "min", "max", "network"]
    accuracy = cv["metrics"]["accuracy"]
    shown = next(line for line in lines[header:] if line.startswith("accuracy")).split()
    assert shown[1:3] == [f"{accuracy[column]:.4g}" for column in ("mean", "sd")]


def test_repeats_deal_other_folds(ok, run, dealt):
    ok("evaluate", run, "--cv", 2, "--cv-repeats", 2, "--threads", 1)
    assert len({parts.tobytes() for parts in dealt}) == 4


def test_processes_give_the_bytes_of_one_fold_after_the_other(ok, run, results, monkeypatch):
    ok("evaluate", run, "--cv", 3, "--threads", 1)
    one = results(run)
    monkeypatch.setattr(processes, "WORTH_PROCESSES", 0)
    ok("evaluate", run, "--cv", 3, "--threads", 2, "--force")
    assert results(run) == one


def test_any_backend_of_joblib_may_compute_the_folds(ok, run, results, monkeypatch):
    ok("evaluate", run, "--cv", 3, "--threads", 1)
    one = results(run)
    monkeypatch.setattr(processes, "WORTH_PROCESSES", 0)
    with joblib.parallel_config(backend="threading"):
        ok("evaluate", run, "--cv", 3, "--threads", 2, "--force")
    assert results(run) == one


@pytest.mark.parametrize(
    ("words", "n_folds", "at_a_time"),
    [
        (["--epochs", 1], 5, 1),
        (["--epochs", 900], 5, 1),  # 900 epochs · 3 batches · 5 folds
        (["--epochs", 900], 10, 2),
        (["--batch-size", "full", "--epochs", 900], 10, 1),
        (["--batch-size", "full", "--epochs", 60, "--hidden", 5000], 100, 2),
    ],
)
def test_processes_are_for_much_work_by_its_size(ok, run, words, n_folds, at_a_time):
    free = ["--batch-size", 16, "--hidden", 6, "--patience", 0]
    ok("train", run, *free, *words)
    before = cross_validation._at_a_time(Run(run), n_folds, Job(threads=2))
    assert before == at_a_time
    slow = Run(run)
    for step in cross_validation.FITTED:
        slow.manifest.steps[step].seconds *= 1000  # a machine under load decides alike
    assert cross_validation._at_a_time(slow, n_folds, Job(threads=2)) == before


def test_a_second_time_is_fresh_and_shows_the_same(ok, run):
    first = ok("evaluate", run, "--cv", 2, "--threads", 1)
    again = ok("evaluate", run, "--cv", 2)
    assert again.text == first.text
    assert "already done" in again.err
    assert "2 folds (stratified)" in again.err
    assert "cross_validation" in ok("evaluate", run, "--json", "--cv", 2).json["evaluate"]
    ok("evaluate", run)
    assert "cross_validation" not in json.loads((run / "evaluate/metrics.json").read_text())


def test_what_a_fold_learns_is_learned_from_its_own_rows(ok, tmp_path, write):
    """A category of nearly every row's own and a target of pure noise: means of it tell nothing."""
    rng = random.Random(3)
    rows = [[f"k{rng.randrange(150)}", rng.choice("ab")] for _ in range(400)]
    root = tmp_path / "run"
    source = write("noise.csv", [["key", "noise"], *rows])
    columns = ["--set", "transform.columns={key='target:smooth=0'}"]
    roles = ["--set", "clean.roles={key='categorical'}"]
    ok("run", root, "--data", source, "--target", "noise", *columns, *roles)
    ok("evaluate", root, "--cv", 5, "--threads", 1)
    share = {k: np.mean([r[1] == "a" for r in rows if r[0] == k]) for k in {r[0] for r in rows}}
    leaking = np.mean([(share[k] > 0.5) == (y == "a") for k, y in rows])
    assert leaking > 0.7
    assert abs(found(root)["metrics"]["accuracy"]["mean"] - 0.5) < 0.08


def test_folds_go_by_groups_where_the_split_does(ok, tmp_path, source, dealt):
    root = tmp_path / "run"
    ok("run", root, "--data", source, "--target", "churned", *CHAIN, *by("group", column="age"))
    ok("evaluate", root, "--cv", 3, "--threads", 1)
    with open(source, newline="") as file:
        ages = np.array([row["age"] for row in csv.DictReader(file)])
    assert all(len(set(parts[ages == age])) == 1 for parts in dealt for age in set(ages))


def test_folds_go_by_time_where_the_split_does_and_cannot_be_repeated(
    ok, nntool, tmp_path, source, dealt
):
    root = tmp_path / "run"
    ok("run", root, "--data", source, "--target", "churned", *CHAIN, *by("time", column="joined"))
    said = ok("evaluate", root, "--cv", 3, "--threads", 1)
    assert "each learns from the rows before it" in said.err
    with open(source, newline="") as file:
        joined = np.array([row["joined"] for row in csv.DictReader(file)])
    for parts in dealt:
        assert max(joined[(parts == 0) | (parts == 1)]) <= min(joined[parts == 2])
    twice = nntool("evaluate", root, "--cv", 3, "--cv-repeats", 2)
    assert twice.code == 2
    assert "by time, whose folds can be dealt in one way only" in twice.message


@pytest.mark.parametrize(
    "words",
    [["--cv", 1], ["--cv", 101], ["--cv-repeats", 3], ["--cv", 3, "--data", "other.csv"]],
)
def test_what_could_not_be_meant_is_wrong_usage(nntool, run, words, content):
    before = content(run)
    said = nntool("evaluate", run, *words)
    assert said.code == 2
    assert said.hint
    assert content(run) == before


def test_more_folds_than_rows_are_refused(nntool, run, results):
    before = results(run)
    said = nntool("evaluate", run, "--cv", 60)
    assert said.code == 3
    assert said.hint == "give a smaller --cv"
    assert results(run) == before


def test_without_test_rows_the_folds_stand_beside_validation(nntool, ok, typed, tmp_path, source):
    root = tmp_path / "run"
    words = ["run", root, "--data", source, "--target", "churned", *CHAIN, "--set", "split.test=0"]
    said = nntool(*words, "--set", "evaluate.cv=2")
    assert said.code == 3
    assert "no test rows with a target to score beside the folds" in said.message
    assert typed(said.hint).code == 0
    assert found(root)["cv"] == 2


def failing(monkeypatch, error, places):
    """Training ends with an error in some of the folds, by the order in which they come."""
    count = iter(range(100))
    train_in = one_fold.train.train_in

    def fails(*given):
        if next(count) in places:
            raise error
        return train_in(*given)

    monkeypatch.setattr(one_fold.train, "train_in", fails)


def test_a_fold_that_diverged_is_counted_and_said_and_in_no_mean(ok, run, monkeypatch):
    failing(monkeypatch, TrainingError("the loss is not finite", "less"), {1})
    said = ok("evaluate", run, "--cv", 3, "--threads", 1)
    cv = found(run)
    assert cv["diverged"] == [2]
    assert "metrics" not in cv["folds"][1]
    assert cv["metrics"]["accuracy"]["folds"] == 2
    words = "fold 2 of 3: train: the loss is not finite: left out of mean and spread"
    assert f"nntool evaluate: {words}" in said.err
    assert "2 of 3 folds" in said.text


def test_a_metric_without_a_value_in_some_folds_is_a_mean_of_the_others():
    none = {"auc": "one class only"}
    every = {"metrics": {"auc": None, "mcc": None}, "undefined": none | {"mcc": "one class only"}}
    one = {"metrics": {"auc": 0.5, "mcc": None}, "undefined": {"mcc": "one class only"}}
    results = [one_fold.Result({}, scores=scores) for scores in (every, one, one)]
    told = folds.report(EvaluateSettings(cv=3), results, [])
    assert told["metrics"]["auc"]["mean"] == 0.5
    assert told["metrics"]["auc"]["folds"] == 2
    assert told["metrics"]["mcc"]["mean"] is None
    assert told["notes"] == [
        "not defined in 1 fold, so a mean of the others: auc (one class only)",
        "not defined in any fold: mcc (one class only)",
    ]


def test_nothing_is_averaged_where_every_fold_diverged(nntool, run, monkeypatch, results):
    before = results(run)
    failing(monkeypatch, TrainingError("the loss is not finite", "less"), range(9))
    said = nntool("evaluate", run, "--cv", 3, "--threads", 1)
    assert said.code == 5
    assert said.message.endswith("no fold learned; fold 1 of 3: train: the loss is not finite")
    assert said.hint == "less"
    assert results(run) == before


def test_a_fold_that_reads_the_target_in_another_way_is_refused(nntool, run, monkeypatch, results):
    def otherwise(path):
        state = read_json(path)
        return state | {"target": state["target"] | {"classes": ["no", "maybe"]}}

    before = results(run)
    monkeypatch.setattr(one_fold, "read_json", otherwise)
    said = nntool("evaluate", run, "--cv", "2")
    assert said.code == 3
    assert "fold 1 of 2: clean: the target is read in another way from these rows" in said.message
    assert results(run) == before


def test_an_error_names_its_fold_and_keeps_its_code(nntool, run, monkeypatch, results):
    before = results(run)
    failing(monkeypatch, DataError(f"{run} is odd", "mend it"), {2})
    said = nntool("evaluate", run, "--cv", 3, "--cv-repeats", 2, "--threads", 1)
    assert said.code == 3
    assert said.message == f"nntool evaluate: fold 3 of 3 in repeat 1 of 2: train: {run} is odd"
    assert said.hint == "mend it"
    assert results(run) == before


def test_a_path_in_an_error_is_that_of_the_run(nntool, run, monkeypatch):
    def fails(session, *rest):
        raise DataError(f"{session.root}/clean is odd", f"nntool clean {session.root}")

    monkeypatch.setattr(one_fold.train, "train_in", fails)
    said = nntool("evaluate", run, "--cv", 2, "--threads", 1)
    assert said.message == f"nntool evaluate: fold 1 of 2: train: {run}/clean is odd"
    assert said.hint == f"nntool clean {run}"


def test_a_whole_run_takes_a_cross_validation(ok, run):
    ok("run", run, "--set", "evaluate.cv=2", "--threads", "1")
    assert len(found(run)["folds"]) == 2
    assert "cv = 2" in (run / "recipe.toml").read_text()


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_stops_every_process_and_leaves_nothing(run, threads, results):
    before = results(run)
    words = ["evaluate", str(run), "--cv", "30", "--threads", str(threads)]
    program = subprocess.Popen(
        [sys.executable, "-m", "nntool", *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    staging = run / ".new-evaluate"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(staging.glob("fold-*/.new-clean/*")):
        time.sleep(0.02)
    os.killpg(program.pid, signal.SIGINT)
    _, err = program.communicate(timeout=60)
    assert program.returncode == 130, err
    assert b"Traceback" not in err
    assert results(run) == before
    assert not staging.exists()


def test_a_fold_is_computed_where_links_cannot_be_made(ok, run, monkeypatch):
    def refuses(*given):
        raise OSError("no links here")

    ok("evaluate", run, "--cv", 2, "--threads", 1)
    linked = found(run)
    monkeypatch.setattr(os, "link", refuses)
    ok("evaluate", run, "--cv", 2, "--threads", 1, "--force")
    assert found(run) == linked


def test_the_run_may_have_moved(ok, run, tmp_path):
    ok("evaluate", run, "--cv", 2, "--threads", 1)
    there = Path(shutil.move(run, tmp_path / "elsewhere"))
    assert ok("evaluate", there, "--cv", 2, "--json").json["fresh"]
