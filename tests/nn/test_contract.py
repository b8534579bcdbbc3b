"""What every registered class must be: described, bounded, plain data, and built from it again.

That each computes what its equation says is shown family by family, in tables that iterate the
same registries: gradients in ``test_gradients``, rules in ``test_optimizers``, and so on.
"""

import dataclasses
import inspect
import json
import math
import re
from typing import Any

import pytest

from nntool.nn.activations import ACTIVATIONS
from nntool.nn.augmentation import AUGMENTATIONS
from nntool.nn.averaging import AVERAGES
from nntool.nn.initializers import INITIALIZERS
from nntool.nn.links import LINKS
from nntool.nn.losses import LOSSES
from nntool.nn.optimizers import OPTIMIZERS
from nntool.nn.optimizers.perturbation import PERTURBATION
from nntool.nn.penalties import PENALTIES
from nntool.nn.registry import InvalidChoice, build, choice_of, describe
from nntool.nn.schedules import SCHEDULES
from nntool.nn.single_layer import SINGLE_LAYER

REGISTRIES: dict[str, dict[str, type[Any]]] = {
    "ACTIVATIONS": ACTIVATIONS,
    "AUGMENTATIONS": AUGMENTATIONS,
    "AVERAGES": AVERAGES,
    "INITIALIZERS": INITIALIZERS,
    "LINKS": LINKS,
    "LOSSES": LOSSES,
    "OPTIMIZERS": OPTIMIZERS,
    "PENALTIES": PENALTIES,
    "PERTURBATION": PERTURBATION,
    "SCHEDULES": SCHEDULES,
    "SINGLE_LAYER": SINGLE_LAYER,
}
ENTRIES = [
    pytest.param(registry, name, id=f"{registry}-{name}")
    for registry, entries in REGISTRIES.items()
    for name in entries
]
NAMED_BY_THE_ISSUE = {
    "ACTIVATIONS": "identity step sign sigmoid tanh lecun-tanh tanh-linear relu leaky-relu elu selu"
    " gelu silu mish softplus stochastic-binary",
    "LINKS": "identity sigmoid softmax tanh exp",
    "LOSSES": "bce cce mse half-mse mae mape huber quantile poisson hinge focal perceptron",
    "INITIALIZERS": "zeros constant uniform gaussian fan-in-uniform lecun-normal lecun-uniform"
    " glorot-normal glorot-uniform he-normal he-uniform orthogonal data",
    "OPTIMIZERS": "sgd momentum nesterov nesterov-simplified normalized adagrad adadelta rmsprop"
    " adam adamw adamax nadam amsgrad gains rprop vsgd",
    "SCHEDULES": "constant inverse-time exponential step polynomial cosine one-cycle coslog4"
    " plateau bold-driver",
    "PERTURBATION": "weight-perturbation node-perturbation",
    "SINGLE_LAYER": "perceptron delta-rule",
    "PENALTIES": "l2 l1 lp weight-elimination",
    "AVERAGES": "ema swa",
    "AUGMENTATIONS": "jitter mixup swap-noise smote",
}
"""The names that users were promised; one that goes missing is missed."""
WITHOUT_SOURCE = {
    "identity",
    "zeros",
    "constant",
    "uniform",
    "gaussian",
    "step",
    "sign",
    "data",
    "plateau",
}
"""What needs nobody's name; losses and links have theirs in the first lines of their module."""


@pytest.mark.parametrize("registry", REGISTRIES)
def test_the_promised_names_are_there_in_order_of_the_alphabet(registry: str) -> None:
    names = list(REGISTRIES[registry])
    assert set(NAMED_BY_THE_ISSUE[registry].split()) <= set(names)
    assert names == sorted(names)


@pytest.mark.parametrize(("registry", "name"), ENTRIES)
def test_it_says_what_it_computes_where_that_comes_from_and_when_to_use_it(
    registry: str, name: str
) -> None:
    doc = describe(REGISTRIES[registry], name).doc
    sentence, _, rest = doc.partition("\n\n")
    assert sentence.endswith("."), "a sentence first"
    assert re.search(r"[=←~Σ]|\bfor|between|replaced", rest), "then an equation"
    assert "Use: " in rest
    if name not in WITHOUT_SOURCE:
        module = inspect.getmodule(REGISTRIES[registry][name])
        said = doc + (module.__doc__ or "" if module else "")
        assert re.search(r"\b(1[789]|20)\d\d\b", said), "a source with its year"


@pytest.mark.parametrize(("registry", "name"), ENTRIES)
def test_it_is_frozen_and_comes_back_from_plain_data(registry: str, name: str) -> None:
    rule = build(REGISTRIES[registry], name)
    settings = describe(REGISTRIES[registry], name).settings
    assert all(setting.help for setting in settings)
    plain = json.loads(json.dumps(choice_of(REGISTRIES[registry], rule)))
    assert plain.pop("name") == name
    assert set(plain) == {setting.name for setting in settings}
    assert build(REGISTRIES[registry], name, plain) == rule
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.kind = "other"


def outside(bound: str, limit: float) -> float:
    """Return a number that a bound keeps out."""
    if bound in ("gt", "lt"):
        return limit
    return math.nextafter(limit, -math.inf if bound == "ge" else math.inf)


BOUNDS = [
    pytest.param(registry, name, field, bound, id=f"{registry}-{name}-{field.name}-{bound}")
    for registry, entries in REGISTRIES.items()
    for name, cls in entries.items()
    for field in dataclasses.fields(cls)
    for bound in ("ge", "gt", "le", "lt")
    if bound in field.metadata
]


@pytest.mark.parametrize(("registry", "name", "field", "bound"), BOUNDS)
def test_a_setting_beyond_its_bound_is_refused(
    registry: str, name: str, field: "dataclasses.Field[Any]", bound: str
) -> None:
    limit = field.metadata[bound]
    value: float = outside(bound, limit)
    if field.type in (int, "int"):
        value = limit - 1 if bound in ("ge", "gt") else limit + 1
    with pytest.raises(InvalidChoice, match=f"must be .* {re.escape(str(limit))}"):
        build(REGISTRIES[registry], name, {field.name.rstrip("_"): value})


@pytest.mark.parametrize(("registry", "name"), ENTRIES)
def test_numbers_that_are_none_and_settings_that_are_not_there_are_refused(
    registry: str, name: str
) -> None:
    with pytest.raises(InvalidChoice, match="there is no setting 'colour'"):
        build(REGISTRIES[registry], name, {"colour": 1})
    for setting in describe(REGISTRIES[registry], name).settings:
        for value in (math.nan, math.inf, "much", [1]):
            if setting.type == "str" and isinstance(value, str):
                continue
            with pytest.raises(InvalidChoice, match="must be "):
                build(REGISTRIES[registry], name, {setting.name: value})
