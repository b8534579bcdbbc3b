"""``predict --mc-dropout``: the mean of several passes, their spread, and what has none."""

import math
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from nntool.run.directory import Run
from nntool.settings.building import build
from nntool.settings.predict import PredictSettings
from nntool.steps.predicting import Predictor
from nntool.steps.trained_run import opened

DROPOUT = ["--hidden", "8", "--dropout", "0.3"]
PASSES = ["--mc-dropout", "20"]


@pytest.fixture(scope="module")
def trained(ok, split_for):
    """A run for each target, trained with dropout."""
    made = {}

    def run_for(target, *options):
        key = target, options
        if key not in made:
            made[key] = split_for(target)
            ok(
                "train",
                made[key],
                "--epochs",
                "5",
                *(options or DROPOUT),
            )
        return made[key]

    return run_for


@pytest.fixture
def texts(table):
    """The small table as text."""
    columns = list(zip(*table[1:], strict=True))
    return pa.record_batch([pa.array(cells) for cells in columns], names=table[0])


def column(said, name):
    return [float(row[name]) for row in said.rows]


def test_the_spread_stands_behind_the_prediction(ok, trained, source):
    said = ok(
        "predict",
        trained("churned"),
        source,
        *PASSES,
        "--spread",
        "--id",
        "customer",
        "--keep",
        "age",
    )
    assert said.text.partition("\n")[0] == "customer,prediction,spread,p_no,p_yes,age"
    said = ok("predict", trained("income"), source, *PASSES, "--spread")
    assert said.text.partition("\n")[0] == "prediction,spread"
    assert ok("predict", trained("income"), source, *PASSES).text.startswith("prediction\n")


@pytest.mark.parametrize("target", ["churned", "plan"])
def test_the_mean_of_the_probabilities_decides(ok, trained, source, target):
    root = trained(target)
    for row in ok("predict", root, source, *PASSES, "--spread").rows:
        shares = {name[2:]: float(p) for name, p in row.items() if name.startswith("p_")}
        assert row["prediction"] == max(shares, key=shares.get)
        assert math.isclose(sum(shares.values()), 1)
        assert 0 < float(row["spread"]) < 0.5


def test_mean_and_spread_are_those_of_the_passes(trained, texts):
    """What the mean of n passes differs by from that of n − 1 is the n-th alone."""
    run = opened(Run(trained("plan")))
    means = []
    for n in range(1, 6):
        (found,) = Predictor(run, PredictSettings(mc_dropout=n)).answers([texts])
        means.append(found.probabilities)
    pairs = enumerate(pairwise(means), 2)
    single = np.array([means[0], *(n * b - (n - 1) * a for n, (a, b) in pairs)])
    np.testing.assert_allclose(found.probabilities, single.mean(axis=0), rtol=1e-9)
    assert found.decided.tolist() == found.probabilities.argmax(axis=1).tolist()
    of_decided = single[:, np.arange(len(found.decided)), found.decided]
    np.testing.assert_allclose(found.spread, of_decided.std(axis=0), rtol=1e-6)


def test_a_temperature_applies_to_each_pass(trained, texts):
    """log(p/q) of a pass is divided by it, so the mean of two is that of two softer ones."""
    found = {}
    for temperature in (1.0, 4.0):
        for n in (1, 2):
            run = opened(Run(trained("churned")))
            run.model.plain["calibration"]["temperature"] = temperature
            (answers,) = Predictor(run, PredictSettings(mc_dropout=n)).answers([texts])
            found[temperature, n] = answers.probabilities[:, 1]

    def softer(p):
        return 1 / (1 + np.exp(-np.log(p / (1 - p)) / 4))

    first, second = found[1.0, 1], 2 * found[1.0, 2] - found[1.0, 1]
    np.testing.assert_allclose(found[4.0, 1], softer(first), rtol=1e-9)
    np.testing.assert_allclose(found[4.0, 2], (softer(first) + softer(second)) / 2, rtol=1e-9)


