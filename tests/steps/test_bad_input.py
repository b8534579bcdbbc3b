"""Bad input to ``predict`` and ``evaluate --data``: what is said, the exit code, what is left."""

import bz2
import gzip
import json
import lzma
import os
import random
import shutil
from functools import partialmethod

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

HEADER = b"customer,age,income,plan,joined,visits,churned\n"
ROW = b"%05d,38,4100.5,basic,2022-03-19,9,no\n"
GOOD = [ROW % i for i in range(1, 7)]


@pytest.fixture
def asked(nntool, run, at):
    """Predict some bytes as a file, to a file; also says what is in the folder afterwards."""

    def predict(data, *words, name="new.csv", command=None):
        (at / name).write_bytes(data)
        before = {path.name for path in at.iterdir()}
        command = command or ["predict", run, name, "--output", "p.csv"]
        said = nntool(*command, *words)
        left = {path.name for path in at.iterdir()} - before
        return said, left

    return predict


def test_parquet_in_a_pipe_is_not_to_be_unpacked(nntool, run):
    said = through_a_pipe(nntool, run, b"PAR1" + bytes(100))
    assert said.message == "nntool predict: standard input is no CSV: it is Parquet"
    assert ".parquet" in said.hint
    assert "-dc" not in said.hint


def refused(asked, data, message, **more):
    """Exit 3, and nothing is left: no output, nothing half written."""
    said, left = asked(data, **more)
    assert (said.code, said.out, left) == (3, b"", set()), said
    assert message in said.message
    assert "--delimiter" not in said.hint  # predict has no options of collect
    assert "--format" not in said.hint
    return said


def rows_of(path):
    return path.read_text().splitlines()[1:]


# Records that cannot be read


BAD = {
    "truncated": b"00007,38,41",
    "too short": b"00007,38,4100.5\n",
    "too long": b"00007,38,4100.5,basic,2022-03-19,9,no,no\n",
    "a NUL": b"00007,38,4100.5,ba\0sic,2022-03-19,9,no\n",
    "not UTF-8": b"00007,38,4100.5,b\xe1sic,2022-03-19,9,no\n",
    "a stray quote": b'00007,38,4100.5,"ba"sic,2022-03-19,9,no\n',
    "cut in quotes": b'00007,38,4100.5,"bas',
}


@pytest.mark.parametrize("defect", BAD)
def test_a_row_that_cannot_be_read_has_an_empty_line_in_its_place(asked, at, defect):
    place = 3 if BAD[defect].endswith(b"\n") else 6
    data = HEADER + b"".join([*GOOD[:place], BAD[defect], *GOOD[place:]])
    said, left = asked(data, "--status", "--id", "customer", "--keep", "age", "--json")
    assert (said.code, left) == (0, {"p.csv"}), said
    lines = rows_of(at / "p.csv")
    assert lines[place] == ",,,,bad row,"
    others = [line[:5] for i, line in enumerate(lines) if i != place]
    assert others == [f"0000{i}" for i in range(1, 7)]
    assert said.json["predict"]["bad_rows"] == 1
    [one] = said.json["predict"]["bad_rows_listed"]
    assert one["line"] == place + 2
    assert "new.csv: 1 row could not be read and was not answered (--strict refuses" in said.err
    assert f"line {place + 2} " in said.err
    strict, _ = asked(data, "--strict")
    assert strict.code == 3
    assert f"line {place + 2}" in strict.message
    if defect != "cut in quotes":
        assert strict.hint.startswith("mend these lines")
        assert strict.hint.endswith("; without --strict they have empty answers")


def test_bad_rows_change_no_other_answer(asked, at):
    rows = [b"%05d,%d,%d,pro,2022-03-19,9,no\n" % (i, 18 + i % 60, i) for i in range(3000)]
    asked(HEADER + b"".join(rows))
    good = rows_of(at / "p.csv")
    places = [0, 5, 1023, 1024, 2999]
    for place in places:
        rows[place] = b"x,y\n"
    asked(HEADER + b"".join(rows))
    mixed = rows_of(at / "p.csv")
    assert [i for i, line in enumerate(mixed) if line == ",,"] == places
    assert [line for line in mixed if line != ",,"] == [
        line for i, line in enumerate(good) if i not in places
    ]


