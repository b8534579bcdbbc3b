"""Which of several figures is better, and when that cannot be said."""

from hypothesis import given
from hypothesis import strategies as st

from nntool.steps.comparing.judging import ALIKE, BEST, WORSE, verdicts


def test_the_best_is_marked_in_either_direction():
    assert verdicts([1.0, 3.0, 2.0], [None] * 3, higher_is_better=True) == [WORSE, BEST, WORSE]
    assert verdicts([1.0, 3.0, 2.0], [None] * 3, higher_is_better=False) == [BEST, WORSE, WORSE]


def test_a_difference_within_an_interval_is_none():
    values, far = [0.9, 0.8, 0.1], [0.05, 0.15]
    of_best = [[0.79, 0.95], [0.78, 0.82], far]
    assert verdicts(values, of_best, higher_is_better=True) == [ALIKE, ALIKE, WORSE]
    of_other = [[0.88, 0.95], [0.7, 0.91], far]
    assert verdicts(values, of_other, higher_is_better=True) == [ALIKE, ALIKE, WORSE]
    apart = [[0.81, 0.95], [0.7, 0.89], far]  # they overlap, and neither holds the other's value
    assert verdicts(values, apart, higher_is_better=True) == [BEST, WORSE, WORSE]


def test_where_all_are_alike_nothing_is_said():
    assert verdicts([0.9, 0.8], [[0.7, 1.0], None], higher_is_better=True) == [WORSE] * 2
    assert verdicts([0.5, 0.5], [None, None], higher_is_better=True) == [WORSE] * 2


def test_a_lone_figure_is_no_best():
    assert verdicts([None, 0.5], [None, None], higher_is_better=True) == [WORSE] * 2
    assert verdicts([None, None], [None, None], higher_is_better=True) == [WORSE] * 2


FIGURE = st.tuples(st.none() | st.floats(-10, 10), st.floats(0, 5), st.booleans())


@given(st.lists(FIGURE, min_size=1, max_size=8), st.booleans())
def test_only_the_best_or_what_is_not_told_apart_from_it_is_marked(figures, higher):
    values = [value for value, _, _ in figures]
    intervals = [
        [value - w, value + w] if value is not None and has else None for value, w, has in figures
    ]
    said = verdicts(values, intervals, higher_is_better=higher)
    known = [value for value in values if value is not None]
    if set(said) == {WORSE}:
        return
    best = max(known) if higher else min(known)
    assert said.count(BEST) + (ALIKE in said) == 1
    assert said[values.index(best)] in (BEST, ALIKE)
    for value, interval, word in zip(values, intervals, said, strict=True):
        if word == ALIKE and interval is None:
            near = intervals[values.index(best)]
            assert value == best or near[0] <= value <= near[1]
    turned = verdicts(values[::-1], intervals[::-1], higher_is_better=higher)
    ties = known.count(best) > 1
    assert ties or turned[::-1] == said
