"""What contestants are called."""

import os

from hypothesis import given
from hypothesis import strategies as st

from nntool.steps.comparing.names import distinct, without_repeats

PATHS = st.lists(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map("/".join),
    min_size=1,
    max_size=6,
    unique=True,
)


@given(PATHS)
def test_each_name_is_an_end_of_its_path_and_of_no_other(paths):
    found = distinct(paths)
    full = [os.path.abspath(path).split(os.sep) for path in paths]
    for i, name in enumerate(found):
        parts = name.strip(os.sep).split(os.sep)
        assert full[i][-len(parts) :] == parts
        assert sum(one[-len(parts) :] == parts for one in full) == 1


@given(PATHS)
def test_no_shorter_name_would_do(paths):
    full = [os.path.abspath(path).split(os.sep) for path in paths]
    for name in distinct(paths):
        shorter = name.split(os.sep)[1:]
        if shorter and not name.startswith(os.sep):
            assert sum(one[-len(shorter) :] == shorter for one in full) > 1


def test_the_same_folder_by_another_name_is_a_repeat(at):
    (at / "one").mkdir()
    (at / "link").symlink_to("one")
    assert without_repeats(["one", "./one/", "link"]) == (["one"], ["./one/", "link"])
