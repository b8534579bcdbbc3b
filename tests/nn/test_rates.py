"""Learning rates by layer: where each factor lies, and what they come to together."""

import numpy as np
import pytest

from nntool.nn.network import Network, NetworkSpec
from nntool.nn.rates import layer_rates
from nntool.nn.registry import InvalidChoice

SPEC = NetworkSpec(
    n_numeric=3, levels=(4, 5), widths=(2, 3), hidden=(16, 2), n_outputs=1, layer_norm=True
)
NET = Network(SPEC)
FAN_INS = {"hidden1": 8, "hidden2": 16, "output": 2}


def of_layer(rates: np.ndarray, layer: str) -> set[float]:
    return set(np.concatenate([rates[part] for part in NET.layer_slices()[layer]]).tolist())


@pytest.mark.parametrize(("by", "power"), [("inverse-sqrt", -0.5), ("sqrt", 0.5)])
def test_a_rate_follows_the_fan_in_with_the_geometric_mean_1(by: str, power: float) -> None:
    rates = layer_rates(NET, by)  # type: ignore[arg-type]  # one of the two words
    assert rates is not None
    assert rates.shape == (NET.size,)
    found = {layer: of_layer(rates, layer) for layer in FAN_INS}
    assert all(len(values) == 1 for values in found.values()), "bias, gain and shift go along"
    one = {layer: values.pop() for layer, values in found.items()}
    for layer, fan_in in FAN_INS.items():
        assert one[layer] / one["output"] == pytest.approx((fan_in / 2) ** power)
    assert np.prod(list(one.values())) == pytest.approx(1)
    assert of_layer(rates, "inputs") == {1.0}, "vectors of levels have no fan-in"


def test_factors_by_name_and_1_for_the_others() -> None:
    rates = layer_rates(NET, {"inputs": 5.0, "hidden2": 0.0}, np.float32)
    assert rates is not None
    assert rates.dtype == np.float32
    assert {layer: of_layer(rates, layer) for layer in NET.layer_slices()} == {
        "inputs": {5.0},
        "hidden1": {1.0},
        "hidden2": {0.0},
        "output": {1.0},
    }


@pytest.mark.parametrize("by", [None, {}])
def test_without_rates_there_is_nothing_to_multiply(by: dict[str, float] | None) -> None:
    assert layer_rates(NET, by) is None


def test_a_layer_that_is_not_there_is_refused_with_those_that_are() -> None:
    match = "no layer 'hidden3', 'embedding'; choose from inputs, hidden1, hidden2, output"
    with pytest.raises(InvalidChoice, match=match):
        layer_rates(NET, {"hidden3": 2.0, "embedding": 1.0})


def test_a_network_without_categories_has_no_inputs_to_learn() -> None:
    net = Network(NetworkSpec(n_numeric=3, n_outputs=1, hidden=(2,)))
    with pytest.raises(InvalidChoice, match="no layer 'inputs'"):
        layer_rates(net, {"inputs": 2.0})


def test_a_network_without_inputs_has_rates() -> None:
    """All columns can be deselected: the output is then a bias alone."""
    net = Network(NetworkSpec(n_numeric=0, n_outputs=1, hidden=()))
    rates = layer_rates(net, "inverse-sqrt")
    assert rates is not None
    assert np.isfinite(rates).all()
