"""What weights are worth on rows that they did not learn from."""

from typing import Any

import numpy as np
import pytest

from nntool.nn import judging
from nntool.nn.batches import ArrayRows
from nntool.nn.judging import Collector, Judge, Verdict, first_rows, some_rows
from nntool.nn.losses import LOSSES
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.outputs import choose_output
from nntool.nn.registry import InvalidChoice, build

RNG = np.random.default_rng(6)
N_ROWS = 37
X = RNG.standard_normal((N_ROWS, 3)).astype(np.float32)
Y = RNG.standard_normal(N_ROWS)
WEIGHT = RNG.uniform(0.5, 1.5, N_ROWS)
NET = Network(NetworkSpec(n_numeric=3, hidden=(5,), n_outputs=1, batch_norm=True, dropout=0.5))
OUTPUT = choose_output("regression", 0, build(LOSSES, "mse"))
THETA = NET.initial(RNG, np.float64) + 0.1 * RNG.standard_normal(NET.size)
STATS = NET.initial_stats(np.float64) + 0.5


def judge(rows: ArrayRows | None, monitor: str = "auto", metrics: Any = None) -> Judge:
    return Judge(NET, OUTPUT, rows, metrics, monitor)


def by_hand(theta: np.ndarray = THETA) -> np.ndarray:
    """The loss of each row, in prediction: running statistics, no dropout."""
    _, (w1,), (gamma, beta), _, _, (w2, b2) = NET.bind(theta, STATS).parameters
    mean, variance = NET.bind(theta, STATS).statistics[2]
    h = (X @ w1 - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    z = (np.maximum(h, 0) @ w2 + b2)[:, 0]
    return np.asarray(WEIGHT * (z - Y) ** 2)


def test_the_validation_loss_is_the_weighted_mean_over_rows_whatever_the_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stats = STATS.copy()
    for block in (1024, 37, 10, 1):
        monkeypatch.setattr(judging, "BLOCK_ROWS", block)
        j = judge(ArrayRows(X, None, Y, WEIGHT))
        assert j.validate(THETA, stats).loss == pytest.approx(by_hand().mean(), rel=1e-12)
        other = judge(None).loss_on(ArrayRows(X, None, Y, WEIGHT), THETA, stats)
        assert other == pytest.approx(by_hand().mean(), rel=1e-12)
    np.testing.assert_array_equal(stats, STATS, "judging moves no statistics")


def test_metrics_are_measured_once_on_all_rows_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judging, "BLOCK_ROWS", 10)
    seen: list[tuple[np.ndarray, ...]] = []

    def measure(z: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> dict[str, float]:
        assert weight is not None
        seen.append((z[:, 0], y, weight))
        return {"mean": float(y.mean())}

    verdict = judge(ArrayRows(X, None, Y, WEIGHT), metrics=measure).validate(THETA, STATS)
    assert verdict.metrics == {"mean": Y.mean()}
    ((z, y, weight),) = seen
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(weight, WEIGHT)
    np.testing.assert_allclose(weight * (z - y) ** 2, by_hand(), rtol=1e-9)


def test_without_rows_or_metrics_there_is_no_verdict_on_them() -> None:
    assert judge(None).validate(THETA, STATS) == Verdict()
    assert judge(ArrayRows(X, None, Y)).validate(THETA, STATS).metrics is None


def test_units_that_nothing_moves_are_counted() -> None:
    theta = THETA.copy()
    gamma, beta = NET.bind(theta, STATS).parameters[2]
    gamma[:] = 1
    beta[:] = [-1e3, -1e3, 1e3, 0, 1e3]
    j = judge(ArrayRows(X, None, Y))
    assert j.validate(theta, STATS).idle == {"hidden1": 0.4}
    assert judge(None).idle_on(ArrayRows(X, None, Y), theta, STATS) == {"hidden1": 0.4}


def test_in_a_sorted_table_a_unit_that_serves_its_end_is_not_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judging, "BLOCK_ROWS", 20)
    order = np.argsort(X[:, 0])
    theta = THETA.copy()
    _, (w1,), (gamma, beta), *_ = NET.bind(theta, STATS).parameters
    w1[:], gamma[:], beta[:] = 0, 1, -1
    w1[0] = 2  # each unit is active where the first input is large
    verdict = judge(ArrayRows(X, None, Y, None, order)).validate(theta, STATS)
    assert verdict.idle == {"hidden1": 0.0}
    drawn = some_rows(ArrayRows(X, None, Y, None, order), 20)
    assert drawn.n_rows == 20
    assert len(np.intersect1d(drawn.rows, order[:20])) < 20
    assert some_rows(ArrayRows(X, None, Y), 99).n_rows == N_ROWS


