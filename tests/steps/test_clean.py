"""``clean`` by its command: types, marks and words; no row moves, none is dropped."""

import json

import numpy as np
import pytest


def state(root):
    return json.loads((root / "clean/state.json").read_text())


def test_every_row_keeps_its_place_through_all_artifacts(nntool, ok, tmp_path, table, write):
    """Left-out rows too: row i of every artifact is row i of the source."""
    for row in (3, 10, 40):
        table[row][-1] = ""
    table[20] = list(table[19])
    source = write("in.csv", table)
    root = tmp_path / "new"
    ok("clean", root, source, "--target", "churned", "--duplicates", "leave-out")
    ok("transform", root, "--encode", "embedding")
    ok("select-features", root)
    ok("split", root)
    ok("train", root, "--epochs", "2", "--hidden", "4")
    ok("evaluate", root, "--part", "train")
    cells = table[1:]
    collected = ok("show", root, "collect").rows
    assert [list(row.values()) for row in collected] == cells
    cleaned = ok("show", root, "clean").rows
    assert [row["customer"] for row in cleaned] == [row[0] for row in cells]
    assert [row["age"] for row in cleaned] == [row[1] for row in cells]
    numeric = ok("show", root, "transform").rows
    ages = [[float(row["age"]) for row in numeric], [float(row[1]) for row in cells]]
    assert np.corrcoef(ages)[0, 1] > 1 - 1e-9  # scaled, and each where it was
    for name in ("transform/target.npy", "transform/categorical.npy", "split/rows.npy"):
        assert len(np.load(root / name)) == 60
    marks = np.load(root / "clean/left_out.npy")
    assert {i + 1: int(mark) for i, mark in enumerate(marks) if mark} == {3: 1, 10: 1, 20: 2, 40: 1}
    target = np.load(root / "transform/target.npy")
    kept = marks == 0
    assert target[kept].tolist() == [
        float(row[-1] == "yes") for row, keep in zip(cells, kept, strict=True) if keep
    ]
    training = kept & (np.load(root / "split/rows.npy") == 0)
    scored = ok("show", root, "evaluate").rows
    assert [int(row["row"]) for row in scored] == (np.flatnonzero(training) + 1).tolist()
    assert [row["target"] for row in scored] == [cells[i][-1] for i in np.flatnonzero(training)]


def test_every_repeat_of_a_row_is_marked_and_its_first_is_kept(ok, tmp_path, table, write):
    """Equal rows are dealt to one part, so the repeats are found there too."""
    rows = [*table, *table[1:]]
    root = tmp_path / "new"
    ok("collect", root, write("in.csv", rows))
    ok("split", root, "--target", "churned")
    ok("clean", root, "--target", "churned", "--duplicates", "leave-out")
    marks = np.load(root / "clean/left_out.npy")
    assert marks.tolist() == [0] * 60 + [2] * 60


def test_leading_zeros_large_integers_and_dates_are_kept_as_they_are(ok, tmp_path, table, write):
    for i, row in enumerate(table[1:]):
        row[5] = str(9007199254740993 + i)
    root = tmp_path / "new"
    ok("clean", root, write("in.csv", table), "--target", "churned")
    cleaned = ok("show", root, "clean").rows
    assert [row["customer"] for row in cleaned[:2]] == ["00001", "00002"]
    assert [row["visits"] for row in cleaned] == [row[5] for row in table[1:]]
    assert [row["joined"] for row in cleaned] == [row[4] for row in table[1:]]


def test_roles_are_inferred_shown_and_can_be_changed(ok, tmp_path, source):
    root = tmp_path / "new"
    said = ok("clean", root, source, "--target", "churned", "--roles", "age=categorical")
    roles = {column["name"]: column["role"] for column in state(root)["columns"]}
    assert roles == {
        "customer": "identifier", "age": "categorical", "income": "numeric",
        "plan": "categorical", "joined": "date", "visits": "numeric",
    }  # fmt: skip
    shown = {line.split()[0]: line.split()[1] for line in said.err.splitlines()}
    assert {name: shown[name] for name in roles} == roles
    assert shown["churned"] == "target"


def test_a_wrong_role_lists_the_roles(nntool, tmp_path, source):
    said = nntool("clean", tmp_path / "new", source, "--target", "churned", "--roles", "age=number")
    assert said.code == 2
    assert "'number'" in said.first
    assert "numeric, categorical, date, text, identifier, ignored" in said.hint


def test_unknown_columns_of_roles_are_named_all_at_once(nntool, tmp_path, source):
    words = ["--roles", "agee=numeric", "--roles", "plann=categorical"]
    said = nntool("clean", tmp_path / "new", source, "--target", "churned", *words)
    assert said.code == 3
    assert "'agee' (nearest: 'age'), 'plann' (nearest: 'plan')" in said.message


