from dataclasses import dataclass

import pytest

from nntool.errors import UsageError
from nntool.tables.choices import build, choice_of, describe, setting


@dataclass(frozen=True)
class Fill:
    """Fill gaps."""

    value: float = setting(0.5, "what is filled in", ge=0, lt=1)
    limit: int | None = setting(None, "at most so many", ge=1)
    side: str = setting("left", "from where", choices=("left", "right"))
    at: tuple[float, ...] = setting((), "where", ge=0)
    names: tuple[str, ...] = setting((), "what is filled")


@dataclass(frozen=True)
class Leave:
    """Leave gaps."""


FILLERS = {"fill": Fill, "leave": Leave}


def test_a_name_gives_the_defaults() -> None:
    assert build(FILLERS, "FILLERS", "fill") == Fill(0.5, None, "left")


def test_a_table_gives_its_settings_and_whole_numbers_serve_as_numbers() -> None:
    made = build(FILLERS, "FILLERS", {"name": "fill", "value": 0, "limit": 3, "side": "right"})
    assert made == Fill(0.0, 3, "right")
    assert isinstance(made.value, float)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"at": "1/2.5"}, (1.0, 2.5)),
        ({"at": [1, 2.5]}, (1.0, 2.5)),
        ({"at": 3}, (3.0,)),
        ({"names": "low/high"}, ("low", "high")),
        ({"names": "n/a | low"}, ("n/a", "low")),
        ({"names": ["n/a", "low"]}, ("n/a", "low")),
        ({"names": 7}, ("7",)),
    ],
)
def test_a_list_is_written_with_strokes_or_as_a_list(settings, expected) -> None:
    made = build(FILLERS, "FILLERS", {"name": "fill", **settings})
    assert getattr(made, *settings) == expected


def test_a_choice_survives_the_way_to_plain_data_and_back() -> None:
    made = Fill(0.25, None, "right")
    assert build(FILLERS, "FILLERS", choice_of(FILLERS, made)) == made


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("fil", "filler: 'fil' is not a choice"),
        ({"value": 1}, "no name given"),
        ({"name": "fill", "valu": 1}, "there is no setting 'valu'"),
        ({"name": "leave", "value": 1}, "there is no setting 'value'"),
        ({"name": "fill", "value": "0.5"}, "value must be a number, not '0.5'"),
        ({"name": "fill", "value": True}, "value must be a number, not True"),
        ({"name": "fill", "value": float("nan")}, "value must be a number, not nan"),
        ({"name": "fill", "value": None}, "value must be a number, not None"),
        ({"name": "fill", "value": -0.1}, "value must be ≥ 0, not -0.1"),
        ({"name": "fill", "value": 1.0}, "value must be < 1, not 1.0"),
        ({"name": "fill", "limit": 1.5}, "limit must be a whole number, not 1.5"),
        ({"name": "fill", "side": "up"}, "'up' is not a choice"),
        ({"name": "fill", "at": "1/x"}, "at must be a number, not 'x'"),
        ({"name": "fill", "at": [1, -2]}, "at must be ≥ 0, not -2"),
        ({"name": "fill", "at": "1//2"}, "at must be a number, not ''"),
        ({"name": "fill", "at": "1/inf"}, "at must be a number, not inf"),
    ],
)
def test_what_has_no_meaning_is_refused_with_the_reason(choice, says) -> None:
    with pytest.raises(UsageError) as caught:
        build(FILLERS, "FILLERS", choice)
    assert says in caught.value.message


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        build(FILLERS, "FILLERS", "nothing")
    assert caught.value.hint == "choose from fill, leave"


def test_a_description_holds_defaults_bounds_and_help() -> None:
    found = describe(FILLERS, "fill")
    assert found.doc == "Fill gaps."
    assert found.settings[0] == ("value", "float", 0.5, "≥ 0, < 1", "what is filled in")
    assert found.settings[2].bounds == "one of left, right"
