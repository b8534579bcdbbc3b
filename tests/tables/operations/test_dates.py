import numpy as np
import pandas as pd
import pytest

from nntool.tables.operations.dates import CYCLES, Cycle, phase

MOMENTS = pd.date_range("1899-12-30 00:30", "2105-01-01", freq="1003h")
DAYS = (MOMENTS - pd.Timestamp(0)) / pd.Timedelta(days=1)
CALENDAR = {
    "month": (MOMENTS.month - 1) / 12,
    "weekday": MOMENTS.day_of_week / 7,
    "hour": (MOMENTS.hour + MOMENTS.minute / 60) / 24,
}


@pytest.mark.parametrize("cycle", CYCLES)
def test_phases_agree_with_the_calendar_of_pandas(cycle) -> None:
    np.testing.assert_allclose(phase(DAYS.to_numpy(), cycle), CALENDAR[cycle], atol=1e-9)


def test_a_cycle_is_a_point_on_the_circle() -> None:
    operation = Cycle("month")
    april = np.array([(pd.Timestamp("2023-04-09") - pd.Timestamp(0)).days], dtype=float)
    found = operation.apply(april, operation.fit(april), {})
    np.testing.assert_allclose(found, [[1, 0]], atol=1e-6)
