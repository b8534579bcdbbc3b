"""Training that goes on, starts anew, or falls apart: what is kept, and what is said of it."""

import csv
import errno
import json
import math
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nntool.errors import StoppedError
from nntool.nn.averaging import AVERAGES
from nntool.nn.schedules import SCHEDULES
from nntool.settings.building import build
from nntool.settings.train import TrainSettings
from nntool.steps import checkpoint, learning
from nntool.steps.job import Job, Silence
from nntool.steps.train import train
from nntool.tables import arrays as files

SMALL = ("--hidden", "6", "--learning-rate", "0.01", "--patience", "0", "--batch-size", "16")
WILD = ("--optimizer", "momentum", "--hidden", "16,16", "--penalty", "none", "--learning-rate")


def history(root: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((root / "train/history.csv").read_text().splitlines()))


def trained(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "train/model.json").read_text())["trained"]
    return found


class AsksToStop(Silence):
    """A listener that presses Ctrl-C at the n-th update."""

    def __init__(self, updates: int) -> None:
        self.left = updates
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def stop_requested(self) -> bool:
        self.left -= 1
        return self.left <= 0


# More epochs


def going_on() -> list[list[str]]:
    """Options under which more epochs change nothing of what came before."""
    named = [["--schedule", n] for n, c in SCHEDULES.items() if not c.needs_total]
    named += [["--average-weights", n] for n, c in AVERAGES.items() if not c.needs_total]
    return [*named, ["--optimizer", "momentum:start=0.5,over=5"], ["--warmup", "2"]]


def anew() -> list[list[str]]:
    """Options under which every epoch depends on how many there will be."""
    return [["--schedule", n] for n, c in SCHEDULES.items() if c.needs_total] + [
        ["--average-weights", n] for n, c in AVERAGES.items() if c.needs_total
    ]


def test_both_kinds_are_there() -> None:
    assert ["--schedule", "plateau"] in going_on()
    assert ["--average-weights", "ema"] in going_on()
    assert ["--schedule", "cosine"] in anew()
    assert ["--average-weights", "swa"] in anew()


@pytest.mark.parametrize("options", going_on(), ids=" ".join)
def test_more_epochs_go_on_where_nothing_depends_on_their_number(
    ok: Any, split_for: Any, results: Any, options: list[str]
) -> None:
    whole, parts = split_for("churned"), split_for("churned")
    ok("train", whole, *SMALL, *options, "--epochs", "7")
    ok("train", parts, *SMALL, *options, "--epochs", "4")
    said = ok("train", parts, *SMALL, *options, "--epochs", "7")
    assert "nntool train: goes on after epoch 4, from its checkpoint" in said.err.splitlines()
    assert "anew" not in said.err
    assert results(parts) == results(whole)


@pytest.mark.parametrize("options", anew(), ids=" ".join)
def test_more_epochs_start_anew_where_all_depends_on_their_number(
    ok: Any, split_for: Any, results: Any, options: list[str]
) -> None:
    whole, parts = split_for("churned"), split_for("churned")
    ok("train", whole, *SMALL, *options, "--epochs", "7")
    ok("train", parts, *SMALL, *options, "--epochs", "4")
    said = ok("train", parts, *SMALL, *options, "--epochs", "7")
    assert (
        "nntool train: starts anew: what it does depends on --epochs, which was 4 and is 7"
        in said.err.splitlines()
    )
    assert "goes on" not in said.err
    assert results(parts) == results(whole)


@pytest.mark.parametrize("options", anew(), ids=" ".join)
def test_after_a_stop_the_same_number_of_epochs_goes_on(
    split_for: Any, results: Any, options: list[str]
) -> None:
    key = options[0].removeprefix("--").replace("-", "_")
    settings = build(TrainSettings, {"hidden": [6], "epochs": 7, "batch_size": 16, key: options[1]})
    whole, parts = split_for("churned"), split_for("churned")
    train(str(whole), settings, Job())
    with pytest.raises(StoppedError):
        train(str(parts), settings, Job(AsksToStop(11)))
    listener = AsksToStop(10**9)
    train(str(parts), settings, Job(listener))
    assert listener.said[0] == "nntool train: goes on after epoch 3, from its checkpoint"
    assert results(parts) == results(whole)


