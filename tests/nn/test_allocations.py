"""Memory: a training step works in buffers that are there."""

import tracemalloc

import numpy as np

from nntool.nn.batches import Batch
from nntool.nn.network import Network, NetworkSpec
from nntool.nn.optimizers import Adam
from nntool.nn.outputs import choose_output
from nntool.nn.point_losses import MSE
from nntool.nn.randomness import Streams
from nntool.nn.stepping import Stepper
from nntool.nn.updating import UpdateRules


def test_a_hundred_steps_take_no_memory() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2048, 32), dtype=np.float32)
    y = rng.standard_normal(2048, dtype=np.float32)
    stepper = Stepper(
        Network(NetworkSpec(n_numeric=32, n_outputs=1, hidden=(512, 512))),
        choose_output("regression", 0, MSE()),
        UpdateRules(optimizer=Adam()),
        streams=Streams(0),
        dtype=np.float32,
    )
    batch = Batch(x, target=y)
    for _ in range(2):
        stepper.advance(batch, 1e-3)
    tracemalloc.start()
    try:
        begun, _ = tracemalloc.get_traced_memory()
        for _ in range(100):
            stepper.advance(batch, 1e-3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - begun < 64 * 1024