def test_what_is_counted_is_of_rows_that_could_be_read(asked):
    said, _ = asked(HEADER + b"x\n,,,,,,\n" + b"".join(GOOD), "--json", "--status")
    found = said.json["predict"]
    assert (found["rows"], found["bad_rows"], found["empty_rows"]) == (8, 1, 1)
    assert found["missing"]["age"] == 1
    assert found["status"]["bad row"] == 1
    assert sum(found["predicted"].values()) == 7


def test_a_table_of_bad_rows_alone_has_its_lines(asked, at):
    said, _ = asked(HEADER + b"1,2\n" * 3, "--status")
    assert said.code == 0
    assert rows_of(at / "p.csv") == [",,,bad row"] * 3


def test_a_bad_row_through_a_pipe_is_one_too(nntool, run):
    said = nntool("predict", run, "-", stdin=HEADER + GOOD[0] + b"x\n" + GOOD[1])
    assert said.code == 0
    assert said.text.splitlines()[2] == ",,"


def test_a_quote_that_never_closes_swallows_what_follows_and_is_refused(asked):
    data = HEADER + GOOD[0] + b'00007,"38,4100.5\n' + b"".join(GOOD)
    said = refused(asked, data, "new.csv, line 3: a quote opens here and never closes")
    assert said.hint == "close it"


def test_the_text_of_bad_rows_is_not_told_where_columns_are_personal(ok, at, source):
    words = ["--set", "train.epochs=1", "--set", "collect.drop=['customer']"]
    ok("run", "own", "--data", source, "--target", "churned", *words)
    (at / "new.csv").write_bytes(HEADER + b"Jane Roe\n" + GOOD[0])
    said = ok("predict", "own", "new.csv")
    assert "line 2 has 1 cell" in said.err
    assert "Jane" not in said.err


def test_a_bad_row_keeps_its_place_where_columns_are_renamed(ok, at, source):
    words = ["--set", "train.epochs=1", "--set", 'collect.rename={plan="tariff"}']
    ok("run", "own", "--data", source, "--target", "churned", *words)
    (at / "new.csv").write_bytes(HEADER + GOOD[0] + b"x\n" + GOOD[1])
    said = ok("predict", "own", "new.csv", "--id", "customer", "--keep", "tariff", "--status")
    assert [row["customer"] for row in said.rows] == ["00001", "", "00002"]
    assert [row["tariff"] for row in said.rows] == ["basic", "", "basic"]
    assert [row["status"] for row in said.rows] == ["ok", "bad row", "ok"]


def test_what_follows_the_order_of_rows_passes_bad_rows_over(ok, at, run, source):
    ok("transform", run, "--impute-numeric", "forward:order=joined")
    for step in ("select-features", "split", "train"):
        ok(step, run, *(["--epochs", 1] if step == "train" else []))
    lines = source.read_bytes().splitlines(keepends=True)
    (at / "new.csv").write_bytes(b"".join(lines))
    (at / "bad.csv").write_bytes(b"".join([*lines[:9], b"x\n", *lines[9:]]))
    plain, mixed = (ok("predict", run, name).text.splitlines() for name in ("new.csv", "bad.csv"))
    assert mixed.pop(9) == ",,"
    assert mixed == plain


def test_evaluate_scores_no_file_with_bad_rows(asked, run):
    command = ["evaluate", run, "--data", "new.csv"]
    said, _ = asked(HEADER + b"x,y\n" + b"".join(GOOD), command=command)
    assert said.code == 3
    assert "line 2 has 2 cells" in said.message
    assert said.hint == "mend these lines"


def test_lines_that_are_no_json_are_bad_rows(asked, at, run):
    record = b'{"age":38,"income":4100.5,"plan":"basic","joined":"2022-03-19","visits":9}\n'
    data = record + b'{"age":\n[1]\n\n{"age":1,"age":2}\n\xff\n' + record + record[:20]
    said, _ = asked(
        data,
        "--status",
        name="new.jsonl",
        command=["predict", run, "new.jsonl", "--output", "p.csv"],
    )
    assert said.code == 0, said
    assert [line.rpartition(",")[2] for line in rows_of(at / "p.csv")] == [
        "ok", "bad row", "bad row", "bad row", "bad row", "ok", "bad row",
    ]  # fmt: skip
    assert "5 rows could not be read" in said.err
    assert "line 2" in said.err
    strict = ["predict", run, "new.jsonl", "--output", "q.csv", "--strict"]
    said, left = asked(data, name="new.jsonl", command=strict)
    assert (said.code, left) == (3, set())
    assert "line 2: no JSON" in said.message
    alone, left = asked(b"[\n]\n", name="new.jsonl", command=strict[:-1])
    assert (alone.code, left) == (3, set())
    assert "one value over several lines" in alone.message


