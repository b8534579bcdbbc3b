"""Learners: how the weights change in one epoch, by the kind of method that is chosen."""

from nntool.nn.full_batch import FullBatchMethod
from nntool.nn.learners.base import Assignment as Assignment
from nntool.nn.learners.base import Learner as Learner
from nntool.nn.learners.base import Sweep as Sweep
from nntool.nn.learners.corrections import Corrections
from nntool.nn.learners.full_batch import FullBatch
from nntool.nn.learners.mini_batches import MiniBatches
from nntool.nn.optimizers import Method, Optimizer
from nntool.nn.single_layer import Perceptron

LEARNERS: dict[type[Method], type[Learner]] = {
    FullBatchMethod: FullBatch,
    Optimizer: MiniBatches,
    Perceptron: Corrections,
}
"""By the family of the method."""


def learner_for(given: Assignment) -> Learner:
    """Make the learner that the method of a plan asks for."""
    method = given.plan.rules.optimizer
    learner = next(learner for family, learner in LEARNERS.items() if isinstance(method, family))
    return learner(given)
