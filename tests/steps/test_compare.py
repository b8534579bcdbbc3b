"""``compare``: what differs between runs, which is better, and what cannot be said."""

import json
import os
import shutil
import stat

import pytest


def block(text: str, first: str) -> dict[str, list[str]]:
    """The lines of the table with this heading, cells by name; two blanks part cells."""
    [found] = [part for part in text.split("\n\n") if part.startswith(first)]
    lines = [[cell.strip() for cell in line.split("  ") if cell] for line in found.splitlines()]
    return {cells[0]: cells[1:] for cells in lines}


@pytest.fixture
def other(ok, run, tmp_path):
    """A second run of the same split, trained otherwise."""
    root = shutil.copytree(run, tmp_path / "other")
    ok("train", root, "--epochs", "2", "--hidden", "4", "--optimizer", "momentum:mu=0.5")
    ok("evaluate", root)
    return root


@pytest.fixture
def change():
    """Change a JSON file of a run, and its manifest so that nobody notices."""

    def edit(root, artifact, function):
        from nntool.run import hashing, manifest

        path = root / artifact
        content = json.loads(path.read_text())
        function(content)
        path.write_text(json.dumps(content))
        known = manifest.load(root)
        before = known.steps[artifact.partition("/")[0]].writes[artifact].sha256
        record = hashing.record(path)
        for entry in known.steps.values():
            if artifact in entry.writes:
                entry.writes[artifact] = record
            entry.reads = {
                read: record.sha256 if digest == before else digest
                for read, digest in entry.reads.items()
            }
        manifest.save(root, known)

    return edit


def test_settings_that_differ_are_shown_as_toml_and_no_others(ok, run, other):
    table = block(ok("compare", run, other).text, "setting")
    assert table == {
        "setting": ["A run", "B other"],
        "train.hidden": ["[8]", "[4]"],
        "train.optimizer": ['"adam"', '{name = "momentum", mu = 0.5}'],
        "train.learning_rate": ["0.001", "0.01"],
        "train.epochs": ["3", "2"],
    }


def test_json_has_all_of_it(ok, run, other):
    found = ok("compare", run, other, "--json").json
    assert [one["name"] for one in found["runs"]] == ["run", "other"]
    assert {"name": "train.epochs", "values": [3, 2]} in found["settings"]
    optimizer = next(one for one in found["settings"] if one["name"] == "train.optimizer")
    assert optimizer["values"] == ["adam", {"name": "momentum", "mu": 0.5}]
    for i, root in enumerate((run, other)):
        metrics = json.loads((root / "evaluate/metrics.json").read_text())
        model = json.loads((root / "train/model.json").read_text())
        for row in found["scores"]:
            assert row["values"][i] == metrics["network"]["metrics"][row["name"]]
            assert row["intervals"][i] == metrics["confidence"]["metrics"][row["name"]]
        assert len(found["scores"]) == len(metrics["network"]["metrics"])
        shown = found["runs"][i]
        assert shown["best_epoch"] == model["trained"]["best_epoch"]
        lines = (root / "train/history.csv").read_text().splitlines()
        losses = [float(line.split(",")[1]) for line in lines[1:]]
        assert shown["curve"]["train_loss"] == losses
        seconds = (root / "train/timing.csv").read_text().splitlines()[1:]
        assert shown["seconds"] == pytest.approx(sum(float(s.split(",")[1]) for s in seconds))
        validation = {row["name"]: row["values"][i] for row in found["validation"]}
        assert validation["validation_loss"] == model["trained"]["at_best"]["validation_loss"]


def test_the_picture_is_a_result_and_says_whose_curves_it_has(ok, run, other):
    said = ok("compare", run, other)
    assert "validation loss" in said.text
    assert "A run  B other  ◉ several" in said.text


