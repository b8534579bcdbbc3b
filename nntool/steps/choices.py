"""The registries that settings name: their entries, and the check of a choice against them."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

from nntool.errors import UsageError
from nntool.settings.choices import name_and_settings, parse
from nntool.settings.model import Choice, Field, StepSettings, fields
from nntool.settings.steps import MODELS

NN = "nntool.nn"
TABLES = "nntool.tables"
REGISTRIES: dict[str, str] = {
    "ACTIVATIONS": f"{NN}.activations",
    "LINKS": f"{NN}.links",
    "LOSSES": f"{NN}.losses",
    "INITIALIZERS": f"{NN}.initializers",
    "METHODS": f"{NN}.methods",
    "SCHEDULES": f"{NN}.schedules",
    "PENALTIES": f"{NN}.penalties",
    "AVERAGES": f"{NN}.averaging",
    "AUGMENTATIONS": f"{NN}.augmentation",
    "METRICS": f"{TABLES}.metrics",
    "DECISIONS": f"{TABLES}.metrics",
    "NUMERIC_IMPUTERS": f"{TABLES}.operations",
    "CATEGORICAL_IMPUTERS": f"{TABLES}.operations",
    "SCALERS": f"{TABLES}.operations",
    "ENCODERS": f"{TABLES}.operations",
    "TEXT_ENCODERS": f"{TABLES}.operations",
    "MIXERS": f"{TABLES}.operations",
    "SCORES": f"{TABLES}.selecting",
    "SPLITTERS": f"{TABLES}.splitting",
    "OPERATIONS": f"{TABLES}.operations",
    "OUTLIER_RULES": f"{TABLES}.rules.outliers",
    "ROW_OUTLIER_RULES": f"{TABLES}.rules.row_outliers",
    "SMOOTHERS": f"{TABLES}.rules.smoothers",
}
"""Where each registry stands."""
OF_METRICS = {"METRICS": "a metric", "DECISIONS": "a metric that a threshold changes"}
"""Registries of metrics, and what an entry is: they have no settings."""


def registry(name: str) -> dict[str, Any]:
    """The entries of a registry by name; of metrics, by name over all tasks.

    Of operations, by name over all kinds of cells.
    """
    found: dict[str, Any] = getattr(importlib.import_module(REGISTRIES[name]), name)
    if name == "OPERATIONS":
        return {link: cls for of_kind in reversed(found.values()) for link, cls in of_kind.items()}
    if name == "METRICS":
        return {metric: None for of_task in found.values() for metric in of_task}
    return found


def names(registry_name: str) -> list[str]:
    """The names that may be chosen, in the registry's order."""
    return list(registry(registry_name))


