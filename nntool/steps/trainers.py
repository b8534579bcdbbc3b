"""From settings to a trainer: the network, the plan of its training, and the choices in both."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nntool.errors import DataError, TrainingError, UsageError
from nntool.settings.choices import name_and_settings
from nntool.settings.model import Choice
from nntool.settings.train import TrainSettings
from nntool.steps import choices, demands, monitoring, planning
from nntool.steps.model import make_output
from nntool.steps.sources import Sources

if TYPE_CHECKING:
    from nntool.nn.network import NetworkSpec
    from nntool.nn.outputs import Output
    from nntool.nn.plan import Plan
    from nntool.nn.sampling import Sampler
    from nntool.nn.training import Trainer
    from nntool.nn.updating import UpdateRules


def make_trainer(
    words: dict[str, Any],
    resolved: dict[str, Any],
    settings: TrainSettings,
    sources: Sources,
) -> Trainer:
    """The trainer of a network; adds the network to ``words``."""
    import numpy as np

    from nntool.nn.network import Network
    from nntool.nn.randomness import Streams
    from nntool.nn.stopping import EarlyStopping
    from nntool.nn.training import Trainer

    words |= {key: resolved[key] for key in ("output", "target_coding", "optimizer")}
    output = make_output(words)
    spec = network_spec(words, resolved, settings, output.n_outputs)
    begins = first_bias(output, sources.mean_target) if spec.bias else ()
    spec = replace(spec, output_bias=begins)
    words["network"] = spec.as_plain()
    net, plan = Network(spec), make_plan(words, resolved, settings, sources)
    if sources.training.n_rows < net.min_rows:
        raise DataError(
            f"--batch-norm needs {net.min_rows} training rows, and there is"
            f" {sources.training.n_rows}",
            "--layer-norm, or a split with more --train",
        )
    name = name_and_settings(settings.optimizer)[0]
    demands.refuse_codes(plan.rules.optimizer, name, len(words["levels"]))
    demands.refuse_too_many(plan.rules.optimizer, name, net.size)
    planning.refuse_too_large(net, plan, resolved["dtype"])
    task, monitor = words["task"], resolved["monitor"]
    measured = monitoring.metrics_of(task, output, words, monitor, sources.judged_truth)
    if sources.validation is not None:
        measured.require_defined(sources.judged_target)
    direction = monitoring.direction_of(task, monitor)
    return Trainer(
        net,
        output,
        plan,
        sources.training,
        sources.validation,
        streams=Streams(settings.seed),
        dtype=np.dtype(resolved["dtype"]),
        stopping=EarlyStopping(settings.patience or None, settings.min_delta, direction),
        metrics=measured,
        train_metrics=monitoring.metrics_of(task, output, words, "train-loss"),
    )


def network_spec(
    words: dict[str, Any], resolved: dict[str, Any], settings: TrainSettings, n_outputs: int
) -> NetworkSpec:
    """What the network is made of."""
    from nntool.nn.network import NetworkSpec

    activation, activation_settings = name_and_settings(settings.activation)
    initializer, initializer_settings = name_and_settings(settings.initializer)
    return NetworkSpec(
        n_numeric=words["kinds"].count("numeric"),
        n_outputs=n_outputs,
        levels=tuple(words["levels"]),
        hidden=tuple(resolved["hidden"]),
        activation=activation,
        activation_settings=activation_settings,
        parametric_activation=settings.parametric_activation,
        initializer=initializer,
        initializer_settings=initializer_settings,
        bias=settings.bias,
        batch_norm=settings.batch_norm,
        layer_norm=settings.layer_norm,
        dropout=resolved["dropout"],
        input_dropout=settings.input_dropout,
        input_noise=settings.input_noise,
        activation_noise=settings.activation_noise,
    )


def first_bias(output: Output, mean_target: float) -> tuple[float, ...]:
    """The bias of the output layer before training: behind exp, in the target's own unit, ln of
    the mean target; else 0.

    From e^0 = 1 the way to a target of thousands is long, and bends the hidden layers meanwhile.
    """
    from nntool.nn.links import ExpLink

    head = output.head
    behind_exp = isinstance(head.link, ExpLink) and head.target_map.is_identity
    return (math.log(mean_target),) if behind_exp and mean_target > 0 else ()


def make_plan(
    words: dict[str, Any], resolved: dict[str, Any], settings: TrainSettings, sources: Sources
) -> Plan:
    """How the network is trained."""
    from nntool.nn.augmentation import LevelMask, level_counts
    from nntool.nn.plan import Plan

    size = resolved["batch_size"]
    augmentations = [choices.built("AUGMENTATIONS", choice) for choice in settings.augment]
    levels = words["levels"]
    masks = [LevelMask(level_counts(sources.training, levels))] if levels else []
    averaged = settings.average_weights
    return Plan(
        rules=update_rules(resolved, settings),
        epochs=settings.epochs,
        batch_size=None if size == "full" else size,
        learning_rate=resolved.get("learning_rate"),
        schedule=choices.built("SCHEDULES", _schedule(settings)),
        warmup=settings.warmup,
        average=None if averaged == "none" else choices.built("AVERAGES", averaged),
        weight_noise=settings.weight_noise,
        augmentations=(*masks, *augmentations),
        sampler=_sampler(settings, words, sources),
        validate_every=settings.validate_every,
        monitor=resolved["monitor"],
        snapshots=settings.snapshots,
    )


def _schedule(settings: TrainSettings) -> Choice:
    """The schedule that was chosen, or that of --snapshots: as many falls to 0."""
    if settings.snapshots:
        return {"name": "cosine", "cycles": settings.snapshots}
    return settings.schedule


def update_rules(resolved: dict[str, Any], settings: TrainSettings) -> UpdateRules:
    """What one update consists of."""
    from nntool.nn.updating import UpdateRules

    rates = settings.layer_rates
    return UpdateRules(
        optimizer=choices.built("METHODS", settings.optimizer),
        penalties=tuple(choices.built("PENALTIES", choice) for choice in resolved["penalty"]),
        clip_value=settings.clip_value,
        clip_norm=settings.clip_norm,
        weight_decay=settings.weight_decay,
        layer_rates=None if rates == "none" else rates,
        max_norm=settings.max_norm,
    )


def grown(settings: TrainSettings, words: dict[str, Any], sources: Sources) -> Sources:
    """The rows with those that augmentations add to training before it begins."""
    from nntool.nn.batches import ArrayRows
    from nntool.nn.randomness import Streams

    rng, training = Streams(settings.seed)["added-rows"], sources.training
    for choice in settings.augment:
        augmentation = choices.built("AUGMENTATIONS", choice)
        if not augmentation.adds_rows:
            continue
        if not isinstance(training, ArrayRows):
            raise UsageError(
                f"--augment {name_and_settings(choice)[0]} needs a table that fits in memory",
                "--balanced-batches, or --class-weights balanced",
            )
        training = augmentation.extend(training, one_hot_blocks(words), rng)
    if not isinstance(training, ArrayRows) or training is sources.training:
        return sources
    return sources._replace(training=training, n_numbers=len(training.numeric))


def one_hot_blocks(words: dict[str, Any]) -> list[list[int]]:
    """The positions, among the numeric inputs, of each block of columns that are one feature."""
    blocks: dict[str, list[int]] = {}
    numeric = [
        b for b, kind in zip(words["blocks"], words["kinds"], strict=True) if kind != "codes"
    ]
    for position, block in enumerate(numeric):
        blocks.setdefault(block, []).append(position)
    return [positions for positions in blocks.values() if len(positions) > 1]


def _sampler(settings: TrainSettings, words: dict[str, Any], sources: Sources) -> Sampler | None:
    from nntool.nn.sampling import Balanced, EmphasizeErrors

    if settings.balanced_batches:
        if words["classes"] is None:
            raise UsageError(
                "--balanced-batches is for classes, and this is a regression",
                "--emphasize-errors, or --sample-weight COLUMN",
            )
        return Balanced()
    return EmphasizeErrors(sources.n_numbers) if settings.emphasize_errors else None


def resolve_rate(
    words: dict[str, Any], resolved: dict[str, Any], settings: TrainSettings, sources: Sources
) -> str:
    """Put the learning rate that a range test chooses into ``resolved``; returns what to say."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    from nntool.nn.learners.mini_batches import MiniBatches
    from nntool.nn.range_test import choose_rate, sweep

    if choices.built("METHODS", settings.optimizer).finds_rates:
        name = name_and_settings(settings.optimizer)[0]
        raise UsageError(
            f"--learning-rate auto is not for {name}, which finds its rates itself",
            "leave --learning-rate out",
        )
    trial = make_trainer(dict(words), {**resolved, "learning_rate": 1.0}, settings, sources)
    if not isinstance(trial.learner, MiniBatches):
        raise TypeError("a learner without a learning rate has no range of them to test")
    with threadpool_limits(1, user_api="blas"), np.errstate(all="ignore"):
        rates, losses = sweep(trial.learner)
    try:
        chosen = choose_rate(rates, losses)
    except ValueError as error:
        raise TrainingError(
            f"the range test of --learning-rate auto chose none: {error}",
            "leave --learning-rate out, or give a number",
        ) from None
    resolved["learning_rate"] = float(f"{chosen:.2g}")
    return (
        f"learning rate {resolved['learning_rate']:g}, halfway down the fall of the loss in a range"
        f" test of {len(rates)} updates from {rates[0]:g} to {rates[-1]:g}"
    )
