import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import murmurhash3_32

from nntool.tables.operations.murmur import murmur3


@given(st.lists(st.text(max_size=12)), st.integers(0, 3))
def test_hashes_agree_with_scikit_learn_wherever_the_texts_begin(values, cut) -> None:
    found = murmur3(pa.array(["x" * i for i in range(cut)] + values, pa.string())[cut:])
    assert found.tolist() == [murmurhash3_32(text, 0) for text in values]
