"""The manifest, run.json: what each finished step read, wrote, learned from and was asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import msgspec

from nntool.errors import DataError, StaleError
from nntool.run.names import MANIFEST, is_try, maker

FORMAT = 1
"""The version of the format that this program writes; an older one is read, a newer refused."""

Status = Literal["finished", "interrupted", "diverged"]
"""How a step ended; only a training ends in other ways than finished."""


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a written file; the stat values spare hashing it again."""

    sha256: str
    size: int
    mtime_ns: int
    inode: int


class RowsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that a step learned from: which part, how many, and the hash of their mask."""

    part: Literal["all", "train"]
    count: int
    sha256: str


class Entry(msgspec.Struct, kw_only=True):
    """One finished step.

    ``asked`` holds the settings as given, ``settings`` as resolved (positions to names, ``auto`` to
    what it came to); ``facts`` are values that shape the result and come from no artifact.
    """

    settings: dict[str, Any]
    asked: dict[str, Any]
    reads: dict[str, str]
    writes: dict[str, FileRecord]
    facts: dict[str, Any] = {}
    rows: RowsSeen | None = None
    status: Status = "finished"
    replacing: list[str] | None = None
    """While files are being moved: the old files that go when the new ones are in place."""
    seconds: float = 0.0
    finished: str = ""
    versions: dict[str, str] = {}


class Manifest(msgspec.Struct, kw_only=True):
    """All of run.json."""

    format: int = FORMAT
    steps: dict[str, Entry] = {}
    tries: dict[str, Entry] = {}
    """Trainings beside the run's own, by their folder, as ``try/adam``."""

    def entries(self, step: str) -> dict[str, Entry]:
        """Where the entry of a step, or of a try, stands."""
        return self.tries if is_try(step) else self.steps

    def marked(self) -> list[str]:
        """The steps and tries whose files are being moved."""
        known = {**self.steps, **self.tries}
        return [step for step, entry in known.items() if entry.replacing is not None]


class _Version(msgspec.Struct):
    format: int


def load(root: Path) -> Manifest:
    """Read run.json; a folder without one has no finished step.

    Raises ``StaleError`` for a newer format, ``DataError`` for a file that is no manifest.
    """
    path = root / MANIFEST
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Manifest()
    try:
        version = msgspec.json.decode(content, type=_Version).format
        if version > FORMAT:
            raise StaleError(
                f"{path} has format {version}; this program reads up to {FORMAT}",
                "install a newer nntool: pip install --upgrade nntool",
            )
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise DataError(
            f"{path} is not a run manifest: {error}", f"rm {path}, then run the steps again"
        ) from None
    for entries, has_tries in ((manifest.steps, False), (manifest.tries, True)):
        for name, entry in entries.items():
            if is_try(name) is not has_tries:
                raise DataError(f"{path}: {name!r} is in the wrong place", "do not use this run")
            for artifact in [f"{name}/a-file", *entry.writes, *(entry.replacing or ())]:
                _check_inside(path, name, artifact)
    return manifest


def _check_inside(path: Path, step: str, artifact: str) -> None:
    """A manifest from a stranger must not point outside its run directory."""
    parts = artifact.split("/")
    is_inside = artifact.startswith(f"{step}/") and maker(artifact) == step
    if not is_inside or any(part in ("", ".", "..") for part in parts):
        raise DataError(f"{path}: {artifact!r} is no artifact of {step}", "do not use this run")


def save(root: Path, manifest: Manifest) -> None:
    """Replace run.json as a whole, so that a reader sees the old one or the new one."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    write_atomically(root / MANIFEST, text)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it, then rename it."""
    temporary = path.with_name(f".new-{path.name}")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
