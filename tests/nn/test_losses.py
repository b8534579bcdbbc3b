"""Losses: checked numbers, extreme logits, weights, and what each refuses."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from nntool.nn.heads import OWN_UNIT, LossTape, TargetMap, Task
from nntool.nn.losses import LOSSES
from nntool.nn.outputs import InvalidTarget, Output, choose_output
from nntool.nn.registry import build

N_CLASSES: dict[Task, int] = {"binary": 2, "multiclass": 3, "regression": 0}


def output_of(name: str, task: Task, target_map: TargetMap = OWN_UNIT, **settings: Any) -> Output:
    loss = build(LOSSES, name, settings)
    return choose_output(task, N_CLASSES[task], loss, target_map=target_map)


def evaluate(
    output: Output, z: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None
) -> tuple[float, LossTape]:
    z = np.asarray(z, np.float64).reshape(len(np.asarray(y)), -1)
    tape = output.tape(len(z), np.float64)
    w = None if weight is None else np.asarray(weight)
    return output.value(z, np.asarray(y), w, tape), tape


@pytest.mark.parametrize(("name", "expected"), [("mae", 13), ("mse", 238.5), ("mape", 23.19)])
def test_the_checked_numbers_of_a_regression(name: str, expected: float) -> None:
    value, _ = evaluate(output_of(name, "regression"), [100, 25, 28, 75], [90.0, 50, 30, 60])
    assert value == pytest.approx(expected, abs=0.005)


def test_the_checked_squared_error_of_one_hypothesis() -> None:
    value, _ = evaluate(output_of("mse", "regression"), [84 + 1.24 * 48], [130.0])
    assert value == pytest.approx(182.8, abs=0.05)


@pytest.mark.parametrize(("p", "expected"), [([0.8, 0.1, 0.1], 0.223), ([0.1, 0.1, 0.8], 2.303)])
def test_the_checked_cross_entropies(p: list[float], expected: float) -> None:
    value, _ = evaluate(output_of("cce", "multiclass"), [np.log(p)], [0])
    assert value == pytest.approx(expected, abs=0.0005)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "task"),
    [(n, t) for n, loss in LOSSES.items() for t in loss.links if t != "regression"],
)
def test_logits_of_ten_thousand_stay_finite(name: str, task: Task, dtype: type) -> None:
    output = output_of(name, task)
    z = np.zeros((4, output.n_outputs), dtype)
    z[:2], z[2:, 0] = 1e4, -1e4
    z[1] *= -1
    y = np.array([0, 1, 0, 1])
    tape = output.tape(4, dtype)
    assert math.isfinite(output.value(z, y, None, tape))
    assert np.isfinite(tape.dz).all()
    p = output.probabilities(z)
    if p is not None:
        np.testing.assert_allclose(p.sum(axis=1), 1)


def test_bce_of_a_wrong_extreme_logit_is_that_logit() -> None:
    value, tape = evaluate(output_of("bce", "binary"), [1e4, -1e4], [0, 0])
    np.testing.assert_array_equal(tape.rows, [1e4, 0])
    assert value == 5000


def test_a_row_counts_by_its_weight_and_the_batch_by_its_rows() -> None:
    output = output_of("mse", "regression")
    value, tape = evaluate(output, [1, 2, 3], [0.0, 0, 0], [2.0, 0, 1])
    assert value == pytest.approx((2 * 1 + 0 * 4 + 1 * 9) / 3)
    np.testing.assert_array_equal(tape.rows, [1, 4, 9])
    np.testing.assert_allclose(tape.dz[:, 0], [2 * 2 / 3, 0, 6 / 3])


def test_smoothing_moves_the_minimum_to_the_smoothed_target() -> None:
    at_minimum = math.log(0.95 / 0.05)
    _, tape = evaluate(output_of("bce", "binary", smoothing=0.1), [at_minimum], [1])
    assert tape.dz[0, 0] == pytest.approx(0, abs=1e-15)
    p = np.array([0.8 + 0.2 / 3, 0.2 / 3, 0.2 / 3])
    _, tape = evaluate(output_of("cce", "multiclass", smoothing=0.2), [np.log(p)], [0])
    np.testing.assert_allclose(tape.dz, 0, atol=1e-15)


def test_focal_without_gamma_is_cross_entropy() -> None:
    z, y = [[0.3, -1, 2], [4, 0, 1]], [1, 0]
    plain, _ = evaluate(output_of("cce", "multiclass"), z, y)
    focal, _ = evaluate(output_of("focal", "multiclass", gamma=0), z, y)
    assert focal == pytest.approx(plain)


def test_half_tau_quantile_is_half_the_absolute_error() -> None:
    z, y = [1, 5, 2], [3.0, 1, 2]
    mae, tape_mae = evaluate(output_of("mae", "regression"), z, y)
    pinball, tape = evaluate(output_of("quantile", "regression", tau=0.5), z, y)
    assert pinball == pytest.approx(mae / 2)
    np.testing.assert_allclose(tape.dz, tape_mae.dz / 2)


def test_mape_is_taken_in_the_targets_own_unit() -> None:
    own_y, own_p = np.array([90.0, 50, 30, 60]), np.array([100.0, 25, 28, 75])
    for log in (False, True):
        to = TargetMap(location=3.0, scale=0.7, log1p=log)
        unit = np.log1p if log else np.asarray
        z, y = (unit(own_p) - 3) / 0.7, (unit(own_y) - 3) / 0.7
        output = output_of("mape", "regression", to)
        assert evaluate(output, z, y)[0] == pytest.approx(23.19, abs=0.005)
        np.testing.assert_allclose(output.values(z[:, np.newaxis]), own_p)


def test_mape_refuses_a_zero_target_by_its_row_even_after_scaling() -> None:
    to = TargetMap(location=0.1, scale=0.3)
    own = np.array([0.4, 1.0, 0.0, 2.0])
    scaled = ((own - 0.1) / 0.3).astype(np.float32)
    with pytest.raises(InvalidTarget, match="row 2 is 0") as caught:
        output_of("mape", "regression", to).check(scaled)
    assert caught.value.row == 2
    output_of("mape", "regression", to, floor=0.5).check(scaled)


@pytest.mark.parametrize(
    ("name", "task", "y", "row"),
    [
        ("poisson", "regression", [1.0, -2.0], 1),
        ("mse", "regression", [math.nan, 1.0], 0),
        ("cce", "multiclass", [0, 1, 3], 2),
        ("bce", "binary", [0, -1], 1),
    ],
)
def test_a_target_without_a_loss_is_refused(
    name: str, task: Task, y: list[float], row: int
) -> None:
    with pytest.raises(InvalidTarget) as caught:
        output_of(name, task).check(np.array(y))
    assert caught.value.row == row


def test_a_target_out_of_the_links_reach_is_refused() -> None:
    output = choose_output("regression", 0, build(LOSSES, "mse"), "sigmoid")
    with pytest.raises(InvalidTarget, match="outside"):
        output.check(np.array([0.5, 1.5]))


def test_a_hinge_beyond_its_margin_has_no_gradient() -> None:
    value, tape = evaluate(output_of("hinge", "binary"), [1.5, -2.0], [1, 0])
    assert value == 0
    assert not tape.dz.any()
    value, tape = evaluate(output_of("hinge", "multiclass"), [[3, 1, 0], [0.5, 1, 0]], [0, 0])
    np.testing.assert_array_equal(tape.rows, [0, 1.5])
    np.testing.assert_array_equal(tape.dz, [[0, 0, 0], [-0.5, 0.5, 0]])
