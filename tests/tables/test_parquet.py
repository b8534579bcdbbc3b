import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nntool.tables.parquet import TableWriter

N_ROWS = 1000


def dictionary_pages(path):
    group = pq.ParquetFile(path).metadata.row_group(0)
    return [group.column(j).has_dictionary_page for j in range(group.num_columns)]


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ([f"{i % 100}" for i in range(N_ROWS)], True),
        ([f"{i % 101}" for i in range(N_ROWS)], False),
        (["same"] * 900 + [f"{i}" for i in range(100)], False),
        (["same"] * 901 + [f"{i}" for i in range(99)], True),
        ([f"{i}" for i in range(100)] + ["0"] * 900, True),
    ],
)
def test_a_column_has_a_dictionary_where_its_texts_come_back_ten_times(tmp_path, cells, wanted):
    path = tmp_path / "t.parquet"
    table = pa.table({"text": cells, "number": [1.5] * len(cells)})
    with TableWriter(path, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=170):
            writer.append(batch)
    assert dictionary_pages(path) == [wanted, False]
    assert pq.read_table(path).equals(table)
