"""Nothing outside training reaches what is learned, whatever is done in whatever order.

The parts are held fixed by a column that says them. Then feature cells of rows outside training are
given other content in the collected table: no fitted state and no training row of any artifact may
change a bit. ``OPERATIONS`` names all that is tried; a new operation is one more line there.
"""

import csv
import datetime
import random
import shlex
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

OPERATIONS: list[tuple[str, str]] = [
    ("clean", ""),
    ("clean", "--decimal ,"),
    ("clean", "--missing-values-in city=Lima --constant-columns keep"),
    ("clean", "--roles age=categorical --roles note=text --roles joined=date:DD/MM/YYYY"),
    ("clean", "--roles shop=group --roles joined=time --roles visits=weight --roles price=ignored"),
    ("clean", "--duplicates leave-out"),
    ("clean", "--duplicates leave-out --duplicates-by city,plan --duplicates-keep last"),
    ("clean", "--valid 'age=0..100:abs' --valid 'visits=1..20:clip' --valid 'price>10'"),
    ("clean", "--valid 'age=0..60:leave-out' --valid 'plan=basic|plus'"),
    ("clean", "--derive 'age = 2023 - birth' --derive 'rate = price / visits'"),
    ("clean", "--require-columns price,city"),
    ("clean", "--merge-spellings all"),
    ("clean", "--merge-spellings city --spelling-similarity 0.6 --spelling-ratio 2"),
    ("clean", "--agree 'shop -> city' --agree-share 0.6"),
    ("clean", "--outliers zscore --outlier-action clip"),
    ("clean", "--outliers iqr --outlier-action missing"),
    ("clean", "--outliers mad:limit=2 --outlier-action leave-out --outlier-columns price"),
    ("clean", "--row-outliers isolation-forest --row-outlier-action leave-out"),
    ("clean", "--row-outliers local-outlier-factor --row-outlier-action leave-out"),
    ("clean", "--smooth price=rolling-mean --smooth age=rolling-median --order-by joined"),
    ("clean", "--smooth price=exponential --order-by birth"),
    ("clean", "--smooth price=bin-means --smooth age=bin-medians --smooth visits=bin-edges"),
    ("transform", ""),
    *[("transform", f"--scale {name}") for name in (
        "minmax", "robust", "robust-smooth", "maxabs", "quantile-normal", "power", "none")],
    *[("transform", f"--encode {name}") for name in (
        "ordinal", "embedding", "frequency", "target", "hashing", "binary",
        "one-hot:min_count=8")],
    *[("transform", f"--impute-numeric {name}") for name in (
        "mean", "most-frequent", "constant", "by-group:column=plan",
        "forward:order=joined", "linear:order=joined", "knn", "iterative")],
    *[("transform", f"--impute-categorical {name}") for name in (
        "most-frequent", "constant", "by-group:column=plan")],
    ("transform", "--no-missing-indicators --target-scaling none"),
    ("transform", "--columns visits=robust,maxabs --columns price=bins"),
    ("transform", "--columns city=target --columns plan=frequency --columns visits=log1p"),
    ("transform", "--columns 'joined=days,standard' --dates year,month-cycle,weekday"),
    ("transform", "--mix polynomial"),
    ("transform", "--mix pca:count=3"),
    ("transform", "--mix polynomial --mix pca:share=0.9"),
    ("transform", "--fit-rows 20"),
    ("transform", "--columns note=hashing --text hashing"),
    ("select-features", ""),
    *[("select-features", f"--score {name} --top 4") for name in (
        "mutual-information", "f-test", "chi2", "mrmr", "l1-network", "permutation", "rfe",
        "forward")],
    ("select-features", "--max-correlation 0.3"),
    ("select-features", "--max-one-value 0.8 --max-missing 0.1"),
    ("select-features", "--min-score 0.05 --drop plan --keep price"),
]  # fmt: skip

STEPS = ("clean", "transform", "select-features")
ORDERS = [(*STEPS[:place], "split", *STEPS[place:]) for place in range(4)]
"""Split at each place; in the last one all three are fitted on all rows first, then again."""

