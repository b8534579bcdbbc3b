"""From a settings model to options on the command line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from nntool.cli.boundary import boundary
from nntool.cli.catalogue import ONE_OF, OPTIONS
from nntool.cli.output import Output
from nntool.settings.model import Field, StepSettings, fields

COMMON: dict[str, tuple[Any, Any, str]] = {
    "config": (str | None, ["--config"], "Settings from a TOML file (flat, or a recipe)."),
    "assignments": (
        list[str] | None,
        ["--set"],
        "A setting as key=value, the value as in TOML; repeatable. Options win over it.",
    ),
    "seed": (str | None, ["--seed"], "The seed of everything random.  [default: 0]"),
    "as_json": (bool, ["--json"], "Print one JSON object on stdout; errors too."),
    "quiet": (bool, ["--quiet", "-q"], "Say nothing but errors."),
    "force": (bool, ["--force"], "Compute again even where nothing has changed."),
    "threads": (
        str | None,
        ["--threads"],
        "At most this many threads.  [default: the cores that this process may use]",
    ),
}
METAVARS = {"config": "FILE", "assignments": "KEY=VALUE", "seed": "N", "threads": "N"}
CHECKPOINT_EVERY = (
    "Epochs from one checkpoint of the training to the next.  [default: every 30 seconds]"
)
"""How often, not what: the model is the same for any value, so it is no setting."""


def common_parameters(
    left_out: tuple[str, ...] = (), *, keys_name_steps: bool = False
) -> list[inspect.Parameter]:
    """The options that every command has."""
    found = []
    for name, (kind, flags, text) in COMMON.items():
        if keys_name_steps:
            text = text.replace(
                "key=value, the value", "step.key=value (train.epochs=50), the value"
            )
        if name not in left_out:
            option = typer.Option(*flags, help=text, metavar=METAVARS.get(name), show_default=False)
            default = False if kind is bool else None
            found.append(_parameter(name, Annotated[kind, option], default))
    return found


def parameters(
    step: str, model: type[StepSettings], left_out: tuple[str, ...] = (), heading: str = OPTIONS
) -> list[inspect.Parameter]:
    """One option for each field of a model; the seed is common to all steps of a command.

    ``heading`` is that of fields without a group of their own.
    """
    return [
        _option(step, field, heading)
        for field in fields(model)
        if field.name != "seed" and field.name not in left_out
    ]


def run_parameters() -> list[inspect.Parameter]:
    """The options of ``run`` that stand for settings of steps."""
    data = typer.Option(
        "--data",
        help="The CSV file to collect; repeatable.",
        metavar="FILE",
        show_default=False,
        rich_help_panel=OPTIONS,
    )
    target = typer.Option(
        "--target",
        help="The column to predict.",
        metavar="COLUMN",
        show_default=False,
        rich_help_panel=OPTIONS,
    )
    return [
        _parameter("data", Annotated[list[str] | None, data], None),
        _parameter("target", Annotated[str | None, target], None),
    ]


def checkpoint_parameter() -> inspect.Parameter:
    """``--checkpoint-every EPOCHS``, of the commands that train."""
    option = typer.Option(
        "--checkpoint-every", help=CHECKPOINT_EVERY, metavar="EPOCHS", show_default=False
    )
    return _parameter("checkpoint_every", Annotated[str | None, option], None)


def switch(name: str, flag: str, text: str) -> inspect.Parameter:
    """An option that is on or off."""
    option = typer.Option(flag, help=text, rich_help_panel=OPTIONS)
    return _parameter(name, Annotated[bool, option], False)


def explain_parameter(steps: tuple[str, ...], *, alone: bool) -> inspect.Parameter:
    """``--explain NAME``: print what a registry says of a name, and do nothing else.

    ``alone``: without a name the command itself says what it would do.
    """

    def explain(name: str | None) -> str | None:
        if name is None or (not name and alone):
            return name
        output = Output(f"nntool {steps[0]}")
        with boundary(output):
            from nntool.steps.choices import explain as explanations

            output.text("\n\n".join(explanation(found) for found in explanations(steps[0], name)))
        raise typer.Exit

    text = "Show what a choice or an option is: equation, source, settings, when to use it."
    if alone:
        text += " Without a name: show what would be done with each column, and do nothing."
    option = typer.Option(
        "--explain",
        help=text,
        metavar="[NAME]" if alone else "NAME",
        is_eager=True,
        callback=explain,
        show_default=False,
    )
    return _parameter("explain", Annotated[str | None, option], None)


def explanation(found: dict[str, Any]) -> str:
    """The text of ``--explain`` for one choice."""
    lines = [f"{found['option']} {found['name']}".rstrip(), "", *found["doc"].splitlines()]
    if found["facts"]:
        lines += ["", *found["facts"]]
    if found["settings"]:
        lines += ["", "settings:"]
    for setting in found["settings"]:
        bounds = f", {setting['bounds']}" if setting["bounds"] else ""
        name = _with_default(setting["name"], setting["default"])
        lines.append(f"  {name}  {setting['help']} ({setting['type']}{bounds})")
    return "\n".join(lines)


def _with_default(name: str, default: Any) -> str:
    """A setting and its default as one would type it; a name alone where it is unset."""
    if default is None or default == ():
        return name
    return f"{name}={str(default).lower() if isinstance(default, bool) else default}"


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def key(step: str, name: str) -> str:
    """The name of the parameter that carries a field: unique in a command with several models."""
    return f"{step}__{name}".replace("-", "_")


def _option(step: str, field: Field, heading: str) -> inspect.Parameter:
    flags = field.option
    kind: Any = str | None
    if field.is_switch:
        flags, kind = f"{flags}/--no-{flags[2:]}", bool | None
    elif takes_several(field):
        kind = list[str] | None
    option = typer.Option(
        flags,
        help=help_text(field),
        metavar=None if field.is_switch else metavar(field, settings=""),
        show_default=False,
        rich_help_panel=field.group or heading,
        autocompletion=_completed(field),
    )
    return _parameter(key(step, field.name), Annotated[kind, option], None)


def _completed(field: Field) -> Callable[[str], list[str]] | None:
    """What the shell offers for a value that is begun; None where any text may stand."""
    if field.registry is None and not field.words:
        return None

    def names(incomplete: str) -> list[str]:
        from nntool.steps import choices

        entries = [] if field.registry is None else choices.names(field.registry)
        return [name for name in (*field.words, *entries) if name.startswith(incomplete)]

    return names


def takes_several(field: Field) -> bool:
    """Whether the option may be repeated: lists of words or choices, and mappings."""
    return field.is_mapping or (field.is_list and not field.holds_numbers)


def metavar(field: Field, settings: str = "[:KEY=VALUE,…]") -> str:
    """What stands for the value; ``settings`` follows the name of a choice that may have some."""
    words = "|".join(field.words)
    if field.is_mapping:
        return "|".join([field.metavar or "COLUMN=WORD", *field.words])
    if field.metavar:
        return field.metavar
    if field.registry:
        return f"NAME{settings}"
    if field.is_list:
        numbers = f"N,N,…|{words}" if words else "N,N,…"
        return numbers if field.holds_numbers else "TEXT"
    if int in field.plain_types:
        return f"N|{words}" if words else "N"
    if float in field.plain_types:
        return f"NUMBER|{words}" if words else "NUMBER"
    return words or "TEXT"


def help_text(field: Field) -> str:
    """The help of a field, its bounds and default, the names in its registry."""
    facts = [f"default: {default_text(field)}"] if default_text(field) else []
    facts = ["required"] if field.required else facts
    limits = bounds_text(field)
    text = field.help + (
        f"  [{'; '.join([limits, *facts] if limits else facts)}]" if limits or facts else ""
    )
    if field.registry:
        from nntool.steps.choices import names

        text += ONE_OF + ", ".join(dict.fromkeys([*field.words, *names(field.registry)]))
    elif field.item_words:
        text += ONE_OF + ", ".join(field.item_words)
    return text


def bounds_text(field: Field) -> str:
    """The bounds of a field, as in ``≥ 0, < 1``."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    return ", ".join(f"{signs[name]} {bound:g}" for name, bound in field.bounds.items())


def default_text(field: Field) -> str:
    """The default as one would type it; empty where there is none, or a switch is off."""
    default = field.default
    if field.takes_settings and default == ():
        return "none"
    if default is None or default in ((), {}):
        return ""
    if isinstance(default, bool):
        return "on" if default else ""
    if isinstance(default, float):
        return f"{default:g}"
    if isinstance(default, tuple):
        return (", " if takes_several(field) else ",").join(str(item) for item in default)
    return str(default)
