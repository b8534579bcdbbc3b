"""From a settings model to options on the command line, and from what was typed to values."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from nntool.cli.boundary import boundary
from nntool.cli.catalogue import ONE_OF, OPTIONS
from nntool.cli.output import Output
from nntool.errors import UsageError
from nntool.settings import choices, recipe
from nntool.settings.model import Field, StepSettings, convert, fields, unknown_key

COMMON: dict[str, tuple[Any, Any, str]] = {
    "config": (str | None, ["--config"], "Settings from a TOML file (flat, or a recipe)."),
    "assignments": (
        list[str] | None,
        ["--set"],
        "A setting as key=value, the value as in TOML; repeatable. Options win over it.",
    ),
    "seed": (int | None, ["--seed"], "The seed of everything random.  [default: 0]"),
    "as_json": (bool, ["--json"], "Print one JSON object on stdout; errors too."),
    "quiet": (bool, ["--quiet", "-q"], "Say nothing but errors."),
    "force": (bool, ["--force"], "Compute again even where nothing has changed."),
    "threads": (
        int | None,
        ["--threads"],
        "At most this many threads.  [default: the cores that this process may use]",
    ),
}
METAVARS = {"config": "FILE", "assignments": "KEY=VALUE", "seed": "N", "threads": "N"}
CHECKPOINT_EVERY = (
    "Epochs from one checkpoint of the training to the next.  [default: every 30 seconds]"
)
"""How often, not what: the model is the same for any value, so it is no setting."""


ONLY_FOR_STEPS = ("config", "assignments", "seed", "force", "threads")
"""The common options that a command without settings does not have."""


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
    return _parameter("checkpoint_every", Annotated[int | None, option], None)


def switch(name: str, flag: str, text: str) -> inspect.Parameter:
    """An option that is on or off."""
    option = typer.Option(flag, help=text, rich_help_panel=OPTIONS)
    return _parameter(name, Annotated[bool, option], False)


def explain_parameter(steps: tuple[str, ...]) -> inspect.Parameter:
    """``--explain NAME``: print what a registry says of a name, and do nothing else."""

    def explain(name: str | None) -> None:
        if name is None:
            return
        output = Output(f"nntool {steps[0]}")
        with boundary(output):
            from nntool.steps.choices import explain as explanations

            output.text("\n\n".join(explanation(found) for found in explanations(steps[0], name)))
        raise typer.Exit

    option = typer.Option(
        "--explain",
        help="Show what a choice or an option is: equation, source, settings, when to use it.",
        metavar="NAME",
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
        default = setting["default"]
        lines.append(
            f"  {setting['name']}={default}  {setting['help']} ({setting['type']}{bounds})"
        )
    return "\n".join(lines)


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
    )
    return _parameter(key(step, field.name), Annotated[kind, option], None)


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


def typed_value(field: Field, raw: Any) -> Any:
    """What was typed for an option as a plain value, checked; raises ``UsageError``."""
    if field.takes_settings:
        several = field.is_list
        value: Any = choices.parse(raw) if not several else choices.parse_all(raw)
    elif field.is_mapping:
        one_word = len(raw) == 1 and raw[0] in field.words
        value = raw[0] if one_word else dict(_pair(field, text) for text in raw)
    elif field.is_list and field.holds_numbers:
        value = _numbers(field, raw.strip())
    else:
        value = raw
    return convert(field, value, field.option, from_text=not field.registry)


def _numbers(field: Field, raw: str) -> Any:
    """Numbers with commas between them; 'none' is an empty list, a word of the field a word."""
    if raw in field.choices:
        return raw
    return [] if raw == "none" else [part.strip() for part in raw.split(",")]


def _pair(field: Field, text: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if not equals or not name:
        raise UsageError(
            f"{field.option} {text!r} has no '='", f"write {field.option} {metavar(field)}"
        )
    return name, value


def gather(
    models: Mapping[str, type[StepSettings]],
    typed: Mapping[str, Any],
    *,
    config: str | None,
    assignments: list[str] | None,
    seed: int | None,
    keys_name_steps: bool = False,
) -> dict[str, dict[str, Any]]:
    """The values given for each step: a file, then --set, then options, the later one winning.

    With ``keys_name_steps`` a key of --set is ``step.key``, as ``run`` has it.
    """
    known = {step: {field.name: field for field in fields(model)} for step, model in models.items()}
    values: dict[str, dict[str, Any]] = {step: {} for step in models}
    if config is not None:
        _take_config(config, known, values)
    for text in assignments or []:
        name, value = recipe.parse_assignment(text)
        _assign(name, value, known, values, "--set ", keys_name_steps=keys_name_steps)
    for step, of_step in known.items():
        for name, field in of_step.items():
            raw = typed.get(key(step, name))
            if raw is not None and raw != []:
                values[step][name] = typed_value(field, raw)
        if seed is not None:
            values[step]["seed"] = convert(of_step["seed"], seed, "--seed")
    return values


def _take_config(
    config: str, known: dict[str, dict[str, Field]], values: dict[str, dict[str, Any]]
) -> None:
    from pathlib import Path

    content = recipe.read(Path(config))
    recipe.check_tables(content)
    for step in known:
        table = recipe.step_settings(content, step)
        if table is content:  # a flat file: each key goes to the model that has it
            for name, value in content.items():
                _assign(name, value, known, values, f"{config}: ")
            return
        for name, value in table.items():
            _assign(f"{step}.{name}", value, known, values, f"{config}: ", keys_name_steps=True)


def _assign(
    name: str,
    value: Any,
    known: dict[str, dict[str, Field]],
    values: dict[str, dict[str, Any]],
    shown: str,
    *,
    keys_name_steps: bool = False,
) -> None:
    """Put one value where it belongs, checked."""
    step, _, field_name = name.rpartition(".") if keys_name_steps else ("", "", name)
    field_name = field_name.replace("-", "_")
    owners = [step] if step else [s for s, own in known.items() if field_name in own]
    if not owners or field_name not in known.get(owners[0], {}) or (keys_name_steps and not step):
        full = (f"{s}.{f}" if keys_name_steps else f for s, own in known.items() for f in own)
        raise unknown_key(name, full)
    if value == "none" and known[owners[0]][field_name].is_list:
        value = []  # the word that an option has for it
    for owner in owners if field_name == "seed" else owners[:1]:  # a seed is common to all steps
        values[owner][field_name] = convert(known[owner][field_name], value, f"{shown}{name}")
