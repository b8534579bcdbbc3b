"""Commands that train a run again: as it was asked for, but for what stands in the way."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any

from nntool.run.directory import Run
from nntool.settings import spelling
from nntool.settings.train import TrainSettings
from nntool.steps import choices

OF_METHOD = ("optimizer", "learning_rate", "batch_size")
"""The settings that go with a method, and mean little to another one."""
OF_LOSS = ("loss", "output", "target_coding")
"""The settings by which a classifier learns scores in place of probabilities."""
RATE = 0.2
"""The share of units that is proposed to be silenced."""


def for_probabilities(run: Run) -> str:
    """The command that trains a classifier with a loss that gives probabilities."""
    # a single layer has scores, whatever its loss
    of_method = OF_METHOD if _method(run).single_layer else ()
    return _command(run, (*OF_LOSS, *of_method), {})


def for_dropout(run: Run) -> str:
    """The command that trains with dropout: of inputs, where no hidden units are wanted."""
    method, asked = _method(run), _asked(run)
    is_linear = "hidden" in asked and not asked["hidden"]
    field = "input_dropout" if is_linear else "dropout"
    dropped: tuple[str, ...] = () if method.by_batches else OF_METHOD
    if method.single_layer:
        dropped = (*OF_METHOD, *OF_LOSS)
    return _command(run, dropped, {field: RATE})


def _command(run: Run, dropped: Iterable[str], given: dict[str, Any]) -> str:
    """What to type: the words of what was asked for, as recipes hold what became of it."""
    kept = {name: value for name, value in _asked(run).items() if name not in dropped}
    words = spelling.options(TrainSettings, kept | given)
    return shlex.join(["nntool", "train", str(run.root), *words])


def _asked(run: Run) -> dict[str, Any]:
    entry = run.entry("train")
    return {} if entry is None else dict(entry.asked)


def _method(run: Run) -> Any:
    entry = run.entry("train")
    used = "adam" if entry is None else entry.settings.get("optimizer", "adam")
    return choices.built("METHODS", used)