def built(registry_name: str, choice: Choice) -> Any:
    """The chosen entry with its settings; raises ``UsageError`` that names the valid ones.

    A metric is its name: what it is depends on the task.
    """
    if registry_name in OF_METRICS:
        if choice not in registry(registry_name):
            metrics = ", ".join(registry(registry_name))
            what = OF_METRICS[registry_name]
            raise UsageError(f"{choice!r} is not {what}", f"choose from {metrics}")
        return choice
    if REGISTRIES[registry_name].startswith(TABLES):
        from nntool.tables import choices

        return choices.build(registry(registry_name), registry_name, choice)
    from nntool.nn.registry import InvalidChoice, build

    name, settings = name_and_settings(choice)
    try:
        return build(registry(registry_name), name, settings)
    except InvalidChoice as error:
        if name in registry(registry_name):
            raise UsageError(str(error), f"nntool train --explain {name}") from None
        near = difflib.get_close_matches(name, registry(registry_name), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "nntool train --help"
        raise UsageError(str(error), hint) from None


def explain(step: str, name: str) -> list[dict[str, Any]]:
    """What the registries and options of a step say of a name: doc, settings; for ``--explain``."""
    known = {
        field.option: (field.registry, registry(field.registry))
        for field in fields(MODELS[step])
        if field.registry is not None
    }
    if step == "transform":
        options = {entry for _, entries in known.values() for entry in entries}
        links = {n: cls for n, cls in registry("OPERATIONS").items() if n not in options}
        known["--columns"] = ("OPERATIONS", links)
    if step == "clean":
        known["--smooth"] = ("SMOOTHERS", registry("SMOOTHERS"))
    if step == "evaluate":
        others = {n: m for n, m in registry("METRICS").items() if n not in registry("DECISIONS")}
        known["--require"] = ("METRICS", others)
    found = [
        {"option": option, **described(registry_name, name)}
        for option, (registry_name, entries) in known.items()
        if name in entries
    ]
    own = next(
        (f for f in fields(MODELS[step]) if f.option == "--" + name.removeprefix("--")), None
    )
    if own is not None:
        doc = methods_of(step).get(own.option, own.help) + _entries_of(own)
        found.append({"option": own.option, "name": "", "doc": doc, "settings": [], "facts": []})
    if not found:
        every = [*(entry for _, entries in known.values() for entry in entries)]
        every += [field.option for field in fields(MODELS[step])]
        near = difflib.get_close_matches(name, every, n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        valid = "; ".join(f"{option}: {', '.join(e)}" for option, (_, e) in known.items())
        raise UsageError(
            f"{step} has no choice {name!r}", f"{guess}choose from {valid}; or name an option"
        )
    return found


def _entries_of(field: Field) -> str:
    """The names that an option takes, each with the first sentence of what it is."""
    if field.registry is None:
        return ""
    docs = {name: described(field.registry, name)["doc"] for name in names(field.registry)}
    width = max(map(len, docs))
    lines = (f"  {name:{width}}  {' '.join(_sentence(doc))}" for name, doc in docs.items())
    return "\n\n" + "\n".join(lines)


def _sentence(doc: str) -> list[str]:
    """The lines of the first paragraph of a doc."""
    return doc.partition("\n\n")[0].splitlines()


def methods_of(step: str) -> dict[str, str]:
    """The options of a step that are methods or languages themselves, with their docs."""
    from nntool.settings import about, about_clean

    of_step = {"train": about.ABOUT, "clean": about_clean.ABOUT}.get(step, {})
    return {
        field.option: f"{field.help}\n\n{of_step[field.name]}"
        for field in fields(MODELS[step])
        if field.name in of_step
    }


def described(registry_name: str, name: str) -> dict[str, Any]:
    """Name, doc, settings and further facts of an entry."""
    if registry_name in OF_METRICS:
        return {"name": name, "doc": _doc_of_metric(name), "settings": [], "facts": []}
    if REGISTRIES[registry_name].startswith(TABLES):
        from nntool.tables.choices import describe as describe_choice
    else:
        from nntool.nn.registry import describe as describe_choice  # type: ignore[assignment] # the same form on the layer below
    found = describe_choice(registry(registry_name), name)
    settings = [setting._asdict() for setting in found.settings]
    facts = _facts(registry(registry_name)[name])
    return {"name": found.name, "doc": found.doc, "settings": settings, "facts": facts}


def _facts(entry: Any) -> list[str]:
    """What an entry says of itself in its class attributes, in words."""
    found = _demands(entry) if hasattr(entry, "whole_batch") else []
    if getattr(entry, "needs_total", False):
        found.append("depends on --epochs: a training with more of them starts anew")
    for task, links in getattr(entry, "links", {}).items():
        found.append(f"{task}, with the output {' or '.join(links)}")
    return found


def _demands(method: Any) -> list[str]:
    """What a method of training takes and demands, in words."""
    found = []
    if method.by_batches:
        found.append(f"the learning rate, unless one is given: {method.learning_rate:g}")
    if method.whole_batch:
        found.append(
            "all rows at once, in float64 unless --dtype is given; without learning rate, schedule,"
            " clipping, dropout and noise"
        )
    elif method.full_batch:
        found.append("for --batch-size full")
    elif method.default_batch != "auto":
        found.append(f"the batch, unless one is given: {method.default_batch}")
    if method.single_layer:
        found.append("without hidden units")
    if method.only_losses:
        found.append(f"for the loss {' or '.join(method.only_losses)}")
    if method.max_size is not None:
        found.append(f"for up to {method.max_size:,} weights")
    return found


def _doc_of_metric(name: str) -> str:
    """What a metric is in each task that has it, then sources and uses; what agrees stands once."""
    from nntool.tables.metrics import METRICS

    tasks: dict[str, list[str]] = {}
    further: dict[str, None] = {}
    for task, metrics in METRICS.items():
        if name in metrics:
            definition, _, more = metrics[name].doc.partition("\n\n")
            better = "Higher" if metrics[name].higher_is_better else "Lower"
            tasks.setdefault(f"{definition} {better} is better.", []).append(task)
            further[more] = None
    lines = [f"{' and '.join(of)}: {definition}" for definition, of in tasks.items()]
    return "\n".join([*lines, "", *further])


def check(settings: StepSettings) -> None:
    """Check every choice of a settings model, words such as 'auto' apart."""
    for field in fields(type(settings)):
        if field.registry is None:
            continue
        value = getattr(settings, field.name)
        for choice in value if field.is_list else (value,):
            if isinstance(choice, str) and choice in field.words:
                continue
            _refuse_settings_of_a_word(field, choice)
            _refuse_other_spelling(field, choice)
            try:
                built(field.registry, choice)
            except UsageError as error:
                words = "".join(f"{word}, " for word in field.words)
                message, hint = (
                    (text or "").replace("choose from ", f"choose from {words}")
                    for text in (error.message, error.hint)
                )
                raise UsageError(f"{field.option}: {message}", hint) from None


def _refuse_settings_of_a_word(field: Field, choice: Choice) -> None:
    """Say that a word such as 'auto' has none."""
    word = name_and_settings(choice)[0]
    if word in field.words:
        raise UsageError(
            f"{field.option}: {word!r} takes no settings, which belong to what it stands for",
            f"{field.option} {word}, or nntool train --explain {field.option.lstrip('-')}",
        )


def _refuse_other_spelling(field: Field, choice: Choice) -> None:
    """Say how it is written, where a choice is right but for that."""
    if field.is_list and choice == "none" and "none" not in registry(str(field.registry)):
        raise UsageError(
            f"{field.option}: 'none' says that there is none, so it stands alone",
            "leave 'none' out; in TOML an empty list, [], says the same",
        )
    if isinstance(choice, str) and choice.partition(":")[0] in registry(str(field.registry)):
        name, settings = name_and_settings(parse(choice))
        if settings:
            from nntool.settings.recipe import inline

            raise UsageError(
                f"{field.option}: in TOML the settings of {name!r} stand in a table, not behind a"
                " colon",
                f"write {inline({'name': name, **settings})}",
            )
