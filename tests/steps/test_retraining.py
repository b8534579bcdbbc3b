"""The command that an error proposes trains a run that can do what was asked."""

import shlex

import pytest

PROBABILITIES = ["--top", "1"], ["--interval", "0.5"], ["--mc-dropout", "3"], ["--spread"]


@pytest.mark.parametrize(
    "words",
    [
        ["--loss", "hinge", "--dropout", "0.1"],
        ["--optimizer", "perceptron"],
        ["--optimizer", "perceptron", "--learning-rate", "0.5"],
        ["--optimizer", "delta-rule", "--loss", "mse"],
        ["--optimizer", "delta-rule", "--output", "identity", "--batch-size", "full"],
    ],
    ids=shlex.join,
)
@pytest.mark.parametrize("asked", PROBABILITIES, ids=shlex.join)
def test_where_probabilities_are_missing(nntool, ok, split_for, typed, source, words, asked):
    root = split_for("churned")
    ok("train", root, "--epochs", "2", "--ensemble", "2", *words)
    for _ in range(2):  # the first may be about dropout, the second about the loss
        said = nntool("predict", root, source, *asked)
        if said.code:
            assert said.code == 2
            assert typed(command_in(said.hint)).code == 0
    ok("predict", root, source, *asked)


@pytest.mark.parametrize(
    "words",
    [
        ["--optimizer", "lbfgs", "--hidden", "3"],
        ["--optimizer", "adam", "--dropout", "0"],
        ["--optimizer", "sgd", "--hidden", "none"],
        ["--optimizer", "newton-cg", "--hidden", "none"],
        ["--optimizer", "weight-perturbation"],
        ["--optimizer", "delta-rule", "--learning-rate", "0.001"],
    ],
    ids=shlex.join,
)
@pytest.mark.parametrize("target", ["churned", "visits"])
def test_where_dropout_is_missing(nntool, ok, split_for, typed, source, target, words):
    root = split_for(target)
    ok("train", root, "--epochs", "2", *words)
    said = nntool("predict", root, source, "--mc-dropout", "2")
    assert said.code == 2
    assert "--mc-dropout needs dropout" in said.message
    assert typed(command_in(said.hint)).code == 0
    ok("predict", root, source, "--mc-dropout", "2")


def test_what_belongs_to_another_method_is_not_proposed_with_it(nntool, ok, split_for, source):
    root = split_for("churned")
    given = ["--patience", "3", "--learning-rate", "0.5"]
    ok("train", root, "--optimizer", "perceptron", "--epochs", "2", *given)
    said = nntool("predict", root, source, "--mc-dropout", "2")
    assert command_in(said.hint) == f"nntool train {root} --dropout 0.2 --epochs 2 --patience 3"


def command_in(hint):
    return "nntool train" + hint.partition("nntool train")[2].removesuffix(", then predict again")
