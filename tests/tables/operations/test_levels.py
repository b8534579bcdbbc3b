import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.tables.operations import levels as module
from nntool.tables.operations.levels import codes_of, in_order

LEVEL = st.sampled_from([None, "", "a", "b", "ö", "c d"])


@given(st.lists(LEVEL, unique=True), st.lists(LEVEL), st.integers(0, 6))
def test_an_index_that_is_kept_gives_the_same_codes(known, cells, cut) -> None:
    values, found = pa.array(cells, pa.string()), []
    for many in (0, 10):
        counts = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "MANY", many)
            codes = codes_of(values, known[:cut], known[cut:], counts)
        found.append((codes.tolist(), str(codes.dtype), counts))
    assert found[0] == found[1]
    assert found[0][0] == [known.index(cell) if cell in known else -1 for cell in cells]


def test_no_more_than_some_indexes_are_kept(monkeypatch) -> None:
    monkeypatch.setattr(module, "MANY", 0)
    for i in range(module.N_INDEXES + 5):
        assert codes_of(pa.array(["x"]), ["y"] * i + ["x"], [], {}).tolist() == [i]
    assert len(module._INDEXES) <= module.N_INDEXES


def test_texts_that_read_as_infinite_are_sorted_as_texts() -> None:
    assert in_order(["3", "1e999"]) == ["1e999", "3"]
