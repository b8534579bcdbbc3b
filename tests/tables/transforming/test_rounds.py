"""What the flow does with joint imputers, encodings apart and mixers, whatever they are."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

from nntool.settings.building import build
from nntool.settings.transform import TransformSettings
from nntool.tables import operations, transforming
from nntool.tables.operations.operation import Mixer, Operation, TableImputer
from nntool.tables.transforming import fitting

COLUMNS = [("a", "numeric"), ("b", "numeric"), ("group", "identifier"), ("c", "categorical")]


@dataclass(frozen=True)
class PlusGroup(TableImputer):
    """Fill with ten times the group: what is read beside the columns that are filled."""

    def reads(self, roles):
        return ["group"]

    def fit(self, columns, fills, training):
        return {"factor": 10.0, "seen": len(columns["group"])}

    @staticmethod
    def apply(columns, state):
        groups = np.array([float(text) for text in columns["group"].to_pylist()])
        return {
            name: np.where(np.isnan(columns[name]), groups * state["factor"], columns[name])
            for name in state["fills"]
            if name in columns
        }


@dataclass(frozen=True)
class Previous(PlusGroup):
    """Fill with the cell of the row before."""

    in_order: ClassVar[bool] = True

    @staticmethod
    def apply(columns, state):
        found = {}
        for name in set(state["fills"]).intersection(columns):
            values = columns[name].copy()
            for i in range(1, len(values)):
                values[i] = values[i - 1] if np.isnan(values[i]) else values[i]
            found[name] = np.nan_to_num(values, nan=-1)
        return found


@dataclass(frozen=True)
class FromOthers(Operation):
    """Training rows get minus one, others one: an encoding that is learned apart."""

    needs_target: ClassVar[bool] = True

    def fit(self, values):
        raise AssertionError("fit_to is to be called")

    def fit_to(self, values, training):
        return {"mean": float(np.mean(training.target))}, -np.ones(len(values))

    @staticmethod
    def apply(values, state, counts):
        return np.ones(len(values))


@dataclass(frozen=True)
class Sum(Mixer):
    """The sum of all numbers; the state holds an array."""

    def fit(self, matrix, names):
        return {"weights": np.ones(len(names)), "mean_of_sums": float(matrix.sum(1).mean())}

    @staticmethod
    def apply(matrix, state):
        return np.float32(matrix @ state["weights"])[:, None]

    @staticmethod
    def names(state):
        return ["sum"]


@dataclass(frozen=True)
class Total(Sum):
    """The same in place of its inputs."""

    replaces: ClassVar[bool] = True


@pytest.fixture
def table():
    return pa.table(
        {
            "a": [1.0, None, 3.0, None],
            "b": [None, 2.0, 2.0, 4.0],
            "group": ["1", "2", "3", "4"],
            "c": ["x", "y", "x", "x"],
        }
    )


@pytest.fixture
def registered(monkeypatch):
    for name, cls in {"plus-group": PlusGroup, "previous": Previous}.items():
        monkeypatch.setitem(operations.NUMERIC_IMPUTERS, name, cls)
    monkeypatch.setitem(operations.OPERATIONS["texts"], "from-others", FromOthers)
    for name, cls in {"sum": Sum, "total": Total}.items():
        monkeypatch.setitem(operations.MIXERS, name, cls)


def options(**values):
    return build(TransformSettings, {"scale": "none", "missing_indicators": False, **values})


def test_gaps_of_several_columns_are_filled_from_a_column_that_is_no_feature(table, registered):
    state = transforming.fit(table, COLUMNS, options(impute_numeric="plus-group")).state
    matrix = transforming.apply(table, state, ["a", "b"])[0]
    assert matrix.tolist() == [[1, 10], [20, 2], [3, 2], [40, 4]]
    assert transforming.sources(state, ["a"]) == ["a", "group"]
    assert transforming.sources(state, ["c=x"]) == ["c"]
    only_a = table.select(["a", "group"])
    assert transforming.apply(only_a, state, ["a"])[0].ravel().tolist() == [1, 20, 3, 40]


def test_one_column_may_have_such_an_imputer_of_its_own(table, registered):
    state = transforming.fit(table, COLUMNS, options(columns={"b": "plus-group,none"})).state
    matrix = transforming.apply(table, state, ["a", "b"])[0]
    assert matrix.tolist() == [[1, 10], [2, 2], [3, 2], [2, 4]]


def test_chains_learn_from_filled_cells_and_indicators_from_the_gaps(table, registered):
    settings = options(impute_numeric="plus-group", scale="minmax", missing_indicators=True)
    state = transforming.fit(table, COLUMNS, settings).state
    matrix = transforming.apply(table, state, ["a", "a_missing"])[0]
    np.testing.assert_allclose(matrix[:, 0], (np.array([1, 20, 3, 40]) - 1) / 39, rtol=1e-6)
    assert matrix[:, 1].tolist() == [0, 1, 0, 1]


def test_what_follows_an_order_is_given_all_rows_at_once(table, registered, monkeypatch):
    state = transforming.fit(table, COLUMNS, options(impute_numeric="previous")).state
    assert transforming.is_in_order(state)
    monkeypatch.setattr("nntool.tables.transforming.applying.BLOCK", 1)
    assert transforming.apply(table, state, ["a"])[0].ravel().tolist() == [1, 1, 3, 3]


def test_training_rows_become_what_an_encoding_says_apart(table, registered):
    rows = np.array([True, False, True, True])
    target = np.array([1.0, 100.0, 2.0, 3.0])
    fitted = transforming.fit(table, COLUMNS, options(columns={"c": "from-others"}), rows, target)
    (entry,) = [e for e in fitted.state["columns"] if e["source"] == "c"]
    assert entry["chain"][-1]["mean"] == 2.0
    assert fitted.apart[entry["produces"][0]].tolist() == [-1, -1, -1]
    assert transforming.apply(table, fitted.state, entry["produces"])[0].ravel().tolist() == [1] * 4


def test_what_follows_an_encoding_apart_learns_from_it(table, registered):
    settings = options(columns={"c": "from-others,minmax:low=5,high=6"})
    fitted = transforming.fit(table, COLUMNS, settings, None, np.zeros(4))
    (column,) = fitted.apart.values()
    assert column.tolist() == [5, 5, 5, 5]


@pytest.fixture
def mixing(monkeypatch, registered):
    def use(*mixers):
        monkeypatch.setattr(fitting, "mixers_asked_for", lambda settings: list(mixers))

    return use


def test_a_mixer_adds_columns_made_of_the_numbers(table, mixing):
    mixing(Sum())
    state = transforming.fit(table, COLUMNS, options()).state
    assert [c["name"] for c in transforming.produced(state)] == ["a", "b", "c=x", "c=other", "sum"]
    whole = transforming.apply(table, state)[0]
    assert whole[:, 4].tolist() == (whole[:, 0] + whole[:, 1]).tolist()
    assert transforming.apply(table, state, ["sum"])[0].tolist() == whole[:, 4:].tolist()
    assert transforming.sources(state, ["sum"]) == ["a", "b"]


def test_a_mixer_may_take_the_place_of_its_columns(table, mixing):
    mixing(Total())
    state = transforming.fit(table, COLUMNS, options()).state
    produced = transforming.produced(state)
    assert [c["name"] for c in produced] == ["c=x", "c=other", "sum"]
    assert [c["position"] for c in produced] == [0, 1, 2]
    assert transforming.apply(table, state)[0].shape == (4, 3)


def test_mixers_follow_one_another(table, mixing):
    mixing(Sum(), Total())
    state = transforming.fit(table, COLUMNS, options()).state
    names = [c["name"] for c in transforming.produced(state)]
    assert names == ["c=x", "c=other", "sum_2"]
    a, b = transforming.fit(table, COLUMNS, options()).state["columns"][:2]
    assert a["source"] == "a"
    assert b["source"] == "b"
    total = transforming.apply(table, state, ["sum_2"])[0].ravel()
    assert total.tolist() == [2 * (1 + 2), 2 * (2 + 2), 2 * (3 + 2), 2 * (2 + 4)]


def test_a_mixer_of_columns_that_are_apart_is_apart_too(table, mixing):
    mixing(Sum())
    settings = options(columns={"c": "from-others"})
    fitted = transforming.fit(table, COLUMNS, settings, None, np.zeros(4))
    here = transforming.apply(table, fitted.state, ["sum"])[0].ravel()
    assert fitted.apart["sum"].tolist() == (here - 2).tolist()


def test_numbers_are_learned_from_a_sample_and_levels_from_all_rows():
    rng = np.random.default_rng(0)
    table = pa.table({"x": rng.normal(size=500), "c": [str(i % 250) for i in range(500)]})
    columns = [("x", "numeric"), ("c", "categorical")]
    state = transforming.fit(table, columns, build(TransformSettings, {"fit_rows": 50})).state
    assert state["sampled"] == 50
    x, c = (entry["chain"] for entry in state["columns"])
    assert x[1]["mean"] != pytest.approx(table["x"].to_numpy().mean(), abs=1e-12)
    assert len(c[1]["levels"]) + len(c[1]["rare"]) == 250
    assert any("sample" in note for note in transforming.report(state, {})["notes"])


def test_columns_with_the_same_imputer_are_filled_by_one_and_others_by_their_own(table, registered):
    settings = options(impute_numeric="plus-group")
    (one,) = transforming.fit(table, COLUMNS, settings).state["imputers"]
    assert one["fills"] == ["a", "b"]
    settings = options(impute_numeric="plus-group", columns={"b": "previous,none"})
    fills = {
        i["name"]: i["fills"] for i in transforming.fit(table, COLUMNS, settings).state["imputers"]
    }
    assert fills == {"plus-group": ["a"], "previous": ["b"]}


def test_the_seed_of_the_step_reaches_what_draws(table, registered, monkeypatch):
    seen = set()

    def fit_to(self, values, training):
        seen.add(training.seed)
        return {}, None

    def fit(self, columns, fills, training):
        seen.add(training.seed + 100)
        return {"factor": 1.0}

    monkeypatch.setattr(FromOthers, "fit_to", fit_to)
    monkeypatch.setattr(PlusGroup, "fit", fit)
    settings = options(seed=5, impute_numeric="plus-group", columns={"c": "from-others"})
    transforming.fit(table, COLUMNS, settings, None, np.zeros(4))
    assert seen == {5, 105}
