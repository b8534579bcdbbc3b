"""``predict --interval`` and the coverage in ``evaluate``, by the command line."""

import json
import re
import shlex

import numpy as np
import pytest

from nntool.run import hashing
from nntool.run.directory import Run
from nntool.run.manifest import save

SMALL = ["--hidden", "6", "--epochs", "8", "--batch-size", "16"]
HALVES = ["--train", "0.4", "--validation", "0.5", "--test", "0.1"]


@pytest.fixture
def trained(ok, split_for):
    """A run with 30 validation rows, of which 15 calibrate unless words say otherwise."""

    def of(target, *words):
        root = split_for(target)
        ok("split", root, *HALVES)
        ok("train", root, *SMALL, *words)
        return root

    return of


def limit_of(root, level):
    """The half-width by the definition, from the scores in the model."""
    scores = np.load(root / "train/model.npz")["scores"]
    k = int(np.ceil(round((len(scores) + 1) * level, 9)))
    return np.sort(scores)[k - 1]


def test_intervals_lie_around_the_prediction_in_its_own_unit(ok, trained, source):
    root = trained("visits")
    found = ok("predict", root, source, "--interval", "0.9", "--id", "customer").rows
    assert list(found[0]) == ["customer", "prediction", "lower", "upper"]
    value, lower, upper = (
        np.array([float(row[name]) for row in found]) for name in ("prediction", "lower", "upper")
    )
    np.testing.assert_allclose(value - lower, limit_of(root, 0.9), rtol=1e-12)
    np.testing.assert_allclose(upper - value, limit_of(root, 0.9), rtol=1e-12)
    plain = ok("predict", root, source).rows
    assert [row["prediction"] for row in plain] == [row["prediction"] for row in found]


@pytest.mark.parametrize("target", ["churned", "plan"])
def test_sets_hold_the_likely_classes_in_their_order(ok, trained, source, target):
    root = trained(target)
    classes = json.loads((root / "train/model.json").read_text())["classes"]
    found = ok("predict", root, source, "--interval", "0.9").rows
    assert list(found[0]) == ["prediction", "set", *(f"p_{name}" for name in classes)]
    q = limit_of(root, 0.9)
    sizes = set()
    for row in found:
        p = {name: float(row[f"p_{name}"]) for name in classes}
        expected = [name for name in classes if 1 - p[name] <= q or p[name] == max(p.values())]
        assert json.loads(row["set"]) == expected
        assert row["prediction"] in expected
        sizes.add(len(expected))
    assert max(sizes) > 1


def test_a_higher_level_has_wider_intervals_and_larger_sets(ok, trained, source):
    by_value, by_class = trained("visits"), trained("plan")
    width, size = [], []
    for level in ("0.5", "0.75", "0.9"):
        row = ok("predict", by_value, source, "--interval", level).rows[0]
        width.append(float(row["upper"]) - float(row["lower"]))
        rows = ok("predict", by_class, source, "--interval", level).rows
        size.append(sum(len(json.loads(row["set"])) for row in rows))
    assert width == sorted(width)
    assert size == sorted(size)
    assert size[0] < size[-1]


def test_a_row_that_cannot_be_read_has_no_interval(ok, trained, source, tmp_path):
    lines = source.read_text().splitlines()[:4]
    lines[2] += ",one,too,many"
    file = tmp_path / "in.csv"
    file.write_text("\n".join(lines) + "\n")
    for target, names in (("visits", ["lower", "upper"]), ("churned", ["set"])):
        rows = ok("predict", trained(target), file, "--interval", "0.9").rows
        assert [[bool(row[name]) for name in names] for row in rows] == [
            [True] * len(names),
            [False] * len(names),
            [True] * len(names),
        ]


