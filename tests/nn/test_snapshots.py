"""Snapshots: the weights at the ends of the cycles of one training, through stops and all."""

from collections.abc import Callable

import numpy as np
import pytest

from nntool.nn.batches import ArrayRows
from nntool.nn.losses import MSE
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers import Adam
from nntool.nn.outputs import choose_output
from nntool.nn.plan import Plan
from nntool.nn.randomness import Streams
from nntool.nn.schedules.by_time import Cosine
from nntool.nn.stopping import EarlyStopping
from nntool.nn.training import Trainer
from nntool.nn.updating import UpdateRules

RNG = np.random.default_rng(0)
X = RNG.standard_normal((100, 4)).astype(np.float32)
Y = RNG.standard_normal(100).astype(np.float32)


def trainer(snapshots: int = 3, epochs: int = 10, patience: int | None = None) -> Trainer:
    plan = Plan(
        rules=UpdateRules(optimizer=Adam()),
        epochs=epochs,
        learning_rate=0.02,
        schedule=Cosine(cycles=max(1, snapshots)),
        snapshots=snapshots,
    )
    return Trainer(
        Network(NetworkSpec(n_numeric=4, hidden=(8,), n_outputs=1, batch_norm=True)),
        choose_output("regression", 0, MSE()),
        plan,
        ArrayRows(X, target=Y, index=np.arange(60)),
        ArrayRows(X, target=Y, index=np.arange(60, 100)),
        streams=Streams(1),
        stopping=EarlyStopping(patience, min_delta=100),  # no progress is ever enough
    )


def test_the_weights_at_the_end_of_each_cycle_are_kept() -> None:
    t, seen = trainer(), {}
    for report in t.run():
        seen[report.epoch] = t.theta.copy(), t.stats.copy()
    theta, stats, epochs = t.members()
    assert epochs == [3, 6, 10]
    for k, epoch in enumerate(epochs):
        assert theta[k].tobytes() == seen[epoch][0].tobytes()
        assert stats[k].tobytes() == seen[epoch][1].tobytes()
    assert len({row.tobytes() for row in theta}) == 3


def test_patience_does_not_end_it() -> None:
    without = trainer(snapshots=0, epochs=30, patience=2)
    list(without.run())
    assert without.ended == "patience"
    t = trainer(snapshots=3, epochs=30, patience=2)
    list(t.run())
    assert (t.ended, t.epoch, t.members()[2]) == ("epochs", 30, [10, 20, 30])


@pytest.mark.parametrize("stop_after", [1, 3, 7, 9])
def test_a_restored_training_ends_with_the_same_snapshots(stop_after: int) -> None:
    whole = trainer(patience=1)
    list(whole.run())
    first = trainer(patience=1)
    for report in first.run(stopper(first, stop_after)):
        assert report.epoch <= stop_after
    assert first.ended == "asked"
    second = trainer(patience=1)
    second.restore(*first.state())
    assert second.members()[0].tobytes() == first.members()[0].tobytes()
    list(second.run())
    for one, other in zip(second.members(), whole.members(), strict=True):
        assert np.array_equal(one, other)


def stopper(t: Trainer, after: int) -> Callable[[], bool]:
    return lambda: t.epoch >= after


def test_a_state_with_snapshots_that_do_not_fit_is_refused() -> None:
    t = trainer()
    list(t.run())
    arrays, plain = t.state()
    del arrays["snapshot1_theta"]
    with pytest.raises(ValueError, match="snapshot1_theta"):
        trainer().restore(arrays, plain)


def test_without_snapshots_the_best_weights_are_the_only_member() -> None:
    t = trainer(snapshots=0)
    list(t.run())
    theta, stats, epochs = t.members()
    best = t.result()
    assert theta.tobytes() == best[0].tobytes()
    assert stats.tobytes() == best[1].tobytes()
    assert (theta.shape, stats.shape, epochs) == ((1, t.net.size), (1, t.net.n_stats), [best[2]])


def test_there_are_no_more_cycles_than_epochs() -> None:
    with pytest.raises(ValueError, match="2 epochs have no 3 cycles"):
        trainer(snapshots=3, epochs=2)
