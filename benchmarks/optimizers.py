"""What every optimizer comes to at its default settings, from the same initial weights.

Each table is cleaned, transformed and split once, by the defaults. Every optimizer then trains the
same network on it, without dropout, so that all make the same loss small; early stopping and all
else is as ``nntool train`` has it. Single-layer rules have no hidden units. Seconds are those of
``train`` in this process, by one BLAS thread.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

from shared import SAMPLE_DATA, machine, parser, scratch, show, table
from threadpoolctl import threadpool_limits

from nntool.errors import NntoolError
from nntool.nn.losses import LOSSES
from nntool.nn.methods import METHODS
from nntool.nn.outputs import DEFAULT_LOSSES, choose_output
from nntool.run import names
from nntool.run.directory import Run
from nntool.settings.building import build
from nntool.settings.train import TrainSettings
from nntool.steps.job import Job
from nntool.steps.running import run
from nntool.steps.scoring import Parts, Scored
from nntool.steps.train import train

HIDDEN = 16
"""Few enough units for the methods that keep a matrix."""
QUICK_EPOCHS = 3


class Data(NamedTuple):
    """A table and its target."""

    path: Path
    target: str

    @property
    def name(self) -> str:
        """The table as the page names it."""
        return self.path.stem


class Found(NamedTuple):
    """What a training came to; the loss is None where a rule has scores, not probabilities."""

    loss: float | None
    score: float
    epochs: int
    ended: str
    seconds: float


def prepare(data: Data, root: Path) -> None:
    """Take a table as far as training needs it."""
    given: dict[str, dict[str, Any]] = {step: {} for step in names.ORDER}
    given["collect"] = {"source": [str(data.path)]}
    given["clean"] = {"target": data.target}
    given["train"] = {"epochs": 1, "hidden": [2]}
    for _ in run(str(root), None, given, Job(threads=1)):
        pass


def one(root: Path, name: str, epochs: int | None) -> Found | str:
    """Train by one optimizer and score it; a text where it cannot learn this target."""
    values: dict[str, Any] = {"optimizer": name, "dropout": 0}
    values |= {} if METHODS[name].single_layer else {"hidden": [HIDDEN]}
    values |= {"epochs": epochs} if epochs else {}
    begun = time.perf_counter()
    try:
        with threadpool_limits(1):
            train(str(root), build(TrainSettings, values), Job(threads=1, force=True))
    except NntoolError as error:
        return error.message
    seconds = time.perf_counter() - begun
    parts = Parts(Run.existing(root))
    scores = parts.scored("test").scores()["metrics"]
    trained = parts.model.plain["trained"]
    return Found(
        loss=training_loss(parts.scored("train")),
        score=float(scores.get("accuracy", scores.get("r2"))),
        epochs=trained["epochs"],
        ended=trained["ended"],
        seconds=seconds,
    )


def training_loss(part: Scored) -> float | None:
    """The loss that a task has by default, of the kept weights, over all training rows.

    In a regression it is that of the standardized target.
    """
    model = part.model
    task, classes = model.plain["task"], model.classes or []
    if task != "regression" and not model.has_probabilities:
        return None
    unit = model.plain["target_map"]
    y = part.target if classes else (part.target - unit["location"]) / unit["scale"]
    z = model.engine().outputs(part.numeric, part.codes)
    own = choose_output(task, len(classes), LOSSES[DEFAULT_LOSSES[task]]())
    return float(own.value(z, y, None, own.tape(len(z), z.dtype)))


def page(report: dict[str, Any]) -> str:
    """The page for docs/."""
    header = ["optimizer"]
    for found in report["tables"]:
        name = found["table"]
        header += [f"{name}: loss", found["metric"], "s"]
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    for name in METHODS:
        cells = [f"`{name}`"]
        for found in report["tables"]:
            loss, score, _, seconds = cells_of(found["optimizers"].get(name))
            is_lost = "diverged" in found["refused"].get(name, "")
            cells += ["diverged" if is_lost else loss, score, seconds]
        lines.append("| " + " | ".join(cells) + " |")
    sizes = [
        f"`{t['table']}` ({t['rows']:,} training rows, {t['weights']:,} weights)"
        for t in report["tables"]
    ]
    return PAGE.format(table="\n".join(lines), tables=", ".join(sizes), hidden=HIDDEN)


def cells_of(found: dict[str, Any] | None) -> list[str]:
    """Loss, test metric, epochs and seconds of a training; dashes where there is none."""
    if found is None:
        return ["–"] * 4
    loss = "–" if found["loss"] is None else f"{found['loss']:.4f}"
    return [loss, f"{found['score']:.3f}", f"{found['epochs']}", f"{found['seconds']:.2f}"]


PAGE = """\
# Every optimizer at its default settings

