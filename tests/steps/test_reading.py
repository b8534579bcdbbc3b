"""How the collected file was written is saved, said, and used again for the rows to predict."""

import json

import pytest

ROWS = [
    f"{1 + i % 28:02}/0{1 + i % 9}/2023;{('Nîmes', 'Orléans')[i % 2]};{i},5;{('non', 'oui')[i % 2]}"
    for i in range(60)
]
HEADER = "Date;Magasin;Montant;Promo"


def written(*lines, codec="cp1252"):
    return ("\r\n".join(lines) + "\r\n").encode(codec)


@pytest.fixture(scope="module")
def run(ok, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reading")
    source = folder / "ventes.csv"
    source.write_bytes(written("Liste des ventes", *[HEADER, *ROWS]))
    said = ok("run", folder / "r", "--data", source, "--target", "Promo", "--set", "train.epochs=5")
    for option in ("--encoding", "--delimiter", "--skip-rows 0"):
        assert option in said.err
    return folder / "r"


def predicted(nntool, run, data):
    return nntool("predict", run, "-", stdin=data)


def test_what_was_found_is_saved_for_each_source(run):
    sources = json.loads((run / "collect" / "sources.json").read_text())["sources"]
    dialect = sources[0]["dialect"]
    assert (dialect["delimiter"], dialect["encoding"], dialect["skip_rows"]) == (";", "cp1252", 1)
    assert sources[0]["left_out"] == []
    settings = json.loads((run / "run.json").read_text())["steps"]["collect"]["settings"]
    assert (settings["encoding"], settings["skip_rows"], settings["quote"]) == ("cp1252", 1, '"')


def test_an_input_is_read_as_training_was_with_or_without_the_title(nntool, run):
    with_title = predicted(nntool, run, written("Liste des ventes", HEADER, *ROWS))
    assert with_title.code == 0, with_title.err
    assert with_title.out.count(b"\n") == 61
    bare = predicted(nntool, run, written(HEADER, *ROWS))
    assert bare.out == with_title.out
    assert "0 lines above the header passed over, in training 1" in bare.err
    longer = predicted(nntool, run, written("Liste", "des", "", "ventes", "", HEADER, *ROWS))
    assert longer.out == with_title.out
    assert "5 lines above the header" in longer.err


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_input_that_clearly_has_another_encoding_is_read_in_it_and_said(nntool, run, codec):
    as_trained = predicted(nntool, run, written(HEADER, *ROWS))
    said = predicted(nntool, run, written(HEADER, *ROWS, codec=codec))
    assert said.out == as_trained.out
    assert "and that of training cp1252" in said.err


def test_each_record_of_an_input_has_its_line(nntool, run):
    said = predicted(nntool, run, written(HEADER, ROWS[0], ";;;", ROWS[1], "Total;;99,5;"))
    assert said.code == 0, said.err
    assert said.out.count(b"\n") == 5


def test_an_input_written_otherwise_is_refused_with_what_to_do(nntool, run):
    said = predicted(nntool, run, written(HEADER, *ROWS).replace(b";", b"|"))
    assert said.code == 3
    assert "write it as the training data were written" in said.err
    data = written(HEADER, *ROWS[:3], "1;2")
    bad = nntool("predict", run, "-", "--strict", stdin=data)
    assert bad.code == 3
    assert "line 5 has 2 cells" in bad.err
    assert "--max-bad-rows" not in bad.err


def test_an_input_is_scored_as_it_is_predicted(nntool, run, tmp_path):
    data = tmp_path / "neu.csv"
    data.write_bytes(written("Title", "of two", "lines", HEADER, *ROWS, codec="utf-8"))
    said = nntool("evaluate", run, "--data", data)
    assert said.code == 0, said.err
    assert "3 lines above the header passed over, in training 1" in said.err
    assert "the encoding is utf-8, and that of training cp1252" in said.err


def test_records_left_out_are_listed_with_their_lines(ok, tmp_path):
    source = tmp_path / "x.csv"
    source.write_text("a,b\n1,2\n3\n4,5\n6,7,8\n")
    said = ok("collect", tmp_path / "r", source, "--max-bad-rows", 2)
    assert "2 records were left out (--max-bad-rows)" in said.err
    found = json.loads((tmp_path / "r" / "collect" / "sources.json").read_text())["sources"][0]
    assert [(bad["line"], bad["reason"]) for bad in found["left_out"]] == [
        (3, "has 1 cell"),
        (5, "has 3 cells"),
    ]
    assert found["rows"] == 2


def test_a_rerun_with_what_was_found_gives_the_same_table(ok, run, tmp_path):
    again = tmp_path / "again"
    ok("run", again, run / "recipe.toml")
    assert (again / "collect" / "table.parquet").read_bytes() == (
        run / "collect" / "table.parquet"
    ).read_bytes()


def test_what_is_left_out_shows_no_personal_column(ok, tmp_path):
    source = tmp_path / "x.csv"
    source.write_text("name,a,b\nJane Roe,1,2\nJohn Doe,3\nAl Poe,4,5\n")
    said = ok("collect", tmp_path / "r", source, "--max-bad-rows", 1, "--drop", "name")
    assert "line 3 has 2 cells" in said.err
    everything = b"".join(p.read_bytes() for p in (tmp_path / "r").rglob("*") if p.is_file())
    assert b"Doe" not in everything


def test_notes_below_the_rows_to_predict_are_passed_over_where_training_had_such(
    nntool, ok, tmp_path
):
    notes = ["", "* ohne Steuer", "Quelle: Amt"]
    (tmp_path / "in.csv").write_bytes(written(HEADER, *ROWS, *notes))
    trained = tmp_path / "r"
    quick = ["--set", "train.epochs=1"]
    ok("run", trained, "--data", tmp_path / "in.csv", "--target", "Promo", *quick)
    said = ok("predict", trained, tmp_path / "in.csv")
    assert said.out.count(b"\n") == 61
    assert "2 records below the table passed over" in said.err
    data = written(HEADER, *ROWS, *notes)
    piped = nntool("predict", trained, "-", "--strict", stdin=data)
    assert piped.code == 3
    assert "or give the rows without what stands below the table" in piped.hint
    assert predicted(nntool, trained, data).out.count(b"\n") == 63  # bad rows, as it must be
    assert ok("predict", trained, "-", stdin=written(HEADER, *ROWS)).out == said.out
