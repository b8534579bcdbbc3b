"""Full-batch methods: loops whose every iteration sees all training rows.

They see one function of a vector, `Objective`: loss and penalties over all rows. Symbols: θ
parameters, g gradient, H Hessian, d direction, α step length; the step is θ ← θ + αd.
"""

from nntool.nn.full_batch.base import FullBatchMethod as FullBatchMethod
from nntool.nn.full_batch.conjugate_gradient import ConjugateGradient
from nntool.nn.full_batch.levenberg_marquardt import LevenbergMarquardt
from nntool.nn.full_batch.newton import Newton, NewtonCG
from nntool.nn.full_batch.quasi_newton import BFGS, LBFGS
from nntool.nn.registry import InvalidChoice, choice_of

FULL_BATCH: dict[str, type[FullBatchMethod]] = {
    "bfgs": BFGS,
    "conjugate-gradient": ConjugateGradient,
    "lbfgs": LBFGS,
    "levenberg-marquardt": LevenbergMarquardt,
    "newton": Newton,
    "newton-cg": NewtonCG,
}


def refuse(method: FullBatchMethod, n_parameters: int, loss: str) -> None:
    """Raise `InvalidChoice` for a network too large for the method, or a loss that it is not for.

    >>> refuse(Newton(), 2_001, "mse")
    Traceback (most recent call last):
    nntool.nn.registry.InvalidChoice: newton is for up to 2,000 parameters, whose matrix it keeps, \
and this network has 2,001: lbfgs, conjugate-gradient or newton-cg keep none
    """
    name = choice_of(FULL_BATCH, method)["name"]
    if method.only_losses and loss not in method.only_losses:
        raise InvalidChoice(
            f"{name} is for squared errors, the losses {' and '.join(method.only_losses)}, and this"
            f" loss is {loss}: lbfgs, bfgs, newton-cg, newton and conjugate-gradient take any loss"
        )
    if method.max_size is not None and n_parameters > method.max_size:
        raise InvalidChoice(
            f"{name} is for up to {method.max_size:,} parameters, whose matrix it keeps, and this"
            f" network has {n_parameters:,}: lbfgs, conjugate-gradient or newton-cg keep none"
        )
