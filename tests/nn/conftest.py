"""The engine is held to finite arithmetic: dividing by 0, overflow and invalid are errors."""

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _strict_arithmetic() -> Iterator[None]:
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield
