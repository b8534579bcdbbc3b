"""Help costs no more than typer: nothing heavy is imported before it is needed."""

import json
import subprocess
import sys

import pytest

from nntool.cli.commands import COMMANDS
from nntool.settings.model import fields

HEAVY = {"numpy", "pyarrow", "pandas", "sklearn", "scipy", "joblib", "matplotlib", "rich"}
COUNT = """
import json, sys
from nntool.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    assert not left.code, left.code
print("\\n" + json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *words], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_the_first_words_import_nothing_heavy(words):
    found = imported(*words)
    assert not found & HEAVY
    assert not found & {"msgspec", "filelock", "threadpoolctl", "tomllib"}


def test_the_help_of_train_imports_nothing_heavier_than_numpy():
    assert imported("train", "--help") & HEAVY <= {"numpy"}


@pytest.mark.parametrize("name", ["collect", "run", "predict"])
def test_help_without_choices_from_a_registry_imports_nothing_heavy(name):
    assert not imported(name, "--help") & HEAVY


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_its_help(nntool, name, flag):
    said = nntool(name, flag)
    assert (said.code, said.err) == (0, "")
    shown = " ".join(said.text.split())
    arguments = [argument.upper() for argument, *_ in COMMANDS[name].arguments]
    assert shown.startswith(f"Usage: nntool {name} [OPTIONS] ")
    usage = shown.partition(COMMANDS[name].help)[0]
    assert [word.strip("{}[].") for word in usage.split()[4:]] == arguments
    assert f"{COMMANDS[name].help} Example: {COMMANDS[name].example} " in shown


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.steps])
def test_the_help_of_a_command_shows_every_field_with_its_words(nntool, name):
    from nntool.cli.commands import models

    shown = " ".join(nntool(name, "--help").text.split())
    command = COMMANDS[name]
    for model in models(command).values():
        for field in fields(model):
            if field.name in command.hidden_fields:
                continue
            assert f" {field.option}" in shown
            if field.name != "seed":  # its words are those of the common option
                assert " ".join(field.help.split()) in shown


def test_the_help_of_all_lists_every_command_in_the_order_of_work(nntool):
    said = nntool("--help")
    listed = [line.split()[0] for line in said.text.partition("Commands:")[2].splitlines() if line]
    assert [word for word in listed if word in COMMANDS] == list(COMMANDS)


def test_no_words_at_all_show_the_help(nntool):
    said = nntool()
    assert said.code == 2
    assert said.err.startswith("Usage: nntool [OPTIONS] COMMAND")


def test_the_version_is_that_of_the_package(nntool):
    from nntool import __version__

    assert nntool("--version").text == f"nntool {__version__}\n"


def own_process(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "importtime", "-m", "nntool", *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_pyarrow_does_not_bring_pandas_in(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("a,b,y\n" + "1.5,x,0\n2,,1\n" * 20)
    done = own_process("clean", str(tmp_path / "run"), str(source), "--target", "y")
    assert done.returncode == 0
    assert "pyarrow.lib" in done.stderr
    assert "pandas.core" not in done.stderr


def test_nanoseconds_in_lists_which_need_pandas_are_refused(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = tmp_path / "in.parquet"
    times = pa.array([[1], [1001]], pa.list_(pa.timestamp("ns")))
    pq.write_table(pa.table({"times": times, "y": [1, 2]}), source)
    done = own_process("collect", str(tmp_path / "run"), str(source))
    assert done.returncode == 3
    assert "'times' holds list<" in done.stderr
    assert "--drop 'times'" in done.stderr
