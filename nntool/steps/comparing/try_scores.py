"""How a try is scored: as ``evaluate`` was last asked to score the run's own model.

So that the two stand side by side: the same rows, decided by the same threshold.
"""

from __future__ import annotations

from typing import Any

from nntool.run import names
from nntool.run.directory import Run
from nntool.settings.building import build
from nntool.settings.evaluate import EvaluateSettings
from nntool.settings.model import plain
from nntool.settings.train import TrainSettings
from nntool.steps import calibration, evaluate
from nntool.steps import model as models
from nntool.steps.evaluating import deciding
from nntool.steps.job import Job
from nntool.steps.scoring import Parts

OF_ROWS = ("part",)
OF_DECISIONS = ("threshold", "optimize")
OF_CERTAINTY = ("bootstrap", "confidence", "interval", "seed")
PARTS = ("test", "validation", "train")
"""The part that is scored: the first that has rows, where evaluate was not asked for one."""


def asked(run: Run) -> dict[str, Any]:
    """What of evaluate's settings shapes the scores of a try.

    Rows of another file are none of the run: a try is then scored on the run's own.
    """
    entry = run.entry("evaluate")
    given = plain(build(EvaluateSettings, {})) | ({} if entry is None else entry.asked)
    wanted = (*OF_DECISIONS, *OF_CERTAINTY, *(OF_ROWS if given.get("data") is None else ()))
    return {name: given[name] for name in wanted if name in given}


def scores(run: Run, model: models.Model, settings: TrainSettings, job: Job) -> dict[str, Any]:
    """What evaluate/metrics.json would say of a model, trained with these settings.

    Without baselines: they are the same for every model of a run.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):  # the same bytes whatever the cores
        parts = Parts(run, model)
        there = [part for part in PARTS if len(parts.index(part))]
        values = {**asked(run), "baseline": False}
        if values.get("part") not in there:
            values["part"] = there[0]
        if not model.has_probabilities:
            values = {name: value for name, value in values.items() if name not in OF_DECISIONS}
        like = build(EvaluateSettings, values)
        held = calibration.masks(run, settings.calibration, settings.seed)
        threshold = deciding.threshold_of(like, parts, np.flatnonzero(held.stopping))
        parts.threshold = None if threshold is None else threshold["value"]
        report = evaluate.assess(parts, parts.scored(like.part), like, job)
    return report if threshold is None else report | {"threshold": threshold}


def load(files: dict[str, bytes]) -> models.Model:
    """The model that the files of a training hold, by their names in its folder."""
    own = (names.TRAIN_MODEL, names.TRAIN_WEIGHTS)
    return models.load({artifact: files[names.file_of(artifact)] for artifact in own})