def test_a_checkpoint_brings_back_numbers_that_json_does_not_have(tmp_path: Path) -> None:
    """A metric may have no value in an epoch, and a norm in float32 may be infinite."""
    rows = [{"epoch": 1, "validation_f1": math.nan, "gradient_norm": math.inf, "loss": 0.1 + 0.2}]
    arrays = {"theta": np.arange(3.0)}
    checkpoint.save(tmp_path, "key", arrays, {"updates": 7}, rows, 5)
    found = checkpoint.load(tmp_path, "key")
    assert found is not None
    assert repr(found.history) == repr(rows)
    assert (found.plain, found.planned) == ({"updates": 7}, 5)
    np.testing.assert_array_equal(found.arrays["theta"], arrays["theta"])
    assert checkpoint.load(tmp_path, "other") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"{}", b"\xff", b'{"arrays": 3}'])
def test_a_checkpoint_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    checkpoint.save(tmp_path, "key", {"theta": np.zeros(3)}, {}, [{"epoch": 1}], 5)
    (tmp_path / "checkpoint/state.json").write_bytes(content)
    assert checkpoint.load(tmp_path, "key") is None


def without_a_word(arrays: dict[str, Any], plain: dict[str, Any]) -> None:
    del plain["averaged"]


def without_an_array(arrays: dict[str, Any], plain: dict[str, Any]) -> None:
    del arrays["optimizer.m"]


@pytest.mark.parametrize("change", [without_a_word, without_an_array])
def test_a_checkpoint_of_another_version_is_not_gone_on_from(
    ok: Any, split_for: Any, results: Any, change: Any
) -> None:
    """The program does not count as a setting, so the checkpoint is for this very training."""
    whole, parts = split_for("churned"), split_for("churned")
    ok("train", whole, *SMALL, "--epochs", "7")
    ok("train", parts, *SMALL, "--epochs", "4")
    of = json.loads((parts / "checkpoint/state.json").read_text())["of"]
    found = checkpoint.load(parts, of)
    assert found is not None
    change(found.arrays, found.plain)
    checkpoint.save(parts, of, found.arrays, found.plain, found.history, found.planned)
    said = ok("train", parts, *SMALL, "--epochs", "7")
    assert "nntool train: starts anew: its checkpoint is of another version" in said.err
    assert results(parts) == results(whole)


# Checkpoints