def test_missing_tokens_are_counted_and_said(ok, tmp_path, table, write):
    table[1][1], table[2][1], table[3][3] = "NA", "unknown", "unknown"
    source = write("in.csv", table)
    root = tmp_path / "new"
    words = ["--missing-values", "unknown", "--missing-values", "NA"]
    said = ok("clean", root, source, "--target", "churned", *words)
    lines = said.err.splitlines()
    for line in (
        "nntool clean: 1 cell with 'NA' read as missing, in 1 column (--missing-values)",
        "nntool clean: 2 cells with 'unknown' read as missing, in 2 columns (--missing-values)",
    ):
        assert line in lines
    assert state(root)["missing_values"] == ["unknown", "NA"]


@pytest.mark.parametrize(
    ("target", "task"),
    [("churned", "binary"), ("plan", "multiclass"), ("income", "regression")],
)
def test_the_task_is_found_and_said_with_the_option_that_changes_it(
    ok, tmp_path, source, target, task
):
    said = ok("clean", tmp_path / "new", source, "--target", target)
    (line,) = [line for line in said.err.splitlines() if "the task is" in line]
    assert line.startswith(f"nntool clean: the task is {task}: ")
    assert line.endswith("(--task to choose another)")
    assert state(tmp_path / "new")["target"]["task"] == task


def test_no_refit_changes_the_task(ok, tmp_path, write):
    """Eleven whole numbers are a regression even where training rows hold ten of them."""
    rows = [[str(i), str(i % 10)] for i in range(40)] + [["40", "99"]]
    root = tmp_path / "new"
    ok("clean", root, write("in.csv", [["x", "y"], *rows]), "--target", "y")
    for seed in range(12):
        ok("split", root, "--seed", seed)
        assert state(root)["target"]["task"] == "regression"
    assert ok("show", root, "split").rows[40]["rows"] in ("0", "1", "2")


def test_positive_is_the_last_class_or_the_one_that_is_named(ok, nntool, tmp_path, source):
    ok("clean", tmp_path / "new", source, "--target", "churned")
    assert state(tmp_path / "new")["target"]["positive"] == "yes"
    ok("clean", tmp_path / "new", "--target", "churned", "--positive", "no")
    assert state(tmp_path / "new")["target"]["positive"] == "no"
    said = nntool("clean", tmp_path / "new", "--target", "churned", "--positive", "maybe")
    assert said.code == 2
    assert said.hint == "choose from 'no', 'yes'"


def test_clean_without_a_source_needs_a_run(nntool, tmp_path):
    said = nntool("clean", tmp_path / "new", "--target", "churned")
    assert said.code == 4
    assert not (tmp_path / "new").exists()


def test_how_a_source_is_read_needs_a_source(nntool, run):
    said = nntool("clean", run, "--target", "churned", "--delimiter", ";")
    assert said.code == 2
    assert said.first == (
        "nntool clean: --delimiter says how a source is read, and no source is given"
    )


def test_several_sources_become_one_table_in_their_order(ok, tmp_path, table, write):
    a = write("a.csv", table[:31])
    b = write("b.csv", [[row[-1], *row[:-1]] for row in [table[0], *table[31:]]])
    ok("clean", tmp_path / "new", a, b, "--target", "churned")
    rows = ok("show", tmp_path / "new", "collect").rows
    assert [list(row.values()) for row in rows] == table[1:]


def test_sources_with_other_columns_are_refused(nntool, tmp_path, table, write):
    a, b = write("a.csv", table[:31]), write("b.csv", [row[:-1] for row in table])
    said = nntool("collect", tmp_path / "new", a, b)
    assert said.code == 3
    assert said.message.endswith(f"the sources have different columns: {b} is without 'churned'")


def test_a_position_is_the_name_that_stands_there(ok, table, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("\n".join(",".join(map(str, row)) for row in table) + "\n")
    ok("clean", tmp_path / "r", source, "--target", table[0][-1])
    again = ok("clean", tmp_path / "r", "--target", "@-1")
    assert "already done with these settings" in again.err


def test_tokens_typed_with_commas_are_read_as_several(nntool, tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,a\n-,b\n?,a\n4,b\n")
    said = nntool("clean", tmp_path / "run", tmp_path / "t.csv", "--target", "y",
                  "--missing-values", "-, ?")  # fmt: skip
    assert said.code == 0
    assert "1 cell with '-' read as missing" in said.err
    assert "1 cell with '?' read as missing" in said.err


def test_only_training_rows_say_how_a_doubtful_target_is_written(nntool, ok, tmp_path):
    """7,964 is a number under two decimal marks; columns of test rows must not choose one."""
    rows = [f"{i % 7};{100 + 7 * i};{1 + i % 9},{100 + 7 * i};train" for i in range(60)]
    rows += [f"{i % 7},5;{100 + 7 * i};{1 + i % 9},{100 + 7 * i};test" for i in range(20)]
    source, run = tmp_path / "table.csv", tmp_path / "run"
    source.write_text("\n".join(["x;z;y;part", *rows]) + "\n")
    ok("collect", run, source)
    words = ("--method", "column:column=part", "--validation", "0.1")
    ok("split", run, "--target", "y", "--task", "regression", *words)
    said = nntool("clean", run, "--target", "y", "--task", "regression")
    assert said.code == 3
    assert "7.964" not in said.out.decode()
    assert "--decimal" in said.err
    ok("clean", run, "--target", "y", "--task", "regression", "--decimal", ",")
