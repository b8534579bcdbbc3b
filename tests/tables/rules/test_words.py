"""What counts as a misspelling, and above all what does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntool.tables.rules.words import Corrector, Evidence, contradict, fold, replaced, words_of


def corrections(**rows):
    found = Corrector({name.replace("_", " "): n for name, n in rows.items()}, Evidence())
    return {spelling: c.target for spelling, c in found.corrections().items()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("New  York", " new york"),
        ("MÁLAGA", "malaga"),
        ("Straße", "STRASSE"),
        ("a\u00a0b", "a b"),
        ("e\u0301t\u00e9", "\u00e9te\u0301"),
        ("ice\u200bberg", "Iceberg"),
    ],
)
def test_case_blanks_and_accents_make_no_difference(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("x²", "x2"), ("й", "и"), ("が", "か"), ("a-b", "a b"), ("1.5", "1,5")]
)
def test_other_signs_and_letters_do(one, other):
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        ("slaes", "sales"),  # swapped
        ("birminghxm", "birmingham"),  # replaced
        ("marketting", "marketing"),  # put in
        ("enginering", "engineering"),  # left out
        ("enginerng", "engineering"),  # two errors in a long word
    ],
)
def test_a_rare_word_with_the_errors_of_typing_is_the_frequent_one(error, word):
    assert corrections(**{word: 20, error: 1}) == {error: word}


CONTRARY = [
    ("male", "female"),
    ("increase", "decrease"),
    ("legal", "illegal"),
    ("import", "export"),
    ("typical", "atypical"),
    ("internal", "external"),
    ("hypertension", "hypotension"),
    ("microeconomics", "macroeconomics"),
    ("abduction", "adduction"),
    ("interstate", "intrastate"),
    ("chloride", "chlorite"),
    ("sulfate", "sulfite"),
    ("ethanol", "ethanal"),
    ("employer", "employee"),
    ("christina", "christian"),
    ("eastern", "western"),
    ("austria", "australia"),
    ("slovakia", "slovenia"),
    ("tuesday", "thursday"),
]
CODES = [
    ("room 101", "room 102"),
    ("windows 10", "windows 11"),
    ("2019-01", "2019-02"),
    ("a1", "a2"),
    ("pn-5c", "pn-5b"),
    ("covid19", "covld19"),
    ("1234567", "1234567x"),
    ("12.50", "12,50"),
    ("type ii", "type iii"),
    ("henry viii", "henry xiii"),
    ("stage mmxiv", "stage mmxxv"),
    ("yes", "yex"),
    ("no", "on"),
    ("m", "f"),
    ("iran", "iraq"),
    ("east london", "west london"),
    ("non-profit", "non profit"),
]


@pytest.mark.parametrize(("one", "other"), CONTRARY + CODES)
def test_what_means_something_else_is_never_merged_however_rare(one, other):
    for rare, frequent in ((one, other), (other, one)):
        assert Corrector({frequent: 10_000, rare: 1}, Evidence()).corrections() == {}


@pytest.mark.parametrize(
    ("rows", "rows_of_other", "guilty"),
    [
        (1, 5, True),
        (1, 4, False),
        (3, 15, True),
        (3, 14, False),
        (4, 79, False),
        (4, 80, True),
        (50, 1000, True),
        (51, 1000, False),
    ],
)
def test_a_word_is_an_error_only_if_it_is_rare_beside_the_other(rows, rows_of_other, guilty):
    """At most a fifth of the other's rows, and 3 or a twentieth: two frequent words are two."""
    assert Evidence().convicts(rows, rows_of_other, ways=1) is guilty
    assert bool(corrections(marketing=rows_of_other, marketting=rows)) is guilty


def test_a_letter_replaced_in_the_same_way_again_and_again_makes_a_word_of_its_own():
    """The level ISLAND of the houses of California has 5 rows beside 6,551 of INLAND."""
    assert corrections(inland=6551, island=2) == {}
    assert corrections(inland=6551, island=1) == {"island": "inland"}
    others = {"inlxnd": 1, "innland": 1}
    found = corrections(inland=6551, island=2, **others)
    assert set(found) == {"island", *others}


