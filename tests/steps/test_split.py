"""``split`` by commands: first or last gives the same, and nothing is learned beyond training."""

import io

import numpy as np
import pytest

PREPARE = ("transform", "select-features")


@pytest.fixture
def by_commands(ok, tmp_path, source):
    """Make a run with ``split`` at a place in the order of commands."""

    def make(name, place, *, target="churned", options=(), data=source):
        root = tmp_path / name
        commands = {
            "clean": ["clean", root, "--target", target],
            "transform": ["transform", root],
            "select-features": ["select-features", root],
        }
        split = ["split", root, *options]
        ok("collect", root, data)
        if place == 0:
            split += ["--target", target]
        for i, words in enumerate(commands.values()):
            if i == place:
                ok(*split)
            ok(*words)
        if place == len(commands):
            ok(*split)
        return root

    return make


def without(found, *names):
    return {name: content for name, content in found.items() if name not in names}


@pytest.mark.parametrize("target", ["churned", "plan", "income"])
@pytest.mark.parametrize("place", [1, 2, 3])
def test_split_at_any_place_gives_the_same_artifacts(by_commands, results, target, place):
    """Only what was asked differs: the first split must be told its target."""
    first = results(by_commands("first", 0, target=target))
    other = results(by_commands("other", place, target=target))
    assert without(other, "recipe.toml") == without(first, "recipe.toml")


def test_in_the_usual_order_split_fits_again_on_the_training_rows(nntool, ok, tmp_path, source):
    root = tmp_path / "new"
    ok("clean", root, source, "--target", "churned")
    for step in PREPARE:
        ok(step, root)
    before = nntool("status", root, "--json").json["steps"]
    assert {before[s]["rows"]["part"] for s in ("clean", *PREPARE)} == {"all"}
    assert {before[s]["rows"]["count"] for s in ("clean", *PREPARE)} == {60}
    said = ok("split", root)
    assert (
        "nntool split: fitted again on training rows only: clean (42 rows), transform (42 rows),"
        " select-features (42 rows)"
    ) in said.err.splitlines()
    after = nntool("status", root, "--json").json["steps"]
    assert {after[s]["rows"]["part"] for s in ("clean", *PREPARE)} == {"train"}
    assert {after[s]["rows"]["count"] for s in ("clean", *PREPARE)} == {42}


def test_a_refit_repeats_the_settings_that_the_steps_had(ok, nntool, tmp_path, source):
    root = tmp_path / "new"
    ok("clean", root, source, "--target", "churned", "--roles", "visits=ignored")
    ok("transform", root, "--scale", "minmax")
    ok("select-features", root, "--top", "2")
    ok("split", root)
    shown = nntool("show", root, "transform/state.json").text
    assert "minmax" in shown
    assert "visits" not in shown
    kept = {
        row["feature"] for row in ok("show", root, "select-features").rows if row["kept"] == "True"
    }
    assert len(kept) == 2


def test_a_split_first_needs_its_target(nntool, ok, tmp_path, source):
    ok("collect", tmp_path / "new", source)
    said = nntool("split", tmp_path / "new")
    assert (said.code, said.first) == (2, "nntool split: split needs --target: clean has not run")
    assert said.hint == f"nntool split {tmp_path / 'new'} --target NAME"


def test_a_clean_that_contradicts_the_split_before_it_is_refused(nntool, ok, tmp_path, source):
    root = tmp_path / "new"
    ok("collect", root, source)
    ok("split", root, "--target", "churned")
    said = nntool("clean", root, "--target", "plan")
    assert said.code == 2
    assert said.first == (
        "nntool clean: split was made for 'churned' (binary), not for 'plan' (multiclass)"
    )
    assert nntool("clean", root, "--target", "churned").code == 0


def test_a_split_that_contradicts_the_clean_before_it_is_refused(nntool, ok, tmp_path, source):
    root = tmp_path / "new"
    ok("clean", root, source, "--target", "churned")
    said = nntool("split", root, "--target", "plan")
    assert (said.code, said.first) == (
        2,
        "nntool split: clean has the target 'churned', not 'plan'",
    )
    said = nntool("split", root, "--task", "multiclass")
    assert (said.code, said.first) == (
        2, "nntool split: clean has the task binary, not multiclass",
    )  # fmt: skip
    assert nntool("split", root, "--target", "@-1", "--task", "binary").code == 0


def test_another_target_makes_the_split_that_took_it_from_clean_stale(nntool, run):
    assert nntool("clean", run, "--target", "plan").code == 0
    states = nntool("status", run, "--json").json["steps"]
    assert (states["split"]["state"], states["split"]["reason"]) == (
        "stale", "clean has another target or task",
    )  # fmt: skip
    assert nntool("train", run).code == 4


def parts_of(nntool, root):
    return [int(line) for line in nntool("show", root, "split").text.split()[1:]]


def test_parts_have_the_sizes_that_were_asked_for_and_classes_in_all(nntool, ok, run):
    parts = np.array(parts_of(nntool, run))
    assert np.bincount(parts + 1, minlength=4).tolist() == [0, 42, 9, 9]
    churned = np.array([row["churned"] == "yes" for row in nntool("show", run, "clean").rows])
    share = churned.mean()
    for part in (0, 1, 2):
        of_part = churned[parts == part]
        assert abs(of_part.sum() - share * of_part.size) < 1


