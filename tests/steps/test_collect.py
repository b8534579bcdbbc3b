"""Sources of every kind, several of them, samples, and what is said of it all."""

import csv
import json
import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

QUICK = ["--set", "train.epochs=3", "--set", "train.hidden=[8]"]


def typed(cell):
    """A cell of the small table as a program would store it."""
    if cell == "":
        return None
    if cell.isdecimal() and not cell.startswith("0"):
        return int(cell)
    try:
        return float(cell) if "." in cell else cell
    except ValueError:
        return cell


@pytest.fixture
def stored(tmp_path, table):
    """The small table as each kind of source: ``stored("parquet")`` is what to type."""
    header, *rows = table
    columns = {name: [typed(row[i]) for row in rows] for i, name in enumerate(header)}
    records = [dict(zip(header, map(typed, row), strict=True)) for row in rows]

    def write(kind):
        path = tmp_path / {"json-lines": "t.jsonl", "excel": "t.xlsx", "sql": "t.db"}.get(
            kind, f"t.{kind}"
        )
        if kind == "parquet":
            pq.write_table(pa.table(columns), path)
        elif kind == "json-lines":
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
        elif kind == "excel":
            book = pytest.importorskip("openpyxl").Workbook()
            for row in [header, *(list(record.values()) for record in records)]:
                book.active.append(row)
            book.save(path)
        elif kind == "sql":
            pytest.importorskip("sqlalchemy")
            with sqlite3.connect(path) as base:
                base.execute(f"create table t ({', '.join(header)}, primary key (customer))")
                marks = ", ".join("?" * len(header))
                base.executemany(
                    f"insert into t values ({marks})", [list(r.values()) for r in records]
                )
            base.close()
            return [f"sqlite:///{path}", "--table", "t"]
        else:
            with open(path, "w", newline="") as file:
                csv.writer(file, delimiter="\t" if kind == "tsv" else ",").writerows(table)
        return [path]

    return write


KINDS = ["csv", "tsv", "parquet", "json-lines", "excel", "sql"]


