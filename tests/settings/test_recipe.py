"""Recipes and assignments: TOML as it stands, and the words for what is not."""

import pytest

from nntool.errors import DataError, UsageError
from nntool.settings import recipe


def test_a_file_in_which_a_table_is_a_step_is_a_recipe():
    content = {"train": {"epochs": 3}, "split": {"train": 0.8}}
    assert recipe.step_settings(content, "train") == {"epochs": 3}
    assert recipe.step_settings(content, "evaluate") == {}


def test_a_flat_file_whose_key_is_called_as_a_step_is_flat():
    """``train = 0.8`` is the share of split, no step."""
    content = {"train": 0.8, "test": 0.2}
    assert recipe.step_settings(content, "split") == content


def test_a_step_that_is_no_table_in_a_recipe_is_refused():
    with pytest.raises(UsageError) as error:
        recipe.step_settings({"train": 3, "split": {}}, "train")
    assert (error.value.message, error.value.hint) == (
        "train must be a table",
        "write [train] above its keys",
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("hidden=[128, 64]", ("hidden", [128, 64])),
        ("rate=1e-3", ("rate", 0.001)),
        ("flag=true", ("flag", True)),
        ("target=price", ("target", "price")),
        ("target=a=b", ("target", "a=b")),
        ('target="1"', ("target", "1")),
        ("target=two words", ("target", "two words")),
        ("target=", ("target", "")),
    ],
)
def test_a_value_is_read_as_in_toml_and_a_bare_word_is_text(text, value):
    assert recipe.parse_assignment(text) == value


@pytest.mark.parametrize("text", ["epochs", "=3", " =3"])
def test_an_assignment_without_key_or_sign_is_refused(text):
    with pytest.raises(UsageError, match="--set"):
        recipe.parse_assignment(text)


def test_reading_says_what_is_wrong_with_the_file(tmp_path):
    with pytest.raises(DataError, match="is not there"):
        recipe.read(tmp_path / "nowhere.toml")
    with pytest.raises(DataError, match="is a folder"):
        recipe.read(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"\xff = 1")
    with pytest.raises(UsageError, match="is not TOML"):
        recipe.read(tmp_path / "x.toml")
