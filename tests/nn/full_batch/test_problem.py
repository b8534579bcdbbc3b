"""Loss and penalties of all rows as one function: derivatives, blocks, memory."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from nntool.nn.arrays import Array
from nntool.nn.augmentation import LevelMask, level_counts
from nntool.nn.batches import ArrayRows, Batch, stretches
from nntool.nn.curvature import Curvature
from nntool.nn.full_batch import problem as problem_module
from nntool.nn.full_batch.problem import Asked, Note, Problem, rows_of_block
from nntool.nn.judging import Judge
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec, Views
from nntool.nn.outputs import Output, choose_output
from nntool.nn.penalties import L2, WeightElimination
from nntool.nn.randomness import Streams
from nntool.nn.registry import build
from nntool.nn.sampling import Sampler

RNG = np.random.default_rng(0)
N_ROWS = 103
X = RNG.standard_normal((N_ROWS, 3)).astype(np.float32)
CODES = RNG.integers(1, 4, (N_ROWS, 1)).astype(np.int32)
WEIGHT = RNG.uniform(0.5, 1.5, N_ROWS).astype(np.float32)
TARGET = RNG.standard_normal(N_ROWS).astype(np.float32)
ROWS = ArrayRows(X, CODES, TARGET, WEIGHT)
PENALTIES = (L2(rate=0.01), WeightElimination(rate=0.02))


def output_of(loss: str = "mse") -> Output:
    return choose_output("regression", 0, build(LOSSES, loss))


def network() -> Network:
    spec = NetworkSpec(n_numeric=3, levels=(4,), hidden=(5,), n_outputs=1, activation="tanh")
    return Network(spec)


def problem(block_rows: int = 32, loss: str = "mse", masks: tuple[LevelMask, ...] = ()) -> Problem:
    return Problem(
        network(),
        output_of(loss),
        ROWS,
        PENALTIES,
        stats=np.empty(0),
        masks=masks,
        block_rows=block_rows,
    )


@pytest.fixture
def theta() -> Array:
    """Parameters of no meaning."""
    return 0.5 * np.random.default_rng(1).standard_normal(network().size)


def test_the_value_is_the_mean_loss_of_all_rows_and_the_penalties(theta: Array) -> None:
    p = problem()
    point = p.at(theta)
    loss = Judge(p.net, p.output, None, None, "auto").loss_on(ROWS, theta, np.empty(0))
    penalty = sum(penalty.value(theta[: p.net.n_weights]) for penalty in PENALTIES)
    assert point.value == pytest.approx(loss + penalty, rel=1e-14)
    assert isinstance(point.note, Note)
    assert point.note.loss == pytest.approx(loss, rel=1e-14)


def test_the_gradient_is_that_of_the_value(theta: Array) -> None:
    p = problem()
    gradient, step = p.at(theta).gradient, 1e-6
    for i in range(len(theta)):
        e = np.zeros_like(theta)
        e[i] = step
        slope = (p.at(theta + e).value - p.at(theta - e).value) / (2 * step)
        assert gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("loss", ["mse", "half-mse"])
def test_matrices_are_those_of_their_products_and_of_the_gradient(theta: Array, loss: str) -> None:
    p = problem(loss=loss)
    hessian, gauss_newton = p.hessian(theta), p.gauss_newton(theta)
    assert (hessian == hessian.T).all()
    v, step = np.random.default_rng(2).standard_normal(len(theta)), 1e-6
    change = (p.at(theta + step * v).gradient - p.at(theta - step * v).gradient) / (2 * step)
    np.testing.assert_allclose(p.hessian_product(theta, v), change, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(hessian @ v, change, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(p.gauss_newton_product(theta, v), gauss_newton @ v, rtol=1e-10)
    assert np.linalg.eigvalsh(gauss_newton).min() > -1e-12
    assert p.counts["products"] == 2 + 2 * len(theta)  # a matrix is worth a product a column


@pytest.mark.parametrize("block_rows", [1, 10, 64])
def test_blocks_come_to_the_same_as_all_rows_at_once(theta: Array, block_rows: int) -> None:
    cut, whole = problem(block_rows), problem(N_ROWS)
    a, b = cut.at(theta), whole.at(theta)
    assert a.value == pytest.approx(b.value, rel=1e-14)
    np.testing.assert_allclose(a.gradient, b.gradient, rtol=1e-11, atol=1e-14)
    v = np.ones_like(theta)
    for of_cut, of_whole in (
        (cut.hessian_product(theta, v), whole.hessian_product(theta, v)),
        (cut.gauss_newton_product(theta, v), whole.gauss_newton_product(theta, v)),
        (cut.gauss_newton(theta), whole.gauss_newton(theta)),
        (cut.hessian(theta), whole.hessian(theta)),
    ):
        np.testing.assert_allclose(of_cut, of_whole, rtol=1e-10, atol=1e-13)


def test_the_same_parameters_give_the_same_bytes_again(theta: Array) -> None:
    p = problem()
    first = p.at(theta)
    p.at(theta + 1)
    again = p.at(theta)
    assert (first.value, first.gradient.tobytes()) == (again.value, again.gradient.tobytes())


def test_levels_that_stand_for_unseen_ones_are_the_same_rows_each_time(theta: Array) -> None:
    mask = LevelMask(level_counts(ROWS, [4]))
    p = problem(masks=(mask,))
    first = p.at(theta)
    assert first.value == p.at(theta).value != problem().at(theta).value
    table = next(place for place in p.net.places if place.name == "inputs.embedding1")
    assert first.gradient[table.slice].reshape(table.shape)[0].any()  # slot 0 is learned
    v = np.random.default_rng(2).standard_normal(len(theta))
    change = (p.at(theta + 1e-6 * v).gradient - p.at(theta - 1e-6 * v).gradient) / 2e-6
    np.testing.assert_allclose(p.hessian_product(theta, v), change, rtol=1e-6, atol=1e-8)


def test_a_place_where_numbers_end_is_infinitely_high_and_said_where(theta: Array) -> None:
    p = problem()
    assert p.at(theta * 1e300).value == np.inf
    broken = theta.copy()
    broken[next(place for place in p.net.places if place.name == "hidden1.bias").slice] = np.nan
    assert p.at(broken).value == np.inf
    assert p.first_not_finite(broken) == (1, "hidden1")


def test_rows_that_are_one_block_are_gathered_once_and_passed_once_for_products_in_a_row(
    theta: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits: list[int] = []
    visit = Curvature.visit

    def counted(self: Curvature, views: Views, batch: Batch, share: float = 1.0) -> float:
        visits.append(batch.n_rows)
        return visit(self, views, batch, share)

    mask = LevelMask(level_counts(ROWS, [4]))
    fresh, p = (problem(N_ROWS, masks=(mask,)) for _ in range(2))
    v = np.random.default_rng(2).standard_normal(len(theta))
    elsewhere = fresh.hessian_product(theta + 1, v)
    here = problem(N_ROWS, masks=(mask,)).hessian_product(theta, v)
    p.at(theta)
    monkeypatch.setattr(Curvature, "visit", counted)
    monkeypatch.setattr(ROWS, "batches", None)  # they are asked for no more
    for _ in range(3):
        assert p.hessian_product(theta, v).tobytes() == here.tobytes()
    p.gauss_newton_product(theta, v)
    assert visits == [N_ROWS]
    p.at(theta + 1)  # another point in between, on the same parameters in place
    assert p.hessian_product(theta, v).tobytes() == here.tobytes()
    moved = theta.copy()
    assert p.hessian_product(moved, v).tobytes() == here.tobytes()
    moved += 1
    assert p.hessian_product(moved, v).tobytes() == elsewhere.tobytes()
    assert visits == [N_ROWS] * 2


def test_being_asked_to_stop_is_heard_after_each_block(theta: Array) -> None:
    p = problem()
    rows: list[int] = []
    p.passed = rows.append
    p.should_stop = lambda: sum(rows) >= 64
    with pytest.raises(Asked):
        p.at(theta)
    assert rows == [32, 32]


class Endless:
    """A source that makes its rows as they are asked for."""

    def __init__(self, n_rows: int) -> None:
        self.n_rows = n_rows
        self.reads = 0

    def batches(
        self,
        rng: np.random.Generator | None,
        batch_size: int,
        min_rows: int = 1,
        sampler: Sampler | None = None,
    ) -> Iterator[Batch]:
        self.reads += 1
        for start, stop in stretches(self.n_rows, batch_size, min_rows):
            x = np.sin(np.arange(start, stop, dtype=np.float32))[:, np.newaxis]
            yield Batch(np.repeat(x, 20, axis=1), target=x[:, 0])


def peak_of(n_rows: int) -> int:
    net = Network(NetworkSpec(n_numeric=20, hidden=(30,), n_outputs=1, activation="tanh"))
    theta = net.initial(Streams(0)["init"], np.float64)
    p = Problem(net, output_of(), Endless(n_rows), stats=np.empty(0), block_rows=500)
    tracemalloc.start()
    p.at(theta)
    p.hessian_product(theta, theta)
    p.gauss_newton_product(theta, theta)
    p.gauss_newton(theta)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_rows_beyond_those_that_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nntool.nn.full_batch.problem.KEPT_BYTES", 100_000)  # 625 rows
    assert peak_of(20_000) < 1.1 * peak_of(2_000)


@pytest.mark.parametrize(("budget", "reads"), [(20 * 8 * 1_200, 1), (20 * 8 * 1_200 - 1, 3)])
def test_rows_are_read_once_where_they_fit_the_budget(
    budget: int, reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problem_module, "KEPT_BYTES", budget)
    net = Network(NetworkSpec(n_numeric=20, hidden=(3,), n_outputs=1, activation="tanh"))
    theta = net.initial(Streams(0)["init"], np.float64)
    rows = Endless(1_200)
    p = Problem(net, output_of(), rows, stats=np.empty(0), block_rows=500)
    first = p.at(theta)
    for _ in range(2):
        again = p.at(theta)
        assert again.value == first.value
        np.testing.assert_array_equal(again.gradient, first.gradient)
    assert rows.reads == reads


def test_the_rows_of_a_block_follow_the_widths_alone() -> None:
    def rows(*hidden: int) -> int:
        return rows_of_block(Network(NetworkSpec(n_numeric=8, hidden=hidden, n_outputs=1)))

    assert rows(8) >= rows(64) >= rows(512, 512) >= rows(4096) >= 1024


def test_idle_units_are_told_of_the_point_that_was_evaluated_last(theta: Array) -> None:
    p = problem(block_rows=N_ROWS)
    first, last = p.at(theta), p.at(theta + 100)  # far out all units are saturated
    assert p.idle(last) == {"hidden1": 1.0}
    assert p.idle(first) == {}
    assert p.idle(p.at(theta)) == {"hidden1": 0.0}
    in_blocks = problem(block_rows=32)
    assert in_blocks.idle(in_blocks.at(theta)) == {}
    mask = LevelMask(level_counts(ROWS, [4]))
    drawn = problem(block_rows=N_ROWS, masks=(mask,))
    assert drawn.idle(drawn.at(theta)) == {}
