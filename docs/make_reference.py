"""Write docs/reference/: a page for each command and one of methods, from models and registries.

``python docs/make_reference.py`` writes the pages; with ``--check`` it only says whether they are
current (exit 1 where they are not).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nntool.cli import options
from nntool.cli.commands import COMMANDS, Command, build, models
from nntool.settings.model import Field, fields
from nntool.settings.steps import STEPS
from nntool.steps import choices

FOLDER = Path(__file__).parent / "reference"
NOTES = Path(__file__).parent / "notes"
"""What the pages say beside the models, written by hand, by the name of the command."""
NOTE = "<!-- Written by docs/make_reference.py from the settings models; do not edit. -->"
METHODS = "methods.md"
OPTIONS_OF_TRAIN = "options-of-train"
ABOUT_METHODS = (
    "Every choice that an option takes by name, and every option of `train` that is a method"
    " itself: what it computes, where that comes from, when to use it. Settings follow the name"
    " after a colon, `--optimizer adam:beta1=0.95,beta2=0.99`; in TOML"
    ' `optimizer = {name = "adam", beta1 = 0.95}`. `nntool train --explain adam` and `--explain'
    " dropout` show the same on the command line."
)


def page(name: str, command: Command) -> str:
    """The reference page of a command."""
    words = " ".join(_argument(argument) for argument in command.arguments)
    lines = [NOTE, f"# nntool {name}", "", command.help, "", "```"]
    lines += [f"nntool {name} {words} [OPTIONS]", "", f"{command.example}", "```", ""]
    lines += ["| argument | |", "| --- | --- |"]
    lines += [f"| `{argument.upper()}` | {text} |" for argument, _, text in command.arguments]
    for step, model in models(command).items():
        shown = [f for f in fields(model) if f.name not in (*command.hidden_fields, "seed")]
        title = "Options" if step == name else f"Options of {step}, where a SOURCE is given"
        has_keys = "config" not in command.left_out
        lines += ["", f"## {title}", *_tables(shown, has_keys=has_keys)]
    lines += ["", "## Other options", "", "| option | |", "| --- | --- |"]
    fields_of_models = {
        options.key(step, field.name)
        for step, model in models(command).items()
        for field in fields(model)
    }
    for parameter in build(name).params:
        if parameter.param_type_name == "option" and parameter.name not in fields_of_models:
            flags = ", ".join([*parameter.opts, *parameter.secondary_opts])
            lines.append(f"| `{flags}` | {(parameter.help or '').replace('  [', ' [')} |")
    notes = NOTES / f"{name}.md"
    if notes.exists():
        lines += ["", notes.read_text(encoding="utf-8").rstrip()]
    return "\n".join(lines) + "\n"


def _argument(argument: tuple[str, object, str]) -> str:
    name, kind, _ = argument
    word = name.upper() + ("..." if "list" in str(kind) else "")
    return f"[{word}]" if "None" in str(kind) else word


def _tables(shown: list[Field], *, has_keys: bool = True) -> list[str]:
    """The options as a table for each group, under the headings that help has.

    ``has_keys``: whether they can be said in TOML too.
    """
    groups: dict[str, list[Field]] = {}
    for field in shown:
        groups.setdefault(field.group, []).append(field)
    lines = []
    for heading, members in groups.items():
        lines += ["", f"### {heading}"] if heading else []
        key, rule = (" TOML key |", " --- |") if has_keys else ("", "")
        lines += ["", f"| option |{key} | default |", f"| --- |{rule} --- | --- |"]
        lines += [_row(field, has_key=has_keys) for field in members]
    return lines


def _row(field: Field, *, has_key: bool) -> str:
    option = f"{field.option}/--no-{field.option[2:]}" if field.is_switch else field.option
    value = "" if field.is_switch else f" {options.metavar(field)}"
    bounds = options.bounds_text(field)
    help_text = field.help + (f" ({bounds})" if bounds else "")
    if field.registry:
        listed = ", ".join(f"`{name}`" for name in choices.names(field.registry))
        help_text += (
            f" [{title_of(field.registry)}]({METHODS}#{anchor_of(field.registry)}): {listed}."
        )
    default = "required" if field.required else options.default_text(field)
    default = default or ("off" if field.is_switch else "")
    shown = f"`{default}`" if default else ""
    key = [f"`{field.name}`"] if has_key else []
    return _cells(f"`{option}{value}`", *key, help_text, shown)


def _cells(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def title_of(registry: str) -> str:
    """A registry in words.

    >>> title_of("NUMERIC_IMPUTERS")
    'Numeric imputers'
    """
    others = {"METHODS": "Optimizers", "LINKS": "Output links", "DECISIONS": "Metrics of decisions"}
    return others.get(registry, registry.replace("_", " ").capitalize())


def anchor_of(registry: str) -> str:
    """Where the section of a registry stands on the page of methods.

    >>> anchor_of("LINKS")
    'output-links'
    """
    return title_of(registry).replace(" ", "-").lower()


def methods_page() -> str:
    """A section for each registry; in it each entry with equation, source, settings and use."""
    users: dict[str, list[tuple[str, Field]]] = {}
    for step, model in {"train": STEPS["train"], **STEPS}.items():
        for field in fields(model):
            if field.registry:
                users.setdefault(field.registry, []).append((step, field))
    lines = [NOTE, "# Methods", "", ABOUT_METHODS, ""]
    for registry in users:
        listed = ", ".join(f"`{name}`" for name in choices.names(registry))
        lines.append(f"- [{title_of(registry)}](#{anchor_of(registry)}): {listed}")
    lines.append(f"- [Options of train](#{OPTIONS_OF_TRAIN}): those that are methods themselves")
    for registry, of in users.items():
        lines += ["", f"## {title_of(registry)}", ""]
        lines += [f"`nntool {step} {field.option}`: {field.help}" for step, field in of]
        entries = [choices.described(registry, name) for name in choices.names(registry)]
        if registry in choices.OF_METRICS:
            lines += _metrics(entries)
        else:
            lines += [line for entry in entries for line in _entry(entry)]
    lines += ["", "## Options of train"]
    for option, doc in choices.methods_of("train").items():
        lines += _entry({"name": option, "doc": doc, "settings": [], "facts": []})
    return "\n".join(lines) + "\n"


def _entry(found: dict[str, Any]) -> list[str]:
    """An entry: its sentence, its equation and source as in the code, its use, its settings."""
    body, _, use = found["doc"].partition("\nUse: ")
    sentence, _, equation = body.partition("\n\n")
    lines = ["", f"### `{found['name']}`", "", " ".join(sentence.split())]
    lines += ["", "```text", equation.strip(), "```"] if equation.strip() else []
    lines += ["", f"**Use:** {' '.join(use.split())}"] if use else []
    if found["facts"]:
        lines += ["", *(f"- {fact}" for fact in found["facts"])]
    if found["settings"]:
        lines += ["", "| setting | default | | |", "| --- | --- | --- | --- |"]
    for setting in found["settings"]:
        bounds = ", ".join(
            filter(None, [setting["type"].replace(" | None", ""), setting["bounds"]])
        )
        default = "" if setting["default"] is None else f"`{toml(setting['default'])}`"
        lines.append(_cells(f"`{setting['name']}`", default, setting["help"], bounds))
    return lines


def toml(value: Any) -> str:
    """A default as one would type it.

    >>> toml(False), toml(0.5)
    ('false', '0.5')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _metrics(entries: list[dict[str, Any]]) -> list[str]:
    """Metrics as a table: they have no settings, and a line for each task says it all."""
    lines = ["", "| metric | definition by task |", "| --- | --- |"]
    return lines + [
        _cells(f"`{found['name']}`", "<br>".join(found["doc"].splitlines())) for found in entries
    ]


def pages() -> dict[str, str]:
    """Every page by its file name, and an index."""
    found = {f"{name}.md": page(name, command) for name, command in COMMANDS.items()}
    index = [NOTE, "# Reference", ""]
    index += [f"- [nntool {name}]({name}.md): {command.help}" for name, command in COMMANDS.items()]
    index += [
        "",
        f"- [Methods]({METHODS}): every choice, with equation, source and when to use it.",
    ]
    return {**found, METHODS: methods_page(), "README.md": "\n".join(index) + "\n"}


def outdated() -> list[str]:
    """The pages that are not what the models say now."""
    wanted = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    return sorted(n for n in set(wanted) | set(there) if wanted.get(n) != there.get(n))


def main() -> None:
    """Write the pages, or check them."""
    if "--check" in sys.argv[1:]:
        stale = outdated()
        if stale:
            print(f"not current: {', '.join(stale)}; run: make docs", file=sys.stderr)
        raise SystemExit(1 if stale else 0)
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        path.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