STATES = (
    "clean/state.json",
    "transform/state.json",
    "transform/state.npz",
    "select-features/columns.json",
)
ARRAYS = (
    "clean/left_out.npy",
    "transform/numeric.npy",
    "transform/categorical.npy",
    "transform/target.npy",
)
KEPT = ("part", "churned")
"""The column that says the part, and the target: they hold rows.npy fixed."""
ODD = ["", "NA", "-1e9", "1e12", "0", "-3", "1.234,5", "12,5", "never seen", "Rma", "Roma ", "bsic",
       "31/12/2023", "12/31/2023", "2031-02-03", "0007", "yes", "inf", "ROME", "plus"]  # fmt: skip
"""Cells that may stand anywhere where the split comes first."""
MILD = {
    "age": ["", "-999", "1000", "NA"],
    "birth": ["1700", "2300", ""],
    "price": ["-5,5", "1.234.567,25", "0", ""],
    "visits": ["-70", "5000", ""],
    "city": ["never seen", "Rma", "ROME", "rome ", ""],
    "plan": ["bsic", "Plus", "none", ""],
    "joined": ["31/12/2031", "01/01/1970", ""],
    "shop": ["s99", "", "s1"],
    "note": ["", "good", "other words than there ever were"],
}
"""Cells that leave a column what it is: before the split comes, all rows are learned from, and what
then has no meaning is refused."""


FEATURES = ("id", "age", "birth", "price", "visits", "city", "plan", "joined", "shop", "note",
            "same")  # fmt: skip
NOTE = ("good", "late", "slow", "kind", "broken", "again", "never", "thanks")


def made_rows(n=90):
    """Gaps, misspelt names, local dates, decimal commas, free text, a group, repeated rows."""
    rng = random.Random(11)
    header = [*FEATURES, "churned", "part"]
    rows = []
    for i in range(n):
        birth = rng.randint(1945, 2003)
        age = str(2023 - birth) if i % 8 else rng.choice(["", f"-{2023 - birth}"])
        shop = rng.randint(1, 8)
        city = ["Rome", "Lima", "Oslo"][shop % 3] if i % 11 else rng.choice(["Romee", "lima", ""])
        plan = rng.choice(["basic", "basic", "plus", "pro"])
        day = datetime.date(2020, 1, 1) + datetime.timedelta(days=rng.randint(0, 1200))
        price = f"{rng.lognormvariate(3, 0.6):.2f}".replace(".", ",") if i % 7 else ""
        note = " ".join(rng.choices(NOTE, k=6))
        churned = "yes" if (birth < 1975) + (plan == "basic") + rng.random() > 1.2 else "no"
        part = ["train", "train", "train", "validation", "test"][i % 5]
        rows.append([f"{i + 1:04d}", age, birth, price, rng.randint(0, 25), city, plan,
                     day.strftime("%d/%m/%Y"), f"s{shop}", note, "x", churned, part])  # fmt: skip
    rows += [[f"{n + i + 1:04d}", *row[1:]] for i, row in enumerate(rows[:10])]
    return [header, *rows]


@pytest.fixture(scope="module")
def collected(tmp_path_factory, ok):
    """A run in which the table is collected, no more."""
    folder = tmp_path_factory.mktemp("no_leakage")
    with open(folder / "shops.csv", "w", newline="") as file:
        csv.writer(file, delimiter=";").writerows(made_rows())
    ok("collect", folder / "run", folder / "shops.csv")
    return folder / "run"


@pytest.fixture(scope="module")
def reference(tmp_path_factory, collected, ok):
    """What is fitted with these options on the table as it is, split first; made once for each."""
    made = {}
    finished = Path(shutil.copytree(collected, tmp_path_factory.mktemp("reference") / "run"))
    do_all(ok, finished, ORDERS[0], {})

    def fitted_with(options):
        key = tuple(sorted(options.items()))
        if key not in made:
            root = Path(shutil.copytree(finished, tmp_path_factory.mktemp("reference") / "run"))
            do_all(ok, root, ORDERS[0], options)  # steps with these options are done already
            made[key] = fitted(root)
        return made[key]

    return fitted_with


def do_all(ok, root, order, options):
    """Do the steps in an order, each with its options."""
    for step in order:
        words = shlex.split(options.get(step, ""))
        if step == "clean" or (step == "split" and order[0] == "split"):
            words += ["--target", "churned"]
        if step == "split":
            words += ["--method", "column:column=part", "--folds", "3"]
        ok(step, root, *words)


