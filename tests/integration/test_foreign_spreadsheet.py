"""A spreadsheet's export from elsewhere becomes a model as it is, and each decision is said."""

import json
from pathlib import Path

import pytest

ORDERS = Path(__file__).parents[2] / "sample_data/pedidos.csv"


@pytest.fixture(scope="module")
def trained(ok, tmp_path_factory):
    run = tmp_path_factory.mktemp("foreign") / "run"
    said = ok("run", run, "--data", ORDERS, "--target", "Devuelto", "--set", "train.epochs=60")
    return run, said


@pytest.mark.parametrize(
    "decision",
    [
        "the encoding is cp1252 (Latin-1 and more), not UTF-8: ' tienda en línea' (--encoding)",
        "the delimiter is ';' (--delimiter)",
        "2 lines above the header passed over, 'Pedidos de la tienda",
        "(--skip-rows 0)",
        "collected 1,200 rows × 8 columns as text",
        "all its values are dates, DD/MM/YYYY",
        "'Importe', 'Descuento': numbers as '1.234,56' (--decimal)",
        "numbers with leading zeros, mostly different",
        "the positive class is 'sí' (--positive to choose the other)",
    ],
)
def test_each_thing_that_was_decided_is_said(trained, decision):
    assert decision in trained[1].err


def test_what_was_read_is_what_the_spreadsheet_shows(trained, ok):
    run, _ = trained
    text = ORDERS.read_bytes().decode("latin-1").split("\r\n")[3:-1]
    rows = ok("show", run, "clean").rows
    assert len(rows) == len(text) == 1200
    for row, line in zip(rows, text, strict=True):
        number, day, region, section, amount, share, articles, returned = line.split(";")
        assert (row["Pedido"], row["Región"], row["Sección"]) == (number, region, section)
        assert row["Fecha"].startswith("-".join(reversed(day.split("/"))))
        assert float(row["Importe"]) == float(amount.replace(".", "").replace(",", "."))
        assert float(row["Descuento"]) == float(share.replace(",", "."))
        assert (float(row["Artículos"]), row["Devuelto"]) == (int(articles), returned)


def test_the_model_learned_something(trained):
    metrics = json.loads((trained[0] / "evaluate/metrics.json").read_text())
    assert metrics["network"]["metrics"]["auc"] > 0.7


@pytest.mark.parametrize("first", [0, 2])
def test_new_orders_are_read_in_the_same_way(trained, ok, tmp_path, first):
    """With the title above the header or without it; the answers are the same."""
    run, _ = trained
    lines = ORDERS.read_bytes().split(b"\r\n")[:13]
    new = tmp_path / "new.csv"
    new.write_bytes(b"\r\n".join(line.rsplit(b";", 1)[0] for line in lines[first:]) + b"\r\n")
    whole = ok("predict", run, ORDERS).rows
    assert ok("predict", run, new).rows == whole[:10]
