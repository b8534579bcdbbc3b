"""All that ``--optimizer`` names: every way in which weights are made to fit."""

from nntool.nn.full_batch import FULL_BATCH
from nntool.nn.optimizers import OPTIMIZERS, Method
from nntool.nn.optimizers.perturbation import PERTURBATION
from nntool.nn.single_layer import SINGLE_LAYER

METHODS: dict[str, type[Method]] = {
    **FULL_BATCH,
    **OPTIMIZERS,
    **PERTURBATION,
    **SINGLE_LAYER,
}