@pytest.mark.parametrize(
    ("broken", "place"), [("data", "data"), ("hidden1", "hidden1"), ("output", "output")]
)
def test_a_loss_that_is_not_finite_names_its_place(broken: str, place: str) -> None:
    x, theta = X.copy(), THETA.copy()
    if broken == "data":
        x[30, 1] = np.inf
    else:
        theta[NET.layer_slices()[broken][0].start] = np.nan
    with np.errstate(all="ignore"):
        verdict = judge(ArrayRows(x, None, Y)).validate(theta, STATS)
    assert verdict.not_finite_in == place
    assert verdict.loss is not None
    assert not np.isfinite(verdict.loss)


def test_finite_outputs_with_a_loss_that_is_not_blame_the_output() -> None:
    with np.errstate(all="ignore"):
        verdict = judge(ArrayRows(X, None, Y * 1e200)).validate(THETA, STATS)
    assert verdict.not_finite_in == "output"


ROWS = ArrayRows(X, None, Y)
JUDGED = Verdict(0.5, {"r2": 0.9})


@pytest.mark.parametrize(
    ("rows", "monitor", "verdict", "number"),
    [
        (ROWS, "auto", JUDGED, 0.5),
        (ROWS, "validation-loss", JUDGED, 0.5),
        (ROWS, "train-loss", JUDGED, 0.7),
        (ROWS, "r2", JUDGED, 0.9),
        (ROWS, "auto", Verdict(), None),
        (ROWS, "r2", Verdict(), None),
        (ROWS, "train-loss", Verdict(), 0.7),
        (None, "auto", Verdict(), 0.7),
        (None, "train-loss", Verdict(), 0.7),
    ],
)
def test_the_weights_go_by_what_is_monitored(
    rows: ArrayRows | None, monitor: str, verdict: Verdict, number: float | None
) -> None:
    found = judge(rows, monitor, lambda z, y, weight: {"r2": 0.9}).monitored(0.7, verdict)
    assert found == number


@pytest.mark.parametrize(
    ("rows", "monitor", "verdict", "names"),
    [
        (ROWS, "auc", JUDGED, "r2, train-loss, validation-loss"),
        (None, "validation-loss", Verdict(), "train-loss"),
        (None, "r2", Verdict(), "train-loss"),
    ],
)
def test_what_is_not_measured_cannot_be_monitored(
    rows: ArrayRows | None, monitor: str, verdict: Verdict, names: str
) -> None:
    j = judge(rows, monitor, lambda z, y, weight: {"r2": 0.9})
    with pytest.raises(InvalidChoice, match=f"no '{monitor}' to monitor; choose from {names}$"):
        j.monitored(0.7, verdict)


def test_a_collector_keeps_copies_and_stops_at_its_limit() -> None:
    def measure(z: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> dict[str, float]:
        return {"rows": float(len(z)), "sum": float(z.sum()), "weighted": float(weight is not None)}

    c = Collector(measure, limit=15)
    z = np.ones((10, 1))
    for batch in ArrayRows(X, None, Y).batches(None, 10):
        c.take(z[: batch.n_rows], batch)
        z += 1
    assert c.metrics() == {"rows": 20.0, "sum": 30.0, "weighted": 0.0}
    assert Collector(measure).metrics() is None
    assert Collector(None).metrics() is None


def test_the_first_rows_stand_as_they_do_in_the_source() -> None:
    index = np.array([5, 3, 8, 1])
    batch = first_rows(ArrayRows(X, None, Y, None, index), 3)
    np.testing.assert_array_equal(batch.numeric, X[[5, 3, 8]])
    assert first_rows(ArrayRows(X, None, Y, None, index)).n_rows == 4


def test_a_collector_keeps_only_what_the_metrics_need() -> None:
    class Hits:
        def __call__(self, z: np.ndarray, y: np.ndarray, weight: None) -> dict[str, float]:
            raise AssertionError("the outputs themselves are not wanted")

        def keep(self, z: np.ndarray) -> np.ndarray:
            return z.argmax(axis=1)

        def of_kept(self, kept: np.ndarray, y: np.ndarray, weight: None) -> dict[str, float]:
            assert kept.shape == y.shape
            return {"classes": float(kept.sum())}

    c = Collector(Hits())
    for batch in ArrayRows(X, None, Y).batches(None, 10):
        c.take(np.eye(7)[np.arange(batch.n_rows) % 7], batch)
    n_of = np.bincount(np.arange(10) % 7, minlength=7)
    blocks = len(X) // 10
    rest = np.arange(len(X) % 10) % 7
    assert c.metrics() == {"classes": float(blocks * (n_of * np.arange(7)).sum() + rest.sum())}