def test_a_word_that_stands_in_other_categories_is_no_error():
    rows = {"attach_file": 1, "attack_file": 30}
    assert corrections(**rows) == {}  # the last letter differs
    rows = {"untied states": 1, "united states": 50}
    assert [*Corrector(rows, Evidence()).corrections()] == ["untied states"]
    rows["untied laces"] = 40
    assert Corrector(rows, Evidence()).corrections() == {}


def test_what_a_word_is_corrected_to_must_be_there_as_a_whole():
    assert corrections(slaes_north=1, sales_south=40) == {}
    assert corrections(slaes_north=1, sales_south=40, sales_north=9) == {
        "slaes north": "sales north"
    }


def test_what_stands_with_digits_is_not_replaced():
    assert replaced("ab1 (ab) ab-1", {"ab": "cd"}) == "ab1 (cd) ab-1"


def test_a_word_as_near_to_two_others_is_left_alone():
    assert corrections(master=50, matter=50, marter=1) == {}


def test_an_error_of_an_error_is_the_right_word():
    rows = {"birmingham": 500, "birminghaam": 9, "birminghaaam": 1}
    found = Corrector(rows, Evidence(most_rows=9)).corrections()
    assert {spelling: c.target for spelling, c in found.items()} == {
        "birminghaam": "birmingham",
        "birminghaaam": "birmingham",
    }


def test_a_lower_similarity_finds_more_and_a_higher_one_less():
    rows = {"boaz": 50, "boxz": 1, "birmingham": 50, "birminghxm": 1}
    found = {s: {*Corrector(rows, Evidence(similarity=s)).corrections()} for s in (0.7, 0.8, 0.95)}
    assert found == {0.7: {"boxz", "birminghxm"}, 0.8: {"birminghxm"}, 0.95: set()}


def test_beyond_the_bound_on_pairs_words_are_not_compared_and_that_is_counted(monkeypatch):
    rows = {"birmingham": 50, **{f"birmi{a}gham": 1 for a in "abcdefgh"}}
    monkeypatch.setattr("nntool.tables.rules.words.MOST_PAIRS", 5)
    corrector = Corrector(rows, Evidence())
    assert len(corrector.corrections()) == 5
    assert corrector.words_not_compared == 3


def test_the_size_of_blocks_makes_no_difference(monkeypatch):
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abc"), 7)) for _ in range(400)]
    rows = {word: int(n) for word, n in zip(words, rng.integers(1, 100, 400), strict=True)}
    whole = Corrector(rows, Evidence()).corrections()
    monkeypatch.setattr("nntool.tables.rules.words.PAIRS_AT_ONCE", 7)
    assert whole
    assert Corrector(rows, Evidence()).corrections() == whole


def distance(a, b):
    """Optimal string alignment, written out from its recurrence."""
    d = np.zeros((len(a) + 1, len(b) + 1), int)
    d[:, 0], d[0, :] = range(len(a) + 1), range(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = a[i - 1] != b[j - 1]
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + cost)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                d[i, j] = min(d[i, j], d[i - 2, j - 2] + 1)
    return d[-1, -1]


@given(st.dictionaries(st.text("abé -1", min_size=1, max_size=12).map(fold), st.integers(1, 60)))
def test_every_correction_keeps_to_the_rules(rows):
    rows.pop("", None)
    corrector = Corrector(rows, Evidence())
    found = corrector.corrections()
    for spelling, correction in found.items():
        assert correction.target in rows
        assert correction.target not in found
        assert rows[spelling] * 5 <= rows[correction.target]
        longest = max(len(spelling), len(correction.target))
        errors = distance(spelling, correction.target)
        assert correction.similarity == pytest.approx(1 - errors / longest)
        a, b = words_of(spelling), words_of(correction.target)
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert one == other or (
                not contradict(one, other)
                and (one[0], one[-1]) == (other[0], other[-1])
                and min(len(one), len(other)) >= 4
                and distance(one, other) <= min(2, 0.2 * max(len(one), len(other)) + 1e-9)
            )
        digits = [sign for sign in spelling if sign.isnumeric()]
        assert digits == [sign for sign in correction.target if sign.isnumeric()]


@given(st.text())
def test_folding_twice_is_folding_once_and_nothing_is_replaced_by_nothing(text):
    folded = fold(text)
    assert fold(folded) == folded
    assert replaced(folded, {}) == folded