@pytest.mark.parametrize(
    ("words", "level", "facts", "way"),
    [
        ([], "0.95", "needs 19 calibration rows, and training kept 15 of 30", "--calibration 0.64"),
        (["--calibration", "0.2"], "0.9", "needs 9 .* kept 6 of 30", "--calibration 0.3"),
        (["--calibration", "0"], "0.99", "needs 99 .* all validation rows .* are 30", "more rows"),
        (
            ["--loss", "hinge"],
            "0.9",
            "sets need probabilities, and the loss hinge",
            "nntool train",
        ),
    ],
)
def test_a_level_that_cannot_be_had_is_refused_with_a_way_that_works(
    nntool, ok, trained, typed, source, tmp_path, words, level, facts, way
):
    root = trained("churned", *words)
    file = tmp_path / "out.csv"
    said = nntool("predict", root, source, "--interval", level, "--output", file)
    assert said.code == 2
    assert said.out == b""
    assert not file.exists()
    assert re.search(facts, said.message)
    assert way in said.hint
    first, _, lower = said.hint.partition(", or ")
    if lower:
        level_there = shlex.split(lower)[1]
        ok("predict", root, source, "--interval", level_there)
    if first.startswith("nntool"):
        assert typed(first).code == 0
        ok("predict", root, source, "--interval", level)


def test_without_validation_rows_a_split_that_has_them_is_proposed(
    nntool, ok, split_for, typed, source
):
    root = split_for("churned")
    ok("split", root, "--train", "0.9", "--validation", "0", "--test", "0.1")
    ok("train", root, *SMALL)
    said = nntool("predict", root, source, "--interval", "0.8")
    assert said.code == 2
    assert "the split of this training had no validation rows" in said.message
    assert typed(said.hint).code == 0
    ok("train", root, *SMALL)
    ok("predict", root, source, "--interval", "0.8")


def test_a_model_of_an_older_version_predicts_and_is_trained_again_for_intervals(
    nntool, ok, trained, typed, source
):
    root = trained("churned", "--calibration", "0")
    path = root / "train/model.json"
    model = json.loads(path.read_text())
    del model["calibration"]
    path.write_text(json.dumps(model))
    opened = Run(root)
    entry = opened.manifest.steps["train"]
    entry.writes["train/model.json"] = hashing.record(path)
    del entry.settings["calibration"], entry.asked["calibration"]
    save(root, opened.manifest)
    assert len(ok("predict", root, source).rows) == 60
    said = nntool("predict", root, source, "--interval", "0.9")
    assert said.code == 2
    assert "trained before there were intervals" in said.message
    assert "no intervals" in ok("evaluate", root).err
    assert typed(said.hint).code == 0
    ok("predict", root, source, "--interval", "0.9")


def test_shared_rows_are_told_of(ok, trained, source):
    said = ok("predict", trained("visits", "--calibration", "0"), source, "--interval", "0.9")
    assert "coverage falls short of it (of 0.9, mostly to 0.85 to 0.89)" in said.err
    apart = ok("predict", trained("visits"), source, "--interval", "0.9")
    assert "falls short" not in apart.err


@pytest.mark.parametrize("level", ["0", "1", "90"])
def test_a_level_is_a_share(nntool, trained, source, level):
    root = trained("visits")
    for command in (["predict", root, source], ["evaluate", root]):
        said = nntool(*command, "--interval", level)
        assert said.code == 2
        assert said.message.endswith(f"--interval: expected a number > 0 and < 1, not '{level}'")


# What evaluate says


def test_evaluate_counts_the_rows_whose_value_is_inside(ok, trained):
    root = trained("visits")
    said = ok("evaluate", root, "--interval", "0.75", "--json")
    found = said.json["evaluate"]["intervals"]
    rows = ok("show", root, "evaluate/predictions.csv").rows
    errors = np.array([abs(float(row["target"]) - float(row["prediction"])) for row in rows])
    q = limit_of(root, 0.75)
    assert found["covered"] == pytest.approx((errors <= q).mean())
    assert found["half_width"] == q
    assert found["mean_width"] == 2 * q
    assert (found["rows"], found["calibration_rows"], found["shared"]) == (len(rows), 15, False)
    text = ok("evaluate", root, "--interval", "0.75", "--force").err
    assert (
        f"nntool evaluate: 75 % intervals cover {found['covered']:.3f} of {len(rows)} rows" in text
    )
    assert f"half-width {q:.4g}, from 15 calibration rows" in text


