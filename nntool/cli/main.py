"""The entry point: the group of commands, built only when they are named."""

from __future__ import annotations

import difflib
import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nntool import __version__
from nntool.cli import streams
from nntool.cli.boundary import PIPE_CLOSED, refusal
from nntool.cli.commands import COMMANDS, build
from nntool.cli.output import Output, tell
from nntool.errors import MachineError, UsageError


class LazyGroup(TyperGroup):
    """Lists its commands from a table and builds one when it is named."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the usual order of work."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Build a command, or None where there is no such name."""
        return build(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the names and one-line helps without building anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])


app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Turn a CSV into predictions with a neural network.\n\n"
    "Each command reads and writes named artifacts in one run directory:\n\n"
    "  nntool run RUN --data train.csv --target price\n\n"
    "  nntool predict RUN new.csv > predictions.csv",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nntool {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Turn a CSV into predictions with a neural network."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every way out is an exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    words = _with_bare_explain(sys.argv[1:] if arguments is None else arguments)
    streams.prepare()
    try:
        code = app(words, prog_name="nntool", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        code = _usage(error, words)
    except SystemExit as ended:  # completion ends so, and typer where --help met a closed pipe
        is_closed = type(sys.stdout).__name__ == "PacifyFlushWrapper"
        code = PIPE_CLOSED if is_closed else ended.code
    except BrokenPipeError:
        streams.abandon("stdout")
        code = PIPE_CLOSED
    except OSError as error:
        streams.abandon("stdout")
        Output("nntool").error(refusal(error))
        code = MachineError.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    raise SystemExit(code if isinstance(code, int) else 0)


def _with_bare_explain(words: list[str]) -> list[str]:
    """Give the ``--explain`` of ``transform RUN`` an empty name where none follows it."""
    if words[:1] != ["transform"] or words[1:2] == [] or words[1].startswith("-"):
        return words
    return [
        "--explain=" if word == "--explain" and (not after or after.startswith("-")) else word
        for word, after in zip(words, [*words[1:], ""], strict=True)
    ]


def _usage(error: typer.TyperException, words: list[str]) -> int:
    """Say what is wrong with the command line in the form of all other errors."""
    message = error.format_message()
    if message.startswith("Usage:"):  # no command at all: the help, in effect
        tell(message)
        return UsageError.exit_code
    name = next((word for word in words if word in COMMANDS), "")
    output = Output(f"nntool {name}".rstrip(), as_json="--json" in words)
    text = message[0].lower() + message[1:].rstrip(".")
    hint = f"nntool {name} --help".replace("  ", " ")
    if not name and words:
        near = difflib.get_close_matches(words[0], COMMANDS, n=1)
        hint = f"nntool {near[0]} --help" if near else f"choose from {', '.join(COMMANDS)}"
    if name == "run" and text.startswith("no such option"):
        hint = _of_a_step(str(getattr(error, "option_name", ""))) or hint
    output.error(UsageError(text, hint))
    return UsageError.exit_code


def _of_a_step(option: str) -> str:
    """How ``run`` is given what is an option of one step; empty where it is none."""
    from nntool.settings.model import fields
    from nntool.settings.steps import STEPS

    found = [
        f"--set {step}.{field.name}=VALUE"
        for step, model in STEPS.items()
        for field in fields(model)
        if field.option == option
    ]
    return " or ".join(found)
