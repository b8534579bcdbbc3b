"""Whether members are trained together, by settings and sizes alone."""

from collections.abc import Sequence

from nntool.nn.batches import ArrayRows
from nntool.nn.learners.mini_batches import MiniBatches
from nntool.nn.members.stack import stackable
from nntool.nn.network import Network
from nntool.nn.optimizers import Optimizer
from nntool.nn.plan import Plan
from nntool.nn.training import Trainer

WORTH_BATCHING = 1_000_000
"""Parameters times rows of a batch up to which a step of all is faster than a step of each.

Processor time of one update of all members, µs, one by one → together: 32 inputs, one output, relu,
adam, float32; one BLAS thread, NumPy's OpenBLAS 0.3.31 with AVX-512; the least of three, in turn.

| hidden  | batch |  p·rows | 2 members     | 8 members       |
|---------|-------|---------|---------------|-----------------|
| 32×32   |    32 |    69 k |   133 →    98 |    548 →    162 |
| 64×64   |    32 |   203 k |   163 →   129 |    616 →    306 |
| 32×32   |   128 |   275 k |   179 →   147 |    720 →    378 |
| 128×64  |    32 |   401 k |   206 →   172 |    820 →    513 |
| 32×32   |   256 |   549 k |   237 →   217 |    923 →    652 |
| 128×128 |    32 |   668 k |   289 →   256 |  1,028 →    769 |
| 64×64   |   128 |   811 k |   261 →   246 |  1,014 →    729 |
| 128×64  |   128 | 1,606 k |   421 →   399 |  1,566 →  1,300 |
| 256×256 |    32 | 2,384 k |   703 →   781 |  2,729 →  2,852 |
| 128×128 |   256 | 5,341 k | 1,039 → 1,120 |  3,945 →  4,078 |
| 256×256 |   256 |  19.1 M | 3,469 → 3,844 | 12,500 → 13,803 |

Above a million the gain is small or none, and all members take memory at once; up to 128 members
the gain is that of 8. `benchmarks/members_step.py` measures it anew. Epochs with their
validation, 8 × 32×32 and batches of 32, are 2.0 times as fast with 400 rows, 2.8 times with 2,000.
"""


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

    What is saved is the time that calls take; the products take as long as before.
    """
    return n_members > 1 and net.size * batch_size <= WORTH_BATCHING


def _same_memory(sources: Sequence[object]) -> bool:
    """Whether all rows come from the same arrays, as many for each."""
    first = sources[0]
    return isinstance(first, ArrayRows) and all(
        isinstance(source, ArrayRows)
        and source.numeric is first.numeric
        and source.target is first.target
        and source.weight is first.weight
        and source.n_rows == first.n_rows
        for source in sources
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
