"""What training needs to go on: all that decides its future, after Ctrl-C or with more epochs.

``checkpoint/state.json`` names the file with the arrays and its hash; it is replaced last, so a
kill leaves the old checkpoint or the new one. Members of an ensemble have a checkpoint each: that
of the first stands where a plain training has its own, since it is the same training.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from nntool.run import hashing, manifest, names

STATE = "state.json"
NOT_OF_ONE_TRAINING = ("epochs", "ensemble", "averaging")
"""Settings that change nothing in what one network has learned so far."""


class Checkpoint(NamedTuple):
    """What `load` found; ``planned`` is the number of epochs that the training was to have."""

    arrays: dict[str, Any]
    plain: dict[str, Any]
    history: list[dict[str, Any]]
    planned: int


def key(settings: dict[str, Any], reads: dict[str, str]) -> str:
    """What a checkpoint belongs to: the settings but the numbers of epochs and of networks, and
    what was read.
    """
    import msgspec

    rest = {name: value for name, value in settings.items() if name not in NOT_OF_ONE_TRAINING}
    return hashlib.sha256(msgspec.json.encode([rest, reads], order="sorted")).hexdigest()


def save(
    root: Path,
    of: str,
    arrays: dict[str, Any],
    plain: dict[str, Any],
    history: list[dict[str, Any]],
    planned: int,
    member: int = 1,
) -> None:
    """Write a checkpoint of the last whole epoch."""
    from nntool.tables import arrays as files

    folder = folder_of(root, member)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{of[:12]}-epoch-{len(history)}.npz"
    temporary = folder / f".new-{path.name}"
    try:
        files.save_npz(temporary, arrays)
    except OSError:  # a full disk needs the room that half a file takes
        temporary.unlink(missing_ok=True)
        raise
    temporary.replace(path)
    state = {
        "of": of,
        "arrays": path.name,
        "sha256": hashing.sha256(path),
        "plain": plain,
        "history": history,
        "planned": planned,
    }
    # not by msgspec, which makes null of a metric that is NaN or a norm that is infinite
    manifest.write_atomically(folder / STATE, json.dumps(state).encode())
    for other in folder.glob("*.npz"):
        if other.name != path.name:
            other.unlink()


def load(root: Path, of: str, member: int = 1) -> Checkpoint | None:
    """The checkpoint of this very training, or None."""
    from nntool.tables import arrays as files

    folder = folder_of(root, member)
    try:
        state = json.loads((folder / STATE).read_bytes())
        path = folder / Path(state["arrays"]).name
        if state["of"] != of or "planned" not in state or hashing.sha256(path) != state["sha256"]:
            return None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return Checkpoint(files.load_npz(path), state["plain"], state["history"], state["planned"])


def is_there(root: Path, of: str, member: int) -> bool:
    """Whether this member has a checkpoint, without a look at its arrays."""
    try:
        state = json.loads((folder_of(root, member) / STATE).read_bytes())
        return bool(state["of"] == of)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


def folder_of(root: Path, member: int) -> Path:
    """Where the checkpoint of a member lies; members are counted from 1."""
    folder = root / names.CHECKPOINT
    return folder if member == 1 else folder / f"{names.MEMBER}{member}"


def keep(root: Path, n_members: int) -> None:
    """Remove the checkpoints of members beyond so many: no training of these settings has them."""
    kept = {folder_of(root, member).name for member in range(2, n_members + 1)}
    for folder in (root / names.CHECKPOINT).glob(f"{names.MEMBER}*"):
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
