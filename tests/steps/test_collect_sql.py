"""Databases: what is read, when it is read again, and that a password is never written.

PostgreSQL is a server of the test's own, on a socket in a short temporary folder, without TCP; it
refuses to run as root, so there it runs as nobody.
"""

import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
SECRET = "hunter2-Zyxwv"
QUICK = ["--set", "train.epochs=3", "--set", "train.hidden=[8]"]


def program(name):
    """Where a program of PostgreSQL is: on the path, or where Debian puts it."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(places[0]) if places else None)


def _as_nobody():
    """What the server's process does first, where the tests run as root."""
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server with one user, `ana`, who has a password; its folder."""
    pytest.importorskip("psycopg")
    programs = {name: program(name) for name in ("initdb", "postgres")}
    for name, place in programs.items():
        if place is None:
            pytest.skip(f"PostgreSQL is not here: there is no {name}")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # the name of a socket is short
    data, password = folder / "data", folder / "password"
    password.write_text(SECRET)
    first = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (folder, password):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        first = {"preexec_fn": _as_nobody}
    words = [programs["initdb"], "-D", data, "-U", "ana", "--pwfile", password, "--no-sync"]
    words += ["-A", "scram-sha-256", "-E", "UTF8", "--locale", "C"]
    subprocess.run(words, check=True, capture_output=True, timeout=120, cwd=folder, **first)
    words = [programs["postgres"], "-D", data, "-k", folder, "-c", "listen_addresses=", "-F"]
    with open(folder / "log", "wb") as log:
        running = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder, **first)
    try:
        _wait_for(running, folder)
        yield folder
    finally:
        running.terminate()
        running.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(running, folder):
    import psycopg

    for _ in range(200):
        assert running.poll() is None, (folder / "log").read_text()
        try:
            psycopg.connect(
                host=str(folder), user="ana", password=SECRET, dbname="postgres"
            ).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise AssertionError((folder / "log").read_text())


@pytest.fixture
def execute(server):
    """Do something in the database."""
    import psycopg

    def do(statement, rows=None):
        words = {"host": str(server), "user": "ana", "password": SECRET, "dbname": "postgres"}
        with psycopg.connect(**words, autocommit=True) as connection:
            if rows is None:
                connection.execute(statement)
            else:
                connection.cursor().executemany(statement, rows)

    return do


@pytest.fixture
def customers(execute, table):
    """The small table in PostgreSQL."""
    header, *rows = table
    execute("drop table if exists customers")
    execute(
        "create table customers (customer text primary key, age int, income numeric, plan text,"
        " joined date, visits smallint, churned text)"
    )
    marks = ", ".join(["%s"] * len(header))
    execute(f"insert into customers values ({marks})", [[c or None for c in row] for row in rows])


@pytest.fixture
def url(server, monkeypatch):
    """The address of the database, its password in the environment."""
    monkeypatch.setenv("NNTOOL_SQL_PASSWORD", SECRET)
    return f"postgresql://ana@/postgres?host={server}"


def everything(root):
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


@pytest.mark.usefixtures("customers")
def test_postgresql_gives_the_table_and_the_predictions_of_the_csv(
    ok, url, table, source, run, tmp_path
):
    root = tmp_path / "r"
    table_of = ["--set", "collect.table='customers'"]
    said = ok("run", root, "--data", url, "--target", "churned", *QUICK, *table_of)
    assert [list(row.values()) for row in ok("show", root, "collect").rows] == table[1:]
    assert ok("predict", root, source).out == ok("predict", run, source).out
    assert SECRET.encode() not in everything(root)
    assert SECRET not in said.err + said.text


@pytest.mark.usefixtures("customers")
def test_rows_that_change_are_collected_again_and_others_are_not(ok, url, execute, tmp_path):
    words = ["collect", tmp_path / "r", url, "--query", "select * from customers order by customer"]
    ok(*words)
    before = (tmp_path / "r/collect/table.parquet").read_bytes()
    assert "collected already" in ok(*words).err
    assert ok("status", tmp_path / "r", "--json").json["sources"][0]["state"] == "unchanged"
    execute("update customers set age = age + 1 where customer = '00007'")
    assert ok("status", tmp_path / "r", "--json").json["sources"][0]["state"] == "changed"
    assert "collected 60 rows" in ok(*words).err
    assert (tmp_path / "r/collect/table.parquet").read_bytes() != before


def test_every_type_of_postgresql_becomes_text(ok, nntool, url, tmp_path):
    query = """select 1::bigint as n, 0.1::real as r, 0.1::float8 as d, 1.10::numeric(9,2) as m,
        true as b, date '2024-02-29' as day, timestamp '2024-02-29 07:05' as at,
        timestamptz '2024-02-29 07:05+02' as zone, time '07:05' as clock, array[1,2] as list,
        '{"a": 0.5}'::jsonb as json, interval '90 minutes' as took, null::int as nothing,
        'x %% :y' as "signs", '5e0d1b5e-0000-4000-8000-000000000001'::uuid as uuid order by 1"""
    ok("collect", tmp_path / "r", url, "--query", query.replace("%%", "%"))
    assert ok("show", tmp_path / "r", "collect").rows == [
        {
            "n": "1", "r": "0.1", "d": "0.1", "m": "1.10", "b": "true", "day": "2024-02-29",
            "at": "2024-02-29T07:05:00", "zone": "2024-02-29T05:05:00Z", "clock": "07:05:00",
            "list": "[1,2]", "json": '{"a":0.5}', "took": "5400", "nothing": "",
            "signs": "x % :y", "uuid": "5e0d1b5e-0000-4000-8000-000000000001",
        }
    ]  # fmt: skip
    said = nntool("collect", tmp_path / "q", url, "--query", "select 1 as a, '\\x00'::bytea as raw")
    assert (said.code, "'raw' holds bytes" in said.message) == (3, True)
    ok(
        "collect",
        tmp_path / "q",
        url,
        "--query",
        "select 1 as a, '\\x00'::bytea as raw",
        "--drop=raw",
    )


CHANGES = ["delete from customers", "drop table customers", "select forget()"]


@pytest.mark.usefixtures("customers")
@pytest.mark.parametrize("query", CHANGES)
def test_nothing_is_ever_changed_in_the_database(nntool, ok, url, execute, tmp_path, query):
    execute("drop function if exists forget")
    execute(
        "create function forget() returns setof int language sql"
        " as 'delete from customers returning 1'"
    )
    said = nntool("collect", tmp_path / "r", url, "--query", query)
    assert said.code == 3
    assert ("read-only transaction" in said.message) == query.startswith("select")
    assert "collected 60 rows" in ok("collect", tmp_path / "r", url, "--table", "customers").err


@pytest.mark.usefixtures("customers")
def test_a_server_that_is_gone_is_said_and_the_run_goes_on(ok, nntool, url, tmp_path, monkeypatch):
    root = tmp_path / "r"
    words = ["run", root, "--data", url, "--target", "churned", *QUICK]
    words += ["--set", "collect.table='customers'"]
    ok(*words)
    monkeypatch.setenv("NNTOOL_SQL_PASSWORD", "wrong-" + SECRET)
    said = ok(*words)
    assert f"{url} is gone" in said.err
    assert "password authentication failed" in said.err
    assert "going on with what was collected" in said.err
    assert SECRET not in said.err
    assert ok("status", root, "--json").json["sources"][0]["state"] == "gone"
    said = nntool("collect", tmp_path / "new", url, "--table", "customers")
    assert said.code == 3
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["collect", "RUN", "URL"],
        ["collect", "RUN", "URL", "--json"],
        ["clean", "RUN", "URL", "--target", "x"],
        ["run", "RUN", "--data", "URL"],
        ["run", "RUN", "--data", "URL", "--target", "x"],
        ["run", "RUN", "--set", "collect.source='URL'"],
        ["collect", "RUN", "--config", "CONFIG"],
        ["predict", "RUN", "URL"],
        ["collect", "RUN", "x.csv", "--format", "URL"],
        ["nonsense", "URL"],
    ],
)
@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://ana:{SECRET}@localhost/db",
        f"postgresql://ana:p@ss/{SECRET}@localhost/db",
        f"postgresql://ana@localhost/db?sslmode=off&password={SECRET}",
    ],
)
def test_a_password_that_is_typed_is_refused_and_repeated_nowhere(nntool, at, words, address):
    (at / "config.toml").write_text(f"source = ['{address}']\n")
    places = {"RUN": "r", "CONFIG": "config.toml"}
    typed = [places.get(word, word.replace("URL", address)) for word in words]
    said = nntool(*typed)
    assert said.code in (2, 3, 4)
    assert SECRET not in said.err
    assert SECRET not in said.text
    assert sorted(path.name for path in at.iterdir()) == ["config.toml"]


def test_the_variable_of_the_password_may_be_another(nntool, tmp_path, monkeypatch):
    words = ["postgresql://ana@localhost:1/db", "--table", "t", "--password-env", "PGPW"]
    monkeypatch.delenv("PGPW", raising=False)
    said = nntool("collect", tmp_path / "r", *words)
    assert (said.code, "no such environment variable" in said.message) == (2, True)
    assert said.hint == "export PGPW=…"


@pytest.fixture
def small(at):
    """A small SQLite database in the current folder."""
    with sqlite3.connect("t.db") as base:
        base.execute("create table a (x, y)")
        base.executemany("insert into a values (?, ?)", [(1, "p"), (None, ""), (2.5, "q")])
        base.execute('create table "odd "" name" (x)')
    base.close()
    return "sqlite:///t.db"


def test_a_table_is_asked_for_where_none_is_named(nntool, small):
    said = nntool("collect", "r", small)
    assert said.code == 3
    assert 'none is named: it has a, odd " name' in said.message
    said = nntool("collect", "r", small, "--table", "b")
    assert "has no table 'b': it has a, " in said.message


def test_null_is_missing_and_an_empty_text_is_empty(ok, small):
    import pyarrow.parquet as pq

    ok("collect", "r", small, "--query", "select * from a order by rowid")
    assert pq.read_table("r/collect/table.parquet").to_pylist() == [
        {"x": "1", "y": "p"},
        {"x": None, "y": ""},
        {"x": "2.5", "y": "q"},
    ]


def test_a_query_without_an_order_is_said(ok, small):
    assert "no 'order by'" in ok("collect", "r", small, "--query", "select * from a").err
    assert (
        "no 'order by'"
        not in ok("collect", "r", small, "--query", "select * from a Order\nBY x").err
    )


@pytest.mark.parametrize(
    ("query", "code"), [("selec 1", 3), ("delete from a", 3), ("select * from a where 0", 3)]
)
def test_a_query_that_gives_no_rows_is_refused(nntool, small, query, code):
    said = nntool("collect", "r", small, "--query", query)
    assert said.code == code, said
    assert not Path("r").exists()
    with sqlite3.connect("t.db") as base:
        assert base.execute("select count(*) from a").fetchone() == (3,)
    base.close()


def test_a_database_that_is_not_there_is_not_made(nntool, at):
    assert nntool("collect", "r", "sqlite:///none.db", "--table", "t").code == 3
    assert list(at.iterdir()) == []


def test_files_and_databases_become_one_table(ok, small, write):
    write("t.csv", [["y", "x"], ["c", "9"]])
    said = ok("collect", "r", small, "t.csv", "--table", "a")
    assert "collected 4 rows × 2 columns" in said.err
    assert [row["x"] for row in ok("show", "r", "collect").rows] == ["1", "", "2.5", "9"]


def test_a_dropped_column_may_change_and_nothing_is_read_again(ok, small):
    words = ["collect", "r", small, "--table", "a", "--drop", "y"]
    ok(*words)
    with sqlite3.connect("t.db") as base:
        base.execute("update a set y = 'other'")
    assert "collected already" in ok(*words).err
    with sqlite3.connect("t.db") as base:
        base.execute("alter table a add column z")
    base.close()
    assert "collected 3 rows × 2 columns" in ok(*words).err


@pytest.mark.parametrize("address", ["https://example.org/x.csv", "nothing://x/y"])
def test_an_address_of_no_database_is_refused(nntool, at, address):
    said = nntool("collect", "r", address)
    assert said.code == 2
    assert "sqlite:///FILE.db" in said.hint


def test_what_a_driver_repeats_of_a_password_is_hidden(nntool, small, monkeypatch):
    monkeypatch.setenv("NNTOOL_SQL_PASSWORD", SECRET)
    said = nntool("collect", "r", small, "--query", f"select * from '{SECRET}'")
    assert said.code == 3
    assert "no such table: ***" in said.message
    assert SECRET not in said.err
