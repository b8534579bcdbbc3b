"""An opened run directory, as a reader sees it: paths, checked content, freshness.

Nothing here writes. A reader takes no lock: of a step whose files are being moved it takes each
file from ``.new-<step>/`` while it is still there, so it works between a kill and the repair.
"""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path
from typing import Any

from nntool.errors import StaleError
from nntool.run import hashing, manifest, names
from nntool.settings.model import defaults
from nntool.settings.steps import STEPS

MAIN_SETTINGS = ("source", "target")
"""What a command says in so many words, and never by a recipe alone."""


class Run:
    """A run directory and its manifest."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.manifest = manifest.load(self.root)
        self._hashes: hashing.Hashes = {}

    @classmethod
    def existing(cls, root: str | Path) -> Run:
        """Open a run that must have a manifest; raises ``StaleError`` otherwise."""
        run = cls(root)
        if (run.root / names.MANIFEST).is_file():
            return run
        whole = owner(run.root)
        if whole is None:
            raise StaleError(
                f"{run.root} is not a run directory: it has no {names.MANIFEST}",
                f"nntool run {shlex.quote(str(run.root))} --data FILE.csv --target COLUMN",
            )
        is_try = run.root.parent.name == names.TRY
        hint = shlex.join(["nntool", "compare", str(whole)]) if is_try else f"name {whole}"
        raise StaleError(f"{run.root} is no run: it belongs to the run {whole}", hint)

    def entry(self, step: str) -> manifest.Entry | None:
        """What the manifest says of a step or a try, or None where it has not run."""
        return self.manifest.entries(step).get(step)

    def tries(self) -> list[str]:
        """The tries that are there, in the order in which they were first made.

        A try whose folder someone removed is not there.
        """
        known = self.manifest.tries
        return [t for t in known if any(self.path(file).exists() for file in known[t].writes)]

    def has(self, artifact: str) -> bool:
        """Whether the manifest knows this artifact."""
        entry = self.entry(names.maker(artifact))
        return entry is not None and artifact in entry.writes

    def hash_of(self, artifact: str) -> str | None:
        """The recorded hash of an artifact, or None where no step has made it."""
        entry = self.entry(names.maker(artifact))
        written = entry.writes.get(artifact) if entry else None
        return written.sha256 if written else None

    def path(self, artifact: str) -> Path:
        """Where the current content of an artifact lies."""
        step = names.maker(artifact)
        entry = self.entry(step)
        if entry is not None and entry.replacing is not None:
            staged = self.root / f"{names.STAGING}{artifact}"
            if staged.exists():
                return staged
        return self.root / artifact

    def is_intact(self, artifact: str) -> bool:
        """Whether the file is there and has the content that the manifest recorded."""
        entry = self.entry(names.maker(artifact))
        if entry is None or artifact not in entry.writes:
            return False
        return hashing.is_same(self.path(artifact), entry.writes[artifact], self._hashes)

    def checked(self, artifact: str) -> Path:
        """The path of an artifact whose content is what its step wrote.

        Raises ``StaleError`` where it is missing or was changed by something else.
        """
        step = names.maker(artifact)
        if self.entry(step) is None:
            raise StaleError(f"{step} has not run", self.command(step))
        if not self.is_intact(artifact):
            gone = not self.path(artifact).exists()
            what = "is missing" if gone else f"is not what {step} wrote"
            raise StaleError(f"{self.root / artifact} {what}", self.command(step))
        return self.path(artifact)

    def checked_bytes(self, artifacts: list[str]) -> dict[str, bytes]:
        """The content of artifacts, each held against its recorded hash as it was read.

        Raises ``StaleError`` where one is not what its step wrote: also where a writer is just
        replacing it, and the manifest must be read again.
        """
        found = {}
        for artifact in artifacts:
            step = names.maker(artifact)
            try:
                found[artifact] = self.path(artifact).read_bytes()
            except FileNotFoundError:
                missing = f"{self.root / artifact} is missing"
                raise StaleError(missing, self.command(step)) from None
            if hashlib.sha256(found[artifact]).hexdigest() != self.hash_of(artifact):
                changed = f"{self.root / artifact} is not what {step} wrote"
                raise StaleError(changed, self.command(step))
        return found

    def command(self, step: str) -> str:
        """The command that makes a step's artifacts, with the settings that it had before."""
        entry = self.entry(step)
        asked = dict(entry.asked) if entry else {}
        if names.is_try(step):
            spec = entry.facts.get("spec", "METHOD") if entry else "METHOD"
            return shlex.join(["nntool", "compare", str(self.root), "--try", spec])
        words = ["nntool", step, str(self.root)]
        if step == "collect":
            words += asked.pop("source", ["FILE.csv"])
        if asked_otherwise(step, asked):
            words += ["--config", str(self.root / names.RECIPE)]
        elif step == "clean":
            words += ["--target", str(asked.get("target", "COLUMN"))]
        return shlex.join(words)


def owner(folder: Path) -> Path | None:
    """The run that a step's folder belongs to, or that of a try; None for any other folder."""
    inside = folder.parent if folder.parent.name == names.TRY else folder
    is_inside = inside.name in names.FOLDERS and (inside.parent / names.MANIFEST).exists()
    return inside.parent if is_inside else None


def asked_otherwise(step: str, asked: dict[str, Any]) -> bool:
    """Whether any setting but the source and the target is not at its default."""
    known = defaults(STEPS[step])
    return any(
        known.get(name) != value for name, value in asked.items() if name not in MAIN_SETTINGS
    )
