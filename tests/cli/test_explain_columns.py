"""``transform RUN --explain``: what would be done with each column, and nothing done."""

import json

import pytest


@pytest.fixture
def cleaned(ok, tmp_path, source):
    ok("clean", tmp_path / "new", source, "--target", "churned")
    return tmp_path / "new"


def files(run):
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_it_shows_each_column_with_its_chain_and_the_option_that_says_so(nntool, cleaned):
    before = files(cleaned)
    said = nntool("transform", cleaned, "--columns", "age=minmax", "--explain")
    assert said.code == 0
    lines = {line.split()[0]: line for line in said.out.decode().splitlines()}
    assert "minmax" in lines["age"]
    assert "--columns" in lines["age"]
    assert "nothing was done" in said.err
    assert files(cleaned) == before


def test_options_may_follow_it(nntool, cleaned):
    said = nntool("transform", cleaned, "--explain", "--scale", "robust", "--json")
    columns = json.loads(said.out)["columns"]
    assert any("robust" in column["operations"] for column in columns)


def test_without_a_run_it_explains_an_option(nntool):
    assert b"How numeric columns are scaled" in nntool("transform", "--explain", "--scale").out


def test_a_chain_that_cannot_be_is_refused(nntool, cleaned):
    said = nntool("transform", cleaned, "--explain", "--columns", "age=one-hot")
    assert said.code == 2
    assert "does not work on numbers" in said.err


def test_an_operation_that_stands_in_chains_only_is_explained(nntool):
    said = nntool("transform", "--explain", "is-missing")
    assert said.code == 0
    assert said.out.startswith(b"--columns is-missing")
