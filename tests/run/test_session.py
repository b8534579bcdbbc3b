"""Writing in a run directory: whole results or none, one writer, repairs after a kill."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nntool.errors import DataError, MachineError, StaleError, UsageError
from nntool.run import freshness, manifest, names
from nntool.run.directory import Run
from nntool.run.session import Session

SETTINGS = {"source": ["a.csv"]}


def write_collect(session: Session, content: str, extra: str | None = None) -> None:
    folder = session.stage("collect")
    (folder / "table.parquet").write_text(content)
    (folder / "sources.json").write_text("{}")
    if extra:
        (folder / extra).write_text("extra")
    session.finish("collect", asked=SETTINGS, settings=SETTINGS, reads={}, seconds=0.1)


def test_a_committed_step_is_in_place_and_fresh(tmp_path: Path) -> None:
    with Session(tmp_path / "run", create=True) as session:
        write_collect(session, "one")
        session.commit()
    run = Run.existing(tmp_path / "run")
    assert run.checked(names.COLLECT_TABLE).read_text() == "one"
    assert freshness.state(run, "collect").is_fresh
    assert not list((tmp_path / "run").glob(".new-*"))


def test_all_files_of_a_command_get_one_modification_time(tmp_path: Path) -> None:
    with Session(tmp_path / "run", create=True) as session:
        write_collect(session, "one", extra="more.txt")
        session.commit()
    times = {path.stat().st_mtime_ns for path in (tmp_path / "run" / "collect").iterdir()}
    assert len(times) == 1


def test_an_error_before_the_commit_leaves_the_old_state(tmp_path: Path) -> None:
    root = tmp_path / "run"
    with Session(root, create=True) as session:
        write_collect(session, "old")
        session.commit()
    before = (root / "run.json").read_bytes()
    with pytest.raises(RuntimeError), Session(root) as session:
        write_collect(session, "new")
        raise RuntimeError
    assert (root / "run.json").read_bytes() == before
    assert (root / "collect/table.parquet").read_text() == "old"
    assert not list(root.glob(".new-*"))


def test_a_failed_first_command_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Session(tmp_path / "typo", create=True):
        raise RuntimeError
    assert not (tmp_path / "typo").exists()


def test_a_command_that_needs_a_run_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StaleError, match="not a run directory"), Session(tmp_path / "typo"):
        pass
    assert not (tmp_path / "typo").exists()


def write_try(session: Session, content: str) -> None:
    folder = session.stage("try/adam")
    (folder / "model.json").write_text(content)
    (folder / "model.npz").write_text(content)
    session.finish("try/adam", asked={}, settings={}, reads={}, seconds=0.1)


@pytest.mark.parametrize("moved_before_the_kill", [0, 1, 2])
def test_a_kill_while_files_are_moved_is_read_and_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved_before_the_kill: int
) -> None:
    """A reader sees the new state at once; the next writer finishes the moves."""
    root = tmp_path / "run"
    with Session(root, create=True) as session:
        write_collect(session, "old", extra="dropped.txt")
        session.commit()
    moves = iter(range(10))
    replace = os.replace

    def killed(source: str, target: Path) -> None:
        is_a_move = Path(source).name in ("table.parquet", "sources.json")
        if is_a_move and next(moves) == moved_before_the_kill:
            raise SystemExit  # what a kill does: nothing after it runs
        replace(source, target)

    monkeypatch.setattr(Session, "_clear_staging", lambda self: None)
    monkeypatch.setattr(Session, "__exit__", lambda self, *_: self._lock.release())
    monkeypatch.setattr(os, "replace", killed)
    try:
        with Session(root) as session:
            write_collect(session, "new")
            session.commit()
    except SystemExit:
        pass
    monkeypatch.undo()
    run = Run.existing(root)
    assert run.checked(names.COLLECT_TABLE).read_text() == "new"
    with Session(root):
        pass
    run = Run.existing(root)
    assert run.entry("collect").replacing is None
    assert (root / "collect/table.parquet").read_text() == "new"
    assert not (root / "collect/dropped.txt").exists()
    assert not list(root.glob(".new-*"))


@pytest.mark.parametrize("moved_before_the_kill", [0, 1, 2])
def test_a_try_survives_a_kill_as_a_step_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved_before_the_kill: int
) -> None:
    with Session(tmp_path, create=True) as session:
        write_collect(session, "rows")
        write_try(session, "old")
        session.commit()
    moves = iter(range(10))
    replace = os.replace

    def killed(source: str, target: Path) -> None:
        if ".new-try" in str(source) and next(moves) == moved_before_the_kill:
            raise SystemExit
        replace(source, target)

    monkeypatch.setattr(Session, "_clear_staging", lambda self: None)
    monkeypatch.setattr(Session, "__exit__", lambda self, *_: self._lock.release())
    monkeypatch.setattr(os, "replace", killed)
    try:
        with Session(tmp_path) as session:
            write_try(session, "new")
            session.commit()
    except SystemExit:
        pass
    monkeypatch.undo()
    files = ["try/adam/model.json", "try/adam/model.npz"]
    run = Run.existing(tmp_path)
    assert run.tries() == ["try/adam"]
    assert [run.checked(file).read_text() for file in files] == ["new", "new"]
    with Session(tmp_path):
        pass
    assert Run.existing(tmp_path).entry("try/adam").replacing is None
    assert [(tmp_path / file).read_text() for file in files] == ["new", "new"]
    assert not list(tmp_path.glob(".new-*"))


@pytest.mark.parametrize(
    ("name", "artifact"),
    [
        ("try/adam", "try/../model.npz"),
        ("try/adam", "train/model.npz"),
        ("try/adam", "try/sgd/model.npz"),
        ("try/adam", "try/adam"),
        ("try/..", "try/../model.npz"),
        ("try/a/b", "try/a/b/model.npz"),
        ("try/", "try//model.npz"),
        ("train", "train/model.npz"),
    ],
)
def test_a_manifest_cannot_point_outside_its_try(tmp_path: Path, name: str, artifact: str) -> None:
    with Session(tmp_path, create=True) as session:
        write_try(session, "x")
        session.commit()
        entry = session.run.manifest.tries.pop("try/adam")
        entry.writes = {artifact: entry.writes["try/adam/model.npz"]}
        session.run.manifest.tries[name] = entry
        manifest.save(tmp_path, session.run.manifest)
    with pytest.raises(DataError, match=r"is no artifact of|in the wrong place"):
        Run(tmp_path)


def test_a_folder_of_a_run_is_no_run(tmp_path: Path) -> None:
    with Session(tmp_path / "run", create=True) as session:
        write_try(session, "x")
        session.commit()
    for folder in ("train", "try", "try/adam", "try/new", "checkpoint"):
        with pytest.raises(UsageError, match="belongs to the run"):
            with Session(tmp_path / "run" / folder, create=True):
                pass


def test_a_second_writer_is_told_at_once_who_holds_the_lock(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom nntool.run.session import Session\n"
        f"with Session({str(tmp_path / 'run')!r}, create=True):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(MachineError, match=f"in use by process {holder.pid}$"):
            with Session(tmp_path / "run", create=True):
                pass
        holder.communicate("")


def test_a_newer_format_is_refused_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"format": 99, "steps": {"collect": {"new": 1}}}')
    with pytest.raises(StaleError, match="has format 99; this program reads up to 1"):
        Run(tmp_path)


@pytest.mark.parametrize(
    "artifact", ["../secret", "collect/../../x", "clean/table.parquet", "/etc"]
)
def test_a_manifest_cannot_point_outside_its_step(tmp_path: Path, artifact: str) -> None:
    with Session(tmp_path, create=True) as session:
        write_collect(session, "x")
        session.commit()
        entry = session.run.manifest.steps["collect"]
        entry.writes[artifact] = entry.writes.pop(names.COLLECT_TABLE)
        manifest.save(tmp_path, session.run.manifest)
    with pytest.raises(DataError, match="is no artifact of collect"):
        Run(tmp_path)


def test_a_changed_or_deleted_file_makes_its_step_stale(tmp_path: Path) -> None:
    with Session(tmp_path, create=True) as session:
        write_collect(session, "x")
        session.commit()
    (tmp_path / "collect/table.parquet").write_text("y")
    assert freshness.state(Run(tmp_path), "collect") == (
        "stale",
        f"{names.COLLECT_TABLE} was changed",
    )
    (tmp_path / "collect/table.parquet").unlink()
    assert freshness.state(Run(tmp_path), "collect") == (
        "stale",
        f"{names.COLLECT_TABLE} is missing",
    )
    with pytest.raises(StaleError, match="is missing"):
        Run(tmp_path).checked(names.COLLECT_TABLE)


def test_a_moved_copy_with_other_times_is_still_fresh(tmp_path: Path) -> None:
    with Session(tmp_path / "a", create=True) as session:
        write_collect(session, "x")
        session.commit()
    (tmp_path / "a").rename(tmp_path / "b")
    os.utime(tmp_path / "b/collect/table.parquet", ns=(1, 1))
    assert freshness.state(Run(tmp_path / "b"), "collect").is_fresh


def test_touch_gives_files_the_present_time_and_keeps_them_fresh(tmp_path: Path) -> None:
    with Session(tmp_path, create=True) as session:
        write_collect(session, "x")
        session.commit()
        before = (tmp_path / "collect/table.parquet").stat().st_mtime_ns
        session.touch(["collect"])
        session.commit()
    assert (tmp_path / "collect/table.parquet").stat().st_mtime_ns > before
    run = Run(tmp_path)
    known = run.entry("collect").writes[names.COLLECT_TABLE]
    assert known.mtime_ns == (tmp_path / "collect/table.parquet").stat().st_mtime_ns


def test_the_recipe_holds_the_resolved_settings(tmp_path: Path) -> None:
    with Session(tmp_path, create=True) as session:
        folder = session.stage("collect")
        (folder / "table.parquet").write_text("x")
        session.finish(
            "collect",
            asked={"source": ["a.csv"], "delimiter": "auto"},
            settings={"source": ["a.csv"], "delimiter": ";"},
            reads={},
            seconds=0,
        )
        session.commit()
    assert (tmp_path / "recipe.toml").read_text() == (
        '[collect]\nsource = [\n    "a.csv",\n]\ndelimiter = ";"\n'
    )


@pytest.mark.parametrize(
    "link",
    ["evaluate", ".new-train", "checkpoint", "try", "try/adam", "try/adam/checkpoint"],
)
def test_nothing_is_written_through_a_link_of_a_stranger(tmp_path: Path, link: str) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    root = tmp_path / "run"
    with Session(root, create=True) as session:
        write_collect(session, "x")
        session.commit()
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).symlink_to(mine)
    with pytest.raises(UsageError, match="is a link"), Session(root):
        pass
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_an_edited_recipe_stays_until_a_run_is_done_with_it(tmp_path: Path) -> None:
    with Session(tmp_path, create=True) as session:
        write_collect(session, "x")
        session.commit()
    (tmp_path / "recipe.toml").write_text("# mine")
    with Session(tmp_path):
        pass
    assert (tmp_path / "recipe.toml").read_text() == "# mine"
    with Session(tmp_path, recipe_at_end=True) as session:
        write_collect(session, "y")
        session.commit()
        assert (tmp_path / "recipe.toml").read_text() == "# mine"
        session.write_recipe()
    assert "[collect]" in (tmp_path / "recipe.toml").read_text()


@pytest.mark.parametrize(
    ("folder", "hint"), [("train", "name "), ("try/adam", "nntool compare "), ("try", "name ")]
)
def test_a_folder_inside_a_run_is_no_run_and_whose_it_is_is_said(
    tmp_path: Path, folder: str, hint: str
) -> None:
    root = tmp_path / "run"
    with Session(root, create=True) as session:
        write_collect(session, "rows")
        session.commit()
    (root / folder).mkdir(parents=True)
    with pytest.raises(StaleError, match=f"it belongs to the run {root}") as error:
        Run.existing(root / folder)
    assert str(error.value.hint).startswith(f"{hint}{root}")