<!-- Written by benchmarks/optimizers.py --page docs/optimizers.md; do not edit. -->

{table}

**loss**: the loss of the task over all training rows by the weights that were kept: cross-entropy,
or the mean squared error of the standardized target. **accuracy**, **r2**: of the test rows. **s**:
seconds of `train` on one thread of one machine, which did other things too: they tell tenfold
differences, not small ones.

## How it was made

Tables: {tables}. Each was cleaned, transformed and split once, as `nntool run` does it. Then

```
nntool train RUN --optimizer NAME --hidden {hidden} --dropout 0
```

for each NAME: the same network, rows, penalty and seed, so the same initial weights; no dropout, so
that all make the same function small; all else by default, such as `--epochs 500 --patience 20`.
{hidden} hidden units are few enough for the methods that keep a matrix. `perceptron` and
`delta-rule` have no hidden units, and the perceptron begins at 0; both give scores without
probabilities for classes, so no cross-entropy. `levenberg-marquardt` learns classes by squared
errors; the table has its cross-entropy all the same. A dash: the method is not for such a target.

## How to read it

The least training loss is not the aim: early stopping keeps the weights that did best on validation
rows, and a method that goes down fast meets them early. So a larger loss with an equal test metric
is no worse; a larger loss with a lower metric has not arrived: the rule's default rate is small for
so few updates (`--epochs`, `--learning-rate auto`). Differences of one or two percent are a few
test rows. The time of `lbfgs` and `conjugate-gradient` grows with the network as that of one pass
through all rows; `newton` and `levenberg-marquardt` take few iterations, each of them dear.

```
python benchmarks/optimizers.py --folder FOLDER --table FILE.csv:TARGET --page docs/optimizers.md
```

makes the page anew, with further tables of any folder.
"""


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--folder", type=Path, help="where the tables of --table lie")
    options.add_argument(
        "--table", action="append", default=[], metavar="FILE:TARGET", help="one more; repeatable"
    )
    options.add_argument("--page", type=Path, help="write the page of docs/ there")
    given = options.parse_args()
    folder = given.folder or SAMPLE_DATA
    wanted = [Data(SAMPLE_DATA / f"{name}.csv", target) for name, target in OWN.items()]
    for word in given.table:
        file, _, target = word.partition(":")
        wanted.append(Data(folder / file, target))
    begun, facts = time.perf_counter(), machine("numpy", "scipy")
    with scratch() as place:
        tables = [of_table(data, place / data.name, quick=given.quick) for data in wanted]
    report = {
        "benchmark": "optimizers",
        "machine": facts,
        "tables": tables,
        "seconds": time.perf_counter() - begun,
    }
    if given.page:
        given.page.write_text(page(report), encoding="utf-8")
    show(report, text(report), as_json=given.json)


OWN = {
    "breast_cancer": "diagnosis",
    "wine": "cultivar",
    "diabetes": "disease_progression",
}
"""Tables of ``sample_data/`` and their targets."""


def of_table(data: Data, root: Path, *, quick: bool) -> dict[str, Any]:
    """All optimizers on one table."""
    prepare(data, root)
    found, refused = {}, {}
    for name in METHODS:
        done = one(root, name, QUICK_EPOCHS if quick else None)
        if isinstance(done, str):
            refused[name] = done
        else:
            found[name] = done._asdict()
    parts = Parts(Run.existing(root))
    one(root, "adam", 1)
    return {
        "table": data.name,
        "metric": "r2" if parts.model.classes is None else "accuracy",
        "rows": len(parts.scored("train").target),
        "weights": Parts(Run.existing(root)).model.net.size,
        "optimizers": found,
        "refused": refused,
    }


def text(report: dict[str, Any]) -> str:
    """The tables for a person."""
    lines = []
    for found in report["tables"]:
        header = ["", "training loss", f"test {found['metric']}", "epochs", "seconds", "ended"]
        body = [[name, *cells_of(one), one["ended"]] for name, one in found["optimizers"].items()]
        lines += [f"{found['table']}: {found['rows']:,} training rows", table(header, body), ""]
        lines += [f"{name}: {why}" for name, why in found["refused"].items()]
    lines.append(f"all of it took {report['seconds']:.0f} s")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
