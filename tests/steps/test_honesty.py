"""What is odd in the data is said, never guessed: the exit code and the first line of each case."""

import csv
import io

import pytest

PLAN, AGE, CHURNED = 3, 1, -1


def column(rows, index, cells):
    """Put cells in a column, from the first row under the header."""
    for row, cell in zip(rows[1:], cells, strict=False):
        row[index] = cell
    return rows


# Predicting rows that are not like those of training


def test_an_unseen_category_is_predicted_and_counted(nntool, run, table, write, content):
    before = content(run)
    source = write("new.csv", column(table, PLAN, ["gold", "gold", "platinum"]))
    said = nntool("predict", run, source)
    assert said.code == 0
    assert said.first == "nntool predict: 'plan': 3 cells with a category not seen in training"
    assert len(said.rows) == 60
    assert content(run) == before
    counts = nntool("predict", run, source, "--json", "--output", source.with_name("p.csv")).json
    assert counts["predict"]["unseen"] == {"plan": 3}


def test_all_missing_columns_are_named_at_once_each_with_its_nearest(
    nntool, run, table, write, content
):
    before = content(run)
    source = write("new.csv", [[row[0], row[2], row[3]] for row in table])
    source.write_text(source.read_text().replace("plan", "plna", 1))
    said = nntool("predict", run, source)
    assert (said.code, said.out) == (3, b"")
    assert said.first == (
        "nntool predict: columns: there are no such columns: 'age', 'plan' (nearest: 'plna'),"
        " 'joined' (nearest: 'income'), 'visits'"
    )
    assert said.hint == "the 3 columns are: 'customer', 'income', 'plna'"
    assert content(run) == before


def test_a_missing_column_leaves_an_older_output_as_it_was(nntool, run, table, write, at):
    old = at / "predictions.csv"
    old.write_text("old\n")
    source = write("new.csv", [row[:3] for row in table])
    assert nntool("predict", run, source, "--output", old).code == 3
    assert old.read_text() == "old\n"
    assert sorted(path.name for path in at.iterdir()) == ["new.csv", "predictions.csv", "run"]


def test_an_extra_column_is_passed_over(nntool, run, table, write, source):
    extra = write("new.csv", [["note", *table[0]], *(["x,y", *row] for row in table[1:])])
    said = nntool("predict", run, extra)
    plain = nntool("predict", run, source)
    assert (said.code, said.out, said.err) == (0, plain.out, plain.err)


def test_new_rows_need_no_target(nntool, run, table, write, source):
    said = nntool("predict", run, write("new.csv", [row[:-1] for row in table]))
    plain = nntool("predict", run, source)
    assert (said.code, said.out, said.err) == (0, plain.out, plain.err)


def test_a_missing_target_cannot_be_evaluated(nntool, run, table, write, content):
    before = content(run)
    source = write("new.csv", [row[:-1] for row in table])
    said = nntool("evaluate", run, "--data", source)
    assert said.code == 3
    assert said.message == (
        f"nntool evaluate: {source} has no target column 'churned' to compare with"
    )
    assert said.out == b""
    assert content(run) == before


def test_text_where_numbers_were_is_taken_as_missing_and_counted(nntool, run, table, write):
    source = write("new.csv", column(table, AGE, ["old", "young"]))
    said = nntool("predict", run, source)
    assert said.code == 0
    assert said.first == (
        "nntool predict: 'age': 2 cells taken as missing (2 of another type than in training)"
    )
    empty = write("empty.csv", column(table, AGE, ["", ""]))
    assert said.out == nntool("predict", run, empty).out


def test_cells_that_are_not_finite_are_taken_as_missing_and_counted(nntool, run, table, write):
    source = write("new.csv", column(table, AGE, ["inf", "-Infinity", "NAN"]))
    said = nntool("predict", run, source)
    assert said.code == 0
    assert said.first == (
        "nntool predict: 'age': 3 cells taken as missing (2 infinite, 1 not a number)"
    )
    empty = write("empty.csv", column(table, AGE, ["", "", ""]))
    assert said.out == nntool("predict", run, empty).out


def test_cells_of_any_size_are_answered_by_numbers_and_what_is_clipped_is_said(
    nntool, run, table, write
):
    source = write(
        "new.csv", column(table, AGE, ["1e308", "-1e308", "1e39", "99999999999999999999"])
    )
    said = nntool("predict", run, source, "--status")
    assert said.code == 0
    assert all(0 <= float(row["p_yes"]) <= 1 for row in said.rows)
    assert all("out of range" in row["status"] for row in said.rows[:4])
    assert "nntool predict: 'age': 4 numbers too large for a network, clipped\n" in said.err


