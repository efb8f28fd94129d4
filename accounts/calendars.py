"""Working time of an entity: its hours on its working days, without weekends and holidays."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

import holidays

from accounts.models import Entity

SATURDAY_AND_SUNDAY = frozenset({5, 6})


class NoWorkingTime(ValueError):
    """The entity's day ends before it starts: no working time would ever pass."""


@dataclass(frozen=True)
class _Calendar:
    holidays: Container[date]
    weekend: frozenset[int]


@cache
def _calendar(country: str, subdivision: str, year: int) -> _Calendar:
    """A country that the holiday data do not know keeps Saturdays and Sundays only."""
    if country not in holidays.list_supported_countries():
        return _Calendar(frozenset(), SATURDAY_AND_SUNDAY)
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    return _Calendar(frozenset(found), frozenset(found.weekend))


def is_working_day(entity: Entity, day: date) -> bool:
    calendar = _calendar(entity.country, entity.subdivision, day.year)
    return day.weekday() not in calendar.weekend and day not in calendar.holidays


def add_working_time(entity: Entity, start: datetime, duration: timedelta) -> datetime:
    """The moment at which `duration` of working time has passed since `start` (aware datetimes).

    A duration of one working day is the length of the entity's day, so express rules such as
    "24 h" as working days: see `working_days`. Raises NoWorkingTime.
    """
    _require_hours(entity)
    zone = entity.zone
    moment, left = start.astimezone(zone), duration
    while True:
        opens, closes = _hours(entity, moment.date())
        if is_working_day(entity, moment.date()) and moment < closes:
            moment = max(moment, opens)
            room = closes - moment
            if left <= room:
                return (moment + left).astimezone(start.tzinfo)
            left -= room
        moment = datetime.combine(moment.date() + timedelta(days=1), entity.day_starts, zone)


def working_time_between(entity: Entity, start: datetime, end: datetime) -> timedelta:
    """Working time that passed from `start` to `end`; zero when it ends before it starts."""
    _require_hours(entity)
    zone = entity.zone
    start, end = start.astimezone(zone), end.astimezone(zone)
    passed, day = timedelta(0), start.date()
    while day <= end.date():
        if is_working_day(entity, day):
            opens, closes = _hours(entity, day)
            passed += max(min(closes, end) - max(opens, start), timedelta(0))
        day += timedelta(days=1)
    return passed


def working_days(entity: Entity, days: int) -> timedelta:
    """`days` working days as working time: 24 h of the rules is one working day."""
    opens, closes = _hours(entity, date.min)
    return (closes.replace(tzinfo=None) - opens.replace(tzinfo=None)) * days


def _hours(entity: Entity, day: date) -> tuple[datetime, datetime]:
    zone = entity.zone
    return (
        datetime.combine(day, entity.day_starts, zone),
        datetime.combine(day, entity.day_ends, zone),
    )


def _require_hours(entity: Entity) -> None:
    if entity.day_starts >= entity.day_ends:
        raise NoWorkingTime(f"{entity.code}: the working day must end after it starts")