def test_values_are_in_the_targets_own_unit_and_their_mean_is_the_plain_answer(ok, trained, source):
    """For a linear network; a mean of N passes lies within a few spreads/√N."""
    root = trained("income", "--hidden", "none", "--input-dropout", "0.2")
    plain = np.array(column(ok("predict", root, source), "prediction"))
    said = ok("predict", root, source, "--mc-dropout", "400", "--spread")
    mean, spread = np.array(column(said, "prediction")), np.array(column(said, "spread"))
    assert spread.min() > 10
    off = (mean - plain) / (spread / 20)
    assert np.abs(off).max() < 4.5
    assert np.abs(off).max() > 0.1


def test_neither_threads_nor_the_cut_of_the_input_change_a_byte(
    ok, trained, source, texts, tmp_path
):
    root = trained("churned")
    header, _, rows = source.read_text().partition("\n")
    many = tmp_path / "many.csv"
    many.write_text(header + "\n" + rows * 60)
    options = [*PASSES, "--spread"]
    whole = ok("predict", root, many, *options).out
    assert {ok("predict", root, many, *options, "--threads", n).out for n in (1, 2, 5)} == {whole}
    assert whole.count(b"\n") == 3601
    batch = pa.concat_batches([texts] * 60)
    settings = build(PredictSettings, {"mc_dropout": 20, "spread": True})
    for size in (1000, 1024, 3600):
        cut = [batch.slice(start, size) for start in range(0, 3600, size)]
        found = list(Predictor(opened(Run(root)), settings).answers(cut))
        spreads = np.concatenate([answers.spread for answers in found])
        wanted = [float(line.split(b",")[1]) for line in whole.splitlines()[1:]]
        assert spreads.tolist() == wanted


def test_the_seed_decides(ok, trained, source):
    root = trained("churned")
    first, again, other = (
        ok("predict", root, source, *PASSES, "--seed", seed).out for seed in (0, 0, 1)
    )
    assert first == again != other


def test_a_threshold_decides_by_the_mean(ok, trained, source):
    root = trained("churned")
    at = sorted(column(ok("predict", root, source, *PASSES), "p_yes"))[20]
    rows = ok("predict", root, source, *PASSES, "--threshold", at).rows
    assert [row["prediction"] for row in rows] == [
        "yes" if float(row["p_yes"]) >= at else "no" for row in rows
    ]
    assert {row["prediction"] for row in rows} == {"yes", "no"}


def test_a_network_without_dropout_says_what_to_type(nntool, ok, typed, run, source):
    ok("train", run, "--dropout", "0", "--epochs", "2", "--hidden", "4")
    said = nntool("predict", run, source, *PASSES)
    assert said.code == 2
    assert "trained without" in said.message
    command = said.hint.partition(",")[0]
    assert typed(command).code == 0
    assert nntool("predict", run, source, *PASSES).code == 0


def test_scores_that_are_no_probabilities_have_no_mean(nntool, ok, trained, source):
    root = trained("churned", "--loss", "hinge", "--dropout", "0.3", "--hidden", "4")
    said = nntool("predict", root, source, *PASSES)
    assert said.code == 2
    assert "hinge has none" in said.message


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        (["--spread"], "there is one network and one pass"),
        (["--mc-dropout", "9", "--interval", "0.9"], "--interval was measured on plain"),
        (["--mc-dropout", "1"], "one pass has no mean"),
        (["--mc-dropout", "-1"], "whole number ≥ 0"),
    ],
)
def test_what_has_no_meaning_is_refused(nntool, trained, source, options, fact):
    said = nntool("predict", trained("churned"), source, *options)
    assert said.code == 2
    assert fact in said.message
    assert not said.out


def test_no_passes_is_plain_prediction(ok, trained, source):
    root = trained("churned")
    assert ok("predict", root, source, "--mc-dropout", "0").out == ok("predict", root, source).out
