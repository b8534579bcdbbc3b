"""Personal columns: dropped or hashed before anything is written, and hashed alike by predict."""

import hashlib
import hmac
import re

import pytest

KEY = "a key of more than sixteen bytes"
QUICK = ["--set", "train.epochs=3", "--set", "train.hidden=[8]"]


def pseudonym(text, key=KEY):
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:20]


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("NNTOOL_KEY", KEY)


@pytest.fixture
def marked(table, write):
    """The small table with a name in it that stands nowhere else."""
    rows = [[*row[:1], f"Zyxwv Person-{i}", *row[1:]] for i, row in enumerate(table)]
    rows[0][1] = "full name"
    return write("people.csv", rows)


def everything(root):
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("option", ["drop", "pseudonymize"])
def test_a_personal_column_reaches_no_file_of_the_run(ok, marked, tmp_path, option):
    root = tmp_path / "r"
    settings = ["--set", f"collect.{option}=['full name']"]
    ok("run", root, "--data", marked, "--target", "churned", *QUICK, *settings)
    shown = ok("show", root, "collect")
    assert ("full name" in shown.text) == (option == "pseudonymize")
    assert b"Zyxwv" not in everything(root)
    assert KEY.encode() not in everything(root)
    assert "Zyxwv" not in shown.text


def test_pseudonyms_are_keyed_hashes_and_missing_cells_stay(ok, write, tmp_path):
    source = write("t.csv", [["id", "x"], ["ana", "1"], ["", "2"], ["NA", "3"], ["ana", "4"]])
    ok("collect", tmp_path / "r", source, "--pseudonymize", "id")
    shown = [row["id"] for row in ok("show", tmp_path / "r", "collect").rows]
    assert shown == [pseudonym("ana"), "", "NA", pseudonym("ana")]


@pytest.mark.parametrize("content", ["", "\n", "  \n"])
def test_an_empty_key_is_refused(nntool, source, tmp_path, monkeypatch, content):
    monkeypatch.setenv("NNTOOL_KEY", content)
    said = nntool("collect", tmp_path / "r", source, "--pseudonymize", "customer")
    assert (said.code, "NNTOOL_KEY is empty" in said.message) == (2, True)
    (tmp_path / "key").write_text(content)
    said = nntool(
        "collect",
        tmp_path / "r",
        source,
        "--pseudonymize",
        "customer",
        "--key-file",
        tmp_path / "key",
    )
    assert (said.code, "is empty" in said.message) == (2, True)
    assert not (tmp_path / "r").exists()


def test_a_key_may_come_from_another_variable_or_a_file(ok, nntool, source, tmp_path, monkeypatch):
    words = ["collect", tmp_path / "r", source, "--pseudonymize", "customer"]
    tables = []
    ok(*words)
    tables.append((tmp_path / "r/collect/table.parquet").read_bytes())
    monkeypatch.delenv("NNTOOL_KEY")
    monkeypatch.setenv("OTHER", KEY)
    ok(*words, "--key-env", "OTHER")
    tables.append((tmp_path / "r/collect/table.parquet").read_bytes())
    (tmp_path / "key").write_text(KEY + "\n")
    ok(*words, "--key-file", tmp_path / "key")
    tables.append((tmp_path / "r/collect/table.parquet").read_bytes())
    assert tables[0] == tables[1] == tables[2]
    said = nntool(*words, "--key-file", tmp_path / "none")
    assert (said.code, "is not there" in said.message) == (3, True)


def test_a_short_key_is_said_to_be_guessed(ok, source, tmp_path, monkeypatch):
    monkeypatch.setenv("NNTOOL_KEY", "short")
    said = ok("collect", tmp_path / "r", source, "--pseudonymize", "customer")
    assert "has 5 bytes" in said.err
    assert "short" not in re.sub("shortest", "", said.err)


@pytest.fixture
def hashed(ok, source, tmp_path):
    """A run whose model reads a renamed and hashed column."""
    root = tmp_path / "r"
    settings = [
        "--set",
        "collect.rename={plan = 'tariff'}",
        "--set",
        "collect.pseudonymize=['tariff']",
    ]
    ok("run", root, "--data", source, "--target", "churned", *QUICK, *settings)
    return root


def test_predict_and_evaluate_rename_and_hash_as_collect_did(
    ok, hashed, source, table, write, tmp_path
):
    by_hand = [[*row[:3], pseudonym(row[3]), *row[4:]] for row in table]
    by_hand[0][3] = "tariff"
    other = write("by_hand.csv", by_hand)
    ok("run", tmp_path / "q", "--data", other, "--target", "churned", *QUICK)
    said = ok("predict", hashed, source)
    assert "not seen in training" not in said.err
    assert said.out == ok("predict", tmp_path / "q", other).out
    mine, theirs = (
        ok("evaluate", root, "--data", data, "--json").json["evaluate"]["network"]["metrics"]
        for root, data in ((hashed, source), (tmp_path / "q", other))
    )
    assert mine == theirs


def test_predict_without_the_key_says_which_variable_is_missing(
    nntool, ok, hashed, source, monkeypatch
):
    monkeypatch.delenv("NNTOOL_KEY")
    said = nntool("predict", hashed, source)
    assert (said.code, said.out) == (2, b"")
    assert "tariff" in said.message
    assert "NNTOOL_KEY is not set" in said.message


def test_predict_with_another_key_says_that_all_categories_are_new(ok, hashed, source, monkeypatch):
    monkeypatch.setenv("NNTOOL_KEY", "quite another key of bytes")
    assert (
        "'tariff': 60 cells with a category not seen in training"
        in ok("predict", hashed, source).err
    )


def test_a_hashed_column_that_the_model_does_not_read_needs_no_key(
    ok, source, tmp_path, monkeypatch
):
    settings = ["--set", "collect.pseudonymize=['customer']"]
    ok("run", tmp_path / "r", "--data", source, "--target", "churned", *QUICK, *settings)
    monkeypatch.delenv("NNTOOL_KEY")
    rows = ok("predict", tmp_path / "r", source, "--id", "customer").rows
    assert rows[0]["customer"] == "00001"


def test_a_dropped_column_is_not_needed_to_predict(ok, source, tmp_path, write, table):
    settings = ["--set", "collect.drop=['age', 'income']"]
    ok("run", tmp_path / "r", "--data", source, "--target", "churned", *QUICK, *settings)
    without = write("w.csv", [[row[0], *row[3:]] for row in table])
    assert ok("predict", tmp_path / "r", without).out == ok("predict", tmp_path / "r", source).out


def test_what_a_bad_record_held_is_not_kept_where_columns_are_personal(ok, marked, tmp_path):
    with open(marked, "a") as file:
        file.write("x,Zyxwv Person-bad\n")
    said = ok("collect", tmp_path / "r", marked, "--drop", "full name", "--max-bad-rows", "1")
    assert "1 record" in said.err
    assert b"Zyxwv" not in everything(tmp_path / "r")


def test_rows_to_predict_in_a_workbook_are_hashed_too(ok, hashed, source, table, tmp_path):
    book = pytest.importorskip("openpyxl").Workbook()
    for row in table:
        book.active.append([cell or None for cell in row])
    book.save(tmp_path / "new.xlsx")
    assert ok("predict", hashed, tmp_path / "new.xlsx").out == ok("predict", hashed, source).out
