"""Results to stdout, talk to stderr; one JSON object where asked for; silence with --quiet."""

import os
import pty
import subprocess
import sys

import pytest

from nntool.cli.commands import COMMANDS

QUICK = ["--epochs", "2", "--hidden", "4"]
FIRST = {
    "collect": ["collect", "NEW", "SOURCE"],
    "clean": ["clean", "NEW", "--target", "churned"],
    "transform": ["transform", "NEW"],
    "select-features": ["select-features", "NEW"],
    "split": ["split", "NEW"],
    "train": ["train", "NEW", *QUICK],
    "evaluate": ["evaluate", "NEW"],
    "predict": ["predict", "NEW", "SOURCE"],
    "status": ["status", "NEW"],
    "show": ["show", "NEW", "clean"],
    "run": ["run", "NEW"],
    "compare": ["compare", "NEW", "--try", "sgd:epochs=2"],
}
"""Every command, in an order in which all work."""

REPORTS = {
    "collect": {"collect"},
    "clean": {"clean"},
    "transform": {"transform"},
    "select-features": {"select-features"},
    "split": {"split", "clean", "transform", "select-features"},
    "train": {"train"},
    "evaluate": {"evaluate"},
    "predict": {"predict"},
    "compare": {"runs", "settings", "data", "versions", "scores", "validation", "not_comparable"},
    "status": {"steps", "tries", "sources", "all_fresh", "next"},
}
"""What the object of each command has beside its command, run, fresh and notes."""

TALK = ("collect", "clean", "transform", "select-features", "split", "train")
"""The commands that have no result to print."""


@pytest.fixture
def words(tmp_path, source):
    def filled(name):
        places = {"NEW": str(tmp_path / "new"), "SOURCE": str(source)}
        return [places.get(word, word) for word in FIRST[name]]

    return filled


def test_every_command_is_looked_at_here():
    assert set(FIRST) == set(COMMANDS)


def test_results_go_to_stdout_and_talk_to_stderr(nntool, words):
    for name in FIRST:
        said = nntool(*words(name))
        assert said.code == 0, said
        if name in TALK:
            assert said.out == b""
            assert f"nntool {name}: " in said.err
        else:
            assert said.out
            assert "nntool" not in said.text


def test_quiet_leaves_results_and_says_nothing(nntool, words):
    for name in FIRST:
        said = nntool(*words(name), "--quiet")
        assert (said.code, said.err) == (0, ""), said
        assert bool(said.out) == (name not in TALK)


def test_quiet_still_says_errors(nntool, tmp_path):
    said = nntool("train", tmp_path / "nowhere", "--quiet")
    assert said.code == 4
    assert said.err.count("\n") == 2
    assert said.out == b""


def test_json_is_one_object_with_the_same_keys_for_the_first_and_a_fresh_call(
    nntool, words, tmp_path
):
    for name in FIRST:
        if name in ("show", "run"):
            continue
        more = ["--output", tmp_path / "p.csv"] if name == "predict" else []
        found = nntool(*words(name), *more, "--json").json
        again = nntool(*words(name), *more, "--json").json
        assert found["command"] == again["command"] == name
        assert found["run"] == str(tmp_path / "new")
        assert set(found) == {"command", "run", "fresh", "notes"} | REPORTS[name]
        # What a split refits is told where it is refitted, so not by a fresh one.
        assert set(again) >= {"command", "run", "fresh", "notes"} | REPORTS[name] - (
            {"clean", "transform", "select-features"} if name == "split" else set()
        )
        if name in names_of_steps():
            assert (found["fresh"], again["fresh"]) == (False, True)


def names_of_steps():
    from nntool.run import names

    return names.ORDER


def test_json_of_run_has_an_object_for_each_step(nntool, tmp_path, source):
    quick = ["--set", "train.epochs=2", "--set", "train.hidden=[4]"]
    words = ["run", tmp_path / "new", "--data", source, "--target", "churned", *quick, "--json"]
    for fresh in (False, True):
        found = nntool(*words).json
        assert set(found) == {"command", "run", "steps"}
        assert list(found["steps"]) == [
            "collect", "split", "clean", "transform", "select-features", "train", "evaluate",
        ]  # fmt: skip
        for step, outcome in found["steps"].items():
            assert outcome["command"] == step
            assert outcome["fresh"] is fresh
    assert found["steps"]["evaluate"]["evaluate"]["network"]["metrics"]["accuracy"] >= 0


