"""Pages show what their commands print; README.md also the Makefile that a test runs."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SEVEN = ["clean", "transform", "select-features", "split", "train", "evaluate", "predict"]


def script(name: str) -> Any:
    """A script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def refreshing() -> Any:
    return script("refresh_pages")


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return (ROOT / "README.md").read_text(encoding="utf-8").split("\n")


@pytest.mark.parametrize("page", script("refresh_pages").PAGES)
def test_each_command_of_a_page_prints_what_stands_below_it(
    tmp_path: Path, refreshing: Any, page: str
) -> None:
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    run = refreshing.terminal(tmp_path)
    lines = (ROOT / page).read_text(encoding="utf-8").split("\n")
    wrong = {}
    for call in refreshing.calls(lines):
        shown, printed = lines[call.begin : call.end], run(call.command)
        if not refreshing.agrees(shown, printed):
            wrong[call.command] = {"shown": shown, "printed": printed}
    assert wrong == {}, "python docs/refresh_pages.py writes what is printed"


def test_the_readme_shows_the_seven_commands_in_their_order_and_a_pipeline(
    refreshing: Any, lines: list[str]
) -> None:
    commands = [call.command for call in refreshing.calls(lines)]
    places = [
        next(i for i, command in enumerate(commands) if command.startswith(f"nntool {name} run"))
        for name in SEVEN
    ]
    assert places == sorted(places)
    assert any("nntool predict" in c and "|" in c.partition("predict")[2] for c in commands)


def test_the_makefile_of_the_readme_is_the_one_that_is_tested(
    refreshing: Any, lines: list[str]
) -> None:
    shown = ["\n".join(lines[begin:end]) + "\n" for begin, end in refreshing.blocks(lines, "make")]
    assert shown == [(ROOT / "docs/example/Makefile").read_text(encoding="utf-8")]


TEXT = """before
```console
$ echo one; echo two >&2
wrong
$ echo a \\
    b
```
```make
old:
```
after
"""


def test_refreshing_writes_what_commands_print_on_both_streams(
    tmp_path: Path, refreshing: Any
) -> None:
    found = refreshing.refreshed(TEXT, refreshing.terminal(tmp_path), "new:\n\tnntool\n")
    wanted = TEXT.replace("wrong", "one\ntwo").replace("    b\n", "    b\na b\n")
    assert found == wanted.replace("old:", "new:\n\tnntool")


@pytest.mark.parametrize("shown", ["…", "first\n…", "f…t\n…\nlast", "first\nof … lines\nlast"])
def test_refreshing_keeps_what_was_shortened_by_hand_as_long_as_it_is_true(
    refreshing: Any, shown: str
) -> None:
    text = f"```console\n$ x\n{shown}\n```\n"
    assert refreshing.refreshed(text, lambda _: ["first", "of three lines", "last"], "") == text
    other = refreshing.refreshed(text, lambda _: ["other"], "")
    assert (other == text) == (shown == "…")


def test_refreshing_leaves_out_times(refreshing: Any) -> None:
    printed = ["clean fresh 2026-11-20T19:31:26+00:00", "took 0.25 s", "1.5 stays"]
    found = refreshing.refreshed("```console\n$ x\n```\n", lambda _: printed, "")
    assert found == "```console\n$ x\nclean fresh …\ntook … s\n1.5 stays\n```\n"


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (["one"], ["one", "two"]),
        (["one", "two"], ["one"]),
        (["one"], ["on"]),
        (["a.c"], ["abc"]),
        (["a…c"], ["a", "c"]),
    ],
)
def test_output_that_is_not_shown_as_it_is_is_seen(
    refreshing: Any, shown: list[str], printed: list[str]
) -> None:
    assert not refreshing.shows(shown, printed)
    assert not refreshing.agrees(shown, printed)


def test_the_reference_pages_say_what_the_settings_say_now() -> None:
    assert script("make_reference").outdated() == [], "make docs writes them"
