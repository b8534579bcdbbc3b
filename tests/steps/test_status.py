"""``status`` and freshness: what is stale is said with the command that mends it."""

import shutil

import pytest

STEPS = ("collect", "clean", "transform", "select-features", "split", "train", "evaluate")


@pytest.fixture
def odd_run(ok, tmp_path, source):
    """A run none of whose steps has its default settings, in a folder whose name has a blank."""
    root = tmp_path / "my run"
    ok("clean", root, source, "--target", "visits", "--task", "regression", "--skip-rows", "0",
       "--roles", "customer=ignored", "--missing-values", "NA")  # fmt: skip
    ok("transform", root, "--scale", "robust")
    ok("select-features", root, "--top", "4")
    ok("split", root, "--train", "0.8", "--validation", "0.1", "--test", "0.1", "--seed", "5")
    ok("train", root, "--epochs", "2", "--hidden", "4", "--optimizer", "momentum:mu=0.5")
    ok("evaluate", root, "--part", "validation", "--no-baseline")
    return root


def test_status_shows_state_and_learned_rows_of_every_step(nntool, run):
    said = nntool("status", run)
    assert (said.code, said.err) == (0, "")
    table = {line.split()[0]: line for line in said.text.splitlines()[1:]}
    assert tuple(table) == STEPS
    assert all(line.split()[1] == "fresh" for line in table.values())
    for step in ("clean", "transform", "select-features"):
        assert "42 rows of train" in table[step]


def test_status_writes_nothing(nntool, run, content):
    (run / "train/model.npz").unlink()
    before = content(run)
    times = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    nntool("status", run)
    nntool("status", run, "--check")
    assert content(run) == before
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == times


def test_check_exits_0_when_all_is_fresh_and_4_when_something_is_not(nntool, run):
    assert nntool("status", run, "--check").code == 0
    (run / "split/rows.npy").write_bytes(b"")
    said = nntool("status", run, "--check")
    assert said.code == 4
    table = {line.split()[0]: line for line in said.text.splitlines()[1:]}
    assert "split/rows.npy was changed" in table["split"]
    assert table["train"].split()[1] == "stale"
    assert table["collect"].split()[1] == "fresh"
    assert nntool("status", run).code == 0


def test_check_exits_4_when_a_step_is_missing(nntool, ok, tmp_path, source):
    ok("clean", tmp_path / "new", source, "--target", "churned")
    said = nntool("status", tmp_path / "new", "--check")
    assert said.code == 4
    assert said.hint.startswith("nntool transform ")


@pytest.mark.parametrize("step", STEPS)
def test_what_status_says_to_type_brings_every_result_back(
    typed, nntool, odd_run, results, step, monkeypatch
):
    """Each hint, typed as it stands, until all is fresh: the same bytes as before the loss."""
    before = results(odd_run)
    shutil.rmtree(odd_run / step)
    for _ in range(len(STEPS)):
        said = nntool("status", odd_run, "--check")
        if said.code == 0:
            break
        assert typed(said.hint).code == 0, said.hint
    assert nntool("status", odd_run, "--check").code == 0
    assert results(odd_run) == before


@pytest.mark.parametrize(
    ("lost", "command"),
    [
        ("collect/table.parquet", "transform"),
        ("clean/state.json", "transform"),
        ("transform/numeric.npy", "train"),
        ("select-features/columns.json", "train"),
        ("split/rows.npy", "train"),
        ("train/model.npz", "evaluate"),
        ("train/model.npz", "predict"),
    ],
)
def test_a_step_that_needs_a_lost_file_names_the_command_that_makes_it(
    typed, nntool, odd_run, results, source, lost, command
):
    before = results(odd_run)
    (odd_run / lost).unlink()
    words = [command, odd_run, *([source] if command == "predict" else [])]
    for _ in range(len(STEPS)):
        said = nntool(*words)
        if said.code == 0:
            break
        assert said.code == 4, said
        mended = typed(said.hint)
        assert mended.code == 0, (said.hint, mended)
    assert said.code == 0
    if command != "transform":  # which was asked for with its defaults
        for name in ("clean/state.json", "transform/state.json", "split/rows.npy", lost):
            assert (odd_run / name).read_bytes() == before[name], name


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_changed_artifact_is_never_read(nntool, run, step):
    """A byte is changed behind the program's back: whatever reads it is refused."""
    files = {
        "clean": "clean/table.parquet",
        "transform": "transform/numeric.npy",
        "select-features": "select-features/columns.json",
        "split": "split/rows.npy",
        "train": "train/model.npz",
        "evaluate": "evaluate/metrics.json",
    }
    path = run / files[step]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    states = nntool("status", run, "--json").json["steps"]
    assert states[step]["state"] == "stale"
    assert states[step]["reason"] == f"{files[step]} was changed"
    if step != "evaluate":
        assert nntool("evaluate", run).code == 4


def test_changed_settings_upstream_make_what_follows_stale(nntool, ok, run):
    ok("transform", run, "--scale", "robust")
    states = nntool("status", run, "--json").json["steps"]
    assert {step: states[step]["state"] for step in STEPS} == {
        "collect": "fresh", "clean": "fresh", "transform": "fresh", "select-features": "stale",
        "split": "fresh", "train": "stale", "evaluate": "stale",
    }  # fmt: skip
    assert nntool("predict", run, "-", stdin=b"").code == 4


def test_asking_for_what_was_found_is_the_same_request(ok, run, source):
    """'auto' and what it came to; a position and the name that stands there."""
    found = ok("collect", run, source, "--delimiter", ",", "--json").json
    assert found["fresh"] is True
    assert ok("clean", run, "--target", "churned", "--task", "binary", "--json").json["fresh"] is (
        True
    )
    assert ok("split", run, "--method", "stratified", "--json").json["fresh"] is True
    words = ["--epochs", "3", "--hidden", "8", "--learning-rate", "0.001", "--loss", "bce"]
    assert ok("train", run, *words, "--json").json["fresh"] is True


def test_what_is_no_setting_changes_nothing(ok, run):
    words = ["--epochs", "3", "--hidden", "8", "--quiet", "--threads", "1", "--json"]
    assert ok("train", run, *words).json["fresh"] is True


def test_an_option_not_given_has_its_default_not_the_value_of_an_earlier_call(ok, run):
    ok("transform", run, "--scale", "robust")
    said = ok("transform", run)
    assert (
        "nntool transform: replaces results of other settings: scale was robust, is standard"
        in (said.err.splitlines())
    )


def test_a_newer_format_is_refused(nntool, run):
    text = (run / "run.json").read_text().replace('"format": 1', '"format": 2')
    (run / "run.json").write_text(text)
    for words in (["status", run], ["train", run], ["predict", run, "-"], ["run", run]):
        said = nntool(*words)
        assert said.code == 4
        assert "has format 2; this program reads up to 1" in said.message


def test_a_folder_without_a_manifest_is_no_run(nntool, tmp_path):
    for words in (["status", tmp_path], ["train", tmp_path], ["show", tmp_path, "clean"]):
        said = nntool(*words)
        assert said.code == 4
        assert said.first.endswith(f"{tmp_path} is not a run directory: it has no run.json")
    assert list(tmp_path.iterdir()) == []
