"""``evaluate --importance``: against scikit-learn's, and facts that hold exactly."""

import json

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.inspection import permutation_importance

from nntool.run.directory import Run
from nntool.steps import scoring
from nntool.tables import transforming


def importance(root):
    return json.loads((root / "evaluate/metrics.json").read_text())["importance"]


class Network:
    """The run's network as scikit-learn wants an estimator."""

    def __init__(self, model):
        self.model = model

    def fit(self, x, y):
        """It is fitted."""
        return self

    def loss(self, _, x, y):
        """The negative log loss."""
        z = scoring.outputs(self.model, x.astype(np.float32), np.zeros((len(x), 0), np.int32))
        return -reference.log_loss(y, self.model.answer(z)[1])


@pytest.fixture
def learned(ok, split_for):
    root = split_for("churned")
    ok("transform", root, "--scale", "standard", "--force")
    ok("select-features", root, "--drop", "visits")
    ok("train", root, "--epochs", "40", "--hidden", "8", "--learning-rate", "0.02")
    return root


def test_it_is_scikit_learns_where_a_column_is_one_feature(ok, learned):
    ok("evaluate", learned, "--part", "train", "--importance", "60", "--no-baseline")
    found = {tuple(c["columns"]): c for c in importance(learned)["columns"]}
    scored = scoring.Parts(Run.existing(str(learned))).scored("train")
    network = Network(scored.model)
    expected = permutation_importance(
        network, scored.numeric, scored.target, scoring=network.loss, n_repeats=60, random_state=1
    )
    at = scored.model.plain["columns"].index("age")
    ours = found[("age",)]
    error = np.hypot(ours["sd"], expected.importances_std[at]) / np.sqrt(60)
    assert ours["mean"] == pytest.approx(expected.importances_mean[at], abs=4 * error)
    assert ours["sd"] == pytest.approx(expected.importances_std[at], rel=0.4)
    assert ours["mean"] > 10 * error  # it matters
    assert importance(learned)["columns"][0]["columns"] in (["age"], ["plan"])


def test_a_column_that_is_not_used_has_none_at_all(ok, learned):
    said = ok("evaluate", learned, "--importance", "3")
    [unused] = [c for c in importance(learned)["columns"] if c["columns"] == ["visits"]]
    assert (unused["features"], unused["mean"], unused["sd"]) == (0, 0, 0)
    [line] = [line for line in said.text.splitlines() if line.startswith("visits")]
    assert line.endswith("not used by the network")
    [header] = [line for line in said.text.splitlines() if line.startswith("importance")]
    assert header.endswith("rise of log-loss  ± sd")


@pytest.mark.parametrize(("repeats", "heading"), [("2", "rise of log-loss ± sd"), ("1", "")])
def test_the_spread_has_a_heading_where_there_is_one(ok, learned, repeats, heading):
    said = ok("evaluate", learned, "--importance", repeats)
    [line] = [line for line in said.text.splitlines() if line.startswith("importance")]
    assert heading in " ".join(line.split())
    assert ("sd" in line) == bool(heading)


def test_all_columns_of_a_source_move_together(ok, learned):
    """One-hot columns of a plan, permuted by themselves, would be rows that cannot be."""
    ok("evaluate", learned, "--part", "train", "--importance", "1", "--seed", "3")
    scored = scoring.Parts(Run.existing(str(learned))).scored("train")
    rng = np.random.default_rng(3)
    order = rng.permutation(len(scored.target))
    names = scored.model.plain["columns"]
    at = [i for i, name in enumerate(names) if name.startswith("plan")]
    assert len(at) > 1
    x = scored.numeric.copy()
    x[:, at] = scored.numeric[order][:, at]

    def loss(x):
        return reference.log_loss(
            scored.target, scored.model.answer(scoring.outputs(scored.model, x, scored.codes))[1]
        )

    [plan] = [c for c in importance(learned)["columns"] if c["columns"] == ["plan"]]
    assert plan["mean"] == pytest.approx(loss(x) - loss(scored.numeric))
    assert plan["sd"] is None


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(ok, learned):
    def drops(seed):
        ok("evaluate", learned, "--importance", "2", "--seed", seed, "--force")
        return [c["drops"] for c in importance(learned)["columns"]]

    assert drops(1) == drops(1)
    assert drops(1) != drops(2)


def test_many_rows_are_sampled_and_that_is_said(ok, learned, monkeypatch):
    from nntool.steps.evaluating import importance as module

    monkeypatch.setattr(module, "MOST_ROWS", 5)
    said = ok("evaluate", learned, "--importance", "2")
    assert (importance(learned)["rows"], importance(learned)["of"]) == (5, 9)
    assert "importance is measured on a seeded sample of 5 of 9 rows" in said.err
    values = set()
    for seed in range(3):
        ok("evaluate", learned, "--importance", "1", "--seed", seed)
        values.add(importance(learned)["value"])
    assert len(values) > 1  # of other rows


def test_the_spread_is_that_of_the_repeats(ok, learned):
    ok("evaluate", learned, "--part", "train", "--importance", "4")
    for column in importance(learned)["columns"]:
        assert len(column["drops"]) == 4
        assert column["mean"] == pytest.approx(np.mean(column["drops"]))
        assert column["sd"] == pytest.approx(np.std(column["drops"], ddof=1))


def test_categories_that_are_codes_move_too(ok, split_for):
    root = split_for("churned")
    ok("transform", root, "--encode", "embedding", "--force")
    ok("select-features", root, "--force")
    ok("train", root, "--epochs", "60", "--hidden", "8", "--learning-rate", "0.02")
    ok("evaluate", root, "--part", "train", "--importance", "2")
    [plan] = [c for c in importance(root)["columns"] if c["columns"] == ["plan"]]
    assert plan["features"] == 1
    assert plan["mean"] > 0


def test_a_regression_loses_r2(ok, split_for):
    root = split_for("visits")
    ok("train", root, "--epochs", "60", "--hidden", "8", "--learning-rate", "0.02")
    ok("evaluate", root, "--part", "train", "--importance", "5")
    found = importance(root)
    assert found["metric"] == "r2"
    assert found["columns"][0]["columns"] == ["age"]
    means = [column["mean"] for column in found["columns"]]
    assert means == sorted(means, reverse=True)


def test_columns_that_are_mixed_move_as_one_block():
    def entry(source, *produces):
        return {"source": source, "produces": list(produces)}

    state = {
        "columns": [entry("a", "a"), entry("b", "b=x", "b=y"), entry("c", "c"), entry("d", "d")],
        "mixers": [{"inputs": ["a", "c"], "produces": ["pc1", "pc2"], "replaces": True}],
        "imputers": [{"fills": ["b"], "reads": ["d"]}],
    }
    found = transforming.blocks(state, ["b=x", "pc1", "b=y"])
    assert found == [(["a", "c"], ["pc1"]), (["b"], ["b=x", "b=y"]), (["d"], [])]