# Columns


def test_other_column_orders_and_further_columns_change_nothing(ok, at, run, table, write):
    plain = ok("predict", run, write("a.csv", table)).out
    order = random.Random(1).sample(range(7), 7)
    mixed = [[*(row[i] for i in order), "x"] for row in table]
    mixed[0][-1] = "further"
    assert ok("predict", run, write("b.csv", mixed)).out == plain


def test_missing_columns_are_named_all_at_once_with_their_nearest(asked):
    data = HEADER.replace(b"age,", b"agee,").replace(b"plan,", b"").replace(b"visits", b"zzz")
    rows = b"00001,38,4100.5,2022-03-19,9,no\n"
    said = refused(asked, data + rows, "'agee'")
    for name in ("'age' (nearest: 'agee')", "'plan'", "'visits'"):
        assert name in said.message
    assert "'agee', 'income'" in said.hint


def test_a_file_of_one_column_lacks_the_others(asked):
    said = refused(asked, b"age\n38\n", "there are no such columns: 'income'")
    assert said.hint == "the 1 column is: 'age'"


def test_a_needed_name_that_stands_twice_is_refused(asked):
    data = HEADER.replace(b"customer", b"age") + b"".join(GOOD)
    refused(asked, data, "the header has two of 'age', which the model reads")
    data = HEADER.replace(b"customer", b"churned") + b"".join(GOOD)
    assert asked(data)[0].code == 0  # the model does not read it


def test_a_name_that_stood_twice_in_training_may_do_so_again(ok, nntool, at):
    rows = "".join(f"{i % 7},{i % 5},{'ab'[i % 2]}\n" for i in range(60))
    (at / "in.csv").write_text("x,x,y\n" + rows)
    ok("run", "own", "--data", "in.csv", "--target", "y", "--set", "train.epochs=1")
    assert len(ok("predict", "own", "in.csv").rows) == 60
    (at / "new.csv").write_text("x,x,x,y\n" + "1,2,3,a\n")
    said = nntool("predict", "own", "new.csv")
    assert said.code == 3
    assert "two of 'x'" in said.message


def test_text_in_a_number_column_is_missing_counted_and_said(asked, at):
    data = HEADER + GOOD[0].replace(b"38", b"about 40") + GOOD[1]
    said, _ = asked(data, "--status", "--json")
    assert said.json["predict"]["cells"]["age"] == {"unfit": 1}
    assert [line.rpartition(",")[2] for line in rows_of(at / "p.csv")] == ["imputed", "ok"]
    assert "'age': 1 cell taken as missing (1 of another type than in training)" in said.err


# Files that hold no rows


def test_a_header_alone_gives_a_header_alone(asked, at):
    for data in (HEADER, HEADER.rstrip()):
        said, _ = asked(data, "--status")
        assert said.code == 0
        assert (at / "p.csv").read_text() == "prediction,p_no,p_yes,status\n"
        assert "there is a header and no row below it" in said.err


def test_evaluate_needs_rows(asked, run):
    said, _ = asked(HEADER, command=["evaluate", run, "--data", "new.csv"])
    assert (said.code, said.out) == (3, b"")
    assert said.message == "nntool evaluate: new.csv has a header and no rows"


def test_an_empty_file_is_refused(asked, nntool, run):
    refused(asked, b"", "new.csv is empty")
    said = nntool("predict", run, "-", stdin=b"")
    assert (said.code, said.out) == (3, b"")
    assert "standard input is empty" in said.message


def test_what_is_no_file_is_refused(nntool, run, at):
    for words, message in (
        ("nowhere.csv", "nowhere.csv is not there"),
        (".", ". is a folder, not a file"),
        ("", "the name of the file is empty"),
    ):
        said = nntool("predict", run, words, "--output", "p.csv")
        assert (said.code, message in said.message) == (3, True), said
    assert not (at / "p.csv").exists()


def test_a_file_that_may_not_be_read_is_refused(asked, monkeypatch):
    """Root may read everything, so the refusal is played."""

    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("nntool.steps.origins.open", refuse, raising=False)
    refused(asked, HEADER + GOOD[0], "new.csv may not be read")


