"""Write docs/reference/: a page for each command, from the settings models and registries.

``python docs/make_reference.py`` writes the pages; with ``--check`` it only says whether they are
current (exit 1 where they are not).
"""

from __future__ import annotations

import sys
from pathlib import Path

from nntool.cli import options
from nntool.cli.commands import COMMANDS, Command, build, models
from nntool.settings.model import Field, fields
from nntool.steps import choices

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/make_reference.py from the settings models; do not edit. -->"


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
        lines += [
            "",
            f"## {title}",
            "",
            "| option | TOML key | | default |",
            "| --- | --- | --- | --- |",
        ]
        lines += [_row(field) for field in shown]
        for field in shown:
            if field.registry:
                lines += ["", *_registry(field)]
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
    return "\n".join(lines) + "\n"


def _argument(argument: tuple[str, object, str]) -> str:
    name, kind, _ = argument
    word = name.upper() + ("..." if "list" in str(kind) else "")
    return f"[{word}]" if "None" in str(kind) else word


def _row(field: Field) -> str:
    option = f"{field.option}/--no-{field.option[2:]}" if field.is_switch else field.option
    value = "" if field.is_switch else f" {options.metavar(field)}"
    bounds = options.bounds_text(field)
    help_text = field.help + (f" ({bounds})" if bounds else "")
    default = "required" if field.required else options.default_text(field)
    shown = f"`{default}`" if default else ""
    cells = [f"`{option}{value}`", f"`{field.name}`", help_text, shown]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _registry(field: Field) -> list[str]:
    lines = [f"### {field.option}", ""]
    for name in choices.names(str(field.registry)):
        found = choices.described(str(field.registry), name)
        lines += [f"**`{name}`** — " + "  \n".join(found["doc"].splitlines()), ""]
        for setting in found["settings"]:
            bounds = f", {setting['bounds']}" if setting["bounds"] else ""
            lines.append(
                f"- `{setting['name']}={setting['default']}` {setting['help']}"
                f" ({setting['type']}{bounds})"
            )
        if found["settings"]:
            lines.append("")
    return lines


def pages() -> dict[str, str]:
    """Every page by its file name, and an index."""
    found = {f"{name}.md": page(name, command) for name, command in COMMANDS.items()}
    index = [NOTE, "# Reference", ""]
    index += [f"- [nntool {name}]({name}.md): {command.help}" for name, command in COMMANDS.items()]
    return {**found, "README.md": "\n".join(index) + "\n"}


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
