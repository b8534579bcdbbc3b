"""The raw outputs of several networks put together: those of one network that says their average.

Whoever reads raw outputs (decisions, probabilities, temperature, scores) need not know that they
come from several networks. No byte depends on how many rows there are: sums over members go member
by member.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from nntool.nn.arrays import Array
from nntool.nn.heads import Head
from nntool.nn.links import ExpLink, IdentityLink, Link, SigmoidLink, SoftmaxLink, TanhLink
from nntool.nn.registry import InvalidChoice
from nntool.nn.temperature import has_probabilities

Averaging: TypeAlias = Literal["arithmetic", "geometric"]

_RAW: dict[type[Link], Callable[[Array], Array]] = {
    ExpLink: np.log,
    IdentityLink: np.asarray,
    SigmoidLink: lambda predicted: np.log(predicted) - np.log1p(-predicted),
    TanhLink: np.arctanh,
}
"""From predictions back to raw outputs, for the links of regressions."""


def combined(head: Head, z: Array, averaging: Averaging = "arithmetic") -> Array:
    """Return the raw outputs `(n, n_outputs)`, float64, that say the average of K networks.

    ``z`` `(K, n, n_outputs)` are theirs. Classes: p̄ = Σp/K, or p̄ ∝ (Πp)^(1/K) by geometric means
    (Hinton 2002, Neural Computation 14: a product of experts), as ln p̄ under softmax and
    ln p̄/(1 − p̄) under sigmoid, half of that under tanh. Regression: what a network says whose
    value, in the target's own unit, is the mean. Scores without probabilities: their mean.

    >>> from nntool.nn.links import SoftmaxLink
    >>> head = Head(task="multiclass", n_classes=3, n_outputs=3, link=SoftmaxLink())
    >>> z = np.log([[[0.3, 0.2, 0.5]], [[0.1, 0.8, 0.1]]])
    >>> np.exp(combined(head, z)).round(4).tolist()
    [[0.2, 0.5, 0.3]]
    >>> np.exp(combined(head, z, "geometric")).round(4).tolist()
    [[0.2174, 0.502, 0.2806]]
    """
    check_averaging(head, averaging)
    z = z.astype(np.float64)
    if len(z) == 1:
        return np.asarray(z[0])
    # a network that says ±∞, or NaN, is for who reads the outputs to judge
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if head.task == "regression":
            return _of_mean_value(head, z)
        if not has_probabilities(head):
            return _mean(z)
        return _of_mean_probability(head, z, _MEANS_OF_LOGS[averaging])


def check_averaging(head: Head, averaging: Averaging) -> None:
    """Raise `InvalidChoice` where this average has no meaning for what the networks say."""
    if averaging not in _MEANS_OF_LOGS:
        raise InvalidChoice(f"averaging is {' or '.join(_MEANS_OF_LOGS)}, not {averaging!r}")
    if averaging == "geometric" and not has_probabilities(head):
        what = "values" if head.task == "regression" else "scores"
        raise InvalidChoice(
            f"geometric averaging is for probabilities, and these networks say {what};"
            " choose arithmetic"
        )


def _of_mean_value(head: Head, z: Array) -> Array:
    """Raw outputs of the mean value; each lies between the least and the largest of the members.

    With log1p the mean is that of e^own − 1: ln Σe^own/K, without an exponential that overflows.
    """
    if isinstance(head.link, IdentityLink) and not head.target_map.log1p:
        return _mean(z)
    predicted = np.empty_like(z)
    head.link.forward(z, predicted)
    if head.target_map.log1p:
        scale, location = head.target_map.scale, head.target_map.location
        mean = (_log_mean_exp(predicted * scale + location) - location) / scale
    else:
        mean = _mean(predicted)
    raw = _RAW[type(head.link)](mean)
    return np.asarray(np.clip(raw, z.min(axis=0), z.max(axis=0)))


def _of_mean_probability(head: Head, z: Array, mean_of: Callable[[Array], Array]) -> Array:
    if isinstance(head.link, SoftmaxLink):
        return _log_shares(mean_of(_log_shares(z)))
    steepness = 2 if isinstance(head.link, TanhLink) else 1  # (1 + tanh z)/2 is the sigmoid of 2z
    a = z * steepness
    rest = np.log1p(np.exp(-np.abs(a)))
    log_p = np.minimum(a, 0) - rest
    if head.n_outputs == 1:
        logit = mean_of(log_p) - mean_of(-np.maximum(a, 0) - rest)
    else:
        log_p = _log_shares(mean_of(_log_shares(log_p)))
        logit = log_p - _log_of_rest(log_p)
    return np.asarray(logit / steepness)


def _mean(members: Array) -> Array:
    total = members[0].copy()
    for member in members[1:]:
        total += member
    return np.asarray(total / len(members))


def _log_mean_exp(members: Array) -> Array:
    """ln(Σ_k e^(a_k)/K), without overflow."""
    largest = members.max(axis=0)
    largest[~np.isfinite(largest)] = 0
    total = np.zeros_like(largest)
    for member in members:
        total += np.exp(member - largest)
    return np.asarray(largest + np.log(total / len(members)))


def _log_shares(a: Array) -> Array:
    """ln(e^(a_c)/Σ_j e^(a_j)) over the last axis."""
    below = a - a.max(axis=-1, keepdims=True)
    return np.asarray(below - np.log(np.exp(below).sum(axis=-1, keepdims=True)))


def _log_of_rest(log_p: Array) -> Array:
    """ln(1 − p_c) for shares p `(n, c)` that sum to 1; of the largest, from all the others."""
    rows, first = np.arange(len(log_p)), np.argmax(log_p, axis=1)
    others = log_p.copy()
    others[rows, first] = -np.inf
    second = others.max(axis=1)
    rest = np.log1p(-np.exp(others))
    rest[rows, first] = second + np.log(np.exp(others - second[:, np.newaxis]).sum(axis=1))
    return rest


_MEANS_OF_LOGS: dict[Averaging, Callable[[Array], Array]] = {
    "arithmetic": _log_mean_exp,
    "geometric": _mean,
}
"""The logarithm of an average, up to a factor that all classes share, from logarithms."""
