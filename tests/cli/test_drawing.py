"""Pictures in the terminal, sign by sign."""

import pytest

from nntool.cli import drawing
from nntool.cli.drawing import ASCII, confusion, width_of
from nntool.cli.output import folded


def test_ascii_has_nothing_but_ascii():
    lines = confusion(["no", "yes"], [[1, 2], [0, 3]], signs=ASCII)
    assert "\n".join(lines).isascii()


def test_a_confusion_matrix_has_counts_and_their_shares_of_the_row():
    assert confusion(["no", "yes"], [[178, 27], [0, 59]]) == [
        "actual ╲ answer        no       yes  right",
        "no               178  87%   27  13%    87%",
        "yes                ·        59 100%   100%",
    ]


def test_shares_give_way_where_a_line_would_be_too_long():
    assert confusion(["no", "yes"], [[178, 27], [0, 59]], width=40) == [
        "actual ╲ answer   no  yes  right",
        "no               178   27    87%",
        "yes                ·   59   100%",
    ]


def test_a_class_without_rows_has_no_share():
    lines = confusion(["a", "b"], [[2, 1], [0, 0]])
    assert lines[2].split() == ["b", "·", "·", "·"]


def test_long_names_are_cut_and_wide_ones_aligned():
    names = ["日本語の名前はとても長い", "a" * 40, "x"]
    lines = confusion(names, [[5, 0, 0], [0, 1000, 1], [1, 0, 7]])
    assert len({width_of(line) for line in lines}) == 1
    assert "aaaaaaaaaaaaaaa…" in lines[0]
    assert "日本語の名前は…" in lines[0]


def test_of_many_classes_the_worst_pairs_are_told():
    names = [f"c{i}" for i in range(13)]
    counts = [[50 if i == j else 0 for j in range(13)] for i in range(13)]
    assert confusion(names, counts) == ["no row of the 13 classes is answered wrong"]
    counts[3][4], counts[1][2] = 1000, 7
    assert confusion(names, counts) == [
        "mistakes (actual → answer)",
        "1,000  c3 → c4  (95% of 1,050 rows)",
        "    7  c1 → c2  (12% of 57 rows)",
    ]
    for i in range(12):
        counts[i][i + 1] = i + 1
    lines = confusion(names, counts)
    assert lines[0] == "mistakes (actual → answer), the 10 most frequent of 12"
    assert len(lines) == 11


def test_no_row_no_matrix():
    assert confusion(["a", "b"], [[0, 0], [0, 0]]) == []


@pytest.mark.parametrize(
    ("locale", "signs"),
    [
        ({}, "•"),
        ({"LANG": "es_ES.UTF-8"}, "•"),
        ({"LANG": "es_ES.UTF-8", "LC_ALL": "C"}, "*"),
        ({"LC_CTYPE": "en_US.utf8", "LANG": "C"}, "•"),
        ({"LANG": "en_US.ISO-8859-1"}, "*"),
    ],
)
def test_the_locale_says_which_signs_a_terminal_has(ok, run, monkeypatch, locale, signs):
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    said = ok("evaluate", run)
    assert f"{signs} training" in said.err
    assert ("╲" in said.text) == (signs == "•")


def test_a_table_too_wide_is_folded_and_none_of_it_is_lost():
    rows = [["日本", "–", "1.5", "x"], ["b", "12", "–", "yy"]]
    assert folded(["name", "first", "second", "t"], rows, 13) == [
        ["name  first", "日本      –", "b        12"],
        ["name  second", "日本     1.5", "b          –"],
        ["name  t", "日本  x", "b     yy"],
    ]
    [whole] = folded(["name", "first", "second", "t"], rows)
    width = max(map(width_of, whole))
    assert folded(["name", "first", "second", "t"], rows, width) == [whole]
    assert len(folded(["name", "first", "second", "t"], rows, width - 1)) == 2


def test_the_table_of_metrics_fits_80_columns(ok, run):
    for line in ok("evaluate", run).text.partition("\n\n")[0].splitlines():
        assert len(line) <= 80


def test_training_and_evaluation_draw_for_people_only(ok, run):
    said = ok("train", run, "--epochs", "4", "--hidden", "4")
    assert "epoch 1 to 4" in said.err
    assert not said.text
    said = ok("evaluate", run)
    assert "epoch 1 to 4" in said.err
    assert "actual ╲ answer" in said.text
    said = ok("evaluate", run, "--quiet", "--force")
    assert not said.err
    assert "actual ╲ answer" in said.text  # a result, which quiet leaves
    said = ok("evaluate", run, "--json", "--force")
    assert "epoch 1 to" not in said.err
    assert said.json["evaluate"]["network"]["confusion"]
    assert drawing.MOST_CLASSES == 12
