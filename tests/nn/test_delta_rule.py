"""The delta rule: the checked step, online and batch, Adaline, and where it ends."""

import numpy as np
import pytest

from nntool.nn.batches import ArrayRows, Batch
from nntool.nn.heads import Task
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.outputs import Output, choose_output
from nntool.nn.randomness import Streams
from nntool.nn.registry import build
from nntool.nn.single_layer import DeltaRule
from nntool.nn.stepping import Stepper
from nntool.nn.updating import UpdateRules


def output_of(task: Task = "regression", k: int = 0) -> Output:
    loss = build(LOSSES, DeltaRule.losses[task])
    return choose_output(task, k, loss, DeltaRule.link)


def unit(n_in: int, output: Output, *, bias: bool = True) -> Stepper:
    spec = NetworkSpec(
        n_numeric=n_in, n_outputs=output.n_outputs, hidden=(), initializer="zeros", bias=bias
    )
    rules = UpdateRules(optimizer=DeltaRule())
    return Stepper(Network(spec), output, rules, streams=Streams(1), dtype=np.float64)


def test_the_checked_step_of_the_cafe() -> None:
    s = unit(3, output_of(), bias=False)
    s.theta[:] = 0.5
    order = Batch(np.array([[5, 2, 3]], np.float32), None, np.array([8.5]))
    loss = s.advance(order, 1 / 35)
    assert loss == pytest.approx(3.5**2 / 2)
    np.testing.assert_allclose(s.theta - 0.5, [0.50, 0.20, 0.30], rtol=1e-12)
    assert s.theta @ [5, 2, 3] == pytest.approx(8.80)


def test_a_bias_takes_part_as_the_weight_on_a_constant_1() -> None:
    s = unit(2, output_of())
    s.advance(Batch(np.array([[2, -1]], np.float32), None, np.array([3.0])), 0.1)
    np.testing.assert_allclose(s.theta, [0.1 * 2 * 3, 0.1 * -1 * 3, 0.1 * 3])


def test_a_batch_moves_by_the_mean_of_what_its_rows_would() -> None:
    rng = np.random.default_rng(3)
    x, t = rng.standard_normal((7, 3)).astype(np.float32), rng.standard_normal(7)
    w = rng.standard_normal(4)
    whole = unit(3, output_of())
    whole.theta[:] = w
    whole.advance(Batch(x, None, t), 0.2)
    moves = []
    for row in range(7):
        alone = unit(3, output_of())
        alone.theta[:] = w
        alone.advance(Batch(x[row : row + 1], None, t[row : row + 1]), 0.2)
        moves.append(alone.theta - w)
    np.testing.assert_allclose(whole.theta - w, np.mean(moves, axis=0), rtol=1e-10)


def test_by_batches_of_all_rows_it_comes_to_the_least_squares() -> None:
    rng = np.random.default_rng(4)
    x, t = rng.standard_normal((40, 3)).astype(np.float32), rng.standard_normal(40)
    s = unit(3, output_of())
    for _ in range(400):
        s.advance(Batch(x, None, t), 0.3)
    exact = np.linalg.lstsq(np.hstack([x, np.ones((40, 1))]), t, rcond=None)[0]
    np.testing.assert_allclose(s.theta, exact, atol=1e-6)


@pytest.mark.parametrize("rate", [1.9, 2.1])
def test_one_row_is_learned_below_a_rate_of_2_by_its_squared_length_and_not_above(
    rate: float,
) -> None:
    s = unit(2, output_of())
    row = Batch(np.array([[1, 2]], np.float32), None, np.array([1.0]))
    losses = [s.advance(row, rate / (1 + 4 + 1)) for _ in range(60)]
    assert (losses[-1] < losses[0]) is (rate < 2)


def test_two_classes_are_targets_of_minus_1_and_1_and_the_sign_decides() -> None:
    output = output_of("binary", 2)
    assert (output.head.coding, output.n_outputs) == ("bipolar", 1)
    rng = np.random.default_rng(5)
    x = rng.standard_normal((80, 2)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int32)
    s = unit(2, output)
    for _ in range(200):
        s.advance(Batch(x, None, y), 0.3)
    exact = np.linalg.lstsq(np.hstack([x, np.ones((80, 1))]), 2 * y - 1.0, rcond=None)[0]
    np.testing.assert_allclose(s.theta, exact, atol=1e-6)
    z = x @ s.theta[:2, None] + s.theta[2]
    np.testing.assert_array_equal(output.decide(z), (z[:, 0] >= 0))
    assert output.probabilities(z) is None


def test_three_classes_have_a_linear_unit_each() -> None:
    output = output_of("multiclass", 3)
    assert (output.head.coding, output.n_outputs) == ("bipolar", 3)
    rng = np.random.default_rng(6)
    x = rng.standard_normal((90, 2)).astype(np.float32)
    y = rng.integers(0, 3, 90).astype(np.int32)
    s = unit(2, output)
    rows = ArrayRows(x, target=y)
    for _ in range(300):
        for batch in rows.batches(None, 90):
            s.advance(batch, 0.3)
    targets = 2.0 * np.eye(3)[y] - 1
    exact = np.linalg.lstsq(np.hstack([x, np.ones((90, 1))]), targets, rcond=None)[0]
    weight, bias = s.views.parameters[-1]
    np.testing.assert_allclose(weight, exact[:2], atol=1e-6)
    np.testing.assert_allclose(bias, exact[2], atol=1e-6)
