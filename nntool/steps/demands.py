"""What a method of training demands of the other settings of ``train``: the one place that knows.

A method says in class attributes what it is (`nntool.nn.optimizers.base.Method`). From these come
the values of what is 'auto', and the refusal of what was given and cannot be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from nntool.errors import UsageError
from nntool.settings import spelling
from nntool.settings.choices import name_and_settings
from nntool.settings.model import Choice, fields
from nntool.settings.train import TrainSettings
from nntool.settings.wording import together
from nntool.steps import choices

if TYPE_CHECKING:
    from nntool.nn.optimizers import Method

STEPS, CHANCE, PENALTIES, HIDDEN = "steps", "chance", "penalties", "hidden"
GRADIENT, CREDIT = "gradient", "credit"
"""Why a setting cannot be: it belongs to updates by mini-batches; it makes the loss another one
each time; it adds to a loss that the method does not follow; it is for hidden units; it is for a
gradient, of which there is none; it has parameters that a disturbance of units does not credit."""
WHY = {
    STEPS: "{name} finds its own steps and rows, so {given} {have} no part in it",
    CHANCE: "{name} needs one and the same loss throughout, which {given} would change",
    PENALTIES: "{name} goes by right and wrong answers alone, and cannot take {given}",
    HIDDEN: "{name} has no hidden units, and {given} {are} for them",
    GRADIENT: "{name} takes no gradient, so {given} {have} no part in it",
    CREDIT: "{name} credits weights and biases alone, and cannot take {given}",
}


class Conflict(NamedTuple):
    """A setting that a method cannot take: its field, as one types it, and why."""

    field: str
    shown: str
    why: str


def method_class(settings: TrainSettings) -> type[Method] | None:
    """The class of the method that is asked for; None for 'auto'."""
    if settings.optimizer == "auto":
        return None
    found: type[Method] = type(choices.built("METHODS", settings.optimizer))
    return found


def check(settings: TrainSettings) -> None:
    """Raise ``UsageError`` for what was given and the method that was asked for cannot take."""
    method = method_class(settings)
    if method is None:
        return
    name = name_and_settings(settings.optimizer)[0]
    loss = name_and_settings(settings.loss)[0]
    if method.only_losses and loss not in ("auto", *method.only_losses):
        own = "loss" if len(method.only_losses) == 1 else "losses"
        own += f" {together(method.only_losses)}"
        raise UsageError(
            f"--optimizer {name} is for the {own}, and --loss is {loss}",
            f"leave --loss out, or --optimizer {'lbfgs' if method.whole_batch else 'adam'}",
        )
    if method.whole_batch and not has_gradient(settings):
        raise UsageError(
            f"--optimizer {name} goes down the gradient of the loss, and {loss} has none",
            "leave --loss out, or --optimizer perceptron",
        )
    if method.needs_gradient and not method.single_layer and settings.hidden != ():
        _refuse_steps(settings, name)
    if method.link != "auto" and settings.output not in ("auto", method.link):
        raise UsageError(
            f"--optimizer {name} is for the output {method.link}, and --output is"
            f" {settings.output}",
            "leave --output out, or --optimizer adam",
        )
    found = conflicts(settings, method)
    if not found:
        return
    sentences = []
    for why in dict.fromkeys(conflict.why for conflict in found):
        given = [conflict.shown for conflict in found if conflict.why == why]
        have, are = ("have", "are") if len(given) > 1 else ("has", "is")
        sentences.append(WHY[why].format(name=name, given=together(given), have=have, are=are))
    options = list(dict.fromkeys(conflict.shown.partition(" ")[0] for conflict in found))
    raise UsageError(
        f"--optimizer {'; '.join(sentences)}", f"leave {together(options)} out, or --optimizer adam"
    )


def _refuse_steps(settings: TrainSettings, name: str) -> None:
    """Raise ``UsageError`` for units without a gradient, where a method goes by it."""
    activation = name_and_settings(settings.activation)[0]
    if not choices.built("ACTIVATIONS", settings.activation).has_gradient:
        raise UsageError(
            f"activation {activation!r} has no gradient to learn from, and --optimizer {name}"
            " goes by it",
            "--activation sigmoid, or --optimizer node-perturbation",
        )


def conflicts(settings: TrainSettings, method: type[Method]) -> list[Conflict]:
    """All that was given and this method cannot take, in the order of the settings."""
    refused: dict[str, str] = {}
    if not method.by_batches:
        refused |= dict.fromkeys(_given(_of_steps(settings, method)), STEPS)
        refused |= dict.fromkeys(_given(_of_chance(settings)), CHANCE)
    if not takes_penalties(method) and settings.penalty not in ((), ("auto",)):
        refused["penalty"] = PENALTIES
    if method.single_layer:
        refused |= dict.fromkeys(_given(_of_hidden_units(settings)), HIDDEN)
    wants = getattr(method, "wants", None)
    if wants == "loss":
        refused |= dict.fromkeys(_given(_of_gradients(settings)), GRADIENT)
    if wants == "units":
        refused |= dict.fromkeys(_given(_with_parameters(settings)), CREDIT)
    known = {field.name: field for field in fields(type(settings))}
    return [
        Conflict(name, _shown(known[name].option, _refused(settings, name, why)), why)
        for name in known
        if (why := refused.get(name)) is not None
    ]


def _refused(settings: TrainSettings, name: str, why: str) -> Any:
    """The value that cannot be: of penalties, where steps are in the way, those made of steps."""
    value = getattr(settings, name)
    return tuple(filter(_is_proximal, value)) if (name, why) == ("penalty", STEPS) else value


def _is_proximal(penalty: Choice) -> bool:
    return bool(name_and_settings(penalty)[1].get("proximal"))


def _of_steps(s: TrainSettings, method: type[Method]) -> dict[str, bool]:
    """Whether what belongs to updates by mini-batches is given."""
    own = ("auto", method.default_batch, *(["full"] if method.whole_batch else []))
    return {
        "learning_rate": s.learning_rate == "auto"
        or (method.whole_batch and bool(s.learning_rate)),
        "schedule": name_and_settings(s.schedule)[0] != "constant",
        "warmup": s.warmup > 0,
        "layer_rates": s.layer_rates != "none",
        "weight_decay": bool(s.weight_decay),
        "clip_value": s.clip_value is not None,
        "clip_norm": s.clip_norm is not None,
        "average_weights": s.average_weights != "none",
        "batch_size": s.batch_size not in own,
        "balanced_batches": s.balanced_batches,
        "emphasize_errors": s.emphasize_errors,
        "penalty": any(map(_is_proximal, s.penalty)),
        "max_norm": s.max_norm is not None,
        "snapshots": s.snapshots > 0,
    }


def _of_chance(s: TrainSettings) -> dict[str, bool]:
    """Whether what makes the loss another one each time is given."""
    activation = choices.built("ACTIVATIONS", s.activation)
    return {
        "activation": activation.is_random,
        "augment": any(not choices.built("AUGMENTATIONS", a).adds_rows for a in s.augment),
        "dropout": s.dropout not in ("auto", 0),
        "input_dropout": s.input_dropout > 0,
        "input_noise": s.input_noise > 0,
        "weight_noise": s.weight_noise > 0,
        "activation_noise": s.activation_noise > 0,
    }


def _of_hidden_units(s: TrainSettings) -> dict[str, bool]:
    """Whether hidden units, or what is for them, are given."""
    return {
        "hidden": s.hidden not in ("auto", ()),
        "parametric_activation": s.parametric_activation,
        "batch_norm": s.batch_norm,
        "layer_norm": s.layer_norm,
        "dropout": s.dropout not in ("auto", 0),
        "activation_noise": s.activation_noise > 0,
    }


def _of_gradients(s: TrainSettings) -> dict[str, bool]:
    """Whether what is done to a gradient, or beside it, is given."""
    return {
        "weight_decay": bool(s.weight_decay),
        "clip_value": s.clip_value is not None,
        "clip_norm": s.clip_norm is not None,
        "weight_noise": s.weight_noise > 0,
    }


def _with_parameters(s: TrainSettings) -> dict[str, bool]:
    """Whether layers with parameters of their own are given."""
    return {
        "parametric_activation": s.parametric_activation,
        "batch_norm": s.batch_norm,
        "layer_norm": s.layer_norm,
    }


def _given(options: dict[str, bool]) -> Iterator[str]:
    return (name for name, is_given in options.items() if is_given)


def _shown(option: str, value: Any) -> str:
    """A setting as one would type it, in short."""
    if isinstance(value, bool) or (isinstance(value, dict) and "name" not in value):
        return option
    values = value if isinstance(value, tuple) else (value,)
    words = [spelling.choice(v) if isinstance(v, dict) else f"{v}" for v in values]
    return f"{option} {','.join(words)}"


def adapted(settings: TrainSettings, task: str) -> tuple[TrainSettings, list[str]]:
    """The settings with the values that the method gives to what is 'auto', and what to say.

    Raises ``UsageError`` where the method cannot learn such a task.
    """
    import msgspec

    method = method_class(settings)
    if method is None:
        return settings, []
    values = _values(method, settings, task)
    if not values:
        return settings, []
    name = name_and_settings(settings.optimizer)[0]
    options = {field.name: field.option for field in fields(type(settings))}
    words = [f"{options[field]} {_word(value)}" for field, value in values.items()]
    return msgspec.structs.replace(settings, **values), [f"with {name} 'auto' is {together(words)}"]


def _values(method: type[Method], settings: TrainSettings, task: str) -> dict[str, Any]:
    """What a method makes of settings that are 'auto', by field."""
    wanted: dict[str, Any] = {}
    if method.single_layer:
        wanted["hidden"] = ()
    if settings.loss == "auto" and method.losses:
        wanted["loss"] = _loss_of(method, settings, task)
    wanted |= {"output": method.link, "initializer": method.initializer}
    wanted["batch_size"] = "full" if method.whole_batch else method.default_batch
    if not method.by_batches:  # a line search, or sums of many rows whose sign decides
        wanted["dtype"] = "float64"
    wanted["dropout"] = method.dropout
    if method.single_layer or not method.by_batches:
        wanted["dropout"] = 0.0
    if method.single_layer or not takes_penalties(method):
        wanted["penalty"] = ()
    return {
        field: value
        for field, value in wanted.items()
        if value != "auto" and getattr(settings, field) in ("auto", ("auto",))
    }


def _word(value: Any) -> str:
    """A value as one would type it.

    >>> _word(()), _word(0.0), _word("full")
    ('none', '0', 'full')
    """
    return "none" if value == () else f"{value:g}" if isinstance(value, float) else f"{value}"


def _loss_of(method: type[Method], settings: TrainSettings, task: str) -> str:
    """The loss by which a method learns a task."""
    if task not in method.losses:
        name = name_and_settings(settings.optimizer)[0]
        raise UsageError(
            f"--optimizer {name} is for a {' or '.join(method.losses)} target, and this task is"
            f" {task}",
            "leave --optimizer out",
        )
    return method.losses[task]


def refuse_too_many(method: Method, name: str, n_weights: int) -> None:
    """Raise ``UsageError`` for a network whose matrix is too large for a method that keeps one."""
    if method.max_size is not None and n_weights > method.max_size:
        raise UsageError(
            f"--optimizer {name} keeps a matrix of all pairs of weights, of which it takes up to"
            f" {method.max_size:,}, and this network has {n_weights:,}",
            "--optimizer lbfgs, conjugate-gradient or newton-cg, or a smaller --hidden",
        )


def has_gradient(settings: TrainSettings) -> bool:
    """Whether the loss that is asked for has a gradient of its own; 'auto' has one."""
    if settings.loss == "auto":
        return True
    found: bool = choices.built("LOSSES", settings.loss).has_gradient
    return found


def refuse_codes(method: Method, name: str, n_columns: int) -> None:
    """Raise ``UsageError`` for columns of codes, where a method learns weights of numbers alone."""
    if n_columns and not (method.by_batches or method.whole_batch):
        columns = "a column of codes" if n_columns == 1 else f"{n_columns} columns of codes"
        raise UsageError(
            f"--optimizer {name} takes numbers, and there {'is' if n_columns == 1 else 'are'}"
            f" {columns}, whose levels would need vectors",
            "transform --encode one-hot, or --optimizer adam",
        )


def takes_penalties(method: type[Method]) -> bool:
    """Whether a method follows a loss that something can be added to."""
    return method.by_batches or method.whole_batch