def fitted(root):
    """All that must not change: states as they are, other artifacts in their training rows."""
    inside = np.load(root / "split/rows.npy") == 0
    found = {name: (root / name).read_bytes() for name in STATES if (root / name).exists()}
    found |= {name: np.load(root / name)[inside].tobytes() for name in ARRAYS
              if (root / name).exists()}  # fmt: skip
    table = pq.read_table(root / "clean/table.parquet").filter(pa.array(inside))
    found |= {f"clean/table.parquet {name}": table.column(name).to_pylist()
              for name in table.column_names}  # fmt: skip
    found["split"] = [(root / "split" / f).read_bytes() for f in ("rows.npy", "fold.npy")]
    return found


def with_other_cells(collected, root, seed, share, order=ORDERS[0]):
    """A copy of a run whose collected table has other feature cells outside training."""
    from nntool.run import hashing
    from nntool.run.directory import Run
    from nntool.run.manifest import save

    shutil.copytree(collected, root)
    path = root / "collect/table.parquet"
    table = pq.read_table(path)
    outside = [part != "train" for part in table.column("part").to_pylist()]
    rng = random.Random(seed)
    columns = {}
    for name in table.column_names:
        cells = table.column(name).to_pylist()
        odd = ODD if order[0] == "split" else MILD.get(name, [])
        if name not in KEPT:
            from_training = [c for c, out in zip(cells, outside, strict=True) if not out]
            cells = [
                rng.choice([*odd, rng.choice(from_training)]) if out and rng.random() < share else c
                for c, out in zip(cells, outside, strict=True)
            ]
        columns[name] = pa.array(cells, pa.string())
    pq.write_table(pa.table(columns), path)
    run = Run(root)
    run.manifest.steps["collect"].writes["collect/table.parquet"] = hashing.record(path)
    save(root, run.manifest)
    return root


def differing(found, expected):
    """The names of what is not the same."""
    return sorted(n for n in found.keys() | expected.keys() if found.get(n) != expected.get(n))


@pytest.mark.parametrize("place", range(len(OPERATIONS)), ids=lambda i: " ".join(OPERATIONS[i]))
def test_cells_outside_training_change_nothing_that_is_learned(
    ok, tmp_path, collected, reference, place
):
    """Each operation, the orders of commands taken in turn, all feature cells outside changed."""
    step, words = OPERATIONS[place]
    order = ORDERS[place % len(ORDERS)]
    root = with_other_cells(collected, tmp_path / "run", seed=place, share=1.0, order=order)
    do_all(ok, root, order, {step: words})
    assert differing(fitted(root), reference({step: words})) == []


OF_STEP = {step: st.sampled_from([w for s, w in OPERATIONS if s == step]) for step in STEPS}


@settings(
    deadline=None,
    max_examples=12,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.fixed_dictionaries(OF_STEP),
    st.sampled_from(ORDERS),
    st.integers(0, 1000),
    st.sampled_from([0.05, 0.5, 1.0]),
)
def test_so_it_is_of_all_steps_together_in_any_order(
    ok, tmp_path_factory, collected, reference, options, order, seed, share
):
    root = tmp_path_factory.mktemp("other") / "run"
    with_other_cells(collected, root, seed, share, order)
    do_all(ok, root, order, options)
    assert differing(fitted(root), reference(options)) == []


def test_the_cells_that_are_changed_do_reach_the_other_rows(ok, tmp_path, collected):
    """That nothing changes in training says little where nothing changes elsewhere."""
    as_it_is = Path(shutil.copytree(collected, tmp_path / "as-it-is"))
    changed = with_other_cells(collected, tmp_path / "changed", seed=0, share=1.0)
    numeric = []
    for root in (as_it_is, changed):
        do_all(ok, root, ORDERS[0], {})
        outside = np.load(root / "split/rows.npy") != 0
        numeric.append(np.load(root / "transform/numeric.npy")[outside])
    assert (numeric[0] != numeric[1]).any(axis=1).mean() > 0.9


def test_every_registered_data_operation_is_tried():
    """What a registry has and ``OPERATIONS`` does not is named here."""
    from nntool.steps import choices

    tried = " ".join(words for _, words in OPERATIONS)
    registries = ("OUTLIER_RULES", "ROW_OUTLIER_RULES", "NUMERIC_IMPUTERS", "CATEGORICAL_IMPUTERS",
                  "SCALERS", "ENCODERS", "MIXERS", "SCORES")  # fmt: skip
    defaults = {"median", "level", "standard", "one-hot"}
    missing = [
        f"{registry}: {name}"
        for registry in registries
        for name in choices.names(registry)
        if name not in defaults and name not in tried
    ]
    assert missing == []
