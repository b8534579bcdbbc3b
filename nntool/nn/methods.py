"""All that ``--optimizer`` names: every way in which weights are made to fit."""

from nntool.nn.optimizers import OPTIMIZERS, Method
from nntool.nn.single_layer import SINGLE_LAYER

METHODS: dict[str, type[Method]] = {
    **OPTIMIZERS,
    **SINGLE_LAYER,
}
