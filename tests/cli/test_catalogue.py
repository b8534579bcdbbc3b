"""Help as a catalogue: grouped, aligned, complete, plain."""

import os
import re
import subprocess
import sys

import pytest

from nntool.cli.commands import COMMANDS, models
from nntool.settings.model import fields
from nntool.settings.train import TrainSettings
from nntool.steps import choices


def help_of(name, width=80, **more):
    """What a process prints into a pipe at this width."""
    done = subprocess.run(
        [sys.executable, "-m", "nntool", name, "--help"],
        capture_output=True,
        check=True,
        env=os.environ | {"COLUMNS": str(width)} | more,
    )
    return done.stdout.decode()


def sections(text):
    """The lines below each heading."""
    found = {}
    for line in text.splitlines():
        if re.fullmatch(r"\S.*:", line):
            found[line[:-1]] = lines = []
        elif line and found:
            lines.append(line)
    return found


@pytest.fixture(scope="module")
def train():
    return sections(help_of("train"))


def test_the_options_of_train_stand_under_their_groups_in_their_order(train):
    groups = list(dict.fromkeys(field.group for field in fields(TrainSettings)[:-1]))
    assert list(train) == ["Arguments", *groups, "Other options"]
    for field in fields(TrainSettings)[:-1]:
        assert any(re.match(rf"  {field.option}( |/|$)", line) for line in train[field.group])


def test_no_group_of_train_is_a_wall(train):
    for field_lines in train.values():
        assert sum(line.startswith("  -") for line in field_lines) <= 11


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("width", [60, 80, 200])
def test_lines_keep_to_the_width_and_words_stand_in_one_column(nntool, monkeypatch, name, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = nntool(name, "--help").text.splitlines()
    assert all(len(line) <= min(width, 100) for line in lines)
    beside = [re.match(r"  (-q, |-h, )?--\S+( \S+)?  +(?=\S)", line) for line in lines]
    assert len({match.end() for match in beside if match}) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_stands_there_once(nntool, name):
    text = nntool(name, "--help").text
    found = re.findall(r"(?m)^  (?:-\w, )?(--[\w-]+)", text)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    "field", [f for f in fields(TrainSettings) if f.registry], ids=lambda field: field.name
)
def test_the_names_of_a_registry_follow_its_option_each_once(train, field):
    text = "\n".join(train[field.group])
    own = re.split(r"\n  (?=-)", text[text.index(f"  {field.option} ") :])[0]
    listed = " ".join(own.splitlines()[1:]).split("]")[-1]
    names = [word.strip() for word in listed.split(",")]
    wanted = [*field.words, *choices.names(field.registry)]
    assert names[-len(wanted) :][1:] == wanted[1:]  # the first may follow the help's last words
    assert names[-len(wanted)].endswith(wanted[0])


def test_a_switch_is_shown_by_its_name_and_one_that_is_on_by_both(nntool):
    assert "\n  --batch-norm  " in nntool("train", "--help").text
    assert "\n  --baseline/--no-baseline  " in nntool("evaluate", "--help").text


@pytest.mark.parametrize("width", range(60, 101, 4))
def test_a_default_is_not_torn_apart(nntool, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    text = nntool("train", "--help").text
    for field in fields(TrainSettings)[:-1]:
        if isinstance(field.default, str):
            assert f"default: {field.default}]" in text


@pytest.mark.parametrize("more", [{}, {"FORCE_COLOR": "1"}, {"TERM": "xterm-256color"}])
def test_help_is_plain_text_in_a_pipe(more):
    assert "\x1b" not in help_of("train", **more)


def test_the_default_and_the_bounds_of_every_option_are_told(nntool):
    for name, command in COMMANDS.items():
        shown = " ".join(nntool(name, "--help").text.split())
        for model in models(command).values():
            for field in fields(model):
                if field.required:
                    assert f"{field.help} [required]" in shown
                elif field.name not in (*command.hidden_fields, "seed") and field.bounds:
                    assert f"{field.help} [≥ " in shown or f"{field.help} [> " in shown
