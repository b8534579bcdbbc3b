"""``predict``: one line out for each line in; it needs little, writes nothing but its output."""

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nntool.run import names
from nntool.run.directory import Run
from nntool.steps.predicting import Predictor
from nntool.steps.trained_run import NEEDED, opened


def test_there_is_one_line_for_each_line_in_its_order(ok, run, table, write):
    """A row says the same wherever it stands, and rows left out of training are predicted too."""
    table[5][-1] = ""
    rows = [*table[1:], *reversed(table[1:]), table[7], table[7]]
    said = ok("predict", run, write("new.csv", [table[0], *rows]), "--id", "customer")
    assert [row["customer"] for row in said.rows] == [row[0] for row in rows]
    answers = {}
    for row in said.rows:
        answers.setdefault(row["customer"], set()).add((row["prediction"], row["p_yes"]))
    assert len(answers) == 60
    values = [[float(p) for _, p in found] for found in answers.values()]
    assert max(max(found) - min(found) for found in values) < 1e-6


def test_rows_without_any_value_are_answered_counted_and_said(ok, run, table, write):
    empty = [" "] * len(table[0])
    path = write("new.csv", [table[0], table[1], empty, table[2], empty])
    said = ok("predict", run, path)
    assert len(said.rows) == 4
    assert "2 rows without any value" in said.err
    assert (
        ok("predict", run, path, "--output", path.with_name("out.csv"), "--json").json["predict"][
            "empty_rows"
        ]
        == 2
    )
    partly = [table[1][0], *[""] * (len(table[0]) - 1)]
    assert "without any value" not in ok("predict", run, write("b.csv", [table[0], partly])).err


def test_ids_come_first_then_the_prediction_then_a_column_for_each_class(ok, run, source):
    said = ok("predict", run, source, "--id", "joined, customer", "--keep", "age")
    header = said.text.partition("\n")[0]
    assert header == "joined,customer,prediction,p_no,p_yes,age"


def test_keep_takes_all_columns_with_a_star(ok, run, source, table):
    said = ok("predict", run, source, "--keep", "*")
    assert list(said.rows[0]) == ["prediction", "p_no", "p_yes", *table[0]]
    assert [list(row.values())[3:] for row in said.rows] == table[1:]


def test_probabilities_sum_to_1_and_speak_for_the_prediction(ok, split_for, source):
    root = split_for("plan")
    ok("train", root, "--epochs", "3", "--hidden", "4")
    for row in ok("predict", root, source).rows:
        shares = {name: float(row[f"p_{name}"]) for name in ("basic", "plus", "pro")}
        assert abs(sum(shares.values()) - 1) < 1e-9
        assert row["prediction"] == max(shares, key=shares.get)


@pytest.mark.parametrize("target", ["churned", "income"])
def test_numbers_read_back_exactly(ok, split_for, source, table, target):
    import pyarrow as pa

    root = split_for(target)
    ok("train", root, "--epochs", "3", "--hidden", "4")
    columns = list(zip(*table[1:], strict=True))
    batch = pa.record_batch([pa.array(c, pa.string()) for c in columns], names=table[0])
    (answers,) = Predictor(opened(Run(root))).answers([batch])
    rows = ok("predict", root, source).rows
    if target == "income":
        assert [float(row["prediction"]) for row in rows] == answers.decided.tolist()
    else:
        assert [float(row["p_yes"]) for row in rows] == answers.probabilities[:, 1].tolist()


