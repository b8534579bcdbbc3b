"""A model that is read: what it says of itself is held against what a training writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.errors import DataError
from nntool.steps import model as models
from nntool.tables import arrays

FILES = ("train/model.json", "train/model.npz")


@pytest.fixture
def two(run: Path) -> dict[str, bytes]:
    """The files of a model with two members."""
    json_file, npz_file = (run / name for name in FILES)
    vectors = arrays.load_npz(npz_file)
    both = {name: np.stack([vectors[name]] * 2) for name in ("theta", "stats")}
    arrays.save_npz(npz_file, vectors | both)
    words = json.loads(json_file.read_text()) | {"members": [{}, {}], "averaging": "geometric"}
    json_file.write_text(json.dumps(words))
    return {name: (run / name).read_bytes() for name in FILES}


def changed(files: dict[str, bytes], **words: Any) -> dict[str, bytes]:
    plain = json.loads(files[FILES[0]]) | words
    return files | {FILES[0]: json.dumps(plain).encode()}


def test_members_are_rows_of_weights(two: dict[str, bytes]) -> None:
    assert models.load(two).n_members == 2


@pytest.mark.parametrize(
    "words",
    [
        {"members": 2},
        {"members": {}},
        {"members": []},
        {"members": "ab"},
        {"averaging": "harmonic"},
        {"averaging": ["geometric"]},
    ],
)
def test_words_that_no_training_writes_are_refused(
    two: dict[str, bytes], words: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match="does not describe a model"):
        models.load(changed(two, **words))


@pytest.mark.parametrize("members", [None, [{}], [{}] * 3])
def test_other_members_than_there_are_weights_of_are_refused(
    two: dict[str, bytes], members: Any
) -> None:
    with pytest.raises(DataError, match="does not hold"):
        models.load(changed(two, members=members))


@pytest.mark.parametrize("kind", ["U8", "complex64", "int64"])
def test_weights_that_are_no_real_numbers_are_refused(
    two: dict[str, bytes], tmp_path: Path, kind: str
) -> None:
    odd = tmp_path / "odd.npz"
    odd.write_bytes(two[FILES[1]])
    vectors = arrays.load_npz(odd)
    arrays.save_npz(odd, vectors | {"theta": vectors["theta"].astype(kind)})
    with pytest.raises(DataError, match="does not hold"):
        models.load(two | {FILES[1]: odd.read_bytes()})