def test_it_writes_nothing_and_needs_no_right_to(ok, run, other, content):
    before = content(run.parent)
    times = {path: path.stat().st_mtime_ns for path in run.parent.rglob("*")}
    for path in [run, *run.rglob("*")]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    ok("compare", run, other)
    for path in [run, *run.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    assert content(run.parent) == before
    assert {path: path.stat().st_mtime_ns for path in run.parent.rglob("*")} == times


def test_it_works_while_another_process_holds_the_run(ok, run, other):
    from filelock import FileLock

    with FileLock(run / ".lock"):
        ok("compare", run, other)


def test_a_difference_beyond_the_intervals_is_marked_and_one_within_is_not(ok, run, other, change):
    def scores(value, low, high):
        def edit(report):
            report["network"]["metrics"]["accuracy"] = value
            report["confidence"]["metrics"]["accuracy"] = [low, high]

        return edit

    change(run, "evaluate/metrics.json", scores(0.9, 0.85, 0.95))
    change(other, "evaluate/metrics.json", scores(0.8, 0.7, 0.89))
    table = block(ok("compare", run, other).text, "9 test rows")
    assert table["accuracy"] == ["0.9 (0.85–0.95) *", "0.8 (0.7–0.89)"]
    change(other, "evaluate/metrics.json", scores(0.8, 0.7, 0.91))
    said = ok("compare", run, other)
    assert block(said.text, "9 test rows")["accuracy"] == ["0.9 (0.85–0.95)", "0.8 (0.7–0.91)"]
    third = shutil.copytree(other, other.with_name("third"))
    change(third, "evaluate/metrics.json", scores(0.1, 0.05, 0.2))
    said = ok("compare", run, other, third)
    cells = block(said.text, "9 test rows")["accuracy"]
    assert cells == ["0.9 (0.85–0.95) ~", "0.8 (0.7–0.91) ~", "0.1 (0.05–0.2)"]
    assert "~ is the best or not told apart" in said.err


def test_lower_losses_are_better(ok, run, other, change):
    def loss(value):
        return lambda model: model["trained"]["at_best"].update(validation_loss=value)

    change(run, "train/model.json", loss(0.5))
    change(other, "train/model.json", loss(0.25))
    table = block(ok("compare", run, other).text, "training")
    assert table["validation loss"] == ["0.5", "0.25 *"]


def test_the_training_loss_is_shown_and_not_judged(ok, run, other):
    losses = block(ok("compare", run, other).text, "training")["train loss"]
    assert len(set(losses)) == 2
    assert "*" not in "".join(losses)


def test_libraries_that_one_command_used_and_another_did_not_are_no_difference(ok, run, other):
    from nntool.run import manifest

    plain = manifest.load(run)
    plain.steps["train"].versions.pop("sklearn", None)  # another test may have loaded it
    manifest.save(run, plain)
    known = manifest.load(other)
    versions = known.steps["train"].versions
    versions |= {"blas": f"{versions['blas']}, another 1.0", "sklearn": "1.9"}
    manifest.save(other, known)
    assert "version" not in ok("compare", run, other).text
    versions["blas"] = "another 1.0"
    manifest.save(other, known)
    assert block(ok("compare", run, other).text, "version")["blas"][1] == "another 1.0"


def test_the_work_of_full_batch_methods_is_added_up(ok, run):
    words = ["--try", "lbfgs:epochs=3", "--try", "sgd:epochs=2"]
    found = ok("compare", run, *words)
    table = block(found.text, "training")
    history = (run / "try/lbfgs-epochs=3/history.csv").read_text().splitlines()
    column = history[0].split(",").index("gradient_evaluations")
    n = sum(int(line.split(",")[column]) for line in history[1:])
    assert n >= 3
    assert table["gradient evaluations"] == ["–", str(n), "–"]


def test_the_networks_of_an_ensemble_are_counted(ok, run, other):
    ok("train", other, "--epochs", "2", "--hidden", "4", "--ensemble", "2")
    said = ok("compare", run, other)
    assert block(said.text, "training")["parameters"][1].startswith("2 × ")
    assert "its curve is the mean of 2 networks" in said.err


def test_the_curve_of_snapshots_is_that_of_their_one_training(ok, run, other):
    ok("train", other, "--snapshots", "2", "--epochs", "4", "--hidden", "4")
    said = ok("compare", run, other)
    assert block(said.text, "training")["parameters"][1].startswith("2 × ")
    assert "mean of" not in said.err


def test_a_run_without_scores_is_shown_by_its_training_and_the_command_is_named(
    ok, typed, run, other
):
    ok("train", other, "--epochs", "3")
    said = ok("compare", run, other)
    assert block(said.text, "9 test rows")["9 test rows"] == ["A run"]
    assert len(block(said.text, "training")["validation loss"]) == 2
    [note] = [line for line in said.err.splitlines() if "no scores of B other" in line]
    assert "evaluate is stale: train/model.json has changed" in note
    typed(note.rpartition("(")[2].removesuffix(")"))
    assert len(block(ok("compare", run, other).text, "9 test rows")["accuracy"]) == 2


def test_losses_of_different_kinds_are_not_compared(ok, run, other):
    ok("train", other, "--loss", "hinge", "--epochs", "2")
    said = ok("compare", run, other)
    assert "losses are not compared: train.loss is not the same" in said.err
    assert "*" not in "".join(block(said.text, "training")["validation loss"])


def test_rows_dealt_otherwise_are_not_compared(ok, run, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    ok("split", other, "--seed", "9")
    ok("train", other, "--epochs", "2")
    ok("evaluate", other)
    said = ok("compare", run, other)
    assert "scores are not compared: their rows were dealt otherwise" in said.err
    assert "validation figures are not compared" in said.err
    assert "*" not in said.text
    assert "~" not in said.text
    assert block(said.text, "setting")["split.seed"] == ["0", "9"]
    first, second = block(said.text, "data")["split"]
    assert first != second


def test_validation_rows_of_other_seeds_are_not_compared(ok, run, other):
    """Half of the validation rows, drawn by the seed, do not stop the training."""
    words = ["--epochs", "2", "--hidden", "4"]
    ok("train", other, *words, "--seed", "1")
    said = ok("compare", run, other)
    assert "validation figures are not compared: by other seeds" in said.err
    assert "*" not in "".join(block(said.text, "training")["validation loss"])
    for root, seed in ((run, "0"), (other, "1")):
        ok("train", root, *words, "--seed", seed, "--calibration", "0")
    said = ok("compare", run, other)
    assert "not compared" not in said.err
    assert "*" in "".join(block(said.text, "training")["validation loss"])


def test_another_table_is_not_compared_and_what_differs_in_it_is_shown(
    ok, run, table, write, tmp_path
):
    other = tmp_path / "other"
    source = write("less.csv", [row for i, row in enumerate(table) if i != 5])
    ok("run", other, "--data", source, "--target", "churned", "--set", "train.epochs=2")
    said = ok("compare", run, other)
    assert "scores are not compared: they learned from different tables" in said.err
    data = block(said.text, "data")
    assert data["rows"] == ["60", "59"]
    assert len(set(data["sources"])) == 2
    assert "split" not in data  # of another table the dealing is another anyway


def test_different_targets_are_not_compared(ok, run, table, write, tmp_path):
    other = tmp_path / "other"
    table[0][-1] = "left"
    ok("run", other, "--data", write("left.csv", table), "--target", "left", "--quiet")
    said = ok("compare", run, other)
    assert "scores are not compared: they predict different targets ('churned', 'left')" in said.err
    assert block(said.text, "data")["target"] == ["churned", "left"]
    assert "*" not in said.text


def test_different_tasks_are_refused(nntool, ok, run, source, tmp_path, typed):
    other = tmp_path / "other"
    ok("run", other, "--data", source, "--target", "income", "--set", "train.epochs=2")
    twin = shutil.copytree(run, tmp_path / "twin")
    said = nntool("compare", run, other, twin)
    assert said.code == 2
    assert f"regression: {other}" in said.message
    assert typed(said.hint).code == 0


def test_an_interrupted_and_a_stale_training_are_marked(ok, run, other):
    from nntool.run import manifest

    known = manifest.load(other)
    known.steps["train"].status = "interrupted"
    manifest.save(other, known)
    ok("transform", run, "--scale", "robust")
    said = ok("compare", run, other)
    assert block(said.text, "training")["state"] == ["stale", "interrupted"]
    assert "B other: its training was interrupted" in said.err
    assert "A run: " in said.err
    assert "stale" in said.err
    found = ok("compare", run, other, "--json").json["runs"]
    assert [one["state"] for one in found] == ["stale", "fresh"]
    assert [one["status"] for one in found] == ["finished", "interrupted"]


def test_a_run_without_training_names_what_to_type(nntool, ok, typed, run, split_for):
    bare = split_for("churned")
    said = nntool("compare", run, bare)
    assert said.code == 4
    assert said.message == f"nntool compare: train has not run in {bare}"
    assert typed(said.hint).code == 0
    assert ok("compare", run, bare)


class TestTries:
    """What ``--try`` made is shown; how it is made is tested in test_trying.py."""

    def test_they_are_trained_and_shown_beside_the_run(self, ok, run):
        said = ok("compare", run, "--try", "sgd:epochs=2", "--try", "momentum:mu=0.5,epochs=2")
        table = block(said.text, "training")
        assert table["training"] == ["A run", "B sgd-epochs=2", "C momentum-epochs=2,mu=0.5"]
        assert table["optimizer"] == ["adam", "sgd", "momentum:mu=0.5"]
        found = ok("compare", run, "--json").json
        for shown in found["runs"][1:]:
            metrics = json.loads((run / "try" / shown["name"] / "metrics.json").read_text())
            i = found["runs"].index(shown)
            for row in found["scores"]:
                assert row["values"][i] == metrics["network"]["metrics"][row["name"]]
            assert shown["path"] == str(run / "try" / shown["name"])

    def test_those_of_before_are_shown_where_none_is_asked_for(self, ok, run):
        ok("compare", run, "--try", "sgd:epochs=2", "--try", "rprop:epochs=2")
        assert len(ok("compare", run, "--json").json["runs"]) == 3
        [own, other] = ok("compare", run, "--try", "rprop:epochs=2", "--json").json["runs"]
        assert (own["name"], other["name"]) == ("run", "rprop-epochs=2")

    def test_a_second_run_is_compared_without_tries(self, ok, run, other):
        ok("compare", run, "--try", "sgd:epochs=2")
        names = [one["name"] for one in ok("compare", run, other, "--json").json["runs"]]
        assert names == ["run", "other"]

    def test_the_command_of_the_best_is_named_and_gives_its_weights(self, ok, typed, run):
        words = ["--try", "adam:learning_rate=0.05,epochs=20", "--try", "sgd:epochs=2"]
        said = ok("compare", run, *words)
        [note] = [line for line in said.err.splitlines() if "to train the run itself as B " in line]
        wanted = (run / "try/adam-epochs=20,learning_rate=0.05/model.npz").read_bytes()
        assert typed(note[note.index("nntool train") :]).code == 0
        assert (run / "train/model.npz").read_bytes() == wanted

    def test_tries_beside_several_runs_are_refused_with_what_to_type(
        self, nntool, typed, run, other
    ):
        said = nntool("compare", run, other, "--try", "sgd:epochs=2")
        assert said.code == 2
        assert typed(said.hint).code == 0

    def test_a_stale_try_is_marked_and_not_scored(self, ok, typed, run):
        ok("compare", run, "--try", "sgd:epochs=2")
        ok("transform", run, "--scale", "robust")
        ok("select-features", run)
        ok("train", run, "--epochs", "2", "--hidden", "8")
        said = ok("compare", run)
        assert block(said.text, "training")["state"] == ["fresh", "stale"]
        line = next(line for line in said.err.splitlines() if "B sgd-epochs=2: " in line)
        assert "try/sgd-epochs=2 is stale" in line
        typed(line.rpartition("(")[2].removesuffix(")"))
        assert "state" not in block(ok("compare", run).text, "training")

    def test_tries_of_a_run_that_is_not_trained_are_shown(self, ok, split_for):
        bare = split_for("churned")
        words = ["--try", "sgd:epochs=2", "--try", "adam:epochs=2"]
        assert len(ok("compare", bare, *words, "--json").json["runs"]) == 2
        assert len(ok("compare", bare, "--json").json["runs"]) == 2
        [alone] = ok("compare", bare, *words[:2], "--json").json["runs"]
        assert alone["mark"] == "A"

    def test_what_diverges_is_said_and_the_others_are_shown(self, nntool, ok, run):
        said = ok("compare", run, "--try", "sgd:learning_rate=1e300", "--try", "sgd:epochs=2")
        assert "sgd-learning_rate" in said.err
        assert "not finite" in said.err
        assert block(said.text, "training")["training"] == ["A run", "B sgd-epochs=2"]
        said = nntool("compare", run, "--try", "sgd:learning_rate=1e300")
        assert said.code == 5
        assert block(said.text, "training")["training"] == ["A run"]
        found = nntool("compare", run, "--try", "sgd:learning_rate=1e300", "--json").json
        assert found["error"]["kind"] == "training"
        assert len(found["runs"]) == 1

    def test_a_run_called_as_one_of_its_tries_is_told_apart(self, ok, run):
        root = run.rename(run.with_name("rprop-epochs=2"))
        found = ok("compare", root, "--try", "rprop:epochs=2", "--json").json["runs"]
        assert [one["name"] for one in found] == ["rprop-epochs=2", "try/rprop-epochs=2"]


def test_one_run_alone_takes_a_second(nntool, run):
    for words in ([run], [run, f"{run}/"]):
        said = nntool("compare", *words)
        assert said.code == 2
        assert "one run" in said.message
        assert "--try" in said.hint


def test_to_one_run_alone_another_method_than_its_own_is_proposed(nntool, run):
    assert nntool("compare", run).hint.endswith("--try lbfgs")
    root = json.loads((run / "run.json").read_text())
    root["steps"]["train"]["settings"]["optimizer"] = "lbfgs"
    (run / "run.json").write_text(json.dumps(root))
    assert nntool("compare", run).hint.endswith("--try adam")


def test_a_folder_that_is_no_run_is_refused(nntool, run, tmp_path):
    said = nntool("compare", run, tmp_path)
    assert said.code == 4
    assert "is not a run directory" in said.message


def test_a_run_named_twice_is_shown_once(ok, run, other):
    said = ok("compare", run, other, f"{run}/../run")
    assert block(said.text, "training")["training"] == ["A run", "B other"]
    assert "is named twice: it is shown once" in said.err


def test_runs_of_one_name_are_told_apart_by_their_folders(ok, run, other, tmp_path):
    twin = shutil.copytree(run, tmp_path / "deep" / "run")
    said = ok("compare", run, twin, other)
    heads = block(said.text, "training")["training"]
    assert heads == [f"A {tmp_path.name}/run", "B deep/run", "C other"]
    assert "all settings are the same" in ok("compare", run, twin).err


def test_many_runs_have_a_line_each(ok, run, other, tmp_path):
    twins = [shutil.copytree(other, tmp_path / f"twin{i}") for i in range(7)]
    said = ok("compare", run, *twins)
    table = block(said.text, "setting")
    assert table["setting"] == [
        "train.hidden", "train.optimizer", "train.learning_rate", "train.epochs",
    ]  # fmt: skip
    assert table["A run"][0] == "[8]"
    assert table["H twin6"][0] == "[4]"
    assert len(block(said.text, "training")) == 9


def test_more_runs_than_letters_are_refused(nntool, run):
    said = nntool("compare", *(f"{run}{i}" for i in range(53)))
    assert said.code == 2
    assert "53 trainings" in said.message


def test_lost_files_of_a_training_are_said_and_the_rest_is_shown(ok, run, other):
    (other / "train/history.csv").unlink()
    (other / "train/timing.csv").unlink()
    said = ok("compare", run, other)
    assert "B other: " in said.err
    assert "history.csv is missing or was changed: its curve is not drawn" in said.err
    assert block(said.text, "training")["seconds"][1] == "–"


def test_a_run_that_changes_while_it_is_read_is_read_again(ok, run, other, monkeypatch):
    from nntool.errors import StaleError
    from nntool.run.directory import Run

    whole, calls = Run.checked_bytes, []

    def changed_once(self, artifacts):
        calls.append(self)
        if len(calls) == 1:
            raise StaleError("a writer is at it", "")
        return whole(self, artifacts)

    monkeypatch.setattr(Run, "checked_bytes", changed_once)
    ok("compare", run, other)
    assert calls[0] is not calls[1]


def test_a_run_copied_without_its_data_is_compared(ok, run, other):
    for step in ("collect", "split", "evaluate"):
        shutil.rmtree(other / step)
    said = ok("compare", run, other)
    assert len(block(said.text, "training")["validation loss"]) == 2
    assert block(said.text, "data")["rows"] == ["60", "–"]


def test_an_older_run_has_the_defaults_of_settings_that_it_did_not_know(ok, run, tmp_path):
    from nntool.run import manifest

    older = shutil.copytree(run, tmp_path / "older")
    known = manifest.load(older)
    del known.steps["train"].settings["min_delta"]
    known.steps["train"].versions["nntool"] = "0.0.1"
    manifest.save(older, known)
    said = ok("compare", run, older)
    assert "all settings are the same" in said.err
    assert block(said.text, "version")["nntool"][1] == "0.0.1"


def test_mappings_are_compared_name_by_name(ok, run, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    ok("transform", other, "--columns", "age=log1p", "--columns", "income=none")
    ok("select-features", other)
    ok("train", other, "--epochs", "3", "--hidden", "8")
    table = block(ok("compare", run, other).text, "setting")
    assert table["transform.columns.age"] == ["unset", '"log1p"']
    assert table["transform.columns.income"] == ["unset", '"none"']


class TestSvg:
    def test_the_picture_is_written_and_replaces_one_of_before(self, ok, run, other, at):
        (at / "curves.svg").write_text("old")
        said = ok("compare", run, other, "--svg", "curves.svg", "--json")
        first = (at / "curves.svg").read_bytes()
        assert first.startswith(b"<?xml")
        assert b"A run" in first
        assert said.json["svg"] == "curves.svg"
        ok("compare", run, other, "--svg", "curves.svg")
        assert (at / "curves.svg").read_bytes() == first
        assert {path.name for path in at.iterdir()} == {"run", "other", "curves.svg"}

    def test_on_standard_output_it_stands_alone(self, ok, run, other, at):
        ok("compare", run, other, "--svg", "curves.svg")
        said = ok("compare", run, other, "--svg", "-")
        assert said.out == (at / "curves.svg").read_bytes()
        assert "train.optimizer" in said.err
        assert "train.optimizer" not in ok("compare", run, other, "--svg", "-", "--quiet").err

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("curves.png", "the picture is written as SVG, not as .png"),
            ("CURVES.PDF", "the picture is written as SVG, not as .pdf"),
            ("", "is no name of a file"),
            ("run", "is no name of a file"),
            ("new/", "is no name of a file"),
            ("run/curves.svg", "lies in the run directory"),
            ("nowhere/curves.svg", "is not there"),
        ],
    )
    def test_a_bad_place_is_refused_before_anything_is_read(self, nntool, run, at, name, words):
        said = nntool("compare", "run", "missing", "--svg", name)
        assert said.code == 2
        assert words in said.message

    def test_json_and_the_picture_cannot_both_go_to_standard_output(self, nntool, run, other):
        said = nntool("compare", run, other, "--svg", "-", "--json")
        assert said.code == 2
        assert said.json["error"]["kind"] == "usage"

    def test_what_cannot_be_written_leaves_nothing(self, nntool, run, other, at):
        if os.geteuid() == 0:
            pytest.skip("root may write anywhere")
        (at / "locked").mkdir(mode=0o500)
        said = nntool("compare", run, other, "--svg", "locked/curves.svg")
        assert said.code == 7
        assert list((at / "locked").iterdir()) == []


def test_an_ending_that_a_newer_program_knows_is_shown_as_it_is(ok, run, other, change):
    change(other, "train/model.json", lambda model: model["trained"].update(ended="bored"))
    assert block(ok("compare", run, other).text, "training")["ended"][1] == "bored"


@pytest.mark.parametrize(
    "trained",
    [None, [], {}, {"epochs": "many", "ended": "epochs", "parameters": 1}],
)
def test_a_model_that_does_not_say_how_it_was_trained_is_refused(
    nntool, run, other, change, trained
):
    change(other, "train/model.json", lambda model: model.update(trained=trained))
    said = nntool("compare", run, other)
    assert said.code == 3
    assert "other/train/model.json does not describe a model" in said.err
