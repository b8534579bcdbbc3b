"""Typed rows cleaned batch by batch, or part by part where a rule follows their order."""

import numpy as np
import pandas as pd
import pyarrow as pa

from nntool.settings.building import build
from nntool.settings.clean import CleanSettings
from nntool.tables import cleaning, cleaning_rows, target

RNG = np.random.default_rng(3)
N = 40
TABLE = pa.table(
    {
        "t": [str(i) for i in RNG.permutation(N) * 3],
        "x": [f"{value:.3f}" for value in RNG.normal(size=N)],
        "y": ["a", "b"] * (N // 2),
    }
)
PARTS = RNG.choice(np.array([0, 0, 0, 1, 2, -1], np.int8), N)
SMOOTH = {"smooth": {"x": {"name": "rolling-mean", "window": 3}}, "order_by": "t"}


def fitted(parts, **values):
    settings = build(CleanSettings, {"target": "y", "roles": {"t": "numeric"}, **values})
    y = target.fit(TABLE.column("y"), "y", "auto", None, [])
    return cleaning.fit(TABLE, settings, None if parts is None else parts == 0, y)


def cleaned(state, parts, table=TABLE):
    (batch,) = table.to_batches()
    typed = pa.Table.from_batches([cleaning.type_cells(batch, state)[0]])
    batches, counts, objections = zip(*cleaning_rows.of_table(typed, state, parts), strict=True)
    return pa.Table.from_batches(batches).to_pandas(), counts, np.concatenate(objections)


def test_each_part_follows_its_own_order_and_every_row_keeps_its_place():
    state = fitted(PARTS, **SMOOTH)
    assert cleaning.is_in_order(state)
    found, _, _ = cleaned(state, PARTS)
    frame = TABLE.to_pandas().astype({"t": float, "x": float})
    for part in np.unique(PARTS):
        own = frame[part == PARTS].sort_values("t")
        expected = own["x"].rolling(3, min_periods=1).mean()
        pd.testing.assert_series_equal(found["x"][expected.index], expected)
    assert found["t"].tolist() == frame["t"].tolist()


def test_rows_of_another_part_do_not_change_those_of_this_one():
    state = fitted(PARTS, **SMOOTH)
    other = pa.array(
        ["99" if part else x for part, x in zip(PARTS, TABLE["x"].to_pylist(), strict=True)]
    )
    changed = TABLE.set_column(1, "x", other)
    training = PARTS == 0
    before, after = cleaned(state, PARTS)[0], cleaned(state, PARTS, changed)[0]
    assert before[training].equals(after[training])
    assert not before[~training].equals(after[~training])


def test_before_a_split_all_rows_are_one_part():
    found, _, _ = cleaned(fitted(None, **SMOOTH), None)
    frame = TABLE.to_pandas().astype({"t": float, "x": float}).sort_values("t")
    expected = frame["x"].rolling(3, min_periods=1).mean().sort_index()
    pd.testing.assert_series_equal(found["x"], expected)


def test_objections_stand_with_their_rows_whatever_the_order():
    rule = {"valid": ["x>0:leave-out"]}
    plain = cleaned(fitted(PARTS, **rule), PARTS)
    in_order = cleaned(fitted(PARTS, **rule, **SMOOTH), PARTS)
    expected = [4 * (float(x) <= 0) for x in TABLE["x"].to_pylist()]
    assert plain[2].tolist() == in_order[2].tolist() == expected


def test_without_rules_cells_are_only_typed():
    state = fitted(PARTS)
    assert state["rules"] == []
    found, counts, objections = cleaned(state, PARTS)
    assert found["x"].tolist() == [float(x) for x in TABLE["x"].to_pylist()]
    assert not objections.any()
    assert counts == ({},)
