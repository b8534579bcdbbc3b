"""How well nntool predicts at its defaults, against scikit-learn on the same rows.

Each table is split 20 times by seed, run as ``nntool run --data TABLE --target NAME --seed s``
does it. The rivals learn from the training rows of that very split (``split/rows.npy``) and answer
for its test rows; nntool's validation rows, which stop its training, are theirs only with
``--with-validation``. All scores are taken here, by one function, from nntool's
``evaluate/predictions.csv`` and the rivals' answers. Two processes, one BLAS thread each.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from shared import SAMPLE_DATA, machine, parser, show, table, verdict
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nntool.run import names
from nntool.steps.job import Job
from nntool.steps.rows import PARTS
from nntool.steps.running import run

SPLITS, QUICK_SPLITS, PROCESSES = 20, 3, 2
MAX_ITER = 1000
OURS = "nntool"


class Data(NamedTuple):
    """A table and what is asked of it."""

    name: str
    target: str
    metric: str


TABLES = [
    Data("breast_cancer", "diagnosis", "accuracy"),
    Data("wine", "cultivar", "accuracy"),
    Data("digits", "digit", "accuracy"),
    Data("diabetes", "disease_progression", "r2"),
]
SCORES = {"accuracy": accuracy_score, "r2": r2_score}


def rivals(metric: str, seed: int) -> dict[str, Any]:
    """The models that nntool is held against, by the name that the table gives them."""
    if metric == "accuracy":
        network = MLPClassifier(max_iter=MAX_ITER, random_state=seed)
        linear = LogisticRegression(max_iter=MAX_ITER)
        return {
            "MLPClassifier": make_pipeline(StandardScaler(), network),
            "LogisticRegression": make_pipeline(StandardScaler(), linear),
        }
    network = MLPRegressor(max_iter=MAX_ITER, random_state=seed)
    scaled = TransformedTargetRegressor(network, transformer=StandardScaler())
    return {
        "MLPRegressor": make_pipeline(StandardScaler(), scaled),
        "LinearRegression": make_pipeline(StandardScaler(), LinearRegression()),
    }


def one_split(
    data: Data, path: Path, seed: int, learn_from: tuple[int, ...]
) -> dict[str, dict[str, float]]:
    """Score and seconds of nntool and each rival on one seeded split."""
    with tempfile.TemporaryDirectory(prefix="nntool-bench-") as folder:
        root = Path(folder) / "run"
        found = {OURS: ours(data, path, seed, root)}
        rows, left_out = np.load(root / names.SPLIT_ROWS), np.load(root / names.CLEAN_LEFT_OUT)
        scored = pd.read_csv(root / names.EVALUATE_PREDICTIONS)
    frame = pd.read_csv(path)
    x, y = frame.drop(columns=data.target).to_numpy(float), frame[data.target].to_numpy()
    kept = left_out == 0
    train = np.flatnonzero(np.isin(rows, learn_from) & kept)
    test = np.flatnonzero((rows == PARTS["test"]) & kept)
    if not np.array_equal(scored["row"] - 1, test):
        raise SystemExit(f"{data.name}, seed {seed}: nntool has not scored the test rows")
    score = SCORES[data.metric]
    found[OURS]["score"] = float(score(y[test], scored["prediction"]))
    for name, model in rivals(data.metric, seed).items():
        begun = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x[train], y[train])
        seconds = time.perf_counter() - begun
        found[name] = {"score": float(score(y[test], model.predict(x[test]))), "seconds": seconds}
    return found


def ours(data: Data, path: Path, seed: int, root: Path) -> dict[str, float]:
    """Make the whole run with default settings; seconds are those of its step ``train``."""
    seeds = {step: {"seed": seed} for step in names.ORDER}
    given = seeds | {
        "collect": {"source": [str(path)], "seed": seed},
        "clean": {"target": data.target, "seed": seed},
    }
    begun = time.perf_counter()
    found = {}
    for outcome in run(str(root), None, given, Job(threads=1)):
        now = time.perf_counter()
        found[outcome.command] = now - begun
        begun = now
    return {"seconds": found["train"], "whole_run": sum(found.values())}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--splits", type=int, default=SPLITS)
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("folder", nargs="?", type=Path, default=SAMPLE_DATA, help="of the tables")
    options.add_argument(
        "--with-validation",
        action="store_true",
        help="rivals learn from nntool's validation rows too: all the rows that it ever sees",
    )
    given = options.parse_args()
    splits = QUICK_SPLITS if given.quick else given.splits
    seeds = range(given.first_seed, given.first_seed + splits)
    facts = machine("numpy", "scikit-learn")
    begun = time.perf_counter()
    learn_from = ("train", "validation") if given.with_validation else ("train",)
    codes = tuple(PARTS[part] for part in learn_from)
    jobs = [(data, seed) for data in TABLES for seed in seeds]
    with parallel_config(backend="loky", inner_max_num_threads=1):
        found = Parallel(PROCESSES)(
            delayed(one_split)(data, given.folder / f"{data.name}.csv", seed, codes)
            for data, seed in jobs
        )
    tables = {}
    for data in TABLES:
        own = [f for (d, _), f in zip(jobs, found, strict=True) if d is data]
        tables[data.name] = summary(data, own)
    report = {
        "benchmark": "quality",
        "machine": facts,
        "splits": splits,
        "first_seed": given.first_seed,
        "rivals_learn_from": learn_from,
        "tables": tables,
        "seconds": time.perf_counter() - begun,
    }
    show(report, text(report), as_json=given.json)


def summary(data: Data, found: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Means over the splits, and the paired difference of nntool to each rival."""
    own = np.array([split[OURS]["score"] for split in found])
    models = {}
    for name in found[0]:
        scores = np.array([split[name]["score"] for split in found])
        models[name] = {
            "mean": float(scores.mean()),
            "seconds": statistics.median(split[name]["seconds"] for split in found),
            "scores": scores.tolist(),
        }
        if name != OURS:
            models[name] |= paired(own - scores)
    whole = statistics.median(split[OURS]["whole_run"] for split in found)
    return {"metric": data.metric, "models": models, "whole_run_seconds": whole}


def paired(difference: np.ndarray) -> dict[str, Any]:
    """The mean difference d, its standard error sd/√n, d/SE, and whether d is not below −SE."""
    mean = float(difference.mean())
    error = float(difference.std(ddof=1) / np.sqrt(len(difference)))
    ratio = mean / error if error else None
    return {"difference": mean, "error": error, "ratio": ratio, "met": mean >= -error}


def text(report: dict[str, Any]) -> str:
    """The tables for a person."""
    header = ["", "mean", "nntool − it", "SE", "in SE", "≥ −1 SE", "seconds"]
    parts = " and ".join(report["rivals_learn_from"])
    lines = [
        f"{report['splits']} splits, seeds from {report['first_seed']};"
        f" rivals learn from the {parts} rows"
    ]
    for name, found in report["tables"].items():
        rows = []
        for model, f in found["models"].items():
            against = [""] * 4
            if model != OURS:
                ratio = "–" if f["ratio"] is None else f"{f['ratio']:+.1f}"
                against = [f"{f['difference']:+.4f}", f"{f['error']:.4f}", ratio, verdict(f["met"])]
            rows.append([model, f"{f['mean']:.4f}", *against, f"{f['seconds']:.2f}"])
        lines += ["", f"{name}: {found['metric']}", table(header, rows)]
    lines += ["", f"seconds: to learn, the median; all of it took {report['seconds']:.0f} s"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
