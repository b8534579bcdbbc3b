"""Writing in a run directory so that a kill at any instant leaves the old state or the new one.

A step writes all its files into ``.new-<step>/``. ``commit`` marks the step in run.json as being
replaced (the new entry, with the hashes of the new files), moves the files over the old ones one
by one, and saves the finished entry. Whoever next takes the lock finishes the moves of a marked
step. The manifest in memory is marked as soon as a step is staged, so later steps of the same
command read what it left in its folder.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from nntool.errors import MachineError, UsageError
from nntool.run import hashing, manifest, names
from nntool.run.directory import Run, owner
from nntool.settings import recipe


class Session:
    """The one writer of a run directory, for the length of a command."""

    def __init__(
        self, root: str | Path, *, create: bool = False, recipe_at_end: bool = False
    ) -> None:
        """With ``recipe_at_end`` recipe.toml stays as someone edited it until ``write_recipe``."""
        self.root = Path(root)
        self._recipe_at_end = recipe_at_end
        self._may_create = create
        self._touched: set[str] = set()
        self._is_moving = False
        """Whether run.json on disk marks a step: then its staged files are the only new ones."""

    def __enter__(self) -> Session:
        if self._may_create:
            self._created = not self.root.exists()
            self._refuse_folder_of_another()
            try:
                self.root.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise UsageError(
                    f"{self.root} is no folder and cannot be a run directory", "name another one"
                ) from None
        else:
            self._created = False
            Run.existing(self.root)
        self._refuse_links()
        path = self.root / names.LOCK
        self._lock = FileLock(path)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            holder = path.read_text().strip() or "that has just started"
            raise MachineError(
                f"{self.root} is in use by process {holder}",
                "wait until it ends, then type the same command again",
            ) from None
        path.write_text(f"{os.getpid()}\n")
        self.run = Run(self.root)
        self._repair()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._is_moving:
            self._clear_staging()
        if self._created and not (self.root / names.MANIFEST).exists():
            (self.root / names.LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # not empty: someone else put a file there
                self.root.rmdir()
        else:
            (self.root / names.LOCK).write_text("")
        self._lock.release()

    def _refuse_folder_of_another(self) -> None:
        """A step's folder, or that of a try, is no place for a run."""
        whole = owner(self.root)
        if whole is not None:
            raise UsageError(f"{self.root} belongs to the run {whole}", "name a folder of its own")

    def _refuse_links(self) -> None:
        """A stranger's run must not lead out of its folder: nothing is written through links."""
        own = [self.root / name for name in names.FOLDERS]
        own += [self.root / names.LOCK, *self.root.glob(f"{names.TRY}/*")]
        own += self.root.glob(f"{names.TRY}/*/{names.CHECKPOINT}")
        for folder in (self.root, *self.root.glob(f"{names.TRY}/*")):
            own += (folder / names.CHECKPOINT).glob(f"{names.MEMBER}*")
        for path in [*own, *self.root.glob(f"{names.STAGING}*")]:
            if path.is_symlink():
                raise UsageError(
                    f"{path} is a link; a run is written in its own folders only",
                    "copy what it points to, or use another run",
                )

    def stage(self, step: str) -> Path:
        """An empty folder for the new files of a step."""
        folder = self.root / f"{names.STAGING}{step}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def finish(
        self,
        step: str,
        *,
        asked: dict[str, Any],
        settings: dict[str, Any],
        reads: dict[str, str],
        seconds: float,
        facts: dict[str, Any] | None = None,
        rows: manifest.RowsSeen | None = None,
        status: manifest.Status = "finished",
    ) -> None:
        """Enter a staged step, so that later steps read it and ``commit`` puts it in place."""
        folder = self.root / f"{names.STAGING}{step}"
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        writes = {f"{step}/{f.relative_to(folder).as_posix()}": hashing.record(f) for f in files}
        before = self.run.entry(step)
        self.run.manifest.entries(step)[step] = manifest.Entry(
            settings=settings,
            asked=asked,
            reads=reads,
            writes=writes,
            facts=facts or {},
            rows=rows,
            status=status,
            replacing=sorted(set(before.writes) - set(writes)) if before else [],
            seconds=round(seconds, 3),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=versions(),
        )

    def touch(self, steps: list[str]) -> None:
        """Have ``commit`` give these steps' files the present time, so that make is content."""
        self._touched |= set(steps)

    def commit(self) -> None:
        """Put all staged steps in place together; all that was made or touched gets one time."""
        marked = self.run.manifest.marked()
        now = time.time_ns()
        for step in self._touched.union(marked):
            self._set_time(step, now)
        self._touched = set()
        self._is_moving = bool(marked)
        manifest.save(self.root, self.run.manifest)
        self._move(marked)

    def _set_time(self, step: str, time_ns: int) -> None:
        entry = self.run.manifest.entries(step)[step]
        for artifact, known in entry.writes.items():
            path = self.run.path(artifact)
            hashing.set_time(path, time_ns)
            entry.writes[artifact] = hashing.record(path, known.sha256)

    def _move(self, marked: list[str]) -> None:
        """Move the files of marked steps into place; the part that a repair does again."""
        for step in marked:
            entry = self.run.manifest.entries(step)[step]
            (self.root / step).mkdir(parents=True, exist_ok=True)
            for artifact in entry.writes:
                staged = self.root / f"{names.STAGING}{artifact}"
                if staged.exists():
                    os.replace(staged, self.root / artifact)
            for artifact in entry.replacing or ():
                (self.root / artifact).unlink(missing_ok=True)
        for step in marked:
            self.run.manifest.entries(step)[step].replacing = None
        if marked and not self._recipe_at_end:
            self.write_recipe()
        manifest.save(self.root, self.run.manifest)
        self._is_moving = False
        self._clear_staging()

    def _repair(self) -> None:
        """Finish what a killed command had marked, and drop what it had only begun."""
        marked = self.run.manifest.marked()
        self._is_moving = bool(marked)
        if marked:
            self._move(marked)
        else:
            self._clear_staging()
            if not (self.root / names.RECIPE).exists():
                self.write_recipe()

    def write_recipe(self) -> None:
        """Bring recipe.toml up to date with the manifest."""
        steps = self.run.manifest.steps
        if not steps:
            return
        path = self.root / names.RECIPE
        content = recipe.dumps({s: steps[s].settings for s in names.ORDER if s in steps}).encode()
        if not path.exists() or path.read_bytes() != content:
            manifest.write_atomically(path, content)

    def _clear_staging(self) -> None:
        for left in self.root.glob(f"{names.STAGING}*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """The versions that shape results: this program's, Python's and the libraries' in use."""
    import platform
    import sys

    from nntool import __version__

    found = {"nntool": __version__, "python": platform.python_version()}
    for module in ("numpy", "pyarrow", "sklearn"):
        if module in sys.modules:
            found[module] = str(sys.modules[module].__version__)
    return found | _blas()


def _blas() -> dict[str, str]:
    """The library of the matrix products and its kernel, on which bytes hang."""
    import sys

    if "threadpoolctl" not in sys.modules:
        return {}
    found = sys.modules["threadpoolctl"].threadpool_info()
    libraries = [pool for pool in found if pool["user_api"] == "blas"]
    words = ("internal_api", "version", "architecture")
    named = {" ".join(str(pool.get(word, "")) for word in words) for pool in libraries}
    return {"blas": ", ".join(sorted(named))} if named else {}
