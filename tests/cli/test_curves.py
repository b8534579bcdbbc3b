"""Learning curves in the terminal, sign by sign."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.cli.curves import learning_curve, learning_curves
from nntool.cli.drawing import ASCII, width_of


def test_a_short_curve():
    assert learning_curve([1.0, 0.5, 0.3], [0.9, 0.5, 0.6], 2) == [
        "loss  • training  ○ validation  ◉ both",
        "   1 ┤••••",
        "     │○○○○•",
        "     │    ◉",
        " 0.7 ┤    ◉",
        "     │    ◉   ○○○○",
        "     │    ◉◉◉◉",
        "     │        •",
        " 0.3 ┤        ••••",
        "     └─────▲──────",
        "      epoch 1 to 3, ▲ 2 was kept",
    ]


def test_a_curve_of_one_epoch():
    assert learning_curve([0.5], [None], 1) == [
        "loss  • training",
        " 0.5 ┤••••",
        "     └─▲──",
        "      epoch 1, ▲ 1 was kept",
    ]


def test_a_curve_without_any_loss_is_not_drawn():
    assert learning_curve([None, math.nan], [None, math.inf], 0) == []
    assert learning_curve([], [], 0) == []


def test_a_loss_that_is_no_number_leaves_a_gap():
    lines = learning_curve([1.0, math.nan, 0.0, math.inf], [None] * 4, 1, signs=ASCII)
    assert [line.partition("+")[2] for line in lines[1:] if "*" in line] == ["****", "        ****"]


def test_thousands_of_epochs_share_columns_and_the_kept_one_stands_where_it_is():
    n = 5000
    lines = learning_curve([1 + 1 / (i + 1) for i in range(n)], [None] * n, 2500, width=72)
    assert len(lines) <= 12
    assert 65 < max(map(width_of, lines)) <= 72
    axis = lines[-2]
    assert axis.index("▲") - axis.index("└") == pytest.approx(61 / 2, abs=1)
    assert lines[-1].strip() == "epoch 1 to 5,000, ▲ 2,500 was kept"


def test_epochs_that_share_a_column_are_drawn_as_their_mean():
    lines = learning_curve([1.0, 3.0] * 55 + [0.0, 4.0], [None] * 112, 1, width=67)
    assert lines[1] == " 2 ┤" + "•" * 56  # 2 in every column
    assert len(lines) == 4


def test_a_jump_is_filled():
    lines = learning_curve([7.0, 0.0], [None] * 2, 1, signs=ASCII)
    assert lines[1].endswith("+****")
    assert lines[2:9] == [line[: lines[1].index("+") + 1] + "    *" for line in lines[2:8]] + [
        " 0 +    ****"
    ]


@pytest.mark.parametrize(("most", "is_log"), [(99, False), (101, True)])
def test_more_than_two_decades_are_drawn_by_their_logarithms(most, is_log):
    lines = learning_curve([float(most), 10.0, 1.0], [None] * 3, 3)
    assert lines[0].startswith("loss, logarithmic") == is_log
    middle = next(line for line in lines[2:] if "┤" in line).split()[0]
    expected = 10 ** (4 / 7 * math.log10(most)) if is_log else 1 + 4 / 7 * (most - 1)
    assert float(middle) == pytest.approx(expected, rel=0.01)


def test_losses_below_zero_are_drawn_as_they_are():
    lines = learning_curve([100.0, -3.0], [None] * 2, 2)
    assert lines[0].startswith("loss  ")
    assert lines[-3].split()[0] == "-3"


def test_the_largest_numbers_do_not_overflow():
    lines = learning_curve([1.7e308, -1.7e308], [1e-320, 0.0], 1)
    assert len(lines) == 11


def test_a_curve_in_ascii_has_nothing_but_ascii():
    lines = learning_curve([1.0, 0.5], [0.9, 0.6], 2, signs=ASCII)
    lines += learning_curves("loss", ["A a", "B b"], [[1.0], [2.0, 1.0]], [1, 1], signs=ASCII)
    assert "\n".join(lines).isascii()


def test_two_curves_in_one_picture():
    lines = learning_curves("validation loss", ["A one", "B two"], [[3, 1], [2, 1, 1]], [2, 2])
    assert lines == [
        "validation loss by epoch",
        " 3 ┤AAAA",
        "   │    A",
        "   │    A",
        "   │    A",
        "   │    A",
        "   │    A",
        "   │    A",
        " 2 ┤BBBBA",
        "   │    ◉",
        "   │    ◉",
        "   │    ◉",
        "   │    ◉",
        "   │    ◉",
        "   │    ◉",
        " 1 ┤    ◉◉◉◉BBBB",
        "   └─────◉──────",
        "    epoch 1 to 3, a letter where its epoch was kept",
        "A one  B two  ◉ several",
    ]


def test_curves_of_different_lengths_share_the_axis():
    lines = learning_curves("loss", ["A a", "B b"], [[1.0] * 10, [2.0] * 5], [1, 5], width=80)
    rows = {line[-1]: line for line in lines if line.endswith(("A", "B"))}
    begin = rows["A"].index("A")
    assert rows["A"].count("A") == 40
    assert rows["B"][begin:] == "B" * 20


def test_the_lowest_of_many_curves_are_drawn():
    names = [f"{letter} run" for letter in "ABCDEFGHIJ"]
    curves = [[float(i + 2)] * 3 for i in range(9)] + [[1.0] * 3]
    lines = learning_curves("loss", names, curves, [1] * 10)
    assert lines[0] == "loss by epoch (the 8 lowest of 10)"
    legend = " ".join(lines[-2:])
    assert all(f"{letter} run" in legend for letter in "ABCDEFGJ")
    assert "H run" not in legend


def test_a_run_without_any_epoch_is_no_curve():
    lines = learning_curves("loss", ["A a", "B b"], [[1.0, 2.0], []], [1, 0])
    assert not any("B" in line for line in lines[:-1])
    assert learning_curves("loss", ["A a"], [[None, math.nan]], [0]) == []
    assert learning_curves("loss", [], [], []) == []


def test_a_long_legend_takes_several_lines_and_a_long_name_is_cut():
    names = ["A " + "x" * 60, "B short", "C " + "日" * 30]
    lines = learning_curves("loss", names, [[1.0], [2.0], [3.0]], [1, 1, 1], width=60)
    assert max(map(width_of, lines)) <= 60
    assert any("…" in line for line in lines)


LOSSES = st.lists(
    st.none() | st.floats(1e-99, 1e99) | st.sampled_from([0.0, math.inf, math.nan]), max_size=30
)


@given(st.lists(LOSSES, min_size=1, max_size=12), st.integers(20, 200))
def test_any_losses_are_drawn_within_the_width(curves, width):
    names = [f"{letter} {letter}" for letter in "ABCDEFGHIJKL"[: len(curves)]]
    lines = learning_curves("loss", names, curves, [len(curve) for curve in curves], width=width)
    finite = [x for curve in curves for x in curve if x is not None and math.isfinite(x)]
    assert bool(lines) == bool(finite)
    picture = [line for line in lines if "┤" in line or "│" in line or "└" in line]
    assert max(map(width_of, picture), default=0) <= width
