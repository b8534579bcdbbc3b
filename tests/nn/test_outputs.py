"""What raw outputs become, and which combinations are refused."""

import json

import numpy as np
import pytest

from nntool.nn.heads import Task
from nntool.nn.links import TanhLink
from nntool.nn.losses import LOSSES
from nntool.nn.outputs import DEFAULT_LOSSES, choose_output, losses_for, output_from_plain
from nntool.nn.registry import InvalidChoice, build


@pytest.mark.parametrize(
    ("task", "k", "loss", "link", "n_outputs"),
    [
        ("binary", 2, "bce", "auto", 1),
        ("binary", 2, "cce", "auto", 2),
        ("binary", 2, "mse", "softmax", 2),
        ("binary", 2, "hinge", "auto", 1),
        ("multiclass", 5, "cce", "auto", 5),
        ("multiclass", 5, "hinge", "auto", 5),
        ("regression", 0, "mse", "auto", 1),
    ],
)
def test_the_number_of_outputs(task: Task, k: int, loss: str, link: str, n_outputs: int) -> None:
    assert choose_output(task, k, build(LOSSES, loss), link).n_outputs == n_outputs


@pytest.mark.parametrize(
    ("task", "loss", "link", "coding", "message"),
    [
        ("regression", "bce", "auto", "auto", "not for a regression task; choose from half-mse, h"),
        ("binary", "mape", "auto", "auto", "not for a binary task; choose from bce, cce"),
        ("multiclass", "bce", "auto", "auto", "choose from cce"),
        ("binary", "bce", "tanh", "auto", "does not go with output link 'tanh'; choose from sigm"),
        ("binary", "bce", "logit", "auto", "output link 'logit' is not known; choose from exp"),
        ("binary", "bce", "auto", "bipolar", "target coding is not for loss 'bce'"),
        ("regression", "mse", "auto", "bipolar", "target coding is not for loss 'mse'"),
        ("binary", "mse", "sigmoid", "bipolar", "takes target coding one-hot, not bipolar"),
        ("binary", "mse", "tanh", "one-hot", "takes target coding bipolar, not one-hot"),
        ("binary", "mse", "tanh", "trits", "target coding 'trits' is not known"),
    ],
)
def test_what_makes_no_sense_is_refused_and_what_does_is_named(
    task: Task, loss: str, link: str, coding: str, message: str
) -> None:
    with pytest.raises(InvalidChoice, match=message):
        choose_output(task, 2, build(LOSSES, loss), link, coding)  # type: ignore[arg-type]  # wrong on purpose


def test_each_task_has_a_default_loss_that_is_meant_for_it() -> None:
    for task, loss in DEFAULT_LOSSES.items():
        assert loss in losses_for(task)


@pytest.mark.parametrize(
    ("loss", "link", "z", "p"),
    [
        ("bce", "auto", [[0.0], [np.log(3)]], [[0.5, 0.5], [0.25, 0.75]]),
        ("mse", "tanh", [[0.0], [np.arctanh(0.5)]], [[0.5, 0.5], [0.25, 0.75]]),
        ("mse", "softmax", [[0.0, 0.0], [0.0, np.log(3)]], [[0.5, 0.5], [0.25, 0.75]]),
    ],
)
def test_probabilities_of_two_classes(
    loss: str, link: str, z: list[list[float]], p: list[list[float]]
) -> None:
    output = choose_output("binary", 2, build(LOSSES, loss), link)
    np.testing.assert_allclose(output.probabilities(np.array(z)), p)
    assert output.decide(np.array(z)).tolist() == [1 if loss == "bce" or link == "tanh" else 0, 1]


def test_outputs_by_themselves_are_divided_by_their_sum() -> None:
    output = choose_output("multiclass", 3, build(LOSSES, "mse"), "sigmoid")
    z = np.array([[0.0, 0.0, np.log(3)], [-1e4, -1e4, -1e4]])
    p = output.probabilities(z)
    np.testing.assert_allclose(p, [[2 / 7, 2 / 7, 3 / 7], [1 / 3, 1 / 3, 1 / 3]])


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_bipolar_targets_bring_their_own_link(task: Task) -> None:
    output = choose_output(task, 2, build(LOSSES, "mse"), coding="bipolar")
    assert isinstance(output.head.link, TanhLink)
    assert output_from_plain(json.loads(json.dumps(output.as_plain()))) == output


def test_scores_are_no_probabilities() -> None:
    output = choose_output("multiclass", 3, build(LOSSES, "hinge"))
    z = np.array([[0.1, 3.0, -2.0]])
    assert output.probabilities(z) is None
    assert output.decide(z).tolist() == [1]