@pytest.mark.parametrize(
    ("shares", "sizes"),
    [
        ((0.5, 0.25, 0.25), [0, 30, 15, 15]),
        ((0.8, 0, 0.2), [0, 48, 0, 12]),
        ((1, 0, 0), [0, 60, 0, 0]),
        ((0.5, 0, 0.25), [15, 30, 0, 15]),
    ],
)
def test_any_share_may_be_0_and_what_is_left_over_is_in_no_part(nntool, ok, run, shares, sizes):
    ok("split", run, "--train", shares[0], "--validation", shares[1], "--test", shares[2])
    assert np.bincount(np.array(parts_of(nntool, run)) + 1, minlength=4).tolist() == sizes


def test_the_seed_alone_deals_other_rows(nntool, ok, run):
    before = parts_of(nntool, run)
    ok("split", run, "--seed", "1")
    other = parts_of(nntool, run)
    assert other != before
    ok("split", run, "--seed", "0")
    assert parts_of(nntool, run) == before


def test_equal_rows_are_never_in_two_parts(nntool, ok, tmp_path, table, write):
    rows = [*table[1:], *table[1:], *table[1:31]]
    root = tmp_path / "new"
    ok("clean", root, write("in.csv", [table[0], *rows]), "--target", "churned")
    ok("split", root)
    of_row = {}
    for row, part in zip(rows, parts_of(nntool, root), strict=True):
        of_row.setdefault(row[0], set()).add(part)
    assert len(of_row) == 60
    assert all(len(parts) == 1 for parts in of_row.values())


# Nothing is learned from rows that are not of training

STATES = (
    "clean/state.json",
    "transform/state.json",
    "transform/state.npz",
    "select-features/columns.json",
    "select-features/report.json",
    "train/model.json",
    "train/model.npz",
)


def changed_outside_training(root, rng):
    """Give feature cells of rows outside training other content, in the collected table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = root / "collect/table.parquet"
    table = pq.read_table(path)
    outside = np.flatnonzero(np.load(root / "split/rows.npy") != 0)
    odd = ["", "NA", "-1e9", "1e12", "never seen", "2031-02-03", "0000", "yes"]
    columns = {}
    for name in table.column_names:
        cells = table.column(name).to_pylist()
        if name != "churned":
            for row in outside:
                cells[row] = str(rng.choice(odd))
        columns[name] = pa.array(cells, pa.string())
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize("seed", range(4))
def test_cells_outside_training_change_no_state(ok, run, seed, content):
    """Feature cells of validation and test rows are changed, the split stays: every state stays.

    Early stopping sees validation rows, so training is held to its last epoch.
    """
    from nntool.run import hashing
    from nntool.run.directory import Run
    from nntool.run.manifest import save

    settings = ["--epochs", "2", "--hidden", "4", "--monitor", "train-loss"]
    options = {
        "transform": ["--encode", "embedding"] if seed % 2 else [],
        "select-features": ["--top", "3"],
        "train": settings,
    }
    steps = ("transform", "select-features", "train")
    for step in steps:
        ok(step, run, *options.get(step, []), "--force")
    before = content(run)
    (run / "collect/table.parquet").write_bytes(
        changed_outside_training(run, np.random.default_rng(seed))
    )
    opened = Run(run)
    record = hashing.record(run / "collect/table.parquet")
    opened.manifest.steps["collect"].writes["collect/table.parquet"] = record
    opened.manifest.steps["split"].reads["collect/table.parquet"] = record.sha256
    save(run, opened.manifest)
    ok("clean", run, "--target", "churned")
    for step in steps:
        ok(step, run, *options.get(step, []), "--force")
    after = content(run)
    assert after["collect/table.parquet"] != before["collect/table.parquet"]
    assert after["transform/numeric.npy"] != before["transform/numeric.npy"]
    states = [name for name in STATES if name in before]
    assert len(states) >= 5
    for name in states:
        if name == "train/model.json":
            continue  # it tells the validation loss too
        if name == "train/model.npz":  # the scores are of calibration rows
            for vector in ("theta", "stats"):
                of = [np.load(io.BytesIO(c[name]))[vector].tobytes() for c in (before, after)]
                assert of[0] == of[1], vector
            continue
        assert after[name] == before[name], name
    inside = np.load(run / "split/rows.npy") == 0
    assert (
        np.load(io.BytesIO(after["transform/numeric.npy"]))[inside].tobytes()
        == np.load(io.BytesIO(before["transform/numeric.npy"]))[inside].tobytes()
    )


def test_training_refuses_states_that_saw_other_rows(nntool, ok, run):
    """A manifest that says so much is not believed where the rows are others."""
    from nntool.run.directory import Run
    from nntool.run.manifest import RowsSeen, save

    opened = Run(run)
    entry = opened.manifest.steps["transform"]
    entry.rows = RowsSeen(part="train", count=42, sha256="0" * 64)
    save(run, opened.manifest)
    said = nntool("train", run, "--epochs", "2")
    assert said.code == 4
    assert (
        said.first == "nntool train: transform did not learn from the training rows of this split"
    )
    assert nntool("evaluate", run).code == 4
