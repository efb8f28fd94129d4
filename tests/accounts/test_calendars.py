"""Working time: an entity's hours on its working days."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from accounts import calendars
from accounts.models import Entity

FRIDAY = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)  # 16:00 in Berlin


def entity(**changes: object) -> Entity:
    given = {"code": "DE01", "country": "DE", "subdivision": "HH", "time_zone": "Europe/Berlin"}
    return Entity(**{**given, **changes})


def test_a_day_that_never_opens_is_refused() -> None:
    closed = entity(day_starts=time(17), day_ends=time(9))
    with pytest.raises(calendars.NoWorkingTime):
        calendars.add_working_time(closed, FRIDAY, timedelta(hours=1))
    with pytest.raises(calendars.NoWorkingTime):
        calendars.working_time_between(closed, FRIDAY, FRIDAY)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 3, 6), True),
        (date(2026, 3, 7), False),
        (date(2026, 4, 3), False),  # Good Friday
        (date(2026, 10, 31), False),  # Reformation Day, a Saturday
        (date(2028, 10, 31), False),  # Reformation Day in Hamburg, a Tuesday
        (date(2026, 5, 1), False),
    ],
)
def test_weekends_and_holidays_of_the_place_are_free(day: date, works: bool) -> None:
    assert calendars.is_working_day(entity(), day) is works


def test_a_holiday_of_one_state_is_a_working_day_in_another() -> None:
    day = date(2028, 10, 31)
    assert calendars.is_working_day(entity(subdivision="BY"), day)


def test_the_weekend_is_the_countrys_own() -> None:
    abroad = entity(country="SA", subdivision="", time_zone="Asia/Riyadh")
    assert not calendars.is_working_day(abroad, date(2026, 3, 6))  # Friday
    assert calendars.is_working_day(abroad, date(2026, 3, 8))  # Sunday


def test_an_unknown_country_keeps_saturday_and_sunday() -> None:
    nowhere = entity(country="XX", subdivision="")
    assert calendars.is_working_day(nowhere, date(2026, 3, 6))
    assert not calendars.is_working_day(nowhere, date(2026, 3, 8))


def test_time_that_passes_over_a_weekend() -> None:
    after = calendars.add_working_time(entity(), FRIDAY, timedelta(hours=2))
    assert after == datetime(2026, 3, 9, 9, 0, tzinfo=UTC)  # Monday 10:00 in Berlin


def test_a_working_day_is_the_length_of_the_entitys_day() -> None:
    assert calendars.working_days(entity(), 3) == timedelta(hours=24)
    assert calendars.working_days(entity(day_ends=time(13)), 1) == timedelta(hours=4)


def test_three_working_days_from_a_night_begin_in_the_morning() -> None:
    night = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
    after = calendars.add_working_time(entity(), night, calendars.working_days(entity(), 1))
    assert after == datetime(2026, 3, 3, 16, 0, tzinfo=UTC)


def test_hours_are_local_before_and_after_the_clock_changes() -> None:
    before = datetime(2026, 3, 27, 15, 0, tzinfo=UTC)  # Friday 16:00 at UTC+1
    after = calendars.add_working_time(entity(), before, timedelta(hours=2))
    assert after == datetime(2026, 3, 30, 8, 0, tzinfo=UTC)  # Monday 10:00 at UTC+2


def test_time_between_is_what_adding_it_gives_back() -> None:
    for hours in (0, 1, 7, 8, 9, 30):
        end = calendars.add_working_time(entity(), FRIDAY, timedelta(hours=hours))
        passed = calendars.working_time_between(entity(), FRIDAY, end)
        assert passed == timedelta(hours=hours)


def test_nothing_passes_backwards() -> None:
    earlier = FRIDAY - timedelta(days=3)
    assert calendars.working_time_between(entity(), FRIDAY, earlier) == timedelta(0)