def test_an_empty_file_cannot_be_predicted(nntool, run, write):
    source = write("new.csv", [])
    said = nntool("predict", run, source)
    assert (said.code, said.out) == (3, b"")
    assert said.first == f"nntool predict: {source} is empty"


def test_a_header_alone_is_answered_with_a_header_alone(nntool, run, table, write):
    said = nntool("predict", run, write("new.csv", table[:1]))
    assert (said.code, said.text) == (0, "prediction,p_no,p_yes\n")
    assert "there is a header and no row below it" in said.err


def test_a_header_alone_cannot_be_evaluated(nntool, run, table, write, content):
    before = content(run)
    source = write("new.csv", table[:1])
    said = nntool("evaluate", run, "--data", source)
    assert said.code == 3
    assert said.message == f"nntool evaluate: {source} has a header and no rows"
    assert content(run) == before


def test_an_input_that_is_not_there_is_named(nntool, run):
    said = nntool("predict", run, "nowhere.csv")
    assert (said.code, said.first) == (3, "nntool predict: nowhere.csv is not there")


# Reading rows to learn from


@pytest.mark.parametrize("command", ["collect", "clean", "run"])
def test_an_empty_file_cannot_be_collected(nntool, tmp_path, write, command):
    source = write("in.csv", [])
    words = {
        "collect": ["collect", tmp_path / "new", source],
        "clean": ["clean", tmp_path / "new", source, "--target", "y"],
        "run": ["run", tmp_path / "new", "--data", source, "--target", "y"],
    }
    said = nntool(*words[command])
    step = "collect" if command == "run" else command
    assert (said.code, said.first) == (3, f"nntool {step}: {source} is empty")
    assert said.hint == "give a file with a header and rows"
    assert not (tmp_path / "new").exists()


def test_a_header_alone_cannot_be_collected(nntool, tmp_path, table, write):
    source = write("in.csv", table[:1])
    said = nntool("collect", tmp_path / "new", source)
    assert (said.code, said.first) == (3, f"nntool collect: {source} has a header and no rows")
    assert not (tmp_path / "new").exists()


def test_a_bad_source_leaves_a_finished_run_as_it_was(nntool, run, write, content):
    before = content(run)
    assert nntool("collect", run, write("in.csv", [])).code == 3
    assert nntool("clean", run, write("in.csv", [["y"]]), "--target", "y").code == 3
    assert content(run) == before