ERRORS = {
    "collect": (["collect", "NEW", "nowhere.csv"], 3),
    "clean": (["clean", "RUN", "--target", "nowhere"], 3),
    "transform": (["transform", "NEW"], 4),
    "select-features": (["select-features", "RUN", "--top", "0"], 2),
    "split": (["split", "RUN", "--train", "0"], 2),
    "train": (["train", "RUN", "--optimizer", "sgd", "--learning-rate", "1e30"], 5),
    "evaluate": (["evaluate", "RUN", "--require", "accuracy>=1", "--require", "f1>=1"], 6),
    "predict": (["predict", "RUN", "nowhere.csv", "--output", "x.csv"], 3),
    "run": (["run", "RUN", "--set", "train.optimizer=sgd", "--set", "train.learning_rate=1e30"], 5),
    "status": (["status", "NEW"], 4),
    "show": (["show", "RUN", "nowhere"], 2),
    "compare": (["compare", "RUN"], 2),
}
KINDS = {2: "usage", 3: "data", 4: "stale", 5: "training", 6: "gate", 7: "machine"}


@pytest.mark.parametrize("name", COMMANDS)
def test_an_error_is_one_json_object_too(nntool, run, tmp_path, name):
    line, code = ERRORS[name]
    places = {"NEW": tmp_path / "new", "RUN": run}
    said = nntool(*(places.get(word, word) for word in line), "--json")
    assert said.code == code
    found = said.json
    assert found["command"] == name
    error = found["error"]
    assert set(error) - {"step"} == {"code", "kind", "message", "hint"}
    assert (error["code"], error["kind"]) == (code, KINDS[code])
    assert error["message"]
    assert error["message"] not in said.err


@pytest.mark.parametrize(
    "words", [["train", "--json"], ["train", "RUN", "--nowhere", "--json"], ["nowhere", "--json"]]
)
def test_an_error_of_the_command_line_itself_is_json_too(nntool, words):
    said = nntool(*words)
    assert said.code == 2
    assert said.err == ""
    assert said.json["error"]["kind"] == "usage"
    assert said.json["command"] in ("train", "")


def test_a_failed_gate_shows_the_metrics_that_failed_it(nntool, run):
    words = ["evaluate", run, "--require", "accuracy>=1", "--require", "f1>=1"]
    found = nntool(*words, "--json").json
    assert found["evaluate"]["network"]["metrics"]["accuracy"] < 1
    said = nntool(*words)
    assert said.code == 6
    assert said.text.splitlines()[1].split()[0] == "accuracy"


def test_stale_is_json_with_the_states(nntool, run):
    (run / "train/model.npz").unlink()
    found = nntool("status", run, "--check", "--json").json
    assert found["error"]["code"] == 4
    assert found["steps"]["train"] == found["steps"]["train"] | {
        "state": "stale", "reason": "train/model.npz is missing"
    }  # fmt: skip


def test_predictions_and_json_do_not_share_stdout(nntool, run, source, tmp_path):
    said = nntool("predict", run, source, "--json")
    assert said.code == 2
    assert "--output FILE.csv" in said.json["error"]["hint"]
    out = tmp_path / "p.csv"
    found = nntool("predict", run, source, "--json", "--output", out).json
    assert found["predict"]["rows"] == 60
    assert out.read_bytes() == nntool("predict", run, source).out


def test_off_a_terminal_nothing_is_drawn(nntool, run):
    said = nntool("train", run, "--epochs", "5", "--hidden", "4")
    assert "\x1b" not in said.err
    assert "\r" not in said.err


@pytest.mark.parametrize("no_color", [None, "1"])
def test_on_a_terminal_a_bar_is_drawn_and_wiped(run, no_color):
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    environment |= {"TERM": "xterm-256color"} | ({"NO_COLOR": no_color} if no_color else {})
    words = ["train", str(run), "--epochs", "300", "--patience", "0", "--hidden", "4"]
    with subprocess.Popen(
        [sys.executable, "-m", "nntool", *words],
        stderr=theirs,
        stdout=subprocess.PIPE,
        env=environment,
    ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                more = os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not more:
                break
            seen += more
        assert process.stdout.read() == b""
    os.close(ours)
    text = seen.decode()
    assert process.returncode == 0
    assert "at most 0:0" in text
    assert ("\x1b[38;5" in text or "\x1b[3" in text) is (no_color is None)
    assert "all epochs done after 300 epochs" in text.splitlines()[-1]
