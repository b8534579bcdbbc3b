"""The judgement called on columns by name, and features ready to be scored."""

import numpy as np
import pytest

from nntool.settings.building import build
from nntool.settings.select_features import SelectFeaturesSettings
from nntool.tables.choices import build as build_choice
from nntool.tables.selecting import SCORES, InMemory, fit
from nntool.tables.selecting.fitting import Facts
from nntool.tables.selecting.judged import Block, Judged, Tools


def numeric_column(name, position, block=None, role="numeric", kind="numeric"):
    return {
        "name": name,
        "source": (block or name).removesuffix("_missing"),
        "block": block or name,
        "role": role,
        "kind": kind,
        "position": position,
        "levels": None,
    }


def untrained(*words, **settings):
    raise AssertionError("no network is asked for")


NO_TOOLS = Tools(untrained, lambda done, total, what: None)


def judgement(
    columns: dict,
    target=None,
    codes=None,
    produced=None,
    rows=None,
    task="binary",
    missing=None,
    tools=None,
    **to,
):
    matrix = np.column_stack(list(columns.values())).astype(np.float32)
    if produced is None:
        produced = [numeric_column(name, i) for i, name in enumerate(columns)]
    chosen = build(SelectFeaturesSettings, to)
    return fit(
        InMemory(matrix),
        InMemory(np.empty((len(matrix), 0), np.int32) if codes is None else codes),
        np.arange(len(matrix)) % 2 if target is None else target,
        Facts(produced, missing or {}, {"id": "its role is identifier"}, {"mixed"}, task),
        chosen,
        build_choice(SCORES, "SCORES", chosen.score),
        np.ones(len(matrix), bool) if rows is None else rows,
        np.random.default_rng(0),
        tools or NO_TOOLS,
    )


def features_of(columns, target, task="regression", categories=()):
    """A category is a column of codes, which becomes one 0/1 column for each level."""
    blocks = []
    for name, values in columns.items():
        values = np.asarray(values)
        if name in categories:
            blocks.append(Block(name, True, np.float32(values[:, None] == np.unique(values))))
        else:
            blocks.append(Block(name, False, values.astype(np.float32).reshape(len(values), -1)))
    return Judged(blocks, np.asarray(target), task, 0)


def planted_signal(task="regression", n=1000, d=20, seed=1):
    """Columns f0, f1, … of which f4, f11 and f17 tell the target."""
    x = np.random.default_rng(seed).normal(size=(n, d + 1))
    y = 1.5 * x[:, 4] - x[:, 11] + 0.7 * x[:, 17] + 0.5 * x[:, d]
    if task == "binary":
        y = (y > 0).astype(np.int32)
    if task == "multiclass":
        y = np.digitize(y, np.quantile(y, [1 / 3, 2 / 3])).astype(np.int32)
    return features_of({f"f{i}": x[:, i] for i in range(d)}, y, task)


@pytest.fixture(scope="session")
def number():
    return numeric_column


@pytest.fixture(scope="session")
def select():
    return judgement


@pytest.fixture(scope="session")
def features():
    return features_of


@pytest.fixture(scope="session")
def no_tools():
    return NO_TOOLS


@pytest.fixture(params=["regression", "binary", "multiclass"])
def planted(request):
    """Twenty features of which three matter, the fifth, the twelfth and the eighteenth."""
    return planted_signal(request.param)
