"""What holds for every operation on one column, whatever it does."""

import json
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from nntool.tables import states
from nntool.tables.choices import build
from nntool.tables.operations import (
    BINS,
    DATE_OPERATIONS,
    ENCODERS,
    OPERATIONS,
    SCALERS,
    TEXT_ENCODERS,
)
from nntool.tables.operations.dates import Part
from nntool.tables.operations.operation import Training

N = 120
RNG = np.random.default_rng(5)


def with_gaps(values):
    return [None if i % 11 == 3 else value for i, value in enumerate(values)]


CELLS = {
    "numbers": np.where(np.arange(N) % 11 == 3, np.nan, RNG.lognormal(1, 1, N)),
    "days": np.where(np.arange(N) % 11 == 3, np.nan, RNG.uniform(-4000, 20_000, N)),
    "texts": pa.array(with_gaps(RNG.choice([*"abcdefg", "ö", "10", ""], N).tolist()), pa.string()),
    "prose": pa.array(
        with_gaps([" ".join(RNG.choice(["red", "Big", "car", "x"], 4)) for _ in range(N)]),
        pa.string(),
    ),
}
LATER = {
    "numbers": np.array([np.nan, -1e100, -5.0, -1.0, 0.0, 2.0, 1e100, 3.0]),
    "days": np.array([np.nan, -700_000.5, 0.0, 1.25, 30_000.0]),
    "texts": pa.array([None, "never seen", "a", "", "ö"], pa.string()),
    "prose": pa.array([None, "", "!?", "unheard words", "red RED car"], pa.string()),
}
EMPTY = {"numbers": np.full(4, np.nan), "days": np.full(4, np.nan)}
EMPTY |= {"texts": pa.nulls(4, pa.string()), "prose": pa.nulls(4, pa.string())}

SETTINGS = {
    ("numbers", "minmax"): [{"low": -1.0}],
    ("numbers", "log1p"): [{"signed": True}],
    ("numbers", "power"): [{"method": "box-cox"}],
    ("numbers", "quantile-normal"): [{"quantiles": 7}],
    ("numbers", "bins"): [
        {"by": "width"},
        {"by": "k-means", "count": 3},
        {"by": "tree"},
        {"encode": "ordinal"},
    ],
    ("numbers", "edges"): [
        {"at": "1/2/4"},
        {"at": "1/2/4", "labels": "low/high"},
        {"at": "1/2", "encode": "ordinal"},
    ],
    ("texts", "ordinal"): [{"order": "g/f/e/d/c/b/a/ö/10/"}],
    ("texts", "target"): [{"smooth": 3.0, "scaled": False}],
    ("texts", "hashing"): [{"columns": 5}],
    ("texts", "one-hot"): [{"min_share": 0.1}, {"max_levels": 2}],
    ("days", "elapsed"): [{"since": "2020-01-31"}],
    ("days", "part"): [{"of": part} for part in fields(Part)[0].metadata["choices"]],
    ("days", "cycle"): [{"of": cycle} for cycle in ("weekday", "hour", "day-of-year")],
    ("prose", "tfidf"): [{"ngrams": 2, "max_features": 5, "min_count": 1}],
    ("prose", "hashing"): [{"columns": 5, "ngrams": 2}],
}
NEEDS_SETTINGS = {("numbers", "edges")}

CASES = [
    pytest.param(kind, {"name": name, **chosen}, id=f"{kind}-{name}-{i}")
    for kind, registry in OPERATIONS.items()
    for name in registry
    for i, chosen in enumerate(
        [{}] * ((kind, name) not in NEEDS_SETTINGS) + SETTINGS.get((kind, name), [])
    )
    if hasattr(registry[name], "suffixes")  # what fills several columns at once is tested apart
]
TARGETS = {
    "regression": (RNG.normal(size=N), 0),
    "binary": (RNG.integers(0, 2, N).astype(np.int32), 2),
    "multiclass": (RNG.integers(0, 4, N).astype(np.int32), 4),
}


def fitted(kind, choice, values=None, task="regression"):
    values = CELLS[kind] if values is None else values
    operation = build(OPERATIONS[kind], kind, choice)
    target, n_classes = TARGETS[task]
    if operation.needs_target:
        state, apart = operation.fit_to(values, Training(target[: len(values)], n_classes, 3))
    else:
        state, apart = operation.fit(values), None
    return operation, state, apart


def cut(values, edges):
    return [values[start:stop] for start, stop in pairwise(edges)]