def test_stdin_and_file_give_the_same_bytes(ok, run, source, tmp_path):
    from_file = ok("predict", run, source).out
    assert ok("predict", run, "-", stdin=source.read_bytes()).out == from_file
    ok("predict", run, source, "--output", tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_bytes() == from_file
    assert ok("predict", run, source, "--output", "-").out == from_file


def test_rows_that_trickle_in_give_the_same_bytes(ok, run, source, tmp_path):
    header, _, rows = source.read_text().partition("\n")
    content = (header + "\n" + rows * 50).encode()
    whole = tmp_path / "many.csv"
    whole.write_bytes(content)
    with subprocess.Popen(
        [sys.executable, "-m", "nntool", "predict", run, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        for start in range(0, len(content), 4099):
            process.stdin.write(content[start : start + 4099])
            process.stdin.flush()
        out, _ = process.communicate()
    assert process.returncode == 0
    assert out == ok("predict", run, whole).out


def test_columns_are_found_by_name_in_any_order(ok, run, source, table, write):
    turned = write("new.csv", [list(reversed(row)) for row in table])
    assert ok("predict", run, turned).out == ok("predict", run, source).out


def test_cells_are_quoted_only_where_they_must_be(ok, tmp_path, table, write):
    names = {"yes": "yes, gone", "no": 'no "leaver"'}
    for row in table[1:]:
        row[-1] = names[row[-1]]
    table[0][-1] = "left?"
    table[1][0], table[2][0], table[3][0], table[4][0] = "a b", "x\ny", "", " lead;'"
    root = tmp_path / "new"
    quick = ["--set", "train.epochs=2", "--set", "train.hidden=[4]"]
    source = write("in.csv", table)
    ok("run", root, "--data", source, "--target", "left?", *quick)
    said = ok("predict", root, source, "--id", "customer")
    lines = said.text.split("\n")
    assert lines[0] == 'customer,prediction,"p_no ""leaver""","p_yes, gone"'
    assert [row["customer"] for row in said.rows[:4]] == ["a b", "x\ny", "", " lead;'"]
    assert lines[1].startswith("a b,")
    assert lines[2] == '"x'
    assert {row["prediction"] for row in said.rows} <= set(names.values())
    again = io.StringIO(newline="")
    csv.writer(again, lineterminator="\n").writerows(csv.reader(io.StringIO(said.text, newline="")))
    assert again.getvalue() == said.text  # as Python's writer quotes: only where it must
    assert b"\r" not in said.out


def test_an_id_that_bears_the_name_of_an_answer_is_renamed_and_said(ok, run, table, write):
    table[0][0] = "prediction"
    said = ok("predict", run, write("new.csv", table), "--id", "prediction")
    header = said.text.partition("\n")[0].split(",")
    assert header == ["prediction_2", "prediction", "p_no", "p_yes"]
    assert said.first == (
        "nntool predict: the input's column 'prediction' is called 'prediction_2'"
    )


def test_an_id_that_is_not_there_is_named_with_its_nearest(nntool, run, source):
    said = nntool("predict", run, source, "--id", "custmer", "--id", "nowhere")
    assert (said.code, said.out) == (3, b"")
    assert "'custmer' (nearest: 'customer')" in said.message
    assert "'nowhere'" in said.message


def test_an_input_is_read_as_the_source_was(ok, tmp_path, source):
    """Its delimiter, encoding and skipped lines are used again, not guessed anew."""
    text = "a title; no header\n\n" + source.read_text().replace("basic", "básico")
    mine = tmp_path / "in.csv"
    mine.write_text(text.replace(",", ";"), encoding="latin-1")
    read = ["--encoding", "latin-1", "--skip-rows", "2", "--delimiter", ";"]
    root = tmp_path / "new"
    ok("clean", root, mine, "--target", "churned", *read)
    for step in ("transform", "select-features", "split"):
        ok(step, root)
    ok("train", root, "--epochs", "2", "--hidden", "4")
    few = b"".join(mine.read_bytes().splitlines(keepends=True)[:9])
    said = ok("predict", root, "-", "--id", "customer", "--keep", "plan", stdin=few)
    assert [row["customer"] for row in said.rows] == [f"0000{i}" for i in range(1, 7)]
    assert "básico" in {row["plan"] for row in said.rows}
    assert "not seen" not in said.err


def test_booleans_of_a_typed_input_are_those_of_a_csv(ok, tmp_path, write, monkeypatch):
    flags = [str(i % 3 == 0) for i in range(60)]
    header = ["flag", "x", "won"]
    rows = [[flag, str(i), str(i % 2 == 0)] for i, flag in enumerate(flags)]
    source = write("in.csv", [header, *rows])
    root = tmp_path / "new"
    ok("run", root, "--data", source, "--target", "won", "--set", "train.epochs=2")
    typed = pa.table(
        {
            "flag": [flag == "True" for flag in flags],
            "x": range(60),
            "won": [i % 2 == 0 for i in range(60)],
        }
    )
    pq.write_table(typed, tmp_path / "in.parquet")
    said = ok("predict", root, tmp_path / "in.parquet")
    assert said.text == ok("predict", root, source).text
    assert "'flag': 60 cells read as False or True" in said.err
    scored = ok("evaluate", root, "--data", tmp_path / "in.parquet")
    assert "60 rows of class False or True, written in other case" in scored.err
    lower = write("lower.csv", [header, *([*row[:2], row[2].lower()] for row in rows)])
    monkeypatch.setattr("nntool.tables.csv.cutter.FIRST_BLOCK", 200)  # several chunks of rows
    scored = ok("evaluate", root, "--data", lower)
    assert "60 rows of class False or True, written in other case" in scored.err


# What it needs, and what it leaves alone


def test_it_needs_run_json_the_states_columns_json_and_the_model_alone(ok, run, source, tmp_path):
    few = tmp_path / "few"
    for name in [names.MANIFEST, *NEEDED]:
        (few / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run / name, few / name)
    assert {name.partition("/")[2] for name in NEEDED} == {
        "state.json", "columns.json", "model.json", "model.npz",
    }  # fmt: skip
    assert ok("predict", few, source).out == ok("predict", run, source).out


def test_the_files_that_it_needs_hold_no_row_of_training(run, table):
    """No identifier is in them; of a number's cells at most its deciles, least and greatest."""
    found = b"".join((run / name).read_bytes() for name in [names.MANIFEST, *NEEDED])
    assert not [row[0] for row in table[1:] if f'"{row[0]}"'.encode() in found]
    incomes = {row[2] for row in table[1:] if row[2]}
    assert len({income for income in incomes if income.encode() in found}) <= 11


def test_it_works_in_a_run_that_cannot_be_written_and_writes_nothing(ok, run, source, content):
    before = content(run)
    times = {path: path.stat().st_mtime_ns for path in [run, *run.rglob("*")]}
    paths = sorted(run.rglob("*"), reverse=True)
    for path in [*paths, run]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert len(ok("predict", run, source).rows) == 60
        assert content(run) == before
        assert {path: path.stat().st_mtime_ns for path in [run, *run.rglob("*")]} == times
    finally:
        for path in [run, *paths]:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_it_takes_no_lock(ok, run, source):
    from nntool.run.session import Session

    with Session(run):
        assert len(ok("predict", run, source).rows) == 60


@pytest.mark.parametrize("name", NEEDED)
def test_it_refuses_a_file_that_is_not_what_its_step_wrote(nntool, run, source, name):
    content = bytearray((run / name).read_bytes())
    content[len(content) // 2] ^= 1
    (run / name).write_bytes(bytes(content))
    said = nntool("predict", run, source)
    assert (said.code, said.out) == (4, b"")
    assert f"{run / name} is not what {names.maker(name)} wrote" in said.message


def test_an_output_that_fails_half_way_leaves_the_old_one(nntool, run, table, write, at):
    bad = write("new.csv", [*table, *table[1:] * 20, ["too", "short"]])
    (at / "p.csv").write_text("old\n")
    said = nntool("predict", run, bad, "--output", "p.csv", "--strict")
    assert said.code == 3
    assert f"line {61 + 20 * 60 + 1} has 2" in said.message
    assert (at / "p.csv").read_text() == "old\n"
    assert sorted(path.name for path in at.iterdir()) == ["new.csv", "p.csv", "run"]


def test_the_input_is_never_overwritten(nntool, run, table, write):
    source = write("new.csv", table)
    before = source.read_bytes()
    said = nntool("predict", run, source, "--output", source)
    assert (said.code, said.message) == (
        2, f"nntool predict: --output {source} is the input",
    )  # fmt: skip
    os.link(source, source.with_name("same.csv"))
    assert nntool("predict", run, source, "--output", source.with_name("same.csv")).code == 2
    assert source.read_bytes() == before


def test_nothing_is_written_into_the_run(nntool, run, source, content):
    before = content(run)
    assert nntool("predict", run, source, "--output", run / "p.csv").code == 2
    assert content(run) == before


def test_predictions_are_those_of_evaluate(ok, run, source):
    scored = ok("show", run, "evaluate").rows
    predicted = ok("predict", run, source).rows
    parts = np.load(run / "split/rows.npy")
    for row, at in zip(scored, np.flatnonzero(parts == 2), strict=True):
        assert row["prediction"] == predicted[at]["prediction"]
        assert float(row["p_yes"]) == pytest.approx(float(predicted[at]["p_yes"]), abs=1e-6)


def test_a_model_that_is_no_model_is_refused_as_data(nntool, run, write, table):
    """Opening a stranger's run fails in words, not as a bug."""
    model = json.loads((run / "train/model.json").read_text())
    model["network"]["activation"] = "os.system"
    (run / "train/model.json").write_text(json.dumps(model))
    manifest = json.loads((run / "run.json").read_text())
    digest = hashlib.sha256((run / "train/model.json").read_bytes()).hexdigest()
    manifest["steps"]["train"]["writes"]["train/model.json"]["sha256"] = digest
    (run / "run.json").write_text(json.dumps(manifest))
    said = nntool("predict", run, write("in.csv", table))
    assert said.code == 3
    assert "does not describe a model" in said.err
