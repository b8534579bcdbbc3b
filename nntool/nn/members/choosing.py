"""Whether members are trained together, by settings and sizes alone."""

from collections.abc import Sequence

from nntool.nn.batches import ArrayRows
from nntool.nn.learners.mini_batches import MiniBatches
from nntool.nn.members.stack import stackable
from nntool.nn.network import Network
from nntool.nn.optimizers import Optimizer
from nntool.nn.plan import Plan
from nntool.nn.training import Trainer


def trained_together(trainers: Sequence[Trainer]) -> bool:
    """Whether trainers that differ in seeds and rows alone are to make their updates together.

    See `MembersTrainer`; the answer depends on no timing, and on no number of threads.
    """
    first = trainers[0]
    return (
        all(isinstance(trainer.learner, MiniBatches) for trainer in trainers)
        and _same_memory([trainer.train for trainer in trainers])
        and stackable(first.net)
        and _plain(first.plan)
        and worth_batching(first.net, first.plan.batch_size or first.train.n_rows, len(trainers))
    )


def worth_batching(net: Network, batch_size: int, n_members: int) -> bool:
    """Whether one step of all members takes less time than a step of each.

    What is saved is the time that calls take; what is lost is that arrays no longer fit the cache.
    """
    return n_members > 1


def _same_memory(sources: Sequence[object]) -> bool:
    """Whether all rows come from the same arrays, as many for each."""
    first = sources[0]
    return (
        isinstance(first, ArrayRows)
        and first.codes is None
        and all(
            isinstance(source, ArrayRows)
            and source.numeric is first.numeric
            and source.target is first.target
            and source.weight is first.weight
            and source.n_rows == first.n_rows
            for source in sources
        )
    )


def _plain(plan: Plan) -> bool:
    """Whether an update asks nothing of a member as a whole, and all have the same rate.

    No norms, no means, no rows by their losses, nothing that is drawn but order and dropout.
    """
    rules, rule = plan.rules, plan.rules.optimizer
    return (
        isinstance(rule, Optimizer)
        and rule.elementwise
        and rule.wants in (None, "look-ahead")
        and rules.clip_norm is None
        and not rules.layer_rates
        and not plan.schedule.start()
        and plan.average is None
        and plan.sampler is None
        and not plan.augmentations
        and not plan.weight_noise
    )