def at_each_save(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """After how many epochs a checkpoint was written."""
    saved: list[int] = []
    save = checkpoint.save

    def watched(
        root: Path, of: str, arrays: Any, plain: Any, rows: Any, planned: int, member: int
    ) -> None:
        saved.append(len(rows))
        save(root, of, arrays, plain, rows, planned, member)

    monkeypatch.setattr(checkpoint, "save", watched)
    return saved


@pytest.mark.parametrize(
    ("every", "saved"), [(["1"], [1, 2, 3, 4, 5, 5]), (["2"], [2, 4, 5]), ([], [5])]
)
def test_a_checkpoint_every_so_many_epochs_and_at_the_end(
    ok: Any,
    split_for: Any,
    results: Any,
    monkeypatch: pytest.MonkeyPatch,
    every: list[str],
    saved: list[int],
) -> None:
    plain, root = split_for("churned"), split_for("churned")
    ok("train", plain, *SMALL, "--epochs", "5")
    found = at_each_save(monkeypatch)
    options = ["--checkpoint-every", *every] if every else []
    ok("train", root, *SMALL, "--epochs", "5", *options)
    assert found == saved
    assert results(root) == results(plain), "it is no setting"
    assert len(list((root / "checkpoint").iterdir())) == 2


def test_by_the_clock_a_checkpoint_comes_after_half_a_minute(
    ok: Any, split_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, clock = at_each_save(monkeypatch), iter(range(0, 10**6, 4))
    monkeypatch.setattr(learning.time, "monotonic", lambda: float(next(clock)))
    ok("train", split_for("churned"), *SMALL, "--epochs", "30")
    assert len(found) > 3
    assert found[-1] == 30
    assert learning.SECONDS_BETWEEN_CHECKPOINTS == 30


def test_a_fresh_training_stays_fresh_whatever_its_checkpoints(ok: Any, split_for: Any) -> None:
    root = split_for("churned")
    ok("train", root, *SMALL, "--epochs", "3")
    assert ok("train", root, *SMALL, "--epochs", "3", "--checkpoint-every", "2", "--json").json[
        "fresh"
    ]


# Falling apart


def test_a_training_that_diverges_keeps_its_best_weights_and_says_so(
    nntool: Any, ok: Any, split_for: Any, source: Path, results: Any
) -> None:
    root = split_for("visits")
    said = nntool("train", root, *WILD, "0.3")
    assert said.code == 5, said
    done = trained(root)
    last = history(root)[-1]
    epoch = int(last["epoch"]) + 1
    assert done["ended"] == "diverged"
    assert 1 <= done["best_epoch"] < epoch
    pattern = (
        rf"nntool train: the loss is not finite: epoch {epoch}, (batch \d+|validation), layer"
        rf" (hidden1|hidden2|output), learning rate 0.3; the weights of epoch"
        rf" {done['best_epoch']}, the best so far, are the model now"
    )
    assert re.fullmatch(pattern, said.message), said.message
    assert said.hint == "a smaller --learning-rate, such as 0.01"
    best = min(history(root), key=lambda row: float(row["validation_loss"]))
    assert int(best["epoch"]) == done["best_epoch"]
    entry = json.loads((root / "run.json").read_text())["steps"]["train"]
    assert entry["status"] == "diverged"
    predicted = ok("predict", root, source)
    assert predicted.first == (
        "nntool predict: the model is of a training that diverged; it is the best before that"
    )
    assert all(math.isfinite(float(row["prediction"])) for row in predicted.rows)
    assert "the model is of a training that diverged" in ok("evaluate", root, "--no-baseline").err
    status = ok("status", root, "--json").json["steps"]["train"]
    assert (status["state"], status["diverged"], status["interrupted"]) == ("fresh", True, False)
    assert "diverged" in ok("status", root).text
    before = results(root)
    for every in ([], ["--checkpoint-every", "1"], []):
        again = nntool("train", root, *WILD, "0.3", *every)
        assert again.code == 5, "it is not fresh: it is tried again, and ends alike"
        assert again.message == said.message
        model = {n: b for n, b in results(root).items() if not n.startswith("checkpoint")}
        assert model == before
    assert "goes on after" in again.err
    ok("train", root, "--epochs", "3")
    assert "diverged" not in ok("status", root).text
    assert "diverged" not in ok("predict", root, source).err


def test_where_it_diverged_is_in_json_too(nntool: Any, split_for: Any) -> None:
    said = nntool("train", split_for("visits"), *WILD, "0.3", "--json")
    assert said.code == 5
    diverged = said.json["train"]["diverged"]
    assert set(diverged) == {"message", "epoch", "batch", "layer", "learning_rate"}
    assert diverged["learning_rate"] == 0.3


def test_the_rate_of_that_moment_is_named_not_the_one_that_was_asked_for(
    nntool: Any, split_for: Any
) -> None:
    said = nntool("train", split_for("visits"), *WILD, "9", "--warmup", "20")
    assert said.code == 5
    rate = float(re.findall(r"learning rate ([\d.e-]+);", said.message)[0])
    assert 0 < rate < 9


# Cautions, and the rate by itself


def test_rprop_with_small_batches_is_cautioned(ok: Any, split_for: Any) -> None:
    root = split_for("churned")
    words = ["--optimizer", "rprop", "--epochs", "3"]
    assert "rprop goes by the sign" in ok("train", root, *words, "--batch-size", "16").err
    assert "goes by the sign" not in ok("train", root, *words).err  # all rows at once
    assert "goes by the sign" not in ok("train", root, "--epochs", "3").err


@pytest.mark.parametrize("target", ["churned", "visits"])
def test_a_rate_by_itself_learns_and_is_written_down(
    ok: Any, split_for: Any, results: Any, target: str
) -> None:
    root, again = split_for(target), split_for(target)
    words = ["--learning-rate", "auto", "--hidden", "8", "--epochs", "30", "--dropout", "0"]
    said = ok("train", root, *words)
    rate = float(re.findall(r"learning rate ([\d.e-]+), ", said.err)[0])
    assert 1e-5 < rate < 1
    losses = [float(row["train_loss"]) for row in history(root)]
    assert {float(row["learning_rate"]) for row in history(root)} == {rate}
    assert losses[-1] < 0.8 * losses[0]
    ok("train", again, *words)
    assert results(again) == results(root)
    recipe = tomllib.loads((root / "recipe.toml").read_text())
    assert recipe["train"]["learning_rate"] == rate, "a recipe holds the number used"


def test_a_rate_by_itself_goes_on_from_a_checkpoint(ok: Any, split_for: Any, results: Any) -> None:
    whole, parts = split_for("churned"), split_for("churned")
    words = ["--learning-rate", "auto", "--hidden", "8", "--dropout", "0", "--patience", "0"]
    ok("train", whole, *words, "--epochs", "9")
    ok("train", parts, *words, "--epochs", "4")
    assert "goes on after epoch 4" in ok("train", parts, *words, "--epochs", "9").err
    assert results(parts) == results(whole)


@pytest.mark.parametrize("rule", ["rprop", "vsgd"])
def test_a_rate_is_not_searched_for_a_rule_that_finds_its_own(
    nntool: Any, split_for: Any, rule: str
) -> None:
    said = nntool("train", split_for("churned"), "--optimizer", rule, "--learning-rate", "auto")
    assert said.code == 2
    assert f"--learning-rate auto is not for {rule}" in said.message
    assert said.hint == "leave --learning-rate out"


def test_a_schedule_has_no_part_in_rprop_and_that_is_said(ok: Any, split_for: Any) -> None:
    root = split_for("churned")
    words = ["--optimizer", "rprop", "--batch-size", "full", "--epochs", "2"]
    said = ok("train", root, *words, "--schedule", "cosine", "--warmup", "1").err
    assert "--schedule cosine and --warmup have no part in them" in said
    assert "no part in them" not in ok("train", root, *words).err
    assert "no part" not in ok("train", root, "--schedule", "cosine", "--epochs", "2").err


def test_a_decay_that_would_turn_the_sign_of_weights_is_refused(
    nntool: Any, split_for: Any
) -> None:
    said = nntool("train", split_for("churned"), "--weight-decay", "2000")
    assert said.code == 2
    assert "--weight-decay 2000 at learning rate 0.001 turns weights around" in said.message


@pytest.mark.parametrize("scaling", ["standard", "none"])
def test_a_target_outside_the_range_of_a_link_is_sent_to_a_way_that_is_open(
    nntool: Any, ok: Any, tmp_path: Path, table: Any, write: Any, scaling: str
) -> None:
    for row in table[1:]:
        row[5] = str(int(row[5]) - 10)  # visits: some are below 0
    root = tmp_path / "new"
    ok("clean", root, write("in.csv", table), "--target", "visits")
    ok("transform", root, "--target-scaling", scaling)
    for step in ("select-features", "split"):
        ok(step, root)
    said = nntool("train", root, "--output", "exp")
    assert said.code == 3
    assert ("--target-scaling none" in said.hint) == (scaling == "standard")
    assert said.hint.startswith("leave --output out")


def test_a_full_disk_leaves_the_checkpoint_before_and_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tmp_path, "key", {"theta": np.ones(3)}, {}, [{"epoch": 1}], 5)
    before = sorted(tmp_path.rglob("*"))

    def half(path: Path, arrays: Any) -> None:
        path.write_bytes(b"PK")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "save_npz", half)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(tmp_path, "key", {"theta": np.ones(3)}, {}, [{"epoch": 1}] * 2, 5)
    assert sorted(tmp_path.rglob("*")) == before
    found = checkpoint.load(tmp_path, "key")
    assert found is not None
    assert len(found.history) == 1
