"""The commands: what each takes and the one function that it calls.

A command is built only when it is named, so that ``nntool --help`` costs no more than typer.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nntool.cli.boundary import boundary, first_interrupt_is_a_request
from nntool.cli.catalogue import OPTIONS, Catalogue
from nntool.cli.output import Output
from nntool.errors import UsageError

if TYPE_CHECKING:
    from nntool.settings.model import StepSettings

RUN = ("run", str, "The run directory.")


OF_SETTINGS = ("config", "assignments", "seed")
OF_STEPS = (*OF_SETTINGS, "force", "threads")
"""Common options of commands that do some work."""


@dataclass(frozen=True)
class Command:
    """One command: its help, its arguments, and the step whose settings are its options."""

    help: str
    call: str
    """``module:function`` in ``nntool.cli``: given the name, this, the output, what was typed."""
    arguments: tuple[tuple[str, Any, str], ...] = (RUN,)
    steps: tuple[str, ...] = ()
    """The settings models whose fields are options."""
    hidden_fields: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """The options common to all steps that it does not have."""
    example: str = ""


COMMANDS: dict[str, Command] = {
    "collect": Command(
        "Read sources into one table of text.",
        "calls:collect",
        (RUN, ("source", list[str], "Files (CSV, Parquet, JSON lines, Excel), or databases.")),
        ("collect",),
        ("source",),
        example="nntool collect run customers.csv",
    ),
    "clean": Command(
        "Type the columns; say what is missing, what each column is, what is predicted.",
        "calls:clean",
        (RUN, ("source", list[str] | None, "Files or databases to collect first.")),
        ("clean", "collect"),
        ("source",),
        example="nntool clean run customers.csv --target churned",
    ),
    "transform": Command(
        "Turn typed columns into the numbers that a network reads.",
        "calls:transform",
        steps=("transform",),
        example="nntool transform run --scale robust",
    ),
    "select-features": Command(
        "Choose which features the network is given.",
        "calls:step",
        steps=("select-features",),
        example="nntool select-features run --top 20",
    ),
    "split": Command(
        "Deal rows to train, validation and test; fit earlier steps again on train only.",
        "calls:step",
        steps=("split",),
        example="nntool split run --train 0.8 --validation 0.1 --test 0.1",
    ),
    "train": Command(
        "Train the network.",
        "calls:step",
        steps=("train",),
        example="nntool train run --hidden 128,64 --optimizer adam:beta1=0.95",
    ),
    "evaluate": Command(
        "Score the network beside baselines on rows that it did not learn from.",
        "calls:step",
        steps=("evaluate",),
        example="nntool evaluate run --require 'accuracy>=0.9'",
    ),
    "predict": Command(
        "Predict each row of a CSV; one line out for each line in.",
        "calls:predict",
        (
            RUN,
            (
                "input",
                str,
                "The rows to predict: CSV (packed too), Parquet, JSON lines or Excel; '-' is CSV"
                " from standard input.",
            ),
        ),
        ("predict",),
        example="nntool predict run new.csv --id customer > predictions.csv",
    ),
    "run": Command(
        "Do all of it: every step that is not fresh, in order.",
        "calls:run",
        (RUN, ("recipe", str | None, "A recipe: the settings of every step in TOML.")),
        ("collect",),
        ("source",),
        example="nntool run run --data customers.csv --target churned",
    ),
    "compare": Command(
        "Show runs side by side: settings that differ, scores, learning curves.",
        "calls:compare",
        (("run", list[str], "The run directories; one alone is shown beside its tries."),),
        ("compare",),
        ("seed",),
        left_out=OF_SETTINGS,  # what it trains has those of the run
        example="nntool compare run other --svg curves.svg",
    ),
    "status": Command(
        "Say what is there, what is fresh and which rows each step learned from.",
        "calls:status",
        left_out=OF_STEPS,
        example="nntool status run --check",
    ),
    "show": Command(
        "Write an artifact as CSV.",
        "calls:show",
        (RUN, ("artifact", str, "A step, or one of its files: clean, clean/left_out.npy.")),
        left_out=(*OF_STEPS, "as_json"),  # it writes CSV
        example="nntool show run select-features | head",
    ),
}


def models(command: Command) -> dict[str, type[StepSettings]]:
    """The settings models of a command's options."""
    from nntool.settings.steps import MODELS

    return {step: MODELS[step] for step in command.steps}


def build(name: str) -> Any:
    """The command of this name, ready to be called by typer."""
    command = COMMANDS[name]
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(
        name,
        cls=Catalogue,
        help=_help(name, command),
        short_help=command.help,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )(_function(name, command))
    return typer.main.get_command(app)


def _help(name: str, command: Command) -> str:
    """What stands above the options; how choices are written, where there are some."""
    paragraphs = [command.help, f"Example: {command.example}"]
    if _has_choices(command):
        paragraphs.append(
            "A choice may carry settings: NAME:KEY=VALUE,KEY=VALUE. What it is, and when to use it:"
            f" nntool {name} --explain NAME"
        )
    elif _names_registry(command):
        paragraphs.append(f"What a metric is, and when to use it: nntool {name} --explain NAME")
    return "\n\n".join(paragraphs)


def _has_choices(command: Command) -> bool:
    from nntool.settings.model import fields

    return any(
        field.takes_settings for model in models(command).values() for field in fields(model)
    )


def _names_registry(command: Command) -> bool:
    from nntool.settings.model import fields

    return any(field.registry for model in models(command).values() for field in fields(model))


def _function(name: str, command: Command) -> Callable[..., None]:
    """A function whose signature is the command's arguments and options."""

    def run_command(**typed: Any) -> None:
        output = Output(
            f"nntool {name}",
            as_json=typed.pop("as_json", False),
            quiet=typed.pop("quiet", False),
        )
        with boundary(output):
            _refuse_no_name(typed["run"])
            module, _, function = command.call.partition(":")
            call = getattr(importlib.import_module(f"nntool.cli.{module}"), function)
            trains = name in ("train", "run") or bool(typed.get("compare__try_"))
            with first_interrupt_is_a_request(output, active=trains):
                call(name, command, output, typed)

    run_command.__signature__ = inspect.Signature(list(_parameters(name, command)))  # type: ignore[attr-defined] # how typer reads it
    return run_command


def _refuse_no_name(run: str | list[str]) -> None:
    for each in [run] if isinstance(run, str) else run:
        if each in ("", "-"):
            raise UsageError(f"RUN is {each!r}", "name the run directory")


def _parameters(name: str, command: Command) -> Iterable[inspect.Parameter]:
    from nntool.cli import options

    for argument, kind, text in command.arguments:
        default = None if "None" in str(kind) else inspect.Parameter.empty
        yield inspect.Parameter(
            argument,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[
                kind, typer.Argument(help=text, show_default=False, metavar=argument.upper())
            ],
        )
    if name == "run":
        yield from options.run_parameters()
    for step, model in models(command).items():
        given = "--data" if name == "run" else "a SOURCE"
        heading = OPTIONS if step == name else f"Options of {step}, where {given} is given"
        yield from options.parameters(step, model, command.hidden_fields, heading)
    if name in ("train", "run"):
        yield options.checkpoint_parameter()
    if name == "status":
        yield options.switch("check", "--check", "Exit 4 when something is stale or missing.")
    if _names_registry(command):
        yield options.explain_parameter(command.steps, alone=name == "transform")
    yield from options.common_parameters(command.left_out, keys_name_steps=name == "run")
