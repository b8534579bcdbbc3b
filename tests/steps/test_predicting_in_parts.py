"""Prediction in parts: neither chunks, nor threads, nor the way rows arrive change a byte."""

import csv
import io
import random
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from nntool.run.directory import Run
from nntool.steps.csv_input import batches
from nntool.steps.inputs import open_rows
from nntool.steps.predicting import Predictor
from nntool.steps.trained_run import opened

N_ROWS = 2600
"""Two blocks of 1,024 rows and a half."""


@pytest.fixture(scope="module")
def table():
    """Numbers with gaps and other cells here and there, categories that training did not see."""
    rng = random.Random(3)
    rows = []
    for i in range(N_ROWS):
        age, plan = str(rng.randint(18, 80)), rng.choice(["basic", "plus", "pro"])
        income = "" if i % 9 == 0 else f"{rng.uniform(1000, 9000):.2f}"
        if i in (700, 1800):
            age, plan, income = "NA", "gold", "much"
        rows.append([f"{i:05d}", age, income, plan, "2021-03-04", "5", rng.choice(["yes", "no"])])
    for i in (150, 2000):
        rows[i] = [""] * 7
    return rows


@pytest.fixture(scope="module")
def new(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("new") / "new.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        header = ["customer", "age", "income", "plan", "joined", "visits", "churned"]
        csv.writer(file, lineterminator="\n").writerows([header, *table])
    return path


NETWORKS = {
    "float32": [],
    "embeddings": ["transform.encode=embedding"],
    "batch norm": ["train.batch_norm=true"],
    "float64": ["train.dtype=float64"],
}


@pytest.fixture(scope="module", params=NETWORKS)
def trained(request, tmp_path_factory, source):
    from tests.conftest import QUICK, call

    root = tmp_path_factory.mktemp("trained") / "run"
    chosen = [word for name in NETWORKS[request.param] for word in ("--set", name)]
    said = call("run", root, "--data", source, "--target", "churned", *QUICK, *chosen)
    assert said.code == 0, said
    return root


def answered(root, path, n_rows=0, threads=1, narrow=True):
    """All answers as bytes, and what was met; the rows come in chunks of so many."""
    run = Run.existing(str(root))
    trained = opened(run)
    predictor = Predictor(trained)
    reader, _ = open_rows(str(path), run, trained.sources)
    if narrow:
        trained.narrow(reader, [], threads)
    found = list(batches(reader, run))
    if n_rows:
        whole = pa.Table.from_batches(found).combine_chunks()
        found = whole.to_batches(max_chunksize=n_rows)
    parts = list(predictor.each(found, lambda a: a.probabilities.tobytes(), threads))
    return b"".join(parts), predictor.counts


def same(one, other):
    return one[0] == other[0] and repr(one[1]) == repr(other[1])


def test_chunks_and_threads_change_no_byte_and_no_count(trained, new):
    expected = answered(trained, new, narrow=False)
    assert len(expected[0]) == N_ROWS * 2 * 8
    for n_rows, threads in ((100, 1), (1000, 2), (1000, 5), (1024, 2), (32768, 2)):
        assert same(answered(trained, new, n_rows, threads, narrow=False), expected)
    for threads in (1, 2, 5):
        assert same(answered(trained, new, threads=threads), expected)


def test_what_follows_the_order_of_rows_is_answered_as_a_whole(ok, tmp_path, source, new):
    from tests.conftest import QUICK

    root = tmp_path / "run"
    smooth = ["--set", 'clean.smooth={age="rolling-mean"}', "--set", 'clean.order_by="income"']
    ok("run", root, "--data", source, "--target", "churned", *QUICK, *smooth)
    expected = answered(root, new)
    for n_rows, threads in ((100, 1), (1000, 2), (2599, 2)):
        assert same(answered(root, new, n_rows, threads, narrow=False), expected)


@pytest.mark.parametrize("n_rows", [1, 7])
def test_rows_by_ones_and_sevens_have_the_same_bytes(run, new, n_rows):
    expected = answered(run, new)[0]
    assert answered(run, new, n_rows, 2)[0] == expected


def test_what_was_met_is_counted_once(trained, new):
    _, counts = answered(trained, new, threads=3)
    assert counts.rows == N_ROWS
    assert counts.empty_rows == 2
    assert counts.cells["age"] == {"empty": 2, "tokens": {"NA": 2}}
    assert counts.cells["income"]["unfit"] == 2
    assert counts.features["unseen"] == {"plan": 2}


@pytest.mark.parametrize("options", [[], ["--id", "customer", "--keep", "age,churned"]])
def test_the_command_says_the_same_with_any_number_of_threads(ok, run, new, options):
    said = [ok("predict", run, new, "--threads", n, *options) for n in (1, 2, 5)]
    assert said[0].out == said[1].out == said[2].out
    assert said[0].err == said[1].err == said[2].err
    assert len(said[0].rows) == N_ROWS


def test_kept_columns_are_the_text_that_was_read(ok, run, new, table):
    found = ok("predict", run, new, "--id", "age", "--keep", "income,churned").rows
    assert [(r["age"], r["income"], r["churned"]) for r in found] == [
        (row[1], row[2], row[6]) for row in table
    ]


def test_a_parquet_file_of_the_same_numbers_has_the_same_answers(ok, run, new, tmp_path, table):
    rows = [row for row in table if row[2] != "much" and any(row)]
    text = io.StringIO()
    csv.writer(text).writerows([new.read_text().splitlines()[0].split(","), *rows])
    (tmp_path / "new.csv").write_text(text.getvalue())
    kinds = {"customer": pa.string(), "joined": pa.string()}
    convert = pyarrow.csv.ConvertOptions(column_types=kinds)
    typed = pyarrow.csv.read_csv(tmp_path / "new.csv", convert_options=convert)
    assert pa.types.is_floating(typed.schema.field("income").type)
    pyarrow.parquet.write_table(typed, tmp_path / "new.parquet")
    said = [ok("predict", run, tmp_path / name) for name in ("new.csv", "new.parquet")]
    assert said[0].out == said[1].out


def test_evaluate_scores_the_same_rows_of_a_file_as_predict_answers(ok, run, new):
    predicted = ok("predict", run, new, "--keep", "churned").rows
    known = [row for row in predicted if row["churned"]]
    right = sum(row["prediction"] == row["churned"] for row in known) / len(known)
    metrics = ok("evaluate", run, "--data", new, "--json").json["evaluate"]["network"]["metrics"]
    assert metrics["accuracy"] == pytest.approx(right)


def test_rows_in_an_order_are_one_chunk_whatever_the_threads(tmp_path, source, new):
    from tests.conftest import QUICK, call

    root = tmp_path / "run"
    chosen = ["--set", "transform.impute_numeric={name='forward',order='customer'}"]
    said = call(
        *("run", root, "--data", source, "--target", "churned", *QUICK),
        *(*chosen, "--set", "clean.roles={customer='numeric'}"),
    )
    assert said.code == 0, said
    parts = [answered(root, new, threads=n) for n in (1, 2, 5)]
    assert opened(Run.existing(str(root))).is_in_order
    assert same(parts[1], parts[0])
    assert same(parts[2], parts[0])
    assert parts[0][0] == answered(root, new, narrow=False)[0]


@pytest.mark.parametrize("threads", ["1", "2"])
def test_rows_are_answered_as_they_come_and_a_closed_pipe_ends_it(run, source, threads):
    lines = source.read_bytes().splitlines(keepends=True)
    words = ["predict", str(run), "-", "--threads", threads, "--quiet"]
    command = [sys.executable, "-m", "nntool", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"".join(lines[:3]))
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"prediction")
        assert [process.stdout.readline().count(b",") for _ in range(2)] == [2, 2]
        process.stdin.write(lines[3])
        process.stdin.flush()
        assert process.stdout.readline().count(b",") == 2
        process.stdout.close()
        process.stdin.write(lines[4])
        process.stdin.flush()
        begun = time.perf_counter()
        process.wait(60)
        assert time.perf_counter() - begun < 30  # though more could come
        process.stdin.close()