def numbered(rows):
    """Rows of text with numbers in their shortest form."""
    shortest = {"": ""}
    return [[shortest.get(c) or (f"{float(c):g}" if "." in c else c) for c in row] for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_table(ok, stored, table, tmp_path, kind):
    said = ok("collect", tmp_path / "r", *stored(kind))
    assert "collected 60 rows × 7 columns as text" in said.err
    shown = [list(row.values()) for row in ok("show", tmp_path / "r", "collect").rows]
    assert numbered(shown) == numbered(table[1:])
    sources = json.loads((tmp_path / "r/collect/sources.json").read_text())["sources"]
    assert [(s["kind"], s["rows"]) for s in sources] == [(kind, 60)]


@pytest.mark.parametrize("kind", KINDS[1:])
def test_every_kind_gives_the_same_predictions(ok, stored, source, run, tmp_path, kind):
    place, *options = stored(kind)
    settings = ["--set", f"collect.table={options[1]!r}"] if options else []
    ok("run", tmp_path / "r", "--data", place, "--target", "churned", *QUICK, *settings)
    assert ok("predict", tmp_path / "r", source).out == ok("predict", run, source).out


@pytest.mark.parametrize("kind", ["parquet", "json-lines", "excel"])
def test_rows_to_predict_and_to_score_may_be_of_any_kind(ok, stored, source, run, kind):
    (place,) = stored(kind)
    assert ok("predict", run, place).out == ok("predict", run, source).out
    scores = [
        ok("evaluate", run, "--data", data, "--json").json["evaluate"]["network"]["metrics"]
        for data in (place, source)
    ]
    assert scores[0] == scores[1]


def test_the_kind_is_said_and_may_be_named(ok, nntool, stored, tmp_path):
    (place,) = stored("parquet")
    other = place.rename(tmp_path / "t.csv")
    assert (
        f"{other}: Parquet, by its first bytes (--format)"
        in ok("collect", tmp_path / "r", other).err
    )
    assert nntool("collect", tmp_path / "q", other, "--format", "csv").code == 3
    said = ok("collect", tmp_path / "p", other, "--format", "parquet")
    assert "first bytes" not in said.err


@pytest.mark.parametrize(
    ("kind", "options", "code", "message"),
    [
        ("csv", ["--sheet", "1"], 2, "--sheet is for a workbook"),
        ("csv", ["--query", "select 1"], 2, "--query is for a database"),
        ("csv", ["--format", "sql"], 2, "--format sql needs an address"),
        ("sql", ["--query", "select 1"], 2, "--query and --table both say what to read"),
        ("sql", ["--format", "csv"], 2, "--format csv is a kind of file"),
        ("csv", ["--stratify", "plan"], 2, "--stratify says how to draw a sample"),
        ("csv", ["--sample", "1", "--stratify", "plan"], 3, "less than the 3 groups"),
        ("csv", ["--drop", "agee"], 3, "'agee' (nearest: 'age')"),
        ("csv", ["--pseudonymize", "customer"], 2, "variable NNTOOL_KEY is not set"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    nntool, stored, tmp_path, monkeypatch, kind, options, code, message
):
    monkeypatch.delenv("NNTOOL_KEY", raising=False)
    said = nntool("collect", tmp_path / "r", *stored(kind), *options)
    assert (said.code, message in said.message) == (code, True), said
    assert said.hint
    assert not (tmp_path / "r").exists()


def test_an_sqlite_file_without_its_address_is_told_how_to_write_it(
    nntool, stored, tmp_path, typed
):
    path = stored("sql")[0].removeprefix("sqlite:///")
    said = nntool("collect", tmp_path / "r", path)
    assert said.code == 3
    assert said.hint == f"sqlite:///{path} --table NAME"


def test_an_extra_that_is_missing_is_named(nntool, stored, tmp_path, monkeypatch):
    for kind, module, extra in [("excel", "openpyxl", "excel"), ("sql", "sqlalchemy", "sql")]:
        words = stored(kind)
        monkeypatch.setitem(__import__("sys").modules, module, None)
        said = nntool("collect", tmp_path / "r", *words)
        assert said.code == 7
        assert said.hint == f"pip install 'nntool[{extra}]'"


def split_in_two(table, write):
    header, *rows = table
    return write("a.csv", [header, *rows[:30]]), write("b.csv", [header, *rows[30:]])


def test_sources_are_matched_by_name_in_any_order(ok, table, write, tmp_path):
    a = write("a.csv", table[:31])
    b = write("b.csv", [row[::-1] for row in [table[0], *table[31:]]])
    ok("collect", tmp_path / "r", a, b)
    assert [list(r.values()) for r in ok("show", tmp_path / "r", "collect").rows] == table[1:]


def test_other_names_are_renamed_where_they_stand(ok, table, write, tmp_path):
    a = write("a.csv", table[:31])
    b = write("b.csv", [[c.upper() for c in table[0]], *table[31:]])
    renamed = [f"--rename={name.upper()}={name}" for name in table[0]]
    said = ok("collect", tmp_path / "r", a, b, *renamed)
    assert [list(r.values()) for r in ok("show", tmp_path / "r", "collect").rows] == table[1:]
    assert "'AGE' is 'age'" in said.err


def test_columns_that_a_source_lacks_are_filled_when_asked_and_said(
    ok, nntool, table, write, tmp_path
):
    a, b = write("a.csv", table[:31]), write("b.csv", [row[:-2] for row in [table[0], *table[31:]]])
    said = nntool("collect", tmp_path / "r", a, b)
    assert said.code == 3
    assert f"{b} is without 'visits', 'churned'" in said.message
    said = ok("collect", tmp_path / "r", a, b, "--missing-columns", "fill")
    assert "without 'visits', 'churned': missing cells" in said.err
    shown = ok("show", tmp_path / "r", "collect").rows
    assert [row["churned"] for row in shown] == [row[-1] for row in table[1:31]] + [""] * 30
    report = json.loads((tmp_path / "r/collect/sources.json").read_text())
    assert [s["without"] for s in report["sources"]] == [[], ["visits", "churned"]]


def test_a_column_that_is_dropped_is_no_difference(ok, table, write, tmp_path):
    a, b = write("a.csv", table[:31]), write("b.csv", [row[:-1] for row in [table[0], *table[31:]]])
    ok("collect", tmp_path / "r", a, b, "--drop", "churned")


def test_dates_written_in_two_ways_become_iso_and_the_rest_stays(ok, table, write, tmp_path):
    other = [list(row) for row in table]
    for row in other[31:]:
        row[4] = "/".join(reversed(row[4].split("-")))
    a, b = split_in_two(other, write)
    said = ok("collect", tmp_path / "r", a, b)
    assert f"'joined': dates are YYYY-MM-DD in {a}, DD/MM/YYYY in {b}" in said.err
    assert [list(r.values()) for r in ok("show", tmp_path / "r", "collect").rows] == table[1:]


def test_a_sample_has_the_shares_of_a_column_and_the_order_of_the_source(
    ok, table, source, tmp_path
):
    said = ok("collect", tmp_path / "r", source, "--sample", "30", "--stratify", "churned")
    assert "a sample: 30 of 60 rows" in said.err
    shown = [list(r.values()) for r in ok("show", tmp_path / "r", "collect").rows]
    assert len(shown) == 30
    places = [table.index(row) for row in shown]
    assert places == sorted(places)
    for name in ("yes", "no"):
        n_all, n = (sum(r[-1] == name for r in rows) for rows in (table[1:], shown))
        assert abs(n - n_all / 2) < 1
    ok("collect", tmp_path / "again", source, "--sample", "30", "--stratify", "churned")
    ok("collect", tmp_path / "other", source, "--sample", "30", "--seed", "1")
    first, again, other = (
        (tmp_path / r / "collect/table.parquet").read_bytes() for r in ("r", "again", "other")
    )
    assert first == again != other


def test_a_sample_over_several_sources_counts_each(ok, table, write, tmp_path, monkeypatch):
    from nntool.tables import parquet

    monkeypatch.setattr(parquet, "ROWS_IN_GROUP", 7)  # a group holds rows of both sources
    a, b = split_in_two(table, write)
    ok("collect", tmp_path / "r", a, b, "--sample", "20")
    report = json.loads((tmp_path / "r/collect/sources.json").read_text())
    assert sum(s["rows_kept"] for s in report["sources"]) == report["rows"] == 20
    shown = [list(r.values()) for r in ok("show", tmp_path / "r", "collect").rows]
    places = [table.index(row) for row in shown]
    assert places == sorted(places)
    assert sum(place <= 30 for place in places) == report["sources"][0]["rows_kept"]


def test_a_sample_larger_than_the_table_takes_it_all(ok, source, tmp_path):
    said = ok("collect", tmp_path / "r", source, "--sample", "100")
    assert "--sample 100 takes all 60 rows" in said.err


def test_null_is_missing_for_clean(ok, tmp_path):
    pq.write_table(
        pa.table({"n": [1.5, None, 2.5] * 10, "c": ["a", "b", None] * 10, "y": ["p", "q"] * 15}),
        tmp_path / "t.parquet",
    )
    said = ok("clean", tmp_path / "r", tmp_path / "t.parquet", "--target", "y", "--json").json
    shown = ok("show", tmp_path / "r", "clean").rows
    assert [row["n"] for row in shown][:3] == ["1.5", "", "2.5"]
    assert said["clean"]


def test_files_of_a_run_do_not_depend_on_where_it_stands(
    ok, stored, tmp_path, results, monkeypatch
):
    words = stored("sql")
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / "t.db").write_bytes((tmp_path / "t.db").read_bytes())
        monkeypatch.chdir(folder)
        ok("collect", "r", "sqlite:///t.db", *words[1:])
    assert results(folders[0] / "r") == results(folders[1] / "r")