def test_a_missing_target_is_named_with_its_nearest(nntool, tmp_path, source):
    said = nntool("clean", tmp_path / "new", source, "--target", "churn")
    assert said.code == 3
    assert said.message == (
        "nntool clean: the target: there is no such column: 'churn' (nearest: 'churned')"
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("step", ["clean", "split"])
def test_a_target_of_one_value_is_an_error_at_once(nntool, tmp_path, table, write, content, step):
    source = write("in.csv", column(table, CHURNED, ["no"] * 60))
    root = tmp_path / "new"
    assert nntool("collect", root, source).code == 0
    before = content(root)
    said = nntool(step, root, "--target", "churned")
    message = f"nntool {step}: the target has one value only, 'no': nothing to learn"
    assert (said.code, said.first) == (3, message)
    assert content(root) == before


def test_run_does_not_blame_another_step_for_an_error_of_split(nntool, tmp_path, table, write):
    source = write("in.csv", column(table, CHURNED, ["no"] * 60))
    said = nntool("run", tmp_path / "new", "--data", source, "--target", "churned")
    assert said.code == 3
    assert said.message in (
        "nntool run: the target has one value only, 'no': nothing to learn",
        "nntool split: the target has one value only, 'no': nothing to learn",
    )


def test_fewer_training_rows_than_classes_is_an_error_of_split(nntool, tmp_path, write, content):
    rows = [[str(i), "abcdefgh"[i % 8]] for i in range(40)]
    root = tmp_path / "new"
    assert nntool("clean", root, write("in.csv", [["x", "y"], *rows]), "--target", "y").code == 0
    before = content(root)
    said = nntool("split", root, "--method", "random", "--train", "0.1", "--validation", "0.4")
    assert said.code == 3
    assert said.first.startswith("nntool split: ")
    assert "fewer than the 8 classes" in said.first
    assert content(root) == before


def test_rows_without_a_target_are_left_out_and_counted(nntool, tmp_path, table, write):
    source = write("in.csv", column(table, CHURNED, ["", "NA", "yes", "?"]))
    root = tmp_path / "new"
    said = nntool("clean", root, source, "--target", "churned")
    assert said.code == 0
    assert "nntool clean: 3 of 60 rows left out: their target is missing" in said.err.splitlines()
    left_out = nntool("show", root, "clean/left_out.npy").text.split()
    assert left_out == ["left_out", "1", "1", "0", "1", *["0"] * 56]
    assert nntool("split", root).code == 0
    assert len(nntool("show", root, "split").text.split()) == 61


def test_a_target_without_any_value_is_refused(nntool, tmp_path, table, write):
    source = write("in.csv", column(table, CHURNED, [""] * 60))
    said = nntool("clean", tmp_path / "new", source, "--target", "churned")
    assert said.code == 3
    assert said.message == "nntool clean: the target has no value: every cell is missing"
    assert not (tmp_path / "new").exists()


def test_repeated_and_empty_names_are_made_unique_and_said(nntool, tmp_path, table, write):
    table[0] = ["customer", "", "age", "plan", "age", "age_2", "churned"]
    source = write("in.csv", table)
    said = nntool("collect", tmp_path / "new", source, "--delimiter", ",")
    assert said.code == 0
    assert said.err.splitlines()[:2] == [
        f"nntool collect: {source}: 1 column without a name: called 'column_2'",
        f"nntool collect: {source}: 1 column with the name of another: 'age_3'",
    ]
    names = next(csv.reader(io.StringIO(nntool("show", tmp_path / "new", "collect").text)))
    assert names == ["customer", "column_2", "age", "plan", "age_3", "age_2", "churned"]


def test_names_made_unique_are_found_again_by_predict(nntool, ok, tmp_path, table, write):
    table[0] = ["customer", "", "age", "plan", "age", "visits", "churned"]
    source = write("in.csv", table)
    quick = ["--set", "train.epochs=2", "--set", "train.hidden=[4]"]
    ok("run", tmp_path / "new", "--data", source, "--target", "churned", *quick)
    said = ok("predict", tmp_path / "new", source, "--id", "column_2")
    assert [row["column_2"] for row in said.rows] == [row[AGE] for row in table[1:]]


def test_cells_that_are_not_finite_are_missing_when_cleaned(nntool, tmp_path, table, write):
    source = write("in.csv", column(table, AGE, ["inf", "x", "-inf", "NaN"]))
    root = tmp_path / "new"
    said = nntool("clean", root, source, "--target", "churned", "--roles", "age=numeric")
    assert said.code == 0
    lines = said.err.splitlines()
    assert "nntool clean: 'age': 2 cells not finite: missing" in lines
    assert "nntool clean: 'age': 1 cell not numbers: missing (--roles)" in lines
    assert "nntool clean: 1 cell with 'NaN' read as missing, in 1 column (--missing-values)" in (
        lines
    )
    ages = [row["age"] for row in nntool("show", root, "clean").rows]
    assert ages[:4] == ["", "", "", ""]
    assert ages[4:] == [row[AGE] for row in table[5:]]


def test_a_class_that_training_never_saw_is_said_when_scored(nntool, run, table, write):
    source = write("new.csv", column(table, CHURNED, ["maybe", "maybe"]))
    said = nntool("evaluate", run, "--data", source)
    assert said.code == 0
    assert (
        f"nntool evaluate: {source}: 2 rows of class 'maybe', which training never saw"
        in said.err.splitlines()
    )


def test_classes_that_training_never_saw_are_counted_over_all_chunks(
    nntool, run, table, write, monkeypatch
):
    monkeypatch.setattr("nntool.tables.csv.cutter.FIRST_BLOCK", 300)
    for place in (2, 20, 40, 60):
        table[place][CHURNED] = "maybe"
    source = write("new.csv", table)
    said = nntool("evaluate", run, "--data", source)
    assert f"{source}: 4 rows of class 'maybe', which training never saw" in said.err


def test_records_of_another_length_are_named_by_line(nntool, tmp_path, table, write):
    source = write("in.csv", [*table[:3], ["1", "2"], *table[3:]])
    said = nntool("collect", tmp_path / "new", source, "--delimiter", ",")
    assert said.code == 3
    assert said.first == (
        f"nntool collect: {source}: 1 record is not as the others (7 cells):"
        " line 4 has 2 cells ('1,2')"
    )
    assert not (tmp_path / "new").exists()
