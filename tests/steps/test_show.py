"""``show``: every artifact as CSV that a spreadsheet or pandas reads back."""

import csv
import io
import json

import numpy as np
import pytest

STEPS = ("collect", "clean", "transform", "select-features", "split", "train", "evaluate")


@pytest.mark.parametrize("step", STEPS)
def test_every_file_of_a_step_can_be_shown_as_csv(nntool, run, step):
    writes = json.loads((run / "run.json").read_text())["steps"][step]["writes"]
    assert writes
    for artifact in [step, *writes]:
        said = nntool("show", run, artifact)
        assert (said.code, said.err) == (0, ""), artifact
        lines = list(csv.reader(io.StringIO(said.text, newline="")))
        assert len({len(line) for line in lines}) == 1, artifact
        assert len(lines) > 1


def test_numbers_read_back_exactly(nntool, run):
    rows = nntool("show", run, "transform").rows
    found = np.array([list(row.values()) for row in rows], np.float32)
    assert np.array_equal(found, np.load(run / "transform/numeric.npy"))
    weights = np.load(run / "train/model.npz")["theta"]
    shown = [row for row in nntool("show", run, "train/model.npz").rows if row["array"] == "theta"]
    assert np.array_equal(np.array([row["value"] for row in shown], np.float32), weights)


def test_what_was_collected_reads_back_as_it_stood(nntool, ok, tmp_path, write):
    """Commas, quotes, line ends in cells, blanks, empty cells: each comes back."""
    rows = [["a", "b"], ['x,"y"', "1"], ["two\nlines", " "], ["", "naïve"], ["'", ";"]]
    ok("collect", tmp_path / "new", write("in.csv", rows), "--delimiter", ",")
    said = nntool("show", tmp_path / "new", "collect")
    assert list(csv.reader(io.StringIO(said.text, newline=""))) == rows
    assert said.out.endswith(b"\n")
    assert b"\r" not in said.out
    assert said.text.splitlines()[1] == '"x,""y""",1'


def test_an_unknown_artifact_lists_the_valid_ones(nntool, run):
    said = nntool("show", run, "nowhere")
    assert (said.code, said.first) == (2, "nntool show: 'nowhere' is no step")
    assert said.hint == "choose from " + ", ".join(STEPS)
    said = nntool("show", run, "clean/nowhere.npy")
    assert (said.code, said.first) == (2, "nntool show: clean has no file 'clean/nowhere.npy'")
    assert "clean/left_out.npy" in said.hint


def test_a_step_that_has_not_run_is_named_with_its_command(nntool, ok, tmp_path, source):
    root = tmp_path / "new"
    ok("clean", root, source, "--target", "churned")
    said = nntool("show", root, "train")
    assert (said.code, said.first) == (4, f"nntool show: train has not run in {root}")


@pytest.mark.parametrize("path", ["../secret", "clean/../../secret", "/etc/passwd"])
def test_nothing_outside_the_run_is_shown(nntool, run, path):
    (run.parent / "secret").write_text("secret")
    said = nntool("show", run, path)
    assert (said.code, said.out) == (2, b"")
