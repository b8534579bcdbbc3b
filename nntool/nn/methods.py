"""All that ``--optimizer`` names: every way in which weights are made to fit."""

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.full_batch import FULL_BATCH
from nntool.nn.optimizers import OPTIMIZERS, Method
from nntool.nn.optimizers.perturbation import PERTURBATION
from nntool.nn.registry import InvalidChoice
from nntool.nn.single_layer import SINGLE_LAYER

METHODS: dict[str, type[Method]] = {
    **FULL_BATCH,
    **OPTIMIZERS,
    **PERTURBATION,
    **SINGLE_LAYER,
}


def no_gradient(activation: str) -> InvalidChoice:
    """Return what to raise where a method goes by the gradient and an activation has none."""
    able = [name for name, entry in ACTIVATIONS.items() if entry.has_gradient]
    blind = [n for n, m in METHODS.items() if not (m.needs_gradient or m.single_layer)]
    return InvalidChoice(
        f"activation {activation!r} has no gradient to learn from; choose from {', '.join(able)},"
        f" or an optimizer that needs none: {', '.join(blind)}"
    )