def plain(found):
    return np.array(found.to_pylist(), object) if isinstance(found, pa.Array) else found


def joined(kind, parts):
    return pa.concat_arrays(parts) if kind in ("texts", "prose") else np.concatenate(parts)


@pytest.mark.parametrize(("kind", "choice"), CASES)
def test_chunks_give_what_the_whole_gives(kind, choice) -> None:
    operation, state, _ = fitted(kind, choice)
    cells = joined(kind, [CELLS[kind], LATER[kind]])
    with np.errstate(over="ignore"):
        counts = {}
        whole = plain(operation.apply(cells, state, counts))
        for size in (1, 7):
            edges = [*range(0, len(cells), size), len(cells)]
            total = {}
            parts = [plain(operation.apply(part, state, total)) for part in cut(cells, edges)]
            np.testing.assert_array_equal(np.concatenate(parts), whole)
            assert total == counts
            assert {part.dtype for part in parts} == {whole.dtype}


@pytest.mark.parametrize(("kind", "choice"), CASES)
def test_no_rows_give_no_rows_of_the_same_width(kind, choice) -> None:
    operation, state, _ = fitted(kind, choice)
    none, some = (plain(operation.apply(CELLS[kind][:n], state, {})) for n in (0, 1))
    assert none.shape == (0, *some.shape[1:])


@pytest.mark.parametrize(("kind", "choice"), CASES)
def test_a_state_survives_its_files(kind, choice) -> None:
    operation, state, _ = fitted(kind, choice)
    words, arrays = states.separate(state)
    again = states.join(json.loads(json.dumps(words)), arrays)
    with np.errstate(over="ignore"):
        found, expected = (plain(operation.apply(LATER[kind], one, {})) for one in (again, state))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("kind", "choice"), CASES)
def test_each_column_that_comes_out_has_a_name_of_its_own(kind, choice) -> None:
    operation, state, _ = fitted(kind, choice)
    found = plain(operation.apply(LATER[kind], state, {}))
    suffixes = operation.suffixes(state)
    assert len(set(suffixes)) == len(suffixes)
    assert (found.shape[1] if found.ndim == 2 else 1) == len(suffixes)
    assert isinstance(operation.label(state), str)


@pytest.mark.parametrize(("kind", "choice"), CASES)
def test_what_is_given_is_not_changed(kind, choice) -> None:
    cells = LATER[kind]
    before = cells if isinstance(cells, pa.Array) else cells.copy()
    operation, state, _ = fitted(kind, choice)
    with np.errstate(over="ignore"):
        operation.apply(cells, state, {})
    assert (
        cells.equals(before)
        if isinstance(cells, pa.Array)
        else np.array_equal(cells, before, equal_nan=True)
    )


@pytest.mark.parametrize(("kind", "choice"), CASES)
def test_a_column_without_a_value_or_with_one_row_can_be_learned_from(kind, choice) -> None:
    if choice["name"] == "tfidf":
        pytest.skip("it has no word to learn, and says so: test_text.py")
    for values in (EMPTY[kind], CELLS[kind][:1]):
        operation, state, _ = fitted(kind, choice, values)
        with np.errstate(over="ignore"):
            found = plain(operation.apply(CELLS[kind], state, {}))
        if found.dtype != object:
            known = ~np.isnan(CELLS[kind]) if kind in ("numbers", "days") else slice(None)
            assert np.isfinite(found[known]).all()


@pytest.mark.parametrize(
    "operation",
    [
        cls
        for registry in (SCALERS, ENCODERS, BINS, DATE_OPERATIONS, TEXT_ENCODERS)
        for cls in registry.values()
    ],
)
def test_it_ends_by_saying_when_to_use_it(operation) -> None:
    assert operation.__doc__.strip().split("\n\n")[-1].strip().startswith("Use: ")


@pytest.mark.parametrize("task", sorted(TARGETS))
@pytest.mark.parametrize(
    ("kind", "choice"),
    [case for case in CASES if OPERATIONS[case.values[0]][case.values[1]["name"]].needs_target],
)
def test_what_looks_at_the_target_works_for_every_task(kind, choice, task) -> None:
    operation, state, apart = fitted(kind, choice, task=task)
    found = operation.apply(CELLS[kind], state, {})
    assert np.isfinite(found).all()
    assert len(operation.suffixes(state)) == (found.shape[1] if found.ndim == 2 else 1)
    assert apart is None or apart.shape == found.shape
    again = fitted(kind, choice, task=task)[1]
    assert repr(again) == repr(state), "the same input gives the same state"