def test_evaluate_counts_the_sets_that_hold_the_class(ok, trained, source):
    root = trained("plan")
    found = ok("evaluate", root, "--data", source, "--json").json["evaluate"]["intervals"]
    rows = ok("predict", root, source, "--interval", "0.9", "--keep", "plan").rows
    sets = [json.loads(row["set"]) for row in rows]
    inside = [row["plan"] in one for row, one in zip(rows, sets, strict=True)]
    assert found["level"] == 0.9
    assert found["covered"] == pytest.approx(np.mean(inside))
    assert found["mean_set_size"] == pytest.approx(np.mean([len(one) for one in sets]))
    assert found["least_probability"] == 1 - limit_of(root, 0.9)


def test_the_level_of_evaluate_is_an_error_only_where_it_was_asked_for(nntool, ok, split_for):
    root = split_for("visits")
    ok("train", root, *SMALL)  # 9 validation rows, 4 of which calibrate
    said = ok("evaluate", root)
    assert "no intervals: --interval 0.9 needs 9 calibration rows, and training kept 4 of 9" in (
        said.err
    )
    report = json.loads((root / "evaluate/metrics.json").read_text())["intervals"]
    assert report["why_none"].startswith("--interval 0.9 needs 9")
    said = nntool("evaluate", root, "--interval", "0.95")
    assert said.code == 2
    assert "--interval 0.95 needs 19 calibration rows" in said.message


def test_rows_that_training_saw_are_named(ok, trained):
    root = trained("visits")
    assert "the network learned from these rows" in ok("evaluate", root, "--part", "train").err
    said = ok("evaluate", root, "--part", "validation").err
    assert "from 15 calibration rows, which are among these rows" in said


@pytest.mark.parametrize("kind", ["value", "class"])
def test_coverage_on_thousands_of_new_rows_is_the_level_whatever_the_network_is_worth(
    ok, tmp_path, write, kind
):
    rng = np.random.default_rng(5)
    x = rng.normal(size=8000)
    y = np.round(2 * x + rng.standard_t(3, size=8000), 4)
    cells = y if kind == "value" else np.array(["no", "yes"])[(y > 0).astype(int)]
    rows = [["x", "y"], *([str(a), str(b)] for a, b in zip(x.round(4), cells, strict=True))]
    root = tmp_path / "run"
    ok("clean", root, write("in.csv", rows), "--target", "y")
    for step in ("transform", "select-features"):
        ok(step, root)
    ok("split", root, "--train", "0.1", "--validation", "0.2", "--test", "0.7")
    ok("train", root, "--hidden", "4", "--epochs", "2")
    found = ok("evaluate", root, "--no-baseline", "--json").json["evaluate"]["intervals"]
    assert (found["calibration_rows"], found["rows"]) == (800, 5600)
    assert found["chance"] == pytest.approx(0.0113, abs=2e-4)  # √(0.9·0.1·(1/802 + 1/5600))
    assert abs(found["covered"] - 0.9) < 3 * found["chance"]


def test_why_sets_of_the_likeliest_class_cover_more_is_said(ok, trained):
    root = trained("churned", "--epochs", "60")
    for level, is_said in (("0.3", True), ("0.9", False)):
        said = ok("evaluate", root, "--part", "train", "--interval", level)
        found = json.loads((root / "evaluate/metrics.json").read_text())["intervals"]
        assert (found["covered"] > found["level"] + 2 * found["chance"]) is is_said
        assert ("at least the likeliest, so that they cover more" in said.err) is is_said
