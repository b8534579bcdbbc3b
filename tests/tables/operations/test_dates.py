import numpy as np
import pandas as pd
import pytest

from nntool.errors import UsageError
from nntool.tables.operations.dates import CYCLES, Cycle, Elapsed, Part, operations_of, phase

MOMENTS = pd.date_range("1899-12-30 00:30", "2105-01-01", freq="1003h")
DAYS = (MOMENTS - pd.Timestamp(0)) / pd.Timedelta(days=1)
CALENDAR = {
    "month": (MOMENTS.month - 1) / 12,
    "weekday": MOMENTS.day_of_week / 7,
    "hour": (MOMENTS.hour + MOMENTS.minute / 60) / 24,
    "day-of-year": (MOMENTS.day_of_year - 1) / 366,
}
PARTS = {
    "year": MOMENTS.year,
    "quarter": MOMENTS.quarter,
    "month": MOMENTS.month,
    "week": MOMENTS.isocalendar().week,
    "day": MOMENTS.day,
    "day-of-year": MOMENTS.day_of_year,
    "weekday": MOMENTS.day_of_week,
    "hour": MOMENTS.hour,
    "minute": MOMENTS.minute,
    "is-weekend": MOMENTS.day_of_week >= 5,
}


@pytest.mark.parametrize("cycle", CYCLES)
def test_phases_agree_with_the_calendar_of_pandas(cycle) -> None:
    np.testing.assert_allclose(phase(DAYS.to_numpy(), cycle), CALENDAR[cycle], atol=1e-9)


def test_a_cycle_is_a_point_on_the_circle() -> None:
    operation = Cycle("month")
    april = np.array([(pd.Timestamp("2023-04-09") - pd.Timestamp(0)).days], dtype=float)
    found = operation.apply(april, operation.fit(april), {})
    np.testing.assert_allclose(found, [[1, 0]], atol=1e-6)


@pytest.mark.parametrize("part", PARTS)
def test_parts_agree_with_the_calendar_of_pandas(part) -> None:
    operation = Part(part)
    found = operation.apply(DAYS.to_numpy(), operation.fit(DAYS.to_numpy()), {})
    np.testing.assert_array_equal(found, np.asarray(PARTS[part], dtype=float))


def test_every_minute_of_a_day_has_its_hour_and_minute() -> None:
    minutes = np.arange(1440)
    days = 20_000 + minutes / 1440
    hours, of_hour = (Part.apply(days, {"of": of}, {}) for of in ("hour", "minute"))
    np.testing.assert_array_equal(hours * 60 + of_hour, minutes)


def test_elapsed_days_begin_with_training_or_a_given_date() -> None:
    days = np.array([18262.0, np.nan, 18264.5])  # from 2020-01-01 on
    for operation, first in ((Elapsed(), 0), (Elapsed("2019-12-31"), 1)):
        found = operation.apply(days, operation.fit(days), {})
        np.testing.assert_array_equal(found, [first, np.nan, first + 2.5])
    with pytest.raises(UsageError, match="'soon' is not a date"):
        Elapsed("soon")


def test_times_of_day_are_left_out_where_they_do_not_vary() -> None:
    parts = ["hour", "days", "hour-cycle", "minute", "day-of-year-cycle"]
    midnight, varied = np.array([1.0, 2.0, np.nan]), np.array([1.0, 2.5])
    assert len(operations_of(parts, midnight)) == 2
    assert len(operations_of(parts, varied)) == 5


def test_a_missing_date_is_in_the_middle_of_the_circle() -> None:
    assert Cycle.apply(np.array([np.nan]), {"cycle": "hour"}, {}).tolist() == [[0, 0]]