# Bytes that are no text


def test_binary_garbage_is_refused(asked, nntool, run):
    garbage = random.Random(1).randbytes(5000)
    refused(asked, garbage, "is no text")
    refused(asked, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no text")
    assert nntool("predict", run, "-", stdin=garbage).code == 3


PACK = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


def packed(kind, data):
    if kind in PACK:
        return PACK[kind](data)
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("kind", [*PACK, "zst"])
def test_a_packed_file_that_is_cut_short_or_not_packed_is_refused(asked, nntool, run, at, kind):
    rng = random.Random(2)
    data = HEADER + b"".join(ROW % rng.randrange(99999) for _ in range(20000))
    whole = packed(kind, data)
    name = f"new.csv.{kind}"
    command = ["predict", run, name, "--output", "p.csv"]
    for n_bytes in (len(whole) // 2, len(whole) - 1):
        refused(
            asked, whole[:n_bytes], f"{name} cannot be read to its end", name=name, command=command
        )
    said = refused(asked, data, f"{name} is not packed", name=name, command=command)
    assert said.hint == f"if it is text: mv {name} new.csv"
    said = refused(asked, whole, "new.csv is no CSV: it is packed by", name="new.csv")
    assert said.hint == f"give it a name that ends in .{kind}"
    said = through_a_pipe(nntool, run, whole)
    tool = {"gz": "gzip", "bz2": "bzip2", "xz": "xz", "zst": "zstd"}[kind]
    assert said.hint == f"unpack it: … | {tool} -dc | nntool …; or name the file"
    good, left = asked(whole, name=name, command=command)
    assert (good.code, left) == (0, {"p.csv"})
    assert len(rows_of(at / "p.csv")) == 20000


def through_a_pipe(nntool, run, data):
    said = nntool("predict", run, "-", stdin=data)
    assert (said.code, said.out) == (3, b"")
    return said


def test_a_parquet_file_cut_short_is_refused(asked, run, table, at):
    columns = {name: [row[i] for row in table[1:]] for i, name in enumerate(table[0])}
    pq.write_table(pa.table(columns), at / "whole.parquet")
    whole = (at / "whole.parquet").read_bytes()
    command = ["predict", run, "new.parquet", "--output", "p.csv"]
    for data in (whole[: len(whole) // 2], whole[:-1], b"PAR1", b""):
        refused(asked, data, "cannot be read as Parquet", name="new.parquet", command=command)
    damaged = bytearray(whole)
    damaged[20:60] = bytes(40)
    said, left = asked(bytes(damaged), name="new.parquet", command=command)
    assert (said.code, left) == (3, set()), said


def test_a_byte_order_mark_and_other_line_ends_change_nothing(asked, at):
    data = HEADER + b"".join(GOOD)
    asked(data, "--id", "customer")
    plain = (at / "p.csv").read_bytes()
    for same in (b"\xef\xbb\xbf" + data, data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r")):
        said, _ = asked(same, "--id", "customer")
        assert said.code == 0
        assert (at / "p.csv").read_bytes() == plain


# A file that changes while it is read


def changes(monkeypatch, change):
    """Let a change happen when the first rows have been read, and others may follow."""
    from nntool.tables.csv.reader import CsvReader
    from nntool.tables.sources.reading import AllColumns

    def changing(self, each):
        for place, batch in enumerate(each(self)):
            if place == 0:
                change()
            yield batch

    for reader in (CsvReader, AllColumns):
        monkeypatch.setattr(reader, "__iter__", partialmethod(changing, reader.__iter__))


def append(path):
    with open(path, "ab") as file:
        file.write(GOOD[0])


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def replace(path):
    shutil.copy(path, path.with_name("other"))
    os.replace(path.with_name("other"), path)


def rewrite(path):
    data = path.read_bytes()
    path.write_bytes(data.replace(b"basic", b"super"))
    os.utime(path, ns=(1, 1))


CHANGES = {
    append: "bytes, has",
    truncate: "bytes, has",
    replace: "is another file",
    rewrite: "was written to",
    os.unlink: "is gone",
}


@pytest.mark.parametrize("name", ["new.csv", "new.csv.gz", "new.parquet", "new.jsonl"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_refused(
    nntool, run, at, monkeypatch, change, name, table
):
    path = at / name
    rows = [dict(zip(table[0], row, strict=True)) for row in table[1:] * 200]
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=500)
    elif name.endswith("jsonl"):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        lines = [",".join(row.values()) for row in rows]
        data = HEADER + "\n".join(lines).encode()
        path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    changes(monkeypatch, lambda: change(path))
    said = nntool("predict", run, name, "--output", "p.csv")
    assert (said.code, said.out) == (3, b"")
    assert f"{name} changed while it was read" in said.message
    assert CHANGES[change] in said.message
    assert "predict again when it is whole" in said.hint
    assert not [p.name for p in at.iterdir() if p.name not in (name, "run")]


def test_rows_that_are_appended_to_a_scored_file_are_refused(nntool, run, at, monkeypatch):
    (at / "new.csv").write_bytes(HEADER + b"".join(GOOD))
    changes(monkeypatch, lambda: append(at / "new.csv"))
    before = (run / "evaluate" / "metrics.json").read_bytes()
    said = nntool("evaluate", run, "--data", "new.csv")
    assert said.code == 3
    assert "new.csv changed while it was read" in said.message
    assert (run / "evaluate" / "metrics.json").read_bytes() == before


def test_a_pipe_is_not_watched(ok, run, at):
    import threading

    os.mkfifo(at / "pipe")
    writer = threading.Thread(target=lambda: (at / "pipe").write_bytes(HEADER + GOOD[0]))
    writer.start()
    said = ok("predict", run, "pipe")
    writer.join()
    assert len(said.rows) == 1


# What a category that training never saw is taken for


def test_an_unseen_category_is_a_missing_cell_where_that_is_asked_for(asked, at):
    new = GOOD[0].replace(b"basic", b"gold")
    empty = GOOD[0].replace(b"basic", b"")
    said, _ = asked(HEADER + new + empty + GOOD[1], "--unseen", "missing", "--status", "--json")
    first, second, third = rows_of(at / "p.csv")
    assert first.rpartition(",")[2] == "imputed; unseen category"
    assert first.rpartition(",")[0] == second.rpartition(",")[0]
    assert third.endswith("ok")
    found = said.json["predict"]
    assert (found["unseen"], found["missing"]) == ({"plan": 1}, {"plan": 2})
    other, _ = asked(HEADER + new, "--unseen", "other", "--status", "--json")
    assert rows_of(at / "p.csv")[0].endswith(",unseen category")
    assert other.json["predict"]["missing"] == {}


def test_an_unseen_category_is_an_error_where_that_is_asked_for(asked, at):
    rows = [*GOOD, b"x\n", GOOD[0].replace(b"basic", b"Basik"), GOOD[0].replace(b"basic", b"z")]
    said, left = asked(HEADER + b"".join(rows), "--unseen", "error")
    assert (said.code, left) == (3, set())
    assert said.message == (
        "nntool predict: row 8: 'plan' is 'Basik', which is none of the 3 categories of training"
        " (nearest: 'basic')"
    )
    assert "--unseen other" in said.hint
    assert asked(HEADER + b"".join(GOOD), "--unseen", "error")[0].code == 0


def test_the_error_names_the_first_row_whatever_the_threads(nntool, run, at):
    rows = GOOD * 20000
    rows[60000] = rows[0].replace(b"basic", b"first")
    rows[60001] = rows[0].replace(b"basic", b"second")
    (at / "new.csv").write_bytes(HEADER + b"".join(rows))
    for threads in (1, 4):
        said = nntool("predict", run, "new.csv", "--unseen", "error", "--threads", threads)
        assert said.code == 3
        assert "row 60,001: 'plan' is 'first'" in said.message


def test_another_word_for_unseen_categories_is_refused_with_those_there_are(nntool, run, at):
    said = nntool("predict", run, "new.csv", "--unseen", "guess")
    assert said.code == 2
    assert "other" in said.err


def test_status_by_row_sums_up_to_the_counts_by_column(ok, run, source, at):
    words = ["--status", "--output", "p.parquet", "--json"]
    found = ok("predict", run, source, *words).json["predict"]
    status = pq.read_table(at / "p.parquet").column("status")
    for word, n in found["status"].items():
        assert pc.sum(pc.match_substring(status, word)).as_py() == n
    assert found["status"]["imputed"] == found["missing"]["income"]  # no other column has gaps
    assert found["status"]["out of range"] <= sum(found["outside"].values())
