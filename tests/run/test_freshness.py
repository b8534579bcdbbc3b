"""Same request or not; what stale means along the graph."""

from pathlib import Path

from nntool.run import freshness
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings.model import plain
from nntool.settings.train import TrainSettings


def enter(session: Session, step: str, files: dict[str, str], **entry: object) -> None:
    folder = session.stage(step)
    for name, content in files.items():
        (folder / name).write_text(content)
    values = {"asked": {}, "settings": {}, "reads": freshness.inputs(session.run, step)} | entry
    session.finish(step, seconds=0, **values)


CLEAN = {"asked": {"target": "y"}, "settings": {"target": "y", "task": "binary"}}
CLEAN_FILES = {"table.parquet": "t", "left_out.npy": "l", "state.json": "s"}
FACTS = {"facts": {"target": "y", "task": "binary"}}


def chain(root: Path) -> None:
    with Session(root, create=True) as session:
        enter(session, "collect", {"table.parquet": "rows"})
        enter(session, "clean", CLEAN_FILES, **CLEAN)
        enter(session, "transform", {"numeric.npy": "n", "target.npy": "y", "state.json": "s"})
        session.commit()


def states(root: Path) -> dict[str, str]:
    run = Run(root)
    return {s: freshness.state(run, s).word for s in ("collect", "split", "clean", "transform")}


def test_a_chain_is_fresh_after_its_commands(tmp_path: Path) -> None:
    chain(tmp_path)
    assert states(tmp_path) == {
        "collect": "fresh", "split": "missing", "clean": "fresh", "transform": "fresh",
    }  # fmt: skip


def test_a_split_makes_what_was_learned_from_all_rows_stale_until_it_is_refitted(
    tmp_path: Path,
) -> None:
    chain(tmp_path)
    with Session(tmp_path) as session:
        enter(session, "split", {"rows.npy": "r"}, **FACTS)
        session.commit()
    assert states(tmp_path)["clean"] == "stale"
    with Session(tmp_path) as session:
        enter(session, "clean", CLEAN_FILES, **CLEAN)
        session.commit()
    assert states(tmp_path) == {
        "collect": "fresh", "split": "fresh", "clean": "fresh", "transform": "stale",
    }  # fmt: skip


def test_new_rows_make_all_later_steps_stale(tmp_path: Path) -> None:
    chain(tmp_path)
    with Session(tmp_path) as session:
        enter(session, "collect", {"table.parquet": "other rows"})
        session.commit()
    assert states(tmp_path)["clean"] == states(tmp_path)["transform"] == "stale"


def test_a_split_for_another_target_is_stale_and_not_used(tmp_path: Path) -> None:
    chain(tmp_path)
    with Session(tmp_path) as session:
        enter(session, "split", {"rows.npy": "r"}, facts={"target": "z", "task": "binary"})
        session.commit()
    assert states(tmp_path)["split"] == "stale"
    assert states(tmp_path)["clean"] == "fresh"


def test_a_request_is_the_same_as_asked_or_as_resolved(tmp_path: Path) -> None:
    with Session(tmp_path, create=True) as session:
        enter(
            session,
            "collect",
            {"table.parquet": "rows"},
            asked={"delimiter": "auto", "skip_rows": 0},
            settings={"delimiter": ";", "skip_rows": 0},
        )
        session.commit()
    run = Run(tmp_path)
    assert freshness.is_same_request(run, "collect", {"delimiter": "auto", "skip_rows": 0})
    assert freshness.is_same_request(run, "collect", {"delimiter": ";", "skip_rows": 0})
    assert not freshness.is_same_request(run, "collect", {"delimiter": ",", "skip_rows": 0})
    assert not freshness.is_same_request(run, "collect", {"delimiter": ";"})


def test_what_an_older_program_did_not_know_is_as_it_would_be_by_default(tmp_path: Path) -> None:
    asked = plain(TrainSettings(epochs=5))
    of_before = {name: value for name, value in asked.items() if name not in ("bias", "ensemble")}
    with Session(tmp_path, create=True) as session:
        for step in ("train", "try/sgd"):
            enter(session, step, {"model.json": "m"}, asked=of_before, settings=of_before)
        session.commit()
    run = Run(tmp_path)
    for step in ("train", "try/sgd"):
        entry = run.entry(step)
        assert entry is not None
        assert freshness.is_same_request(run, step, asked)
        assert freshness.differences(step, entry, asked | {"bias": False}) == ["bias"]
