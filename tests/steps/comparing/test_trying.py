"""``compare --try``: other methods on the run's own rows, beside its model and never over it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.errors import MachineError, StaleError, StoppedError, TrainingError, UsageError
from nntool.run import freshness, manifest, names
from nntool.run.directory import Run
from nntool.run.session import Session
from nntool.settings.choices import parse
from nntool.steps.comparing import trying
from nntool.steps.comparing.try_specs import folder_name
from nntool.steps.job import Job, Silence

FILES = {"model.json", "model.npz", "history.csv", "timing.csv", "metrics.json"}
DIVERGES = "sgd:learning_rate=1e300"


class Listener(Silence):
    """Remembers what is said; asks to stop some updates after the first epoch of a try."""

    def __init__(self, stop_in: str = "", after: int = 5) -> None:
        self.said: list[str] = []
        self.stop_in, self.after = stop_in, after
        self.is_stopping = self.counts = False

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, label: str, done: float, total: float, detail: str = "") -> None:
        self.counts |= label.endswith(f" {self.stop_in}")

    def stop_requested(self) -> bool:
        self.after -= self.counts
        self.is_stopping |= self.after < 0
        return self.is_stopping


def tried(root: Path, *specs: str, **job: Any) -> list[trying.Try]:
    return trying.run_tries(str(root), [parse(spec) for spec in specs], Job(**job))


def own_files(content: Any, root: Path) -> dict[str, bytes]:
    """All of a run but its tries, and what run.json says of its steps."""
    found = {n: b for n, b in content(root).items() if not n.startswith("try")}
    found["run.json"] = json.dumps(json.loads(found["run.json"])["steps"]).encode()
    return found


def results_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name != "timing.csv"}


def test_a_try_has_the_files_of_train_and_the_metrics_of_evaluate(run: Path) -> None:
    found = tried(run, "sgd", "momentum:mu=0.95")
    assert [one.name for one in found] == ["sgd", "momentum-mu=0.95"]
    for one in found:
        assert {path.name for path in (run / "try" / one.name).iterdir()} == FILES
        assert (one.status, one.is_fresh, one.has_model) == ("finished", False, True)


def test_the_run_itself_stays_as_it_is(run: Path, content: Any) -> None:
    before = own_files(content, run)
    times = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    tried(run, "sgd", "rprop", "adam:dropout=0")
    assert own_files(content, run) == before
    written = ("run.json", ".lock")
    assert all(
        path.stat().st_mtime_ns == time for path, time in times.items() if path.name not in written
    )


def test_an_edited_recipe_stays(run: Path) -> None:
    recipe = run / "recipe.toml"
    recipe.write_text(recipe.read_text() + "# mine\n")
    tried(run, "sgd")
    assert recipe.read_text().endswith("# mine\n")


def test_the_method_of_the_run_comes_to_the_same_model(run: Path) -> None:
    tried(run, "adam")
    for name in ("model.npz", "history.csv"):
        assert (run / "try/adam" / name).read_bytes() == (run / "train" / name).read_bytes()


def test_all_tries_begin_with_the_same_weights(run: Path, monkeypatch: Any) -> None:
    from nntool.nn.training import Trainer

    begun = []
    whole = Trainer.run

    def run_from(trainer: Any, **words: Any) -> Any:
        begun.append(trainer.learner.theta.copy())
        return whole(trainer, **words)

    monkeypatch.setattr(Trainer, "run", run_from)
    tried(run, "adam", "sgd", "rprop", "rmsprop:dtype=float64")
    for theta in begun[1:3]:
        np.testing.assert_array_equal(theta, begun[0])
    assert begun[3].dtype == np.float64
    np.testing.assert_allclose(begun[3], begun[0], rtol=2**-23)


def test_metrics_are_those_of_evaluate(run: Path, ok: Any) -> None:
    tried(run, "adam")
    own = json.loads((run / "evaluate/metrics.json").read_text())
    found = json.loads((run / "try/adam/metrics.json").read_text())
    assert own.pop("baselines")
    own["verdict"] = found["verdict"] = None  # with baselines it says more
    assert found == own


@pytest.mark.parametrize(
    "asked",
    [
        ["--threshold", "0.2"],
        ["--optimize", "f1"],
        ["--part", "validation"],
        ["--bootstrap", "50", "--confidence", "0.8", "--seed", "3"],
    ],
    ids=" ".join,
)
def test_it_is_scored_as_evaluate_was_asked_to_score_the_run(
    run: Path, ok: Any, asked: list[str]
) -> None:
    tried(run, "adam", "sgd")
    model = results_of(run / "try/adam") | {"metrics.json": b""}
    ok("evaluate", run, "--no-baseline", *asked)
    own = json.loads((run / "evaluate/metrics.json").read_text())
    assert json.loads((run / "try/adam/metrics.json").read_text()) != own
    found = tried(run, "adam", "sgd")
    assert all(one.is_fresh for one in found)  # nothing was trained
    assert json.loads((run / "try/adam/metrics.json").read_text()) == own
    assert results_of(run / "try/adam") | {"metrics.json": b""} == model
    assert Run(run).manifest.tries["try/adam"].settings["hidden"] == [8]


def test_where_evaluate_has_nothing_new_to_say_nothing_is_scored_again(
    split_for: Any, ok: Any
) -> None:
    run = split_for("churned")
    tried(run, "sgd:epochs=2")
    ok("train", run, "--epochs", "2")
    ok("evaluate", run)
    listener = Listener()
    tried(run, "sgd:epochs=2", listener=listener)
    assert listener.said == [
        "nntool compare: sgd-epochs=2: already done with these settings; nothing to compute"
    ]


def test_rows_of_another_file_have_no_part_in_it(run: Path, ok: Any, source: Path) -> None:
    ok("evaluate", run, "--data", source)
    tried(run, "adam")
    assert json.loads((run / "try/adam/metrics.json").read_text())["rows"] == "test"


def test_without_test_rows_those_of_validation_are_scored(ok: Any, split_for: Any) -> None:
    run = split_for("visits")
    ok("split", run, "--train", "0.7", "--validation", "0.3", "--test", "0")
    tried(run, "sgd:epochs=2")
    found = json.loads((run / "try/sgd-epochs=2/metrics.json").read_text())
    assert found["rows"] == "validation"


def test_a_run_that_was_not_trained_can_be_tried(split_for: Any) -> None:
    run = split_for("churned")
    tried(run, "sgd:epochs=2")
    assert not (run / "train").exists()
    assert (run / "try/sgd-epochs=2/model.npz").exists()


def test_a_second_time_computes_nothing(run: Path, content: Any) -> None:
    tried(run, "sgd", "rprop")
    before = content(run / "try")
    listener = Listener()
    found = tried(run, "rprop", "nadam", "sgd", listener=listener)
    assert [one.is_fresh for one in found] == [True, False, True]
    assert (
        listener.said.count(
            "nntool compare: rprop: already done with these settings; nothing to compute"
        )
        == 1
    )
    after = content(run / "try")
    assert {n: b for n, b in after.items() if not n.startswith("nadam")} == before


def test_what_each_training_says_alike_is_said_once(run: Path) -> None:
    listener = Listener()
    notes = [set(one.notes) for one in tried(run, "sgd", "rprop", listener=listener)]
    assert notes[0] & notes[1]
    said = [text.partition(": ")[2].partition(": ")[2] for text in listener.said]
    assert all(said.count(note) == 1 for note in notes[0] | notes[1])


def test_all_files_of_a_command_get_one_time(run: Path) -> None:
    tried(run, "sgd")
    tried(run, "rprop", "sgd")
    assert len({path.stat().st_mtime_ns for path in (run / "try").glob("*/*")}) == 1
    assert all(entry.status == "finished" for entry in Run(run).manifest.tries.values())
    assert Run(run).is_intact("try/sgd/model.npz")


def test_force_makes_it_again_with_the_same_bytes(run: Path) -> None:
    tried(run, "sgd")
    before = results_of(run / "try/sgd")
    (again,) = tried(run, "sgd", force=True)
    assert not again.is_fresh
    assert results_of(run / "try/sgd") == before


def test_another_training_of_the_run_is_what_tries_are_trained_like(run: Path, ok: Any) -> None:
    tried(run, "sgd")
    ok("train", run, "--epochs", "5", "--hidden", "8")
    assert freshness.state(Run(run), "try/sgd").is_fresh  # the model is what it says it is
    (again,) = tried(run, "sgd")
    assert not again.is_fresh
    assert json.loads((run / "try/sgd/model.json").read_text())["trained"]["epochs"] == 5


def test_it_is_stale_where_the_artifacts_of_the_run_changed(run: Path, ok: Any) -> None:
    tried(run, "sgd")
    ok("transform", run, "--scale", "robust")
    state = freshness.state(Run(run), "try/sgd")
    assert (state.word, state.reason) == ("stale", "select-features is stale")
    assert "tried: sgd (stale: select-features is stale); " in ok("status", run).err
    ok("select-features", run)
    ok("train", run, "--epochs", "3", "--hidden", "8")
    (again,) = tried(run, "sgd")
    assert not again.is_fresh


def test_stale_artifacts_are_refused_with_the_command_that_mends_them(run: Path) -> None:
    (run / "transform/numeric.npy").write_bytes(b"")
    with pytest.raises(StaleError) as caught:
        tried(run, "sgd")
    assert str(caught.value.hint).startswith(f"nntool transform {run}")
    assert not (run / "try").exists()


def test_a_changed_file_is_seen_and_made_again(run: Path) -> None:
    tried(run, "sgd")
    before = results_of(run / "try/sgd")
    (run / "try/sgd/model.npz").write_bytes(b"other")
    (again,) = tried(run, "sgd")
    assert not again.is_fresh
    assert results_of(run / "try/sgd") == before


def test_a_try_whose_folder_is_removed_is_not_there(run: Path, ok: Any) -> None:
    tried(run, "sgd", "rprop")
    shutil.rmtree(run / "try/sgd")
    assert Run(run).tries() == ["try/rprop"]
    said = ok("status", run, "--check")
    assert "tried: rprop; " in said.err
    tried(run, "nadam")
    assert list(manifest.load(run).tries) == ["try/rprop", "try/nadam"]
    shutil.rmtree(run / "try")
    assert ok("status", run, "--check").err == ""


def test_other_commands_leave_tries_alone(run: Path, ok: Any, source: Path) -> None:
    tried(run, "sgd")
    before = results_of(run / "try/sgd")
    ok("train", run, "--epochs", "4", "--hidden", "8")
    ok("evaluate", run)
    ok("run", run, "--data", source, "--target", "churned")
    assert results_of(run / "try/sgd") == before
    assert Run(run).tries() == ["try/sgd"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("adm", "optimizer 'adm' is not known; choose from adadelta, "),
        ("adam:beta3=1", "there is no setting 'beta3'"),
        ("adam:beta1=2", "beta1 must be < 1"),
        ("adam:epochs=0", "epochs: expected a whole number ≥ 1"),
        ("adam:warmup=9", "--warmup 9 is longer than the training"),
        ("adam:hidden=[3]", "hidden cannot differ from try to try"),
        ("adam:seed=1", "seed cannot differ from try to try"),
        ("sgd:schedule=cosin", "--schedule: schedule 'cosin' is not known"),
        ("lbfgs:dropout=0.3", "lbfgs needs one and the same loss throughout"),
        ("levenberg-marquardt:batch_size=8", "finds its own steps and rows"),
        ("lbfgs:learning_rate=0.1", "--learning-rate 0.1"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    run: Path, content: Any, spec: str, message: str
) -> None:
    before = own_files(content, run)
    with pytest.raises(UsageError) as caught:
        tried(run, "sgd", spec)
    assert caught.value.message.startswith(f"--try {spec}: ")
    assert message in caught.value.message
    assert own_files(content, run) == before
    assert not (run / "try").exists()


def test_a_network_too_large_for_a_method_is_refused_before_others_are_trained(
    run: Path, ok: Any
) -> None:
    ok("train", run, "--epochs", "1", "--hidden", "50,50")
    with pytest.raises(UsageError, match=r"--try newton: .* up to 2,000, and this network has"):
        tried(run, "sgd", "newton")
    assert not (run / "try").exists()


def test_a_method_goes_without_what_it_cannot_take_and_that_is_said(run: Path, ok: Any) -> None:
    ok("train", run, "--epochs", "3", "--hidden", "8", "--optimizer", "adam:beta1=0.8",
       "--schedule", "cosine", "--dropout", "0.3", "--learning-rate", "0.01",
       "--augment", "mixup", "--penalty", "l1:rate=0.01,proximal=true")  # fmt: skip
    (one,) = tried(run, "lbfgs")
    assert one.changes == [
        "without --learning-rate 0.01, --schedule cosine and the proximal form of --penalty"
        " l1:rate=0.01, which lbfgs cannot take",
        "without --augment mixup and --dropout 0.3, for lbfgs needs one and the same loss"
        " throughout (--try adam:beta1=0.8,augment=[],dropout=0 has the same loss)",
    ]
    settings = Run(run).manifest.tries["try/lbfgs"].settings
    assert (settings["dropout"], settings["augment"], settings["dtype"]) == (0, [], "float64")
    assert settings["penalty"] == [{"name": "l1", "rate": 0.01}]


def test_the_spec_that_is_named_for_the_same_loss_is_trained_on_it(run: Path) -> None:
    one, other = tried(run, "lbfgs:epochs=2", "adam:dropout=0,epochs=2")
    assert "(--try adam:dropout=0 has the same loss)" in one.changes[0]
    assert other.changes == []
    entries = Run(run).manifest.tries
    losses = [
        {k: entries[t.step].settings.get(k) for k in ("dropout", "penalty", "loss", "hidden")}
        for t in (one, other)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("spec", ["perceptron", "delta-rule"])
def test_a_single_layer_goes_without_hidden_units(run: Path, spec: str) -> None:
    (one,) = tried(run, spec)
    assert "--hidden 8" in one.changes[0]
    assert Run(run).manifest.tries[f"try/{spec}"].settings["hidden"] == []


def test_rows_count_as_much_in_a_try_as_in_the_run(run: Path, ok: Any) -> None:
    ok("train", run, "--epochs", "3", "--hidden", "8", "--sample-weight", "visits")
    (same,) = tried(run, "adam")
    assert results_of(run / same.step)["model.npz"] == results_of(run / "train")["model.npz"]


def test_settings_of_train_may_stand_beside_those_of_the_method(run: Path) -> None:
    tried(run, "momentum:mu=0.5,learning_rate=0.02,schedule=step:every=2,batch_size=full")
    (entry,) = Run(run).manifest.tries.values()
    assert entry.settings["optimizer"] == {"name": "momentum", "mu": 0.5}
    assert entry.settings["learning_rate"] == 0.02
    assert entry.settings["batch_size"] == "full"
    assert entry.settings["schedule"] == {"name": "step", "every": 2}
    assert entry.settings["hidden"] == [8]  # as the run itself has it


def test_a_rate_that_was_given_for_another_method_is_left_out_and_that_is_said(
    run: Path, ok: Any
) -> None:
    ok("train", run, "--epochs", "3", "--hidden", "8", "--learning-rate", "0.003")
    other, same, own = tried(run, "sgd", "adam:beta1=0.8", "sgd:learning_rate=0.5")
    assert other.changes == ["the learning rate is sgd's own, for 0.003 was given for adam"]
    assert same.changes == own.changes == []
    rates = [entry.settings["learning_rate"] for entry in Run(run).manifest.tries.values()]
    assert rates == [0.01, 0.003, 0.5]


@pytest.mark.parametrize("spec", ["sgd", "momentum:mu=0.5,epochs=4", "adam:dropout=0,penalty=none"])
def test_the_command_that_takes_it_over_gives_the_same_model(
    run: Path, ok: Any, typed: Any, spec: str
) -> None:
    ok("train", run, "--epochs", "3", "--hidden", "8", "--class-weights", "yes=2", "--seed", "4")
    (one,) = tried(run, spec)
    assert one.take_over.startswith(f"nntool train {run} --hidden 8 ")
    assert typed(one.take_over).code == 0
    for name in ("model.npz", "history.csv"):
        own, other = run / "train" / name, run / "try" / one.name / name
        assert own.read_bytes() == other.read_bytes()


def test_the_same_spec_is_tried_once(run: Path) -> None:
    found = tried(run, "sgd", "adam:beta1=0.8,beta2=0.9", "adam:beta2=0.9,beta1=0.8", "sgd")
    assert [one.name for one in found] == ["sgd", "adam-beta1=0.8,beta2=0.9"]


@pytest.mark.parametrize(
    "spec",
    ["adam:schedule=step:every=3", "adam:penalty=['l1']", "adam:monitor='../../x'", "a" * 99],
)
def test_a_name_is_one_folder_whatever_the_spec(spec: str) -> None:
    name = folder_name(parse(spec))
    assert not set(name) - set(map(chr, range(ord("!"), 127)))
    assert not set(name) & set("/\\:*?\"'<>|[]{}()$&;` ")
    assert len(name) < 100
    assert name != folder_name(parse(f"{spec}x"))


def test_one_that_diverges_does_not_keep_the_others_from_it(run: Path) -> None:
    first, second = tried(run, DIVERGES, "sgd")
    assert (first.status, first.has_model) == ("diverged", False)
    assert "not finite" in first.error
    assert second.status == "finished"
    assert Run(run).tries() == ["try/sgd"]
    assert {path.name for path in (run / "try").iterdir()} == {"sgd"}
    trying.raise_if_stopped(str(run), [], [first, second])


def test_where_all_diverge_that_is_an_error(run: Path) -> None:
    found = tried(run, DIVERGES)
    with pytest.raises(TrainingError) as caught:
        trying.raise_if_stopped(str(run), [], found)
    assert caught.value.message == f"every try diverged: {found[0].name}"
    assert "such as --try sgd:learning_rate=" in str(caught.value.hint)


@pytest.mark.parametrize("several", [[], ["--ensemble", "2"]], ids=["one", "two"])
def test_after_a_stop_it_goes_on_and_ends_as_if_it_had_not_been_stopped(
    run: Path, ok: Any, tmp_path: Path, several: list[str]
) -> None:
    ok("train", run, "--epochs", "6", "--hidden", "8", "--patience", "0", *several)
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    tried(whole, "sgd", "rprop", "nadam")
    specs = ["sgd", "rprop", "nadam"]
    listener = Listener(stop_in="rprop", after=2)
    found = tried(run, *specs, listener=listener)
    assert [one.status for one in found] == ["finished", "interrupted"]
    with pytest.raises(StoppedError) as caught:
        trying.raise_if_stopped(str(run), specs, found)
    assert caught.value.message == "interrupted in try rprop; its best weights so far are kept"
    command = f"nntool compare {run} --try sgd --try rprop --try nadam"
    assert caught.value.hint == f"{command}  # goes on"
    entry = Run(run).manifest.tries["try/rprop"]
    assert entry.status == "interrupted"
    assert {p.name for p in (run / "try/rprop").iterdir()} == FILES | {"checkpoint"}
    later = Listener()
    again = tried(run, *specs, listener=later)
    assert [one.is_fresh for one in again] == [True, False, False]
    assert any(said.startswith("nntool compare: rprop: goes on ") for said in later.said)
    assert not list((run / "try").glob("*/checkpoint"))
    for one in again:
        assert results_of(run / "try" / one.name) == results_of(whole / "try" / one.name)


def test_a_stop_before_the_first_epoch_writes_nothing(run: Path) -> None:
    listener = Listener()
    listener.is_stopping = True
    found = tried(run, "sgd", "adam", listener=listener)
    assert [(one.name, one.status, one.has_model) for one in found] == [
        ("sgd", "interrupted", False)
    ]
    assert not list((run / "try").iterdir())


def test_a_held_lock_is_said_at_once(run: Path) -> None:
    with Session(run), pytest.raises(MachineError, match="is in use by process"):
        tried(run, "sgd")


def test_its_files_can_be_shown(run: Path, ok: Any, nntool: Any) -> None:
    tried(run, "sgd")
    assert ok("show", run, "try/sgd").out == (run / "try/sgd/history.csv").read_bytes()
    assert "trained.epochs" in ok("show", run, "try/sgd/model.json").text
    assert nntool("show", run, "try/adam").message.endswith("'try/adam' is no step")
    assert nntool("show", run, "try/sgd/x").hint.startswith("choose from try/sgd/history.csv")


def test_status_names_them_with_their_state(run: Path, ok: Any) -> None:
    tried(run, "sgd", "rprop")
    (run / "try/rprop/model.npz").unlink()
    said = ok("status", run, "--json").json
    assert said["tries"]["try/sgd"] == {"word": "fresh", "reason": ""}
    assert said["tries"]["try/rprop"]["word"] == "stale"
    assert said["all_fresh"]


def test_threads_do_not_change_a_byte(run: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "other"))
    tried(run, "sgd", threads=1)
    tried(other, "sgd", threads=2)
    assert results_of(run / "try/sgd") == results_of(other / "try/sgd")


def test_the_names_of_its_artifacts_belong_to_it() -> None:
    assert names.maker("try/adam/model.npz") == "try/adam"
    assert names.reads_of("try/adam") == names.PREREQUISITES["train"]


def test_the_command_line_tells_how_it_went(run: Path, ok: Any, nntool: Any) -> None:
    done = ok("compare", run, "--try", "sgd", "--try", "momentum:mu=0.5,learning_rate=0.1")
    assert "momentum-learning_rate=0.1,mu=0.5" in done.text
    again = ok("compare", run, "--try", "sgd", "--json").json
    assert again["fresh"]
    assert [one["name"] for one in again["runs"]] == ["run", "sgd"]
    unknown = nntool("compare", run, "--try", "sgdd")
    assert (unknown.code, unknown.message.partition(";")[0]) == (
        2,
        "nntool compare: --try sgdd: optimizer 'sgdd' is not known",
    )
    diverged = nntool("compare", run, "--try", DIVERGES)
    assert (diverged.code, diverged.message[:35]) == (5, "nntool compare: every try diverged:")
    one_of_two = nntool("compare", run, "--try", DIVERGES, "--try", "sgd")
    assert one_of_two.code == 0
    assert "not finite" in one_of_two.err
    with Session(run):
        assert nntool("compare", run, "--try", "sgd").code == 7
