"""Completion is installed into the home of whoever asks, and completes."""

import os
import subprocess
import sys

import pytest

FROM_BASH = ["bash", "-c", '"$@"; exit $?', "bash"]
"""A shell that waits for its command: typer looks among its ancestors for one."""
PROGRAM = "import sys; sys.argv[0] = 'nntool'; from nntool.cli.main import main; main()"


@pytest.fixture
def shell(tmp_path):
    def call(*words, **more):
        known = {k: v for k, v in os.environ.items() if "COMPLETE" not in k}
        home = {"HOME": str(tmp_path), "SHELL": "/bin/bash"}
        done = subprocess.run(
            [*FROM_BASH, sys.executable, "-c", PROGRAM, *words],
            capture_output=True,
            text=True,
            env=known | home | more,
            check=True,
        )
        return done.stdout

    return call


def test_installing_writes_a_script_that_bash_reads(shell, tmp_path):
    assert "bash completion installed" in shell("--install-completion", "bash")
    (script,) = (tmp_path / ".bash_completions").iterdir()
    assert f"source '{script}'" in (tmp_path / ".bashrc").read_text()
    assert "_NNTOOL_COMPLETE=complete_bash" in script.read_text()
    subprocess.run(["bash", "-n", script], check=True)


def test_what_is_shown_is_what_is_installed(shell, tmp_path):
    shown = shell("--show-completion", "bash")
    shell("--install-completion", "bash")
    (script,) = (tmp_path / ".bash_completions").iterdir()
    assert shown.strip() == script.read_text().strip()


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("tr", ["transform", "train"]),
        ("s", ["select-features", "split", "status", "show"]),
        ("train --hid", ["--hidden"]),
        ("predict --o", ["--output"]),
    ],
)
def test_commands_and_options_are_completed(shell, typed, completed):
    words = f"nntool {typed}"
    n = len(words.split()) - 1
    out = shell(_NNTOOL_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(n))
    assert out.split() == completed


def test_values_that_have_names_are_completed(shell):
    words = "nntool train run --optimizer nes"
    out = shell(_NNTOOL_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD="4")
    assert out.split() == ["nesterov", "nesterov-simplified"]
    words = "nntool train run --dtype fl"
    out = shell(_NNTOOL_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD="4")
    assert out.split() == ["float32", "float64"]
